//! Frames, code objects and the thread's stack of frames.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::NonNull;

use pyo3_ffi as ffi;
use pyo3_ffi::{PyFrameObject, PyObject, PyThreadState};

use super::{Breaker, Bytes, Obj, Str, Tuple, Version};

/// An interpreter frame. It stays at its address for as long as its function runs or is suspended.
#[derive(Debug)]
pub(crate) struct Frame<V>(NonNull<u8>, PhantomData<V>);

impl<V> Clone for Frame<V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Frame<V> {}

impl<V: Version> Frame<V> {
    #[inline(always)]
    pub(crate) fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    /// # Safety
    /// There must be a field of type `T` at `offset`.
    #[inline(always)]
    unsafe fn field<T: Copy>(self, offset: usize) -> T {
        // SAFETY: the caller vouches for it, and a frame is alive while it runs.
        unsafe { self.0.add(offset).cast::<T>().read() }
    }

    #[inline(always)]
    pub(crate) fn code(self) -> Code<V> {
        // SAFETY: a frame of Python code has the field.
        Code(unsafe { self.field(V::FRAME.code) }, PhantomData)
    }

    /// The frame that called or resumed this one, which need not be one of Python code.
    pub(crate) fn caller(self) -> Option<Frame<V>> {
        // SAFETY: a frame has the field, which is another one or null.
        unsafe { self.field::<Option<NonNull<u8>>>(V::FRAME.caller) }.map(|frame| Frame(frame, PhantomData))
    }

    /// Its code, unless the interpreter put it between others for its own purposes.
    pub(crate) fn python_code(self) -> Option<Code<V>> {
        // SAFETY: a frame has the field.
        unsafe { self.field::<Option<Obj>>(V::FRAME.code) }.and_then(Code::of)
    }

    /// What the local at `index` holds, which may be a cell.
    ///
    /// # Safety
    /// `index` must be below the number of locals of the frame's code.
    #[inline(always)]
    pub(crate) unsafe fn local(self, index: usize) -> Option<Obj> {
        // SAFETY: the caller vouches for the index.
        unsafe { self.field(V::FRAME.locals + index * size_of::<Option<Obj>>()) }
    }

    /// Where it looks up what is neither its own nor the module's.
    pub(crate) fn builtins(self) -> Option<Obj> {
        // SAFETY: a frame has the field, before that of its namespace.
        unsafe { self.field(V::FRAME.namespace - size_of::<Obj>()) }
    }

    /// The module's names, as this frame sees them.
    pub(crate) fn globals(self) -> Option<Obj> {
        // SAFETY: a frame has the field, before that of the built-in names.
        unsafe { self.field(V::FRAME.namespace - 2 * size_of::<Obj>()) }
    }

    /// The mapping in which a class body or a module binds its names.
    pub(crate) fn namespace(self) -> Option<Obj> {
        // SAFETY: a frame has the field.
        unsafe { self.field(V::FRAME.namespace) }
    }

    /// The value on top of the stack, while the trace hook is called.
    pub(crate) fn top_of_stack(self) -> Option<Obj> {
        // SAFETY: a frame has the field, and that many values; the stack lies behind the locals.
        unsafe {
            let height = self.field::<i32>(V::FRAME.height);
            usize::try_from(height - 1).ok().and_then(|index| self.local(index))
        }
    }

    /// Byte offset, in its code, of the instruction that runs; negative before the first.
    pub(crate) fn instruction_offset(self) -> isize {
        // SAFETY: a frame has the field, and a code object reaches as far as its instructions.
        unsafe {
            let instruction = self.field::<*const u8>(V::FRAME.instruction);
            instruction.offset_from(self.code().0.at::<u8>(V::CODE.instructions))
        }
    }
}

/// The object that stands for a frame in Python code. The trace hook is given one.
pub(crate) struct FrameObject<V>(NonNull<u8>, PhantomData<V>);

impl<V: Version> FrameObject<V> {
    const FRAME: usize = 24;
    const LINE: usize = 40;
    const TRACE_LINES: usize = 44;
    /// `f_trace_opcodes`, of which the interpreter asks only whether it is 0.
    const TRACE_OPCODES: usize = 45;
    const PROGRAM_ASKED: u8 = 1;
    const TRACER_ASKED: u8 = 2;

    /// # Safety
    /// `object` must be a live frame object.
    pub(crate) unsafe fn from_ptr(object: *mut PyFrameObject) -> FrameObject<V> {
        // SAFETY: an object's address is not null.
        FrameObject(unsafe { NonNull::new_unchecked(object.cast()) }, PhantomData)
    }

