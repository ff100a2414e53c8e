//! One node of a test: a process of its own with a data directory that outlives it.

use crate::http::HttpClient;
use crate::program::{Program, Run, Running, log_file};
use crate::report::Report;
use crate::{READY_BOUND, signal, wait_until};
use job_model::NodeId;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;

/// A node. Its process is killed when it is dropped, unless another process owns it.
pub struct Node {
    program: Program,
    data_dir: PathBuf,
    id: NodeId,
    address: String,
    /// Where it serves HTTP, if it does.
    http: Option<String>,
    /// Flags of every start, besides the addresses.
    flags: Vec<String>,
    process: Process,
}

/// Whose child the node's process is.
enum Process {
    /// Ours.
    Own(Child),
    /// It was ours, and has ended.
    Ended,
    /// Of `p2pjob up`.
    Other(u32),
}

impl Node {
    /// Starts a node with a data directory of this name and waits until it is ready.
    pub fn start(program: &Program, data_dir: &Path, flags: &[String]) -> Self {
        let mut node = Self {
            program: program.clone(),
            data_dir: data_dir.to_owned(),
            id: NodeId([0; 32]),
            address: "127.0.0.1:0".to_owned(),
            http: None,
            flags: flags.to_vec(),
            process: Process::Ended,
        };
        node.restart(&[]);
        node
    }

    /// A node that `up` has started.
    pub fn of_network(program: &Program, row: &Report) -> Self {
        Self {
            program: program.clone(),
            data_dir: row.text("data_dir").into(),
            id: row.text("node_id").parse().expect("a node id"),
            address: row.text("addresses.0").to_owned(),
            http: http_of(row),
            flags: Vec::new(),
            process: Process::Other(u32::try_from(row.number("pid")).expect("a process id")),
        }
    }

    /// Its key.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Its key as the command line prints it.
    pub fn name(&self) -> String {
        self.id.to_string()
    }

    /// Its UDP address on loopback.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it serves HTTP, such as `http://127.0.0.1:4780`; another port after a restart.
    #[track_caller]
    pub fn http_url(&self) -> &str {
        let url = self.http.as_deref();
        url.unwrap_or_else(|| panic!("node {} serves no HTTP", self.id.short()))
    }

    /// A client of its HTTP API, without a token.
    #[track_caller]
    pub fn http(&self) -> HttpClient {
        HttpClient::new(self.http_url())
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// `NODE@IP:PORT`, for `--bootstrap`.
    pub fn bootstrap(&self) -> String {
        format!("{}@{}", self.id, self.address)
    }

    /// The process, if it was not killed.
    pub fn pid(&self) -> Option<u32> {
        match &self.process {
            Process::Own(child) => Some(child.id()),
            Process::Other(pid) => Some(*pid),
            Process::Ended => None,
        }
    }

    /// Starts it again with the same directory, address and flags, and these further peers to dial.
    pub fn restart(&mut self, bootstrap: &[String]) {
        assert!(self.pid().is_none(), "the node runs already");
        let mut args = vec!["node".to_owned(), "--json".to_owned(), "--data-dir".to_owned()];
        args.extend([
            self.data_dir.display().to_string(),
            "--listen".to_owned(),
            self.address.clone(),
        ]);
        args.extend(
            bootstrap
                .iter()
                .flat_map(|peer| ["--bootstrap".to_owned(), peer.clone()]),
        );
        args.extend(self.flags.iter().cloned());
        std::fs::create_dir_all(&self.data_dir).expect("a data directory");
        let mut command = self.program.command(&args);
        command
            .stdout(Stdio::piped())
            .stderr(log_file(&self.data_dir.join("node.log")));
        let (child, ready) = spawn_until_ready(&mut command, &self.data_dir);
        self.process = Process::Own(child);
        self.id = ready.text("node_id").parse().expect("a node id");
        self.address = ready.text("addresses.0").to_owned();
        self.http = http_of(&ready);
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        match std::mem::replace(&mut self.process, Process::Ended) {
            Process::Own(mut child) => {
                child.kill().expect("kill our own child");
                child.wait().expect("our own child");
            }
            Process::Other(pid) => signal::kill(pid),
            Process::Ended => {}
        }
    }

    /// Stops it without its knowing: to the others it is gone without a word.
    pub fn pause(&self) {
        self.pid()
            .map_or_else(|| panic!("the node does not run"), signal::pause);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.pid()
            .map_or_else(|| panic!("the node does not run"), signal::resume);
    }

    /// Starts a command at this node, with `--json`.
    pub fn start_command(&self, args: &[&str]) -> Running {
        let data_dir = self.data_dir.display().to_string();
        let mut all = vec!["--json", "--data-dir", &data_dir];
        all.extend(args);
        self.program.start(&all)
    }

    /// Runs a command at this node, with `--json`.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Run {
        self.start_command(args).finish()
    }

