//! One test for each program. The `match` has no wildcard, so a program without a test does not compile.

use crate::rig::{Bytes, Full, Gone, LIMITS, MEMORY_BYTES, Shared, load, plan_of, reduce_of, run, run_with};
use guest_programs::Program;
use job_model::chunk::PlanError;
use job_model::manifest::ManifestError;
use job_model::{NoVerdict, Outcome, TrapKind};
use std::time::{Duration, Instant};
use wasm_runtime::{
    CancelToken, DescribeError, Engine, EngineOptions, Limits, LoadedJob, PlanFailure, RunCall, RunReport,
};

macro_rules! tests {
    ($($program:ident => $test:ident,)*) => {
        const _: fn(Program) = |program| match program { $(Program::$program => (),)* };
        $(#[test] fn $test() { check::$test(Program::$program); })*
    };
}

tests! {
    Echo => echo,
    InfiniteLoop => infinite_loop,
    InfiniteStart => infinite_start,
    MemoryHog => memory_hog,
    MemoryAtOnce => memory_at_once,
    MemoryModest => memory_modest,
    TableHog => table_hog,
    DeepRecursion => deep_recursion,
    OutputFlood => output_flood,
    OutputAtOnce => output_at_once,
    LongError => long_error,
    EndlessError => endless_error,
    Panic => panic,
    OutOfBounds => out_of_bounds,
    DivideByZero => divide_by_zero,
    BadCall => bad_call,
    ReadMissing => read_missing,
    ReadTooMuch => read_too_much,
    ReadPastEnd => read_past_end,
    Copy => copy,
    Entropy => entropy,
    EntropyTooMuch => entropy_too_much,
    HostWork => host_work,
    LogFlood => log_flood,
    LogEscape => log_escape,
    LogNoText => log_no_text,
    NotANumber => not_a_number,
    Counter => counter,
    Misplaced => misplaced,
    PlanWrites => plan_writes,
    Join => join,
    PlanFlood => plan_flood,
    PlanOneTooMany => plan_one_too_many,
    PlanOutOfRange => plan_out_of_range,
    PlanOverlap => plan_overlap,
    PlanByInput => plan_by_input,
    PlanByEntropy => plan_by_entropy,
    NoManifest => no_manifest,
    BadTag => bad_tag,
    Slow => slow,
}

#[track_caller]
fn trap(report: RunReport, expected: TrapKind, contains: &str) {
    match report.outcome {
        Err(Outcome::Trap { kind, detail }) => {
            assert_eq!(kind, expected, "{detail}");
            assert!(detail.contains(contains), "{detail}");
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn no_verdict(report: &RunReport) -> &NoVerdict {
    match &report.outcome {
        Err(Outcome::NoVerdict(why)) => why,
        other => panic!("{other:?}"),
    }
}

mod check {
    use super::*;

    pub fn echo(program: Program) {
        let report = run(program);
        assert_eq!(report.outcome, Ok(b"body".to_vec()));
        assert_eq!((report.usage.output_bytes, report.usage.input_bytes), (4, 0));
        assert_eq!(report.usage.memory_bytes, 64 << 10);
        // The call and 4 bytes at the host's price, and a few instructions.
        assert!((504..600).contains(&report.usage.fuel), "{}", report.usage.fuel);
        assert_eq!(load(program).describe().unwrap().name, "guest");
        let refused = run_with(
            &load(program),
            b"",
            Box::new(Gone),
            &Limits {
                memory_bytes: MEMORY_BYTES + 1,
                ..LIMITS
            },
        );
        assert!(matches!(no_verdict(&refused), NoVerdict::Refused(_)));
    }

    pub fn infinite_loop(program: Program) {
        let report = run(program);
        assert_eq!(report.outcome, Err(Outcome::OutOfFuel));
        assert_eq!(report.usage.fuel, LIMITS.fuel);
        let job = load(program);
        let short = Limits {
            fuel: u64::MAX / 2,
            timeout: Duration::from_millis(50),
            ..LIMITS
        };
        let report = run_with(&job, b"", Box::new(Gone), &short);
        assert_eq!(*no_verdict(&report), NoVerdict::TimedOut { limit_ms: 50 });
        assert!(report.usage.wall_us >= 50_000);
        cancelled_from_outside(&job);
        one_too_many();
    }

    fn cancelled_from_outside(job: &LoadedJob) {
        let (cancel, limits) = (
            CancelToken::new(),
            Limits {
                fuel: u64::MAX / 2,
                ..LIMITS
            },
        );
        let call = || RunCall {
            body: b"",
            slices: Box::new(Gone),
            entropy_seed: [0; 32],
            limits: &limits,
            cancel: &cancel,
        };
        let (report, waited) = std::thread::scope(|scope| {
            let running = scope.spawn(|| job.run(call()));
            until_it_runs(&cancel);
            let asked = Instant::now();
            cancel.cancel();
            (running.join().unwrap(), asked.elapsed())
        });
        assert_eq!(*no_verdict(&report), NoVerdict::Cancelled);
        assert!(waited < Duration::from_secs(1), "{waited:?}");
        assert_eq!(*no_verdict(&job.run(call())), NoVerdict::Cancelled);
    }

    fn until_it_runs(cancel: &CancelToken) {
        while cancel.progress() != (1, 2) {
            std::thread::yield_now();
        }
    }

    /// More calls than slots: the one too many is no verdict, and the slot is free again afterwards.
    fn one_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let options = EngineOptions::new(dir.path().to_owned(), 1, MEMORY_BYTES);
        let engine = Engine::new(options).unwrap();
        let job = engine.load(&Program::InfiniteLoop.component()).unwrap();
        let (cancel, limits) = (
            CancelToken::new(),
            Limits {
                fuel: u64::MAX / 2,
                ..LIMITS
            },
        );
        std::thread::scope(|scope| {
            scope.spawn(|| {
                job.run(RunCall {
                    body: b"",
                    slices: Box::new(Gone),
                    entropy_seed: [0; 32],
                    limits: &limits,
                    cancel: &cancel,
                })
            });
            until_it_runs(&cancel);
            let refused = run_with(&job, b"", Box::new(Gone), &LIMITS);
            cancel.cancel();
            assert_eq!(
                *no_verdict(&refused),
                NoVerdict::Host("all sandboxes are in use".to_owned())
            );
        });
        assert_eq!(
            run_with(&job, b"", Box::new(Gone), &LIMITS).outcome,
            Err(Outcome::OutOfFuel)
        );
    }

    pub fn infinite_start(program: Program) {
        assert_eq!(run(program).outcome, Err(Outcome::OutOfFuel));
    }

    pub fn memory_hog(program: Program) {
        let report = run(program);
        assert_eq!(
            *no_verdict(&report),
            NoVerdict::MemoryLimit {
                limit_bytes: MEMORY_BYTES
            }
        );
        assert!(report.usage.memory_bytes <= MEMORY_BYTES);
    }

    pub fn memory_at_once(program: Program) {
        assert_eq!(
            *no_verdict(&run(program)),
            NoVerdict::MemoryLimit {
                limit_bytes: MEMORY_BYTES
            }
        );
    }

    pub fn memory_modest(program: Program) {
        let job = load(program);
        let report = run_with(
            &job,
            b"",
            Box::new(Gone),
            &Limits {
                memory_bytes: 101 << 16,
                ..LIMITS
            },
        );
        assert_eq!((report.outcome, report.usage.memory_bytes), (Ok(Vec::new()), 101 << 16));
        let report = run_with(
            &job,
            b"",
            Box::new(Gone),
            &Limits {
                memory_bytes: 100 << 16,
                ..LIMITS
            },
        );
        assert_eq!(*no_verdict(&report), NoVerdict::MemoryLimit { limit_bytes: 100 << 16 });
    }

    pub fn table_hog(program: Program) {
        // Every node stops at the same size: the largest below the limit that steps of 1024 from 1 reach.
        assert_eq!(run(program).outcome, Ok((63 * 1024 + 1u32).to_le_bytes().to_vec()));
    }

    pub fn deep_recursion(program: Program) {
        assert_eq!(*no_verdict(&run(program)), NoVerdict::StackOverflow);
    }

    pub fn output_flood(program: Program) {
        let report = run(program);
        assert_eq!(report.usage.output_bytes, LIMITS.output_bytes);
        trap(
            report,
            TrapKind::Refused,
            "output.write: over the limit of 1048576 bytes",
        );
    }

    pub fn output_at_once(program: Program) {
        let report = run(program);
        assert_eq!(report.usage.output_bytes, 0);
        trap(report, TrapKind::Refused, "");
        let enough = Limits {
            output_bytes: 32 << 20,
            ..LIMITS
        };
        let report = run_with(&load(program), b"", Box::new(Gone), &enough);
        assert_eq!(report.outcome.unwrap().len(), 32 << 20);
    }

    pub fn long_error(program: Program) {
        let Err(Outcome::GuestError(message)) = run(program).outcome else {
            panic!()
        };
        // 8 KiB would cut the last character in half.
        assert_eq!(message.len(), 8191);
        assert!(message.starts_with("xéé") && message.ends_with('é'));
    }

    pub fn endless_error(program: Program) {
        trap(run(program), TrapKind::Refused, "more data in one piece than allowed");
    }

    pub fn panic(program: Program) {
        let report = run(program);
        assert_eq!(report.log, "error: panicked at src/lib.rs:7:5: the sky is falling\n");
        let Err(outcome) = &report.outcome else { panic!() };
        assert_eq!(
            outcome.error_text(),
            "trap: panicked at src/lib.rs:7:5: the sky is falling"
        );
        let Outcome::Trap { detail, .. } = outcome.clone() else {
            panic!("{outcome:?}")
        };
        for demangled in ["0: guest::inner\n", "1: guest::outer\n"] {
            assert!(detail.contains(demangled), "{detail}");
        }
        assert!(
            !detail.contains("_RNv") && !detail.contains("wasm_runtime") && !detail.contains("wasmtime"),
            "{detail}"
        );
        trap(report, TrapKind::Unreachable, "");
    }

    pub fn out_of_bounds(program: Program) {
        trap(run(program), TrapKind::MemoryOutOfBounds, "out of bounds memory access");
    }

    pub fn divide_by_zero(program: Program) {
        trap(run(program), TrapKind::Arithmetic, "integer divide by zero");
    }

    pub fn bad_call(program: Program) {
        trap(run(program), TrapKind::BadCall, "uninitialized element");
    }

    pub fn read_missing(program: Program) {
        trap(run(program), TrapKind::Refused, "no input (or slice) 7");
    }

    pub fn read_too_much(program: Program) {
        trap(
            run(program),
            TrapKind::Refused,
            "1048577 bytes asked for, at most 1048576",
        );
    }

    pub fn read_past_end(program: Program) {
        let report = run(program);
        assert_eq!(report.outcome, Ok(vec![252, 253, 254, 255]));
        assert_eq!(report.usage.input_bytes, 4);
    }

    pub fn copy(program: Program) {
        let slice: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        let cancel = CancelToken::new();
        let report = load(program).run(RunCall {
            body: b"",
            slices: Box::new(Bytes(vec![slice.clone()])),
            entropy_seed: [0; 32],
            limits: &LIMITS,
            cancel: &cancel,
        });
        assert!(report.outcome == Ok(slice));
        assert_eq!(
            (report.usage.input_bytes, report.usage.output_bytes),
            (300_000, 300_000)
        );
        // Every byte was paid for twice: read and written.
        assert!(report.usage.fuel >= 600_000);
        assert_eq!(cancel.progress(), (5 * 65_536, 300_000));
        let gone = run_with(&load(program), b"", Box::new(Gone), &LIMITS);
        assert_eq!(
            *no_verdict(&gone),
            NoVerdict::Unavailable("nobody has it; asked 3 peers".to_owned())
        );
    }

    pub fn entropy(program: Program) {
        let first = run(program).outcome.unwrap();
        assert_eq!(first.len(), 96);
        assert_eq!(run(program).outcome.unwrap(), first);
        assert_ne!(first[..32], first[32..64]);
        let (limits, cancel) = (LIMITS, CancelToken::new());
        let call = RunCall {
            body: b"",
            slices: Box::new(Gone),
            entropy_seed: [8; 32],
            limits: &limits,
            cancel: &cancel,
        };
        assert_ne!(load(program).run(call).outcome.unwrap(), first);
    }

    pub fn entropy_too_much(program: Program) {
        trap(run(program), TrapKind::Refused, "65537 bytes asked for, at most 65536");
    }

    pub fn host_work(program: Program) {
        let report = run(program);
        assert_eq!(
            (report.outcome, report.usage.fuel),
            (Err(Outcome::OutOfFuel), LIMITS.fuel)
        );
    }

    pub fn log_flood(program: Program) {
        let report = run(program);
        assert_eq!(report.outcome, Ok(Vec::new()));
        let lines: Vec<&str> = report.log.lines().collect();
        assert_eq!((lines.len(), report.log_dropped), (1000, 4001));
        assert_eq!((lines[0].len(), lines[1]), ("info: ".len() + 8192, "debug: line"));
    }

    pub fn log_escape(program: Program) {
        assert_eq!(run(program).log, "warn: \u{fffd}[2Jgone\n");
    }

    pub fn log_no_text(program: Program) {
        trap(run(program), TrapKind::Other, "utf-8");
    }

    pub fn not_a_number(program: Program) {
        let canonical = 0x7ff8_0000_0000_0000u64.to_le_bytes();
        assert_eq!(run(program).outcome, Ok([canonical, canonical].concat()));
    }

    pub fn counter(program: Program) {
        for _ in 0..3 {
            assert_eq!(run(program).outcome, Ok(vec![1, 0, 0, 0]));
        }
    }

    pub fn misplaced(program: Program) {
        let report = plan_of(program, Vec::new());
        assert_eq!(
            report.plan,
            Err(PlanFailure::Failed(Outcome::GuestError("no plan today".to_owned())))
        );
        trap(run(program), TrapKind::Refused, "only reduce and check have partials");
        let outcome = reduce_of(program, Vec::new(), Box::new(Shared::default())).outcome;
        assert!(
            matches!(
                outcome,
                Err(Outcome::Trap {
                    kind: TrapKind::Refused,
                    ..
                })
            ),
            "{outcome:?}"
        );
    }

    pub fn plan_writes(program: Program) {
        let Err(PlanFailure::Failed(outcome)) = plan_of(program, Vec::new()).plan else {
            panic!()
        };
        assert_eq!(
            outcome.error_text(),
            "trap: output.write: only run and reduce have an output"
        );
    }

    pub fn join(program: Program) {
        let out = Shared::default();
        let partials = vec![b"one ".to_vec(), Vec::new(), b"two".to_vec()];
        let report = reduce_of(program, partials, Box::new(out.clone()));
        assert_eq!((report.outcome, report.usage.output_bytes), (Ok(7), 7));
        assert_eq!(*out.0.lock().unwrap(), b"one two");
        let full = reduce_of(program, vec![b"more than nothing".to_vec()], Box::new(Full)).outcome;
        let Err(Outcome::NoVerdict(NoVerdict::Host(text))) = full else {
            panic!("{full:?}")
        };
        assert!(text.starts_with("could not write the output: "), "{text}");
    }

    pub fn plan_flood(program: Program) {
        let failure = plan_of(program, Vec::new()).plan.unwrap_err();
        assert_eq!(
            failure,
            PlanFailure::TooLarge {
                limit_bytes: 128 << 20,
                max_chunks: 1000
            }
        );
        assert!(failure.to_string().contains("at most 1000 chunks"), "{failure}");
    }

    pub fn plan_one_too_many(program: Program) {
        let failure = plan_of(program, Vec::new()).plan.unwrap_err();
        assert_eq!(
            failure,
            PlanFailure::TooManyChunks {
                chunks: 1001,
                max: 1000
            }
        );
    }

    pub fn plan_out_of_range(program: Program) {
        let failure = plan_of(program, vec![vec![1, 2, 3]]).plan.unwrap_err();
        let expected = PlanError::Range {
            chunk: 0,
            input: 3,
            offset: 0,
            length: 1,
            size: None,
        };
        assert_eq!(failure, PlanFailure::Broken(expected));
    }

    pub fn plan_overlap(program: Program) {
        let failure = plan_of(program, Vec::new()).plan.unwrap_err();
        assert!(matches!(failure, PlanFailure::TooLarge { .. }), "{failure:?}");
    }

    pub fn plan_by_input(program: Program) {
        // The only way to two different plans: sandbox state is fresh and entropy is seeded, so the input must change.
        let plan = |first: u8| plan_of(program, vec![vec![first]]).plan.unwrap();
        assert_eq!(plan(1), plan(1));
        assert_eq!(plan(1).chunks[0].body, [1]);
        assert_eq!(plan(1).chunks[0].weight, 1);
        assert_ne!(plan(1), plan(2));
    }

    pub fn plan_by_entropy(program: Program) {
        let plan = || plan_of(program, Vec::new()).plan.unwrap();
        assert_eq!(plan(), plan());
        assert_eq!(plan().chunks[0].body.len(), 8);
    }

    pub fn no_manifest(program: Program) {
        let error = load(program).describe().unwrap_err();
        assert!(
            matches!(error, DescribeError::Manifest(ManifestError::Shape(_))),
            "{error}"
        );
    }

    pub fn bad_tag(program: Program) {
        trap(run(program), TrapKind::Other, "");
    }

    pub fn slow(program: Program) {
        let limits = Limits {
            fuel: 100_000_000_000,
            ..LIMITS
        };
        let report = run_with(&load(program), b"", Box::new(Gone), &limits);
        assert_eq!(report.outcome, Ok(Vec::new()));
        assert!(report.usage.fuel > 2_000_000_000);
    }
}
