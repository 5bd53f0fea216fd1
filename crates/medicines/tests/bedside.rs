//! What is scanned at the bedside: whose band, which pack, and what the rights say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use std::path::{Path, PathBuf};

use fhir::resources::{MedicationAdministration, MedicationAdministrationStatus as Status};
use fhir::types::{CodeableConcept, Identifier};
use fhir::{ResourceType, StoredResource};
use hospital::*;
use jiff::civil::date;
use medicines::bedside::{Act, Checked, Outcome, PackScan, Scan, read};
use medicines::cases::CaseKind;
use medicines::formulary::Alias;
use medicines::orders::Control;
use medicines::stock::{RecallNotice, StockAct};
use medicines::{Answer, Quantity, Request, Site};
use rust_decimal::Decimal;

/// Seven digits that stand for the NHS company prefix in tests.
const PREFIX: &str = "5055555";
/// A trade item number of the reserved range (GS1 prefix 99 is for coupons).
const GTIN: &str = "09501101530003";

/// Packs of that number: expired on the day before, of the last day, and without a separator.
const EXPIRED: &str = "0109501101530003172611191012345";
const LAST_DAY: &str = "0109501101530003172611201012345";
const LOST: &str = "010950110153000310AB1217271231";

/// A wristband with the NHS number.
fn band(nhs: &str) -> String {
    let digits = format!("{PREFIX}{nhs}");
    let check = gs1::check::digit(digits.as_bytes()).unwrap();
    format!("]d28018{digits}{check}")
}

fn bedside_site() -> Site {
    let mut site = site();
    site.policies.gsrn_prefix = PREFIX.into();
    let item = &mut site.items[0];
    item.barcodes = vec![GTIN.into()];
    let signed_by = vec!["N1".into(), "N2".into()];
    item.aliases = vec![Alias { code: "PP-0017".into(), units: Some(2.into()), signed_by }];
    site.items[1].aliases = vec![Alias {
        code: "AMP-1".into(),
        units: None,
        signed_by: vec!["N1".into(), "N2".into()],
    }];
    site
}

/// Anna has a live order for paracetamol, and two tablets of it are in the nurse's hands.
fn hospital() -> Hospital {
    let mut hospital = Hospital::new();
    hospital.ask(Request::Configure(Box::new(bedside_site())));
    hospital.order(Control::New, "7001");
    hospital.at("08:30:00").vend(Some("7001"), 2);
    hospital.at("08:35:00");
    hospital
}

fn scan(hospital: &Hospital, act: Act, packs: &[&str]) -> Scan {
    let pack = |code: &&str| PackScan { code: (*code).into(), units: None };
    Scan {
        act,
        band: Some(band(ANNA)),
        patient: vec![],
        packs: packs.iter().map(pack).collect(),
        item: None,
        order: None,
        given: None,
        wasted: Decimal::ZERO,
        rate: None,
        infusion: None,
        reason: None,
        confirmed: vec![],
        performer: "N1".into(),
        witness: None,
        activity: hospital.now,
        offline: false,
    }
}

fn ask(hospital: &mut Hospital, scans: Vec<Scan>) -> Vec<Checked> {
    match hospital.ask(Request::Bedside(scans)) {
        Answer::Checked(checked) => checked,
        other => panic!("not checked: {other:?}"),
    }
}

fn words(checked: &Checked) -> Vec<String> {
    let word = |it: &medicines::bedside::Finding| format!("{} {}", it.outcome.as_str(), it.code);
    checked.findings.iter().map(word).collect()
}

