//! Finds inputs for one function: proposes a batch of calls, is told what each did, and proposes again.
//!
//! What a call does is told twice. A probe is cheap and may mislead, because the calls of a batch follow one another in
//! one process; it decides what is tried next, and which calls are worth an execution of their own. That execution
//! decides what is kept.
//!
//! Nothing here runs anything, reads a clock or draws from chance that does not follow from the seed: the same answers
//! give the same proposals.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::edges;
use crate::generate::Maker;
use crate::module::{Callable, Class, Module, Parameter};
use crate::mutate::mutated;
use crate::random::Random;
use crate::relate::relate;
use crate::value::{Value, written};

/// What may be spent on one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Inputs.
    pub tried: u32,
    /// Inputs that become rows.
    pub kept: u32,
}

/// A call to try.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// As the module names it, such as `Stack.push`.
    pub function: String,
    /// An argument list as Python text.
    pub input: String,
    pub origin: Origin,
    arguments: Arguments,
    /// Which kind was chosen for which parameter.
    choices: Vec<(usize, usize)>,
}

/// Where a proposed input came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The file makes this call itself.
    Harvested,
    /// Somebody who read the file proposes it.
    Proposed,
    /// From annotations, defaults, names, literals, and what is done with the parameters.
    Typed,
    /// A change of one that worked.
    Fuzzed,
}

/// What came of a proposal, when it was probed or executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub ending: Ending,
    /// Numbers that stand for what was reached: steps from one line to the next.
    pub reached: Vec<u64>,
    /// Stands for what the execution gave. Two that give the same have the same.
    pub result: u64,
}

/// How an execution ended, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Returned,
    /// An exception of this type left the function; it was raised on this line.
    Raised {
        exception: String,
        line: u32,
    },
    /// The function was not entered: its arguments could not be made, or do not fit.
    NotEntered,
    /// It reached a limit or ended its process.
    Cut,
    /// It was too long for a probe. What was seen until then holds; how it would end is not known.
    Unfinished,
}

/// What to do with a call that was probed: to execute it by itself, and with one that was executed: to keep that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Keep,
    Drop,
}

/// Whether observations change what is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guidance {
    /// By what was reached.
    Coverage,
    /// Not at all: random values by annotation and default alone. It is what guidance is measured against.
    None,
}

/// Calls that reached a limit after which a function is left alone: each costs as much as hundreds of others.
const MAX_CUT: u32 = 2;

/// Calls that are probed in one process. The more there are the less each costs, and the less is known when they are
/// proposed.
const BATCH: usize = 32;

/// Executions that did not hold what their probes promised, after which probes of the function are known to mislead.
const MAX_BROKEN: u32 = 4;

/// Calls in a row that show nothing new after which there is probably nothing more to see: of a function of which
/// nothing is known yet, and of others by the choices that their code has.
const STALE_AT_FIRST: u32 = 128;
const STALE_WITHOUT_CHOICES: u32 = 16;
const STALE_FOR_EACH_CHOICE: u32 = 16;
const STALE_AT_MOST: u32 = 160;

/// The search for inputs of one function.
pub struct Search<'a> {
    module: &'a Module,
    callable: &'a Callable,
    budget: Budget,
    guidance: Guidance,
    random: Random,
    examples: VecDeque<(Origin, Arguments)>,
    /// The classes that objects are made of.
    classes: Cow<'a, BTreeMap<String, Class>>,
    /// Objects on which the method could be called.
    receivers: Vec<Value>,
    /// The callable's parameters, with weights that change.
    parameters: Vec<Parameter>,
    proposed: BTreeSet<String>,
    /// Arguments that reached something new.
    corpus: Vec<Arguments>,
    reached: BTreeSet<u64>,
    /// Arguments that did not fit, but got further than those before them: perhaps one alone is of the wrong kind.
    near: Vec<Arguments>,
    reached_near: BTreeSet<u64>,
    results: BTreeSet<u64>,
    failures: BTreeSet<(String, u32)>,
    /// Calls whose probes reached nothing new but gave something else than those before them, and what that was.
    spare: VecDeque<Proposal>,
    promised: BTreeSet<u64>,
    tried: u32,
    kept: u32,
    kept_raised: u32,
    broken: u32,
    cut: u32,
    stale: u32,
}

pub(crate) type Arguments = Vec<(Option<String>, Value)>;

/// Arguments, and which kind was chosen for which parameter.
type Chosen = (Arguments, Vec<(usize, usize)>);

