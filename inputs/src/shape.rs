//! What kind of value a parameter takes, as its annotation or its default says.

use std::collections::BTreeSet;

use ruff_python_ast::{Expr, Operator};

use crate::value::Value;

/// A kind of value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Nothing is known.
    Any,
    None,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    List(Box<Shape>),
    /// Of these, in this order.
    Tuple(Vec<Shape>),
    Set(Box<Shape>),
    Dict(Box<Shape>, Box<Shape>),
    /// A list of lists that are of one length.
    Grid(Box<Shape>),
    /// A dict from nodes to their neighbours, or to their neighbours and how far these are.
    Graph {
        weighted: bool,
    },
    /// A dict with these keys.
    Record(Vec<(String, Shape)>),
    /// An object of no class in particular, with these attributes.
    Object(Vec<(String, Shape)>),
    /// Of an object's attributes and a record's fields: another of its kind, or nothing.
    Again,
    /// Of an object's attributes: what can be called, whatever with.
    Method,
    /// A function of so many parameters.
    Function(usize),
    /// An object of a class of the file.
    Instance(String),
    OneOf(Vec<Shape>),
}

impl Shape {
    pub(crate) fn list(of: Shape) -> Shape {
        Shape::List(Box::new(of))
    }

    pub(crate) fn dict(key: Shape, value: Shape) -> Shape {
        Shape::Dict(Box::new(key), Box::new(value))
    }

    /// The kind of a value such as a default.
    pub(crate) fn of(value: &Value) -> Shape {
        let first = |items: &[Value]| Box::new(items.first().map_or(Shape::Any, Shape::of));
        match value {
            Value::None | Value::Verbatim(_) | Value::Object(_) => Shape::Any,
            Value::Bool(_) => Shape::Bool,
            Value::Int(_) => Shape::Int,
            Value::Float(_) => Shape::Float,
            Value::Str(_) => Shape::Str,
            Value::Bytes(_) => Shape::Bytes,
            Value::List(items) => Shape::List(first(items)),
            Value::Tuple(items) => Shape::Tuple(items.iter().map(Shape::of).collect()),
            Value::Set(items) => Shape::Set(first(items)),
            Value::Dict(items) => {
                let first = items.first();
                let of = |item: Option<&Value>| item.map_or(Shape::Any, Shape::of);
                Shape::dict(of(first.map(|(key, _)| key)), of(first.map(|(_, value)| value)))
            }
            Value::Instance(instance) => Shape::Instance(instance.class.clone()),
        }
    }

    /// What an annotation says; `None` where it says nothing that is understood.
    pub(crate) fn annotated(annotation: &Expr, classes: &BTreeSet<String>) -> Option<Shape> {
        const MAX_DEPTH: usize = 8;
        annotated(annotation, classes, MAX_DEPTH)
    }
}

fn annotated(annotation: &Expr, classes: &BTreeSet<String>, depth: usize) -> Option<Shape> {
    let depth = depth.checked_sub(1)?;
    let of = |expression: &Expr| annotated(expression, classes, depth).unwrap_or(Shape::Any);
    match annotation {
        Expr::NoneLiteral(_) => Some(Shape::None),
        Expr::Name(name) => named(&name.id, &[], classes),
        Expr::Attribute(attribute) => named(&attribute.attr, &[], classes),
        Expr::StringLiteral(text) => {
            let parsed = ruff_python_parser::parse_expression(text.value.to_str()).ok()?;
            annotated(parsed.expr(), classes, depth)
        }
        Expr::BinOp(either) if either.op == Operator::BitOr => {
            Some(Shape::OneOf(vec![of(&either.left), of(&either.right)]))
        }
        Expr::Subscript(subscript) => {
            let name = match &*subscript.value {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => return None,
            };
            match (name, &*subscript.slice) {
                ("Callable", Expr::Tuple(signature)) => {
                    let count = match signature.elts.first() {
                        Some(Expr::List(parameters)) => parameters.elts.len(),
                        _ => 1,
                    };
                    Some(Shape::Function(count))
                }
                ("tuple" | "Tuple", Expr::Tuple(items))
                    if matches!(items.elts.last(), Some(Expr::EllipsisLiteral(_))) =>
                {
                    Some(Shape::Tuple(vec![of(items.elts.first()?); 3]))
                }
                ("Literal", _) => None,
                (_, Expr::Tuple(items)) => {
                    let items: Vec<Shape> = items.elts.iter().map(of).collect();
                    named(name, &items, classes)
                }
                (_, item) => named(name, &[of(item)], classes),
            }
        }
        _ => None,
    }
}

fn named(name: &str, items: &[Shape], classes: &BTreeSet<String>) -> Option<Shape> {
    let item = |index: usize| Box::new(items.get(index).cloned().unwrap_or(Shape::Any));
    Some(match name {
        "int" | "Integral" => Shape::Int,
        "float" | "Number" | "Real" | "complex" => Shape::Float,
        "str" | "Text" | "AnyStr" => Shape::Str,
        "bool" => Shape::Bool,
        "bytes" | "bytearray" | "ByteString" => Shape::Bytes,
        "list" | "List" | "Sequence" | "MutableSequence" | "Iterable" | "Iterator" | "Collection"
        | "Container" | "Sized" | "Reversible" | "deque" | "Deque" => Shape::List(item(0)),
        "tuple" | "Tuple" if items.is_empty() => Shape::Tuple(vec![Shape::Int, Shape::Int]),
        "tuple" | "Tuple" => Shape::Tuple(items.to_vec()),
        "set" | "Set" | "frozenset" | "FrozenSet" | "AbstractSet" | "MutableSet" => Shape::Set(item(0)),
        "dict" | "Dict" | "Mapping" | "MutableMapping" | "OrderedDict" | "defaultdict" | "DefaultDict" => {
            Shape::Dict(item(0), item(1))
        }
        "Counter" => Shape::Dict(item(0), Box::new(Shape::Int)),
        "Callable" => Shape::Function(1),
        "Optional" => Shape::OneOf(vec![*item(0), Shape::None]),
        "Union" => Shape::OneOf(items.to_vec()),
        "Final" | "Annotated" | "ClassVar" => *item(0),
        "None" => Shape::None,
        class if classes.contains(class) => Shape::Instance(class.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(annotation: &str, shape: Option<Shape>) {
        let parsed = ruff_python_parser::parse_expression(annotation).unwrap();
        let classes = BTreeSet::from(["Node".to_owned()]);
        assert_eq!(Shape::annotated(parsed.expr(), &classes), shape, "{annotation}");
    }

    #[test]
    fn annotations_say_what_a_parameter_takes() {
        let grid = Shape::list(Shape::list(Shape::Int));
        check("list[list[int]]", Some(grid.clone()));
        check("typing.List['List[int]']", Some(grid));
        check("Optional[Node]", Some(Shape::OneOf(vec![Shape::Instance("Node".to_owned()), Shape::None])));
        check("int | None", Some(Shape::OneOf(vec![Shape::Int, Shape::None])));
        check("Dict[str, Tuple[int, ...]]", Some(Shape::dict(Shape::Str, Shape::Tuple(vec![Shape::Int; 3]))));
        check("Callable[[int, int], bool]", Some(Shape::Function(2)));
        check("Unheard", None);
        check("T.x[0]", None);
    }
}
