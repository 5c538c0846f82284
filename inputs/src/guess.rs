//! Which kinds of value a parameter may take, and how likely each is.

use std::collections::BTreeMap;

use crate::module::Class;
use crate::shape::Shape;
use crate::uses::{Found, LEVELS, Uses};

/// A kind of value and its weight among the others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    pub(crate) shape: Shape,
    pub(crate) weight: f64,
}

/// What is known of a parameter.
pub(crate) struct Clues<'a> {
    pub(crate) name: &'a str,
    pub(crate) annotation: Option<Shape>,
    /// What the docstring says of it.
    pub(crate) documented: Option<Shape>,
    /// The kind of its default; none for `None`, which says nothing.
    pub(crate) default: Option<Shape>,
    pub(crate) uses: &'a [Uses; LEVELS],
    /// The uses of its attributes are among them, by `name.attribute`.
    pub(crate) found: &'a Found,
    /// The class whose method takes it.
    pub(crate) owner: Option<&'a str>,
    pub(crate) classes: &'a BTreeMap<String, Class>,
}

/// Weights by the strength of the clue: somebody wrote it down, the code would fail otherwise or the docstring says it, the code suggests it,
/// the name suggests it, one cannot know.
pub(crate) const SAID: f64 = 40.0;
const NEEDED: f64 = 12.0;
const DOCUMENTED: f64 = 12.0;
const LIKELY: f64 = 5.0;
const NAMED: f64 = 6.0;
const POSSIBLE: f64 = 0.25;

/// The likeliest kind first.
pub(crate) fn choices(clues: &Clues<'_>) -> Vec<Choice> {
    let mut weighed = Weighed(Vec::new());
    if let Some(annotation) = &clues.annotation {
        match annotation {
            Shape::OneOf(shapes) => {
                shapes.iter().for_each(|shape| weighed.add(shape.clone(), SAID / shapes.len() as f64));
            }
            // A bare `list` says less than what is done with its elements.
            shape => weighed.add(refined(shape.clone(), clues), SAID),
        }
    }
    if let Some(default) = &clues.default {
        weighed.add(default.clone(), NEEDED);
    }
    if let Some(documented) = &clues.documented {
        weighed.add(documented.clone(), DOCUMENTED);
    }
    by_use(&mut weighed, clues, 0);
    by_name(&mut weighed, clues);
    if clues.annotation.is_none() {
        let usual = [Shape::Int, Shape::list(Shape::Int), Shape::Str, Shape::Float, Shape::list(Shape::Str)];
        let rare = [Shape::dict(Shape::Str, Shape::Int), Shape::Bool, Shape::list(Shape::list(Shape::Int))];
        usual.into_iter().for_each(|shape| weighed.add(shape, POSSIBLE * 3.0));
        rare.into_iter().for_each(|shape| weighed.add(shape, POSSIBLE));
    }
    let mut choices = weighed.0;
    choices.sort_by(|one, other| other.weight.total_cmp(&one.weight));
    choices
}

struct Weighed(Vec<Choice>);

impl Weighed {
    fn add(&mut self, shape: Shape, weight: f64) {
        match self.0.iter_mut().find(|choice| choice.shape == shape) {
            Some(choice) => choice.weight += weight,
            None => self.0.push(Choice { shape, weight }),
        }
    }
}

/// The shape with unknown elements made what their uses say.
fn refined(shape: Shape, clues: &Clues<'_>) -> Shape {
    match shape {
        Shape::List(item) if *item == Shape::Any => Shape::list(element(clues, 1)),
        Shape::Set(item) if *item == Shape::Any => Shape::Set(Box::new(element(clues, 1))),
        shape => shape,
    }
}

/// The likeliest kind of the elements at a level.
fn element(clues: &Clues<'_>, level: usize) -> Shape {
    if level >= LEVELS {
        return Shape::Int;
    }
    let mut weighed = Weighed(Vec::new());
    by_use(&mut weighed, clues, level);
    weighed.add(named_element(clues.name), LIKELY / 2.0);
    let best = weighed.0.into_iter().max_by(|one, other| one.weight.total_cmp(&other.weight));
    best.map_or(Shape::Int, |choice| choice.shape)
}

