//! A small ward on a real engine, moved on by requests as the edges make them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::sync::Arc;

use engine::{Clock, Command, Engine, Options};
use fhir::resources::{
    Encounter, EncounterLocation, EncounterStatus, MedicationAdministrationStatus,
    MedicationRequest, MedicationRequestIntent, MedicationRequestStatus, Patient,
};
use fhir::types::{
    CodeableConcept, Coding, Dosage, DoseAndRate, Identifier, Quantity as Dose, Reference,
};
use fhir::{Id, ResourceType};
use journal::Durability;
use medicines::bedside::Administration;
use medicines::cabinet::{Asked, Completion};
use medicines::controlled::{
    Act, ControlledAct, CountDeed, Deed, Entering, Place, Schedule, Second,
};
use medicines::orders::{Control, OrderMessage};
use medicines::patients::{PatientEvent, PatientMessage};
use medicines::{Answer, Cabinet, Item, Problem, ProblemCode, Quantity, Request, Site};
use rust_decimal::Decimal;

const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";
const ORDER: &str = "https://rxx.nhs.uk/Id/order/epma";
const ITEM: &str = "https://rxx.nhs.uk/Id/item";
/// The wards, each with a cabinet of its own.
pub(crate) const WARDS: [&str; 3] = ["WARDA1", "WARDB2", "ITU"];
/// The formulary: code, name, unit.
pub(crate) const ITEMS: [(&str, &str, &str); 7] = [
    ("PARA500", "Paracetamol 500mg tablets", "tablet"),
    ("IBUP400", "Ibuprofen 400mg tablets", "tablet"),
    ("AMOX500", "Amoxicillin 500mg capsules", "capsule"),
    ("NALO400", "Naloxone 400micrograms/1ml solution for injection ampoules", "ampoule"),
    ("MORP10", "Morphine sulfate 10mg/1ml solution for injection ampoules", "ampoule"),
    ("CODE30", "Codeine phosphate 30mg tablets", "tablet"),
    ("EVIL", "<script>alert('x')</script> & \"co\"", "<b>ml</b>"),
];

fn pharmacist(id: &str, name: &str) -> access::Person {
    let (id, name) = (id.into(), name.into());
    access::Person { id, name, role: access::Role::Pharmacist, training: vec![] }
}

/// The site under test.
pub(crate) struct Hospital {
    /// Its engine.
    pub(crate) engine: Engine,
}

impl Hospital {
    /// Opens one with its files in `folder`.
    pub(crate) fn open(folder: &Path, clock: Clock) -> Self {
        let cabinet = |ward: &&str| Cabinet {
            system: "ADC".into(),
            station: (*ward).into(),
            wards: vec![(*ward).into()],
            channel: None,
        };
        let item = |(code, name, unit): &(&str, &str, &str)| Item {
            code: (*code).into(),
            name: (*name).into(),
            unit: (*unit).into(),
            override_allowed: true,
            controlled: match *code {
                "MORP10" => Some(Schedule::Two),
                "CODE30" => Some(Schedule::Five),
                _ => None,
            },
            ..Item::default()
        };
        let nurse = access::Person {
            id: "N1001".into(),
            name: "Test, Anna".into(),
            role: access::Role::Nurse,
            training: vec![],
        };
        let site = Site {
            code: "RXX".into(),
            cabinets: WARDS.iter().map(cabinet).collect(),
            items: ITEMS.iter().map(item).collect(),
            people: vec![
                nurse,
                pharmacist("P2001", "Test, Paula"),
                pharmacist("P2002", "Test, Piet"),
                access::Person {
                    role: access::Role::Governance,
                    ..pharmacist("G1001", "Test, Gwen")
                },
            ],
            ..Site::default()
        };
        let engine = Engine::start(Options {
            journal: folder.join("journal.sqlite3"),
            record: folder.join("record.sqlite3"),
            site,
            clock,
            durability: Durability::Full,
        });
        Hospital { engine: engine.unwrap() }
    }

