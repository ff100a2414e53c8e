//! The worker's side of credit: what a requester may have run before it pays. The rules are the market's; this turns
//! them into refusals that the requester can read.

use super::Core;
use crate::context::Ran as RanBatch;
use crate::worker::no_verdict;
use job_model::event::ReplicaResult;
use job_model::message::AssignBatch;
use job_model::{NoVerdict, NodeId, Priority};
use market::{AdmissionAsk, Ran};

impl Core {
    /// Why a requester gets no quote, if it is for what it owes.
    pub(super) fn credit_refusal(&self, from: &NodeId, priority: Priority) -> Option<String> {
        let refused = self.market.may_serve(from, priority, self.now).err();
        refused.map(|error| error.to_string())
    }

    /// Keeps the replicas that the requester has credit for and sends the others back. None is left of a batch under a
    /// quote that is not known here.
    pub(super) fn admit(&mut self, from: NodeId, mut batch: Box<AssignBatch>) -> Option<Box<AssignBatch>> {
        if from == self.me {
            return Some(batch);
        }
        let (task, job, quote) = (batch.task, batch.job, batch.quote);
        let (admitted, why) = match self.market.issued_rates(&from, &job, quote, self.now) {
            Ok(rates) => {
                let ask = AdmissionAsk {
                    requester: from,
                    job,
                    rates,
                    priority: batch.priority,
                    replicas: u32::try_from(batch.replicas.len()).unwrap_or(u32::MAX),
                };
                match self.market.admit(&ask, self.now) {
                    Ok(count) => (count, "your credit line at this node is used up".to_owned()),
                    Err(error) => (0, error.to_string()),
                }
            }
            Err(_) => (
                0,
                format!("quote {quote} is not known here or has ended; ask for a new one"),
            ),
        };
        let kept = usize::try_from(admitted)
            .unwrap_or(usize::MAX)
            .min(batch.replicas.len());
        let refused: Vec<ReplicaResult> = batch
            .replicas
            .drain(kept..)
            .map(|a| no_verdict((a.chunk, a.attempt), NoVerdict::Refused(why.clone())))
            .collect();
        if !refused.is_empty() {
            self.send_ran(from, task, refused);
        }
        (!batch.replicas.is_empty()).then_some(batch)
    }

    /// What replicas of others cost here is remembered until a receipt covers it, on disk and as a claim.
    pub(super) fn remember_ran(&mut self, ran: &RanBatch) {
        let RanBatch {
            requester,
            task,
            job,
            quote,
            results,
        } = ran;
        let Ok(rates) = self.market.agreed_rates(requester, job, *quote) else {
            return;
        };
        for result in results {
            let Some(remembered) = Ran::new(&result.outcome, &result.usage, &rates) else {
                continue;
            };
            let key = crate::journal::ran_key(task, result.chunk, result.attempt);
            self.batch.ran.push((key, job_model::codec::encode(&remembered)));
        }
        self.market.ran((*requester, *job), &rates, results, self.now);
    }
}
