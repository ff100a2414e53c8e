//! Splits a result into parts that threads fill on their own, and runs inner loops with the instruction set chosen.
//!
//! Neither changes a bit: a part's elements do not depend on where parts begin, and every instruction set runs the same
//! operations in the same order (`mul_add` is one rounding everywhere, nothing else is fused).

use crate::dtype::{DType, Element};
use crate::error::{ComputeError, Result};
use crate::isa::Isa;
use crate::kernels::in_parallel;
use crate::session::Session;
use crate::tensor::{Tensor, element_count};
use std::sync::{Arc, Mutex};

/// Elements of a part of a cheap loop: some 10 microseconds of work, which outweighs handing it to a thread.
pub(super) const PART: usize = 32_768;

/// Calls `work(first element, elements)` for consecutive parts of `out` of `length` elements (the last may be shorter), on
/// the session's threads.
pub(super) fn fill_parts<T: Send>(
    session: &Session,
    out: &mut [T],
    length: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<()> {
    let length = length.max(1);
    if out.len() <= length {
        return if out.is_empty() { Ok(()) } else { work(0, out) };
    }
    let slots: Vec<Mutex<&mut [T]>> = out.chunks_mut(length).map(Mutex::new).collect();
    in_parallel(session, slots.len(), |part| {
        session.go_on()?;
        match slots[part].lock() {
            Ok(mut slot) => work(part * length, &mut slot),
            Err(_) => Err(ComputeError::Device("a thread of this operation failed".to_owned())),
        }
    })
}

/// As many whole rows of `row` elements as make a part of about `PART / cost` elements, in elements.
pub(super) fn rows_of(row: usize, cost: usize) -> usize {
    let row = row.max(1);
    (PART / cost.max(1) / row).max(1).saturating_mul(row)
}

/// An inner loop. `run` must be `#[inline(always)]`, so that it is compiled anew for each instruction set.
pub(super) trait Loop {
    /// What it gives.
    type Out;
    /// Runs it.
    fn run(self) -> Self::Out;
}

/// Runs the loop compiled for `isa`; for what the processor has, if it lacks that.
pub(super) fn run_on<L: Loop>(isa: Isa, work: L) -> L::Out {
    #[cfg(target_arch = "x86_64")]
    {
        let fma = is_x86_feature_detected!("fma");
        let avx2 = fma && is_x86_feature_detected!("avx2");
        if isa == Isa::Avx512 && avx2 && is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the features, as was just asked.
            return unsafe { with_avx512(work) };
        }
        if matches!(isa, Isa::Avx512 | Isa::Avx2) && avx2 {
            // SAFETY: the processor has the features, as was just asked.
            return unsafe { with_avx2(work) };
        }
        // Scalar code too needs the instruction, or every `mul_add` becomes a call.
        if fma {
            // SAFETY: the processor has the feature, as was just asked.
            return unsafe { with_fma(work) };
        }
    }
    let _ = isa;
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn with_avx512<L: Loop>(work: L) -> L::Out {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<L: Loop>(work: L) -> L::Out {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
fn with_fma<L: Loop>(work: L) -> L::Out {
    work.run()
}

/// Bytes of the longest text among the values; 0 for other types. Copies of texts are leased as if all were so long.
pub(super) fn longest<T: Element>(values: &[T]) -> u64 {
    if T::DTYPE != DType::Text {
        return 0;
    }
    let length = |value: &T| {
        (value as &dyn std::any::Any)
            .downcast_ref::<String>()
            .map_or(0, String::len) as u64
    };
    values.iter().map(length).max().unwrap_or(0)
}

/// A tensor of `shape` whose elements `fill` writes; each is leased with `extra` bytes on top of its type's. Charges
/// `cost` operations per element.
pub(super) fn make<T: Element>(
    session: &Session,
    (op, cost): (&'static str, u64),
    shape: &[usize],
    extra: u64,
    fill: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<Tensor> {
    let count = element_count(op, shape, T::DTYPE)? as u64;
    let bytes = count.saturating_mul((T::DTYPE.size() as u64).saturating_add(extra));
    session.charge(count.saturating_mul(cost), bytes.saturating_mul(2))?;
    let lease = session.lease(bytes)?;
    let mut values = vec![T::default(); count as usize];
    fill(&mut values)?;
    session.adopt(shape, T::wrap(Arc::new(values)), lease)
}
