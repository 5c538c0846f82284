//! A Python file, read without running it: what can be called in it, and what is known of the arguments.

mod classes;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::{
    Decorator, Expr, ParameterWithDefault, Parameters, Stmt, StmtClassDef, StmtFunctionDef,
};

use crate::branches;
use crate::docstring;
use crate::examples::{self, Example};
use crate::guess::{self, Choice, Clues};
use crate::literal;
use crate::mined::Mined;
use crate::search::{Call, Origin};
use crate::shape::Shape;
use crate::stack;
use crate::uses::handed::{self, Takers};
use crate::uses::{self, Compared, LEVELS, Uses};

/// Functions searched in one file.
const MAX_CALLABLES: usize = 200;

/// A file whose functions can be searched.
#[derive(Debug)]
pub struct Module {
    pub(crate) callables: Vec<Callable>,
    pub(crate) classes: BTreeMap<String, Class>,
    pub(crate) examples: Vec<Example>,
    /// The first and last line of each `raise` statement, counted from 1.
    raises: Vec<(u32, u32)>,
}

/// Why a file cannot be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("it is too large to be searched")]
    TooLarge,
    #[error("it is no Python of today")]
    Syntax,
}

/// A function or method that can be called on its own.
#[derive(Debug, Clone)]
pub(crate) struct Callable {
    /// As it is found in the module: `f`, `Stack.push`.
    pub(crate) name: String,
    /// Without `self`.
    pub(crate) parameters: Vec<Parameter>,
    /// The class of `self`, which is the first argument, where there is one.
    pub(crate) receiver: Option<String>,
    pub(crate) mined: Mined,
    /// How many choices its code has.
    pub(crate) branches: u32,
    /// What it calls by names that may be those of other functions of the file.
    calls: BTreeSet<String>,
}

/// Calls of one function that are taken from what somebody wrote.
const MAX_WRITTEN: usize = 16;

#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) by_keyword: bool,
    /// It stands for one of what `*args` takes.
    pub(crate) by_rest: bool,
    pub(crate) has_default: bool,
    /// What its annotation or else its default says of its kind.
    written: Shape,
    pub(crate) choices: Vec<Choice>,
    pub(crate) compared: Compared,
}

impl Parameter {
    /// What can be said of it, by all clues.
    fn new(name: &str, has_default: bool, clues: &Clues<'_>) -> Parameter {
        Parameter {
            name: name.to_owned(),
            by_keyword: false,
            by_rest: false,
            has_default,
            written: clues.annotation.clone().or_else(|| clues.default.clone()).unwrap_or(Shape::Any),
            choices: guess::choices(clues),
            compared: clues.uses[0].compared.clone(),
        }
    }

    /// Leaves only what is written down of its kind; anything where nothing is.
    pub(crate) fn forget_uses(&mut self) {
        self.choices = vec![Choice { shape: self.written.clone(), weight: 1.0 }];
        self.compared = Compared::default();
    }
}

/// A class that objects can be made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Class {
    /// What `Class(…)` takes.
    pub(crate) parameters: Vec<Parameter>,
    /// What its objects have, as far as the file says.
    attributes: BTreeSet<String>,
    /// Attributes that are `None` until somebody sets them: links to other objects, most of the time.
    pub(crate) links: Vec<String>,
    /// Methods that put something into an object; those that are called so, if there are any.
    pub(crate) fillers: Vec<(String, Vec<Parameter>)>,
    /// Other methods that take something and change the object.
    pub(crate) changers: Vec<(String, Vec<Parameter>)>,
    /// Its objects exist already, under these names: the members of an enumeration.
    pub(crate) members: Vec<String>,
}

impl Class {
    /// Leaves only what is written down of what it takes.
    pub(crate) fn forget_uses(&mut self) {
        self.parameters.iter_mut().for_each(Parameter::forget_uses);
        self.links.clear();
        self.fillers.clear();
        self.changers.clear();
    }

    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.attributes.contains(attribute)
    }
}

