//! The open partial of `tensors`: an output of a chunk that the host holds for `reduce` or `check`, so that tensors are made
//! of it without a way through the sandbox. Belongs to the call and ends with it.

use super::compute::{compute, lengths, refused, told};
use super::fast::Value;
use super::operation::dtype;
use super::tensors::{Answer, TensorHandle, byte_count, give};
use super::{Host, HostState, Stop, charge, cost, enter, partials};
use crate::bindings::p2pjob::job::tensors as wit;
use job_model::limits::MAX_READ_BYTES;
use std::sync::Arc;
use tensor_compute::{ComputeError, Lease, TensorBuilder};
use wasmtime::component::LinkerInstance;

/// A partial and its memory.
pub(crate) struct Opened {
    bytes: Vec<u8>,
    _lease: Arc<Lease>,
}

pub(super) fn link(instance: &mut LinkerInstance<'_, HostState>) -> wasmtime::Result<()> {
    instance.func_wrap("[static]tensor.from-partial", from_partial)?;
    instance.func_wrap("open-partial", |host: Host<'_>, (): ()| Ok((open(host)?,)))?;
    instance.func_wrap("read-partial", |host: Host<'_>, (offset, length): (u64, u32)| {
        Ok((read(host, offset, length)?,))
    })
}

fn open(mut host: Host<'_>) -> wasmtime::Result<Option<u64>> {
    enter(&mut host, 0, 0)?;
    // The one before gives its memory back first.
    host.data_mut().opened = None;
    let next = partials::source(host.data_mut())?.next().map_err(Stop::Unavailable)?;
    let Some(bytes) = next else { return Ok(None) };
    let length = bytes.len() as u64;
    charge(&mut host, length.saturating_mul(cost::COPY_FUEL_PER_BYTE))?;
    let state = host.data_mut();
    let lease = state.compute.session().lease(length);
    let lease = lease.map_err(|_| state.limiter.stop())?;
    state.limiter.observe();
    state.opened = Some(Opened { bytes, _lease: lease });
    Ok(Some(length))
}

fn read(mut host: Host<'_>, offset: u64, length: u32) -> wasmtime::Result<Vec<u8>> {
    let size = host.data().opened.as_ref().map(|opened| opened.bytes.len() as u64);
    let there = u64::from(length).min(size.unwrap_or(0).saturating_sub(offset));
    enter(&mut host, there, cost::COPY_FUEL_PER_BYTE)?;
    if length > MAX_READ_BYTES {
        let refusal =
            format!("tensors.read-partial: {length} bytes asked for, at most {MAX_READ_BYTES} a call are allowed");
        return Err(Stop::Refused(refusal).into());
    }
    let Some(opened) = &host.data().opened else {
        let refusal = "tensors.read-partial: no partial is open; call open-partial first".to_owned();
        return Err(Stop::Refused(refusal).into());
    };
    let piece = usize::try_from(offset)
        .ok()
        .and_then(|start| opened.bytes.get(start..))
        .unwrap_or_default();
    Ok(piece[..piece.len().min(length as usize)].to_vec())
}

fn from_partial(mut host: Host<'_>, (offset, ty, shape): (u64, wit::Dtype, Vec<u64>)) -> Answer<TensorHandle> {
    const OP: &str = "from-partial";
    let (dtype, shape) = (dtype(ty), lengths(&shape));
    let size = host.data().opened.as_ref().map(|opened| opened.bytes.len() as u64);
    let checked = compute(&mut host, |session| {
        session.charge(0, 0)?;
        let bytes = byte_count(OP, &shape, dtype)?;
        let Some(size) = size else {
            return refused(OP, "no partial is open; call open-partial first".to_owned());
        };
        if offset.checked_add(bytes).is_none_or(|end| end > size) {
            let why = format!(
                "a {dtype} tensor of shape {shape:?} has {bytes} bytes; the partial has {size}, too few from {offset} on"
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
    // It leaves the state while the session works, which is borrowed from there.
    let opened = host.data_mut().opened.take();
    let fast = host.data().compute.fast();
    let made = compute(&mut host, |session| {
        let all = opened.as_ref().map_or(&[][..], |opened| &opened.bytes);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = usize::try_from(offset.saturating_add(bytes)).unwrap_or(usize::MAX);
        let piece = all.get(start..end).unwrap_or_default();
        if let Some(link) = &fast {
            return link.upload(session, (dtype, shape.clone()), piece);
        }
        let mut builder = TensorBuilder::new(session, OP, dtype, &shape)?;
        for (at, piece) in piece.chunks(MAX_READ_BYTES as usize).enumerate() {
            session.go_on()?;
            builder.put(at * MAX_READ_BYTES as usize, piece)?;
        }
        builder.finish().map(Value::Near)
    });
    host.data_mut().opened = opened;
    give(&mut host, made?)
}
