//! `inputs`: reads what the call may read, a piece at a time.

use super::{Host, HostState, Stop, cost, enter};
use job_model::limits::MAX_READ_BYTES;
use wasmtime::component::Linker;

pub(super) const NAME: &str = "p2pjob:job/inputs@0.1.0";

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    instance.func_wrap("size", |mut host: Host<'_>, (index,): (u32,)| {
        enter(&mut host, 0, 0)?;
        Ok((size(host.data(), index)?,))
    })?;
    instance.func_wrap("read", |host: Host<'_>, (index, offset, length): (u32, u64, u32)| {
        Ok((read(host, index, offset, length)?,))
    })
}

/// The size in bytes of an input.
pub(super) fn size(state: &HostState, index: u32) -> Result<u64, Stop> {
    let size = state.inputs.as_ref().and_then(|inputs| inputs.size(index));
    size.ok_or_else(|| Stop::Refused(format!("inputs: there is no input (or slice) {index} to read here")))
}

fn read(mut host: Host<'_>, index: u32, offset: u64, length: u32) -> wasmtime::Result<Vec<u8>> {
    // How many bytes there will be is known before any is fetched, so the price does not depend on the source.
    let size = size(host.data(), index);
    let there = u64::from(length).min(size.as_ref().map_or(0, |size| size.saturating_sub(offset)));
    enter(&mut host, there, cost::COPY_FUEL_PER_BYTE)?;
    size?;
    if length > MAX_READ_BYTES {
        let refusal = format!("inputs.read: {length} bytes asked for, at most {MAX_READ_BYTES} a call are allowed");
        return Err(Stop::Refused(refusal).into());
    }
    let length = u32::try_from(there).unwrap_or(MAX_READ_BYTES);
    Ok(fetch(host.data_mut(), index, offset, length)?)
}

/// Reads bytes that are there and paid for.
pub(super) fn fetch(state: &mut HostState, index: u32, offset: u64, length: u32) -> Result<Vec<u8>, Stop> {
    let Some(inputs) = state.inputs.as_mut().filter(|_| length > 0) else {
        return Ok(Vec::new());
    };
    let bytes = inputs.read(index, offset, length).map_err(Stop::Unavailable)?;
    if bytes.len() as u64 != u64::from(length) {
        return Err(Stop::Unavailable(format!(
            "input {index} gave {} bytes at {offset} where it should have {length}",
            bytes.len()
        )));
    }
    state.input_bytes = state.input_bytes.saturating_add(u64::from(length));
    Ok(bytes)
}
