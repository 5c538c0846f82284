//! Changes values a little.

use crate::mined::Mined;
use crate::random::Random;
use crate::value::{Step, Value};

/// Values do not grow beyond this many parts, however often they are changed.
const MAX_SIZE: usize = 64;

/// The value with one change somewhere in it.
pub(crate) fn mutated(value: &Value, mined: &Mined, random: &mut Random) -> Value {
    let mut mutator = Mutator { mined, random };
    let mut changed = value.clone();
    mutator.change(&mut changed);
    if changed.size() > MAX_SIZE.max(value.size()) { value.clone() } else { changed }
}

struct Mutator<'a> {
    mined: &'a Mined,
    random: &'a mut Random,
}

impl Mutator<'_> {
    fn change(&mut self, value: &mut Value) {
        match value {
            Value::None => *value = Value::Int(0),
            Value::Bool(truth) => *truth = !*truth,
            Value::Int(number) => *number = self.integer(*number),
            Value::Float(number) => *number = self.float(*number),
            Value::Str(text) => *text = self.text(text),
            Value::Bytes(bytes) => {
                let at = self.random.below(bytes.len() + 1);
                bytes.insert(at, self.random.between(0, 255) as u8);
            }
            Value::List(items) => self.list(items),
            Value::Tuple(items) => {
                if !items.is_empty() {
                    let at = self.random.below(items.len());
                    self.change(&mut items[at]);
                }
            }
            Value::Set(items) => {
                self.list(items);
                let mut known: Vec<Value> = Vec::new();
                items.retain(|item| {
                    item.is_hashable() && !known.contains(item) && {
                        known.push(item.clone());
                        true
                    }
                });
            }
            Value::Dict(items) => self.dict(items),
            Value::Instance(instance) => {
                let arguments = instance.arguments.len();
                let at = self.random.below(arguments + instance.steps.len());
                if let Some(argument) = instance.arguments.get_mut(at) {
                    self.change(argument);
                } else if let Some(step) = instance.steps.get_mut(at - arguments) {
                    match step {
                        Step::Set { value, .. } => self.change(value),
                        Step::Call { arguments, .. } if self.random.percent(60) && !arguments.is_empty() => {
                            let at = self.random.below(arguments.len());
                            self.change(&mut arguments[at]);
                        }
                        Step::Call { .. } => {
                            let again = step.clone();
                            instance.steps.push(again);
                        }
                    }
                }
            }
            Value::Object(attributes) => {
                let at = self.random.below(attributes.len());
                if let Some((_, value)) = attributes.get_mut(at) {
                    self.change(value);
                }
            }
            Value::Verbatim(_) => {}
        }
    }

    fn integer(&mut self, number: i64) -> i64 {
        match self.random.below(8) {
            0 => number.saturating_add(1),
            1 => number.saturating_sub(1),
            2 => number.saturating_neg(),
            3 => 0,
            4 => number.saturating_add(self.random.between(-10, 10)),
            5 if number.abs() < 1000 => number * 2,
            _ => self.random.pick(&self.mined.integers).copied().unwrap_or(number / 2),
        }
    }

    fn float(&mut self, number: f64) -> f64 {
        match self.random.below(5) {
            0 => -number,
            1 => 0.0,
            2 => number.round(),
            3 => number + self.random.between(-8, 8) as f64 / 4.0,
            _ => self.random.pick(&self.mined.floats).copied().unwrap_or(number / 2.0),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let at = self.random.below(characters.len().max(1));
        match self.random.below(9) {
            0 if !characters.is_empty() => {
                characters.remove(at);
            }
            1 if !characters.is_empty() => characters.insert(at, characters[at]),
            2 => characters.reverse(),
            3 => return text.to_uppercase(),
            4 => characters.extend(text.chars().rev()),
            5 => return String::new(),
            6 => characters.insert(at.min(characters.len()), ' '),
            7 => {
                const LETTERS: [char; 10] = ['a', 'b', 'z', 'A', '0', '9', '-', '.', '(', ')'];
                characters.insert(at.min(characters.len()), LETTERS[self.random.below(LETTERS.len())]);
            }
            _ => return self.random.pick(&self.mined.texts).cloned().unwrap_or_default(),
        }
        characters.into_iter().collect()
    }

    fn list(&mut self, items: &mut Vec<Value>) {
        if items.is_empty() {
            items.push(Value::Int(self.random.between(0, 5)));
            return;
        }
        let at = self.random.below(items.len());
        match self.random.below(10) {
            0 => {
                items.remove(at);
            }
            1 => items.insert(at, items[at].clone()),
            2 => items.reverse(),
            3 => {
                let other = self.random.below(items.len());
                items.swap(at, other);
            }
            4 => items.truncate(at),
            5 => {
                let mut extra = items[at].clone();
                self.change(&mut extra);
                items.push(extra);
            }
            6 => items.sort_by(|one, other| match (one, other) {
                (Value::Int(one), Value::Int(other)) => one.cmp(other),
                (Value::Str(one), Value::Str(other)) => one.cmp(other),
                _ => std::cmp::Ordering::Equal,
            }),
            _ => self.change(&mut items[at]),
        }
    }

    fn dict(&mut self, items: &mut Vec<(Value, Value)>) {
        if items.is_empty() {
            items.push((Value::Str("a".to_owned()), Value::Int(1)));
            return;
        }
        let at = self.random.below(items.len());
        match self.random.below(4) {
            0 => {
                items.remove(at);
            }
            1 => {
                let (mut key, value) = items[at].clone();
                self.change(&mut key);
                if key.is_hashable() && items.iter().all(|(known, _)| *known != key) {
                    items.push((key, value));
                }
            }
            _ => self.change(&mut items[at].1),
        }
    }
}
