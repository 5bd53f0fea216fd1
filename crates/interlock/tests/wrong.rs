//! Deliberately wrong configurations: `interlock plan` says of each where it is wrong, why, and
//! how to mend it; and nothing is changed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;
use std::process::Command;

/// The right configuration, by file.
const FILES: [(&str, &str); 4] = [
    (
        "interlock.toml",
        r#"[node]
data = "data"
http = "127.0.0.1:8080"

[site]
code = "RXX"

[[site.cabinet]]
system = "ADCB"
station = "WARDA1"
wards = ["WARDA"]
channel = "to-warda1"

[[client]]
name = "ward-cabinets"
roles = ["cabinet"]
token = { file = "token" }
"#,
    ),
    (
        "channels/pas.toml",
        r#"direction = "inbound"
listen = "127.0.0.1:2575"
accepts = ["ADT"]
"#,
    ),
    (
        "channels/to-warda1.toml",
        r#"direction = "outbound"
connect = "cabinets.example:2575"
dialect = "adcb"
ack_timeout_s = 30
"#,
    ),
    ("dialects/adcb.toml", "version = \"2.3\"\ncharset = \"WINDOWS-1252\"\n"),
];

/// Writes the right files with `old` put as `new` in one of them.
fn write(folder: &Path, file: &str, old: &str, new: &str) {
    std::fs::create_dir_all(folder.join("channels")).unwrap();
    std::fs::create_dir_all(folder.join("dialects")).unwrap();
    std::fs::write(folder.join("token"), "0123456789abcdef0123456789abcdef").unwrap();
    for (path, text) in FILES {
        let text = if path == file {
            assert!(text.contains(old), "{file}: {old}");
            text.replacen(old, new, 1)
        } else {
            text.to_owned()
        };
        std::fs::write(folder.join(path), text).unwrap();
    }
}

fn plan(folder: &Path) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
    // An address on which nobody listens, so that the data folder is asked.
    let output = command
        .args(["plan", "--node", "127.0.0.1:1", "--config"])
        .arg(folder.join("interlock.toml"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn check(file: &str, old: &str, new: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), file, old, new);
    let (right, out, told) = plan(folder.path());
    let said = told.strip_prefix("interlock: one mistake; nothing is changed\n");
    assert_eq!(said.map(str::trim_end), Some(expected), "{told}");
    assert!(!right && out.is_empty());
    assert!(!folder.path().join("data").exists(), "looking makes no data folder");
}

#[test]
fn the_right_one_has_no_mistake() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "interlock.toml", "", "");
    let (right, out, told) = plan(folder.path());
    assert!(right, "{told}");
    assert!(out.contains("+ channel to-warda1 (it starts)\n"), "{out}");
    assert!(out.contains("    dialect.charset = \"WINDOWS-1252\"\n"), "{out}");
    assert!(out.contains("against nothing: no configuration was in force yet: 6 added"), "{out}");
}

#[test]
fn a_wrong_channel_says_how_to_mend_it() {
    check(
        "channels/pas.toml",
        "accepts",
        "acepts",
        "channels/pas.toml:3: `acepts`: there is no such key here; did you mean `accepts`?",
    );
    check(
        "channels/to-warda1.toml",
        "\"adcb\"",
        "\"abcd\"",
        "channels/to-warda1.toml:3: dialect: there is no dialect `abcd`; write \
         dialects/abcd.toml, or use one of: adcb",
    );
    check(
        "channels/pas.toml",
        "\"inbound\"",
        "\"inbond\"",
        "channels/pas.toml:1: `inbond`: this is none of its values; did you mean `inbound`?",
    );
    check(
        "channels/pas.toml",
        "\"127.0.0.1:2575\"",
        "\"2575\"",
        "channels/pas.toml:2: \"2575\": this is no address to listen on; write an address and a \
         port, as \"0.0.0.0:2575\"",
    );
    check(
        "channels/pas.toml",
        "[\"ADT\"]",
        "[\"ADT\"",
        "channels/pas.toml:3: this cannot be read: unclosed array, expected `]`; write it as \
         docs/operate.md and docs/channels.md show",
    );
    check(
        "channels/to-warda1.toml",
        "ack_timeout_s = 30",
        "ack_timeout_s = 0",
        "channels/to-warda1.toml:4: channel `to-warda1`: `ack_timeout_s` is outside 1 to 600; \
         write a number within it",
    );
    check(
        "channels/to-warda1.toml",
        "connect = \"cabinets.example:2575\"\n",
        "",
        "channels/to-warda1.toml:1: channel `to-warda1`: it is outbound and needs `connect`; \
         write connect = \"cabinets.example:2575\"",
    );
    check(
        "channels/to-warda1.toml",
        "ack_timeout_s = 30",
        "ack_timeout_s = \"30\"",
        "channels/to-warda1.toml:4: \"30\": this is a string, and it has to be a number; write \
         it as docs/operate.md and docs/channels.md show",
    );
    check(
        "channels/pas.toml",
        "direction",
        "name = \"pas\"\ndirection",
        "channels/pas.toml:1: `name`: the name of the file is the channel's name, `pas`; remove \
         this line",
    );
    check(
        "channels/pas.toml",
        "direction = \"inbound\"\n",
        "",
        "channels/pas.toml:1: `direction`: it is missing; write direction = …",
    );
}

