//! What a body says of an act with controlled drugs: the same words for who does it and for who
//! signs for it.

use fhir::Id;
use jiff::Timestamp;
use jiff::civil::Date;
use medicines::controlled::{
    Act, CorrectDeed, CountDeed, Deed, DestroyDeed, Place, ReceiveDeed, RequisitionDeed, Second,
    SupplyDeed, TakeInDeed, WasteDeed,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::fields::{Exact, Text};
use crate::problem::{Problem, code};

/// The second person: the number of a signature, or a reason why there was none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SecondPerson)]
pub(crate) struct SecondBody {
    /// The number that `POST /cd/witness` gave the witness.
    #[schema(value_type = Option<String>, example = "rxx.1042.1")]
    signature: Option<Text>,
    /// Why nobody could stand by; a case looks at it.
    #[schema(value_type = Option<String>)]
    alone: Option<Text>,
}

impl SecondBody {
    fn understood(self) -> Result<Second, Problem> {
        match (self.signature, self.alone) {
            (Some(signature), None) => Ok(Second::Signature(id("witness.signature", &signature)?)),
            (None, Some(reason)) => Ok(Second::Alone(reason.into_string())),
            _ => Err(bad("witness: either signature or alone.")),
        }
    }
}

/// What a body says of its act.
pub(crate) struct Told {
    deed: Deed,
    person: Text,
    activity: Timestamp,
    witness: Option<SecondBody>,
}

impl Told {
    /// The act, and what stands for the second person.
    pub(crate) fn understood(self) -> Result<(Act, Option<Second>), Problem> {
        let second = self.witness.map(SecondBody::understood).transpose()?;
        let (deed, activity) = (self.deed, self.activity);
        Ok((Act { deed, person: self.person.into_string(), activity }, second))
    }
}

/// A body that tells an act. `about` is the number in the address, or the one that is given beside
/// the act where a witness signs for it.
pub(crate) trait Body {
    fn told(self, about: Option<&str>) -> Result<Told, Problem>;
}

fn bad(detail: &str) -> Problem {
    Problem::bad(code::BAD_VALUE, detail)
}

fn id(field: &str, text: &str) -> Result<Id, Problem> {
    Id::new(text).map_err(|_| bad(&format!("{field}: this is no number of this kind.")))
}

fn place(field: &str, text: &str) -> Result<Place, Problem> {
    text.parse()
        .map_err(|_| bad(&format!("{field}: `pharmacy`, `ward:WARD`, `own:PATIENT`, `expired`, …")))
}

/// A place is counted, by two people.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ControlledCount)]
pub(crate) struct CountBody {
    /// The place: `ward:WARD`, `pharmacy`, `robot:NAME`, `own:PATIENT`, `take-home:PATIENT`,
    /// `expired`.
    #[schema(value_type = String, example = "ward:WARDA")]
    place: Text,
    /// The local formulary code.
    #[schema(value_type = String, example = "MORPH10")]
    item: Text,
    /// How much there is, in the item's unit.
    #[schema(value_type = String, example = "12")]
    found: Exact,
    /// The staff number of the person who counts.
    #[schema(value_type = String, example = "N1001")]
    person: Text,
    /// When, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
    /// The second person.
    witness: Option<SecondBody>,
}

/// Units are wasted, before two people.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ControlledWaste)]
pub(crate) struct WasteBody {
    /// The removal by which they came into somebody's hands.
    #[schema(value_type = Option<String>, example = "rxx.1042.1")]
    removal: Option<Text>,
    /// The place out of which they are wasted, where nobody took them out before.
    #[schema(value_type = Option<String>, example = "ward:WARDA")]
    place: Option<Text>,
    /// The local formulary code.
    #[schema(value_type = String, example = "MORPH10")]
    item: Text,
    /// How much is wasted, in the item's unit.
    #[schema(value_type = String, example = "0.25")]
    quantity: Exact,
    /// How much of the removal was or is given: with what is wasted it makes up what was removed.
    #[schema(value_type = Option<String>, example = "0.75")]
    given: Option<Exact>,
    /// Why.
    #[schema(value_type = String, example = "part dose")]
    reason: Text,
    /// How it was made irretrievable; needed for schedules 1, 2, 3 and 4 part I.
    #[schema(value_type = Option<String>, example = "denaturing kit")]
    denatured: Option<Text>,
    /// The staff number of the person who does it.
    #[schema(value_type = String, example = "N1001")]
    person: Text,
    /// When, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
    /// The second person.
    witness: Option<SecondBody>,
}

/// Something is destroyed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ControlledDestruction)]
pub(crate) struct DestroyBody {
    /// Where it was kept: `expired`, `ward:WARD`, `pharmacy`; `own:PATIENT` and
    /// `take-home:PATIENT` for what a patient brought or returned.
    #[schema(value_type = String, example = "expired")]
    place: Text,
    /// The local formulary code.
    #[schema(value_type = String, example = "MORPH10")]
    item: Text,
    /// How much, in the item's unit.
    #[schema(value_type = String, example = "10")]
    quantity: Exact,
    /// The batch.
    #[schema(value_type = Option<String>)]
    batch: Option<Text>,
    /// How it was made irretrievable; needed for schedules 1, 2, 3 and 4 part I.
    #[schema(value_type = Option<String>, example = "denaturing kit")]
    denatured: Option<Text>,
    /// Why.
    #[schema(value_type = String, example = "out of date")]
    reason: Text,
    /// The staff number of the person who does it.
    #[schema(value_type = String, example = "P2001")]
    person: Text,
    /// When, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
    /// The second person; for stock of schedules 1 and 2 an authorised one.
    witness: Option<SecondBody>,
}

/// What a patient brought along is taken into safe custody.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ControlledOwn)]
pub(crate) struct OwnBody {
    /// The id of the Patient.
    #[schema(value_type = String, example = "rxx.2.1")]
    patient: Text,
    /// The local formulary code.
    #[schema(value_type = String, example = "MORPH10")]
    item: Text,
    /// How much, in the item's unit.
    #[schema(value_type = String, example = "14")]
    quantity: Exact,
    /// The batch.
    #[schema(value_type = Option<String>)]
    batch: Option<Text>,
    /// The last day of the batch.
    #[schema(value_type = Option<String>, format = Date)]
    expiry: Option<Date>,
    /// The staff number of the person who takes it in.
    #[schema(value_type = String, example = "N1001")]
    person: Text,
    /// When, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
    /// The second person.
    witness: Option<SecondBody>,
}

/// An earlier entry is corrected by a new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ControlledCorrection)]
pub(crate) struct CorrectBody {
    /// The `source` of the entry.
    #[schema(value_type = String, example = "rxx.1042.1")]
    of: Text,
    /// By how much more, or less than nothing, moved than was entered; absent for a note alone.
    #[schema(value_type = Option<String>, example = "-2")]
    difference: Option<Exact>,
    /// What is right, in words.
    #[schema(value_type = String, example = "18 came, not 20")]
    note: Text,
    /// The staff number of the person who corrects.
    #[schema(value_type = String, example = "P2001")]
    person: Text,
    /// When, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
    /// The second person.
    witness: Option<SecondBody>,
}

/// A ward asks the pharmacy for stock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ControlledRequisition)]
pub(crate) struct RequisitionBody {
    /// For which ward or cabinet: `ward:WARD`, `cabinet:SYSTEM/STATION`.
    #[schema(value_type = String, example = "ward:WARDA")]
    place: Text,
    /// The local formulary code.
    #[schema(value_type = String, example = "MORPH10")]
    item: Text,
    /// How much, in the item's unit.
    #[schema(value_type = String, example = "20")]
    quantity: Exact,
    /// The staff number of the person who signs for it.
    #[schema(value_type = String, example = "N1001")]
    person: Text,
    /// When, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
}

/// The pharmacy sends what was asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ControlledSupply)]
pub(crate) struct SupplyBody {
    /// Which place it leaves: `pharmacy`, `robot:NAME`, `ward:WARD`.
    #[schema(value_type = String, example = "pharmacy")]
    from: Text,
    /// How much, in the item's unit.
    #[schema(value_type = String, example = "20")]
    quantity: Exact,
    /// The batch.
    #[schema(value_type = Option<String>)]
    batch: Option<Text>,
    /// The last day of the batch.
    #[schema(value_type = Option<String>, format = Date)]
    expiry: Option<Date>,
    /// Who carries it: a staff number or a name.
    #[schema(value_type = String, example = "N3001")]
    messenger: Text,
    /// The staff number of the person who supplies it: another one than who asked.
    #[schema(value_type = String, example = "P2001")]
    person: Text,
    /// When, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
    /// A second person.
    witness: Option<SecondBody>,
}

/// The ward receives what was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ControlledReceipt)]
pub(crate) struct ReceiptBody {
    /// How much arrived, in the item's unit.
    #[schema(value_type = String, example = "20")]
    quantity: Exact,
    /// Whether nothing more is to come of it; what is missing is then a discrepancy.
    #[serde(default)]
    complete: bool,
    /// The staff number of the person who receives it: another one than who sent it.
    #[schema(value_type = String, example = "N1001")]
    person: Text,
    /// When, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
    /// The second person, where the site wants one.
    witness: Option<SecondBody>,
}

fn words(text: Option<Text>) -> Option<String> {
    text.map(Text::into_string)
}

/// The number in the address, or beside the act where a witness signs for it.
fn of_address(about: Option<&str>) -> Result<Id, Problem> {
    let missing = || bad("of: the number of the requisition or the consignment.");
    id("of", about.ok_or_else(missing)?)
}

impl Body for CountBody {
    fn told(self, _: Option<&str>) -> Result<Told, Problem> {
        let deed = Deed::Count(CountDeed {
            place: place("place", &self.place)?,
            item: self.item.into_string(),
            found: self.found.0,
        });
        Ok(Told { deed, person: self.person, activity: self.activity, witness: self.witness })
    }
}

impl Body for WasteBody {
    fn told(self, _: Option<&str>) -> Result<Told, Problem> {
        let deed = Deed::Waste(WasteDeed {
            removal: self.removal.map(|text| id("removal", &text)).transpose()?,
            place: self.place.map(|text| place("place", &text)).transpose()?,
            item: self.item.into_string(),
            quantity: self.quantity.0,
            given: self.given.map(|given| given.0),
            reason: self.reason.into_string(),
            denatured: words(self.denatured),
        });
        Ok(Told { deed, person: self.person, activity: self.activity, witness: self.witness })
    }
}

impl Body for DestroyBody {
    fn told(self, _: Option<&str>) -> Result<Told, Problem> {
        let deed = Deed::Destroy(DestroyDeed {
            place: place("place", &self.place)?,
            item: self.item.into_string(),
            quantity: self.quantity.0,
            batch: words(self.batch),
            denatured: words(self.denatured),
            reason: self.reason.into_string(),
        });
        Ok(Told { deed, person: self.person, activity: self.activity, witness: self.witness })
    }
}

impl Body for OwnBody {
    fn told(self, _: Option<&str>) -> Result<Told, Problem> {
        let deed = Deed::TakeIn(TakeInDeed {
            patient: id("patient", &self.patient)?,
            item: self.item.into_string(),
            quantity: self.quantity.0,
            batch: words(self.batch),
            expiry: self.expiry,
        });
        Ok(Told { deed, person: self.person, activity: self.activity, witness: self.witness })
    }
}

impl Body for CorrectBody {
    fn told(self, _: Option<&str>) -> Result<Told, Problem> {
        let deed = Deed::Correct(CorrectDeed {
            of: id("of", &self.of)?,
            difference: self.difference.map(|difference| difference.0),
            note: self.note.into_string(),
        });
        Ok(Told { deed, person: self.person, activity: self.activity, witness: self.witness })
    }
}

impl Body for RequisitionBody {
    fn told(self, _: Option<&str>) -> Result<Told, Problem> {
        let deed = Deed::Requisition(RequisitionDeed {
            place: place("place", &self.place)?,
            item: self.item.into_string(),
            quantity: self.quantity.0,
        });
        Ok(Told { deed, person: self.person, activity: self.activity, witness: None })
    }
}

impl Body for SupplyBody {
    fn told(self, about: Option<&str>) -> Result<Told, Problem> {
        let deed = Deed::Supply(SupplyDeed {
            requisition: of_address(about)?,
            from: place("from", &self.from)?,
            quantity: self.quantity.0,
            batch: words(self.batch),
            expiry: self.expiry,
            messenger: self.messenger.into_string(),
        });
        Ok(Told { deed, person: self.person, activity: self.activity, witness: self.witness })
    }
}

impl Body for ReceiptBody {
    fn told(self, about: Option<&str>) -> Result<Told, Problem> {
        let deed = Deed::Receive(ReceiveDeed {
            consignment: of_address(about)?,
            quantity: self.quantity.0,
            complete: self.complete,
        });
        Ok(Told { deed, person: self.person, activity: self.activity, witness: self.witness })
    }
}
