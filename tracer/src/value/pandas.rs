//! Writes frames, series and indexes of pandas.

use super::Text;
use super::numpy::{write_array, write_axis, write_item, write_shape};
use super::path::Path;
use super::writer::write_within;
use crate::layout::{ColumnLabel, DataFrame, Pandas, Values, Version};

/// Characters after which no further item of a column is begun.
const COLUMN: usize = 16;

/// Behind the name of the class.
pub(super) fn write_pandas<V: Version>(text: &mut Text, path: &mut Path, pandas: &Pandas) {
    match pandas {
        Pandas::Frame(frame) => write_frame::<V>(text, path, frame),
        Pandas::Series { name, values } => {
            if let Some(name) = *name {
                text.byte(b' ');
                write_within::<V>(text, path, name);
            }
            write_values::<V>(text, path, values);
        }
        Pandas::Index(values) => write_values::<V>(text, path, values),
        Pandas::RangeIndex(range) => {
            text.ascii(b" of ");
            text.range::<V>(*range);
        }
    }
}

/// ` int64 (2,) [1, 2]`, or ` Categorical (2,)`
fn write_values<V: Version>(text: &mut Text, path: &mut Path, values: &Values) {
    match values {
        Values::Numpy(array) => write_array::<V>(text, path, *array),
        Values::Other { class, behind } => {
            text.byte(b' ');
            text.class_name::<V>(class.name::<V>());
            if let Some(behind) = *behind {
                write_shape(text, behind);
            }
            if let Some(items) = values.readable() {
                text.byte(b' ');
                write_axis::<V>(text, path, items, 0, 0);
            }
        }
    }
}

/// ` (2, 1) {'a': int64 [1, 2]}`
fn write_frame<V: Version>(text: &mut Text, path: &mut Path, frame: &DataFrame) {
    let columns = frame.column_count();
    text.ascii(b" (");
    match frame.rows() {
        Some(rows) => text.number(rows as i64),
        None => text.byte(b'?'),
    }
    text.ascii(b", ");
    text.number(columns as i64);
    text.ascii(b") {");
    for index in 0..columns {
        if !text.begin_element(index, columns) {
            break;
        }
        match frame.label(index) {
            Some(ColumnLabel::Item(label)) => write_item::<V>(text, path, label),
            Some(ColumnLabel::Number(label)) => text.number(label),
            None => text.byte(b'?'),
        }
        text.ascii(b": ");
        let Some(column) = frame.column(index) else {
            text.byte(b'?');
            continue;
        };
        match column.values {
            Values::Numpy(array) => text.ascii(array.item_type().unwrap_or(b"?")),
            Values::Other { class, .. } => text.class_name::<V>(class.name::<V>()),
        }
        if let Some((array, offset)) = column.items() {
            text.byte(b' ');
            let last_axis = array.shape().len() - 1;
            let depth = text.limits().depth();
            text.within(COLUMN, depth, |text| write_axis::<V>(text, path, array, last_axis, offset));
        }
    }
    text.byte(b'}');
}