/// What is found when two tablets are scanned; `prepare` changes the world, `change` the scan.
#[track_caller]
fn check(
    prepare: impl FnOnce(&mut Hospital),
    change: impl FnOnce(&mut Scan),
    expected: Outcome,
    findings: &[&str],
) {
    let mut hospital = hospital();
    prepare(&mut hospital);
    let mut told = scan(&hospital, Act::Give, &["PP-0017"]);
    change(&mut told);
    hospital.facts.clear();
    let checked = ask(&mut hospital, vec![told]).swap_remove(0);
    assert_eq!(words(&checked), findings);
    assert_eq!(checked.outcome, expected);
    assert_eq!(checked.kept.is_some(), expected == Outcome::Pass, "{checked:?}");
    let given = hospital.stored(ResourceType::MedicationAdministration).len();
    assert_eq!(given, usize::from(checked.kept.is_some()));
}

fn nothing(_: &mut Hospital) {}

#[test]
fn the_right_patient() {
    use Outcome::{Block, Pass, Warn};
    check(nothing, |_| {}, Pass, &[]);
    check(nothing, |s| s.band = Some(ANNA.into()), Pass, &[]);
    check(nothing, |s| s.band = Some(band(BELA)), Block, &["block unknown-patient"]);
    check(nothing, |s| s.band = Some("]d28018".into()), Block, &["block band-unreadable"]);
    check(nothing, |s| s.band = Some(GTIN.into()), Block, &["block band-unreadable"]);
    let typed = |s: &mut Scan| {
        s.band = None;
        s.patient = vec![Identifier::of(NHS, ANNA)];
    };
    check(nothing, typed, Warn, &["warn patient-not-scanned"]);
    let confirmed = |s: &mut Scan| {
        typed(s);
        s.confirmed = vec!["patient-not-scanned".into()];
    };
    check(nothing, confirmed, Pass, &["warn patient-not-scanned"]);
    let bela = |h: &mut Hospital| {
        h.admit(BELA, "V2", "WARDA");
    };
    let other_chart = |s: &mut Scan| s.patient = vec![Identifier::of(NHS, BELA)];
    check(bela, other_chart, Block, &["block wrong-patient"]);
    check(bela, |s| s.band = Some(band(BELA)), Block, &["block not-ordered"]);
}

#[test]
fn the_right_medicine_and_product() {
    use Outcome::{Block, Pass, Warn};
    let packs = |codes: &'static [&'static str]| {
        move |s: &mut Scan| {
            let pack = |code: &&str| PackScan { code: (*code).into(), units: None };
            s.packs = codes.iter().map(pack).collect();
        }
    };
    check(nothing, packs(&[GTIN, GTIN]), Pass, &[]);
    check(nothing, packs(&["AMP-1"]), Block, &["block not-ordered"]);
    check(nothing, packs(&["PP-0017", "AMP-1"]), Block, &["block mixed-packs"]);
    check(nothing, packs(&["NOBODY-KNOWS"]), Block, &["block unknown-pack"]);
    check(nothing, packs(&["09501101530004"]), Block, &["block pack-unreadable"]);
    check(nothing, packs(&[EXPIRED, GTIN]), Block, &["block expired"]);
    check(nothing, packs(&[LAST_DAY, GTIN]), Pass, &[]);
    // The day ends by the clocks of the site; the day 00 is the month's last (GS1 General
    // Specifications, §3.4.7).
    let in_tokyo = |at: &'static str| {
        move |h: &mut Hospital| {
            h.configure(|site| site.time_zone = medicines::Zone::of_site("Asia/Tokyo").unwrap());
            h.at(at);
        }
    };
    check(in_tokyo("14:30:00"), packs(&[LAST_DAY, GTIN]), Pass, &[]);
    check(in_tokyo("15:30:00"), packs(&[LAST_DAY, GTIN]), Block, &["block expired"]);
    check(nothing, packs(&["0109501101530003172611001012345", GTIN]), Pass, &[]);
    check(nothing, packs(&["0109501101530003172610001012345", GTIN]), Block, &["block expired"]);
    let recalled = |h: &mut Hospital| {
        let (item, batch) = ("PARA500".into(), "12345".into());
        let (reason, person) = ("EL(26)A/1".into(), "N1".into());
        h.stock(StockAct::Recall(RecallNotice { item, batch, reason, person })).unwrap();
    };
    check(recalled, packs(&[LAST_DAY, GTIN]), Block, &["block recalled"]);
    check(recalled, packs(&[GTIN, GTIN]), Pass, &[]);
    // The separator behind the batch is lost: nobody can say where it ends.
    check(nothing, packs(&[LOST, GTIN]), Warn, &["warn separator-lost"]);
    let by_hand = |s: &mut Scan| {
        s.packs.clear();
        s.item = Some("PARA500".into());
    };
    check(nothing, by_hand, Warn, &["warn pack-not-scanned"]);
    check(nothing, |s| s.packs.clear(), Block, &["block nothing-scanned"]);
}

