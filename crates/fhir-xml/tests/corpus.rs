//! Published examples from JSON to XML and back, and from XML to JSON and back.
//!
//! The corpus is the folder that `INTERLOCK_CORPUS` names, or `../shared/data`. All examples of R4
//! (npm `hl7.fhir.r4.examples`) are read from the folder that `INTERLOCK_R4_EXAMPLES` names.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it cannot go on")]

use std::path::{Path, PathBuf};

use fhir::json::canonical;
use fhir_xml::{to_json, to_xml};

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("INTERLOCK_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = named.unwrap_or(beside).join("fhir");
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

/// Examples whose JSON breaks the rules of R4, each with the reason why XML has no place for it.
const BROKEN: &[(&str, &str)] = &[
    ("Release-Response-200_OK.json", "an entry of a Bundle has the member resourceType"),
    ("1-Process-Request-Cancel-200_OK.json", "an array is empty"),
    ("CodeSystem-UKCore-EthnicCategoryScotland.xml", "a stray letter stands between elements"),
];

#[derive(Default)]
struct Counts {
    read: usize,
    same: usize,
    misses: Vec<String>,
}

impl Counts {
    fn json(&mut self, path: &Path) {
        let text = std::fs::read_to_string(path).unwrap();
        if !text.contains("\"resourceType\"") || text.contains("\"fhirVersion\":\"4.3") {
            return;
        }
        self.read += 1;
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let back = to_xml(&text).and_then(|xml| to_json(xml.as_bytes()));
        match back {
            Ok(back) if canonical(&back).unwrap() == canonical(&text).unwrap() => self.same += 1,
            Ok(back) => {
                let (a, b) = (canonical(&text).unwrap(), canonical(&back).unwrap());
                let at = a.bytes().zip(b.bytes()).position(|(a, b)| a != b).unwrap_or(0);
                let near = |text: &str| {
                    let from = text.floor_char_boundary(at.saturating_sub(40));
                    text[from..text.floor_char_boundary(at + 40)].to_owned()
                };
                self.misses.push(format!("{name}: {} | {}", near(&a), near(&b)));
            }
            Err(error) => self.misses.push(format!("{name}: {error}")),
        }
    }

    fn xml(&mut self, path: &Path) {
        let bytes = std::fs::read(path).unwrap();
        self.read += 1;
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let json = match to_json(&bytes) {
            Ok(json) => json,
            Err(error) => return self.misses.push(format!("{name}: {error}")),
        };
        let back = to_xml(&json).and_then(|xml| to_json(xml.as_bytes()));
        match back {
            Ok(back) if canonical(&back).unwrap() == canonical(&json).unwrap() => self.same += 1,
            Ok(_) => self.misses.push(format!("{name}: differs")),
            Err(error) => self.misses.push(format!("{name}: {error}")),
        }
    }

    fn report(mut self, what: &str, least: usize) {
        println!("{what}: {} of {} come back the same", self.same, self.read);
        self.misses.retain(|miss| !BROKEN.iter().any(|(name, _)| miss.starts_with(name)));
        assert!(self.misses.is_empty(), "{}", self.misses.join("\n"));
        assert!(self.read >= least, "only {} files of {what}", self.read);
    }
}

#[test]
fn json_examples_come_back() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let mut counts = Counts::default();
    for folder in ["r4-official", "nhs-medicines", "eu-mpd-compiled"] {
        let mut found = Vec::new();
        files(&corpus.join(folder), ".json", &mut found);
        for path in &found {
            counts.json(path);
        }
    }
    counts.report("JSON examples", 500);
}

#[test]
fn xml_definitions_and_examples_come_back() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let mut counts = Counts::default();
    let mut found = Vec::new();
    files(&corpus.join("uk-core"), ".xml", &mut found);
    for path in &found {
        counts.xml(path);
    }
    counts.report("UK Core", 450);
}

#[test]
fn every_example_of_r4_comes_back() {
    let Some(folder) = std::env::var_os("INTERLOCK_R4_EXAMPLES") else {
        println!("skipped: INTERLOCK_R4_EXAMPLES names no folder");
        return;
    };
    let mut counts = Counts::default();
    let mut found = Vec::new();
    files(Path::new(&folder), ".json", &mut found);
    for path in &found {
        counts.json(path);
    }
    counts.report("all examples of R4", 5000);
}
