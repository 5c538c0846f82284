//! Runs tasks on virtual time, one at a time and in an order that is always the same. Tasks belong to groups, so that
//! all that a coordinator does can end in the middle.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::service::lock;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tasks that begin and end together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group(pub(super) u64);

/// Cheap to clone: all clones are one.
#[derive(Clone, Default)]
pub(super) struct Executor(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    counted: u64,
    tasks: BTreeMap<u64, (Group, Option<Task>)>,
    ready: VecDeque<u64>,
    /// Those in `ready`.
    queued: BTreeSet<u64>,
    timers: BinaryHeap<Reverse<Timer>>,
}

struct Timer {
    at: Duration,
    number: u64,
    waker: Waker,
}

impl Executor {
    pub(super) fn now(&self) -> Duration {
        lock(&self.0).now
    }

    pub(super) fn spawn(&self, group: Group, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = lock(&self.0);
        let id = state.number();
        state.tasks.insert(id, (group, Some(Box::pin(task))));
        state.make_ready(id);
    }

    /// Drops all tasks of a group, wherever they are.
    pub(super) fn kill(&self, group: Group) {
        let mut state = lock(&self.0);
        let ids: Vec<u64> =
            state.tasks.iter().filter(|(_, (of, _))| *of == group).map(|(&id, _)| id).collect();
        let killed: Vec<_> = ids.iter().filter_map(|id| state.tasks.remove(id)).collect();
        drop(state);
        // What they drop may wake others.
        drop(killed);
    }

    pub(super) fn sleep(&self, duration: Duration) -> Sleep {
        Sleep { executor: self.clone(), until: self.now() + duration, is_set: false }
    }

    /// Runs until something is so, or until a moment. True if it is so.
    pub(super) fn run(&self, deadline: Duration, mut is_over: impl FnMut() -> bool) -> bool {
        while !is_over() {
            while let Some((id, group, mut task)) = self.next_ready() {
                let waker = Waker::from(Arc::new(Alarm { executor: self.clone(), id }));
                let is_done = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
                let mut state = lock(&self.0);
                match state.tasks.get_mut(&id) {
                    Some(slot) if !is_done => *slot = (group, Some(task)),
                    _ => {
                        state.tasks.remove(&id);
                        drop(state);
                        drop(task);
                    }
                }
            }
            let mut state = lock(&self.0);
            let Some(Reverse(timer)) = state.timers.pop() else { return is_over() };
            state.now = timer.at;
            drop(state);
            if timer.at > deadline {
                return false;
            }
            timer.waker.wake();
        }
        true
    }

    /// Drops all that there is, which holds on to itself in circles.
    pub(super) fn end(&self) {
        let (tasks, timers) = {
            let mut state = lock(&self.0);
            (std::mem::take(&mut state.tasks), std::mem::take(&mut state.timers))
        };
        drop((tasks, timers));
        // What those dropped may have woken others.
        lock(&self.0).ready.clear();
    }

    fn next_ready(&self) -> Option<(u64, Group, Task)> {
        let mut state = lock(&self.0);
        loop {
            let id = state.ready.pop_front()?;
            state.queued.remove(&id);
            if let Some((group, task)) = state.tasks.get_mut(&id) {
                return Some((id, *group, task.take().expect("a task runs once at a time")));
            }
        }
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    fn make_ready(&mut self, id: u64) {
        if self.queued.insert(id) {
            self.ready.push_back(id);
        }
    }
}

struct Alarm {
    executor: Executor,
    id: u64,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        lock(&self.executor.0).make_ready(self.id);
    }
}

pub(super) struct Sleep {
    executor: Executor,
    until: Duration,
    is_set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.executor.0);
        if state.now >= self.until {
            return Poll::Ready(());
        }
        if !self.is_set {
            let (at, number, waker) = (self.until, state.number(), context.waker().clone());
            state.timers.push(Reverse(Timer { at, number, waker }));
            drop(state);
            self.is_set = true;
        }
        Poll::Pending
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Timer {}
