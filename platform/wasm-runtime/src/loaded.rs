//! A compiled component that has our exports, needs only our imports, and can be instantiated any number of times.

use crate::bindings::JobPre;
use crate::check::CheckPre;
use crate::component::{self, LoadError};
use crate::host::{self, HostState};
use crate::sandbox::Sandboxes;
use job_model::JobId;
use std::sync::Arc;
use wasmtime::component::{Component, Linker};

/// A job, ready to be called from any thread. Its calls stand in `calls.rs`.
pub struct LoadedJob {
    id: JobId,
    pub(crate) pre: JobPre<HostState>,
    /// The job's own verifier, if it has one.
    pub(crate) check: Option<CheckPre>,
    pub(crate) sandboxes: Arc<Sandboxes>,
}

impl LoadedJob {
    /// The hash of the component.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Checks a compiled component against the contract and resolves its imports.
    pub(crate) fn new(id: JobId, component: &Component, sandboxes: Arc<Sandboxes>) -> Result<Self, LoadError> {
        component::check_contract(component)?;
        let link = || -> wasmtime::Result<_> {
            let mut linker = Linker::new(&sandboxes.engine);
            host::link(&mut linker)?;
            JobPre::new(linker.instantiate_pre(component)?)
        };
        let pre = link().map_err(|error| LoadError::Contract(format!("{error:#}")))?;
        let check = CheckPre::find(component, pre.instance_pre())?;
        Ok(Self {
            id,
            pre,
            check,
            sandboxes,
        })
    }
}
