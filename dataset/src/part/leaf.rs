//! The columns that hold values themselves: names, numbers and texts.

use std::borrow::Cow;

use parquet::basic::Encoding;
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::ColumnDescPtr;

use super::chunk::{Chunk, Codec, Encoded};
use super::dictionary::Dictionary;
use super::encoding::{put_deltas, put_keys, put_text};
use super::levels::List;

/// No honest name is longer, and a name is repeated at every event.
const NAME_BYTES: usize = 512;

/// A column as the pages of a row group come out of it.
pub(super) trait Leaf {
    /// Ends a page, which is as long as the list, that is complete.
    fn end_page(&mut self, codec: &mut Codec, list: &List) -> ParquetResult<()>;

    /// All pages since the last row group.
    fn end_row_group(&mut self, codec: &mut Codec, column: ColumnDescPtr) -> ParquetResult<Encoded>;

    /// Bytes of the names that it holds since the last row group.
    fn name_bytes(&mut self) -> usize;
}

/// The values of the page that is being gathered.
pub(super) trait Values: Default {
    const ENCODING: Encoding;

    fn put(&self, page: &mut Vec<u8>);

    fn clear(&mut self);

    /// What the values of all pages are keys into, if they are.
    fn dictionary(&mut self) -> Option<&mut Dictionary> {
        None
    }
}

/// A column with a value for each member of its list.
#[derive(Default)]
pub(super) struct Required<V> {
    pub(super) values: V,
    chunk: Chunk,
}

impl<V: Values> Leaf for Required<V> {
    fn end_page(&mut self, codec: &mut Codec, list: &List) -> ParquetResult<()> {
        let Required { values, chunk } = self;
        chunk.add_page(codec, list, V::ENCODING, |page| {
            list.put(page);
            values.put(page);
        })?;
        values.clear();
        Ok(())
    }

    fn end_row_group(&mut self, codec: &mut Codec, column: ColumnDescPtr) -> ParquetResult<Encoded> {
        end_row_group(&mut self.values, &mut self.chunk, codec, column)
    }

    fn name_bytes(&mut self) -> usize {
        self.values.dictionary().map_or(0, |names| names.page().len())
    }
}

/// A column some of whose values are null. Nothing is to be done where they are.
#[derive(Default)]
pub(super) struct Nullable<V> {
    values: V,
    /// Which members of the list have a value, up to the last that has one.
    present: Vec<bool>,
    chunk: Chunk,
}

impl<V> Nullable<V> {
    /// For the value of the list's last member.
    pub(super) fn of_last(&mut self, list: &List) -> &mut V {
        self.present.resize(list.len() - 1, false);
        self.present.push(true);
        &mut self.values
    }
}

impl<V: Values> Leaf for Nullable<V> {
    fn end_page(&mut self, codec: &mut Codec, list: &List) -> ParquetResult<()> {
        let Nullable { values, present, chunk } = self;
        chunk.add_page(codec, list, V::ENCODING, |page| {
            list.put_nullable(page, present);
            values.put(page);
        })?;
        present.clear();
        values.clear();
        Ok(())
    }

    fn end_row_group(&mut self, codec: &mut Codec, column: ColumnDescPtr) -> ParquetResult<Encoded> {
        end_row_group(&mut self.values, &mut self.chunk, codec, column)
    }

    fn name_bytes(&mut self) -> usize {
        self.values.dictionary().map_or(0, |names| names.page().len())
    }
}

fn end_row_group(
    values: &mut impl Values,
    chunk: &mut Chunk,
    codec: &mut Codec,
    column: ColumnDescPtr,
) -> ParquetResult<Encoded> {
    let mut dictionary = values.dictionary();
    let encoded = chunk.encode(codec, column, dictionary.as_deref())?;
    if let Some(dictionary) = &mut dictionary {
        dictionary.clear();
    }
    Ok(encoded)
}

#[derive(Default)]
pub(super) struct Numbers(Vec<u32>);

impl Numbers {
    pub(super) fn push(&mut self, number: u32) {
        self.0.push(number);
    }
}

impl Values for Numbers {
    const ENCODING: Encoding = Encoding::DELTA_BINARY_PACKED;

    fn put(&self, page: &mut Vec<u8>) {
        put_deltas(page, &self.0);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Texts that hardly repeat, or that zstd finds where they do: sooner and in less room than by a dictionary.
#[derive(Default)]
pub(super) struct Texts(Vec<u8>);

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        put_text(&mut self.0, text);
    }
}

impl Values for Texts {
    const ENCODING: Encoding = Encoding::PLAIN;

    fn put(&self, page: &mut Vec<u8>) {
        page.extend_from_slice(&self.0);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Texts of which there are few.
#[derive(Default)]
pub(super) struct Names {
    keys: Vec<u32>,
    dictionary: Dictionary,
}

impl Names {
    /// `seen` is of this column.
    pub(super) fn push<'a>(&mut self, name: &'a str, seen: &mut Seen<'a>) {
        let key = seen.number(name, || self.dictionary.number(&bounded(name)));
        self.keys.push(key);
    }
}

impl Values for Names {
    const ENCODING: Encoding = Encoding::RLE_DICTIONARY;

    fn put(&self, page: &mut Vec<u8>) {
        put_keys(page, &self.keys, self.dictionary.len());
    }

    fn clear(&mut self) {
        self.keys.clear();
    }

    fn dictionary(&mut self) -> Option<&mut Dictionary> {
        Some(&mut self.dictionary)
    }
}

/// The numbers of some names that a row had already.
///
/// A log holds each name once, so that where a name stands tells it from the others, and that is compared sooner than
/// its letters are. None of the names goes away while this lasts.
pub(super) struct Seen<'a>([Option<(&'a str, u32)>; SEEN]);

/// More than the variables of most programs.
const SEEN: usize = 64;

impl Default for Seen<'_> {
    fn default() -> Self {
        Seen([None; SEEN])
    }
}

impl<'a> Seen<'a> {
    fn number(&mut self, name: &'a str, look_up: impl FnOnce() -> u32) -> u32 {
        let address = name.as_ptr().addr();
        let place = &mut self.0[(address ^ (address / SEEN)) % SEEN];
        match *place {
            Some((seen, number)) if std::ptr::eq(seen, name) => number,
            _ => place.insert((name, look_up())).1,
        }
    }
}

fn bounded(name: &str) -> Cow<'_, str> {
    const MARK: &str = "…";
    if name.len() <= NAME_BYTES {
        return name.into();
    }
    let end = name.floor_char_boundary(NAME_BYTES - MARK.len());
    format!("{}{MARK}", &name[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(bounded("short"), "short");
        let cut = bounded(&"é".repeat(400)).into_owned();
        assert!(cut.len() <= NAME_BYTES && cut.ends_with("é…"), "{cut}");
    }

    #[test]
    fn names_are_told_apart_wherever_they_stand() {
        let text = "abcabc".repeat(100);
        let mut names = Names::default();
        let mut seen = Seen::default();
        let pieces: Vec<&str> = (0..500).map(|at| &text[at..at + 1 + at % 4]).collect();
        for piece in &pieces {
            names.push(piece, &mut seen);
        }
        let mut dictionary = Dictionary::default();
        let expected: Vec<u32> = pieces.iter().map(|piece| dictionary.number(piece)).collect();
        assert_eq!(names.keys, expected);
    }
}
