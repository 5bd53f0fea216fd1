//! The PDF as readers that we did not write find it: qpdf for its structure, poppler for its text.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on stops")]

use std::process::Command;

use sheets::{Column, Row, Sheet, SheetError, font, pdf};

fn sheet(rows: usize) -> Sheet {
    let column = |name: &str, weight, right| Column { name: name.into(), weight, right };
    let row = |number: usize| Row {
        cells: vec![
            format!("{number}"),
            "Świętosława-Maria Αλεξάνδρα Иванова-Petrović O’Brien née Ní Dhomhnaill".into(),
            format!("-{number}.5"),
            String::new(),
        ],
        strong: number.is_multiple_of(7),
    };
    Sheet {
        title: "Controlled drugs register".into(),
        owner: "St Example’s Hospital".into(),
        head: vec![
            ("Place".into(), "Ward 7 <A&B>".into()),
            ("Item".into(), format!("Morphine {}", "and a very long name ".repeat(12))),
            ("Journal".into(), "0123456789abcdef".repeat(4)),
        ],
        columns: vec![
            column("Entry", 1, true),
            column("Patient", 2, false),
            column("Out", 1, true),
            column("Witness", 1, false),
        ],
        rows: (1..=rows).map(row).collect(),
        end: "End of the register.".into(),
        made: "2026-11-20T10:15:32Z".parse().unwrap(),
    }
}

/// What a reader says of a PDF; none where it is not installed.
fn read(program: &str, args: &[&str], bytes: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.pdf");
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap();
    let args = args.iter().map(|arg| arg.replace("FILE", path));
    let Ok(done) = Command::new(program).args(args).output() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let why = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{program}: {said}{why}");
    Some(said)
}

fn made(sheet: &Sheet) -> Option<Vec<u8>> {
    if font().is_none() {
        eprintln!("skipped: no font (make assets)");
        return None;
    }
    Some(pdf(sheet).unwrap())
}

#[test]
fn every_row_is_there_on_pages_with_the_whole_head() {
    let Some(bytes) = made(&sheet(200)) else { return };
    read("qpdf", &["--check", "FILE"], &bytes);
    let Some(text) = read("pdftotext", &["-layout", "FILE", "-"], &bytes) else { return };
    let pages: Vec<&str> = text.split('\u{c}').filter(|page| !page.trim().is_empty()).collect();
    assert!(pages.len() > 5, "{}", pages.len());
    for (at, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("Page {} of {}", at + 1, pages.len())), "{page}");
        assert!(page.contains("Ward 7 <A&B>") && page.contains("Witness"), "{page}");
        let whole = page.matches("very").count();
        assert_eq!(whole, 12, "no name is cut");
    }
    let first = |line: &str| line.split_whitespace().next().and_then(|n| n.parse::<usize>().ok());
    let numbers: Vec<usize> = text
        .lines()
        .filter(|line| line.contains('-') && line.contains(".5"))
        .filter_map(first)
        .collect();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    let words: String = text.split_whitespace().collect();
    for word in ["Świętosława-Maria", "Αλεξάνδρα", "Иванова-Petrović", "Dhomhnaill"]
    {
        assert!(words.contains(word), "{word}");
    }
    assert!(pages.last().unwrap().contains("End of the register."));
}

#[test]
fn the_document_says_what_it_is() {
    let Some(bytes) = made(&sheet(1)) else { return };
    let Some(said) = read("pdfinfo", &["FILE"], &bytes) else { return };
    for part in ["Controlled drugs register", "St Example’s Hospital", "Interlock", "2026"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains("Pages:           1") && said.contains("A4"), "{said}");
    let fonts = read("pdffonts", &["FILE"], &bytes).unwrap();
    assert!(fonts.contains("DejaVuSansCondensed"), "{fonts}");
    let embedded = fonts.lines().last().unwrap();
    assert!(embedded.contains("yes yes yes"), "embedded, a subset, with its letters: {fonts}");
    assert!(bytes.len() < 60_000, "{} bytes: only what is used of the font", bytes.len());
}

#[test]
fn what_the_font_lacks_stands_as_its_code_point() {
    let mut sheet = sheet(1);
    sheet.rows[0].cells[1] = "王小明\u{7}\nשלום".into();
    let Some(bytes) = made(&sheet) else { return };
    let Some(text) = read("pdftotext", &["-layout", "FILE", "-"], &bytes) else { return };
    let words: String = text.split_whitespace().collect();
    assert!(words.contains("[U+738B][U+5C0F][U+660E]"), "{text}");
}

#[test]
fn a_row_longer_than_a_page_goes_on_and_too_many_are_refused() {
    let mut sheet = sheet(1);
    sheet.rows[0].cells[1] = "word ".repeat(3_000) + "last";
    sheet.head.push(("Place".into(), "long ".repeat(200)));
    if let Some(bytes) = made(&sheet)
        && let Some(text) = read("pdftotext", &["FILE", "-"], &bytes)
    {
        assert!(text.contains("last"));
    }
    let many = Sheet { rows: vec![sheet.rows[0].clone(); sheets::MAX_ROWS + 1], ..sheet };
    assert_eq!(pdf(&many), Err(SheetError::TooLong(sheets::MAX_ROWS + 1)));
}
