//! The verdicts of HL7's test cases for validators, for cases that need nothing we lack.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fhir_validate::{Issue, Packages, Severity, Validator};
use serde_json::Value;

/// What the cases are about that this validator does; others need a terminology server, other
/// versions of FHIR, or are about other things (questionnaires, CDA, signatures, measures).
const MODULES: &[&str] = &[
    "general",
    "profile",
    "extensions",
    "bundle",
    "references",
    "invariants",
    "xhtml",
    "base",
    "security",
    "fmt",
];

/// What a case may ask for that is not here.
const NEEDS: &[&str] = &[
    "packages",
    "fetcher",
    "validateReference",
    "matchetype",
    "logical",
    "ips",
    "for-publication",
    "scoring",
    "examples",
    "bundle-param",
    "tx-dependent",
    "language",
    "supporting5",
    "advisor",
    "security-checks",
];

/// Cases with another verdict, each with the cause.
const KNOWN: &[(&str, &str)] = &[
    ("PulseOxBundle_25Oct2022", "vital signs that name no profile are only warned of"),
    ("encounter-period", "a day and a time in it are not told apart, which breaks no rule here"),
    ("list-bad-reference", "the published validator lets a wrong reference pass by an option"),
    ("obs-temp-bad", "the published validator also knows vital signs by codes of SNOMED CT"),
    ("toplevel-minvalueduration-fail (profile)", "limits relative to now would need a clock"),
    ("xhtml-ctrl-twob-lang-bad (profile)", "languages of narratives are not judged"),
];

/// The least share of equal verdicts, in hundredths.
const LEAST: usize = 90;

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("INTERLOCK_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = named.unwrap_or(beside).join("fhir/test-cases/validator");
    folder.is_dir().then_some(folder)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether the published validator finds an error; `None` where its outcome is not there.
fn expected(folder: &Path, java: &Value) -> Option<bool> {
    if let Some(count) = java["errorCount"].as_u64() {
        return Some(count > 0);
    }
    let outcome = match java {
        Value::String(name) => {
            let text = std::fs::read_to_string(folder.join("outcomes").join(name)).ok()?;
            serde_json::from_str(&text).ok()?
        }
        other => other["outcome"].clone(),
    };
    let issues = outcome["issue"].as_array()?;
    let errors = || {
        issues.iter().filter(|issue| issue["severity"] == "error" || issue["severity"] == "fatal")
    };
    // The words for codes of LOINC, CVX and the like are asked of a terminology server.
    let words = |issue: &Value| {
        issue["details"]["text"].as_str().is_some_and(|text| text.starts_with("Wrong Display Name"))
    };
    if errors().next().is_some() && errors().all(words) {
        return None;
    }
    Some(errors().next().is_some())
}

fn load(packages: &mut Packages, folder: &Path, names: &[String]) -> bool {
    names.iter().all(|name| {
        std::fs::read(folder.join(name)).is_ok_and(|bytes| {
            let _ = packages.add(&bytes);
            true
        })
    })
}

/// The JSON of a case, or the error that it cannot be read.
fn json(folder: &Path, name: &str) -> Option<Result<String, String>> {
    let bytes = std::fs::read(folder.join(name)).ok()?;
    let ending = Path::new(name).extension()?.to_str()?;
    match ending {
        "json" => Some(String::from_utf8(bytes).map_err(|error| error.to_string())),
        "xml" => Some(fhir_xml::to_json(&bytes).map_err(|error| error.to_string())),
        _ => None,
    }
}

fn verdict(
    json: &Result<String, String>,
    packages: Packages,
    profiles: &[&str],
) -> Result<Vec<Issue>, String> {
    let text = json.as_ref().map_err(Clone::clone)?;
    let issues = Validator::new(packages).validate(text, profiles);
    Ok(issues.into_iter().filter(|issue| issue.severity == Severity::Error).collect())
}

#[derive(Default)]
struct Tally {
    same: usize,
    all: usize,
    misses: BTreeMap<String, String>,
}

impl Tally {
    fn count(&mut self, name: String, expected: bool, found: &Result<Vec<Issue>, String>) {
        let has_error = !found.as_ref().is_ok_and(Vec::is_empty);
        self.all += 1;
        if has_error == expected {
            self.same += 1;
            return;
        }
        let why = match found {
            Err(error) => error.clone(),
            Ok(issues) => {
                let first = issues.first().map(|i| format!("{}: {}", i.expression, i.text));
                first.unwrap_or_else(|| "no error".to_owned())
            }
        };
        self.misses.insert(name, why);
    }
}

fn case(folder: &Path, case: &Value, tally: &mut Tally) -> Option<()> {
    let version = case["version"].as_str()?;
    let module = case["module"].as_str().unwrap_or("general");
    let lacks = NEEDS.iter().any(|need| !case[*need].is_null()) || case["use-test"] == false;
    if !version.starts_with("4.0") || !MODULES.contains(&module) || lacks {
        return None;
    }
    let name = case["name"].as_str()?;
    let json = json(folder, case["file"].as_str()?)?;
    let supporting = || {
        let mut packages = Packages::r4();
        let mut names = texts(&case["supporting"]);
        names.extend(texts(&case["profiles"]));
        names.extend(texts(&case["codesystems"]));
        load(&mut packages, folder, &names).then_some(packages)
    };
    if let Some(expected) = expected(folder, &case["java"]) {
        tally.count(name.to_owned(), expected, &verdict(&json, supporting()?, &[]));
    }
    let profile = &case["profile"];
    let expected = expected(folder, &profile["java"]).filter(|_| profile["packages"].is_null())?;
    let mut packages = supporting()?;
    let source = profile["source"].as_str()?;
    let mut names = texts(&profile["supporting"]);
    names.push(source.to_owned());
    if !load(&mut packages, folder, &names) {
        return None;
    }
    let definition = self::json(folder, source)?.ok()?;
    let definition: Value = serde_json::from_str(&definition).ok()?;
    let url = definition["url"].as_str()?;
    tally.count(format!("{name} (profile)"), expected, &verdict(&json, packages, &[url]));
    Some(())
}

#[test]
fn verdicts_are_those_of_the_published_validator() {
    let Some(folder) = folder() else {
        println!("skipped: no corpus");
        return;
    };
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let mut tally = Tally::default();
    for one in manifest["test-cases"].as_array().unwrap() {
        case(&folder, one, &mut tally);
    }
    println!("{} of {} verdicts are the same", tally.same, tally.all);
    for (name, why) in &tally.misses {
        let cause = KNOWN.iter().find(|(known, _)| known == name).map(|(_, cause)| *cause);
        println!("{name}: {}: {why}", cause.unwrap_or("NOT EXPLAINED"));
    }
    for (name, _) in KNOWN {
        assert!(tally.misses.contains_key(*name), "{name} has the same verdict now");
    }
    let unknown = tally.misses.keys().filter(|name| !KNOWN.iter().any(|(known, _)| known == name));
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(tally.same * 100 >= tally.all * LEAST);
    assert!(tally.all >= 60, "only {} cases", tally.all);
}
