//! The real worker against coordinators that say what each test wants said.

mod coordinator;
mod stays_within;
mod takes_part;
