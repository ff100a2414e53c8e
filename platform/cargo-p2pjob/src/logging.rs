//! Log lines: to standard error from the start, and as JSON to files once a daemon knows its configuration.
//!
//! Both get what `--log` lets through. Files are written by a thread with a bounded queue: a slow disk loses lines, says
//! how many, and never stops the node. They are flushed when the daemon ends; a crash loses what was queued.

use crate::app::{App, LogFormat};
use crate::error::{CliError, Exit};
use node::config::{LogRotation, NodeConfig};
use std::sync::OnceLock;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Lines that may wait for the disk: a few megabytes.
const QUEUED_LINES: usize = 8_192;
/// How log files end.
const SUFFIX: &str = "jsonl";

type FileLayer = Option<Box<dyn Layer<Registry> + Send + Sync>>;

/// Where the layer of files is put in later.
static FILES: OnceLock<reload::Handle<FileLayer, Registry>> = OnceLock::new();

/// Starts logging to standard error; `default` when neither flag nor variable says what.
pub fn start(app: &App, default: &str) -> Result<(), CliError> {
    let wanted = app.shared.log.as_deref();
    let wanted = wanted.or_else(|| app.environment.get("P2PJOB_LOG")).unwrap_or(default);
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        let remedy = "use off, error, warn, info, debug or trace, or directives such as info,node=debug";
        CliError::new(
            Exit::Usage,
            format!("log level {wanted:?} is not valid: {error}"),
            remedy,
        )
    })?;
    let (files, handle) = reload::Layer::new(FileLayer::None);
    let stderr = fmt::layer().with_writer(std::io::stderr);
    let stderr = match app.shared.log_format {
        LogFormat::Compact => stderr.compact().with_ansi(app.console.has_color()).boxed(),
        LogFormat::Json => stderr.json().boxed(),
    };
    let started = tracing_subscriber::registry()
        .with(files)
        .with(filter)
        .with(stderr)
        .try_init();
    started.map_err(|error| CliError::new(Exit::Internal, format!("cannot start logging: {error}"), ""))?;
    // A process starts logging once.
    let _ = FILES.set(handle);
    Ok(())
}

/// Files that are being written; flushed and closed when it is dropped.
pub struct LogFiles {
    lost: ErrorCounter,
    _writer: WorkerGuard,
}

impl Drop for LogFiles {
    fn drop(&mut self) {
        let lost = self.lost.dropped_lines();
        if lost > 0 {
            tracing::warn!(lost, "log lines were lost: the disk was too slow");
        }
    }
}

/// Starts logging to files, if the configuration names a folder for them.
pub fn open_files(config: &NodeConfig) -> Result<Option<LogFiles>, CliError> {
    let (Some(dir), Some(handle)) = (&config.logs.dir, FILES.get()) else {
        return Ok(None);
    };
    let refused = |why: String| {
        let remedy = "give logs.dir a folder that this user may write to, or leave it out";
        CliError::new(
            Exit::Environment,
            format!("cannot write log files in {}: {why}", dir.display()),
            remedy,
        )
    };
    let rotation = match config.logs.rotation {
        LogRotation::Hourly => Rotation::HOURLY,
        LogRotation::Daily => Rotation::DAILY,
        LogRotation::Never => Rotation::NEVER,
    };
    // Nodes that share a folder have files of their own.
    let of_node = config
        .data_dir
        .file_name()
        .map_or_else(String::new, |name| format!("-{}", name.to_string_lossy()));
    let mut builder = RollingFileAppender::builder()
        .rotation(rotation)
        .filename_prefix(format!("p2pjob{of_node}"))
        .filename_suffix(SUFFIX);
    if config.logs.keep_files > 0 {
        builder = builder.max_log_files(config.logs.keep_files as usize);
    }
    let appender = builder.build(dir).map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        refused(source.unwrap_or_else(|| error.to_string()))
    })?;
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUED_LINES)
        .lossy(true)
        .thread_name("p2pjob-logs")
        .finish(appender);
    let lost = writer.error_counter();
    let layer = fmt::layer().json().with_ansi(false).with_writer(writer).boxed();
    handle.reload(Some(layer)).map_err(|error| refused(error.to_string()))?;
    Ok(Some(LogFiles { lost, _writer: guard }))
}