#[test]
fn the_right_dose() {
    use Outcome::{Block, Pass, Warn};
    let one = |s: &mut Scan| s.packs[0].units = Some(1.into());
    check(nothing, one, Warn, &["warn more-to-scan"]);
    let three = |s: &mut Scan| s.packs[0].units = Some(3.into());
    check(nothing, three, Block, &["block waste-missing"]);
    let part = |s: &mut Scan| {
        s.given = Some(1.into());
        s.wasted = 1.into();
        s.confirmed = vec!["partial-dose".into()];
    };
    check(nothing, part, Block, &["block reason-missing"]);
    let why = |s: &mut Scan| {
        part(s);
        s.reason = Some(CodeableConcept::of("http://snomed.info/sct", "182895007", None));
    };
    check(nothing, why, Pass, &["warn partial-dose"]);
    check(nothing, |s| s.given = Some(3.into()), Block, &["block more-than-dose"]);
}

#[test]
fn the_right_time_and_document() {
    use Outcome::{Block, BlockWithWitness, Pass, Warn};
    let given_before = |h: &mut Hospital| {
        h.give("7001", 2);
        h.at("09:30:00").vend(Some("7001"), 2);
        h.at("09:35:00");
    };
    check(given_before, |_| {}, BlockWithWitness, &["block-with-witness too-early"]);
    let seen = |s: &mut Scan| s.witness = Some("N2".into());
    check(given_before, seen, Pass, &["block-with-witness too-early"]);
    let own = |s: &mut Scan| s.witness = Some("N1".into());
    check(given_before, own, BlockWithWitness, &["block-with-witness too-early"]);
    let late = |h: &mut Hospital| {
        h.give("7001", 2);
        h.at("15:30:00").vend(Some("7001"), 2);
        h.at("15:31:00");
    };
    check(late, |_| {}, Warn, &["warn late"]);
    let held = |h: &mut Hospital| {
        h.order(Control::Hold, "7001");
    };
    check(held, |_| {}, Block, &["block on-hold"]);
    let changed = |h: &mut Hospital| {
        h.order_for(ANNA, Control::Change, "7001", "PARA500", None);
    };
    check(changed, |_| {}, Block, &["block not-verified"]);
}

#[test]
fn the_right_person() {
    use Outcome::{Block, BlockWithWitness, Pass};
    check(nothing, |s| s.performer = "HCA".into(), Block, &["block user-not-allowed"]);
    let alert = |h: &mut Hospital| {
        let mut site = bedside_site();
        site.items[0].high_alert = true;
        h.ask(Request::Configure(Box::new(site)));
    };
    check(alert, |_| {}, BlockWithWitness, &["block-with-witness second-check"]);
    let seen = |s: &mut Scan| s.witness = Some("N2".into());
    check(alert, seen, Pass, &["block-with-witness second-check"]);
}