impl Module {
    /// Reads a file.
    pub fn read(code: &str) -> Result<Module, ReadError> {
        let read = stack::for_text(code, || {
            let parsed = ruff_python_parser::parse_module(code).map_err(|_| ReadError::Syntax)?;
            Ok(Reader::new(code, parsed.suite()).read())
        });
        read.unwrap_or(Err(ReadError::TooLarge))
    }

    /// The functions and methods that can be searched, as the module names them, those that call others before these.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.callables.iter().map(|callable| callable.name.as_str())
    }

    /// The calls of its functions in a text that somebody wrote about the file: Python, or Python among prose. Those
    /// whose arguments cannot be understood without running anything are left out.
    pub fn calls_in(&self, text: &str) -> Vec<Call> {
        self.written(text, Origin::Proposed, examples::among_prose)
    }

    /// The calls of its functions in a test of it: Python that imports it by `name`. As above.
    pub fn calls_in_test(&self, test: &str, name: &str) -> Vec<Call> {
        self.written(test, Origin::Harvested, |test, functions, classes| {
            examples::in_test(test, name, functions, classes)
        })
    }

    fn written(
        &self,
        text: &str,
        origin: Origin,
        find: impl FnOnce(&str, &BTreeSet<String>, &BTreeSet<String>) -> Vec<Example>,
    ) -> Vec<Call> {
        let functions: BTreeSet<String> = self.functions().map(str::to_owned).collect();
        let classes: BTreeSet<String> = self.classes.keys().cloned().collect();
        let examples = stack::for_text(text, || find(text, &functions, &classes)).unwrap_or_default();
        let mut calls: Vec<Call> = Vec::new();
        for Example { function, arguments } in examples {
            if calls.iter().filter(|call| call.function == function).count() < MAX_WRITTEN {
                calls.push(Call { origin, function, arguments });
            }
        }
        calls
    }

    /// Whether a `raise` statement stands on this line.
    pub(crate) fn raises_at(&self, line: u32) -> bool {
        self.raises.iter().any(|&(first, last)| (first..=last).contains(&line))
    }
}

struct Reader<'a> {
    code: &'a str,
    body: &'a [Stmt],
    functions: Vec<&'a StmtFunctionDef>,
    classes: Vec<&'a StmtClassDef>,
    names: BTreeSet<String>,
    shared: Mined,
    /// What functions do with what is handed to them.
    takers: Takers,
}

