//! `metrics`: keeps the numbers a job reports of itself, within bounds, for people; they never enter a vote.

use super::{Host, HostState, cost, enter};
use crate::outcome::cut;
use job_model::JobMetrics;
use job_model::limits::MAX_METRIC_NAME_BYTES;
use wasmtime::AsContext;
use wasmtime::component::{Linker, WasmStr};

pub(super) const NAME: &str = "p2pjob:job/metrics@0.1.0";

type Take = fn(&mut JobMetrics, &str, f64);

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(NAME)?;
    let functions: [(&str, Take); 3] = [
        ("counter-add", JobMetrics::counter),
        ("gauge-set", JobMetrics::gauge),
        ("observe", JobMetrics::observe),
    ];
    for (function, take) in functions {
        instance.func_wrap(function, move |mut host: Host<'_>, (name, value): (WasmStr, f64)| {
            let (bytes, name) = {
                let text = name.to_str(host.as_context())?;
                // One byte more than allowed, so that a name that is too long stays one.
                (text.len() as u64, cut(&text, MAX_METRIC_NAME_BYTES + 1).to_owned())
            };
            enter(&mut host, bytes, cost::COPY_FUEL_PER_BYTE)?;
            take(&mut host.data_mut().metrics, &name, value);
            Ok(())
        })?;
    }
    Ok(())
}
