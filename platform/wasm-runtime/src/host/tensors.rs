//! `tensors`: makes tensors of bytes and inputs, runs operations on them, hands them out again.

use super::compute::{Held, begin, compute, end, guarded, hold, lengths, refused, release, told};
use super::fast::{FastLink, PIECE_BYTES, Value, nears, numbers, unexpected};
use super::operation::{dtype, operation, told_dtype};
use super::{Host, HostState, OPERANDS_MAX, Stop, charge, cost, enter, inputs, opened};
use crate::bindings::p2pjob::job::tensors as wit;
use job_model::limits::MAX_READ_BYTES;
use std::borrow::Cow;
use std::sync::Arc;
use tensor_compute::{
    ComputeError, DType, Data, FastAnswer, FastRequest, Session, Tensor, TensorBuilder, apply, element_count,
};
use wasmtime::AsContext;
use wasmtime::component::{Linker, Resource, ResourceType, WasmList};

pub(super) const NAME: &str = "p2pjob:job/tensors@0.1.0";
/// Most bytes of one `from-bytes`: half of what a guest may hand over in one piece. Part of the interface's documentation.
const FROM_BYTES_MAX: usize = 8 << 20;
/// Most bytes of one `read`. Part of the interface's documentation.
const READ_BYTES_MAX: u32 = 16 << 20;

/// Bytes of a tensor that `write-output` looks through for NaN and writes at a time; they stay in a cache between the two.
const WRITTEN_BYTES: u64 = 256 << 10;

/// A guest's tensor.
pub(super) type TensorHandle = Resource<Held<Value>>;
/// What a function of the contract gives that can fail.
pub(super) type Answer<T> = wasmtime::Result<(Result<T, wit::Error>,)>;

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    instance.resource("tensor", ResourceType::host::<Held<Value>>(), |host, rep| {
        release::<Value>(host, rep)
    })?;
    instance.func_wrap("[static]tensor.from-bytes", from_bytes)?;
    instance.func_wrap("[static]tensor.from-input", from_input)?;
    instance.func_wrap("[static]tensor.filled", filled)?;
    opened::link(&mut instance)?;
    instance.func_wrap(
        "[method]tensor.shape",
        |mut host: Host<'_>, (handle,): (TensorHandle,)| {
            enter(&mut host, 0, 0)?;
            let shape = host.data().compute.get(&handle)?.shape();
            Ok((shape.iter().map(|length| *length as u64).collect::<Vec<u64>>(),))
        },
    )?;
    instance.func_wrap(
        "[method]tensor.element-type",
        |mut host: Host<'_>, (handle,): (TensorHandle,)| {
            enter(&mut host, 0, 0)?;
            Ok((told_dtype(host.data().compute.get(&handle)?.dtype()),))
        },
    )?;
    instance.func_wrap("[method]tensor.read", read)?;
    instance.func_wrap("[method]tensor.texts", texts)?;
    instance.func_wrap("[method]tensor.write-output", write_output)?;
    instance.func_wrap(
        "apply",
        |mut host: Host<'_>, (op, operands): (wit::Op, Vec<TensorHandle>)| {
            if operands.len() > OPERANDS_MAX {
                let refusal = format!(
                    "tensors.apply: {} tensors given, at most {OPERANDS_MAX} are allowed",
                    operands.len()
                );
                return Err(Stop::Refused(refusal).into());
            }
            let tensors = operands.iter().map(|handle| host.data().compute.get(handle).cloned());
            let tensors: Vec<Value> = tensors.collect::<Result<_, Stop>>()?;
            let fast = host.data().compute.fast();
            let made = compute(&mut host, |session| {
                let op = operation(&op, tensors.len()).inspect_err(|_| pay_refusal(session))?;
                if let Some(link) = &fast {
                    let operands = numbers(&tensors)?;
                    return link.tensor(session, FastRequest::Apply { op, operands });
                }
                let first = apply(session, &op, &nears(&tensors)?)?.into_iter().next();
                let first = first.ok_or_else(|| ComputeError::Device("an operation gave nothing".to_owned()));
                first.map(Value::Near)
            })?;
            give(&mut host, made)
        },
    )
}

/// An operation that is refused before it starts costs as much as a call.
fn pay_refusal(session: &tensor_compute::Session) {
    // Too little fuel shows at the next instruction of the guest.
    let _ = session.charge(0, 0);
}

/// Hands a tensor (or what was wrong) to the guest.
pub(super) fn give(host: &mut Host<'_>, made: Result<Value, ComputeError>) -> Answer<TensorHandle> {
    match made {
        Ok(tensor) => Ok((Ok(hold(host, tensor)?),)),
        Err(error) => Ok((Err(told(error)),)),
    }
}

/// Hands a value (or what was wrong) to the guest.
#[expect(clippy::unnecessary_wraps, reason = "the end of functions that may stop the call")]
pub(super) fn tell<T>(made: Result<T, ComputeError>) -> Answer<T> {
    Ok((made.map_err(told),))
}