#[test]
fn what_is_given_and_wasted_leaves_the_hands() {
    let mut hospital = hospital();
    let mut told = scan(&hospital, Act::Give, &["PP-0017"]);
    told.given = Some(1.into());
    told.wasted = 1.into();
    told.reason = Some(CodeableConcept::of("http://snomed.info/sct", "182895007", None));
    told.confirmed = vec!["partial-dose".into()];
    ask(&mut hospital, vec![told]);
    let kept = hospital.stored(ResourceType::MedicationAdministration).swap_remove(0);
    let kept: MedicationAdministration = kept.read().unwrap();
    assert_eq!(kept.status, Status::Stopped);
    assert_eq!(hospital.balance("hands"), Decimal::ZERO);
    assert_eq!(hospital.balance("waste"), Decimal::ONE);
    hospital.at("11:00:00").tick();
    assert_eq!(hospital.open_cases(), []);
}

#[test]
fn an_omission_has_a_coded_reason_and_a_critical_one_is_looked_at() {
    let mut hospital = hospital();
    let mut site = bedside_site();
    site.items[0].critical = true;
    hospital.ask(Request::Configure(Box::new(site)));
    let mut told = scan(&hospital, Act::Omit, &["PP-0017"]);
    let first = ask(&mut hospital, vec![told.clone()]).swap_remove(0);
    assert_eq!(words(&first), ["block reason-missing"]);
    told.reason = Some(CodeableConcept::of("http://snomed.info/sct", "182895007", None));
    let checked = ask(&mut hospital, vec![told]).swap_remove(0);
    assert!(checked.kept.is_some());
    let kept = hospital.stored(ResourceType::MedicationAdministration).swap_remove(0);
    assert_eq!(kept.read::<MedicationAdministration>().unwrap().status, Status::NotDone);
    let case = (CaseKind::OmittedDose, "critical-medicine".to_owned());
    assert_eq!(hospital.open_cases(), [case]);
}

#[test]
fn an_omission_needs_no_pack_but_its_order() {
    let mut hospital = hospital();
    let mut told = scan(&hospital, Act::Omit, &[]);
    told.reason = Some(CodeableConcept::of("http://snomed.info/sct", "182895007", None));
    let first = ask(&mut hospital, vec![told.clone()]).swap_remove(0);
    assert_eq!(words(&first), ["block ambiguous-order"]);
    told.order = Some(Identifier::of(ORDER, "7001"));
    let checked = ask(&mut hospital, vec![told]).swap_remove(0);
    assert!(checked.kept.is_some(), "{checked:?}");
    let kept = hospital.stored(ResourceType::MedicationAdministration).swap_remove(0);
    let kept: MedicationAdministration = kept.read().unwrap();
    assert_eq!(kept.status, Status::NotDone);
    assert_eq!(hospital.balance("hands"), Decimal::TWO, "what was taken is still in hands");
}

#[test]
fn an_infusion_starts_changes_and_ends() {
    let mut hospital = hospital();
    let told = scan(&hospital, Act::Start, &["PP-0017"]);
    let started = ask(&mut hospital, vec![told.clone()]).swap_remove(0).kept.unwrap();
    let go_on = |hospital: &mut Hospital, act, rate: Option<&str>| {
        let rate = rate.map(|rate| Quantity::new(rate.parse().unwrap(), "ml/h"));
        let infusion = Some(started.clone());
        let next =
            Scan { act, rate, infusion, packs: vec![], activity: hospital.now, ..told.clone() };
        ask(hospital, vec![next]).swap_remove(0)
    };
    assert_eq!(words(&go_on(&mut hospital, Act::Rate, None)), ["block rate-missing"]);
    hospital.at("09:00:00");
    assert_eq!(go_on(&mut hospital, Act::Rate, Some("125")).outcome, Outcome::Pass);
    hospital.at("10:00:00");
    assert_eq!(go_on(&mut hospital, Act::Stop, None).outcome, Outcome::Pass);
    assert_eq!(words(&go_on(&mut hospital, Act::Stop, None)), ["block not-running"]);
    let versions = hospital.stored(ResourceType::MedicationAdministration);
    let statuses: Vec<Status> =
        versions.iter().map(|it| it.read::<MedicationAdministration>().unwrap().status).collect();
    assert_eq!(statuses, [Status::InProgress, Status::InProgress, Status::Completed]);
    let last: MedicationAdministration = versions[2].read().unwrap();
    assert!(last.effective_period.unwrap().end.is_some());
    assert!(last.dosage.unwrap().rate_quantity.is_some());
}

