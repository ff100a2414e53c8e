//! Folds, in a fixed order.
//!
//! Folded dimensions that are not neighbours are first moved to the end, in ascending order. What is folded into one
//! element is cut into blocks of [`BLOCK`] elements in row-major order; blocks are combined from the first on, sums and
//! products of `f32` in `f64`, and rounded once at the end. Within a block:
//!
//! - where the folded elements lie side by side: element `i` goes to lane `i mod 32`; then lane `i` takes in lane `i + 16`,
//!   then `i + 8`, 4, 2, 1;
//! - where they do not: one after the other, in blocks of 256.
//!
//! Threads take other results, or other blocks of one. Whole numbers wrap in their own type.

mod extreme;
mod fold;
mod kinds;
mod running;

use crate::error::Result;
use crate::kernels::device::offered;
use crate::kernels::elementwise::{bad_type, binary, cast, choose, in_f32, is_small_float, unary};
use crate::kernels::shape::{bad_axis, expand, transpose};
use crate::op::{Binary, Op, Reduce, Unary};
use crate::session::Session;
use crate::tensor::{Tensor, element_count};
use crate::{DType, Data};
use fold::Layout;
use kinds::{floats, truths, wholes};

pub use extreme::arg_extreme;
pub(super) use fold::fold_row;
pub(super) use kinds::{FloatExtreme, Sum, sum_row};
pub use running::cum_sum;

/// Elements of a block.
pub(super) const BLOCK: usize = 4096;

/// See [`crate::Op::Reduce`]. Of no elements: 0, 1 for a product, infinity or the limit of the type for `Min`, minus
/// infinity or its lower limit for `Max` and the logarithms, NaN for the mean of floats, 0 for that of whole numbers.
pub fn reduce(session: &Session, x: &Tensor, kind: Reduce, axes: &[usize], keep: bool) -> Result<Tensor> {
    let title = name(kind);
    let folded = folded_axes(title, x, axes)?;
    if is_small_float(x.dtype()) {
        return in_f32(session, x, |x| reduce(session, x, kind, axes, keep));
    }
    let kept: Vec<usize> = (0..x.rank()).filter(|axis| !folded[*axis]).collect();
    let shape: Vec<usize> = match keep {
        true => (0..x.rank())
            .map(|axis| if folded[axis] { 1 } else { x.shape()[axis] })
            .collect(),
        false => kept.iter().map(|axis| x.shape()[*axis]).collect(),
    };
    element_count(title, &shape, x.dtype())?;
    if x.dtype().is_int() && matches!(kind, Reduce::L2 | Reduce::LogSum | Reduce::LogSumExp) {
        let wide = reduce(session, &cast(session, x, DType::F64)?, kind, axes, keep)?;
        return cast(session, &wide, x.dtype());
    }
    if kind == Reduce::LogSumExp && x.dtype().is_float() {
        return log_sum_exp(session, x, axes, &shape);
    }
    // One stretch of folded dimensions (those of length 1 do not count), or all moved to the end.
    let long = |axis: &usize| x.shape()[*axis] != 1;
    let stretch: Vec<usize> = (0..x.rank()).filter(|axis| folded[*axis]).filter(long).collect();
    let joined = match (stretch.first(), stretch.last()) {
        (Some(first), Some(last)) => kept
            .iter()
            .filter(|axis| long(axis))
            .all(|axis| axis < first || axis > last),
        _ => true,
    };
    let moved;
    let (x, first, last) = if joined {
        let first = stretch.first().copied().unwrap_or(x.rank());
        (x, first, stretch.last().map_or(first, |last| last + 1))
    } else {
        let perm: Vec<usize> = kept
            .iter()
            .copied()
            .chain((0..x.rank()).filter(|axis| folded[*axis]))
            .collect();
        moved = transpose(session, x, &perm)?;
        (&moved, kept.len(), x.rank())
    };
    let product = |axes: &[usize]| axes.iter().product::<usize>();
    let layout = Layout {
        op: title,
        shape: &shape,
        count: product(&x.shape()[first..last]),
        inner: product(&x.shape()[last..]),
    };
    let fold = || Op::Reduce {
        kind,
        axes: (first..last).collect(),
        keep: false,
    };
    if let Some(device) = offered(session, &[x], fold) {
        session.charge(0, x.len() as u64 * x.dtype().size() as u64)?;
        let cost = (layout.count as u64).saturating_add(1);
        return device.make((title, cost), &[x], (&shape, x.dtype()));
    }
    on_processor(session, kind, x, &layout)
}

