//! Release 1 of the corpus: `$INTERLOCK_CORPUS`, else `../shared/data` beside the workspace.
//! Without it the tests say that they were skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gs1::Gtin;
use jiff::civil::date;
use rust_decimal::Decimal;
use terminology::{
    Availability, Change, ControlledDrug, DoseForm, Imported, Importer, Index, Kind, LegalCategory,
    PrescribingStatus, diff,
};

fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("INTERLOCK_CORPUS").map_or(beside, PathBuf::from).join("dmd");
    if !folder.is_dir() {
        eprintln!("skipped: no corpus");
        return None;
    }
    Some(folder)
}

/// The files of release 1 by name.
fn files() -> Option<BTreeMap<String, String>> {
    let folder = folder()?.join("openprescribing/dmd-release-1");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the corpus is readable") {
        let path = entry.expect("the corpus is readable").path();
        let name = path.file_name().expect("the corpus is readable").to_string_lossy().into_owned();
        files.insert(name, std::fs::read_to_string(path).expect("the corpus is readable"));
    }
    Some(files)
}

fn import(files: &BTreeMap<String, String>) -> Imported {
    let mut importer = Importer::new();
    for (name, content) in files {
        importer.file(name, content.as_bytes()).expect("the corpus is readable");
    }
    importer.finish().expect("the corpus is readable")
}

#[test]
fn every_count_is_that_of_the_files() {
    let Some(files) = files() else { return };
    let Imported { index, problems, .. } = import(&files);
    assert!(problems.is_empty(), "{problems:?}");
    let count = |file: &str, tag: &str| {
        let (_, text) = files.iter().find(|(name, _)| name.starts_with(file)).unwrap();
        u32::try_from(text.matches(&format!("<{tag}>")).count()).unwrap()
    };
    let counts = index.release().counts;
    eprintln!("release 1: {:?}", counts.each());
    assert_eq!(counts.vtms, count("f_vtm2", "VTM"));
    assert_eq!(counts.vmps, count("f_vmp2", "VMP"));
    assert_eq!(counts.amps, count("f_amp2", "AMP"));
    assert_eq!(counts.vmpps, count("f_vmpp2", "VMPP"));
    assert_eq!(counts.ampps, count("f_ampp2", "AMPP"));
    assert_eq!(counts.ingredients, count("f_ingredient2", "ING"));
    assert_eq!(counts.gtins, count("f_gtin2", "GTIN"));
    let each = |count: usize| u32::try_from(count).unwrap();
    let strengths = index.vmps().map(|vmp| vmp.strengths().count()).sum();
    assert_eq!(each(strengths), count("f_vmp2", "VPI"));
    let routes = index.vmps().map(|vmp| vmp.routes().count()).sum();
    assert_eq!(each(routes), count("f_vmp2", "DROUTE"));
    let both = index.vmps().map(|vmp| vmp.forms_and_routes().count()).sum();
    assert_eq!(each(both), count("f_vmp2", "ONT"));
    assert_eq!(each(index.vmps().filter_map(|vmp| vmp.form()).count()), count("f_vmp2", "DFORM"));
    let licensed = index.amps().map(|amp| amp.routes().count()).sum();
    assert_eq!(each(licensed), count("f_amp2", "LIC_ROUTE"));
    let excipients = index.amps().map(|amp| amp.excipients().count()).sum();
    assert_eq!(each(excipients), count("f_amp2", "AP_ING"));
    assert_eq!(index.release().day, Some(date(2019, 4, 1)));
    assert!(!index.release().synthetic);
}

#[test]
fn importing_again_gives_the_same_bytes() {
    let Some(files) = files() else { return };
    let first = import(&files).index.to_bytes();
    assert_eq!(import(&files).index.to_bytes(), first);
    // The order of the files does not matter either.
    let mut importer = Importer::new();
    for (name, content) in files.iter().rev() {
        importer.file(name, content.as_bytes()).unwrap();
    }
    assert_eq!(importer.finish().unwrap().index.to_bytes(), first);
    let read = Index::from_bytes(&first).unwrap();
    assert_eq!(read.to_bytes(), first);
    assert!(diff(&read, &import(&files).index).is_empty());
    eprintln!("index of release 1: {} bytes", first.len());
}