/// The rate of a version of an infusion, and its changes as `time rate`.
fn rates(version: &StoredResource) -> (String, Vec<String>) {
    let read: MedicationAdministration = version.read().unwrap();
    let rate = read.dosage.and_then(|dosage| dosage.rate_quantity).and_then(|rate| rate.value);
    let note = |note: &fhir::types::Annotation| {
        let time = note.time.as_ref().unwrap().lower().to_string();
        format!("{} {}", &time[11..16], note.text)
    };
    (rate.map(|rate| rate.to_string()).unwrap_or_default(), read.note.iter().map(note).collect())
}

#[test]
fn the_changes_of_an_infusion_come_in_the_order_of_their_times_and_once() {
    let mut hospital = hospital();
    let told = scan(&hospital, Act::Start, &["PP-0017"]);
    let started = ask(&mut hospital, vec![told.clone()]).swap_remove(0).kept.unwrap();
    let change = |act, at: &str, rate: &str| Scan {
        act,
        rate: (!rate.is_empty()).then(|| Quantity::new(rate.parse().unwrap(), "ml/h")),
        infusion: Some(started.clone()),
        packs: vec![],
        activity: time(at),
        offline: true,
        ..told.clone()
    };
    hospital.at("12:00:00");
    let upload = vec![
        change(Act::Rate, "10:00:00", "80"),
        change(Act::Rate, "09:00:00", "125"),
        change(Act::Rate, "10:00:00", "75.5"),
    ];
    let outcomes = |hospital: &mut Hospital, upload: &[Scan]| -> Vec<Outcome> {
        ask(hospital, upload.to_vec()).iter().map(|checked| checked.outcome).collect()
    };
    assert_eq!(outcomes(&mut hospital, &upload), [Outcome::Pass; 3]);
    let versions = hospital.stored(ResourceType::MedicationAdministration);
    let numbers: Vec<u64> = versions.iter().map(|version| version.version).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let all = ["09:00 Rate: 125 ml/h", "10:00 Rate: 80 ml/h", "10:00 Rate: 75.5 ml/h"];
    let seen: Vec<_> = versions.iter().map(rates).collect();
    let expected = [("", 0), ("125", 1), ("80", 2), ("75.5", 3)];
    let expected: Vec<_> = expected
        .map(|(rate, n)| {
            (rate.to_owned(), all[..n].iter().map(|text| (*text).to_owned()).collect())
        })
        .into();
    assert_eq!(seen, expected);
    assert_eq!(hospital.queued("to-epma").len(), 5, "a removal, the start, and each change");
    // The same upload again, and what another device told late: nothing twice, nothing lost, and
    // the rate stays the one that was set last.
    let mut again = upload;
    again.push(change(Act::Rate, "09:30:00", "100"));
    assert_eq!(outcomes(&mut hospital, &again), [Outcome::Pass; 4]);
    let versions = hospital.stored(ResourceType::MedicationAdministration);
    assert_eq!(versions.len(), 5);
    let (rate, notes) = rates(&versions[4]);
    assert_eq!(rate, "75.5");
    assert_eq!(notes, [all[0], "09:30 Rate: 100 ml/h", all[1], all[2]]);
    // Its end, and the whole upload again with a change before the end and one behind it.
    let stop = change(Act::Stop, "11:00:00", "");
    assert_eq!(outcomes(&mut hospital, std::slice::from_ref(&stop)), [Outcome::Pass]);
    again.extend([
        stop,
        change(Act::Rate, "10:30:00", "60"),
        change(Act::Rate, "11:30:00", "50"),
        change(Act::Stop, "11:45:00", ""),
    ]);
    let expected = [[Outcome::Pass; 6].as_slice(), &[Outcome::Block; 2]].concat();
    assert_eq!(outcomes(&mut hospital, &again), expected);
    let versions = hospital.stored(ResourceType::MedicationAdministration);
    assert_eq!(versions.len(), 7);
    let (rate, notes) = rates(&versions[6]);
    assert_eq!((rate.as_str(), notes.len()), ("60", 5));
    let last: MedicationAdministration = versions[6].read().unwrap();
    assert_eq!(last.status, Status::Completed);
    let deviations = hospital.open_cases();
    let expected = (CaseKind::BedsideDeviation, "not-running".to_owned());
    assert_eq!(deviations.iter().filter(|case| **case == expected).count(), 2);
}

