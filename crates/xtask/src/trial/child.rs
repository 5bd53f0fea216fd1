//! The node as a child process: the real binary, its real files, ended the hard way.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a node may take to catch up and to listen.
const START_LIMIT: Duration = Duration::from_mins(5);
/// How long a node may take to end in order.
const END_LIMIT: Duration = Duration::from_mins(1);

/// How to start the node.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub binary: PathBuf,
    /// Its configuration.
    pub config: PathBuf,
    /// More arguments of `serve`.
    pub arguments: Vec<String>,
    /// Where its standard error goes.
    pub log: PathBuf,
}

/// A node that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Where each inbound channel listens.
    pub channels: BTreeMap<String, SocketAddr>,
    /// Where the API is, where the node says so.
    pub http: Option<SocketAddr>,
    /// How long it took until it listened.
    pub took: Duration,
}

impl Launch {
    /// Starts the node and kills it so long after its start began, ready or not.
    pub fn start_and_kill(&self, after: Duration) -> Result<(), String> {
        let mut child = self.spawn()?;
        thread::sleep(after);
        child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn spawn(&self) -> Result<Child, String> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(|error| format!("{}: {error}", self.log.display()))?;
        Command::new(&self.binary)
            .arg("serve")
            .arg("--config")
            .arg(&self.config)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.binary.display()))
    }

    /// Starts the node and waits until it is ready.
    pub fn start(&self) -> Result<Running, String> {
        let began = Instant::now();
        let mut child = self.spawn()?;
        let lines = lines_of(&mut child)?;
        let mut channels = BTreeMap::new();
        loop {
            let left = START_LIMIT.saturating_sub(began.elapsed());
            let why = match lines.recv_timeout(left) {
                Ok(line) if line.starts_with("ready:") => {
                    let http = line.strip_prefix("ready: http://");
                    let http = http.and_then(|at| at.trim_end_matches('/').parse().ok());
                    return Ok(Running { child, channels, http, took: began.elapsed() });
                }
                Ok(line) => {
                    channels.extend(address_in(&line));
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => "did not become ready".to_owned(),
                Err(RecvTimeoutError::Disconnected) => {
                    format!("ended at once: {}", last_line(&self.log))
                }
            };
            // It may have ended by itself, which is what is told.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the node {why}"));
        }
    }
}

/// The lines of a child's standard output, as they come.
fn lines_of(child: &mut Child) -> Result<std::sync::mpsc::Receiver<String>, String> {
    let out = child.stdout.take().ok_or("the node has no output")?;
    let (send, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            // Nobody listens any more once the node is ready; the pipe is still emptied.
            let _ = send.send(line);
        }
    });
    Ok(lines)
}

/// `channel feed: 127.0.0.1:40001`.
fn address_in(line: &str) -> Option<(String, SocketAddr)> {
    let (name, address) = line.strip_prefix("channel ")?.split_once(": ")?;
    Some((name.to_owned(), address.trim().parse().ok()?))
}

/// The last line of a log, which says why a node ended.
pub fn last_line(log: &Path) -> String {
    let lines = File::open(log).map(|file| BufReader::new(file).lines());
    let last = lines.ok().and_then(|lines| lines.map_while(Result::ok).last());
    last.unwrap_or_else(|| "its log is empty".to_owned())
}

/// Whoever lets go of it without a word ends it: a trial that fails leaves no node behind.
impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is not there to be killed, and that is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Where a channel listens.
    pub fn address(&self, channel: &str) -> Result<SocketAddr, String> {
        let address = self.channels.get(channel).copied();
        address.ok_or_else(|| format!("the node has no channel `{channel}`"))
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<(), String> {
        self.child.kill().and_then(|()| self.child.wait()).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Asks it to end (SIGTERM) and waits until it has; its exit code has to be 0.
    pub fn end(mut self) -> Result<(), String> {
        let id = self.child.id().to_string();
        run("kill", &["-TERM", &id])?;
        let began = Instant::now();
        while began.elapsed() < END_LIMIT {
            match self.child.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the node ended with {status}")),
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
        self.kill()?;
        Err("the node did not end when it was asked to".to_owned())
    }
}

/// Runs a program to its end; what it wrote to standard output, or why it failed.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = if said.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { said };
    Err(format!("{program} {}: {}", arguments.join(" "), said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_the_output() {
        let (name, address) = address_in("channel feed: 127.0.0.1:40001").unwrap();
        assert_eq!((name.as_str(), address.port()), ("feed", 40_001));
        assert_eq!(address_in("ready: http://127.0.0.1:1"), None);
    }

    #[test]
    fn a_node_that_is_let_go_of_is_ended() {
        let child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
        let id = child.id().to_string();
        let took = Duration::ZERO;
        drop(Running { child, channels: BTreeMap::new(), http: None, took });
        assert!(run("kill", &["-0", &id]).is_err(), "it is still there");
    }

    #[test]
    fn a_program_that_fails_says_why() {
        assert_eq!(run("echo", &["a", "b"]).unwrap().trim(), "a b");
        assert!(run("ls", &["/no such folder"]).unwrap_err().starts_with("ls /no such folder: "));
        assert!(run("no-such-program", &[]).is_err());
    }
}
