//! Makes the arguments of one call fit each other: chance would seldom have it that what one looks for is there.

use crate::random::Random;
use crate::value::{Instance, Step, Value};

/// Changes some of the values, so that numbers are indexes, lengths, items or sums of items, lists are of one length and
/// numbers in them sorted, texts are parts of others, and what an object is asked for was put into it.
pub(crate) fn relate(mut values: Vec<&mut Value>, random: &mut Random) {
    equal_lengths(&mut values, random);
    sorted(&mut values, random);
    parts(&mut values, random);
    among_others(&mut values, random);
    let Some((from, known)) = values.iter().enumerate().find_map(|(at, value)| Some((at, holds(value)?)))
    else {
        return;
    };
    let put_in: Vec<Vec<Value>> = match &*values[from] {
        Value::Instance(object) => calls(object).into_iter().cloned().collect(),
        _ => Vec::new(),
    };
    if !put_in.is_empty() && random.percent(40) {
        // What was put in together is asked for together, such as the two ends of an edge.
        let given = &put_in[random.below(put_in.len())];
        for (value, given) in values.into_iter().skip(from + 1).zip(given) {
            // Whatever kind it is of: what is not among what was put in is seldom asked for.
            if is_alike(value, given) || (is_scalar(value) && is_scalar(given) && random.percent(50)) {
                *value = given.clone();
            }
        }
        return;
    }
    let is_sequence = matches!(values[from], Value::List(_));
    let has_keys = matches!(&*values[from], Value::Dict(_) | Value::Object(_));
    for value in values {
        if !is_scalar(value) || !random.percent(50) {
            continue;
        }
        if has_keys {
            // Whatever kind the keys are of: one that is not among them is seldom asked for.
            *value = known[random.below(known.len())].clone();
            continue;
        }
        let number = match (&known[random.below(known.len())], &known[random.below(known.len())]) {
            (Value::Int(one), Value::Int(other)) => one.checked_add(*other),
            _ => None,
        };
        let is_number = matches!(value, Value::Int(_)) && is_sequence;
        match (random.below(6), number) {
            (0, _) if is_number => *value = Value::Int(known.len() as i64),
            (1, _) if is_number => *value = Value::Int(random.below(known.len()) as i64),
            (2, Some(sum)) if is_number => *value = Value::Int(sum),
            _ => {
                let fitting: Vec<&Value> = known.iter().filter(|item| is_alike(value, item)).collect();
                if let Some(&item) = random.pick(&fitting) {
                    *value = item.clone();
                }
            }
        }
    }
}

/// What a container or an object holds, where that is something.
fn holds(value: &Value) -> Option<Vec<Value>> {
    let held: Vec<Value> = match value {
        Value::List(items) => items.clone(),
        Value::Dict(items) => keys(items),
        Value::Object(attributes) => {
            let dict = attributes.iter().find_map(|(_, value)| match value {
                Value::Dict(items) => Some(keys(items)),
                _ => None,
            });
            dict.unwrap_or_else(|| within(value))
        }
        Value::Instance(object) => {
            let put_in = calls(object).into_iter().flatten();
            let made_of = object.arguments.iter().filter_map(|argument| match argument {
                Value::List(items) => Some(items),
                _ => None,
            });
            let held: Vec<Value> =
                made_of.flatten().chain(put_in).filter(|value| is_scalar(value)).cloned().collect();
            if held.is_empty() { within(value) } else { held }
        }
        _ => Vec::new(),
    };
    (!held.is_empty()).then_some(held)
}

/// The numbers and texts in a structure of objects.
fn within(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(attributes) => attributes.iter().flat_map(|(_, value)| within(value)).collect(),
        Value::Instance(object) => {
            let links = object.steps.iter().filter_map(|step| match step {
                Step::Set { value, .. } => Some(value),
                Step::Call { .. } => None,
            });
            object.arguments.iter().chain(links).flat_map(within).collect()
        }
        value if is_scalar(value) => vec![value.clone()],
        _ => Vec::new(),
    }
}

fn keys(items: &[(Value, Value)]) -> Vec<Value> {
    items.iter().map(|(key, _)| key.clone()).collect()
}

/// The arguments of the calls that filled an object.
fn calls(object: &Instance) -> Vec<&Vec<Value>> {
    let calls = object.steps.iter().filter_map(|step| match step {
        Step::Call { arguments, .. } if !arguments.is_empty() => Some(arguments),
        _ => None,
    });
    calls.collect()
}

/// Values and their weights, keys and theirs, two matrices: lists that are given together are often of one length.
fn equal_lengths(values: &mut [&mut Value], random: &mut Random) {
    let mut lists: Vec<&mut Vec<Value>> = values
        .iter_mut()
        .filter_map(|value| match &mut **value {
            Value::List(items) if !items.is_empty() => Some(items),
            _ => None,
        })
        .collect();
    if lists.len() < 2 || !random.percent(50) {
        return;
    }
    let is_grid = |list: &[Value]| list.iter().all(|row| matches!(row, Value::List(_)));
    let (first, others) = lists.split_at_mut(1);
    let Some(first) = first.first_mut() else { return };
    for other in others {
        if is_grid(first) && is_grid(other) {
            // Of one width, too.
            **other = first.iter().rev().cloned().collect();
        } else {
            let length = first.len().min(other.len());
            first.truncate(length);
            other.truncate(length);
        }
    }
}

