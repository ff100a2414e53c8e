//! Windows over one to three spatial dimensions: sizes, and which of a window's elements lie inside.

use crate::error::{ComputeError, Result};
use crate::tensor::MAX_TENSOR_BYTES;

/// Windows in three dimensions; those that are not there are 1 long and come first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// Elements of a window.
    pub(crate) kernel: [usize; 3],
    /// From window to window.
    pub(crate) strides: [usize; 3],
    /// Before and after.
    pub(crate) pads: [(usize, usize); 3],
    /// From element to element of a window.
    pub(crate) dilations: [usize; 3],
}

/// The values of up to three spatial dimensions, those that are not there filled in at the front.
pub(crate) fn spread<T: Copy>(values: &[T], fill: T) -> [T; 3] {
    let mut all = [fill; 3];
    let missing = 3_usize.saturating_sub(values.len());
    for (to, from) in all[missing..].iter_mut().zip(values) {
        *to = *from;
    }
    all
}

impl Windows {
    /// Checked: as many entries as there are spatial dimensions, nothing 0, nothing too long to count.
    pub(crate) fn new(
        op: &'static str,
        spatial: &[usize],
        kernel: &[usize],
        (strides, pads, dilations): (&[usize], &[(usize, usize)], &[usize]),
    ) -> Result<Self> {
        let rank = spatial.len();
        let argument = |why: String| Err(ComputeError::Argument { op, why });
        let counts = [kernel.len(), strides.len(), pads.len(), dilations.len()];
        if counts.iter().any(|count| *count != rank) {
            return argument(format!(
                "kernel, strides, pads and dilations need {rank} entries each, one per spatial dimension; they have {counts:?}"
            ));
        }
        if kernel.iter().chain(strides).chain(dilations).any(|value| *value == 0) {
            return argument(format!(
                "kernel {kernel:?}, strides {strides:?} and dilations {dilations:?} must be at least 1"
            ));
        }
        let most = MAX_TENSOR_BYTES as usize;
        let pads_too = pads.iter().flat_map(|pad| [&pad.0, &pad.1]);
        if kernel
            .iter()
            .chain(strides)
            .chain(dilations)
            .chain(pads_too)
            .any(|value| *value > most)
        {
            return argument(format!(
                "kernel {kernel:?}, strides {strides:?}, dilations {dilations:?} and pads {pads:?} must be at most {most}"
            ));
        }
        let windows = Self {
            kernel: spread(kernel, 1),
            strides: spread(strides, 1),
            pads: spread(pads, (0, 0)),
            dilations: spread(dilations, 1),
        };
        match (0..3).find(|axis| windows.extent(*axis) > most) {
            Some(axis) => argument(format!(
                "a window of {} elements {} apart is longer than {most}",
                windows.kernel[axis], windows.dilations[axis]
            )),
            None => Ok(windows),
        }
    }

    /// Length of a window, dilated. (A product of two numbers below 2^41 may overflow: then it is as long as can be.)
    pub(crate) fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1)
            .saturating_mul(self.dilations[axis])
            .saturating_add(1)
    }

    /// Windows along each dimension. `ceil`: a last window that is cut off counts if it begins inside or in the padding
    /// before.
    pub(crate) fn outputs(&self, op: &'static str, spatial: &[usize], ceil: bool) -> Result<[usize; 3]> {
        let input = spread(spatial, 1);
        let mut output = [1; 3];
        for axis in 0..3 {
            let (before, after) = self.pads[axis];
            let (padded, extent, stride) = (input[axis] + before + after, self.extent(axis), self.strides[axis]);
            // Cut off, even the first window may count.
            let fits = if ceil {
                padded > 0 && extent - extent.min(padded) < stride
            } else {
                extent <= padded
            };
            if !fits {
                let why = format!(
                    "a window of {} elements {} apart ({extent} long) does not fit {} elements and {} of padding",
                    self.kernel[axis],
                    self.dilations[axis],
                    input[axis],
                    before + after
                );
                return Err(ComputeError::Shape { op, why });
            }
            let room = padded.saturating_sub(extent);
            output[axis] = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
            if ceil && (output[axis] - 1) * stride >= input[axis] + before {
                output[axis] -= 1;
            }
        }
        Ok(output)
    }

    /// Lengths of the operand whose windows these would be, as many along each dimension as `spatial` says.
    pub(crate) fn origins(&self, op: &'static str, spatial: &[usize], more: &[usize]) -> Result<[usize; 3]> {
        if more.len() != spatial.len() {
            let why = format!("output padding needs {} entries, it has {}", spatial.len(), more.len());
            return Err(ComputeError::Argument { op, why });
        }
        let (input, more) = (spread(spatial, 1), spread(more, 0));
        let mut output = [1; 3];
        for axis in 0..3 {
            if more[axis] != 0 && more[axis] >= self.strides[axis].max(self.dilations[axis]) {
                let why = format!(
                    "output padding {} must be less than the stride {} or the dilation {}",
                    more[axis], self.strides[axis], self.dilations[axis]
                );
                return Err(ComputeError::Argument { op, why });
            }
            let (before, after) = self.pads[axis];
            let length = input[axis]
                .checked_sub(1)
                .and_then(|steps| steps.checked_mul(self.strides[axis]))
                .and_then(|start| start.checked_add(self.extent(axis) + more[axis]))
                .filter(|length| *length <= MAX_TENSOR_BYTES as usize)
                .and_then(|length| length.checked_sub(before + after));
            output[axis] = length.ok_or_else(|| ComputeError::Shape {
                op,
                why: format!(
                    "{} elements with stride {}, a window {} long and {} of padding have no result",
                    input[axis],
                    self.strides[axis],
                    self.extent(axis),
                    before + after
                ),
            })?;
        }
        Ok(output)
    }

    /// For one element of the window: which windows `first .. end` of `windows` have it inside `length` elements, and where
    /// the first of them has it.
    pub(crate) fn reach(&self, axis: usize, tap: usize, windows: usize, length: usize) -> Reach {
        let (stride, shift, pad) = (self.strides[axis], tap * self.dilations[axis], self.pads[axis].0);
        let first = pad.saturating_sub(shift).div_ceil(stride).min(windows);
        let end = (length + pad)
            .saturating_sub(shift)
            .div_ceil(stride)
            .clamp(first, windows);
        Reach {
            first,
            end,
            at: (first * stride + shift).saturating_sub(pad),
        }
    }

    /// Where an element of a window lies, if it is inside `length` elements.
    pub(crate) fn inside(&self, axis: usize, window: usize, tap: usize, length: usize) -> Option<usize> {
        let at = window * self.strides[axis] + tap * self.dilations[axis];
        at.checked_sub(self.pads[axis].0).filter(|at| *at < length)
    }

    /// The elements of a window in row-major order.
    pub(crate) fn taps(&self) -> impl Iterator<Item = [usize; 3]> + use<> {
        let [depth, height, width] = self.kernel;
        (0..depth).flat_map(move |d| (0..height).flat_map(move |h| (0..width).map(move |w| [d, h, w])))
    }
}

/// See [`Windows::reach`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reach {
    /// The first window.
    pub(crate) first: usize,
    /// One after the last.
    pub(crate) end: usize,
    /// Where the first one has the element.
    pub(crate) at: usize,
}
