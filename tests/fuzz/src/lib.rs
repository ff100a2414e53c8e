//! The fuzz targets as plain functions: each takes any bytes and must return. What it returns is a coarse picture of
//! how the input was read, from which the mutation loop learns which inputs are new.

mod ledger;

use job_model::codec::{decode, encode};
use job_model::limits::{MAX_FRAME_BYTES, MAX_GOSSIP_BYTES};
use job_model::message::{Gossip, ResultBatch};
use job_model::sign::{Signed, Statement};
use job_model::{Manifest, Message, Plan, Rates, Recorded};
use market::ledger_file::MAGIC;
use market::{LedgerRecord, read_ledger, verify_ledger};
use std::io::Read;

/// A target by name.
pub type Target = (&'static str, fn(&[u8]) -> String, fn() -> Vec<Vec<u8>>);

/// Every target with its seeds.
pub const TARGETS: [Target; 4] = [
    ("wire_decode", wire_decode, wire_seeds),
    ("manifest", manifest, manifest_seeds),
    ("frame", frame, frame_seeds),
    ("ledger", ledger::run, ledger::seeds),
];

/// Digits and quoted texts cut out, so that two errors of one kind look alike.
fn shape(error: &impl std::fmt::Display) -> String {
    error
        .to_string()
        .chars()
        .filter(|c| !c.is_ascii_digit())
        .take(80)
        .collect()
}

fn opened<T: Statement>(signed: &Signed<T>) -> String {
    signed
        .open()
        .map_or_else(|error| shape(&error), |_| "signed".to_owned())
}

/// A frame or gossip message from a peer, and everything that is done with it before anybody is trusted.
pub fn wire_decode(data: &[u8]) -> String {
    let mut seen = match decode::<Message>(data, MAX_FRAME_BYTES) {
        Ok(message) => message_seen(&message),
        Err(error) => shape(&error),
    };
    match decode::<Gossip>(data, MAX_GOSSIP_BYTES) {
        Ok(Gossip::Node(advert)) => seen += &opened(&advert),
        Ok(Gossip::Job(advert)) => seen += &opened(&advert),
        Ok(Gossip::Fork(fork)) => {
            let mut chain = market::Chain::new(job_model::NodeId::default());
            let convicted = chain.convict(&fork);
            seen += &convicted.map_or_else(|error| shape(&error), |author| format!("{}", author.is_some()));
        }
        Err(error) => seen += &shape(&error),
    }
    if let Ok(plan) = decode::<Plan>(data, MAX_FRAME_BYTES) {
        seen += &plan
            .check(&[])
            .map_or_else(|error| shape(&error), |()| "plan".to_owned());
    }
    if let Ok(recorded) = decode::<Recorded>(data, MAX_FRAME_BYTES) {
        assert_eq!(
            decode::<Recorded>(&encode(&recorded), usize::MAX).map(|again| encode(&again)),
            Ok(encode(&recorded))
        );
        seen += "recorded";
    }
    seen
}

fn message_seen(message: &Message) -> String {
    // What was read is written and read again alike.
    let bytes = encode(message);
    let again: Result<Message, _> = decode(&bytes, usize::MAX);
    assert_eq!(again.map(|again| encode(&again)), Ok(bytes));
    let rates = Rates {
        cpu: i64::MAX.into_credits(),
        ram: i64::MAX.into_credits(),
        disk: i64::MIN.into_credits(),
    };
    match message {
        Message::Hello(hello) => opened(&hello.advert),
        Message::QuoteOffer(quote) => opened(quote),
        Message::Settle { half, lines } => {
            let checked = half
                .open()
                .map(|block| market::checks::check_proposal(&block, lines).map_err(|error| shape(&error)));
            format!("{:?}", checked.map_err(|error| shape(&error)))
        }
        Message::Settled { half } => opened(half),
        Message::Records { halves, .. } => {
            let mut chain = market::Chain::new(job_model::NodeId::default());
            let heard = halves.iter().take(4).map(|half| chain.hear(half));
            heard
                .map(|heard| heard.map_or_else(|error| shape(&error), |fork| format!("{}", fork.is_some())))
                .collect()
        }
        Message::Results(batch) => {
            let claim = ResultBatch::claim(&batch.task, &batch.profile, &batch.results);
            let price: i128 = batch
                .results
                .iter()
                .map(|result| i128::from(rates.price(&result.usage).0))
                .sum();
            let votes = batch
                .results
                .iter()
                .filter(|result| result.outcome.vote().is_some())
                .count();
            format!("results {} {} {votes}", claim.len(), price > 0)
        }
        other => format!("{:?}", std::mem::discriminant(other)),
    }
}

trait IntoCredits {
    fn into_credits(self) -> job_model::MicroCredits;
}
impl IntoCredits for i64 {
    fn into_credits(self) -> job_model::MicroCredits {
        job_model::MicroCredits(self)
    }
}

/// What a guest's `describe` returned.
pub fn manifest(data: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(data) else {
        return "no text".to_owned();
    };
    match Manifest::parse(text) {
        Ok(manifest) => {
            let bytes = encode(&manifest);
            assert_eq!(decode::<Manifest>(&bytes, usize::MAX).as_ref(), Ok(&manifest));
            format!("{:?}{:?}{}", manifest.reduce, manifest.verify, manifest.inputs.len())
        }
        Err(error) => shape(&error),
    }
}

/// Gives its bytes in small, uneven pieces, as a stream does.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let count = self.1.min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

/// Payments among three nodes by a script of any bytes, against a plain model.
pub fn ledger(data: &[u8]) -> String {
    ledger::run(data)
}

/// A file of length-prefixed, chained frames: a ledger that somebody hands over to be verified. How the bytes arrive
/// makes no difference.
pub fn frame(data: &[u8]) -> String {
    let whole = verify_ledger(data, None);
    let pieces = verify_ledger(Pieces(data, 0), None);
    let text = |result: &Result<market::LedgerReport, market::LedgerError>| match result {
        Ok(report) => format!("{report:?}"),
        Err(error) => error.to_string(),
    };
    assert_eq!(text(&whole), text(&pieces));
    let mut seen = match &whole {
        Ok(report) => report
            .problems
            .iter()
            .take(3)
            .map(|problem| shape(&problem.what))
            .collect(),
        Err(error) => shape(error),
    };
    // The records again without the frames' hashes, which random changes hardly ever survive.
    if let Some(body) = data.get(MAGIC.len()..) {
        match decode::<LedgerRecord>(body, MAX_FRAME_BYTES) {
            Ok(record) => {
                let mut chain = market::Chain::new(job_model::NodeId::default());
                seen += &chain
                    .replay(record)
                    .map_or_else(|error| shape(&error), |()| "replayed".to_owned());
            }
            Err(error) => seen += &shape(&error),
        }
    }
    if let Ok(reader) = read_ledger(data) {
        seen += &reader.filter(Result::is_ok).count().to_string();
    }
    seen
}

fn golden(prefix: &str) -> Vec<Vec<u8>> {
    let lines = include_str!("../../../platform/job-model/tests/golden/v1.txt").lines();
    let hex = |text: &str| {
        text.as_bytes()
            .chunks(2)
            .map(|pair| nibble(pair[0]) << 4 | nibble(pair[1]))
            .collect()
    };
    lines
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(_, text)| hex(text))
        .collect()
}

