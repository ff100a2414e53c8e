//! The export `check` of a job that has one: whether an output that a node claims for a chunk is right.
//!
//! It is no part of the world `job`, so that a component without it loads as before: it is looked up, by name and type,
//! when the component is loaded.

use crate::call::{Limits, PartialSource, ReadInput};
use crate::calls::guest_error;
use crate::cancel::CancelToken;
use crate::component::LoadError;
use crate::host::{HostState, Output};
use crate::loaded::LoadedJob;
use crate::sandbox::{Finished, Instantiate, Request};
use job_model::{NoVerdict, Outcome, Usage};
use wasmtime::Store;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex, Func, InstancePre};

/// Name of the export.
const EXPORT: &str = "check";
/// Most bytes of an error text or log line that a check may hand over in one piece.
const TRANSFER_BYTES: u64 = 16 << 20;

/// One call of `check`.
pub struct CheckCall<'a> {
    /// The chunk's body.
    pub body: &'a [u8],
    /// The chunk's slices, by their index in the chunk.
    pub slices: Box<dyn ReadInput>,
    /// The claimed output: a source of exactly one partial.
    pub claimed: Box<dyn PartialSource>,
    /// Seed of `entropy`. Must be drawn after the output was committed, and never told to the worker before: what the
    /// check looks at may depend on it.
    pub entropy_seed: [u8; 32],
    /// What the call may use; it has no output.
    pub limits: &'a Limits,
    /// Stops the call.
    pub cancel: &'a CancelToken,
}

/// What came of `check`.
pub struct CheckReport {
    /// Whether the output is right, or the outcome of a call that could not say it: then nothing is known of the output.
    pub outcome: Result<bool, Outcome>,
    /// What the call used.
    pub usage: Usage,
    /// Log lines, each ended by a line feed.
    pub log: String,
    /// Log lines that were counted but not kept.
    pub log_dropped: u32,
}

/// The export, found in a component.
pub(crate) struct CheckPre {
    pre: InstancePre<HostState>,
    export: ComponentExportIndex,
}

impl CheckPre {
    /// The export of a component that has one. An export of that name with another type is an error: a job that means to
    /// be checked must not go unchecked.
    pub(crate) fn find(component: &Component, pre: &InstancePre<HostState>) -> Result<Option<Self>, LoadError> {
        let engine = component.engine();
        let ty = component.component_type();
        let Some(found) = ty.get_export(engine, EXPORT) else {
            return Ok(None);
        };
        let export = component.get_export_index(None, EXPORT);
        match export.filter(|_| is_check(&found.ty)) {
            Some(export) => Ok(Some(Self {
                pre: pre.clone(),
                export,
            })),
            None => Err(LoadError::Contract(
                "its export `check` is not func(body: list<u8>) -> result<bool, string>".to_owned(),
            )),
        }
    }
}

fn is_check(item: &ComponentItem) -> bool {
    let ComponentItem::ComponentFunc(function) = item else {
        return false;
    };
    let bytes = |ty: &Type| matches!(ty, Type::List(list) if list.ty() == Type::U8);
    let parameters: Vec<Type> = function.params().map(|(_, ty)| ty).collect();
    let results: Vec<Type> = function.results().collect();
    let said = |ty: &Type| matches!(ty, Type::Result(result) if result.ok() == Some(Type::Bool) && result.err() == Some(Type::String));
    matches!(parameters.as_slice(), [body] if bytes(body)) && matches!(results.as_slice(), [result] if said(result))
}

impl Instantiate for CheckPre {
    type Instance = Func;

    fn instantiate(&self, store: &mut Store<HostState>) -> wasmtime::Result<Func> {
        let instance = self.pre.instantiate(&mut *store)?;
        instance
            .get_func(&mut *store, self.export)
            .ok_or_else(|| wasmtime::Error::msg("the export `check` is gone"))
    }
}

impl LoadedJob {
    /// Whether the job has a check of its own.
    pub fn has_check(&self) -> bool {
        self.check.is_some()
    }

    /// Asks the job whether a claimed output of a chunk is right.
    pub fn check(&self, call: CheckCall<'_>) -> CheckReport {
        let CheckCall {
            body,
            slices,
            claimed,
            entropy_seed,
            limits,
            cancel,
        } = call;
        let Some(check) = &self.check else {
            return CheckReport {
                outcome: Err(Outcome::NoVerdict(NoVerdict::Refused(
                    "the job has no check".to_owned(),
                ))),
                usage: Usage::default(),
                log: String::new(),
                log_dropped: 0,
            };
        };
        let mut state = self.state(limits, cancel, Output::closed(), &entropy_seed);
        state.inputs = Some(slices);
        state.partials = Some(claimed);
        let request = Request {
            limits,
            transfer_bytes: TRANSFER_BYTES,
            state,
        };
        let finished = self.sandboxes.call(check, request, |function, store| {
            let typed = function.typed::<(&[u8],), (Result<bool, String>,)>(&*store)?;
            typed.call(store, (body,)).map(|(said,)| said)
        });
        let Finished {
            result,
            usage,
            log,
            log_dropped,
            ..
        } = finished;
        CheckReport {
            outcome: result.and_then(|said| said.map_err(|message| guest_error(&message))),
            usage,
            log,
            log_dropped,
        }
    }
}
