//! What a trace says of a run, as single facts that can be asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use trace::EventKind;

use crate::line_runs::{LineRun, line_runs, values_after};
use crate::source::{Keyword, Source};
use crate::{Execution, text, variables};

/// What a fact is about; its name is what templates call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// A variable after a line has run for the nth time.
    Value,
    /// How often a line runs.
    Count,
    /// Which lines run.
    Lines,
    /// How often the body of a loop runs.
    Loop,
    /// How often a function is called.
    Calls,
    /// What the call returns.
    Returned,
    /// Which exception ends the run.
    Exception,
    /// What is printed.
    Printed,
    /// Whether it is pure.
    Pure,
}

impl About {
    pub(super) const ALL: [About; 9] = [
        About::Value,
        About::Count,
        About::Lines,
        About::Loop,
        About::Calls,
        About::Returned,
        About::Exception,
        About::Printed,
        About::Pure,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            About::Value => "value",
            About::Count => "count",
            About::Lines => "lines",
            About::Loop => "loop",
            About::Calls => "calls",
            About::Returned => "returned",
            About::Exception => "exception",
            About::Printed => "printed",
            About::Pure => "pure",
        }
    }

    /// What its questions may name, and all but that of `Returned` must name to have one answer.
    pub(super) fn details(self) -> &'static [&'static str] {
        match self {
            About::Value => &["variable", "line", "nth"],
            About::Count | About::Loop => &["line"],
            About::Calls => &["function"],
            About::Returned => &["call"],
            About::Lines | About::Exception | About::Printed | About::Pure => &[],
        }
    }
}

/// One fact. `details` are what its question names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) about: About,
    pub(super) details: BTreeMap<&'static str, String>,
    pub(super) answer: String,
}

/// All facts of an execution. Where the trace ends before the program did, only those that hold anyway.
pub(super) fn facts(execution: &Execution<'_>, source: &Source<'_>) -> Vec<Fact> {
    let runs = line_runs(execution.events);
    let mut facts = Vec::new();
    values(execution, &runs, &mut facts);
    if !execution.incomplete {
        counts(&runs, source, &mut facts);
        calls(execution, &mut facts);
    }
    endings(execution, &mut facts);
    facts
}

