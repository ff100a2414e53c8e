//! Placement: gives waiting chunks to nodes with room, the first task of the queue first.
//!
//! A pass costs a look at each waiting task's nodes and groups, plus a few steps per placed replica; it does not depend on
//! how many chunks wait.

use crate::Scheduler;
use crate::blocker::Blocker;
use crate::inputs::Turn;
use crate::io::{Candidate, Ineligible};
use crate::judge::{Bench, hash_word};
use crate::placement::{Pick, Seat, choose};
use crate::queue::GroupKey;
use crate::state::Task;
use crate::workers::{NodeIx, PRIORITIES, Worker};
use job_model::event::AssignReason;
use job_model::quote::DeviceKind;
use job_model::{Chunk, Event, FloatClass, MicroCredits, Placement, Plan, TaskFailure, TaskId, UnixMillis};
use std::ops::Bound;

/// All reasons, in the order in which a pass hands its batches out.
const REASONS: [AssignReason; 5] = [
    AssignReason::Escalation,
    AssignReason::Spot,
    AssignReason::Retry,
    AssignReason::Policy,
    AssignReason::Hedge,
];

/// Replicas for one node, placed for one reason.
pub(crate) struct Batch {
    node: NodeIx,
    quote: u64,
    hold: MicroCredits,
    reason: AssignReason,
    replicas: Vec<(u32, u32)>,
}

/// One pass over one task.
pub(crate) struct Pass<'a> {
    pub(crate) id: &'a TaskId,
    strategy: Placement,
    plan: &'a Plan,
    pub(crate) seats: Vec<Seat<'a>>,
    /// Per seat and reason.
    picks: Vec<[Vec<(u32, u32)>; 5]>,
    /// What the task's price limit leaves.
    budget: MicroCredits,
    turn: u64,
}

impl Pass<'_> {
    pub(crate) fn is_full(&self) -> bool {
        self.seats.iter().all(|seat| seat.room == 0)
    }

    /// Takes room on an allowed seat, which is not allowed any more then. None: no seat is open.
    pub(crate) fn take(&mut self, index: u32, attempt: u32) -> Option<usize> {
        let nothing = Chunk {
            body: Vec::new(),
            slices: Vec::new(),
            weight: 1,
        };
        let chunk = self.plan.chunks.get(index as usize).unwrap_or(&nothing);
        let draw = if self.strategy == Placement::PowerOfTwo {
            self.draw(index, attempt)
        } else {
            0
        };
        loop {
            let at = choose(
                self.strategy,
                &self.seats,
                &Pick {
                    chunk,
                    draw,
                    turn: self.turn,
                },
            )?;
            let seat = self.seats.get_mut(at)?;
            if seat.candidate.hold > self.budget {
                seat.room = 0;
                continue;
            }
            seat.room -= 1;
            seat.in_flight += 1;
            seat.allowed = false;
            self.budget -= seat.candidate.hold;
            self.turn += 1;
            return Some(at);
        }
    }

    /// Places replicas of one chunk on the seats taken for it and allows the seats again. Attempts are numbered in the
    /// order in which the batches are handed out, so that each follows the one before it in the journal too.
    pub(crate) fn record(&mut self, index: u32, first_attempt: u32, reason: AssignReason, mut taken: Vec<usize>) {
        taken.sort_unstable();
        let reason = REASONS.iter().position(|r| *r == reason).unwrap_or(0);
        for (at, attempt) in taken.into_iter().zip(first_attempt..) {
            if let (Some(seat), Some(picks)) = (self.seats.get_mut(at), self.picks.get_mut(at)) {
                seat.allowed = true;
                picks[reason].push((index, attempt));
            }
        }
    }

    fn draw(&self, index: u32, attempt: u32) -> u64 {
        let mut bytes = [0u8; 40];
        bytes[..32].copy_from_slice(self.id.as_bytes());
        bytes[32..36].copy_from_slice(&index.to_le_bytes());
        bytes[36..].copy_from_slice(&attempt.to_le_bytes());
        hash_word(&bytes)
    }

    /// The outcome, and the number of placements of the task so far.
    pub(crate) fn finish(self) -> (Vec<Batch>, u64) {
        let mut batches = Vec::new();
        for (seat, picks) in self.seats.iter().zip(self.picks) {
            for (reason, replicas) in REASONS.into_iter().zip(picks) {
                if !replicas.is_empty() {
                    let Candidate { quote, hold, .. } = *seat.candidate;
                    batches.push(Batch {
                        node: seat.node,
                        quote,
                        hold,
                        reason,
                        replicas,
                    });
                }
            }
        }
        (batches, self.turn)
    }
}

