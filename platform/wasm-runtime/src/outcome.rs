//! Sorts the end of a call into an outcome: what replicas agree on, and what is no verdict.

use crate::backtrace;
use crate::call::Limits;
use crate::host::Stop;
use job_model::{NoVerdict, Outcome, TrapKind};
use wasmtime::{PoolConcurrencyLimitError, Trap};

/// Largest detail of a trap, in bytes: 32 frames with long names.
const TRAP_DETAIL_BYTES_MAX: usize = 16 << 10;
/// What wasmtime says when a guest hands over more than `Store::set_hostcall_fuel` allows. The error has no public type;
/// the version is pinned, and a test with a hostile guest holds this text.
const TRANSFER_LIMIT_TEXT: &str = "fuel allocated for hostcalls has been exhausted";

/// How far a call came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Making the sandbox: what fails here without a trap is this node's fault.
    Instantiate,
    /// Running the export: what fails here without a type of its own is the guest's breach of the component model.
    Call,
}

/// The longest start of `text` of at most `bytes` bytes that ends between two characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Whether the guest handed over more data in one piece than allowed.
pub(crate) fn is_transfer_limit(error: &wasmtime::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.to_string().contains(TRANSFER_LIMIT_TEXT))
}

/// The outcome of a call that did not return. `last_error` is the last log line, if that was an error.
pub(crate) fn of_error(error: &wasmtime::Error, phase: Phase, limits: &Limits, last_error: Option<&str>) -> Outcome {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return of_stop(stop, error, limits);
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return of_trap(*trap, error, last_error);
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Outcome::NoVerdict(NoVerdict::Host("all sandboxes are in use".to_owned()));
    }
    if is_transfer_limit(error) {
        let message = "the job handed over more data in one piece than allowed; write the output in smaller pieces";
        return trap(TrapKind::Refused, message, error);
    }
    if phase == Phase::Instantiate || error.is::<wasmtime::error::OutOfMemory>() {
        return Outcome::NoVerdict(NoVerdict::Host(format!(
            "could not run the sandbox: {}",
            root_text(error)
        )));
    }
    trap(TrapKind::Other, &root_text(error), error)
}

fn of_stop(stop: &Stop, error: &wasmtime::Error, limits: &Limits) -> Outcome {
    let no_verdict = match stop {
        Stop::Refused(message) => return trap(TrapKind::Refused, message, error),
        Stop::OutOfFuel => return Outcome::OutOfFuel,
        Stop::MemoryLimit { limit_bytes } => NoVerdict::MemoryLimit {
            limit_bytes: *limit_bytes,
        },
        Stop::TimedOut => {
            let limit_ms = u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX);
            NoVerdict::TimedOut { limit_ms }
        }
        Stop::Cancelled => NoVerdict::Cancelled,
        Stop::Unavailable(what) => NoVerdict::Unavailable(what.clone()),
        Stop::Unsupported(what) => NoVerdict::Refused(what.clone()),
        Stop::Host(what) => NoVerdict::Host(what.clone()),
    };
    Outcome::NoVerdict(no_verdict)
}

fn of_trap(code: Trap, error: &wasmtime::Error, last_error: Option<&str>) -> Outcome {
    let kind = match code {
        Trap::OutOfFuel => return Outcome::OutOfFuel,
        Trap::StackOverflow => return Outcome::NoVerdict(NoVerdict::StackOverflow),
        Trap::UnreachableCodeReached => TrapKind::Unreachable,
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => TrapKind::MemoryOutOfBounds,
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature | Trap::NullReference => {
            TrapKind::BadCall
        }
        Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger => TrapKind::Arithmetic,
        _ => TrapKind::Other,
    };
    match last_error {
        // A panic hook logs the panic and then traps: that says more than "unreachable". Rust puts place and message on two
        // lines; a headline is one.
        Some(said) if kind == TrapKind::Unreachable => trap(kind, &said.replace('\n', " "), error),
        _ => trap(kind, &code.to_string(), error),
    }
}

fn trap(kind: TrapKind, message: &str, error: &wasmtime::Error) -> Outcome {
    let mut detail = cut(message, TRAP_DETAIL_BYTES_MAX).to_owned();
    detail.push_str(&backtrace::text(error));
    detail.truncate(detail.floor_char_boundary(TRAP_DETAIL_BYTES_MAX));
    Outcome::Trap { kind, detail }
}

/// The innermost cause: the outer ones are backtraces and steps of wasmtime's own.
fn root_text(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}
