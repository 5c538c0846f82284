//! Whose doing an effect is.

use std::sync::OnceLock;

use trace::EffectKind;

use crate::layout::{Str, Thread, Units, Version};
use crate::python::{self, Result};

/// The file of `linecache`, which reads source for those who show it: tracebacks, warnings.
static SHOWS_SOURCE: OnceLock<Vec<u8>> = OnceLock::new();

/// Where the interpreter imports modules.
const IMPORTS: [&[u8]; 3] =
    [b"<frozen importlib._bootstrap>", b"<frozen importlib._bootstrap_external>", b"<frozen zipimport>"];

pub(super) fn learn() -> Result<()> {
    let code = python::import(c"linecache")?.attribute(c"updatecache")?.attribute(c"__code__")?;
    let filename = code.attribute(c"co_filename")?.call_method(c"encode", &[])?;
    SHOWS_SOURCE.get_or_init(|| python::as_bytes(&filename).to_vec());
    Ok(())
}

/// Whether an effect that happens now is the program's doing: neither the interpreter's, which looks for a module and
/// loads it, nor something that a module only looks at while it is imported, nor source that is read to be shown.
pub(super) fn is_of_program<V: Version>(kind: EffectKind) -> bool {
    let acts = matches!(kind, EffectKind::Write | EffectKind::Network | EffectKind::Process);
    let mut frame = Thread::<V>::current().frame();
    let mut is_innermost = true;
    while let Some(this) = frame {
        if let Some(filename) = this.python_code().map(|code| code.filename()) {
            if IMPORTS.iter().any(|import| reads::<V>(filename, import)) {
                return acts && !is_innermost;
            }
            let shows_source = || SHOWS_SOURCE.get().is_some_and(|name| reads::<V>(filename, name));
            if kind == EffectKind::Read && shows_source() {
                return false;
            }
            is_innermost = false;
        }
        frame = this.caller();
    }
    true
}

fn reads<V: Version>(text: Str, expected: &[u8]) -> bool {
    text.len() == expected.len() && text.units::<V>() == Units::Ascii(expected)
}
