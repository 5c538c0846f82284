//! How large the whole text of a value is at least: found out for a fraction of what writing it takes, so that few
//! texts are begun that turn out to be too large.

use std::marker::PhantomData;

use super::path::Path;
use super::text::{Limits, NAME_CHARS};
use crate::layout::{Instance, Obj, Pandas, Shape, Str, Type, Version};

/// Whether a value is certainly too large to be written whole within these limits.
pub(crate) fn exceeds<V: Version>(limits: Limits, object: Obj) -> bool {
    let (elements, chars) = limits.most();
    let (path, names) = (Path::new(), Names::default());
    Room::<V> { chars, elements, limits, path, names, version: PhantomData }.value(object).is_none()
}

/// What is left of that which a whole text may take. Methods give `None` where it does not suffice.
struct Room<V> {
    chars: usize,
    elements: usize,
    limits: Limits,
    path: Path,
    /// Those of the last instance: most often the next one has the same.
    names: Names,
    version: PhantomData<V>,
}

/// What instances show that keep their values in the order of keys that they share.
#[derive(Default)]
struct Names {
    /// Address of the keys, and how many of them there are.
    of: (usize, usize),
    /// Characters of the names of their attributes.
    chars: usize,
}

impl<V: Version> Room<V> {
    #[inline(always)]
    fn chars(&mut self, chars: usize) -> Option<()> {
        self.chars = self.chars.checked_sub(chars)?;
        Some(())
    }

    fn value(&mut self, object: Obj) -> Option<()> {
        let (class, shape) = (object.ty(), Shape::of(object));
        match shape {
            Shape::Int(int) if shape.is_exact(class) => {
                let is_long = int.small::<V>().is_none_or(|number| !(-9..100).contains(&number));
                self.chars(if is_long { 3 } else { 1 })
            }
            Shape::Str(string) if shape.is_exact(class) => {
                self.chars("''".len() + string.len().min(self.limits.string_chars(0)))
            }
            Shape::Float(_) if shape.is_exact(class) => self.chars("inf".len()),
            Shape::None | Shape::Bool(_) => self.chars("None".len()),
            _ => self.container(object, class, shape),
        }
    }

    fn container(&mut self, object: Obj, class: Type, shape: Shape) -> Option<()> {
        // Members of enumerations read as their names.
        if class.is_enumeration() {
            return self.chars(1);
        }
        match shape {
            Shape::List(list) => {
                let items = list.items();
                self.within(object, items.len(), 0, |room| room.each(items.iter().flatten().copied()))
            }
            Shape::Tuple(tuple) => {
                let items = tuple.items();
                self.within(object, items.len(), 0, |room| room.each(items.iter().flatten().copied()))
            }
            Shape::Set(set) | Shape::FrozenSet(set) => {
                self.within(object, set.len(), 0, |room| room.each(set.iter()))
            }
            Shape::Deque(deque) => {
                self.within(object, deque.len(), 0, |room| room.each(deque.iter().flatten()))
            }
            Shape::Dict(dict) => self.within(object, dict.len(), "k: ".len(), |room| {
                dict.entries::<V>().iter().try_for_each(|(key, value)| {
                    // That of one character is counted with the rest.
                    room.chars += 1;
                    room.value(key)?;
                    room.value(value)
                })
            }),
            Shape::Instance(instance) if Pandas::of::<V>(object, class).is_none() => {
                self.instance(object, instance)
            }
            _ => self.chars(1),
        }
    }

    fn instance(&mut self, object: Obj, instance: Instance) -> Option<()> {
        let (attributes, len) = instance.attributes::<V>();
        let Some(values) = attributes.values_in_order(len) else {
            return self.within(object, len, "=".len(), |room| {
                attributes.named().try_for_each(|(name, value)| {
                    room.chars(chars_of(name))?;
                    room.value(value)
                })
            });
        };
        let of = (attributes.keys_address(), len);
        if self.names.of != of {
            let chars = attributes.named().map(|(name, _)| chars_of(name)).sum();
            self.names = Names { of, chars };
        }
        let names = self.names.chars;
        self.within(object, len, "=".len(), |room| {
            room.chars(names)?;
            room.each(values.iter().flatten().copied())
        })
    }

    /// A container of so many elements, each of which takes some characters before its value.
    #[inline(always)]
    fn within(
        &mut self,
        object: Obj,
        len: usize,
        before: usize,
        content: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.chars("[]".len())?;
        if len == 0 || self.path.contains(object) || self.path.len() >= self.limits.depth() {
            return Some(());
        }
        self.elements = self.elements.checked_sub(len)?;
        self.chars((len - 1) * ", ".len() + len * before)?;
        // Nothing reads as less than a character.
        if self.chars < len {
            return None;
        }
        self.path.push(object);
        let content = content(self);
        self.path.pop();
        content
    }

    fn each(&mut self, mut items: impl Iterator<Item = Obj>) -> Option<()> {
        items.try_for_each(|item| self.value(item))
    }
}

/// Characters that a name takes at least.
fn chars_of(name: Str) -> usize {
    name.len().min(NAME_CHARS)
}
