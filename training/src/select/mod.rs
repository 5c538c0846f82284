//! Which executions become training text, and for what.
//!
//! Each execution is looked at once (`glance`); the decision is a pure function of all glances, which are scanned
//! several times instead of being held. It takes about ten bytes of memory for an execution, and 200 MiB beside,
//! or 24 bytes for each execution of the largest group if that is more.

mod benchmark;
mod clusters;
mod glance;
pub(crate) mod hash;
mod rank;
mod similarity;
mod split;
mod tokens;

use serde::{Deserialize, Serialize};

pub(crate) use benchmark::{Benchmarks, Overlap};
use clusters::Clusters;
pub(crate) use glance::Glance;
use hash::join;
use rank::{Entry, grouped};
use similarity::BANDS;
pub use split::Split;

/// What to keep. Where more is left of a group than may be, chance decides, which the seed decides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    pub caps: Caps,
    /// The share of sources that are kept apart, from 0 to 1. Sources whose code is nearly the same go together.
    pub validation: f64,
}

/// At most so many of each group; `None` for any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Sources whose code is nearly the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar_sources: Option<u64>,
    /// Executions whose traces are nearly the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar_traces: Option<u64>,
    /// Executions of one source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_source: Option<u64>,
    /// Executions that took the same steps between lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_shape: Option<u64>,
    /// Executions that ended alike after about as many events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_stratum: Option<u64>,
}

/// Why an execution is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    NeverRan,
    InBenchmark,
    OverlapsBenchmark,
    SimilarSource,
    SimilarTrace,
    SourceFull,
    ShapeFull,
    StratumFull,
}

impl LeftOut {
    pub const ALL: [LeftOut; 8] = [
        LeftOut::NeverRan,
        LeftOut::InBenchmark,
        LeftOut::OverlapsBenchmark,
        LeftOut::SimilarSource,
        LeftOut::SimilarTrace,
        LeftOut::SourceFull,
        LeftOut::ShapeFull,
        LeftOut::StratumFull,
    ];

    /// The name under which a report counts it.
    pub fn name(self) -> &'static str {
        match self {
            LeftOut::NeverRan => "never_ran",
            LeftOut::InBenchmark => "in_benchmark",
            LeftOut::OverlapsBenchmark => "overlaps_benchmark",
            LeftOut::SimilarSource => "similar_source",
            LeftOut::SimilarTrace => "similar_trace",
            LeftOut::SourceFull => "source_full",
            LeftOut::ShapeFull => "shape_full",
            LeftOut::StratumFull => "stratum_full",
        }
    }
}

/// What becomes of an execution.
pub(crate) type Verdict = Result<Split, LeftOut>;

impl Selection {
    /// Decides for `count` executions. `scan` gives all glances in order, as often as it is called.
    pub(crate) fn decide<E>(
        &self,
        seed: u64,
        count: u32,
        scan: impl Fn(&mut dyn FnMut(u32, &Glance)) -> Result<(), E>,
    ) -> Result<Vec<Verdict>, E> {
        let mut verdicts = vec![Ok(Split::Train); count as usize];
        scan(&mut |member, glance| verdicts[member as usize] = judged_alone(glance))?;
        let mut choice = Choice { seed, scan, verdicts };
        let caps = &self.caps;
        let mut sources_alike = (caps.similar_sources.is_some() || self.validation > 0.0)
            .then(|| choice.clusters(|glance| &glance.code))
            .transpose()?;
        if let (Some(most), Some(alike)) = (caps.similar_sources, &mut sources_alike) {
            choice.cap(most, LeftOut::SimilarSource, Glance::by_source, |member, _| {
                alike.root(member).into()
            })?;
        }
        if let Some(most) = caps.similar_traces {
            let mut alike = choice.clusters(|glance| &glance.trace)?;
            choice.cap(most, LeftOut::SimilarTrace, Glance::by_id, |member, _| alike.root(member).into())?;
        }
        for (most, why, group) in [
            (caps.per_source, LeftOut::SourceFull, Glance::by_source as fn(&Glance) -> u64),
            (caps.per_shape, LeftOut::ShapeFull, |glance| glance.shape),
            (caps.per_stratum, LeftOut::StratumFull, |glance| glance.stratum),
        ] {
            if let Some(most) = most {
                choice.cap(most, why, Glance::by_id, |_, glance| group(glance))?;
            }
        }
        if let Some(mut alike) = sources_alike.filter(|_| self.validation > 0.0) {
            choice.split(self.validation, |member| alike.root(member))?;
        }
        Ok(choice.verdicts)
    }
}

