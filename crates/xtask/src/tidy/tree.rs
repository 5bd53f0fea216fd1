//! The files that the checks read: what git tracks, and what it would track if it were added.

use std::path::Path;
use std::process::Command;

/// One file of the tree.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path from the workspace root, with `/` between its parts.
    pub path: String,
    /// The bytes, as they are on disk.
    pub bytes: Vec<u8>,
}

impl SourceFile {
    /// The text, or `None` when the bytes are not UTF-8 or hold a NUL: then it is no text file.
    pub fn text(&self) -> Option<&str> {
        if self.bytes.contains(&0) {
            return None;
        }
        std::str::from_utf8(&self.bytes).ok()
    }

    /// Whether this is a Rust source file.
    pub fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// The crate's folder name, when the file lies in `crates/<name>/`.
    pub fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split_once('/').map(|(name, _)| name)
    }

    /// Whether the file only exists for tests, benches or examples of its crate.
    pub fn is_for_tests(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        let name = parts.last().copied().unwrap_or_default();
        name == "tests.rs"
            || name.ends_with("_tests.rs")
            || parts.contains(&"tests")
            || matches!(parts.as_slice(), ["crates", _, "benches" | "examples" | "fuzz", ..])
    }

    /// Whether the file is one of the checks themselves, which have to spell out what they forbid.
    pub fn is_tidy_itself(&self) -> bool {
        self.path.starts_with("crates/xtask/src/tidy/")
    }
}

/// Every file that the checks look at, sorted by path.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    files: Vec<SourceFile>,
}

impl Tree {
    /// Reads the tree under `root`, asking git which files belong to it.
    ///
    /// Files that are new and not ignored count too, so that an offence shows before its commit.
    pub fn of_workspace(root: &Path) -> Result<Self, String> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("git could not be run: {error}"))?;
        if !listing.status.success() {
            return Err(format!("git: {}", String::from_utf8_lossy(&listing.stderr).trim()));
        }
        let names = String::from_utf8(listing.stdout)
            .map_err(|error| format!("a file name is not UTF-8: {error}"))?;
        let mut files = Vec::new();
        for path in names.split('\0').filter(|path| !path.is_empty()) {
            // A file that was deleted but not yet committed as deleted is simply not there.
            if let Ok(bytes) = std::fs::read(root.join(path)) {
                files.push(SourceFile { path: path.to_owned(), bytes });
            }
        }
        if files.is_empty() {
            return Err("git lists no files".to_owned());
        }
        Ok(Self::of(files))
    }

    /// A tree made of the files given.
    pub fn of(mut files: Vec<SourceFile>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Self { files }
    }

    /// A tree of texts, for the tests of the checks.
    pub fn in_memory(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: (*path).to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        Self::of(files.iter().map(file).collect())
    }

    /// All files, sorted by path.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The file at a path.
    pub fn get(&self, path: &str) -> Option<&SourceFile> {
        let index = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.files.get(index)
    }

    /// The Rust files with their text.
    pub fn rust(&self) -> impl Iterator<Item = (&SourceFile, &str)> {
        self.texts().filter(|(file, _)| file.is_rust())
    }

    /// The text files with their text.
    pub fn texts(&self) -> impl Iterator<Item = (&SourceFile, &str)> {
        self.files.iter().filter_map(|file| Some((file, file.text()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_know_their_crate_and_their_kind() {
        let tree = Tree::in_memory(&[
            ("crates/api/src/lib.rs", ""),
            ("crates/api/tests/walk.rs", ""),
            ("crates/api/src/search/tests.rs", ""),
            ("crates/api/examples/load.rs", ""),
            ("crates/api/src/examples/load.rs", ""),
            ("README.md", ""),
        ]);
        let kind = |path| {
            let file = tree.get(path).unwrap();
            (file.crate_name(), file.is_rust(), file.is_for_tests())
        };
        assert_eq!(kind("crates/api/src/lib.rs"), (Some("api"), true, false));
        assert_eq!(kind("crates/api/tests/walk.rs"), (Some("api"), true, true));
        assert_eq!(kind("crates/api/src/search/tests.rs"), (Some("api"), true, true));
        assert_eq!(kind("crates/api/examples/load.rs"), (Some("api"), true, true));
        assert_eq!(kind("crates/api/src/examples/load.rs"), (Some("api"), true, false));
        assert_eq!(kind("README.md"), (None, false, false));
        assert!(tree.get("absent").is_none());
    }

    #[test]
    fn the_workspace_can_be_read() {
        let tree = Tree::of_workspace(&crate::workspace_root()).unwrap();
        assert!(tree.get("Cargo.toml").is_some());
        assert!(tree.get("crates/xtask/src/tidy/tree.rs").is_some());
        assert!(!tree.files().iter().any(|file| file.path.starts_with("target/")));
    }
}
