//! A node process of the release build, with its own data folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::hospital;
use super::usage::{self, Usage};

/// A folder on the disk of the build, which is gone when it is dropped.
#[derive(Debug)]
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    /// A new folder beside the build, because the system's folder for temporary files may be in
    /// memory, where a sync costs nothing.
    pub(super) fn new() -> Result<Folder, String> {
        let build = build_folder()?.join("bench");
        fs::create_dir_all(&build).map_err(told)?;
        tempfile::tempdir_in(build).map(Folder).map_err(told)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The folder in which this program and the node's are.
fn build_folder() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(told)?;
    program.parent().map(Path::to_owned).ok_or_else(|| "this program has no folder".to_owned())
}

/// An error in words.
pub(super) fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Builds the node's program as this one was built, so that both lie in one folder.
pub(super) fn build() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "interlock"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if command.status().map_err(told)?.success() {
        return Ok(());
    }
    Err("the node could not be built".to_owned())
}

/// A process of ours that is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// The lines that it printed up to `ready: …`.
    pub(super) said: Vec<String>,
    /// How long it took from its start to that line.
    pub(super) ready_after: Duration,
}

impl Process {
    /// Starts it and waits until it is ready.
    pub(super) fn start(command: &mut Command) -> Result<Process, String> {
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(told)?;
        let output = child.stdout.take().ok_or("the process has no output")?;
        let mut said = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line.map_err(told)?;
            let ready = line.starts_with("ready: ");
            said.push(line);
            if ready {
                return Ok(Process { child, said, ready_after: began.elapsed() });
            }
        }
        // It has ended by itself, or will not say anything any more.
        let _ = child.kill();
        let _ = child.wait();
        Err("the process ended before it was ready".to_owned())
    }

    pub(super) fn usage(&self) -> Result<Usage, String> {
        Usage::of(self.child.id())
    }

    /// Kills it, as a crash would, and waits until it is gone.
    pub(super) fn kill(mut self) -> Result<(), String> {
        self.child.kill().map_err(told)?;
        self.child.wait().map_err(told)?;
        Ok(())
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub(super) fn end(mut self) -> Result<Duration, String> {
        let began = Instant::now();
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().map_err(told)?;
        self.child.wait().map_err(told)?;
        Ok(began.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) process: Process,
    /// Where each inbound channel listens.
    channels: BTreeMap<String, SocketAddr>,
    /// Where the API is.
    pub(super) http: SocketAddr,
}

impl Node {
    /// Starts a node on a folder: a new one, or one on which a node has run before.
    pub(super) fn start(folder: &Path, peers: Option<[SocketAddr; 2]>) -> Result<Node, String> {
        Node::start_with(folder, &hospital::configuration(peers))
    }

    /// The same with a configuration of its own.
    pub(super) fn start_with(folder: &Path, text: &str) -> Result<Node, String> {
        let configuration = folder.join("interlock.toml");
        fs::write(&configuration, text).map_err(told)?;
        fs::write(folder.join("token"), hospital::TOKEN).map_err(told)?;
        let mut command = Command::new(build_folder()?.join("interlock"));
        // The peers of a second run have other addresses, which are to be in force.
        command.arg("serve").arg("--apply").arg("--config").arg(&configuration);
        let process = Process::start(&mut command)?;
        let (mut channels, mut http) = (BTreeMap::new(), None);
        for line in &process.said {
            if let Some(address) = line.strip_prefix("ready: http://") {
                http = address.trim_end_matches('/').parse().ok();
            } else if let Some(rest) = line.strip_prefix("channel ")
                && let Some((name, address)) = rest.split_once(": ")
            {
                channels.insert(name.to_owned(), address.parse().map_err(told)?);
            }
        }
        let http = http.ok_or("the node does not say where its API is")?;
        Ok(Node { process, channels, http })
    }

    /// Where an inbound channel listens.
    pub(super) fn channel(&self, name: &str) -> Result<SocketAddr, String> {
        let address = self.channels.get(name).copied();
        address.ok_or_else(|| format!("the node has no channel `{name}`"))
    }
}

/// The bytes of the journal and of the record in a node's folder.
pub(super) fn sizes(folder: &Path) -> (u64, u64) {
    (usage::bytes(folder, "journal.sqlite3"), usage::bytes(folder, "record.sqlite3"))
}
