//! Class `exact`: every operation in one fixed order of operations, so that any processor, thread count and instruction set
//! gives the same bits. Each function leases and charges before it computes. In class `fast`, a session's accelerator takes
//! over where the work is paid for and checked ([`device`]).

mod conv;
mod device;
mod elementwise;
mod functions;
mod index;
mod matmul;
mod norm;
mod parts;
mod pool;
mod recurrent;
mod reduce;
mod select;
mod shape;
mod threads;
mod walk;

use crate::error::{ComputeError, Result};
use crate::op::Op;
use crate::session::Session;
use crate::tensor::Tensor;

pub use conv::{Then, conv_then};
pub use matmul::{Product, matmul_into};
pub use recurrent::{Lstm, lstm};
pub use threads::{in_chunks, in_parallel};

/// Runs an operation. Most give one tensor; `TopK` and `Pool` with indices give two.
#[expect(
    clippy::too_many_lines,
    reason = "a table: one line per operation, checked to be complete"
)]
pub fn apply(session: &Session, op: &Op, args: &[&Tensor]) -> Result<Vec<Tensor>> {
    let one = |result: Result<Tensor>| result.map(|tensor| vec![tensor]);
    match op {
        Op::Unary(unary) => one(elementwise::unary(session, *unary, arg(op, args, 0)?)),
        Op::Binary(binary) => one(elementwise::binary(
            session,
            *binary,
            arg(op, args, 0)?,
            arg(op, args, 1)?,
        )),
        Op::Compare(compare) => one(elementwise::compare(
            session,
            *compare,
            arg(op, args, 0)?,
            arg(op, args, 1)?,
        )),
        Op::Where => one(elementwise::choose(
            session,
            arg(op, args, 0)?,
            arg(op, args, 1)?,
            arg(op, args, 2)?,
        )),
        Op::Cast(dtype) => one(elementwise::cast(session, arg(op, args, 0)?, *dtype)),
        Op::Clamp { min, max } => one(elementwise::clamp(session, arg(op, args, 0)?, *min, *max)),
        Op::Reshape(shape) => one(shape::reshape(session, arg(op, args, 0)?, shape)),
        Op::Transpose(perm) => one(shape::transpose(session, arg(op, args, 0)?, perm)),
        Op::Expand(shape) => one(shape::expand(session, arg(op, args, 0)?, shape)),
        Op::Concat { axis } => one(shape::concat(session, args, *axis)),
        Op::Slice(ranges) => one(shape::slice(session, arg(op, args, 0)?, ranges)),
        Op::Pad { mode, pads } => one(shape::pad(
            session,
            arg(op, args, 0)?,
            args.get(1).copied(),
            *mode,
            pads,
        )),
        Op::Flip(axes) => one(shape::flip(session, arg(op, args, 0)?, axes)),
        Op::Tile(repeats) => one(shape::tile(session, arg(op, args, 0)?, repeats)),
        Op::Reduce { kind, axes, keep } => one(reduce::reduce(session, arg(op, args, 0)?, *kind, axes, *keep)),
        Op::ArgMax { axis, keep, last } => one(reduce::arg_extreme(
            session,
            arg(op, args, 0)?,
            (*axis, true),
            *keep,
            *last,
        )),
        Op::ArgMin { axis, keep, last } => one(reduce::arg_extreme(
            session,
            arg(op, args, 0)?,
            (*axis, false),
            *keep,
            *last,
        )),
        Op::CumSum {
            axis,
            exclusive,
            reverse,
        } => one(reduce::cum_sum(session, arg(op, args, 0)?, *axis, *exclusive, *reverse)),
        Op::TopK { k, axis, largest } => select::top_k(session, arg(op, args, 0)?, *k, *axis, *largest),
        Op::MatMul => one(matmul::matmul(session, arg(op, args, 0)?, arg(op, args, 1)?)),
        Op::Conv(options) => one(conv::conv(
            session,
            arg(op, args, 0)?,
            arg(op, args, 1)?,
            args.get(2).copied(),
            options,
        )),
        Op::ConvTranspose { conv, output_padding } => one(conv::conv_transpose(
            session,
            (arg(op, args, 0)?, arg(op, args, 1)?, args.get(2).copied()),
            conv,
            output_padding,
        )),
        Op::Pool(options) => pool::pool(session, arg(op, args, 0)?, options),
        Op::Softmax { axis } => one(norm::softmax(session, arg(op, args, 0)?, *axis, false)),
        Op::LogSoftmax { axis } => one(norm::softmax(session, arg(op, args, 0)?, *axis, true)),
        Op::LayerNorm { axis, epsilon } => one(norm::layer_norm(
            session,
            arg(op, args, 0)?,
            (args.get(1).copied(), args.get(2).copied()),
            *axis,
            *epsilon,
        )),
        Op::BatchNorm { epsilon } => {
            arg(op, args, 4)?;
            one(norm::batch_norm(session, args, *epsilon))
        }
        Op::GroupNorm { groups, epsilon } => {
            arg(op, args, 2)?;
            one(norm::group_norm(session, args, *groups, *epsilon))
        }
        Op::Gather { axis } => one(index::gather(session, arg(op, args, 0)?, arg(op, args, 1)?, *axis)),
        Op::GatherElements { axis } => one(index::gather_elements(
            session,
            arg(op, args, 0)?,
            arg(op, args, 1)?,
            *axis,
        )),
        Op::GatherNd { batch_dims } => one(index::gather_nd(
            session,
            arg(op, args, 0)?,
            arg(op, args, 1)?,
            *batch_dims,
        )),
        Op::ScatterElements { axis, reduction } => {
            arg(op, args, 2)?;
            one(index::scatter_elements(session, args, *axis, *reduction))
        }
        Op::ScatterNd { reduction } => {
            arg(op, args, 2)?;
            one(index::scatter_nd(session, args, *reduction))
        }
    }
}

fn arg<'a>(op: &Op, args: &[&'a Tensor], at: usize) -> Result<&'a Tensor> {
    args.get(at).copied().ok_or_else(|| ComputeError::Argument {
        op: "apply",
        why: format!("{op:?} takes at least {} tensors, {} were given", at + 1, args.len()),
    })
}