#[test]
fn what_was_done_offline_is_kept_in_its_order_with_a_case_for_what_should_not_have_been() {
    let mut hospital = hospital();
    let at = |text: &str, offline: &Scan| Scan { activity: time(text), ..offline.clone() };
    let mut told = scan(&hospital, Act::Give, &["PP-0017"]);
    told.offline = true;
    hospital.at("12:00:00");
    // The later one is told first: by the time of the acts it is the second dose too early.
    let acts = vec![at("09:20:00", &told), at("08:40:00", &told)];
    let checked = ask(&mut hospital, acts);
    assert_eq!(checked[1].outcome, Outcome::Pass, "{checked:?}");
    assert!(checked.iter().all(|one| one.kept.is_some()));
    let expected = [
        (CaseKind::UnmatchedTransaction, "administration-without-removal".to_owned()),
        (CaseKind::BedsideDeviation, "too-early".to_owned()),
    ];
    assert_eq!(hospital.open_cases(), expected);
    // It was given all the same: the chart must not say that it was not.
    let pack = |code: &str| PackScan { code: code.into(), units: None };
    let stale = Scan { packs: vec![pack(EXPIRED), pack(GTIN)], ..at("11:00:00", &told) };
    let checked = ask(&mut hospital, vec![stale.clone()]).swap_remove(0);
    assert!(words(&checked).contains(&"block expired".to_owned()), "{checked:?}");
    assert!(checked.kept.is_some());
    let now = Scan { offline: false, ..stale };
    assert!(ask(&mut hospital, vec![now]).swap_remove(0).kept.is_none());
    let wrong = Scan { band: Some(band(BELA)), ..at("09:30:00", &told) };
    let checked = ask(&mut hospital, vec![wrong]).swap_remove(0);
    assert!(checked.kept.is_none());
    let cases = hospital.open_cases();
    assert!(cases.contains(&(CaseKind::BedsideDeviation, "unknown-patient".to_owned())));
}

#[test]
fn a_check_records_nothing_and_every_look_is_in_the_journal() {
    let mut hospital = hospital();
    let told = scan(&hospital, Act::Check, &["PP-0017"]);
    hospital.facts.clear();
    let checked = ask(&mut hospital, vec![told.clone()]).swap_remove(0);
    assert_eq!((checked.outcome, checked.kept), (Outcome::Pass, None));
    assert_eq!(checked.dose, Some(2.into()));
    assert!(matches!(hospital.facts.as_slice(), [medicines::Fact::Seen(_)]));
    hospital.facts.clear();
    ask(&mut hospital, vec![Scan { band: Some(band(BELA)), ..told }]);
    assert!(matches!(hospital.facts.as_slice(), [medicines::Fact::Refused(_)]));
}

