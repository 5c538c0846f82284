//! What instructions do to values, as far as it takes to see that they change nothing in place.

use std::sync::OnceLock;

use crate::opcodes::Opcodes;

/// What an instruction does. Arguments are those of the bytecode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It may do more than is told here.
    Anything,
    Nothing,
    LoadFast,
    LoadFastPair,
    StoreFast,
    StoreThenLoadFast,
    StoreFastPair,
    DeleteFast,
    LoadCell,
    StoreCell,
    StoreGlobal,
    StoreName,
    LoadConstant,
    LoadGlobal,
    LoadName,
    LoadAttribute,
    Copy,
    Swap,
    Pop,
    /// Makes an atom of so many.
    Compute(usize),
    /// Makes an atom of as many as its argument says.
    Join,
    /// Makes text of one atom, or of two if its argument says so.
    Format,
    /// Compares identities.
    Is,
    /// Asks whether something is true, by its length.
    Truth,
    /// Searches a container.
    Contains,
    Subscript,
    Jump,
    /// Takes the top, and jumps or goes on by whether it is true.
    Branch,
    /// The same by whether it is `None`.
    BranchByNone,
    /// Jumps with the top, or takes it and goes on.
    BranchOrPop,
    ForIter,
    /// The frame returns or is suspended, which is an event.
    Leave,
}

/// The meanings of all opcodes.
pub(super) fn of(opcodes: &Opcodes) -> &'static [Meaning; 256] {
    static MEANINGS: OnceLock<[Meaning; 256]> = OnceLock::new();
    MEANINGS.get_or_init(|| std::array::from_fn(|opcode| named(opcodes.name(opcode as u8))))
}

fn named(name: &str) -> Meaning {
    match name {
        "NOP" | "EXTENDED_ARG" => Meaning::Nothing,
        "LOAD_FAST" | "LOAD_FAST_CHECK" => Meaning::LoadFast,
        "LOAD_FAST_LOAD_FAST" => Meaning::LoadFastPair,
        "STORE_FAST" => Meaning::StoreFast,
        "STORE_FAST_LOAD_FAST" => Meaning::StoreThenLoadFast,
        "STORE_FAST_STORE_FAST" => Meaning::StoreFastPair,
        "DELETE_FAST" => Meaning::DeleteFast,
        "LOAD_DEREF" => Meaning::LoadCell,
        "STORE_DEREF" => Meaning::StoreCell,
        "STORE_GLOBAL" => Meaning::StoreGlobal,
        "STORE_NAME" => Meaning::StoreName,
        "LOAD_CONST" => Meaning::LoadConstant,
        "LOAD_GLOBAL" => Meaning::LoadGlobal,
        "LOAD_NAME" => Meaning::LoadName,
        "LOAD_ATTR" => Meaning::LoadAttribute,
        "COPY" => Meaning::Copy,
        "SWAP" => Meaning::Swap,
        "POP_TOP" => Meaning::Pop,
        "UNARY_NEGATIVE" | "UNARY_INVERT" | "UNARY_POSITIVE" | "FORMAT_SIMPLE" | "CONVERT_VALUE" => {
            Meaning::Compute(1)
        }
        "BINARY_OP" | "COMPARE_OP" | "FORMAT_WITH_SPEC" => Meaning::Compute(2),
        "BUILD_STRING" => Meaning::Join,
        "FORMAT_VALUE" => Meaning::Format,
        "IS_OP" => Meaning::Is,
        "TO_BOOL" | "UNARY_NOT" => Meaning::Truth,
        "CONTAINS_OP" => Meaning::Contains,
        "BINARY_SUBSCR" => Meaning::Subscript,
        "JUMP_FORWARD" | "JUMP_BACKWARD" => Meaning::Jump,
        "POP_JUMP_IF_FALSE"
        | "POP_JUMP_IF_TRUE"
        | "POP_JUMP_FORWARD_IF_FALSE"
        | "POP_JUMP_FORWARD_IF_TRUE"
        | "POP_JUMP_BACKWARD_IF_FALSE"
        | "POP_JUMP_BACKWARD_IF_TRUE" => Meaning::Branch,
        "POP_JUMP_IF_NONE"
        | "POP_JUMP_IF_NOT_NONE"
        | "POP_JUMP_FORWARD_IF_NONE"
        | "POP_JUMP_FORWARD_IF_NOT_NONE"
        | "POP_JUMP_BACKWARD_IF_NONE"
        | "POP_JUMP_BACKWARD_IF_NOT_NONE" => Meaning::BranchByNone,
        "JUMP_IF_FALSE_OR_POP" | "JUMP_IF_TRUE_OR_POP" => Meaning::BranchOrPop,
        "FOR_ITER" => Meaning::ForIter,
        "RETURN_VALUE" | "RETURN_CONST" | "YIELD_VALUE" => Meaning::Leave,
        _ => Meaning::Anything,
    }
}
