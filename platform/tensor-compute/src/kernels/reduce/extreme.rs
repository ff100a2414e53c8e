//! Where the largest or smallest element is.

use crate::Data;
use crate::error::{ComputeError, Result};
use crate::kernels::elementwise::{bad_type, in_f32, is_small_float};
use crate::kernels::parts::{PART, fill_parts, make};
use crate::kernels::shape::bad_axis;
use crate::session::Session;
use crate::tensor::Tensor;

/// See [`crate::Op::ArgMax`] and [`crate::Op::ArgMin`].
pub fn arg_extreme(
    session: &Session,
    x: &Tensor,
    (axis, largest): (usize, bool),
    keep: bool,
    last: bool,
) -> Result<Tensor> {
    let op = if largest { "arg_max" } else { "arg_min" };
    if axis >= x.rank() {
        return Err(bad_axis(op, axis, x));
    }
    if is_small_float(x.dtype()) {
        return in_f32(session, x, |x| arg_extreme(session, x, (axis, largest), keep, last));
    }
    let length = x.shape()[axis];
    let mut shape = x.shape().to_vec();
    shape[axis] = 1;
    if length == 0 && !shape.contains(&0) {
        let why = format!(
            "dimension {axis} of shape {:?} is empty: it has no such element",
            x.shape()
        );
        return Err(ComputeError::Shape { op, why });
    }
    let inner: usize = shape[axis + 1..].iter().product();
    if !keep {
        shape.remove(axis);
    }
    let search = Search {
        op,
        shape: &shape,
        length,
        inner,
        last,
    };
    macro_rules! by_type {
        ($($float:ident)*; $($whole:ident)*) => {
            match (x.data(), largest) {
                $((Data::$float(v), true) => search.run(session, v, |x, best| x > best || x.is_nan() && !best.is_nan()),)*
                $((Data::$float(v), false) => search.run(session, v, |x, best| x < best || x.is_nan() && !best.is_nan()),)*
                $((Data::$whole(v), true) => search.run(session, v, |x, best| x > best),)*
                $((Data::$whole(v), false) => search.run(session, v, |x, best| x < best),)*
                _ => Err(bad_type(op, "numbers or booleans", x.dtype())),
            }
        };
    }
    by_type!(F32 F64; I8 I16 I32 I64 U8 U16 U32 U64 Bool)
}

struct Search<'a> {
    op: &'static str,
    shape: &'a [usize],
    length: usize,
    inner: usize,
    last: bool,
}

impl Search<'_> {
    fn run<T: Copy + Sync>(
        &self,
        session: &Session,
        x: &[T],
        better: impl Fn(T, T) -> bool + Copy + Sync,
    ) -> Result<Tensor> {
        let Self { length, inner, .. } = *self;
        make(session, (self.op, length as u64), self.shape, 0, |out: &mut [i64]| {
            fill_parts(session, out, (PART / length.max(1)).max(1), |first, part| {
                for (i, out) in part.iter_mut().enumerate() {
                    let (outer, column) = ((first + i) / inner, (first + i) % inner);
                    let start = outer * length * inner + column;
                    let (mut found, mut best) = (0, x[start]);
                    for at in 1..length {
                        let element = x[start + at * inner];
                        // The last of equals: what is not worse.
                        if better(element, best) || self.last && !better(best, element) {
                            (found, best) = (at, element);
                        }
                    }
                    *out = found as i64;
                }
                Ok(())
            })
        })
    }
}