#[test]
fn a_vial_with_all_that_is_said_about_it() {
    let Some(files) = files() else { return };
    let Imported { index, .. } = import(&files);
    let found = index.find(318_338_001).unwrap();
    assert!(found.recoded, "the id of before 2018 leads to the one of now");
    assert_eq!((found.product.kind(), found.product.id()), (Kind::Vmp, 35_894_711_000_001_106));
    let vmp = found.product.vmp().unwrap();
    assert_eq!(vmp.vtm().unwrap().name(), "Adenosine");
    assert_eq!(vmp.dose_form(), DoseForm::Discrete);
    let (size, unit) = vmp.unit_dose_size().unwrap();
    assert_eq!((size, unit.name), (Decimal::TWO, "ml"));
    assert_eq!(vmp.unit_dose().unwrap().name, "vial");
    let strength = vmp.strengths().next().unwrap();
    let (amount, per) = (strength.amount.unwrap(), strength.per.unwrap());
    assert_eq!((amount.0, amount.1.name), (Decimal::from(3), "mg"));
    assert_eq!((per.0, per.1.name), (Decimal::ONE, "ml"));
    assert_eq!(vmp.prescribing_status(), PrescribingStatus::Valid);
    assert_eq!(vmp.controlled(), ControlledDrug::None);
    let amp = vmp.amps().find(|amp| amp.id() == 4_744_411_000_001_104).unwrap();
    assert_eq!(amp.availability(), Availability::HospitalOnly);
    let pack = amp.packs().find(|pack| pack.id() == 4_744_711_000_001_105).unwrap();
    assert_eq!(pack.legal_category(), LegalCategory::PrescriptionOnly);
    assert_eq!(pack.vmpp().unwrap().quantity().unwrap().0, Decimal::from(6));
}

#[test]
fn scans_lead_to_packs_and_ended_numbers_say_so() {
    let Some(files) = files() else { return };
    let Imported { index, .. } = import(&files);
    let day = date(2019, 4, 1);
    let text =
        std::fs::read_to_string(folder().unwrap().join("../gs1/derived-medicine-packs/scans.tsv"));
    let mut found = 0;
    for line in text.unwrap().lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let Ok(gtin) = columns[2].parse::<Gtin>() else { continue };
        let scanned = index.scan(gtin, day);
        // A number that came back has two rows; the one of the day is the first.
        assert!(!scanned.is_empty(), "{line}");
        found += 1;
        if let Some(ampp) = columns[7].strip_prefix("AMPP ") {
            let ampp: u64 = ampp.split(';').next().unwrap().parse().unwrap();
            assert_eq!(scanned[0].ampp.id(), ampp, "{line}");
        }
        if columns[0] == "withdrawn-gtin" {
            assert!(!scanned[0].is_current, "{line}");
            assert!(index.scan(gtin, date(2013, 7, 21))[0].is_current);
            assert!(!index.scan(gtin, date(2009, 1, 1))[0].is_current);
        }
    }
    eprintln!("{found} scans lead to a pack");
    assert!(found > 40);
    assert!(index.scan("96385074".parse().unwrap(), day).is_empty());
}

