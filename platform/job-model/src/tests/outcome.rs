//! Votes: equal results agree, different ones do not, and what is no verdict does not vote.

use crate::{BlobHash, NoVerdict, Outcome, Output, TrapKind, VoteKey};

fn inline(text: &str) -> Outcome {
    Outcome::Value(Output::Inline(text.as_bytes().to_vec()))
}

#[test]
fn a_value_votes_by_its_bytes_wherever_they_are() {
    let blob = Outcome::Value(Output::Blob {
        hash: BlobHash::of(b"seven"),
        size: 5,
    });
    assert_eq!(inline("seven").vote(), blob.vote());
    assert_ne!(inline("seven").vote(), inline("eight").vote());
    assert_eq!(Output::Inline(b"seven".to_vec()).size(), 5);
}

#[test]
fn details_of_a_trap_do_not_vote() {
    let trap = |kind, detail: &str| {
        Outcome::Trap {
            kind,
            detail: detail.to_owned(),
        }
        .vote()
    };
    assert_eq!(trap(TrapKind::Unreachable, "at a"), trap(TrapKind::Unreachable, "at b"));
    assert_ne!(trap(TrapKind::Unreachable, ""), trap(TrapKind::Arithmetic, ""));
}

#[test]
fn kinds_of_results_never_agree_with_each_other() {
    let kinds = [
        TrapKind::Unreachable,
        TrapKind::MemoryOutOfBounds,
        TrapKind::BadCall,
        TrapKind::Arithmetic,
        TrapKind::Refused,
        TrapKind::Other,
    ];
    let mut all: Vec<VoteKey> = kinds
        .iter()
        .filter_map(|kind| {
            Outcome::Trap {
                kind: *kind,
                detail: String::new(),
            }
            .vote()
        })
        .collect();
    all.extend(
        ["", "e", "f", "v"]
            .iter()
            .flat_map(|text| [inline(text).vote(), Outcome::GuestError((*text).to_owned()).vote()])
            .flatten(),
    );
    all.extend(Outcome::OutOfFuel.vote());
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), count), (15, 15));
}

#[test]
fn no_verdict_does_not_vote() {
    let all = [
        NoVerdict::StackOverflow,
        NoVerdict::MemoryLimit { limit_bytes: 1 },
        NoVerdict::TimedOut { limit_ms: 1 },
        NoVerdict::Cancelled,
        NoVerdict::Unavailable("a".to_owned()),
        NoVerdict::Host("a".to_owned()),
        NoVerdict::Refused("a".to_owned()),
    ];
    assert!(all.into_iter().all(|why| Outcome::NoVerdict(why).vote().is_none()));
}

#[test]
fn errors_read_as_one_line() {
    assert_eq!(inline("a").error_text(), "");
    let trap = Outcome::Trap {
        kind: TrapKind::BadCall,
        detail: "null function\n  at run".to_owned(),
    };
    assert_eq!(trap.error_text(), "trap: null function");
    assert_eq!(
        Outcome::Trap {
            kind: TrapKind::BadCall,
            detail: String::new()
        }
        .error_text(),
        "trap: BadCall"
    );
    assert_eq!(Outcome::NoVerdict(NoVerdict::Cancelled).error_text(), "cancelled");
}
