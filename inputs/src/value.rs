//! Values that a function can be called with, as Python writes them.

use std::fmt;

/// A value that can be changed a little and written down.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Set(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Instance(Instance),
    /// An object of no class in particular, with these attributes.
    Object(Vec<(String, Value)>),
    /// An expression that is used as it stands: a large number, a lambda, a name of the module.
    Verbatim(String),
}

/// An object of one of the file's own classes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Instance {
    pub(crate) class: String,
    pub(crate) arguments: Vec<Value>,
    /// What happens to it before it is handed over.
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Call { method: String, arguments: Vec<Value> },
    Set { attribute: String, value: Value },
}

impl Value {
    /// How many values it is made of, itself included.
    pub(crate) fn size(&self) -> usize {
        let all = |values: &[Value]| values.iter().map(Value::size).sum::<usize>();
        1 + match self {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => all(items),
            Value::Dict(items) => items.iter().map(|(key, value)| key.size() + value.size()).sum(),
            Value::Instance(instance) => {
                let steps = instance.steps.iter().map(|step| match step {
                    Step::Call { arguments, .. } => all(arguments),
                    Step::Set { value, .. } => value.size(),
                });
                all(&instance.arguments) + steps.sum::<usize>()
            }
            Value::Object(attributes) => attributes.iter().map(|(_, value)| value.size()).sum(),
            Value::Str(text) => text.len() / 8,
            _ => 0,
        }
    }

    /// Whether Python can put it into a set.
    pub(crate) fn is_hashable(&self) -> bool {
        match self {
            Value::List(_) | Value::Set(_) | Value::Dict(_) | Value::Object(_) => false,
            Value::Tuple(items) => items.iter().all(Value::is_hashable),
            _ => true,
        }
    }
}

/// Arguments as they stand between the brackets of a call.
pub(crate) fn written(arguments: &[(Option<String>, Value)]) -> String {
    let each = arguments.iter().map(|(keyword, value)| match keyword {
        Some(keyword) => format!("{keyword}={value}"),
        None => value.to_string(),
    });
    each.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Float(number) if number.is_nan() => f.write_str("float('nan')"),
            Value::Float(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "float('inf')" } else { "float('-inf')" })
            }
            Value::Float(number) => write!(f, "{number:?}"),
            Value::Str(text) => quoted(f, text),
            Value::Bytes(bytes) => {
                f.write_str("b'")?;
                for &byte in bytes {
                    match byte {
                        b'\'' | b'\\' => write!(f, "\\{}", byte as char)?,
                        b' '..=b'~' => write!(f, "{}", byte as char)?,
                        _ => write!(f, "\\x{byte:02x}")?,
                    }
                }
                f.write_str("'")
            }
            Value::List(items) => write!(f, "[{}]", Listed(items)),
            Value::Tuple(items) if items.len() == 1 => write!(f, "({},)", items[0]),
            Value::Tuple(items) => write!(f, "({})", Listed(items)),
            Value::Set(items) if items.is_empty() => f.write_str("set()"),
            Value::Set(items) => write!(f, "{{{}}}", Listed(items)),
            Value::Dict(items) => {
                f.write_str("{")?;
                for (index, (key, value)) in items.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{key}: {value}")?;
                }
                f.write_str("}")
            }
            Value::Instance(instance) => instance.fmt(f),
            Value::Object(attributes) => {
                // Whatever the module imports or defines itself, this is there.
                f.write_str("__import__('types').SimpleNamespace(")?;
                for (index, (name, value)) in attributes.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{name}={value}")?;
                }
                f.write_str(")")
            }
            Value::Verbatim(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Instance { class, arguments, steps } = self;
        if steps.is_empty() {
            return write!(f, "{class}({})", Listed(arguments));
        }
        // An argument list holds expressions alone, so the steps are made one.
        f.write_str("(lambda it: (")?;
        for step in steps {
            match step {
                Step::Call { method, arguments } => write!(f, "it.{method}({}), ", Listed(arguments))?,
                Step::Set { attribute, value } => write!(f, "setattr(it, '{attribute}', {value}), ")?,
            }
        }
        write!(f, "it)[-1])({class}({}))", Listed(arguments))
    }
}

struct Listed<'a>(&'a [Value]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        Ok(())
    }
}

/// As `repr` shows a text of printable characters; others are escaped.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    write!(f, "{quote}")?;
    for character in text.chars() {
        match character {
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\\' => f.write_str("\\\\")?,
            _ if character == quote => write!(f, "\\{quote}")?,
            _ if character.is_control() => write!(f, "\\U{:08x}", character as u32)?,
            _ => write!(f, "{character}")?,
        }
    }
    write!(f, "{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value, text: &str) {
        assert_eq!(value.to_string(), text);
    }

    #[test]
    fn values_read_as_python_writes_them() {
        let text = |text: &str| Value::Str(text.to_owned());
        check(text("it's\n"), r#""it's\n""#);
        check(text("\u{7}'\""), r#"'\U00000007\'"'"#);
        check(Value::Bytes(b"a'\xff".to_vec()), r"b'a\'\xff'");
        check(Value::Tuple(vec![Value::Int(-1)]), "(-1,)");
        check(Value::Float(2.0), "2.0");
        check(Value::Float(f64::NEG_INFINITY), "float('-inf')");
        check(Value::Set(Vec::new()), "set()");
        check(
            Value::Dict(vec![(text("a"), Value::None), (Value::Int(1), Value::Bool(true))]),
            "{'a': None, 1: True}",
        );
    }

    #[test]
    fn an_object_without_a_class_reads_as_its_attributes() {
        let node = Value::Object(vec![("val".to_owned(), Value::Int(1)), ("next".to_owned(), Value::None)]);
        check(node, "__import__('types').SimpleNamespace(val=1, next=None)");
    }

    #[test]
    fn an_instance_with_steps_is_one_expression() {
        let push = Step::Call { method: "push".to_owned(), arguments: vec![Value::Int(3)] };
        let next = Step::Set { attribute: "next".to_owned(), value: Value::None };
        let stack = Instance { class: "Stack".to_owned(), arguments: Vec::new(), steps: vec![push, next] };
        check(
            Value::Instance(stack),
            "(lambda it: (it.push(3), setattr(it, 'next', None), it)[-1])(Stack())",
        );
    }
}
