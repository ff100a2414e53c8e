//! The contract in `guest-sdk/wit`, as wit-bindgen turns it into Rust. Only `host.rs` and `export_job!` use it.
#![allow(missing_docs, clippy::all, reason = "generated")]

wit_bindgen::generate!({
    world: "job",
    path: "../wit",
    pub_export_macro: true,
    default_bindings_module: "p2pjob::bindings",
});

/// The world of a job with a `check`. The interfaces are those of the other world; only the exports are made anew.
pub mod checked {
    wit_bindgen::generate!({
        world: "checked-job",
        path: "../wit",
        pub_export_macro: true,
        default_bindings_module: "p2pjob::bindings::checked",
        with: {
            "p2pjob:job/types@0.1.0": crate::bindings::p2pjob::job::types,
            "p2pjob:job/inputs@0.1.0": crate::bindings::p2pjob::job::inputs,
            "p2pjob:job/output@0.1.0": crate::bindings::p2pjob::job::output,
            "p2pjob:job/partials@0.1.0": crate::bindings::p2pjob::job::partials,
            "p2pjob:job/log@0.1.0": crate::bindings::p2pjob::job::log,
            "p2pjob:job/progress@0.1.0": crate::bindings::p2pjob::job::progress,
            "p2pjob:job/metrics@0.1.0": crate::bindings::p2pjob::job::metrics,
            "p2pjob:job/entropy@0.1.0": crate::bindings::p2pjob::job::entropy,
            "p2pjob:job/tensors@0.1.0": crate::bindings::p2pjob::job::tensors,
            "p2pjob:job/linalg@0.1.0": crate::bindings::p2pjob::job::linalg,
            "p2pjob:job/models@0.1.0": crate::bindings::p2pjob::job::models,
            "p2pjob:job/burn-zero-twentytwo@0.1.0": crate::bindings::p2pjob::job::burn_zero_twentytwo,
        },
    });
}

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
