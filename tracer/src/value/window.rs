//! Writes what iterators, views, slices and generators let see.

use super::numpy::{write_array, write_item};
use super::pandas::write_pandas;
use super::path::Path;
use super::writer::{Writer, write_within};
use super::{NodeKind, Record, Text};
use crate::layout::{Dict, DictKind, Obj, Pandas, Part, Progress, Type, Version, Window};

/// Characters after which no further element of what is behind is begun.
const BRIEF: usize = 80;
/// The same for the columns of a frame.
const FRAME: usize = 160;
/// Containers that are shown within each other there.
const DEPTH: usize = 4;

impl<R: Record> Writer<'_, R> {
    pub(super) fn window<V: Version>(&mut self, object: Obj, class: Type, window: Window) {
        self.looked_through::<V>(object, class, BRIEF, |text, path| {
            write_window::<V>(text, path, class, window);
        });
    }

    pub(super) fn pandas<V: Version>(&mut self, object: Obj, class: Type, pandas: &Pandas) {
        let chars = if matches!(pandas, Pandas::Frame(_)) { FRAME } else { BRIEF };
        self.looked_through::<V>(object, class, chars, |text, path| {
            text.byte(b'<');
            text.class_name::<V>(class.name::<V>());
            write_pandas::<V>(text, path, pandas);
            text.byte(b'>');
        });
    }

    fn looked_through<V: Version>(
        &mut self,
        object: Obj,
        class: Type,
        chars: usize,
        write: impl FnOnce(&mut Text, &mut Path),
    ) {
        // It moves on without being another object.
        let node = self.record.open(object, NodeKind::Opaque, 0);
        self.record.close(node, 0);
        self.record.volatile();
        let path = &mut *self.path;
        if path.contains(object) || path.len() >= self.text.limits().depth() {
            self.text.type_alone::<V>(class);
            return;
        }
        let depth = path.len() + DEPTH;
        path.push(object);
        self.text.within(chars, depth, |text| write(text, path));
        path.pop();
    }
}

fn write_window<V: Version>(text: &mut Text, path: &mut Path, class: Type, window: Window) {
    let reads_as_call = matches!(
        window,
        Window::Keys(_) | Window::Values(_) | Window::Items(_) | Window::Call(_) | Window::Scalar(_)
    );
    if reads_as_call {
        text.class_name::<V>(class.name::<V>());
        text.byte(b'(');
    } else {
        text.byte(b'<');
        text.class_name::<V>(class.name::<V>());
    }
    match window {
        Window::Done => text.ascii(b" done"),
        Window::Over { parts, of } => {
            for part in parts.into_iter().flatten() {
                text.byte(b' ');
                write_part::<V>(text, path, part);
            }
            text.ascii(b" of ");
            write_within::<V>(text, path, of);
        }
        Window::Range([start, step, stop]) => {
            text.ascii(b" of range(");
            text.number(start);
            text.ascii(b", ");
            text.number(stop);
            if step != 1 {
                text.ascii(b", ");
                text.number(step);
            }
            text.byte(b')');
        }
        Window::Keys(dict) => write_view::<V>(text, dict, |text, key, _| {
            write_within::<V>(text, path, key);
        }),
        Window::Values(dict) => write_view::<V>(text, dict, |text, _, value| {
            write_within::<V>(text, path, value);
        }),
        Window::Items(dict) => write_view::<V>(text, dict, |text, key, value| {
            text.byte(b'(');
            write_within::<V>(text, path, key);
            text.ascii(b", ");
            write_within::<V>(text, path, value);
            text.byte(b')');
        }),
        Window::Call(parts) => {
            for (index, part) in parts.into_iter().flatten().enumerate() {
                if index > 0 {
                    text.ascii(b", ");
                }
                write_part::<V>(text, path, part);
            }
        }
        Window::Memory(memory) => {
            text.ascii(b" of ");
            text.byte_string(memory.as_slice());
        }
        Window::NumpyArray(array) => write_array::<V>(text, path, array),
        Window::Scalar(item) => write_item::<V>(text, path, item),
        Window::File(file) => {
            if let Some(name) = file.name::<V>() {
                text.byte(b' ');
                write_within::<V>(text, path, name);
            }
            text.ascii(b" mode ");
            text.ascii(file.mode());
            if !file.is_open() {
                text.ascii(b" closed");
            }
        }
        Window::Suspendable(suspendable) => {
            text.byte(b' ');
            text.name::<V>(suspendable.qualified_name::<V>());
            match suspendable.progress::<V>() {
                Progress::NotStarted => text.ascii(b" not started"),
                Progress::AtLine(line) => {
                    text.ascii(b" at line ");
                    text.number(line.into());
                }
                Progress::Running => text.ascii(b" running"),
                Progress::Done => text.ascii(b" done"),
            }
        }
    }
    text.byte(if reads_as_call { b')' } else { b'>' });
}

fn write_part<V: Version>(text: &mut Text, path: &mut Path, part: Part) {
    match part {
        Part::Value(value) => {
            write_within::<V>(text, path, value);
        }
        Part::Number(number) => text.number(number as i64),
        Part::Numbers(numbers) => {
            // SAFETY: the object that has the numbers lives, and nothing of the program runs meanwhile.
            let numbers = unsafe { numbers.as_ref() };
            text.byte(b'[');
            for (index, &number) in numbers.iter().enumerate() {
                if !text.begin_element(index, numbers.len()) {
                    break;
                }
                text.number(number as i64);
            }
            text.byte(b']');
        }
        Part::Slice { start, stop, step } => {
            text.ascii(b"slice(");
            text.number(start as i64);
            text.ascii(b", ");
            match stop {
                Some(stop) => text.number(stop as i64),
                None => text.ascii(b"None"),
            }
            text.ascii(b", ");
            text.number(step as i64);
            text.byte(b')');
        }
    }
}

fn write_view<V: Version>(text: &mut Text, dict: Dict, write: impl FnMut(&mut Text, Obj, Obj)) {
    match dict.class().dict_kind() {
        // SAFETY: the dict's class was looked at.
        DictKind::Ordered => write_entries(text, dict, unsafe { dict.in_order::<V>() }, write),
        _ => write_entries(text, dict, dict.entries::<V>().iter(), write),
    }
}

fn write_entries(
    text: &mut Text,
    dict: Dict,
    entries: impl Iterator<Item = (Obj, Obj)>,
    mut write: impl FnMut(&mut Text, Obj, Obj),
) {
    let len = dict.len();
    text.byte(b'[');
    for (index, (key, value)) in entries.enumerate() {
        if !text.begin_element(index, len) {
            break;
        }
        write(text, key, value);
    }
    text.byte(b']');
}
