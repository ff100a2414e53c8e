//! Whether the results of a chunk are enough, and if not, how many replicas it still wants. Pure.
//!
//! - `none`: the first vote is accepted.
//! - `spot(p)`: as `none`, but after the first vote a draw decides whether a second, equal one is wanted. The draw is a
//!   hash over the node's secret, task and chunk: no worker can foresee it.
//! - `quorum(k)`: `k` equal votes from distinct nodes, and strictly more than any other vote has.
//! - `check`: a value that the job's own check accepts, from whoever it is. While a value is looked at nothing else is
//!   wanted. Errors cannot be checked, and where a check could not be done it is not tried again: for both it is as `quorum(2)`.
//!
//! Equal votes are votes of one group: the same bytes, or values close to one reference where the task compares by tolerance
//! ([`crate::groups`]). While values are being compared nothing else is wanted.
//!
//! Votes of a distrusted node do not count, nor does one that the check refuted. When votes disagree, one more replica at a time is wanted until a group wins.

use crate::groups::awaiting_comparison;
use crate::options::SchedulerOptions;
use crate::queue::GroupKey;
use crate::state::{ChunkState, Replica, ReplicaState};
use crate::workers::{NodeIx, Nodes};
use job_model::event::{AssignReason, CheckVerdict};
use job_model::{BlobHash, LossReason, NoVerdict, Outcome, TaskConfig, TaskId, VerifyPolicy, VoteKey};

/// What the rules need to know besides the chunk.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a SchedulerOptions,
    pub(crate) nodes: &'a Nodes,
    pub(crate) task: &'a TaskId,
    pub(crate) config: &'a TaskConfig,
}

/// Where an open chunk stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// A vote won.
    Accept { winner: u32, vote: VoteKey },
    /// Undecided; this many more replicas are wanted now (0: wait for those that run).
    Open { missing: u32 },
    /// No replica may or need be placed any more, and none runs.
    Exhausted { attempts: u32, last: String },
}

