//! The command line's grammar that all commands share, and what every command gets to work with.

use crate::commands::Command;
use crate::console::Console;
use crate::environment::Environment;
use crate::error::{CliError, EXIT_CODES};
use crate::registry::Registry;
use crate::session::Session;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Run WebAssembly jobs on a network of equal nodes, verify by redundancy, fetch results by hash.
#[derive(Parser, Debug)]
#[command(name = "p2pjob", bin_name = "p2pjob", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub shared: SharedArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct SharedArgs {
    /// Print exactly one JSON object on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Data directory of the node to use (else: P2PJOB_DATA_DIR, the newest `up` network, the newest node)
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Node of the newest `up` network to use, by number
    #[arg(long, global = true, value_name = "N", conflicts_with = "data_dir")]
    pub node: Option<usize>,
    /// Configuration file (else: P2PJOB_CONFIG, ~/.config/p2pjob/config.toml)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to log on stderr: a level, or directives such as `info,node=debug` (else: P2PJOB_LOG)
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log: Option<String>,
    /// Form of the log lines
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Compact)]
    pub log_format: LogFormat,
}

/// Form of the log lines.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Compact,
    /// One JSON object a line.
    Json,
}

/// What every command gets to work with.
pub struct App {
    pub console: Console,
    pub environment: Environment,
    pub shared: SharedArgs,
}

impl App {
    /// From the parsed flags and the process's environment.
    pub fn new(shared: SharedArgs) -> Self {
        let environment = Environment::of_process();
        Self {
            console: Console::new(shared.json, &environment),
            environment,
            shared,
        }
    }

    /// The list of running daemons of this user.
    pub fn registry(&self) -> Registry {
        Registry::of_user(&self.environment)
    }

    /// A connection to the daemon that the flags, the environment or the registry name.
    pub fn connect(&self) -> Result<Session, CliError> {
        let data_dir = crate::session::choose(&self.shared, &self.environment, &self.registry())?;
        Session::open(data_dir)
    }
}
