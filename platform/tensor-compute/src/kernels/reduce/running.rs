//! Running sums.

use crate::Data;
use crate::dtype::Element;
use crate::error::Result;
use crate::kernels::elementwise::{bad_type, in_f32, is_small_float};
use crate::kernels::parts::{fill_parts, make, rows_of};
use crate::kernels::shape::bad_axis;
use crate::session::Session;
use crate::tensor::Tensor;

/// See [`crate::Op::CumSum`]. One element after the other, in the type of the elements.
pub fn cum_sum(session: &Session, x: &Tensor, axis: usize, exclusive: bool, reverse: bool) -> Result<Tensor> {
    if axis >= x.rank() {
        return Err(bad_axis("cum_sum", axis, x));
    }
    if is_small_float(x.dtype()) {
        return in_f32(session, x, |x| cum_sum(session, x, axis, exclusive, reverse));
    }
    let way = Way {
        shape: x.shape(),
        axis,
        exclusive,
        reverse,
    };
    match x.data() {
        Data::F32(v) => sums(session, v, &way, |a, b| a + b),
        Data::F64(v) => sums(session, v, &way, |a, b| a + b),
        Data::I8(v) => sums(session, v, &way, i8::wrapping_add),
        Data::I16(v) => sums(session, v, &way, i16::wrapping_add),
        Data::I32(v) => sums(session, v, &way, i32::wrapping_add),
        Data::I64(v) => sums(session, v, &way, i64::wrapping_add),
        Data::U8(v) => sums(session, v, &way, u8::wrapping_add),
        Data::U16(v) => sums(session, v, &way, u16::wrapping_add),
        Data::U32(v) => sums(session, v, &way, u32::wrapping_add),
        Data::U64(v) => sums(session, v, &way, u64::wrapping_add),
        _ => Err(bad_type("cum_sum", "numbers", x.dtype())),
    }
}

struct Way<'a> {
    shape: &'a [usize],
    axis: usize,
    exclusive: bool,
    reverse: bool,
}

fn sums<T: Element + Copy>(
    session: &Session,
    x: &[T],
    way: &Way<'_>,
    add: impl Fn(T, T) -> T + Copy + Sync,
) -> Result<Tensor> {
    let length = way.shape[way.axis];
    let inner: usize = way.shape[way.axis + 1..].iter().product();
    make(session, ("cum_sum", 1), way.shape, 0, |out: &mut [T]| {
        let block = length * inner;
        fill_parts(session, out, rows_of(block, 1), |first, part| {
            for (i, out) in part.chunks_mut(block).enumerate() {
                let x = &x[first + i * block..][..block];
                let mut before: Option<usize> = None;
                for step in 0..length {
                    let row = if way.reverse { length - 1 - step } else { step } * inner;
                    for column in 0..inner {
                        // Exclusive: what came before is the sum there and the element there.
                        let sum = before.map(|row| (out[row + column], x[row + column]));
                        out[row + column] = match (sum, way.exclusive) {
                            (None, false) => x[row + column],
                            (None, true) => T::default(),
                            (Some((sum, _)), false) => add(sum, x[row + column]),
                            (Some((sum, element)), true) => add(sum, element),
                        };
                    }
                    before = Some(row);
                }
            }
            Ok(())
        })
    })
}
