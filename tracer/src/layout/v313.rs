//! CPython 3.13, with a GIL.

use super::class::flag;
use super::{
    Attributes, Breaker, CodeLayout, Dict, FrameLayout, GeneratorLayout, HeapTypeLayout, Obj, Opcodes,
    SplitValues, StrLayout, ThreadLayout, Version,
};

pub(crate) enum V313 {}

impl Version for V313 {
    const MINOR: u8 = 13;
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
        instructions: 200,
    };
    const THREAD: ThreadLayout = ThreadLayout {
        frame: 72,
        frame_in_c_frame: None,
        recursion_left: 44,
        recursion_limit: 48,
        trace_function: 88,
        trace_object: 104,
        breaker: Breaker::Thread(24),
    };
    const STR: StrLayout = StrLayout { ascii: 40, compact: 56, elsewhere: 56 };
    const HEAP_TYPE: HeapTypeLayout =
        HeapTypeLayout { name: 856, qualified_name: 872, cached_keys: 880, size: 928 };
    const GENERATOR: GeneratorLayout =
        GeneratorLayout { qualified_name: 32, state: 67, frame: 72, not_started: -3 };
    const OPCODES: Opcodes = Opcodes {
        extended_arg: 71,
        load_global: 91,
        store_global: 113,
        delete_global: 66,
        resume: 149,
        yield_value: 118,
        raise: 101,
        raises_again: &[102, 10],
        ends_iteration: &[72, 11, 104, 12],
    };
    const IMMORTAL_OBJECTS: bool = true;
    const INT_TAG_BITS: Option<u32> = Some(3);
    const SPLIT_VALUES: SplitValues = SplitValues::OrderAfter;
    const PUBLISHED: &'static [(usize, usize, &'static str)] = &[
        (2, 0, "free-threaded objects"),
        (23, Self::THREAD.frame, "PyThreadState.current_frame"),
        (30, Self::FRAME.code, "_PyInterpreterFrame.f_executable"),
        (31, Self::FRAME.instruction, "_PyInterpreterFrame.instr_ptr"),
        (32, Self::FRAME.locals, "_PyInterpreterFrame.localsplus"),
        (37, Self::CODE.qualified_name, "PyCodeObject.co_qualname"),
        (39, Self::CODE.first_line, "PyCodeObject.co_firstlineno"),
        (41, Self::CODE.local_names, "PyCodeObject.co_localsplusnames"),
        (42, Self::CODE.local_kinds, "PyCodeObject.co_localspluskinds"),
        (43, Self::CODE.instructions, "PyCodeObject.co_code_adaptive"),
        (45, 8, "PyObject.ob_type"),
        (47, 24, "PyTypeObject.tp_name"),
        (49, 168, "PyTypeObject.tp_flags"),
        (51, 24, "PyTupleObject.ob_item"),
        (54, 24, "PyListObject.ob_item"),
        (57, 32, "PyDictObject.ma_keys"),
        (58, 40, "PyDictObject.ma_values"),
        (60, 16, "PyFloatObject.ob_fval"),
        (62, 16, "PyLongObject.lv_tag"),
        (63, 24, "PyLongObject.ob_digit"),
        (66, 32, "PyBytesObject.ob_sval"),
        (68, 32, "PyASCIIObject.state"),
        (69, 16, "PyASCIIObject.length"),
        (70, Self::STR.ascii, "PyASCIIObject"),
    ];

    unsafe fn managed_attributes(object: Obj) -> Attributes {
        const DICT: isize = -24;
        const INLINE_VALUES: usize = 16;
        /// Offset, in the values, of whether they are those of the object.
        const VALID: usize = 3;
        let class = object.ty();
        debug_assert!(class.has(flag::MANAGED_DICT));
        let start = object.pointer().cast::<u8>();
        // SAFETY: with a managed dict, a dict or null lies before the object; with inline values they follow
        // the header.
        unsafe {
            if let Some(dict) = start.offset(DICT).cast::<Option<Obj>>().read() {
                return Attributes::Dict(Dict::from_obj(dict));
            }
            let values = start.add(INLINE_VALUES);
            if class.has(flag::INLINE_VALUES) && values.add(VALID).read() != 0 {
                Attributes::Values(values)
            } else {
                Attributes::None
            }
        }
    }
}
