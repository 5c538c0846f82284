//! Writes names: of classes, functions, modules and attributes.

use super::Text;
use super::text::NAME_CHARS;
use crate::layout::{ClassName, Label, Str, Type, Units, Version};

impl Text {
    /// A name, cut.
    pub(crate) fn name<V: Version>(&mut self, name: Str) {
        match name.first_units::<V>(NAME_CHARS) {
            Units::Ascii(units) if units.iter().all(|&unit| OF_NAMES[usize::from(unit)]) => self.ascii(units),
            units => units.iter().for_each(|unit| self.name_character(unit)),
        }
        if name.len() > NAME_CHARS {
            self.ellipsis();
        }
    }

    /// The names of flags that are set together, or that of a single one.
    pub(crate) fn flags<V: Version>(&mut self, names: Str) {
        for unit in names.first_units::<V>(NAME_CHARS).iter() {
            if unit == u32::from(b'|') { self.byte(b'|') } else { self.name_character(unit) }
        }
        if names.len() > NAME_CHARS {
            self.ellipsis();
        }
    }

    /// The name of an attribute.
    pub(crate) fn label<V: Version>(&mut self, label: Label) {
        match label {
            Label::Object(name) => self.name::<V>(name),
            Label::Member(member) => self.static_name(member.name()),
        }
    }

    /// `<Name>`
    pub(crate) fn type_alone<V: Version>(&mut self, class: Type) {
        self.byte(b'<');
        self.class_name::<V>(class.name::<V>());
        self.byte(b'>');
    }

    /// A character of a name, escaped where it could be taken for something else in a text.
    fn name_character(&mut self, character: u32) {
        if is_of_names(character) { self.character(character) } else { self.escape(character) }
    }

    /// A name that C code gave, in UTF-8, cut.
    pub(crate) fn static_name(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(name);
        let mut characters = name.chars();
        for character in characters.by_ref().take(NAME_CHARS) {
            self.name_character(character.into());
        }
        if characters.next().is_some() {
            self.ellipsis();
        }
    }

    pub(crate) fn class_name<V: Version>(&mut self, name: ClassName) {
        match name {
            ClassName::Str(name) => self.name::<V>(name),
            ClassName::Static(name) => self.static_name(name),
        }
    }
}

/// Whether a character stands for itself in names: those of ASCII that identifiers and the names of functions
/// within functions have, and all others but the mark of what is left out.
fn is_of_names(character: u32) -> bool {
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() => OF_NAMES[usize::from(byte)],
        _ => character != u32::from('…'),
    }
}

/// The same for the characters of ASCII; names consist of little else.
const OF_NAMES: [bool; 256] = {
    let mut of_names = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        of_names[byte] =
            character.is_ascii_alphanumeric() || matches!(character, b'_' | b'.' | b'-' | b'<' | b'>');
        byte += 1;
    }
    of_names
};
