//! `progress`: passes a job's own count on to whoever waits for the call.

use super::{Host, HostState, enter};
use wasmtime::component::Linker;

pub(super) const NAME: &str = "p2pjob:job/progress@0.1.0";

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker
        .instance(NAME)?
        .func_wrap("report", |mut host: Host<'_>, (done, total): (u64, u64)| {
            enter(&mut host, 0, 0)?;
            host.data().cancel.report(done, total);
            Ok(())
        })
}