impl<'a> Reader<'a> {
    fn new(code: &'a str, body: &'a [Stmt]) -> Reader<'a> {
        let mut reader = Reader {
            code,
            body,
            functions: Vec::new(),
            classes: Vec::new(),
            names: BTreeSet::new(),
            shared: Mined::default(),
            takers: Takers::new(),
        };
        reader.collect(body);
        reader.names = reader.classes.iter().map(|class| class.name.to_string()).collect();
        let constants =
            body.iter().filter(|statement| matches!(statement, Stmt::Assign(_) | Stmt::AnnAssign(_)));
        constants.for_each(|statement| reader.shared.look_into(std::slice::from_ref(statement)));
        reader.takers = reader.takers();
        reader
    }

    /// Definitions at the module's level, also those under a condition.
    fn collect(&mut self, body: &'a [Stmt]) {
        for statement in body {
            match statement {
                Stmt::FunctionDef(function) => self.functions.push(function),
                Stmt::ClassDef(class) => self.classes.push(class),
                Stmt::If(choice) if !is_main(&choice.test) => {
                    self.collect(&choice.body);
                    choice.elif_else_clauses.iter().for_each(|clause| self.collect(&clause.body));
                }
                Stmt::Try(attempt) => self.collect(&attempt.body),
                _ => {}
            }
        }
    }

    fn takers(&self) -> Takers {
        let mut takers = Takers::new();
        for function in &self.functions {
            takers.insert(function.name.to_string(), uses_of(function, 0));
        }
        for class in &self.classes {
            for statement in &class.body {
                if let Stmt::FunctionDef(method) = statement {
                    let is_static = method
                        .decorator_list
                        .iter()
                        .filter_map(decorator_name)
                        .any(|name| name == "staticmethod");
                    let name = format!("{}.{}", class.name, method.name);
                    takers.insert(name, uses_of(method, usize::from(!is_static)));
                }
            }
        }
        takers
    }

    fn read(self) -> Module {
        let mut classes: BTreeMap<String, Class> =
            self.classes.iter().map(|class| (class.name.to_string(), self.outline(class))).collect();
        // What parameters are depends on the classes that there are, so their constructors come second.
        let read: Vec<(String, Class)> =
            self.classes.iter().map(|class| (class.name.to_string(), self.class(class, &classes))).collect();
        classes.extend(read);
        let mut callables = Vec::new();
        for function in &self.functions {
            callables.extend(self.callable(function, None, &classes));
        }
        for class in self.classes.iter().filter(|class| !is_test_case(class)) {
            for statement in &class.body {
                if let Stmt::FunctionDef(function) = statement {
                    callables.extend(self.callable(function, Some(class), &classes));
                }
            }
        }
        let mut known = BTreeSet::new();
        callables.retain(|callable: &Callable| known.insert(callable.name.clone()));
        callables.truncate(MAX_CALLABLES);
        let callables = order::callers_first(callables);
        let raises = examples::raises(self.body);
        let line =
            |at: ruff_text_size::TextSize| self.code[..usize::from(at)].matches('\n').count() as u32 + 1;
        Module {
            examples: examples::find(self.code, self.body, &known, &self.names),
            raises: raises.into_iter().map(|range| (line(range.start()), line(range.end()))).collect(),
            callables,
            classes,
        }
    }

    fn callable(
        &self,
        function: &StmtFunctionDef,
        class: Option<&StmtClassDef>,
        classes: &BTreeMap<String, Class>,
    ) -> Option<Callable> {
        let decorators: Vec<&str> = function.decorator_list.iter().filter_map(decorator_name).collect();
        let has = |names: &[&str]| decorators.iter().any(|decorator| names.contains(decorator));
        let hidden =
            ["__init__", "__new__", "__del__", "__init_subclass__", "__class_getitem__", "__getattr__"];
        // Python finds these under another name from outside their class.
        let is_mangled = function.name.starts_with("__") && !function.name.ends_with("__");
        if is_mangled
            || hidden.contains(&function.name.as_str())
            || has(&[
                "property",
                "cached_property",
                "setter",
                "getter",
                "deleter",
                "abstractmethod",
                "overload",
                "fixture",
            ])
        {
            return None;
        }
        let bound = class.is_some() && !has(&["staticmethod"]);
        let receiver = class.filter(|_| bound && !has(&["classmethod"])).map(|class| class.name.to_string());
        let mut mined = self.shared.clone();
        mined.look_into(&function.body);
        let name = match class {
            Some(class) => format!("{}.{}", class.name, function.name),
            None => function.name.to_string(),
        };
        let parameters = self.parameters(
            &function.parameters,
            &function.body,
            &[],
            class.map(|class| class.name.as_str()),
            usize::from(bound),
            classes,
        );
        let branches = branches::count(&function.body);
        let calls = order::called(&function.body, class.map(|class| class.name.as_str()));
        Some(Callable { name, parameters, receiver, mined, branches, calls })
    }

    /// The parameters of a function of this body. Those of a constructor are judged by `methods`, too.
    fn parameters(
        &self,
        parameters: &Parameters,
        body: &[Stmt],
        methods: &[&[Stmt]],
        owner: Option<&str>,
        skipped: usize,
        classes: &BTreeMap<String, Class>,
    ) -> Vec<Parameter> {
        let positional = parameters.posonlyargs.iter().chain(&parameters.args).skip(skipped);
        let every: Vec<(&ParameterWithDefault, bool)> = positional
            .map(|parameter| (parameter, false))
            .chain(parameters.kwonlyargs.iter().map(|parameter| (parameter, true)))
            .collect();
        let names: Vec<&str> = every.iter().map(|(parameter, _)| parameter.parameter.name.as_str()).collect();
        let rest = parameters.vararg.as_deref();
        let by_key = parameters.kwarg.as_deref().map(|parameter| parameter.name.as_str());
        let every_name: Vec<&str> =
            names.iter().copied().chain(rest.map(|rest| rest.name.as_str())).chain(by_key).collect();
        let mut found = uses::of(&every_name, body, methods);
        found.values_mut().for_each(|levels| handed::add(levels, owner, &self.takers));
        let documented = docstring::kinds(body, &names, &self.names);
        let annotated = |annotation: Option<&Expr>| Shape::annotated(annotation?, &self.names);
        let nothing_done = Default::default();
        let unsaid = |name| Clues {
            name,
            annotation: None,
            documented: None,
            default: None,
            uses: found.get(name).unwrap_or(&nothing_done),
            found: &found,
            owner,
            classes,
        };
        let mut each: Vec<Parameter> = Vec::new();
        for (parameter, by_keyword) in every {
            let name = parameter.parameter.name.as_str();
            let default = parameter.default.as_deref();
            let clues = Clues {
                annotation: annotated(parameter.parameter.annotation.as_deref()),
                documented: documented.get(name).cloned(),
                default: default
                    .and_then(literal::of)
                    .map(|value| Shape::of(&value))
                    .filter(|shape| *shape != Shape::Any),
                ..unsaid(name)
            };
            each.push(Parameter { by_keyword, ..Parameter::new(name, default.is_some(), &clues) });
        }
        let takes_rest = each.iter().all(|parameter| !parameter.by_keyword && !parameter.has_default);
        if let Some(rest) = rest.filter(|_| takes_rest) {
            let [_, element, below] = found[rest.name.as_str()].clone();
            let clues = Clues {
                annotation: annotated(rest.annotation.as_deref()),
                uses: &[element, below, Default::default()],
                ..unsaid(rest.name.as_str())
            };
            let mut parameter = Parameter { by_rest: true, ..Parameter::new(clues.name, true, &clues) };
            parameter.compared.lengths.clone_from(&found[clues.name][0].compared.lengths);
            each.push(parameter);
        }
        // What the body looks for among `**kwargs` can be given by these names.
        let keys = by_key.map(|by_key| &found[by_key][0].keys);
        for key in keys.into_iter().flatten().filter(|key| is_name(key)) {
            each.push(Parameter { by_keyword: true, ..Parameter::new(key, true, &unsaid(key)) });
        }
        each
    }
}