    pub(crate) fn frame(&self) -> Frame<V> {
        // SAFETY: a frame object has the field.
        Frame(unsafe { self.0.add(Self::FRAME).cast().read() }, PhantomData)
    }

    /// The line about to run, while the hook is told of one.
    pub(crate) fn line(&self) -> u32 {
        // SAFETY: a frame object has the field.
        unsafe { self.0.add(Self::LINE).cast::<i32>().read() }.max(0) as u32
    }

    /// The object that Python code sees a frame as, if there is one yet.
    pub(crate) fn of(frame: Frame<V>) -> Option<FrameObject<V>> {
        const OBJECT: usize = 40;
        // SAFETY: a frame has the field, which is a frame object or null.
        unsafe { frame.field::<Option<NonNull<u8>>>(OBJECT) }.map(|object| FrameObject(object, PhantomData))
    }

    /// Sets `f_trace_lines`: whether the hook is told of the lines of this frame.
    pub(crate) fn report_lines(&self, report: bool) {
        // SAFETY: a frame object has the field.
        unsafe { self.0.add(Self::TRACE_LINES).write(report.into()) };
    }

    /// Whether the hook is told of each instruction of this frame because the tracer asked for it.
    pub(crate) fn reports_instructions(&self) -> bool {
        self.opcodes() & Self::TRACER_ASKED != 0
    }

    /// Whether the program asked for it, by setting `f_trace_opcodes`.
    pub(crate) fn reports_instructions_to_program(&self) -> bool {
        self.opcodes() & Self::PROGRAM_ASKED != 0
    }

    /// Has the hook told of each instruction of this frame, or no longer, unless the program asked for it too.
    pub(crate) fn report_instructions(&self, report: bool) {
        let others = self.opcodes() & !Self::TRACER_ASKED;
        let opcodes = if report { others | Self::TRACER_ASKED } else { others };
        // SAFETY: a frame object has the field.
        unsafe { self.0.add(Self::TRACE_OPCODES).write(opcodes) };
    }

    fn opcodes(&self) -> u8 {
        // SAFETY: a frame object has the field.
        unsafe { self.0.add(Self::TRACE_OPCODES).read() }
    }
}

/// A code object.
#[derive(Debug)]
pub(crate) struct Code<V>(Obj, PhantomData<V>);

impl<V> Clone for Code<V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Code<V> {}

/// Bits of `co_localspluskinds`.
mod kind {
    pub(super) const CELL: u8 = 0x40;
    pub(super) const FREE: u8 = 0x80;
}

/// One of a code object's locals.
pub(crate) struct Local {
    pub(crate) name: Str,
    /// Belongs to an enclosing function.
    pub(crate) is_free: bool,
    /// May lie in a cell.
    pub(crate) in_cell: bool,
}

impl<V: Version> Code<V> {
    /// If `object` is a code object.
    pub(crate) fn of(object: Obj) -> Option<Code<V>> {
        unsafe extern "C" {
            static PyCode_Type: ffi::PyTypeObject;
        }
        object.ty().is(&raw const PyCode_Type).then_some(Code(object, PhantomData))
    }

    #[inline(always)]
    pub(crate) fn obj(self) -> Obj {
        self.0
    }

    /// The line of the instruction at this address.
    pub(crate) fn line_of(self, instruction: usize) -> u32 {
        unsafe extern "C" {
            fn PyCode_Addr2Line(code: *mut PyObject, offset: c_int) -> c_int;
        }
        let offset = instruction.wrapping_sub(self.0.address() + V::CODE.instructions);
        // SAFETY: it is a code object, whose table of lines is looked up.
        let line = unsafe { PyCode_Addr2Line(self.0.as_ptr(), offset as c_int) };
        u32::try_from(line).unwrap_or(0)
    }

    /// The line of the instruction at a byte offset, if it belongs to one.
    pub(crate) fn line_at(self, offset: usize) -> Option<u32> {
        Some(self.line_of(self.0.address() + V::CODE.instructions + offset)).filter(|line| *line > 0)
    }

    /// Whether the instruction at a byte offset is one where the interpreter tells of a line, when the one before was
    /// another's. Where lines come from the trace hook that goes for the first instruction of each.
    pub(crate) fn tells_line_at(self, offset: usize) -> bool {
        const INSTRUMENTED_LINE: u8 = 254;
        // SAFETY: the caller's offset is that of an instruction, which lie in the code object.
        V::MINOR < 12 || unsafe { self.0.field::<u8>(V::CODE.instructions + offset) } == INSTRUMENTED_LINE
    }

