//! Standard error, which the progress bar shares with the log and with what workers say.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget};
use tracing_subscriber::fmt::MakeWriter;

use crate::local_workers::Listener;

/// Cheap to clone; all clones share one bar.
#[derive(Clone)]
pub(super) struct Console {
    bar: ProgressBar,
}

impl Console {
    pub(super) fn new() -> Console {
        Console { bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()) }
    }

    /// The bar. It is not shown until it is given a target to draw on.
    pub(super) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Writes a line without tearing the bar.
    pub(super) fn say(&self, line: &str) {
        // There is nowhere to complain about a standard error that takes nothing.
        let _ = self.bar.suspend(|| writeln!(io::stderr(), "{line}"));
    }
}

impl Listener for Console {
    fn line(&self, line: &str) {
        self.say(line);
    }
}

impl<'a> MakeWriter<'a> for Console {
    type Writer = Console;

    fn make_writer(&'a self) -> Console {
        self.clone()
    }
}

/// One log record, which arrives whole.
impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bar.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