impl<'a> Search<'a> {
    /// The search for one of [`Module::functions`]. `calls` are what it was seen or proposed to be called with.
    ///
    /// # Panics
    /// If the module has no such function.
    pub fn new(
        module: &'a Module,
        function: &str,
        calls: &[Call],
        budget: Budget,
        guidance: Guidance,
        seed: u64,
    ) -> Search<'a> {
        let callable = module.callables.iter().find(|callable| callable.name == function);
        let callable = callable.expect("the module has the function");
        let mut examples = VecDeque::new();
        let mut random = Random::new(seed, &[function]);
        if guidance == Guidance::Coverage {
            let of_file = module.examples.iter().filter(|example| example.function == function);
            examples.extend(of_file.map(|example| (Origin::Harvested, example.arguments.clone())));
            let calls = calls.iter().filter(|call| call.function == function);
            examples.extend(calls.map(|call| (call.origin, call.arguments.clone())));
            let mut maker =
                Maker { classes: &module.classes, mined: Some(&callable.mined), random: &mut random };
            let edges = edges::of(callable, &mut maker).into_iter();
            examples.extend(edges.map(|arguments| (Origin::Typed, arguments)));
        }
        let mut parameters = callable.parameters.clone();
        let mut classes = Cow::Borrowed(&module.classes);
        if guidance == Guidance::None {
            parameters.iter_mut().for_each(|parameter| parameter.forget_uses());
            classes.to_mut().values_mut().for_each(Class::forget_uses);
        }
        Search {
            module,
            callable,
            budget,
            guidance,
            random,
            examples,
            classes,
            receivers: Vec::new(),
            parameters,
            proposed: BTreeSet::new(),
            corpus: Vec::new(),
            reached: BTreeSet::new(),
            near: Vec::new(),
            reached_near: BTreeSet::new(),
            results: BTreeSet::new(),
            failures: BTreeSet::new(),
            spare: VecDeque::new(),
            promised: BTreeSet::new(),
            tried: 0,
            kept: 0,
            kept_raised: 0,
            broken: 0,
            cut: 0,
            stale: 0,
        }
    }

    /// The next calls to try; none where the budget is spent or nothing more is to be expected.
    pub fn propose(&mut self) -> Vec<Proposal> {
        const ATTEMPTS: usize = 12;
        const MAX_BYTES: usize = 16 << 10;
        let mut batch = Vec::new();
        if self.is_over() || self.is_stale() {
            return batch;
        }
        let mut attempts = 0;
        while batch.len() < BATCH && self.tried < self.budget.tried && attempts < ATTEMPTS {
            let (origin, (arguments, choices)) = self.next();
            let input = written(&arguments);
            attempts += 1;
            if input.len() <= MAX_BYTES && self.proposed.insert(input.clone()) {
                self.tried += 1;
                attempts = 0;
                let function = self.callable.name.clone();
                batch.push(Proposal { function, input, origin, arguments, choices });
            }
        }
        batch
    }

    /// Whether nothing more is wanted, also of what was proposed already.
    pub fn is_over(&self) -> bool {
        self.kept >= self.budget.kept || self.cut >= MAX_CUT
    }

    /// Whether nothing more is to be expected.
    fn is_stale(&self) -> bool {
        let patience = match self.kept {
            0 => STALE_AT_FIRST,
            _ => STALE_AT_MOST.min(STALE_WITHOUT_CHOICES + self.callable.branches * STALE_FOR_EACH_CHOICE),
        };
        self.guidance == Guidance::Coverage && self.stale >= patience && self.examples.is_empty()
    }

    fn next(&mut self) -> (Origin, Chosen) {
        if let Some((origin, arguments)) = self.examples.pop_front() {
            return (origin, (arguments, Vec::new()));
        }
        if self.guidance == Guidance::Coverage
            && self.random.percent(50)
            && let Some(arguments) = self.fuzzed()
        {
            return (Origin::Fuzzed, (arguments, Vec::new()));
        }
        (Origin::Typed, self.typed())
    }

    /// A change of arguments that reached something.
    fn fuzzed(&mut self) -> Option<Arguments> {
        let is_near = self.random.percent(if self.corpus.is_empty() { 100 } else { 10 });
        let known = if is_near && !self.near.is_empty() { &self.near } else { &self.corpus };
        let mut arguments = self.random.pick(known)?.clone();
        if is_near || self.random.percent(20) {
            self.replace_one(&mut arguments);
            return Some(arguments);
        }
        for _ in 0..1 + self.random.below(3) {
            let at = self.random.below(arguments.len());
            if let Some((_, value)) = arguments.get_mut(at) {
                *value = mutated(value, &self.callable.mined, &mut self.random);
            }
        }
        Some(arguments)
    }

    /// Gives one of the parameters something else, perhaps of another kind.
    fn replace_one(&mut self, arguments: &mut Arguments) {
        let (mut others, _) = self.typed();
        let at = self.random.below(arguments.len());
        if let (Some((name, value)), Some((other_name, other))) = (arguments.get_mut(at), others.get_mut(at))
            && name == other_name
        {
            std::mem::swap(value, other);
        }
        if self.random.percent(50) {
            relate(arguments.iter_mut().map(|(_, value)| value).collect(), &mut self.random);
        }
    }

    fn typed(&mut self) -> Chosen {
        let mined = (self.guidance == Guidance::Coverage).then_some(&self.callable.mined);
        let mut maker = Maker { classes: &self.classes, mined, random: &mut self.random };
        let mut arguments: Arguments = Vec::new();
        let mut choices = Vec::new();
        if let Some(class) = &self.callable.receiver {
            let known = if maker.random.percent(40) { maker.random.pick(&self.receivers) } else { None };
            let receiver = known.cloned().unwrap_or_else(|| maker.instance(class));
            arguments.push((None, receiver));
        }
        let mut by_keyword = false;
        for (index, parameter) in self.parameters.iter().enumerate() {
            if parameter.has_default && maker.random.percent(50) {
                // What comes after one that is left out must be named.
                by_keyword = true;
                continue;
            }
            if parameter.by_rest && by_keyword {
                break;
            }
            let choice = maker.random.weighted(parameter.choices.iter().map(|choice| choice.weight));
            let Some(shape) = parameter.choices.get(choice).map(|choice| &choice.shape) else { continue };
            choices.push((index, choice));
            let keyword = (by_keyword || parameter.by_keyword).then(|| parameter.name.clone());
            let count = if parameter.by_rest { maker.count(&parameter.compared) } else { 1 };
            for _ in 0..count {
                arguments.push((keyword.clone(), maker.value(shape, &parameter.compared)));
            }
        }
        if self.guidance == Guidance::Coverage {
            relate(arguments.iter_mut().map(|(_, value)| value).collect(), &mut self.random);
        }
        (arguments, choices)
    }

    /// Takes what a probe showed, and says whether the call is worth an execution of its own.
    pub fn weigh(&mut self, proposal: &Proposal, probed: &Observation) -> Decision {
        let fits = self.fits(&probed.ending);
        if self.guidance == Guidance::Coverage {
            self.learn(&proposal.choices, fits);
            self.remember_receiver(&proposal.arguments, &probed.ending);
        }
        if !fits {
            if matches!(probed.ending, Ending::Raised { .. }) {
                self.remember_near(&proposal.arguments, probed);
            }
            return self.drop_as_stale(&probed.ending);
        }
        let look = self.look(probed);
        let is_unfinished = probed.ending == Ending::Unfinished;
        match look {
            Look { is_new: true, is_wanted: true } => return Decision::Keep,
            // It leads further, though there is no room for its row.
            Look { is_new: true, .. } if !is_unfinished => {
                self.remember(&proposal.arguments, probed);
                self.stale = 0;
                return Decision::Drop;
            }
            // What reaches nothing new waits until it is clear how much room the rest leaves.
            Look { is_wanted: true, .. } if self.promised.insert(probed.result) => {
                self.spare.push_back(proposal.clone());
            }
            _ => {}
        }
        self.stale += 1;
        Decision::Drop
    }

    /// Once there is nothing more to propose: a call to execute that reaches nothing new but gives something else.
    pub fn spare(&mut self) -> Option<Proposal> {
        if self.is_over() || self.broken >= MAX_BROKEN { None } else { self.spare.pop_front() }
    }

    /// Takes what came of an execution, and says whether it is kept.
    pub fn observe(&mut self, proposal: &Proposal, executed: &Observation) -> Decision {
        if !self.fits(&executed.ending) {
            return self.drop_as_stale(&executed.ending);
        }
        let look = self.look(executed);
        if look.is_new || self.corpus.is_empty() {
            self.remember(&proposal.arguments, executed);
        }
        self.results.insert(executed.result);
        if let Ending::Raised { exception, line } = &executed.ending {
            self.failures.insert((exception.clone(), *line));
        }
        self.stale = if look.is_new { 0 } else { self.stale + 1 };
        if !look.is_wanted {
            self.broken += 1;
            return Decision::Drop;
        }
        self.kept += 1;
        self.kept_raised += u32::from(executed.ending != Ending::Returned);
        Decision::Keep
    }

    /// Whether the function takes such arguments.
    fn fits(&self, ending: &Ending) -> bool {
        match ending {
            Ending::Returned | Ending::Unfinished => true,
            Ending::Raised { exception, line } => !is_misfit(exception) || self.module.raises_at(*line),
            Ending::NotEntered | Ending::Cut => false,
        }
    }

    fn drop_as_stale(&mut self, ending: &Ending) -> Decision {
        self.cut += u32::from(*ending == Ending::Cut);
        self.stale += 1;
        Decision::Drop
    }

    /// What there is to see in something that fits.
    fn look(&self, observation: &Observation) -> Look {
        let is_new = observation.reached.iter().any(|place| !self.reached.contains(place));
        let is_wanted = match &observation.ending {
            Ending::Raised { exception, line } => {
                // A few failures teach; a dataset of failures does not.
                let has_room = self.kept_raised < (self.budget.kept / 3).max(1);
                has_room && !self.failures.contains(&(exception.clone(), *line))
            }
            // One that never ends costs much to execute. After the first, nothing is staked on such.
            Ending::Unfinished => is_new && self.cut == 0,
            _ => is_new || !self.results.contains(&observation.result),
        };
        Look { is_new, is_wanted }
    }

    /// From here on what it reached is known, and may be changed to reach more.
    fn remember(&mut self, arguments: &Arguments, observation: &Observation) {
        self.reached.extend(&observation.reached);
        self.corpus.push(arguments.clone());
    }

    fn remember_near(&mut self, arguments: &Arguments, observation: &Observation) {
        let before = self.reached_near.len();
        self.reached_near.extend(&observation.reached);
        if self.reached_near.len() > before {
            self.near.push(arguments.clone());
        }
    }

    /// A class may take much trial to make an object of.
    fn remember_receiver(&mut self, arguments: &Arguments, ending: &Ending) {
        const MOST: usize = 8;
        if self.callable.receiver.is_some()
            && *ending != Ending::NotEntered
            && self.receivers.len() < MOST
            && let Some((_, receiver)) = arguments.first()
            && !self.receivers.contains(receiver)
        {
            self.receivers.push(receiver.clone());
        }
    }

    /// Kinds that fit become likelier, and those that do not, less.
    fn learn(&mut self, choices: &[(usize, usize)], fits: bool) {
        const MOST: f64 = 60.0;
        const LEAST: f64 = 0.02;
        // As long as nothing fits, all kinds that were tried look wrong together, though perhaps one of them is.
        let less = if self.corpus.is_empty() { 0.85 } else { 0.6 };
        for &(parameter, choice) in choices {
            let weight = &mut self.parameters[parameter].choices[choice].weight;
            *weight = (*weight * if fits { 1.3 } else { less }).clamp(LEAST, MOST);
        }
    }
}

/// What there is to see in a call.
struct Look {
    /// It reached what nothing before did.
    is_new: bool,
    /// There should be a row of it.
    is_wanted: bool,
}

/// Whether an exception says that a value was of a kind that the function does not take, unless the code raised it
/// itself.
fn is_misfit(exception: &str) -> bool {
    ["TypeError", "AttributeError", "NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError"]
        .contains(&exception)
}

/// A call that was seen while the file ran, or that somebody proposes.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub(crate) origin: Origin,
    pub(crate) function: String,
    pub(crate) arguments: Arguments,
}

impl Call {
    /// A call of a function, with its parameters by name and their values as the tracer shows them. `None` if a value
    /// cannot be made of its text again.
    pub fn seen<'b>(function: &str, arguments: impl IntoIterator<Item = (&'b str, &'b str)>) -> Option<Call> {
        let each = arguments
            .into_iter()
            .map(|(name, text)| Some((Some(name.to_owned()), crate::literal::parse(text)?)));
        let arguments = each.collect::<Option<_>>()?;
        Some(Call { origin: Origin::Harvested, function: function.to_owned(), arguments })
    }
}
