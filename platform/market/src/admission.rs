//! What a worker lets a requester have before it is paid, and the part of its time that it gives away.
//!
//! A requester with room on its credit line is admitted up to that room, by estimate; what its replicas really cost is
//! claimed when they have run, and the claim ends when a receipt covers it. Who has no room may still run at low
//! priority inside the reserve: a bucket of sandbox time that fills at [`CreditOptions::reserve_permille`] of this
//! node's sandboxes, so that newcomers can start and free riders get no more than that.
//!
//! Nothing here is kept over a restart.
//!
//! [`CreditOptions::reserve_permille`]: crate::CreditOptions::reserve_permille

use crate::credit::{CreditError, Terms};
use crate::market::Market;
use crate::usage::{MeanUsage, UNKNOWN_JOB_USAGE};
use job_model::event::ReplicaResult;
use job_model::{JobId, MicroCredits, NodeId, Priority, Rates, UnixMillis, Usage};
use std::collections::BTreeMap;

/// Most jobs whose usage on this worker is remembered; any of them is forgotten for one more.
const JOBS_KEPT: usize = 1024;
/// The reserve holds at most what fills it in this time, in milliseconds.
const RESERVE_FILL_MS: u64 = 600_000;
/// What a replica of a job that never ran here is taken out of the reserve for at first, in microseconds of a sandbox.
const RESERVE_GUESS_US: u64 = 1_000_000;

/// Replicas a requester wants run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdmissionAsk {
    /// Who wants them.
    pub requester: NodeId,
    /// Of which job.
    pub job: JobId,
    /// At what price.
    pub rates: Rates,
    /// At what priority.
    pub priority: Priority,
    /// How many.
    pub replicas: u32,
}

/// Sandbox time that is given away.
#[derive(Clone, Debug, Default)]
struct Reserve {
    /// In microseconds of one sandbox; negative while replicas ran longer than was guessed.
    left_us: i64,
    at: Option<UnixMillis>,
    /// Replicas admitted out of it that have not come back, and the time taken out for each.
    open: BTreeMap<NodeId, (u32, u64)>,
}

impl Reserve {
    fn most_us(slots: u32, permille: u32) -> i64 {
        let us = u128::from(RESERVE_FILL_MS) * u128::from(slots) * u128::from(permille);
        i64::try_from(us).unwrap_or(i64::MAX)
    }
    /// One millisecond of one sandbox is 1000 us; a thousandth of it is 1 us.
    fn left(&self, slots: u32, permille: u32, now: UnixMillis) -> i64 {
        let most = Self::most_us(slots, permille);
        let Some(at) = self.at else { return most };
        let gained = u128::from(now.since(at)) * u128::from(slots) * u128::from(permille);
        self.left_us
            .saturating_add(i64::try_from(gained).unwrap_or(i64::MAX))
            .min(most)
    }
}

/// What is remembered of replicas that this worker ran.
#[derive(Clone, Debug, Default)]
pub struct Admissions {
    usage: BTreeMap<JobId, (MeanUsage, u64)>,
    reserve: Reserve,
}

impl Admissions {
    fn expected(&self, job: &JobId) -> (Usage, u64) {
        self.usage
            .get(job)
            .map_or((UNKNOWN_JOB_USAGE, RESERVE_GUESS_US), |(usage, wall_us)| {
                (usage.mean, *wall_us)
            })
    }
    fn saw(&mut self, job: JobId, usage: &Usage) {
        if self.usage.len() >= JOBS_KEPT && !self.usage.contains_key(&job) {
            self.usage.pop_first();
        }
        let (mean, wall_us) = self.usage.entry(job).or_insert((MeanUsage::default(), usage.wall_us));
        mean.add(usage);
        *wall_us = (*wall_us / 4).saturating_mul(3).saturating_add(usage.wall_us / 4);
    }
}

