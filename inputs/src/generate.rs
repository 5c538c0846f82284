//! Makes values of a kind.

use std::collections::BTreeMap;

use crate::formula::formula;
use crate::guess::links_to_its_like;
use crate::mined::Mined;
use crate::module::{Class, Parameter};
use crate::random::Random;
use crate::relate::relate;
use crate::shape::Shape;
use crate::uses::Compared;
use crate::value::{Instance, Step, Value};

/// Deeper than this, containers are empty and links are `None`.
const MAX_DEPTH: usize = 4;

const WORDS: [&str; 14] = [
    "hello",
    "world",
    "abc",
    "racecar",
    "python",
    "aabbcc",
    "Mississippi",
    "a b c",
    "Hello, World!",
    "12321",
    "(a[b]{c})",
    "x",
    "",
    "banana",
];

/// Makes small numbers of whatever it is given, the same of the same: a distance, a cost, an estimate.
const VARIED: &str = "lambda *a: sum(map(ord, str(a))) % 9";

/// What expressions make of one, two or three arguments.
const FUNCTIONS: [&[&str]; 4] = [
    &["lambda: 1", "lambda: None"],
    &[
        "lambda x: x",
        "lambda x: x % 2 == 0",
        "lambda x: x * 2",
        "lambda x: x > 3",
        "lambda x: -x",
        "str",
        "bool",
    ],
    &["lambda x, y: x + y", "lambda x, y: x < y", "lambda x, y: x - y", "max", "lambda x, y: x * y", VARIED],
    &["lambda x, y, z: 1", "lambda *_: 0", "lambda x, y, z: x + y + z", "lambda *a: a", VARIED],
];

pub(crate) struct Maker<'a> {
    pub(crate) classes: &'a BTreeMap<String, Class>,
    /// What the code mentions. Without it values are of their kinds and no more.
    pub(crate) mined: Option<&'a Mined>,
    pub(crate) random: &'a mut Random,
}

