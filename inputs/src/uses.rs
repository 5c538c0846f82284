//! What a function does with each of its parameters, which says what they may be.

pub(crate) mod handed;

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{CmpOp, Expr, ExprAttribute, Operator, Pattern, Stmt};

use crate::literal;
use crate::shape::Shape;
use crate::value::Value;

/// How deep elements are followed: a parameter, its elements, and theirs.
pub(crate) const LEVELS: usize = 3;

/// What a value was compared with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compared {
    pub(crate) constants: Vec<Value>,
    /// What its length was compared with, each once.
    pub(crate) lengths: Vec<usize>,
}

/// What is done with one value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    pub(crate) subscripted: bool,
    pub(crate) subscripted_by_text: bool,
    /// Texts that it is subscripted by or searched for.
    pub(crate) keys: BTreeSet<String>,
    pub(crate) stored_into: bool,
    pub(crate) iterated: bool,
    pub(crate) measured: bool,
    pub(crate) searched: bool,
    pub(crate) calculated: bool,
    pub(crate) counted: bool,
    pub(crate) divided: bool,
    pub(crate) added_to_text: bool,
    /// It is added to or multiplied with what may be anything that adds, or says where something stands in another.
    pub(crate) combined: bool,
    /// The most arguments that it was called with.
    pub(crate) called: Option<usize>,
    /// An attribute or method of it that is used, and with how many arguments it is called.
    pub(crate) attributes: BTreeMap<String, Option<usize>>,
    /// Attributes and keys that lead to another of its kind: `node = node.next`, `node = node["next"]`.
    pub(crate) links: BTreeSet<String>,
    /// What it was compared with, or checked to be.
    pub(crate) like: Vec<Shape>,
    pub(crate) compared: Compared,
    pub(crate) unpacked: Option<usize>,
    pub(crate) truth: bool,
    /// It is asked whether it is `None`.
    pub(crate) may_be_none: bool,
    /// Which functions or methods of the file take it, and as which of their arguments.
    pub(crate) handed_on: BTreeSet<(String, usize)>,
}

/// By the names of parameters, the uses of each, of its elements, and of theirs. What is done with an attribute of one
/// stands under `name.attribute`.
pub(crate) type Found = BTreeMap<String, [Uses; LEVELS]>;

/// What a function does with its parameters. If it is a constructor: also what `methods` do with the attributes of `self`,
/// or of another object of the class, that it sets to them.
pub(crate) fn of(parameters: &[&str], body: &[Stmt], methods: &[&[Stmt]]) -> Found {
    let mut finder = Finder {
        places: parameters.iter().map(|&name| (name.to_owned(), (name.to_owned(), 0))).collect(),
        found: parameters.iter().map(|&name| (name.to_owned(), Default::default())).collect(),
    };
    finder.visit_body(body);
    let mut attributes = finder.places.clone();
    attributes.retain(|name, _| name.starts_with(OWN));
    if !attributes.is_empty() {
        for method in methods {
            finder.places = attributes.clone();
            finder.visit_body(method);
        }
    }
    finder.found
}

/// What names of attributes of the object itself begin with.
const OWN: &str = "self.";

/// A parameter, or an attribute of one, and how deep within it. A list or queue that the code makes of it is one less deep.
type Place = (String, isize);

struct Finder {
    /// Which names stand for which places.
    places: BTreeMap<String, Place>,
    found: Found,
}

impl Finder {
    fn place(&self, expression: &Expr) -> Option<Place> {
        const MAX_DEPTH: usize = 6;
        self.place_within(expression, MAX_DEPTH)
    }

