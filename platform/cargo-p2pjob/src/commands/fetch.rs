//! `fetch HASH -o PATH`: a blob from whoever has it, verified while it streams. What arrived stays at the node, so
//! asking again after an interruption goes on where it stopped.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::follow::byte_bar;
use crate::quantities::show_bytes;
use crate::session::{Session, absolute};
use job_model::BlobHash;
use node::control::protocol::{Progress, Reply, Request};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Arguments of `fetch`.
#[derive(clap::Args, Debug)]
pub struct FetchArgs {
    /// The blob's hash (64 hexadecimal digits)
    pub hash: String,
    /// Where to write it; `-` is stdout
    #[arg(short, long, value_name = "PATH")]
    pub output: PathBuf,
}

/// What was fetched.
#[derive(Serialize, Debug)]
pub struct Fetched {
    /// The blob.
    pub hash: BlobHash,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes that came over the network for it now.
    pub transferred: u64,
    /// Where it lies.
    pub path: PathBuf,
}

/// Runs `fetch`.
pub fn run(app: &App, args: &FetchArgs) -> Result<Exit, CliError> {
    let hash: BlobHash = args.hash.parse().map_err(|error: job_model::ids::ParseIdError| {
        let message = format!("{:?} is no blob hash: {error}", args.hash);
        CliError::new(
            Exit::BadInput,
            message,
            "copy the whole hash; `p2pjob status TASK` shows a result's",
        )
    })?;
    let session = app.connect()?;
    let to_stdout = args.output == Path::new("-");
    if to_stdout && app.console.is_json() {
        return Err(CliError::new(
            Exit::Usage,
            "--json and -o - both want stdout",
            "give -o a file",
        ));
    }
    let text = "interrupted: what arrived is kept\n  help: the same command goes on where it stopped".to_owned();
    crate::signals::exit_on_interrupt(text, || {})?;
    if to_stdout {
        let bytes = fetch_bytes(app, &session, hash)?;
        app.console
            .raw(&bytes)
            .map_err(|error| CliError::file("write to", Path::new("stdout"), &error))?;
        return Ok(Exit::Ok);
    }
    let fetched = fetch_file(app, &session, hash, &args.output)?;
    app.console.result(&fetched, |_| {
        let (size, moved) = (show_bytes(fetched.size), show_bytes(fetched.transferred));
        format!("fetched {} ({size}, {moved} over the network)", fetched.path.display())
    })?;
    Ok(Exit::Ok)
}

/// Brings a blob to a file.
pub fn fetch_file(app: &App, session: &Session, hash: BlobHash, path: &Path) -> Result<Fetched, CliError> {
    let bar = byte_bar(&app.console);
    let mut on_progress = |progress| match progress {
        Progress::Bytes { done, total } => {
            bar.set_length(total);
            bar.set_position(done);
        }
        Progress::Step(step) => bar.set_message(step),
        Progress::Task(_) | Progress::Event(_) => {}
    };
    let answer = session.ask_with(
        Request::Fetch {
            hash,
            path: absolute(path)?,
        },
        &mut on_progress,
    );
    bar.finish_and_clear();
    match answer? {
        Reply::Fetched {
            hash,
            size,
            transferred,
            path,
        } => Ok(Fetched {
            hash,
            size,
            transferred,
            path,
        }),
        _ => Err(CliError::surprise("fetch")),
    }
}

/// Brings a blob into memory, by way of a file that is removed again.
pub fn fetch_bytes(app: &App, session: &Session, hash: BlobHash) -> Result<Vec<u8>, CliError> {
    let folder = tempfile::tempdir().map_err(|error| CliError::file("create", &std::env::temp_dir(), &error))?;
    let path = folder.path().join("blob");
    fetch_file(app, session, hash, &path)?;
    std::fs::read(&path).map_err(|error| CliError::file("read", &path, &error))
}
