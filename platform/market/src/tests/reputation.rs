//! Reputation: what moves it, how it fades, and what never counts.

use super::{JOB, Requester, T0, no_verdict, node, result};
use crate::reputation::{Evidence, Reputation, WINDOW_DAYS};
use crate::{Counts, ReputationLevel};
use job_model::receipt::ReplicaVerdict::{Accepted, Late, Undecided, Wrong};
use job_model::{Event, JobId, LossReason, NodeId, UnixMillis};

const DAY: u64 = 86_400_000;

fn of(evidence: &[(Evidence, u64)]) -> Reputation {
    let mut reputation = Reputation::default();
    for seen in evidence {
        reputation.saw(node(2), JOB, *seen, T0);
    }
    reputation
}

fn level(evidence: &[(Evidence, u64)]) -> ReputationLevel {
    of(evidence).level(&node(2), T0)
}

#[test]
fn levels_follow_from_evidence() {
    use Evidence::{Failure, Success, Timeout, Wrong};
    assert_eq!(level(&[]), ReputationLevel::Average);
    assert_eq!(level(&[(Success, 50)]), ReputationLevel::Average);
    assert_eq!(level(&[(Success, 100)]), ReputationLevel::Good);
    assert_eq!(level(&[(Success, 1000)]), ReputationLevel::Excellent);
    assert_eq!(level(&[(Wrong, 1)]), ReputationLevel::Terrible);
    assert_eq!(level(&[(Success, 1000), (Wrong, 1)]), ReputationLevel::Poor);
    assert_eq!(level(&[(Success, 100), (Wrong, 20)]), ReputationLevel::Terrible);
    // Who is right and away half of the time is not good, but not bad either; a wrong result weighs far more.
    assert_eq!(level(&[(Success, 1000), (Timeout, 1000)]), ReputationLevel::Average);
    assert_eq!(level(&[(Failure, 1000)]), ReputationLevel::Average);
}

#[test]
fn weights_are_those_of_the_requirements() {
    let trust = of(&[
        (Evidence::Success, 10),
        (Evidence::Wrong, 1),
        (Evidence::Late, 2),
        (Evidence::Timeout, 3),
    ]);
    let trust = trust.trust(&node(2), None, T0);
    let near = |left: f64, right: f64| assert!((left - right).abs() < 1e-9, "{left} != {right}");
    near(trust.correct.good, 12.0 * 1.2);
    near(trust.correct.bad, 10.0 * 1.5);
    near(trust.available.good, 10.0 * 1.2);
    near(trust.available.bad, 3.0 * 1.5 + 2.0 * 0.75);
    near(trust.available.mean(), 13.0 / 20.0);
    assert!(trust.available.lower() < trust.available.mean() && trust.available.lower() > 0.4);
    near(crate::Beta::default().mean(), 0.5);
    assert!(crate::Beta::default().lower() < 0.05, "little evidence bounds little");
}

#[test]
fn evidence_fades_by_a_hundredth_a_day_and_ends_after_thirty() {
    let reputation = of(&[(Evidence::Success, 100), (Evidence::Wrong, 1)]);
    let at = |days: u64| reputation.trust(&node(2), None, UnixMillis(T0.0 + days * DAY));
    assert!((at(0).correct.good - 120.0).abs() < 1e-9);
    assert!((at(1).correct.good - 120.0 * 0.99).abs() < 1e-9);
    assert!((at(29).correct.bad - 15.0 * 0.99f64.powi(29)).abs() < 1e-9);
    assert_eq!(at(WINDOW_DAYS).correct.good, 0.0);
    assert_eq!(
        reputation.level(&node(2), UnixMillis(T0.0 + 29 * DAY)),
        ReputationLevel::Poor
    );
    assert_eq!(
        reputation.level(&node(2), UnixMillis(T0.0 + 30 * DAY)),
        ReputationLevel::Average
    );
    assert_eq!(reputation.counts(&node(2)).wrong, 1, "what is counted for people stays");
    // The clock goes back a year: nothing is lost, nothing is counted twice.
    let back = reputation.trust(&node(2), None, UnixMillis(T0.0 - 365 * DAY));
    assert!((back.correct.good - 120.0).abs() < 1e-9);
}

#[test]
fn one_job_says_nothing_of_another() {
    let (good, bad) = (JobId([1; 32]), JobId([2; 32]));
    let mut reputation = Reputation::default();
    reputation.saw(node(2), good, (Evidence::Success, 500), T0);
    reputation.saw(node(2), bad, (Evidence::Wrong, 5), T0);
    let bound = |job: &JobId| reputation.trust(&node(2), Some(job), T0).correct.lower();
    assert!(bound(&good) > 0.99 && bound(&bad) < 0.1);
    let all = reputation.trust(&node(2), None, T0).correct.lower();
    assert!(all < bound(&good) && all > bound(&bad));
    // More jobs than are told apart are judged over all; memory is bounded.
    for job in 0..100u8 {
        reputation.saw(node(3), JobId([job; 32]), (Evidence::Success, 1), T0);
    }
    assert_eq!(
        reputation.trust(&node(3), Some(&JobId([99; 32])), T0),
        reputation.trust(&node(3), None, T0)
    );
}

#[test]
fn the_journal_tells_it() {
    let mut requester = Requester::with_workers(&[2, 3, 4]);
    for (attempt, worker) in [(0, 2), (1, 3), (2, 4)] {
        requester.assign(worker, 9, &[(0, attempt), (1, attempt), (2, attempt), (3, attempt)]);
    }
    requester.finish(2, (0..3).map(|chunk| result(chunk, 0, "a", 5)).collect());
    requester.finish(3, (0..3).map(|chunk| result(chunk, 1, "a", 5)).collect());
    requester.finish(4, vec![result(0, 2, "lie", 5), no_verdict(1, 2), result(2, 2, "a", 5)]);
    requester.verify(0, &[(0, 2, Accepted), (1, 3, Accepted), (2, 4, Wrong)]);
    requester.verify(1, &[(0, 2, Accepted), (1, 3, Late)]);
    requester.verify(2, &[(0, 2, Undecided), (1, 3, Undecided), (2, 4, Undecided)]);
    requester.lose(3, &[(3, 1)]);
    requester.tell(Event::ReplicasLost {
        task: super::TASK,
        worker: node(2),
        why: LossReason::Superseded,
        replicas: vec![(3, 0)],
    });
    let counts = |node: &NodeId| requester.market.judged(node);
    let nothing = Counts::default();
    assert_eq!(counts(&node(2)), Counts { success: 2, ..nothing });
    assert_eq!(
        counts(&node(3)),
        Counts {
            success: 1,
            late: 1,
            timeout: 1,
            ..nothing
        }
    );
    assert_eq!(
        counts(&node(4)),
        Counts {
            wrong: 1,
            failure: 1,
            ..nothing
        }
    );
    let replayed = requester.replayed();
    for seed in 2..5 {
        assert_eq!(
            replayed.trust(&node(seed), Some(&JOB)),
            requester.market.trust(&node(seed), Some(&JOB))
        );
        assert_eq!(replayed.level(&node(seed)), requester.market.level(&node(seed)));
    }
}
