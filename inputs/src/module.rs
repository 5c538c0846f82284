//! A Python file, read without running it: what can be called in it, and what is known of the arguments.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::{
    Decorator, Expr, ParameterWithDefault, Parameters, Stmt, StmtClassDef, StmtFunctionDef,
};
use ruff_text_size::Ranged;

use crate::branches;
use crate::docstring;
use crate::examples::{self, Example};
use crate::guess::{self, Choice, Clues};
use crate::literal;
use crate::mined::Mined;
use crate::search::{Call, Origin};
use crate::shape::Shape;
use crate::uses;
use crate::value::Value;

/// A file with more bytes is not searched: nobody wrote it by hand, and its tree may be as deep as it is long.
const MAX_BYTES: usize = 256 << 10;

/// A tree is at most as deep as its source is long, and whoever walks or drops it needs stack for each level.
const STACK_FOR_EACH_BYTE: usize = 4 << 10;

/// What reading takes where nothing is nested.
const STACK_BYTES: usize = 1 << 20;

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
}

/// Calls of one function that are taken from what somebody wrote.
const MAX_PROPOSED: usize = 16;

#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) by_keyword: bool,
    /// It stands for one of what `*args` takes.
    pub(crate) by_rest: bool,
    pub(crate) default: Option<Value>,
    pub(crate) has_default: bool,
    pub(crate) choices: Vec<Choice>,
}

impl Parameter {
    /// Leaves only what is written down of its kinds; anything where nothing is.
    pub(crate) fn forget_uses(&mut self) {
        self.choices.retain(|choice| choice.weight >= guess::SAID / 2.0);
        if self.choices.is_empty() {
            let shape = self.default.as_ref().map_or(Shape::Any, Shape::of);
            self.choices.push(Choice { shape, weight: 1.0 });
        }
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
    /// Methods that put something into an object.
    pub(crate) fillers: Vec<(String, Vec<Parameter>)>,
    /// Its objects exist already, under these names: the members of an enumeration.
    pub(crate) members: Vec<String>,
}

impl Class {
    /// Leaves only what is written down of what it takes.
    pub(crate) fn forget_uses(&mut self) {
        self.parameters.iter_mut().for_each(Parameter::forget_uses);
        self.links.clear();
        self.fillers.clear();
    }

    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.attributes.contains(attribute)
    }
}

impl Module {
    /// Reads a file.
    pub fn read(code: &str) -> Result<Module, ReadError> {
        if code.len() > MAX_BYTES {
            return Err(ReadError::TooLarge);
        }
        stacker::grow(STACK_BYTES + code.len() * STACK_FOR_EACH_BYTE, || {
            let parsed = ruff_python_parser::parse_module(code).map_err(|_| ReadError::Syntax)?;
            Ok(Reader::new(code, parsed.suite()).read())
        })
    }

