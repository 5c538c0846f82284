//! Writes what is shown by its name alone: classes, functions, methods and modules.

use super::writer::{Stability, Writer};
use super::{NodeKind, Record};
use crate::layout::{Known, Obj, Shape, Type, Version};

impl<R: Record> Writer<'_, R> {
    pub(super) fn named<V: Version>(&mut self, object: Obj, class: Type, shape: Shape) -> Stability {
        match shape {
            Shape::Class(class) => {
                self.text.ascii(b"<class '");
                self.text.class_name::<V>(class.qualified_name::<V>());
                self.text.ascii(b"'>");
            }
            Shape::Function(function) => {
                self.text.ascii(b"<function ");
                self.text.name::<V>(function.qualified_name());
                self.text.byte(b'>');
            }
            Shape::Method(method) => {
                self.text.ascii(b"<bound method ");
                self.text.name::<V>(method.function().qualified_name());
                self.text.byte(b'>');
            }
            Shape::Builtin(builtin) => {
                self.text.ascii(if builtin.is_method() {
                    b"<built-in method "
                } else {
                    b"<built-in function "
                });
                self.text.static_name(builtin.name());
                self.text.byte(b'>');
            }
            Shape::Module(module) => match module.name::<V>(Known::ModuleName.name()) {
                Some(name) => {
                    self.text.ascii(b"<module '");
                    self.text.name::<V>(name);
                    self.text.ascii(b"'>");
                }
                None => self.text.type_alone::<V>(class),
            },
            _ => unreachable!("only what is shown by its name alone"),
        }
        let (word, held) = naming::<V>(shape);
        let node = self.record.open(object, NodeKind::Named, 0);
        self.record.word(word, held);
        self.record.close(node, 1);
        Stability::Changeable
    }
}

/// For what is shown by its name alone: the address of what decides the name, and the object that lives there.
#[inline(always)]
pub(crate) fn naming<V: Version>(shape: Shape) -> (usize, Option<Obj>) {
    let name = match shape {
        Shape::Class(class) => return (class.qualified_naming::<V>(), class.qualified_naming_object::<V>()),
        Shape::Function(function) => function.qualified_name(),
        Shape::Method(method) => method.function().qualified_name(),
        Shape::Builtin(builtin) => return (builtin.naming(), None),
        Shape::Module(module) => match module.name::<V>(Known::ModuleName.name()) {
            Some(name) => name,
            None => return (0, None),
        },
        _ => return (0, None),
    };
    (name.obj().address(), Some(name.obj()))
}