impl Maker<'_> {
    /// A value of a kind, often as the code compares it.
    pub(crate) fn value(&mut self, shape: &Shape, compared: &Compared) -> Value {
        self.value_at(shape, compared, 0)
    }

    /// How many values are given for a parameter such as `*args`.
    pub(crate) fn count(&mut self, compared: &Compared) -> usize {
        match self.random.pick(&compared.lengths) {
            Some(&length) if self.random.percent(70) => length,
            _ => 1 + self.random.below(3),
        }
    }

    fn value_at(&mut self, shape: &Shape, compared: &Compared, depth: usize) -> Value {
        if let Some(constant) = self.one_of(&compared.constants, shape) {
            return constant;
        }
        let mut value = self.at(shape, depth);
        if let (Value::List(items), Some(&length)) = (&mut value, self.random.pick(&compared.lengths))
            && !items.is_empty()
            && self.random.percent(30)
        {
            *items = items.iter().cycle().take(length).cloned().collect();
        }
        value
    }

    fn one_of(&mut self, constants: &[Value], shape: &Shape) -> Option<Value> {
        let fitting: Vec<&Value> = constants.iter().filter(|value| Shape::of(value) == *shape).collect();
        if fitting.is_empty() || !self.random.percent(25) {
            return None;
        }
        self.random.pick(&fitting).map(|&value| value.clone())
    }

    /// An object of a class of the file, as something may have left it.
    pub(crate) fn instance(&mut self, class: &str) -> Value {
        self.instance_at(class, 0)
    }

    /// A value for a parameter of a constructor. Nobody learns which kinds of these fit, so a likelier one is chosen more
    /// clearly than its weight says.
    fn any_of(&mut self, parameter: &Parameter, depth: usize) -> Value {
        let shape = self.kind_of(parameter).clone();
        self.value_at(&shape, &parameter.compared, depth)
    }

    fn kind_of<'b>(&mut self, parameter: &'b Parameter) -> &'b Shape {
        let index =
            self.random.weighted(parameter.choices.iter().map(|choice| choice.weight * choice.weight));
        parameter.choices.get(index).map_or(&Shape::Int, |choice| &choice.shape)
    }

    fn at(&mut self, shape: &Shape, depth: usize) -> Value {
        match shape {
            Shape::Any => {
                let usual = [Shape::Int, Shape::Int, Shape::Str, Shape::list(Shape::Int)];
                let shape = &usual[self.random.below(usual.len())];
                self.at(shape, depth)
            }
            Shape::None => Value::None,
            Shape::Bool => Value::Bool(self.random.percent(50)),
            Shape::Int => Value::Int(self.integer()),
            Shape::Float => Value::Float(self.float()),
            Shape::Str => Value::Str(self.text()),
            Shape::Bytes => Value::Bytes(self.text().into_bytes()),
            Shape::List(item) => Value::List(self.items(item, depth)),
            Shape::Tuple(items) => Value::Tuple(items.iter().map(|item| self.at(item, depth + 1)).collect()),
            Shape::Set(item) => {
                let mut items = self.items(item, depth);
                items.retain(Value::is_hashable);
                Value::Set(distinct(items))
            }
            Shape::Dict(key, value) => {
                let mut keys = self.items(key, depth);
                keys.retain(Value::is_hashable);
                Value::Dict(distinct(keys).into_iter().map(|key| (key, self.at(value, depth + 1))).collect())
            }
            Shape::Grid(item) => self.grid(item, depth),
            Shape::Graph { weighted } => self.graph(*weighted),
            Shape::Record(fields) => {
                let fields = self.parts(fields, shape, depth);
                Value::Dict(fields.map(|(key, value)| (Value::Str(key), value)).collect())
            }
            Shape::Object(attributes) => Value::Object(self.parts(attributes, shape, depth).collect()),
            Shape::Again => Value::None,
            Shape::Method => {
                const GIVEN: [Shape; 6] =
                    [Shape::Int, Shape::Int, Shape::Int, Shape::Bool, Shape::Str, Shape::None];
                if self.random.percent(30) {
                    return Value::Verbatim(VARIED.to_owned());
                }
                let shape = &GIVEN[self.random.below(GIVEN.len())];
                let given = self.at(shape, depth + 1);
                Value::Verbatim(format!("lambda *_: {given}"))
            }
            Shape::Function(count) => {
                let known = FUNCTIONS[(*count).min(FUNCTIONS.len() - 1)];
                Value::Verbatim(known[self.random.below(known.len())].to_owned())
            }
            Shape::Instance(class) => self.instance_at(class, depth),
            Shape::OneOf(shapes) => match self.random.pick(shapes) {
                Some(shape) => self.at(&shape.clone(), depth),
                None => Value::None,
            },
        }
    }

    /// What the fields of a record or the attributes of an object of this shape hold.
    fn parts<'b>(
        &'b mut self,
        parts: &'b [(String, Shape)],
        whole: &'b Shape,
        depth: usize,
    ) -> impl Iterator<Item = (String, Value)> + 'b {
        parts.iter().map(move |(name, part)| {
            let value = match part {
                Shape::Again if depth < MAX_DEPTH && self.random.percent(60) => self.at(whole, depth + 1),
                part => self.at(part, depth + 1),
            };
            (name.clone(), value)
        })
    }

    /// Mostly small, sometimes one that the code mentions or one beside it.
    fn integer(&mut self) -> i64 {
        let random = &mut *self.random;
        if random.percent(25)
            && let Some(&mined) = self.mined.and_then(|mined| random.pick(&mined.integers))
        {
            return mined.saturating_add(if random.percent(60) { 0 } else { random.between(-1, 1) });
        }
        match random.below(20) {
            0..=12 => random.between(0, 10),
            13..=15 => random.between(-10, -1),
            16..=18 => random.between(11, 120),
            _ => random.between(121, 2000),
        }
    }

    fn float(&mut self) -> f64 {
        let random = &mut *self.random;
        if random.percent(25)
            && let Some(&mined) = self.mined.and_then(|mined| random.pick(&mined.floats))
        {
            return mined;
        }
        random.between(-80, 400) as f64 / 4.0
    }

    fn text(&mut self) -> String {
        let random = &mut *self.random;
        if random.percent(25)
            && let Some(mined) = self.mined.and_then(|mined| random.pick(&mined.texts))
        {
            return mined.clone();
        }
        let symbols = self.mined.map(Mined::symbols).unwrap_or_default();
        if symbols.len() > 1 && random.percent(40) {
            return formula(&symbols, random);
        }
        if random.percent(50) {
            return WORDS[random.below(WORDS.len())].to_owned();
        }
        const LETTERS: &[u8] = b"abcabcabcxyz0123 ";
        let length = random.below(9);
        (0..length).map(|_| LETTERS[random.below(LETTERS.len())] as char).collect()
    }

    fn items(&mut self, item: &Shape, depth: usize) -> Vec<Value> {
        if depth >= MAX_DEPTH {
            return Vec::new();
        }
        let most = if depth == 0 { 8 } else { 4 };
        let count = match self.random.below(10) {
            0 => 0,
            1 => 1,
            _ => 2 + self.random.below(most - 1),
        };
        // Elements of one list are of one kind, whatever that is.
        let item = match item {
            Shape::Any => {
                if self.random.percent(75) {
                    Shape::Int
                } else {
                    Shape::Str
                }
            }
            item => item.clone(),
        };
        let mut items: Vec<Value> = (0..count).map(|_| self.at(&item, depth + 1)).collect();
        if matches!(item, Shape::Int) && self.random.percent(30) {
            items.sort_by_key(|item| if let Value::Int(number) = item { *number } else { 0 });
        }
        items
    }

    fn grid(&mut self, item: &Shape, depth: usize) -> Value {
        let rows = 1 + self.random.below(4);
        let columns = if self.random.percent(60) { rows } else { 1 + self.random.below(4) };
        let bits = self.random.percent(40);
        let row = |maker: &mut Self| {
            let cell = |maker: &mut Self| match item {
                Shape::Int if bits => Value::Int(maker.random.between(0, 1)),
                item => maker.at(item, depth + 2),
            };
            Value::List((0..columns).map(|_| cell(maker)).collect())
        };
        Value::List((0..rows).map(|_| row(self)).collect())
    }

    fn graph(&mut self, weighted: bool) -> Value {
        let count = 2 + self.random.below(4);
        let by_letter = self.random.percent(60);
        let by_sets = self.random.percent(20);
        let node = |index: usize| match by_letter {
            true => Value::Str(char::from(b'A' + index as u8).to_string()),
            false => Value::Int(index as i64),
        };
        let nodes = (0..count).map(|from| {
            let to: Vec<Value> =
                (0..count).filter(|&to| to != from).filter(|_| self.random.percent(45)).map(node).collect();
            let neighbours = match weighted {
                false if by_sets => Value::Set(to),
                true => Value::Dict(
                    to.into_iter().map(|to| (to, Value::Int(self.random.between(1, 9)))).collect(),
                ),
                false => Value::List(to),
            };
            (node(from), neighbours)
        });
        Value::Dict(nodes.collect())
    }

    fn instance_at(&mut self, name: &str, depth: usize) -> Value {
        let Some(class) = self.classes.get(name) else { return Value::None };
        if let Some(member) = self.random.pick(&class.members) {
            return Value::Verbatim(member.clone());
        }
        if depth >= MAX_DEPTH {
            return Value::None;
        }
        let given = class.parameters.iter().take_while(|parameter| !parameter.by_keyword);
        let mut arguments = Vec::new();
        for parameter in given {
            let chance = if parameter.by_rest { 25 } else { 40 };
            if parameter.has_default && self.random.percent(chance) {
                break;
            }
            let count = if parameter.by_rest { self.count(&parameter.compared) } else { 1 };
            arguments.extend((0..count).map(|_| self.any_of(parameter, depth + 1)));
        }
        if self.mined.is_some() {
            relate(arguments.iter_mut().collect(), self.random);
        }
        let mut steps = Vec::new();
        let is_inner = depth > 0;
        for link in &class.links {
            let sets = self.random.percent(if is_inner { 35 } else { 60 });
            let is_given = class.parameters.iter().any(|parameter| parameter.name == *link);
            if sets && !is_given && !link.starts_with('_') && links_to_its_like(link) {
                let value = self.instance_at(name, depth + 1);
                steps.push(Step::Set { attribute: link.clone(), value });
            }
        }
        if !is_inner && self.random.percent(75) {
            steps.extend(self.filling(class, depth));
        }
        Value::Instance(Instance { class: name.to_owned(), arguments, steps })
    }
}

