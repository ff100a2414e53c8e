//! `linalg`: matrices that stay with the host.

use super::compute::{compute, told};
use super::fast::{Value, nears, numbers, unexpected};
use super::tensors::{Answer, TensorHandle, give, tell};
use super::{Host, HostState, Stop};
use crate::bindings::p2pjob::job::linalg as wit;
use tensor_compute::linalg::{self, Factorisation, MatrixOp, Norm};
use tensor_compute::{FastAnswer, FastRequest, FloatClass};
use wasmtime::component::Linker;

pub(super) const NAME: &str = "p2pjob:job/linalg@0.1.0";

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    let of_one = [
        ("transpose", MatrixOp::Transpose),
        ("inverse", MatrixOp::Inverse),
        ("eigenvalues", MatrixOp::Eigenvalues),
        ("singular-values", MatrixOp::SingularValues),
    ];
    for (name, op) in of_one {
        instance.func_wrap(name, move |host: Host<'_>, (a,): (TensorHandle,)| run(host, op, &[a]))?;
    }
    let of_two = [
        ("add", MatrixOp::Add),
        ("subtract", MatrixOp::Subtract),
        ("multiply", MatrixOp::Multiply),
        ("solve", MatrixOp::Solve),
    ];
    for (name, op) in of_two {
        instance.func_wrap(name, move |host: Host<'_>, (a, b): (TensorHandle, TensorHandle)| {
            run(host, op, &[a, b])
        })?;
    }
    instance.func_wrap("determinant", determinant)?;
    instance.func_wrap(
        "norm",
        |mut host: Host<'_>, (a, kind): (TensorHandle, wit::NormKind)| {
            let (a, norm) = (host.data().compute.get(&a)?.clone(), norm_of(kind));
            let fast = host.data().compute.fast();
            tell(compute(&mut host, |session| match &fast {
                None => linalg::norm(session, FloatClass::Exact, a.near()?, norm),
                Some(link) => {
                    let of = a.number()?;
                    match link.ask(session, FastRequest::Norm { of, norm }, &[])?.answer {
                        FastAnswer::Number(number) => Ok(number),
                        other => Err(unexpected(&other)),
                    }
                }
            })?)
        },
    )
}

fn run(mut host: Host<'_>, op: MatrixOp, handles: &[TensorHandle]) -> Answer<TensorHandle> {
    let values = handles.iter().map(|handle| host.data().compute.get(handle).cloned());
    let values: Vec<Value> = values.collect::<Result<_, Stop>>()?;
    let fast = host.data().compute.fast();
    let made = compute(&mut host, |session| match &fast {
        None => Ok(Value::Near(op.run(session, FloatClass::Exact, &nears(&values)?)?)),
        Some(link) => {
            let operands = numbers(&values)?;
            link.tensor(session, FastRequest::Matrix { op, operands })
        }
    })?;
    give(&mut host, made)
}

fn determinant(
    mut host: Host<'_>,
    (a, by): (TensorHandle, wit::Factorisation),
) -> wasmtime::Result<(Result<wit::DeterminantValue, wit::Error>,)> {
    let by = match by {
        wit::Factorisation::Lu => Factorisation::Lu,
        wit::Factorisation::Qr => Factorisation::Qr,
    };
    let a = host.data().compute.get(&a)?.clone();
    let fast = host.data().compute.fast();
    let made = compute(&mut host, |session| match &fast {
        None => linalg::determinant(session, FloatClass::Exact, a.near()?, by),
        Some(link) => {
            let of = a.number()?;
            match link.ask(session, FastRequest::Determinant { of, by }, &[])?.answer {
                FastAnswer::Determinant(found) => Ok(found),
                other => Err(unexpected(&other)),
            }
        }
    })?;
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
