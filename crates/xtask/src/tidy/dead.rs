//! Every Rust file is reached from a crate's root by `mod`, `#[path]` or `include!`.

use std::collections::BTreeSet;

use super::{Check, Finding, Tree, code};

pub(super) const CHECK: Check = Check {
    name: "dead",
    about: "every .rs file is reached by a `mod` from its crate's lib, main, test or example",
    run,
};

fn run(tree: &Tree) -> Vec<Finding> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> =
        tree.rust().map(|(file, _)| file.path.as_str()).filter(|path| is_root(path)).collect();
    while let Some(path) = waiting.pop() {
        if !reached.insert(path) {
            continue;
        }
        let Some(text) = tree.get(path).and_then(|file| file.text()) else {
            continue;
        };
        for target in targets_of(path, text) {
            waiting.extend(tree.get(&target).map(|file| file.path.as_str()));
        }
    }
    tree.rust()
        .filter(|(file, _)| !reached.contains(file.path.as_str()))
        .map(|(file, _)| {
            let remedy = "name it with `mod` in its parent, or delete it";
            Finding::at(&file.path, 0, "no `mod` reaches this file", remedy)
        })
        .collect()
}

/// Whether cargo itself compiles the file as a root of its own.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["crates", _, "build.rs"] | ["crates", _, "src", "lib.rs" | "main.rs"] => true,
        ["crates", _, "src", "bin", rest @ ..]
        | ["crates", _, "tests" | "benches" | "examples" | "fuzz_targets", rest @ ..]
        | ["crates", _, "fuzz", "fuzz_targets", rest @ ..] => {
            matches!(rest, [_] | [_, "main.rs"])
        }
        _ => false,
    }
}

/// The files that a file may name, whether or not they exist.
fn targets_of(path: &str, text: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let owns_folder = matches!(name, "lib.rs" | "main.rs" | "mod.rs" | "build.rs") || is_root(path);
    let base = if owns_folder {
        folder.to_owned()
    } else {
        format!("{folder}/{}", name.trim_end_matches(".rs"))
    };
    let code = code::code_only(text);
    let mut targets = Vec::new();
    for offset in code::words(&code, "mod") {
        let rest = code[offset + 3..].trim_start();
        let module: String =
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if rest[module.len()..].trim_start().starts_with(';') {
            let mut place = base.clone();
            for outer in inline_modules_around(&code, offset) {
                place = format!("{place}/{outer}");
            }
            targets.push(format!("{place}/{module}.rs"));
            targets.push(format!("{place}/{module}/mod.rs"));
        }
    }
    for named in named_files(text) {
        targets.push(joined(folder, named));
    }
    targets
}

/// The names of the inline modules that hold the offset, from the outside in.
fn inline_modules_around(code: &str, offset: usize) -> Vec<String> {
    let mut around = Vec::new();
    for start in code::words(code, "mod").into_iter().filter(|start| *start < offset) {
        let rest = &code[start + 3..];
        let Some(open) = rest.find(['{', ';']) else {
            continue;
        };
        if !rest[open..].starts_with('{') {
            continue;
        }
        let close = code::matching_brace(code.as_bytes(), start + 3 + open);
        if close.is_some_and(|close| close > offset) {
            around.push(rest[..open].trim().to_owned());
        }
    }
    around
}

/// File names in `#[path = "…"]` and `include!("…")`.
fn named_files(text: &str) -> Vec<&str> {
    ["#[path = \"", "include!(\""]
        .iter()
        .flat_map(|start| text.match_indices(start).map(move |(at, _)| at + start.len()))
        .filter_map(|from| text[from..].split('"').next())
        .collect()
}

/// A path relative to a folder, with its `..` resolved.
fn joined(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_files_that_are_reached() {
        check(
            CHECK,
            &[
                ("crates/a/src/lib.rs", "mod b;\npub mod c { mod d; }\ninclude!(\"e.rs\");"),
                ("crates/a/src/b.rs", "mod f;"),
                ("crates/a/src/b/f.rs", "#[path = \"../g.rs\"]\nmod h;"),
                ("crates/a/src/c/d/mod.rs", "mod i ;"),
                ("crates/a/src/c/d/i.rs", ""),
                ("crates/a/src/e.rs", ""),
                ("crates/a/src/g.rs", ""),
                ("crates/a/build.rs", ""),
                ("crates/a/src/main.rs", ""),
                ("crates/a/tests/j.rs", "mod common;"),
                ("crates/a/tests/common/mod.rs", ""),
                ("crates/a/examples/k/main.rs", ""),
            ],
            &[],
        );
    }

    #[test]
    fn finds_a_file_that_nothing_names() {
        check(
            CHECK,
            &[
                ("crates/a/src/lib.rs", "// mod b;\nmod c { }"),
                ("crates/a/src/b.rs", "mod d;"),
                ("crates/a/src/b/d.rs", ""),
                ("crates/a/src/c.rs", ""),
            ],
            &["crates/a/src/b.rs:0", "crates/a/src/b/d.rs:0", "crates/a/src/c.rs:0"],
        );
    }
}
