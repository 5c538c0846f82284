//! Who takes part in a simulation, and what can happen.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use dataset::Tally;

use super::super::{Failure, Finished, Lease, Reply, Report, Running, Start, WorkerId};
use super::{COORDINATORS, SLOTS, SOURCES, Sim};

#[derive(Debug, Clone)]
pub(super) enum Happening {
    Tick { coordinator: usize },
    WorkerReports { worker: usize, life: u32 },
    RequestArrives { coordinator: usize, worker: usize, life: u32, report: Report },
    ReplyArrives { worker: usize, life: u32, reply: Reply },
    SourceEnds { worker: usize, life: u32, lease: Lease },
    Copied { coordinator: usize, life: u32, finished: Finished },
    PublicationKnown { coordinator: usize, life: u32, finished: Finished },
}

/// Ordered by time, and by age among equals.
pub(super) struct Scheduled {
    pub(super) at: Duration,
    pub(super) number: u64,
    pub(super) happening: Happening,
}

pub(super) struct Coordinator {
    /// What its clock shows when the simulation begins.
    pub(super) clock: Duration,
    /// A restarted one is another one: it knows nothing of what it had begun.
    pub(super) life: u32,
    pub(super) back_at: Duration,
}

pub(super) struct Worker {
    pub(super) life: u32,
    running: BTreeMap<Lease, Run>,
    finished: Vec<Finished>,
    failed: Vec<Failure>,
    released: Vec<Lease>,
}

struct Run {
    start: Start,
    position: u64,
    /// It is careful, and has not heard yet that the queue knows where it is.
    waits: bool,
}

impl Worker {
    pub(super) fn new(life: u32) -> Worker {
        Worker {
            life,
            running: BTreeMap::new(),
            finished: Vec::new(),
            failed: Vec::new(),
            released: Vec::new(),
        }
    }

    pub(super) fn release_all(&mut self) {
        self.released.extend(std::mem::take(&mut self.running).into_keys());
    }

    fn holds(&self, lease: Lease) -> bool {
        self.running.contains_key(&lease)
            || self.finished.iter().any(|finished| finished.lease == lease)
            || self.failed.iter().any(|failure| failure.lease == lease)
            || self.released.contains(&lease)
    }

    fn report(&self, id: WorkerId) -> Report {
        Report {
            worker: id,
            free_slots: SLOTS - self.running.len(),
            running: self
                .running
                .iter()
                .map(|(&lease, run)| Running { lease, position: run.position })
                .collect(),
            finished: self.finished.clone(),
            failed: self.failed.clone(),
            released: self.released.clone(),
        }
    }
}

impl Sim {
    pub(super) fn report(&mut self, worker: usize) {
        let report = self.workers[worker].report(self.id(worker));
        let coordinator = self.below(COORDINATORS as u64) as usize;
        let life = self.workers[worker].life;
        self.send(Happening::RequestArrives { coordinator, worker, life, report });
    }

    /// What a worker makes of a reply.
    pub(super) fn obey(&mut self, worker: usize, reply: &Reply) {
        let state = &mut self.workers[worker];
        state.finished.retain(|finished| !reply.acknowledged.contains(&finished.lease));
        state.failed.retain(|failure| !reply.acknowledged.contains(&failure.lease));
        state.released.retain(|lease| !reply.acknowledged.contains(lease));
        for lease in &reply.stop {
            state.running.remove(lease);
        }
        let told: Vec<Lease> =
            state.running.iter().filter(|(_, run)| run.waits).map(|(&lease, _)| lease).collect();
        for lease in told {
            self.workers[worker].running.get_mut(&lease).expect("it runs").waits = false;
            self.go_on(worker, lease);
        }
        for start in &reply.start {
            let state = &mut self.workers[worker];
            if state.holds(start.lease) || state.running.len() >= SLOTS {
                continue;
            }
            self.executions += 1;
            state
                .running
                .insert(start.lease, Run { start: start.clone(), position: 0, waits: start.careful });
            match start.careful {
                true => self.report(worker),
                false => self.go_on(worker, start.lease),
            }
        }
    }

    fn go_on(&mut self, worker: usize, lease: Lease) {
        let takes = self.between(100, 6000);
        let life = self.workers[worker].life;
        self.after(takes, Happening::SourceEnds { worker, life, lease });
    }

    pub(super) fn source_ended(&mut self, worker: usize, lease: Lease) {
        let fails_without_reason = self.goes_wrong(self.faults.worker_fails);
        let (killer, culprit) = (self.killer.get(&lease.shard), self.culprit.get(&lease.shard));
        let id = self.id(worker);
        let state = &mut self.workers[worker];
        let Some(run) = state.running.get_mut(&lease) else { return };
        let is_run = !run.start.set_aside.contains(&run.position);
        if is_run && killer == Some(&run.position) {
            return self.crash(worker);
        }
        let culprit = (is_run && culprit == Some(&run.position)).then_some(run.position);
        if culprit.is_some() || fails_without_reason {
            state.running.remove(&lease);
            state.failed.push(Failure { lease, reason: "no disk".to_owned(), source: culprit });
            return;
        }
        run.position += 1;
        if run.position == SOURCES {
            state.running.remove(&lease);
            let attempt = format!("attempt {} at {} by {id}", lease.token.0, lease.shard);
            self.attempts.insert(attempt.clone());
            let tally = Tally { sources: SOURCES, ..Tally::default() };
            state.finished.push(Finished { lease, attempt, tally });
        } else if run.start.careful {
            run.waits = true;
            self.report(worker);
        } else {
            self.go_on(worker, lease);
        }
    }

    pub(super) fn crash(&mut self, worker: usize) {
        let gone = self.id(worker);
        let life = self.workers[worker].life + 1;
        self.workers[worker] = Worker::new(life);
        self.after(Duration::from_secs(3), Happening::WorkerReports { worker, life });
        // Only whoever started a worker sees it die.
        if self.below(2) == 0 {
            self.queue().worker_lost(&gone);
        }
    }

    fn id(&self, worker: usize) -> WorkerId {
        WorkerId::new(&format!("{worker}.{}", self.workers[worker].life))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Scheduled {}
