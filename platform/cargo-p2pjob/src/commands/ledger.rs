//! `ledger`, `ledger show`: balances per peer. `ledger verify [FILE]`: checks a ledger file offline. `ledger export FILE`:
//! a copy for a backup. `ledger transfer NODE AMOUNT`: gives credits away.

use crate::app::App;
use crate::console::{Console, Paint};
use crate::error::{CliError, Exit};
use crate::table::Table;
use job_model::{MicroCredits, NodeId};
use node::control::protocol::{LedgerReport, Reply, Request};
use std::fs::File;
use std::io::{BufReader, Read, Write};
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
    /// Show balances per peer; the same as without a subcommand
    Show,
    /// Check every signature, link and sum of a ledger file; needs no node when the file is named
    Verify {
        /// The file (else: the node's own)
        file: Option<PathBuf>,
        /// The node it must belong to
        #[arg(long, value_name = "NODE")]
        owner: Option<NodeId>,
    },
    /// Copy the ledger file while the node runs, and check the copy
    Export {
        /// Where to; must not exist. Keep it as evidence: a node must never be started on an old copy of its ledger
        to: PathBuf,
    },
    /// Give credits to a connected node; 1 % of them is burned, at least 0.1 credits can be given
    Transfer {
        /// The node, or the beginning of its key as `p2pjob peers` shows it
        node: String,
        /// How many credits leave this node, such as 2.5
        amount: MicroCredits,
    },
}

/// Runs `ledger`.
pub fn run(app: &App, args: &LedgerArgs) -> Result<Exit, CliError> {
    match &args.action {
        None | Some(LedgerAction::Show) => show(app),
        Some(LedgerAction::Verify {
            file: Some(file),
            owner,
        }) => verify(app, file, *owner),
        Some(LedgerAction::Verify { file: None, owner }) => {
            let report = ask(app)?;
            verify(app, &report.file, owner.or(Some(report.owner)))
        }
        Some(LedgerAction::Export { to }) => export(app, to),
        Some(LedgerAction::Transfer { node, amount }) => transfer(app, node, *amount),
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
            "lends",
            "unanswered",
        ]);
        for row in &report.rows {
            let amounts = [row.earned, row.spent, row.held, row.balance, row.credit_left, row.lends];
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
        let forked: String = report
            .forked
            .iter()
            .map(|node| format!("node {node} forked its chain: nothing is done with it any more\n"))
            .collect();
        let list = list + &forked;
        format!(
            "{list}\nnode {owner}: balance {}, {} records in {file}\ncheck it with `p2pjob ledger verify`",
            report.balance, report.records
        )
    })?;
    Ok(Exit::Ok)
}

/// A part of a record that is being written while the file is copied is left out: the copy ends with a whole record.
fn export(app: &App, to: &Path) -> Result<Exit, CliError> {
    let report = ask(app)?;
    let mut bytes = Vec::new();
    let read = File::open(&report.file).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|error| CliError::file("read", &report.file, &error))?;
    let checked = check(&report.file, bytes.as_slice(), Some(report.owner))?;
    let whole = checked.torn_at.and_then(|at| usize::try_from(at).ok());
    let bytes = bytes.get(..whole.unwrap_or(bytes.len())).unwrap_or(&bytes);
    let written = File::options()
        .write(true)
        .create_new(true)
        .open(to)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| CliError::file("write", to, &error))?;
    verify(app, to, Some(report.owner))
}

fn transfer(app: &App, node: &str, amount: MicroCredits) -> Result<Exit, CliError> {
    let peer = find_peer(app, node)?;
    let Reply::Transfer(report) = app.connect()?.ask(Request::Transfer { node: peer, amount })? else {
        return Err(CliError::surprise("transfer"));
    };
    app.console.result(&report, |console| {
        let (fee, received, to) = (report.fee, report.received, report.peer.short());
        let gone = format!("{} credits: {received} to node {to}, {fee} burned", report.amount);
        match (&report.refused, report.signed) {
            (_, true) => format!("{} {gone}", console.paint(Paint::Green, "signed by both")),
            (Some(why), false) => format!(
                "{}: {why}\nit stays offered as record {} and is sent again whenever the node connects ({gone})",
                console.paint(Paint::Red, "not taken"),
                report.seq
            ),
            (None, false) => format!(
                "no answer yet; it stays offered as record {} and is sent again whenever the node connects ({gone})",
                report.seq
            ),
        }
    })?;
    Ok(if report.signed { Exit::Ok } else { Exit::Unavailable })
}

/// A key, or the beginning of exactly one peer's key.
fn find_peer(app: &App, text: &str) -> Result<NodeId, CliError> {
    if let Ok(node) = text.parse() {
        return Ok(node);
    }
    let Reply::Peers(peers) = app.connect()?.ask(Request::Peers)? else {
        return Err(CliError::surprise("peers"));
    };
    let mut fitting = peers.iter().filter(|peer| peer.node.to_string().starts_with(text));
    match (fitting.next(), fitting.next()) {
        (Some(peer), None) if !text.is_empty() => Ok(peer.node),
        (found, _) => {
            let what = if found.is_some() {
                "more than one peer"
            } else {
                "no peer"
            };
            let message = format!("{what} has a key that begins with {text:?}");
            Err(CliError::new(
                Exit::BadInput,
                message,
                "`p2pjob peers` lists them; give more of the key",
            ))
        }
    }
}

fn check(file: &Path, reader: impl Read, owner: Option<NodeId>) -> Result<market::LedgerReport, CliError> {
    market::verify_ledger(reader, owner).map_err(|error| {
        let message = format!("{} is no ledger: {error}", file.display());
        CliError::new(
            Exit::BadInput,
            message,
            "name a node's ledger.cbor; `p2pjob ledger` shows where it lies",
        )
    })
}

fn verify(app: &App, file: &Path, owner: Option<NodeId>) -> Result<Exit, CliError> {
    let reader = BufReader::new(File::open(file).map_err(|error| CliError::file("read", file, &error))?);
    let report = check(file, reader, owner)?;
    app.console.result(&report, |console| describe(console, &report))?;
    Ok(if report.is_sound() { Exit::Ok } else { Exit::BadInput })
}

fn describe(console: &Console, report: &market::LedgerReport) -> String {
    let mut table = Table::new(&[
        "peer",
        "settlements",
        "transfers",
        "replicas",
        "earned",
        "spent",
        "unanswered",
        "balance",
    ]);
    for (peer, totals) in &report.peers {
        let counts = [totals.settlements, totals.transfers, totals.lines].map(|count| count.to_string());
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
    let burned = report.burned;
    format!("{text}{verdict}: ledger of node {owner}, {records} records, sum of balances {total}, fees burned {burned}")
}
