//! `history tasks` and `history export`: what a node remembers, read from its database directly, whether it runs or not.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::quantities;
use crate::table::Table;
use crate::{session, settings};
use clap::ValueEnum;
use history::{ErrorClass, Export, ExportError, ExportFormat, ExportKind, History, HistoryError, TaskFilter, TaskRow};
use job_model::UnixMillis;
use job_model::task::TaskStatus;
use serde_json::json;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Arguments of `history`.
#[derive(clap::Args, Debug)]
pub struct HistoryArgs {
    #[command(subcommand)]
    pub action: HistoryAction,
    /// The database, as in history.url (else: the configuration's)
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
}

/// What to do with the history.
#[derive(clap::Subcommand, Debug)]
pub enum HistoryAction {
    /// List remembered tasks, the newest first
    Tasks(TasksArgs),
    /// Write tasks, chunks or samples as JSON lines or CSV
    Export(ExportArgs),
}

/// Arguments of `history tasks`.
#[derive(clap::Args, Debug)]
pub struct TasksArgs {
    /// Only tasks in this status
    #[arg(long, value_enum)]
    pub status: Option<Status>,
    /// Only tasks of the job with this name or hash
    #[arg(long)]
    pub job: Option<String>,
    /// Only tasks of this owner
    #[arg(long)]
    pub owner: Option<String>,
    #[command(flatten)]
    pub span: Span,
    /// Most tasks
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(history::MAX_ROWS)))]
    pub limit: u32,
    /// Go on after an earlier list: its `next`
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,
}

/// Arguments of `history export`.
#[derive(clap::Args, Debug)]
pub struct ExportArgs {
    /// What to write
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// As what
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub format: Format,
    #[command(flatten)]
    pub span: Span,
    /// The file to write (else: stdout)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A span of time.
#[derive(clap::Args, Debug)]
pub struct Span {
    /// From then on: so long ago (24h, 7d), a date (2026-11-20, 2026-11-20T08:00:00Z), or unix milliseconds
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// To before then, written alike
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// Where a task stands.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// A table of the history.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Tasks,
    Chunks,
    Load,
    Prices,
}

/// A file format.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// One JSON object a line
    Jsonl,
    /// With a line of names first
    Csv,
}

/// Runs `history`.
pub fn run(app: &App, args: &HistoryArgs) -> Result<Exit, CliError> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => configured(app)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Environment, format!("cannot start threads: {error}"), ""))?;
    runtime.block_on(async {
        let history = History::attach(&url).await.map_err(refused)?;
        let done = match &args.action {
            HistoryAction::Tasks(tasks) => list(app, &history, tasks).await,
            HistoryAction::Export(wanted) => export(app, &history, wanted).await,
        };
        history.close().await;
        done
    })
}

/// The database of the node that is meant: the one that commands would ask, else the one that `node` would start.
fn configured(app: &App) -> Result<String, CliError> {
    let config = settings::load(app, Vec::new())?.config;
    let chosen = session::choose(&app.shared, &app.environment, &app.registry());
    let data_dir = match chosen {
        Ok(data_dir) => data_dir,
        Err(error) if app.shared.node.is_some() => return Err(error),
        Err(_) => config.data_dir,
    };
    let data_dir = session::absolute(&data_dir)?;
    Ok(history::url_of(config.history.url.as_deref(), &data_dir))
}

fn refused(error: HistoryError) -> CliError {
    let exit = match error.class() {
        ErrorClass::BadInput => Exit::BadInput,
        ErrorClass::NotFound => Exit::NotFound,
        ErrorClass::Unavailable => Exit::Unavailable,
        ErrorClass::Limit => Exit::Limit,
        ErrorClass::Internal => Exit::Internal,
    };
    // Its text says what to do.
    CliError::new(exit, error.to_string(), "")
}

async fn list(app: &App, history: &History, args: &TasksArgs) -> Result<Exit, CliError> {
    let after = args.after.as_deref().map(str::parse).transpose().map_err(|_| {
        let message = format!("{:?} is no cursor", args.after.as_deref().unwrap_or_default());
        CliError::new(
            Exit::BadInput,
            message,
            "copy the `next` of an earlier `history tasks --json`",
        )
    })?;
    let filter = TaskFilter {
        node: None,
        task: None,
        owner: args.owner.clone(),
        status: args.status.map(status),
        job: args.job.clone(),
        since: moment(args.span.since.as_deref())?,
        until: moment(args.span.until.as_deref())?,
        after,
        limit: args.limit,
    };
    let page = history.tasks(&filter).await.map_err(refused)?;
    let next = page.next.map(|next| next.to_string());
    app.console.result(&json!({ "tasks": page.tasks, "next": next }), |_| {
        let more = next.as_deref().map(|next| format!("more with --after {next}"));
        format!("{}{}", table(&page.tasks), more.unwrap_or_default())
    })?;
    Ok(Exit::Ok)
}

