//! Calls that the file itself makes: in its main block, in other functions, in the examples of its docstrings. Also those
//! that others write about it.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Operator, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::docs;
use crate::imported;
use crate::literal;
use crate::value::{Instance, Step, Value};

/// Most examples of one file.
const MOST: usize = 512;

/// Arguments of a call that the file makes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Example {
    /// As the module names it.
    pub(crate) function: String,
    pub(crate) arguments: Vec<(Option<String>, Value)>,
}

/// The calls of these functions, in order, also in docstrings.
pub(crate) fn find(
    code: &str,
    body: &[Stmt],
    functions: &BTreeSet<String>,
    classes: &BTreeSet<String>,
) -> Vec<Example> {
    let mut finder = Finder::new(code, functions, classes);
    finder.visit_body(body);
    let mut found = finder.found;
    for text in std::mem::take(&mut finder.texts) {
        let shown = if text.contains(">>>") { docs::doctest(&text) } else { docs::blocks(&text) };
        let defined = |name: &str| functions.contains(name) || classes.contains(name);
        let shown = imported::from_within(&shown, None, defined).unwrap_or(shown);
        if let Ok(parsed) = ruff_python_parser::parse_module(&shown) {
            let mut finder = Finder::new(&shown, functions, classes);
            finder.visit_body(parsed.suite());
            found.append(&mut finder.found);
        }
    }
    let mut unique: Vec<Example> = Vec::new();
    for example in found {
        if unique.len() < MOST && !unique.contains(&example) {
            unique.push(example);
        }
    }
    unique
}

/// The calls of these functions in a test of the module of this name.
pub(crate) fn in_test(
    test: &str,
    module: &str,
    functions: &BTreeSet<String>,
    classes: &BTreeSet<String>,
) -> Vec<Example> {
    let defined = |name: &str| functions.contains(name) || classes.contains(name);
    let Some(code) = imported::from_within(test, Some(module), defined) else { return Vec::new() };
    let parsed = ruff_python_parser::parse_module(&code);
    parsed.map_or_else(|_| Vec::new(), |parsed| find(&code, parsed.suite(), functions, classes))
}

/// The calls of these functions in a text that holds Python, perhaps in fences, perhaps among prose.
pub(crate) fn among_prose(
    text: &str,
    functions: &BTreeSet<String>,
    classes: &BTreeSet<String>,
) -> Vec<Example> {
    let lines = || text.lines().filter(|line| !line.trim_start().starts_with("```"));
    let mut code: String = lines().collect::<Vec<_>>().join("\n");
    let parsed = ruff_python_parser::parse_module(&code).or_else(|_| {
        let alone = lines().map(str::trim).filter(|line| ruff_python_parser::parse_module(line).is_ok());
        code = alone.collect::<Vec<_>>().join("\n");
        ruff_python_parser::parse_module(&code)
    });
    parsed.map_or_else(|_| Vec::new(), |parsed| find(&code, parsed.suite(), functions, classes))
}

struct Finder<'a> {
    code: &'a str,
    functions: &'a BTreeSet<String>,
    classes: &'a BTreeSet<String>,
    /// What names were last given, as far as it is a value, and the class of it.
    bound: BTreeMap<String, (Value, Option<String>)>,
    /// Docstrings, and texts that stand as they do.
    texts: Vec<String>,
    found: Vec<Example>,
}

