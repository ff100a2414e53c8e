//! Host tensors through the sandbox's border: data, prices, limits, and guests that ask for what cannot be.

use crate::guest;
use crate::rig::{Bytes, LIMITS, MEMORY_BYTES, Partials, Shared, run_with};
use job_model::{NoVerdict, Outcome, TrapKind};
use std::time::{Duration, Instant};
use tensor_compute::{BYTES_PER_FUEL, Op, Session, Settings, Tensor};
use wasm_runtime::{CancelToken, Limits, LoadedJob, ReadInput, ReduceCall, RunCall, RunReport};

/// Enough for minutes of products.
const PLENTY: Limits = Limits {
    fuel: u64::MAX / 2,
    output_bytes: 64 << 20,
    ..LIMITS
};

/// Slice 0 has 256 bytes, slice 1 a little over 3 MiB.
fn slices() -> Box<Bytes> {
    Box::new(Bytes(vec![
        (0..=255).collect(),
        (0..(3 << 20) + 1).map(|at: u32| (at / 1000) as u8).collect(),
    ]))
}

fn run(job: &LoadedJob, case: &str, limits: &Limits) -> RunReport {
    run_with(job, format!("tensors {case}").as_bytes(), slices(), limits)
}

fn text(report: RunReport) -> String {
    String::from_utf8(report.outcome.unwrap()).unwrap()
}

#[test]
fn bytes_come_back_as_they_went() {
    let Some(job) = guest::job() else { return };
    let values = [1.5f32, -2.0, f32::NAN, 0.0, f32::INFINITY, 6.0];
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(run(&job, "round-trip", &LIMITS).outcome.unwrap(), bytes);
}

#[test]
fn inputs_and_outputs_do_not_enter_the_sandbox() {
    let Some(job) = guest::job() else { return };
    let report = run(&job, "input", &PLENTY);
    let output = report.outcome.unwrap();
    let inputs = slices().0;
    assert!(output[..50] == inputs[0][6..56] && output[50..] == inputs[1][1..]);
    assert_eq!(report.usage.input_bytes, 50 + (3 << 20));
    assert_eq!(report.usage.output_bytes, 50 + (3 << 20));
    // The guest's own memory stays small, and both tensors were never held at once: the first is 50 bytes.
    assert!(
        (3 << 20..6 << 20).contains(&report.usage.memory_bytes),
        "{}",
        report.usage.memory_bytes
    );
}

#[test]
fn reduce_has_tensors_too() {
    let Some(job) = guest::job() else { return };
    let out = Shared::default();
    let report = job.reduce(ReduceCall {
        params: b"tensors output 100000",
        partials: Box::new(Partials(Vec::new())),
        out: Box::new(out.clone()),
        entropy_seed: [7; 32],
        limits: &LIMITS,
        cancel: &CancelToken::new(),
    });
    assert_eq!(report.outcome, Ok(100_000));
    assert_eq!(*out.0.lock().unwrap(), vec![1; 100_000]);
}

#[test]
fn what_cannot_be_is_an_error_with_a_kind() {
    let Some(job) = guest::job() else { return };
    let expected = "no length of one dimension: shape
no product: shape
no product behind nothing: shape
no length at all: shape
rank 17: shape
rank 1000: shape
nothing: ok
too few bytes: shape
too many bytes: shape
too many bytes at once: argument
bytes of texts: element-type
no texts: element-type
read behind the end: argument
read far behind the end: argument
read too much: argument
no input: argument
input too short: shape
input offset: shape
input of texts: element-type
no operands: argument
one operand: argument
three operands: argument
long list: argument
";
    assert_eq!(text(run(&job, "errors", &LIMITS)), expected);
}

