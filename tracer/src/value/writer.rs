//! Writes one value: its kind decides the form, the limits decide how much of it is shown.

use super::path::Path;
use super::record::Unrecorded;
use super::{NodeKind, Record, Text};
use crate::identity;
use crate::layout::{
    Array, ByteArray, Deque, EnumMember, Exception, Obj, Pandas, Shape, Type, Version, Window,
};

/// Whether a value's text can change while the value stays the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stability {
    Constant,
    /// It can, and a node was recorded.
    Changeable,
}

use Stability::{Changeable, Constant};

/// Appends the text of `object`.
pub(crate) fn write<V: Version>(text: &mut Text, object: Obj) {
    write_recorded::<V, _>(text, &mut Unrecorded, object);
}

/// The same, and says whether the text can change.
pub(crate) fn write_unrecorded<V: Version>(text: &mut Text, object: Obj) -> Stability {
    write_recorded::<V, _>(text, &mut Unrecorded, object)
}

/// The same, and records what the text depends on.
#[inline(always)]
pub(crate) fn write_recorded<V: Version, R: Record>(
    text: &mut Text,
    record: &mut R,
    object: Obj,
) -> Stability {
    let shape = Shape::of(object);
    if write_plain::<V>(text, object.ty(), shape) {
        return Constant;
    }
    write_any::<V, R>(text, record, object, shape)
}

/// Writes what most values are, if this is one of those.
#[inline(always)]
fn write_plain<V: Version>(text: &mut Text, class: Type, shape: Shape) -> bool {
    match shape {
        Shape::Int(int) if shape.is_exact(class) => text.int::<V>(int),
        Shape::Str(string) if shape.is_exact(class) => text.string::<V>(string),
        Shape::Float(float) if shape.is_exact(class) => text.float(float),
        Shape::None => text.ascii(b"None"),
        Shape::Bool(true) => text.ascii(b"True"),
        Shape::Bool(false) => text.ascii(b"False"),
        _ => return false,
    }
    true
}

/// Whether [`write_plain`] writes all of these few values.
fn is_plain_tuple(items: &[Option<Obj>]) -> bool {
    const FEW: usize = 16;
    let is_plain = |item: &Option<Obj>| {
        item.is_some_and(|item| match Shape::of(item) {
            shape @ (Shape::Int(_) | Shape::Str(_) | Shape::Float(_)) => shape.is_exact(item.ty()),
            Shape::None | Shape::Bool(_) => true,
            _ => false,
        })
    };
    items.len() <= FEW && items.iter().all(is_plain)
}

#[inline(never)]
fn write_any<V: Version, R: Record>(text: &mut Text, record: &mut R, object: Obj, shape: Shape) -> Stability {
    Writer { text, record, path: &mut Path::new() }.value::<V>(object, object.ty(), shape)
}

/// Writes a value that stands inside of those that are on the path.
pub(super) fn write_within<V: Version>(text: &mut Text, path: &mut Path, object: Obj) -> Stability {
    let (class, shape) = (object.ty(), Shape::of(object));
    if write_plain::<V>(text, class, shape) {
        return Constant;
    }
    Writer { text, record: &mut Unrecorded, path }.value::<V>(object, class, shape)
}

/// The same, and records what the text depends on.
pub(crate) fn write_part<V: Version, R: Record>(
    text: &mut Text,
    path: &mut Path,
    record: &mut R,
    object: Obj,
) -> Stability {
    let (class, shape) = (object.ty(), Shape::of(object));
    if write_plain::<V>(text, class, shape) {
        return Constant;
    }
    Writer { text, record, path }.value::<V>(object, class, shape)
}

pub(super) struct Writer<'a, R> {
    pub(super) text: &'a mut Text,
    pub(super) record: &'a mut R,
    pub(super) path: &'a mut Path,
}

/// What stands around the elements of a container.
#[derive(Clone, Copy)]
pub(super) struct Brackets {
    open: &'static [u8],
    close: &'static [u8],
}

