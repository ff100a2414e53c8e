//! `completions SHELL`: the completion script of a shell on stdout.

use crate::app::Cli;
use crate::error::Exit;
use clap::CommandFactory;
use std::io::Write;

/// Arguments of `completions`.
#[derive(clap::Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Runs `completions`.
pub fn run(args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "p2pjob", &mut script);
    // A closed pipe is no error of ours.
    let _ = std::io::stdout().write_all(&script);
    Exit::Ok
}
