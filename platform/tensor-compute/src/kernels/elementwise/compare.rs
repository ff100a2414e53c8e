//! Comparisons and choices.

use super::{Pair, Zip, bad_type, broadcast, cast, is_small_float, one_type, zip};
use crate::error::Result;
use crate::kernels::device::offered;
use crate::kernels::parts::{PART, fill_parts, longest, make};
use crate::kernels::walk::Walk;
use crate::op::{Compare, Op};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::{DType, Data, Element, with_data};
use std::marker::PhantomData;

trait Question: Sync {
    fn ask<T: PartialOrd>(a: &T, b: &T) -> bool;
}
macro_rules! questions {
    ($($name:ident $ask:ident)*) => {$(
        struct $name;
        impl Question for $name {
            #[inline(always)]
            fn ask<T: PartialOrd>(a: &T, b: &T) -> bool {
                a.$ask(b)
            }
        }
    )*};
}
questions!(Equal eq NotEqual ne Less lt LessOrEqual le Greater gt GreaterOrEqual ge);

struct Asked<Q>(PhantomData<fn() -> Q>);
impl<Q> Clone for Asked<Q> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Q> Copy for Asked<Q> {}
impl<Q: Question, T: PartialOrd> Zip<T, T, bool> for Asked<Q> {
    const COST: u64 = 1;
    const WIDE: bool = false;
    #[inline(always)]
    fn at(self, a: T, b: T) -> bool {
        Q::ask(&a, &b)
    }
}

/// See [`crate::Compare`].
pub fn compare(session: &Session, op: Compare, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if let Some(device) = offered(session, &[a, b], || Op::Compare(op)) {
        let (shape, _) = broadcast("compare", [a.shape(), b.shape()], DType::Bool)?;
        return device.make(("compare", 1), &[a, b], (&shape, DType::Bool));
    }
    match op {
        Compare::Equal => asked::<Equal>(session, ("equal", true), a, b),
        Compare::NotEqual => asked::<NotEqual>(session, ("not_equal", true), a, b),
        Compare::Less => asked::<Less>(session, ("less", false), a, b),
        Compare::LessOrEqual => asked::<LessOrEqual>(session, ("less_or_equal", false), a, b),
        Compare::Greater => asked::<Greater>(session, ("greater", false), a, b),
        Compare::GreaterOrEqual => asked::<GreaterOrEqual>(session, ("greater_or_equal", false), a, b),
    }
}

fn asked<Q: Question>(
    session: &Session,
    (op, equality): (&'static str, bool),
    a: &Tensor,
    b: &Tensor,
) -> Result<Tensor> {
    one_type(op, a, b)?;
    if is_small_float(a.dtype()) {
        // Exact in `f32`.
        let (a, b) = (cast(session, a, DType::F32)?, cast(session, b, DType::F32)?);
        return asked::<Q>(session, (op, equality), &a, &b);
    }
    macro_rules! by_type {
        ($($variant:ident)*) => {
            match (a.data(), b.data()) {
                $((Data::$variant(x), Data::$variant(y)) => {
                    let pair = Pair { a: (x.as_slice(), a.shape()), b: (y.as_slice(), b.shape()) };
                    zip(session, op, &pair, Asked::<Q>(PhantomData))
                })*
                (Data::Bool(x), Data::Bool(y)) if equality => {
                    let pair = Pair { a: (x.as_slice(), a.shape()), b: (y.as_slice(), b.shape()) };
                    zip(session, op, &pair, Asked::<Q>(PhantomData))
                }
                (Data::Text(x), Data::Text(y)) if equality => {
                    let (shape, walk) = broadcast(op, [a.shape(), b.shape()], DType::Bool)?;
                    make(session, (op, 16), &shape, 0, |out| texts::<Q>(session, &walk, (x, y), out))
                }
                _ => Err(bad_type(op, if equality { "numbers, booleans or texts" } else { "numbers" }, a.dtype())),
            }
        };
    }
    by_type!(F32 F64 I8 I16 I32 I64 U8 U16 U32 U64)
}

fn texts<Q: Question>(
    session: &Session,
    walk: &Walk<2>,
    (x, y): (&[String], &[String]),
    out: &mut [bool],
) -> Result<()> {
    let [x_step, y_step] = walk.inner.map(|step| step as usize);
    fill_parts(session, out, PART / 16, |first, part| {
        walk.runs(first, part.len(), |range, [i, j]| {
            for (n, out) in part[range].iter_mut().enumerate() {
                *out = Q::ask(&x[i + n * x_step], &y[j + n * y_step]);
            }
        });
        Ok(())
    })
}

/// See [`crate::Op::Where`].
pub fn choose(session: &Session, condition: &Tensor, then: &Tensor, other: &Tensor) -> Result<Tensor> {
    one_type("where", then, other)?;
    let args = [condition, then, other];
    if let Some(device) = offered(session, &args, || Op::Where) {
        let (shape, _) = broadcast("where", args.map(Tensor::shape), then.dtype())?;
        return device.make(("where", 1), &args, (&shape, then.dtype()));
    }
    let asked = condition.values::<bool>("where")?;
    with_data!(then.data(), values => chosen(session, (condition, asked), (then, values), other))
}

fn chosen<T: Element>(
    session: &Session,
    (condition, asked): (&Tensor, &[bool]),
    (then, values): (&Tensor, &[T]),
    other: &Tensor,
) -> Result<Tensor> {
    let others = other.values::<T>("where")?;
    let (shape, walk) = broadcast("where", [condition.shape(), then.shape(), other.shape()], T::DTYPE)?;
    let [c_step, t_step, o_step] = walk.inner.map(|step| step as usize);
    make(
        session,
        ("where", 1),
        &shape,
        longest(values).max(longest(others)),
        |out: &mut [T]| {
            fill_parts(session, out, PART, |first, part| {
                walk.runs(first, part.len(), |range, [c, t, o]| {
                    let out = &mut part[range];
                    if c_step == 1 && t_step == 1 && o_step == 1 {
                        let lists = asked[c..].iter().zip(&values[t..]).zip(&others[o..]);
                        for (out, ((asked, then), other)) in out.iter_mut().zip(lists) {
                            *out = if *asked { then.clone() } else { other.clone() };
                        }
                        return;
                    }
                    for (n, out) in out.iter_mut().enumerate() {
                        *out = if asked[c + n * c_step] {
                            values[t + n * t_step].clone()
                        } else {
                            others[o + n * o_step].clone()
                        };
                    }
                });
                Ok(())
            })
        },
    )
}
