//! Tells what is wrong with a file that should be a job, and compiles one that is not obviously wrong.

use crate::host;
use job_model::limits::MAX_COMPONENT_BYTES;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

/// The functions a job exports.
const EXPORTS: [&str; 4] = ["describe", "plan", "run", "reduce"];
/// First bytes of every WebAssembly file.
const MAGIC: &[u8] = b"\0asm";
/// The four bytes after [`MAGIC`] in a core module (version 1, layer 0).
const CORE_MODULE: [u8; 4] = [1, 0, 0, 0];

/// Why a file cannot be run as a job.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoadError {
    /// Larger than a component may be.
    #[error("the component has {bytes} bytes, at most {max} are allowed; large data belongs into inputs", max = MAX_COMPONENT_BYTES)]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Not WebAssembly at all.
    #[error(
        "not a WebAssembly component: the file does not start with the WebAssembly magic number; build one with `cargo p2pjob build`"
    )]
    NotWasm,
    /// WebAssembly, but of the core kind.
    #[error(
        "a core WebAssembly module, not a component; build it with `cargo p2pjob build`, which makes the component"
    )]
    CoreModule,
    /// A component that is no job.
    #[error("the component does not export {0}; implement the `Job` trait and call `export_job!`")]
    MissingExports(String),
    /// A component that wants more than a job may have.
    #[error(
        "the component imports {0}, which a job may not; a job sees only its inputs: \
         build it for wasm32-unknown-unknown with `cargo p2pjob build`"
    )]
    ForbiddenImports(String),
    /// Exports or imports have the right names but the wrong types.
    #[error("the component does not fit this platform's contract: {0}; rebuild it with the current SDK")]
    Contract(String),
    /// Damaged, or uses a feature that is off.
    #[error("the component does not compile: {0}; rebuild it with `cargo p2pjob build`")]
    DoesNotCompile(String),
}

impl LoadError {
    /// Checks a file's size before it is read.
    pub fn check_size(bytes: u64) -> Result<(), Self> {
        if bytes > MAX_COMPONENT_BYTES {
            Err(Self::TooLarge { bytes })
        } else {
            Ok(())
        }
    }
}

/// Compiles a component to the form that is kept on disk.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    LoadError::check_size(bytes.len() as u64)?;
    let layer = bytes
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.first_chunk::<4>())
        .ok_or(LoadError::NotWasm)?;
    if *layer == CORE_MODULE {
        return Err(LoadError::CoreModule);
    }
    engine
        .precompile_component(bytes)
        .map_err(|error| LoadError::DoesNotCompile(format!("{error:#}")))
}

/// Checks that a compiled component exports what a job exports and imports nothing else than the host's interfaces.
pub(crate) fn check_contract(component: &Component) -> Result<(), LoadError> {
    let (ty, engine) = (component.component_type(), component.engine());
    let foreign: Vec<&str> = ty
        .imports(engine)
        .map(|(name, _)| name)
        .filter(|name| !is_ours(name))
        .collect();
    if !foreign.is_empty() {
        return Err(LoadError::ForbiddenImports(foreign.join(", ")));
    }
    let is_function = |name: &str| {
        ty.get_export(engine, name)
            .is_some_and(|export| matches!(export.ty, ComponentItem::ComponentFunc(_)))
    };
    let missing: Vec<&str> = EXPORTS.into_iter().filter(|name| !is_function(name)).collect();
    if !missing.is_empty() {
        return Err(LoadError::MissingExports(missing.join(", ")));
    }
    Ok(())
}

/// Whether an import is one of our interfaces, in any version: the linker then says which version it wants.
fn is_ours(import: &str) -> bool {
    let name = |interface: &str| interface.split('@').next().map(str::to_owned);
    host::INTERFACES.iter().any(|interface| name(interface) == name(import))
}
