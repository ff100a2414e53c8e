//! The convolution as matrix products: the weight times a matrix with one column per window, a block of columns at a time.
//! For whole numbers, and for floats whose padding is much larger than what is padded.

use super::{Geometry, Operands};
use crate::error::Result;
use crate::kernels::matmul::number::Number;
use crate::kernels::matmul::pack::Buffers;
use crate::kernels::matmul::{Product, Target, multiply_at};
use crate::kernels::threads::{Place, in_parallel};
use crate::session::Session;

/// Most bytes of a block of columns: it stays in the second cache.
const BLOCK_BYTES: usize = 1 << 19;
/// Fewest columns of a block, if there are so many.
const FEWEST: usize = 64;
/// Multiplications below which one thread does all.
const ALONE: usize = 1 << 18;

/// `out` is zero and not empty.
pub(super) fn run<T: Number>(
    session: &Session,
    geometry: &Geometry,
    operands: Operands<'_, T>,
    out: &mut [T],
) -> Result<()> {
    let chain = geometry.channels * geometry.taps();
    let (filters, length) = (geometry.filters, geometry.output_len());
    let images = geometry.batch * geometry.groups;
    let alone = out.len().saturating_mul(chain) < ALONE;
    let plain = is_plain(geometry);
    let most = if plain {
        length
    } else {
        (BLOCK_BYTES / (chain.max(1) * size_of::<T>())).max(FEWEST)
    };
    let share = length
        .saturating_mul(images)
        .div_ceil(if alone { 1 } else { 2 * session.settings().threads });
    let width = most.min(share.next_multiple_of(FEWEST)).min(length);
    let blocks = length.div_ceil(width);
    let buffers = Buffers::new(session, if plain { 0 } else { chain * width });
    let place = Place(out.as_mut_ptr());
    let work = |part: usize| {
        let (image, start) = (part / blocks, part % blocks * width);
        let (batch, group) = (image / geometry.groups, image % geometry.groups);
        let width = width.min(length - start);
        let x = &operands.x[image * geometry.channels * geometry.input_len()..];
        let weight = &operands.weight[group * filters * chain..];
        let c = Target {
            place: Place(place.at((batch * geometry.groups + group) * filters * length + start)),
            row: length,
        };
        let multiply = |b: (&[T], usize, usize)| {
            let product = Product {
                m: filters,
                k: chain,
                n: width,
                a: (weight, chain, 1),
                b,
            };
            // SAFETY: the rows are the block's columns of this image's and group's channels of `out`; no other part has them.
            unsafe { multiply_at(session, &product, c) }
        };
        if plain {
            multiply((x.get(start..).unwrap_or_default(), length, 1))?;
        } else {
            buffers.with(|columns| {
                let columns = &mut columns[..chain * width];
                fill(geometry, x, start, columns);
                multiply((columns, width, 1))
            })?;
        }
        for filter in 0..filters {
            // SAFETY: as above.
            let row = unsafe { c.row(filter, width) };
            operands.finish.apply(group * filters + filter, row);
        }
        Ok(())
    };
    if alone {
        (0..images * blocks).try_for_each(|part| session.go_on().and_then(|()| work(part)))
    } else {
        in_parallel(session, images * blocks, work)
    }
}

/// Whether every window is one element of the operand, so that the operand is the matrix.
fn is_plain(geometry: &Geometry) -> bool {
    let windows = &geometry.windows;
    windows.kernel == [1; 3] && windows.strides == [1; 3] && windows.pads == [(0, 0); 3]
}

/// Writes the matrix of the windows from `start` on: one row per element of the chain.
fn fill<T: Number>(geometry: &Geometry, x: &[T], start: usize, columns: &mut [T]) {
    let rows = geometry.channels * geometry.taps();
    let width = columns.len() / rows.max(1);
    let mut rows = columns.chunks_mut(width.max(1));
    for channel in 0..geometry.channels {
        let x = &x[channel * geometry.input_len()..][..geometry.input_len()];
        for (tap, row) in geometry.windows.taps().zip(&mut rows) {
            fill_row(geometry, (x, tap), start, row);
        }
    }
}

/// One row: for each window, this element of it.
fn fill_row<T: Number>(geometry: &Geometry, (x, tap): (&[T], [usize; 3]), start: usize, row: &mut [T]) {
    let (windows, [depth, height, width]) = (&geometry.windows, geometry.input);
    let [_, out_height, out_width] = geometry.output;
    let reach = windows.reach(2, tap[2], out_width, width);
    let stride = windows.strides[2];
    let (mut at, mut rest) = (start, row);
    while !rest.is_empty() {
        // The part of one row of windows that is in this block.
        let (line, first) = (at / out_width, at % out_width);
        let count = (out_width - first).min(rest.len());
        let (now, later) = rest.split_at_mut(count);
        (at, rest) = (at + count, later);
        let source = windows
            .inside(0, line / out_height, tap[0], depth)
            .zip(windows.inside(1, line % out_height, tap[1], height))
            .map(|(d, h)| &x[(d * height + h) * width..][..width]);
        let (from, to) = (
            reach.first.clamp(first, first + count),
            reach.end.clamp(first, first + count),
        );
        let Some(source) = source.filter(|_| from < to) else {
            now.fill(T::default());
            continue;
        };
        now[..from - first].fill(T::default());
        now[to - first..].fill(T::default());
        let (now, source) = (
            &mut now[from - first..to - first],
            &source[reach.at + (from - reach.first) * stride..],
        );
        if stride == 1 {
            now.copy_from_slice(&source[..to - from]);
        } else {
            now.iter_mut()
                .zip(source.iter().step_by(stride))
                .for_each(|(to, from)| *to = *from);
        }
    }
}
