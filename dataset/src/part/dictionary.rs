//! The distinct texts of a column, numbered in the order in which they first occur.

use ahash::RandomState;
use hashbrown::HashTable;

use super::encoding::put_text;

/// Texts and their numbers.
#[derive(Default)]
pub(super) struct Dictionary {
    /// The texts one after another, as a dictionary page holds them.
    page: Vec<u8>,
    entries: Vec<Entry>,
    /// Finds entries by their hashes.
    numbers: HashTable<u32>,
    /// Seeded at random, because programs choose the texts.
    hasher: RandomState,
}

struct Entry {
    hash: u64,
    /// Where the text stands in the page.
    start: usize,
    end: usize,
}

impl Dictionary {
    /// The number of a text; a new one if it has none yet.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        let is_text = |&number: &u32| {
            let entry = &self.entries[number as usize];
            entry.hash == hash && self.page[entry.start..entry.end] == *text.as_bytes()
        };
        if let Some(&number) = self.numbers.find(hash, is_text) {
            return number;
        }
        let number = self.entries.len() as u32;
        put_text(&mut self.page, text);
        let end = self.page.len();
        self.entries.push(Entry { hash, start: end - text.len(), end });
        self.numbers.insert_unique(hash, number, |&number| self.entries[number as usize].hash);
        number
    }

    /// How many texts it holds.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The texts as a dictionary page holds them.
    pub(super) fn page(&self) -> &[u8] {
        &self.page
    }

    pub(super) fn clear(&mut self) {
        self.page.clear();
        self.entries.clear();
        self.numbers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_number() {
        let mut dictionary = Dictionary::default();
        let numbers = ["a", "", "ab", "a", "", "b"].map(|text| dictionary.number(text));
        assert_eq!(numbers, [0, 1, 2, 0, 1, 3]);
        assert_eq!(dictionary.len(), 4);
        assert_eq!(dictionary.page(), b"\x01\0\0\0a\0\0\0\0\x02\0\0\0ab\x01\0\0\0b");
    }

    #[test]
    fn a_cleared_dictionary_numbers_anew() {
        let mut dictionary = Dictionary::default();
        dictionary.number("a");
        dictionary.clear();
        assert_eq!(dictionary.number("b"), 0);
        assert_eq!(dictionary.page(), b"\x01\0\0\0b");
    }

    #[test]
    fn many_texts_keep_their_numbers() {
        let mut dictionary = Dictionary::default();
        for _ in 0..2 {
            for number in 0..10_000 {
                assert_eq!(dictionary.number(&number.to_string()), number);
            }
        }
    }
}