/// The uses of each parameter, but for the first ones.
fn uses_of(function: &StmtFunctionDef, skipped: usize) -> Vec<[Uses; LEVELS]> {
    let Parameters { posonlyargs, args, .. } = &*function.parameters;
    let names = posonlyargs.iter().chain(args).skip(skipped);
    let names: Vec<&str> = names.map(|parameter| parameter.parameter.name.as_str()).collect();
    let mut found = uses::of(&names, &function.body, &[]);
    names.iter().map(|&name| found.remove(name).unwrap_or_default()).collect()
}

fn decorator_name(decorator: &Decorator) -> Option<&str> {
    let mut expression = &decorator.expression;
    if let Expr::Call(call) = expression {
        expression = &call.func;
    }
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

fn bases(class: &StmtClassDef) -> impl Iterator<Item = &str> {
    let arguments = class.arguments.iter().flat_map(|arguments| &arguments.args);
    arguments.filter_map(|base| match base {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    })
}

/// Whether a text can be the keyword of an argument.
fn is_name(text: &str) -> bool {
    ruff_python_parser::parse_expression(text).is_ok_and(|parsed| matches!(parsed.expr(), Expr::Name(_)))
}

/// Its methods are for a test runner to call.
fn is_test_case(class: &StmtClassDef) -> bool {
    bases(class).any(|base| base.ends_with("TestCase")) || class.name.starts_with("Test")
}

/// Whether a condition is `__name__ == "__main__"`.
fn is_main(test: &Expr) -> bool {
    matches!(test, Expr::Compare(compare) if matches!(&*compare.left, Expr::Name(name) if name.id.as_str() == "__name__"))
}