fn by_use(weighed: &mut Weighed, clues: &Clues<'_>, level: usize) {
    let Some(uses) = clues.uses.get(level) else { return };
    for shape in &uses.like {
        weighed.add(shape.clone(), LIKELY);
    }
    if let Some(count) = uses.called {
        weighed.add(Shape::Function(count), NEEDED);
    }
    by_attributes(weighed, clues, level);
    let item = || element(clues, level + 1);
    if let Some(count) = uses.unpacked {
        weighed.add(Shape::Tuple(vec![Shape::Int; count.min(8)]), NEEDED);
    }
    if !uses.keys.is_empty() {
        let field = |key: &String| match uses.links.contains(key) {
            true => (key.clone(), Shape::Again),
            false => (key.clone(), named(key).unwrap_or(Shape::Int)),
        };
        let record = Shape::Record(uses.keys.iter().map(field).collect());
        weighed.add(record, if uses.subscripted_by_text { NEEDED } else { LIKELY / 2.0 });
    }
    if uses.subscripted || uses.stored_into {
        let item = item();
        if matches!(item, Shape::List(_)) {
            weighed.add(Shape::Grid(Box::new(Shape::Int)), LIKELY);
        }
        weighed.add(Shape::list(item), NEEDED);
        if !uses.stored_into {
            weighed.add(Shape::Str, LIKELY / 2.0);
        }
        weighed.add(Shape::Graph { weighted: false }, POSSIBLE * 4.0);
    }
    if uses.combined {
        weighed.add(Shape::Int, LIKELY / 2.0);
    }
    if uses.iterated || uses.searched {
        weighed.add(Shape::list(item()), LIKELY + 2.0);
        weighed.add(Shape::Str, LIKELY / 3.0);
    }
    if uses.measured {
        weighed.add(Shape::list(item()), LIKELY);
        weighed.add(Shape::Str, LIKELY / 2.0);
    }
    if uses.added_to_text {
        weighed.add(Shape::Str, NEEDED);
    }
    if uses.counted {
        weighed.add(Shape::Int, NEEDED);
    }
    if uses.calculated {
        weighed.add(Shape::Int, LIKELY);
        weighed.add(Shape::Float, POSSIBLE * 2.0);
    }
    if uses.divided {
        weighed.add(Shape::Float, LIKELY / 2.0);
        weighed.add(Shape::Int, LIKELY / 2.0);
    }
    if uses.may_be_none && level == 0 {
        weighed.add(Shape::None, POSSIBLE * 2.0);
    }
    if uses.truth {
        weighed.add(Shape::Bool, POSSIBLE * 2.0);
    }
}

/// Methods that only some of the built-in types have.
fn by_attributes(weighed: &mut Weighed, clues: &Clues<'_>, level: usize) {
    let Some(uses) = clues.uses.get(level) else { return };
    let item = || element(clues, level + 1);
    for attribute in uses.attributes.keys() {
        match attribute.as_str() {
            "split" | "strip" | "lower" | "upper" | "startswith" | "endswith" | "isdigit" | "isalpha"
            | "isalnum" | "find" | "rfind" | "encode" | "splitlines" | "format" | "join" | "isspace"
            | "title" | "islower" | "isupper" | "capitalize" | "zfill" | "lstrip" | "rstrip"
            | "partition" | "swapcase" => {
                weighed.add(Shape::Str, NEEDED);
            }
            "replace" | "count" | "index" => weighed.add(Shape::Str, LIKELY / 2.0),
            "append" | "sort" | "extend" | "insert" | "reverse" => weighed.add(Shape::list(item()), NEEDED),
            "pop" | "remove" | "copy" | "clear" => weighed.add(Shape::list(item()), LIKELY / 2.0),
            "items" | "keys" | "values" | "get" | "setdefault" => {
                weighed.add(Shape::dict(Shape::Str, Shape::Int), NEEDED);
                weighed.add(Shape::Graph { weighted: false }, LIKELY);
                weighed.add(Shape::Graph { weighted: true }, POSSIBLE * 4.0);
            }
            "add" | "union" | "difference" | "intersection" | "issubset" | "discard" => {
                weighed.add(Shape::Set(Box::new(item())), NEEDED);
            }
            "decode" | "hex" => weighed.add(Shape::Bytes, NEEDED),
            "bit_length" | "numerator" => weighed.add(Shape::Int, NEEDED),
            "is_integer" => weighed.add(Shape::Float, NEEDED),
            _ => {}
        }
    }
    // A class of the file that has all of them.
    let mut is_known = false;
    for (name, class) in clues.classes {
        let known = uses.attributes.keys().filter(|attribute| class.has(attribute)).count();
        if known > 0 && known == uses.attributes.len() {
            weighed.add(Shape::Instance(name.clone()), NEEDED + known as f64);
            is_known = true;
        }
    }
    if level == 0 && !is_known && uses.attributes.keys().any(|attribute| !is_built_in(attribute)) {
        // Nothing else that is known has these.
        weighed.add(object(clues, uses), SAID);
    }
}