    fn ask(&self, channel: &str, kind: &str, request: Request) -> Answer {
        let command = Command {
            channel: Arc::from(channel),
            key: None,
            by: channel.into(),
            message_type: Some(kind.into()),
            control_id: None,
            received: self.engine.clock().now(),
            request,
            raw: b"MSH|^~\\&|SENDER\r".to_vec(),
        };
        self.engine.submit_blocking(command).unwrap().answer
    }

    /// Admits patient `number` to a bed of a ward.
    pub(crate) fn admit(&self, number: u32, ward: &str, bed: &str) {
        let mut patient = Patient::new();
        patient.identifier = vec![Identifier::of(NHS, &nhs_number(number))];
        let class = Coding::of(fhir::systems::ACT_CODE, "IMP", None);
        let mut encounter = Encounter::new(EncounterStatus::InProgress, class);
        encounter.identifier = vec![Identifier::of("visit", &number.to_string())];
        let place = |name: &str, kind: &str| {
            let identifier = Identifier::of("place", name);
            let mut reference = Reference::by_identifier(ResourceType::Location, identifier);
            reference.display = Some(name.to_owned());
            let mut location = EncounterLocation::new(reference);
            let system = fhir::systems::LOCATION_PHYSICAL_TYPE;
            location.physical_type = Some(CodeableConcept::of(system, kind, None));
            location
        };
        encounter.location = vec![place(ward, "wa"), place(bed, "bd")];
        let message = PatientMessage {
            event: PatientEvent::A01,
            patient,
            deleted: vec![],
            encounter: Some(encounter),
            ward: Some(ward.to_owned()),
            allergies: None,
            activity: self.engine.clock().now(),
        };
        let answer = self.ask("pas", "ADT^A01", Request::Patient(Box::new(message)));
        assert!(matches!(answer, Answer::Done | Answer::Created(_)), "{answer:?}");
    }

    /// Tells of an order of two units, which a pharmacist verified.
    pub(crate) fn order(&self, number: u32, item: &str, control: Control) {
        self.tell_order((number, item), control, "2", Some("P2001"));
    }

    /// Tells of an order.
    pub(crate) fn tell_order(
        &self,
        (number, item): (u32, &str),
        control: Control,
        dose: &str,
        verified_by: Option<&str>,
    ) {
        let mut order = MedicationRequest::new(
            MedicationRequestStatus::Active,
            MedicationRequestIntent::Order,
            Reference::default(),
        );
        let (_, name, unit) = ITEMS.iter().find(|(code, ..)| *code == item).unwrap();
        order.medication_codeable_concept = Some(CodeableConcept::of(ITEM, item, Some(name)));
        let dose = Dose {
            value: Some(fhir::Decimal::parse(dose).unwrap()),
            unit: Some((*unit).to_owned()),
            ..Dose::default()
        };
        order.dosage_instruction = vec![Dosage {
            dose_and_rate: vec![DoseAndRate {
                dose_quantity: Some(dose),
                ..DoseAndRate::default()
            }],
            ..Dosage::default()
        }];
        let message = OrderMessage {
            control,
            placer: Identifier::of(ORDER, &format!("{number}-{item}")),
            replaces: None,
            patient: vec![Identifier::of(NHS, &nhs_number(number))],
            order,
            verified_by: verified_by.map(str::to_owned),
            activity: self.engine.clock().now(),
            index: 1,
        };
        let answer = self.ask("epma", "RDE^O11", Request::Orders(vec![message]));
        assert!(matches!(answer, Answer::Done | Answer::Created(_)), "{answer:?}");
    }

    /// Asks for an item, on the patient's order or with a reason.
    pub(crate) fn ask_for(
        &self,
        number: u32,
        ward: &str,
        item: &str,
        reason: Option<&str>,
    ) -> Answer {
        let asked = Asked {
            cabinet: format!("ADC/{ward}"),
            patient: vec![Identifier::of(NHS, &nhs_number(number))],
            order: None,
            item: item.to_owned(),
            quantity: Decimal::TWO,
            user: "N1001".into(),
            witness: None,
            override_reason: reason.map(str::to_owned),
            expiry: None,
        };
        self.ask("cabinet-adc", "remove", Request::Remove(Box::new(asked)))
    }

