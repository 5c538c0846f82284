//! The first values that a person would try: nothing, and one of it.

use crate::generate::Maker;
use crate::module::Callable;
use crate::search::Arguments;
use crate::shape::Shape;
use crate::uses::Compared;
use crate::value::Value;

/// Which values are at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// 0, and what is empty.
    Nothing,
    /// 1, and what holds one thing.
    One,
}

/// Calls with such values of the likeliest kinds; what has a default is left out.
pub(crate) fn of(callable: &Callable, maker: &mut Maker<'_>) -> Vec<Arguments> {
    let needed = || callable.parameters.iter().filter(|parameter| !parameter.has_default);
    if needed().next().is_none() {
        return Vec::new();
    }
    let calls = [Edge::Nothing, Edge::One].map(|edge| {
        let receiver = callable.receiver.iter().map(|class| (None, maker.instance(class)));
        let mut arguments: Arguments = receiver.collect();
        for parameter in needed() {
            let likeliest = parameter.choices.first().map_or(&Shape::Any, |choice| &choice.shape);
            let keyword = parameter.by_keyword.then(|| parameter.name.clone());
            arguments.push((keyword, at(edge, likeliest, maker)));
        }
        arguments
    });
    calls.into()
}

fn at(edge: Edge, shape: &Shape, maker: &mut Maker<'_>) -> Value {
    let is_one = edge == Edge::One;
    let mut items = |shape: &Shape| if is_one { vec![at(edge, shape, maker)] } else { Vec::new() };
    let text = if is_one { "a" } else { "" };
    match shape {
        Shape::Any | Shape::Int => Value::Int(i64::from(is_one)),
        Shape::Float => Value::Float(f64::from(u8::from(is_one))),
        Shape::Bool => Value::Bool(is_one),
        Shape::Str => Value::Str(text.to_owned()),
        Shape::Bytes => Value::Bytes(text.as_bytes().to_vec()),
        Shape::List(item) => Value::List(items(item)),
        Shape::Grid(item) => {
            let row = items(item);
            Value::List(if is_one { vec![Value::List(row)] } else { Vec::new() })
        }
        Shape::Set(item) => {
            let mut items = items(item);
            items.retain(Value::is_hashable);
            Value::Set(items)
        }
        Shape::Dict(key, value) => {
            let keys = items(key);
            let keys = keys.into_iter().filter(Value::is_hashable).collect::<Vec<_>>();
            Value::Dict(keys.into_iter().map(|key| (key, at(edge, value, maker))).collect())
        }
        Shape::Graph { .. } if !is_one => Value::Dict(Vec::new()),
        Shape::Tuple(items) => Value::Tuple(items.iter().map(|item| at(edge, item, maker)).collect()),
        Shape::OneOf(shapes) => match if is_one { shapes.last() } else { shapes.first() } {
            Some(shape) => at(edge, shape, maker),
            None => Value::None,
        },
        // Of these there is no least one.
        Shape::None
        | Shape::Graph { .. }
        | Shape::Record(_)
        | Shape::Object(_)
        | Shape::Again
        | Shape::Method
        | Shape::Function(_)
        | Shape::Instance(_) => maker.value(shape, &Compared::default()),
    }
}
