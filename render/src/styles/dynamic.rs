//! From the whole state at one step to the whole state some steps later.

use std::collections::BTreeMap;

use crate::level::Level;
use crate::machine::Machine;
use crate::random::Random;
use crate::source::Source;
use crate::style::{Parameter, Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, step, text};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "dynamic",
    summary: "the whole state at one step to the whole state n steps later",
    shape: Shape::Prompt,
    parameters: &[
        Level::PARAMETER,
        Parameter {
            key: "n",
            default: "1",
            meaning: "how many steps to go: a number, or `sampled` for a draw of its own for each pair, short \
                      ways as often as long ones",
        },
        Parameter {
            key: "pairs",
            default: "4",
            meaning: "how many pairs of states to draw from each trace, whatever its length, or `all`",
        },
    ],
    build,
};

struct Dynamic {
    level: Level,
    /// `None`: drawn for each pair.
    steps: Option<usize>,
    /// `None`: all.
    pairs: Option<usize>,
}

fn build(settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    let steps = settings.count_or("n", 1, "sampled")?;
    let pairs = settings.count_or("pairs", 4, "all")?;
    Ok(Box::new(Dynamic { level: Level::of(settings)?, steps, pairs }))
}

impl Style for Dynamic {
    fn render(
        &self,
        execution: &Execution<'_>,
        seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        self.level.check(execution)?;
        let stretches = self.stretches(execution);
        let pairs = self.draw(&stretches, Random::new(seed, execution.id, "dynamic"));
        if pairs.is_empty() {
            return Err(Skipped::NothingAsked);
        }
        let source = Source::new(execution.code);
        let wanted = pairs.iter().flat_map(|pair| [pair.from, pair.to]);
        let states = self.states(execution, &source, wanted);

        let mut program = String::new();
        text::program(&mut program, &source);
        for pair in pairs {
            let steps = if pair.steps == 1 { "step" } else { "steps" };
            let prompt = format!("{program}state:\n{}after {} {steps}:\n", states[&pair.from], pair.steps);
            let mut completion = String::new();
            for event in &execution.events[pair.from..pair.to] {
                step::aside(&mut completion, event);
            }
            completion.push_str(&states[&pair.to]);
            let key = format!("{}+{}", pair.first, pair.steps);
            examples.push(Example { key, text: Text::Prompt { prompt, completion } });
        }
        Ok(())
    }
}

/// Two steps of a trace, as indices of events.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    /// Which step of the trace the first one is, from 0.
    first: usize,
    from: usize,
    to: usize,
    steps: usize,
}

impl Dynamic {
    /// The steps of a trace as indices of events, cut where tracing was suspended: nobody can tell how many
    /// steps a gap leaves out.
    fn stretches(&self, execution: &Execution<'_>) -> Vec<Vec<usize>> {
        let mut stretches = vec![Vec::new()];
        for (index, event) in execution.events.iter().enumerate() {
            if step::is_step(event) && self.level.shows(event) {
                stretches.last_mut().expect("there is always one").push(index);
            } else if step::is_gap(event) {
                stretches.push(Vec::new());
            }
        }
        stretches.retain(|stretch| !stretch.is_empty());
        stretches
    }

    /// Draws pairs: first steps without repetition and all equally likely, then the way from each.
    fn draw(&self, stretches: &[Vec<usize>], mut random: Random) -> Vec<Pair> {
        // First steps from which the way stays within their stretch.
        let steps = self.steps.unwrap_or(1);
        let mut firsts = Vec::new();
        let mut number = 0;
        for stretch in stretches {
            let able = stretch.len().saturating_sub(steps);
            firsts.extend((0..able).map(|at| (stretch, at, number + at)));
            number += stretch.len();
        }
        if let Some(pairs) = self.pairs {
            // The first places of a shuffle.
            for place in 0..pairs.min(firsts.len()) {
                let other = place + random.below(firsts.len() - place);
                firsts.swap(place, other);
            }
            firsts.truncate(pairs);
        }
        let mut pairs: Vec<Pair> = firsts
            .into_iter()
            .map(|(stretch, at, first)| {
                let steps = self.steps.unwrap_or_else(|| draw_steps(&mut random, stretch.len() - 1 - at));
                Pair { first, from: stretch[at], to: stretch[at + steps], steps }
            })
            .collect();
        pairs.sort();
        pairs
    }