fn fact(about: About, details: &[(&'static str, String)], answer: String) -> Fact {
    Fact { about, details: details.iter().cloned().collect(), answer }
}

fn values(execution: &Execution<'_>, runs: &[LineRun<'_, '_>], facts: &mut Vec<Fact>) {
    let mut times: HashMap<u32, usize> = HashMap::new();
    for (run, values) in runs.iter().zip(values_after(execution.events)) {
        let nth = times.entry(run.line).or_default();
        *nth += 1;
        for (name, value) in values {
            if value.text.contains('…') || variables::is_definition(name, &value.text) {
                continue;
            }
            let details =
                [("variable", name.to_owned()), ("line", run.line.to_string()), ("nth", ordinal(*nth))];
            facts.push(fact(About::Value, &details, value.text));
        }
    }
}

fn counts(runs: &[LineRun<'_, '_>], source: &Source<'_>, facts: &mut Vec<Fact>) {
    let mut times: BTreeMap<u32, usize> = BTreeMap::new();
    let mut rounds: BTreeMap<u32, usize> = BTreeMap::new();
    for run in runs {
        *times.entry(run.line).or_default() += 1;
        let Some(statement) = source.statement(run.line) else { continue };
        let is_loop = matches!(statement.keyword, Keyword::For | Keyword::While);
        if is_loop && statement.body.is_some() {
            let rounds = rounds.entry(*statement.lines.start()).or_default();
            *rounds += usize::from(run.enters(statement));
        }
    }
    // A statement of several lines comes back to its first on the way, so its count says nothing.
    let single = |line: &u32| {
        source.statement(*line).is_some_and(|statement| statement.lines.start() == statement.lines.end())
    };
    for (line, count) in times.iter().filter(|(line, _)| single(line)) {
        facts.push(fact(About::Count, &[("line", line.to_string())], count.to_string()));
    }
    for (line, count) in rounds {
        facts.push(fact(About::Loop, &[("line", line.to_string())], count.to_string()));
    }
    let lines: Vec<String> = times.keys().map(u32::to_string).collect();
    facts.push(fact(About::Lines, &[], lines.join(", ")));
}

fn calls(execution: &Execution<'_>, facts: &mut Vec<Fact>) {
    let mut frames: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for event in execution.events.iter().filter(|event| event.kind == EventKind::Call) {
        frames.entry(event.function).or_default().insert(event.frame);
    }
    // Names in angle brackets are no names that a program calls: <module>, <lambda>, <genexpr>.
    for (function, frames) in frames.into_iter().filter(|(function, _)| !function.contains('<')) {
        facts.push(fact(About::Calls, &[("function", function.to_owned())], frames.len().to_string()));
    }
}

fn endings(execution: &Execution<'_>, facts: &mut Vec<Fact>) {
    if let Some(output) = execution.output.filter(|output| !output.text.contains('…')) {
        let call = text::one_line(&execution.call());
        facts.push(fact(About::Returned, &[("call", call)], output.text.to_owned()));
    }
    match (execution.outcome, execution.exception) {
        ("raised", Some(exception)) => {
            facts.push(fact(About::Exception, &[], text::exception_text(exception)));
        }
        ("returned", _) => facts.push(fact(About::Exception, &[], "none".to_owned())),
        _ => (),
    }
    let ended = matches!(execution.outcome, "returned" | "raised");
    if ended && !execution.stdout_truncated {
        let printed = match execution.stdout {
            "" => "nothing".to_owned(),
            printed => printed.trim_end_matches('\n').to_owned(),
        };
        facts.push(fact(About::Printed, &[], printed));
    }
    if let Some(pure) = execution.pure {
        facts.push(fact(About::Pure, &[], if pure { "yes" } else { "no" }.to_owned()));
    }
}

/// `1st`, `2nd`, `11th`, `23rd`.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// Facts as `about details = answer`.
    fn told(execution: &Execution<'_>) -> Vec<String> {
        facts(execution, &Source::new(execution.code))
            .into_iter()
            .map(|fact| {
                let details: Vec<&str> = fact.details.values().map(String::as_str).collect();
                format!("{} {} = {}", fact.about.name(), details.join(" "), fact.answer)
            })
            .collect()
    }

    #[test]
    fn facts_are_what_the_trace_says() {
        assert_eq!(
            told(&sample()),
            [
                "value 7 1st s = 0",
                "value 8 1st x = 2",
                "value 9 1st s = 2",
                "value 8 2nd x = 9",
                "value 9 2nd s = 7",
                "count 2 = 2",
                "count 3 = 1",
                "count 4 = 1",
                "count 7 = 1",
                "count 8 = 3",
                "count 9 = 2",
                "count 10 = 1",
                "loop 8 = 2",
                "lines  = 2, 3, 4, 7, 8, 9, 10",
                "calls clip = 2",
                "calls f = 1",
                "returned f([2, 9], 5) = 7",
                "exception  = none",
                "printed  = nothing",
                "pure  = yes",
            ]
        );
    }

    #[test]
    fn of_a_cut_trace_nothing_is_counted() {
        let cut = Execution { incomplete: true, ..sample() };
        let told = told(&cut);
        assert!(told.contains(&"value 7 1st s = 0".to_owned()));
        assert!(!told.iter().any(|fact| fact.starts_with("count") || fact.starts_with("lines")), "{told:?}");
    }

    #[test]
    fn ordinals_read_as_people_say_them() {
        let numbers = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111];
        let said = ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"];
        assert_eq!(numbers.map(ordinal), said);
    }
}
