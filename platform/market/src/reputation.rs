//! How far a node is to be believed, first hand (trust.md, section 5; Jøsang and Ismail 2002): a decayed Beta per node
//! and job, correctness apart from availability.
//!
//! Evidence is counted per day. A day's weight falls by 1 % per day and ends after 30 days (E5). Praise counts 1.2,
//! blame 1.5 times; a wrong result is blamed ten times as hard as a failure, for it is no accident. Nothing that
//! others say counts, except what anybody can re-check: a proven fork ([`Reputation::convict`]).
//!
//! Follows from the journal alone. Days are those of this node's clock.

use crate::market::Market;
use crate::prices::ReputationLevel;
use job_model::event::ReplicaResult;
use job_model::receipt::ReplicaVerdict;
use job_model::{JobId, LossReason, NoVerdict, NodeId, Outcome, TaskId, UnixMillis};
use std::collections::{BTreeMap, VecDeque};

/// One day of evidence, in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// Days that count (E5).
pub const WINDOW_DAYS: u64 = 30;
/// What is left of a day's weight on the next day (E5: decay 0.01).
const KEPT_PER_DAY: f64 = 0.99;
/// Weight of praise (E5).
pub const REWARD: f64 = 1.2;
/// Weight of blame (E5).
pub const PENALTY: f64 = 1.5;
/// A wrong result weighs as much as this many failures.
pub const WRONG_WEIGHS: f64 = 10.0;
/// A late result is blamed this much of a failure: it cost a replica, but it was right.
const LATE_WEIGHS: f64 = 0.5;
/// The lower bound is this many standard deviations below the mean: 95 % one-sided.
const DEVIATIONS: f64 = 1.645;
/// Jobs told apart per node; a node that serves more is judged over all of them.
pub const JOBS_PER_NODE: usize = 32;
/// Correctness bounds of the levels: about 90 and 900 right results lately without a wrong one.
const GOOD_FROM: f64 = 0.975;
const EXCELLENT_FROM: f64 = 0.9975;
/// Expected correctness below which a node is terrible.
const TERRIBLE_BELOW: f64 = 0.5;
/// A node that brings nothing more often than something is no better than average, however right it is.
const AVAILABLE_FROM: f64 = 0.5;

/// What a replica of a node came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// Right, in time.
    Success,
    /// Right, after the chunk was decided.
    Late,
    /// It contradicted the accepted result, or the job's own check refuted it.
    Wrong,
    /// It ran and had no verdict.
    Failure,
    /// It brought nothing in time: the node went away or said nothing.
    Timeout,
}

impl Evidence {
    /// What a verdict shows; an undecided chunk shows nothing.
    pub fn of_verdict(verdict: ReplicaVerdict) -> Option<Self> {
        match verdict {
            ReplicaVerdict::Accepted => Some(Self::Success),
            ReplicaVerdict::Late => Some(Self::Late),
            ReplicaVerdict::Wrong => Some(Self::Wrong),
            ReplicaVerdict::Undecided => None,
        }
    }
    /// What an execution without a verdict shows. Who refuses politely or was stopped by us did nothing wrong, and the
    /// limits of memory, stack and time are the job's doing.
    pub fn of_no_verdict(why: &NoVerdict) -> Option<Self> {
        match why {
            NoVerdict::Host(_) | NoVerdict::Unavailable(_) => Some(Self::Failure),
            NoVerdict::StackOverflow
            | NoVerdict::MemoryLimit { .. }
            | NoVerdict::TimedOut { .. }
            | NoVerdict::Cancelled
            | NoVerdict::Refused(_) => None,
        }
    }
    /// What a lost replica shows. A restart of ours, a refusal and what was not needed any more show nothing.
    pub fn of_loss(why: &LossReason) -> Option<Self> {
        match why {
            LossReason::Disconnected | LossReason::Stalled => Some(Self::Timeout),
            LossReason::Restarted | LossReason::Refused(_) | LossReason::Superseded | LossReason::TaskEnded => None,
        }
    }
}

/// Right and wrong results, failures and so on of one day, or summed over all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Of [`Evidence::Success`].
    pub success: u64,
    /// Of [`Evidence::Late`].
    pub late: u64,
    /// Of [`Evidence::Wrong`].
    pub wrong: u64,
    /// Of [`Evidence::Failure`].
    pub failure: u64,
    /// Of [`Evidence::Timeout`].
    pub timeout: u64,
}

impl Counts {
    /// Right results, in time or late.
    pub fn right(&self) -> u64 {
        self.success.saturating_add(self.late)
    }
    fn add(&mut self, evidence: Evidence, count: u64) {
        let field = match evidence {
            Evidence::Success => &mut self.success,
            Evidence::Late => &mut self.late,
            Evidence::Wrong => &mut self.wrong,
            Evidence::Failure => &mut self.failure,
            Evidence::Timeout => &mut self.timeout,
        };
        *field = field.saturating_add(count);
    }
}

/// Evidence by day, oldest first, at most [`WINDOW_DAYS`].
#[derive(Clone, Debug, Default)]
struct Record {
    days: VecDeque<(u64, Counts)>,
}

impl Record {
    fn add(&mut self, evidence: Evidence, count: u64, now: UnixMillis) {
        // A clock that went back adds to the newest day.
        let today = (now.0 / DAY_MS).max(self.days.back().map_or(0, |(day, _)| *day));
        while self.days.front().is_some_and(|(day, _)| day + WINDOW_DAYS <= today) {
            self.days.pop_front();
        }
        if self.days.back().is_none_or(|(day, _)| *day != today) {
            self.days.push_back((today, Counts::default()));
        }
        if let Some((_, counts)) = self.days.back_mut() {
            counts.add(evidence, count);
        }
    }