impl<'a> Finder<'a> {
    fn new(code: &'a str, functions: &'a BTreeSet<String>, classes: &'a BTreeSet<String>) -> Finder<'a> {
        Finder { code, functions, classes, bound: BTreeMap::new(), texts: Vec::new(), found: Vec::new() }
    }

    /// The value of an argument, and its class if it is an object of one of the file's.
    fn value(&self, expression: &Expr) -> Option<(Value, Option<String>)> {
        if let Some(value) = literal::of(expression) {
            return Some((value, None));
        }
        const LONGEST: usize = 400;
        if expression.range().len().to_usize() > LONGEST {
            return None;
        }
        match expression {
            Expr::Name(name) => return self.bound.get(name.id.as_str()).cloned(),
            // What a test has set up: `self.items`.
            Expr::Attribute(_) => {
                if let Some(value) = imported::dotted(expression).and_then(|name| self.bound.get(&name)) {
                    return Some(value.clone());
                }
            }
            Expr::Call(call) => {
                if let Some(object) = self.object(call) {
                    let class = object.class.clone();
                    return Some((Value::Instance(object), Some(class)));
                }
            }
            _ => {}
        }
        if !is_closed(expression, self.functions, self.classes) {
            return None;
        }
        let class = match expression {
            Expr::Call(call) => match &*call.func {
                Expr::Name(name) => Some(name.id.to_string()).filter(|name| self.classes.contains(name)),
                _ => None,
            },
            _ => None,
        };
        // An argument list may run over lines, where a line break is no end.
        let text = self.code.get(expression.range().to_std_range())?;
        Some((Value::Verbatim(text.to_owned()), class))
    }

    /// An object of one of the file's classes that is made of known values.
    fn object(&self, call: &ExprCall) -> Option<Instance> {
        let Expr::Name(class) = &*call.func else { return None };
        if !self.classes.contains(class.id.as_str()) || !call.arguments.keywords.is_empty() {
            return None;
        }
        let arguments = call.arguments.args.iter().map(|argument| Some(self.value(argument)?.0));
        Some(Instance {
            class: class.id.to_string(),
            arguments: arguments.collect::<Option<_>>()?,
            steps: Vec::new(),
        })
    }

    /// What a statement such as `stack.push(3)` does to the object of that name.
    fn step(&mut self, call: &ExprCall) {
        const MOST: usize = 16;
        let Expr::Attribute(method) = &*call.func else { return };
        let Some(name) = imported::dotted(&method.value) else { return };
        let arguments: Option<Vec<Value>> =
            call.arguments.args.iter().map(|argument| Some(self.value(argument)?.0)).collect();
        let Some((Value::Instance(object), _)) = self.bound.get_mut(&name) else { return };
        match arguments {
            Some(arguments) if call.arguments.keywords.is_empty() && object.steps.len() < MOST => {
                object.steps.push(Step::Call { method: method.attr.to_string(), arguments });
            }
            // Its state is not known any more.
            _ => drop(self.bound.remove(&name)),
        }
    }

    /// An operator between objects calls a method of one of their classes.
    fn operation(&mut self, left: &Expr, name: &str, right: &Expr) {
        let (Some(left), Some(right)) = (self.value(left), self.value(right)) else { return };
        let reversed = format!("r{name}");
        for (name, object, other) in [(name, &left, &right), (&reversed, &right, &left)] {
            let Some(class) = &object.1 else { continue };
            let function = format!("{class}.__{name}__");
            if self.functions.contains(&function) {
                let arguments = vec![(None, object.0.clone()), (None, other.0.clone())];
                self.found.push(Example { function, arguments });
                return;
            }
        }
    }

    fn call(&mut self, call: &ExprCall) {
        let (function, receiver) = match &*call.func {
            Expr::Name(name) => (name.id.to_string(), None),
            Expr::Attribute(method) => match self.value(&method.value) {
                Some((value, Some(class))) => (format!("{class}.{}", method.attr), Some(value)),
                _ => match &*method.value {
                    Expr::Name(class) => (format!("{}.{}", class.id, method.attr), None),
                    _ => return,
                },
            },
            _ => return,
        };
        if !self.functions.contains(&function) {
            return;
        }
        let positional = call.arguments.args.iter().map(|argument| Some((None, self.value(argument)?.0)));
        let by_keyword =
            call.arguments.keywords.iter().map(|keyword| {
                Some((Some(keyword.arg.as_ref()?.to_string()), self.value(&keyword.value)?.0))
            });
        let receiver = receiver.into_iter().map(|value| Some((None, value)));
        if let Some(arguments) = receiver.chain(positional).chain(by_keyword).collect() {
            self.found.push(Example { function, arguments });
        }
    }
}

/// Turns of a loop that are looked at.
const MAX_TURNS: usize = 16;

impl Finder<'_> {
    /// Looks at a body once for each of the items of a list that is known, with these names for it; whether it is.
    fn turns(&mut self, names: &[String], over: &Expr, body: &[Stmt]) -> bool {
        let Some((Value::List(items) | Value::Tuple(items), _)) = self.value(over) else { return false };
        for item in items.into_iter().take(MAX_TURNS) {
            match (names, item) {
                ([name], item) => drop(self.bound.insert(name.clone(), (item, None))),
                (names, Value::Tuple(parts) | Value::List(parts)) if parts.len() == names.len() => {
                    let parts = parts.into_iter().map(|part| (part, None));
                    self.bound.extend(names.iter().cloned().zip(parts));
                }
                _ => return false,
            }
            self.visit_body(body);
        }
        true
    }

    /// Looks at what stands in a loop, or in a test that pytest calls with each of some arguments, as often as it runs.
    fn repeated(&mut self, statement: &Stmt) -> bool {
        let name_of = |expression: &Expr| expression.as_name_expr().map(|name| name.id.to_string());
        match statement {
            Stmt::For(each) => {
                let names: Option<Vec<String>> = match &*each.target {
                    Expr::Tuple(names) => names.elts.iter().map(name_of).collect(),
                    name => name_of(name).map(|name| vec![name]),
                };
                names.is_some_and(|names| self.turns(&names, &each.iter, &each.body))
            }
            Stmt::FunctionDef(function) => {
                let calls = function.decorator_list.iter().filter_map(|each| each.expression.as_call_expr());
                let mut given = calls.filter(|call| {
                    let marked = call.func.as_attribute_expr();
                    marked.is_some_and(|marked| marked.attr.as_str() == "parametrize")
                });
                let Some(given) = given.next() else { return false };
                let [Expr::StringLiteral(names), over, ..] = &*given.arguments.args else { return false };
                let names = names.value.to_str().split(',').map(|name| name.trim().to_owned());
                self.turns(&names.collect::<Vec<_>>(), over, &function.body)
            }
            _ => false,
        }
    }
}

