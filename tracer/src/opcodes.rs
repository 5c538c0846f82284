//! What the interpreter says of its instructions: their names, and what their arguments refer to.

use std::ffi::CStr;
use std::sync::OnceLock;

use crate::flow::Effect;
use crate::python::{self, Owned, Result};

/// Number of opcodes that a byte can name.
const COUNT: usize = 256;

/// The instructions of this interpreter.
pub(crate) struct Opcodes {
    names: Vec<String>,
    arguments: Vec<Argument>,
    effects: Vec<Effect>,
    /// The operators of comparisons and those of arithmetic, by number.
    pub(crate) comparisons: Vec<String>,
    pub(crate) operators: Vec<String>,
    /// The interpreter's own functions of one and of two operands, by number.
    pub(crate) intrinsics: [Vec<String>; 2],
}

/// What the argument of an instruction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Argument {
    Absent,
    /// It means nothing but itself.
    Number,
    Constant,
    /// A name, its number above as many `flags`, the lowest of which says that `mark` is pushed, too.
    Name {
        flags: u32,
        mark: &'static str,
    },
    Local,
    /// Two of them, four bits each.
    LocalPair,
    Jump {
        is_backward: bool,
    },
    Comparison,
    Operator,
    /// What `f'{x!r}'` does to a value; with a flag where a format follows.
    Format,
    Conversion,
    /// Defaults, annotations and the like that a function is made with, a bit each.
    FunctionParts,
    Intrinsic {
        operands: usize,
    },
}

impl Opcodes {
    /// Those of this interpreter. Its module `opcode` is asked the first time.
    pub(crate) fn learn() -> Result<&'static Opcodes> {
        static LEARNT: OnceLock<Opcodes> = OnceLock::new();
        if let Some(known) = LEARNT.get() {
            return Ok(known);
        }
        let learnt = Opcodes::ask()?;
        Ok(LEARNT.get_or_init(|| learnt))
    }

    fn ask() -> Result<Opcodes> {
        let module = python::import(c"opcode")?;
        let names = texts(&module, c"opname")?;
        let numbers = |name| -> Result<Vec<usize>> {
            let list = python::items(&module.attribute(name)?)?;
            list.iter().map(|number| Ok(number.to_i64()? as usize)).collect()
        };
        let mut arguments = vec![Argument::Absent; COUNT];
        let mut set = |opcodes: Vec<usize>, of: &dyn Fn(&str) -> Argument| {
            for opcode in opcodes.into_iter().filter(|opcode| *opcode < COUNT) {
                arguments[opcode] = of(&names[opcode]);
            }
        };
        // 3.11 has no list of those that have an argument.
        let with_argument = numbers(c"hasarg").or_else(|_| {
            python::clear();
            Ok((module.attribute(c"HAVE_ARGUMENT")?.to_i64()? as usize..COUNT).collect())
        })?;
        set(with_argument, &|_| Argument::Number);
        set(numbers(c"hasconst")?, &|_| Argument::Constant);
        // Before 3.12, whether an attribute is that of a method to be called is another instruction.
        let has_marked_attributes = names.iter().any(|name| name == "LOAD_SUPER_ATTR");
        set(numbers(c"hasname")?, &|name| match name {
            "LOAD_GLOBAL" => Argument::Name { flags: 1, mark: "NULL" },
            "LOAD_ATTR" if has_marked_attributes => Argument::Name { flags: 1, mark: "NULL|self" },
            "LOAD_SUPER_ATTR" => Argument::Name { flags: 2, mark: "NULL|self" },
            _ => Argument::Name { flags: 0, mark: "" },
        });
        let jump = |name: &str| Argument::Jump { is_backward: name.contains("JUMP_BACKWARD") };
        set(numbers(c"hasjrel")?, &jump);
        set(numbers(c"haslocal")?, &|name| match name {
            "LOAD_FAST_LOAD_FAST" | "STORE_FAST_LOAD_FAST" | "STORE_FAST_STORE_FAST" => Argument::LocalPair,
            _ => Argument::Local,
        });
        set(numbers(c"hasfree")?, &|_| Argument::Local);
        set(numbers(c"hascompare")?, &|_| Argument::Comparison);
        for (opcode, name) in names.iter().enumerate().take(COUNT) {
            arguments[opcode] = match name.as_str() {
                "BINARY_OP" => Argument::Operator,
                "FORMAT_VALUE" => Argument::Format,
                "CONVERT_VALUE" => Argument::Conversion,
                "MAKE_FUNCTION" | "SET_FUNCTION_ATTRIBUTE" if arguments[opcode] == Argument::Number => {
                    Argument::FunctionParts
                }
                "CALL_INTRINSIC_1" => Argument::Intrinsic { operands: 1 },
                "CALL_INTRINSIC_2" => Argument::Intrinsic { operands: 2 },
                _ => arguments[opcode],
            };
        }
        let operators = python::items(&module.attribute(c"_nb_ops")?)?;
        let symbol = |pair: &Owned| python::items(pair)?.get(1).map_or(Ok(String::new()), python::to_string);
        let is_old = names.iter().any(|name| name == "PRECALL");
        Ok(Opcodes {
            effects: names.iter().map(|name| Effect::of(name, is_old)).collect(),
            arguments,
            comparisons: texts(&module, c"cmp_op")?,
            operators: operators.iter().map(symbol).collect::<Result<_>>()?,
            intrinsics: [
                texts_if_any(&module, c"_intrinsic_1_descs"),
                texts_if_any(&module, c"_intrinsic_2_descs"),
            ],
            names,
        })
    }

    pub(crate) fn name(&self, opcode: u8) -> &str {
        &self.names[usize::from(opcode)]
    }

    pub(crate) fn argument(&self, opcode: u8) -> Argument {
        self.arguments[usize::from(opcode)]
    }

    pub(crate) fn effect(&self, opcode: u8) -> Effect {
        self.effects[usize::from(opcode)]
    }

    /// Whether what follows an instruction does not run after it.
    pub(crate) fn goes_elsewhere(&self, opcode: u8) -> bool {
        matches!(
            self.name(opcode),
            "RETURN_VALUE"
                | "RETURN_CONST"
                | "RAISE_VARARGS"
                | "RERAISE"
                | "JUMP_FORWARD"
                | "JUMP_BACKWARD"
                | "JUMP_BACKWARD_NO_INTERRUPT"
                | "INTERPRETER_EXIT"
        )
    }
}

fn texts(module: &Owned, name: &CStr) -> Result<Vec<String>> {
    python::items(&module.attribute(name)?)?.iter().map(python::to_string).collect()
}

/// The same of a list that not every version has.
fn texts_if_any(module: &Owned, name: &CStr) -> Vec<String> {
    texts(module, name).unwrap_or_else(|_| {
        python::clear();
        Vec::new()
    })
}
