//! Strided views, written out row-major.

use crate::Element;
use crate::error::Result;
use crate::kernels::parts::{PART, fill_parts, longest, make, rows_of};
use crate::kernels::walk::Walk;
use crate::session::Session;
use crate::tensor::Tensor;
use crate::with_data;

/// Side of the squares in which two dimensions are exchanged: a line of the cache on both sides.
const SQUARE: usize = 16;

/// How to look at a tensor's elements. Every element it reaches must exist.
#[derive(Clone, Debug)]
pub(in crate::kernels) struct View {
    /// The shape of the result.
    pub shape: Vec<usize>,
    /// Distance in the operand from one to the next along each dimension, in elements; may be 0 or negative.
    pub strides: Vec<isize>,
    /// The operand's element at index 0 of all dimensions.
    pub start: isize,
}

/// The view as a tensor of its own.
pub(in crate::kernels) fn view(session: &Session, op: &'static str, x: &Tensor, view: &View) -> Result<Tensor> {
    with_data!(x.data(), values => {
        let copied =
            Copied { values: values.as_slice(), shape: &view.shape, strides: &view.strides, start: view.start };
        make(session, (op, 0), &view.shape, longest(values), |out| copy(session, &copied, out))
    })
}

/// A view of values.
pub(super) struct Copied<'a, T> {
    /// The operand's elements.
    pub values: &'a [T],
    /// See [`View`].
    pub shape: &'a [usize],
    /// See [`View`].
    pub strides: &'a [isize],
    /// See [`View`].
    pub start: isize,
}

/// Writes a view into `out`, which has as many elements.
pub(super) fn copy<T: Element>(session: &Session, from: &Copied<'_, T>, out: &mut [T]) -> Result<()> {
    let walk = Walk::new(from.shape, &[from.strides], [from.start]);
    let values = from.values;
    if let Some((rows, stride)) = walk.exchanged().filter(|_| walk.run >= SQUARE / 2) {
        let columns = walk.run;
        return fill_parts(
            session,
            out,
            rows_of(columns.saturating_mul(SQUARE), 1),
            |first, part| {
                exchange(&walk, (values, first / columns), (rows, columns, stride), part);
                Ok(())
            },
        );
    }
    let stride = walk.inner[0];
    fill_parts(session, out, PART, |first, part| {
        walk.runs(first, part.len(), |range, [at]| {
            let target = &mut part[range];
            match stride {
                1 => target.clone_from_slice(&values[at..at + target.len()]),
                0 => target.fill(values[at].clone()),
                _ => {
                    let mut from = at as isize;
                    for element in target {
                        *element = values[from as usize].clone();
                        from += stride;
                    }
                }
            }
        });
        Ok(())
    })
}

/// Rows `first_row ..` of the result, where the operand's neighbours lie in a column: square by square.
fn exchange<T: Element>(
    walk: &Walk<1>,
    (values, first_row): (&[T], usize),
    (rows, columns, stride): (usize, usize, isize),
    part: &mut [T],
) {
    let count = part.len() / columns;
    let mut done = 0;
    while done < count {
        let row = first_row + done;
        // Rows of one matrix at a time.
        let height = SQUARE.min(count - done).min(rows - row % rows);
        let mut base = 0;
        walk.runs(row * columns, 1, |_, [at]| base = at);
        let target = &mut part[done * columns..(done + height) * columns];
        for left in (0..columns).step_by(SQUARE) {
            for column in left..columns.min(left + SQUARE) {
                let from = &values[(base as isize + column as isize * stride) as usize..][..height];
                for (i, value) in from.iter().enumerate() {
                    target[i * columns + column] = value.clone();
                }
            }
        }
        done += height;
    }
}