    /// Whether its locals are in the frame rather than in a namespace: a function's are.
    pub(crate) fn is_function(self) -> bool {
        const OPTIMIZED: i32 = 1;
        // SAFETY: a code object has the field.
        unsafe { self.0.field::<i32>(V::CODE.flags) & OPTIMIZED != 0 }
    }

    pub(crate) fn first_line(self) -> u32 {
        // SAFETY: a code object has the field.
        unsafe { self.0.field::<i32>(V::CODE.first_line) }.max(0) as u32
    }

    pub(crate) fn qualified_name(self) -> Str {
        // SAFETY: a code object has the field, which is a `str`.
        unsafe { Str::from_obj(self.0.field(V::CODE.qualified_name)) }
    }

    /// The name of the file that it was compiled from.
    pub(crate) fn filename(self) -> Str {
        const FILENAME: usize = 112;
        // SAFETY: a code object has the field, which is a `str`.
        unsafe { Str::from_obj(self.0.field(FILENAME)) }
    }

    pub(crate) fn constants(self) -> Tuple {
        // SAFETY: a code object has the field, which is a tuple.
        unsafe { Tuple::from_obj(self.0.field(V::CODE.constants)) }
    }

    /// The names that instructions refer to by number.
    pub(crate) fn names(self) -> Tuple {
        // SAFETY: a code object has the field, which is a tuple.
        unsafe { Tuple::from_obj(self.0.field(V::CODE.names)) }
    }

    /// Number of locals, cells and free variables.
    pub(crate) fn local_count(self) -> usize {
        // SAFETY: a code object has the field.
        unsafe { self.0.field::<i32>(V::CODE.local_count) as usize }
    }

    pub(crate) fn locals(self) -> Vec<Local> {
        // SAFETY: a code object has both fields: as many names, all `str`, as bytes.
        unsafe {
            let names = Tuple::from_obj(self.0.field(V::CODE.local_names));
            let kinds = Bytes::from_obj(self.0.field(V::CODE.local_kinds));
            let named = names.items().iter().flatten().zip(kinds.as_slice());
            let local = |(name, kind): (&Obj, &u8)| Local {
                name: Str::from_obj(*name),
                is_free: kind & kind::FREE != 0,
                in_cell: kind & (kind::CELL | kind::FREE) != 0,
            };
            named.map(local).collect()
        }
    }
}

/// `Py_tracefunc`
pub(crate) type TraceFunction =
    unsafe extern "C" fn(*mut PyObject, *mut PyFrameObject, c_int, *mut PyObject) -> c_int;

/// A thread of the program.
#[derive(Debug)]
pub(crate) struct Thread<V>(NonNull<PyThreadState>, PhantomData<V>);

impl<V> Clone for Thread<V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Thread<V> {}

impl<V: Version> Thread<V> {
    /// The thread that runs this.
    #[inline(always)]
    pub(crate) fn current() -> Thread<V> {
        // SAFETY: the GIL is held, so there is one.
        unsafe { Thread(NonNull::new_unchecked(ffi::PyThreadState_Get()), PhantomData) }
    }

    /// For comparing with what was seen before.
    #[inline(always)]
    pub(crate) fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    #[inline(always)]
    fn innermost(self) -> *mut Option<NonNull<u8>> {
        // SAFETY: a thread state has the field; a C frame, where there is one, lives as long as it is linked.
        unsafe {
            let field = self.0.as_ptr().byte_add(V::THREAD.frame);
            match V::THREAD.frame_in_c_frame {
                None => field.cast(),
                Some(offset) => field.cast::<*mut u8>().read().add(offset).cast(),
            }
        }
    }

    /// The innermost frame of Python code.
    #[inline(always)]
    pub(crate) fn frame(self) -> Option<Frame<V>> {
        // SAFETY: the place is valid; what it holds is a running frame or null.
        unsafe { *self.innermost() }.map(|frame| Frame(frame, PhantomData))
    }

    /// The trace hook: the function that is called with each event, and the object that is passed to it.
    pub(crate) fn trace_hook(self) -> Option<(TraceFunction, Obj)> {
        // SAFETY: a thread state has both fields; an object hangs there as long as the hook is set.
        unsafe {
            let place = |offset| self.0.as_ptr().byte_add(offset);
            let function = place(V::THREAD.trace_function).cast::<Option<TraceFunction>>().read();
            Some((function?, Obj::maybe(place(V::THREAD.trace_object).cast::<*mut PyObject>().read())?))
        }
    }

