//! How long the decision on a removal takes in the engine: no network, no disk.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use access::{Person, Role};
use fhir::types::Identifier;
use medicines::cabinet::Asked;
use medicines::{Answer, Cabinet, Item, NoCold, Request, Site};

use super::Effort;
use super::figures::{Samples, Table, micros, say};
use super::hospital::{self, NURSE, Patient, Removable, inpatients};
use super::inside::Inside;

/// How many cabinets a large trust has.
const CABINETS: usize = 200;
/// How many formulary items beside those that are asked for.
const ITEMS: usize = 2_000;
/// How many people beside the one who asks.
const PEOPLE: usize = 3_000;

pub(super) fn run(effort: Effort) -> Result<(), String> {
    let mut patients = inpatients(effort.pick(2_000, 50));
    let mut inside = Inside::new(Box::new(NoCold));
    inside.fill(&mut patients)?;
    let index = terminology::synthetic::import().map_err(|error| error.to_string())?.index;
    inside.configure(large_site(&index)?, Arc::new(index));
    let removals: Vec<Removable> = patients.iter().flat_map(Patient::removable).collect();
    let site = inside.state.site();
    say(&format!(
        "{} inpatients, {} live orders, {} cabinets, {} items by dm+d, {} people",
        patients.len(),
        removals.len(),
        site.cabinets.len(),
        site.items.len(),
        site.people.len()
    ));
    let mut table = Table::new(&["order", "decisions", "p50 µs", "p99 µs", "p99.9 µs"]);
    for (what, named) in [("named by the cabinet", true), ("found by the item", false)] {
        let requests: Vec<Request> = removals.iter().map(|removal| ask(removal, named)).collect();
        let mut samples = Samples::default();
        for request in &requests {
            let began = Instant::now();
            let decision = black_box(inside.decide(black_box(request)));
            samples.push(began.elapsed());
            if !matches!(decision.answer, Answer::Permitted(_)) {
                return Err(format!("a removal was answered {:?}", decision.answer));
            }
        }
        table.row([
            what.to_owned(),
            samples.len().to_string(),
            micros(samples.percentile(50)),
            micros(samples.percentile(99)),
            micros(samples.per_mille(999)),
        ]);
    }
    table.print();
    Ok(())
}

/// The hospital of the benches with as many cabinets, items and people as a large trust has. Each
/// item is one of dm+d, so that each decision asks the release how much a dose is; what is asked
/// for stands behind all the others.
fn large_site(index: &terminology::Index) -> Result<Site, String> {
    let mut site = hospital::site(false);
    let name = "Paracetamol 500mg tablets";
    let tablets = index.vmps().find(|vmp| vmp.name() == name).ok_or("the release has changed")?;
    for item in &mut site.items {
        item.dmd = Some(tablets.id().to_string());
    }
    let more = |n: usize| Item {
        code: format!("MORE{n}"),
        name: format!("Item {n}"),
        unit: "tablet".to_owned(),
        dmd: Some(tablets.id().to_string()),
        ..Item::default()
    };
    site.items.splice(0..0, (0..ITEMS).map(more));
    let ward = |n: usize| Cabinet {
        system: "ADC".to_owned(),
        station: format!("MORE{n}"),
        wards: vec![format!("MORE{n}")],
        channel: None,
    };
    site.cabinets.splice(0..0, (site.cabinets.len()..CABINETS).map(ward));
    let person = |n: usize| Person {
        id: format!("MORE{n}"),
        name: "Test, Bela".to_owned(),
        role: Role::Nurse,
        training: Vec::new(),
    };
    site.people.splice(0..0, (0..PEOPLE).map(person));
    Ok(site)
}

fn ask(removal: &Removable, named: bool) -> Request {
    let order = Identifier::of("https://rxx.nhs.uk/Id/order/epma", &removal.order);
    Request::Remove(Box::new(Asked {
        cabinet: removal.cabinet.clone(),
        patient: vec![Identifier::of("https://fhir.nhs.uk/Id/nhs-number", &removal.nhs)],
        order: named.then_some(order),
        item: removal.item.clone(),
        quantity: 1.into(),
        user: NURSE.to_owned(),
        witness: None,
        override_reason: None,
        expiry: None,
    }))
}
