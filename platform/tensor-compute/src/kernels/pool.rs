//! Pools: the elements of a window in row-major order, one after the other; a whole row of windows at a time.
//!
//! A window that has no element inside the operand gives the type's lowest number (index -1), mean 0, norm 0. A NaN in a
//! result is always the same one.

mod plane;

#[cfg(test)]
mod tests;

use super::conv::window::{Windows, spread};
use super::device::offered;
use super::matmul::number::{Path, vectorised};
use super::matmul::{half_to_single, single_to_half};
use super::threads::{Place, in_parallel};
use crate::dtype::DType;
use crate::error::{ComputeError, Result};
use crate::op::{Op, PoolKind, PoolOptions};
use crate::session::Session;
use crate::tensor::{Tensor, element_count};
use plane::{Fold, Largest, Plane, Real, Value};

const OP: &str = "pool";

/// Sizes of a pool; three spatial dimensions, the first of them 1 where there are fewer.
struct Geometry {
    windows: Windows,
    input: [usize; 3],
    output: [usize; 3],
    /// Shape of the result.
    shape: Vec<usize>,
}

/// See [`crate::Op::Pool`].
pub fn pool(session: &Session, x: &Tensor, options: &PoolOptions) -> Result<Vec<Tensor>> {
    let [_, _, spatial @ ..] = x.shape() else {
        return Err(rank_error(x));
    };
    if !(1..=3).contains(&spatial.len()) {
        return Err(rank_error(x));
    }
    let lists = (&options.strides[..], &options.pads[..], &options.dilations[..]);
    let windows = Windows::new(OP, spatial, &options.kernel, lists)?;
    let output = windows.outputs(OP, spatial, options.ceil)?;
    let mut shape = x.shape()[..2].to_vec();
    shape.extend_from_slice(&output[3 - spatial.len()..]);
    let geometry = Geometry {
        windows,
        input: spread(spatial, 1),
        output,
        shape,
    };
    let count = element_count(OP, &geometry.shape, x.dtype())? as u64;
    let flops = geometry
        .windows
        .kernel
        .iter()
        .fold(count, |all, length| all.saturating_mul(*length as u64));
    let bytes = (x.len() as u64)
        .saturating_add(count)
        .saturating_mul(x.dtype().size() as u64);
    if let PoolKind::Lp { p } = options.kind
        && !(p > 0.0 && p.is_finite())
    {
        return Err(ComputeError::Argument {
            op: OP,
            why: format!("the exponent must be positive and finite, not {p}"),
        });
    }
    session.charge(flops, bytes)?;
    if let Some(device) = offered(session, &[x], || Op::Pool(options.clone())) {
        return Ok(vec![device.run(OP, &[x], (&geometry.shape, x.dtype()))?]);
    }
    by_type(session, &geometry, x, options.kind)
}

fn rank_error(x: &Tensor) -> ComputeError {
    ComputeError::Shape {
        op: OP,
        why: format!("takes (n, c, 1 to 3 spatial dimensions), not {:?}", x.shape()),
    }
}

fn by_type(session: &Session, geometry: &Geometry, x: &Tensor, kind: PoolKind) -> Result<Vec<Tensor>> {
    macro_rules! whole {
        ($number:ty) => {
            match kind {
                PoolKind::Max { indices } => largest::<$number>(session, geometry, x, indices),
                _ => Err(ComputeError::DType {
                    op: OP,
                    why: format!("means and norms take floats, not {}", x.dtype()),
                }),
            }
        };
    }
    match x.dtype() {
        DType::F16 | DType::BF16 => {
            let wide = half_to_single(session, OP, x)?;
            let mut results = real::<f32>(session, geometry, &wide, kind)?;
            if let Some(first) = results.first_mut() {
                *first = single_to_half(session, OP, first, x.dtype())?;
            }
            Ok(results)
        }
        DType::F32 => real::<f32>(session, geometry, x, kind),
        DType::F64 => real::<f64>(session, geometry, x, kind),
        DType::I8 => whole!(i8),
        DType::I16 => whole!(i16),
        DType::I32 => whole!(i32),
        DType::I64 => whole!(i64),
        DType::U8 => whole!(u8),
        DType::U16 => whole!(u16),
        DType::U32 => whole!(u32),
        DType::U64 => whole!(u64),
        DType::Bool | DType::Text => Err(ComputeError::DType {
            op: OP,
            why: format!("takes numbers, not {}", x.dtype()),
        }),
    }
}