    fn trust(&self, now: UnixMillis) -> Trust {
        let today = now.0 / DAY_MS;
        let (mut correct, mut available) = (Beta::default(), Beta::default());
        for (day, counts) in &self.days {
            let age = today.saturating_sub(*day);
            if age >= WINDOW_DAYS {
                continue;
            }
            let weight = (0..age).fold(1.0, |weight, _| weight * KEPT_PER_DAY);
            let of = |count: u64, each: f64| count as f64 * each * weight;
            correct.good += of(counts.success.saturating_add(counts.late), REWARD);
            correct.bad += of(counts.wrong, PENALTY * WRONG_WEIGHS);
            available.good += of(counts.success, REWARD);
            available.bad += of(counts.failure.saturating_add(counts.timeout), PENALTY);
            available.bad += of(counts.late, PENALTY * LATE_WEIGHS);
        }
        Trust { correct, available }
    }
}

/// Weighted evidence for and against.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Beta {
    /// For.
    pub good: f64,
    /// Against.
    pub bad: f64,
}

impl Beta {
    /// The expected share, from 0 to 1; 0.5 with no evidence.
    pub fn mean(&self) -> f64 {
        (self.good + 1.0) / (self.good + self.bad + 2.0)
    }
    /// A lower bound of the share at 95 % confidence, from 0 to 1: low as long as there is little evidence.
    pub fn lower(&self) -> f64 {
        let (a, b) = (self.good + 1.0, self.bad + 1.0);
        let n = a + b;
        (a / n - DEVIATIONS * (a * b / (n * n * (n + 1.0))).sqrt()).max(0.0)
    }
}

/// What is believed of a node.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Trust {
    /// That its results are right.
    pub correct: Beta,
    /// That it brings results in time.
    pub available: Beta,
}

impl Trust {
    /// The level for prices. One wrong result within the window is never better than poor.
    pub fn level(&self) -> ReputationLevel {
        let lower = self.correct.lower();
        if self.correct.bad > 0.0 {
            if self.correct.mean() < TERRIBLE_BELOW {
                ReputationLevel::Terrible
            } else {
                ReputationLevel::Poor
            }
        } else if lower < GOOD_FROM || self.available.mean() < AVAILABLE_FROM {
            ReputationLevel::Average
        } else if lower < EXCELLENT_FROM {
            ReputationLevel::Good
        } else {
            ReputationLevel::Excellent
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Known {
    all: Record,
    total: Counts,
    jobs: BTreeMap<JobId, Record>,
    distrusted: bool,
    banned: bool,
}

/// What this node has seen of every other.
#[derive(Clone, Debug, Default)]
pub struct Reputation(BTreeMap<NodeId, Known>);

impl Reputation {
    /// Something was seen of a node.
    pub fn saw(&mut self, node: NodeId, job: JobId, (evidence, count): (Evidence, u64), now: UnixMillis) {
        let known = self.0.entry(node).or_default();
        known.all.add(evidence, count, now);
        known.total.add(evidence, count);
        if known.jobs.len() < JOBS_PER_NODE || known.jobs.contains_key(&job) {
            known.jobs.entry(job).or_default().add(evidence, count, now);
        }
    }
    /// A node contradicted what most found: it is terrible, whatever else it did.
    pub fn distrust(&mut self, node: NodeId) {
        self.0.entry(node).or_default().distrusted = true;
    }
    /// A node signed two contradicting records; the proof was checked by the caller.
    pub fn convict(&mut self, node: NodeId) {
        self.0.entry(node).or_default().banned = true;
    }
    /// Whether a node is convicted.
    pub fn is_banned(&self, node: &NodeId) -> bool {
        self.0.get(node).is_some_and(|known| known.banned)
    }
    /// Everything ever seen, without decay.
    pub fn counts(&self, node: &NodeId) -> Counts {
        self.0.get(node).map(|known| known.total).unwrap_or_default()
    }
    /// What is believed of a node for one job, or over all where that job is not told apart.
    pub fn trust(&self, node: &NodeId, job: Option<&JobId>, now: UnixMillis) -> Trust {
        let Some(known) = self.0.get(node) else {
            return Trust::default();
        };
        let of_job = job.and_then(|job| known.jobs.get(job));
        of_job.unwrap_or(&known.all).trust(now)
    }
    /// The level for prices.
    pub fn level(&self, node: &NodeId, now: UnixMillis) -> ReputationLevel {
        match self.0.get(node) {
            Some(known) if known.distrusted || known.banned => ReputationLevel::Terrible,
            Some(known) => known.all.trust(now).level(),
            None => ReputationLevel::Average,
        }
    }
}

impl Market {
    /// Results without a verdict are seen when they come; the others when they are judged.
    pub(crate) fn saw_failures(&mut self, task: &TaskId, worker: &NodeId, results: &[ReplicaResult], at: UnixMillis) {
        let Some(job) = self.tasks.get(task).map(|book| book.job) else {
            return;
        };
        for result in results {
            if let Outcome::NoVerdict(why) = &result.outcome
                && let Some(evidence) = Evidence::of_no_verdict(why)
            {
                self.reputation.saw(*worker, job, (evidence, 1), at);
            }
        }
    }
    /// Replicas brought nothing.
    pub(crate) fn saw_loss(&mut self, task: &TaskId, worker: &NodeId, lost: (&LossReason, usize), at: UnixMillis) {
        if let (Some(job), Some(evidence)) = (self.tasks.get(task).map(|book| book.job), Evidence::of_loss(lost.0)) {
            self.reputation.saw(*worker, job, (evidence, lost.1 as u64), at);
        }
    }
}
