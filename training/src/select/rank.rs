//! Sorting by groups in memory that is bounded, whatever there is to sort.

/// Entries held at once: 24 bytes each make 192 MiB.
const ENTRIES_AT_ONCE: u64 = 8 << 20;

/// One thing in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) group: u64,
    /// Orders the things of a group; those of one rank count as one.
    pub(crate) rank: u64,
    pub(crate) member: u32,
}

/// Gives the entries in order, group by group, each whole. `scan` is asked for all entries as often as it takes to
/// hold no more than a share of them; there are about `count`.
pub(crate) fn grouped<E>(
    count: u64,
    mut scan: impl FnMut(&mut dyn FnMut(Entry)) -> Result<(), E>,
    mut group: impl FnMut(&[Entry]),
) -> Result<(), E> {
    let passes = count.div_ceil(ENTRIES_AT_ONCE).max(1);
    for pass in 0..passes {
        let mut entries = Vec::new();
        scan(&mut |entry| {
            if entry.group % passes == pass {
                entries.push(entry);
            }
        })?;
        entries.sort_unstable();
        entries.chunk_by(|one, other| one.group == other.group).for_each(&mut group);
    }
    Ok(())
}
