//! Gather and scatter. Indices are `int64` or `int32`; a negative one counts from the end, any other out of range is an
//! error that names it.

mod scatter;

use crate::error::{ComputeError, Result};
use crate::kernels::device::offered;
use crate::kernels::elementwise::cast;
use crate::kernels::parts::{PART, fill_parts, longest, make};
use crate::kernels::shape::bad_axis;
use crate::kernels::walk::strides_of;
use crate::op::Op;
use crate::session::Session;
use crate::tensor::{Tensor, element_count};
use crate::{DType, Element, with_data};

pub use scatter::{scatter_elements, scatter_nd};

/// Indices as `int64`.
fn whole(session: &Session, op: &'static str, indices: &Tensor) -> Result<Tensor> {
    match indices.dtype() {
        DType::I64 => Ok(indices.clone()),
        DType::I32 => cast(session, indices, DType::I64),
        other => Err(ComputeError::DType {
            op,
            why: format!("takes indices of int64 or int32, not {other}"),
        }),
    }
}

/// An index as a position.
fn position(op: &'static str, index: i64, length: usize) -> Result<usize> {
    let at = if index < 0 {
        i128::from(index) + length as i128
    } else {
        i128::from(index)
    };
    match usize::try_from(at) {
        Ok(at) if at < length => Ok(at),
        _ => Err(ComputeError::Argument {
            op,
            why: format!("the index {index} is out of range for a dimension of length {length}"),
        }),
    }
}

/// See [`crate::Op::Gather`].
pub fn gather(session: &Session, x: &Tensor, indices: &Tensor, axis: usize) -> Result<Tensor> {
    if axis >= x.rank() {
        return Err(bad_axis("gather", axis, x));
    }
    let indices = whole(session, "gather", indices)?;
    let shape = [&x.shape()[..axis], indices.shape(), &x.shape()[axis + 1..]].concat();
    element_count("gather", &shape, x.dtype())?;
    let list = indices.values::<i64>("gather")?;
    let length = x.shape()[axis];
    // All are checked, even where nothing is taken.
    list.iter()
        .try_for_each(|index| position("gather", *index, length).map(drop))?;
    if let Some(device) = offered(session, &[x, &indices], || Op::Gather { axis }) {
        return device.make(("gather", 1), &[x, &indices], (&shape, x.dtype()));
    }
    let inner: usize = x.shape()[axis + 1..].iter().product();
    with_data!(x.data(), values => {
        make(session, ("gather", 1), &shape, longest(values), |out| {
            runs(session, out, inner, |run, part| {
                let (outer, at) = (run / list.len(), position("gather", list[run % list.len()], length)?);
                part.clone_from_slice(&values[(outer * length + at) * inner..][..inner]);
                Ok(())
            })
        })
    })
}