fn nibble(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}

fn wire_seeds() -> Vec<Vec<u8>> {
    ["message.", "gossip.", "recorded.", "plan"]
        .into_iter()
        .flat_map(golden)
        .collect()
}

fn manifest_seeds() -> Vec<Vec<u8>> {
    let full = serde_json::json!({
        "name": "word_count", "version": "0.1.0", "summary": "counts", "reduce": "concat", "verify": "none", "memory_bytes": 5,
        "params_schema": {"type": "object", "properties": {"k": {"default": null, "minimum": -1e300}}},
        "inputs": [{"name": "a", "summary": "b", "required": true}, {"name": "c"}]
    });
    vec![
        full.to_string().into_bytes(),
        br#"{"name":"a","version":"1","params_schema":{}}"#.to_vec(),
    ]
}

fn frame_seeds() -> Vec<Vec<u8>> {
    use job_model::sign::NodeKey;
    use market::ledger_file::{encode_record, new_ledger};
    let (us, them) = (NodeKey::from_bytes([1; 32]), NodeKey::from_bytes([2; 32]));
    let draft = market::SettlementDraft {
        worker: them.id(),
        task: job_model::TaskId([3; 32]),
        job: job_model::JobId([4; 32]),
        profile: job_model::ProfileId([5; 32]),
        quote: 6,
        lines: vec![],
    };
    let (mut bytes, mut tail) = new_ledger(us.id());
    let mut chain = market::Chain::new(us.id());
    let mut seeds = vec![];
    for at in 0..3 {
        let proposal = chain.propose(draft.clone(), &us, job_model::UnixMillis(at));
        let (record, next) = encode_record(&tail, &proposal.record);
        bytes.extend(&record);
        tail = next;
        seeds.push(bytes.clone());
        // The bare record behind as many bytes as the header's magic has.
        seeds.push([MAGIC.to_vec(), encode(&proposal.record)].concat());
    }
    seeds
}