impl Maker<'_> {
    /// What puts something into an object: calls of one method most of the time, because what several do must fit, with
    /// values of the same kinds.
    fn filling(&mut self, class: &Class, depth: usize) -> Vec<Step> {
        const COUNTS: [usize; 7] = [1, 2, 3, 3, 4, 5, 7];
        let is_called_so =
            class.changers.is_empty() || (!class.fillers.is_empty() && self.random.percent(80));
        let methods = if is_called_so { &class.fillers } else { &class.changers };
        if methods.is_empty() {
            return Vec::new();
        }
        let mut steps = Vec::new();
        let mut left = COUNTS[self.random.below(COUNTS.len())];
        while left > 0 {
            let (method, parameters) = &methods[self.random.below(methods.len())];
            let needed =
                || parameters.iter().take_while(|parameter| !parameter.by_keyword && !parameter.has_default);
            let kinds: Vec<&Shape> = needed().map(|parameter| self.kind_of(parameter)).collect();
            let count = if self.random.percent(75) { left } else { 1 + self.random.below(left) };
            for _ in 0..count {
                let arguments = needed()
                    .zip(&kinds)
                    .map(|(parameter, kind)| self.value_at(kind, &parameter.compared, depth + 2));
                steps.push(Step::Call { method: method.clone(), arguments: arguments.collect() });
            }
            left -= count;
        }
        steps
    }
}

fn distinct(items: Vec<Value>) -> Vec<Value> {
    let mut unique: Vec<Value> = Vec::new();
    for item in items {
        if !unique.contains(&item) {
            unique.push(item);
        }
    }
    unique
}
