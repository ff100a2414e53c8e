//! The demo's network: `p2pjob up` as a child process, and commands to its nodes.

use crate::folders::Folders;
use crate::json::Json;
use crate::process::Failure;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running network. Stopped when dropped.
pub struct Network {
    up: Option<Child>,
    program: PathBuf,
    guest_target: PathBuf,
    /// The data directories of its nodes.
    nodes: Vec<String>,
    /// Where the nodes serve HTTP; empty for one that does not.
    consoles: Vec<String>,
    /// The keys of the nodes that lie.
    pub liars: Vec<String>,
}

impl Network {
    /// Starts it and waits until it is ready.
    pub fn start(folders: &Folders, nodes: usize, liars: usize) -> Result<Self, Failure> {
        let program = folders.program();
        let mut command = Command::new(&program);
        let (nodes, liars) = (nodes.to_string(), liars.to_string());
        command
            .args(["up", "--nodes", &nodes, "--liars", &liars, "--json"])
            .stdout(Stdio::piped());
        println!("\n$ p2pjob up --nodes {nodes} --liars {liars}");
        let unusable = |error: std::io::Error| Failure::new(format!("cannot run {}: {error}", program.display()));
        let mut up = command.spawn().map_err(unusable)?;
        let mut line = String::new();
        if let Some(stdout) = up.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(unusable)?;
        }
        let guest_target = folders.guest_target.clone();
        let mut network = Self {
            up: Some(up),
            program,
            guest_target,
            nodes: Vec::new(),
            consoles: Vec::new(),
            liars: Vec::new(),
        };
        let ready = Json::read(&line)?;
        if ready.get("nodes").items().is_empty() {
            return Err(Failure::new(format!("the network did not start: {}", line.trim())));
        }
        for node in ready.get("nodes").items() {
            let (id, role, dir) = (
                node.get("node_id").text(),
                node.get("role").text(),
                node.get("data_dir").text(),
            );
            let pid = node.get("pid").text();
            println!(
                "node {} {} pid {pid} {role}",
                node.get("number").text(),
                id.get(..10).unwrap_or(id)
            );
            network.nodes.push(dir.to_owned());
            network.consoles.push(node.get("http").text().to_owned());
            if role == "liar" {
                network.liars.push(id.to_owned());
            }
        }
        println!("ready in {} ms", ready.get("ready_ms").text());
        Ok(network)
    }

    /// The address of a node's console.
    pub fn console(&self, node: usize) -> Result<&str, Failure> {
        let url = self.consoles.get(node).map(String::as_str).unwrap_or_default();
        if url.is_empty() {
            return Err(Failure::new(format!("node {node} does not serve HTTP")));
        }
        Ok(url)
    }

    /// Runs a command at one of the nodes and reads its answer. An error of the command is an error here.
    pub fn ask(&self, node: usize, arguments: &[&str]) -> Result<Json, Failure> {
        println!(
            "\n$ p2pjob {}{}",
            if node == 0 {
                String::new()
            } else {
                format!("--node {node} ")
            },
            arguments.join(" ")
        );
        let data_dir = self
            .nodes
            .get(node)
            .ok_or_else(|| Failure::new(format!("there is no node {node}")))?;
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--json", "--data-dir", data_dir]);
        let output = command
            .env("P2PJOB_GUEST_TARGET_DIR", &self.guest_target)
            .stderr(Stdio::inherit())
            .output();
        let output = output.map_err(|error| Failure::new(format!("cannot run {}: {error}", self.program.display())))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let answer = Json::read(text.trim())?;
        if output.status.success() {
            return Ok(answer);
        }
        let error = answer.get("error");
        let (message, remedy) = (error.get("message").text(), error.get("remedy").text());
        let what = if message.is_empty() { text.trim() } else { message };
        Err(Failure::new(format!(
            "p2pjob {} ended with {}: {what}; {remedy}",
            arguments.join(" "),
            output.status
        )))
    }

    /// Stops it; an error unless it ends by itself and well.
    pub fn stop(mut self) -> Result<(), Failure> {
        let Some(mut up) = self.up.take() else { return Ok(()) };
        terminate(&up);
        let status = up
            .wait()
            .map_err(|error| Failure::new(format!("cannot wait for the network: {error}")))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("the network ended with {status}")))
        }
    }

    /// Waits until somebody else stops it.
    pub fn wait(mut self) -> Result<(), Failure> {
        let Some(mut up) = self.up.take() else { return Ok(()) };
        up.wait()
            .map(|_| ())
            .map_err(|error| Failure::new(format!("cannot wait for the network: {error}")))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(up) = &mut self.up {
            terminate(up);
            let _ = up.wait();
        }
    }
}

/// SIGTERM, by way of the shell's own `kill`: the standard library can only send SIGKILL.
fn terminate(child: &Child) {
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", child.id())])
        .status();
}
