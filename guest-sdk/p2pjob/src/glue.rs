//! Between the contract's byte strings and the trait's types: what `export_job!` calls.

use crate::codec::{from_cbor, to_cbor};
use crate::cut::SliceRef;
use crate::error::Error;
use crate::job::{Claimed, Inputs, Job, Partials, PlanHint, Slices};
use crate::output::OutputWriter;
use crate::value::{OutputValue, PartialValue};
use std::io::Write;

/// What the crate's `Cargo.toml` says; `export_job!` fills it in.
pub trait Package {
    /// `package.name`.
    const NAME: &'static str;
    /// `package.version`.
    const VERSION: &'static str;
    /// `package.description`.
    const SUMMARY: &'static str;
}

/// A planned chunk in the contract's terms: body, slices, weight.
pub type PlannedChunk = (Vec<u8>, Vec<SliceRef>, u64);

/// The export `describe`.
pub fn describe<J: Job + Package>() -> String {
    hook_panics();
    crate::manifest::describe::<J>()
}

/// The export `plan`.
pub fn plan<J: Job>(params: &[u8], inputs: Vec<(String, u64)>, hint: PlanHint) -> Result<Vec<PlannedChunk>, String> {
    hook_panics();
    let planned = || -> Result<Vec<PlannedChunk>, Error> {
        let params = read_params::<J>(params)?;
        let cuts = J::plan(&params, &Inputs::new(inputs), &hint)?;
        cuts.into_iter()
            .map(|cut| Ok((to_cbor(&cut.chunk)?, cut.slices, cut.weight.max(1))))
            .collect()
    };
    planned().map_err(Error::into_message)
}

/// The export `run`.
pub fn run<J: Job>(body: &[u8]) -> Result<(), String> {
    hook_panics();
    let ran = || -> Result<(), Error> {
        let chunk: J::Chunk = from_cbor(body).map_err(|error| error.context("the chunk's body"))?;
        let partial = J::run(chunk, &Slices::new())?;
        let mut out = OutputWriter::new();
        partial.write_partial(&mut out)?;
        out.flush()?;
        Ok(())
    };
    ran().map_err(Error::into_message)
}

/// The export `check` of a job that is `checked`.
pub fn check<J: Job>(body: &[u8]) -> Result<bool, String> {
    hook_panics();
    let checked = || -> Result<bool, Error> {
        let chunk: J::Chunk = from_cbor(body).map_err(|error| error.context("the chunk's body"))?;
        J::check(chunk, &Slices::new(), Claimed::new())
    };
    checked().map_err(Error::into_message)
}

/// The export `reduce`.
pub fn reduce<J: Job>(params: &[u8]) -> Result<(), String> {
    hook_panics();
    let reduced = || -> Result<(), Error> {
        let params = read_params::<J>(params)?;
        let output = J::reduce(&params, Partials::new())?;
        let mut out = OutputWriter::new();
        output.write_output(&mut out)?;
        out.flush()?;
        Ok(())
    };
    reduced().map_err(Error::into_message)
}

fn read_params<J: Job>(params: &[u8]) -> Result<J::Params, Error> {
    from_cbor(params).map_err(|error| error.context("parameters"))
}

/// Makes a panic say what and where in the log before it traps. Natively the test runner has its own hook.
#[cfg(target_arch = "wasm32")]
fn hook_panics() {
    static HOOKED: std::sync::Once = std::sync::Once::new();
    HOOKED.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            crate::host::log_write(crate::log::Level::Error, &panic.to_string())
        }));
    });
}

#[cfg(not(target_arch = "wasm32"))]
const fn hook_panics() {}

/// Makes a component out of a type that implements [`Job`](crate::Job). Once per crate. Name, version and summary are the crate's
/// `name`, `version` and `description`; another name may be given: `export_job!(MyJob, name = "my_job")`. A job with a
/// [`check`](crate::Job::check) says so: `export_job!(MyJob, checked)`, `export_job!(MyJob, checked, name = "my_job")`.
#[macro_export]
macro_rules! export_job {
    ($job:ty) => {
        $crate::export_job!($job, name = env!("CARGO_PKG_NAME"));
    };
    ($job:ty, checked) => {
        $crate::export_job!($job, checked, name = env!("CARGO_PKG_NAME"));
    };
    ($job:ty, name = $name:expr) => {
        $crate::export_job!(@package $job, $name);
        const _: () = assert!(
            !<$job as $crate::Job>::CHECKED,
            "CHECKED is true: say export_job!(.., checked)"
        );

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            $crate::export_job!(@guest $job, $crate::bindings::Guest, {});
            $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
    ($job:ty, checked, name = $name:expr) => {
        $crate::export_job!(@package $job, $name);
        const _: () = assert!(
            <$job as $crate::Job>::CHECKED,
            "export_job!(.., checked) wants const CHECKED: bool = true"
        );

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            $crate::export_job!(@guest $job, $crate::bindings::checked::Guest, {
                fn check(body: Vec<u8>) -> Result<bool, String> {
                    $crate::check::<$job>(&body)
                }
            });
            $crate::bindings::checked::export!(Exported with_types_in $crate::bindings::checked);
        };
    };
    (@package $job:ty, $name:expr) => {
        impl $crate::Package for $job {
            const NAME: &'static str = $name;
            const VERSION: &'static str = env!("CARGO_PKG_VERSION");
            const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
        }
    };
    (@guest $job:ty, $world:path, { $($check:item)? }) => {
        impl $world for Exported {
            fn describe() -> String {
                $crate::describe::<$job>()
            }

            fn plan(
                params: Vec<u8>,
                inputs: Vec<$crate::bindings::p2pjob::job::types::InputInfo>,
                hint: $crate::bindings::p2pjob::job::types::PlanHint,
            ) -> Result<Vec<$crate::bindings::p2pjob::job::types::Chunk>, String> {
                $crate::bindings::plan::<$job>(params, inputs, hint)
            }

            fn run(body: Vec<u8>) -> Result<(), String> {
                $crate::run::<$job>(&body)
            }

            fn reduce(params: Vec<u8>) -> Result<(), String> {
                $crate::reduce::<$job>(&params)
            }

            $($check)?
        }
    };
}
