//! The parts of an INSTRUCTION.

use trace::wire::{item, tag};

use super::{FIXED_LEN, Full, Log, Name};
use crate::disassembly::Description;
use crate::layout::{Obj, Version};
use crate::value;

impl Log {
    /// INSTRUCTION, up to the items of its stack. `number` is the instruction's own, 0 for one that the log does not
    /// know; it is described then.
    #[inline(always)]
    pub(crate) fn instruction<'a>(
        &mut self,
        number: u32,
        describe: impl FnOnce() -> Description<'a>,
        height: usize,
    ) -> Result<u32, Full> {
        self.item(tag::INSTRUCTION)?;
        self.varint(number.into());
        let number = if number == 0 { self.describe(&describe())? } else { number };
        self.varint(height as u64);
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
    pub(crate) fn no_item(&mut self) -> Result<(), Full> {
        self.room(FIXED_LEN)?;
        self.varint(item::NULL);
        Ok(())
    }

    /// A value on the stack.
    #[inline(always)]
    pub(crate) fn value_item<V: Version>(&mut self, value: Obj) -> Result<(), Full> {
        self.room(FIXED_LEN)?;
        self.varint(item::VALUE);
        self.text::<V>(value, |text| value::write::<V>(text, value))
    }

    /// The object of a local on the stack.
    pub(crate) fn local_item<V: Version>(&mut self, local: &mut Name) -> Result<(), Full> {
        self.room(FIXED_LEN)?;
        self.name::<V>(local, |number| u64::from(number) + item::LOCAL)
    }
}
