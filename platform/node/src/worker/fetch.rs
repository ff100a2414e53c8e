//! Bringing a replica's component and inputs to this node: only the byte ranges that the chunk names.

use super::queue::Details;
use crate::context::{Context, SILENT};
use blob_store::{Fetch, Pin, Want};
use job_model::limits::MAX_COMPONENT_BYTES;
use job_model::{BlobHash, NoVerdict, NodeId, Slice};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasm_runtime::LoadedJob;

fn providers(context: &Context, details: &Details) -> Vec<NodeId> {
    let all = std::iter::once(details.requester).chain(details.providers.iter().copied());
    let mut list: Vec<NodeId> = Vec::new();
    for node in all.filter(|node| *node != context.me) {
        if !list.contains(&node) {
            list.push(node);
        }
    }
    list
}

/// The compiled job: from memory, from the compile cache, from the local store, or fetched and compiled.
pub async fn load_job(context: &Arc<Context>, details: &Details) -> Result<Arc<LoadedJob>, NoVerdict> {
    if details.job_size > MAX_COMPONENT_BYTES {
        let why = format!(
            "the component has {} bytes, at most {MAX_COMPONENT_BYTES} are allowed",
            details.job_size
        );
        return Err(NoVerdict::Refused(why));
    }
    let pin = Pin::Job(details.job);
    let from = providers(context, details);
    context
        .load_job(details.job, Some(details.job_size), &from, &pin)
        .await
        .map_err(NoVerdict::Unavailable)
}

/// The bytes of these slices.
pub async fn fetch_slices(context: &Arc<Context>, details: &Details, slices: &[Slice]) -> Result<(), NoVerdict> {
    let mut wanted: BTreeMap<BlobHash, (u64, Vec<(u64, u64)>)> = BTreeMap::new();
    for slice in slices.iter().filter(|slice| slice.length > 0) {
        let Some(input) = details.inputs.get(slice.input as usize) else {
            return Err(NoVerdict::Refused(format!(
                "the chunk names input {}, which the task does not have",
                slice.input
            )));
        };
        let inside = slice
            .offset
            .checked_add(slice.length)
            .is_some_and(|end| end <= input.size);
        if !inside {
            return Err(NoVerdict::Refused(format!(
                "the chunk names bytes outside input {}",
                slice.input
            )));
        }
        wanted
            .entry(input.hash)
            .or_insert((input.size, Vec::new()))
            .1
            .push((slice.offset, slice.length));
    }
    let from = providers(context, details);
    for (hash, (size, ranges)) in wanted {
        let (want, pin) = (Want::Ranges(ranges), Pin::Task(details.task));
        let fetch = Fetch {
            hash,
            providers: &from,
            want: &want,
            expected_size: Some(size),
            max_size: size,
            pin: &pin,
            progress: SILENT,
        };
        context
            .fetch(fetch)
            .await
            .map_err(|error| NoVerdict::Unavailable(error.to_string()))?;
    }
    Ok(())
}
