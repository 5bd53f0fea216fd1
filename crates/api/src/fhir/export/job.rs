//! A job, and its state on the disk.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use fhir::ResourceType;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The name of the file that holds the state.
const STATE: &str = "job.json";
/// What is told of a job that a node left unfinished.
const INTERRUPTED: &str = "The node was started anew while the export ran: begin it again.";

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The address by which it was asked for.
    pub(super) request: String,
    /// Whose resources.
    pub(super) scope: Scope,
    /// The types, by their names.
    pub(super) types: Vec<String>,
    /// Changed then or later.
    pub(super) since: Option<Timestamp>,
    /// Types and searches, of which a resource of the type has to meet one.
    pub(super) filters: Vec<(String, String)>,
}

/// Whose resources are exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scope {
    System,
    Patients,
    /// Of the members of the Group with this id.
    Group(String),
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// It waits or is written.
    Running,
    /// Its files are there.
    Done,
    /// It failed; there are no files.
    Failed {
        /// Why, and what to do.
        why: String,
    },
}

/// A file of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Output {
    /// The type of its resources.
    pub(super) kind: String,
    /// Its name, without the ending of its compression.
    pub(super) name: String,
    /// Its resources.
    pub(super) count: u64,
    /// Whether it tells what was deleted.
    pub(super) deleted: bool,
}

impl Output {
    /// The type whose resources it holds, or tells the deletion of: a file of deletions holds
    /// Bundles, and is named by the type.
    pub(super) fn of_type(&self) -> Option<ResourceType> {
        let name = self.name.strip_prefix("deleted-").unwrap_or(&self.name);
        name.split('-').next()?.parse().ok()
    }
}

/// An export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) client: String,
    pub(super) asked: Asked,
    /// When it was asked for.
    pub(super) began: Timestamp,
    /// Of when the state is that it holds.
    pub(super) at: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    pub(super) state: State,
    pub(super) files: Vec<Output>,
}

impl Job {
    pub(super) fn new(id: String, client: String, asked: Asked, began: Timestamp) -> Self {
        let (at, ended, state, files) = (None, None, State::Running, Vec::new());
        Job { id, client, asked, began, at, ended, state, files }
    }

    /// When it is forgotten; never while it runs.
    pub(super) fn expires(&self, kept_for: SignedDuration) -> Option<Timestamp> {
        self.ended?.checked_add(kept_for).ok()
    }

    /// Writes the state, whole or not at all.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        let (path, new) = (folder.join(STATE), folder.join("job.new"));
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(new, path)
    }

    /// Reads what a folder holds. A job that had not ended has failed, and its files go.
    pub(super) fn load(folder: &Path) -> Option<Job> {
        let mut job: Job = serde_json::from_slice(&fs::read(folder.join(STATE)).ok()?).ok()?;
        if folder.file_name()?.to_str()? != job.id {
            return None;
        }
        if job.state == State::Running {
            let why = INTERRUPTED.to_owned();
            job = Job { state: State::Failed { why }, ended: Some(job.began), ..job };
            job.files.clear();
            clear(folder).ok()?;
            job.save(folder).ok()?;
        }
        Some(job)
    }
}

/// Removes what was written of a job that failed, but not its state.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        if file.file_name() != STATE {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}