    /// The state at each of the `wanted` events.
    fn states(
        &self,
        execution: &Execution<'_>,
        source: &Source<'_>,
        wanted: impl Iterator<Item = usize>,
    ) -> BTreeMap<usize, String> {
        let mut states: BTreeMap<usize, String> = wanted.map(|index| (index, String::new())).collect();
        let last = states.last_key_value().map_or(0, |(last, _)| *last);
        let mut machine = Machine::new(source);
        for (index, event) in execution.events.iter().enumerate().take(last + 1) {
            if !step::is_step(event) || !self.level.shows(event) {
                continue;
            }
            machine.apply(event);
            if let Some(state) = states.get_mut(&index) {
                machine.describe(state);
            }
        }
        states
    }
}

/// A number from 1 to `most` whose logarithm is spread evenly, so that ways of 1 to 10 steps come as often
/// as ways of 10 to 100.
fn draw_steps(random: &mut Random, most: usize) -> usize {
    let drawn = ((most as f64 + 1.0).ln() * random.unit()).exp();
    (drawn as usize).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn render(settings: &[&str], execution: &Execution<'_>, seed: u64) -> Result<Vec<Example>, Skipped> {
        let style = KIND.with(&Settings::parse(settings).unwrap()).unwrap();
        let mut examples = Vec::new();
        style.render(execution, seed, &mut examples).map(|()| examples)
    }

    fn pieces(example: &Example) -> (&str, &str) {
        match &example.text {
            Text::Prompt { prompt, completion } => (prompt, completion),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_state_leads_to_the_next() {
        let examples = render(&["pairs=all"], &sample(), 0).unwrap();
        assert_eq!(examples.len(), sample().events.len() - 1);
        for neighbours in examples.windows(2) {
            let ((_, completion), (prompt, _)) = (pieces(&neighbours[0]), pieces(&neighbours[1]));
            assert!(prompt.ends_with(&format!("state:\n{completion}after 1 step:\n")), "{prompt}");
        }
        let (_, end) = pieces(examples.last().unwrap());
        assert!(end.ends_with("-> \"7\"\n"), "{end}");
    }

    #[test]
    fn pairs_are_as_many_for_long_traces_as_for_short_ones() {
        let many = format!("call f 1\n{}return f 2 = int 1", "line f 2\n".repeat(500));
        let long = crate::notation::events(&many);
        let long = Execution { events: &long, ..sample() };
        for execution in [sample(), long] {
            assert_eq!(render(&["n=sampled", "pairs=4"], &execution, 3).unwrap().len(), 4);
        }
        assert_eq!(render(&["n=16", "pairs=4"], &sample(), 3).unwrap().len(), 1, "only one is 16 steps long");
        assert_eq!(render(&["n=17"], &sample(), 3).unwrap_err(), Skipped::NothingAsked);
    }

    #[test]
    fn the_seed_decides_what_is_drawn() {
        let draw = |seed| render(&["n=sampled", "pairs=2"], &sample(), seed).unwrap();
        assert_eq!(draw(1), draw(1));
        assert!((2..20).any(|seed| draw(seed) != draw(1)));
    }

    #[test]
    fn instructions_are_steps_where_they_are_asked_for() {
        use trace::{Event, EventKind, Instruction, StackItem};
        let mut events = crate::notation::events("call f 1 | s: int = 2\nline f 2\nreturn f 2 = int 2");
        let stack = vec![StackItem::Local("s")];
        let instruction = Instruction { offset: 4, name: "RETURN_VALUE", argument: None, stack };
        let kind = EventKind::Instruction(Box::new(instruction));
        events.insert(2, Event { kind, changes: Vec::new(), ..events[1].clone() });
        let execution = Execution { events: &events, ..sample() };
        let examples = render(&["level=instruction", "pairs=all"], &execution, 0).unwrap();
        assert_eq!(
            pieces(&examples[1]).1,
            "> instruction f#0 2 @4 RETURN_VALUE stack [\"=s\"] {\"s\": \"2\"}\n"
        );
        assert_eq!(render(&["pairs=all"], &execution, 0).unwrap().len(), 2);
        assert_eq!(render(&["level=instruction"], &sample(), 0), Err(Skipped::NoInstructions));
    }

    #[test]
    fn no_pair_spans_a_gap() {
        let events = crate::notation::events("call f 1\nline f 2\ngap events 5\nreturn f 9 = int 1");
        let cut = Execution { events: &events, ..sample() };
        let keys: Vec<String> =
            render(&["pairs=all"], &cut, 0).unwrap().into_iter().map(|example| example.key).collect();
        assert_eq!(keys, ["0+1"]);
    }

    #[test]
    fn what_is_printed_on_the_way_stands_before_the_state() {
        let events = crate::notation::events("call f 1\nline f 2\noutput stdout hi\\n\nline f 3");
        let printing = Execution { events: &events, ..sample() };
        let examples = render(&["n=2"], &printing, 0).unwrap();
        assert_eq!(pieces(&examples[0]).1, "output \"hi\\n\"\n> line f#0 3\n");
    }
}