fn from_bytes(mut host: Host<'_>, (ty, shape, bytes): (wit::Dtype, Vec<u64>, WasmList<u8>)) -> Answer<TensorHandle> {
    const OP: &str = "from-bytes";
    let session = begin(&mut host)?;
    let (dtype, shape) = (dtype(ty), lengths(&shape));
    let fast = host.data().compute.fast();
    let result = guarded(|| {
        session.charge(0, bytes.len() as u64)?;
        if bytes.len() > FROM_BYTES_MAX {
            return refused(
                OP,
                format!(
                    "{} bytes given, at most {FROM_BYTES_MAX} a call are allowed",
                    bytes.len()
                ),
            );
        }
        let wanted = byte_count(OP, &shape, dtype)?;
        if wanted != bytes.len() as u64 {
            let why = format!(
                "a {dtype} tensor of shape {shape:?} has {wanted} bytes, {} were given",
                bytes.len()
            );
            return Err(ComputeError::Shape { op: OP, why });
        }
        let bytes = bytes.as_le_slice(host.as_context());
        if let Some(link) = &fast {
            return link.upload(&session, (dtype, shape), bytes);
        }
        let mut builder = TensorBuilder::new(&session, OP, dtype, &shape)?;
        builder.put(0, bytes)?;
        builder.finish().map(Value::Near)
    });
    let made = end(&mut host, result)?;
    give(&mut host, made)
}

pub(super) fn byte_count(op: &'static str, shape: &[usize], dtype: DType) -> Result<u64, ComputeError> {
    Ok((element_count(op, shape, dtype)? as u64).saturating_mul(dtype.size() as u64))
}

fn from_input(
    mut host: Host<'_>,
    (index, offset, ty, shape): (u32, u64, wit::Dtype, Vec<u64>),
) -> Answer<TensorHandle> {
    const OP: &str = "from-input";
    let (dtype, shape) = (dtype(ty), lengths(&shape));
    let size = inputs::size(host.data(), index);
    let checked = compute(&mut host, |session| {
        session.charge(0, 0)?;
        let bytes = byte_count(OP, &shape, dtype)?;
        let Ok(size) = size else {
            return refused(OP, format!("there is no input (or slice) {index} to read here"));
        };
        if offset.checked_add(bytes).is_none_or(|end| end > size) {
            let why = format!(
                "a {dtype} tensor of shape {shape:?} has {bytes} bytes; input {index} has {size}, too few from {offset} on"
            );
            return Err(ComputeError::Shape { op: OP, why });
        }
        Ok(bytes)
    })?;
    let bytes = match checked {
        Ok(bytes) => bytes,
        Err(error) => return Ok((Err(told(error)),)),
    };
    charge(&mut host, bytes.saturating_mul(cost::COPY_FUEL_PER_BYTE))?;
    if let Some(link) = host.data().compute.fast() {
        return from_input_far(&mut host, &link, (dtype, shape), (index, offset, bytes));
    }
    let mut builder = match compute(&mut host, |session| TensorBuilder::new(session, OP, dtype, &shape))? {
        Ok(builder) => builder,
        Err(error) => return Ok((Err(told(error)),)),
    };
    fetch(&mut host, (index, offset, bytes), |_, at, piece| builder.put(at, piece))?;
    let made = compute(&mut host, |_| builder.finish().map(Value::Near))?;
    give(&mut host, made)
}

fn from_input_far(
    host: &mut Host<'_>,
    link: &FastLink,
    (dtype, shape): (DType, Vec<usize>),
    range: (u32, u64, u64),
) -> Answer<TensorHandle> {
    let to = match compute(host, |session| {
        link.number(session, FastRequest::Begin { dtype, shape })
    })? {
        Ok(to) => to,
        Err(error) => return Ok((Err(told(error)),)),
    };
    fetch(host, range, |session, at, piece| {
        link.put(session, &to, at as u64, piece)
    })?;
    let made = compute(host, |session| link.finish(session, &to))?;
    give(host, made)
}

/// Reads `bytes` bytes of an input in pieces. Charges nothing.
pub(super) fn fetch(
    host: &mut Host<'_>,
    (index, offset, bytes): (u32, u64, u64),
    mut take: impl FnMut(&Session, usize, &[u8]) -> Result<(), ComputeError>,
) -> wasmtime::Result<()> {
    let mut done = 0;
    while done < bytes {
        let length = u32::try_from(bytes - done)
            .unwrap_or(MAX_READ_BYTES)
            .min(MAX_READ_BYTES);
        let piece = inputs::fetch(host.data_mut(), index, offset + done, length)?;
        let taken = compute(host, |session| {
            session.go_on()?;
            take(session, usize::try_from(done).unwrap_or(usize::MAX), &piece)
        })?;
        // The range was checked; a piece that does not fit is a bug of ours.
        taken.map_err(|error| Stop::Host(error.to_string()))?;
        done += u64::from(length);
    }
    Ok(())
}

