//! No package host by name: packages come from the default registries of the ordinary clients,
//! wherever those point on the machine at hand.

use super::{Check, Finding, Tree, code};

pub(super) const CHECK: Check = Check {
    name: "hosts",
    about: "no package host by name; the clients' own settings say where packages come from",
    run,
};

const HOSTS: &[&str] = &[
    "crates.io",
    "registry.npmjs.org",
    "npmjs.com",
    "npmmirror.com",
    "yarnpkg.com",
    "jsr.io",
    "pypi.org",
    "pythonhosted.org",
    "deb.debian.org",
    "security.debian.org",
    "repo1.maven.org",
    "proxy.golang.org",
    "unpkg.com",
    "cdn.jsdelivr.net",
];

/// Cargo writes its index into the lock file itself, and cannot be told not to.
const WRITTEN_BY_CARGO: &str = "Cargo.lock";

fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.texts() {
        if file.is_tidy_itself() || file.path == WRITTEN_BY_CARGO {
            continue;
        }
        let lower = text.to_ascii_lowercase();
        for host in HOSTS {
            for offset in code::words(&lower, host) {
                findings.push(Finding::at(
                    &file.path,
                    code::line_of(text.as_bytes(), offset),
                    format!("`{host}` is the name of a package host"),
                    "leave it to the client's settings, or write `the registry`",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_the_lock_file_and_longer_names() {
        let index = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        check(CHECK, &[("Cargo.lock", index), ("a.md", "mycrates.iota\n")], &[]);
    }

    #[test]
    fn finds_every_host() {
        for host in HOSTS {
            let text = format!("\nsee https://{}/x\n", host.to_uppercase());
            check(CHECK, &[("a.md", &text)], &["a.md:2"]);
        }
    }
}
