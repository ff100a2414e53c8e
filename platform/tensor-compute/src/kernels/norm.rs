//! Softmax and normalisations. Sums are taken in the order of the folds (`reduce`), means and variances in `f64`; everything
//! else in the type of the elements. A normalised dimension that is not the last is moved there first.

mod layer;

use crate::Data;
use crate::error::Result;
use crate::kernels::device::offered;
use crate::kernels::elementwise::{bad_type, in_f32, is_small_float};
use crate::kernels::functions::Real;
use crate::kernels::parts::{Loop, fill_parts, make, rows_of, run_on};
use crate::kernels::reduce::{FloatExtreme, Sum, fold_row, sum_row};
use crate::kernels::shape::{bad_axis, transpose};
use crate::op::Op;
use crate::session::Session;
use crate::tensor::Tensor;

pub(super) use layer::affine;
pub use layer::{batch_norm, group_norm, layer_norm};

/// See [`crate::Op::Softmax`] and [`crate::Op::LogSoftmax`].
pub fn softmax(session: &Session, x: &Tensor, axis: usize, log: bool) -> Result<Tensor> {
    let op = if log { "log_softmax" } else { "softmax" };
    if axis >= x.rank() {
        return Err(bad_axis(op, axis, x));
    }
    if is_small_float(x.dtype()) {
        return in_f32(session, x, |x| softmax(session, x, axis, log));
    }
    if x.shape()[axis + 1..].iter().any(|length| *length != 1) {
        // There and back: an exchange of two dimensions is its own reverse.
        let mut perm: Vec<usize> = (0..x.rank()).collect();
        perm.swap(axis, x.rank() - 1);
        let moved = softmax(session, &transpose(session, x, &perm)?, x.rank() - 1, log)?;
        return transpose(session, &moved, &perm);
    }
    let length = x.shape()[axis];
    let whole = || {
        if log {
            Op::LogSoftmax { axis }
        } else {
            Op::Softmax { axis }
        }
    };
    if let Some(device) = offered(session, &[x], whole) {
        return device.make((op, 24), &[x], (x.shape(), x.dtype()));
    }
    match x.data() {
        Data::F32(v) => rows(session, op, (v, x.shape()), (length, log)),
        Data::F64(v) => rows(session, op, (v, x.shape()), (length, log)),
        _ => Err(bad_type(op, "floats", x.dtype())),
    }
}

fn rows<T: Real>(
    session: &Session,
    op: &'static str,
    (x, shape): (&[T], &[usize]),
    (length, log): (usize, bool),
) -> Result<Tensor> {
    let isa = session.settings().isa;
    make(session, (op, 24), shape, 0, |out: &mut [T]| {
        fill_parts(session, out, rows_of(length, 16), |first, part| {
            for (row, out) in part.chunks_mut(length).enumerate() {
                let x = &x[first + row * length..][..length];
                let largest = fold_row(isa, FloatExtreme::<true>, x);
                run_on(
                    isa,
                    Powers {
                        x,
                        largest,
                        out: &mut *out,
                    },
                );
                let sum = T::of(sum_row(isa, Sum::Plain, out));
                if log {
                    let less = sum.logarithm();
                    out.iter_mut().zip(x).for_each(|(out, x)| *out = (*x - largest) - less);
                } else {
                    run_on(
                        isa,
                        Scaled {
                            factor: T::of(1.0) / sum,
                            out,
                        },
                    );
                }
            }
            Ok(())
        })
    })
}

/// `out = exp(x - largest)`.
struct Powers<'a, T> {
    x: &'a [T],
    largest: T,
    out: &'a mut [T],
}
impl<T: Real> Loop for Powers<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for (out, x) in self.out.iter_mut().zip(self.x) {
            *out = (*x - self.largest).exponential();
        }
    }
}

/// `out = out factor`.
struct Scaled<'a, T> {
    factor: T,
    out: &'a mut [T],
}
impl<T: Real> Loop for Scaled<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for out in self.out.iter_mut() {
            *out = *out * self.factor;
        }
    }
}
