//! Members of enumerations.

use super::{Instance, Known, Obj, Str, Version};

/// A member of an enumeration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnumMember {
    /// None for a combination of flags that has none.
    pub(crate) name: Option<Str>,
    pub(crate) value: Obj,
}

impl EnumMember {
    /// If the object is one. A member that is still being made may not be.
    #[inline(always)]
    pub(crate) fn of<V: Version>(object: Obj) -> Option<EnumMember> {
        if object.ty().is_enumeration() { EnumMember::made::<V>(object) } else { None }
    }

    #[inline(never)]
    fn made<V: Version>(object: Obj) -> Option<EnumMember> {
        let (attributes, _) = Instance::from_obj(object).attributes::<V>();
        let attribute = |known: Known| {
            let (_, value) = attributes.get(attributes.find(known.name())?)?;
            Some(value)
        };
        Some(EnumMember {
            name: attribute(Known::MemberName).and_then(Str::plain),
            value: attribute(Known::MemberValue)?,
        })
    }
}
