//! A register as a table for inspectors: comma-separated values (RFC 4180).

use super::entry::RegisterEntry;
use super::fact::Seen;

/// The names of the columns of a register.
pub const COLUMNS: [&str; 27] = [
    "place",
    "item",
    "name",
    "strength",
    "unit",
    "number",
    "kind",
    "occurred",
    "entered",
    "late",
    "received",
    "issued",
    "handled",
    "balance",
    "counterparty",
    "patient",
    "order",
    "prescriber",
    "requisition",
    "actor",
    "witness",
    "witnessed",
    "messenger",
    "batches",
    "reason",
    "correction of",
    "note",
];

/// Characters with which a spreadsheet takes a text for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A table in the making. Each line ends with CR LF.
#[derive(Debug, Clone, Default)]
pub struct Csv(String);

impl Csv {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        let mut csv = Csv::default();
        csv.line(columns);
        csv
    }

    /// Adds a line of texts. One that a spreadsheet would take for a formula is led by an
    /// apostrophe; numbers, which may begin with a minus, are left as they are.
    pub fn line<T: AsRef<str>>(&mut self, cells: &[T]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.cell(cell.as_ref());
        }
        self.0.push_str("\r\n");
    }

    fn cell(&mut self, text: &str) {
        let is_number = text.parse::<rust_decimal::Decimal>().is_ok() && !text.starts_with('+');
        let guarded = !is_number && text.starts_with(FORMULA);
        let quoted = guarded || text.contains([',', '"', '\r', '\n', '\t']);
        if quoted {
            self.0.push('"');
        }
        if guarded {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        if quoted {
            self.0.push('"');
        }
    }

    /// Adds an entry of the page of a place and an item, under [`COLUMNS`]. `page` has the place,
    /// the code, the name, the strength and the unit.
    pub fn entry(&mut self, page: [&str; 5], entry: &RegisterEntry) {
        let or_empty = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let authority = entry.authority.as_ref();
        let order = authority.and_then(|by| by.number.as_deref().or(by.order.as_deref()));
        let witnessed = match &entry.witnessed {
            Some(Seen::Device) => "device".to_owned(),
            Some(Seen::Signed(signature)) => format!("signed {signature}"),
            Some(Seen::Alone(reason)) => format!("alone: {reason}"),
            None => String::new(),
        };
        let [place, item, name, strength, unit] = page.map(str::to_owned);
        self.line(&[
            place,
            item,
            name,
            strength,
            unit,
            entry.number.to_string(),
            entry.kind.as_str().to_owned(),
            entry.occurred.to_string(),
            entry.entered.to_string(),
            if entry.late { "late".to_owned() } else { String::new() },
            entry.received.to_string(),
            entry.issued.to_string(),
            entry.handled.to_string(),
            entry.balance.to_string(),
            or_empty(entry.counterparty.as_deref()),
            or_empty(entry.patient.as_deref()),
            or_empty(order),
            or_empty(authority.and_then(|by| by.prescriber.as_deref())),
            or_empty(authority.and_then(|by| by.requisition.as_deref())),
            entry.actor.clone(),
            or_empty(entry.witness.as_deref()),
            witnessed,
            or_empty(entry.messenger.as_deref()),
            entry.batches.join(" "),
            or_empty(entry.reason.as_deref()),
            or_empty(entry.correction_of.as_deref()),
            or_empty(entry.note.as_deref()),
        ]);
    }

    /// The table.
    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_and_no_text_is_a_formula() {
        let check = |cell: &str, expected: &str| {
            let mut csv = Csv::default();
            csv.line(&[cell, "x"]);
            assert_eq!(csv.finish(), format!("{expected},x\r\n"));
        };
        check("plain", "plain");
        check("", "");
        check("a, b", "\"a, b\"");
        check("said \"no\"", "\"said \"\"no\"\"\"");
        check("two\r\nlines", "\"two\r\nlines\"");
        check("=1+1", "\"'=1+1\"");
        check("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("+44", "\"'+44\"");
        check("-3", "-3");
        check("-0.5", "-0.5");
        check("-x", "\"'-x\"");
        check("\tx", "\"'\tx\"");
    }

    proptest::proptest! {
        #[test]
        fn any_text_reads_back(cells in proptest::collection::vec(".{0,12}", 1..5)) {
            let mut csv = Csv::default();
            csv.line(&cells);
            let read = read(&csv.finish());
            let guarded: Vec<_> = read.iter().map(|cell| {
                cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
            }).collect();
            for (read, told) in guarded.iter().zip(&cells) {
                proptest::prop_assert!(
                    read == told || told.strip_prefix('\'') == Some(read), "{} {}", read, told
                );
            }
            proptest::prop_assert_eq!(read.len(), cells.len());
        }
    }

    /// The cells of one line, by RFC 4180.
    fn read(line: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let (mut quoted, mut chars) =
            (false, line.strip_suffix("\r\n").unwrap().chars().peekable());
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    cells.last_mut().unwrap().push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                c => cells.last_mut().unwrap().push(c),
            }
        }
        cells
    }
}
