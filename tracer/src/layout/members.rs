//! Attributes that a class keeps a place for in its instances, as `__slots__` asks it to.

use std::ffi::CStr;
use std::ptr::NonNull;

use pyo3_ffi::PyMemberDef;

use super::{Known, List, Obj, Str, Tuple, Type, Version};

/// An attribute with a place in the instances of a class. It lives as long as the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member(NonNull<PyMemberDef>);

/// What an attribute is called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Object(Str),
    Member(Member),
}

impl Label {
    /// Marks the word of a member. Addresses are aligned, so the bit is free.
    const MEMBER: usize = 2;

    /// What tells it from other labels of the same class.
    pub(crate) fn word(self) -> usize {
        match self {
            Label::Object(name) => name.obj().address(),
            Label::Member(member) => member.0.as_ptr() as usize | Label::MEMBER,
        }
    }

    /// # Safety
    /// The word must be that of a label whose class, or name, lives.
    pub(crate) unsafe fn from_word(word: usize) -> Option<Label> {
        // SAFETY: the caller vouches for the word.
        unsafe {
            if word & Label::MEMBER == 0 {
                Obj::maybe(word as *mut _).map(|name| Label::Object(Str::from_obj(name)))
            } else {
                NonNull::new((word & !Label::MEMBER) as *mut PyMemberDef)
                    .map(|member| Label::Member(Member(member)))
            }
        }
    }

    /// Whether both are the same name.
    pub(crate) fn reads_as<V: Version>(self, other: Label) -> bool {
        match (self, other) {
            (Label::Object(name), Label::Object(other)) => name.equals::<V>(other),
            (Label::Member(member), Label::Member(other)) => member == other,
            (Label::Object(name), Label::Member(member)) | (Label::Member(member), Label::Object(name)) => {
                name.units::<V>().bytes() == (member.name(), 1)
            }
        }
    }

    /// Number of characters.
    pub(crate) fn len(self) -> usize {
        match self {
            Label::Object(name) => name.len(),
            Label::Member(member) => String::from_utf8_lossy(member.name()).chars().count(),
        }
    }

    /// What lives at the word, if that is an object.
    pub(crate) fn object(self) -> Option<Obj> {
        match self {
            Label::Object(name) => Some(name.obj()),
            Label::Member(_) => None,
        }
    }
}

/// The type code of a place that holds an object, or nothing.
const OBJECT: i32 = 16;

impl Member {
    /// The attribute's name, in UTF-8.
    pub(crate) fn name(&self) -> &[u8] {
        // SAFETY: the class lives, and keeps the name.
        unsafe { CStr::from_ptr(self.0.as_ref().name) }.to_bytes()
    }

    /// What the attribute holds.
    ///
    /// # Safety
    /// The object must be an instance of the class.
    pub(crate) unsafe fn value(self, object: Obj) -> Option<Obj> {
        // SAFETY: the caller vouches for the class, which keeps an object or null there.
        unsafe { object.field(self.0.as_ref().offset as usize) }
    }

    /// Whether `__slots__` means this one by that name: one with two underscores has the class's before it.
    fn is_called<V: Version>(&self, name: Str) -> bool {
        let units = name.units::<V>();
        let (wanted, width) = units.bytes();
        let own = self.name();
        width == 1
            && (own == wanted
                || (wanted.starts_with(b"__") && own.starts_with(b"_") && own.ends_with(wanted)))
    }
}

impl Type {
    /// Whether instances have places for attributes.
    pub(crate) fn has_members(self) -> bool {
        self.made_by_python().any(|class| !class.own_members().is_empty())
    }

    /// The attributes that instances have places for: those of the outermost base first, and of each class in the
    /// order of its `__slots__`.
    pub(crate) fn members<V: Version>(self) -> Vec<Member> {
        let mut classes: Vec<Type> = self.made_by_python().collect();
        let mut members = Vec::new();
        while let Some(class) = classes.pop() {
            let own = class.own_members().iter().filter(|member| member.type_code == OBJECT);
            let start = members.len();
            members.extend(own.map(|member| Member(NonNull::from(member))));
            if members.len() > start + 1
                && let Some(slots) = class.own::<V>(Known::Slots)
            {
                members[start..].sort_by_key(|member| place_in::<V>(slots, *member));
            }
        }
        members
    }

    /// What follows the structure of a class that Python code made.
    fn own_members(&self) -> &[PyMemberDef] {
        let class = self.obj();
        // SAFETY: as many definitions as the class's size says follow a class of its metaclass's size.
        unsafe {
            let len = usize::try_from(class.size()).unwrap_or(0);
            std::slice::from_raw_parts(class.at(class.ty().instance_size()), len)
        }
    }
}

/// Where a member stands in `__slots__`; behind all others if it is not found there.
fn place_in<V: Version>(slots: Obj, member: Member) -> usize {
    let is_called =
        |name: &Option<Obj>| name.and_then(Str::plain).is_some_and(|name| member.is_called::<V>(name));
    let place = if let Some(slots) = Tuple::plain(slots) {
        slots.items().iter().position(is_called)
    } else {
        List::plain(slots).and_then(|slots| slots.items().iter().position(is_called))
    };
    place.unwrap_or(usize::MAX)
}
