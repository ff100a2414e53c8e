//! `compute-process`: the child in which a node computes float class fast, and how a node starts it.

use crate::environment::Environment;
use crate::error::{CliError, Exit};
use compute_process::{Gpu, ProcessHost, ProcessOptions, ServeOptions, serve};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

/// The child's arguments.
#[derive(clap::Args, Debug)]
pub struct ComputeProcessArgs {
    /// `off`, `auto`, or the beginning of a GPU's name
    #[arg(long, value_name = "GPU", default_value = "auto")]
    pub gpu: Gpu,
}

/// Runs `compute-process` until standard input ends.
pub fn run(args: &ComputeProcessArgs) -> Result<Exit, CliError> {
    let failed = |why: String| CliError::new(Exit::Internal, why, "this command is started by nodes, not by people");
    // Not through std's buffer, which looks for line feeds.
    let output = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| failed(error.to_string()))?;
    let options = ServeOptions { gpu: args.gpu.clone() };
    serve(options, std::io::stdin().lock(), Box::new(File::from(output)))
        .map_err(|error| failed(format!("what the node sent cannot be: {error}")))?;
    Ok(Exit::Ok)
}

/// Who computes float class fast for a node: this same program, started again.
pub fn host(gpu: &str, environment: &Environment, data_dir: &Path) -> std::io::Result<ProcessHost> {
    let arguments = ["compute-process", "--gpu", gpu].map(str::to_owned).to_vec();
    let mut options = ProcessOptions::new(std::env::current_exe()?, arguments);
    if environment.path("XDG_RUNTIME_DIR").is_none() {
        // Drivers complain without it, and put nothing there.
        let folder = data_dir.to_string_lossy().into_owned();
        options.variables.push(("XDG_RUNTIME_DIR".to_owned(), folder));
    }
    Ok(ProcessHost::new(options))
}
