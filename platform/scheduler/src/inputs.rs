//! One function per input: checks it against the state, turns it into events, leaves placement to `place`.

use crate::Scheduler;
use crate::decide::Lot;
use crate::io::{Candidate, Ignored, Input, Output};
use crate::state::{Phase, ReplicaState, Task};
use crate::workers::NodeIx;
use job_model::event::ReplicaResult;
use job_model::{Event, LossReason, NoVerdict, NodeId, Outcome, Plan, TaskFailure, TaskId, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where outputs go, and the time of the input that causes them.
pub(crate) struct Turn<'a> {
    pub(crate) now: UnixMillis,
    pub(crate) out: &'a mut Vec<Output>,
}

impl Turn<'_> {
    pub(crate) fn ignore(&mut self, task: TaskId, why: Ignored) {
        self.out.push(Output::Ignored {
            task: Some(task),
            worker: None,
            replicas: Vec::new(),
            why,
        });
    }
}

/// Replicas that were named and do not fit, by reason.
type Misfits = BTreeMap<Ignored, Vec<(u32, u32)>>;

impl Scheduler {
    /// Applies an event and hands it out.
    pub(crate) fn emit(&mut self, event: Event, turn: &mut Turn) {
        self.apply(&event, turn.now);
        turn.out.push(Output::Event(event));
    }

    pub(crate) fn dispatch(&mut self, input: Input, turn: &mut Turn) {
        match input {
            Input::Submit { task, spec, owner } => {
                if self.tasks.contains_key(&task) {
                    return turn.ignore(task, Ignored::KnownTask);
                }
                self.emit(Event::TaskSubmitted { task, spec, owner }, turn);
            }
            Input::Planned {
                task,
                plan,
                fuel,
                chunks,
            } => self.on_planned(
                task,
                Event::TaskPlanned {
                    task,
                    plan,
                    chunks: chunks.chunks.len() as u32,
                    fuel,
                },
                chunks,
                turn,
            ),
            Input::PlanLoaded { task, chunks } => self.on_plan_loaded(task, chunks, turn),
            Input::PlanFailed { task, failure } => {
                if self.expect(task, &[Phase::Planning], turn).is_some() {
                    self.fail(task, failure, turn);
                }
            }
            Input::Recalled { task, chunks } => self.on_recalled(task, chunks, turn),
            Input::Offers { task, offers } => self.on_offers(task, offers, turn),
            Input::Finished { task, worker, results } => self.on_finished(task, worker, results, turn),
            Input::Checked { task, checks } => self.on_checked(task, checks, turn),
            Input::Compared { task, comparisons } => self.on_compared(task, comparisons, turn),
            Input::Lost {
                task,
                worker,
                why,
                replicas,
            } => self.on_lost(task, worker, (&why, &replicas), turn),
            Input::WorkerDown { worker } => self.on_down(worker, turn),
            Input::WorkerUp { worker } => self.on_up(worker, turn.now),
            Input::Reduced { task, result, size } => {
                if self.expect(task, &[Phase::Reducing], turn).is_some() {
                    self.emit(Event::TaskCompleted { task, result, size }, turn);
                }
            }
            Input::ReduceFailed { task, failure } => {
                if self.expect(task, &[Phase::Reducing], turn).is_some() {
                    self.fail(task, failure, turn);
                }
            }
            Input::Cancel { task, reason } => {
                if self
                    .expect(task, &[Phase::Planning, Phase::Open, Phase::Reducing], turn)
                    .is_some()
                {
                    self.end_replicas(task, &reason, turn);
                    self.emit(Event::TaskCancelled { task, reason }, turn);
                }
            }
            Input::Restarted => self.on_restarted(turn),
            Input::Tick => {}
        }
    }

    fn on_down(&mut self, worker: NodeId, turn: &mut Turn) {
        if let Some(node) = self.nodes.find(&worker) {
            self.nodes.get_mut(node).down = true;
            self.lose_all_of(node, &LossReason::Disconnected, turn);
        }
    }

    fn on_up(&mut self, worker: NodeId, now: UnixMillis) {
        let node = self.nodes.intern(worker);
        let worker = self.nodes.get_mut(node);
        worker.down = false;
        worker.heard = now;
    }

    /// The task, if it is in one of these phases; says why not otherwise.
    fn expect(&mut self, id: TaskId, phases: &[Phase], turn: &mut Turn) -> Option<&mut Task> {
        let why = match self.tasks.get(&id) {
            None => Ignored::UnknownTask,
            Some(task) if task.phase.is_final() => Ignored::TaskEnded,
            Some(task) if !phases.contains(&task.phase) => Ignored::NotExpected,
            Some(_) => return self.tasks.get_mut(&id),
        };
        turn.ignore(id, why);
        None
    }

