//! What real guests send, recorded (`tests/burn-backend` writes the golden files, after it has compared every answer with burn's
//! own CPU backend): the answers have the recorded bits with every instruction set and number of threads.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod hostile;

use burn_host::ExactHost;
use serde::Deserialize;
use std::path::Path;
use tensor_compute::{BurnHost, BurnUpload, Isa, Session, Settings};

/// One call of the host; the order of variants and fields is the files' format.
#[derive(Clone, Deserialize)]
enum Call {
    Submit(Vec<u8>),
    Upload(u64, Vec<u64>, Vec<u8>, Vec<u8>),
    Read(Vec<u8>, Vec<u8>),
}

/// A stream: its name, what the guest sent and was answered.
type Stream = (String, Vec<Call>);

fn streams(family: &str) -> Vec<Stream> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{family}.bin"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    postcard::from_bytes(&bytes).unwrap()
}

/// Plays a stream; an error tells what was answered otherwise.
fn play(calls: &[Call], isa: Isa, threads: usize) -> Result<(), String> {
    let settings = Settings {
        isa,
        threads,
        ..Settings::default()
    };
    let account = Session::unlimited(settings);
    let mut session = ExactHost.open(&account).unwrap();
    for (at, call) in calls.iter().enumerate() {
        let done = match call {
            Call::Submit(batch) => session.submit(&account, batch),
            Call::Upload(id, shape, element_type, bytes) => {
                let upload = BurnUpload {
                    id: *id,
                    shape,
                    element_type,
                    bytes,
                };
                session.upload(&account, upload)
            }
            Call::Read(tensor, expected) => match session.read(&account, tensor) {
                Ok(found) if found != *expected => return Err(format!("call {at} reads other bytes")),
                answer => answer.map(drop),
            },
        };
        done.map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn check(family: &str, least: usize) {
    let streams = streams(family);
    assert!(streams.len() >= least, "{family} has {} streams", streams.len());
    let mut wrong = Vec::new();
    for (name, calls) in &streams {
        assert!(
            calls
                .iter()
                .any(|call| matches!(call, Call::Read(_, bytes) if !bytes.is_empty())),
            "{name} reads nothing"
        );
        for (isa, threads) in Isa::available()
            .into_iter()
            .flat_map(|isa| [1, 2, 3].map(|threads| (isa, threads)))
        {
            if let Err(why) = play(calls, isa, threads) {
                wrong.push(format!("{name}, {} x{threads}: {why}", isa.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn elementwise() {
    check("elementwise", 25);
}

#[test]
fn moves() {
    check("moves", 15);
}

#[test]
fn folds() {
    check("folds", 12);
}

#[test]
fn products() {
    check("products", 8);
}

#[test]
fn layers() {
    check("layers", 15);
}
