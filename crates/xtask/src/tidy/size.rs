//! Files of at most 800 lines and functions of at most 70, with a ratchet for what is over.

use super::ratchet::Ratchet;
use super::{Check, Finding, Tree, code};

pub(super) const CHECK: Check = Check {
    name: "size",
    about: "a file has at most 800 lines, a function at most 70; exceptions can only shrink",
    run,
};

/// The most lines of a file.
const FILE_LIMIT: usize = 800;

/// The most lines of a function, from the line of its `fn` to that of its closing brace.
const FUNCTION_LIMIT: usize = 70;

/// Files of these kinds are written by people, so they have a limit.
const EXTENSIONS: &[&str] = &[".rs", ".mjs", ".js", ".sh", ".py", ".html", ".css"];

fn run(tree: &Tree) -> Vec<Finding> {
    let (mut files, mut functions) =
        match (Ratchet::read(tree, "files"), Ratchet::read(tree, "functions")) {
            (Ok(files), Ok(functions)) => (files, functions),
            (Err(finding), _) | (_, Err(finding)) => return vec![finding],
        };
    let mut findings = Vec::new();
    for (file, text) in tree.texts() {
        if !EXTENSIONS.iter().any(|extension| file.path.ends_with(extension)) {
            continue;
        }
        let lines = text.lines().count();
        if lines > FILE_LIMIT {
            findings.extend(files.over((&file.path, 0), &file.path, lines, FILE_LIMIT));
        }
        if !file.is_rust() {
            continue;
        }
        for function in functions_of(text) {
            if function.lines > FUNCTION_LIMIT {
                let name = format!("{}::{}", file.path, function.name);
                let place = (file.path.as_str(), function.line);
                findings.extend(functions.over(place, &name, function.lines, FUNCTION_LIMIT));
            }
        }
    }
    findings.extend(files.stale());
    findings.extend(functions.stale());
    findings
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Every function with a body, by counting braces outside comments and literals.
fn functions_of(text: &str) -> Vec<Function> {
    let code = code::code_only(text);
    let bytes = code.as_bytes();
    let mut functions = Vec::new();
    for offset in code::words(&code, "fn") {
        let rest = code[offset + 2..].trim_start();
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // `fn(u8) -> u8` is a type and has no name; a declaration in a trait ends with `;`.
        if name.is_empty() {
            continue;
        }
        let Some(open) = body_of(bytes, offset) else {
            continue;
        };
        let Some(close) = code::matching_brace(bytes, open) else {
            continue;
        };
        let line = code::line_of(bytes, offset);
        let lines = code::line_of(bytes, close) - line + 1;
        functions.push(Function { name, line, lines });
    }
    functions
}

/// The brace that opens the body, unless a `;` outside brackets ends the declaration first.
fn body_of(code: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, byte) in code.get(from..)?.iter().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(from + offset),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::ratchet;
    use super::super::tests::check;
    use super::*;

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    // \"}\" and } do not count\n".repeat(lines - 2))
    }

    #[test]
    fn passes_what_is_within_the_limits() {
        let file = "x\n".repeat(FILE_LIMIT);
        check(CHECK, &[("a.mjs", &file), ("b.rs", &function("f", FUNCTION_LIMIT))], &[]);
        let data = "x\n".repeat(FILE_LIMIT + 1);
        check(CHECK, &[("Cargo.lock", &data)], &[]);
        let sum = function("f", 60) + function("g", 60).as_str();
        check(CHECK, &[("b.rs", &sum)], &[]);
        let declaration = format!("trait T {{\n fn a(x: [u8; 2]);\n}}\n{}", "\n".repeat(90));
        check(CHECK, &[("b.rs", &declaration)], &[]);
    }

    #[test]
    fn finds_a_long_file_and_a_long_function() {
        let file = "// x\n".repeat(FILE_LIMIT + 1);
        check(CHECK, &[("a.rs", &file)], &["a.rs:0"]);
        let long = format!("// x\n{}", function("f", FUNCTION_LIMIT + 1));
        check(CHECK, &[("b.rs", &long)], &["b.rs:2"]);
    }

    #[test]
    fn finds_an_exception_that_grew_shrank_or_went_stale() {
        let long = function("f", 75);
        let over = |lines| format!("[functions]\n\"b.rs::f\" = {lines}\n");
        check(CHECK, &[("b.rs", &long), (ratchet::PATH, &over(75))], &[]);
        check(CHECK, &[("b.rs", &long), (ratchet::PATH, &over(74))], &["b.rs:1"]);
        check(CHECK, &[("b.rs", &long), (ratchet::PATH, &over(76))], &["b.rs:1"]);
        let stale = ["crates/xtask/ratchet.toml:0"];
        check(CHECK, &[(ratchet::PATH, &over(76))], &stale);
        check(CHECK, &[(ratchet::PATH, "[functions]\na = \"x\"\n")], &stale);
        check(CHECK, &[(ratchet::PATH, "[")], &stale);
    }
}
