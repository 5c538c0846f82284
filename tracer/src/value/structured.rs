//! Writes what has parts under names or keys: dicts, instances, named tuples and members of enumerations.

use super::path::Path;
use super::record::Unrecorded;
use super::writer::{BRACES, Elements, Stability, TUPLE, Writer};
use super::{NodeKind, Record, Text};
use crate::layout::{Dict, DictKind, EnumMember, Instance, Obj, Shape, Str, Tuple, Type, Version};
use crate::python;

/// Writes what makes the values of a `defaultdict`'s missing keys.
pub(crate) fn write_factory<V: Version>(text: &mut Text, factory: Option<Obj>) {
    Writer { text, record: &mut Unrecorded, path: &mut Path::new() }.factory::<V>((), factory);
}

impl<R: Record> Writer<'_, R> {
    pub(super) fn dict<V: Version>(&mut self, object: Obj, class: Type, dict: Dict) -> Stability {
        let len = dict.len();
        // SAFETY: the kind is that of the dict's class.
        match class.dict_kind() {
            DictKind::Plain => self.within::<V>(object, NodeKind::Dict, BRACES, len, |writer, node| {
                writer.items::<V>(node, len, dict.entries::<V>().iter())
            }),
            DictKind::Ordered => {
                self.within::<V>(object, NodeKind::OrderedDict, BRACES, len, |writer, node| {
                    writer.items::<V>(node, len, unsafe { dict.in_order::<V>() })
                })
            }
            DictKind::Default => {
                let node = self.record.open(object, NodeKind::DefaultDict, len);
                self.factory::<V>(node, unsafe { dict.factory() });
                self.text.ascii(b", ");
                self.within_node::<V>(object, node, BRACES, len, |writer, node| {
                    writer.items::<V>(node, len, dict.entries::<V>().iter())
                })
            }
        }
    }

    fn items<V: Version>(
        &mut self,
        node: R::Node,
        len: usize,
        pairs: impl Iterator<Item = (Obj, Obj)>,
    ) -> Elements {
        self.pairs::<V, _>(node, len, pairs, |writer, key| {
            writer.element::<V>(node, Some(key));
            writer.text.ascii(b": ");
        })
    }

    /// What makes the values of missing keys, by its name: it is no element.
    fn factory<V: Version>(&mut self, node: R::Node, factory: Option<Obj>) {
        let factory = factory.filter(|factory| *factory != python::none().obj());
        let place = self.record.element(factory);
        let begin = self.text.so_far();
        match factory {
            Some(factory) => {
                self.by_name::<V>(factory);
                self.record.nested(node, place);
            }
            None => self.text.ascii(b"None"),
        }
        self.record.shown(place, begin, self.text.so_far());
    }

    pub(super) fn by_name<V: Version>(&mut self, object: Obj) {
        let (class, shape) = (object.ty(), Shape::of(object));
        match shape {
            Shape::Class(_)
            | Shape::Function(_)
            | Shape::Method(_)
            | Shape::Builtin(_)
            | Shape::Module(_) => {
                self.named::<V>(object, class, shape);
            }
            _ => self.opaque::<V>(object, class),
        }
    }

    pub(super) fn instance<V: Version>(&mut self, object: Obj, class: Type, instance: Instance) -> Stability {
        self.text.class_name::<V>(class.name::<V>());
        if class.has_members() {
            return self.slotted::<V>(object, instance);
        }
        let (attributes, len) = instance.attributes::<V>();
        let is_in_order = attributes.values_in_order(len).is_some();
        let kind = if is_in_order { NodeKind::Values } else { NodeKind::Instance };
        let mut is_first = true;
        self.within::<V>(object, kind, TUPLE, len, |writer, node| {
            writer.pairs::<V, Str>(node, len, attributes.named(), |writer, name| {
                if !is_in_order {
                    writer.record.element(Some(name.obj()));
                    writer.record.constant(name.obj());
                } else if std::mem::take(&mut is_first) {
                    writer.record.word(attributes.keys_address(), None);
                }
                writer.text.name::<V>(name);
                writer.text.byte(b'=');
            })
        })
    }

    /// An instance with places for attributes, which come before those in its `__dict__`.
    fn slotted<V: Version>(&mut self, object: Obj, instance: Instance) -> Stability {
        let attributes = instance.all::<V>();
        let len = attributes.len();
        self.within::<V>(object, NodeKind::Slotted, TUPLE, len, |writer, node| {
            writer.pairs::<V, _>(node, len, attributes.into_iter(), |writer, label| {
                writer.record.word(label.word(), label.object());
                writer.text.label::<V>(label);
                writer.text.byte(b'=');
            })
        })
    }

    /// `Point(x=1, y=2)` for a named tuple.
    pub(super) fn named_tuple<V: Version>(
        &mut self,
        object: Obj,
        class: Type,
        tuple: Tuple,
        fields: Tuple,
    ) -> Stability {
        self.text.class_name::<V>(class.name::<V>());
        let items = tuple.items();
        let mut is_first = true;
        let pairs = fields
            .items()
            .iter()
            .zip(items)
            .filter_map(|(name, item)| Some((Str::plain((*name)?)?, (*item)?)));
        self.within::<V>(object, NodeKind::NamedTuple, TUPLE, items.len(), |writer, node| {
            writer.pairs::<V, Str>(node, items.len(), pairs, |writer, name| {
                if std::mem::take(&mut is_first) {
                    writer.record.word(fields.obj().address(), Some(fields.obj()));
                }
                writer.text.name::<V>(name);
                writer.text.byte(b'=');
            })
        })
    }

    /// `<Color.RED: 1>`
    pub(super) fn enum_member<V: Version>(
        &mut self,
        object: Obj,
        class: Type,
        member: EnumMember,
    ) -> Stability {
        let node = self.record.open(object, NodeKind::EnumMember, 0);
        let name = member.name.map(Str::obj);
        self.record.word(name.map_or(0, Obj::address), name);
        self.text.byte(b'<');
        self.text.class_name::<V>(class.name::<V>());
        if let Some(name) = member.name {
            self.text.byte(b'.');
            self.text.flags::<V>(name);
        }
        let is_shown = !self.path.contains(object) && self.path.len() < self.text.limits().depth();
        if is_shown {
            self.path.push(object);
            self.text.ascii(b": ");
            self.element::<V>(node, Some(member.value));
            self.path.pop();
        } else {
            // Elsewhere it may read otherwise.
            self.record.volatile();
        }
        self.text.byte(b'>');
        self.record.close(node, is_shown.into());
        Stability::Changeable
    }
}
