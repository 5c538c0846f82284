//! What was chosen, as it is kept until the set is complete: a byte for each execution, in their order.

use std::io::{BufWriter, Write};

use dataset::{Store, StoreError};

use crate::error::RenderError;
use crate::layout::CHOSEN;
use crate::select::{LeftOut, Split, Verdict};

/// Bytes from this on stand for reasons to leave an execution out; those below it for splits.
const LEFT_OUT: usize = 16;

/// Makes the decisions about all executions known.
pub(crate) fn put(store: &Store, verdicts: &[Verdict]) -> Result<(), StoreError> {
    let mut output = BufWriter::new(store.create(CHOSEN)?);
    let written = verdicts.iter().try_for_each(|verdict| output.write_all(&[byte(*verdict)]));
    written.and_then(|()| output.flush()).map_err(|cause| output.get_ref().error(cause))?;
    let (object, _) = output.into_parts();
    object.finish()
}

/// The decisions about so many executions, from one of them on.
pub(crate) fn get(store: &Store, first: u64, executions: u64) -> Result<Vec<Verdict>, RenderError> {
    let damaged = |what: String| RenderError::Damaged { key: CHOSEN.to_owned(), what };
    let mut bytes = vec![0; executions as usize];
    store.read(CHOSEN)?.read_exact_at(&mut bytes, first).map_err(|cause| damaged(cause.to_string()))?;
    let verdicts = bytes.into_iter().map(verdict).collect::<Option<_>>();
    verdicts.ok_or_else(|| damaged("it holds a decision that there is none of".to_owned()))
}

fn byte(verdict: Verdict) -> u8 {
    let place = match verdict {
        Ok(split) => Split::ALL.iter().position(|other| *other == split),
        Err(why) => LeftOut::ALL.iter().position(|other| *other == why).map(|place| LEFT_OUT + place),
    };
    place.expect("each is one of all") as u8
}

fn verdict(byte: u8) -> Option<Verdict> {
    let byte = usize::from(byte);
    match byte.checked_sub(LEFT_OUT) {
        None => Split::ALL.get(byte).copied().map(Ok),
        Some(place) => LeftOut::ALL.get(place).copied().map(Err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_reads_back_from_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::local(folder.path());
        let splits = Split::ALL.into_iter().map(Ok);
        let all: Vec<Verdict> = splits.chain(LeftOut::ALL.into_iter().map(Err)).collect();
        put(&store, &all).unwrap();
        assert_eq!(get(&store, 0, all.len() as u64).unwrap(), all);
        assert_eq!(get(&store, 3, 2).unwrap(), all[3..5]);
        assert!(get(&store, 3, all.len() as u64).unwrap_err().to_string().contains("is damaged"));
    }

    #[test]
    fn what_nobody_has_decided_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::local(folder.path());
        store.put(CHOSEN, &[0, 9]).unwrap();
        assert!(get(&store, 0, 2).unwrap_err().to_string().contains("a decision that there is none of"));
    }
}
