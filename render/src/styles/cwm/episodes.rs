//! What the examples of one execution begin with, and which frame each of them tells.

use std::collections::{BTreeSet, HashMap};

use trace::{Event, EventKind};

use super::Cwm;
use super::teller::Teller;
use crate::Execution;
use crate::level::Level;
use crate::random::Random;
use crate::scopes::Scopes;
use crate::source::Source;
use crate::step;

/// Each episode repeats the source, so the texts of an execution of many calls would not fit into memory.
pub(super) const MOST_EPISODES: usize = 256;

/// What one example tells: a frame and what is stepped into from there.
pub(super) struct Episode<'s> {
    pub(super) root: u32,
    pub(super) teller: Teller<'s>,
}

impl Cwm {
    /// Tells all episodes in one pass over the events.
    pub(super) fn tell<'s>(
        &self,
        execution: &Execution<'s>,
        entry: &Event<'s>,
        seed: u64,
        source: &'s Source<'s>,
    ) -> Vec<Episode<'s>> {
        let (roots, places) = self.episodes(execution, entry, Random::new(seed, execution.id, "cwm"));
        let begin = |root| Episode { root, teller: Teller::new(self.collapsed, source) };
        let mut episodes: Vec<Episode<'s>> = roots.into_iter().map(begin).collect();
        // Those whose reader knows the globals: a change in any frame concerns them.
        let mut in_module = BTreeSet::new();
        let mut scopes = Scopes::default();
        for event in execution.events {
            if !step::is_step(event) || !Level::Line.shows(event) {
                continue;
            }
            scopes.apply(event);
            for episode in &in_module {
                let Episode { teller, .. }: &mut Episode<'_> = &mut episodes[*episode];
                teller.notice(event);
            }
            if let Some(&Place { episode, .. }) = places.get(&event.frame) {
                let teller = &mut episodes[episode].teller;
                teller.notice(event);
                teller.tell(event, &scopes);
                if teller.is_in_module() {
                    in_module.insert(episode);
                } else {
                    in_module.remove(&episode);
                }
            }
            scopes.forget(event);
        }
        episodes
    }

    /// The frames that episodes begin with, and where each frame is told that is.
    fn episodes(
        &self,
        execution: &Execution<'_>,
        entry: &Event<'_>,
        mut random: Random,
    ) -> (Vec<u32>, HashMap<u32, Place>) {
        let mut roots = vec![entry.frame];
        let mut places = HashMap::from([(entry.frame, Place { episode: 0, depth: 0 })]);
        for event in execution.events.iter().filter(|event| event.kind == EventKind::Call) {
            if event.frame == entry.frame {
                continue;
            }
            let parent = event.parent.and_then(|parent| places.get(&parent).copied());
            let is_drawn = random.unit() < self.step_in;
            match parent {
                Some(Place { episode, depth }) if is_drawn && self.depth.is_none_or(|most| depth < most) => {
                    places.insert(event.frame, Place { episode, depth: depth + 1 });
                }
                _ if self.calls && roots.len() < MOST_EPISODES => {
                    places.insert(event.frame, Place { episode: roots.len(), depth: 0 });
                    roots.push(event.frame);
                }
                _ => (),
            }
        }
        (roots, places)
    }
}

/// Where a frame is told.
#[derive(Debug, Clone, Copy)]
struct Place {
    episode: usize,
    /// How deep it lies in it.
    depth: usize,
}
