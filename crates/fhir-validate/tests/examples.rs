//! Published examples are valid, by R4 and by UK Core; broken ones are refused in the right place.
//!
//! The corpus is the folder that `INTERLOCK_CORPUS` names, or `../shared/data`. All examples of R4
//! (npm `hl7.fhir.r4.examples`) are read from the folder that `INTERLOCK_R4_EXAMPLES` names.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it cannot go on")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fhir_validate::{Issue, Packages, Severity, Validator};

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("INTERLOCK_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = named.unwrap_or(beside).join("fhir");
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    };
    all.sort();
    all
}

fn json(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).unwrap();
    match path.extension()?.to_str()? {
        "json" => String::from_utf8(bytes).ok(),
        "xml" => fhir_xml::to_json(&bytes).ok(),
        _ => None,
    }
}

fn errors(issues: Vec<Issue>) -> Vec<Issue> {
    issues.into_iter().filter(|issue| issue.severity == Severity::Error).collect()
}

/// Validates files; tells how many have no error, and the errors by their words.
fn run(validator: &Validator, files: &[PathBuf], except: &[(&str, &str)]) -> (usize, usize) {
    let (mut read, mut clean) = (0, 0);
    let mut misses = BTreeMap::new();
    for path in files {
        let Some(text) = json(path).filter(|text| text.contains("\"resourceType\"")) else {
            continue;
        };
        read += 1;
        let stem = path.file_stem().unwrap().to_string_lossy();
        let own = profile_of(validator, &stem, &text);
        let asked: Vec<&str> = own.iter().map(String::as_str).collect();
        let found = errors(validator.validate(&text, &asked));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if found.is_empty() {
            clean += 1;
        } else if !except.iter().any(|(known, _)| *known == name) {
            misses.insert(name, found);
        }
    }
    for (name, issues) in &misses {
        for issue in issues {
            println!("{name}: {}: {}", issue.expression, issue.text);
        }
    }
    println!("{clean} of {read} have no error; {} are not explained", misses.len());
    (misses.len(), read)
}

/// The most special profile of UK Core that the name of an example begins with, or that of its
/// type.
fn profile_of(validator: &Validator, stem: &str, text: &str) -> Option<String> {
    let resource: serde_json::Value = serde_json::from_str(text).ok()?;
    let typed = format!("UKCore-{}", resource["resourceType"].as_str()?);
    let mut name = if stem.starts_with(&typed) { stem } else { typed.as_str() };
    loop {
        let url = format!("https://fhir.hl7.org.uk/StructureDefinition/{name}");
        if validator.knows(&url) {
            return Some(url);
        }
        name = name.rsplit_once('-')?.0;
    }
}

fn uk_core(corpus: &Path) -> Validator {
    let mut packages = Packages::r4();
    for folder in ["structuredefinitions", "valuesets", "codesystems"] {
        for path in files(&corpus.join("uk-core").join(folder)) {
            // A definition that is no FHIR is left out, as a server would.
            let _ = packages.add(&std::fs::read(&path).unwrap());
        }
    }
    Validator::new(packages)
}

#[test]
fn examples_of_r4_are_valid() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let validator = Validator::new(Packages::r4());
    let files = files(&corpus.join("r4-official/instances"));
    let except = [
        ("ActivityDefinition-blood-tubes-supply.json", "its narrative is empty"),
        (
            "Bundle-father.json",
            "a relative reference from an entry that has no address to begin at",
        ),
        ("DeviceUseStatement-example.json", "its reason is a Procedure, which may not be one"),
        ("EventDefinition-example.json", "its narrative is empty"),
        ("Questionnaire-qs1.json", "items have no linkId"),
    ];
    let (misses, read) = run(&validator, &files, &except);
    assert_eq!(misses, 0);
    assert!(read > 300);
}

#[test]
fn every_example_of_r4() {
    let Some(folder) = std::env::var_os("INTERLOCK_R4_EXAMPLES") else {
        println!("skipped: INTERLOCK_R4_EXAMPLES names no folder");
        return;
    };
    let validator = Validator::new(Packages::r4());
    let (misses, read) = run(&validator, &files(Path::new(&folder)), &[]);
    assert!(misses * 100 < read, "{misses} of {read}");
}

