//! A configuration as parts with fields, so that two of them can be compared.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::bundle::{Bundle, hexadecimal};

/// The values of a part's fields, as TOML writes them.
pub type Fields = BTreeMap<String, String>;

/// The parts by their names: `channel pas`, `site`, `item PARA500`, `node`.
pub type Parts = BTreeMap<String, Fields>;

/// How many hexadecimal digits of a script's digest are shown.
const DIGITS: usize = 12;

/// What names the entries of a list of tables, tried in this order.
const NAMES: [&str; 5] = ["id", "code", "name", "channel", "url"];

/// The parts of a configuration that can be read; the others are left out.
pub(super) fn parts(bundle: &Bundle) -> Parts {
    let mut root: Table = bundle.root().parse().unwrap_or_default();
    let mut dialects = table(root.remove("dialect"));
    for (name, _, text) in bundle.of("dialects") {
        dialects.insert(name.to_owned(), Value::Table(text.parse().unwrap_or_default()));
    }
    let mut parts = Parts::new();
    let mut channel = |name: &str, mut channel: Table| {
        channel.remove("name");
        let dialect = channel.get("dialect").and_then(Value::as_str);
        if let Some(dialect) = dialect.and_then(|name| dialects.get(name)) {
            channel.insert("dialect".to_owned(), dialect.clone());
        }
        let script = channel.get("script").and_then(Value::as_str);
        let text = script.and_then(|script| bundle.script(script)).map(digest);
        let mut fields = fields(&channel);
        fields.extend(text.map(|text| ("script's text".to_owned(), text)));
        parts.insert(format!("channel {name}"), fields);
    };
    for entry in tables(root.remove("channel")) {
        channel(&named(&entry).unwrap_or_default(), entry);
    }
    for (name, _, text) in bundle.of("channels") {
        channel(name, text.parse().unwrap_or_default());
    }
    for (name, value) in root {
        section(&mut parts, &name, table(Some(value)));
    }
    for (_, _, text) in bundle.of("formulary") {
        section(&mut parts, "site", text.parse().unwrap_or_default());
    }
    parts
}

/// The beginning of a text's SHA-256: another script changes the channels that name it.
fn digest(text: &str) -> String {
    let mut digest = hexadecimal(&Sha256::digest(text.as_bytes()));
    digest.truncate(DIGITS);
    digest
}

/// A table of the first file: its lists of tables become parts of their own.
fn section(parts: &mut Parts, name: &str, mut section: Table) {
    let lists: Vec<String> =
        section.iter().filter(|(_, value)| is_tables(value)).map(|(key, _)| key.clone()).collect();
    for key in lists {
        for entry in tables(section.remove(&key)) {
            let part = match (name, key.as_str()) {
                ("site", key) => key.to_owned(),
                (name, "") => name.to_owned(),
                (name, key) => format!("{name} {key}"),
            };
            parts.insert(format!("{part} {}", named(&entry).unwrap_or_default()), fields(&entry));
        }
    }
    if !section.is_empty() {
        parts.insert(name.to_owned(), fields(&section));
    }
}

fn is_tables(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_table))
}

fn table(value: Option<Value>) -> Table {
    match value {
        Some(Value::Table(table)) => table,
        // A list of tables at the top, as [[client]], is a section of nothing but this list.
        Some(list @ Value::Array(_)) => Table::from_iter([(String::new(), list)]),
        _ => Table::new(),
    }
}

fn tables(value: Option<Value>) -> Vec<Table> {
    match value {
        Some(Value::Array(list)) => list
            .into_iter()
            .filter_map(|entry| match entry {
                Value::Table(table) => Some(table),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn named(entry: &Table) -> Option<String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    if let (Some(system), Some(station)) = (text("system"), text("station")) {
        return Some(format!("{system}/{station}"));
    }
    NAMES.into_iter().find_map(text).map(str::to_owned)
}

fn fields(table: &Table) -> Fields {
    let mut fields = Fields::new();
    flatten(&mut fields, "", table);
    fields
}

fn flatten(fields: &mut Fields, prefix: &str, table: &Table) {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(table) if !table.is_empty() => flatten(fields, &name, table),
            value => {
                fields.insert(name, value.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_script_changes_the_channels_that_name_it() {
        let of = |script: &str| {
            let files = [
                ("interlock.toml", ""),
                ("channels/a.toml", "script = \"x.rhai\""),
                ("channels/b.toml", ""),
                ("scripts/x.rhai", script),
            ];
            let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
            parts(&Bundle::from_texts(files.into_iter().collect()).unwrap_or_default())
        };
        let (one, other) = (of("let x = 1;"), of("let x = 2;"));
        assert_ne!(one["channel a"], other["channel a"]);
        assert_eq!(one["channel b"], other["channel b"]);
    }

    #[test]
    fn items_of_the_folder_are_items_like_those_of_the_first_file() {
        let files = [
            ("interlock.toml", "[[site.item]]\ncode = \"A\"\n"),
            ("formulary/ward.toml", "[[item]]\ncode = \"B\"\nunit = \"ml\"\n"),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let bundle = Bundle::from_texts(files.into_iter().collect()).unwrap_or_default();
        let found: Vec<String> = parts(&bundle).into_keys().collect();
        assert_eq!(found, ["item A", "item B"]);
    }

    #[test]
    fn every_part_has_its_name_and_its_fields() {
        let root = "[node]\ndata = \"d\"\n[site]\ncode = \"RXX\"\n[site.policies]\n\
            early_window_min = 5\n\
            [[site.cabinet]]\nsystem = \"ADC\"\nstation = \"A1\"\nwards = [\"A\", \"B\"]\n\
            [[site.item]]\ncode = \"P\"\nname = \"x\"\n\
            strength = { value = \"500\", unit = \"mg\" }\n\
            [dialect.adc]\nversion = \"2.3\"\norder_control.change = \"XX\"\n\
            [[channel]]\nname = \"to-a\"\ndialect = \"adc\"\n\
            [[client]]\nname = \"ask\"\n[[console.key]]\nname = \"wall\"\n";
        let found = parts(&Bundle::of_root(root));
        let mut lines = Vec::new();
        for (part, fields) in &found {
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
            lines.push(format!("{part}: {}", fields.join(" ")));
        }
        assert_eq!(
            lines,
            [
                "cabinet ADC/A1: station=\"A1\" system=\"ADC\" wards=[\"A\", \"B\"]",
                "channel to-a: dialect.order_control.change=\"XX\" dialect.version=\"2.3\"",
                "client ask: name=\"ask\"",
                "console key wall: name=\"wall\"",
                "item P: code=\"P\" name=\"x\" strength.unit=\"mg\" strength.value=\"500\"",
                "node: data=\"d\"",
                "site: code=\"RXX\" policies.early_window_min=5",
            ]
        );
    }
}
