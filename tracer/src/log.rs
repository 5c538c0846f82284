//! Writes the items of `trace::wire` into the memory that is shared with the worker.
//!
//! An item is written at the cursor and becomes part of the log when it is committed. If the log is full, the
//! item at hand is given up; the end of the log is kept free, so that the program's verdict can always be
//! written.

mod effect;
mod instruction;
mod names;
mod probe;
mod ration;
mod texts;
mod threads;

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

use trace::arena::MIN_LOG_CAPACITY;
use trace::wire::{MAX_VARINT_LEN, change, tag, zigzag};
use trace::{Arena, Bounds, GapReason, Scope, Stream, Verdict};

use names::Names;
pub(crate) use names::{Name, NameNumber};
pub(crate) use ration::Purse;
use ration::Rations;
use texts::Texts;
pub(crate) use texts::Written;
pub(crate) use threads::ThreadNumber;
use threads::Threads;

use crate::identity;
use crate::layout::{Obj, Version};
use crate::value::{self, Limits, Text};

/// The log has no room for another item.
#[derive(Debug)]
pub(crate) struct Full;

/// Characters of a value in an event, so that the length of its text fits the 16 bits that it has.
const MAX_VALUE_CHARS: usize = 600;
const _: () = assert!(Limits::whole(MAX_VALUE_CHARS).room() <= u16::MAX as usize);

/// Bytes that the fixed parts of an item or a change take at most.
const FIXED_LEN: usize = 64;

pub(crate) struct Log {
    start: *mut u8,
    cursor: *mut u8,
    /// End of the room for items other than GAP and END. What is not written again because it stands in the log takes
    /// of that room, too, so that its readers need not hold more than it may be long.
    limit: *mut u8,
    end: *mut u8,
    committed: *const AtomicU64,
    /// Which kinds of effects there were, for whoever reads the arena.
    effects: *const AtomicU64,
    /// Effects that may still be written.
    effects_left: u64,
    names: Names,
    texts: Texts,
    /// The first byte of the item at hand, and the number of changes behind it.
    item_at: *mut u8,
    changes: usize,
    /// Number of instructions that were described.
    instructions: u32,
    threads: Threads,
    values: Limits,
    whole: Limits,
    rations: Rations,
    output: Limits,
    /// Room for the text of an element.
    scratch: Box<[MaybeUninit<u8>]>,
    state: State,
    /// It tells of one call after another, each in no more than its share.
    is_probing: bool,
}

/// What may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The verdict only.
    Closed,
    /// Nothing: the memory is another process's.
    Abandoned,
}

impl Log {
    /// A log whose main thread is the one that calls this.
    ///
    /// # Safety
    /// The arena's memory must stay mapped for as long as the log is used, and nobody else write to it.
    pub(crate) unsafe fn new<V: Version>(arena: &Arena, bounds: &Bounds) -> Log {
        let start = arena.log_start();
        // Places in the log are kept in 32 bits.
        let capacity = arena.log_capacity().min(u32::MAX as usize);
        assert!(capacity >= MIN_LOG_CAPACITY, "a log of {capacity} bytes is too small for a verdict");
        let output = Limits::new(bounds.output_chars as usize).fitting(capacity / 2);
        // SAFETY: the log is `capacity` bytes long.
        let (limit, end) =
            unsafe { (start.add(capacity.saturating_sub(reserve(output))), start.add(capacity)) };
        let values = (bounds.value_chars as usize).min(MAX_VALUE_CHARS);
        let whole = Limits::whole(values);
        Log {
            start,
            cursor: start,
            limit,
            end,
            committed: arena.committed(),
            effects: arena.effects(),
            effects_left: bounds.max_events,
            names: Names::new(),
            texts: Texts::new(),
            item_at: start,
            changes: 0,
            instructions: 0,
            threads: Threads::new(),
            values: Limits::new(values),
            whole,
            rations: Rations::new(),
            output,
            scratch: Box::new_uninit_slice(whole.room()),
            state: State::Open,
            is_probing: false,
        }
    }

