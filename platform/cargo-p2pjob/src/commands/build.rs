//! `build [DIR]`: a job's crate to a component.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::guest_build::{self, BuildError, BuiltJob, GuestBuild};
use crate::quantities::show_bytes;
use job_model::JobId;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Arguments of `build`.
#[derive(clap::Args, Debug, Clone)]
pub struct BuildArgs {
    /// The job's crate
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Which package to build, where the manifest has several
    #[arg(short, long, value_name = "NAME")]
    pub package: Option<String>,
    /// Where to write the component (else DIR/target/p2pjob)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Use no network, and install nothing
    #[arg(long)]
    pub offline: bool,
}

impl BuildArgs {
    /// The defaults for a folder.
    pub fn of(dir: PathBuf) -> Self {
        Self {
            dir,
            package: None,
            out: None,
            offline: false,
        }
    }
}

#[derive(Serialize)]
struct Built {
    name: String,
    component: PathBuf,
    job: JobId,
    size: u64,
}

/// Runs `build`.
pub fn run(app: &App, args: &BuildArgs) -> Result<Exit, CliError> {
    let job = build(app, args)?;
    let size = job.bytes.len() as u64;
    let built = Built {
        name: job.name,
        component: job.component_path,
        job: JobId::of(&job.bytes),
        size,
    };
    app.console.result(&built, |_| {
        let (path, dir) = (built.component.display(), args.dir.display());
        let size = show_bytes(built.size);
        format!(
            "built   {path} ({size})\njob     {}\nnext    p2pjob test {dir}, p2pjob publish {dir}",
            built.job
        )
    })?;
    Ok(Exit::Ok)
}

/// Builds a job; cargo's own messages go to stderr.
pub fn build(app: &App, args: &BuildArgs) -> Result<BuiltJob, CliError> {
    let target = app
        .environment
        .path("P2PJOB_GUEST_TARGET_DIR")
        .unwrap_or_else(|| args.dir.join("target"));
    let options = GuestBuild {
        target_dir: crate::session::absolute(&target)?,
        out_dir: args.out.clone().unwrap_or_else(|| args.dir.join("target/p2pjob")),
        package: args.package.clone(),
        offline: args.offline,
        show_progress: !app.console.is_json(),
    };
    guest_build::build(&args.dir, &options).map_err(refuse)
}

/// The component of a folder (built first) or of a file.
pub fn component_of(app: &App, path: &Path) -> Result<PathBuf, CliError> {
    if path.is_dir() {
        let job = build(app, &BuildArgs::of(path.to_owned()))?;
        return crate::session::absolute(&job.component_path);
    }
    crate::session::existing_file(path)
}

/// The error's text already says what to do.
fn refuse(error: BuildError) -> CliError {
    let exit = match &error {
        BuildError::NoManifest(_) => Exit::NotFound,
        BuildError::Toolchain(_) | BuildError::Cargo { .. } | BuildError::File { .. } => Exit::Environment,
        BuildError::Compile(_)
        | BuildError::NoModule(_)
        | BuildError::SeveralModules { .. }
        | BuildError::Componentise { .. } => Exit::BadInput,
    };
    CliError::new(exit, error.to_string(), "")
}
