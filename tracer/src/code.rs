//! What the tracer knows of one code object of the source.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use pyo3_ffi as ffi;
use trace::Granularity;

use crate::disassembly::{Description, Disassembly};
use crate::flow::Flow;
use crate::layout::{Code, Frame, Obj, Str, Version, behind_cell};
use crate::log::Name;
use crate::namespace::Namespace;
use crate::opcodes::Opcodes;
use crate::python::{self, Owned, Raised};
use crate::reach::{Reach, State};
use crate::value::Limits;
use crate::watch::{Slot, Touched};

/// Number of a code object of the source.
pub(crate) type CodeNumber = u32;

/// What kind of body a code object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Module,
    Class,
    Function,
}

/// A local that is looked at.
pub(crate) struct Watched {
    pub(crate) index: usize,
    pub(crate) in_cell: bool,
    pub(crate) name: Name,
}

impl Watched {
    /// What it holds in a frame.
    ///
    /// # Safety
    /// The frame must be one of the code whose local it is.
    #[inline(always)]
    pub(crate) unsafe fn value_in<V: Version>(&self, frame: Frame<V>) -> Option<Obj> {
        // SAFETY: the caller vouches for the frame, so it has the local.
        let value = unsafe { frame.local(self.index) };
        if self.in_cell { value.and_then(behind_cell) } else { value }
    }
}

/// One code object of the source.
pub(crate) struct CodeInfo<V: Version> {
    /// The code object itself, which also keeps it alive.
    pub(crate) object: Owned,
    pub(crate) function: Name,
    pub(crate) body: Body,
    pub(crate) first_line: u32,
    pub(crate) locals: Vec<Watched>,
    local_count: usize,
    /// The module's variables that the code names in its instructions.
    pub(crate) globals: Vec<u32>,
    /// The instructions as they were compiled, two bytes each.
    instructions: Owned,
    /// Byte offset of the instruction that every frame begins with.
    start: isize,
    /// Whether there is a `raise` without an exception in it.
    pub(crate) can_raise_handled: bool,
    /// The line of each jump back within one line, by its two offsets; `None` for other jumps.
    jumps: HashMap<(i64, i64), Option<u32>>,
    /// What instructions read as, where they are told.
    disassembly: Option<Disassembly>,
    /// What its lines can change, where they are told.
    reach: Option<Reach>,
    /// Memory of frames that are over.
    spare: Vec<Box<[Slot<V>]>>,
}

impl<V: Version> CodeInfo<V> {
    fn new(
        code: Code<V>,
        body: Body,
        globals: &mut Namespace<V>,
        granularity: Granularity,
    ) -> Result<CodeInfo<V>, Raised> {
        let object = Owned::of(code.obj());
        // Unlike the instructions in memory, these are free of specialisation and instrumentation.
        let instructions = object.attribute(c"co_code")?;
        let mut info = CodeInfo {
            function: Name::new(code.qualified_name()),
            body,
            first_line: code.first_line(),
            locals: watched(code, body),
            local_count: code.local_count(),
            globals: Vec::new(),
            instructions,
            start: 0,
            can_raise_handled: false,
            jumps: HashMap::new(),
            disassembly: None,
            reach: None,
            spare: Vec::new(),
            object,
        };
        info.scan(code, globals);
        if granularity >= Granularity::Line {
            info.reach = Some(Reach::new(Opcodes::learn()?, body));
        }
        if granularity == Granularity::Instruction {
            let exceptions = info.object.attribute(c"co_exceptiontable")?;
            let exceptions = python::as_bytes(&exceptions);
            info.disassembly = Some(Disassembly::new::<V>(Opcodes::learn()?, info.units(), exceptions));
        }
        Ok(info)
    }

    /// Finds in the instructions what events need to know of them.
    fn scan(&mut self, code: Code<V>, globals: &mut Namespace<V>) {
        let opcodes = V::OPCODES;
        let names = code.names();
        let mut start = None;
        let mut extended = 0;
        for (index, unit) in python::as_bytes(&self.instructions).chunks_exact(2).enumerate() {
            let (opcode, argument) = (unit[0], extended << 8 | usize::from(unit[1]));
            extended = if opcode == opcodes.extended_arg { argument } else { 0 };
            let name = if opcode == opcodes.load_global {
                // The lowest bit says whether a null is pushed, too.
                names.items().get(argument >> 1)
            } else if opcode == opcodes.store_global || opcode == opcodes.delete_global {
                names.items().get(argument)
            } else {
                None
            };
            if let Some(&Some(name)) = name {
                // SAFETY: the names of a code object are `str`.
                self.globals.extend(globals.variable(unsafe { Str::from_obj(name) }));
            }
            if opcode == opcodes.resume {
                start.get_or_insert(2 * index as isize);
            }
            self.can_raise_handled |= opcode == opcodes.raise && argument == 0;
        }
        self.start = start.unwrap_or(0);
        self.globals.sort_unstable();
        self.globals.dedup();
    }

