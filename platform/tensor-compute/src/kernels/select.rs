//! Sorting out.

use crate::DType;
use crate::Data;
use crate::dtype::Element;
use crate::error::{ComputeError, Result};
use crate::kernels::elementwise::{bad_type, cast, is_small_float};
use crate::kernels::parts::make;
use crate::kernels::shape::{bad_axis, transpose};
use crate::session::Session;
use crate::tensor::Tensor;
use std::cmp::Ordering;

/// See [`crate::Op::TopK`]. Sorted, best first; NaN is the largest of all numbers.
pub fn top_k(session: &Session, x: &Tensor, k: usize, axis: usize, largest: bool) -> Result<Vec<Tensor>> {
    if axis >= x.rank() {
        return Err(bad_axis("top_k", axis, x));
    }
    if k > x.shape()[axis] {
        let why = format!(
            "{k} elements are more than dimension {axis} of shape {:?} has",
            x.shape()
        );
        return Err(ComputeError::Argument { op: "top_k", why });
    }
    if is_small_float(x.dtype()) {
        let found = top_k(session, &cast(session, x, DType::F32)?, k, axis, largest)?;
        return found
            .iter()
            .map(|t| {
                if t.dtype() == DType::F32 {
                    cast(session, t, x.dtype())
                } else {
                    Ok(t.clone())
                }
            })
            .collect();
    }
    if x.shape()[axis + 1..].iter().any(|length| *length != 1) {
        let mut perm: Vec<usize> = (0..x.rank()).collect();
        perm.swap(axis, x.rank() - 1);
        let moved = top_k(session, &transpose(session, x, &perm)?, k, x.rank() - 1, largest)?;
        return moved.iter().map(|t| transpose(session, t, &perm)).collect();
    }
    let task = Task { x, k, axis, largest };
    match x.data() {
        Data::F32(v) => task.run(session, v, |a, b| {
            a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }),
        Data::F64(v) => task.run(session, v, |a, b| {
            a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }),
        Data::I8(v) => task.run(session, v, Ord::cmp),
        Data::I16(v) => task.run(session, v, Ord::cmp),
        Data::I32(v) => task.run(session, v, Ord::cmp),
        Data::I64(v) => task.run(session, v, Ord::cmp),
        Data::U8(v) => task.run(session, v, Ord::cmp),
        Data::U16(v) => task.run(session, v, Ord::cmp),
        Data::U32(v) => task.run(session, v, Ord::cmp),
        Data::U64(v) => task.run(session, v, Ord::cmp),
        _ => Err(bad_type("top_k", "numbers", x.dtype())),
    }
}

struct Task<'a> {
    x: &'a Tensor,
    k: usize,
    axis: usize,
    largest: bool,
}

impl Task<'_> {
    fn run<T: Element + Copy>(
        &self,
        session: &Session,
        x: &[T],
        compare: impl Fn(&T, &T) -> Ordering,
    ) -> Result<Vec<Tensor>> {
        let (k, length) = (self.k, self.x.shape()[self.axis]);
        let mut shape = self.x.shape().to_vec();
        shape[self.axis] = k;
        // About log2(length) comparisons per element.
        session.charge(
            (x.len() as u64).saturating_mul(u64::from(length.max(1).ilog2()) + 4),
            size_of_val(x) as u64,
        )?;
        let indices = make(session, ("top_k", 0), &shape, 0, |out: &mut [i64]| {
            let _lease = session.lease((length * size_of::<usize>()) as u64)?;
            let mut order: Vec<usize> = Vec::with_capacity(length);
            if k == 0 || length == 0 {
                return Ok(());
            }
            for (row, out) in x.chunks(length).zip(out.chunks_mut(k)) {
                session.go_on()?;
                let best_first = |a: &usize, b: &usize| {
                    let by_value = compare(&row[*a], &row[*b]);
                    (if self.largest { by_value.reverse() } else { by_value }).then(a.cmp(b))
                };
                order.clear();
                order.extend(0..length);
                if k < length {
                    order.select_nth_unstable_by(k, best_first);
                }
                order[..k].sort_unstable_by(best_first);
                out.iter_mut().zip(&order).for_each(|(out, at)| *out = *at as i64);
            }
            Ok(())
        })?;
        let chosen = indices.values::<i64>("top_k")?;
        let values = make(session, ("top_k", 0), &shape, 0, |out: &mut [T]| {
            if k > 0 {
                for ((row, out), at) in x.chunks(length).zip(out.chunks_mut(k)).zip(chosen.chunks(k)) {
                    out.iter_mut().zip(at).for_each(|(out, at)| *out = row[*at as usize]);
                }
            }
            Ok(())
        })?;
        Ok(vec![values, indices])
    }
}
