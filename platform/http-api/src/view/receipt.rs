//! What was settled for a task, as both sides signed it. Values made for one answer; own nothing.

use super::{Hash, credits_text, name_of};
use async_graphql::SimpleObject;
use job_model::HalfBlock;
use job_model::sign::Signed;
use node::api::ReceiptReport;
use serde::Serialize;
use utoipa::ToSchema;

/// A settlement between the requester and one worker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Receipt {
    /// The task.
    #[schema(value_type = Hash)]
    pub task_id: String,
    /// Who pays.
    #[schema(value_type = Hash)]
    pub requester: String,
    /// Who is paid.
    #[schema(value_type = Hash)]
    pub worker: String,
    /// Number of the quote that sets the prices.
    pub quote: u64,
    /// Paid in all, in micro-credits.
    pub amount: i64,
    /// Paid in all, in credits.
    pub amount_credits: String,
    /// Fuel of all lines.
    pub fuel: u64,
    /// When the requester settled.
    pub at: u64,
    /// Merkle root over the lines.
    #[schema(value_type = Hash)]
    pub lines_root: String,
    /// What was judged and paid.
    pub lines: Vec<ReceiptLine>,
    /// The requester's signed half.
    pub proposal: HalfBlockView,
    /// The worker's signed half; null while it is due.
    pub answer: Option<HalfBlockView>,
    /// Whether both sides signed.
    pub signed_by_both: bool,
}

/// One replica in a settlement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct ReceiptLine {
    /// Its chunk.
    pub chunk: u32,
    /// Which execution of the chunk.
    pub attempt: u32,
    /// The result it committed to.
    #[schema(value_type = Hash)]
    pub vote: String,
    /// Fuel it declared.
    pub fuel: u64,
    /// Bytes read and written.
    pub bytes: u64,
    /// What it is paid, in micro-credits.
    pub price: i64,
    /// `accepted`, `wrong`, `late` or `undecided`.
    pub verdict: String,
}

/// One link of a node's chain of receipts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[schema(as = HalfBlock)]
#[graphql(name = "HalfBlock", rename_fields = "snake_case")]
pub struct HalfBlockView {
    /// Whose chain.
    #[schema(value_type = Hash)]
    pub author: String,
    /// Position in it, from 1.
    pub seq: u64,
    /// Hash of the author's half block before; zeros for the first.
    #[schema(value_type = Hash)]
    pub previous: String,
    /// Hash of the half block this one answers; zeros in a proposal.
    #[schema(value_type = Hash)]
    pub answers: String,
    /// The author's balance with the other side after it, in micro-credits.
    pub balance: i64,
    /// What was signed, as hexadecimal CBOR.
    pub statement: String,
    /// Ed25519 signature in hexadecimal digits.
    pub signature: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn half(signed: &Signed<HalfBlock>) -> Option<(HalfBlockView, HalfBlock)> {
    let block = signed.open().ok()?;
    let view = HalfBlockView {
        author: block.author.to_string(),
        seq: block.seq,
        previous: block.previous.to_string(),
        answers: block.answers.to_string(),
        balance: block.balance.0,
        statement: hex(signed.bytes()),
        signature: hex(&signed.signature().0),
    };
    Some((view, block))
}

/// A receipt for people; none where the half blocks cannot be read, which `ledger verify` tells of.
pub fn receipt(report: ReceiptReport) -> Option<Receipt> {
    let (proposal, block) = half(&report.proposal)?;
    let answer = report.answer.as_ref().and_then(half).map(|(view, _)| view);
    let settlement = block.settlement;
    let line = |line: job_model::ReceiptLine| ReceiptLine {
        chunk: line.chunk,
        attempt: line.attempt,
        vote: line.vote.0.to_string(),
        fuel: line.fuel,
        bytes: line.bytes,
        price: line.price.0,
        verdict: name_of(&line.verdict),
    };
    Some(Receipt {
        task_id: settlement.task.to_string(),
        requester: settlement.requester.to_string(),
        worker: settlement.worker.to_string(),
        quote: settlement.quote,
        amount: settlement.amount.0,
        amount_credits: credits_text(settlement.amount),
        fuel: settlement.fuel,
        at: settlement.at.0,
        lines_root: settlement.lines_root.to_string(),
        lines: report.lines.into_iter().map(line).collect(),
        proposal,
        signed_by_both: answer.is_some(),
        answer,
    })
}
