//! Casts among all types.
//!
//! Texts: floats are written shortest so that they read back the same, with an exponent below 1e-4 and from 1e16 on; `NaN`,
//! `INF` and `-INF`. They are read in the same forms, in any case of letters.

use super::{By, map};
use crate::error::{ComputeError, Result};
use crate::kernels::device::offered;
use crate::kernels::parts::{fill_parts, make};
use crate::op::Op;
use crate::session::Session;
use crate::tensor::Tensor;
use crate::{DType, Data, Element};
use half::{bf16, f16};

/// Bytes of the longest number as a text.
const LONGEST_NUMBER: u64 = 32;
/// Elements of a part; reading and writing texts costs much more than a sum.
const TEXT_PART: usize = 1024;

/// See [`crate::Op::Cast`].
pub fn cast(session: &Session, x: &Tensor, to: DType) -> Result<Tensor> {
    if x.dtype() == to {
        session.charge(0, 0)?;
        return Ok(x.clone());
    }
    let shape = x.shape();
    if let Some(device) = offered(session, &[x], || Op::Cast(to)) {
        return device.make(("cast", 1), &[x], (shape, to));
    }
    // Small floats and booleans are lifted to a type that `as` knows. `f16::from_f64` may round twice on some processors:
    // only its constant form is the same everywhere.
    macro_rules! number {
        ($values:expr, $x:ident: $rust:ty => $lifted:expr) => {{
            let x = ($values.as_slice(), shape);
            match to {
                DType::F16 => map(session, "cast", x, By(|$x: $rust| f16::from_f64_const($lifted as f64))),
                DType::BF16 => map(session, "cast", x, By(|$x: $rust| bf16::from_f64_const($lifted as f64))),
                DType::F32 => map(session, "cast", x, By(|$x: $rust| $lifted as f32)),
                DType::F64 => map(session, "cast", x, By(|$x: $rust| $lifted as f64)),
                DType::I8 => map(session, "cast", x, By(|$x: $rust| $lifted as i8)),
                DType::I16 => map(session, "cast", x, By(|$x: $rust| $lifted as i16)),
                DType::I32 => map(session, "cast", x, By(|$x: $rust| $lifted as i32)),
                DType::I64 => map(session, "cast", x, By(|$x: $rust| $lifted as i64)),
                DType::U8 => map(session, "cast", x, By(|$x: $rust| $lifted as u8)),
                DType::U16 => map(session, "cast", x, By(|$x: $rust| $lifted as u16)),
                DType::U32 => map(session, "cast", x, By(|$x: $rust| $lifted as u32)),
                DType::U64 => map(session, "cast", x, By(|$x: $rust| $lifted as u64)),
                DType::Bool => map(session, "cast", x, By(|$x: $rust| ($lifted as f64) != 0.0)),
                DType::Text => write(session, x, |$x: &$rust| Number::text(*$x)),
            }
        }};
    }
    match x.data() {
        // One rounding in hardware, and the same in software.
        Data::F32(v) if to == DType::F16 => map(session, "cast", (v.as_slice(), shape), By(f16::from_f32)),
        Data::F32(v) if to == DType::BF16 => map(session, "cast", (v.as_slice(), shape), By(bf16::from_f32)),
        Data::F16(v) => number!(v, x: f16 => x.to_f32()),
        Data::BF16(v) => number!(v, x: bf16 => x.to_f32()),
        Data::F32(v) => number!(v, x: f32 => x),
        Data::F64(v) => number!(v, x: f64 => x),
        Data::I8(v) => number!(v, x: i8 => x),
        Data::I16(v) => number!(v, x: i16 => x),
        Data::I32(v) => number!(v, x: i32 => x),
        Data::I64(v) => number!(v, x: i64 => x),
        Data::U8(v) => number!(v, x: u8 => x),
        Data::U16(v) => number!(v, x: u16 => x),
        Data::U32(v) => number!(v, x: u32 => x),
        Data::U64(v) => number!(v, x: u64 => x),
        Data::Bool(v) => number!(v, x: bool => u8::from(x)),
        Data::Text(v) => read(session, (v, shape), to),
    }
}

/// Numbers as texts.
trait Number: Copy {
    fn text(self) -> String;
}
macro_rules! plain {
    ($($rust:ty)*) => {$(
        impl Number for $rust {
            fn text(self) -> String {
                self.to_string()
            }
        }
    )*};
}
plain!(i8 i16 i32 i64 u8 u16 u32 u64);
macro_rules! floats {
    ($($rust:ty)*) => {$(
        impl Number for $rust {
            fn text(self) -> String {
                let size = self.abs();
                if self.is_nan() {
                    "NaN".to_owned()
                } else if self.is_infinite() {
                    if self > 0.0 { "INF" } else { "-INF" }.to_owned()
                } else if size != 0.0 && !(1e-4..1e16).contains(&size) {
                    format!("{self:e}")
                } else {
                    self.to_string()
                }
            }
        }
    )*};
}
floats!(f32 f64);
impl Number for f16 {
    fn text(self) -> String {
        self.to_f32().text()
    }
}
impl Number for bf16 {
    fn text(self) -> String {
        self.to_f32().text()
    }
}
impl Number for bool {
    fn text(self) -> String {
        if self { "True" } else { "False" }.to_owned()
    }
}

fn write<T: Element>(
    session: &Session,
    (x, shape): (&[T], &[usize]),
    text: impl Fn(&T) -> String + Sync,
) -> Result<Tensor> {
    make(session, ("cast", 256), shape, LONGEST_NUMBER, |out: &mut [String]| {
        fill_parts(session, out, TEXT_PART, |first, part| {
            for (out, x) in part.iter_mut().zip(&x[first..]) {
                *out = text(x);
            }
            Ok(())
        })
    })
}

fn read(session: &Session, x: (&[String], &[usize]), to: DType) -> Result<Tensor> {
    macro_rules! parse {
        ($($variant:ident: $rust:ty),*) => {
            match to {
                $(DType::$variant => parsed(session, x, |text| text.parse::<$rust>().ok()),)*
                DType::F16 => parsed(session, x, |text| text.parse::<f64>().ok().map(f16::from_f64_const)),
                DType::BF16 => parsed(session, x, |text| text.parse::<f64>().ok().map(bf16::from_f64_const)),
                DType::Bool => parsed(session, x, |text| match text.to_ascii_lowercase().as_str() {
                    "true" | "1" => Some(true),
                    "false" | "0" => Some(false),
                    _ => None,
                }),
                DType::Text => parsed(session, x, |text| Some(text.to_owned())),
            }
        };
    }
    parse!(F32: f32, F64: f64, I8: i8, I16: i16, I32: i32, I64: i64, U8: u8, U16: u16, U32: u32, U64: u64)
}

fn parsed<T: Element>(
    session: &Session,
    (x, shape): (&[String], &[usize]),
    parse: impl Fn(&str) -> Option<T> + Sync,
) -> Result<Tensor> {
    make(session, ("cast", 256), shape, 0, |out: &mut [T]| {
        fill_parts(session, out, TEXT_PART, |first, part| {
            for (out, text) in part.iter_mut().zip(&x[first..]) {
                *out = parse(text.trim()).ok_or_else(|| ComputeError::Argument {
                    op: "cast",
                    why: format!("{:?} is no {}", shortened(text), T::DTYPE),
                })?;
            }
            Ok(())
        })
    })
}

/// The first characters, for a message.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