    /// How long the texts of values in events may become.
    #[inline(always)]
    pub(crate) fn values(&self) -> Limits {
        self.values
    }

    /// The same for a variable's value that is written whole.
    #[inline(always)]
    pub(crate) fn whole(&self) -> Limits {
        self.whole
    }

    /// The same as far as such values are rationed.
    pub(crate) fn affordable(&self) -> Limits {
        self.whole.at_most(self.rations.left().max(self.values.chars))
    }

    /// Changes that follow draw upon this purse. Each event opens one.
    #[inline(always)]
    pub(crate) fn open(&mut self, purse: Purse) {
        self.rations.open(purse);
    }

    /// A variable was told whole. Where its text is no longer than a cut one it costs nothing.
    pub(crate) fn spend(&mut self, written: Written) {
        let chars = usize::from(written.chars);
        if chars > self.values.chars {
            self.rations.spend(chars);
        }
    }

    /// An empty text that is no part of the log. It lasts until the next one is asked for. The limits are those
    /// of the log's values.
    pub(crate) fn scratch(&mut self, limits: Limits) -> Text {
        assert!(limits.room() <= self.scratch.len(), "the scratch has room for any text of a variable");
        // SAFETY: there is room.
        unsafe { Text::new(self.scratch.as_mut_ptr().cast(), limits) }
    }

