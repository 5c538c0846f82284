//! The steps that a rendering is made of, each of which is done when its key exists.

use crate::layout::{CHOSEN, DONE, SCATTERED, SURVEY, done_key, scattered_index_key, survey_key};

/// Steps of one kind. They may be done in any order and by anybody; those of the next stage build on all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looks at every execution of a part, to select among them.
    Survey,
    /// Decides what becomes of every execution. A single step.
    Choose,
    /// Renders a part into files of its own.
    Render,
    /// Renders a part, each example to the place where its bucket is gathered from.
    Scatter,
    /// Brings the examples of a bucket into their final order, in files of their own.
    Gather,
}

/// One step: the number of a part, or of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub stage: Stage,
    pub number: u64,
}

impl Stage {
    pub(crate) const ALL: [Stage; 5] =
        [Stage::Survey, Stage::Choose, Stage::Render, Stage::Scatter, Stage::Gather];

    /// What exists once the step of this number is done.
    pub(crate) fn key(self, number: u64) -> String {
        match self {
            Stage::Survey => survey_key(number),
            Stage::Choose => CHOSEN.to_owned(),
            Stage::Scatter => scattered_index_key(number),
            Stage::Render | Stage::Gather => done_key(number),
        }
    }

    /// Where the keys of its steps lie.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Stage::Survey | Stage::Choose => SURVEY,
            Stage::Scatter => SCATTERED,
            Stage::Render | Stage::Gather => DONE,
        }
    }

    /// The number of the step that a key tells of.
    pub(crate) fn number(self, key: &str) -> Option<u64> {
        let name = key.strip_prefix(self.folder())?;
        let number = if self == Stage::Choose { 0 } else { name.split_once('.')?.0.parse().ok()? };
        (self.key(number) == key).then_some(number)
    }
}

impl Step {
    /// What exists in the store once it is done.
    pub fn key(self) -> String {
        self.stage.key(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_of_one_step_of_its_stage() {
        for stage in Stage::ALL {
            let number = if stage == Stage::Choose { 0 } else { 1_234_567 };
            let key = Step { stage, number }.key();
            assert_eq!(stage.number(&key), Some(number), "{key}");
            let told = Stage::ALL.into_iter().filter(|other| other.number(&key).is_some());
            let same_key = |other: &Stage| other.key(number) == key;
            assert!(told.clone().all(|other| same_key(&other)), "{key}: {:?}", told.collect::<Vec<_>>());
        }
        assert_eq!(Stage::Scatter.number("_et/scattered/000001.zst"), None);
        assert_eq!(Stage::Render.number("_et/done/1.json"), None);
    }
}
