//! `partials`: hands the chunk outputs to `reduce`, in order, one at a time; the claimed one to `check`.

use super::{Host, HostState, Stop, charge, cost, enter};
use crate::call::PartialSource;
use wasmtime::component::Linker;

pub(super) const NAME: &str = "p2pjob:job/partials@0.1.0";

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    instance.func_wrap("count", |mut host: Host<'_>, (): ()| {
        enter(&mut host, 0, 0)?;
        Ok((source(host.data_mut())?.count(),))
    })?;
    instance.func_wrap("next", |mut host: Host<'_>, (): ()| {
        enter(&mut host, 0, 0)?;
        let next = source(host.data_mut())?.next().map_err(Stop::Unavailable)?;
        let bytes = next.as_ref().map_or(0, |partial| partial.len() as u64);
        charge(&mut host, bytes.saturating_mul(cost::COPY_FUEL_PER_BYTE))?;
        Ok((next,))
    })
}

pub(super) fn source(state: &mut HostState) -> Result<&mut Box<dyn PartialSource>, Stop> {
    state
        .partials
        .as_mut()
        .ok_or_else(|| Stop::Refused("partials: only reduce and check have partials".to_owned()))
}
