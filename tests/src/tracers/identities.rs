//! Numbers of objects in the accounts of both tracers.
//!
//! The reference marks objects with numbers of its own. Read beside what the native tracer tells, each of them must
//! stand for one number of the native one's, wherever it stands.

use std::collections::{BTreeMap, BTreeSet};

use super::{Account, Event};

/// What the reference puts around a number.
const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';

/// The reference's account with the numbers that the native tracer gave, as far as one stands for one. What is left
/// keeps its mark, and so differs.
pub fn with_numbers_of(mut slow: Account, fast: &Account) -> Account {
    let mut pairs = Pairs::default();
    for (slow, fast) in slow.events.iter_mut().zip(&fast.events) {
        let mut fast = fast.clone();
        for (slow, fast) in texts(slow).zip(texts(&mut fast)) {
            if let (Some(slow), Some(fast)) = (slow, fast) {
                *slow = pairs.read(slow, fast);
            }
        }
    }
    for event in &mut slow.events {
        let looked = event.state.iter_mut().flat_map(|state| {
            let globals = state.global.values_mut().flatten();
            state.local.values_mut().chain(globals).map(|(_, text)| text)
        });
        looked.for_each(|text| *text = pairs.read(text, ""));
    }
    slow
}

/// The texts of values in an event. Where both tracers tell the same, these are as many in both.
fn texts(event: &mut Event) -> impl Iterator<Item = &mut Option<String>> {
    let changes = event.changes.iter_mut().map(|change| &mut change.4);
    let items = event.stack.iter_mut().flatten().map(|item| &mut item.2);
    std::iter::once(&mut event.text).chain(changes).chain(items)
}

/// Which number of the reference's is which of the native tracer's.
#[derive(Default)]
struct Pairs {
    native: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl Pairs {
    /// A text of the reference's with the other's numbers, which are learned from the other's text.
    fn read(&mut self, slow: &str, fast: &str) -> String {
        let mut parts = slow.split(BEGIN);
        let mut read = parts.next().unwrap_or_default().to_owned();
        let mut fast = fast.strip_prefix(&read);
        for part in parts {
            let Some((number, rest)) = part.split_once(END) else { return slow.to_owned() };
            let shown = fast.and_then(|fast| fast.strip_prefix('#')).map(|fast| {
                fast.split_at(fast.find(|character: char| !character.is_ascii_digit()).unwrap_or(fast.len()))
            });
            if let Some((shown, _)) = shown
                && !self.native.contains_key(number)
                && self.taken.insert(shown.to_owned())
            {
                self.native.insert(number.to_owned(), shown.to_owned());
            }
            match self.native.get(number) {
                Some(native) => read.push_str(&format!("#{native}")),
                None => read.push_str(&format!("{BEGIN}{number}{END}")),
            }
            read.push_str(rest);
            fast = shown.and_then(|(_, behind)| behind.strip_prefix(rest));
        }
        read
    }
}
