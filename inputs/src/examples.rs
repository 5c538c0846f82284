//! Calls that the file itself makes: in its main block, in other functions, in the examples of its docstrings.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::literal;
use crate::value::Value;

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
    let mut finder =
        Finder { code, functions, classes, bound: BTreeMap::new(), doctests: Vec::new(), found: Vec::new() };
    finder.visit_body(body);
    let mut found = finder.found;
    for doctest in std::mem::take(&mut finder.doctests) {
        if let Ok(parsed) = ruff_python_parser::parse_module(&doctest) {
            let bound = BTreeMap::new();
            let mut finder =
                Finder { code: &doctest, functions, classes, bound, doctests: Vec::new(), found: Vec::new() };
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
    doctests: Vec<String>,
    found: Vec<Example>,
}

impl Finder<'_> {
    /// The value of an argument, and its class if it is an object of one of the file's.
    fn value(&self, expression: &Expr) -> Option<(Value, Option<String>)> {
        if let Some(value) = literal::of(expression) {
            return Some((value, None));
        }
        match expression {
            Expr::Name(name) => self.bound.get(name.id.as_str()).cloned(),
            _ if is_closed(expression, self.functions, self.classes) => {
                let text = self.code.get(expression.range().to_std_range())?;
                let class = match expression {
                    Expr::Call(call) => match &*call.func {
                        Expr::Name(name) => {
                            Some(name.id.to_string()).filter(|name| self.classes.contains(name))
                        }
                        _ => None,
                    },
                    _ => None,
                };
                const LONGEST: usize = 400;
                // An argument list may run over lines, where a line break is no end.
                (text.len() <= LONGEST).then(|| (Value::Verbatim(text.to_owned()), class))
            }
            _ => None,
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

impl<'a> Visitor<'a> for Finder<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) => {
                if let [Expr::Name(target)] = assign.targets.as_slice() {
                    match self.value(&assign.value) {
                        Some(value) => self.bound.insert(target.id.to_string(), value),
                        None => self.bound.remove(target.id.as_str()),
                    };
                }
            }
            Stmt::Expr(alone) => {
                if let Expr::StringLiteral(text) = &*alone.value
                    && text.value.to_str().contains(">>>")
                {
                    self.doctests.push(doctest(text.value.to_str()));
                }
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression {
            self.call(call);
        }
        walk_expr(self, expression);
    }
}

/// The statements of a docstring's examples. One that is no Python must not cost the others.
fn doctest(text: &str) -> String {
    let mut statements: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(statement) = line.strip_prefix(">>>") {
            statements.push(statement.strip_prefix(' ').unwrap_or(statement).to_owned());
        } else if let (Some(more), Some(last)) = (line.strip_prefix("..."), statements.last_mut()) {
            last.push('\n');
            last.push_str(more.strip_prefix(' ').unwrap_or(more));
        }
    }
    statements.retain(|statement| ruff_python_parser::parse_module(statement).is_ok());
    statements.join("\n")
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