/// What one looks for a number in is often sorted.
fn sorted(values: &mut [&mut Value], random: &mut Random) {
    let has_number = values.iter().any(|value| matches!(**value, Value::Int(_)));
    if !has_number || !random.percent(50) {
        return;
    }
    for value in values {
        if let Value::List(items) = &mut **value
            && items.iter().all(|item| matches!(item, Value::Int(_)))
        {
            items.sort_by_key(|item| if let Value::Int(number) = item { *number } else { 0 });
        }
    }
}

/// A text is often looked for in another, or is the same in another order.
fn parts(values: &mut [&mut Value], random: &mut Random) {
    let mut texts: Vec<&mut String> = values
        .iter_mut()
        .filter_map(|value| match &mut **value {
            Value::Str(text) => Some(text),
            _ => None,
        })
        .collect();
    if texts.len() < 2 || !random.percent(50) {
        return;
    }
    let longest = (0..texts.len()).max_by_key(|&at| texts[at].len()).unwrap_or(0);
    let whole: Vec<char> = texts[longest].chars().collect();
    for (at, text) in texts.iter_mut().enumerate() {
        if at != longest && !whole.is_empty() {
            let from = random.below(whole.len());
            let to = from + 1 + random.below((whole.len() - from).min(3));
            **text = match random.percent(70) {
                true => whole[from..to.min(whole.len())].iter().collect(),
                false => whole.iter().rev().collect(),
            };
        }
    }
}

/// A text is often one of those in a list, or one of these is made of the same letters.
fn among_others(values: &mut [&mut Value], random: &mut Random) {
    let text = values
        .iter()
        .find_map(|value| if let Value::Str(text) = &**value { Some(text.clone()) } else { None });
    let Some(text) = text.filter(|_| random.percent(40)) else { return };
    for value in values {
        if let Value::List(items) = &mut **value
            && let [Value::Str(_), ..] = items.as_slice()
        {
            let at = random.below(items.len());
            items[at] =
                Value::Str(if random.percent(50) { text.clone() } else { text.chars().rev().collect() });
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Str(_) | Value::Float(_))
}

fn is_alike(one: &Value, other: &Value) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[i64]) -> Value {
        Value::List(numbers.iter().map(|&number| Value::Int(number)).collect())
    }

    /// What becomes of the values by 200 seeds.
    fn related(values: &[Value]) -> Vec<Vec<Value>> {
        let by_seed = (0..200).map(|seed| {
            let mut values = values.to_vec();
            relate(values.iter_mut().collect(), &mut Random::new(seed, &[]));
            values
        });
        by_seed.collect()
    }

    #[test]
    fn a_number_is_an_item_a_sum_of_items_a_length_or_an_index() {
        let found = related(&[numbers(&[40, 70, 20]), Value::Int(-1)]);
        for number in [40, 110, 3, 1] {
            assert!(found.iter().any(|values| values[1] == Value::Int(number)), "{number}");
        }
        assert!(found.contains(&vec![numbers(&[20, 40, 70]), Value::Int(40)]));
    }

    #[test]
    fn a_key_of_any_kind_is_asked_for() {
        let dict = Value::Dict(vec![(Value::Str("A".to_owned()), Value::None)]);
        let found = related(&[dict, Value::Int(1)]);
        assert!(found.iter().any(|values| values[1] == Value::Str("A".to_owned())));
    }

    #[test]
    fn lists_are_of_one_length() {
        let found = related(&[numbers(&[1, 2, 3]), numbers(&[4, 5])]);
        assert!(found.contains(&vec![numbers(&[1, 2]), numbers(&[4, 5])]));
        let [wide, narrow] = [[1, 2], [3, 4]].map(|row| Value::List(vec![numbers(&row), numbers(&row)]));
        let found = related(&[wide.clone(), Value::List(vec![numbers(&[5])])]);
        assert!(found.contains(&vec![wide.clone(), wide.clone()]));
        assert_ne!(wide, narrow);
    }

    #[test]
    fn a_text_is_part_of_another() {
        let found = related(&[Value::Str("banana".to_owned()), Value::Str("xy".to_owned())]);
        assert!(found.iter().any(|values| values[1] == Value::Str("an".to_owned())));
    }

    #[test]
    fn a_text_is_one_of_those_in_a_list_or_made_of_the_same_letters() {
        let text = |text: &str| Value::Str(text.to_owned());
        let found = related(&[text("abc"), Value::List(vec![text("x"), text("y")])]);
        for item in ["abc", "cba"] {
            assert!(
                found.iter().any(|values| values[1] == Value::List(vec![text("x"), text(item)])),
                "{item}"
            );
        }
    }

    #[test]
    fn an_object_is_asked_for_what_was_put_into_it() {
        let edge = |from, to| Step::Call {
            method: "add_edge".to_owned(),
            arguments: vec![Value::Int(from), Value::Int(to)],
        };
        let steps = vec![edge(31, 32), edge(33, 34)];
        let graph = Instance { class: "Graph".to_owned(), arguments: Vec::new(), steps };
        let found = related(&[Value::Instance(graph), Value::Int(1), Value::Int(2)]);
        assert!(found.iter().any(|values| values[1..] == [Value::Int(33), Value::Int(34)]));
    }
}