    fn place_within(&self, expression: &Expr, depth: usize) -> Option<Place> {
        let depth = depth.checked_sub(1)?;
        match expression {
            Expr::Name(name) => self.places.get(name.id.as_str()).cloned(),
            Expr::Attribute(attribute) => {
                if let Some(place) = own_attribute(expression).and_then(|name| self.places.get(&name)) {
                    return Some(place.clone());
                }
                let (name, level) = self.place_within(&attribute.value, depth)?;
                // An attribute of an attribute says little of a parameter.
                (level == 0 && !name.contains('.')).then(|| (format!("{name}.{}", attribute.attr), 0))
            }
            Expr::Subscript(subscript) => {
                let (name, level) = self.place_within(&subscript.value, depth)?;
                let is_slice = matches!(&*subscript.slice, Expr::Slice(_));
                Some((name, if is_slice { level } else { level + 1 }))
            }
            // What is made of all its elements is used as it would be.
            Expr::Call(call) => match (&*call.func, &*call.arguments.args) {
                (Expr::Name(maker), [all])
                    if ["list", "sorted", "reversed", "tuple", "iter", "deque"]
                        .contains(&maker.id.as_str()) =>
                {
                    self.place_within(all, depth)
                }
                (Expr::Attribute(taker), _) if ["pop", "popleft"].contains(&taker.attr.as_str()) => {
                    let (name, level) = self.place_within(&taker.value, depth)?;
                    Some((name, level + 1))
                }
                _ => None,
            },
            Expr::List(list) => match list.elts.as_slice() {
                [only] => {
                    let (name, level) = self.place_within(only, depth)?;
                    Some((name, level - 1))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `None` of what the code itself makes, and of what is too deep.
    fn uses_at(&mut self, name: String, level: isize) -> Option<&mut Uses> {
        let level = usize::try_from(level).ok()?;
        self.found.entry(name).or_default().get_mut(level)
    }

    fn note(&mut self, expression: &Expr, note: impl FnOnce(&mut Uses)) {
        let Some((name, level)) = self.place(expression) else { return };
        if let Some(uses) = self.uses_at(name, level) {
            note(uses);
        }
    }

    /// What a loop runs over, and what it calls each of the elements.
    fn iterate(&mut self, over: &Expr, target: &Expr) {
        self.note(over, |uses| uses.iterated = true);
        let is_call_of =
            |wanted: &str, call: &Expr| matches!(call, Expr::Name(name) if name.id.as_str() == wanted);
        let (over, target) = match (over, target) {
            // `for index, item in enumerate(items)`.
            (Expr::Call(call), Expr::Tuple(pair)) if is_call_of("enumerate", &call.func) => {
                let (Some(over), Some(target)) = (call.arguments.args.first(), pair.elts.get(1)) else {
                    return;
                };
                self.note(over, |uses| uses.iterated = true);
                (over, target)
            }
            _ => (over, target),
        };
        let Some((name, level)) = self.place(over) else { return };
        match target {
            Expr::Name(target) => {
                self.places.insert(target.id.to_string(), (name, level + 1));
            }
            Expr::Tuple(targets) => {
                let count = targets.elts.len();
                if let Some(uses) = self.uses_at(name, level + 1) {
                    uses.unpacked = Some(count);
                }
            }
            _ => {}
        }
    }

    /// `node = root` and `row = grid[0]` are other names for the same, and `node = node.next` leads to its like.
    fn bind(&mut self, name: String, value: &Expr) {
        let Some(place) = self.place(value) else { return };
        let link = match value {
            Expr::Attribute(attribute) => Some((&*attribute.value, attribute.attr.to_string())),
            Expr::Subscript(subscript) => match &*subscript.slice {
                Expr::StringLiteral(key) => Some((&*subscript.value, key.value.to_str().to_owned())),
                _ => None,
            },
            _ => None,
        };
        if let Some((object, link)) = link
            && let (Some(from), Some(to)) = (self.place(object), self.places.get(&name))
            && from == *to
        {
            self.note(object, |uses| {
                uses.links.insert(link);
            });
        }
        self.places.entry(name).or_insert(place);
    }

    fn call(&mut self, function: &Expr, arguments: &[Expr]) {
        self.note(function, |uses| uses.called = uses.called.max(Some(arguments.len())));
        let taker = match function {
            Expr::Name(function) => Some(function.id.to_string()),
            function => own_attribute(function),
        };
        if let Some(taker) = taker {
            for (position, argument) in arguments.iter().enumerate() {
                self.note(argument, |uses| {
                    uses.handed_on.insert((taker.clone(), position));
                });
            }
        }
        if let Expr::Attribute(method) = function {
            self.call_method(method, arguments);
        }
        let Expr::Name(function) = function else { return };
        for argument in arguments {
            self.note(argument, |uses| match function.id.as_str() {
                "len" => uses.measured = true,
                "range" | "chr" | "bin" | "hex" | "oct" => uses.counted = true,
                "abs" | "round" | "pow" | "divmod" => uses.calculated = true,
                "str" => uses.combined = true,
                "min" | "max" if arguments.len() > 1 => uses.calculated = true,
                "sum" | "min" | "max" | "sorted" | "list" | "set" | "tuple" | "enumerate" | "zip" | "map"
                | "reversed" | "any" | "all" | "iter" | "filter" => uses.iterated = true,
                "ord" => uses.like.push(Shape::Str),
                "int" | "float" => uses.reads_number(arguments.get(1).and_then(literal::of)),
                _ => {}
            });
        }
        if let ("isinstance", [value, kind]) = (function.id.as_str(), arguments) {
            self.is_of(value, kind);
        }
    }

    fn call_method(&mut self, method: &ExprAttribute, arguments: &[Expr]) {
        let name = method.attr.as_str();
        self.note(&method.value, |uses| {
            let known = uses.attributes.entry(name.to_owned()).or_default();
            *known = (*known).max(Some(arguments.len()));
        });
        let texts = arguments.iter().flat_map(alternatives).filter_map(literal::of);
        match name {
            "startswith" | "endswith" | "find" | "count" | "index" | "split" => {
                let texts: Vec<Value> = texts.filter(|value| matches!(value, Value::Str(_))).collect();
                self.note(&method.value, |uses| texts.into_iter().for_each(|text| uses.is_compared(text)));
            }
            "get" | "pop" | "setdefault" => {
                if let Some(Expr::StringLiteral(key)) = arguments.first() {
                    let key = key.value.to_str().to_owned();
                    self.note(&method.value, |uses| uses.has_key(key));
                }
            }
            _ => {}
        }
        if matches!(&*method.value, Expr::Name(module) if module.id.as_str() == "math") {
            arguments.iter().for_each(|argument| self.note(argument, |uses| uses.calculated = true));
        }
    }

    /// The value is checked to be of a kind, or of one of several.
    fn is_of(&mut self, value: &Expr, kind: &Expr) {
        let shapes: Vec<Shape> =
            alternatives(kind).iter().filter_map(|kind| Shape::annotated(kind, &BTreeSet::new())).collect();
        self.note(value, |uses| uses.like.extend(shapes));
    }

    fn compare(&mut self, left: &Expr, operator: CmpOp, right: &Expr) {
        let is_search = matches!(operator, CmpOp::In | CmpOp::NotIn);
        if right.is_none_literal_expr() {
            self.note(left, |uses| uses.may_be_none = true);
        }
        if is_search {
            self.note(right, |uses| {
                uses.searched = true;
                if let Expr::StringLiteral(key) = left {
                    uses.keys.insert(key.value.to_str().to_owned());
                }
            });
            for value in alternatives(right).iter().filter(|_| is_display(right)).filter_map(literal::of) {
                self.note(left, |uses| uses.is_compared(value));
            }
        }
        for (one, other) in [(left, right), (right, left)] {
            // `type(x) is list`
            if let Expr::Call(call) = one
                && let (Expr::Name(function), [value]) = (&*call.func, &*call.arguments.args)
                && function.id.as_str() == "type"
            {
                self.is_of(value, other);
            }
            // `len(x) == 3`
            if let Expr::Call(call) = one
                && let (Expr::Name(function), [value]) = (&*call.func, &*call.arguments.args)
                && function.id.as_str() == "len"
                && let Some(Value::Int(length @ 0..=12)) = literal::of(other)
            {
                self.note(value, |uses| uses.compare_length(length as usize));
            }
            match literal::of(other) {
                Some(value) if !is_search => self.note(one, |uses| uses.is_compared(value)),
                Some(Value::Str(_)) if std::ptr::eq(one, left) => {
                    self.note(one, |uses| uses.like.push(Shape::Str));
                }
                _ => {}
            }
        }
        if matches!(operator, CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE) {
            self.note(left, |uses| uses.calculated = true);
            self.note(right, |uses| uses.calculated = true);
        }
    }

    fn calculate(&mut self, left: &Expr, operator: Operator, right: &Expr) {
        let is_text = |side: &Expr| matches!(side, Expr::StringLiteral(_) | Expr::FString(_));
        for (one, other) in [(left, right), (right, left)] {
            self.note(one, |uses| match operator {
                Operator::Mod if is_text(left) => {}
                Operator::Add if is_text(other) => uses.added_to_text = true,
                Operator::Add | Operator::Mult => {
                    let is_number = matches!(other, Expr::NumberLiteral(_));
                    uses.calculated |= is_number;
                    uses.combined |= !is_number && !matches!(other, Expr::List(_) | Expr::ListComp(_));
                }
                Operator::Div => uses.divided = true,
                Operator::LShift
                | Operator::RShift
                | Operator::BitAnd
                | Operator::BitXor
                | Operator::BitOr
                | Operator::FloorDiv
                | Operator::Mod => uses.counted = true,
                _ => uses.calculated = true,
            });
        }
    }
}

impl Uses {
    fn has_key(&mut self, key: String) {
        self.subscripted_by_text = true;
        self.keys.insert(key);
    }

    /// A number is made of it, to this base: it may well be a text.
    fn reads_number(&mut self, base: Option<Value>) {
        let texts: &[&str] = match base {
            Some(Value::Int(2)) => &["0", "101", "1000"],
            Some(Value::Int(16)) => &["1f", "A0", "0"],
            _ => &["12", "0", "305"],
        };
        self.combined = true;
        self.like.push(Shape::Str);
        texts.iter().for_each(|&text| self.compare(Value::Str(text.to_owned())));
    }

    fn is_compared(&mut self, with: Value) {
        let shape = Shape::of(&with);
        if shape != Shape::Any {
            self.like.push(shape);
            self.compare(with);
        }
    }
}

/// `self.x`, which is also what a method calls `other.x`.
fn own_attribute(expression: &Expr) -> Option<String> {
    let Expr::Attribute(attribute) = expression else { return None };
    match &*attribute.value {
        Expr::Name(object) if ["self", "other"].contains(&object.id.as_str()) => {
            Some(format!("{OWN}{}", attribute.attr))
        }
        _ => None,
    }
}

fn is_display(expression: &Expr) -> bool {
    matches!(expression, Expr::Tuple(_) | Expr::List(_) | Expr::Set(_))
}

/// The elements of a display, or the expression alone.
fn alternatives(expression: &Expr) -> &[Expr] {
    match expression {
        Expr::Tuple(tuple) => &tuple.elts,
        Expr::List(list) => &list.elts,
        Expr::Set(set) => &set.elts,
        alone => std::slice::from_ref(alone),
    }
}

impl<'a> Visitor<'a> for Finder {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::For(each) => self.iterate(&each.iter, &each.target),
            Stmt::Match(choice) => {
                for case in &choice.cases {
                    if let Pattern::MatchValue(value) = &case.pattern
                        && let Some(value) = literal::of(&value.value)
                    {
                        self.note(&choice.subject, |uses| uses.is_compared(value));
                    }
                }
            }
            Stmt::If(choice) => self.note(&choice.test, |uses| uses.truth = true),
            Stmt::AugAssign(assign) => self.calculate(&assign.target, assign.op, &assign.value),
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    match target {
                        Expr::Subscript(target) => self.note(&target.value, |uses| uses.stored_into = true),
                        Expr::Name(target) => self.bind(target.id.to_string(), &assign.value),
                        Expr::Attribute(_) => {
                            if let Some(name) = own_attribute(target) {
                                self.bind(name, &assign.value);
                            }
                        }
                        Expr::Tuple(targets) => {
                            let count = targets.elts.len();
                            self.note(&assign.value, |uses| uses.unpacked = Some(count));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Subscript(subscript) => {
                self.note(&subscript.value, |uses| {
                    uses.subscripted = true;
                    if let Expr::StringLiteral(key) = &*subscript.slice {
                        uses.has_key(key.value.to_str().to_owned());
                    }
                });
                if !matches!(&*subscript.slice, Expr::Slice(_)) {
                    self.note(&subscript.slice, |uses| uses.combined = true);
                }
            }
            Expr::Attribute(attribute) => {
                let name = attribute.attr.to_string();
                self.note(&attribute.value, |uses| {
                    uses.attributes.entry(name).or_default();
                });
            }
            Expr::Call(call) => self.call(&call.func, &call.arguments.args),
            Expr::Compare(compare) => {
                let mut left = &*compare.left;
                for (operator, right) in compare.ops.iter().zip(&compare.comparators) {
                    self.compare(left, *operator, right);
                    left = right;
                }
            }
            Expr::BinOp(operation) => self.calculate(&operation.left, operation.op, &operation.right),
            Expr::UnaryOp(operation) => match operation.op {
                ruff_python_ast::UnaryOp::Not => self.note(&operation.operand, |uses| uses.truth = true),
                _ => self.note(&operation.operand, |uses| uses.calculated = true),
            },
            Expr::ListComp(each) => {
                each.generators.iter().for_each(|each| self.iterate(&each.iter, &each.target))
            }
            Expr::SetComp(each) => {
                each.generators.iter().for_each(|each| self.iterate(&each.iter, &each.target))
            }
            Expr::DictComp(each) => {
                each.generators.iter().for_each(|each| self.iterate(&each.iter, &each.target))
            }
            Expr::Generator(each) => {
                each.generators.iter().for_each(|each| self.iterate(&each.iter, &each.target))
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}