#[test]
fn examples_of_uk_core_are_valid() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let validator = uk_core(&corpus);
    let files = files(&corpus.join("uk-core/examples"));
    let except = [
        ("Extension-UKCore-ConditionEpisode-Example.xml", "an extension has two values"),
        ("UKCore-Bundle-NEWS2Observations-Example.xml", "fullUrls are relative"),
        ("UKCore-MedicationDispense-Amoxicillin-Example.xml", "a reference is an id alone"),
        ("UKCore-Provenance-RARecordConsent-Example.xml", "a reference leads to a definition"),
    ];
    let (misses, read) = run(&validator, &files, &except);
    assert_eq!(misses, 0);
    assert!(read > 90);
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"a",
  "meta":{"profile":["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"]},
  "extension":[{"url":"https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-BirthSex",
    "valueCodeableConcept":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender",
    "code":"F"}]}}],
  "identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"},
    {"system":"urn:example","value":"x"}],
  "name":[{"use":"official","family":"Smith","given":["Ann"]}],"gender":"female",
  "birthDate":"1980-01-31","generalPractitioner":[{"reference":"Practitioner/b"}]}"#;

const DISPENSE: &str = r#"{"resourceType":"MedicationDispense","status":"completed",
  "meta":{"profile":["https://fhir.hl7.org.uk/StructureDefinition/UKCore-MedicationDispense"]},
  "medicationCodeableConcept":{"text":"Amoxicillin"},"subject":{"reference":"Patient/a"},
  "whenPrepared":"2026-11-21T09:00:00Z","whenHandedOver":"2026-11-21T10:00:00Z"}"#;

/// One edit of a valid resource; the first error lies there.
#[track_caller]
fn broken(validator: &Validator, valid: &str, (from, to): (&str, &str), place: &str) {
    assert!(valid.contains(from), "{from}");
    let issues = errors(validator.validate(&valid.replace(from, to), &[]));
    let places: Vec<&str> = issues.iter().map(|issue| issue.expression.as_str()).collect();
    assert!(places.contains(&place), "{from} -> {to}: {issues:?}");
}

#[test]
fn broken_resources_are_refused_in_the_right_place() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let validator = uk_core(&corpus);
    for valid in [PATIENT, DISPENSE] {
        assert_eq!(errors(validator.validate(valid, &[])), []);
    }
    let number = r#"{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}"#;
    for (edit, place) in [
        (("\"family\":", "\"surname\":"), "Patient.name[0].surname"),
        (("\"female\"", "\"F\""), "Patient.gender"),
        (("1980-01-31", "1980-02-31"), "Patient.birthDate"),
        (("[\"Ann\"]", "\"Ann\""), "Patient.name[0].given"),
        (("Practitioner/b", "Location/b"), "Patient.generalPractitioner[0]"),
        (("Practitioner/b", "b"), "Patient.generalPractitioner[0].reference"),
        ((",\"value\":\"9990000018\"", ""), "Patient.identifier[0].value"),
        ((number, &format!("{number},{number}")), "Patient.identifier"),
        (("\"code\":\"F\"", "\"code\":\"z\""), "Patient.extension[0].value"),
        (
            ("valueCodeableConcept\":{\"coding\":[", "valueReference\":{\"x\":["),
            "Patient.extension[0].value.x",
        ),
        (("\"use\":\"official\"", "\"use\":\"best\""), "Patient.name[0].use"),
        (("\"id\":\"a\"", "\"id\":\"a b\""), "Patient.id"),
        (("UKCore-Patient", "UKCore-Location"), "Patient"),
    ] {
        broken(&validator, PATIENT, edit, place);
    }
    for (edit, place) in [
        (("\"status\":\"completed\",", ""), "MedicationDispense.status"),
        (("completed", "done"), "MedicationDispense.status"),
        (("T10:", "T08:"), "MedicationDispense"),
        (("Patient/a", "Medication/a"), "MedicationDispense.subject"),
        (
            ("\"medicationCodeableConcept\":{\"text\":\"Amoxicillin\"},", ""),
            "MedicationDispense.medication",
        ),
        (("{\"text\":\"Amoxicillin\"}", "[]"), "MedicationDispense.medication"),
    ] {
        broken(&validator, DISPENSE, edit, place);
    }
}

#[test]
fn a_published_package_is_loaded() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let path = corpus.join("test-cases/validator/swiss.mednet.fhir#0.5.0.tgz");
    let mut packages = Packages::r4();
    let taken = packages.add_archive(&std::fs::read(path).unwrap()).unwrap();
    assert!(taken > 10, "{taken}");
}
