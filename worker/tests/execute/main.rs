//! Real programs, most of them hostile, run by real slots: one for each wall, under each profile that this
//! machine offers, and each followed by a program that finds the slot clean.

mod harness;
mod limits;
mod memory;
mod probes;
mod slots;
mod walls;
