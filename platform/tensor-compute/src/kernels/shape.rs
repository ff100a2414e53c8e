//! Moves elements, computes nothing. Most are one strided view, written out.

mod pad;
mod view;

use crate::error::{ComputeError, Result};
use crate::kernels::device::offered;
use crate::kernels::parts::{fill_parts, longest, make, rows_of};
use crate::kernels::walk::{broadcast_strides, strides_of};
use crate::op::{Op, SliceRange};
use crate::session::Session;
use crate::tensor::{Tensor, element_count};
use crate::{Element, with_data};

pub use pad::pad;
pub(super) use view::View;
use view::view;

/// See [`crate::Op::Reshape`].
pub fn reshape(session: &Session, x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    session.charge(0, 0)?;
    x.with_shape("reshape", shape)
}

/// See [`crate::Op::Transpose`].
pub fn transpose(session: &Session, x: &Tensor, perm: &[usize]) -> Result<Tensor> {
    let mut seen = vec![false; x.rank()];
    let fits = perm.len() == x.rank()
        && perm
            .iter()
            .all(|axis| seen.get_mut(*axis).is_some_and(|seen| !std::mem::replace(seen, true)));
    if !fits {
        return Err(ComputeError::Argument {
            op: "transpose",
            why: format!(
                "{perm:?} is no permutation of the {} dimensions of a tensor of shape {:?}",
                x.rank(),
                x.shape()
            ),
        });
    }
    let shape: Vec<usize> = perm.iter().map(|axis| x.shape()[*axis]).collect();
    // Where only dimensions of length 1 move, the elements stay where they are.
    let moved: Vec<usize> = perm.iter().copied().filter(|axis| x.shape()[*axis] != 1).collect();
    if x.is_empty() || moved.is_sorted() {
        return reshape(session, x, &shape);
    }
    if let Some(device) = offered(session, &[x], || Op::Transpose(perm.to_vec())) {
        return device.make(("transpose", 0), &[x], (&shape, x.dtype()));
    }
    let own = strides_of(x.shape());
    let strides: Vec<isize> = perm.iter().map(|axis| own[*axis]).collect();
    view(
        session,
        "transpose",
        x,
        &View {
            shape,
            strides,
            start: 0,
        },
    )
}

/// See [`crate::Op::Expand`].
pub fn expand(session: &Session, x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    if x.shape() == shape {
        return reshape(session, x, shape);
    }
    element_count("expand", shape, x.dtype())?;
    let Some(strides) = broadcast_strides(x.shape(), shape) else {
        return Err(ComputeError::Shape {
            op: "expand",
            why: format!(
                "a tensor of shape {:?} does not broadcast to {shape:?}: aligned at the end, each length must be equal or 1",
                x.shape()
            ),
        });
    };
    if let Some(device) = offered(session, &[x], || Op::Expand(shape.to_vec())) {
        return device.make(("expand", 0), &[x], (shape, x.dtype()));
    }
    view(
        session,
        "expand",
        x,
        &View {
            shape: shape.to_vec(),
            strides,
            start: 0,
        },
    )
}

/// See [`crate::Op::Slice`].
pub fn slice(session: &Session, x: &Tensor, ranges: &[SliceRange]) -> Result<Tensor> {
    if ranges.len() != x.rank() {
        return Err(ComputeError::Argument {
            op: "slice",
            why: format!(
                "{} ranges for the {} dimensions of shape {:?}",
                ranges.len(),
                x.rank(),
                x.shape()
            ),
        });
    }
    let own = strides_of(x.shape());
    let (mut start, mut strides) = (0_isize, Vec::with_capacity(ranges.len()));
    for (axis, range) in ranges.iter().enumerate() {
        let length = x.shape()[axis];
        if range.count == 0 {
            strides.push(0);
            continue;
        }
        let span = (range.count as i128 - 1) * i128::from(range.step);
        let last = range.start as i128 + span;
        if range.step == 0 || range.start >= length || last < 0 || last >= length as i128 {
            return Err(ComputeError::Argument {
                op: "slice",
                why: format!("{range:?} leaves dimension {axis} of length {length}"),
            });
        }
        start += range.start as isize * own[axis];
        // Where one element is taken the step may be any number, and is not used.
        strides.push(if range.count == 1 {
            0
        } else {
            range.step as isize * own[axis]
        });
    }
    let shape: Vec<usize> = ranges.iter().map(|range| range.count).collect();
    if shape.contains(&0) {
        start = 0;
    } else if let Some(device) = offered(session, &[x], || Op::Slice(ranges.to_vec())) {
        return device.make(("slice", 0), &[x], (&shape, x.dtype()));
    }
    view(session, "slice", x, &View { shape, strides, start })
}

