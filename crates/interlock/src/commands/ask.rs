//! Asking the running node, over its HTTP interface.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use api::{Files, InForce, PackageTaken, PackageWish, Plan, Release, ReleaseWish, Wish};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::config;

/// How long the node may take to take a connection.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// How long it may take to answer: channels that are stopped finish the message in work.
const ANSWER_TIME: Duration = Duration::from_mins(1);
/// The most bytes of an answer.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Which node is asked, and as whom.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// The configuration file.
    #[arg(long, default_value = "interlock.toml")]
    pub(super) config: PathBuf,
    /// The node's address, as 127.0.0.1:8080; the configuration's without it.
    #[arg(long)]
    node: Option<SocketAddr>,
    /// The file of a token with the role `admin`; without it that of the configuration's first
    /// such client.
    #[arg(long)]
    token_file: Option<PathBuf>,
}

/// A node that may be asked.
pub(super) struct Node {
    address: SocketAddr,
    token: String,
}

#[derive(Serialize)]
struct FilesAlone<'a> {
    files: &'a Files,
}

#[derive(Deserialize)]
struct Text {
    files: Files,
}

#[derive(Deserialize)]
struct List {
    configurations: Vec<InForce>,
}

/// What a refusal says.
#[derive(Deserialize)]
struct Refusal {
    detail: String,
}

impl Where {
    /// The node that runs, or none where nobody listens at its address.
    pub(super) fn node(&self) -> Result<Option<Node>, Failure> {
        let address = match self.node {
            Some(address) => address,
            None => config::node_of(&self.config).map_err(|mistake| mistake.to_string())?.0.http,
        };
        match TcpStream::connect_timeout(&address, CONNECT_TIME) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
            // Port 0 is no port: the node that runs has another one.
            Err(_) if address.port() == 0 => return Ok(None),
            Err(error) => return Err(format!("{address}: {error}").into()),
        }
        Ok(Some(Node { address, token: self.token()? }))
    }

    fn token(&self) -> Result<String, Failure> {
        let found = match &self.token_file {
            Some(file) => {
                let read = std::fs::read_to_string(file);
                Some(read.map_err(|error| format!("{}: {error}", file.display()))?)
            }
            None => config::admin_token(&self.config),
        };
        let token = found.map(|token| token.trim().to_owned()).ok_or(
            "a node runs and nobody may administer it: give a [[client]] the role \"admin\", or \
             name the file of its token with --token-file",
        )?;
        if token.chars().any(char::is_control) {
            return Err("the token is more than one line".into());
        }
        Ok(token)
    }
}

impl Node {
    pub(super) fn plan(&self, files: &Files) -> Result<Plan, Failure> {
        self.post("/admin/plan", &FilesAlone { files })
    }

    pub(super) fn apply(&self, wish: &Wish) -> Result<InForce, Failure> {
        self.post("/admin/apply", wish)
    }

    pub(super) fn take_over(&self, wish: &ReleaseWish) -> Result<Release, Failure> {
        self.post("/admin/dictionary", wish)
    }

    pub(super) fn take_package(&self, wish: &PackageWish) -> Result<PackageTaken, Failure> {
        self.post("/admin/package", wish)
    }

    /// The configurations that were in force, the newest first.
    pub(super) fn configurations(&self) -> Result<Vec<InForce>, Failure> {
        let list: List = self.send("GET", "/admin/configurations", "")?;
        Ok(list.configurations)
    }

    pub(super) fn files(&self, entry: u64) -> Result<Files, Failure> {
        let text: Text = self.send("GET", &format!("/admin/configurations/{entry}"), "")?;
        Ok(text.files)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.send("POST", path, &serde_json::to_string(body)?)
    }

    fn send<T: DeserializeOwned>(&self, verb: &str, path: &str, body: &str) -> Result<T, Failure> {
        let (status, answer) = self.exchange(verb, path, body)?;
        if status == 200 {
            return Ok(serde_json::from_str(&answer)?);
        }
        match serde_json::from_str::<Refusal>(&answer) {
            Ok(refusal) => Err(refusal.detail.into()),
            Err(_) => Err(format!("the node at {} answers {status}", self.address).into()),
        }
    }

    /// One request on a connection of its own; the status and the body of the answer.
    fn exchange(&self, verb: &str, path: &str, body: &str) -> Result<(u16, String), Failure> {
        let mut stream = TcpStream::connect_timeout(&self.address, CONNECT_TIME)?;
        stream.set_read_timeout(Some(ANSWER_TIME))?;
        stream.set_write_timeout(Some(ANSWER_TIME))?;
        let head = format!(
            "{verb} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            self.token,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = String::new();
        stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
        let unreadable = || format!("what answers at {} is no node", self.address);
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(unreadable)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.ok_or_else(unreadable)?, body.to_owned()))
    }
}
