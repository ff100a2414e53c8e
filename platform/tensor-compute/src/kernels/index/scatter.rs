//! Scatter: updates one after the other, in the order of the indices, so that a sum has one order.

use super::{Coordinates, Replaced, whole};
use crate::error::{ComputeError, Result};
use crate::kernels::device::offered;
use crate::kernels::elementwise::{bad_type, cast, is_small_float, one_type};
use crate::kernels::parts::{PART, longest, make};
use crate::op::{Op, Scatter};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::{DType, Data, Element, with_data};

/// See [`crate::Op::ScatterElements`].
pub fn scatter_elements(session: &Session, args: &[&Tensor], axis: usize, reduction: Scatter) -> Result<Tensor> {
    let op = "scatter_elements";
    let (x, indices, updates) = operands(session, op, args)?;
    let places = Replaced::new(op, x, &indices, axis)?;
    if updates.shape() != indices.shape() {
        return Err(unlike(op, updates.shape(), indices.shape()));
    }
    let list = indices.values::<i64>(op)?;
    if let Some(device) = offered(session, &[x, &indices, updates], || Op::ScatterElements {
        axis,
        reduction,
    }) {
        list.iter()
            .try_for_each(|index| super::position(op, *index, places.length).map(drop))?;
        session.charge(
            updates.len() as u64 * 8,
            updates.len() as u64 * updates.dtype().size() as u64,
        )?;
        return device.make((op, 0), &[x, &indices, updates], (x.shape(), x.dtype()));
    }
    let place = |number: usize| places.place(op, number, list[number]);
    scattered(session, (op, reduction), (x, updates), (list.len(), 1), &place)
}

/// See [`crate::Op::ScatterNd`].
pub fn scatter_nd(session: &Session, args: &[&Tensor], reduction: Scatter) -> Result<Tensor> {
    let op = "scatter_nd";
    let (x, indices, updates) = operands(session, op, args)?;
    let places = Coordinates::new(op, x, &indices, 0)?;
    if updates.shape() != places.shape {
        return Err(unlike(op, updates.shape(), &places.shape));
    }
    let list = indices.values::<i64>(op)?;
    let place = |number: usize| places.place(op, list, number);
    scattered(
        session,
        (op, reduction),
        (x, updates),
        (places.count, places.run),
        &place,
    )
}

fn unlike(op: &'static str, found: &[usize], wanted: &[usize]) -> ComputeError {
    ComputeError::Shape {
        op,
        why: format!("updates have shape {found:?}, here they need {wanted:?}"),
    }
}

fn operands<'a>(session: &Session, op: &'static str, args: &[&'a Tensor]) -> Result<(&'a Tensor, Tensor, &'a Tensor)> {
    let [x, indices, updates, ..] = args else {
        let why = format!("takes x, indices and updates; {} tensors were given", args.len());
        return Err(ComputeError::Argument { op, why });
    };
    one_type(op, x, updates)?;
    Ok((x, whole(session, op, indices)?, updates))
}

type Place<'a> = &'a dyn Fn(usize) -> Result<usize>;

fn scattered(
    session: &Session,
    (op, reduction): (&'static str, Scatter),
    (x, updates): (&Tensor, &Tensor),
    runs: (usize, usize),
    place: Place<'_>,
) -> Result<Tensor> {
    if reduction == Scatter::Replace {
        return with_data!(x.data(), values => {
            let new = updates.values(op)?;
            apply(session, (op, values, new), x.shape(), (runs, place), |_, update| Clone::clone(update))
        });
    }
    if is_small_float(x.dtype()) {
        let (wide, new) = (cast(session, x, DType::F32)?, cast(session, updates, DType::F32)?);
        return cast(
            session,
            &scattered(session, (op, reduction), (&wide, &new), runs, place)?,
            x.dtype(),
        );
    }
    macro_rules! combine {
        ($values:expr, $rust:ty, $($kind:ident => $join:expr),*) => {{
            let new = updates.values::<$rust>(op)?;
            match reduction {
                $(Scatter::$kind => apply(session, (op, $values, new), x.shape(), (runs, place), $join),)*
                Scatter::Replace => Err(bad_type(op, "another reduction", x.dtype())),
            }
        }};
    }
    macro_rules! by_type {
        ($($float:ident: $f:ty),*; $($int:ident: $i:ty),*) => {
            match x.data() {
                $(Data::$float(v) => combine!(v, $f,
                    Add => |old, new| old + new,
                    Mul => |old, new| old * new,
                    Min => |old, new| if new < old || new.is_nan() { *new } else { *old },
                    Max => |old, new| if new > old || new.is_nan() { *new } else { *old }),)*
                $(Data::$int(v) => combine!(v, $i,
                    Add => |old, new| old.wrapping_add(*new),
                    Mul => |old, new| old.wrapping_mul(*new),
                    Min => |old, new| *old.min(new),
                    Max => |old, new| *old.max(new)),)*
                Data::Bool(v) => combine!(v, bool,
                    Add => |old, new| *old | *new,
                    Mul => |old, new| *old & *new,
                    Min => |old, new| *old & *new,
                    Max => |old, new| *old | *new),
                _ => Err(bad_type(op, "numbers or booleans with this reduction", x.dtype())),
            }
        };
    }
    by_type!(F32: f32, F64: f64; I8: i8, I16: i16, I32: i32, I64: i64, U8: u8, U16: u16, U32: u32, U64: u64)
}

fn apply<T: Element>(
    session: &Session,
    (op, values, updates): (&'static str, &[T], &[T]),
    shape: &[usize],
    ((count, run), place): ((usize, usize), Place<'_>),
    join: impl Fn(&T, &T) -> T,
) -> Result<Tensor> {
    session.charge(updates.len() as u64 * 8, size_of_val(updates) as u64)?;
    make(
        session,
        (op, 0),
        shape,
        longest(values).max(longest(updates)),
        |out: &mut [T]| {
            out.clone_from_slice(values);
            for number in 0..count {
                if number.is_multiple_of(PART) {
                    session.go_on()?;
                }
                let start = place(number)?;
                for (out, update) in out[start..start + run].iter_mut().zip(&updates[number * run..]) {
                    *out = join(out, update);
                }
            }
            Ok(())
        },
    )
}
