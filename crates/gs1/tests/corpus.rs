//! The GS1 vectors of the corpus: `$INTERLOCK_CORPUS`, else `../shared/data` beside the workspace.
//! Without it the tests say that they were skipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gs1::{Content, Details, Gtin, read};
use jiff::civil::date;

const TODAY: jiff::civil::Date = date(2026, 11, 21);

fn corpus(file: &str) -> Option<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("INTERLOCK_CORPUS").map_or(beside, PathBuf::from);
    let table = std::fs::read_to_string(folder.join("gs1").join(file)).ok();
    if table.is_none() {
        eprintln!("skipped: no corpus");
    }
    table
}

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().skip(1).map(|line| line.split('\t').collect())
}

#[test]
fn medicine_packs() {
    let Some(table) = corpus("derived-medicine-packs/scans.tsv") else { return };
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(&table) {
        let [kind, scan, gtin, expiry, batch, serial, acceptable, ..] = row[..] else {
            panic!("a row has seven columns: {row:?}");
        };
        *kinds.entry(kind.to_owned()).or_default() += 1;
        let scan = scan.replace("<GS>", "\x1d");
        let read = read(scan.as_bytes()).ok().and_then(|scan| scan.pack(TODAY).ok());
        let certain = read.as_ref().and_then(|pack| pack.details.certain());
        assert_eq!(certain.is_some(), acceptable == "1", "{kind} {scan}: {read:?}");
        let Some(pack) = read else { continue };
        assert_eq!(pack.gtin.to_string(), gtin, "{scan}");
        let details = match &pack.details {
            Details::Certain(details) | Details::Doubtful { as_read: details, .. } => details,
        };
        let shown = details.expiry.map(|day| day.to_string()).unwrap_or_default();
        assert_eq!(shown, expiry, "{scan}");
        assert_eq!(details.batch.as_deref().unwrap_or_default(), batch, "{scan}");
        assert_eq!(details.serial.as_deref().unwrap_or_default(), serial, "{scan}");
    }
    eprintln!("medicine packs: {kinds:?}");
    assert!(kinds.values().sum::<usize>() >= 50, "{kinds:?}");
}

/// Rules that are left to whoever uses the value: see `lint.rs`.
const NOT_OURS: [&str; 8] = [
    "couponcode",
    "couponposoffer",
    "gcppos2",
    "iban",
    "iso3166",
    "iso3166alpha2",
    "iso4217",
    "packagetype",
];

#[test]
fn rules_of_values() {
    let Some(table) = corpus("gs1-syntax-engine/lint-vectors.tsv") else { return };
    let (mut agreed, mut left) = (0, BTreeMap::new());
    let mut misses = Vec::new();
    for row in rows(&table) {
        let (verdict, rule) = (row[0], row[1].trim_start_matches("gs1_lint_"));
        if NOT_OURS.contains(&rule) {
            *left.entry(rule.to_owned()).or_insert(0) += 1;
            continue;
        }
        // The two three-digit country codes that this rule adds to the list are not ours either.
        if rule == "iso3166999" {
            *left.entry(rule.to_owned()).or_insert(0) += 1;
            continue;
        }
        let value = unescape(row[2]);
        if gs1::lint(rule, &value).is_ok() == (verdict == "PASS") {
            agreed += 1;
        } else {
            misses.push(format!("{rule} {} should {verdict}", row[2]));
        }
    }
    eprintln!("rules: {agreed} agree, left out {left:?}");
    assert!(misses.is_empty(), "{misses:#?}");
    assert!(agreed > 900);
}