/// An object of a class that is not the file's: it has what is used of it.
fn object(clues: &Clues<'_>, uses: &Uses) -> Shape {
    let mut attributes = Vec::new();
    for (attribute, called) in &uses.attributes {
        let unused = Default::default();
        let made_of = clues.found.get(&format!("{}.{attribute}", clues.name)).unwrap_or(&unused);
        let is_number = made_of[0].calculated || made_of[0].counted || !made_of[0].like.is_empty();
        let shape = if uses.links.contains(attribute) || (links_to_its_like(attribute) && !is_number) {
            Shape::Again
        } else if called.is_some() {
            Shape::Method
        } else {
            let clues = Clues {
                name: attribute,
                annotation: None,
                documented: None,
                default: None,
                uses: made_of,
                found: &Found::new(),
                owner: None,
                classes: clues.classes,
            };
            choices(&clues).swap_remove(0).shape
        };
        attributes.push((attribute.clone(), shape));
    }
    Shape::Object(attributes)
}

/// Whether what has such an attribute is likely to have another of its kind, or nothing, in it.
pub(crate) fn links_to_its_like(name: &str) -> bool {
    ["left", "right", "next", "child", "lchild", "rchild", "next_node", "sibling", "random"].contains(&name)
}

fn by_name(weighed: &mut Weighed, clues: &Clues<'_>) {
    let name = plain(clues.name);
    // A class of this very name says more than the word.
    if let Some(class) = clues.classes.keys().find(|class| class.to_lowercase() == name.replace('_', "")) {
        weighed.add(Shape::Instance(class.clone()), NEEDED);
    }
    match named(&name) {
        // Nothing else is called so, and lists are subscripted and searched as well.
        Some(shape @ Shape::Graph { .. }) => weighed.add(shape, NAMED + NEEDED),
        Some(Shape::Function(_)) if clues.uses[0].called.is_some() => {}
        Some(shape) => weighed.add(shape, NAMED),
        None => by_class(weighed, clues, name.rsplit('_').next().unwrap_or_default()),
    }
}

fn plain(name: &str) -> String {
    name.trim_start_matches('_').trim_end_matches(char::is_numeric).to_lowercase()
}