    fn units(&self) -> &[u8] {
        python::as_bytes(&self.instructions)
    }

    /// The instruction at a byte offset.
    fn opcode(&self, offset: isize) -> Option<u8> {
        const CACHE: u8 = 0;
        let units = self.units();
        let mut offset = usize::try_from(offset).ok()? & !1;
        // Inline caches belong to the instruction before them.
        while offset > 0 && units.get(offset) == Some(&CACHE) {
            offset -= 2;
        }
        units.get(offset).copied()
    }

    /// What the instruction at a byte offset does to the stack, and its number in the log; `None` where no instruction
    /// is, or none is told.
    #[inline(always)]
    pub(crate) fn instruction(&self, offset: usize) -> Option<(&Flow, u32)> {
        self.disassembly.as_ref()?.place(offset)
    }

    pub(crate) fn set_instruction_number(&mut self, offset: usize, number: u32) {
        if let Some(disassembly) = &mut self.disassembly {
            disassembly.set_number(offset, number);
        }
    }

    /// How the instruction at a byte offset reads.
    pub(crate) fn describe(&self, offset: usize, limits: Limits) -> Description<'_> {
        let code = Code::<V>::of(self.object.obj());
        let described = self.disassembly.as_ref().zip(code);
        described.map_or(Description { offset, name: "", argument: None }, |(disassembly, code)| {
            disassembly.describe(code, self.units(), offset, limits)
        })
    }

    /// Whether what runs in a frame from its next instruction to the next event changes nothing in place but what is
    /// told as touched.
    ///
    /// # Safety
    /// The frame must be one of this code, and its variables have been looked at in the event at hand.
    pub(crate) unsafe fn is_calm(
        &mut self,
        frame: Frame<V>,
        line: u32,
        slots: &[Slot<V>],
        globals: &mut Namespace<V>,
        touched: &mut Vec<Touched>,
    ) -> bool {
        let Some(reach) = &mut self.reach else { return false };
        let Ok(offset) = usize::try_from(frame.instruction_offset()) else { return false };
        let units = python::as_bytes(&self.instructions);
        // SAFETY: the caller vouches for the frame.
        unsafe {
            reach.is_calm(units, offset, State { frame, locals: &self.locals, slots, line }, globals, touched)
        }
    }

    /// Number of locals of its frames, on which their stack stands.
    pub(crate) fn local_count(&self) -> usize {
        self.local_count
    }

    /// Whether a `StopIteration` that appears at this offset ends a `for`, a `yield from` or an `await`.
    pub(crate) fn ends_iteration(&self, offset: isize) -> bool {
        self.opcode(offset).is_some_and(|opcode| V::OPCODES.ends_iteration.contains(&opcode))
    }

    /// Whether the instruction at this offset raises the exception on top of the stack again.
    pub(crate) fn raises_again(&self, offset: isize) -> bool {
        self.opcode(offset).is_some_and(|opcode| V::OPCODES.raises_again.contains(&opcode))
    }

    /// Whether the instruction at this offset is a `raise` without an exception, which raises the one that is
    /// being handled.
    pub(crate) fn raises_handled(&self, offset: isize) -> bool {
        let raise = usize::try_from(offset).ok().and_then(|offset| self.units().get(offset..offset + 2));
        raise == Some(&[V::OPCODES.raise, 0])
    }

    /// Whether the instruction at this offset is the one at which frames begin and go on.
    pub(crate) fn resumes(&self, offset: isize) -> bool {
        self.opcode(offset) == Some(V::OPCODES.resume)
    }

    /// Whether a frame that stands at this offset is suspended rather than left.
    pub(crate) fn yields(&self, offset: isize) -> bool {
        self.opcode(offset) == Some(V::OPCODES.yield_value)
    }

    /// Whether a frame that stands at this offset has not begun to run.
    pub(crate) fn is_start(&self, offset: isize) -> bool {
        offset <= self.start
    }

    /// The line that a jump between these byte offsets goes back within, if it does.
    pub(crate) fn line_of_jump(&mut self, from: i64, to: i64) -> Option<u32> {
        unsafe extern "C" {
            fn PyCode_Addr2Line(code: *mut ffi::PyObject, offset: i32) -> i32;
        }
        let code = self.object.as_ptr();
        *self.jumps.entry((from, to)).or_insert_with(|| {
            // SAFETY: it is a code object, and the interpreter passed the offsets. A line is searched for from
            // the start of the code on.
            let line = |offset: i64| unsafe { PyCode_Addr2Line(code, offset as i32) };
            if to <= from && line(from) == line(to) { u32::try_from(line(to)).ok() } else { None }
        })
    }

    /// Memory for the locals of one frame, all absent.
    pub(crate) fn slots(&mut self) -> Box<[Slot<V>]> {
        self.spare.pop().unwrap_or_else(|| self.locals.iter().map(|_| Slot::new()).collect())
    }

    /// Takes the memory of a frame back.
    pub(crate) fn reclaim(&mut self, mut slots: Box<[Slot<V>]>) {
        slots.iter_mut().for_each(Slot::clear);
        self.spare.push(slots);
    }
}