#[test]
fn packs_of_the_corpus_are_read_as_the_endpoint_reads_them() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("INTERLOCK_CORPUS").map_or(beside, PathBuf::from);
    let table = folder.join("gs1/derived-medicine-packs/scans.tsv");
    let Ok(table) = std::fs::read_to_string(table) else {
        eprintln!("skipped: no corpus");
        return;
    };
    let mut count = 0;
    for row in table.lines().skip(1) {
        let row: Vec<&str> = row.split('\t').collect();
        let [kind, scan, gtin, expiry, batch, _, acceptable, ..] = row[..] else {
            panic!("a row has seven columns: {row:?}");
        };
        count += 1;
        let mut site = bedside_site();
        site.items[0].barcodes = vec![gtin.to_owned()];
        let scan = PackScan { code: scan.replace("<GS>", "\x1d"), units: None };
        let pack = read::pack(&scan, &site, None, date(2020, 1, 1));
        let silent = pack.findings.iter().all(|finding| finding.outcome == Outcome::Pass);
        assert_eq!(silent, acceptable == "1", "{kind}: {pack:?}");
        if !silent {
            // What is not sure is not used.
            assert!(pack.batch.is_none() && pack.expiry.is_none(), "{kind}: {pack:?}");
            continue;
        }
        assert_eq!(pack.items.len(), 1, "{kind} {gtin}");
        assert_eq!(pack.batch.unwrap_or_default(), batch);
        assert_eq!(pack.expiry.map(|day| day.to_string()).unwrap_or_default(), expiry);
    }
    assert!(count >= 50, "{count} packs");
}

#[test]
fn packs_resolve_by_dm_and_d_and_a_brand_is_a_brand() {
    use medicines::Item;
    let index = std::sync::Arc::new(terminology::synthetic::import().unwrap().index);
    let vmp = index.vmps().find(|vmp| vmp.name() == "Paracetamol 500mg tablets").unwrap();
    let gtin = |amp: &terminology::Amp<'_>| {
        let mut numbers = amp.packs().flat_map(|pack| pack.gtins().collect::<Vec<_>>());
        numbers.next().map(|(gtin, ..)| format!("{gtin:014}"))
    };
    let brands: Vec<(u64, String)> =
        vmp.amps().filter_map(|amp| Some((amp.id(), gtin(&amp)?))).collect();
    let [(brand, own), (_, others), ..] = brands.as_slice() else { panic!("{brands:?}") };
    let other = index.vmps().find(|vmp| vmp.name().starts_with("Furosemide 40mg")).unwrap();
    let foreign = other.amps().find_map(|amp| gtin(&amp)).unwrap();
    let check = |ordered: u64, pack: &str, outcome: Outcome, findings: &[&str]| {
        let mut hospital = Hospital::new();
        let mut site = bedside_site();
        let item = |code: &str, dmd: u64| Item {
            code: code.into(),
            name: code.into(),
            unit: "tablet".into(),
            dmd: Some(dmd.to_string()),
            ..Item::default()
        };
        // A pocket with the brand where the brand is ordered, else one with anybody's tablets.
        site.items.push(item("PTAB", if ordered == *brand { *brand } else { vmp.id() }));
        site.items.push(item("FUR40", other.id()));
        hospital.ask(Request::Configure(Box::new(site)));
        hospital.dictionary = Some(std::sync::Arc::clone(&index));
        let mut message =
            order_message(hospital.now, ANNA, Control::New, "7001", "PARA500", Some("P1"));
        let ordered = ordered.to_string();
        let concept = CodeableConcept::of("https://dmd.nhs.uk", &ordered, None);
        message.order.medication_codeable_concept = Some(concept);
        hospital.ask(Request::Orders(vec![message]));
        hospital.at("08:30:00");
        let told = scan(&hospital, Act::Check, &[pack, pack]);
        let checked = ask(&mut hospital, vec![told]).swap_remove(0);
        assert_eq!(words(&checked), findings, "{ordered} {pack}");
        assert_eq!(checked.outcome, outcome, "{ordered} {pack}");
    };
    let vtm = vmp.vtm().unwrap().id();
    for ordered in [vtm, vmp.id()] {
        check(ordered, own, Outcome::Pass, &[]);
        check(ordered, others, Outcome::Pass, &[]);
        check(ordered, &foreign, Outcome::Block, &["block not-ordered"]);
    }
    check(*brand, own, Outcome::Pass, &[]);
    let another = ["block not-in-formulary", "block not-in-formulary"];
    check(*brand, others, Outcome::Block, &another);
    check(vmp.id(), "09501101530003", Outcome::Block, &["block not-ordered"]);
}

