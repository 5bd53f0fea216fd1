//! No number in the tree could be the NHS number of a person: test data use the 999 range.

use super::{Check, Finding, Tree, code};

pub(super) const CHECK: Check = Check {
    name: "fixtures",
    about: "no ten digits that are a valid NHS number, except those that begin with 999",
    run,
};

/// Digits of an NHS number (NHS Data Dictionary, NHS NUMBER).
const DIGITS: usize = 10;

/// Numbers that begin so are never issued to anybody, so they are safe in test data.
const NEVER_ISSUED: &[u8] = b"999";

/// First digits of numbers issued in England, Wales and the Isle of Man. Times in seconds and
/// most other ten-digit numbers begin otherwise.
const ISSUED: &[u8] = b"34679";

fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.texts().filter(|(file, _)| !is_lock(&file.path)) {
        for (index, line) in text.lines().enumerate() {
            if candidates(line).iter().any(|digits| could_be_a_person(digits)) {
                findings.push(Finding::at(
                    &file.path,
                    index + 1,
                    "ten digits here could be somebody's NHS number",
                    "use one that begins with 999",
                ));
            }
        }
    }
    findings
}

fn is_lock(path: &str) -> bool {
    path.ends_with("Cargo.lock") || path.ends_with("package-lock.json")
}

/// Runs of exactly ten digits, written together or as 3-3-4 with spaces or hyphens.
fn candidates(line: &str) -> Vec<Vec<u8>> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() || at.checked_sub(1).is_some_and(|i| joins(bytes[i])) {
            at += 1;
            continue;
        }
        for separator in [None, Some(b' '), Some(b'-')] {
            found.extend(number_at(&bytes[at..], separator));
        }
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
    }
    found
}

/// Whether a byte beside the digits makes them part of a longer number or name.
fn joins(byte: u8) -> bool {
    code::is_word(byte) || byte == b'.'
}

fn number_at(bytes: &[u8], separator: Option<u8>) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(DIGITS);
    let mut rest = bytes;
    while digits.len() < DIGITS {
        if let (Some(separator), 3 | 6) = (separator, digits.len()) {
            rest = rest.strip_prefix(&[separator])?;
        }
        let (first, tail) = rest.split_first()?;
        digits.push(first.is_ascii_digit().then_some(*first)?);
        rest = tail;
    }
    let ends = match rest {
        [b'.', after, ..] => !after.is_ascii_digit(),
        [after, ..] => !code::is_word(*after),
        [] => true,
    };
    ends.then_some(digits)
}

fn could_be_a_person(digits: &[u8]) -> bool {
    !digits.starts_with(NEVER_ISSUED) && ISSUED.contains(&digits[0]) && has_valid_check(digits)
}

/// The modulus 11 check of the NHS number (NHS Data Dictionary, NHS NUMBER): weights 10 to 2, and
/// 11 less the remainder is the check digit, where 11 stands for 0 and 10 is never issued.
fn has_valid_check(digits: &[u8]) -> bool {
    let sum: usize = digits[..DIGITS - 1]
        .iter()
        .zip((2..=10).rev())
        .map(|(digit, weight)| usize::from(digit - b'0') * weight)
        .sum();
    (11 - sum % 11) % 11 == usize::from(digits[DIGITS - 1] - b'0')
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    /// Ten digits with a right check digit, put together here so that this file stays clean.
    fn number(nine: &str, separator: &str) -> String {
        let last = (0..10)
            .map(|last| format!("{nine}{last}"))
            .find(|ten| has_valid_check(ten.as_bytes()))
            .unwrap();
        [&last[..3], &last[3..6], &last[6..]].join(separator)
    }

    #[test]
    fn passes_the_safe_range_and_longer_numbers() {
        let safe = number("999000001", "");
        let spaced = number("999000001", " ");
        let whole = number("943476591", "");
        let longer = format!("0{whole} {whole}1 a{whole} 1.{whole} {whole}.5 {whole}_u64");
        let wrong = format!("{}{}", &whole[..9], (whole.as_bytes()[9] - b'0' + 1) % 10);
        let time = number("170000000", "");
        let lines = [safe, spaced, longer, wrong, time].join("\n");
        check(CHECK, &[("crates/a/tests/b.hl7", &lines), ("Cargo.lock", &whole)], &[]);
    }

    #[test]
    fn finds_a_number_that_could_be_issued() {
        for separator in ["", " ", "-"] {
            let line = format!("\nPID|1||{}^^^NHS\n", number("943476591", separator));
            check(CHECK, &[("a.hl7", &line)], &["a.hl7:2"]);
            let sentence = format!("It is {}.", number("400000000", separator));
            check(CHECK, &[("a.md", &sentence)], &["a.md:1"]);
        }
    }
}
