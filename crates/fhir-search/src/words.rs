//! Words of a narrative, or of all texts of a resource (`_text` and `_content`, R4 §3.1.1.5.2).

use std::collections::BTreeSet;

use fhir::json::{Kind, Node};

use crate::fold::fold;

/// The most bytes of one text that are looked through: what is longer is an embedded document.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Whether one of the groups has all its words in the resource.
pub(crate) fn matches(narrative: bool, any_of: &[Vec<String>], root: Node<'_>) -> bool {
    let wanted: BTreeSet<&str> = any_of.iter().flatten().map(String::as_str).collect();
    let mut found = BTreeSet::new();
    if narrative {
        let div = root.get("text").and_then(|text| text.text("div"));
        if let Some(div) = div {
            look(&without_tags(div), &wanted, &mut found);
        }
    } else {
        all(root, &wanted, &mut found);
    }
    any_of.iter().any(|words| words.iter().all(|word| found.contains(word.as_str())))
}

fn all<'w>(node: Node<'_>, wanted: &BTreeSet<&'w str>, found: &mut BTreeSet<&'w str>) {
    match node.kind() {
        Kind::String(text) if node.name() == "div" => look(&without_tags(text), wanted, found),
        Kind::String(text) => look(text, wanted, found),
        Kind::Object | Kind::Array => node.children().for_each(|child| all(child, wanted, found)),
        Kind::Number(_) | Kind::Bool(_) | Kind::Null => {}
    }
}

fn look<'w>(text: &str, wanted: &BTreeSet<&'w str>, found: &mut BTreeSet<&'w str>) {
    if text.len() > MAX_TEXT_BYTES {
        return;
    }
    let folded = fold(text);
    for word in folded.split(|c: char| !c.is_alphanumeric()) {
        found.extend(wanted.get(word));
    }
}

/// The text between the tags; entities stay, as they part words too.
fn without_tags(div: &str) -> String {
    let mut out = String::with_capacity(div.len());
    let mut inside = false;
    for c in div.chars() {
        match c {
            '<' => {
                inside = true;
                out.push(' ');
            }
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}
