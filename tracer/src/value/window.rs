//! Writes what iterators, views, slices and generators let see.

use super::path::Path;
use super::writer::{Stability, Writer, write_within};
use super::{NodeKind, Record, Text};
use crate::layout::{Dict, Obj, Position, Progress, Type, Version, Window};

/// Characters after which no further element of what is behind is begun.
const BRIEF: usize = 80;
/// Containers that are shown within each other there.
const DEPTH: usize = 4;

impl<R: Record> Writer<'_, R> {
    pub(super) fn window<V: Version>(&mut self, object: Obj, class: Type, window: Window) -> Stability {
        // It moves on without being another object.
        let node = self.record.open(object, NodeKind::Opaque, 0);
        self.record.close(node, 0);
        self.record.volatile();
        let path = &mut *self.path;
        if path.contains(object) || path.len() >= self.text.limits().depth() {
            self.text.byte(b'<');
            self.text.class_name::<V>(class.name::<V>());
            self.text.byte(b'>');
            return Stability::Changeable;
        }
        let depth = path.len() + DEPTH;
        path.push(object);
        self.text.within(BRIEF, depth, |text| write_window::<V>(text, path, class, window));
        path.pop();
        Stability::Changeable
    }
}

fn write_window<V: Version>(text: &mut Text, path: &mut Path, class: Type, window: Window) {
    let reads_as_call = matches!(
        window,
        Window::Keys(_) | Window::Values(_) | Window::Items(_) | Window::Proxy(_) | Window::Slice(_)
    );
    if reads_as_call {
        text.class_name::<V>(class.name::<V>());
        text.byte(b'(');
    } else {
        text.byte(b'<');
        text.class_name::<V>(class.name::<V>());
    }
    match window {
        Window::Iterator(None) | Window::Sources { of: None, .. } => text.ascii(b" done"),
        Window::Iterator(Some((position, of))) => {
            text.byte(b' ');
            match position {
                Position::Index(index) => text.number(index as i64),
                Position::Beyond(number) => {
                    write_within::<V>(text, path, number);
                }
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
        Window::Sources { function, of: Some(of) } => {
            if let Some(function) = function {
                text.byte(b' ');
                write_within::<V>(text, path, function);
            }
            text.ascii(b" of ");
            write_within::<V>(text, path, of);
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
        Window::Proxy(of) => {
            write_within::<V>(text, path, of);
        }
        Window::Slice(parts) => {
            for (index, part) in parts.into_iter().enumerate() {
                if index > 0 {
                    text.ascii(b", ");
                }
                write_within::<V>(text, path, part);
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

fn write_view<V: Version>(text: &mut Text, dict: Dict, mut write: impl FnMut(&mut Text, Obj, Obj)) {
    let len = dict.len();
    text.byte(b'[');
    for (index, (key, value)) in dict.entries::<V>().iter().enumerate() {
        if !text.begin_element(index, len) {
            break;
        }
        write(text, key, value);
    }
    text.byte(b']');
}