    /// Whether nothing but this thread's own instructions can run until one of them calls something: there is no other
    /// thread, nothing waits to be done between instructions, and nobody but the tracer is told of them.
    pub(crate) fn is_undisturbed(self) -> bool {
        const OTHERS: usize = 0;
        const INTERPRETER: usize = 16;
        const POINTER: usize = size_of::<usize>();
        // SAFETY: a thread state begins with its neighbours in the list of threads and the interpreter's state, and has
        // the other fields. The profile function lies before the trace function.
        unsafe {
            let state = self.0.as_ptr();
            let word = |offset: usize| state.byte_add(offset).cast::<usize>().read();
            let is_alone = word(OTHERS) == 0 && word(OTHERS + POINTER) == 0;
            let has_own_hook = V::MINOR < 12 || word(V::THREAD.trace_function) == 0;
            let is_unwatched = has_own_hook && word(V::THREAD.trace_function - POINTER) == 0;
            let is_unbroken = match V::THREAD.breaker {
                Breaker::Irrelevant => true,
                Breaker::Thread(offset) => word(offset) & 0xff == 0,
                Breaker::Interpreter(offset) => {
                    let breaker = (word(INTERPRETER) as *const i32).byte_add(offset);
                    // The place is known by what lies beside it, should another release have moved it.
                    breaker.read() == 0 && breaker.byte_add(POINTER).read() == self.recursion_limit()
                }
            };
            is_alone && is_unwatched && is_unbroken
        }
    }

    /// Whether anything is set there.
    pub(crate) fn has_trace_hook(self) -> bool {
        // SAFETY: a thread state has the field.
        unsafe {
            let place = self.0.as_ptr().byte_add(V::THREAD.trace_function);
            place.cast::<Option<TraceFunction>>().read().is_some()
        }
    }

    /// Sets the trace hook of a thread that has not begun, before 3.12, as the interpreter does.
    ///
    /// # Safety
    /// The function must be good for being called with any event of the thread, and without an object.
    pub(crate) unsafe fn set_trace_hook(self, function: TraceFunction) {
        const TRACING: u8 = 255;
        // SAFETY: a thread state has these fields; the C frame that it points to begins with whether hooks are called.
        unsafe {
            let place = |offset| self.0.as_ptr().byte_add(offset);
            place(V::THREAD.trace_function).cast::<Option<TraceFunction>>().write(Some(function));
            place(V::THREAD.frame).cast::<*mut u8>().read().write(TRACING);
        }
    }

    /// All threads that there are.
    pub(crate) fn all() -> impl Iterator<Item = Thread<V>> {
        unsafe extern "C" {
            fn PyInterpreterState_ThreadHead(interpreter: *mut ffi::PyInterpreterState)
            -> *mut PyThreadState;
            fn PyThreadState_Next(thread: *mut PyThreadState) -> *mut PyThreadState;
        }
        // SAFETY: the GIL is held, so threads neither begin nor end while they are listed.
        let first = unsafe { NonNull::new(PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Get())) };
        // SAFETY: as above.
        let next =
            |thread: &NonNull<PyThreadState>| unsafe { NonNull::new(PyThreadState_Next(thread.as_ptr())) };
        std::iter::successors(first, next).map(|thread| Thread(thread, PhantomData))
    }

    fn recursion(self, offset: usize) -> *mut i32 {
        // SAFETY: a thread state has a field there.
        unsafe { self.0.as_ptr().byte_add(offset).cast() }
    }

    /// How deep calls may nest.
    pub(crate) fn recursion_limit(self) -> i32 {
        // SAFETY: the place is valid.
        unsafe { *self.recursion(V::THREAD.recursion_limit) }
    }
}

/// While this lives, the frames below the program are hidden: to the program its own first frame is the
/// outermost, and as deep a recursion is allowed to it as if the interpreter had started with it.
pub(crate) struct HiddenStack<V: Version> {
    thread: Thread<V>,
    frame: Option<NonNull<u8>>,
    recursion_left: i32,
}

impl<V: Version> HiddenStack<V> {
    pub(crate) fn new() -> HiddenStack<V> {
        let thread = Thread::current();
        // SAFETY: the places are valid. Frames are linked from the innermost outwards only, so the program's
        // first frame takes the null for the end of the stack.
        unsafe {
            let frame = thread.innermost().replace(None);
            let recursion_left = thread.recursion(V::THREAD.recursion_left).replace(thread.recursion_limit());
            HiddenStack { thread, frame, recursion_left }
        }
    }
}

impl<V: Version> Drop for HiddenStack<V> {
    fn drop(&mut self) {
        // SAFETY: the program's frames are gone, so the places are as `new` left them.
        unsafe {
            *self.thread.innermost() = self.frame;
            *self.thread.recursion(V::THREAD.recursion_left) = self.recursion_left;
        }
    }
}
