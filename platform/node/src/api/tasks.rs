//! Tasks of a running node: submitted once per key, listed in pages, and their receipts.

use super::Api;
use crate::control::protocol::{ControlError, SubmitRequest};
use crate::control::requests::{internal, submit};
use crate::control::server::Replies;
use job_model::sign::Signed;
use job_model::{HalfBlock, ReceiptLine, TaskId};
use market::{LedgerRecord, read_ledger};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

pub use crate::core::{TaskFilter, TaskPage, TaskPlace};

/// Most receipts of one task that are read from the ledger file.
const MAX_RECEIPTS: usize = 100_000;

/// A settlement of a task, as the ledger file has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceiptReport {
    /// The requester's half block.
    pub proposal: Signed<HalfBlock>,
    /// The worker's, once it is there.
    pub answer: Option<Signed<HalfBlock>>,
    /// What was judged and paid.
    pub lines: Vec<ReceiptLine>,
}

impl Api {
    /// Submits a task whose id follows from its specification and the nonce: submitting the same again, even after a
    /// crash, gives the id of the task that is there.
    pub async fn submit_once(&self, request: SubmitRequest, nonce: [u8; 16]) -> Result<TaskId, ControlError> {
        submit::submit_with(self.context(), request, nonce, &Replies::nobody()).await
    }

    /// Whether this node knows a task, and whose it is; empty: the node's own user.
    pub async fn find_task_owner(&self, task: TaskId) -> Result<Option<String>, ControlError> {
        let owner = self
            .context()
            .ask(move |core| core.tasks.get(&task).map(|entry| entry.owner.clone()));
        Ok(owner.await?)
    }

    /// At most `limit` tasks, the newest first, from a place on. Reads in steps: other work of the node goes on between.
    pub async fn task_page(
        &self,
        filter: TaskFilter,
        from: Option<TaskPlace>,
        limit: usize,
    ) -> Result<TaskPage, ControlError> {
        let mut page = TaskPage {
            tasks: Vec::new(),
            next: from,
        };
        loop {
            let (step, place, left) = (filter.clone(), page.next, limit.saturating_sub(page.tasks.len()));
            let found = self
                .context()
                .ask(move |core| core.task_page(&step, place, left))
                .await?;
            page.tasks.extend(found.tasks);
            page.next = found.next;
            if page.next.is_none() || page.tasks.len() >= limit {
                return Ok(page);
            }
        }
    }

    /// Receipts of a task from position `from` on, the oldest first, as far as this node's ledger has them.
    pub async fn receipts(&self, task: TaskId, from: usize, limit: usize) -> Result<Vec<ReceiptReport>, ControlError> {
        let file = self.data_dir().join("ledger.cbor");
        let reading = move || read_receipts(&file, task);
        let found = self.context().runtime.spawn_blocking(reading).await.map_err(internal)?;
        Ok(found?.into_iter().skip(from).take(limit).collect())
    }
}

fn is_of(half: &Signed<HalfBlock>, task: TaskId) -> bool {
    half.open().is_ok_and(|block| block.settlement.task == task)
}

fn read_receipts(file: &Path, task: TaskId) -> Result<Vec<ReceiptReport>, ControlError> {
    let mut found: Vec<ReceiptReport> = Vec::new();
    let opened = match File::open(file) {
        Ok(opened) => opened,
        // Nothing was settled yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(internal(format!("the ledger file: {error}"))),
    };
    let Ok(records) = read_ledger(BufReader::new(opened)) else {
        // The header is being written.
        return Ok(found);
    };
    // The last record may be being written; it is told of the next time. What is damaged, `ledger verify` tells.
    for record in records.map_while(Result::ok) {
        match record {
            LedgerRecord::Proposed { half, lines } if is_of(&half, task) => found.push(ReceiptReport {
                proposal: half,
                answer: None,
                lines,
            }),
            LedgerRecord::Countersigned {
                proposal,
                answer,
                lines,
            } if is_of(&proposal, task) => found.push(ReceiptReport {
                proposal,
                answer: Some(answer),
                lines,
            }),
            LedgerRecord::Answered { proposal, answer } if is_of(&answer, task) => {
                let of = |report: &&mut ReceiptReport| report.proposal.open().is_ok_and(|block| block.seq == proposal);
                if let Some(report) = found.iter_mut().rev().find(of) {
                    report.answer = Some(answer);
                }
            }
            _ => {}
        }
        if found.len() >= MAX_RECEIPTS {
            break;
        }
    }
    Ok(found)
}