    fn on_planned(&mut self, id: TaskId, event: Event, plan: Arc<Plan>, turn: &mut Turn) {
        if self.expect(id, &[Phase::Planning], turn).is_none() {
            return;
        }
        if plan.chunks.is_empty() {
            return self.fail(id, TaskFailure::Plan("plan returned no chunk".into()), turn);
        }
        self.emit(event, turn);
        self.load_plan(id, plan);
    }

    fn on_plan_loaded(&mut self, id: TaskId, plan: Arc<Plan>, turn: &mut Turn) {
        let Some(task) = self.expect(id, &[Phase::Open, Phase::Reducing], turn) else {
            return;
        };
        if task.counts.total as usize != plan.chunks.len() {
            return turn.ignore(id, Ignored::PlanDiffers);
        }
        let awaited: Vec<u32> = (0..task.counts.total).collect();
        self.load_plan(id, plan);
        self.ask_checks(id, &awaited, turn);
        self.ask_comparisons(id, &awaited, turn);
    }

    fn load_plan(&mut self, id: TaskId, plan: Arc<Plan>) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let weight: u128 = plan.chunks.iter().map(|chunk| u128::from(chunk.weight)).sum();
        let mean = weight / plan.chunks.len().max(1) as u128;
        task.mean_weight = u64::try_from(mean).unwrap_or(u64::MAX).max(1);
        task.plan = Some(plan);
    }

    fn on_recalled(&mut self, id: TaskId, chunks: Vec<(u32, job_model::Output)>, turn: &mut Turn) {
        let Some(task) = self.expect(id, &[Phase::Open], turn) else {
            return;
        };
        let mut seen = BTreeSet::new();
        let open = |index: &u32| task.chunk(*index).is_some_and(crate::state::ChunkState::is_open);
        let chunks: Vec<_> = chunks
            .into_iter()
            .filter(|(index, _)| open(index) && seen.insert(*index))
            .collect();
        if chunks.is_empty() {
            return;
        }
        let indices: Vec<u32> = chunks.iter().map(|(index, _)| *index).collect();
        self.emit(Event::ChunksRecalled { task: id, chunks }, turn);
        self.supersede(id, &indices, turn);
        self.conclude(id, turn);
    }

    fn on_offers(&mut self, id: TaskId, offers: Vec<Candidate>, turn: &mut Turn) {
        if self
            .expect(id, &[Phase::Planning, Phase::Open, Phase::Reducing], turn)
            .is_none()
        {
            return;
        }
        let mut seats: Vec<(NodeIx, Candidate)> = Vec::with_capacity(offers.len());
        for candidate in offers {
            let node = self.nodes.intern(candidate.node);
            let worker = self.nodes.get_mut(node);
            if candidate.eligible.is_ok() {
                worker.credit = candidate.credit;
                worker.slots = candidate.slots.max(1);
                // The node looked at its connections a moment ago.
                worker.down = false;
            }
            seats.push((node, candidate));
        }
        seats.sort_by_key(|(_, candidate)| candidate.node);
        seats.dedup_by_key(|(node, _)| *node);
        if let Some(task) = self.tasks.get_mut(&id) {
            task.offers = seats;
        }
    }

    fn on_finished(&mut self, id: TaskId, worker: NodeId, results: Vec<ReplicaResult>, turn: &mut Turn) {
        let mut misfits = Misfits::new();
        let mut left = results;
        // Two results of one chunk are judged one after the other, for the first may make the second superfluous. A chunk
        // has few attempts, so the rounds are few whatever a stranger sends.
        while !left.is_empty() {
            let (mut chunks, mut replicas) = (BTreeSet::new(), BTreeSet::new());
            let (mut round, mut later) = (Vec::with_capacity(left.len()), Vec::new());
            for result in left {
                let named = (result.chunk, result.attempt);
                let fits = self.fits(id, worker, &result);
                let once = if replicas.insert(named) {
                    Ok(())
                } else {
                    Err(Ignored::Duplicate)
                };
                match fits.and(once) {
                    Err(why) => misfits.entry(why).or_default().push(named),
                    Ok(()) if chunks.insert(result.chunk) => round.push(result),
                    Ok(()) => later.push(result),
                }
            }
            self.on_results(id, worker, round, turn);
            left = later;
        }
        report(id, worker, misfits, turn);
    }

    /// Results that fit, of distinct chunks.
    fn on_results(&mut self, id: TaskId, worker: NodeId, mut results: Vec<ReplicaResult>, turn: &mut Turn) {
        let Some(node) = self.nodes.find(&worker).filter(|_| !results.is_empty()) else {
            return;
        };
        self.nodes.get_mut(node).heard = turn.now;
        self.note_pace(id, node, results.len() as u32, turn.now);
        self.note_failures(id, node, results.iter().map(|result| &result.outcome), turn.now);
        let chunks: Vec<u32> = results.iter().map(|result| result.chunk).collect();
        while !results.is_empty() {
            let rest = results.split_off(results.len().min(self.options.batch.max(1)));
            self.emit(
                Event::ReplicasFinished {
                    task: id,
                    worker,
                    results,
                },
                turn,
            );
            results = rest;
        }
        self.judge(id, chunks, turn);
    }

    /// Whether a result is one we wait for, or can still use.
    fn fits(&self, id: TaskId, worker: NodeId, result: &ReplicaResult) -> Result<(), Ignored> {
        let task = self.tasks.get(&id).ok_or(Ignored::UnknownTask)?;
        if task.phase.is_final() {
            return Err(Ignored::TaskEnded);
        }
        let chunk = task.chunk(result.chunk).ok_or(Ignored::UnknownChunk)?;
        let replica = chunk
            .replicas
            .get(result.attempt as usize)
            .ok_or(Ignored::UnknownAttempt)?;
        if self.nodes.get(replica.node).id != worker {
            return Err(Ignored::WrongWorker);
        }
        match &replica.state {
            ReplicaState::Finished(_) => Err(Ignored::Duplicate),
            _ if !chunk.is_open() => Err(Ignored::Decided),
            _ if chunk.has_vote_of(replica.node) => Err(Ignored::SecondVote),
            ReplicaState::Running { .. } => Ok(()),
            // We gave up waiting, and here it is.
            ReplicaState::Lost(why)
                if is_revocable(why) && result.outcome.vote().is_some() && !self.nodes.is_distrusted(replica.node) =>
            {
                Ok(())
            }
            ReplicaState::Lost(_) => Err(Ignored::NotRunning),
        }
    }

    fn on_lost(&mut self, id: TaskId, worker: NodeId, (why, replicas): (&LossReason, &[(u32, u32)]), turn: &mut Turn) {
        let mut misfits = Misfits::new();
        let mut fitting = BTreeSet::new();
        let node = self.nodes.find(&worker);
        for &(chunk, attempt) in replicas {
            let misfit = match self.tasks.get(&id) {
                None => Ignored::UnknownTask,
                Some(task) => match task.replica(chunk, attempt) {
                    None => Ignored::UnknownAttempt,
                    Some(replica) if Some(replica.node) != node => Ignored::WrongWorker,
                    Some(replica) if !replica.is_running() => Ignored::NotRunning,
                    Some(_) => {
                        fitting.insert((chunk, attempt));
                        continue;
                    }
                },
            };
            misfits.entry(misfit).or_default().push((chunk, attempt));
        }
        report(id, worker, misfits, turn);
        let Some(node) = node.filter(|_| !fitting.is_empty()) else {
            return;
        };
        if let LossReason::Refused(text) = why {
            let refusal = Outcome::NoVerdict(NoVerdict::Refused(text.clone()));
            self.note_failures(id, node, std::iter::once(&refusal), turn.now);
        }
        let replicas = fitting.into_iter().collect();
        self.lose(
            Lot {
                task: id,
                node,
                replicas,
            },
            why,
            turn,
        );
    }

    fn on_restarted(&mut self, turn: &mut Turn) {
        for (node, _) in self
            .nodes
            .iter()
            .map(|(ix, worker)| (ix, worker.id))
            .collect::<Vec<_>>()
        {
            self.lose_all_of(node, &LossReason::Restarted, turn);
        }
        for id in self.order.iter().map(|(_, id)| *id).collect::<Vec<_>>() {
            let Some(task) = self.tasks.get(&id) else { continue };
            let open = task
                .chunks
                .iter()
                .enumerate()
                .filter(|(_, chunk)| chunk.is_open() && !chunk.replicas.is_empty());
            let open: Vec<u32> = open.map(|(at, _)| at as u32).collect();
            let seen = task.disagreements.iter().filter(|d| d.believed.len() > 1);
            let mut liars: Vec<(NodeId, u32)> =
                seen.flat_map(|d| d.wrong.iter().map(|node| (*node, d.chunk))).collect();
            liars.extend(self.refuted(task));
            self.judge(id, open, turn);
            self.distrust(id, liars, turn);
            self.conclude(id, turn);
        }
    }
}

/// Whether a result may still come after this loss and count.
fn is_revocable(why: &LossReason) -> bool {
    matches!(
        why,
        LossReason::Restarted | LossReason::Stalled | LossReason::Disconnected
    )
}

fn report(task: TaskId, worker: NodeId, misfits: Misfits, turn: &mut Turn) {
    for (why, replicas) in misfits {
        turn.out.push(Output::Ignored {
            task: Some(task),
            worker: Some(worker),
            replicas,
            why,
        });
    }
}
