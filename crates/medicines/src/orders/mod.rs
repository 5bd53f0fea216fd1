//! Medication orders, as the prescriber's system tells them.
//!
//! Only that system changes an order's status. What happens to an order is told in dispenses and
//! administrations.

mod change;
mod compare;
mod cover;
mod dose;
mod exact;
mod hold;
mod length;
mod live;
mod place;
mod receive;
mod resume;
mod rhythm;
mod risk;
mod said;
mod status;
mod stop;
mod verify;
mod written;

use fhir::resources::MedicationRequest;
use fhir::types::{Extension, Identifier, IdentifierUse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::patients::{identifier_key, keys};

pub use compare::{COMPARED, Change, changes};
pub use cover::{NotCovered, Wanted};
pub(crate) use cover::{least_gap, part};
pub use dose::{Dose, NotTold};
pub(crate) use dose::{dose_of, ids as ordered_ids, is_for, units_of};
pub(crate) use exact::exact;
pub use length::length;
pub use live::{LiveOrder, NotLive};
pub use receive::receive;
pub use rhythm::{PeriodUnit, Rhythm, local_code, names_no_times, rhythm_of};
pub use risk::{Risk, risk};
pub use said::contradicts;
pub use verify::{Verification, Word, verify};
pub(crate) use written::{Written, write_in};

/// The extension that says who verified an order: a reference to the pharmacist. An order without
/// it is not verified.
pub const VERIFIED_BY: &str = "urn:interlock:extension:verified-by";
/// The extension of an order that says which pharmacist holds this version back.
pub const HELD_BY: &str = "urn:interlock:extension:held-by";

/// The extension that says when a pharmacist verified it here; an order that was verified before it
/// was told has none.
pub const VERIFIED_AT: &str = "urn:interlock:extension:verified-at";

/// The extension of an order that a client wrote as a resource: the client, by its name. It alone
/// changes the order.
pub const TOLD_BY: &str = "urn:interlock:extension:told-by";

/// The client that wrote an order as a resource.
pub fn told_by(extensions: &[Extension]) -> Option<&str> {
    extensions.iter().find(|extension| extension.url == TOLD_BY)?.value_string.as_deref()
}

/// Whether an identifier is a placer's number: its system is `https://OWNER.nhs.uk/Id/order/NAME`.
pub(crate) fn is_placers(identifier: &Identifier) -> bool {
    let path = identifier.system.as_deref().and_then(|system| {
        let (_, path) = system.strip_prefix("https://")?.split_once(".nhs.uk/Id/")?;
        path.strip_prefix("order/")
    });
    path.is_some_and(|name| !name.is_empty())
}

/// The start of the systems of a site's order numbers, each of which a name ends.
pub(crate) fn order_systems(site: &str) -> String {
    format!("https://{}.nhs.uk/Id/order/", site.to_lowercase())
}

/// The numbers by which the prescriber's systems of a site know an order that is written as a
/// resource: current ones in the systems by which its HL7 numbers are known.
pub(crate) fn placers_of<'a>(
    site: &str,
    all: &'a [Identifier],
) -> impl Iterator<Item = &'a Identifier> + use<'a> {
    let start = order_systems(site);
    let is_name = |name: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        !name.is_empty() && name.chars().all(plain)
    };
    all.iter().filter(move |number| {
        let system = number.system.as_deref().and_then(|system| system.strip_prefix(&start));
        system.is_some_and(is_name)
            && number.purpose != Some(IdentifierUse::Old)
            && identifier_key(number).is_some()
    })
}

/// The placer's number of an order at a site: the first in a placer's system. An order that a
/// client wrote may hold numbers of other owners and in other spellings as well: its number is the
/// one under which it was checked.
pub fn placer_of<'a>(site: &str, order: &'a MedicationRequest) -> Option<&'a Identifier> {
    let all = &order.identifier;
    let is_written = told_by(&order.extension).is_some();
    let of_site = is_written.then(|| placers_of(site, all).next()).flatten();
    of_site.or_else(|| all.iter().find(|it| is_placers(it)))
}

/// The number by which an order is known, as `system|value`: the placer's, else the first.
pub(crate) fn number_of(site: &str, order: &MedicationRequest) -> Option<String> {
    let placers = placer_of(site, order).map(std::slice::from_ref);
    let placers = placers.and_then(|one| keys(one).into_iter().next());
    placers.or_else(|| keys(&order.identifier).into_iter().next())
}

/// What an order message asks, whatever code of HL7 table 0119 its sender writes for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// A new order (NW, SN, RO).
    New,
    /// A new version of an order (XO, XX, RP without a new number).
    Change,
    /// Put on hold (HD, OH).
    Hold,
    /// Resumed (RL, OE).
    Resume,
    /// Stopped after it began (DC, OD).
    Stop,
    /// Cancelled; stopped where something was already given (CA, OC).
    Cancel,
}

/// One order of an order message, mapped to FHIR.
#[derive(Debug, Clone)]
pub struct OrderMessage {
    /// What is asked.
    pub control: Control,
    /// The placer's number (ORC-2), by which the order is known.
    pub placer: Identifier,
    /// The number of the order that this one replaces (ORC-8 with RP and RO).
    pub replaces: Option<Identifier>,
    /// All identifiers that the message gives for the patient (PID-3).
    pub patient: Vec<Identifier>,
    /// The order as told; empty elements are unchanged for everything but a new order.
    /// It carries no id, subject or status: the domain gives them.
    pub order: MedicationRequest,
    /// Who verified it (ORC-11 or RXE-14), where somebody did.
    pub verified_by: Option<String>,
    /// When it was entered (ORC-9, else MSH-7).
    pub activity: Timestamp,
    /// The index of the order in its message, from 1, for error locations.
    pub index: usize,
}
