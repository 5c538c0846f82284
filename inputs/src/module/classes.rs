//! What objects of a file's classes are made of, and what fills them.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged;

use super::{Class, Parameter, Reader, bases, decorator_name};
use crate::examples;
use crate::guess::Clues;
use crate::literal;
use crate::shape::Shape;
use crate::uses::Found;

impl Reader<'_> {
    /// What a class is, but for its constructor.
    pub(super) fn outline(&self, class: &StmtClassDef) -> Class {
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
        for base in self.bases_in_file(class) {
            let inherited = self.outline(base);
            outline.attributes.extend(inherited.attributes);
            outline.links.extend(inherited.links);
        }
        outline
    }

    pub(super) fn class(&self, class: &StmtClassDef, classes: &BTreeMap<String, Class>) -> Class {
        let mut found = classes.get(class.name.as_str()).cloned().unwrap_or_default();
        found.parameters = self.constructor(class, classes);
        self.add_effects(class, class, classes, &mut found);
        found
    }

    /// Adds the methods of a class, and of its bases in the file, that change objects of it or of what is derived from it.
    fn add_effects(
        &self,
        class: &StmtClassDef,
        derived: &StmtClassDef,
        classes: &BTreeMap<String, Class>,
        found: &mut Class,
    ) {
        for statement in &class.body {
            let Stmt::FunctionDef(method) = statement else { continue };
            let is_known = |(name, _): &(String, Vec<Parameter>)| name == method.name.as_str();
            if found.fillers.iter().chain(&found.changers).any(is_known) {
                continue;
            }
            if let Some(effect) = effect(method) {
                let owner = Some(derived.name.as_str());
                let parameters = self.parameters(&method.parameters, &method.body, &[], owner, 1, classes);
                let methods = match effect {
                    Effect::Fills => &mut found.fillers,
                    Effect::Changes => &mut found.changers,
                };
                methods.push((method.name.to_string(), parameters));
            }
        }
        for base in self.bases_in_file(class) {
            self.add_effects(base, derived, classes, found);
        }
    }

    /// The bases of a class that stand in the file, before it.
    fn bases_in_file(&self, class: &StmtClassDef) -> impl Iterator<Item = &StmtClassDef> {
        bases(class).filter_map(|base| {
            let found = self.classes.iter().find(|other| other.name.as_str() == base);
            found.copied().filter(|base| base.range().start() < class.range().start())
        })
    }

    /// What the class is called with: the parameters of `__init__`, its own or that of a base, or a dataclass's fields.
    fn constructor(&self, class: &StmtClassDef, classes: &BTreeMap<String, Class>) -> Vec<Parameter> {
        for statement in &class.body {
            if let Stmt::FunctionDef(function) = statement
                && function.name.as_str() == "__init__"
            {
                let methods = class.body.iter().filter_map(|statement| match statement {
                    Stmt::FunctionDef(method) => Some(method.body.as_slice()),
                    _ => None,
                });
                return self.parameters(
                    &function.parameters,
                    &function.body,
                    &methods.collect::<Vec<_>>(),
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
        self.bases_in_file(class).next().map_or_else(Vec::new, |base| self.constructor(base, classes))
    }

    fn fields(&self, class: &StmtClassDef, classes: &BTreeMap<String, Class>) -> Vec<Parameter> {
        let unused = Default::default();
        let nothing = Found::new();
        let fields = class.body.iter().filter_map(|statement| {
            let Stmt::AnnAssign(field) = statement else { return None };
            let Expr::Name(name) = &*field.target else { return None };
            let default = field.value.as_deref();
            let clues = Clues {
                name: name.id.as_str(),
                annotation: Shape::annotated(&field.annotation, &self.names),
                documented: None,
                default: default.and_then(literal::of).map(|value| Shape::of(&value)),
                uses: &unused,
                found: &nothing,
                owner: None,
                classes,
            };
            Some(Parameter::new(name.id.as_str(), default.is_some(), &clues))
        });
        fields.collect()
    }
}

/// What a method that takes something does to its object.
enum Effect {
    /// It is called as what puts something in.
    Fills,
    /// It changes the object, and is not called as what takes something out.
    Changes,
}

fn effect(method: &StmtFunctionDef) -> Option<Effect> {
    const FILLS: [&str; 12] = [
        "add", "append", "push", "insert", "put", "enqueue", "set", "extend", "offer", "union", "update",
        "prepend",
    ];
    const TAKES_OUT: [&str; 10] =
        ["remove", "delete", "del", "pop", "discard", "clear", "dequeue", "get", "find", "search"];
    if method.is_async || !method.decorator_list.is_empty() || method.name.starts_with('_') {
        return None;
    }
    let takes_something = method.parameters.args.len() > 1;
    let word = method.name.split('_').next().unwrap_or_default();
    if FILLS.contains(&word) {
        Some(Effect::Fills)
    } else if takes_something && !TAKES_OUT.contains(&word) && changes_self(&method.body) {
        Some(Effect::Changes)
    } else {
        None
    }
}

/// Whether a body sets an attribute of `self`, or something within one, or has a container in one take something up.
fn changes_self(body: &[Stmt]) -> bool {
    struct Changes(bool);
    impl Changes {
        fn target(&mut self, target: &Expr) {
            match target {
                Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.target(target)),
                Expr::Attribute(_) | Expr::Subscript(_) => self.0 |= is_own(target),
                _ => {}
            }
        }
    }
    impl<'a> Visitor<'a> for Changes {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            match statement {
                Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target)),
                Stmt::AugAssign(assign) => self.target(&assign.target),
                _ => {}
            }
            walk_stmt(self, statement);
        }

        fn visit_expr(&mut self, expression: &'a Expr) {
            const TAKES_UP: [&str; 7] =
                ["append", "add", "insert", "extend", "appendleft", "update", "setdefault"];
            if let Expr::Call(call) = expression
                && let Expr::Attribute(method) = &*call.func
                && TAKES_UP.contains(&method.attr.as_str())
            {
                self.0 |= matches!(&*method.value, Expr::Attribute(_) | Expr::Subscript(_))
                    && is_own(&method.value);
            }
            walk_expr(self, expression);
        }
    }
    let mut changes = Changes(false);
    changes.visit_body(body);
    changes.0
}

/// Whether an expression leads into `self`.
fn is_own(expression: &Expr) -> bool {
    match expression {
        Expr::Name(name) => name.id.as_str() == "self",
        Expr::Attribute(attribute) => is_own(&attribute.value),
        Expr::Subscript(subscript) => is_own(&subscript.value),
        _ => false,
    }
}
