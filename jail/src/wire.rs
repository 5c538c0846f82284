//! What worker and zygote say to each other: one datagram a message, over a pair of sockets.
//!
//! The zygote says hello. From then on the worker sends an order with its descriptors, and gets one answer.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::Limits;

/// One end of the line between a worker and its zygote.
#[derive(Debug)]
pub struct Line(OwnedFd);

/// Run one program.
#[derive(Debug)]
pub struct Order<Fd> {
    pub limits: Limits,
    pub files: Files<Fd>,
}

/// What a program gets of the worker's.
#[derive(Debug)]
pub struct Files<Fd> {
    /// The memory that it shares with the worker.
    pub arena: Fd,
    pub stdout: Fd,
    pub stderr: Fd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The zygote is ready. Said once.
    Ready { interpreter: String },
    /// The program is over and nothing of it is left.
    Ended(End),
    /// The zygote could not do its part, and ends.
    Fault(String),
}

/// How a program ended, and what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub cause: Cause,
    pub wall: Duration,
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// The most that was resident at any one time.
    pub peak_memory_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Exited(i32),
    Signalled(i32),
    WallLimit,
    CpuLimit,
    MemoryLimit,
    OutputLimit,
}

/// Longer texts are cut; orders are far shorter.
const MAX_MESSAGE: usize = 4096;

impl Line {
    /// Both ends of a new line.
    pub fn pair() -> io::Result<(Line, OwnedFd)> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Line(ours), theirs))
    }

    /// Takes over the end that this process was given.
    pub fn from_end(end: OwnedFd) -> Line {
        Line(end)
    }

    pub fn send_order<Fd: AsFd>(&self, order: &Order<Fd>) -> io::Result<()> {
        let Order { limits, files } = order;
        let mut message = Vec::with_capacity(48);
        for number in [
            micros(limits.wall),
            micros(limits.cpu),
            limits.memory_bytes,
            limits.file_bytes,
            limits.threads,
            limits.output_bytes,
        ] {
            message.extend_from_slice(&number.to_le_bytes());
        }
        self.send(&message, &[files.arena.as_fd(), files.stdout.as_fd(), files.stderr.as_fd()])
    }

    /// The next order; `None` once the worker is gone.
    pub fn receive_order(&self) -> io::Result<Option<Order<OwnedFd>>> {
        let Some((message, descriptors)) = self.receive()? else { return Ok(None) };
        let (Ok([wall, cpu, memory_bytes, file_bytes, threads, output_bytes]), Ok([arena, stdout, stderr])) =
            (<[u64; 6]>::try_from(numbers(&message)), <[OwnedFd; 3]>::try_from(descriptors))
        else {
            return Err(damaged());
        };
        let limits = Limits {
            wall: Duration::from_micros(wall),
            cpu: Duration::from_micros(cpu),
            memory_bytes,
            file_bytes,
            threads,
            output_bytes,
        };
        Ok(Some(Order { limits, files: Files { arena, stdout, stderr } }))
    }

    pub fn send_answer(&self, answer: &Answer) -> io::Result<()> {
        let mut message = Vec::new();
        match answer {
            Answer::Ready { interpreter } => {
                message.push(tag::READY);
                message.extend_from_slice(interpreter.as_bytes());
            }
            Answer::Fault(text) => {
                message.push(tag::FAULT);
                message.extend_from_slice(text.as_bytes());
            }
            Answer::Ended(end) => {
                message.push(tag::ENDED);
                let (cause, detail) = cause_numbers(end.cause);
                for number in [cause, detail, micros(end.wall), micros(end.cpu), end.peak_memory_bytes] {
                    message.extend_from_slice(&number.to_le_bytes());
                }
            }
        }
        message.truncate(MAX_MESSAGE);
        self.send(&message, &[])
    }

    /// The next answer; `None` once the zygote is gone.
    pub fn receive_answer(&self) -> io::Result<Option<Answer>> {
        let Some((message, _)) = self.receive()? else { return Ok(None) };
        let (&tag, body) = message.split_first().ok_or_else(damaged)?;
        let text = || String::from_utf8_lossy(body).into_owned();
        Ok(Some(match tag {
            tag::READY => Answer::Ready { interpreter: text() },
            tag::FAULT => Answer::Fault(text()),
            tag::ENDED => {
                let [cause, detail, wall, cpu, peak_memory_bytes] =
                    <[u64; 5]>::try_from(numbers(body)).map_err(|_| damaged())?;
                Answer::Ended(End {
                    cause: cause_from_numbers(cause, detail).ok_or_else(damaged)?,
                    wall: Duration::from_micros(wall),
                    cpu: Duration::from_micros(cpu),
                    peak_memory_bytes,
                })
            }
            _ => return Err(damaged()),
        }))
    }

    fn send(&self, message: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(descriptors)), "an order has three files");
        }
        rustix::io::retry_on_intr(|| {
            sendmsg(&self.0, &[IoSlice::new(message)], &mut ancillary, SendFlags::NOSIGNAL)
        })?;
        Ok(())
    }

    /// The next message; `None` once the other side is gone.
    fn receive(&self) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
        let mut message = vec![0; MAX_MESSAGE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(&self.0, &mut [IoSliceMut::new(&mut message)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        });
        let length = match received {
            Ok(received) => received.bytes,
            Err(rustix::io::Errno::CONNRESET) => 0,
            Err(error) => return Err(error.into()),
        };
        if length == 0 {
            return Ok(None);
        }
        message.truncate(length);
        let mut descriptors = Vec::new();
        for part in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = part {
                descriptors.extend(rights);
            }
        }
        Ok(Some((message, descriptors)))
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