const LIST: Brackets = Brackets { open: b"[", close: b"]" };
pub(super) const TUPLE: Brackets = Brackets { open: b"(", close: b")" };
const SINGLE_TUPLE: Brackets = Brackets { open: b"(", close: b",)" };
pub(super) const BRACES: Brackets = Brackets { open: b"{", close: b"}" };
const FROZEN: Brackets = Brackets { open: b"frozenset({", close: b"})" };

/// Whether a value, which is no member of an enumeration, is told apart from others that read as it does.
#[cold]
fn has_identity<V: Version>(object: Obj, class: Type, shape: Shape) -> bool {
    match shape {
        Shape::List(_)
        | Shape::Set(_)
        | Shape::Dict(_)
        | Shape::Deque(_)
        | Shape::ByteArray(_)
        | Shape::Array(_)
        | Shape::Instance(_) => true,
        Shape::Other => Window::of::<V>(object, class).is_some_and(|window| window.has_state(class)),
        _ => false,
    }
}

impl<R: Record> Writer<'_, R> {
    /// A value that is not plain.
    fn value<V: Version>(&mut self, object: Obj, class: Type, shape: Shape) -> Stability {
        if let Some(member) = EnumMember::of::<V>(object) {
            return self.enum_member::<V>(object, class, member);
        }
        if identity::are_told() && has_identity::<V>(object, class, shape) {
            self.text.identity(identity::number(object));
        }
        if !shape.is_exact(class) {
            return self.derived::<V>(object, class, shape);
        }
        match shape {
            Shape::Ellipsis => self.text.ascii(b"Ellipsis"),
            Shape::NotImplemented => self.text.ascii(b"NotImplemented"),
            Shape::Complex(real, imaginary) => self.text.complex(real, imaginary),
            Shape::Bytes(bytes) => self.text.byte_string(bytes.as_slice()),
            Shape::Range(range) => self.text.range::<V>(range),
            _ => return self.node::<V>(object, class, shape),
        }
        Constant
    }

    /// `Name(` what the base type would show `)`
    fn derived<V: Version>(&mut self, object: Obj, class: Type, shape: Shape) -> Stability {
        if let Shape::Tuple(tuple) = shape
            && let Some(fields) = class.fields::<V>(tuple.items().len())
        {
            return self.named_tuple::<V>(object, class, tuple, fields);
        }
        self.text.class_name::<V>(class.name::<V>());
        self.text.byte(b'(');
        match shape {
            Shape::Int(int) => self.text.int::<V>(int),
            Shape::Float(float) => self.text.float(float),
            Shape::Complex(real, imaginary) => self.text.complex(real, imaginary),
            Shape::Str(string) => self.text.string::<V>(string),
            Shape::Bytes(bytes) => self.text.byte_string(bytes.as_slice()),
            _ => {
                let stability = self.node::<V>(object, class, shape);
                self.text.byte(b')');
                return stability;
            }
        }
        self.text.byte(b')');
        // The object must not be kept alive, since code of the program might run when it is let go.
        let node = self.record.open(object, NodeKind::Opaque, 0);
        self.record.close(node, 0);
        self.record.volatile();
        Changeable
    }

    /// A value that can change.
    fn node<V: Version>(&mut self, object: Obj, class: Type, shape: Shape) -> Stability {
        match shape {
            Shape::List(list) => {
                let items = list.items();
                self.container::<V>(object, NodeKind::List, LIST, items.len(), items.iter().copied())
            }
            Shape::Tuple(tuple) if class.is_exact_tuple() && is_plain_tuple(tuple.items()) => {
                self.plain_tuple::<V>(tuple.items());
                Constant
            }
            Shape::Tuple(tuple) => {
                let items = tuple.items();
                let brackets = if items.len() == 1 { SINGLE_TUPLE } else { TUPLE };
                self.container::<V>(object, NodeKind::Tuple, brackets, items.len(), items.iter().copied())
            }
            Shape::Set(set) if set.len() == 0 => self.empty(object, NodeKind::Set, b"set()"),
            Shape::Set(set) => {
                self.container::<V>(object, NodeKind::Set, BRACES, set.len(), set.iter().map(Some))
            }
            Shape::FrozenSet(set) if set.len() == 0 => self.empty(object, NodeKind::Set, b"frozenset()"),
            Shape::FrozenSet(set) => {
                self.container::<V>(object, NodeKind::Set, FROZEN, set.len(), set.iter().map(Some))
            }
            Shape::Dict(dict) => self.dict::<V>(object, class, dict),
            Shape::Deque(deque) => self.deque::<V>(object, deque),
            Shape::Exception(exception) => self.exception::<V>(object, class, exception),
            Shape::Instance(instance) => match Pandas::of::<V>(object, class) {
                Some(pandas) => {
                    self.pandas::<V>(object, class, &pandas);
                    Changeable
                }
                None => self.instance::<V>(object, class, instance),
            },
            Shape::ByteArray(bytes) => self.byte_array(object, bytes),
            Shape::Array(array) => self.array(object, array),
            Shape::Class(_)
            | Shape::Function(_)
            | Shape::Method(_)
            | Shape::Builtin(_)
            | Shape::Module(_) => self.named::<V>(object, class, shape),
            _ => {
                match Window::of::<V>(object, class) {
                    Some(window) => self.window::<V>(object, class, window),
                    None => self.opaque::<V>(object, class),
                }
                Changeable
            }
        }
    }

    pub(super) fn opaque<V: Version>(&mut self, object: Obj, class: Type) {
        let node = self.record.open(object, NodeKind::Opaque, 0);
        self.record.close(node, 0);
        self.text.type_alone::<V>(class);
    }

    fn empty(&mut self, object: Obj, kind: NodeKind, text: &[u8]) -> Stability {
        self.text.ascii(text);
        let node = self.record.open(object, kind, 0);
        self.record.close(node, 0);
        Changeable
    }

    /// Brackets and what `content` writes between them, unless the object is one that is being written
    /// already, or stands too deep.
    pub(super) fn within<V: Version>(
        &mut self,
        object: Obj,
        kind: NodeKind,
        brackets: Brackets,
        len: usize,
        content: impl FnOnce(&mut Self, R::Node) -> Elements,
    ) -> Stability {
        let node = self.record.open(object, kind, len);
        self.within_node::<V>(object, node, brackets, len, content)
    }

    /// The same for a node that has been opened already.
    pub(super) fn within_node<V: Version>(
        &mut self,
        object: Obj,
        node: R::Node,
        brackets: Brackets,
        len: usize,
        content: impl FnOnce(&mut Self, R::Node) -> Elements,
    ) -> Stability {
        self.text.bracket(brackets.open);
        let mut close = brackets.close;
        let mut elements = Elements { shown: 0, constant: false };
        if len == 0 {
            elements.constant = true;
        } else if self.path.contains(object) {
            self.text.ascii(b"...");
            self.record.cyclic(node);
        } else if self.path.len() >= self.text.limits().depth() {
            self.text.ellipsis();
            self.record.deep(node);
        } else {
            self.path.push(object);
            elements = content(self, node);
            self.path.pop();
        }
        if elements.shown < len {
            close = without_comma(close);
        }
        self.text.bracket(close);
        if elements.constant && elements.shown == len && object.ty().is_exact_tuple() {
            self.record.take_back(node);
            return Constant;
        }
        self.record.close(node, elements.shown);
        Changeable
    }

    fn container<V: Version>(
        &mut self,
        object: Obj,
        kind: NodeKind,
        brackets: Brackets,
        len: usize,
        items: impl Iterator<Item = Option<Obj>>,
    ) -> Stability {
        self.within::<V>(object, kind, brackets, len, |writer, node| writer.elements::<V>(node, len, items))
    }

    /// A tuple of values that need no record, like the tuple itself.
    fn plain_tuple<V: Version>(&mut self, items: &[Option<Obj>]) {
        self.text.byte(b'(');
        if !items.is_empty() && self.path.len() >= self.text.limits().depth() {
            self.text.ellipsis();
        } else {
            for (index, item) in items.iter().flatten().enumerate() {
                if !self.text.begin_element(index, items.len()) {
                    break;
                }
                write_plain::<V>(self.text, item.ty(), Shape::of(*item));
                if items.len() == 1 {
                    self.text.byte(b',');
                }
            }
        }
        self.text.byte(b')');
    }

    fn elements<V: Version>(
        &mut self,
        node: R::Node,
        len: usize,
        items: impl Iterator<Item = Option<Obj>>,
    ) -> Elements {
        let mut elements = Elements { shown: 0, constant: true };
        for item in items {
            if !self.text.begin_element(elements.shown, len) {
                break;
            }
            elements.constant &= self.element::<V>(node, item) == Constant;
            elements.shown += 1;
        }
        elements
    }

    /// Elements of a key and a value each; `write_key` writes what stands before the value.
    pub(super) fn pairs<V: Version, K>(
        &mut self,
        node: R::Node,
        len: usize,
        pairs: impl Iterator<Item = (K, Obj)>,
        mut write_key: impl FnMut(&mut Self, K),
    ) -> Elements {
        let mut elements = Elements { shown: 0, constant: false };
        for (key, value) in pairs {
            if !self.text.begin_element(elements.shown, len) {
                break;
            }
            write_key(self, key);
            self.element::<V>(node, Some(value));
            elements.shown += 1;
        }
        elements
    }

    #[inline(always)]
    pub(super) fn element<V: Version>(&mut self, node: R::Node, element: Option<Obj>) -> Stability {
        let place = self.record.element(element);
        let begin = self.text.so_far();
        let stability = match element {
            None => {
                // A list that C code has not filled yet.
                self.text.ascii(b"<NULL>");
                Constant
            }
            Some(element) => {
                let (class, shape) = (element.ty(), Shape::of(element));
                if !write_plain::<V>(self.text, class, shape)
                    && self.value::<V>(element, class, shape) == Changeable
                {
                    self.record.nested(node, place);
                    Changeable
                } else {
                    self.record.constant(element);
                    Constant
                }
            }
        };
        self.record.shown(place, begin, self.text.so_far());
        stability
    }

    fn deque<V: Version>(&mut self, object: Obj, deque: Deque) -> Stability {
        const OPEN: Brackets = Brackets { open: b"deque([", close: b"]" };
        let stability = self.container::<V>(object, NodeKind::Deque, OPEN, deque.len(), deque.iter());
        if let Some(max_len) = deque.max_len() {
            self.text.ascii(b", maxlen=");
            self.text.number(max_len as i64);
        }
        self.text.byte(b')');
        stability
    }

    fn exception<V: Version>(&mut self, object: Obj, class: Type, exception: Exception) -> Stability {
        self.text.class_name::<V>(class.name::<V>());
        let arguments = exception.arguments();
        let items = arguments.items();
        self.container::<V>(object, NodeKind::Exception, TUPLE, items.len(), items.iter().copied())
    }

    fn byte_array(&mut self, object: Obj, bytes: ByteArray) -> Stability {
        self.text.ascii(b"bytearray(");
        let node = self.record.open(object, NodeKind::Bytes, bytes.as_slice().len());
        let shown = self.text.shown_bytes(bytes.as_slice()).len();
        self.record.bytes(&bytes.as_slice()[..shown]);
        self.record.close(node, shown);
        self.text.byte_string(bytes.as_slice());
        self.text.byte(b')');
        Changeable
    }

    fn array(&mut self, object: Obj, array: Array) -> Stability {
        let node = self.record.open(object, NodeKind::Array, array.as_slice().len());
        let shown = self.text.array(array) * array.item_size();
        self.record.word(array.type_code().into(), None);
        self.record.bytes(&array.as_slice()[..shown]);
        self.record.close(node, shown);
        Changeable
    }
}

/// What was written between brackets.
#[derive(Clone, Copy)]
pub(super) struct Elements {
    shown: usize,
    /// None of them can change.
    constant: bool,
}

/// The brackets of what is cut short inside: a tuple of one loses its comma.
fn without_comma(close: &'static [u8]) -> &'static [u8] {
    close.strip_prefix(b",").unwrap_or(close)
}
