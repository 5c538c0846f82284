//! What an instruction does to the operand stack: where it can lead, how many places it takes, and what else it changes.

/// What is known of one instruction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    /// Number of places before it.
    pub(crate) height: u16,
    /// How many of them, from the top on, it takes or moves; more than there are where that is not known.
    pub(crate) takes: u16,
    /// What it changes beside those.
    pub(crate) touch: Touch,
    pub(crate) offset: u32,
    /// The offsets of the instructions that it can lead to.
    pub(crate) next: u32,
    pub(crate) target: Option<u32>,
    /// Where exceptions lead here, the number of places that they leave as they were.
    pub(crate) unwound_to: Option<u16>,
}

/// What an instruction can change beside the places that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    Nothing,
    /// Nothing, if all that it takes are numbers and strings.
    Taken,
    /// Nothing, if it takes numbers and strings beside a plain sequence or dict, which comes first.
    Element,
    /// Nothing, if it takes a number or a string, and then something plain that holds such alone.
    Member,
    /// Nothing, if the namespace of the frame is a plain one.
    Namespace,
    /// Nothing, unless something else has to be done between two instructions.
    Moment,
    /// Nothing, if it takes something plain.
    Plain,
    /// The iterator on top, if that is a plain one.
    Iterator,
    /// Nothing, if numbers or strings are in the local before and after.
    Local(u16),
    Anything,
}

/// What can be told of an instruction by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effect {
    takes: Takes,
    touch: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Takes {
    Exactly(u16),
    /// As many as its argument says.
    Counted,
    /// As many, and what is called with them.
    Called,
    All,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Fixed(Touch),
    /// A local, by the argument, or by its upper half.
    Local,
    UpperLocal,
}

impl Effect {
    /// `is_old`: before 3.12 garbage is collected wherever objects are made.
    pub(crate) fn of(name: &str, is_old: bool) -> Effect {
        let making = if is_old { Touch::Anything } else { Touch::Nothing };
        let (takes, touch) = match name {
            "NOP"
            | "PUSH_NULL"
            | "EXTENDED_ARG"
            | "KW_NAMES"
            | "PRECALL"
            | "LOAD_CONST"
            | "LOAD_FAST"
            | "LOAD_FAST_CHECK"
            | "LOAD_FAST_LOAD_FAST"
            | "LOAD_CLOSURE"
            | "LOAD_DEREF"
            | "LOAD_GLOBAL"
            | "LOAD_ASSERTION_ERROR"
            | "JUMP_FORWARD"
            | "COPY" => (0, Touch::Nothing),
            "RESUME"
            | "LOAD_BUILD_CLASS"
            | "LOAD_CLASSDEREF"
            | "LOAD_LOCALS"
            | "JUMP_BACKWARD_NO_INTERRUPT"
            | "COPY_FREE_VARS"
            | "MAKE_CELL"
            | "DELETE_FAST"
            | "DELETE_NAME"
            | "DELETE_GLOBAL"
            | "DELETE_DEREF"
            | "LOAD_FAST_AND_CLEAR" => (0, Touch::Anything),
            "LOAD_NAME" => (0, Touch::Namespace),
            "JUMP_BACKWARD" => (0, Touch::Moment),
            "FOR_ITER" => (0, Touch::Iterator),
            "POP_TOP"
            | "POP_JUMP_IF_TRUE"
            | "POP_JUMP_IF_FALSE"
            | "POP_JUMP_IF_NONE"
            | "POP_JUMP_IF_NOT_NONE"
            | "POP_JUMP_FORWARD_IF_TRUE"
            | "POP_JUMP_FORWARD_IF_FALSE"
            | "POP_JUMP_FORWARD_IF_NONE"
            | "POP_JUMP_FORWARD_IF_NOT_NONE"
            | "TO_BOOL"
            | "UNARY_NOT"
            | "UNARY_NEGATIVE"
            | "UNARY_POSITIVE"
            | "UNARY_INVERT"
            | "FORMAT_SIMPLE"
            | "CONVERT_VALUE" => (1, Touch::Taken),
            "IS_OP" | "BINARY_OP" | "COMPARE_OP" | "FORMAT_WITH_SPEC" => (2, Touch::Taken),
            "CONTAINS_OP" => (2, Touch::Member),
            "BINARY_SUBSCR" => (2, Touch::Element),
            "UNPACK_SEQUENCE" => (1, Touch::Element),
            "LOAD_ATTR" | "LOAD_METHOD" | "GET_ITER" => {
                (1, if is_old { Touch::Anything } else { Touch::Plain })
            }
            "STORE_FAST" => return Effect { takes: Takes::Exactly(1), touch: Kind::Local },
            "STORE_FAST_LOAD_FAST" => return Effect { takes: Takes::Exactly(1), touch: Kind::UpperLocal },
            "POP_JUMP_BACKWARD_IF_TRUE"
            | "POP_JUMP_BACKWARD_IF_FALSE"
            | "POP_JUMP_BACKWARD_IF_NONE"
            | "POP_JUMP_BACKWARD_IF_NOT_NONE"
            | "JUMP_IF_TRUE_OR_POP"
            | "JUMP_IF_FALSE_OR_POP"
            | "STORE_NAME"
            | "STORE_GLOBAL"
            | "STORE_DEREF"
            | "LIST_APPEND"
            | "SET_ADD"
            | "LIST_EXTEND"
            | "DELETE_ATTR"
            | "YIELD_VALUE" => (1, Touch::Anything),
            "STORE_ATTR" | "DELETE_SUBSCR" | "MAP_ADD" | "STORE_FAST_STORE_FAST" => (2, Touch::Anything),
            "STORE_SUBSCR" | "BINARY_SLICE" => (3, Touch::Anything),
            "STORE_SLICE" => (4, Touch::Anything),
            "CALL" => return Effect { takes: Takes::Called, touch: Kind::Fixed(Touch::Anything) },
            "SWAP" => return Effect { takes: Takes::Counted, touch: Kind::Fixed(Touch::Nothing) },
            "BUILD_STRING" => return Effect { takes: Takes::Counted, touch: Kind::Fixed(Touch::Taken) },
            "BUILD_TUPLE" | "BUILD_LIST" | "BUILD_SLICE" => {
                return Effect { takes: Takes::Counted, touch: Kind::Fixed(making) };
            }
            _ => return Effect { takes: Takes::All, touch: Kind::Fixed(Touch::Anything) },
        };
        Effect { takes: Takes::Exactly(takes), touch: Kind::Fixed(touch) }
    }

    pub(crate) fn takes(self, argument: usize) -> u16 {
        match self.takes {
            Takes::Exactly(takes) => takes,
            Takes::Counted => argument.try_into().unwrap_or(u16::MAX),
            Takes::Called => (argument + 2).try_into().unwrap_or(u16::MAX),
            Takes::All => u16::MAX,
        }
    }

    pub(crate) fn touch(self, argument: usize) -> Touch {
        let local = match self.touch {
            Kind::Fixed(touch) => return touch,
            Kind::Local => argument,
            Kind::UpperLocal => argument >> 4,
        };
        local.try_into().map_or(Touch::Anything, Touch::Local)
    }
}

impl Flow {
    /// How many places from the bottom on hold the same objects before the next instruction, if that is `next`.
    pub(crate) fn leaves(&self, next: &Flow) -> usize {
        let left = self.height.saturating_sub(self.takes);
        if let Some(unwound_to) = next.unwound_to {
            return left.min(unwound_to).into();
        }
        // Anything else than what the code says is not known about.
        if next.offset == self.next || Some(next.offset) == self.target { left.into() } else { 0 }
    }
}
