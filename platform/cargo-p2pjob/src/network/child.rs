//! One child process of `up`.

use super::NetworkEvent;
use super::order::{Order, Ready};
use crate::error::{CliError, Exit};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::SyncSender;

/// Lines of a log that are shown when its node did not start.
const LAST_LINES: usize = 6;

/// One child process. Killed when dropped by its network.
pub struct Child {
    /// Its number in the network.
    pub number: usize,
    /// `honest`, `liar` or `stalled`.
    pub role: &'static str,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Where its stderr goes.
    pub log: PathBuf,
    /// What it said when it was ready.
    pub ready: Option<Ready>,
    /// Whether its process has ended and was waited for.
    pub ended: bool,
    process: std::process::Child,
    /// Its end is the child's order to stop.
    stdin: Option<ChildStdin>,
}

impl Child {
    /// Starts a child and gives it its order.
    pub fn spawn(number: usize, order: &Order, log: &str, events: SyncSender<NetworkEvent>) -> Result<Self, CliError> {
        let data_dir = order.config.data_dir.clone();
        super::private_folder(&data_dir)?;
        let log_path = data_dir.join("node.log");
        let log_file = File::create(&log_path).map_err(|error| CliError::file("write", &log_path, &error))?;
        let failed = |error: std::io::Error| {
            CliError::new(Exit::Environment, format!("cannot start node {number}: {error}"), "")
        };
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command
            .args(["__node", "--log", log])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file);
        // A group of its own: Ctrl-C in the terminal reaches `up` only, which then stops its children in order.
        let mut process = command.process_group(0).spawn().map_err(failed)?;
        let mut stdin = process.stdin.take();
        let line = serde_json::to_string(order).map_err(|error| failed(error.into()))?;
        if let Some(stdin) = &mut stdin {
            // A child that is dead already is told by the end of its stdout.
            let _ = writeln!(stdin, "{line}");
        }
        if let Some(stdout) = process.stdout.take() {
            let listen = move || listen(number, stdout, &events);
            std::thread::Builder::new()
                .name(format!("child {number}"))
                .spawn(listen)
                .map_err(failed)?;
        }
        let role = order.faults.role();
        Ok(Self {
            number,
            role,
            data_dir,
            log: log_path,
            ready: None,
            ended: false,
            process,
            stdin,
        })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends its stdin.
    pub fn ask_to_stop(&mut self) {
        self.stdin = None;
    }

    /// Waits for a process whose stdout has ended, and says how it ended.
    pub fn reap(&mut self) -> String {
        self.stdin = None;
        let end = self.process.wait();
        self.ended = true;
        match end {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => status.to_string(),
            },
            Err(error) => error.to_string(),
        }
    }

    /// Ends it by force, if it has not ended.
    pub fn kill(&mut self) {
        if !self.ended {
            // Killing fails only when it has just ended by itself.
            let _ = self.process.kill();
            self.reap();
        }
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        last_lines(&self.log)
    }
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

/// Passes the child's line on, and then its end. The loop that is told may have ended: then nobody needs to know.
fn listen(number: usize, stdout: ChildStdout, events: &SyncSender<NetworkEvent>) {
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { break };
        if let Ok(ready) = serde_json::from_str(&line) {
            let _ = events.send(NetworkEvent::Ready(number, ready));
        }
    }
    let _ = events.send(NetworkEvent::Ended(number));
}
