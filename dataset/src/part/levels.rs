//! How values fall into rows and lists, as Parquet's repetition and definition levels tell it.

use super::encoding::put_levels;

/// The levels that the columns of one list share in the page that is being gathered.
///
/// There is one of each for every member, and for every list that is empty, null or absent. The repetition level
/// says which of the lists around it a member goes on with, the definition level how much of the way to the member
/// is there.
pub(super) struct List {
    /// The levels of a member that goes on with the innermost list.
    member: Level,
    repetition: Vec<u8>,
    definition: Vec<u8>,
    /// As pages hold them, once the page is complete.
    repetition_page: Vec<u8>,
    definition_page: Vec<u8>,
    rows: usize,
}

/// A repetition and a definition level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) repetition: u8,
    pub(super) definition: u8,
}

impl List {
    pub(super) fn new(member: Level) -> List {
        List {
            member,
            repetition: Vec::new(),
            definition: Vec::new(),
            repetition_page: Vec::new(),
            definition_page: Vec::new(),
            rows: 0,
        }
    }

    pub(super) fn push(&mut self, level: Level) {
        self.repetition.push(level.repetition);
        self.definition.push(level.definition);
    }

    pub(super) fn len(&self) -> usize {
        self.repetition.len()
    }

    /// Rows of the complete page.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Ends a page of so many rows.
    pub(super) fn complete(&mut self, rows: usize) {
        self.rows = rows;
        self.repetition_page.clear();
        put_levels(&mut self.repetition_page, &self.repetition, self.member.repetition);
        self.definition_page.clear();
        put_levels(&mut self.definition_page, &self.definition, self.member.definition);
    }

    /// Puts the levels of a column that has a value for each member.
    pub(super) fn put(&self, page: &mut Vec<u8>) {
        page.extend_from_slice(&self.repetition_page);
        page.extend_from_slice(&self.definition_page);
    }

    /// Puts the levels of a column of which these members have a value, and none after them.
    pub(super) fn put_nullable(&self, page: &mut Vec<u8>, present: &[bool]) {
        page.extend_from_slice(&self.repetition_page);
        let mut definition = self.definition.clone();
        for (level, &is_present) in definition.iter_mut().zip(present) {
            *level += u8::from(is_present);
        }
        put_levels(page, &definition, self.member.definition + 1);
    }

    pub(super) fn clear(&mut self) {
        self.repetition.clear();
        self.definition.clear();
    }
}
