//! Lines of at most 100 columns, so that two files fit side by side.

use super::{Check, Finding, Tree};

pub(super) const CHECK: Check = Check {
    name: "columns",
    about: "a line of Rust has at most 100 columns; links and HL7 segments are exempt",
    run,
};

/// The most characters of a line.
const LIMIT: usize = 100;

fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.rust() {
        for (index, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > LIMIT && !may_be_long(line) {
                findings.push(Finding::at(
                    &file.path,
                    index + 1,
                    format!("the line has {columns} columns, {LIMIT} are the most"),
                    "break it, a long literal with `concat!` or a trailing backslash",
                ));
            }
        }
    }
    findings
}

/// A link or one segment of a message is harder to read when it is broken.
fn may_be_long(line: &str) -> bool {
    let has_link = line
        .split_whitespace()
        .any(|word| word.contains("://") && word.chars().count() > LIMIT / 2);
    has_link || begins_with_segment(line)
}

/// Whether the line begins with an HL7 segment (`PID|`, `ZPM|`), perhaps after a quotation mark.
fn begins_with_segment(line: &str) -> bool {
    let quoted = line.trim_start().trim_start_matches(['b', 'r', '#', '"', '(']);
    let bytes = quoted.as_bytes();
    bytes.len() > 3
        && bytes[0].is_ascii_uppercase()
        && bytes[1..3].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && bytes[3] == b'|'
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_short_lines_links_and_segments() {
        let wide = format!("fn f() {{}}\n// {}\n", "é".repeat(LIMIT - 3));
        let link = format!("// https://example.org/{}\n", "a".repeat(LIMIT));
        let segment = format!("    \"PID|1||{}\\r\\\n", "9".repeat(LIMIT));
        check(CHECK, &[("a.rs", &wide), ("b.rs", &link), ("c.rs", &segment)], &[]);
        check(CHECK, &[("a.md", &"x".repeat(LIMIT + 1))], &[]);
    }

    #[test]
    fn finds_a_long_line() {
        let long = format!("\n// {}\n", "x".repeat(LIMIT - 2));
        check(CHECK, &[("a.rs", &long)], &["a.rs:2"]);
    }
}
