//! CPython 3.11.

use std::ptr::NonNull;

use super::class::flag;
use super::{
    Attributes, Breaker, CodeLayout, Dict, FrameLayout, GeneratorLayout, HeapTypeLayout, Obj, Opcodes,
    SplitValues, StrLayout, ThreadLayout, Version,
};

pub(crate) enum V311 {}

impl Version for V311 {
    const MINOR: u8 = 11;
    const FRAME: FrameLayout =
        FrameLayout { code: 32, caller: 48, instruction: 56, namespace: 24, height: 64, locals: 72 };
    const CODE: CodeLayout = CodeLayout {
        flags: 48,
        local_count: 76,
        first_line: 72,
        local_names: 96,
        local_kinds: 104,
        constants: 24,
        names: 32,
        qualified_name: 128,
        instructions: 184,
    };
    const THREAD: ThreadLayout = ThreadLayout {
        frame: 56,
        frame_in_c_frame: Some(8),
        recursion_left: 32,
        recursion_limit: 36,
        trace_function: 72,
        trace_object: 88,
        breaker: Breaker::Irrelevant,
    };
    const STR: StrLayout = StrLayout { ascii: 48, compact: 72, elsewhere: 72 };
    const HEAP_TYPE: HeapTypeLayout =
        HeapTypeLayout { name: 848, qualified_name: 864, cached_keys: 872, size: 904 };
    const GENERATOR: GeneratorLayout =
        GeneratorLayout { qualified_name: 40, state: 75, frame: 80, not_started: -2 };
    const OPCODES: Opcodes = Opcodes {
        extended_arg: 144,
        load_global: 116,
        store_global: 97,
        delete_global: 98,
        resume: 151,
        yield_value: 86,
        raise: 130,
        raises_again: &[119, 54],
        ends_iteration: &[93, 123],
    };
    const IMMORTAL_OBJECTS: bool = false;
    const INT_TAG_BITS: Option<u32> = None;
    const SPLIT_VALUES: SplitValues = SplitValues::OrderBefore;
    const PUBLISHED: &'static [(usize, usize, &'static str)] = &[];

    unsafe fn managed_attributes(object: Obj) -> Attributes {
        const VALUES: isize = -32;
        const DICT: isize = -24;
        debug_assert!(object.ty().has(flag::MANAGED_DICT));
        let before = object.pointer().cast::<u8>();
        // SAFETY: with a managed dict, two pointers lie before the object, of which at most one is not null.
        unsafe {
            if let Some(values) = before.offset(VALUES).cast::<Option<NonNull<u8>>>().read() {
                return Attributes::Values(values);
            }
            let dict = before.offset(DICT).cast::<Option<Obj>>().read();
            dict.map_or(Attributes::None, |dict| Attributes::Dict(Dict::from_obj(dict)))
        }
    }
}
