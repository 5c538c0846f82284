//! Frames, series and indexes of pandas, which need not be there for it.
//!
//! Their classes are Python's, and known by what they and their modules are called. What lies behind is reached through
//! attributes that pandas' compiled code keeps: reading one runs that code, and none of the program's, because Python
//! cannot give a class attributes of that kind.

use std::ffi::CStr;

use pyo3_ffi as ffi;
use pyo3_ffi::{PyGetSetDef, PySlice_Type};

use super::class::flag;
use super::{Instance, Int, Item, Known, List, NumpyArray, Obj, Range, Shape, Str, Tuple, Type, Version};
use crate::python::{self, Owned};

/// An object of pandas.
pub(crate) enum Pandas {
    Frame(Frame),
    Series {
        /// What it is called, if it is called anything.
        name: Option<Obj>,
        values: Values,
    },
    Index(Values),
    /// An index that counts.
    RangeIndex(Range),
}

/// A table. Its columns lie in blocks: those of one type of items in one array, if it is numpy's.
pub(crate) struct Frame {
    blocks: Vec<Block>,
    labels: Option<Labels>,
    /// How many there are, if it can be told.
    rows: Option<usize>,
}

struct Block {
    values: Values,
    /// The columns that it holds.
    places: Places,
}

/// What a column, a series or an index holds.
pub(crate) enum Values {
    Numpy(NumpyArray),
    Other {
        class: Type,
        /// Where the array has one of numpy behind it.
        behind: Option<NumpyArray>,
    },
}

/// A column of a frame, or one row of a block of columns.
pub(crate) struct Column<'a> {
    pub(crate) values: &'a Values,
    /// Which of the columns in the block.
    row: usize,
}

enum Labels {
    Numpy(NumpyArray),
    /// Where the first one is, and how far apart they are.
    Range(i64, i64),
}

enum Places {
    Slice { start: i64, step: i64, len: usize },
    Numbers(NumpyArray),
}

/// What a column is called.
pub(crate) enum ColumnLabel {
    Item(Item),
    Number(i64),
}

impl Pandas {
    /// If the object is one, and reads as one.
    #[inline(always)]
    pub(crate) fn of<V: Version>(object: Obj, class: Type) -> Option<Pandas> {
        // Most classes derive from nothing.
        if class.base().is_none_or(Type::is_object) { None } else { Pandas::of_derived::<V>(object, class) }
    }

