//! The wish to stop, as it comes from a terminal or a supervisor.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    CtrlC,
    Terminate,
}

impl Interrupt {
    /// What a shell shows for a program that such a signal ended.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Interrupt::CtrlC => 130,
            Interrupt::Terminate => 143,
        }
    }
}

/// Receives what would otherwise end the process.
pub(crate) struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub(crate) fn listen() -> io::Result<Interrupts> {
        Ok(Interrupts {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            Some(()) = self.ctrl_c.recv() => Interrupt::CtrlC,
            Some(()) = self.terminate.recv() => Interrupt::Terminate,
            else => std::future::pending().await,
        }
    }
}
