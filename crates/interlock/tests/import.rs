//! A release of dm+d is taken over from the command line, with and without a running node.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use medicines::{Fact, Head};
use xtask::trial::child::{Launch, Running};

/// A folder with a configuration and a release.
struct Site {
    folder: tempfile::TempDir,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Site {
    fn new() -> Self {
        let site = Site { folder: tempfile::tempdir().unwrap() };
        let text = format!(
            "[node]\ndata = \"data\"\nhttp = \"{}\"\n[site]\ncode = \"RXX\"\n[[client]]\n\
             name = \"engineer\"\nroles = [\"admin\"]\ntoken = {{ file = \"token\" }}\n",
            free()
        );
        std::fs::write(site.path("interlock.toml"), text).unwrap();
        std::fs::write(site.path("token"), "0123456789abcdef0123456789abcdef").unwrap();
        site.release("release", |_, text| text.to_owned());
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the release that ships with the program, its files changed.
    fn release(&self, folder: &str, change: impl Fn(&str, &str) -> String) {
        let folder = self.path(folder);
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in terminology::synthetic::FILES {
            std::fs::write(folder.join(name), change(name, text)).unwrap();
        }
    }

    fn start(&self) -> Running {
        let launch = Launch {
            binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
            config: self.path("interlock.toml"),
            arguments: Vec::new(),
            log: self.path("node.log"),
        };
        launch.start().unwrap()
    }

    /// Imports a release: whether it went well, and what was said.
    fn import(&self, release: &str, more: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_interlock"))
            .args(["import", "dmd"])
            .arg(self.path(release))
            .arg("--config")
            .arg(self.path("interlock.toml"))
            .args(more)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    #[track_caller]
    fn done(&self, release: &str, more: &[&str]) -> String {
        let (right, said) = self.import(release, more);
        assert!(right, "{said}");
        said
    }

    /// The releases that the journal says were taken over: who, and the first line about it.
    fn journaled(&self) -> Vec<(String, String)> {
        let path = self.path("data").join("journal.sqlite3");
        if !path.exists() {
            return Vec::new();
        }
        let journal = journal::Reader::open(&path).unwrap();
        let heads = journal.read_from(1, 1000).unwrap();
        let facts =
            heads.iter().flat_map(|entry| Head::from_json(&entry.head).unwrap().facts.into_owned());
        facts
            .filter_map(|fact| match fact {
                Fact::Dictionary(one) => Some((one.by.clone(), one.changes.join("; "))),
                _ => None,
            })
            .collect()
    }

    fn index_files(&self) -> usize {
        let files = std::fs::read_dir(self.path("data").join("dmd")).unwrap();
        files
            .filter(|file| {
                let path = file.as_ref().unwrap().path();
                path.extension().is_some_and(|extension| extension == "index")
            })
            .count()
    }
}

/// The release of a month later: a name, a withdrawn pack, and a row that makes no sense.
fn later(name: &str, text: &str) -> String {
    if !name.starts_with("f_vmp2") {
        return text.to_owned();
    }
    text.replace("<NM>Warfarin 3mg tablets</NM>", "<NM>Warfarin 3mg tablets scored</NM>")
}

#[test]
fn a_release_is_looked_at_and_taken_over_where_no_node_runs() {
    let site = Site::new();
    let said = site.done("release", &["--plan"]);
    assert!(said.contains("567 VMP") && said.contains("no release to compare with"), "{said}");
    assert!(site.journaled().is_empty() && !site.path("data").join("dmd").exists());

    let said = site.done("release", &["--by", "N1001"]);
    assert!(said.contains("in use: entry"), "{said}");
    assert_eq!(site.journaled().len(), 1);
    assert_eq!(site.journaled()[0].0, "N1001");

    // The same again changes nothing.
    let said = site.done("release", &[]);
    assert!(said.contains("nothing would change") && said.contains("by N1001"), "{said}");
    assert_eq!(site.journaled().len(), 1);
}

#[test]
fn a_running_node_takes_a_release_over() {
    let site = Site::new();
    site.done("release", &[]);
    site.release("later", later);
    let node = site.start();
    let said = site.done("later", &["--plan"]);
    assert!(said.contains("Warfarin 3mg tablets -> Warfarin 3mg tablets scored"), "{said}");
    assert_eq!(site.journaled().len(), 1);
    site.done("later", &["--by", "N1002"]);
    let journaled = site.journaled();
    assert_eq!(journaled.len(), 2);
    assert_eq!(journaled[1].0, "N1002");
    assert!(journaled[1].1.contains("VMP: 0 new, 1 changed, 0 withdrawn, 0 re-coded"));
    drop(node);

    // The release of before is kept, older ones are not.
    site.release("third", |name, text| later(name, text).replace("scored", "unscored"));
    site.done("third", &[]);
    assert_eq!((site.journaled().len(), site.index_files()), (3, 2));
}

#[test]
fn rows_that_cannot_be_taken_are_told_first() {
    let site = Site::new();
    site.release("broken", |name, text| {
        if name.starts_with("f_gtin2") {
            text.replacen("<GTIN>999", "<GTIN>998", 1)
        } else {
            text.to_owned()
        }
    });
    let (right, said) = site.import("broken", &[]);
    assert!(!right && said.contains("! GTINDATA") && said.contains("--with-problems"), "{said}");
    assert!(site.journaled().is_empty());
    site.done("broken", &["--with-problems"]);
    assert_eq!(site.journaled().len(), 1);
    let (right, said) = site.import("absent", &[]);
    assert!(!right && said.contains("absent"), "{said}");
}

#[test]
fn the_index_in_use_is_whole() {
    let site = Site::new();
    site.done("release", &[]);
    let folder = site.path("data").join("dmd");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let digest = file.file_stem().unwrap().to_string_lossy().into_owned();
    let data = site.path("data");
    let load = |digest: &str| interlock::dmd::load(Path::new(&data), digest);
    assert!(load(&digest).unwrap().release().synthetic);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(load(&digest).is_err());
    assert!(load("../journal").is_err());
}