fn real<T: Real>(session: &Session, geometry: &Geometry, x: &Tensor, kind: PoolKind) -> Result<Vec<Tensor>> {
    match kind {
        PoolKind::Max { indices } => largest::<T>(session, geometry, x, indices),
        PoolKind::Average { count_padding: false } => fold::<T>(session, geometry, x, Fold::MeanInside),
        PoolKind::Average { count_padding: true } => fold::<T>(session, geometry, x, Fold::MeanPadded),
        PoolKind::Lp { p: 1.0 } => fold::<T>(session, geometry, x, Fold::Norm1),
        PoolKind::Lp { p: 2.0 } => fold::<T>(session, geometry, x, Fold::Norm2),
        PoolKind::Lp { p } => fold::<T>(session, geometry, x, Fold::Norm(p)),
    }
}

fn fold<T: Real>(session: &Session, geometry: &Geometry, x: &Tensor, how: Fold) -> Result<Vec<Tensor>> {
    let path = Path::of(session.settings().isa);
    let x = x.values::<T>(OP)?;
    let result = session.make(OP, &geometry.shape, |out: &mut [T]| {
        if out.is_empty() {
            // Its other dimensions may have any length.
            return Ok(());
        }
        let counts = plane::Counts::new(geometry, how == Fold::MeanPadded);
        each_plane(session, geometry, out, |at, out| {
            let length = geometry.input.iter().product::<usize>();
            let x = &x[at * length..][..length];
            vectorised(
                path,
                &mut plane::Folded {
                    plane: Plane { geometry, x, out },
                    how,
                    counts: &counts,
                },
            );
            Ok(())
        })
    })?;
    Ok(vec![result])
}

fn largest<T: Value>(session: &Session, geometry: &Geometry, x: &Tensor, indices: bool) -> Result<Vec<Tensor>> {
    let path = Path::of(session.settings().isa);
    let x = x.values::<T>(OP)?;
    let length = geometry.input.iter().product::<usize>();
    if !indices {
        let result = session.make(OP, &geometry.shape, |out: &mut [T]| {
            each_plane(session, geometry, out, |at, out| {
                let x = &x[at * length..][..length];
                vectorised(
                    path,
                    &mut Largest {
                        plane: Plane { geometry, x, out },
                    },
                );
                Ok(())
            })
        })?;
        return Ok(vec![result]);
    }
    let windows = geometry.output.iter().product::<usize>();
    let mut places = None;
    let values = session.make(OP, &geometry.shape, |out: &mut [T]| {
        places = Some(session.make(OP, &geometry.shape, |indices: &mut [i64]| {
            let place = Place(indices.as_mut_ptr());
            each_plane(session, geometry, out, |at, out| {
                // SAFETY: the indices have the shape of the values, and only this part has this plane of them.
                let indices = unsafe { std::slice::from_raw_parts_mut(place.at(at * windows), windows) };
                let x = &x[at * length..][..length];
                plane::largest_with_indices(Plane { geometry, x, out }, indices, at * length);
                Ok(())
            })
        })?);
        Ok(())
    })?;
    Ok(std::iter::once(values).chain(places).collect())
}

/// Runs `work` for every plane of the result.
fn each_plane<T: Value>(
    session: &Session,
    geometry: &Geometry,
    out: &mut [T],
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<()> {
    /// Elements of a part, so that small planes are not handed out one by one.
    const PART: usize = 1 << 13;
    let windows = geometry.output.iter().product::<usize>();
    if out.is_empty() {
        return Ok(());
    }
    let together = PART.div_ceil(windows);
    let (planes, place) = (out.len() / windows, Place(out.as_mut_ptr()));
    in_parallel(session, planes.div_ceil(together), |part| {
        (part * together..planes.min((part + 1) * together)).try_for_each(|at| {
            // SAFETY: the plane lies in `out`, and only this part has it.
            work(at, unsafe {
                std::slice::from_raw_parts_mut(place.at(at * windows), windows)
            })
        })
    })
}
