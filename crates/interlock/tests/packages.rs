//! Packages of FHIR definitions are taken over from the command line, with and without a running
//! node, and what is written is validated by them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use medicines::{Fact, Head};
use xtask::trial::child::{Launch, Running};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const WARD: &str = "urn:test:StructureDefinition/ward-flag";

struct Site {
    folder: tempfile::TempDir,
    http: SocketAddr,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A profile by which a Flag has an identifier.
fn profile(least: u8) -> String {
    format!(
        r#"{{"resourceType":"StructureDefinition","url":"{WARD}","name":"WardFlag",
        "status":"active","kind":"resource","abstract":false,"type":"Flag",
        "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Flag",
        "derivation":"constraint","differential":{{"element":[
        {{"id":"Flag.identifier","path":"Flag.identifier","min":{least}}}]}}}}"#
    )
}

fn flag(more: &str) -> String {
    format!(
        r#"{{"resourceType":"Flag","meta":{{"profile":["{WARD}"]}},"status":"active",
        "code":{{"text":"x"}},"subject":{{"display":"y"}}{more}}}"#
    )
}

impl Site {
    fn new() -> Self {
        let site = Site { folder: tempfile::tempdir().unwrap(), http: free() };
        let text = format!(
            "[node]\ndata = \"data\"\nhttp = \"{}\"\n[site]\ncode = \"RXX\"\n[[client]]\n\
             name = \"epr\"\nroles = [\"admin\", \"fhir-read\", \"fhir-write\"]\n\
             validation = \"strict\"\ntoken = {{ file = \"token\" }}\n",
            site.http
        );
        std::fs::write(site.path("interlock.toml"), text).unwrap();
        std::fs::write(site.path("token"), TOKEN).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn package(&self, name: &str, least: u8) -> PathBuf {
        let folder = self.path(name);
        std::fs::create_dir(&folder).unwrap();
        let manifest = r#"{"name":"test.ward","version":"1"}"#;
        std::fs::write(folder.join("package.json"), manifest).unwrap();
        std::fs::write(folder.join("flag.json"), profile(least)).unwrap();
        folder
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

    fn import(&self, package: &Path, more: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_interlock"))
            .args(["import", "package"])
            .arg(package)
            .arg("--config")
            .arg(self.path("interlock.toml"))
            .args(more)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    #[track_caller]
    fn done(&self, package: &Path, more: &[&str]) -> String {
        let (right, said) = self.import(package, more);
        assert!(right, "{said}");
        said
    }

    /// The packages that the journal says were taken over: name and who.
    fn journaled(&self) -> Vec<(String, String)> {
        let journal = journal::Reader::open(&self.path("data").join("journal.sqlite3")).unwrap();
        let heads = journal.read_from(1, 1000).unwrap();
        let facts =
            heads.iter().flat_map(|entry| Head::from_json(&entry.head).unwrap().facts.into_owned());
        facts
            .filter_map(|fact| match fact {
                Fact::Package(one) => Some((one.name.clone(), one.by.clone())),
                _ => None,
            })
            .collect()
    }

    /// Posts to the node: the status and the body of the answer.
    fn post(&self, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

#[test]
fn a_running_node_validates_by_a_package_from_the_moment_it_is_taken_over() {
    let site = Site::new();
    let (first, second) = (site.package("first", 1), site.package("second", 0));
    let node = site.start();
    let with = r#","identifier":[{"value":"1"}]"#;
    let (status, body) = site.post("/fhir/Flag", &flag(""));
    assert_eq!(status, 201, "a profile that nobody knows is a warning: {body}");
    let said = site.done(&first, &["--plan"]);
    assert!(said.contains("test.ward 1: 1 StructureDefinition"), "{said}");
    assert!(site.journaled().is_empty());
    assert!(site.done(&first, &["--by", "N1001"]).contains("in use: entry"));
    let (status, body) = site.post("/fhir/Flag", &flag(""));
    assert!(status == 422 && body.contains("Flag.identifier"), "{status} {body}");
    assert_eq!(site.post("/fhir/Flag", &flag(with)).0, 201);

    site.done(&second, &[]);
    assert_eq!(site.post("/fhir/Flag", &flag("")).0, 201, "one of the same name replaces it");
    drop(node);
    let named = |by: &str| ("test.ward".to_owned(), by.to_owned());
    assert_eq!(site.journaled(), [named("N1001"), named("epr")]);
    let files = std::fs::read_dir(site.path("data").join("packages")).unwrap().count();
    assert_eq!(files, 1, "the file of the replaced one is gone");
}

#[test]
fn a_package_without_a_node_is_in_use_from_the_next_start_on() {
    let site = Site::new();
    let package = site.package("first", 1);
    let (right, said) = site.import(&site.path("none"), &[]);
    assert!(!right && said.contains("none"), "{said}");
    site.done(&package, &["--name", "ours"]);
    site.done(&package, &["--name", "ours"]);
    assert_eq!(site.journaled(), [("ours".to_owned(), "interlock import".to_owned())]);
    let node = site.start();
    assert_eq!(site.post("/fhir/Flag", &flag("")).0, 422);
    drop(node);

    // A file that is lost is told, and nothing passes unseen meanwhile.
    std::fs::remove_dir_all(site.path("data").join("packages")).unwrap();
    let node = site.start();
    let (status, body) = site.post("/fhir/Flag", &flag(""));
    assert!(status == 503 && body.contains("no-definitions"), "{status} {body}");
    site.done(&package, &["--name", "other"]);
    drop(node);
}

#[test]
fn uk_core_is_validated_by_its_own_profiles() {
    let corpus = std::env::var_os("INTERLOCK_CORPUS").map(PathBuf::from);
    let corpus = corpus
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let folder = corpus.join("fhir").join("uk-core");
    if !folder.is_dir() {
        eprintln!("skipped: no corpus");
        return;
    }
    let site = Site::new();
    let said = site.done(&folder, &["--with-problems"]);
    assert!(said.contains("StructureDefinition") && said.contains("CodeSystem"), "{said}");
    let node = site.start();
    let profile = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient";
    let patient = |telecom: &str| {
        format!(
            r#"{{"resourceType":"Patient","meta":{{"profile":["{profile}"]}},
            "identifier":[{{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018",
            "extension":[{{"url":
            "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
            "valueCodeableConcept":{{"coding":[{{"system":
            "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
            "code":"{telecom}"}}]}}}}]}}]}}"#
        )
    };
    let (status, body) = site.post("/fhir/Patient", &patient("01"));
    assert_eq!(status, 201, "{body}");
    let (status, body) = site.post("/fhir/Patient/$validate", &patient("99"));
    let place = "Patient.identifier[0].extension[0].value";
    assert!(status == 200 && body.contains(place), "{status} {body}");
    assert!(body.contains("\"severity\":\"error\""), "{body}");
    drop(node);
}
