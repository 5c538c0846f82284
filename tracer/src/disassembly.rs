//! The instructions of one code object: how high the operand stack is before each, and how each reads.
//!
//! The interpreter does not say how high the stack is while an instruction is about to run, but the height
//! follows from the code: every way to an instruction leaves the same number of values there.

use std::ffi::c_int;

use crate::flow::{Flow, Touch};
use crate::layout::{Code, Obj, Version};
use crate::opcodes::{Argument, Opcodes};
use crate::value::{self, Limits, Text};

unsafe extern "C" {
    /// By how much an instruction raises the stack, where it jumps and where it does not.
    fn PyCompile_OpcodeStackEffectWithJump(opcode: c_int, argument: c_int, jump: c_int) -> c_int;
}

/// Bytes of a code unit: an opcode and its argument.
const UNIT: usize = 2;

/// The instructions of one code object.
pub(crate) struct Disassembly {
    opcodes: &'static Opcodes,
    /// For each code unit.
    places: Box<[Place]>,
    /// Offsets that 3.13 gives a label to, in order.
    labels: Vec<usize>,
}

/// What is known of the instruction at a place.
#[derive(Clone, Copy)]
struct Place {
    /// `None` where nothing leads.
    flow: Option<Flow>,
    /// Its number in the log; 0 while it has none.
    number: u32,
}

/// How an instruction reads.
pub(crate) struct Description<'a> {
    pub(crate) offset: usize,
    pub(crate) name: &'a str,
    pub(crate) argument: Option<Vec<u8>>,
}

/// An instruction where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) offset: usize,
    pub(crate) opcode: u8,
    pub(crate) argument: usize,
    /// Where the next instruction stands.
    pub(crate) next: usize,
}

impl Disassembly {
    /// `units` and `exceptions` are `co_code` and `co_exceptiontable`.
    pub(crate) fn new<V: Version>(opcodes: &'static Opcodes, units: &[u8], exceptions: &[u8]) -> Disassembly {
        let handlers = handlers(exceptions);
        let mut labels: Vec<usize> = steps::<V>(units).filter_map(|step| target(opcodes, step)).collect();
        labels.sort_unstable();
        labels.dedup();
        let heights = heights::<V>(opcodes, units, &handlers);
        let mut places = vec![Place { flow: None, number: 0 }; heights.len()];
        for step in steps::<V>(units) {
            let at = step.offset / UNIT;
            places[at].flow = heights[at].map(|height| flow(opcodes, step, height, &handlers));
        }
        let places = places.into_boxed_slice();
        Disassembly { opcodes, places, labels }
    }

    /// What the instruction at this offset does to the stack, and its number in the log; `None` where no instruction is.
    #[inline(always)]
    pub(crate) fn place(&self, offset: usize) -> Option<(&Flow, u32)> {
        let Place { flow, number } = self.places.get(offset / UNIT)?;
        Some((flow.as_ref()?, *number))
    }

    /// Keeps the number that the log gave to the instruction at this offset.
    pub(crate) fn set_number(&mut self, offset: usize, number: u32) {
        self.places[offset / UNIT].number = number;
    }

