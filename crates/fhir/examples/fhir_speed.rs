//! Prints how long reading, writing, checking, storing and indexing take on this machine.
//!
//! `cargo run --release -p fhir --example fhir_speed [file.json]`
#![expect(clippy::print_stdout, reason = "the figures are what the example is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use fhir::json::{self, Limits, Raw};
use fhir::resources::{MedicationRequest, MedicationRequestIntent, MedicationRequestStatus};
use fhir::search::index;
use fhir::types::{
    CodeableConcept, Dosage, DoseAndRate, Identifier, Quantity, Reference, Repeat, Timing,
    UnitOfTime,
};
use fhir::{Id, ResourceType, StoredResource, profiles, systems};

/// How long each figure is measured for.
const MEASURE_FOR: Duration = Duration::from_millis(400);

fn main() {
    let json = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path).expect("the file can be read"),
        None => order().to_json(),
    };
    let typed = MedicationRequest::from_slice(json.as_bytes()).expect("a MedicationRequest");
    let id: Id = "m1".parse().expect("an id");
    let at = "2026-11-21T00:00:00Z".parse().expect("a time");
    let stored = StoredResource::new(&json, id.clone(), 1, at).expect("a resource");
    println!("MedicationRequest of {} bytes", json.len());

    let size = json.len();
    measure("check", size, || {
        black_box(json::check(black_box(json.as_bytes()), Limits::default()).is_ok());
    });
    measure("typed read", size, || {
        black_box(MedicationRequest::from_slice(black_box(json.as_bytes())).is_ok());
    });
    measure("typed write", size, || {
        black_box(black_box(&typed).to_json());
    });
    measure("build from nothing", size, || {
        black_box(order());
    });
    measure("store as it came", size, || {
        black_box(StoredResource::new(black_box(&json), id.clone(), 1, at).is_ok());
    });
    measure("store a struct", size, || {
        black_box(StoredResource::of(black_box(&typed), id.clone(), 1, at));
    });
    measure("index", size, || {
        black_box(index(black_box(&stored)).is_ok());
    });
    measure("edit raw", size, || {
        let mut raw = Raw::parse(black_box(&json)).expect("an object");
        raw.set_id(&id);
        black_box(raw.write());
    });
    measure("serialise stored", size, || {
        black_box(serde_json::to_string(black_box(&stored)).is_ok());
    });
    let journal = serde_json::to_string(&stored).expect("it is written");
    measure("deserialise stored", size, || {
        black_box(serde_json::from_str::<StoredResource>(black_box(&journal)).is_ok());
    });
    measure("canonical", size, || {
        black_box(json::canonical(black_box(&json)).is_ok());
    });
}

fn measure(what: &str, bytes: usize, mut run: impl FnMut()) {
    let start = Instant::now();
    let mut times = 0_u32;
    while start.elapsed() < MEASURE_FOR {
        for _ in 0..64 {
            run();
        }
        times += 64;
    }
    let each = start.elapsed() / times;
    let nanoseconds = each.as_nanos().max(1);
    let rate = bytes as u128 * 1000 / nanoseconds;
    println!(
        "{what:20} {:>7}.{:02} µs {rate:>6} MB/s",
        nanoseconds / 1000,
        nanoseconds % 1000 / 10
    );
}

/// An order as an inpatient prescribing system would send it.
fn order() -> MedicationRequest {
    let patient: Id = "3f2504e0-4f89-11d3-9a0c-0305e82c3301".parse().expect("an id");
    let mut order = MedicationRequest::new(
        MedicationRequestStatus::Active,
        MedicationRequestIntent::Order,
        Reference::to(ResourceType::Patient, &patient),
    );
    order.meta = Some(profiles::meta_of(ResourceType::MedicationRequest));
    order.identifier = vec![
        Identifier::of("https://northmoor.example/Id/order", "ORD-2026-000123"),
        Identifier::of("https://northmoor.example/Id/pharmacy-order", "PH-998877"),
    ];
    order.category = vec![CodeableConcept::of(systems::REQUEST_CATEGORY, "inpatient", None)];
    order.medication_codeable_concept =
        Some(CodeableConcept::of(systems::DMD, "322236009", Some("Paracetamol 500mg tablets")));
    order.encounter = Some(Reference::to(ResourceType::Encounter, &patient));
    order.authored_on = "2026-11-21T09:30:00+00:00".parse().ok();
    order.requester = Some(Reference::by_identifier(
        ResourceType::Practitioner,
        Identifier::of(systems::GMC, "0000000"),
    ));
    order.dosage_instruction = vec![dosage()];
    order.substitution = Some(fhir::resources::Substitution::not_allowed());
    order
}

fn dosage() -> Dosage {
    let decimal = |text: &str| text.parse().expect("a decimal");
    let repeat = Repeat {
        frequency: Some(4),
        period: Some(decimal("1")),
        period_unit: Some(UnitOfTime::Day),
        ..Repeat::default()
    };
    let dose = DoseAndRate {
        dose_quantity: Some(Quantity::ucum(decimal("1.0"), "g")),
        ..DoseAndRate::default()
    };
    Dosage {
        sequence: Some(1),
        text: Some("Take 1 gram - 4 times a day - as required for pain - oral".to_owned()),
        timing: Some(Timing { repeat: Some(repeat), ..Timing::default() }),
        as_needed_boolean: Some(true),
        route: Some(CodeableConcept::of(systems::SNOMED, "26643006", Some("Oral route"))),
        dose_and_rate: vec![dose],
        ..Dosage::default()
    }
}
