//! One item of the formulary.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Quantity;
use crate::controlled::Schedule;

/// One formulary item, the thing that a pocket holds.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The local formulary id, as ZPM-6.1 carries it.
    pub code: String,
    /// The name on the shelf.
    pub name: String,
    /// Codes by which an order may name it: `(system, code)`, dm+d VTM, VMP and AMP among them.
    #[serde(default)]
    pub codings: Vec<(String, String)>,
    /// The dm+d id of the product: a VMP, an AMP, or a pack of either. From it the release in use
    /// tells the substance, the strength and the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dmd: Option<String>,
    /// The unit in which it is counted: tablet, ampoule, ml.
    pub unit: String,
    /// How much drug one unit holds, for doses that are ordered by mass.
    #[serde(default)]
    pub strength: Option<Quantity>,
    /// Its schedule as a controlled drug; what dm+d says of its product unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controlled: Option<Schedule>,
    /// Whether a second person must see it leave (controlled drugs of Schedule 2, for instance).
    #[serde(default)]
    pub witness: bool,
    /// Whether it may leave without an order when somebody gives a reason.
    #[serde(default)]
    pub override_allowed: bool,
    /// The wards to which `override_allowed` is limited; all where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub override_areas: Vec<String>,
    /// How freely it may be prescribed.
    #[serde(default, skip_serializing_if = "Status::is_green")]
    pub status: Status,
    /// Why it has this status; an item that is not of the formulary needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// A critical medicine: a late dose does harm, so its windows are the narrow ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub critical: bool,
    /// A high-alert medicine: an error does harm, so the bedside needs a second checker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub high_alert: bool,
    /// The only wards for which it may leave a cabinet, with a second person and never without an
    /// order (concentrated potassium chloride: NPSA patient safety alert 2002/01).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restricted_to: Vec<String>,
    /// The training that whoever takes or gives it has to have, as `training` of a person lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<String>,
    /// The most of its substance that anybody may get in 24 hours, by whatever route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Quantity>,
    /// Whether its tablets may be halved: dm+d does not say it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub halves: bool,
    /// Trade item numbers of its packs (GTIN-8 to GTIN-14) that dm+d does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barcodes: Vec<String>,
    /// Local codes on packs that have no trade item number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// What a cabinet is to hold of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
}

/// How freely an item may be prescribed (the traffic lights of UK formularies).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// By everybody.
    #[default]
    Green,
    /// With a specialist.
    Amber,
    /// By specialists in hospital.
    Red,
    /// Not of the formulary: it leaves for a verified order alone, never without one.
    NonFormulary,
}

/// A local code on a pack, which two people have to answer for: it is never learned from a scan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// The code as a scanner reports it.
    pub code: String,
    /// How many of the item's units one scan of it stands for; one unless something else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Decimal>,
    /// The staff numbers of the two different people who signed for it.
    pub signed_by: Vec<String>,
}

/// What a cabinet is to hold of an item, in the item's unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The cabinet, `system/station`.
    pub cabinet: String,
    /// Up to what it is filled.
    pub par: Decimal,
    /// At what it is filled.
    pub reorder: Decimal,
}

impl Status {
    /// The word of the status as the configuration writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Green => "green",
            Status::Amber => "amber",
            Status::Red => "red",
            Status::NonFormulary => "non-formulary",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    fn is_green(&self) -> bool {
        *self == Status::Green
    }
}

impl Item {
    /// The dm+d id of the product as a number.
    pub fn dmd_id(&self) -> Option<u64> {
        self.dmd.as_deref()?.parse().ok()
    }

    /// Whether it leaves only where it is known to be safe.
    pub fn is_restricted(&self) -> bool {
        !self.restricted_to.is_empty()
    }

    /// Whether a second person has to stand by when it leaves a cabinet.
    pub fn needs_witness(&self) -> bool {
        self.witness || self.is_restricted()
    }

    /// Whether a reason may stand for an order in a ward.
    pub fn override_allowed_in(&self, ward: Option<&str>) -> bool {
        let here = |areas: &[String]| ward.is_some_and(|ward| areas.iter().any(|it| it == ward));
        let allowed = self.override_allowed && self.status != Status::NonFormulary;
        allowed
            && !self.is_restricted()
            && (self.override_areas.is_empty() || here(&self.override_areas))
    }

    /// What a cabinet is to hold of it.
    pub fn level(&self, cabinet: &str) -> Option<&Level> {
        self.levels.iter().find(|level| level.cabinet == cabinet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_written() {
        let item =
            Item { code: "A".into(), name: "A".into(), unit: "tablet".into(), ..Item::default() };
        let json = serde_json::to_string(&item).unwrap();
        assert_eq!(
            json,
            "{\"code\":\"A\",\"name\":\"A\",\"codings\":[],\"unit\":\"tablet\",\"strength\":null,\
             \"witness\":false,\"override_allowed\":false}"
        );
        assert_eq!(serde_json::from_str::<Item>(&json).unwrap(), item);
    }

    #[test]
    fn an_override_is_allowed_by_item_and_ward() {
        let check = |change: fn(&mut Item), ward: Option<&str>, expected: bool| {
            let mut item = Item { override_allowed: true, ..Item::default() };
            change(&mut item);
            assert_eq!(item.override_allowed_in(ward), expected, "{item:?} {ward:?}");
        };
        check(|_| {}, Some("A"), true);
        check(|_| {}, None, true);
        check(|item| item.override_allowed = false, Some("A"), false);
        check(|item| item.override_areas = vec!["A".into()], Some("A"), true);
        check(|item| item.override_areas = vec!["A".into()], Some("B"), false);
        check(|item| item.override_areas = vec!["A".into()], None, false);
        check(|item| item.restricted_to = vec!["A".into()], Some("A"), false);
        check(|item| item.status = Status::NonFormulary, Some("A"), false);
    }
}
