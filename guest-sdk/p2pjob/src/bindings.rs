//! The contract in `guest-sdk/wit`, as wit-bindgen turns it into Rust. Only `host.rs` and `export_job!` use it.
#![allow(missing_docs, reason = "generated")]

wit_bindgen::generate!({
    world: "job",
    path: "../wit",
    pub_export_macro: true,
    default_bindings_module: "p2pjob::bindings",
});

use p2pjob::job::types;

/// `glue::plan` in the contract's types.
pub fn plan<J: crate::Job>(
    params: Vec<u8>,
    inputs: Vec<types::InputInfo>,
    hint: types::PlanHint,
) -> Result<Vec<types::Chunk>, String> {
    let inputs = inputs.into_iter().map(|input| (input.name, input.size)).collect();
    let hint = crate::PlanHint {
        chunk_size: hint.chunk_size,
        target_chunks: hint.target_chunks,
        max_chunks: hint.max_chunks,
    };
    let slice = |slice: crate::SliceRef| types::Slice {
        input: slice.input,
        offset: slice.offset,
        length: slice.length,
    };
    let chunk = |(body, slices, weight): crate::glue::PlannedChunk| types::Chunk {
        body,
        slices: slices.into_iter().map(slice).collect(),
        weight,
    };
    Ok(crate::glue::plan::<J>(&params, inputs, hint)?
        .into_iter()
        .map(chunk)
        .collect())
}
