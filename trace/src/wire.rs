//! The byte form of a trace, as the tracer writes it into the arena.
//!
//! ```text
//! log     = item*
//! item    = LINE    [delta:zigzag] changes       relative to the frame's last line
//!         | CALL    function:name line:varint changes
//!         | RESUME  frame:varint changes         frames are numbered from 0 in order of their CALL
//!         | RETURN  value changes
//!         | YIELD   value changes
//!         | RAISE   value changes
//!         | UNWIND  value changes
//!         | INSTRUCTION instruction depth:varint place*depth changes
//!         | THREAD  thread:varint                from here on items are this thread's; at first the main one's
//!         | EFFECT  kind:u8 text
//!         | OUTPUT  stream:u8 len:varint bytes   neighbours of one stream are one event
//!         | GAP     reason:u8 skipped:varint
//!         | END     verdict:u8 type:name len:u32le utf8
//!         | PROBE                                the next of several calls begins, with no frame entered; names,
//!                                                texts, instructions, frames and threads are counted on
//! changes = change*                              as many as the first byte says
//!         | change* 0                            where it says 3
//! change  = head:varint [fresh] [part] [value]   no value after a deletion
//! head    = (name + 1) << 3 | scope << 2 | kind  scope: 0 local, 1 global; kind: 0 new, 1 modified, 2 deleted,
//!                                                3 an element changed: the part says which and how
//! part    = kind:u8 text                         kind: 0 new, 1 modified, 2 deleted
//! value   = type:name text
//! text    = len:u8 utf8                          len < 254
//!         | 254 len:u16le utf8
//!         | 255 number:varint                    the text of this number, counted from 0, of those of at least
//!                                                8 bytes that stand in the log so far
//! instruction = varint [offset:varint name:name (0 | len+1:varint utf8)]
//!                                                n > 0: the n-th fresh instruction of the log; 0: the fresh
//!                                                one here, with its argument
//! place   = 0 | 1 value | 2 | name+3:varint [fresh]
//!                                                no object, a value, what was at this place at the frame's last
//!                                                instruction, or the object of the local of this name
//! name    = varint [fresh]                       n > 0: the n-th fresh name of the log; 0: the fresh one here
//! fresh   = len:varint utf8                      stands exactly where a name is 0
//! ```
//!
//! The first byte of an item has its tag in the low five bits and the number of its changes in the two above. That
//! of a LINE has the highest bit set and its delta in the low five, or 31, and the delta follows.
//!
//! CALL and RESUME enter a frame; RETURN, YIELD and UNWIND leave it; every other item belongs to the frame
//! that its thread entered last. Threads are numbered in the order of their first items. A name is spelled out
//! where it first occurs, so an event is one item however many names it introduces, and so is a longer text: those
//! of a program that moves about in what it has built occur again and again. The length of a text is a single byte
//! if it can be, so that a text is written before its length is known and seldom has to be moved. Integers are
//! LEB128 (`varint`), signed ones zigzag.

/// What an item is, in its first byte.
pub mod tag {
    pub const CALL: u8 = 1;
    pub const RESUME: u8 = 3;
    pub const RETURN: u8 = 4;
    pub const YIELD: u8 = 5;
    pub const RAISE: u8 = 6;
    pub const UNWIND: u8 = 7;
    pub const OUTPUT: u8 = 8;
    pub const GAP: u8 = 9;
    pub const END: u8 = 10;
    pub const INSTRUCTION: u8 = 11;
    pub const THREAD: u8 = 12;
    pub const EFFECT: u8 = 13;
    pub const PROBE: u8 = 14;
    /// Set in the first byte of a LINE only.
    pub const LINE: u8 = 0x80;
    /// Mask of the others, and of the delta of a LINE.
    pub const LOW: u8 = 0x1f;
    /// The delta of a LINE that does not fit and follows.
    pub const FAR: u8 = 0x1f;
    /// Where the number of changes stands.
    pub const COUNT_SHIFT: u32 = 5;
    /// That number where there are that many or more, and a 0 follows the last one.
    pub const MANY: u8 = 3;
}

/// The beginning of a text.
pub mod text {
    /// Two bytes of length follow. What is less is the length itself.
    pub const LONG: u8 = 254;
    /// The number of a text follows.
    pub const REPEATED: u8 = 255;
    /// Bytes that a text has at least to get a number.
    pub const NUMBERED_LEN: usize = 8;
}

/// The low bits of a change's head.
pub mod change {
    pub const NEW: u64 = 0;
    pub const MODIFIED: u64 = 1;
    pub const DELETED: u64 = 2;
    pub const ELEMENT: u64 = 3;
    /// Mask of the kinds.
    pub const KIND: u64 = 3;
    pub const GLOBAL: u64 = 4;
    pub const NAME_SHIFT: u32 = 3;
}

/// The beginning of a place of the operand stack.
pub mod place {
    pub const NULL: u64 = 0;
    pub const VALUE: u64 = 1;
    /// As at the frame's last instruction.
    pub const SAME: u64 = 2;
    /// Added to the number of a local's name.
    pub const LOCAL: u64 = 3;
}

pub mod effect {
    pub const READ: u8 = 1;
    pub const WRITE: u8 = 2;
    pub const NETWORK: u8 = 3;
    pub const PROCESS: u8 = 4;
    pub const ENVIRONMENT: u8 = 5;
    pub const TIME: u8 = 6;
    pub const RANDOMNESS: u8 = 7;
    pub const CODE: u8 = 8;
}

pub mod stream {
    pub const STDOUT: u8 = 1;
    pub const STDERR: u8 = 2;
}

pub mod gap {
    pub const EVENTS: u8 = 1;
    pub const BYTES: u8 = 2;
    pub const DEPTH: u8 = 3;
}

pub mod verdict {
    pub const RETURNED: u8 = 1;
    pub const RAISED: u8 = 2;
    pub const EXITED: u8 = 3;
    pub const SYNTAX_ERROR: u8 = 4;
    pub const NO_ENTRY: u8 = 5;
    pub const BAD_INPUT: u8 = 6;
    pub const OUTPUT_LIMIT: u8 = 7;
}

/// The most bytes that a varint takes: 64 bits in groups of seven.
pub const MAX_VARINT_LEN: usize = 10;

/// Appends `value` in groups of seven bits, lowest first.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Maps small signed numbers to small unsigned ones: 0, -1, 1, -2 … become 0, 1, 2, 3 …
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