/// What things of this name are, most of the time.
fn named(name: &str) -> Option<Shape> {
    let name = plain(name);
    let last = name.rsplit('_').next().unwrap_or_default();
    let numbers = || Shape::list(named_element(&name));
    Some(match last {
        "n" | "k" | "m" | "num" | "number" | "count" | "size" | "length" | "i" | "j" | "x" | "y" | "a"
        | "b" | "c" | "p" | "q" | "r" | "target" | "value" | "val" | "amount" | "limit" | "index" | "idx"
        | "pos" | "low" | "high" | "left" | "right" | "start" | "end" | "lo" | "hi" | "total" | "depth"
        | "level" | "base" | "exponent" | "exp" | "mod" | "modulus" | "width" | "height" | "row" | "col"
        | "rows" | "cols" | "capacity" | "step" | "steps" | "key" | "item" | "data" | "element"
        | "digits" | "year" | "month" | "day" | "age" | "times" | "max" | "min" | "sum" | "seed"
        | "degree" | "order" | "distance" | "cost" | "price" | "quantity" | "z" | "u" | "w" | "id" => {
            Shape::Int
        }
        "s" | "t" | "st" | "string" | "str" | "text" | "word" | "pattern" | "msg" | "message" | "char"
        | "ch" | "name" | "line" | "sentence" | "prefix" | "suffix" | "substring" | "sub" | "letter"
        | "alphabet" | "url" | "path" | "title" | "expression" | "expr" | "pat" | "txt" | "symbol"
        | "token" | "label" | "delimiter" => Shape::Str,
        "arr" | "array" | "nums" | "numbers" | "lst" | "list" | "l" | "items" | "values" | "vals"
        | "prices" | "seq" | "sequence" | "ints" | "heights" | "weights" | "coins" | "scores"
        | "elements" | "iterable" | "stack" | "queue" | "heap" | "vector" | "v" | "collection" | "costs"
        | "candidates" | "xs" | "ys" | "array1" | "iterator" | "iterables" | "words" | "strings" | "strs"
        | "names" | "lines" | "tokens" | "intervals" | "points" | "edges" | "pairs" | "it" => numbers(),
        "matrix" | "grid" | "board" | "mat" | "maze" | "image" | "table" | "triangle" => {
            Shape::Grid(Box::new(Shape::Int))
        }
        "graph" | "adj" | "adjacency" | "g" | "tree" => Shape::Graph { weighted: false },
        "d" | "dict" | "dictionary" | "mapping" | "map" | "counter" | "kwargs" => {
            Shape::dict(Shape::Str, Shape::Int)
        }
        "func" | "fn" | "f" | "function" | "predicate" | "callback" | "pred" | "keyfunc" => {
            Shape::Function(1)
        }
        "cmp" | "comparator" | "op" | "operator" => Shape::Function(2),
        "flag" | "reverse" | "simulation" | "verbose" | "strict" | "debug" | "inplace" | "recursive"
        | "ascending" => Shape::Bool,
        "set" | "visited" | "seen" => Shape::Set(Box::new(Shape::Int)),
        "ratio" | "rate" | "probability" | "eps" | "epsilon" | "tol" | "angle" | "radius" | "alpha" => {
            Shape::Float
        }
        _ => return None,
    })
}

/// A parameter that is called as a class of the file, or as the things that such a class is made for.
fn by_class(weighed: &mut Weighed, clues: &Clues<'_>, name: &str) {
    if let Some(owner) = clues.owner
        && ["other", "another", "that", "rhs"].contains(&name)
    {
        weighed.add(Shape::Instance(owner.to_owned()), NEEDED);
    }
    for class in clues.classes.keys() {
        let lower = class.to_lowercase();
        let is_node = lower.contains("node")
            && ["root", "node", "head", "tail", "parent", "child", "other"].contains(&name);
        // What makes an object is seldom called as the object.
        let is_other = clues.owner != Some(class);
        if is_node || (is_other && name.len() > 2 && lower.contains(name)) {
            weighed.add(Shape::Instance(class.clone()), NAMED);
        }
    }
}

/// Whether some built-in type has an attribute of this name.
fn is_built_in(attribute: &str) -> bool {
    const OF_TEXTS: &str = " capitalize casefold center count decode encode endswith expandtabs find format format_map \
        hex index isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle \
        isupper join ljust lower lstrip partition removeprefix removesuffix replace rfind rindex rjust rpartition \
        rsplit rstrip split splitlines startswith strip swapcase title translate upper zfill ";
    const OF_OTHERS: &str = " add append as_integer_ratio bit_count bit_length clear conjugate copy denominator \
        difference difference_update discard extend fromkeys get imag insert intersection intersection_update \
        is_integer isdisjoint issubset issuperset items keys numerator pop popitem real remove reverse setdefault sort \
        symmetric_difference symmetric_difference_update to_bytes union update values ";
    let word = format!(" {attribute} ");
    attribute.starts_with("__") || OF_TEXTS.contains(&word) || OF_OTHERS.contains(&word)
}

/// What the elements of a list of this name are.
fn named_element(name: &str) -> Shape {
    let name = name.trim_end_matches(char::is_numeric);
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&["words", "strings", "strs", "names", "lines", "tokens", "texts"]) {
        Shape::Str
    } else if ends(&["intervals", "points", "edges", "pairs", "buildings"]) {
        Shape::Tuple(vec![Shape::Int, Shape::Int])
    } else {
        Shape::Int
    }
}
