//! The four calls of a job: what each may touch, and how its end is reported.

use crate::bindings::p2pjob::job::types as wit;
use crate::call::{
    DescribeError, Limits, PlanCall, PlanFailure, PlanReport, ReduceCall, ReduceReport, RunCall, RunReport,
};
use crate::cancel::CancelToken;
use crate::host::{Compute, Entropy, HostState, Log, Output};
use crate::limiter::MemoryLimiter;
use crate::loaded::LoadedJob;
use crate::outcome::cut;
use crate::sandbox::{Finished, Request};
use job_model::limits::{DEFAULT_MEMORY_BYTES, MAX_TEXT_BYTES};
use job_model::{Chunk, InputRef, JobMetrics, Manifest, Outcome, Plan, Slice};
use std::time::Duration;
use tensor_compute::FloatClass;

/// Least a guest may hand over in one piece, in bytes: a long error message or log line, which is cut on our side.
const TRANSFER_BYTES_MIN: u64 = 16 << 20;
/// Most a plan may take, in bytes, once out of the sandbox: a million chunks of 64 bytes of body and slices each.
const PLAN_BYTES_MAX: u64 = 128 << 20;
/// What `describe` may use: it returns a constant.
const DESCRIBE_FUEL: u64 = 10_000_000_000;
/// How long `describe` may take.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

impl LoadedJob {
    /// Asks the job for its manifest, in a sandbox of its own limits.
    pub fn describe(&self) -> Result<Manifest, DescribeError> {
        let limits = Limits {
            fuel: DESCRIBE_FUEL,
            memory_bytes: self.sandboxes.max_memory_bytes.min(DEFAULT_MEMORY_BYTES),
            output_bytes: 0,
            timeout: DESCRIBE_TIMEOUT,
            float_class: FloatClass::Exact,
            owner: [0; 32],
        };
        let request = Request {
            limits: &limits,
            transfer_bytes: TRANSFER_BYTES_MIN,
            state: self.state(&limits, &CancelToken::new(), Output::closed(), &[0; 32]),
        };
        let finished = self
            .sandboxes
            .call(&self.pre, request, |job, store| job.call_describe(store));
        Ok(Manifest::parse(&finished.result.map_err(DescribeError::Failed)?)?)
    }

    /// Cuts a task into chunks. Entropy is seeded by the job and the parameters, so that the plan is the same each time.
    pub fn plan(&self, call: PlanCall<'_>) -> PlanReport {
        let PlanCall {
            params,
            inputs,
            source,
            hint,
            limits,
            cancel,
        } = call;
        let mut state = self.state(limits, cancel, Output::closed(), &self.entropy_seed(params));
        state.inputs = Some(source);
        let request = Request {
            limits,
            transfer_bytes: PLAN_BYTES_MAX,
            state,
        };
        let infos: Vec<_> = inputs
            .iter()
            .map(|input| wit::InputInfo {
                name: input.name.clone(),
                size: input.size,
            })
            .collect();
        let wit_hint = wit::PlanHint {
            chunk_size: hint.chunk_size,
            target_chunks: hint.target_chunks,
            max_chunks: hint.max_chunks,
        };
        let finished = self.sandboxes.call(&self.pre, request, |job, store| {
            job.call_plan(store, params, &infos, wit_hint)
        });
        let Finished {
            result,
            transfer_limit,
            usage,
            log,
            log_dropped,
            ..
        } = finished;
        let plan = match result {
            Err(_) if transfer_limit => Err(PlanFailure::TooLarge {
                limit_bytes: PLAN_BYTES_MAX,
                max_chunks: hint.max_chunks,
            }),
            Err(outcome) => Err(PlanFailure::Failed(outcome)),
            Ok(Err(message)) => Err(PlanFailure::Failed(guest_error(&message))),
            Ok(Ok(chunks)) if chunks.len() > hint.max_chunks as usize => Err(PlanFailure::TooManyChunks {
                chunks: chunks.len() as u64,
                max: hint.max_chunks,
            }),
            Ok(Ok(chunks)) => checked_plan(chunks, inputs),
        };
        PlanReport {
            plan,
            usage,
            log,
            log_dropped,
        }
    }

