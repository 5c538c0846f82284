//! Writes the items of an `array.array`.

use super::Text;
use crate::layout::Array;

impl Text {
    /// `array('i', [1, 2])`; returns how many items are shown.
    pub(super) fn array(&mut self, array: Array) -> usize {
        self.ascii(b"array('");
        self.byte(array.type_code());
        self.byte(b'\'');
        let shown = if array.len() == 0 {
            0
        } else {
            self.ascii(b", ");
            match array.type_code() {
                b'u' | b'w' => self.characters(array),
                _ => self.numbers(array),
            }
        };
        self.byte(b')');
        shown
    }

    fn numbers(&mut self, array: Array) -> usize {
        let len = array.len();
        let mut shown = 0;
        self.byte(b'[');
        for item in array.as_slice().chunks_exact(array.item_size()) {
            if !self.begin_element(shown, len) {
                break;
            }
            self.item(array.type_code(), item);
            shown += 1;
        }
        self.byte(b']');
        shown
    }

    fn item(&mut self, type_code: u8, item: &[u8]) {
        match (type_code, item) {
            (b'f', &[a, b, c, d]) => self.float(f32::from_ne_bytes([a, b, c, d]).into()),
            (b'd', &[a, b, c, d, e, f, g, h]) => self.float(f64::from_ne_bytes([a, b, c, d, e, f, g, h])),
            _ => {
                let is_signed = type_code.is_ascii_lowercase();
                let is_negative = is_signed && item.last().is_some_and(|byte| *byte >= 0x80);
                let mut bytes = [if is_negative { 0xff } else { 0 }; 16];
                let width = item.len().min(bytes.len());
                bytes[..width].copy_from_slice(&item[..width]);
                // The machines that the tracer is built for are little-endian.
                self.ascii(i128::from_le_bytes(bytes).to_string().as_bytes());
            }
        }
    }

    fn characters(&mut self, array: Array) -> usize {
        let characters: Vec<u32> = array
            .as_slice()
            .chunks_exact(array.item_size())
            .take(self.shown_of(array.len()))
            .map(|item| item.iter().rev().fold(0, |code, byte| code << 8 | u32::from(*byte)))
            .collect();
        self.code_points(&characters, array.len());
        characters.len()
    }
}