#[test]
fn a_wrong_transport_says_how_to_mend_it() {
    let http = "listen = \"0.0.0.0:8081\"\ntransport = \"http\"";
    check(
        "channels/pas.toml",
        "listen = \"127.0.0.1:2575\"",
        http,
        "channels/pas.toml:2: channel `pas`: `listen` would let anybody send who reaches it; set \
         `token` in [http], or [tls] with `ca`, or listen on 127.0.0.1",
    );
    check(
        "channels/pas.toml",
        "accepts = [\"ADT\"]\n",
        "[http]\npath = \"/hl7\"\n",
        "channels/pas.toml:3: channel `pas`: `http` is for `transport = \"http\"`; remove it, or \
         set the transport",
    );
    check(
        "channels/pas.toml",
        "accepts = [\"ADT\"]\n",
        "transport = \"http\"\n[http]\npath = \"hl7\"\n",
        "channels/pas.toml:5: channel `pas`: `path` is no path; write it from its `/`, as \
         \"/hl7\", without `?`, `#` and `%`",
    );
    check(
        "channels/to-warda1.toml",
        "connect = \"cabinets.example:2575\"",
        "transport = \"files\"",
        "channels/to-warda1.toml:1: channel `to-warda1`: `files` is missing, and `transport = \
         \"files\"` needs it; add [files] with `folder`",
    );
    check(
        "channels/to-warda1.toml",
        "connect = \"cabinets.example:2575\"",
        "transport = \"file\"",
        "channels/to-warda1.toml:2: `file`: this is none of its values; did you mean `files`?",
    );
    check(
        "channels/to-warda1.toml",
        "ack_timeout_s = 30\n",
        "[tls]\nca = \"nobody.pem\"\ncertificate = \"node.pem\"\n",
        "channels/to-warda1.toml:4: channel `to-warda1`: `tls` needs `key`: a certificate is \
         proven by it; add it",
    );
    check(
        "channels/pas.toml",
        "accepts = [\"ADT\"]\n",
        "forward_to = [\"to-warda2\"]\n",
        "channels/pas.toml:3: channel `pas`: `forward_to` names `to-warda2`, and no outbound \
         channel has that name; correct the name",
    );
    check(
        "channels/to-warda1.toml",
        "ack_timeout_s = 30\n",
        "forward_to = [\"to-warda1\"]\n",
        "channels/to-warda1.toml:4: channel `to-warda1`: `forward_to` is for inbound channels; \
         write it at the channel on which the messages come",
    );
}

#[test]
fn a_wrong_site_or_dialect_says_how_to_mend_it() {
    check(
        "interlock.toml",
        "8080",
        "2575",
        "channels/pas.toml:2: channel `pas`: it listens on 127.0.0.1:2575, and the API and the \
         console on 127.0.0.1:2575; give it a port of its own, as 2576",
    );
    check(
        "interlock.toml",
        "{ file = \"token\" }",
        "\"0123456789abcdef0123456789abcdef\"",
        "interlock.toml:17: token: a secret stands here in plain text, and this text is kept for \
         ever; make a new secret, put it into a file that only the node can read, and write { \
         file = \"…\" } or { env = \"NAME\" }",
    );
    check(
        "interlock.toml",
        "\"to-warda1\"",
        "\"to-wardal\"",
        "interlock.toml:8: cabinet `ADCB/WARDA1`: there is no channel `to-wardal`; write \
         channels/to-wardal.toml, or did you mean `to-warda1`?",
    );
    check(
        "dialects/adcb.toml",
        "\"2.3\"",
        "\"3.0\"",
        "dialects/adcb.toml:1: \"3.0\": `3.0` is not a version of HL7 2; write it as \
         docs/operate.md and docs/channels.md show",
    );
    check(
        "interlock.toml",
        "file = \"token\"",
        "file = \"tokens/cabinets\"",
        "interlock.toml:14: the token of `ward-cabinets`: tokens/cabinets cannot be read: No \
         such file or directory (os error 2); give a token by `token = { env = \"NAME\" }` or `{ \
         file = \"…\" }`; a path starts at the folder of interlock.toml",
    );
}
