//! Opening the ledger file.

use super::StartError;
use crate::core::count_verdicts;
use job_model::NodeId;
use market::ledger_file::{LedgerTail, new_ledger};
use market::{Chain, LedgerError, LedgerRecord, read_ledger};
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

/// Our chain, where the file ends, and what requesters judged of our replicas (right, wrong).
pub type Ledger = (Chain, LedgerTail, (u64, u64));

/// Reads the ledger file; a record that was being written when the node died was never sent and is cut off.
pub fn open_ledger(path: &Path, me: NodeId) -> Result<Ledger, StartError> {
    let fail = |why: String| StartError::Ledger {
        path: path.to_owned(),
        why,
    };
    let io = |error: std::io::Error| fail(error.to_string());
    let mut chain = Chain::new(me);
    let mut judged = (0, 0);
    let length = std::fs::metadata(path).map_or(0, |meta| meta.len());
    if length == 0 {
        return create_ledger(path, me).map(|tail| (chain, tail, (0, 0))).map_err(io);
    }
    let file = File::open(path).map_err(io)?;
    let mut reader = match read_ledger(BufReader::new(file)) {
        Ok(reader) => reader,
        Err(LedgerError::TornHeader(_)) => {
            return create_ledger(path, me).map(|tail| (chain, tail, (0, 0))).map_err(io);
        }
        Err(error) => return Err(fail(error.to_string())),
    };
    if reader.tail().owner != me {
        return Err(fail(format!(
            "it belongs to node {}, the key in this directory is {me}",
            reader.tail().owner
        )));
    }
    loop {
        match reader.next() {
            None => break,
            Some(Ok(record)) => {
                if let LedgerRecord::Countersigned { lines, .. } = &record {
                    count_verdicts(&mut judged, lines);
                }
                chain.replay(record).map_err(|error| fail(error.to_string()))?;
            }
            Some(Err(LedgerError::Torn { offset, .. })) => {
                let file = File::options().write(true).open(path).map_err(io)?;
                file.set_len(offset).and_then(|()| file.sync_all()).map_err(io)?;
                break;
            }
            Some(Err(error)) => return Err(fail(error.to_string())),
        }
    }
    Ok((chain, reader.tail(), judged))
}

fn create_ledger(path: &Path, me: NodeId) -> std::io::Result<LedgerTail> {
    let (header, tail) = new_ledger(me);
    let mut file = File::create(path)?;
    file.write_all(&header)?;
    file.sync_all()?;
    Ok(tail)
}