mod tag {
    pub(super) const READY: u8 = b'r';
    pub(super) const ENDED: u8 = b'e';
    pub(super) const FAULT: u8 = b'f';
}

fn cause_numbers(cause: Cause) -> (u64, u64) {
    match cause {
        Cause::Exited(status) => (0, status.cast_unsigned().into()),
        Cause::Signalled(signal) => (1, signal.cast_unsigned().into()),
        Cause::WallLimit => (2, 0),
        Cause::CpuLimit => (3, 0),
        Cause::MemoryLimit => (4, 0),
        Cause::OutputLimit => (5, 0),
    }
}

fn cause_from_numbers(cause: u64, detail: u64) -> Option<Cause> {
    let detail = u32::try_from(detail).ok()?.cast_signed();
    Some(match cause {
        0 => Cause::Exited(detail),
        1 => Cause::Signalled(detail),
        2 => Cause::WallLimit,
        3 => Cause::CpuLimit,
        4 => Cause::MemoryLimit,
        5 => Cause::OutputLimit,
        _ => return None,
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn numbers(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|&number| u64::from_le_bytes(number)).collect()
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a damaged message")
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use super::*;

    fn line() -> (Line, Line) {
        let (ours, theirs) = Line::pair().unwrap();
        (ours, Line::from_end(theirs))
    }

    #[test]
    fn orders_arrive_with_their_files() {
        let (worker, zygote) = line();
        let limits = Limits {
            wall: Duration::from_millis(1500),
            cpu: Duration::MAX,
            memory_bytes: u64::MAX,
            file_bytes: 3,
            threads: 4,
            output_bytes: 5,
        };
        let null = || File::open("/dev/null").unwrap();
        let files = Files { arena: null(), stdout: null(), stderr: null() };
        worker.send_order(&Order { limits, files }).unwrap();
        let order = zygote.receive_order().unwrap().unwrap();
        let expected = Limits { cpu: Duration::from_micros(u64::MAX), ..limits };
        assert_eq!(order.limits, expected);
        assert!(order.files.stderr.as_raw_fd() > 2);
    }

    #[test]
    fn answers_arrive_as_they_were_sent() {
        let (worker, zygote) = line();
        let causes = [
            Cause::Exited(-1),
            Cause::Exited(255),
            Cause::Signalled(31),
            Cause::WallLimit,
            Cause::CpuLimit,
            Cause::MemoryLimit,
            Cause::OutputLimit,
        ];
        let ends = causes.map(|cause| {
            let second = Duration::from_secs(1);
            Answer::Ended(End { cause, wall: second, cpu: second * 2, peak_memory_bytes: 3 })
        });
        let others = [Answer::Ready { interpreter: "3.13.0".into() }, Answer::Fault("no space".into())];
        for answer in ends.into_iter().chain(others) {
            zygote.send_answer(&answer).unwrap();
            assert_eq!(worker.receive_answer().unwrap(), Some(answer));
        }
    }

    #[test]
    fn a_closed_line_is_no_error() {
        let (worker, zygote) = line();
        drop(worker);
        assert!(zygote.receive_order().unwrap().is_none());
    }

    #[test]
    fn a_damaged_message_is_an_error() {
        let (worker, zygote) = line();
        zygote.send(b"e123", &[]).unwrap();
        assert!(worker.receive_answer().is_err());
        worker.send(&[0; 48], &[]).unwrap();
        assert!(zygote.receive_order().is_err());
    }
}