impl Scheduler {
    /// Gives waiting chunks to nodes with room.
    pub(crate) fn place(&mut self, turn: &mut Turn) {
        let Some(mut lowest) = self.lowest_placeable() else {
            return;
        };
        let mut next = self.waiting.first().copied();
        while let Some((key, id)) = next {
            let mut placed = false;
            if self
                .tasks
                .get(&id)
                .is_some_and(|task| task.spec.config.priority as usize >= lowest)
            {
                // Again until nothing is placed: when the last untried node of a chunk is taken, tried ones may try again.
                while self.place_task(id, turn) {
                    placed = true;
                }
            }
            if placed {
                let Some(now) = self.lowest_placeable() else { return };
                lowest = now;
            }
            next = self
                .waiting
                .range((Bound::Excluded((key, id)), Bound::Unbounded))
                .next()
                .copied();
        }
    }

    /// One pass over one task. True: something was placed.
    fn place_task(&mut self, id: TaskId, turn: &mut Turn) -> bool {
        let waits = |task: &&Task| task.queue.len() > 0 && task.is_placeable();
        let Some(task) = self.tasks.get(&id).filter(waits) else {
            return false;
        };
        let (batches, turns) = match self.pass(&id, task, turn.now) {
            None => (Vec::new(), task.turn),
            Some(mut pass) => {
                self.seat_waiting(task, &id, &mut pass);
                pass.finish()
            }
        };
        if !batches.is_empty() {
            self.assign(id, batches, turns, turn);
            return true;
        }
        if self.is_out_of_money(task) {
            let limit = task.spec.config.max_price.unwrap_or_default();
            let done = task.counts.accepted + task.counts.recalled;
            let failure = TaskFailure::Price {
                limit,
                done,
                chunks: task.counts.total,
            };
            self.fail(id, failure, turn);
        }
        false
    }

