//! Cuts the sources of a job into shards.

use std::collections::VecDeque;
use std::iter::Peekable;

use super::SourceError;
use super::listing::{Listed, Listing, Place};
use super::location::Location;
use crate::{Job, Range, Shard};

/// A shard of a compressed file spans at least this part of the bytes before it, which all have to be
/// decompressed to reach it. So the shards of a file grow with it, and reaching all of them takes no more than
/// this many times the work of reading the file once.
const SKIPPED_TO_READ: u64 = 32;

/// Yields the shards of a job one by one, having looked at no source beyond the one after the last shard.
pub(super) struct Planner {
    shard_sources: u64,
    ordinal: u64,
    /// What is left of the location that is being cut.
    here: Option<(Location, Peekable<Listing>)>,
    next: VecDeque<Location>,
    failed: bool,
}

impl Planner {
    pub(super) fn new(job: &Job, after: Option<&Shard>) -> Result<Planner, SourceError> {
        let mut paths = job.sources.iter();
        let find = |path: &String| Location::find(path, &job.columns);
        let here = after.map(|shard| go_on(paths.by_ref().map(find), &shard.range)).transpose()?;
        let next: VecDeque<Location> = paths.map(find).collect::<Result<_, _>>()?;
        let tabular = here.iter().map(|(location, _)| location).chain(&next).any(Location::is_tabular);
        if after.is_none() && !job.columns.is_empty() && !tabular {
            return Err(SourceError::NothingToMap);
        }
        // A source that holds nothing is a mistake that is better told before anything runs.
        for location in &next {
            if location.list()?.next().transpose()?.is_none() {
                return Err(location.empty_error());
            }
        }
        Ok(Planner {
            shard_sources: job.shard_sources.max(1),
            ordinal: after.map_or(0, |shard| shard.ordinal + 1),
            here,
            next,
            failed: false,
        })
    }

    fn advance(&mut self) -> Result<Option<Shard>, SourceError> {
        loop {
            if let Some((location, listing)) = &mut self.here
                && let Some((range, sources)) = cut(location, listing, self.shard_sources)?
            {
                let ordinal = self.ordinal;
                self.ordinal += 1;
                return Ok(Some(Shard { ordinal, sources, range }));
            }
            let Some(location) = self.next.pop_front() else { return Ok(None) };
            let listing = location.list()?.peekable();
            self.here = Some((location, listing));
        }
    }
}

impl Iterator for Planner {
    type Item = Result<Shard, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.advance();
        self.failed = step.is_err();
        step.transpose()
    }
}

/// What is left of the location of a planned range. Those before it are planned, and may be gone by now.
fn go_on(
    mut locations: impl Iterator<Item = Result<Location, SourceError>>,
    planned: &Range,
) -> Result<(Location, Peekable<Listing>), SourceError> {
    let location = locations.find_map(|found| found.ok().filter(|location| location.holds(planned)));
    let location = location.ok_or_else(|| SourceError::Changed { path: planned.location().to_owned() })?;
    let rest = location.list_after(planned)?.peekable();
    Ok((location, rest))
}

/// The next range of a location and how many sources it holds.
fn cut(
    location: &Location,
    listing: &mut Peekable<Listing>,
    shard_sources: u64,
) -> Result<Option<(Range, u64)>, SourceError> {
    let Some(first) = listing.next().transpose()? else { return Ok(None) };
    let mut range = Range::starting_with(location, first);
    let mut sources = 1;
    while sources < shard_sources || (location.is_packed() && range.is_too_far_in()) {
        let next = listing.next_if(|next| next.as_ref().map_or(true, |next| range.goes_on_to(&next.place)));
        let Some(listed) = next.transpose()? else { break };
        range.extend_to(listed.place);
        sources += 1;
    }
    Ok(Some((range, sources)))
}

impl Range {
    /// The folder or file that the range lies in.
    pub(crate) fn location(&self) -> &str {
        match self {
            Range::Tree { root, .. } | Range::Rows { root, .. } => root,
            Range::Lines { path, .. } | Range::Listed { path, .. } => path,
        }
    }

    fn starting_with(location: &Location, first: Listed) -> Range {
        match (location, first.place) {
            (Location::Folder(root) | Location::File { folder: root, .. }, Place::Key(key)) => {
                Range::Tree { root: root.clone(), first: key.clone(), last: key }
            }
            (Location::Lines { path, .. }, Place::Line { from, to, number }) => {
                Range::Lines { path: path.clone(), from_byte: from, to_byte: to, first_line: number }
            }
            (Location::Manifest(path), Place::Line { from, to, number }) => {
                Range::Listed { path: path.clone(), from_byte: from, to_byte: to, first_line: number }
            }
            (
                Location::Table { folder: root, .. } | Location::Tables { root, .. },
                Place::Row { table, row },
            ) => Range::Rows {
                root: root.clone(),
                key: table.key.clone(),
                from_row: row,
                to_row: row + 1,
                columns: table.columns.clone(),
            },
            _ => unreachable!("a location lists places of its own kind"),
        }
    }

    /// Whether the range may reach to the next place of its location. Rows of two files are two ranges.
    fn goes_on_to(&self, place: &Place) -> bool {
        match (self, place) {
            (Range::Rows { key, .. }, Place::Row { table, .. }) => *key == table.key,
            _ => true,
        }
    }

    fn extend_to(&mut self, place: Place) {
        match (self, place) {
            (Range::Tree { last, .. }, Place::Key(key)) => *last = key,
            (Range::Lines { to_byte, .. } | Range::Listed { to_byte, .. }, Place::Line { to, .. }) => {
                *to_byte = to;
            }
            (Range::Rows { to_row, .. }, Place::Row { row, .. }) => *to_row = row + 1,
            _ => unreachable!("a location lists places of one kind"),
        }
    }

    /// Whether reaching the range costs too much for what it holds.
    fn is_too_far_in(&self) -> bool {
        match self {
            Range::Tree { .. } | Range::Listed { .. } | Range::Rows { .. } => false,
            Range::Lines { from_byte, to_byte, .. } => (to_byte - from_byte) < from_byte / SKIPPED_TO_READ,
        }
    }
}