impl<'a> Visitor<'a> for Finder<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if self.repeated(statement) {
            return;
        }
        walk_stmt(self, statement);
        // What a statement calls comes before what it changes.
        match statement {
            Stmt::Assign(assign) => {
                if let [target] = assign.targets.as_slice()
                    && let Some(name) = imported::dotted(target)
                {
                    match self.value(&assign.value) {
                        Some(value) => self.bound.insert(name, value),
                        None => self.bound.remove(&name),
                    };
                }
            }
            Stmt::Expr(alone) => match &*alone.value {
                Expr::StringLiteral(text) => self.texts.push(text.value.to_str().to_owned()),
                Expr::Call(call) => self.step(call),
                _ => {}
            },
            _ => {}
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Call(call) => self.call(call),
            Expr::BinOp(operation) => {
                if let Some(name) = method_of(operation.op) {
                    self.operation(&operation.left, name, &operation.right);
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// What a class calls the method for an operator, without its underscores.
fn method_of(operator: Operator) -> Option<&'static str> {
    Some(match operator {
        Operator::Add => "add",
        Operator::Sub => "sub",
        Operator::Mult => "mul",
        Operator::Div => "truediv",
        Operator::Mod => "mod",
        Operator::Pow => "pow",
        Operator::BitAnd => "and",
        Operator::BitOr => "or",
        Operator::BitXor => "xor",
        _ => return None,
    })
}

/// Whether an expression means the same anywhere in the module: it names nothing but what the file defines and what
/// is built in.
fn is_closed(expression: &Expr, functions: &BTreeSet<String>, classes: &BTreeSet<String>) -> bool {
    const BUILT_IN: [&str; 16] = [
        "range",
        "list",
        "set",
        "dict",
        "tuple",
        "len",
        "str",
        "int",
        "float",
        "sum",
        "min",
        "max",
        "abs",
        "sorted",
        "bool",
        "frozenset",
    ];
    struct Names<'a> {
        functions: &'a BTreeSet<String>,
        classes: &'a BTreeSet<String>,
        all_known: bool,
    }
    impl<'b> Visitor<'b> for Names<'_> {
        fn visit_expr(&mut self, expression: &'b Expr) {
            match expression {
                Expr::Name(name) => {
                    let name = name.id.as_str();
                    self.all_known &= BUILT_IN.contains(&name)
                        || self.functions.contains(name)
                        || self.classes.contains(name);
                }
                Expr::Lambda(_)
                | Expr::Await(_)
                | Expr::Yield(_)
                | Expr::YieldFrom(_)
                | Expr::Starred(_)
                | Expr::Named(_)
                | Expr::FString(_) => {
                    self.all_known = false;
                }
                _ => walk_expr(self, expression),
            }
        }
    }
    let mut names = Names { functions, classes, all_known: true };
    names.visit_expr(expression);
    names.all_known
}

/// Where the `raise` statements stand.
pub(crate) fn raises(body: &[Stmt]) -> Vec<TextRange> {
    struct Raises(Vec<TextRange>);
    impl<'a> Visitor<'a> for Raises {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            if matches!(statement, Stmt::Raise(_) | Stmt::Assert(_)) {
                self.0.push(statement.range());
            }
            walk_stmt(self, statement);
        }
    }
    let mut raises = Raises(Vec::new());
    raises.visit_body(body);
    raises.0
}

/// Calls `found` with every attribute of `self` that is set, and what it is set to.
pub(crate) fn attributes_set(body: &[Stmt], found: impl FnMut(&str, Option<&Expr>)) {
    struct Attributes<F>(F);
    impl<'a, F: FnMut(&str, Option<&Expr>)> Visitor<'a> for Attributes<F> {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            let (targets, value) = match statement {
                Stmt::Assign(assign) => (assign.targets.as_slice(), Some(&*assign.value)),
                Stmt::AnnAssign(assign) => (std::slice::from_ref(&*assign.target), assign.value.as_deref()),
                _ => ([].as_slice(), None),
            };
            for target in targets {
                let each = match target {
                    Expr::Tuple(tuple) => tuple.elts.as_slice(),
                    target => std::slice::from_ref(target),
                };
                for target in each {
                    if let Expr::Attribute(attribute) = target
                        && matches!(&*attribute.value, Expr::Name(owner) if owner.id.as_str() == "self")
                    {
                        (self.0)(&attribute.attr, value);
                    }
                }
            }
            walk_stmt(self, statement);
        }
    }
    Attributes(found).visit_body(body);
}
