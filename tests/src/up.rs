//! A network as `p2pjob up` starts it: the only way to have nodes that misbehave.

use crate::cluster::Permit;
use crate::folder::Folder;
use crate::node::{Node, spawn_until_ready};
use crate::program::{self, Program, log_file};
use crate::report::Report;
use crate::{PATIENCE, signal, wait_until};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};

/// The process of `up` and its nodes. Killed when dropped; its children follow it.
pub struct UpNetwork {
    nodes: Vec<Node>,
    roles: Vec<String>,
    process: Child,
    program: Program,
    folder: Folder,
    _permit: Permit,
}

impl UpNetwork {
    /// `p2pjob up` with these flags, once it says that it is ready.
    #[track_caller]
    pub fn start(flags: &[&str]) -> Self {
        let permit = Permit::take();
        let folder = Folder::new();
        let program = Program::new(folder.path());
        let dir = folder.path().join("net").display().to_string();
        let mut args = vec!["up", "--json", "--slots", "1", "--dir", &dir];
        args.extend(flags);
        let mut command = program.command(&args);
        command
            .stdout(Stdio::piped())
            .stderr(log_file(&folder.path().join("up.log")));
        let (process, ready) = spawn_until_ready(&mut command, folder.path());
        let rows = ready.list("nodes");
        Self {
            nodes: rows.iter().map(|row| Node::of_network(&program, row)).collect(),
            roles: rows.iter().map(|row| row.text("role").to_owned()).collect(),
            process,
            program,
            folder,
            _permit: permit,
        }
    }

    /// A node.
    #[track_caller]
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes that were ordered to play this role: `honest`, `liar` or `stalled`.
    pub fn of_role(&self, role: &str) -> Vec<&Node> {
        let with_roles = self.nodes.iter().zip(&self.roles);
        with_roles
            .filter(|(_, other)| *other == role)
            .map(|(node, _)| node)
            .collect()
    }

    /// The program, for commands that find the network by themselves.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The test's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the test's folder.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        self.folder.file(name, content)
    }

    /// Sends Ctrl-C to `up` and waits for its end.
    #[track_caller]
    pub fn interrupt(&mut self) -> ExitStatus {
        signal::interrupt(self.process.id());
        wait_until("`up` ends after Ctrl-C", PATIENCE, || {
            self.process.try_wait().expect("our own child").ok_or("it runs")
        })
    }

    /// Ends `up` itself at once; its children are left to themselves.
    pub fn kill(&mut self) {
        self.process.kill().expect("kill our own child");
        self.process.wait().expect("our own child");
    }

    /// Waits until no node's process is left.
    #[track_caller]
    pub fn await_no_children(&self) {
        wait_until("no process of the network is left", PATIENCE, || {
            let left: Vec<u32> = self
                .nodes
                .iter()
                .filter_map(Node::pid)
                .filter(|pid| signal::is_running(*pid))
                .collect();
            if left.is_empty() {
                Ok(())
            } else {
                Err(Report(left.into()))
            }
        });
    }
}

impl Drop for UpNetwork {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // A paused child cannot notice the end of its parent. A number that means another program by now is left alone.
        let ours = |pid: &u32| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program::path());
        self.nodes
            .iter()
            .filter_map(Node::pid)
            .filter(ours)
            .for_each(signal::kill);
    }
}