    /// Whether no event and no output is written any more.
    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        self.state != State::Open
    }

    /// Leaves the memory to the process that this one was forked from.
    pub(crate) fn abandon(&mut self) {
        self.state = State::Abandoned;
    }

    /// Bytes that are left for items other than the last GAP and END.
    #[inline(always)]
    pub(crate) fn room_left(&self) -> usize {
        (self.limit as usize).saturating_sub(self.cursor as usize)
    }

    /// Makes sure that `len` bytes can be written.
    #[inline(always)]
    pub(crate) fn room(&self, len: usize) -> Result<(), Full> {
        if self.room_left() < len { Err(Full) } else { Ok(()) }
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        debug_assert!(self.cursor < self.end);
        // SAFETY: whoever writes has made sure of the room.
        unsafe {
            self.cursor.write(byte);
            self.cursor = self.cursor.add(1);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.end as usize - self.cursor as usize);
        // SAFETY: whoever writes has made sure of the room.
        unsafe {
            self.cursor.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            self.cursor = self.cursor.add(bytes.len());
        }
    }

    #[inline(always)]
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    /// Begins an item, of which the fixed part has room.
    #[inline(always)]
    fn item(&mut self, tag: u8) -> Result<(), Full> {
        self.room(FIXED_LEN)?;
        (self.item_at, self.changes) = (self.cursor, 0);
        self.byte(tag);
        Ok(())
    }

    /// Makes the item at hand part of the log.
    #[inline(always)]
    fn commit(&mut self) {
        let len = self.cursor as usize - self.start as usize;
        // SAFETY: the arena is mapped.
        unsafe { &*self.committed }.store(len as u64, Ordering::Release);
    }

    /// Whether the next item is one of the thread whose state is at this address, as far as that can tell: a thread
    /// may get the address of one that is gone.
    #[inline(always)]
    pub(crate) fn is_at(&self, thread: usize) -> bool {
        self.threads.is_at(thread)
    }

    /// THREAD, unless the last item was one of the running thread's, too. Returns its number.
    pub(crate) fn on_this_thread(&mut self) -> Result<ThreadNumber, Full> {
        let (number, is_other) = self.threads.switch();
        if is_other && !self.is_closed() {
            self.item(tag::THREAD)?;
            self.varint(number.into());
            self.commit();
        }
        Ok(number)
    }

    /// CALL, up to its changes.
    pub(crate) fn call<V: Version>(&mut self, function: &mut Name, line: u32) -> Result<(), Full> {
        self.item(tag::CALL)?;
        self.name::<V>(function, |number| number.into())?;
        self.room(MAX_VARINT_LEN)?;
        self.varint(line.into());
        Ok(())
    }

    /// LINE, up to its changes.
    #[inline(always)]
    pub(crate) fn line(&mut self, delta: i64) -> Result<(), Full> {
        let delta = zigzag(delta);
        if delta < tag::FAR.into() {
            return self.item(tag::LINE | delta as u8);
        }
        self.item(tag::LINE | tag::FAR)?;
        self.varint(delta);
        Ok(())
    }

    /// RESUME, up to its changes.
    pub(crate) fn resume(&mut self, frame: u32) -> Result<(), Full> {
        self.item(tag::RESUME)?;
        self.varint(frame.into());
        Ok(())
    }

    /// RETURN or YIELD, up to its changes.
    pub(crate) fn value<V: Version>(&mut self, tag: u8, value: Obj) -> Result<(), Full> {
        self.item(tag)?;
        self.text::<V>(value, |text| value::write::<V>(text, value))
    }

    /// RAISE or UNWIND, up to its changes.
    pub(crate) fn exception<V: Version>(&mut self, tag: u8, exception: Obj) -> Result<(), Full> {
        self.item(tag)?;
        self.text::<V>(exception, |text| value::write_message::<V>(text, exception))
    }

    fn text<V: Version>(&mut self, typed: Obj, write: impl FnOnce(&mut Text)) -> Result<(), Full> {
        self.written::<V, ()>(typed, self.values, write).map(|_| ())
    }

    /// Begins a change; it can be taken back until the event ends.
    #[inline(always)]
    pub(crate) fn change<V: Version>(
        &mut self,
        name: &mut Name,
        scope: Scope,
        kind: u64,
    ) -> Result<Mark, Full> {
        let mark = self.mark();
        self.room(FIXED_LEN)?;
        let scope = match scope {
            Scope::Local => 0,
            Scope::Global => change::GLOBAL,
        };
        self.name::<V>(name, |number| (u64::from(number) + 1) << change::NAME_SHIFT | scope | kind)?;
        self.changes += 1;
        Ok(mark)
    }

    /// Writes a change of an element of a variable, which is behind it at `place`; its value is given with its
    /// text.
    pub(crate) fn element<V: Version>(
        &mut self,
        name: &mut Name,
        scope: Scope,
        kind: u64,
        place: &[u8],
        value: Option<(Obj, &[u8])>,
    ) -> Result<(), Full> {
        self.change::<V>(name, scope, change::ELEMENT)?;
        self.room(FIXED_LEN)?;
        self.byte(kind as u8);
        self.copied_text(place)?;
        let Some((value, text)) = value else { return Ok(()) };
        self.type_name::<V>(value)?;
        self.copied_text(text)
    }

    #[inline(always)]
    pub(crate) fn mark(&self) -> Mark {
        let Log { cursor, limit, changes, .. } = *self;
        let (names, texts) = (self.names.len(), self.texts.len());
        Mark { cursor, limit, changes, names, texts, numbers: identity::count() }
    }

    /// Goes back to where the log was.
    pub(crate) fn take_back(&mut self, mark: Mark) {
        (self.cursor, self.limit, self.changes) = (mark.cursor, mark.limit, mark.changes);
        self.names.truncate(mark.names);
        self.texts.truncate(mark.texts);
        identity::take_back(mark.numbers);
    }

    /// Ends an event and its changes.
    #[inline(always)]
    pub(crate) fn end_event(&mut self) -> Result<(), Full> {
        let count = self.changes.min(tag::MANY.into()) as u8;
        if count == tag::MANY {
            self.room(1)?;
            self.byte(0);
        }
        // SAFETY: the item at hand begins there.
        unsafe { *self.item_at |= count << tag::COUNT_SHIFT };
        self.commit();
        Ok(())
    }

    /// OUTPUT.
    pub(crate) fn output(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Full> {
        if self.is_closed() || bytes.is_empty() {
            return Ok(());
        }
        self.on_this_thread()?;
        self.room(FIXED_LEN + bytes.len())?;
        self.byte(tag::OUTPUT);
        self.byte(match stream {
            Stream::Stdout => trace::wire::stream::STDOUT,
            Stream::Stderr => trace::wire::stream::STDERR,
        });
        self.varint(bytes.len() as u64);
        self.bytes(bytes);
        self.commit();
        Ok(())
    }

    /// GAP, from which the trace goes on.
    pub(crate) fn gap(&mut self, reason: GapReason) -> Result<(), Full> {
        self.room(FIXED_LEN)?;
        self.write_gap(reason);
        Ok(())
    }

    fn write_gap(&mut self, reason: GapReason) {
        self.byte(tag::GAP);
        self.byte(match reason {
            GapReason::Events => trace::wire::gap::EVENTS,
            GapReason::Bytes => trace::wire::gap::BYTES,
            GapReason::Depth => trace::wire::gap::DEPTH,
        });
        self.varint(0);
        self.commit();
    }

    /// Gives up the item at hand, says why, and closes the log for all but the verdict.
    pub(crate) fn close(&mut self, reason: GapReason) {
        self.give_up();
        self.limit = self.end;
        self.write_gap(reason);
        self.state = State::Closed;
        if self.is_probing {
            probe::end_process();
        }
    }

    /// Goes back to the end of the last item. What names the lost bytes spelled out has to be spelled again.
    fn give_up(&mut self) {
        // SAFETY: the arena is mapped, and only this wrote the length, which lies within the log.
        self.cursor = unsafe { self.start.add((*self.committed).load(Ordering::Relaxed) as usize) };
        self.names.forget();
        self.texts.forget_behind(self.offset());
    }

    /// END, with the value that the program returned or the exception that left it.
    pub(crate) fn verdict<V: Version>(
        &mut self,
        verdict: Verdict,
        typed: Option<Obj>,
        text: VerdictText<'_>,
    ) {
        if self.state == State::Abandoned {
            return;
        }
        self.limit = self.end;
        self.byte(tag::END);
        self.byte(match verdict {
            Verdict::Returned => trace::wire::verdict::RETURNED,
            Verdict::Raised => trace::wire::verdict::RAISED,
            Verdict::Exited => trace::wire::verdict::EXITED,
            Verdict::SyntaxError => trace::wire::verdict::SYNTAX_ERROR,
            Verdict::NoEntry => trace::wire::verdict::NO_ENTRY,
            Verdict::BadInput => trace::wire::verdict::BAD_INPUT,
            Verdict::OutputLimit => trace::wire::verdict::OUTPUT_LIMIT,
        });
        let named = match typed {
            Some(typed) => self.type_name::<V>(typed).map(|_| ()),
            None => self.spell(&[]).map(|_| ()),
        };
        debug_assert!(named.is_ok(), "the reserve holds a name");
        let length_at = self.cursor;
        // SAFETY: the reserve has room for the length and for a text within its limits.
        unsafe {
            let mut written = Text::new(length_at.add(4), self.output);
            match text {
                VerdictText::Empty => {}
                // What a program comes to must read the same whatever was traced before.
                VerdictText::Value(value) => {
                    identity::untold(|| value::write::<V>(&mut written, value));
                }
                VerdictText::Message(exception) => {
                    written.limit_to(self.values);
                    identity::untold(|| value::write_message::<V>(&mut written, exception));
                }
                VerdictText::Plain(text) => written.ascii(text.as_bytes()),
            }
            let len = written.byte_len();
            length_at.cast::<[u8; 4]>().write((len as u32).to_le_bytes());
            self.cursor = length_at.add(4 + len);
        }
        self.commit();
    }
}

/// Bytes at the end of a log that its last GAP and END may take.
fn reserve(output: Limits) -> usize {
    output.room() + 2 * FIXED_LEN
}

/// What a verdict says beside its kind.
pub(crate) enum VerdictText<'a> {
    Empty,
    Value(Obj),
    Message(Obj),
    /// ASCII, of a few characters.
    Plain(&'a str),
}

/// How far the log has been written.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    cursor: *mut u8,
    limit: *mut u8,
    changes: usize,
    names: usize,
    texts: usize,
    /// Of objects.
    numbers: usize,
}
