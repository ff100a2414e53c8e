//! Every text a person may read, as it reads.

use crate::chunk::PlanError;
use crate::codec::{DecodeError, decode};
use crate::ids::ParseIdError;
use crate::manifest::ManifestError;
use crate::sign::SignatureError;
use crate::{LossReason, MicroCredits, NoVerdict, NodeId, TaskFailure};

#[test]
fn error_texts_name_the_thing_and_the_remedy() {
    let node = NodeId([0xab; 32]);
    let hex = "ab".repeat(32);
    let texts: Vec<(String, String)> = vec![
        (ParseIdError::Length(3).to_string(), "expected 64 hexadecimal digits, got 3 characters".into()),
        (ParseIdError::Digit('x').to_string(), "expected 64 hexadecimal digits, found 'x'".into()),
        (
            "1e3".parse::<MicroCredits>().unwrap_err().to_string(),
            "expected an amount of credits such as 1.5 (at most 6 decimals), got \"1e3\"".into(),
        ),
        (DecodeError::TooLarge { bytes: 9, limit: 8 }.to_string(), "9 bytes, at most 8 are allowed".into()),
        (PlanError::Empty.to_string(), "plan returned no chunk".into()),
        (
            PlanError::TooManyChunks(10_000_000).to_string(),
            "plan returned 10000000 chunks, at most 1000000 are allowed; use a larger --chunk-size".into(),
        ),
        (
            PlanError::Body { chunk: 3, bytes: 70_000 }.to_string(),
            "chunk 3 has a body of 70000 bytes, at most 65536 are allowed; large data belongs into inputs".into(),
        ),
        (PlanError::Slices { chunk: 3, slices: 65 }.to_string(), "chunk 3 has 65 slices, at most 64 are allowed".into()),
        (
            PlanError::Range { chunk: 3, input: 1, offset: 5, length: 6, size: Some(7) }.to_string(),
            "chunk 3 asks for bytes 5+6 of input 1: it has 7 bytes".into(),
        ),
        (ManifestError::Name("A".into()).to_string(), "job name \"A\" is not of the form [a-z][a-z0-9_-]{0,63}".into()),
        (ManifestError::DuplicateInput("x".into()).to_string(), "input \"x\" is declared twice".into()),
        (SignatureError::Key(node).to_string(), format!("{hex} is not a valid node key")),
        (SignatureError::Wrong(node).to_string(), format!("the signature of node {hex} does not fit its statement")),
        (LossReason::Refused("quote 7 has expired".into()).to_string(), "the worker refused: quote 7 has expired".into()),
        (
            NoVerdict::MemoryLimit { limit_bytes: 5 }.to_string(),
            "the memory limit of 5 bytes was reached; ask for more with --memory".into(),
        ),
        (
            TaskFailure::Price { limit: MicroCredits(1_500_000), done: 1, chunks: 9 }.to_string(),
            "the price limit of 1.5 credits is reached with 1 of 9 chunks accepted; submit again with a higher --max-price: accepted chunks are recalled, not run again".into(),
        ),
        (
            TaskFailure::Attempts { chunk: 4, attempts: 8, last: "the worker disconnected".into() }.to_string(),
            "chunk 4 got no verdict in 8 attempts; the last: the worker disconnected".into(),
        ),
    ];
    for (text, expected) in texts {
        assert_eq!(text, expected);
    }
}

#[test]
fn a_decode_error_names_the_type() {
    let error = decode::<crate::Message>(&[0xff], 10).unwrap_err().to_string();
    assert!(error.starts_with("not a valid Message: "), "{error}");
}
