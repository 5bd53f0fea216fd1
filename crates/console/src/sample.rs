//! A page's worth of made-up values, for tests.

use fhir::resources::MedicationAdministrationStatus as Dose;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::view::{
    AlarmView, CaseCount, CaseRow, ChannelView, CriticalView, Direction, DoseRow, EntryRow, Ground,
    LinkState, LiveLoop, OrderCount, OrderRow, PatientRef, RemovalRow, Totals, WardRow,
    Whereabouts,
};

/// The time of the sample.
pub(crate) fn now() -> Timestamp {
    "2026-11-20T10:15:32Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn patient(ward: &str, bed: &str, tail: &str) -> PatientRef {
    PatientRef {
        ward: Some(ward.to_owned()),
        bed: Some(bed.to_owned()),
        nhs_tail: Some(tail.to_owned()),
    }
}

/// A page with every kind of state on it.
pub(crate) fn view() -> LiveLoop {
    LiveLoop {
        now: now(),
        speed: 60,
        critical: Some(CriticalView {
            since: ago(1_200),
            by: "Test, Paula (P2001)".to_owned(),
            reason: "The ePMA is down".to_owned(),
        }),
        seq: 12_345,
        alarms: vec![AlarmView {
            kind: "down".to_owned(),
            subject: "cabinets-out".to_owned(),
            text: "the peer cannot be reached since 65 minutes".to_owned(),
            since: ago(3_900),
        }],
        totals: Totals {
            patients: 57,
            live_orders: 412,
            removals: 1_208,
            doses_given: 1_133,
            in_hands: 9,
            open_cases: 4,
        },
        wards: [("WARDA1", 28, 211, 6, 0), ("WARDB2", 17, 120, 3, 3), ("ITU", 12, 81, 0, 1)]
            .map(|(ward, patients, orders, in_hands, open_cases)| WardRow {
                ward: ward.to_owned(),
                patients,
                orders,
                in_hands,
                open_cases,
            })
            .to_vec(),
        order_counts: [("active", 398), ("on-hold", 14)]
            .map(|(status, orders)| OrderCount { status: status.to_owned(), orders })
            .to_vec(),
        orders: orders(),
        removals: removals(),
        doses: doses(),
        case_counts: [("parked-message", 1, 90_000), ("unaccounted-dose", 3, 4_000)]
            .map(|(kind, open, age)| CaseCount { kind: kind.to_owned(), open, oldest: ago(age) })
            .to_vec(),
        cases: cases(),
        channels: channels(),
        journal: journal(),
    }
}

fn orders() -> Vec<OrderRow> {
    let row = |key: &str, age, patient, medicine: &str, status: &str| OrderRow {
        key: key.to_owned(),
        at: ago(age),
        patient,
        medicine: medicine.to_owned(),
        status: status.to_owned(),
    };
    vec![
        row("o1.1", 12, patient("WARDA1", "04", "118"), "Paracetamol 500mg tablets", "active"),
        row("o2.2", 40, patient("WARDB2", "11", "026"), "Gentamicin 40mg/1ml injection", "on-hold"),
        row("o3.3", 95, patient("ITU", "02", "034"), "Morphine 10mg/1ml injection", "stopped"),
    ]
}

fn removals() -> Vec<RemovalRow> {
    let texts = [
        "5|Paracetamol 500mg tablets|2|tablet",
        "30|Ibuprofen 400mg tablets|2|tablet",
        "61|Morphine 10mg/1ml injection|1|ampoule",
        "99|Naloxone 400microgram/1ml|1|ampoule",
        "140|Amoxicillin 500mg capsules|1|capsule",
        "200|Diazepam 5mg tablets|2|tablet",
        "260|Oramorph 10mg/5ml|2.50|ml",
        "330|Furosemide 40mg tablets|1|tablet",
        "400|Heparin 5,000 units/1ml|1|ampoule",
    ];
    let states = [
        (Ground::Order, Whereabouts::Permitted),
        (Ground::Order, Whereabouts::InHands(Decimal::TWO)),
        (Ground::Order, Whereabouts::Given),
        (Ground::Override, Whereabouts::Given),
        (Ground::Order, Whereabouts::Returned),
        (Ground::NoOrder, Whereabouts::Unaccounted(Decimal::TWO)),
        (Ground::Order, Whereabouts::Wasted),
        (Ground::Order, Whereabouts::NotTaken),
        (Ground::Order, Whereabouts::AccountedFor),
    ];
    let row = |(text, (ground, whereabouts)): (&str, _)| {
        let [age, item, quantity, unit] = text.split('|').collect::<Vec<_>>().try_into().unwrap();
        RemovalRow {
            key: format!("r{age}"),
            at: ago(age.parse().unwrap()),
            cabinet: "ADC/WARDA1".to_owned(),
            patient: patient("WARDA1", "04", "118"),
            item: item.to_owned(),
            quantity: quantity.parse().unwrap(),
            unit: unit.to_owned(),
            ground,
            whereabouts,
        }
    };
    texts.into_iter().zip(states).map(row).collect()
}

