//! What the tests and benchmarks of the whole system share.

pub mod bench;
pub mod binaries;
pub mod collector;
pub mod process;
pub mod random;
pub mod redis;
pub mod sentinels;
pub mod system;
pub mod tracers;
