//! Facts: what is now true. The journal keeps them; the state and the record are folds of them.

use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cabinet::{CriticalSpan, Transaction};
use crate::cases::{Case, CaseClosed};
use crate::configuration::About;
use crate::controlled::ControlledFact;
use crate::deliveries::{Delivery, DeliveryChange, Joined, Rerouted};
use crate::dictionary::Dictionary;
use crate::filing::Kept;
use crate::package::Package;
use crate::site::Site;
use crate::stock::{Recall, Transfer};
use crate::store::Deleted;
use crate::subscriptions::Change;

/// Something that is now true. Each fact is whole: a fold never needs to ask why.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The site's configuration is now this.
    Configured(Box<Site>),
    /// Somebody put a configuration in force; its text is the message of the entry.
    Applied(About),
    /// Somebody took a release of dm+d over.
    Dictionary(Box<Dictionary>),
    /// Somebody took a package of FHIR definitions over.
    Package(Box<Package>),
    /// A FHIR resource has a new version.
    Stored(StoredResource),
    /// A FHIR resource has a new version that a client wrote and that the loop does not act on.
    Recorded(StoredResource),
    /// A FHIR resource was deleted. Its versions stay where they are.
    Deleted(Deleted),
    /// Stock moved between two accounts, or a pending movement was posted or voided.
    Moved(Box<Transfer>),
    /// The critical override was switched on or off.
    CriticalOverride(CriticalSpan),
    /// A batch was recalled, or its recall was lifted.
    Recalled(Recall),
    /// Something is true of controlled drugs that no transfer tells.
    Controlled(Box<ControlledFact>),
    /// A cabinet told of an action at a pocket, whatever the action was.
    PocketActivity(Box<Transaction>),
    /// A message is to be sent.
    Queued(Delivery),
    /// What became of a message that was to be sent.
    Delivery(DeliveryChange),
    /// The open messages of one patient are another's now.
    Joined(Joined),
    /// The open messages of one channel are another's now.
    Rerouted(Rerouted),
    /// Somebody has to look at something.
    CaseOpened(Box<Case>),
    /// A case is settled.
    CaseClosed(CaseClosed),
    /// Somebody saw patient data.
    Seen(Access),
    /// Somebody was refused an act or a look.
    Refused(Access),
    /// A message was kept whole, and nothing here acts on it.
    Kept(Kept),
    /// A client subscribed, a subscription stands differently, or its subscriber was told.
    Subscription(Change),
}

impl Fact {
    /// Whether it tells of a look at data, or of one that was refused, and changes nothing.
    pub fn is_look(&self) -> bool {
        matches!(self, Fact::Seen(_) | Fact::Refused(_))
    }

    /// The patient whom the fact concerns, as far as the fact says so itself.
    pub fn patient(&self) -> Option<&Id> {
        match self {
            Fact::Stored(resource) | Fact::Recorded(resource) => {
                (resource.resource_type == ResourceType::Patient).then_some(&resource.id)
            }
            Fact::Moved(transfer) => transfer.patient.as_ref(),
            Fact::Queued(delivery) => Some(&delivery.key),
            Fact::Joined(joined) => Some(&joined.to),
            Fact::CaseOpened(case) => case.patient.as_ref(),
            Fact::Seen(access) | Fact::Refused(access) => access.patient.as_ref(),
            Fact::Kept(kept) => kept.patient.as_ref(),
            Fact::Deleted(deleted) => deleted.patient.as_ref(),
            Fact::Configured(_)
            | Fact::Applied(_)
            | Fact::Dictionary(_)
            | Fact::Package(_)
            | Fact::CriticalOverride(_)
            | Fact::Recalled(_)
            | Fact::Controlled(_)
            | Fact::PocketActivity(_)
            | Fact::Delivery(_)
            | Fact::Rerouted(_)
            | Fact::CaseClosed(_)
            | Fact::Subscription(_) => None,
        }
    }
}

/// A look at patient data, or an attempt that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The staff number or client name.
    pub who: String,
    /// What was asked: `read`, `search`, `console`, `remove`.
    pub what: String,
    /// The patient concerned, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Id>,
    /// The resource type concerned, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<ResourceType>,
    /// The resource concerned, or the search as it was asked without its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The coded reason of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was asked.
    pub at: Timestamp,
}

impl Access {
    /// The look once for each patient whose data it shows, so that a patient's own history tells
    /// who looked; once where it shows nobody's.
    pub fn at_each(self, patients: impl IntoIterator<Item = Id>) -> Vec<Access> {
        let of = |patient| Access { patient: Some(patient), ..self.clone() };
        let looks: Vec<_> = patients.into_iter().map(of).collect();
        if looks.is_empty() { vec![self] } else { looks }
    }
}
