//! Golden bytes of version 1. A difference means that old and new nodes, or an old journal and a new node, no longer
//! understand each other: raise the version and keep both, or undo the change. To write the file for a version that
//! was never released: `P2PJOB_GOLDEN=write cargo test -p job-model --test wire golden`.

use crate::samples;
use job_model::codec::{decode, encode};
use job_model::limits::{MAX_FRAME_BYTES, MAX_GOSSIP_BYTES};
use job_model::message::{Gossip, ResultBatch};
use job_model::sign::merkle_root;
use job_model::{Chunk, ChunkKey, Event, FloatClass, Message, Plan, Recorded, Slice};
use std::collections::BTreeMap;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
        .collect()
}

fn plan() -> Plan {
    let slices = vec![Slice {
        input: 0,
        offset: 3,
        length: 70_000,
    }];
    Plan {
        chunks: vec![Chunk {
            body: b"body".to_vec(),
            slices,
            weight: 5,
        }],
    }
}

/// Everything that must not change, by name.
fn actual() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut put = |name: String, bytes: &[u8]| assert!(all.insert(name, hex(bytes)).is_none());
    for (name, message) in samples::messages() {
        put(format!("message.{name}"), &encode(&message));
    }
    for (name, gossip) in samples::gossip() {
        put(format!("gossip.{name}"), &encode(&gossip));
    }
    for (name, recorded) in samples::recorded() {
        put(format!("recorded.{name}"), &encode(&recorded));
    }
    for (name, outcome) in samples::outcomes() {
        put(format!("outcome.{name}"), &encode(&outcome));
        put(format!("vote.{name}"), &encode(&outcome.vote()));
    }
    put("plan".to_owned(), &encode(&plan()));
    let key = ChunkKey::new(
        &samples::profile(),
        &samples::job(),
        FloatClass::Exact,
        &plan().chunks[0],
        &[samples::input()],
    );
    put("id.chunk_key".to_owned(), &key.0);
    let key = ChunkKey::new(
        &samples::profile(),
        &samples::job(),
        FloatClass::Fast,
        &plan().chunks[0],
        &[samples::input()],
    );
    put("id.chunk_key.fast".to_owned(), &key.0);
    put(
        "id.task".to_owned(),
        samples::spec().id(&samples::node(1), &[7; 16]).as_bytes(),
    );
    put("id.node".to_owned(), samples::node(1).as_bytes());
    put(
        "claim".to_owned(),
        &ResultBatch::claim(&samples::task(), &samples::profile(), &samples::results()),
    );
    for leaves in 0..6u8 {
        put(
            format!("merkle.{leaves}"),
            merkle_root((0..leaves).map(|leaf| vec![leaf])).as_bytes(),
        );
    }
    all
}

fn golden() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(PATH).unwrap();
    text.lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, hex)| (name.to_owned(), hex.to_owned()))
        .collect()
}

#[test]
fn golden_bytes_are_unchanged() {
    let actual = actual();
    if std::env::var("P2PJOB_GOLDEN").is_ok_and(|value| value == "write") {
        let text: String = actual.iter().map(|(name, hex)| format!("{name} {hex}\n")).collect();
        std::fs::write(PATH, text).unwrap();
    }
    let golden = golden();
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&actual), names(&golden), "the list of samples changed");
    let changed: Vec<&String> = actual
        .iter()
        .filter(|(name, hex)| golden[*name] != **hex)
        .map(|(name, _)| name)
        .collect();
    assert!(changed.is_empty(), "the encoding of version 1 changed: {changed:?}");
}

#[test]
fn golden_bytes_decode_to_the_samples() {
    let golden = golden();
    for (name, message) in samples::messages() {
        let bytes = unhex(&golden[&format!("message.{name}")]);
        assert_eq!(decode::<Message>(&bytes, MAX_FRAME_BYTES), Ok(message), "{name}");
    }
    for (name, gossip) in samples::gossip() {
        let bytes = unhex(&golden[&format!("gossip.{name}")]);
        assert_eq!(decode::<Gossip>(&bytes, MAX_GOSSIP_BYTES), Ok(gossip), "{name}");
    }
    for (name, recorded) in samples::recorded() {
        let bytes = unhex(&golden[&format!("recorded.{name}")]);
        assert_eq!(decode::<Recorded>(&bytes, MAX_FRAME_BYTES), Ok(recorded), "{name}");
    }
    assert_eq!(decode::<Plan>(&unhex(&golden["plan"]), 1024), Ok(plan()));
}

#[test]
fn every_variant_has_a_sample() {
    let messages: Vec<&str> = samples::messages().into_iter().map(|(name, _)| name).collect();
    assert_eq!(messages, samples::MESSAGE_NAMES);
    let mut events: Vec<String> = samples::events()
        .into_iter()
        .map(|(name, _)| name.split_once('.').unwrap().1.to_owned())
        .collect();
    events.sort();
    events.dedup();
    let mut expected = samples::EVENT_NAMES.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(events, expected);
}

#[test]
fn events_survive_json_for_watchers() {
    for (name, event) in samples::events() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{name}: {text}");
    }
}

#[test]
fn signed_samples_open() {
    assert!(samples::half(false).open().is_ok());
    assert!(samples::half(true).open().is_ok());
    assert!(samples::advert().open().is_ok());
    let batch = samples::results_batch();
    let claim = ResultBatch::claim(&batch.task, &batch.profile, &batch.results);
    assert_eq!(
        job_model::sign::verify(&samples::node(2), ResultBatch::DOMAIN, &claim, &batch.signature),
        Ok(())
    );
}
