//! From a job's crate to a component: finds or installs the guest target, calls cargo, and wraps the module that
//! comes out. Owns no state; a build that is interrupted is taken up again by cargo, and a component file is put in
//! place by renaming, so that a half-written one is never seen.

mod new_project;
#[cfg(test)]
mod tests;
mod toolchain;

pub use new_project::{NewProjectError, SdkSource, Template, new_project};
pub use toolchain::{GuestToolchain, ToolchainError};

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target every Rust job is built for: it has no ambient authority, not even a clock.
pub const GUEST_TARGET: &str = "wasm32-unknown-unknown";
/// Flags for the guest: plain SIMD is deterministic, and worth up to five times the speed in numeric code. Where a crate
/// asks the system for random bytes through `getrandom`, the job's own crates answer (the SDK's `p2pjob-burn` does).
const GUEST_RUSTFLAGS: &str = r#"["-Ctarget-feature=+simd128", "--cfg=getrandom_backend=\"custom\""]"#;
/// Seed of the hash keys that rhai's hasher bakes in while compiling, fixed so that builds can be repeated.
const CONST_RANDOM_SEED: &str = "p2pjob";

/// How to build.
#[derive(Clone, Debug)]
pub struct GuestBuild {
    /// Cargo's target folder. One for all guests, so that the SDK is compiled once.
    pub target_dir: PathBuf,
    /// Where the component is written, as `<name>.wasm`.
    pub out_dir: PathBuf,
    /// Which package to build where the manifest has several. None: the one in the job's own folder.
    pub package: Option<String>,
    /// Forbids network access (`cargo --offline`), and with it the installation of a missing target.
    pub offline: bool,
    /// Passes cargo's progress on to standard error. Otherwise it is kept for the error message.
    pub show_progress: bool,
}

/// A job that was built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuiltJob {
    /// The crate's name, with which the file begins.
    pub name: String,
    /// Where the component lies.
    pub component_path: PathBuf,
    /// The component.
    pub bytes: Vec<u8>,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No crate there.
    #[error("{} has no Cargo.toml; give the folder of a job's crate, or make one with `cargo p2pjob new NAME`", .0.display())]
    NoManifest(PathBuf),
    /// No compiler for the guest.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// Cargo did not start or its output could not be read.
    #[error("cannot run {program}: {why}; install Rust from https://rustup.rs")]
    Cargo {
        /// What was to run.
        program: String,
        /// The system's reason.
        why: std::io::Error,
    },
    /// The code does not compile.
    #[error("the job does not compile:\n{0}")]
    Compile(String),
    /// Nothing that could be a job came out.
    #[error("{} built no .wasm file; its Cargo.toml needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`", .0.display())]
    NoModule(PathBuf),
    /// Several did.
    #[error("{} built several .wasm files ({}); name one package with -p", .path.display(), .names.join(", "))]
    SeveralModules {
        /// The job's folder.
        path: PathBuf,
        /// The crates.
        names: Vec<String>,
    },
    /// The module does not carry the job's interface.
    #[error("{name} is not a job: {why}; it needs `export_job!(...)` from the p2pjob crate")]
    Componentise {
        /// The crate.
        name: String,
        /// The encoder's reason.
        why: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {why}", .path.display())]
    File {
        /// "read" or "write".
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
}

/// Builds the job in `job_dir` and writes its component.
pub fn build(job_dir: &Path, options: &GuestBuild) -> Result<BuiltJob, BuildError> {
    let manifest = job_dir.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(BuildError::NoManifest(job_dir.to_owned()));
    }
    let toolchain = GuestToolchain::find_or_install(options.offline)?;
    let messages = run_cargo(&toolchain, &manifest, options)?;
    let (name, module) = only_module(job_dir, &messages)?;
    let bytes = std::fs::read(&module).map_err(|why| BuildError::File {
        action: "read",
        path: module,
        why,
    })?;
    let bytes = componentise(&name, &bytes)?;
    let component_path = options.out_dir.join(format!("{name}.wasm"));
    write_whole(&component_path, &bytes)?;
    Ok(BuiltJob {
        name,
        component_path,
        bytes,
    })
}

/// Wraps a core module that was built against the SDK into a component, and validates it.
pub fn componentise(name: &str, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let encode = || {
        wit_component::ComponentEncoder::default()
            .module(module)?
            .validate(true)
            .encode()
    };
    let mut why = match encode() {
        Ok(component) => return Ok(component),
        Err(error) => format!("{error:#}"),
    };
    // The encoder's chain of reasons may quote the whole interface; the beginning says what is wrong.
    let end = why.char_indices().nth(600).map_or(why.len(), |(at, _)| at);
    why.truncate(end);
    Err(BuildError::Componentise {
        name: name.to_owned(),
        why,
    })
}

/// Runs `cargo build` and returns its JSON messages.
fn run_cargo(toolchain: &GuestToolchain, manifest: &Path, options: &GuestBuild) -> Result<String, BuildError> {
    let mut cargo = toolchain.cargo();
    cargo.args([
        "build",
        "--release",
        "--lib",
        "--target",
        GUEST_TARGET,
        "--message-format=json-render-diagnostics",
    ]);
    cargo
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(&options.target_dir);
    cargo
        .arg("--config")
        .arg(format!("target.{GUEST_TARGET}.rustflags={GUEST_RUSTFLAGS}"));
    if let Some(package) = &options.package {
        cargo.arg("--package").arg(package);
    }
    if options.offline {
        cargo.arg("--offline");
    }
    // Flags meant for host programs (a linker, sanitizers) would break the guest and make builds differ.
    cargo
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET");
    cargo.env("CONST_RANDOM_SEED", CONST_RANDOM_SEED);
    let stderr = if options.show_progress {
        Stdio::inherit()
    } else {
        Stdio::piped()
    };
    let output = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|why| BuildError::Cargo {
            program: program_of(&cargo),
            why,
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(BuildError::Compile(if options.show_progress {
        "see above".to_owned()
    } else {
        text.trim_end().to_owned()
    }))
}

/// The one cdylib of a package that cargo was asked for: `(name, path of the .wasm)`.
fn only_module(job_dir: &Path, messages: &str) -> Result<(String, PathBuf), BuildError> {
    let mut modules: Vec<(String, PathBuf)> = messages.lines().filter_map(module_of).collect();
    match modules.len() {
        0 => Err(BuildError::NoModule(job_dir.to_owned())),
        1 => Ok(modules.remove(0)),
        _ => {
            let names = modules.into_iter().map(|(name, _)| name).collect();
            Err(BuildError::SeveralModules {
                path: job_dir.to_owned(),
                names,
            })
        }
    }
}

/// The module that one line of cargo's messages tells of, if it does.
fn module_of(line: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    if message.get("reason")?.as_str()? != "compiler-artifact" {
        return None;
    }
    let target = message.get("target")?;
    let kinds = target.get("kind")?.as_array()?;
    if !kinds.iter().any(|kind| kind.as_str() == Some("cdylib")) {
        return None;
    }
    let mut files = message
        .get("filenames")?
        .as_array()?
        .iter()
        .filter_map(serde_json::Value::as_str);
    let wasm = files.find(|file| file.ends_with(".wasm"))?;
    Some((target.get("name")?.as_str()?.to_owned(), PathBuf::from(wasm)))
}

/// Writes beside the target and renames, so that a reader sees the old file or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let mut beside: OsString = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&beside, bytes))
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|why| BuildError::File {
        action: "write",
        path: path.to_owned(),
        why,
    })
}

fn program_of(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
