//! The transposed convolution: a matrix product gives what each element of the operand adds to each element of its window;
//! then these are added up, one tap of the kernel after the other.

use super::{Geometry, Operands};
use crate::error::Result;
use crate::kernels::matmul::number::Number;
use crate::kernels::matmul::pack::Buffers;
use crate::kernels::matmul::{Product, multiply};
use crate::kernels::threads::{Place, in_parallel};
use crate::session::Session;
use crate::tensor::element_count;

/// Most bytes of products at a time, if one filter has no more.
const BLOCK_BYTES: usize = 1 << 21;

/// `out` is zero and not empty.
pub(super) fn run<T: Number>(
    session: &Session,
    geometry: &Geometry,
    operands: Operands<'_, T>,
    out: &mut [T],
) -> Result<()> {
    let (taps, filters, channels) = (geometry.taps(), geometry.filters, geometry.channels);
    let (input, output) = (geometry.input_len(), geometry.output_len());
    let images = geometry.batch * geometry.groups;
    // Both factors are lengths of dimensions of tensors that exist; their product may be anything.
    let products = taps.saturating_mul(input);
    let most = (BLOCK_BYTES / products.saturating_mul(size_of::<T>()).max(1)).max(1);
    let share = (filters * images).div_ceil(2 * session.settings().threads).max(1);
    let together = most.min(share).min(filters);
    let blocks = filters.div_ceil(together);
    let scratch = element_count(geometry.op, &[taps, input, together], T::DTYPE)?;
    let buffers = Buffers::new(session, scratch);
    let place = Place(out.as_mut_ptr());
    in_parallel(session, images * blocks, |part| {
        let (image, filter) = (part / blocks, part % blocks * together);
        let group = image % geometry.groups;
        let together = together.min(filters - filter);
        let x = &operands.x[(image * channels * input).min(operands.x.len())..];
        let weight_at = group * channels * filters * taps + filter * taps;
        let product = Product {
            m: together * taps,
            k: channels,
            n: input,
            a: (
                &operands.weight[weight_at.min(operands.weight.len())..],
                1,
                filters * taps,
            ),
            b: (x, input, 1),
        };
        buffers.with(|added| {
            let added = &mut added[..together * products];
            added.fill(T::default());
            multiply(session, &product, added, input)?;
            for (at, added) in added.chunks_exact(products).enumerate() {
                let first = (image * filters + filter + at) * output;
                // SAFETY: the channel lies in `out`, and only this part has it.
                let out = unsafe { std::slice::from_raw_parts_mut(place.at(first), output) };
                add_up(geometry, added, out);
                operands.finish.apply(group * filters + filter + at, out);
            }
            Ok(())
        })
    })
}

/// One channel of the result. `added`: for each tap one value per element of the operand.
fn add_up<T: Number>(geometry: &Geometry, added: &[T], out: &mut [T]) {
    let (windows, [_, height, width]) = (&geometry.windows, geometry.input);
    let [out_depth, out_height, out_width] = geometry.output;
    for (tap, added) in windows.taps().zip(added.chunks_exact(geometry.input_len())) {
        let reach = windows.reach(2, tap[2], width, out_width);
        if reach.first == reach.end {
            continue;
        }
        for (line, added) in added.chunks_exact(width).enumerate() {
            let to = windows.inside(0, line / height, tap[0], out_depth).zip(windows.inside(
                1,
                line % height,
                tap[1],
                out_height,
            ));
            let Some((d, h)) = to else { continue };
            let row = &mut out[(d * out_height + h) * out_width..][..out_width];
            let row = row[reach.at..].iter_mut().step_by(windows.strides[2]);
            row.zip(&added[reach.first..reach.end])
                .for_each(|(sum, value)| *sum = sum.plus(*value));
        }
    }
}
