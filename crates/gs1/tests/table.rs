//! Scans written by hand, each with what must come of it.

use gs1::{Content, Details, PackError, read};
use jiff::civil::date;
use proptest::prelude::*;

const TODAY: jiff::civil::Date = date(2026, 11, 21);

/// What a scan comes to, in one line.
fn outcome(scan: &str) -> String {
    let scan = match read(scan.as_bytes()) {
        Err(wrong) => return format!("refused: {wrong}"),
        Ok(scan) => scan,
    };
    if let Content::Elements(elements) = &scan.content
        && let Ok(band) = elements.wristband()
    {
        let number = band.nhs_number("5050898").unwrap_or("none");
        return format!("patient {} nhs {number} born {:?}", band.gsrn, band.birth);
    }
    match scan.pack(TODAY) {
        Err(PackError::NotAPack) => "text".to_owned(),
        Err(wrong) => format!("no pack: {wrong}"),
        Ok(pack) => {
            let (sign, details) = match &pack.details {
                Details::Certain(details) => ("", details),
                Details::Doubtful { as_read, .. } => ("doubtful ", as_read),
            };
            let expiry = details.expiry.map(|day| day.to_string());
            let parts = [details.batch.clone(), expiry, details.serial.clone()];
            let parts = parts.map(|part| part.unwrap_or_else(|| "-".to_owned()));
            format!("{} {sign}{}", pack.gtin, parts.join(" "))
        }
    }
}

fn check(scan: &str, expected: &str) {
    assert_eq!(outcome(scan), expected, "{}", scan.escape_debug());
}

#[test]
fn packs() {
    let all = "09990000000012 B81645 2028-12-12 81284594";
    check(
        "0109990000000012218128459410\x1d1728121210B81645",
        "09990000000012 B81645 2028-12-12 8128459410",
    );
    check("]d2010999000000001221812845\x1d17281212", "09990000000012 - 2028-12-12 812845");
    check("]d201099900000000122181284594\x1d1728121210B81645", all);
    check("]Q301099900000000121728121210B81645\x1d2181284594", all);
    // The order is free, and separators that nothing needs do no harm.
    check("]C110B81645\x1d2181284594\x1d\x1d0109990000000012\x1d17281212\x1d", all);
    check("]d2010999000000001221A\x1d21A", "09990000000012 - - A");
    check("]E09990000000012", "09990000000012 - - -");
    check("]E0999000000001", "refused: a GTIN has 8, 12, 13 or 14 digits");
    check("]E09990000000013", "refused: the check digit of the GTIN is wrong");
    check("]I109990000000012", "09990000000012 - - -");
    check("96385074", "00000096385074 - - -");
    check("99900000-X", "text");
    check("]C0WARD-7", "text");
}

#[test]
fn lost_separators() {
    // Batch and serial number ran together.
    check("010999000000001210B8164521812845", "09990000000012 doubtful B8164521812845 - -");
    // So did a serial number, the expiry and the batch.
    check("010999000000001221A117281212\x1d10B", "09990000000012 doubtful B - A117281212");
    check("0109990000000012218128451728121210B", "09990000000012 doubtful - - 8128451728121210B");
    // Too long for one value: an error.
    check(
        "010999000000001210B81645218128459469381",
        "refused: the value of (10) at byte 18 is too long; a separator may be lost",
    );
    // All that a pack carries is there, so nothing was swallowed, whatever the batch looks like.
    check("]d2010999000000001221A1\x1d1728121210B21059", "09990000000012 B21059 2028-12-12 A1");
    // There is no such day, so it is a batch.
    check("]d2010999000000001210B17289912", "09990000000012 B17289912 - -");
}

#[test]
fn wrong_packs() {
    check(
        "0109990000000013",
        "refused: the value of (01) at byte 2 is wrong: the check digit is wrong",
    );
    check(
        "010999000000001217281301",
        "refused: the value of (17) at byte 18 is wrong: there is no such day or time",
    );
    check("010999000000001210A\x1d10B", "refused: (10) stands there twice with different values");
    check("010999000000001205AB", "refused: no known application identifier at byte 16");
    check("0109990000000012170", "refused: the value of (17) at byte 18 is too short");
    check("]d2", "refused: the scan is empty");
    check("", "refused: the scan is empty");
    check("]d", "refused: the symbology identifier is cut off or unknown");
    check("]d210B81645", "no pack: the scan names no trade item (01)");
    check("]d202099900000000123710", "no pack: the scan is of a case or of a part of a pack, (02)");
    check("09990000000013", "refused: the check digit of the GTIN is wrong");
}

#[test]
fn wristbands() {
    check(
        "]d28018505089899900000183\x1d725019800229",
        "patient 505089899900000183 nhs 9990000018 born Some(1980-02-29)",
    );
    // Another company's prefix, and a number that fails modulo 11.
    check("]d28018505089999900000180", "patient 505089999900000180 nhs none born None");
    check("]d28018505089899900000190", "patient 505089899900000190 nhs none born None");
    check(
        "]d28018505089899900000188",
        "refused: the value of (8018) at byte 4 is wrong: the check digit is wrong",
    );
    check(
        "]d28018505089899900000183801912",
        "refused: the value of (8018) at byte 4 is too long; a separator may be lost",
    );
}

#[test]
fn overlong_scans() {
    let long = vec![b'1'; gs1::MAX_SCAN_BYTES + 1];
    assert!(read(&long).is_err() && gs1::parse(&long).is_err());
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(scan) = read(&bytes) {
            let _ = scan.pack(TODAY);
        }
    }

    #[test]
    fn what_looks_like_a_scan_does_no_harm(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "]d2", "\x1d", "01", "09990000000012", "10", "17", "281212", "21", "8018", "B8",
                "00", "3103", "%", "7003", "9",
            ]),
            0..20,
        ),
    ) {
        let text = parts.concat();
        if let Ok(scan) = read(text.as_bytes()) {
            let _ = scan.pack(TODAY);
        }
    }

    /// Batch and serial number that lose the separator between them are never taken as certain.
    #[test]
    fn a_lost_separator_is_never_silent(
        batch in "[A-Z0-9]{1,20}",
        serial in "[A-Z0-9]{1,20}",
        expiry_between in any::<bool>(),
    ) {
        let between = if expiry_between { "17281212" } else { "" };
        let scan = format!("010999000000001210{batch}{between}21{serial}");
        if let Ok(scan) = read(scan.as_bytes())
            && let Ok(pack) = scan.pack(TODAY)
        {
            prop_assert!(pack.details.certain().is_none(), "{:?}", pack);
        }
    }
}
