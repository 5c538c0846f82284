//! The parts of an INSTRUCTION.

use trace::wire::{place, tag};

use super::{FIXED_LEN, Full, Log, Name, Written};
use crate::disassembly::Description;
use crate::layout::{Obj, Version};
use crate::value::{self, Stability};

impl Log {
    /// INSTRUCTION, up to the items of its stack. `number` is the instruction's own, 0 for one that the log does not
    /// know; it is described then.
    #[inline(always)]
    pub(crate) fn instruction<'a>(
        &mut self,
        number: u32,
        describe: impl FnOnce() -> Description<'a>,
        height: u16,
    ) -> Result<u32, Full> {
        self.item(tag::INSTRUCTION)?;
        self.varint(number.into());
        let number = if number == 0 { self.describe(&describe())? } else { number };
        self.varint(height.into());
        Ok(number)
    }

    #[cold]
    fn describe(&mut self, description: &Description<'_>) -> Result<u32, Full> {
        self.varint(description.offset as u64);
        self.spell(description.name.as_bytes())?;
        let argument = description.argument.as_deref();
        self.room(argument.map_or(0, <[u8]>::len) + FIXED_LEN)?;
        self.varint(argument.map_or(0, |argument| argument.len() as u64 + 1));
        self.bytes(argument.unwrap_or_default());
        self.instructions += 1;
        Ok(self.instructions)
    }

    /// A place of the stack without an object.
    pub(crate) fn null_place(&mut self) -> Result<(), Full> {
        self.room(FIXED_LEN)?;
        self.varint(place::NULL);
        Ok(())
    }

    /// A value on the stack.
    #[inline(always)]
    pub(crate) fn value_place<V: Version>(&mut self, value: Obj) -> Result<(Written, Stability), Full> {
        self.room(FIXED_LEN)?;
        self.varint(place::VALUE);
        self.written::<V, _>(value, self.values, |text| value::write_unrecorded::<V>(text, value))
    }

    /// The object of a local on the stack.
    pub(crate) fn local_place<V: Version>(&mut self, local: &mut Name) -> Result<(), Full> {
        self.room(FIXED_LEN)?;
        self.name::<V>(local, |number| u64::from(number) + place::LOCAL)
    }

    /// A place that reads as at the frame's last instruction. `told` is its text, if it has one.
    #[inline(always)]
    pub(crate) fn same_place(&mut self, told: Option<Written>) -> Result<(), Full> {
        self.room(FIXED_LEN)?;
        self.varint(place::SAME);
        self.count_again(told.map_or(0, |told| told.len.into()));
        Ok(())
    }
}
