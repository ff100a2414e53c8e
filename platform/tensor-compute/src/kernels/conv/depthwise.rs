//! Convolutions with one channel per group: each tap of the kernel is added to a whole row of the result at a time.

use super::{Finish, Geometry, Operands};
use crate::error::Result;
use crate::kernels::matmul::number::{Loops, Number, Path, vectorised};
use crate::kernels::threads::in_chunks;
use crate::session::Session;

/// Most filters per group that this is for: with more, a matrix product reads the operand less often.
pub(super) const MOST_FILTERS: usize = 4;

/// One channel of the result.
struct Plane<'a, T> {
    geometry: &'a Geometry,
    x: &'a [T],
    weight: &'a [T],
    finish: Finish<'a, T>,
    channel: usize,
    out: &'a mut [T],
}

/// `out` is zero and not empty.
pub(super) fn run<T: Number>(
    session: &Session,
    geometry: &Geometry,
    operands: Operands<'_, T>,
    out: &mut [T],
) -> Result<()> {
    let path = Path::of(session.settings().isa);
    let (taps, length) = (geometry.taps(), geometry.input_len());
    in_chunks(session, out, geometry.output_len(), |part, out| {
        let channel = part % (geometry.groups * geometry.filters);
        vectorised(
            path,
            &mut Plane {
                geometry,
                x: &operands.x[part / geometry.filters * length..][..length],
                weight: &operands.weight[channel * taps..][..taps],
                finish: operands.finish,
                channel,
                out,
            },
        );
        Ok(())
    })
}

impl<T: Number> Loops for Plane<'_, T> {
    #[inline(always)]
    fn run<const SOFT: bool>(&mut self) {
        let (windows, [depth, height, width]) = (&self.geometry.windows, self.geometry.input);
        let [_, out_height, out_width] = self.geometry.output;
        for (line, row) in self.out.chunks_exact_mut(out_width).enumerate() {
            for (tap, weight) in windows.taps().zip(self.weight) {
                let source = windows
                    .inside(0, line / out_height, tap[0], depth)
                    .zip(windows.inside(1, line % out_height, tap[1], height))
                    .map(|(d, h)| &self.x[(d * height + h) * width..][..width]);
                let reach = windows.reach(2, tap[2], out_width, width);
                let (first, end) = if source.is_some() {
                    (reach.first, reach.end)
                } else {
                    (0, 0)
                };
                let source = source.unwrap_or_default().get(reach.at..).unwrap_or_default();
                chain_zeros::<T, SOFT>(&mut row[..first], *weight);
                chain::<T, SOFT>(&mut row[first..end], *weight, (source, windows.strides[2]));
                chain_zeros::<T, SOFT>(&mut row[end..], *weight);
            }
        }
        self.finish.apply(self.channel, self.out);
    }
}

#[inline(always)]
fn chain<T: Number, const SOFT: bool>(out: &mut [T], weight: T, (x, stride): (&[T], usize)) {
    if stride == 1 {
        for (sum, x) in out.iter_mut().zip(x) {
            *sum = T::chain::<SOFT>(weight, *x, *sum);
        }
    } else {
        for (sum, x) in out.iter_mut().zip(x.iter().step_by(stride)) {
            *sum = T::chain::<SOFT>(weight, *x, *sum);
        }
    }
}

/// Padding takes part here as it does in a matrix product.
#[inline(always)]
fn chain_zeros<T: Number, const SOFT: bool>(out: &mut [T], weight: T) {
    for sum in out {
        *sum = T::chain::<SOFT>(weight, T::default(), *sum);
    }
}
