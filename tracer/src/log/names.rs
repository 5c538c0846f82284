//! Which names the log has spelled out, and under which numbers.

use std::collections::HashMap;

use super::{FIXED_LEN, Full, Log};
use crate::layout::{Obj, Str, Version};
use crate::python::Owned;
use crate::value::{self, Limits, Text};

/// Number of a name in the log, counted from 1; 0 for one that has not been spelled out.
pub(crate) type NameNumber = u32;

/// The name of a variable or a function.
#[derive(Debug)]
pub(crate) struct Name {
    text: Owned,
    number: NameNumber,
}

impl Name {
    pub(crate) fn new(text: Str) -> Name {
        Name { text: Owned::of(text.obj()), number: 0 }
    }

    pub(crate) fn text(&self) -> Str {
        // SAFETY: `new` was given a `str`.
        unsafe { Str::from_obj(self.text.obj()) }
    }
}

/// Number of class names that are found without comparing text.
const RECENT: usize = 256;

pub(super) struct Names {
    numbers: HashMap<Box<[u8]>, NameNumber>,
    /// By the address of what names a class: a C string, which is never freed, or a `str`, which is held.
    recent: Box<[Recent; RECENT]>,
    /// Set when it is not known any more which names the log holds.
    amnesic: bool,
}

#[derive(Default)]
struct Recent {
    naming: usize,
    number: NameNumber,
    #[expect(dead_code, reason = "it is there to keep the address from being given to another name")]
    held: Option<Owned>,
}

impl Names {
    pub(super) fn new() -> Names {
        Names {
            numbers: HashMap::new(),
            recent: Box::new(std::array::from_fn(|_| Recent::default())),
            amnesic: false,
        }
    }

    /// From now on every name is spelled out wherever it occurs.
    pub(super) fn forget(&mut self) {
        self.amnesic = true;
    }

    /// Number of names that are known.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Forgets the names that came after the first `len`.
    #[inline(always)]
    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.numbers.len() {
            self.forget_after(len);
        }
    }

    #[cold]
    fn forget_after(&mut self, len: usize) {
        self.numbers.retain(|_, number| *number as usize <= len);
        for recent in self.recent.iter_mut().filter(|recent| recent.number as usize > len) {
            *recent = Recent::default();
        }
    }

    fn number_of(&self, text: &[u8]) -> Option<NameNumber> {
        if self.amnesic { None } else { self.numbers.get(text).copied() }
    }

    /// The number of what names a class, if it was met of late.
    #[inline(always)]
    fn recent_number(&self, naming: usize) -> Option<NameNumber> {
        let place = place(naming);
        let recent = [&self.recent[place], &self.recent[place ^ 1]];
        let found = recent.into_iter().find(|recent| recent.naming == naming);
        found.filter(|_| !self.amnesic).map(|recent| recent.number)
    }

    /// A class was met. The one that was in its place goes to the place beside it, so that two which share one do not
    /// drive each other out.
    fn found(&mut self, recent: Recent) {
        let place = place(recent.naming);
        self.recent[place ^ 1] = std::mem::replace(&mut self.recent[place], recent);
    }

    fn remember(&mut self, text: &[u8]) -> NameNumber {
        let number = self.numbers.len() as NameNumber + 1;
        self.numbers.insert(text.into(), number);
        number
    }
}

impl Log {
    /// Writes the number that `head` makes of the name's, and spells the name out where it is a fresh one.
    #[inline(always)]
    pub(super) fn name<V: Version>(
        &mut self,
        name: &mut Name,
        head: impl Fn(NameNumber) -> u64,
    ) -> Result<(), Full> {
        if name.number == 0 {
            name.number = self.spell_with(&value::to_utf8::<V>(name.text()), head)?;
        } else {
            self.varint(head(name.number));
        }
        Ok(())
    }

    /// Writes the name of the class of `object`.
    #[inline(always)]
    pub(super) fn type_name<V: Version>(&mut self, object: Obj) -> Result<NameNumber, Full> {
        let naming = object.ty().naming::<V>();
        let Some(number) = self.names.recent_number(naming) else {
            return self.rarer_type_name::<V>(object, naming);
        };
        self.varint(number.into());
        Ok(number)
    }

    #[cold]
    fn rarer_type_name<V: Version>(&mut self, object: Obj, naming: usize) -> Result<NameNumber, Full> {
        let class = object.ty();
        const LIMITS: Limits = Limits::new(0);
        // On the stack, since this can be the name of a `MemoryError`.
        let mut buffer = [0; LIMITS.room()];
        // SAFETY: the buffer has the room that the limits ask for.
        let mut text = unsafe { Text::new(buffer.as_mut_ptr(), LIMITS) };
        text.class_name::<V>(class.name::<V>());
        let len = text.byte_len();
        let number = self.spell(&buffer[..len])?;
        let held = class.naming_object::<V>().map(Owned::of);
        self.names.found(Recent { naming, number, held });
        Ok(number)
    }

    /// Writes the number of this name, and the name itself if it is a fresh one.
    pub(super) fn spell(&mut self, text: &[u8]) -> Result<NameNumber, Full> {
        self.spell_with(text, |number| number.into())
    }

    fn spell_with(&mut self, text: &[u8], head: impl Fn(NameNumber) -> u64) -> Result<NameNumber, Full> {
        if let Some(number) = self.names.number_of(text) {
            self.varint(head(number));
            return Ok(number);
        }
        self.room(FIXED_LEN + text.len())?;
        self.varint(head(0));
        self.varint(text.len() as u64);
        self.bytes(text);
        Ok(self.names.remember(text))
    }
}

fn place(naming: usize) -> usize {
    // Objects are aligned to 16 bytes.
    (naming >> 4 ^ naming >> 12) % RECENT
}