    #[cold]
    fn of_derived<V: Version>(object: Obj, class: Type) -> Option<Pandas> {
        let kind = class.made_by_python().find_map(Kind::of::<V>)?;
        match kind {
            Kind::Frame => Frame::of::<V>(object).map(Pandas::Frame),
            Kind::Series => {
                let manager = attribute::<V>(object, c"_mgr")?;
                let blocks = attribute::<V>(manager.obj(), c"blocks")?;
                let &[Some(block)] = Tuple::plain(blocks.obj())?.items() else { return None };
                let values = Values::of::<V>(attribute::<V>(block, c"values")?.obj());
                let name = attribute::<V>(object, c"_name").map(|name| name.obj());
                Some(Pandas::Series { name: name.filter(|name| *name != python::none().obj()), values })
            }
            Kind::Index => match attribute::<V>(object, c"_range").map(|range| Shape::of(range.obj())) {
                Some(Shape::Range(range)) => Some(Pandas::RangeIndex(range)),
                Some(_) => None,
                None => Some(Pandas::Index(Values::of::<V>(attribute::<V>(object, c"_data")?.obj()))),
            },
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Frame,
    Series,
    Index,
}

impl Kind {
    /// Of the class itself, not of those that it derives from.
    fn of<V: Version>(class: Type) -> Option<Kind> {
        let kind = match class.given_name() {
            b"DataFrame" => Kind::Frame,
            b"Series" => Kind::Series,
            b"Index" => Kind::Index,
            _ => return None,
        };
        let module = Str::plain(class.own::<V>(Known::Module)?)?;
        let (units, width) = module.units::<V>().bytes();
        (width == 1 && (units == b"pandas" || units.starts_with(b"pandas."))).then_some(kind)
    }
}

/// What an object keeps under a name, in its `__dict__` or where pandas' compiled code keeps it. Someone else holds it
/// too, so that it lives on.
fn attribute<V: Version>(object: Obj, name: &CStr) -> Option<Owned> {
    let class = object.ty();
    if let Some(instance) = Instance::of(object, class) {
        let (attributes, _) = instance.attributes::<V>();
        let mut named = attributes.named();
        let found = named.find(|(key, _)| key.units::<V>().bytes() == (name.to_bytes(), 1));
        if let Some((_, value)) = found {
            return Some(Owned::of(value));
        }
    }
    let mut classes = std::iter::successors(Some(class), |class| class.base());
    let getter = classes.find_map(|class| class.compiled_attribute(name))?;
    // SAFETY: the object is an instance of the class that has the attribute, whose code is pandas'.
    let value =
        python::undisturbed(|| Owned::new(unsafe { getter.get?(object.as_ptr(), getter.closure) }).ok())?;
    // SAFETY: it is alive.
    let is_held = unsafe { ffi::Py_REFCNT(value.as_ptr()) } > 1;
    is_held.then_some(value)
}

impl Type {
    /// An attribute that pandas' compiled code computes.
    fn compiled_attribute(self, name: &CStr) -> Option<PyGetSetDef> {
        const ATTRIBUTES: usize = 248;
        if !self.has(flag::HEAP_TYPE) || !self.given_name().starts_with(b"pandas._libs.") {
            return None;
        }
        // SAFETY: every class has a table of these or null there; one without a name ends it. Those of a class that
        // Python code made are `__dict__` and `__weakref__`, whatever it is called.
        unsafe {
            let mut entry = self.obj().field::<*const PyGetSetDef>(ATTRIBUTES);
            while !entry.is_null() && !(*entry).name.is_null() {
                if CStr::from_ptr((*entry).name) == name {
                    return Some(*entry);
                }
                entry = entry.add(1);
            }
        }
        None
    }
}

impl Frame {
    /// Blocks beyond which a frame is not looked into.
    const MOST_BLOCKS: usize = 256;

    fn of<V: Version>(object: Obj) -> Option<Frame> {
        let manager = attribute::<V>(object, c"_mgr")?;
        let blocks = attribute::<V>(manager.obj(), c"blocks")?;
        let blocks = Tuple::plain(blocks.obj())?;
        if blocks.items().len() > Frame::MOST_BLOCKS {
            return None;
        }
        let blocks: Vec<Block> = blocks
            .items()
            .iter()
            .map(|block| {
                let block = (*block)?;
                let values = Values::of::<V>(attribute::<V>(block, c"values")?.obj());
                let places = attribute::<V>(block, c"_mgr_locs")?;
                Some(Block {
                    values,
                    places: Places::of::<V>(attribute::<V>(places.obj(), c"indexer")?.obj())?,
                })
            })
            .collect::<Option<_>>()?;
        let axes = attribute::<V>(manager.obj(), c"axes")?;
        let &[Some(columns), Some(rows)] = List::plain(axes.obj())?.items() else { return None };
        let rows = blocks
            .iter()
            .find_map(|block| Some(*block.values.numpy()?.shape().last()? as usize))
            .or_else(|| length::<V>(rows));
        Some(Frame { blocks, labels: Labels::of::<V>(columns), rows })
    }

    pub(crate) fn rows(&self) -> Option<usize> {
        self.rows
    }

    pub(crate) fn column_count(&self) -> usize {
        self.blocks.iter().map(|block| block.places.len()).fold(0, usize::saturating_add)
    }

    /// None if no block says that it holds it.
    pub(crate) fn column(&self, index: usize) -> Option<Column<'_>> {
        self.blocks.iter().find_map(|block| {
            let row = block.places.find(index)?;
            Some(Column { values: &block.values, row })
        })
    }

    /// The label of a column, if it can be read.
    pub(crate) fn label(&self, index: usize) -> Option<ColumnLabel> {
        match self.labels.as_ref()? {
            Labels::Range(start, step) => {
                Some(ColumnLabel::Number(start.wrapping_add(step.wrapping_mul(index as i64))))
            }
            Labels::Numpy(labels) => labels.at(index).map(ColumnLabel::Item),
        }
    }
}

impl Column<'_> {
    /// The array that has the items along its last axis, and how far behind its first item they begin.
    pub(crate) fn items(&self) -> Option<(NumpyArray, isize)> {
        let array = self.values.readable()?;
        match array.shape() {
            [_] => Some((array, 0)),
            &[columns, _] if (self.row as isize) < columns => Some((array, array.offset(0, self.row))),
            _ => None,
        }
    }
}

