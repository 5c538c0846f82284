//! What worker and program share: the arena with the request and the event log, and the files behind the
//! program's standard output and error. All of it lives in memory and is fresh for each program.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};
use trace::Arena;

use super::Output;

/// An arena that is mapped here, and whose file can be handed to a program.
pub(super) struct SharedArena {
    file: File,
    base: *mut u8,
    len: usize,
    arena: Arena,
    request_len: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for SharedArena {}

impl SharedArena {
    /// An arena with this request and room for a log of `log_capacity` bytes.
    pub(super) fn create(request: &[u8], log_capacity: usize) -> io::Result<SharedArena> {
        let len = Arena::size_for(request.len(), log_capacity);
        let file = memory_file("arena", MemfdFlags::ALLOW_SEALING)?;
        file.set_len(len as u64)?;
        // A program that shrank the file would have the worker die of reading it.
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping where the kernel finds room.
        let base =
            unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, access, MapFlags::SHARED, &file, 0) }?;
        let base = base.cast();
        // SAFETY: the mapping is new, so zeroed and aligned to a page, and `drop` unmaps it after the view.
        let arena = unsafe { Arena::create(base, len, request) };
        Ok(SharedArena { file, base, len, arena, request_len: request.len() })
    }

    /// Which kinds of effects the program had, as a bit for each; 0 for none. The program must be gone.
    pub(super) fn effects(&self) -> u64 {
        self.arena.effects().load(Ordering::Acquire)
    }

    /// The event log. The program must be gone.
    pub(super) fn log(&self) -> &[u8] {
        self.arena.log_of_the_dead(self.request_len)
    }
}

impl Drop for SharedArena {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and what borrows from it is gone.
        let _ = unsafe { rustix::mm::munmap(self.base.cast(), self.len) };
    }
}

impl fmt::Debug for SharedArena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedArena").field("len", &self.len).finish_non_exhaustive()
    }
}

impl AsFd for SharedArena {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A file that a program prints into.
#[derive(Debug)]
pub(super) struct OutputFile(File);

/// Bytes of an output that are kept.
const KEPT: u64 = 64 * 1024;

impl OutputFile {
    pub(super) fn create() -> io::Result<OutputFile> {
        memory_file("output", MemfdFlags::empty()).map(OutputFile)
    }

    /// What was printed. The program must be gone.
    pub(super) fn read(&self) -> io::Result<Output> {
        let len = self.0.metadata()?.len();
        let mut bytes = vec![0; len.min(KEPT) as usize];
        self.0.read_exact_at(&mut bytes, 0)?;
        Ok(Output { bytes, truncated: len > KEPT })
    }
}

impl AsFd for OutputFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

pub(super) fn memory_file(name: &str, flags: MemfdFlags) -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create(name, flags | MemfdFlags::CLOEXEC)?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn outputs_are_kept_up_to_their_bound() {
        for (written, kept, truncated) in
            [(0, 0, false), (KEPT, KEPT, false), (KEPT + 1, KEPT, true), (1 << 30, KEPT, true)]
        {
            let output = OutputFile::create().unwrap();
            output.0.set_len(written).unwrap();
            let read = output.read().unwrap();
            assert_eq!((read.bytes.len() as u64, read.truncated), (kept, truncated));
        }
    }

    #[test]
    fn a_forged_length_stays_within_the_log() {
        let arena = SharedArena::create(b"request", 10_000).unwrap();
        assert_eq!(arena.log(), b"");
        let mut file = arena.file.try_clone().unwrap();
        file.write_all(&[0xFF; 4096]).unwrap();
        assert!(arena.log().len() >= 10_000 && arena.log().len() < 20_000);
    }

    #[test]
    fn an_arena_cannot_be_resized() {
        let arena = SharedArena::create(b"", 4096).unwrap();
        for len in [0, 1 << 20] {
            let error = arena.file.set_len(len).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        }
    }
}