/// The locals that an event of such a body looks at in its frame.
fn watched<V: Version>(code: Code<V>, body: Body) -> Vec<Watched> {
    let locals = code.locals();
    let shown = locals.iter().enumerate().filter(|(_, local)| {
        // The names of a class body or a module are in its namespace. What else its frame has is what a
        // comprehension binds while it runs.
        is_shown::<V>(local.name) && (body == Body::Function || !local.is_free)
    });
    shown
        .map(|(index, local)| Watched { index, in_cell: local.in_cell, name: Name::new(local.name) })
        .collect()
}

/// Whether variables of this name are told: it is an identifier, and not one with two underscores at both ends.
pub(crate) fn is_shown<V: Version>(name: Str) -> bool {
    const UNDERSCORE: u32 = b'_' as u32;
    let units = name.units::<V>();
    let is_underscore = |index: usize| units.get(index) == Some(UNDERSCORE);
    let len = units.len();
    let is_special =
        len >= 2 && is_underscore(0) && is_underscore(1) && is_underscore(len - 2) && is_underscore(len - 1);
    // SAFETY: the name is a `str`.
    !is_special && unsafe { ffi::PyUnicode_IsIdentifier(name.obj().as_ptr()) } == 1
}

/// All code objects of the source.
pub(crate) struct Codes<V: Version> {
    infos: Vec<CodeInfo<V>>,
    numbers: HashMap<usize, CodeNumber, BuildHasherDefault<AddressHasher>>,
}

impl<V: Version> Codes<V> {
    /// The code of a module and all code nested in it.
    pub(crate) fn of_module(
        module: Code<V>,
        globals: &mut Namespace<V>,
        granularity: Granularity,
    ) -> Result<Codes<V>, Raised> {
        let mut codes = Codes { infos: Vec::new(), numbers: HashMap::default() };
        let mut found = vec![(module, Body::Module)];
        while let Some((code, body)) = found.pop() {
            let number = codes.infos.len() as CodeNumber;
            if codes.numbers.insert(code.obj().address(), number).is_some() {
                continue;
            }
            codes.infos.push(CodeInfo::new(code, body, globals, granularity)?);
            for constant in code.constants().items().iter().flatten() {
                if let Some(nested) = Code::of(*constant) {
                    found.push((nested, if nested.is_function() { Body::Function } else { Body::Class }));
                }
            }
        }
        Ok(codes)
    }

    /// The number of this code object, if it is one of the source's.
    #[inline(always)]
    pub(crate) fn number_of(&self, code: Obj) -> Option<CodeNumber> {
        self.numbers.get(&code.address()).copied()
    }

    #[inline(always)]
    pub(crate) fn get(&mut self, number: CodeNumber) -> &mut CodeInfo<V> {
        &mut self.infos[number as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &CodeInfo<V>> {
        self.infos.iter()
    }

    /// The code of a frame, if it is one of the source's.
    #[inline(always)]
    pub(crate) fn of_frame(&self, frame: Frame<V>) -> Option<CodeNumber> {
        self.number_of(frame.code().obj())
    }
}

/// Spreads addresses, which are multiples of 16.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    #[inline(always)]
    fn write_u64(&mut self, number: u64) {
        // The odd number nearest to 2**64 divided by the golden ratio.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }

    #[inline(always)]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}
