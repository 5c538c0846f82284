//! Writes arrays and scalars of numpy.

use super::Text;
use super::path::Path;
use super::writer::write_within;
use crate::layout::{Item, NumpyArray, Version};

/// Behind the name of the class: ` int64 (2, 2) [[1, 2], [3, 4]]`
pub(super) fn write_array<V: Version>(text: &mut Text, path: &mut Path, array: NumpyArray) {
    if let Some(item_type) = array.item_type() {
        text.byte(b' ');
        text.ascii(item_type);
    }
    write_shape(text, array);
    if array.is_readable() {
        text.byte(b' ');
        write_axis::<V>(text, path, array, 0, 0);
    }
}

/// ` (2, 2)`
pub(super) fn write_shape(text: &mut Text, array: NumpyArray) {
    text.ascii(b" (");
    for (axis, &len) in array.shape().iter().enumerate() {
        if axis > 0 {
            text.ascii(b", ");
        }
        text.number(len as i64);
    }
    text.ascii(if array.shape().len() == 1 { b",)" } else { b")" });
}

/// The items behind one index of each of the axes before this one, at that many bytes behind the first.
pub(super) fn write_axis<V: Version>(
    text: &mut Text,
    path: &mut Path,
    array: NumpyArray,
    axis: usize,
    offset: isize,
) {
    let Some(&len) = array.shape().get(axis) else {
        // SAFETY: it is readable, and each index was within its axis.
        if let Some(item) = unsafe { array.item(offset) } {
            write_item::<V>(text, path, item);
        }
        return;
    };
    let len = usize::try_from(len).unwrap_or(0);
    text.byte(b'[');
    for index in 0..len {
        if !text.begin_element(index, len) {
            break;
        }
        write_axis::<V>(text, path, array, axis + 1, offset + array.offset(axis, index));
    }
    text.byte(b']');
}

pub(super) fn write_item<V: Version>(text: &mut Text, path: &mut Path, item: Item) {
    match item {
        Item::Bool(true) => text.ascii(b"True"),
        Item::Bool(false) => text.ascii(b"False"),
        Item::Int(number) => text.ascii(number.to_string().as_bytes()),
        Item::Float(number) => text.float(number),
        Item::Complex(real, imaginary) => text.complex(real, imaginary),
        Item::Object(Some(object)) => {
            write_within::<V>(text, path, object);
        }
        Item::Object(None) => text.ascii(b"None"),
    }
}
