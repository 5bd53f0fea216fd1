//! Regular expressions, compiled once for each thread.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// The most patterns that a thread keeps.
const KEPT: usize = 512;
/// The most bytes that a compiled pattern may take.
const SIZE: usize = 1024 * 1024;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Option<Regex>>> = RefCell::new(HashMap::new());
}

/// A pattern, where a point stands for any character, as FHIRPath N1 §5.6.9 asks; `None` for what
/// is none. It runs in time linear in the text.
pub(crate) fn regex(pattern: &str) -> Option<Regex> {
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(found) = compiled.get(pattern) {
            return found.clone();
        }
        if compiled.len() >= KEPT {
            compiled.clear();
        }
        let mut builder = RegexBuilder::new(pattern);
        let built = builder.dot_matches_new_line(true).size_limit(SIZE).build();
        let built = built.or_else(|_| {
            // Java allows escapes that mean nothing, such as `\_`; patterns in the field have them.
            let mut builder = RegexBuilder::new(&without_idle_escapes(pattern));
            builder.dot_matches_new_line(true).size_limit(SIZE).build()
        });
        let built = built.ok();
        compiled.insert(pattern.to_owned(), built.clone());
        built
    })
}

fn without_idle_escapes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(idle @ ('_' | '\'' | '"' | ',' | ':' | ';' | '=' | '@' | '%' | '`')) => {
                out.push(idle);
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}