fn filled(mut host: Host<'_>, (ty, shape, value): (wit::Dtype, Vec<u64>, f64)) -> Answer<TensorHandle> {
    let (dtype, shape) = (dtype(ty), lengths(&shape));
    let fast = host.data().compute.fast();
    let made = compute(&mut host, |session| match &fast {
        None => Tensor::filled(session, "filled", (dtype, &shape), value).map(Value::Near),
        Some(link) => link.tensor(session, FastRequest::Filled { dtype, shape, value }),
    })?;
    give(&mut host, made)
}

fn read(mut host: Host<'_>, (handle, offset, length): (TensorHandle, u64, u32)) -> Answer<Vec<u8>> {
    const OP: &str = "read";
    let tensor = host.data().compute.get(&handle)?.clone();
    let fast = host.data().compute.fast();
    let made = compute(&mut host, |session| {
        session.charge(0, u64::from(length.min(READ_BYTES_MAX)))?;
        if length > READ_BYTES_MAX {
            return refused(
                OP,
                format!("{length} bytes asked for, at most {READ_BYTES_MAX} a call are allowed"),
            );
        }
        if tensor.dtype() == DType::Text {
            return Err(no_bytes(OP));
        }
        let end = offset.saturating_add(u64::from(length));
        if end > tensor.bytes() {
            return refused(
                OP,
                format!(
                    "{length} bytes at {offset} asked for, the tensor has {}",
                    tensor.bytes()
                ),
            );
        }
        piece_of(&fast, session, &tensor, offset, u64::from(length)).map(Cow::into_owned)
    })?;
    tell(made)
}

/// Bytes that the tensor has, which is not one of texts.
fn piece_of<'t>(
    fast: &Option<Arc<FastLink>>,
    session: &Session,
    tensor: &'t Value,
    offset: u64,
    length: u64,
) -> Result<Cow<'t, [u8]>, ComputeError> {
    if let Some(link) = fast {
        return link.read(session, tensor, offset, length).map(Cow::Owned);
    }
    // What lies inside a tensor fits in this machine's words.
    let [start, length] = [offset, length].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let piece = tensor.near()?.le_piece(start, length);
    piece.ok_or_else(|| ComputeError::Device("a tensor is shorter than its shape".to_owned()))
}

fn no_bytes(op: &'static str) -> ComputeError {
    let why = "texts have no bytes; take them by texts".to_owned();
    ComputeError::DType { op, why }
}

fn texts(mut host: Host<'_>, (handle,): (TensorHandle,)) -> Answer<Vec<String>> {
    let tensor = host.data().compute.get(&handle)?.clone();
    let fast = host.data().compute.fast();
    let made = compute(&mut host, |session| {
        if tensor.dtype() != DType::Text {
            session.charge(0, 0)?;
            let why = format!("takes texts, not {}", tensor.dtype());
            return Err(ComputeError::DType { op: "texts", why });
        }
        let texts = match &fast {
            None => match tensor.near()?.data() {
                Data::Text(texts) => texts.as_ref().clone(),
                _ => Vec::new(),
            },
            Some(link) => {
                let of = tensor.number()?;
                match link.ask(session, FastRequest::Texts { of }, &[])?.answer {
                    FastAnswer::Texts(texts) => texts,
                    other => return Err(unexpected(&other)),
                }
            }
        };
        let bytes = texts.iter().map(|text| size_of::<String>() + text.len()).sum::<usize>();
        session.charge(0, bytes as u64)?;
        Ok(texts)
    })?;
    tell(made)
}

fn write_output(mut host: Host<'_>, (handle,): (TensorHandle,)) -> Answer<()> {
    let tensor = host.data().compute.get(&handle)?.clone();
    let fast = host.data().compute.fast();
    let priced = compute(&mut host, |session| {
        session.charge(0, 0)?;
        match tensor.dtype() {
            DType::Text => Err(no_bytes("write-output")),
            _ => Ok(tensor.bytes()),
        }
    })?;
    let bytes = match priced {
        Ok(bytes) => bytes,
        Err(error) => return Ok((Err(told(error)),)),
    };
    charge(&mut host, bytes.saturating_mul(cost::COPY_FUEL_PER_BYTE))?;
    host.data_mut()
        .output
        .expect(usize::try_from(bytes).unwrap_or(usize::MAX));
    // In pieces: what one with a NaN is copied to stays small, and what comes from afar is not here twice.
    let step = if fast.is_some() { PIECE_BYTES } else { WRITTEN_BYTES };
    let mut done = 0;
    while done < bytes {
        let length = step.min(bytes - done);
        let piece = compute(&mut host, |session| piece_of(&fast, session, &tensor, done, length))?;
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return Ok((Err(told(error)),)),
        };
        host.data_mut().output.write(&piece)?;
        done += length;
    }
    Ok((Ok(()),))
}
