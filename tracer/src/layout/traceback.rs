//! Tracebacks: the frames that an exception has come through.

use std::marker::PhantomData;

use super::{Code, FrameObject, Obj, Version};

/// A traceback: one frame after the other, the outermost first.
pub(crate) struct Traceback<V>(Obj, PhantomData<V>);

impl<V: Version> Traceback<V> {
    const NEXT: usize = 16;
    const FRAME: usize = 24;

    /// If `object` is a traceback.
    pub(crate) fn of(object: Obj) -> Option<Traceback<V>> {
        object.ty().is(&raw const pyo3_ffi::PyTraceBack_Type).then_some(Traceback(object, PhantomData))
    }

    /// The code of each frame.
    pub(crate) fn codes(self) -> impl Iterator<Item = Code<V>> {
        // SAFETY: a traceback has the field, which is another one or null.
        let next = |traceback: &Obj| unsafe { traceback.field::<Option<Obj>>(Self::NEXT) };
        std::iter::successors(Some(self.0), next).map(|traceback| {
            // SAFETY: a traceback has the field, which is a frame object; that keeps what it needs of its frame.
            unsafe { FrameObject::<V>::from_ptr(traceback.field(Self::FRAME)) }.frame().code()
        })
    }
}