    /// Takes an item; gives the removal's id.
    pub(crate) fn remove(&self, number: u32, ward: &str, item: &str, reason: Option<&str>) -> Id {
        let Answer::Permitted(permit) = self.ask_for(number, ward, item, reason) else {
            panic!("it was refused")
        };
        let done = Completion {
            permit: permit.id.clone(),
            cabinet: format!("ADC/{ward}"),
            taken: Decimal::TWO,
            address: medicines::stock::PocketAddress {
                drawer: "1".into(),
                sub_drawer: String::new(),
                pocket: "3".into(),
            },
            batch: Some("L2231".into()),
            activity: self.engine.clock().now(),
        };
        let answer = self.ask("cabinet-adc", "complete", Request::Complete(Box::new(done)));
        assert!(matches!(answer, Answer::Done | Answer::Created(_)), "{answer:?}");
        permit.id
    }

    /// Gives what was removed, or says that it was not given.
    pub(crate) fn give(&self, number: u32, item: &str, removal: Option<Id>) {
        let (_, name, unit) = ITEMS.iter().find(|(code, ..)| *code == item).unwrap();
        let given = removal.is_some();
        let administration = Administration {
            patient: vec![Identifier::of(NHS, &nhs_number(number))],
            order: Some(Identifier::of(ORDER, &format!("{number}-{item}"))),
            removal,
            item: CodeableConcept::of(ITEM, item, Some(name)),
            quantity: Quantity::new(if given { Decimal::TWO } else { Decimal::ZERO }, unit),
            status: if given {
                MedicationAdministrationStatus::Completed
            } else {
                MedicationAdministrationStatus::NotDone
            },
            reason: (!given).then(|| CodeableConcept::from_text("patient refused")),
            performer: "N1001".into(),
            witness: None,
            activity: self.engine.clock().now(),
        };
        let answer = self.ask("epma", "RAS^O17", Request::Administer(vec![administration]));
        assert!(matches!(answer, Answer::Done | Answer::Created(_)), "{answer:?}");
    }

    /// Tells a count of an item in a ward's cupboard.
    pub(crate) fn count(&self, ward: &str, item: &str, found: u32) {
        let place = Place::Ward(ward.to_owned());
        let deed = CountDeed { place, item: item.to_owned(), found: found.into() };
        let (person, activity) = ("N1001".into(), self.engine.clock().now());
        let act = Act { deed: Deed::Count(deed), person, activity };
        let second = Some(Second::Alone("night".into()));
        let entering = Entering { act, second, client: "ward-tablet".into() };
        let act = Request::Controlled(Box::new(ControlledAct::Enter(entering)));
        let answer = self.ask("cd", "count", act);
        assert!(matches!(answer, Answer::Done | Answer::Created(_)), "{answer:?}");
    }

    /// A message that nobody can read.
    pub(crate) fn park(&self) {
        let problem = Problem::new(ProblemCode::UnknownPatient, "Nobody has this number.");
        let answer = self.ask("epma", "RDE^O11", Request::Park(problem));
        assert!(matches!(answer, Answer::Parked(_)), "{answer:?}");
    }
}

/// A synthetic NHS number of the 999 range with a right check digit (NHS Data Dictionary,
/// modulus 11); numbers without one are passed over.
pub(crate) fn nhs_number(number: u32) -> String {
    let with_digit = |candidate: u32| {
        let nine = format!("999{candidate:06}");
        let weighed = nine.bytes().zip((2..=10).rev()).map(|(b, w)| u32::from(b - b'0') * w);
        match 11 - weighed.sum::<u32>() % 11 {
            11 => Some(format!("{nine}0")),
            10 => None,
            digit => Some(format!("{nine}{digit}")),
        }
    };
    (number * 4..).find_map(with_digit).unwrap()
}