#[test]
fn what_no_kernel_takes_is_an_error_with_a_kind() {
    let Some(job) = guest::job() else { return };
    let said = text(run(&job, "kernel-errors", &LIMITS));
    for (line, kinds) in said.lines().zip([
        "reshape: shape",
        "reshape far: shape",
        "expand far: shape",
        "axis: argument",
        "perm: argument shape",
        "types: element-type shape",
        "exponential of bytes: element-type",
    ]) {
        let (name, kinds) = kinds.split_once(": ").unwrap();
        let (case, kind) = line.split_once(": ").unwrap();
        assert!(
            case == name && kinds.split(' ').any(|allowed| allowed == kind),
            "{line}"
        );
    }
    assert_eq!(said.lines().count(), 7);
}

#[test]
fn bytes_cost_what_the_contract_says() {
    let Some(job) = guest::job() else { return };
    // As many digits, so that the guest parses as long.
    let fuel = |case: &str| run(&job, case, &LIMITS).usage.fuel;
    let filled = fuel("filled 9000000") - fuel("filled 1000000");
    assert_eq!(filled, 8_000_000 / BYTES_PER_FUEL);
    // To the output also one for each byte.
    let written = fuel("output 900000") - fuel("output 100000");
    assert_eq!(written, 800_000 / BYTES_PER_FUEL + 800_000);
    // Enough for the guest to ask, not for the host to answer.
    let limits = Limits {
        fuel: 9_000_000 / BYTES_PER_FUEL,
        ..LIMITS
    };
    let report = run(&job, "filled 9000000", &limits);
    assert_eq!(
        (report.outcome, report.usage.fuel),
        (Err(Outcome::OutOfFuel), limits.fuel)
    );
}

#[test]
fn tensors_and_linear_memory_share_one_limit() {
    let Some(job) = guest::job() else { return };
    let over = Err(Outcome::NoVerdict(NoVerdict::MemoryLimit {
        limit_bytes: MEMORY_BYTES,
    }));
    // 64 MiB each, of 256 MiB.
    assert_eq!(run(&job, "kept 4", &LIMITS).outcome, over);
    let kept = run(&job, "kept 3", &LIMITS);
    assert_eq!(kept.outcome, Ok(Vec::new()));
    assert!(
        (192 << 20..200 << 20).contains(&kept.usage.memory_bytes),
        "{}",
        kept.usage.memory_bytes
    );
    // 200 MiB of tensor, and the guest's own; whichever comes first.
    for case in ["beside-memory", "memory-first"] {
        assert_eq!(
            run(&job, &format!("{case} {}", 60 << 20), &LIMITS).outcome,
            over,
            "{case}"
        );
        let report = run(&job, &format!("{case} {}", 40 << 20), &LIMITS);
        assert_eq!(report.outcome, Ok(Vec::new()), "{case}");
        assert!((240 << 20..MEMORY_BYTES).contains(&report.usage.memory_bytes), "{case}");
    }
}

#[test]
fn dropped_tensors_give_their_memory_back() {
    let Some(job) = guest::job() else { return };
    let report = run(&job, "dropped 20", &LIMITS);
    assert_eq!(report.outcome, Ok(Vec::new()));
    assert!(
        (64 << 20..72 << 20).contains(&report.usage.memory_bytes),
        "{}",
        report.usage.memory_bytes
    );
}

#[test]
fn handles_and_operands_are_bounded() {
    let Some(job) = guest::job() else { return };
    let refused = |case: &str, words: &str| {
        let Err(Outcome::Trap { kind, detail }) = run(&job, case, &LIMITS).outcome else {
            panic!("{case}")
        };
        assert!(kind == TrapKind::Refused && detail.contains(words), "{case}: {detail}");
    };
    let most = run(&job, "handles 65536", &LIMITS);
    assert_eq!(most.outcome, Ok(Vec::new()));
    assert!(
        most.usage.memory_bytes > 65536 * 256,
        "handles are not free: {}",
        most.usage.memory_bytes
    );
    refused(
        "handles 65537",
        "may hold 65536 tensors and models; drop those it no longer needs",
    );
    refused("operands 1025", "at most 1024");
}

#[test]
fn handles_that_are_none_trap() {
    let Some(job) = guest::job() else { return };
    for case in ["no-handle", "after-drop"] {
        let outcome = run(&job, case, &LIMITS).outcome;
        let Err(Outcome::Trap { kind, detail }) = outcome else {
            panic!("{case}: {outcome:?}")
        };
        assert!(kind == TrapKind::Other && detail.contains("handle"), "{case}: {detail}");
    }
}