    /// Runs one chunk.
    pub fn run(&self, call: RunCall<'_>) -> RunReport {
        let RunCall {
            body,
            slices,
            entropy_seed,
            limits,
            cancel,
        } = call;
        let mut state = self.state(limits, cancel, Output::memory(limits.output_bytes), &entropy_seed);
        state.inputs = Some(slices);
        let request = Request {
            limits,
            transfer_bytes: transfer_bytes(limits),
            state,
        };
        let finished = self
            .sandboxes
            .call(&self.pre, request, |job, store| job.call_run(store, body));
        let Finished {
            result,
            usage,
            output,
            log,
            log_dropped,
            metrics,
            ..
        } = finished;
        RunReport {
            outcome: returned(result).map(|()| output),
            usage,
            log,
            log_dropped,
            metrics,
        }
    }

    /// Folds the outputs of the chunks into the result.
    pub fn reduce(&self, call: ReduceCall<'_>) -> ReduceReport {
        let ReduceCall {
            params,
            partials,
            out,
            entropy_seed,
            limits,
            cancel,
        } = call;
        let mut state = self.state(limits, cancel, Output::stream(out, limits.output_bytes), &entropy_seed);
        state.partials = Some(partials);
        let request = Request {
            limits,
            transfer_bytes: transfer_bytes(limits),
            state,
        };
        let finished = self
            .sandboxes
            .call(&self.pre, request, |job, store| job.call_reduce(store, params));
        let Finished {
            result,
            usage,
            log,
            log_dropped,
            ..
        } = finished;
        ReduceReport {
            outcome: returned(result).map(|()| usage.output_bytes),
            usage,
            log,
            log_dropped,
        }
    }

    /// The seed of `entropy` in `plan` and `reduce`: by the contract, the task's job and parameters.
    pub fn entropy_seed(&self, params: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("p2pjob 2026-11 task entropy seed v1");
        hasher.update(self.id().as_bytes());
        hasher.update(params);
        *hasher.finalize().as_bytes()
    }

    /// A fresh state that may read nothing and reduce nothing.
    pub(crate) fn state(&self, limits: &Limits, cancel: &CancelToken, output: Output, seed: &[u8; 32]) -> HostState {
        let compute = Compute::new(&self.sandboxes.compute, limits, cancel);
        HostState {
            limiter: MemoryLimiter::new(limits.memory_bytes, compute.session()),
            compute,
            cancel: cancel.clone(),
            inputs: None,
            input_bytes: 0,
            output,
            partials: None,
            opened: None,
            log: Log::default(),
            metrics: JobMetrics::default(),
            entropy: Entropy::new(seed),
        }
    }
}

/// An output may be written in one piece.
fn transfer_bytes(limits: &Limits) -> u64 {
    limits.output_bytes.max(TRANSFER_BYTES_MIN)
}

pub(crate) fn guest_error(message: &str) -> Outcome {
    Outcome::GuestError(cut(message, MAX_TEXT_BYTES).to_owned())
}

fn returned(result: Result<Result<(), String>, Outcome>) -> Result<(), Outcome> {
    result?.map_err(|message| guest_error(&message))
}

fn checked_plan(chunks: Vec<wit::Chunk>, inputs: &[InputRef]) -> Result<Plan, PlanFailure> {
    let slice = |slice: wit::Slice| Slice {
        input: slice.input,
        offset: slice.offset,
        length: slice.length,
    };
    let chunks = chunks.into_iter().map(|chunk| Chunk {
        body: chunk.body,
        slices: chunk.slices.into_iter().map(slice).collect(),
        // Placement divides by it; the contract says "at least 1".
        weight: chunk.weight.max(1),
    });
    let plan = Plan {
        chunks: chunks.collect(),
    };
    plan.check(inputs)?;
    Ok(plan)
}
