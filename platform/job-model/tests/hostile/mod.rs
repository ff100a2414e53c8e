//! A stranger's bytes end in an error: truncated, mutated, nested, oversized, lying about lengths.

use crate::samples;
use job_model::codec::{DecodeError, decode, encode, encode_json};
use job_model::limits::{MAX_FRAME_BYTES, MAX_MANIFEST_BYTES};
use job_model::message::Gossip;
use job_model::{HalfBlock, Manifest, Message, NodeId, Recorded};

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let messages = samples::messages().into_iter().map(|(_, message)| encode(&message));
    let gossip = samples::gossip().into_iter().map(|(_, gossip)| encode(&gossip));
    let recorded = samples::recorded().into_iter().map(|(_, recorded)| encode(&recorded));
    messages.chain(gossip).chain(recorded).collect()
}

/// Decodes as everything that comes from outside, and opens what is signed. Returns whether anything decoded.
fn feed(bytes: &[u8]) -> bool {
    let message = decode::<Message>(bytes, MAX_FRAME_BYTES);
    match &message {
        Ok(Message::Settle { half, .. } | Message::Settled { half }) => drop(half.open()),
        Ok(Message::QuoteOffer(quote)) => drop(quote.open()),
        Ok(Message::Hello(hello)) => drop(hello.advert.open()),
        _ => {}
    }
    let gossip = decode::<Gossip>(bytes, MAX_FRAME_BYTES).is_ok();
    let recorded = decode::<Recorded>(bytes, MAX_FRAME_BYTES).is_ok();
    let half = decode::<HalfBlock>(bytes, MAX_FRAME_BYTES).is_ok();
    message.is_ok() || gossip || recorded || half
}

#[test]
fn every_truncation_is_an_error() {
    for bytes in corpus() {
        assert!(feed(&bytes));
        for length in 0..bytes.len() {
            assert!(!feed(&bytes[..length]), "{length} of {} bytes decoded", bytes.len());
        }
    }
}

#[test]
fn bytes_after_the_value_are_an_error() {
    for mut bytes in corpus() {
        bytes.push(0);
        assert!(!feed(&bytes));
    }
}

#[test]
fn mutated_bytes_never_panic() {
    const ROUNDS: u64 = 20_000;
    let corpus = corpus();
    let mut decoded = 0u32;
    for seed in 0..ROUNDS {
        let mut random = Random(seed);
        let mut bytes = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => drop(bytes.splice(at..at, [random.next() as u8; 3])),
                _ => drop(bytes.drain(at..(at + random.below(9)).min(bytes.len()))),
            }
            if bytes.is_empty() {
                break;
            }
        }
        decoded += u32::from(feed(&bytes));
    }
    // Most mutations hit payload bytes and still decode; if none did, the loop would only test the first byte.
    assert!(decoded > 100, "{decoded}");
}

#[test]
fn deep_nesting_is_refused_without_using_the_stack() {
    // Arrays, maps, tags, indefinite arrays, text within text, options.
    for opening in [
        &[0x81][..],
        &[0xa1, 0x61, 0x61],
        &[0xc1],
        &[0xd8, 0x20],
        &[0x9f],
        &[0x7f],
        &[0x5f],
        &[0xbf, 0x61, 0x61],
    ] {
        let bomb = opening.repeat(MAX_FRAME_BYTES / opening.len());
        assert!(decode::<serde_json::Value>(&bomb, MAX_FRAME_BYTES).is_err());
        assert!(!feed(&bomb));
        // As an unknown field of a message, which is skipped: {"Bye": {"x": bomb}}.
        let mut bytes = vec![0xa1, 0x63, b'B', b'y', b'e', 0xa1, 0x61, b'x'];
        bytes.extend_from_slice(&bomb[..bomb.len() - 64]);
        assert!(decode::<Message>(&bytes, MAX_FRAME_BYTES).is_err());
    }
}

#[test]
fn a_lie_about_a_length_allocates_nothing() {
    // A text, bytes, array and map of 2^62 elements: refused at once, long before memory is touched.
    for major in [0x5b, 0x7b, 0x9b, 0xbb] {
        let mut lie = vec![major];
        lie.extend_from_slice(&(1u64 << 62).to_be_bytes());
        assert!(!feed(&lie));
        assert!(decode::<serde_json::Value>(&lie, 64).is_err());
        assert!(decode::<Vec<u64>>(&lie, 64).is_err());
        let mut bye = vec![0xa1, 0x63, b'B', b'y', b'e', 0xa1, 0x66];
        bye.extend_from_slice(b"reason");
        bye.extend_from_slice(&lie);
        assert!(decode::<Message>(&bye, 64).is_err());
    }
}

#[test]
fn the_size_limit_comes_first() {
    let bytes = vec![0u8; MAX_FRAME_BYTES + 1];
    let expected = DecodeError::TooLarge {
        bytes: MAX_FRAME_BYTES + 1,
        limit: MAX_FRAME_BYTES,
    };
    assert_eq!(decode::<Message>(&bytes, MAX_FRAME_BYTES), Err(expected));
    let text = " ".repeat(MAX_MANIFEST_BYTES + 1);
    assert_eq!(
        Manifest::parse(&text),
        Err(job_model::manifest::ManifestError::TooLarge(MAX_MANIFEST_BYTES + 1))
    );
}

#[test]
fn an_id_is_a_string_of_32_bytes() {
    let id = NodeId([0xab; 32]);
    let bytes = encode(&id);
    assert_eq!(bytes[..2], [0x58, 32], "a CBOR byte string");
    assert_eq!(bytes[2..], [0xab; 32]);
    assert_eq!(decode::<NodeId>(&bytes, 64), Ok(id));
    for length in [0usize, 31, 33, 64] {
        let mut wrong = vec![0x58, length as u8];
        wrong.extend(vec![1; length]);
        assert!(decode::<NodeId>(&wrong, 128).is_err(), "{length}");
    }
}

#[test]
fn json_survives_cbor() {
    let value = serde_json::json!({
        "null": null, "list": [null, [], {}, true, false], "text": "ünï", "int": -9_007_199_254_740_993i64,
        "large": u64::MAX, "float": 0.1, "nested": {"a": [null, {"b": null}]}
    });
    assert_eq!(decode::<serde_json::Value>(&encode_json(&value), 1024), Ok(value));
    let manifest = samples::manifest();
    assert_eq!(decode::<Manifest>(&encode(&manifest), MAX_MANIFEST_BYTES), Ok(manifest));
}

#[test]
fn options_and_enums_survive() {
    for value in [None, Some(0u64), Some(u64::MAX)] {
        assert_eq!(decode::<Option<u64>>(&encode(&value), 64), Ok(value));
    }
    let unknown = encode(&serde_json::json!({"FlyToTheMoon": {"when": 1}}));
    let error = decode::<Message>(&unknown, 64).unwrap_err().to_string();
    assert!(error.contains("FlyToTheMoon"), "{error}");
}