#[test]
fn codes_of_nhs_examples() {
    let Some(files) = files() else { return };
    let Imported { index, .. } = import(&files);
    let table = folder().unwrap().join("derived/medicine-codes-in-nhs-examples.tsv");
    let table = std::fs::read_to_string(table).unwrap();
    // Those that the release holds in any file, as an id of now or of before.
    let mut held: BTreeSet<&str> = BTreeSet::new();
    for tag in ["VTMID", "VTMIDPREV", "VPID", "VPIDPREV", "APID", "VPPID", "APPID"] {
        let tag = format!("<{tag}>");
        for text in files.values() {
            held.extend(text.split(&tag).skip(1).filter_map(|rest| rest.split('<').next()));
        }
    }
    let (mut resolved, mut absent) = (Vec::new(), 0);
    for line in table.lines().skip(1) {
        let code = line.split('\t').next().unwrap();
        let held = held.contains(code);
        let found = code.parse().ok().and_then(|id| index.find(id));
        assert_eq!(found.is_some(), held, "{line}");
        if let Some(found) = found {
            let recoded = if found.recoded { " (re-coded)" } else { "" };
            resolved.push(format!("{code} {}{recoded}", found.product.name()));
        } else {
            absent += 1;
        }
    }
    eprintln!("{} codes resolve, {absent} are not in the release: {resolved:#?}", resolved.len());
    assert!(!resolved.is_empty());
}

#[test]
fn a_second_release_shows_what_it_changes() {
    let Some(mut files) = files() else { return };
    let before = import(&files).index;
    let vmp = files.iter_mut().find(|(name, _)| name.starts_with("f_vmp2")).unwrap().1;
    // A product gets another id, another name, and a schedule.
    *vmp = vmp
        .replace("36016311000001102", "99016311000001102")
        .replace("<VPIDPREV>347209005</VPIDPREV>", "<VPIDPREV>36016311000001102</VPIDPREV>")
        .replace("Diclofenac 2.32% gel</NM>", "Diclofenac 2.5% gel</NM>");
    for (name, text) in &mut files {
        if name.starts_with("f_amp2") || name.starts_with("f_vmpp2") {
            *text = text.replace("36016311000001102", "99016311000001102");
        }
    }
    let vtm = files.iter_mut().find(|(name, _)| name.starts_with("f_vtm2")).unwrap().1;
    let begin = vtm.find("<VTM>\n    <VTMID>68088000<").unwrap();
    let end = begin + vtm[begin..].find("</VTM>").unwrap() + "</VTM>".len();
    vtm.replace_range(begin..end, "<VTM><VTMID>123456789</VTMID><NM>Newcomer</NM></VTM>");
    let Imported { index: after, problems, .. } = import(&files);
    assert!(problems.is_empty(), "{problems:?}");
    let differences = diff(&before, &after);
    let of = |id: u64| &differences.iter().find(|one| one.id == id).unwrap().change;
    assert_eq!(*of(36_016_311_000_001_102), Change::Recoded { to: 99_016_311_000_001_102 });
    assert_eq!(*of(68_088_000), Change::Withdrawn);
    assert_eq!(*of(123_456_789), Change::New);
    let Change::Changed { fields } = of(22_480_211_000_001_104) else { panic!("it changed") };
    let [("name", old, new)] = &fields[..] else { panic!("only the name: {fields:?}") };
    assert_eq!((old.as_str(), new.as_str()), ("Diclofenac 2.32% gel", "Diclofenac 2.5% gel"));
    // The id of two releases ago still leads there.
    assert!(after.find(36_016_311_000_001_102).unwrap().recoded);
}

#[test]
fn people_find_by_name() {
    let Some(files) = files() else { return };
    let Imported { index, .. } = import(&files);
    for (query, first, nearly) in [
        ("adenosine", "Adenosine", false),
        ("ADENOS", "Adenosine", false),
        ("adenosin 6", "Adenosine 6mg/2ml solution for injection vials", true),
        ("adenosine 6 mg", "Adenosine 6mg/2ml solution for injection vials", false),
        ("paracetmol", "Paracetamol", true),
        ("parcetam", "Paracetamol", true),
        ("moprhine", "Morphine", true),
        ("adenocor", "Adenocor 6mg/2ml solution for injection vials (Sanofi)", false),
    ] {
        let hits = index.search(query, 10);
        let hit = hits.first().unwrap_or_else(|| panic!("{query} finds nothing"));
        assert_eq!((hit.product.name(), hit.nearly), (first, nearly), "{query}");
    }
    assert!(index.search("", 10).is_empty());
    assert!(index.search("adenosine 7mg", 10).is_empty(), "a number has to be right");
}