    /// Opens a pass over a task; none if no node has room.
    pub(crate) fn pass<'a>(&'a self, id: &'a TaskId, task: &'a Task, now: UnixMillis) -> Option<Pass<'a>> {
        let seat = |(node, candidate): &'a (NodeIx, Candidate)| {
            let room = self.room(task, *node, candidate);
            if room == 0
                || self.obstacle(task, *node, candidate).is_some()
                || self.hindrance(task, *node, candidate, now).is_some()
            {
                return None;
            }
            let credit = self
                .nodes
                .get(*node)
                .credit
                .0
                .checked_div(candidate.hold.0)
                .unwrap_or(i64::MAX);
            let room = room.min(u32::try_from(credit).unwrap_or(u32::MAX));
            Some(Seat {
                node: *node,
                candidate,
                room,
                in_flight: self.nodes.get(*node).in_flight(),
                allowed: true,
            })
        };
        let seats: Vec<Seat> = task.offers.iter().filter_map(seat).collect();
        let plan = task.plan.as_deref().filter(|_| !seats.is_empty())?;
        let picks = seats.iter().map(|_| Default::default()).collect();
        Some(Pass {
            id,
            strategy: task.spec.config.placement,
            plan,
            seats,
            picks,
            budget: task.budget(),
            turn: task.turn,
        })
    }

    /// Seats the chunks of each group on the nodes its key allows.
    fn seat_waiting(&self, task: &Task, id: &TaskId, pass: &mut Pass) {
        let bench = Bench {
            options: &self.options,
            nodes: &self.nodes,
            task: id,
            config: &task.spec.config,
        };
        for (key, chunks) in task.queue.groups() {
            if pass.is_full() {
                return;
            }
            let again = self.may_try_again(task, key);
            for seat in &mut pass.seats {
                seat.allowed = !key.is_hard(seat.node) && (again || !key.is_soft(seat.node));
            }
            for &index in chunks {
                if !pass.seats.iter().any(Seat::is_open) {
                    break;
                }
                let Some(chunk) = task.chunk(index) else { continue };
                let reason = bench.reason(chunk);
                let next = chunk.replicas.len() as u32;
                let mut taken = Vec::new();
                while taken.len() < key.missing as usize {
                    let Some(at) = pass.take(index, next + taken.len() as u32) else {
                        break;
                    };
                    taken.push(at);
                }
                pass.record(index, next, reason, taken);
            }
        }
    }

    /// Whether nodes that brought nothing for a chunk may try again: there is no other that could.
    pub(crate) fn may_try_again(&self, task: &Task, key: &GroupKey) -> bool {
        let fresh = |node: NodeIx| !key.is_hard(node) && !key.is_soft(node);
        key.soft.is_empty()
            || !task
                .offers
                .iter()
                .any(|(node, candidate)| fresh(*node) && self.obstacle(task, *node, candidate).is_none())
    }

    /// Replicas of a task that a worker may get now: as many as keep it busy for `work_ahead_ms` at its pace, at least
    /// one per slot. Work of lower priority there does not count, for the worker does it later.
    pub(crate) fn room(&self, task: &Task, node: NodeIx, candidate: &Candidate) -> u32 {
        let worker = self.nodes.get(node);
        let (flight, load) = worker.busy(task.spec.config.priority as usize);
        let slots = candidate.slots.max(1);
        let ahead = self.options.work_ahead_ms.saturating_mul(1000);
        let known = task.paces.get(&node).and_then(|pace| pace.mean_us);
        let cost = known.unwrap_or_else(|| ahead / 2 / u64::from(slots)).max(1);
        let by_work = u32::try_from(ahead.saturating_sub(load).div_ceil(cost)).unwrap_or(u32::MAX);
        let most = slots
            .saturating_mul(self.options.max_in_flight_per_slot)
            .saturating_sub(worker.in_flight());
        by_work.max(slots.saturating_sub(flight)).min(most)
    }

    /// The lowest priority for which some worker has room, if any has: what [`Scheduler::room`] says over all workers.
    fn lowest_placeable(&self) -> Option<usize> {
        let ahead = self.options.work_ahead_ms.saturating_mul(1000);
        let has_room = |worker: &Worker, priority: usize| {
            let (flight, load) = worker.busy(priority);
            let full = worker.in_flight() >= worker.slots.saturating_mul(self.options.max_in_flight_per_slot);
            !worker.down && worker.distrusted.is_none() && !full && (load < ahead || flight < worker.slots)
        };
        (0..PRIORITIES).find(|priority| self.nodes.iter().any(|(_, worker)| has_room(worker, *priority)))
    }

    /// Why a node cannot run the task at all: only somebody's action changes it.
    pub(crate) fn obstacle(&self, task: &Task, node: NodeIx, candidate: &Candidate) -> Option<Blocker> {
        let worker = self.nodes.get(node);
        let needs = &task.spec.requirements;
        if let Some((by_task, chunk)) = worker.distrusted {
            return Some(Blocker::Distrusted { task: by_task, chunk });
        }
        if let Err(why) = &candidate.eligible {
            return Some(Blocker::Ineligible { why: why.clone() });
        }
        if worker.down {
            return Some(Blocker::Ineligible {
                why: Ineligible::Disconnected,
            });
        }
        if needs.float_class == FloatClass::Fast && candidate.fast.is_none() {
            return Some(Blocker::FloatClassMissing);
        }
        if needs.gpu && candidate.fast != Some(DeviceKind::Gpu) {
            return Some(Blocker::GpuMissing);
        }
        if candidate.memory_bytes < needs.memory_bytes {
            return Some(Blocker::MemoryTooSmall {
                needed: needs.memory_bytes,
                offered: candidate.memory_bytes,
            });
        }
        if candidate.disk_bytes < needs.disk_bytes {
            return Some(Blocker::DiskTooSmall {
                needed: needs.disk_bytes,
                offered: candidate.disk_bytes,
            });
        }
        None
    }

    /// Why a node cannot run the task now: it passes by itself.
    pub(crate) fn hindrance(
        &self,
        task: &Task,
        node: NodeIx,
        candidate: &Candidate,
        now: UnixMillis,
    ) -> Option<Blocker> {
        if let Some(backoff) = task.backoffs.get(&node).filter(|backoff| backoff.until > now) {
            return Some(Blocker::BackingOff {
                retry_ms: backoff.until.since(now),
            });
        }
        let (left, budget, needed) = (self.nodes.get(node).credit, task.budget(), candidate.hold);
        if needed > MicroCredits::ZERO && left < needed {
            return Some(Blocker::CreditLineFull { left, needed });
        }
        if needed > budget {
            return Some(Blocker::PriceCap { left: budget, needed });
        }
        None
    }

    pub(crate) fn assign(&mut self, id: TaskId, batches: Vec<Batch>, turns: u64, turn: &mut Turn) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.turn = turns;
        }
        for Batch {
            node,
            quote,
            hold,
            reason,
            replicas,
        } in batches
        {
            let worker = self.nodes.get(node).id;
            for part in replicas.chunks(self.options.batch.max(1)) {
                let replicas = part.to_vec();
                self.emit(
                    Event::ReplicasAssigned {
                        task: id,
                        worker,
                        quote,
                        hold,
                        reason,
                        replicas,
                    },
                    turn,
                );
            }
        }
    }
}
