//! Files that the program has opened.

use super::{Dict, Known, Obj, Type, Version};

/// An open or closed file, by the innermost of the objects that it is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File(Obj);

// Offsets in the objects of `_io`.
const BUFFER_OF_TEXT: usize = 32;
const RAW_OF_BUFFER: usize = 16;
const DESCRIPTOR: usize = 16;
const FLAGS: usize = 20;

// Bits of the flags.
const CREATED: u32 = 1;
const READABLE: u32 = 2;
const WRITABLE: u32 = 4;
const APPENDING: u32 = 8;

impl File {
    /// If the object is one of those that `open` gives.
    pub(in crate::layout) fn of(object: Obj, class: Type) -> Option<File> {
        // SAFETY: each is read as its class lays it out; what has been detached holds nothing any more.
        unsafe {
            match class.native_name() {
                b"_io.TextIOWrapper" => {
                    let buffer = object.field::<Option<Obj>>(BUFFER_OF_TEXT)?;
                    File::innermost(buffer).or_else(|| File::of_buffer(buffer, buffer.ty()))
                }
                b"_io.FileIO" => Some(File(object)),
                _ => File::of_buffer(object, class),
            }
        }
    }

    /// # Safety
    /// The class must be the object's.
    unsafe fn of_buffer(object: Obj, class: Type) -> Option<File> {
        match class.native_name() {
            b"_io.BufferedReader" | b"_io.BufferedWriter" | b"_io.BufferedRandom" => {
                // SAFETY: objects of these classes have the field.
                File::innermost(unsafe { object.field::<Option<Obj>>(RAW_OF_BUFFER) }?)
            }
            _ => None,
        }
    }

    fn innermost(raw: Obj) -> Option<File> {
        (raw.ty().native().native_name() == b"_io.FileIO").then_some(File(raw))
    }

    /// What it was opened as.
    pub(crate) fn name<V: Version>(self) -> Option<Obj> {
        let offset = self.0.ty().native().dict_offset()?;
        // SAFETY: at the class's offset there is a dict or null.
        let attributes = unsafe { self.0.field::<Option<Obj>>(usize::try_from(offset).ok()?) };
        let entries = Dict::of(attributes?)?.entries::<V>();
        let (_, name) = entries.get(entries.find(Known::FileName.name())?)?;
        Some(name)
    }

    /// What can be done with it, as `open` is told.
    pub(crate) fn mode(self) -> &'static [u8] {
        // SAFETY: the object is a `FileIO`.
        let flags = unsafe { self.0.field::<u32>(FLAGS) };
        let is = |flag: u32| flags & flag != 0;
        match (is(CREATED), is(APPENDING), is(READABLE), is(WRITABLE)) {
            (true, _, true, _) => b"x+",
            (true, _, false, _) => b"x",
            (_, true, true, _) => b"a+",
            (_, true, false, _) => b"a",
            (_, _, true, true) => b"r+",
            (_, _, true, false) => b"r",
            _ => b"w",
        }
    }

    pub(crate) fn is_open(self) -> bool {
        // SAFETY: the object is a `FileIO`.
        unsafe { self.0.field::<i32>(DESCRIPTOR) >= 0 }
    }
}
