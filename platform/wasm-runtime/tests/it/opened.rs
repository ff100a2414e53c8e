//! Partials that stay with the host: what is made of them, what they count, and guests that ask for what is not there.

use crate::guest;
use crate::rig::{LIMITS, Partials, Shared};
use job_model::{NoVerdict, Outcome, TrapKind};
use wasm_runtime::{CancelToken, Limits, LoadedJob, ReduceCall, ReduceReport};

fn reduce(job: &LoadedJob, case: &str, partials: Vec<Vec<u8>>, limits: &Limits) -> (ReduceReport, Vec<u8>) {
    let out = Shared::default();
    let report = job.reduce(ReduceCall {
        params: format!("tensors {case}").as_bytes(),
        partials: Box::new(Partials(partials)),
        out: Box::new(out.clone()),
        entropy_seed: [7; 32],
        limits,
        cancel: &CancelToken::new(),
    });
    let written = out.0.lock().unwrap().clone();
    (report, written)
}

#[test]
fn tensors_are_made_of_the_partial_that_is_open() {
    let Some(job) = guest::job() else { return };
    let (small, large) = ((0..10).collect::<Vec<u8>>(), vec![7; 300_000]);
    let (report, written) = reduce(&job, "opened", vec![small.clone(), large.clone()], &LIMITS);
    assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    let mut rest = written.as_slice();
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let text = String::from_utf8(rest[..end].to_vec()).unwrap();
        rest = &rest[end + 1..];
        text
    };
    assert_eq!(
        line(),
        "before Err(Error::Argument(\"from-partial: no partial is open; call open-partial first\"))"
    );
    assert_eq!(line(), "first Some(10)");
    assert_eq!(line(), "pieces [8, 9] []");
    let far = line();
    assert!(
        far.starts_with("far Err(Error::Shape(") && far.contains("has 8 bytes; the partial has 10"),
        "{far}"
    );
    assert!(line().starts_with("farther Err(Error::Shape("));
    assert!(line().starts_with("texts Err("));
    let (words, after) = rest.split_at(8);
    assert_eq!(words, &small[2..]);
    let tail = b"second Some(300000)\nthird None\nbehind ";
    assert!(after.starts_with(tail), "{}", String::from_utf8_lossy(&after[..80]));
    assert!(after.ends_with(&large[1..]) && after.len() < tail.len() + 299_999 + 100);
}

#[test]
fn an_open_partial_counts_and_costs() {
    let Some(job) = guest::job() else { return };
    let opened = |bytes: usize, limits: &Limits| reduce(&job, "opened-piece 0", vec![vec![1; bytes]], limits).0;
    let (little, much) = (opened(1000, &LIMITS), opened(8 << 20, &LIMITS));
    assert!(little.outcome.is_ok() && much.outcome.is_ok());
    assert_eq!(much.usage.fuel - little.usage.fuel, (8 << 20) - 1000);
    assert!(much.usage.memory_bytes - little.usage.memory_bytes >= (8 << 20) - 1000);
    let tight = Limits {
        memory_bytes: 6 << 20,
        ..LIMITS
    };
    assert_eq!(
        opened(8 << 20, &tight).outcome,
        Err(Outcome::NoVerdict(NoVerdict::MemoryLimit { limit_bytes: 6 << 20 }))
    );
}

#[test]
fn what_is_not_open_cannot_be_read() {
    let Some(job) = guest::job() else { return };
    for (case, why) in [
        ("not-opened", "no partial is open"),
        ("opened-piece 1048577", "at most 1048576 a call are allowed"),
    ] {
        let (report, _) = reduce(&job, case, vec![vec![0; 10]], &LIMITS);
        match report.outcome {
            Err(Outcome::Trap { kind, detail }) => {
                assert!(kind == TrapKind::Refused && detail.contains(why), "{detail}");
            }
            other => panic!("{case}: {other:?}"),
        }
    }
}
