//! `ledger transfer`: gives credits to a connected peer and waits a moment for its signature.

use super::{bad_input, not_found};
use crate::context::Context;
use crate::control::protocol::{ControlError, TransferReport};
use crate::core::Transferred;
use job_model::{Event, MicroCredits, NodeId};
use market::TransferError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// A peer that is there signs within a round trip and a sync of its disk; after this the transfer stays offered.
const SIGNED_WITHIN: Duration = Duration::from_secs(10);
/// How often a refusal is looked for while the signature is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Chains the transfer, sends it, and says what became of it. Closing the connection ends the waiting, not the transfer.
pub async fn give(context: &Arc<Context>, node: NodeId, amount: MicroCredits) -> Result<TransferReport, ControlError> {
    let mut events = context.events.subscribe();
    let asked = move |core: &mut crate::core::Core| core.is_connected(&node).then(|| core.transfer(node, amount));
    let Some(given) = context.ask(asked).await? else {
        return Err(not_found(
            format!("node {node} is not connected"),
            "`p2pjob peers` lists the connected nodes; credits can be given to those",
        ));
    };
    let Transferred { seq, amount, fee } = given.map_err(|error| refused(&error))?;
    let mut report = TransferReport {
        peer: node,
        amount: amount + fee,
        received: amount,
        fee,
        seq,
        signed: false,
        refused: None,
    };
    let deadline = tokio::time::Instant::now() + SIGNED_WITHIN;
    while tokio::time::Instant::now() < deadline {
        let event = tokio::time::timeout(LOOK_EVERY, events.recv()).await;
        match event {
            Ok(Ok(record)) => {
                let of_this = matches!(&record.event, Event::SettlementSigned { peer, seq: at, fee: Some(_), .. } if *peer == node && *at == seq);
                if of_this {
                    report.signed = true;
                    return Ok(report);
                }
            }
            Ok(Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) => break,
            Err(_) => {
                let (signed, refusal) = context
                    .ask(move |core| (core.has_signed(seq), core.refusal(&node, seq)))
                    .await?;
                if signed || refusal.is_some() {
                    (report.signed, report.refused) = (signed, refusal);
                    return Ok(report);
                }
            }
        }
    }
    Ok(report)
}

fn refused(error: &TransferError) -> ControlError {
    let remedy = match error {
        TransferError::Itself | TransferError::Least { .. } => "see `p2pjob ledger transfer --help`",
        TransferError::Balance { .. } => "give less, or wait until running tasks have ended; `p2pjob ledger` shows all",
        TransferError::Trust { .. } | TransferError::Credit(_) => {
            "give less; `p2pjob ledger` shows in `credit left` what the peer would take this node's word for"
        }
        TransferError::Most { .. } | TransferError::Fee { .. } => "ask the operator of the other node",
    };
    bad_input(error.to_string(), remedy)
}