    /// How the instruction at this offset reads in `dis`. Constants read as values do.
    pub(crate) fn describe<V: Version>(
        &self,
        code: Code<V>,
        units: &[u8],
        offset: usize,
        limits: Limits,
    ) -> Description<'_> {
        let step = steps::<V>(units).find(|step| step.offset == offset);
        let Some(step) = step else { return Description { offset, name: "", argument: None } };
        let argument = self.argument::<V>(code, step, limits);
        Description { offset, name: self.opcodes.name(step.opcode), argument }
    }

    fn argument<V: Version>(&self, code: Code<V>, step: Step, limits: Limits) -> Option<Vec<u8>> {
        let Opcodes { comparisons, operators, intrinsics, .. } = self.opcodes;
        let argument = step.argument;
        let listed = |list: &[String], index: usize| list.get(index).map(|text| text.clone().into_bytes());
        let local = |index: usize| {
            let local = code.locals().into_iter().nth(index)?;
            Some(written(limits, |text| text.name::<V>(local.name)))
        };
        let kind = self.opcodes.argument(step.opcode);
        let shown = match kind {
            Argument::Absent => return None,
            Argument::Number => None,
            Argument::Constant => item(code.constants().items(), argument)
                .map(|constant| written(limits, |text| value::write::<V>(text, constant))),
            Argument::Name { flags, mark } => item(code.names().items(), argument >> flags).map(|name| {
                // SAFETY: the names of a code object are `str`.
                let name = unsafe { crate::layout::Str::from_obj(name) };
                let name = written(limits, |text| text.name::<V>(name));
                if flags == 0 || argument & 1 == 0 {
                    name
                } else if V::MINOR >= 13 {
                    [&name, " + ".as_bytes(), mark.as_bytes()].concat()
                } else {
                    [mark.as_bytes(), " + ".as_bytes(), &name].concat()
                }
            }),
            Argument::Local => local(argument),
            Argument::LocalPair => {
                local(argument >> 4).zip(local(argument & 15)).map(|pair| [pair.0, pair.1].join(&b", "[..]))
            }
            Argument::Jump { .. } => target(self.opcodes, step).map(|target| {
                if V::MINOR >= 13 {
                    let label = self.labels.binary_search(&target).map_or(0, |index| index + 1);
                    format!("to L{label}").into_bytes()
                } else {
                    format!("to {target}").into_bytes()
                }
            }),
            Argument::Comparison => match V::MINOR {
                ..=11 => listed(comparisons, argument),
                12 => listed(comparisons, argument >> 4),
                _ => listed(comparisons, argument >> 5).map(|operator| {
                    if argument & 16 == 0 { operator } else { [b"bool(", &operator[..], b")"].concat() }
                }),
            },
            Argument::Operator => listed(operators, argument),
            Argument::Conversion => Some(conversion(argument).as_bytes().to_vec()),
            Argument::Format => {
                let parts = [conversion(argument & 3), if argument & 4 == 0 { "" } else { "with format" }];
                Some(joined(parts))
            }
            Argument::FunctionParts => {
                let parts = ["defaults", "kwdefaults", "annotations", "closure"].into_iter().enumerate();
                Some(joined(parts.map(|(bit, part)| if argument & 1 << bit == 0 { "" } else { part })))
            }
            Argument::Intrinsic { operands } => listed(&intrinsics[operands - 1], argument),
        };
        Some(shown.filter(|shown| !shown.is_empty()).unwrap_or_else(|| argument.to_string().into_bytes()))
    }
}

fn item(items: &[Option<Obj>], index: usize) -> Option<Obj> {
    items.get(index).copied().flatten()
}

/// What a value is converted with before it is formatted.
fn conversion(number: usize) -> &'static str {
    ["", "str", "repr", "ascii"].get(number).copied().unwrap_or("")
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ").into_bytes()
}

fn written(limits: Limits, write: impl FnOnce(&mut Text)) -> Vec<u8> {
    let mut buffer = vec![0; limits.room()];
    // SAFETY: the buffer has the room that the limits ask for.
    let mut text = unsafe { Text::new(buffer.as_mut_ptr(), limits) };
    write(&mut text);
    let len = text.byte_len();
    buffer.truncate(len);
    buffer
}

/// The instructions in order, without the caches behind them.
pub(crate) fn steps<V: Version>(units: &[u8]) -> impl Iterator<Item = Step> {
    const CACHE: u8 = 0;
    let units = units.as_chunks::<UNIT>().0;
    let mut extended = 0;
    let mut index = 0;
    std::iter::from_fn(move || {
        let &[opcode, low] = units.get(index)?;
        let argument = extended << 8 | usize::from(low);
        extended = if opcode == V::OPCODES.extended_arg { argument } else { 0 };
        let offset = index * UNIT;
        index += 1;
        while units.get(index).is_some_and(|unit| unit[0] == CACHE) {
            index += 1;
        }
        Some(Step { offset, opcode, argument, next: index * UNIT })
    })
}

/// Where an instruction jumps to, if it can.
pub(crate) fn target(opcodes: &Opcodes, step: Step) -> Option<usize> {
    let Argument::Jump { is_backward } = opcodes.argument(step.opcode) else { return None };
    let distance = step.argument * UNIT;
    if is_backward { step.next.checked_sub(distance) } else { Some(step.next + distance) }
}

