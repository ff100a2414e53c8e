//! The record of one chunk: who ran it, what they said, what was believed. A value made for one answer; owns nothing.

use super::{Hash, Usage, name_of};
use async_graphql::SimpleObject;
use job_model::event::{CheckVerdict, CompareVerdict};
use node::api::{ChunkView, ComparedView, ReplicaOutcome, ReplicaView};
use serde::Serialize;
use utoipa::ToSchema;

/// The record of one chunk.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Chunk {
    /// Its index, from 0.
    pub chunk: u32,
    /// `open`, `recalled`, `accepted` or `failed`.
    pub decision: String,
    /// The attempt whose outcome was accepted.
    pub winner: Option<u32>,
    /// One line: what was decided, and why.
    pub verdict: String,
    /// Its error, if it failed.
    pub error: Option<String>,
    /// Its executions in order.
    pub replicas: Vec<Replica>,
}

/// One execution of a chunk.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Replica {
    /// Which execution of the chunk, from 0.
    pub attempt: u32,
    /// Who runs it.
    #[schema(value_type = Hash)]
    pub node: String,
    /// Number of the quote that sets its price.
    pub quote: u64,
    /// Held for it, in micro-credits.
    pub hold: i64,
    /// Why it was placed: `policy`, `spot`, `escalation`, `hedge` or `retry`.
    pub reason: String,
    /// When it was placed.
    pub assigned_at: u64,
    /// What it used; zero while it runs.
    pub usage: Usage,
    /// `running`, `lost`, `no_verdict` or `voted`.
    pub state: String,
    /// Why it brought nothing, if it did not.
    pub why: Option<String>,
    /// What it voted for; equal votes are equal outcomes.
    #[schema(value_type = Option<Hash>)]
    pub vote: Option<String>,
    /// `accepted`, `wrong`, `late` or `undecided`; null before.
    pub verdict: Option<String>,
    /// What the job's own check said of its value: `accepted`, `refuted` or `failed`; null: it was not asked, or looks still.
    pub check: Option<String>,
    /// Why the check could not be done, where it failed.
    pub check_failure: Option<String>,
    /// The attempt whose output its own was found close to, itself if it was the first of its group; null: its task compares
    /// bytes, or it has no group.
    pub group: Option<u32>,
    /// What comparing its output with those of other attempts showed.
    pub compared: Vec<Compared>,
}

/// One comparison of an output with another one by tolerance.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Compared {
    /// The attempt whose output it was compared with.
    pub reference: u32,
    /// `close`, `apart`, or `failed`: it could not be done.
    pub verdict: String,
    /// Why it could not be done, where it failed.
    pub failure: Option<String>,
    /// The largest difference, relative to the largest element of its tensor in the reference; null where no number says it.
    pub difference: Option<f64>,
}

impl From<ComparedView> for Compared {
    fn from(view: ComparedView) -> Self {
        let (verdict, failure) = match view.verdict {
            CompareVerdict::Close => ("close", None),
            CompareVerdict::Apart => ("apart", None),
            CompareVerdict::Failed(why) => ("failed", Some(why)),
        };
        Self {
            reference: view.reference,
            verdict: verdict.to_owned(),
            failure,
            difference: view.difference.filter(|difference| difference.is_finite()),
        }
    }
}

impl From<ReplicaView> for Replica {
    fn from(view: ReplicaView) -> Self {
        let (state, why, vote, verdict) = match view.outcome {
            ReplicaOutcome::Running => ("running", None, None, None),
            ReplicaOutcome::Lost { why } => ("lost", Some(why), None, None),
            ReplicaOutcome::NoVerdict { why } => ("no_verdict", Some(why), None, None),
            ReplicaOutcome::Voted { vote, verdict } => {
                let verdict = verdict.map(|verdict| name_of(&verdict));
                ("voted", None, Some(vote.0.to_string()), verdict)
            }
        };
        let (check, check_failure) = match view.check {
            None => (None, None),
            Some(CheckVerdict::Failed(why)) => (Some("failed"), Some(why)),
            Some(CheckVerdict::Accepted) => (Some("accepted"), None),
            Some(CheckVerdict::Refuted) => (Some("refuted"), None),
        };
        Self {
            attempt: view.attempt,
            node: view.node.to_string(),
            quote: view.quote,
            hold: view.hold.0,
            reason: name_of(&view.reason),
            assigned_at: view.assigned.0,
            usage: view.usage.into(),
            state: state.to_owned(),
            why,
            vote,
            verdict,
            check: check.map(str::to_owned),
            check_failure,
            group: view.group,
            compared: view.compared.into_iter().map(Compared::from).collect(),
        }
    }
}

impl From<ChunkView> for Chunk {
    fn from(view: ChunkView) -> Self {
        Self {
            chunk: view.chunk,
            decision: view.decision.to_owned(),
            winner: view.winner,
            verdict: view.verdict,
            error: view.error,
            replicas: view.replicas.into_iter().map(Replica::from).collect(),
        }
    }
}
