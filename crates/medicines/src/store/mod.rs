//! FHIR resources as clients write them: create, update, patch, delete, and all of these together.
//!
//! The loop keeps its own word. What a client writes is recorded and acts on nothing, but for what
//! is folded into the live state: who a patient is, what they are allergic to, and the orders of a
//! client that is a prescriber's system, which are decided as order messages are (`order`). What
//! else would act in the loop (an order for somebody who is in hospital, a dose, a stay on a ward)
//! is refused with the way that it has to take; see [`governed`](self).

mod create;
mod delete;
mod dose;
mod doubt;
mod governed;
mod order;
mod patch;
mod place;
mod update;
mod write;

use fhir::json::Patch;
use fhir::{Draft, Id, ResourceType};
use fhir_search::SearchRequest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use doubt::Doubt;
pub use governed::is_of_the_loop;
pub use patch::changed;
pub use write::write;

use crate::subscriptions::Wish;

/// What a client writes: all of it takes effect or none does.
#[derive(Debug, Clone)]
pub struct Write {
    /// The client, for the journal.
    pub by: String,
    /// Whether the client may tell what was given to patients.
    pub gives: bool,
    /// Whether the client is a prescriber's system: its orders for inpatients are in force.
    pub prescribes: bool,
    /// What is to be done, in the order in which it was asked.
    pub steps: Vec<Step>,
    /// What the links in the drafts lead to, by their numbers.
    pub links: Vec<Link>,
    /// What the edge found wrong with resources that are stored all the same.
    pub doubts: Vec<Doubt>,
    /// What is asked beside a resource that is a subscription; the write is of it alone.
    pub subscription: Option<Wish>,
}

/// One thing to be done.
#[derive(Debug, Clone)]
pub struct Step {
    /// The type that the address names.
    pub resource_type: ResourceType,
    /// What is to be done.
    pub act: Act,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Act {
    /// Store a new resource under an id of the server's, unless the search finds one already.
    Create {
        /// The resource.
        draft: Draft,
        /// If-None-Exist.
        unless: Option<Box<SearchRequest>>,
    },
    /// Store the next version of a resource, or the first one under the client's id.
    Update {
        /// Which one.
        target: Target,
        /// The resource.
        draft: Draft,
        /// Under which condition.
        only: Only,
    },
    /// Change a resource in part.
    Patch {
        /// Which one.
        target: Target,
        /// What changes.
        patch: Patch,
        /// Under which condition.
        only: Only,
    },
    /// Nothing: the edge found out already why it cannot be done. Where the same command came
    /// before, its own answer counts.
    Refuse {
        /// Which resource was meant.
        target: Target,
        /// Why it cannot be done.
        fault: Fault,
    },
    /// Delete a resource.
    Delete {
        /// Which one.
        target: Target,
        /// Under which condition.
        only: Only,
    },
}

/// Which resource is meant.
#[derive(Debug, Clone)]
pub enum Target {
    /// That of the id.
    Id(Id),
    /// The one that the search finds.
    Where(Box<SearchRequest>),
}

/// The condition under which something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Only {
    /// There is none.
    Always,
    /// The current version is one of these (If-Match).
    Versions(Vec<u64>),
    /// It is there (If-Match: *).
    Present,
    /// There is no such resource (If-None-Match: *).
    Missing,
}

/// What a link leads to.
#[derive(Debug, Clone)]
pub enum Link {
    /// The resource of this step.
    Step(usize),
    /// The resource that the search finds, wherever it is; it was asked in this step.
    Where(usize, Box<SearchRequest>),
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The type of the resource.
    pub resource_type: ResourceType,
    /// Its id.
    pub id: Id,
    /// Its version now; that of the deletion, where it was deleted. 0 where there never was one.
    pub version: u64,
    /// What was done.
    pub effect: Effect,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// A resource was stored that was not there before.
    Created,
    /// It has a new version.
    Updated,
    /// It was so already.
    Unchanged,
    /// It was there already, and was not created again.
    Found,
    /// It was deleted.
    Deleted,
    /// There was nothing to delete.
    Absent,
}

/// Why nothing was written. The text may quote what was sent: it is for the sender alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The step, counted from 0.
    pub step: usize,
    /// The coded reason.
    pub code: FaultCode,
    /// What is wrong and what to do.
    pub text: String,
    /// Where in the resource, as a FHIRPath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

/// The coded reasons for which nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultCode {
    /// There is no such resource.
    NotFound,
    /// It was deleted.
    Gone,
    /// Its version, or that it is there, is not what the condition asks for.
    Precondition,
    /// More than one resource meets the condition.
    MultipleMatches,
    /// Other things depend on it, or a number is another's.
    Conflict,
    /// One transaction would write the same resource twice.
    Duplicate,
    /// The resource cannot be read, or does not fit its address.
    Invalid,
    /// The patch does not fit the resource.
    PatchFailed,
    /// The loop does not allow it.
    LoopRule,
}

impl FaultCode {
    /// The code as text.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultCode::NotFound => "not-found",
            FaultCode::Gone => "gone",
            FaultCode::Precondition => "precondition-failed",
            FaultCode::MultipleMatches => "multiple-matches",
            FaultCode::Conflict => "conflict",
            FaultCode::Duplicate => "written-twice",
            FaultCode::Invalid => "invalid-resource",
            FaultCode::PatchFailed => "patch-failed",
            FaultCode::LoopRule => "loop-rule",
        }
    }
}

impl Fault {
    /// A reason for which nothing is written, of the first step.
    pub fn new(code: FaultCode, text: impl Into<String>) -> Self {
        Fault { step: 0, code, text: text.into(), expression: None }
    }

    /// The same at a place in the resource.
    #[must_use]
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        self.expression = Some(expression.into());
        self
    }

    fn of_step(mut self, step: usize) -> Self {
        self.step = step;
        self
    }
}

/// That a resource was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The type of the resource.
    pub resource_type: ResourceType,
    /// Its id.
    pub id: Id,
    /// The version of the deletion: one more than the last one.
    pub version: u64,
    /// When it was deleted (recording time).
    pub at: Timestamp,
    /// The patient whom it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Id>,
}

impl Write {
    /// Whether deciding it asks the record for more than resources by their ids.
    pub(crate) fn reads_history(&self) -> bool {
        let searches = |step: &Step| match &step.act {
            Act::Create { unless, .. } => unless.is_some(),
            Act::Delete { target: Target::Id(_), .. } => {
                step.resource_type == ResourceType::Patient
            }
            Act::Refuse { .. } => false,
            Act::Update { target, .. } | Act::Patch { target, .. } | Act::Delete { target, .. } => {
                matches!(target, Target::Where(_))
            }
        };
        let linked = self.links.iter().any(|link| matches!(link, Link::Where(..)));
        linked || self.steps.iter().any(searches)
    }
}