#[test]
fn models_come_from_inputs_that_exist() {
    let Some(job) = guest::job() else { return };
    assert!(text(run(&job, "model-index", &LIMITS)).starts_with("Err(Error::Argument(\"load: there is no input"));
    // 256 bytes that are no model.
    assert!(text(run(&job, "model", &LIMITS)).starts_with("Err(Error::Model("));
}

/// What the guest's `product` does, natively.
fn product(n: usize) -> Tensor {
    let session = Session::unlimited(Settings::default());
    let values = (0..1024u32).map(|x| (x * 7919 % 1000) as f32 / 997.0 - 0.5).collect();
    let row = Tensor::new(&[1024], values).unwrap();
    let apply = |op: Op, operands: &[&Tensor]| tensor_compute::apply(&session, &op, operands).unwrap().remove(0);
    let wide = apply(Op::Expand(vec![n, 1024]), &[&row]);
    let square = apply(Op::MatMul, &[&wide, &apply(Op::Transpose(vec![1, 0]), &[&wide])]);
    apply(Op::MatMul, &[&square, &square])
}

#[test]
fn a_product_has_the_bits_of_a_native_one() {
    let Some(job) = guest::job() else { return };
    let report = run(&job, "product 100", &PLENTY);
    assert!(report.outcome.unwrap() == product(100).to_le_bytes().unwrap());
    // At least what the multiplications cost: two of 2 n n k.
    let flops = 2 * 100 * 100 * 1024 + 2 * 100 * 100 * 100;
    assert!(report.usage.fuel >= flops / tensor_compute::FLOPS_PER_FUEL);
    let again = run(&job, "product 100", &PLENTY);
    assert_eq!(
        (again.usage.fuel, again.usage.memory_bytes),
        (report.usage.fuel, report.usage.memory_bytes)
    );
}

/// An input that tells when it is asked for: then the call is on its way.
struct Telling(std::sync::mpsc::SyncSender<()>);

impl ReadInput for Telling {
    fn size(&self, _index: u32) -> Option<u64> {
        // Who listens may be gone.
        let _ = self.0.try_send(());
        Some(0)
    }
    fn read(&mut self, _index: u32, _offset: u64, _length: u32) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }
}

/// Longer than any machine of today takes to stop, shorter than a product of this size with all others behind it.
const SOON: Duration = Duration::from_secs(1);

#[test]
fn a_long_product_is_cancelled_at_once() {
    let Some(job) = guest::job() else { return };
    let cancel = CancelToken::new();
    let (read, begun) = std::sync::mpsc::sync_channel(8);
    let stop = cancel.clone();
    let waited = std::thread::scope(|scope| {
        let canceller = scope.spawn(move || {
            begun.recv_timeout(Duration::from_secs(60)).unwrap();
            stop.cancel();
            Instant::now()
        });
        let report = job.run(RunCall {
            body: b"tensors products 3000",
            slices: Box::new(Telling(read)),
            entropy_seed: [7; 32],
            limits: &PLENTY,
            cancel: &cancel,
        });
        let ended = Instant::now();
        assert_eq!(report.outcome, Err(Outcome::NoVerdict(NoVerdict::Cancelled)));
        ended.saturating_duration_since(canceller.join().unwrap())
    });
    assert!(waited < SOON, "{waited:?}");
}

#[test]
fn a_long_product_ends_at_the_time_limit() {
    let Some(job) = guest::job() else { return };
    let limits = Limits {
        timeout: Duration::from_millis(500),
        ..PLENTY
    };
    let started = Instant::now();
    let report = run(&job, "products 3000", &limits);
    let took = started.elapsed();
    assert_eq!(
        report.outcome,
        Err(Outcome::NoVerdict(NoVerdict::TimedOut { limit_ms: 500 }))
    );
    assert!(took < limits.timeout + SOON, "{took:?}");
}
