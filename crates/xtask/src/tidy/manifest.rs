//! What each crate's `Cargo.toml` says that it depends on.

use super::{Finding, Tree};

/// One dependency as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    /// The package's name.
    pub name: String,
    /// The manifest's line that names it, counted from 1; 0 when it could not be told.
    pub line: usize,
}

/// One crate's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The manifest's path from the workspace root.
    pub path: String,
    /// The crate's folder, which is its name.
    pub crate_name: String,
    /// Normal and build dependencies. Those of tests may look anywhere, so they are left out.
    pub dependencies: Vec<Dependency>,
}

/// Every manifest under `crates/`, and a finding for each that cannot be read.
pub(super) fn all(tree: &Tree) -> (Vec<Manifest>, Vec<Finding>) {
    let mut manifests = Vec::new();
    let mut findings = Vec::new();
    for (file, text) in tree.texts() {
        let Some(crate_name) = file.crate_name() else {
            continue;
        };
        if file.path != format!("crates/{crate_name}/Cargo.toml") {
            continue;
        }
        match text.parse::<toml::Table>() {
            Ok(table) => manifests.push(Manifest {
                path: file.path.clone(),
                crate_name: crate_name.to_owned(),
                dependencies: dependencies(&table, text),
            }),
            Err(error) => findings.push(Finding::at(
                &file.path,
                0,
                format!("the manifest is not TOML ({})", error.message()),
                "mend it",
            )),
        }
    }
    (manifests, findings)
}

fn dependencies(table: &toml::Table, text: &str) -> Vec<Dependency> {
    let mut names = Vec::new();
    collect(table, &mut names);
    if let Some(targets) = table.get("target").and_then(toml::Value::as_table) {
        for target in targets.values().filter_map(toml::Value::as_table) {
            collect(target, &mut names);
        }
    }
    names
        .into_iter()
        .map(|(key, name)| Dependency { line: line_naming(text, &key), name })
        .collect()
}

/// Adds the (key, package) pairs of the normal and build dependencies of one table.
fn collect(table: &toml::Table, names: &mut Vec<(String, String)>) {
    for section in ["dependencies", "build-dependencies"] {
        let Some(entries) = table.get(section).and_then(toml::Value::as_table) else {
            continue;
        };
        for (key, value) in entries {
            // A dependency may be renamed: then `package` holds its real name.
            let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
            names.push((key.clone(), package.to_owned()));
        }
    }
}

fn line_naming(text: &str, key: &str) -> usize {
    let names_it = |line: &str| {
        line.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            || (line.starts_with('[') && line.ends_with(&format!(".{key}]")))
    };
    text.lines().position(|line| names_it(line.trim())).map_or(0, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_dependency_is_read() {
        let text = "[dependencies]\na.workspace = true\nb = \"1\"\nc = { package = \"d\" }\n\
                    [dependencies.e]\nversion = \"1\"\n[build-dependencies]\nf = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\ng = \"1\"\n[dev-dependencies]\nh = \"1\"\n";
        let (manifests, findings) = all(&Tree::in_memory(&[("crates/x/Cargo.toml", text)]));
        assert_eq!(findings, []);
        let mut found: Vec<(&str, usize)> =
            manifests[0].dependencies.iter().map(|d| (d.name.as_str(), d.line)).collect();
        found.sort_unstable();
        assert_eq!(found, [("a", 2), ("b", 3), ("d", 4), ("e", 5), ("f", 8), ("g", 10)]);
    }

    #[test]
    fn a_manifest_that_is_not_toml_is_a_finding() {
        let (manifests, findings) = all(&Tree::in_memory(&[("crates/x/Cargo.toml", "[")]));
        assert!(manifests.is_empty());
        assert_eq!(findings.len(), 1);
    }
}
