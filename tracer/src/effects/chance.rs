//! Random numbers. Those that follow from a seed of the program's own are its own doing; those of a generator that
//! the interpreter has seeded come from outside.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use pyo3_ffi::PyObject;
use trace::EffectKind;

use super::Happening;
use crate::intercept::{Call, Function, intercepted};
use crate::layout::Obj;
use crate::python::{self, Result};

/// The generators that the program has seeded, by address.
static SEEDED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// What a method is called in Python code.
struct Told(&'static str);

static METHODS: [&Function<Told>; 5] = [
    intercepted!(c"_random", "Random.random", Told: Told("random"), draw),
    intercepted!(c"_random", "Random.getrandbits", Told: Told("getrandbits"), draw),
    intercepted!(c"_random", "Random.getstate", Told: Told("getstate"), draw),
    intercepted!(c"_random", "Random.setstate", Told: Told("setstate"), seed),
    intercepted!(c"_random", "Random.seed", Told: Told("seed"), seed),
];

pub(super) fn install() -> Result<()> {
    METHODS.into_iter().try_for_each(|method| method.install())
}

fn draw(method: &'static Function<Told>, call: &Call<'_>) -> *mut PyObject {
    if !with_seeded(call, |seeded, generator| seeded.contains(&generator)) {
        let Told(name) = method.known;
        Happening { kind: EffectKind::Randomness, module: "random", name, arguments: call.arguments }.tell();
    }
    call.go_on()
}

fn seed(_: &'static Function<Told>, call: &Call<'_>) -> *mut PyObject {
    let none = python::none();
    let is_given = call.arguments.first().is_some_and(|seed| *seed != none.obj());
    with_seeded(
        call,
        |seeded, generator| {
            if is_given { seeded.insert(generator) } else { seeded.remove(&generator) }
        },
    );
    call.go_on()
}

fn with_seeded(call: &Call<'_>, user: impl FnOnce(&mut BTreeSet<usize>, usize) -> bool) -> bool {
    let generator = call.this.map_or(0, Obj::address);
    user(&mut SEEDED.lock().unwrap_or_else(PoisonError::into_inner), generator)
}
