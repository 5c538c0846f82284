//! What instructions do to values, as far as it takes to see what they change in place.

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
    /// The same for a method to be called, below which what it is called on stays.
    LoadMethod,
    StoreAttribute,
    /// Pushes a place without an object.
    PushNull,
    Copy,
    Swap,
    Pop,
    /// Makes something of one value.
    Unary,
    /// Makes something of two, in the place of the first if its argument says so.
    Binary,
    /// Makes an atom of so many.
    Compute(usize),
    /// Makes an atom of as many as its argument says.
    Join,
    /// Makes text of one value, or of two if its argument says so.
    Format,
    /// Makes a list or a tuple of as many as its argument says.
    Build,
    BuildSlice,
    /// Takes a sequence apart.
    Unpack,
    /// Calls something with as many values as its argument says.
    Call,
    /// Compares identities.
    Is,
    /// Asks whether something is true, by its length.
    Truth,
    /// Searches a container.
    Contains,
    Subscript,
    /// Takes a piece of a sequence, from and to given places.
    Slice,
    StoreSubscript,
    DeleteSubscript,
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
        "NOP" | "EXTENDED_ARG" | "PRECALL" => Meaning::Nothing,
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
        "LOAD_METHOD" => Meaning::LoadMethod,
        "STORE_ATTR" => Meaning::StoreAttribute,
        "PUSH_NULL" => Meaning::PushNull,
        "COPY" => Meaning::Copy,
        "SWAP" => Meaning::Swap,
        "POP_TOP" => Meaning::Pop,
        "UNARY_NEGATIVE" | "UNARY_INVERT" | "UNARY_POSITIVE" => Meaning::Unary,
        "BINARY_OP" => Meaning::Binary,
        "FORMAT_SIMPLE" | "CONVERT_VALUE" => Meaning::Compute(1),
        "COMPARE_OP" | "FORMAT_WITH_SPEC" => Meaning::Compute(2),
        "BUILD_LIST" | "BUILD_TUPLE" => Meaning::Build,
        "BUILD_SLICE" => Meaning::BuildSlice,
        "UNPACK_SEQUENCE" => Meaning::Unpack,
        "CALL" => Meaning::Call,
        "BUILD_STRING" => Meaning::Join,
        "FORMAT_VALUE" => Meaning::Format,
        "IS_OP" => Meaning::Is,
        "TO_BOOL" | "UNARY_NOT" => Meaning::Truth,
        "CONTAINS_OP" => Meaning::Contains,
        "BINARY_SUBSCR" => Meaning::Subscript,
        "BINARY_SLICE" => Meaning::Slice,
        "STORE_SUBSCR" => Meaning::StoreSubscript,
        "DELETE_SUBSCR" => Meaning::DeleteSubscript,
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
