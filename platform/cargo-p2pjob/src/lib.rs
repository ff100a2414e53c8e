//! The command line: `cargo p2pjob ...` and `p2pjob ...`.
//!
//! [`main`] parses, runs one command and turns its end into an exit code. A command is one file in [`commands`]; it
//! talks to a daemon over the control socket ([`session`]) or is the daemon (`node`, `up`). This crate owns the
//! environment: nothing below it reads variables. A crash of a client never touches a task: tasks live in the daemon.

mod app;
mod commands;
mod console;
mod daemon;
mod environment;
mod error;
mod follow;
mod guest_build;
mod local_run;
mod logging;
mod network;
mod parameters;
mod quantities;
mod registry;
mod session;
mod settings;
mod signals;
mod table;

pub use error::{CliError, Exit};

use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// Parses the arguments, runs the command, reports its error.
pub fn main() -> ExitCode {
    let arguments = without_cargo(std::env::args_os().collect());
    let json = arguments.iter().any(|argument| argument == "--json");
    let exit = match app::Cli::try_parse_from(&arguments) {
        Ok(cli) => commands::run(cli).unwrap_or_else(|error| error.report(json)),
        Err(error) => refuse(&error, json),
    };
    ExitCode::from(exit.code())
}

/// `cargo p2pjob build` runs `cargo-p2pjob p2pjob build`: drops the second word.
fn without_cargo(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_some_and(|word| word == "p2pjob") {
        arguments.remove(1);
    }
    arguments
}

/// Help and version go to stdout and are no errors; everything else is wrong usage.
fn refuse(error: &clap::Error, json: bool) -> Exit {
    if !error.use_stderr() {
        // Nobody is left to tell when stdout is closed.
        let _ = error.print();
        return Exit::Ok;
    }
    if json {
        return CliError::new(Exit::Usage, error.to_string().trim().to_owned(), "run it with --help").report(true);
    }
    let _ = error.print();
    Exit::Usage
}
