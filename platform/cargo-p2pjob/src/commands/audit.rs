//! `audit`: what was done over HTTP and the control socket. `audit verify [FILE]`: checks a log offline.

use super::token::{ago, ask};
use crate::app::App;
use crate::console::Paint;
use crate::error::{CliError, Exit};
use crate::table::Table;
use node::access::{AccessError, AccessReply, AccessRequest, AuditPage, AuditRecord, AuditReport, verify_audit};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Digits of a hash that are shown.
const SHORT: usize = 12;
/// Digits of a hash.
const HASH_DIGITS: usize = 64;

/// Arguments of `audit`.
#[derive(clap::Args, Debug)]
pub struct AuditArgs {
    #[command(subcommand)]
    pub action: Option<AuditAction>,
}

/// What to do with the audit log.
#[derive(clap::Subcommand, Debug)]
pub enum AuditAction {
    /// Show records, the newest unless told otherwise
    Show(ShowArgs),
    /// Check every record and link of a log; needs no node when the file is named
    Verify {
        /// The file (else: the node's own)
        file: Option<PathBuf>,
        /// Hash of a record that must be in it, noted earlier: finds an end that was cut off
        #[arg(long, value_name = "HASH", value_parser = hash)]
        expect: Option<String>,
    },
}

/// Which records to show.
#[derive(clap::Args, Debug)]
pub struct ShowArgs {
    /// Number of the first one
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// How many, at most 500
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: u32,
}

fn hash(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    if text.len() == HASH_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text)
    } else {
        Err("a hash has 64 hexadecimal digits; `p2pjob audit verify` prints the head's".to_owned())
    }
}

/// Runs `audit`.
pub fn run(app: &App, args: &AuditArgs) -> Result<Exit, CliError> {
    match &args.action {
        None => show(app, None, 50),
        Some(AuditAction::Show(args)) => show(app, args.from, args.limit),
        Some(AuditAction::Verify {
            file: Some(file),
            expect,
        }) => verify(app, file, expect.as_deref()),
        Some(AuditAction::Verify { file: None, expect }) => {
            let page = page(app, None, 1)?;
            verify(app, &page.file, expect.as_deref())
        }
    }
}

fn page(app: &App, from: Option<u64>, limit: u32) -> Result<AuditPage, CliError> {
    match ask(app, AccessRequest::Audit { from, limit })? {
        AccessReply::Audit(page) => Ok(page),
        _ => Err(CliError::surprise("audit")),
    }
}

fn show(app: &App, from: Option<u64>, limit: u32) -> Result<Exit, CliError> {
    let page = page(app, from, limit)?;
    app.console.result(&page, |_| {
        let mut table = Table::new(&["seq", "when", "who", "role", "from", "what", "on what", "outcome"]);
        for record in &page.records {
            table.row(cells(record));
        }
        let list = if table.is_empty() {
            "no records\n".to_owned()
        } else {
            table.render()
        };
        let (seq, file) = (page.head.seq, page.file.display());
        format!("{list}\n{seq} records in {file}\ncheck them with `p2pjob audit verify`")
    })?;
    Ok(Exit::Ok)
}

fn cells(record: &AuditRecord) -> [String; 8] {
    let status = record.status.map(|status| format!(" ({status})")).unwrap_or_default();
    [
        record.seq.to_string(),
        ago(record.at.0),
        record.actor.clone(),
        record.role.clone(),
        record.address.clone(),
        record.action.clone(),
        record.target.clone(),
        format!("{}{status}", record.outcome),
    ]
}

fn verify(app: &App, file: &Path, expect: Option<&str>) -> Result<Exit, CliError> {
    let found = verify_audit(file, expect).map_err(|error| match error {
        AccessError::Io { source, .. } => CliError::file("read", file, &source),
        other => CliError::new(Exit::BadInput, other.to_string(), "name a node's audit.jsonl"),
    })?;
    match found {
        Ok(report) => {
            let object = json!({ "sound": true, "file": file, "report": report });
            app.console.result(&object, |console| {
                let verdict = console.paint(Paint::Green, "sound");
                format!("{verdict}: {}\n{}", file.display(), describe(&report))
            })?;
            Ok(Exit::Ok)
        }
        Err(problem) => {
            let object = json!({ "sound": false, "file": file, "problem": problem });
            app.console.result(&object, |console| {
                let verdict = console.paint(Paint::Red, "NOT sound");
                format!("{verdict}: {}\n{problem}", file.display())
            })?;
            Ok(Exit::BadInput)
        }
    }
}

fn describe(report: &AuditReport) -> String {
    let mut text = match report.last_at {
        None => "it is empty".to_owned(),
        Some(last) => format!(
            "{} records, the last one {}\nhead {}",
            report.records,
            ago(last.0),
            report.head
        ),
    };
    if let Some(at) = report.expected_at {
        text.push_str(&format!("\nthe expected hash is that of record {at}"));
    } else if !report.head.is_empty() {
        let short: String = report.head.chars().take(SHORT).collect();
        text.push_str(&format!(
            "\nnote the head elsewhere: `audit verify --expect {short}...` then finds a cut end"
        ));
    }
    if report.torn_bytes > 0 {
        let torn = report.torn_bytes;
        text.push_str(&format!(
            "\nthe last {torn} bytes are no whole record: a write that goes on, or a crash"
        ));
    }
    text
}
