//! The iterators of `itertools`.

use std::ptr::NonNull;

use super::window::{Part, Window};
use super::{Int, Obj, Type, Version};
use crate::python;

/// What one of these lets see. All versions lay them out alike, behind the header.
pub(in crate::layout) fn of<V: Version>(object: Obj, class: Type) -> Option<Window> {
    let name = class.native_name().strip_prefix(b"itertools.")?;
    // SAFETY: each is read as its class lays it out; what is used up holds nothing any more.
    unsafe {
        let object_at = |offset: usize| object.field::<Option<Obj>>(offset);
        let number_at = |offset: usize| object.field::<isize>(offset);
        let value_at = |offset: usize| object_at(offset).map(Part::Value);
        let numbers_at = |offset: usize, len: isize| {
            let start = NonNull::new(object.field::<*mut isize>(offset))?;
            Some(Part::Numbers(NonNull::slice_from_raw_parts(start, usize::try_from(len).ok()?)))
        };
        let is_set = |offset: usize| object.field::<i32>(offset) != 0;
        Some(match name {
            b"count" => {
                let step =
                    object_at(32).filter(|step| Int::plain(*step).and_then(Int::small::<V>) != Some(1));
                let at = match number_at(16) {
                    isize::MAX if object_at(24).is_some() => value_at(24),
                    small => Some(Part::Number(small)),
                };
                Window::Call([at, step.map(Part::Value), None])
            }
            b"repeat" => {
                let left = Some(number_at(24)).filter(|left| *left >= 0);
                Window::Call([value_at(16), left.map(Part::Number), None])
            }
            b"cycle" => match object_at(16) {
                Some(of) => Window::over([None, None], Some(of)),
                None => Window::over([Some(Part::Number(number_at(32))), None], object_at(24)),
            },
            b"chain" => Window::over([value_at(24), None], object_at(16)),
            b"islice" => {
                let (next, stop, step, taken) = (number_at(24), number_at(32), number_at(40), number_at(48));
                let stop = Some(stop).filter(|stop| *stop >= 0).map(|stop| stop - taken);
                Window::over([Some(Part::Slice { start: next - taken, stop, step }), None], object_at(16))
            }
            b"accumulate" => {
                let total = value_at(16).or_else(|| value_at(40));
                Window::over([value_at(32), total], object_at(24))
            }
            b"takewhile" if is_set(32) => Window::Done,
            b"takewhile" | b"dropwhile" | b"filterfalse" | b"starmap" => {
                Window::over([value_at(16), None], object_at(24))
            }
            b"compress" => Window::over([value_at(24), None], object_at(16)),
            b"pairwise" => Window::over([value_at(24), None], object_at(16)),
            b"batched" => Window::over([Some(Part::Number(number_at(24))), None], object_at(16)),
            b"zip_longest" if number_at(24) == 0 => Window::Done,
            b"zip_longest" => Window::over([value_at(48), None], object_at(32)),
            b"product" if is_set(40) => Window::Done,
            b"product" => {
                let pools = object_at(16)?;
                let len = pools.size();
                let last = object_at(32).and_then(|_| numbers_at(24, len));
                Window::over([last, None], Some(pools))
            }
            b"combinations" | b"combinations_with_replacement" if is_set(48) => Window::Done,
            b"combinations" | b"combinations_with_replacement" => {
                let last = object_at(32).and_then(|_| numbers_at(24, number_at(40)));
                Window::over([last, None], object_at(16))
            }
            b"permutations" if is_set(56) => Window::Done,
            b"permutations" => {
                let last = object_at(40).and_then(|_| numbers_at(24, number_at(48)));
                Window::over([last, None], object_at(16))
            }
            b"groupby" => {
                let key = object_at(24).filter(|key| *key != python::none().obj());
                Window::over([key.map(Part::Value), value_at(40)], object_at(16))
            }
            b"_grouper" => Window::over([value_at(24), None], object_at(16)),
            _ => return None,
        })
    }
}
