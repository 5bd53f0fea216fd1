//! How long the decision on a removal takes in the engine: no network, no disk.

use std::hint::black_box;
use std::time::Instant;

use fhir::types::Identifier;
use medicines::cabinet::Asked;
use medicines::{Answer, NoCold, Request};

use super::Effort;
use super::figures::{Samples, Table, micros, say};
use super::hospital::{NURSE, Patient, Removable, inpatients};
use super::inside::Inside;

pub(super) fn run(effort: Effort) -> Result<(), String> {
    let mut patients = inpatients(effort.pick(2_000, 50));
    let mut inside = Inside::new(Box::new(NoCold));
    inside.fill(&mut patients)?;
    let removals: Vec<Removable> = patients.iter().flat_map(Patient::removable).collect();
    say(&format!("{} inpatients, {} live orders", patients.len(), removals.len()));
    let mut table = Table::new(&["order", "decisions", "p50 µs", "p99 µs", "p99.9 µs"]);
    for (what, named) in [("named by the cabinet", true), ("found by the item", false)] {
        let requests: Vec<Request> = removals.iter().map(|removal| ask(removal, named)).collect();
        let mut samples = Samples::default();
        for request in &requests {
            let began = Instant::now();
            let decision = black_box(inside.decide(black_box(request)));
            samples.push(began.elapsed());
            if !matches!(decision.answer, Answer::Permitted(_)) {
                return Err(format!("a removal was answered {}", decision.answer.code()));
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
