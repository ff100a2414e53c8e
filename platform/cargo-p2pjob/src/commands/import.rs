//! `import FILE`: a file becomes a blob; its hash can be an input of tasks.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::quantities::show_bytes;
use job_model::BlobHash;
use node::control::protocol::{Progress, Reply, Request};
use serde::Serialize;
use std::path::PathBuf;

/// Arguments of `import`.
#[derive(clap::Args, Debug)]
pub struct ImportArgs {
    /// The file
    pub file: PathBuf,
    /// Name under which the node keeps it (else: the file's name)
    #[arg(long, value_name = "NAME")]
    pub pin: Option<String>,
}

#[derive(Serialize)]
struct Imported {
    hash: BlobHash,
    size: u64,
    pin: String,
}

/// Runs `import`.
pub fn run(app: &App, args: &ImportArgs) -> Result<Exit, CliError> {
    let path = crate::session::existing_file(&args.file)?;
    let file_name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let pin = args.pin.clone().unwrap_or(file_name);
    let bar = crate::follow::byte_bar(&app.console);
    let mut on_progress = |progress| {
        if let Progress::Bytes { done, total } = progress {
            bar.set_length(total);
            bar.set_position(done);
        }
    };
    let answer = app
        .connect()?
        .ask_with(Request::Import { path, pin: pin.clone() }, &mut on_progress);
    bar.finish_and_clear();
    let Reply::Imported { hash, size } = answer? else {
        return Err(CliError::surprise("import"));
    };
    let imported = Imported { hash, size, pin };
    app.console
        .result(&imported, |_| format!("{hash}  {}", show_bytes(size)))?;
    Ok(Exit::Ok)
}