fn table(tasks: &[TaskRow]) -> String {
    if tasks.is_empty() {
        return "no such tasks are remembered\n".to_owned();
    }
    let mut table = Table::new(&[
        "task",
        "job",
        "owner",
        "status",
        "submitted",
        "took",
        "chunks",
        "price",
        "detail",
    ]);
    for task in tasks {
        let took = task
            .ended_at
            .map(|end| u64::try_from(end - task.submitted_at).unwrap_or(0));
        table.row([
            task.task.chars().take(12).collect(),
            task.job_name.clone(),
            task.owner.clone(),
            task.status.clone(),
            date(task.submitted_at),
            took.map(quantities::show_millis).unwrap_or_default(),
            task.chunks.to_string(),
            job_model::MicroCredits(task.price).to_string(),
            task.detail.lines().next().unwrap_or_default().to_owned(),
        ]);
    }
    table.render()
}

async fn export(app: &App, history: &History, args: &ExportArgs) -> Result<Exit, CliError> {
    let wanted = Export {
        kind: match args.kind {
            Kind::Tasks => ExportKind::Tasks,
            Kind::Chunks => ExportKind::Chunks,
            Kind::Load => ExportKind::Load,
            Kind::Prices => ExportKind::Prices,
        },
        format: match args.format {
            Format::Jsonl => ExportFormat::Jsonl,
            Format::Csv => ExportFormat::Csv,
        },
        node: None,
        since: moment(args.span.since.as_deref())?,
        until: moment(args.span.until.as_deref())?,
    };
    let Some(path) = args.output.as_deref().filter(|path| *path != Path::new("-")) else {
        if app.console.is_json() {
            let message = "--json and an export to stdout both want stdout";
            return Err(CliError::new(Exit::Usage, message, "name a file with -o"));
        }
        let mut out = BufWriter::new(std::io::stdout());
        return match history.export(&wanted, &mut out).await {
            Ok(_) => Ok(Exit::Ok),
            // The reader has seen enough, as `head` does.
            Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Ok),
            Err(error) => Err(failed(Path::new("stdout"), error)),
        };
    };
    let rows = to_file(history, &wanted, path).await?;
    app.console.result(&json!({ "rows": rows, "file": path }), |_| {
        format!("{rows} rows in {}", path.display())
    })?;
    Ok(Exit::Ok)
}

async fn to_file(history: &History, wanted: &Export, path: &Path) -> Result<u64, CliError> {
    let file = std::fs::File::create(path).map_err(|error| CliError::file("write", path, &error))?;
    let mut out = BufWriter::new(file);
    let rows = history
        .export(wanted, &mut out)
        .await
        .map_err(|error| failed(path, error))?;
    out.flush().map_err(|error| CliError::file("write", path, &error))?;
    Ok(rows)
}

fn failed(path: &Path, error: ExportError) -> CliError {
    match error {
        ExportError::History(error) => refused(error),
        ExportError::Write(error) => CliError::file("write", path, &error),
    }
}

fn status(status: Status) -> TaskStatus {
    match status {
        Status::Pending => TaskStatus::Pending,
        Status::Running => TaskStatus::Running,
        Status::Completed => TaskStatus::Completed,
        Status::Failed => TaskStatus::Failed,
        Status::Cancelled => TaskStatus::Cancelled,
    }
}

/// Reads a moment: unix milliseconds, a date with or without a time, or a duration before now.
fn moment(text: Option<&str>) -> Result<Option<UnixMillis>, CliError> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(millis) = text.parse::<u64>() {
        return Ok(Some(UnixMillis(millis)));
    }
    let dated = if text.contains('T') {
        text.to_owned()
    } else {
        format!("{text}T00:00:00Z")
    };
    let format = time::format_description::well_known::Rfc3339;
    if let Ok(date) = time::OffsetDateTime::parse(&dated, &format) {
        let millis = date.unix_timestamp_nanos() / 1_000_000;
        return Ok(Some(UnixMillis(u64::try_from(millis).unwrap_or(0))));
    }
    let ago = quantities::duration(text).map_err(|_| {
        let remedy = "write how long ago (24h, 7d), a date (2026-11-20, 2026-11-20T08:00:00Z), or unix milliseconds";
        CliError::new(Exit::BadInput, format!("{text:?} is no time"), remedy)
    })?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = now.saturating_sub(ago).as_millis();
    Ok(Some(UnixMillis(u64::try_from(millis).unwrap_or(u64::MAX))))
}

/// A moment for people, in UTC.
fn date(millis: i64) -> String {
    let format = time::format_description::well_known::Rfc3339;
    let date = time::OffsetDateTime::from_unix_timestamp(millis / 1_000).ok();
    date.and_then(|date| date.format(&format).ok()).unwrap_or_default()
}