impl Values {
    fn of<V: Version>(values: Obj) -> Values {
        let class = values.ty();
        match NumpyArray::of(values, class) {
            Some(array) => Values::Numpy(array),
            None => {
                let behind = attribute::<V>(values, c"_ndarray").map(|behind| behind.obj());
                let behind = behind.and_then(|behind| NumpyArray::of(behind, behind.ty()));
                Values::Other { class, behind }
            }
        }
    }

    /// The array of numpy that is as long.
    pub(crate) fn numpy(&self) -> Option<NumpyArray> {
        match self {
            Values::Numpy(array) => Some(*array),
            Values::Other { behind, .. } => *behind,
        }
    }

    /// The array whose items are the values, if they can be read. What others of pandas' arrays keep in one of
    /// numbers may stand for something else.
    pub(crate) fn readable(&self) -> Option<NumpyArray> {
        let is_other = matches!(self, Values::Other { .. });
        self.numpy()
            .filter(|array| array.is_readable() && !(is_other && array.item_type() != Some(b"object")))
    }
}

impl Labels {
    fn of<V: Version>(index: Obj) -> Option<Labels> {
        match Pandas::of::<V>(index, index.ty())? {
            Pandas::Index(values) => values.readable().filter(is_row).map(Labels::Numpy),
            Pandas::RangeIndex(range) => {
                let [start, _, step] = range.bounds();
                Some(Labels::Range(start.small::<V>()?, step.small::<V>()?))
            }
            _ => None,
        }
    }
}

impl Places {
    fn of<V: Version>(places: Obj) -> Option<Places> {
        // Offset of `start` in a slice, which `stop` and `step` follow.
        const START: usize = 16;
        if places.ty().is(&raw const PySlice_Type) {
            // SAFETY: a slice has the three.
            let bounds = unsafe { places.field::<[Obj; 3]>(START) };
            let [start, stop, step] = bounds.map(|bound| Int::plain(bound).and_then(Int::small::<V>));
            Some(Places::between(start?, stop?, step?))
        } else {
            let numbers = NumpyArray::of(places, places.ty())?;
            (numbers.is_readable() && is_row(&numbers)).then_some(Places::Numbers(numbers))
        }
    }

    fn between(start: i64, stop: i64, step: i64) -> Places {
        // An `int` of two digits has 60 bits.
        let len = if step == 0 { 0 } else { (stop - start + step - step.signum()) / step };
        Places::Slice { start, step, len: usize::try_from(len).unwrap_or(0) }
    }

    fn len(&self) -> usize {
        match self {
            Places::Slice { len, .. } => *len,
            Places::Numbers(numbers) => numbers.len(),
        }
    }

    /// Which of its columns is the frame's column of this number.
    fn find(&self, column: usize) -> Option<usize> {
        match self {
            Places::Slice { start, step, len } => {
                let ahead = column as i64 - start;
                let row = (*step != 0 && ahead % step == 0).then(|| ahead / step)?;
                usize::try_from(row).ok().filter(|row| row < len)
            }
            Places::Numbers(numbers) => (0..numbers.len())
                .find(|&row| matches!(numbers.at(row), Some(Item::Int(number)) if number == column as i128)),
        }
    }
}

/// Whether an array has one axis.
fn is_row(array: &NumpyArray) -> bool {
    array.shape().len() == 1
}

/// How long an index is, if it can be told.
fn length<V: Version>(index: Obj) -> Option<usize> {
    match Pandas::of::<V>(index, index.ty())? {
        Pandas::Index(values) => values.numpy().map(NumpyArray::len),
        Pandas::RangeIndex(range) => {
            let [start, stop, step] = range.bounds().map(Int::small::<V>);
            Some(Places::between(start?, stop?, step?).len())
        }
        _ => None,
    }
}
