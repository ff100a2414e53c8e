//! What real guests send, recorded (`tests/burn-backend` writes the golden files): the answers are those of burn's own CPU
//! backend within rounding, and the same bits with every instruction set and number of threads.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use burn_host::ExactHost;
use serde::Deserialize;
use std::path::Path;
use tensor_compute::{BurnHost, BurnUpload, Isa, Session, Settings};

/// One call of the host; the order of variants and fields is the files' format.
#[derive(Deserialize)]
enum Call {
    Submit(Vec<u8>),
    Upload(u64, Vec<u64>, Vec<u8>, Vec<u8>),
    Read(Vec<u8>),
}

/// A stream: its name, what the guest sent, what burn's own backend computed.
type Stream = (String, Vec<Call>, Vec<f32>);

fn streams(family: &str) -> Vec<Stream> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{family}.bin"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    postcard::from_bytes(&bytes).unwrap()
}

/// All floats that a stream reads.
fn run(calls: &[Call], isa: Isa, threads: usize) -> Result<Vec<f32>, String> {
    let settings = Settings {
        isa,
        threads,
        ..Settings::default()
    };
    let account = Session::unlimited(settings);
    let mut session = ExactHost.open(&account).unwrap();
    let mut found = Vec::new();
    for call in calls {
        match call {
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
            Call::Read(tensor) => session.read(&account, tensor).map(|bytes| {
                let (words, rest) = bytes.as_chunks();
                assert!(rest.is_empty(), "no float32");
                found.extend(words.iter().map(|word| f32::from_le_bytes(*word)));
            }),
        }
        .map_err(|error| error.to_string())?;
    }
    Ok(found)
}

/// The first difference of two results, relative to the largest element.
fn difference(expected: &[f32], found: &[f32]) -> Option<String> {
    if expected.len() != found.len() {
        return Some(format!("{} elements, not {}", found.len(), expected.len()));
    }
    let finite = expected.iter().filter(|x| x.is_finite());
    let scale = finite.fold(1.0f32, |most, x| most.max(x.abs()));
    let far = |(a, b): (&f32, &f32)| a.to_bits() != b.to_bits() && !((a - b).abs() <= 2e-5 * scale);
    let at = expected.iter().zip(found).position(far)?;
    Some(format!("element {at} is {}, not {}", found[at], expected[at]))
}

fn check(family: &str) {
    let streams = streams(family);
    assert!(streams.len() > 10, "{family} has {} streams", streams.len());
    let mut wrong = Vec::new();
    for (name, calls, expected) in &streams {
        let first = run(calls, Isa::detect(), 2);
        match &first {
            Ok(found) => wrong.extend(difference(expected, found).map(|why| format!("{name}: {why}"))),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
        let bits = |found: &Result<Vec<f32>, String>| -> Option<Vec<u32>> {
            found.as_ref().ok().map(|all| all.iter().map(|x| x.to_bits()).collect())
        };
        for (isa, threads) in Isa::available().into_iter().flat_map(|isa| [(isa, 1), (isa, 3)]) {
            if bits(&run(calls, isa, threads)) != bits(&first) {
                wrong.push(format!("{name}: other bits with {} and {threads} threads", isa.name()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        streams.len(),
        wrong.join("\n")
    );
}

#[test]
fn elementwise() {
    check("elementwise");
}

#[test]
fn moves() {
    check("moves");
}

#[test]
fn folds() {
    check("folds");
}

#[test]
fn products() {
    check("products");
}

#[test]
fn layers() {
    check("layers");
}