impl Bench<'_> {
    /// Equal votes wanted.
    fn wanted(&self, chunk: u32, voted: bool) -> u32 {
        match self.config.verify {
            VerifyPolicy::None => 1,
            VerifyPolicy::Quorum(k) => u32::from(k).max(1),
            VerifyPolicy::Spot(p) => 1 + u32::from(voted && self.is_spot_checked(chunk, p)),
            // A vote that is here and not being checked needs a second opinion.
            VerifyPolicy::Check => 1 + u32::from(voted),
        }
    }

    /// The draw of a spot check.
    fn is_spot_checked(&self, chunk: u32, probability: f64) -> bool {
        let mut bytes = [0u8; 68];
        bytes[..32].copy_from_slice(&self.options.secret);
        bytes[32..64].copy_from_slice(self.task.as_bytes());
        bytes[64..].copy_from_slice(&chunk.to_le_bytes());
        draw(&bytes) < probability
    }

    /// Executions of a chunk that may end at their workers.
    fn max_attempts(&self) -> u32 {
        let k = match self.config.verify {
            VerifyPolicy::Quorum(k) => u32::from(k),
            VerifyPolicy::Check => 2,
            VerifyPolicy::None | VerifyPolicy::Spot(_) => 1,
        };
        self.options.max_attempts.max(2 * k)
    }

    /// Where the chunk stands.
    pub(crate) fn standing(&self, index: u32, chunk: &ChunkState) -> Standing {
        if awaiting_check(self.config.verify, self.nodes, chunk).next().is_some()
            || !awaiting_comparison(self.config, self.nodes, chunk).is_empty()
        {
            return Standing::Open { missing: 0 };
        }
        if let Some((winner, vote)) = checked_value(chunk) {
            return Standing::Accept { winner, vote };
        }
        let votes = self.votes(chunk);
        let wanted = self.wanted(index, !votes.is_empty());
        let (winner, best, second) = leaders(&votes);
        if best >= wanted
            && best > second
            && let Some((winner, vote)) = winner
        {
            // Of a group its reference, if that one's node is still trusted.
            let own = |(attempt, _): &&(u32, VoteKey)| {
                let replica = chunk.replicas.get(*attempt as usize);
                replica.and_then(Replica::vote) == Some(vote)
            };
            let winner = votes.iter().find(own).map_or(winner, |(attempt, _)| *attempt);
            return Standing::Accept { winner, vote };
        }
        let running = chunk.replicas.iter().filter(|replica| replica.is_running()).count();
        let helps = |replica: &&Replica| {
            let counts = matches!(replica.state, ReplicaState::Running { hedged: false });
            counts && !self.nodes.is_distrusted(replica.node) && !chunk.has_vote_of(replica.node)
        };
        let helping = chunk.replicas.iter().filter(helps).count() as u32;
        let more = wanted.saturating_sub(best).max(1);
        let missing = more.saturating_sub(helping).min(self.attempts_left(chunk));
        let limit = self.same_limit(chunk);
        if running == 0 && (missing == 0 || limit.is_some()) {
            let last = limit
                .or_else(|| chunk.replicas.last().map(last_words))
                .unwrap_or_default();
            return Standing::Exhausted {
                attempts: chunk.replicas.len() as u32,
                last,
            };
        }
        Standing::Open {
            missing: if limit.is_some() { 0 } else { missing },
        }
    }

    /// How many more executions the chunk may have, as far as is known now.
    pub(crate) fn attempts_left(&self, chunk: &ChunkState) -> u32 {
        let (mut attempts, mut losses) = (0, 0);
        for replica in &chunk.replicas {
            match &replica.state {
                ReplicaState::Running { .. } | ReplicaState::Finished(_) => attempts += 1,
                ReplicaState::Lost(why) => match **why {
                    LossReason::Refused(_) => attempts += 1,
                    LossReason::Disconnected | LossReason::Stalled => losses += 1,
                    LossReason::Restarted | LossReason::Superseded | LossReason::TaskEnded => {}
                },
            }
        }
        if losses < self.options.max_losses {
            self.max_attempts().saturating_sub(attempts)
        } else {
            0
        }
    }

    /// The group of the waiting queue an open chunk belongs to.
    pub(crate) fn group(&self, index: u32, chunk: &ChunkState) -> Option<GroupKey> {
        let Standing::Open { missing: missing @ 1.. } = self.standing(index, chunk) else {
            return None;
        };
        let (mut hard, mut soft) = (Vec::new(), Vec::new());
        for replica in &chunk.replicas {
            match &replica.state {
                ReplicaState::Running { .. } => hard.push(replica.node),
                ReplicaState::Finished(finished) if finished.vote.is_some() => hard.push(replica.node),
                // Our own restart says nothing against the node.
                ReplicaState::Lost(why) if **why == LossReason::Restarted => {}
                ReplicaState::Finished(_) | ReplicaState::Lost(_) => soft.push(replica.node),
            }
        }
        Some(GroupKey::new(hard, soft, missing))
    }

    /// Why the next replica of this chunk would be placed.
    pub(crate) fn reason(&self, chunk: &ChunkState) -> AssignReason {
        let votes = self.votes(chunk);
        if chunk.replicas.iter().any(Replica::is_refuted) {
            return AssignReason::Escalation;
        }
        if votes
            .iter()
            .any(|(_, vote)| votes.first().is_some_and(|(_, first)| vote != first))
        {
            return AssignReason::Escalation;
        }
        if chunk.replicas.iter().any(|r| !r.is_running() && r.vote().is_none()) {
            return AssignReason::Retry;
        }
        match self.config.verify {
            VerifyPolicy::Spot(_) if !votes.is_empty() => AssignReason::Spot,
            _ => AssignReason::Policy,
        }
    }

    /// Attempt and vote of every trusted node, the first of each node; what was refuted is none.
    fn votes(&self, chunk: &ChunkState) -> Vec<(u32, VoteKey)> {
        let mut votes = Vec::new();
        for (attempt, replica) in chunk.replicas.iter().enumerate() {
            let Some(vote) = chunk.counted_vote(replica) else {
                continue;
            };
            let earlier = chunk.replicas[..attempt]
                .iter()
                .any(|r| r.node == replica.node && r.vote().is_some());
            if !earlier && !self.nodes.is_distrusted(replica.node) && !replica.is_refuted() {
                votes.push((attempt as u32, vote));
            }
        }
        votes
    }

    /// The limit that enough distinct nodes met: then it is the job's, not the nodes'.
    fn same_limit(&self, chunk: &ChunkState) -> Option<String> {
        let met = |r: &Replica| match &r.state {
            ReplicaState::Finished(finished) => match &finished.outcome {
                Some(Outcome::NoVerdict(
                    why @ (NoVerdict::StackOverflow | NoVerdict::MemoryLimit { .. } | NoVerdict::TimedOut { .. }),
                )) => Some((std::mem::discriminant(why), why.to_string())),
                _ => None,
            },
            _ => None,
        };
        if chunk.replicas.len() < self.options.same_limit_nodes as usize {
            return None;
        }
        for replica in &chunk.replicas {
            let Some((kind, text)) = met(replica) else { continue };
            let mut nodes: Vec<NodeIx> = chunk
                .replicas
                .iter()
                .filter(|r| met(r).is_some_and(|(k, _)| k == kind))
                .map(|r| r.node)
                .collect();
            nodes.sort_unstable();
            nodes.dedup();
            if nodes.len() >= self.options.same_limit_nodes as usize {
                return Some(text);
            }
        }
        None
    }
}