#[test]
fn element_strings_and_scans() {
    let Some(table) = corpus("gs1-syntax-engine/ai-dl-vectors.tsv") else { return };
    let (mut agreed, mut left) = (0, BTreeMap::new());
    let mut misses = Vec::new();
    for row in rows(&table) {
        let (test, should, input) = (row[1], row[2] == "true", unescape(row[3]));
        let works = match test {
            // A caret is FNC1 there, and a message begins with it.
            "test_processAIdata" => input.strip_prefix(b"^").is_some_and(|input| {
                let input: Vec<u8> =
                    input.iter().map(|byte| if *byte == b'^' { 0x1d } else { *byte }).collect();
                gs1::parse(&input).is_ok()
            }),
            // Brackets as they are printed; the table writes a backslash twice.
            "test_parseAIdata" => {
                let typed = row[3].replace("\\\\", "\\");
                let made = gs1::from_printed(&typed).ok();
                let expected = row[4].replace('^', "\u{1d}").into_bytes();
                assert!(made.is_none() || made == Some(expected), "{typed}: {made:?}");
                made.is_some()
            }
            // Without a symbology identifier it is refused there; here it may be a local code.
            "test_testProcessScanData" if input == b"ABC" => {
                assert!(matches!(read(&input).map(|scan| scan.content), Ok(Content::Text(_))));
                continue;
            }
            // A web address in a symbol is text here, whatever its path is.
            "test_testProcessScanData" if !input.windows(8).any(|part| part == b"https://") => {
                read(&input).is_ok()
            }
            _ => {
                *left.entry(test.to_owned()).or_insert(0) += 1;
                continue;
            }
        };
        if works == should {
            agreed += 1;
        } else {
            misses.push(format!("{test} {} should be {should}", row[3]));
        }
    }
    eprintln!("element strings and scans: {agreed} agree, left out {left:?}");
    assert!(misses.is_empty(), "{misses:#?}");
    assert!(agreed > 70);
}

/// The tables write bytes outside ASCII's printable ones as `\x1D`.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let (digits, after) = after.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
        rest = after;
    }
    bytes.extend_from_slice(rest.replace("\\\"", "\"").as_bytes());
    bytes
}

#[test]
fn what_zxing_read() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("INTERLOCK_CORPUS").map_or(beside, PathBuf::from);
    let Ok(folders) = std::fs::read_dir(folder.join("gs1/images-zxing-cpp")) else {
        eprintln!("skipped: no corpus");
        return;
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for folder in folders {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let is_text = file.extension().is_some_and(|extension| extension == "txt");
            if !is_text || name.ends_with(".result.txt") {
                continue;
            }
            let text = std::fs::read(&file).unwrap();
            let ean = folder.ends_with("ean13-1");
            let kind = match read(&text).map(|scan| scan.content) {
                Ok(Content::Gtin(_)) => "gtin",
                Ok(Content::Elements(_)) => "elements",
                Ok(Content::Text(_)) => "text",
                Err(_) => "refused",
            };
            let number = text.len() == 13 && text.iter().all(u8::is_ascii_digit);
            assert!(!(ean && number) || kind == "gtin", "{}: {kind}", file.display());
            *counts.entry(kind).or_default() += 1;
        }
    }
    eprintln!("what images hold: {counts:?}");
}

#[test]
fn check_digits_of_biip() {
    let Some(table) = corpus("biip/vectors.json") else { return };
    // Ten lines each, always in this order: file, test, args. No JSON reader is needed for it.
    let mut checked = 0;
    for part in table.split("\"file\":").skip(1) {
        let member = |name: &str| {
            let (_, after) = part.split_once(&format!("\"{name}\": "))?;
            let end = after.find(['\n', ',']).unwrap_or(after.len());
            Some(after[..end].trim_matches('"'))
        };
        let (Some(test), Some(value)) = (member("test"), member("value")) else { continue };
        let value = value.as_bytes();
        match test {
            "test_gs1_standard_check_digit" => {
                let expected = member("expected").and_then(|digit| digit.parse().ok());
                assert_eq!(gs1::check::digit(value), expected, "{part}");
            }
            "test_gs1_standard_check_digit_with_nonnumeric_value" => {
                assert_eq!(gs1::check::digit(value), None, "{part}");
            }
            // Eight digits there are sometimes a UPC-E symbol's.
            "test_as_gtin_14" if value.len() >= 8 => {
                let read = Gtin::parse(value).or_else(|_| Gtin::from_upc_e(value));
                let read = read.map(|gtin| gtin.to_string());
                assert_eq!(read.ok().as_deref(), member("expected"), "{part}");
            }
            name if name.starts_with("test_parse_gtin_") => {
                assert!(Gtin::parse(value).is_ok(), "{part}");
            }
            "test_parse_upc_e" if value.len() == 8 => {
                assert!(Gtin::from_upc_e(value).is_ok(), "{part}");
            }
            _ => continue,
        }
        checked += 1;
    }
    eprintln!("biip: {checked} vectors agree");
    assert!(checked > 30);
}