/// A range of instructions and where an exception in it leads.
struct Handler {
    start: usize,
    end: usize,
    target: usize,
    /// Values on the stack before what the exception leaves there.
    height: usize,
    /// Whether the offset of the instruction that raised is left there, too.
    keeps_offset: bool,
}

/// `co_exceptiontable`, as `Objects/exception_handling_notes.txt` describes it.
fn handlers(table: &[u8]) -> Vec<Handler> {
    let mut bytes = table.iter();
    let mut number = || {
        let mut number = 0;
        loop {
            let byte = usize::from(*bytes.next()?);
            number = number << 6 | byte & 0x3f;
            if byte & 0x40 == 0 {
                return Some(number);
            }
        }
    };
    let mut entry = || {
        let (start, len, target, last) = (number()?, number()?, number()?, number()?);
        Some(Handler {
            start: start * UNIT,
            end: (start + len) * UNIT,
            target: target * UNIT,
            height: last >> 1,
            keeps_offset: last & 1 == 1,
        })
    };
    std::iter::from_fn(&mut entry).collect()
}

/// How many values are on the stack before each unit; `None` where nothing leads.
fn heights<V: Version>(opcodes: &Opcodes, units: &[u8], handlers: &[Handler]) -> Vec<Option<u16>> {
    let mut by_unit = vec![None; units.len() / UNIT];
    let steps: Vec<Step> = steps::<V>(units).collect();
    for step in &steps {
        by_unit[step.offset / UNIT] = Some(*step);
    }
    let mut heights: Vec<Option<u16>> = vec![None; by_unit.len()];
    let mut left = vec![(0, 0)];
    let mut handlers: Vec<&Handler> = handlers.iter().collect();
    loop {
        while let Some((offset, height)) = left.pop() {
            let place = heights.get_mut(offset / UNIT);
            let (Some(place), Some(Some(step))) = (place, by_unit.get(offset / UNIT)) else { continue };
            let (None, Ok(known)) = (&place, u16::try_from(height)) else { continue };
            *place = Some(known);
            if let Some(target) = target(opcodes, *step) {
                left.push((target, height + effect::<V>(opcodes, *step, true)));
            }
            if !opcodes.goes_elsewhere(step.opcode) {
                left.push((step.next, height + effect::<V>(opcodes, *step, false)));
            }
        }
        let is_reached = |handler: &&Handler| {
            (handler.start..handler.end).step_by(UNIT).any(|at| heights[at / UNIT].is_some())
        };
        let Some(next) = handlers.iter().position(is_reached) else { return heights };
        let handler = handlers.swap_remove(next);
        left.push((handler.target, handler.height as i32 + 1 + i32::from(handler.keeps_offset)));
    }
}

/// What an instruction does to the stack, before which there are `height` places.
fn flow(opcodes: &Opcodes, step: Step, height: u16, handlers: &[Handler]) -> Flow {
    let effect = opcodes.effect(step.opcode);
    let touch = effect.touch(step.argument);
    // An iterator that has nothing more to give goes, and what it held with it.
    let target = target(opcodes, step).filter(|_| touch != Touch::Iterator);
    let leads_here = handlers.iter().filter(|handler| handler.target == step.offset);
    Flow {
        height,
        takes: effect.takes(step.argument),
        touch,
        offset: step.offset as u32,
        next: step.next as u32,
        target: target.map(|target| target as u32),
        unwound_to: leads_here.map(|handler| handler.height as u16).min(),
    }
}

/// By how much an instruction raises the stack.
fn effect<V: Version>(opcodes: &Opcodes, step: Step, jumps: bool) -> i32 {
    match opcodes.name(step.opcode) {
        // What the compiler books is what whoever resumes the generator finds.
        "RETURN_GENERATOR" => 1,
        // 3.11 books what a call takes where it is announced; it is gone only after the call.
        "PRECALL" => 0,
        "CALL" if V::MINOR == 11 => -(step.argument as i32) - 1,
        _ => {
            let argument = match opcodes.argument(step.opcode) {
                Argument::Absent => 0,
                _ => step.argument as c_int,
            };
            // SAFETY: the function only computes.
            unsafe { PyCompile_OpcodeStackEffectWithJump(step.opcode.into(), argument, jumps.into()) }
        }
    }
}
