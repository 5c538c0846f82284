//! Messages of exceptions, made from their arguments without running their `__str__`.

use pyo3_ffi as ffi;

use super::{Text, write};
use crate::layout::{Exception, Int, Obj, Str, Tuple, Version};
use crate::python;

/// Writes the message of an exception.
pub(crate) fn write_message<V: Version>(text: &mut Text, exception: Obj) {
    let Some(exception) = Exception::of(exception) else { return };
    let arguments = exception.arguments();
    // SAFETY: these names are those of static classes.
    let (os_error, syntax_error, key_error) =
        unsafe { (ffi::PyExc_OSError, ffi::PyExc_SyntaxError, ffi::PyExc_KeyError) };
    match *arguments.items() {
        [] => {}
        [Some(number), Some(what)] if exception.is_a(os_error) => {
            match (Int::plain(number), Str::plain(what)) {
                (Some(number), Some(what)) => write_os_error::<V>(text, exception, number, what),
                _ => write::<V>(text, arguments.obj()),
            }
        }
        [Some(what), Some(place), ..] if exception.is_a(syntax_error) => {
            match syntax_error_place(what, place) {
                Some((what, file, line)) => {
                    text.bare_string::<V>(what);
                    text.ascii(b" (");
                    text.bare_string::<V>(file);
                    text.ascii(b", line ");
                    text.int::<V>(line);
                    text.byte(b')');
                }
                None => write::<V>(text, arguments.obj()),
            }
        }
        [Some(argument)] => match Str::plain(argument) {
            Some(message) if !exception.is_a(key_error) => text.bare_string::<V>(message),
            _ => write::<V>(text, argument),
        },
        _ => write::<V>(text, arguments.obj()),
    }
}

/// `[Errno 2] No such file or directory: 'a' -> 'b'`
fn write_os_error<V: Version>(text: &mut Text, exception: Exception, number: Int, what: Str) {
    text.ascii(b"[Errno ");
    text.int::<V>(number);
    text.ascii(b"] ");
    text.bare_string::<V>(what);
    // SAFETY: the caller looked at its class.
    let names = unsafe { exception.file_names() };
    for (separator, name) in [b": ".as_slice(), b" -> "].into_iter().zip(names) {
        if let Some(name) = name.filter(|&name| name != python::none().obj()) {
            text.ascii(separator);
            write::<V>(text, name);
        }
    }
}

fn syntax_error_place(what: Obj, place: Obj) -> Option<(Str, Str, Int)> {
    let &[Some(file), Some(line), ..] = Tuple::plain(place)?.items() else { return None };
    Some((Str::plain(what)?, Str::plain(file)?, Int::plain(line)?))
}