/// Fills runs of `length` elements one by one.
fn runs<T: Element>(
    session: &Session,
    out: &mut [T],
    length: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<()> {
    if length == 0 {
        return Ok(());
    }
    fill_parts(
        session,
        out,
        (PART / length).max(1).saturating_mul(length),
        |first, part| {
            part.chunks_mut(length)
                .enumerate()
                .try_for_each(|(i, run)| work(first / length + i, run))
        },
    )
}

/// Where the elements of a tensor of `shape` lie in one whose coordinate of an axis is replaced by an index.
struct Replaced {
    shape: Vec<usize>,
    strides: Vec<isize>,
    axis: usize,
    length: usize,
}

impl Replaced {
    fn new(op: &'static str, x: &Tensor, indices: &Tensor, axis: usize) -> Result<Self> {
        if axis >= x.rank() {
            return Err(bad_axis(op, axis, x));
        }
        let fits = indices.rank() == x.rank() && (0..x.rank()).all(|i| i == axis || indices.shape()[i] <= x.shape()[i]);
        if !fits {
            let why = format!(
                "indices of shape {:?} must have as many dimensions as x of shape {:?}, and none but {axis} longer",
                indices.shape(),
                x.shape()
            );
            return Err(ComputeError::Shape { op, why });
        }
        let strides = strides_of(x.shape());
        Ok(Self {
            shape: indices.shape().to_vec(),
            strides,
            axis,
            length: x.shape()[axis],
        })
    }

    /// The place in the larger tensor for element `flat` of the indices.
    fn place(&self, op: &'static str, mut flat: usize, index: i64) -> Result<usize> {
        let mut place = position(op, index, self.length)? * self.strides[self.axis] as usize;
        for (i, length) in self.shape.iter().enumerate().rev() {
            if i != self.axis {
                place += flat % length * self.strides[i] as usize;
            }
            flat /= length;
        }
        Ok(place)
    }
}

/// See [`crate::Op::GatherElements`].
pub fn gather_elements(session: &Session, x: &Tensor, indices: &Tensor, axis: usize) -> Result<Tensor> {
    let indices = whole(session, "gather_elements", indices)?;
    let places = Replaced::new("gather_elements", x, &indices, axis)?;
    let list = indices.values::<i64>("gather_elements")?;
    if let Some(device) = offered(session, &[x, &indices], || Op::GatherElements { axis }) {
        list.iter()
            .try_for_each(|index| position("gather_elements", *index, places.length).map(drop))?;
        return device.make(("gather_elements", 8), &[x, &indices], (indices.shape(), x.dtype()));
    }
    with_data!(x.data(), values => {
        make(session, ("gather_elements", 8), indices.shape(), longest(values), |out| {
            fill_parts(session, out, PART / 8, |first, part| {
                for (i, out) in part.iter_mut().enumerate() {
                    let place = places.place("gather_elements", first + i, list[first + i])?;
                    *out = Clone::clone(&values[place]);
                }
                Ok(())
            })
        })
    })
}

/// Coordinates in the last dimension of the indices, each of a run of elements.
struct Coordinates {
    /// Runs in all, coordinates of each, elements of a run.
    count: usize,
    depth: usize,
    run: usize,
    /// Runs of one batch, elements of one batch.
    batch: (usize, usize),
    /// Length and stride of the dimensions that coordinates count in.
    dims: Vec<(usize, usize)>,
    /// The shape of all runs together.
    shape: Vec<usize>,
}

impl Coordinates {
    fn new(op: &'static str, x: &Tensor, indices: &Tensor, batch_dims: usize) -> Result<Self> {
        let refuse = |what: &str| ComputeError::Shape {
            op,
            why: format!(
                "x of shape {:?} and indices of shape {:?}: {what}",
                x.shape(),
                indices.shape()
            ),
        };
        let Some((depth, leading)) = indices.shape().split_last() else {
            return Err(refuse("indices need at least one dimension, that of the coordinates"));
        };
        let depth = *depth;
        if batch_dims > leading.len().min(x.rank()) || x.shape()[..batch_dims] != leading[..batch_dims] {
            return Err(refuse(&format!("the first {batch_dims} dimensions must be equal")));
        }
        if depth > x.rank() - batch_dims {
            return Err(refuse("there are more coordinates than dimensions"));
        }
        let strides = strides_of(x.shape());
        let product = |shape: &[usize]| shape.iter().product::<usize>();
        let dims = (batch_dims..batch_dims + depth)
            .map(|axis| (x.shape()[axis], strides[axis] as usize))
            .collect();
        let shape = [leading, &x.shape()[batch_dims + depth..]].concat();
        element_count(op, &shape, x.dtype())?;
        Ok(Self {
            count: product(leading),
            depth,
            run: product(&x.shape()[batch_dims + depth..]),
            batch: (product(&leading[batch_dims..]), product(&x.shape()[batch_dims..])),
            dims,
            shape,
        })
    }

    /// First element of the run that coordinates `number` name.
    fn place(&self, op: &'static str, list: &[i64], number: usize) -> Result<usize> {
        let mut place = number / self.batch.0.max(1) * self.batch.1;
        for (index, (length, stride)) in list[number * self.depth..].iter().zip(&self.dims) {
            place += position(op, *index, *length)? * stride;
        }
        Ok(place)
    }
}

/// See [`crate::Op::GatherNd`].
pub fn gather_nd(session: &Session, x: &Tensor, indices: &Tensor, batch_dims: usize) -> Result<Tensor> {
    let indices = whole(session, "gather_nd", indices)?;
    let places = Coordinates::new("gather_nd", x, &indices, batch_dims)?;
    let list = indices.values::<i64>("gather_nd")?;
    with_data!(x.data(), values => {
        make(session, ("gather_nd", 8), &places.shape, longest(values), |out| {
            runs(session, out, places.run, |number, part| {
                let place = places.place("gather_nd", list, number)?;
                part.clone_from_slice(&values[place..][..places.run]);
                Ok(())
            })
        })
    })
}
