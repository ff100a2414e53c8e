//! `ledger`: balances per peer. `ledger verify [FILE]`: checks a ledger file offline.

use crate::app::App;
use crate::console::{Console, Paint};
use crate::error::{CliError, Exit};
use crate::table::Table;
use job_model::NodeId;
use node::control::protocol::{LedgerReport, Reply, Request};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Arguments of `ledger`.
#[derive(clap::Args, Debug)]
pub struct LedgerArgs {
    #[command(subcommand)]
    pub action: Option<LedgerAction>,
}

/// What to do with a ledger.
#[derive(clap::Subcommand, Debug)]
pub enum LedgerAction {
    /// Check every signature, link and sum of a ledger file; needs no node when the file is named
    Verify {
        /// The file (else: the node's own)
        file: Option<PathBuf>,
        /// The node it must belong to
        #[arg(long, value_name = "NODE")]
        owner: Option<NodeId>,
    },
}

/// Runs `ledger`.
pub fn run(app: &App, args: &LedgerArgs) -> Result<Exit, CliError> {
    match &args.action {
        None => show(app),
        Some(LedgerAction::Verify {
            file: Some(file),
            owner,
        }) => verify(app, file, *owner),
        Some(LedgerAction::Verify { file: None, owner }) => {
            let report = ask(app)?;
            verify(app, &report.file, owner.or(Some(report.owner)))
        }
    }
}

fn ask(app: &App) -> Result<Box<LedgerReport>, CliError> {
    match app.connect()?.ask(Request::Ledger)? {
        Reply::Ledger(report) => Ok(report),
        _ => Err(CliError::surprise("ledger")),
    }
}

fn show(app: &App) -> Result<Exit, CliError> {
    let report = ask(app)?;
    app.console.result(&report, |_| {
        let mut table = Table::new(&[
            "peer",
            "earned",
            "spent",
            "held",
            "balance",
            "credit left",
            "unanswered",
        ]);
        for row in &report.rows {
            let amounts = [row.earned, row.spent, row.held, row.balance, row.credit_left];
            let cells = amounts.iter().map(ToString::to_string);
            table.row(
                std::iter::once(row.peer.short())
                    .chain(cells)
                    .chain([row.unanswered.to_string()]),
            );
        }
        let list = if table.is_empty() {
            "no dealings yet\n".to_owned()
        } else {
            table.render()
        };
        let (owner, file) = (report.owner.short(), report.file.display());
        format!(
            "{list}\nnode {owner}: balance {}, {} records in {file}\ncheck it with `p2pjob ledger verify`",
            report.balance, report.records
        )
    })?;
    Ok(Exit::Ok)
}

fn verify(app: &App, file: &Path, owner: Option<NodeId>) -> Result<Exit, CliError> {
    let reader = BufReader::new(File::open(file).map_err(|error| CliError::file("read", file, &error))?);
    let report = market::verify_ledger(reader, owner).map_err(|error| {
        let message = format!("{} is no ledger: {error}", file.display());
        CliError::new(
            Exit::BadInput,
            message,
            "name a node's ledger.cbor; `p2pjob ledger` shows where it lies",
        )
    })?;
    app.console.result(&report, |console| describe(console, &report))?;
    Ok(if report.is_sound() { Exit::Ok } else { Exit::BadInput })
}

fn describe(console: &Console, report: &market::LedgerReport) -> String {
    let mut table = Table::new(&[
        "peer",
        "settlements",
        "replicas",
        "earned",
        "spent",
        "unanswered",
        "balance",
    ]);
    for (peer, totals) in &report.peers {
        let counts = [totals.settlements.to_string(), totals.lines.to_string()];
        let amounts = [totals.earned, totals.spent, totals.unanswered, totals.balance];
        let cells = counts.into_iter().chain(amounts.iter().map(ToString::to_string));
        table.row(std::iter::once(peer.short()).chain(cells));
    }
    let mut text = if table.is_empty() {
        String::new()
    } else {
        table.render()
    };
    for problem in &report.problems {
        let line = format!("record {}: {}", problem.record, problem.what);
        text.push_str(&format!("{}\n", console.paint(Paint::Red, &line)));
    }
    for node in &report.forked {
        text.push_str(&format!("node {node} forked its chain: the proof is in this file\n"));
    }
    if let Some(offset) = report.torn_at {
        text.push_str(&format!(
            "the file ends within a record at byte {offset}: a crash; nothing sent is lost\n"
        ));
    }
    let verdict = if report.is_sound() {
        console.paint(Paint::Green, "sound")
    } else {
        console.paint(Paint::Red, &format!("NOT sound: {} problems", report.problem_count))
    };
    let (owner, records, total) = (report.owner, report.records, report.total);
    format!("{text}{verdict}: ledger of node {owner}, {records} records, sum of balances {total}")
}