/// See [`crate::Op::Flip`].
pub fn flip(session: &Session, x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let mut strides = strides_of(x.shape());
    let mut start = 0_isize;
    let mut seen = vec![false; x.rank()];
    for axis in axes {
        match seen.get_mut(*axis) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(bad_axis("flip", *axis, x)),
        }
        if !x.is_empty() {
            start += strides[*axis] * (x.shape()[*axis] as isize - 1);
        }
        strides[*axis] = -strides[*axis];
    }
    if let Some(device) = offered(session, &[x], || Op::Flip(axes.to_vec())) {
        return device.make(("flip", 0), &[x], (x.shape(), x.dtype()));
    }
    view(
        session,
        "flip",
        x,
        &View {
            shape: x.shape().to_vec(),
            strides,
            start,
        },
    )
}

/// See [`crate::Op::Tile`].
pub fn tile(session: &Session, x: &Tensor, repeats: &[usize]) -> Result<Tensor> {
    let refuse = |why: String| ComputeError::Argument { op: "tile", why };
    if repeats.len() != x.rank() {
        return Err(refuse(format!(
            "{} repeats for the {} dimensions of shape {:?}",
            repeats.len(),
            x.rank(),
            x.shape()
        )));
    }
    let times = |(length, repeat): (&usize, &usize)| {
        length
            .checked_mul(*repeat)
            .ok_or_else(|| refuse(format!("{repeats:?} times the shape {:?} is too large", x.shape())))
    };
    let shape = x.shape().iter().zip(repeats).map(times).collect::<Result<Vec<_>>>()?;
    element_count("tile", &shape, x.dtype())?;
    // Each dimension as two: the repeats (stride 0) and the elements.
    let own = strides_of(x.shape());
    let (mut split, mut strides) = (Vec::new(), Vec::new());
    for (axis, repeat) in repeats.iter().enumerate() {
        split.extend([*repeat, x.shape()[axis]]);
        strides.extend([0, own[axis]]);
    }
    with_data!(x.data(), values => {
        let copy = view::Copied { values: values.as_slice(), shape: &split, strides: &strides, start: 0 };
        make(session, ("tile", 0), &shape, longest(values), |out| view::copy(session, &copy, out))
    })
}

/// See [`crate::Op::Concat`].
pub fn concat(session: &Session, args: &[&Tensor], axis: usize) -> Result<Tensor> {
    let Some(first) = args.first() else {
        return Err(ComputeError::Argument {
            op: "concat",
            why: "takes at least one tensor, none were given".to_owned(),
        });
    };
    if axis >= first.rank() {
        return Err(bad_axis("concat", axis, first));
    }
    let mut shape = first.shape().to_vec();
    shape[axis] = 0;
    for arg in args {
        if arg.dtype() != first.dtype() {
            let why = format!("takes tensors of one type, not {} and {}", first.dtype(), arg.dtype());
            return Err(ComputeError::DType { op: "concat", why });
        }
        let fits =
            arg.rank() == first.rank() && (0..first.rank()).all(|i| i == axis || arg.shape()[i] == first.shape()[i]);
        let total = shape[axis].checked_add(arg.shape().get(axis).copied().unwrap_or(0));
        let (true, Some(total)) = (fits, total) else {
            let why = format!(
                "the shapes {:?} and {:?} may differ in dimension {axis} only",
                first.shape(),
                arg.shape()
            );
            return Err(ComputeError::Shape { op: "concat", why });
        };
        shape[axis] = total;
    }
    if let Some(device) = offered(session, args, || Op::Concat { axis }) {
        element_count("concat", &shape, first.dtype())?;
        return device.make(("concat", 0), args, (&shape, first.dtype()));
    }
    with_data!(first.data(), values => concat_as(session, (args, values.first()), axis, &shape))
}

/// `_sample` only tells the type.
fn concat_as<T: Element>(
    session: &Session,
    (args, _sample): (&[&Tensor], Option<&T>),
    axis: usize,
    shape: &[usize],
) -> Result<Tensor> {
    element_count("concat", shape, T::DTYPE)?;
    let inner: usize = shape[axis + 1..].iter().product();
    let mut sources = Vec::with_capacity(args.len());
    let mut extra = 0;
    for arg in args {
        let values = arg.values::<T>("concat")?;
        extra = extra.max(longest(values));
        sources.push((values, arg.shape()[axis] * inner));
    }
    let row = shape[axis] * inner;
    make(session, ("concat", 0), shape, extra, |out: &mut [T]| {
        fill_parts(session, out, rows_of(row, 1), |first, part| {
            let mut rest = part;
            let mut at = first / row.max(1);
            while !rest.is_empty() {
                for (values, width) in &sources {
                    let (head, tail) = rest.split_at_mut(*width);
                    head.clone_from_slice(&values[at * width..][..*width]);
                    rest = tail;
                }
                at += 1;
            }
            Ok(())
        })
    })
}

pub(super) fn bad_axis(op: &'static str, axis: usize, x: &Tensor) -> ComputeError {
    ComputeError::Argument {
        op,
        why: format!(
            "the dimension {axis} is named twice or is none of the {} of shape {:?}",
            x.rank(),
            x.shape()
        ),
    }
}
