//! The functions on matrices that give a matrix, as values: what a sandbox's host function and a compute process both speak.

use super::{FloatClass, eigenvalues, inverse, singular_values, solve};
use crate::error::{ComputeError, Result};
use crate::kernels::apply;
use crate::op::{Binary, Op};
use crate::session::Session;
use crate::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// A function of one or two matrices that gives a tensor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MatrixOp {
    /// `a + b`, of equal shapes.
    Add,
    /// `a - b`, of equal shapes.
    Subtract,
    /// The matrix product `a b`.
    Multiply,
    /// Rows become columns.
    Transpose,
    /// See [`inverse`].
    Inverse,
    /// See [`solve`].
    Solve,
    /// See [`eigenvalues`].
    Eigenvalues,
    /// See [`singular_values`].
    SingularValues,
}

impl MatrixOp {
    /// How many tensors it takes.
    pub fn arity(self) -> usize {
        match self {
            Self::Add | Self::Subtract | Self::Multiply | Self::Solve => 2,
            Self::Transpose | Self::Inverse | Self::Eigenvalues | Self::SingularValues => 1,
        }
    }

    /// Runs it. Also a refusal is paid for.
    pub fn run(self, session: &Session, class: FloatClass, operands: &[&Tensor]) -> Result<Tensor> {
        match (self, operands) {
            (Self::Add, [a, b]) => sum(session, "add", Binary::Add, [a, b]),
            (Self::Subtract, [a, b]) => sum(session, "subtract", Binary::Sub, [a, b]),
            (Self::Multiply, [_, _]) => {
                matrices(session, "multiply", operands)?;
                one(session, &Op::MatMul, operands)
            }
            (Self::Transpose, [_]) => {
                matrices(session, "transpose", operands)?;
                one(session, &Op::Transpose(vec![1, 0]), operands)
            }
            (Self::Inverse, [a]) => inverse(session, class, a),
            (Self::Solve, [a, b]) => solve(session, class, a, b),
            (Self::Eigenvalues, [a]) => eigenvalues(session, class, a),
            (Self::SingularValues, [a]) => singular_values(session, class, a),
            _ => {
                session.charge(0, 0)?;
                let why = format!("{self:?} takes {} tensors, {} were given", self.arity(), operands.len());
                Err(ComputeError::Argument { op: "linalg", why })
            }
        }
    }
}

fn sum(session: &Session, op: &'static str, binary: Binary, [a, b]: [&Tensor; 2]) -> Result<Tensor> {
    matrices(session, op, &[a, b])?;
    if a.shape() != b.shape() {
        session.charge(0, 0)?;
        let why = format!(
            "takes matrices of equal shapes, not {:?} and {:?}",
            a.shape(),
            b.shape()
        );
        return Err(ComputeError::Shape { op, why });
    }
    one(session, &Op::Binary(binary), &[a, b])
}

fn matrices(session: &Session, op: &'static str, operands: &[&Tensor]) -> Result<()> {
    let Some(other) = operands.iter().find(|operand| operand.rank() != 2) else {
        return Ok(());
    };
    session.charge(0, 0)?;
    let why = format!("takes matrices (two dimensions), not the shape {:?}", other.shape());
    Err(ComputeError::Shape { op, why })
}

fn one(session: &Session, op: &Op, operands: &[&Tensor]) -> Result<Tensor> {
    let first = apply(session, op, operands)?.into_iter().next();
    first.ok_or_else(|| ComputeError::Device("an operation gave nothing".to_owned()))
}