fn doses() -> Vec<DoseRow> {
    let row = |key: &str, age, medicine: &str, dose: Option<&str>, status, reason: Option<&str>| {
        DoseRow {
            key: key.to_owned(),
            at: ago(age),
            patient: patient("WARDB2", "11", "026"),
            medicine: medicine.to_owned(),
            dose: dose.map(str::to_owned),
            status,
            reason: reason.map(str::to_owned),
        }
    };
    vec![
        row("d1.1", 3, "Morphine 10mg/1ml injection", Some("1 ampoule"), Dose::Completed, None),
        row("d2.1", 51, "Naloxone 400microgram/1ml", Some("1 ampoule"), Dose::Completed, None),
        row("d3.1", 77, "Oramorph 10mg/5ml", Some("2.5 ml"), Dose::Stopped, Some("vomited")),
        row("d4.1", 80_000, "Lactulose 10g/15ml", None, Dose::NotDone, Some("patient refused")),
    ]
}

fn cases() -> Vec<CaseRow> {
    let row = |key: &str, age, kind: &str, reason: &str, item: Option<&str>, place: &str| CaseRow {
        key: key.to_owned(),
        opened: ago(age),
        kind: kind.to_owned(),
        reason: reason.to_owned(),
        place: Some(place.to_owned()),
        item: item.map(str::to_owned),
        entry: 12_000,
    };
    let item = Some("Diazepam 5mg tablets");
    vec![
        row("c4", 20, "unaccounted-dose", "not-accounted-for", item, "ADC/WARDA1"),
        row("c3", 400, "override", "stat-dose", Some("Naloxone 400microgram/1ml"), "ADC/WARDA1"),
        row("c2", 4_000, "dispensed-without-order", "stopped", item, "ADC/WARDB2"),
        row("c1", 90_000, "parked-message", "unknown-patient", None, "epma"),
    ]
}

fn channels() -> Vec<ChannelView> {
    let row =
        |name: &str, direction, state, seen: Option<i64>, queue, oldest: Option<i64>| ChannelView {
            name: name.to_owned(),
            direction,
            state,
            last_seen: seen.map(ago),
            queue,
            oldest: oldest.map(ago),
            stale_after_s: 900,
        };
    vec![
        row("cabinets-out", Direction::Outbound, LinkState::Down, Some(4_000), 38, Some(3_900)),
        row("epma", Direction::Inbound, LinkState::Up, Some(12), 0, None),
        row("epma-out", Direction::Outbound, LinkState::Up, Some(3), 1, Some(1)),
        row("pas", Direction::Inbound, LinkState::Idle, None, 0, None),
    ]
}

fn journal() -> Vec<EntryRow> {
    let row = |seq, age, channel: &str, message_type: &str, outcome: &str| EntryRow {
        seq,
        at: ago(age),
        channel: channel.to_owned(),
        message_type: message_type.to_owned(),
        outcome: outcome.to_owned(),
        hash: format!("{:012x}", seq * 0x9e37_79b9),
    };
    vec![
        row(12_345, 1, "epma", "RAS^O17", "done"),
        row(12_344, 3, "cabinets", "remove", "permitted"),
        row(12_343, 9, "cabinets", "remove", "refused"),
        row(12_342, 12, "pas", "ADT^A01", "parked"),
    ]
}