/// The attempts of a chunk whose values the job's own check has to look at: those of trusted nodes, while every check of the
/// chunk could be done.
pub(crate) fn awaiting_check<'a>(
    policy: VerifyPolicy,
    nodes: &'a Nodes,
    chunk: &'a ChunkState,
) -> impl Iterator<Item = u32> + 'a {
    let checks = policy == VerifyPolicy::Check && chunk.is_open() && !chunk.is_unchecked();
    let waits = move |replica: &Replica| {
        checks && replica.value().is_some() && replica.checked().is_none() && !nodes.is_distrusted(replica.node)
    };
    let replicas = chunk.replicas.iter().enumerate();
    replicas
        .filter(move |(_, replica)| waits(replica))
        .map(|(attempt, _)| attempt as u32)
}

/// The first attempt whose value the job's own check accepted, and its vote. Right is right, whoever sent it.
fn checked_value(chunk: &ChunkState) -> Option<(u32, VoteKey)> {
    let accepted = |replica: &Replica| replica.checked() == Some(&CheckVerdict::Accepted);
    let attempt = chunk.replicas.iter().position(accepted)?;
    Some((attempt as u32, chunk.replicas[attempt].vote()?))
}

/// The first attempt of the largest group and its vote, its size, and the size of the next one.
fn leaders(votes: &[(u32, VoteKey)]) -> (Option<(u32, VoteKey)>, u32, u32) {
    let (mut leader, mut best, mut second) = (None, 0, 0);
    for (at, (attempt, vote)) in votes.iter().enumerate() {
        if votes[..at].iter().any(|(_, earlier)| earlier == vote) {
            continue;
        }
        let count = votes.iter().filter(|(_, other)| other == vote).count() as u32;
        if count > best {
            second = best;
            best = count;
            leader = Some((*attempt, *vote));
        } else {
            second = second.max(count);
        }
    }
    (leader, best, second)
}

/// What an execution left behind, for the failure of its task.
pub(crate) fn last_words(replica: &Replica) -> String {
    match &replica.state {
        ReplicaState::Running { .. } => "it is running".into(),
        ReplicaState::Lost(why) => why.to_string(),
        ReplicaState::Finished(finished) => match &finished.outcome {
            Some(Outcome::Value(_)) => "the results disagree".into(),
            Some(outcome) => outcome.error_text(),
            None => "it was judged".into(),
        },
    }
}

/// A number in 0..1 that only the bytes determine.
fn draw(bytes: &[u8]) -> f64 {
    // 53 bits: what a float holds exactly.
    (hash_word(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

/// The first word of a hash of the bytes.
pub(crate) fn hash_word(bytes: &[u8]) -> u64 {
    let hash = BlobHash::of(bytes);
    let mut word = [0u8; 8];
    word.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(word)
}
