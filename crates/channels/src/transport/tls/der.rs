//! The few fields of a certificate that people ask for: until when it holds, and whose it is.
//!
//! The certificate itself is checked by the TLS library. This reads X.509 (RFC 5280 §4.1) only as
//! far as the subject, and gives nothing rather than something wrong.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The most characters of a subject that are shown.
const MAX_SUBJECT_CHARS: usize = 256;

const INTEGER: u8 = 0x02;
const UTF8_STRING: u8 = 0x0C;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xA0;

/// The parts of a name that are shown, by the last byte of their object identifier 2.5.4.x.
const NAME_PARTS: [(u8, &str); 4] = [(3, "CN"), (11, "OU"), (10, "O"), (6, "C")];

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// As `CN=adc.example,O=Trust`.
    pub(super) subject: String,
}

/// Reads a certificate; `None` where it is not one.
pub(super) fn facts(certificate: &[u8]) -> Option<Facts> {
    let mut whole = Der(Der(certificate).expect(SEQUENCE)?);
    let mut inner = Der(whole.expect(SEQUENCE)?);
    if inner.0.first() == Some(&VERSION) {
        inner.expect(VERSION)?;
    }
    inner.expect(INTEGER)?;
    inner.expect(SEQUENCE)?;
    inner.expect(SEQUENCE)?;
    let mut validity = Der(inner.expect(SEQUENCE)?);
    let not_before = time(validity.next()?)?;
    let not_after = time(validity.next()?)?;
    Some(Facts { not_before, not_after, subject: subject(inner.expect(SEQUENCE)?) })
}

/// What is left to read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value with its tag.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let count = usize::from(first & 0x7F);
            // Lengths of up to four bytes are enough for any certificate.
            if !(1..=4).contains(&count) {
                return None;
            }
            let (bytes, after) = rest.split_at_checked(count)?;
            rest = after;
            bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte))
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }
}

/// `YYMMDDhhmmssZ` with years from 1950 to 2049, or `YYYYMMDDhhmmssZ` (RFC 5280 §4.1.2.5).
fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = str::from_utf8(text).ok().filter(|text| text.is_ascii())?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let part = |at: usize| rest[at..at + 2].parse::<i8>().ok();
    let civil = DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

fn subject(name: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut sets = Der(name);
    while let Some((SET, set)) = sets.next() {
        let mut pair = Der(Der(set).expect(SEQUENCE).unwrap_or_default());
        let (Some((_, kind)), Some((tag, value))) = (pair.next(), pair.next()) else {
            continue;
        };
        let known = |(last, _): &&(u8, &str)| kind == [0x55, 0x04, *last];
        let text = matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING);
        if let (Some((_, label)), true) = (NAME_PARTS.iter().find(known), text) {
            parts.push(format!("{label}={}", String::from_utf8_lossy(value)));
        }
    }
    let shown = parts.join(",");
    shown.chars().filter(|c| !c.is_control()).take(MAX_SUBJECT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let check = |tag, text: &str, expect: Option<&str>| {
            let found = time((tag, text.as_bytes())).map(|at| at.to_string());
            assert_eq!(found.as_deref(), expect, "{text}");
        };
        check(UTC_TIME, "261121054000Z", Some("2026-11-21T05:40:00Z"));
        check(UTC_TIME, "500101000000Z", Some("1950-01-01T00:00:00Z"));
        check(GENERALIZED_TIME, "20991231235959Z", Some("2099-12-31T23:59:59Z"));
        check(GENERALIZED_TIME, "20991331235959Z", None);
        check(UTC_TIME, "2611210540Z", None);
        check(UTC_TIME, "", None);
        check(SEQUENCE, "261121054000Z", None);
    }

    #[test]
    fn a_certificate_is_read_and_a_piece_of_one_is_not() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["adc.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2060, 2, 3);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "adc.example");
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Trust");
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let found = facts(&der).unwrap();
        assert_eq!(found.not_before, "2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(found.not_after, "2060-02-03T00:00:00Z".parse().unwrap());
        assert_eq!(found.subject, "CN=adc.example,O=Trust");
        for end in 0..der.len() {
            assert_eq!(facts(&der[..end]), None, "{end} bytes");
        }
    }
}