#[test]
fn a_route_that_nobody_knows_is_told_and_into_the_spine_is_never_a_vinca_alkaloid() {
    use Outcome::{Block, Pass, Warn};
    use medicines::Item;
    let index = std::sync::Arc::new(terminology::synthetic::import().unwrap().index);
    let vmp = index.vmps().find(|vmp| vmp.name() == "Paracetamol 500mg tablets").unwrap();
    assert!(vmp.routes().next().is_some());
    let oral = vmp.routes().next().unwrap().code.to_string();
    let check =
        |name: &str, dmd: bool, route: Option<CodeableConcept>, outcome, findings: &[&str]| {
            let mut hospital = Hospital::new();
            let mut site = bedside_site();
            site.items.push(Item {
                code: "X".into(),
                name: name.into(),
                unit: "tablet".into(),
                strength: Some(Quantity::new(500.into(), "mg")),
                dmd: dmd.then(|| vmp.id().to_string()),
                aliases: vec![Alias {
                    code: "X-1".into(),
                    units: None,
                    signed_by: vec!["N1".into(), "N2".into()],
                }],
                ..Item::default()
            });
            hospital.ask(Request::Configure(Box::new(site)));
            hospital.dictionary = Some(std::sync::Arc::clone(&index));
            let mut message =
                order_message(hospital.now, ANNA, Control::New, "7001", "X", Some("P1"));
            let dosage = &mut message.order.dosage_instruction[0];
            let amount = dosage.dose_and_rate[0].dose_quantity.as_mut().unwrap();
            amount.value = Some(fhir::Decimal::parse("1000").unwrap());
            dosage.route.clone_from(&route);
            hospital.ask(Request::Orders(vec![message]));
            hospital = hospital.restarted();
            hospital.at("08:30:00");
            let told = scan(&hospital, Act::Check, &["X-1", "X-1"]);
            let checked = ask(&mut hospital, vec![told]).swap_remove(0);
            assert_eq!(words(&checked), findings, "{name} by {route:?}");
            assert_eq!(checked.outcome, outcome, "{name} by {route:?}");
        };
    let coded = |code: &str| Some(CodeableConcept::of("urn:route", code, None));
    let words = |text: &str| Some(CodeableConcept::from_text(text));
    let snomed = |code: &str| Some(CodeableConcept::of("http://snomed.info/sct", code, None));
    let unknown = ["warn route-unknown"];
    check("Paracetamol", true, None, Pass, &[]);
    check("Paracetamol", true, coded("PO"), Pass, &[]);
    check("Paracetamol", true, coded("oral"), Pass, &[]);
    check("Paracetamol", true, snomed(&oral), Pass, &[]);
    check("Paracetamol", true, coded("ZZ9"), Warn, &unknown);
    check("Paracetamol", true, words("PO or PR"), Warn, &unknown);
    check("Paracetamol", true, snomed("9999999999"), Warn, &unknown);
    // Of a product without a list of routes nothing is said.
    check("Paracetamol", false, coded("ZZ9"), Pass, &[]);
    for route in [coded("IT"), coded("INTRATHECAL"), words("epidural"), snomed("72607000")] {
        check("Vincristine 2 mg", false, route, Block, &["block vinca-spinal"]);
    }
    check("Vincristine 2 mg", false, coded("IV"), Pass, &[]);
}