impl Market {
    fn terms(&self, peer: &NodeId) -> Terms<'_> {
        Terms {
            options: &self.options.credit,
            initial: self.options.initial_credits,
            owed: self.accounts.peer(peer).balance(),
        }
    }
    /// Peers on the allow-list: each starts with `initial_credits` of its own. Configuration, so not in the journal.
    pub fn list_peers(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        self.credit.list(nodes);
    }
    /// How many sandboxes this node has: what the reserve is a share of.
    pub fn serve_with(&mut self, slots: u32) {
        self.slots = slots.max(1);
    }
    /// How much more this node lends a peer, and how much it owes with open work, or why it lends nothing.
    pub fn lent(&self, peer: &NodeId, now: UnixMillis) -> (MicroCredits, Result<MicroCredits, CreditError>) {
        let terms = self.terms(peer);
        let room = if self.is_banned(peer) {
            Err(CreditError::Banned(*peer))
        } else {
            self.credit.room(peer, &terms, now)
        };
        (self.credit.exposure(peer, &terms, now), room)
    }
    /// The line this node expects a worker to give it.
    pub(crate) fn line_at(&self, worker: &NodeId) -> MicroCredits {
        self.credit.expected_line(worker, &self.terms(worker), self.latest)
    }

    /// Whether a requester would get anything run now; asked before a quote.
    pub fn may_serve(&self, requester: &NodeId, priority: Priority, now: UnixMillis) -> Result<(), CreditError> {
        match self.lent(requester, now).1 {
            Ok(_) => Ok(()),
            Err(banned @ CreditError::Banned(_)) => Err(banned),
            Err(_) if priority == Priority::Low && self.reserve_left(now) > 0 => Ok(()),
            Err(error) => Err(error),
        }
    }
    fn reserve_left(&self, now: UnixMillis) -> i64 {
        let permille = self.options.credit.reserve_permille;
        self.admissions.reserve.left(self.slots, permille, now)
    }

    /// Admits as many of the replicas as the requester has credit for, at least one if it has any; the reserve may add
    /// some at low priority. The error says why none.
    pub fn admit(&mut self, ask: &AdmissionAsk, now: UnixMillis) -> Result<u32, CreditError> {
        if !self.credit.has_place(&ask.requester, now) {
            return Err(CreditError::Crowded);
        }
        let (usage, wall_us) = self.admissions.expected(&ask.job);
        let price = ask.rates.price(&usage);
        let refused = match self.lent(&ask.requester, now).1 {
            Ok(room) => {
                let affordable = room
                    .0
                    .checked_div(price.0)
                    .map_or(u32::MAX, |count| u32::try_from(count.max(1)).unwrap_or(u32::MAX));
                let count = affordable.min(ask.replicas);
                self.change_claim(ask.requester, (times(price, count), MicroCredits::ZERO), now);
                return Ok(count);
            }
            Err(error) => error,
        };
        if ask.priority != Priority::Low || matches!(refused, CreditError::Banned(_)) {
            return Err(refused);
        }
        let left = self.reserve_left(now);
        let per = i64::try_from(wall_us.max(1)).unwrap_or(i64::MAX);
        let count = u32::try_from(left / per).unwrap_or(0).min(ask.replicas);
        if count == 0 {
            return Err(refused);
        }
        let reserve = &mut self.admissions.reserve;
        reserve.left_us = left.saturating_sub(per.saturating_mul(i64::from(count)));
        reserve.at = Some(now);
        let open = reserve.open.entry(ask.requester).or_insert((0, wall_us));
        *open = (open.0.saturating_add(count), wall_us);
        self.change_claim(ask.requester, (times(price, count), MicroCredits::ZERO), now);
        Ok(count)
    }

    /// Replicas of a requester have run, under these rates: the estimates end, what they cost is claimed.
    pub fn ran(
        &mut self,
        (requester, job): (NodeId, JobId),
        rates: &Rates,
        results: &[ReplicaResult],
        now: UnixMillis,
    ) {
        let estimate = rates.price(&self.admissions.expected(&job).0);
        let mut cost = MicroCredits::ZERO;
        for result in results {
            self.return_reserve(requester, result.usage.wall_us);
            if result.outcome.vote().is_some() {
                cost += rates.price(&result.usage);
                self.admissions.saw(job, &result.usage);
            }
        }
        let count = u32::try_from(results.len()).unwrap_or(u32::MAX);
        self.change_claim(requester, (-times(estimate, count), cost), now);
    }

    /// A receipt covers work that was claimed at this price.
    pub fn covered(&mut self, requester: NodeId, price: MicroCredits, now: UnixMillis) {
        self.change_claim(requester, (MicroCredits::ZERO, -price), now);
    }

    fn return_reserve(&mut self, requester: NodeId, took_us: u64) {
        let reserve = &mut self.admissions.reserve;
        let Some((count, guessed_us)) = reserve.open.get_mut(&requester) else {
            return;
        };
        let (took, guessed) = (
            i64::try_from(took_us).unwrap_or(i64::MAX),
            i64::try_from(*guessed_us).unwrap_or(i64::MAX),
        );
        reserve.left_us = reserve.left_us.saturating_add(guessed).saturating_sub(took);
        *count -= 1;
        if *count == 0 {
            reserve.open.remove(&requester);
        }
    }

    fn change_claim(&mut self, peer: NodeId, change: (MicroCredits, MicroCredits), now: UnixMillis) {
        let terms = Terms {
            options: &self.options.credit,
            initial: self.options.initial_credits,
            owed: self.accounts.peer(&peer).balance(),
        };
        self.credit.claim(peer, change, &terms, now);
    }
}

fn times(price: MicroCredits, count: u32) -> MicroCredits {
    MicroCredits(price.0.saturating_mul(i64::from(count)))
}
