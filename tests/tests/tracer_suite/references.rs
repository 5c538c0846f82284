//! What tracing leaves behind in the interpreter: nothing.

use tests::tracers::{interpreters, native};

/// Traces a program that uses a bit of everything, eight times in each call, and says by how much the interpreter's
/// memory blocks have grown over the last calls, and how many references a debug build has counted since.
const TRACE_MANY: &str = "
def settled(calls):
    for _ in range(calls):
        tracer.warm_up()
    gc.collect()
    return sys.getallocatedblocks(), getattr(sys, 'gettotalrefcount', int)()
blocks, references = settled(40)
more_blocks, more_references = settled(20)
print(more_blocks - blocks, more_references - references)
";
/// How many programs are traced in between.
const PROGRAMS: i64 = 20 * 8;

#[test]
fn traced_programs_leave_no_object_and_no_reference_behind() {
    for interpreter in interpreters() {
        let ended = native::with_tracer(interpreter, TRACE_MANY);
        assert!(ended.success, "{}", ended.report);
        let told = String::from_utf8_lossy(&ended.stdout);
        let grown: Vec<i64> =
            told.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        // The interpreter's own caches grow by some blocks. What a program leaves behind is one at least.
        let is_kept = grown.iter().any(|grown| *grown >= PROGRAMS);
        assert!(
            !is_kept,
            "on 3.{}, {PROGRAMS} programs left blocks and references: {grown:?}",
            interpreter.minor
        );
    }
}
