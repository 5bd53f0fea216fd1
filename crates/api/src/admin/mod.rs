//! Putting a configuration in force: what it would change, doing it, and what was before.
//!
//! The interface knows nothing of what a configuration means: the node brings an
//! [`Administrator`], which compares texts and changes what runs.

pub(crate) mod apply;
pub(crate) mod configuration;
pub(crate) mod configurations;
pub(crate) mod dictionary;
pub(crate) mod package;
pub(crate) mod plan;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Problem, code};
use crate::state::ApiState;

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "configuration";
/// The most bytes of a request that brings a configuration.
pub(crate) const MAX_CONFIGURATION_BYTES: usize = 16 * 1024 * 1024;

/// The files of a configuration, by their paths from its folder, `interlock.toml` among them.
pub type Files = BTreeMap<String, String>;

/// Work of an [`Administrator`] under way.
pub type Administering<'a, T> = Pin<Box<dyn Future<Output = Result<T, AdminError>> + Send + 'a>>;

/// Knows the configuration in force and changes it.
pub trait Administrator: Send + Sync {
    /// What these files would change. Changes nothing.
    fn plan(&self, files: Files) -> Administering<'_, Plan>;

    /// Puts files in force; `client` is who asked. It comes to its end also where nobody waits
    /// for it any more.
    fn apply(&self, wish: Wish, client: &str) -> Administering<'_, InForce>;

    /// The configurations that were in force, the newest first.
    fn configurations(&self) -> Administering<'_, Vec<InForce>>;

    /// Takes over the release of dm+d of this digest; `client` is who asked.
    fn take_over(&self, wish: ReleaseWish, client: &str) -> Administering<'_, Release>;

    /// Takes over the package of FHIR definitions of this digest; `client` is who asked.
    fn take_package(&self, wish: PackageWish, client: &str) -> Administering<'_, PackageTaken>;

    /// The files of the configuration that an entry put in force.
    fn files(&self, entry: u64) -> Administering<'_, Files>;
}

/// A configuration that somebody wants to be in force.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Wish {
    /// Its files, by their paths from its folder.
    pub files: Files,
    /// The plan that was looked at: where it is not the same any more, nothing is done.
    pub plan: String,
    /// The person who wants it; the client where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Removed channels on which messages wait that shall never be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discard: Vec<String>,
    /// Removed channels whose messages are kept until a channel of that name sends again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<String>,
    /// Removed channels whose messages go out on another one, with that other one.
    #[serde(default, rename = "move", skip_serializing_if = "BTreeMap::is_empty")]
    pub reroute: BTreeMap<String, String>,
    /// The entry whose configuration this is again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
}

/// A release of dm+d that somebody wants to be in use.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReleaseWish {
    /// The SHA-256 of its index, which lies in the node's data folder.
    pub digest: String,
    /// The person who wants it; the client where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A release of dm+d that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// The journal entry that took it over.
    pub entry: u64,
    /// When, as RFC 3339.
    pub at: String,
    /// Who wanted it.
    pub by: String,
    /// The SHA-256 of its index.
    pub digest: String,
    /// What it has and what it changed, a line each.
    pub changes: Vec<String>,
}

/// A package of FHIR definitions that somebody wants to be in use.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PackageWish {
    /// Its name; it takes the place of an earlier one of this name.
    pub name: String,
    /// Its version, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The SHA-256 of its file, which lies in the node's data folder.
    pub digest: String,
    /// What it holds, a line each.
    #[serde(default)]
    pub holds: Vec<String>,
    /// The person who wants it; the client where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A package that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageTaken {
    /// The journal entry that took it over.
    pub entry: u64,
    /// When, as RFC 3339.
    pub at: String,
    /// Who wanted it.
    pub by: String,
    /// Its name.
    pub name: String,
    /// The SHA-256 of its file.
    pub digest: String,
}

/// What a configuration would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// The plan's name: it is another one when the configuration in force or the files change.
    pub plan: String,
    /// The entry of the configuration in force with which the files were compared; 0 before the
    /// first one.
    pub base: u64,
    /// What would change, the parts in the order of their names.
    pub changes: Vec<Change>,
    /// What keeps it from being applied as it is, and what to do.
    pub obstacles: Vec<String>,
    /// What is worth knowing besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One part that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The part: `channel to-warda1`, `site`, `client ward-cabinets`.
    pub part: String,
    /// What happens to it.
    pub kind: ChangeKind,
    /// What this does to messages, connections or the node, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// The fields that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// What happens to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It differs.
    Changed,
    /// It goes.
    Removed,
}

/// A field that differs, with its values as TOML writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// Its name, from the part on: `dialect.version`.
    pub field: String,
    /// The value in force; absent where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value wanted; absent where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// A configuration that was put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InForce {
    /// The journal entry that holds its text.
    pub entry: u64,
    /// When, as RFC 3339.
    pub at: String,
    /// Who wanted it.
    pub by: String,
    /// The SHA-256 of its text.
    pub digest: String,
    /// What it changed, one line for each part.
    pub changes: Vec<String>,
    /// The entry whose configuration it was again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
}

/// Why a configuration was not put in force, or not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The files cannot be used; one line for each mistake.
    #[error("the configuration cannot be used:\n{}", .0.join("\n"))]
    Mistakes(Vec<String>),
    /// The plan is not that of these files and the configuration in force.
    #[error(
        "the plan is out of date: somebody applied another configuration, or the files \
             changed; look at a new plan, then apply that one"
    )]
    Outdated,
    /// Something keeps it from being applied; one line for each obstacle.
    #[error("it is not applied:\n{}", .0.join("\n"))]
    Obstacles(Vec<String>),
    /// A channel could not be started; all runs as before.
    #[error("it is not applied, and all runs as before: {0}")]
    NotStarted(String),
    /// No such configuration is known.
    #[error("no configuration was put in force by this entry")]
    Unknown,
    /// The release cannot be taken over.
    #[error("the release is not taken over: {0}")]
    Release(String),
    /// The package cannot be taken over.
    #[error("the package is not taken over: {0}")]
    Package(String),
    /// The node cannot write.
    #[error("the node has stopped writing")]
    Stopped,
    /// The record or the journal cannot be read. The text goes to the log alone.
    #[error("the configurations could not be read: {0}")]
    Unreadable(String),
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        let (status, code) = match &error {
            AdminError::Mistakes(_) => (unprocessable, code::MISTAKES),
            AdminError::Outdated => (StatusCode::CONFLICT, code::PLAN_OUTDATED),
            AdminError::Obstacles(_) => (StatusCode::CONFLICT, code::OBSTACLES),
            AdminError::Release(_) | AdminError::Package(_) | AdminError::NotStarted(_) => {
                (unprocessable, code::NOT_STARTED)
            }
            AdminError::Unknown => (StatusCode::NOT_FOUND, code::NOT_FOUND),
            AdminError::Stopped => return Problem::stopped(),
            AdminError::Unreadable(why) => {
                tracing::error!(why, "the configurations could not be read");
                return Problem::internal();
            }
        };
        Problem::new(status, code, error.to_string())
    }
}

/// The node's administrator, or 422 where it has none.
fn administrator(api: &ApiState) -> Result<&Arc<dyn Administrator>, Problem> {
    api.administrator.as_ref().ok_or_else(|| {
        let detail = "The configuration of this node cannot be changed this way.";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::NOT_STARTED, detail)
    })
}