impl Glance {
    fn by_id(&self) -> u64 {
        self.id
    }

    fn by_source(&self) -> u64 {
        self.source
    }
}

/// What can be said of an execution without the others.
fn judged_alone(glance: &Glance) -> Verdict {
    if !glance.ran {
        return Err(LeftOut::NeverRan);
    }
    match glance.overlap {
        Overlap::None => Ok(Split::Train),
        Overlap::Run => Err(LeftOut::OverlapsBenchmark),
        Overlap::Whole => Err(LeftOut::InBenchmark),
    }
}

/// A decision that is being made.
struct Choice<S> {
    seed: u64,
    scan: S,
    verdicts: Vec<Verdict>,
}

impl<S, E> Choice<S>
where
    S: Fn(&mut dyn FnMut(u32, &Glance)) -> Result<(), E>,
{
    fn left(&self) -> u64 {
        self.verdicts.iter().filter(|verdict| verdict.is_ok()).count() as u64
    }

    /// Joins those that agree in a band, and those of one source: their code is the same.
    fn clusters(&self, signature: impl Fn(&Glance) -> &[u64; BANDS]) -> Result<Clusters, E> {
        let mut clusters =
            Clusters::alone(u32::try_from(self.verdicts.len()).expect("members are counted so"));
        let entries = |each: &mut dyn FnMut(Entry)| {
            (self.scan)(&mut |member, glance| {
                if self.verdicts[member as usize].is_ok() {
                    let bands = signature(glance).iter().enumerate();
                    bands.for_each(|(band, &key)| {
                        each(Entry { group: join(band as u64, key), rank: 0, member });
                    });
                }
            })
        };
        grouped(self.left() * BANDS as u64, entries, |group| {
            group.windows(2).for_each(|pair| clusters.join(pair[0].member, pair[1].member));
        })?;
        Ok(clusters)
    }

    /// Leaves `most` of each group. Things of one `unit` stay or go together, and count as one.
    fn cap(
        &mut self,
        most: u64,
        why: LeftOut,
        unit: fn(&Glance) -> u64,
        mut group: impl FnMut(u32, &Glance) -> u64,
    ) -> Result<(), E> {
        let mut full = Vec::new();
        let entries = |each: &mut dyn FnMut(Entry)| {
            (self.scan)(&mut |member, glance| {
                if self.verdicts[member as usize].is_ok() {
                    let rank = join(self.seed, unit(glance));
                    each(Entry { group: group(member, glance), rank, member });
                }
            })
        };
        grouped(self.left(), entries, |entries| {
            let beyond = entries.chunk_by(|one, other| one.rank == other.rank).skip(most as usize);
            full.extend(beyond.flatten().map(|entry| entry.member));
        })?;
        for member in full {
            self.verdicts[member as usize] = Err(why);
        }
        Ok(())
    }

    /// Puts clusters on one side or the other. The name of a cluster is its first execution's.
    fn split(&mut self, validation: f64, mut root: impl FnMut(u32) -> u32) -> Result<(), E> {
        let Choice { seed, scan, verdicts } = self;
        // A root comes before the members of its cluster.
        let mut sides = vec![Split::Train; verdicts.len()];
        scan(&mut |member, glance| {
            let root = root(member);
            if root == member {
                sides[member as usize] = Split::of(glance.source, *seed, validation);
            }
            if let Ok(split) = &mut verdicts[member as usize] {
                *split = sides[root as usize];
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::hash::{hash, runs};
    use super::similarity::signature;
    use super::tokens::tokens;
    use super::*;

    /// An execution of `code`; `path` is its source, and `trace` stands for what it did.
    fn glance(path: &str, code: &str, trace: &str) -> Glance {
        let (id, source) = (hash(format!("{path} {trace}").as_bytes()), hash(path.as_bytes()));
        Glance {
            id,
            source,
            code: signature(runs(&tokens(code), 2), source),
            trace: signature(runs(&tokens(trace), 2), id),
            shape: hash(code.as_bytes()),
            stratum: 0,
            ran: true,
            overlap: Overlap::None,
        }
    }

    fn decide(selection: &Selection, seed: u64, glances: &[Glance]) -> Vec<Verdict> {
        let scan = |each: &mut dyn FnMut(u32, &Glance)| -> Result<(), Infallible> {
            (0..).zip(glances).for_each(|(member, glance)| each(member, glance));
            Ok(())
        };
        let count = u32::try_from(glances.len()).unwrap();
        let Ok(verdicts) = selection.decide(seed, count, scan);
        verdicts
    }

    fn capped(caps: Caps) -> Selection {
        Selection { caps, ..Selection::default() }
    }

    fn left(verdicts: &[Verdict]) -> Vec<usize> {
        (0..verdicts.len()).filter(|&member| verdicts[member].is_ok()).collect()
    }

    const GCD: &str = "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a";

    fn corpus() -> Vec<Glance> {
        let commented = format!("# Euclid\n{GCD}");
        vec![
            glance("a.py", GCD, "a = 12; b = 8; a = 8; b = 4"),
            glance("a.py", GCD, "a = 7; b = 3; a = 3; b = 1"),
            glance("b.py", &commented, "a = 12; b = 8; a = 8; b = 4"),
            glance("c.py", "import os\nprint(os.sep, os.linesep)", "print"),
            glance("c.py", "import os\nprint(os.sep, os.linesep)", "print again"),
        ]
    }

    #[test]
    fn nothing_asked_keeps_everything() {
        assert_eq!(decide(&Selection::default(), 0, &corpus()), [Ok(Split::Train); 5]);
    }

    #[test]
    fn of_similar_sources_one_stays_with_all_its_executions() {
        let selection = capped(Caps { similar_sources: Some(1), ..Caps::default() });
        for seed in 0..8 {
            let left = left(&decide(&selection, seed, &corpus()));
            assert!(left == [0, 1, 3, 4] || left == [2, 3, 4], "{left:?}");
        }
    }

    #[test]
    fn of_similar_traces_one_stays_whatever_its_source() {
        let selection = capped(Caps { similar_traces: Some(1), ..Caps::default() });
        let verdicts = decide(&selection, 0, &corpus());
        let dropped: Vec<_> = verdicts.iter().filter_map(|verdict| verdict.err()).collect();
        assert_eq!(dropped, [LeftOut::SimilarTrace]);
        assert!(verdicts[0].is_err() || verdicts[2].is_err());
    }

    #[test]
    fn caps_leave_so_many_and_the_seed_says_which() {
        let many: Vec<_> = (0..40).map(|n| glance("a.py", GCD, &format!("n = {n}"))).collect();
        let selection = capped(Caps { per_source: Some(7), ..Caps::default() });
        let chosen = |seed| left(&decide(&selection, seed, &many));
        assert_eq!(chosen(1).len(), 7);
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
        let selection = capped(Caps { per_shape: Some(3), per_stratum: Some(2), ..Caps::default() });
        let verdicts = decide(&selection, 0, &many);
        let count = |why| verdicts.iter().filter(|verdict| **verdict == Err(why)).count();
        assert_eq!((count(LeftOut::ShapeFull), count(LeftOut::StratumFull)), (37, 1));
    }

    #[test]
    fn what_never_ran_or_is_examined_goes_first() {
        let mut corpus = corpus();
        corpus[0].overlap = Overlap::Whole;
        corpus[3].overlap = Overlap::Run;
        corpus[4].ran = false;
        let selection = capped(Caps { similar_traces: Some(1), ..Caps::default() });
        let verdicts = decide(&selection, 0, &corpus);
        // What is left out already takes nobody's place.
        let train = Ok(Split::Train);
        let (examined, overlaps) = (Err(LeftOut::InBenchmark), Err(LeftOut::OverlapsBenchmark));
        assert_eq!(verdicts, [examined, train, train, overlaps, Err(LeftOut::NeverRan)]);
    }

    #[test]
    fn similar_sources_are_on_one_side() {
        let selection = Selection { validation: 0.5, ..Selection::default() };
        let mut sides = Vec::new();
        for seed in 0..32 {
            let verdicts = decide(&selection, seed, &corpus());
            assert!(verdicts[0] == verdicts[1] && verdicts[0] == verdicts[2] && verdicts[3] == verdicts[4]);
            sides.push((verdicts[0], verdicts[3]));
        }
        sides.sort_unstable();
        sides.dedup();
        assert_eq!(sides.len(), 4, "either can be on either side");
    }
}
