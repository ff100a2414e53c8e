//! What an operation works with: the caller's account, the session's random numbers, and the kernels.

use super::malformed;
use super::random::Random;
use burn_ir::ScalarIr;
use tensor_compute::{Binary, Compare, DType, Op, Reduce, Result, Session, Tensor, Unary, apply};

/// One operation's view of its session.
pub struct Step<'a> {
    /// Pays and limits.
    pub account: &'a Session,
    /// The session's generator.
    pub random: &'a mut Random,
}

/// Exactly `N` tensors.
pub fn exactly<const N: usize>(inputs: Vec<Tensor>) -> Result<[Tensor; N]> {
    let count = inputs.len();
    inputs
        .try_into()
        .map_err(|_| malformed(&format!("{N} operands are needed, {count} came")))
}

/// `N` tensors, and one more if it is there.
pub fn and_maybe<const N: usize>(mut inputs: Vec<Tensor>) -> Result<([Tensor; N], Option<Tensor>)> {
    let last = if inputs.len() > N { inputs.pop() } else { None };
    Ok((exactly(inputs)?, last))
}

impl Step<'_> {
    /// Runs an operation that has one result.
    pub fn op(&self, op: &Op, operands: &[&Tensor]) -> Result<Tensor> {
        let first = apply(self.account, op, operands)?.into_iter().next();
        first.ok_or_else(|| malformed("a kernel gave no result"))
    }

    /// Element by element.
    pub fn unary(&self, unary: Unary, x: &Tensor) -> Result<Tensor> {
        self.op(&Op::Unary(unary), &[x])
    }

    /// Two tensors, broadcast.
    pub fn binary(&self, binary: Binary, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.op(&Op::Binary(binary), &[x, y])
    }

    /// A tensor and a number.
    pub fn with_number(&self, binary: Binary, x: &Tensor, number: f64) -> Result<Tensor> {
        self.with_scalar(binary, x, ScalarIr::Float(number))
    }

    /// A tensor and a scalar of the stream.
    pub fn with_scalar(&self, binary: Binary, x: &Tensor, scalar: ScalarIr) -> Result<Tensor> {
        let scalar = self.scalar(scalar, x.dtype())?;
        self.binary(binary, x, &scalar)
    }

    /// Compares two tensors, broadcast.
    pub fn compare(&self, compare: Compare, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.op(&Op::Compare(compare), &[x, y])
    }

    /// Compares with a scalar.
    pub fn compare_scalar(&self, compare: Compare, x: &Tensor, scalar: ScalarIr) -> Result<Tensor> {
        let scalar = self.scalar(scalar, x.dtype())?;
        self.compare(compare, x, &scalar)
    }

    /// `condition ? x : y`, broadcast.
    pub fn choose(&self, condition: &Tensor, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.op(&Op::Where, &[condition, x, y])
    }

    /// `mask ? scalar : x`, broadcast.
    pub fn fill_where(&self, mask: &Tensor, scalar: ScalarIr, x: &Tensor) -> Result<Tensor> {
        let scalar = self.scalar(scalar, x.dtype())?;
        self.choose(mask, &scalar, x)
    }

    /// To another element type; the tensor itself if it has that type.
    pub fn cast(&self, x: Tensor, dtype: DType) -> Result<Tensor> {
        if x.dtype() == dtype {
            Ok(x)
        } else {
            self.op(&Op::Cast(dtype), &[&x])
        }
    }

    /// The same elements in another shape.
    pub fn reshape(&self, x: &Tensor, shape: &[usize]) -> Result<Tensor> {
        self.op(&Op::Reshape(shape.to_vec()), &[x])
    }

    /// Dimensions in another order.
    pub fn transpose(&self, x: &Tensor, order: Vec<usize>) -> Result<Tensor> {
        self.op(&Op::Transpose(order), &[x])
    }

    /// Two dimensions exchanged.
    pub fn swap(&self, x: &Tensor, first: usize, second: usize) -> Result<Tensor> {
        let mut order: Vec<usize> = (0..x.rank()).collect();
        if first >= order.len() || second >= order.len() {
            return Err(malformed(&format!(
                "dimensions {first} and {second} of a tensor of shape {:?}",
                x.shape()
            )));
        }
        order.swap(first, second);
        self.transpose(x, order)
    }

    /// Folds axes, which stay with length 1.
    pub fn reduce(&self, kind: Reduce, x: &Tensor, axes: Vec<usize>) -> Result<Tensor> {
        self.op(&Op::Reduce { kind, axes, keep: true }, &[x])
    }

    /// Folds everything to one element of shape `[1]`.
    pub fn reduce_all(&self, kind: Reduce, x: &Tensor) -> Result<Tensor> {
        let flat = self.reshape(x, &[x.len()])?;
        self.reduce(kind, &flat, vec![0])
    }

    /// A scalar of the stream as a tensor without dimensions, of this type.
    pub fn scalar(&self, scalar: ScalarIr, dtype: DType) -> Result<Tensor> {
        let number = match scalar {
            // The commonest, without a detour.
            ScalarIr::Float(x) if dtype == DType::F32 => return self.constant(x as f32),
            ScalarIr::Int(x) if dtype == DType::F32 => return self.constant(x as f32),
            ScalarIr::Float(x) => self.constant(x)?,
            ScalarIr::Int(x) => self.constant(x)?,
            ScalarIr::UInt(x) => self.constant(x)?,
            ScalarIr::Bool(x) => self.constant(x)?,
        };
        self.cast(number, dtype)
    }

    /// A tensor of this shape with one value everywhere.
    pub fn full(&self, shape: &[usize], dtype: DType, scalar: ScalarIr) -> Result<Tensor> {
        let scalar = self.scalar(scalar, dtype)?;
        self.op(&Op::Expand(shape.to_vec()), &[&scalar])
    }

    fn constant<T: tensor_compute::Element>(&self, value: T) -> Result<Tensor> {
        self.account.make("scalar", &[], |values| {
            values.fill(value);
            Ok(())
        })
    }
}
