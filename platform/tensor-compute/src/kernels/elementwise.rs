//! Element by element. Small floats (`f16`, `bf16`) are computed in `f32` and rounded once at the end.

mod binary;
mod cast;
mod compare;
mod unary;

use crate::dtype::{DType, Element};
use crate::error::{ComputeError, Result};
use crate::kernels::parts::{Loop, PART, fill_parts, make, run_on};
use crate::kernels::walk::{Walk, broadcast_shape, broadcast_strides};
use crate::session::Session;
use crate::tensor::{Tensor, element_count};

pub use binary::binary;
pub use cast::cast;
pub use compare::{choose, compare};
pub use unary::{clamp, unary};

/// What a loop does with one element.
pub(super) trait Map<A, B>: Copy + Sync {
    /// Operations per element, for the bill and the size of parts.
    const COST: u64;
    /// Whether loops are compiled for each instruction set.
    const WIDE: bool;
    /// The element of the result; must be `#[inline(always)]`.
    fn at(self, x: A) -> B;
}

/// A plain function; calls are not worth an instruction set.
#[derive(Clone, Copy)]
pub(super) struct By<F>(pub F);
impl<A, B, F: Fn(A) -> B + Copy + Sync> Map<A, B> for By<F> {
    const COST: u64 = 1;
    const WIDE: bool = false;
    #[inline(always)]
    fn at(self, x: A) -> B {
        (self.0)(x)
    }
}
impl<A, B, C, F: Fn(A, B) -> C + Copy + Sync> Zip<A, B, C> for By<F> {
    const COST: u64 = 1;
    const WIDE: bool = false;
    #[inline(always)]
    fn at(self, a: A, b: B) -> C {
        (self.0)(a, b)
    }
}

struct MapLoop<'a, A, B, M> {
    map: M,
    x: &'a [A],
    out: &'a mut [B],
}

impl<A: Copy, B, M: Map<A, B>> Loop for MapLoop<'_, A, B, M> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for (out, x) in self.out.iter_mut().zip(self.x) {
            *out = self.map.at(*x);
        }
    }
}

/// A tensor of `shape` from one operand's elements.
pub(super) fn map<A: Element + Copy, B: Element, M: Map<A, B>>(
    session: &Session,
    op: &'static str,
    (x, shape): (&[A], &[usize]),
    map: M,
) -> Result<Tensor> {
    let isa = session.settings().isa;
    make(session, (op, M::COST), shape, 0, |out| {
        fill_parts(session, out, PART / (M::COST as usize).clamp(1, 32), |first, out| {
            let work = MapLoop {
                map,
                x: &x[first..first + out.len()],
                out,
            };
            if M::WIDE {
                run_on(isa, work)
            } else {
                work.run()
            }
            Ok(())
        })
    })
}

/// What a loop does with two elements.
pub(super) trait Zip<A, B, C>: Copy + Sync {
    /// Operations per element, for the bill and the size of parts.
    const COST: u64;
    /// Whether loops are compiled for each instruction set.
    const WIDE: bool;
    /// The element of the result; must be `#[inline(always)]`.
    fn at(self, a: A, b: B) -> C;
}

struct ZipLoop<'a, A, B, C, Z> {
    zip: Z,
    walk: &'a Walk<2>,
    a: &'a [A],
    b: &'a [B],
    first: usize,
    out: &'a mut [C],
}

impl<A: Copy, B: Copy, C, Z: Zip<A, B, C>> Loop for ZipLoop<'_, A, B, C, Z> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Self {
            zip,
            walk,
            a,
            b,
            first,
            out,
        } = self;
        let inner = walk.inner;
        // No closure: the loops must stand in this function to be compiled for the instruction set.
        for (range, [i, j]) in walk.cursor(first, out.len()) {
            let out = &mut out[range];
            match inner {
                [0, 0] => {
                    for out in out.iter_mut() {
                        *out = zip.at(a[i], b[j]);
                    }
                }
                [0, _] => {
                    let a = a[i];
                    for (out, b) in out.iter_mut().zip(&b[j..]) {
                        *out = zip.at(a, *b);
                    }
                }
                [_, 0] => {
                    let b = b[j];
                    for (out, a) in out.iter_mut().zip(&a[i..]) {
                        *out = zip.at(*a, b);
                    }
                }
                _ => {
                    for ((out, a), b) in out.iter_mut().zip(&a[i..]).zip(&b[j..]) {
                        *out = zip.at(*a, *b);
                    }
                }
            }
        }
    }
}

/// Two operands with their shapes.
pub(super) struct Pair<'a, A, B> {
    /// Elements and shape.
    pub a: (&'a [A], &'a [usize]),
    /// Elements and shape.
    pub b: (&'a [B], &'a [usize]),
}

/// A tensor from two operands, broadcast against each other.
pub(super) fn zip<A: Element + Copy, B: Element + Copy, C: Element, Z: Zip<A, B, C>>(
    session: &Session,
    op: &'static str,
    pair: &Pair<'_, A, B>,
    zip: Z,
) -> Result<Tensor> {
    let (shape, walk) = broadcast(op, [pair.a.1, pair.b.1], C::DTYPE)?;
    let isa = session.settings().isa;
    let (a, b) = (pair.a.0, pair.b.0);
    make(session, (op, Z::COST), &shape, 0, |out| {
        fill_parts(session, out, PART / (Z::COST as usize).clamp(1, 32), |first, out| {
            let work = ZipLoop {
                zip,
                walk: &walk,
                a,
                b,
                first,
                out,
            };
            if Z::WIDE {
                run_on(isa, work)
            } else {
                work.run()
            }
            Ok(())
        })
    })
}

/// The shape of a result of type `dtype`, and the way through the operands.
pub(super) fn broadcast<const N: usize>(
    op: &'static str,
    shapes: [&[usize]; N],
    dtype: DType,
) -> Result<(Vec<usize>, Walk<N>)> {
    let mut shape = Vec::new();
    for operand in shapes {
        shape = broadcast_shape(op, &shape, operand)?;
    }
    element_count(op, &shape, dtype)?;
    let strides: [Vec<isize>; N] = std::array::from_fn(|i| broadcast_strides(shapes[i], &shape).unwrap_or_default());
    let walk = Walk::new(&shape, &std::array::from_fn(|i| strides[i].as_slice()), [0; N]);
    Ok((shape, walk))
}

/// Computes on `f16` and `bf16` tensors in `f32`: casts, works, casts back what is `f32`.
pub(super) fn in_f32(session: &Session, x: &Tensor, work: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let result = work(&cast(session, x, DType::F32)?)?;
    if result.dtype() == DType::F32 {
        cast(session, &result, x.dtype())
    } else {
        Ok(result)
    }
}

/// Whether the type is computed in `f32`.
pub(super) fn is_small_float(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

pub(super) fn bad_type(op: &'static str, takes: &str, dtype: DType) -> ComputeError {
    ComputeError::DType {
        op,
        why: format!("takes {takes}, not {dtype}"),
    }
}

pub(super) fn one_type(op: &'static str, a: &Tensor, b: &Tensor) -> Result<()> {
    if a.dtype() == b.dtype() {
        return Ok(());
    }
    Err(ComputeError::DType {
        op,
        why: format!(
            "takes operands of one type, not {} and {}; cast one of them",
            a.dtype(),
            b.dtype()
        ),
    })
}
