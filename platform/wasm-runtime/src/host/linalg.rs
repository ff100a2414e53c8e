//! `linalg`: matrices that stay with the host.

use super::compute::{compute, told};
use super::tensors::{TensorHandle, give, tell};
use super::{Host, HostState};
use crate::bindings::p2pjob::job::linalg as wit;
use tensor_compute::linalg::{self, Factorisation, Norm};
use tensor_compute::{Binary, ComputeError, FloatClass, Op, Session, Tensor, apply};
use wasmtime::component::Linker;

pub(super) const NAME: &str = "p2pjob:job/linalg@0.1.0";

/// A function of one matrix that gives another.
type OfOne = fn(&Session, FloatClass, &Tensor) -> Result<Tensor, ComputeError>;
/// A function of two matrices that gives a third.
type OfTwo = fn(&Session, FloatClass, &Tensor, &Tensor) -> Result<Tensor, ComputeError>;

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    let of_one: [(&str, OfOne); 4] = [
        ("transpose", transpose),
        ("inverse", linalg::inverse),
        ("eigenvalues", linalg::eigenvalues),
        ("singular-values", linalg::singular_values),
    ];
    for (name, function) in of_one {
        instance.func_wrap(name, move |mut host: Host<'_>, (a,): (TensorHandle,)| {
            let (a, class) = (tensor(&host, &a)?, host.data().compute.class());
            let made = compute(&mut host, |session| function(session, class, &a))?;
            give(&mut host, made)
        })?;
    }
    let of_two: [(&str, OfTwo); 4] = [
        ("add", add),
        ("subtract", subtract),
        ("multiply", multiply),
        ("solve", linalg::solve),
    ];
    for (name, function) in of_two {
        instance.func_wrap(name, move |mut host: Host<'_>, (a, b): (TensorHandle, TensorHandle)| {
            let (a, b, class) = (tensor(&host, &a)?, tensor(&host, &b)?, host.data().compute.class());
            let made = compute(&mut host, |session| function(session, class, &a, &b))?;
            give(&mut host, made)
        })?;
    }
    instance.func_wrap("determinant", determinant)?;
    instance.func_wrap(
        "norm",
        |mut host: Host<'_>, (a, kind): (TensorHandle, wit::NormKind)| {
            let (a, class) = (tensor(&host, &a)?, host.data().compute.class());
            tell(compute(&mut host, |session| {
                linalg::norm(session, class, &a, norm_of(kind))
            })?)
        },
    )
}

fn tensor(host: &Host<'_>, handle: &TensorHandle) -> wasmtime::Result<Tensor> {
    Ok(host.data().compute.get(handle)?.clone())
}

fn determinant(
    mut host: Host<'_>,
    (a, by): (TensorHandle, wit::Factorisation),
) -> wasmtime::Result<(Result<wit::DeterminantValue, wit::Error>,)> {
    let by = match by {
        wit::Factorisation::Lu => Factorisation::Lu,
        wit::Factorisation::Qr => Factorisation::Qr,
    };
    let (a, class) = (tensor(&host, &a)?, host.data().compute.class());
    let made = compute(&mut host, |session| linalg::determinant(session, class, &a, by))?;
    let value = made.map(|found| wit::DeterminantValue {
        value: found.value,
        sign: found.sign,
        log_absolute: found.log_abs,
    });
    Ok((value.map_err(told),))
}

fn norm_of(kind: wit::NormKind) -> Norm {
    match kind {
        wit::NormKind::Frobenius => Norm::Frobenius,
        wit::NormKind::One => Norm::One,
        wit::NormKind::Infinity => Norm::Infinity,
        wit::NormKind::Maximum => Norm::Max,
        wit::NormKind::Two => Norm::Two,
        wit::NormKind::Nuclear => Norm::Nuclear,
    }
}

fn add(session: &Session, _: FloatClass, a: &Tensor, b: &Tensor) -> Result<Tensor, ComputeError> {
    matrices(session, "add", &[a, b])?;
    equal_shapes(session, "add", a, b)?;
    one(session, &Op::Binary(Binary::Add), &[a, b])
}

fn subtract(session: &Session, _: FloatClass, a: &Tensor, b: &Tensor) -> Result<Tensor, ComputeError> {
    matrices(session, "subtract", &[a, b])?;
    equal_shapes(session, "subtract", a, b)?;
    one(session, &Op::Binary(Binary::Sub), &[a, b])
}

fn multiply(session: &Session, _: FloatClass, a: &Tensor, b: &Tensor) -> Result<Tensor, ComputeError> {
    matrices(session, "multiply", &[a, b])?;
    one(session, &Op::MatMul, &[a, b])
}

fn transpose(session: &Session, _: FloatClass, a: &Tensor) -> Result<Tensor, ComputeError> {
    matrices(session, "transpose", &[a])?;
    one(session, &Op::Transpose(vec![1, 0]), &[a])
}

fn matrices(session: &Session, op: &'static str, operands: &[&Tensor]) -> Result<(), ComputeError> {
    let Some(other) = operands.iter().find(|operand| operand.rank() != 2) else {
        return Ok(());
    };
    // Also a refusal is paid for.
    session.charge(0, 0)?;
    let why = format!("takes matrices (two dimensions), not the shape {:?}", other.shape());
    Err(ComputeError::Shape { op, why })
}

fn equal_shapes(session: &Session, op: &'static str, a: &Tensor, b: &Tensor) -> Result<(), ComputeError> {
    if a.shape() == b.shape() {
        return Ok(());
    }
    session.charge(0, 0)?;
    let why = format!(
        "takes matrices of equal shapes, not {:?} and {:?}",
        a.shape(),
        b.shape()
    );
    Err(ComputeError::Shape { op, why })
}

fn one(session: &Session, op: &Op, operands: &[&Tensor]) -> Result<Tensor, ComputeError> {
    let first = apply(session, op, operands)?.into_iter().next();
    first.ok_or_else(|| ComputeError::Device("an operation gave nothing".to_owned()))
}
