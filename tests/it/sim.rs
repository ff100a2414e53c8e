//! The simulator over many seeds. A failure names its seed; `P2PJOB_SIM_SEED=N cargo test -p p2pjob-tests sim` runs only that
//! one, `P2PJOB_SIM_SEEDS=N` runs so many.

use job_model::VerifyPolicy;
use p2pjob_tests::sim::{SimOptions, SimReport, run};

/// Seeds of a quick run.
const SEEDS: u64 = 300;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().expect("a seed is a number"))
}

#[track_caller]
fn check(seed: u64, options: &SimOptions) -> SimReport {
    run(seed, options).unwrap_or_else(|failure| panic!("{failure}\n{options:?}"))
}

#[test]
fn many_networks_keep_every_rule() {
    if let Some(seed) = number("P2PJOB_SIM_SEED") {
        println!("{:?}", check(seed, &SimOptions::from_seed(seed)));
        return;
    }
    let (mut well, mut failed, mut sum) = (0, Vec::new(), SimReport::default());
    for seed in 1..=number("P2PJOB_SIM_SEEDS").unwrap_or(SEEDS) {
        let report = check(seed, &SimOptions::from_seed(seed));
        well += report.ended_well;
        failed.extend(report.failed.iter().map(|why| format!("seed {seed}: {why}")));
        sum.inputs += report.inputs;
        sum.accepted += report.accepted;
        sum.hedges += report.hedges;
        sum.lost += report.lost;
        sum.restarts += report.restarts;
        sum.ignored += report.ignored;
        sum.liars_found += report.liars_found;
        sum.refuted += report.refuted;
        sum.failed_checks += report.failed_checks;
        sum.close += report.close;
        sum.apart += report.apart;
    }
    println!("{well} tasks ended well, {} did not: {failed:?}; {sum:?}", failed.len());
    assert!(
        failed.len() * 100 <= well as usize,
        "more than 1 % of the tasks failed: {failed:?}"
    );
    assert!(
        [
            sum.hedges,
            sum.restarts,
            sum.liars_found,
            sum.refuted,
            sum.failed_checks,
            sum.close,
            sum.apart
        ]
        .iter()
        .all(|n| *n > 0)
            && sum.ignored > 0,
        "the runs were too calm: {sum:?}"
    );
}

#[test]
fn one_seed_is_one_run() {
    for seed in [3, 14, 159] {
        let options = SimOptions::from_seed(seed);
        assert_eq!(check(seed, &options), check(seed, &options));
    }
}

#[test]
fn a_liar_of_five_is_found_and_nothing_wrong_accepted() {
    let options = SimOptions {
        nodes: 5,
        liars: 1,
        fault_every_ms: 0,
        verify: VerifyPolicy::Quorum(2),
        ..SimOptions::default()
    };
    for seed in 1..=20 {
        let report = check(seed, &options);
        assert_eq!(
            (report.wrong, report.liars_found, report.ended_well),
            (0, 1, options.tasks),
            "seed {seed}"
        );
    }
}

#[test]
fn with_a_check_one_replica_is_enough_and_a_liar_is_always_caught() {
    let options = SimOptions {
        nodes: 5,
        liars: 1,
        tasks: 1,
        chunks: 60,
        fault_every_ms: 0,
        chunk_ms: 150,
        verify: VerifyPolicy::Check,
        ..SimOptions::default()
    };
    for seed in 1..=20 {
        let report = check(seed, &options);
        assert_eq!(
            (report.wrong, report.liars_found, report.accepted, report.failed_checks),
            (0, 1, 60, 0),
            "seed {seed}"
        );
        // What the liar had in hand is run again; a quorum would take twice as many.
        assert!(
            report.refuted > 0 && report.assigned < 60 * 2,
            "seed {seed}: {report:?}"
        );
    }
}

#[test]
fn checks_that_fail_cost_a_second_replica_and_no_truth() {
    let options = SimOptions {
        nodes: 6,
        liars: 1,
        verify: VerifyPolicy::Check,
        failed_check_in: 3,
        ..SimOptions::default()
    };
    for seed in 1..=20 {
        let report = check(seed, &options);
        assert!(report.wrong == 0 && report.failed_checks > 0, "seed {seed}: {report:?}");
    }
}

#[test]
fn nodes_without_two_equal_bytes_agree_within_the_tolerance_and_a_liar_does_not() {
    let options = SimOptions {
        nodes: 6,
        liars: 1,
        fault_every_ms: 0,
        verify: VerifyPolicy::Quorum(2),
        jitter: true,
        ..SimOptions::default()
    };
    for seed in 1..=20 {
        let report = check(seed, &options);
        assert_eq!(
            (report.wrong, report.liars_found, report.ended_well),
            (0, 1, options.tasks),
            "seed {seed}: {report:?}"
        );
        assert!(
            report.close >= report.accepted && report.apart > 0,
            "seed {seed}: {report:?}"
        );
    }
}

#[test]
fn comparisons_that_fail_make_nobody_a_liar() {
    let options = SimOptions {
        nodes: 12,
        liars: 2,
        jitter: true,
        failed_comparison_in: 8,
        ..SimOptions::default()
    };
    for seed in 1..=20 {
        // Honest workers that are distrusted break a rule of every run.
        let report = check(seed, &options);
        assert!(report.wrong == 0 && report.close > 0, "seed {seed}: {report:?}");
    }
}

#[test]
fn chunks_that_fail_do_not_stop_the_others() {
    let options = SimOptions {
        tasks: 1,
        chunks: 200,
        bad_chunk_in: 2,
        fault_every_ms: 0,
        ..SimOptions::default()
    };
    let report = check(7, &options);
    assert_eq!((report.accepted, report.ended_well), (100, 1));
}

#[test]
fn a_large_network_under_churn_ends_all_tasks() {
    let options = SimOptions {
        nodes: 120,
        liars: 12,
        tasks: 2,
        chunks: 400,
        fault_every_ms: 300,
        chunk_ms: 1_000,
        ..SimOptions::default()
    };
    let report = check(11, &options);
    assert_eq!((report.wrong, report.failed.len()), (0, 0), "{report:?}");
}
