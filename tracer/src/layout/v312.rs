//! CPython 3.12.

use std::ptr::NonNull;

use super::class::flag;
use super::{
    Attributes, Breaker, CodeLayout, Dict, FrameLayout, GeneratorLayout, HeapTypeLayout, Obj, Opcodes,
    SplitValues, StrLayout, ThreadLayout, Version,
};

pub(crate) enum V312 {}

impl Version for V312 {
    const MINOR: u8 = 12;
    const FRAME: FrameLayout =
        FrameLayout { code: 0, caller: 8, instruction: 56, namespace: 40, height: 64, locals: 72 };
    const CODE: CodeLayout = CodeLayout {
        flags: 48,
        local_count: 72,
        first_line: 68,
        local_names: 96,
        local_kinds: 104,
        constants: 24,
        names: 32,
        qualified_name: 128,
        instructions: 192,
    };
    const THREAD: ThreadLayout = ThreadLayout {
        frame: 56,
        frame_in_c_frame: Some(0),
        recursion_left: 28,
        recursion_limit: 32,
        trace_function: 72,
        trace_object: 88,
        breaker: Breaker::Interpreter(368),
    };
    const STR: StrLayout = StrLayout { ascii: 40, compact: 56, elsewhere: 56 };
    const HEAP_TYPE: HeapTypeLayout =
        HeapTypeLayout { name: 856, qualified_name: 872, cached_keys: 880, size: 920 };
    const GENERATOR: GeneratorLayout =
        GeneratorLayout { qualified_name: 32, state: 67, frame: 72, not_started: -2 };
    const OPCODES: Opcodes = Opcodes {
        extended_arg: 144,
        load_global: 116,
        store_global: 97,
        delete_global: 98,
        resume: 151,
        yield_value: 150,
        raise: 130,
        raises_again: &[119, 54],
        ends_iteration: &[93, 4, 123, 5],
    };
    const IMMORTAL_OBJECTS: bool = true;
    const INT_TAG_BITS: Option<u32> = Some(3);
    const SPLIT_VALUES: SplitValues = SplitValues::OrderBefore;
    const PUBLISHED: &'static [(usize, usize, &'static str)] = &[];

    unsafe fn managed_attributes(object: Obj) -> Attributes {
        const DICT_OR_VALUES: isize = -24;
        /// Set in the pointer if it is to values.
        const VALUES: usize = 1;
        debug_assert!(object.ty().has(flag::MANAGED_DICT));
        // SAFETY: with a managed dict, a pointer to a dict, to values (less one), or null lies there.
        unsafe {
            let pointer = object.pointer().cast::<u8>().offset(DICT_OR_VALUES).cast::<*mut u8>().read();
            if pointer as usize & VALUES != 0 {
                return NonNull::new(pointer.wrapping_add(1)).map_or(Attributes::None, Attributes::Values);
            }
            let dict = Obj::maybe(pointer.cast());
            dict.map_or(Attributes::None, |dict| Attributes::Dict(Dict::from_obj(dict)))
        }
    }
}
