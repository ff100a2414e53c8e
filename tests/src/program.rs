//! The program under test: found once, run with an environment of its own, never left running.
//!
//! `P2PJOB_BIN` names it; else it is `debug/p2pjob` of the target folder that this test was built into. It sees only a
//! home below the test's folder, so that neither the user's configuration nor another test's network is found. Compiled
//! components are shared by all tests: the cache is keyed by content.

use crate::report::Report;
use crate::signal;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Most a command may take; one that waits for a task is bound by this too. A hang fails here, with what was said.
const COMMAND_BOUND: Duration = Duration::from_secs(240);
/// Messages of one command's readers and waiter: the ends of two streams.
const ENDS: usize = 2;

/// How to run the program.
#[derive(Clone, Debug)]
pub struct Program {
    home: PathBuf,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Run {
    /// What was run, for messages.
    pub command: String,
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output, as text.
    pub stdout: String,
    /// Standard error, as text.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

/// A command that runs. Killed when dropped.
pub struct Running {
    command: String,
    child: Child,
    started: Instant,
    ends: Receiver<(Stream, String)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stream {
    Out,
    Error,
}

/// The program's file.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let exe = std::env::current_exe().expect("the path of this test");
        let folder_of_test = exe.parent().and_then(Path::parent).map(|debug| debug.join("p2pjob"));
        let in_target = std::env::var_os("CARGO_TARGET_DIR").map(|dir| Path::new(&dir).join("debug/p2pjob"));
        let named = std::env::var_os("P2PJOB_BIN").map(PathBuf::from);
        let candidates = [named, in_target, folder_of_test];
        let tried: Vec<PathBuf> = candidates.into_iter().flatten().collect();
        let found = tried.iter().find(|path| path.is_file()).cloned();
        found.unwrap_or_else(|| {
            panic!("the program p2pjob is not built (looked for {tried:?}): run the tests with `cargo xtask test`")
        })
    })
}

impl Program {
    /// The program with a home below this folder.
    pub fn new(folder: &Path) -> Self {
        let home = folder.join("home");
        std::fs::create_dir_all(&home).expect("a home");
        Self { home }
    }

    /// A command line, not yet started: no input, no output.
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let cache = path().parent().unwrap_or(Path::new("/")).join("it-cache");
        let mut command = Command::new(path());
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("TMPDIR", &self.home)
            .env("XDG_RUNTIME_DIR", &self.home)
            .env("P2PJOB_CACHE_DIR", cache)
            .env(
                "P2PJOB_LOG",
                std::env::var_os("P2PJOB_LOG").unwrap_or_else(|| "info".into()),
            )
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Starts a command.
    pub fn start<S: AsRef<OsStr>>(&self, args: &[S]) -> Running {
        let words: Vec<String> = args
            .iter()
            .map(|arg| arg.as_ref().to_string_lossy().into_owned())
            .collect();
        let mut command = self.command(args);
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot run {}: {error}", path().display()));
        let (sender, ends) = sync_channel(ENDS);
        let streams: [(Stream, Option<Box<dyn Read + Send>>); ENDS] = [
            (Stream::Out, child.stdout.take().map(|out| Box::new(out) as _)),
            (Stream::Error, child.stderr.take().map(|error| Box::new(error) as _)),
        ];
        for (stream, source) in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = source.expect("a piped stream").read_to_end(&mut bytes);
                // The command was dropped: nobody asks.
                let _ = sender.send((stream, String::from_utf8_lossy(&bytes).into_owned()));
            });
        }
        Running {
            command: format!("p2pjob {}", words.join(" ")),
            child,
            started: Instant::now(),
            ends,
        }
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        self.start(args).finish()
    }
}

impl Running {
    /// Sends it Ctrl-C.
    pub fn interrupt(&self) {
        signal::interrupt(self.child.id());
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Run {
        let deadline = Instant::now() + COMMAND_BOUND;
        let (mut stdout, mut stderr) = (String::new(), String::new());
        for _ in 0..ENDS {
            match self
                .ends
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok((Stream::Out, text)) => stdout = text,
                Ok((Stream::Error, text)) => stderr = text,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!(
                        "{} did not end in {} s; said: {stdout}{stderr}",
                        self.command,
                        COMMAND_BOUND.as_secs()
                    )
                }
            }
        }
        let status = self.child.wait().expect("our own child");
        let command = std::mem::take(&mut self.command);
        Run {
            command,
            code: status.code().unwrap_or(-1),
            stdout,
            stderr,
            took: self.started.elapsed(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// The one JSON object on stdout, if the command ended with this code.
    #[track_caller]
    pub fn report(&self, code: i32) -> Report {
        let parsed = serde_json::from_str(&self.stdout);
        let value =
            parsed.unwrap_or_else(|error| panic!("{}: stdout is not one JSON object ({error}): {self}", self.command));
        assert_eq!(self.code, code, "exit code of {self}");
        Report(value)
    }

    /// The error of a command that must fail in this way: its `message` and `remedy` contain all of these.
    #[track_caller]
    pub fn fails(&self, code: i32, mentions: &[&str]) {
        let report = self.report(code);
        let text = format!("{} {}", report.text("error.message"), report.text("error.remedy"));
        for mention in mentions {
            assert!(
                text.contains(mention),
                "{:?} does not mention {mention:?}: {self}",
                text
            );
        }
        assert!(!report.text("error.message").is_empty(), "an empty message: {self}");
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            command,
            code,
            stdout,
            stderr,
            ..
        } = self;
        write!(f, "`{command}` ended with {code}\nstdout: {stdout}\nstderr: {stderr}")
    }
}

/// Opens a log for a child's standard error, at its end.
pub fn log_file(path: &Path) -> File {
    let opened = File::options().create(true).append(true).open(path);
    opened.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()))
}