    /// What a command at this node prints when it succeeds.
    #[track_caller]
    pub fn ask(&self, args: &[&str]) -> Report {
        self.run(args).report(0)
    }

    /// The node at a glance.
    #[track_caller]
    pub fn status(&self) -> Report {
        self.ask(&["status"])
    }

    /// Submits a task and does not wait; its id.
    #[track_caller]
    pub fn submit(&self, job: &str, args: &[&str]) -> String {
        let all: Vec<&str> = ["submit", job].iter().chain(args).copied().collect();
        self.ask(&all).text("task_id").to_owned()
    }

    /// Runs a task to its good end; its report.
    #[track_caller]
    pub fn complete(&self, job: &str, args: &[&str]) -> Report {
        let all: Vec<&str> = ["submit", job, "--wait"].iter().chain(args).copied().collect();
        let report = self.ask(&all);
        assert_eq!(report.text("status"), "completed", "{report}");
        report
    }

    /// Waits for the end of a task that was submitted before.
    #[track_caller]
    pub fn watch(&self, task: &str, code: i32) -> Report {
        self.run(&["watch", task]).report(code)
    }

    /// Waits until it is connected to exactly so many peers.
    #[track_caller]
    pub fn await_peers(&self, wanted: usize) {
        let what = format!("node {} has {wanted} connected peers", self.id.short());
        wait_until(&what, READY_BOUND, || {
            let peers = self.ask(&["peers"]);
            let connected = peers.list("peers").iter().filter(|peer| peer.flag("connected")).count();
            if connected == wanted { Ok(()) } else { Err(peers) }
        });
    }

    /// Waits until it knows a job by name.
    #[track_caller]
    pub fn await_job(&self, name: &str) -> Report {
        let what = format!("node {} knows job {name}", self.id.short());
        wait_until(&what, READY_BOUND, || {
            let jobs = self.ask(&["jobs"]);
            let found = jobs.list("jobs").into_iter().find(|job| job.text("name") == name);
            found.ok_or(jobs)
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A node of a network is ended by its network.
        if let Process::Own(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The URL in a node's line, if it serves HTTP.
fn http_of(row: &Report) -> Option<String> {
    Some(row.find("http")?.as_str()?.to_owned())
}

/// Starts a process that prints one JSON object when it is ready. Its folder's logs are printed when it does not.
pub fn spawn_until_ready(command: &mut Command, folder: &Path) -> (Child, Report) {
    die_with_this_thread(command);
    let mut child = command.spawn().expect("start the program");
    let stdout = child.stdout.take().expect("a piped stdout");
    let (sender, ready) = sync_channel(1);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines();
        // Nobody waits any more after the bound.
        let _ = sender.send(lines.next());
        // Read on: a closed pipe must not be what a node dies of.
        lines.for_each(drop);
    });
    let line = ready.recv_timeout(READY_BOUND);
    let parsed = match &line {
        Ok(Some(Ok(line))) => serde_json::from_str(line).ok(),
        _ => None,
    };
    let Some(value) = parsed else {
        let _ = child.kill();
        let end = child.wait();
        panic!(
            "{} did not become ready: {line:?}, {end:?}; its log is printed below",
            folder.display()
        );
    };
    (child, Report(value))
}

/// Has the kernel kill the process when the test's thread ends, however that happens.
pub fn die_with_this_thread(command: &mut Command) {
    // SAFETY: between fork and exec only one system call is made; it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}