fn on_processor(session: &Session, kind: Reduce, x: &Tensor, layout: &Layout<'_>) -> Result<Tensor> {
    match x.data() {
        Data::F32(v) => floats::<f32>(session, kind, v, layout),
        Data::F64(v) => floats::<f64>(session, kind, v, layout),
        Data::I8(v) => wholes(session, kind, v, layout),
        Data::I16(v) => wholes(session, kind, v, layout),
        Data::I32(v) => wholes(session, kind, v, layout),
        Data::I64(v) => wholes(session, kind, v, layout),
        Data::U8(v) => wholes(session, kind, v, layout),
        Data::U16(v) => wholes(session, kind, v, layout),
        Data::U32(v) => wholes(session, kind, v, layout),
        Data::U64(v) => wholes(session, kind, v, layout),
        Data::Bool(v) => truths(session, kind, v, layout),
        _ => Err(bad_type(layout.op, takes(kind), x.dtype())),
    }
}

fn takes(kind: Reduce) -> &'static str {
    match kind {
        Reduce::Any | Reduce::All => "booleans",
        Reduce::Min | Reduce::Max => "numbers or booleans",
        _ => "numbers",
    }
}

/// For each dimension whether it is folded.
fn folded_axes(op: &'static str, x: &Tensor, axes: &[usize]) -> Result<Vec<bool>> {
    let mut folded = vec![axes.is_empty(); x.rank()];
    for axis in axes {
        match folded.get_mut(*axis) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(bad_axis(op, *axis, x)),
        }
    }
    Ok(folded)
}

/// `m + log(sum(exp(x - m)))` with the maximum `m`, or 0 where that is not finite.
fn log_sum_exp(session: &Session, x: &Tensor, axes: &[usize], shape: &[usize]) -> Result<Tensor> {
    let largest = reduce(session, x, Reduce::Max, axes, true)?;
    let zero = binary(session, Binary::Sub, &largest, &largest)?;
    // x - x is not 0 where x is not finite.
    let finite = crate::kernels::elementwise::compare(session, crate::Compare::Equal, &zero, &zero)?;
    let none = expand(
        session,
        &cast(session, &Tensor::new(&[], vec![0.0_f64])?, x.dtype())?,
        zero.shape(),
    )?;
    let shift = choose(session, &finite, &largest, &none)?;
    let powers = unary(session, Unary::Exp, &binary(session, Binary::Sub, x, &shift)?)?;
    let sum = unary(session, Unary::Log, &reduce(session, &powers, Reduce::Sum, axes, true)?)?;
    binary(session, Binary::Add, &sum, &shift)?.with_shape("reduce_log_sum_exp", shape)
}

fn name(kind: Reduce) -> &'static str {
    match kind {
        Reduce::Sum => "reduce_sum",
        Reduce::Mean => "reduce_mean",
        Reduce::Min => "reduce_min",
        Reduce::Max => "reduce_max",
        Reduce::Prod => "reduce_prod",
        Reduce::L1 => "reduce_l1",
        Reduce::L2 => "reduce_l2",
        Reduce::SumSquare => "reduce_sum_square",
        Reduce::LogSum => "reduce_log_sum",
        Reduce::LogSumExp => "reduce_log_sum_exp",
        Reduce::Any => "reduce_any",
        Reduce::All => "reduce_all",
    }
}