    /// The functions and methods that can be searched, as the module names them.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.callables.iter().map(|callable| callable.name.as_str())
    }

    /// The calls of its functions in a text that somebody wrote about the file: Python, or Python among prose. Those
    /// whose arguments cannot be understood without running anything are left out.
    pub fn calls_in(&self, text: &str) -> Vec<Call> {
        let functions: BTreeSet<String> = self.functions().map(str::to_owned).collect();
        let classes: BTreeSet<String> = self.classes.keys().cloned().collect();
        let read = || examples::among_prose(text, &functions, &classes);
        let examples = match text.len() > MAX_BYTES {
            true => Vec::new(),
            false => stacker::grow(STACK_BYTES + text.len() * STACK_FOR_EACH_BYTE, read),
        };
        let mut calls: Vec<Call> = Vec::new();
        for Example { function, arguments } in examples {
            if calls.iter().filter(|call| call.function == function).count() < MAX_PROPOSED {
                calls.push(Call { origin: Origin::Proposed, function, arguments });
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
        };
        reader.collect(body);
        reader.names = reader.classes.iter().map(|class| class.name.to_string()).collect();
        let constants =
            body.iter().filter(|statement| matches!(statement, Stmt::Assign(_) | Stmt::AnnAssign(_)));
        constants.for_each(|statement| reader.shared.look_into(std::slice::from_ref(statement)));
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
            class.map(|class| class.name.as_str()),
            usize::from(bound),
            classes,
        );
        let branches = branches::count(&function.body);
        Some(Callable { name, parameters, receiver, mined, branches })
    }

    fn parameters(
        &self,
        parameters: &Parameters,
        body: &[Stmt],
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
        let every_name: Vec<&str> =
            names.iter().copied().chain(rest.map(|rest| rest.name.as_str())).collect();
        let uses = uses::of(&every_name, body);
        let documented = docstring::kinds(body, &names);
        let each = every.iter().map(|&(parameter, by_keyword)| {
            let name = parameter.parameter.name.as_str();
            let default = parameter.default.as_deref().and_then(literal::of);
            let clues = Clues {
                name,
                annotation: parameter
                    .parameter
                    .annotation
                    .as_deref()
                    .and_then(|annotation| Shape::annotated(annotation, &self.names)),
                documented: documented.get(name).cloned(),
                default: default.as_ref().map(Shape::of).filter(|shape| *shape != Shape::Any),
                uses: &uses[name],
                owner,
                classes,
            };
            Parameter {
                name: name.to_owned(),
                by_keyword,
                by_rest: false,
                has_default: parameter.default.is_some(),
                choices: guess::choices(&clues),
                default,
            }
        });
        let mut each: Vec<Parameter> = each.collect();
        let takes_rest = each.iter().all(|parameter| !parameter.by_keyword && !parameter.has_default);
        if let Some(rest) = rest.filter(|_| takes_rest) {
            let [_, element, below] = uses[rest.name.as_str()].clone();
            let clues = Clues {
                name: rest.name.as_str(),
                annotation: rest
                    .annotation
                    .as_deref()
                    .and_then(|annotation| Shape::annotated(annotation, &self.names)),
                documented: None,
                default: None,
                uses: &[element, below, Default::default()],
                owner,
                classes,
            };
            let choices = guess::choices(&clues);
            let name = rest.name.to_string();
            each.push(Parameter {
                name,
                by_keyword: false,
                by_rest: true,
                default: None,
                has_default: true,
                choices,
            });
        }
        each
    }

    /// What a class is, but for its constructor.
    fn outline(&self, class: &StmtClassDef) -> Class {
        let mut outline = Class::default();
        let is_enum = bases(class).any(|base| base.ends_with("Enum") || base.ends_with("Flag"));
        for statement in &class.body {
            match statement {
                Stmt::FunctionDef(function) => {
                    outline.attributes.insert(function.name.to_string());
                    examples::attributes_set(&function.body, |name, value| {
                        if function.name.as_str() == "__init__" && matches!(value, Some(Expr::NoneLiteral(_)))
                        {
                            outline.links.push(name.to_owned());
                        }
                        outline.attributes.insert(name.to_owned());
                    });
                }
                Stmt::Assign(assign) => {
                    for target in &assign.targets {
                        if let Expr::Name(target) = target {
                            outline.attributes.insert(target.id.to_string());
                            if is_enum {
                                outline.members.push(format!("{}.{}", class.name, target.id));
                            }
                        }
                    }
                }
                Stmt::AnnAssign(assign) => {
                    if let Expr::Name(target) = &*assign.target {
                        outline.attributes.insert(target.id.to_string());
                    }
                }
                _ => {}
            }
        }
        // Those of the bases that stand in the file.
        for base in bases(class) {
            if let Some(base) = self.classes.iter().find(|other| other.name.as_str() == base)
                && base.range().start() < class.range().start()
            {
                let inherited = self.outline(base);
                outline.attributes.extend(inherited.attributes);
                outline.links.extend(inherited.links);
            }
        }
        outline
    }

    fn class(&self, class: &StmtClassDef, classes: &BTreeMap<String, Class>) -> Class {
        let mut found = classes.get(class.name.as_str()).cloned().unwrap_or_default();
        found.parameters = self.constructor(class, classes);
        for statement in &class.body {
            let Stmt::FunctionDef(method) = statement else { continue };
            const FILLERS: [&str; 12] = [
                "add", "append", "push", "insert", "put", "enqueue", "set", "extend", "offer", "union",
                "update", "prepend",
            ];
            let name = method.name.as_str();
            let fills =
                FILLERS.iter().any(|filler| name == *filler || name.starts_with(&format!("{filler}_")));
            if fills && !method.is_async && method.decorator_list.is_empty() {
                let parameters =
                    self.parameters(&method.parameters, &method.body, Some(class.name.as_str()), 1, classes);
                found.fillers.push((name.to_owned(), parameters));
            }
        }
        found
    }

    /// What the class is called with: the parameters of `__init__`, its own or that of a base, or a dataclass's fields.
    fn constructor(&self, class: &StmtClassDef, classes: &BTreeMap<String, Class>) -> Vec<Parameter> {
        for statement in &class.body {
            if let Stmt::FunctionDef(function) = statement
                && function.name.as_str() == "__init__"
            {
                return self.parameters(
                    &function.parameters,
                    &function.body,
                    Some(class.name.as_str()),
                    1,
                    classes,
                );
            }
        }
        let is_record =
            class.decorator_list.iter().filter_map(decorator_name).any(|name| name == "dataclass")
                || bases(class).any(|base| base == "NamedTuple");
        if is_record {
            return self.fields(class, classes);
        }
        for base in bases(class) {
            if let Some(base) = self.classes.iter().find(|other| other.name.as_str() == base)
                && base.range().start() < class.range().start()
            {
                return self.constructor(base, classes);
            }
        }
        Vec::new()
    }

    fn fields(&self, class: &StmtClassDef, classes: &BTreeMap<String, Class>) -> Vec<Parameter> {
        let unused = Default::default();
        let fields = class.body.iter().filter_map(|statement| {
            let Stmt::AnnAssign(field) = statement else { return None };
            let Expr::Name(name) = &*field.target else { return None };
            let clues = Clues {
                name: name.id.as_str(),
                annotation: Shape::annotated(&field.annotation, &self.names),
                documented: None,
                default: None,
                uses: &unused,
                owner: None,
                classes,
            };
            Some(Parameter {
                name: name.id.to_string(),
                by_keyword: false,
                by_rest: false,
                default: field.value.as_deref().and_then(literal::of),
                has_default: field.value.is_some(),
                choices: guess::choices(&clues),
            })
        });
        fields.collect()
    }
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

/// Its methods are for a test runner to call.
fn is_test_case(class: &StmtClassDef) -> bool {
    bases(class).any(|base| base.ends_with("TestCase")) || class.name.starts_with("Test")
}

/// Whether a condition is `__name__ == "__main__"`.
fn is_main(test: &Expr) -> bool {
    matches!(test, Expr::Compare(compare) if matches!(&*compare.left, Expr::Name(name) if name.id.as_str() == "__name__"))
}
