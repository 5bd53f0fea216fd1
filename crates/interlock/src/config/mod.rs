//! The configuration: what its files hold, and what is wrong with them.
//!
//! `interlock.toml` tells of the node and the site; each channel has a file `channels/NAME.toml`
//! beside it, each dialect that several share a file `dialects/NAME.toml`. A small node may have
//! both in the first file, as `[[channel]]` and `[dialect.NAME]`.

mod bundle;
mod check;
mod file;
mod keeping;
mod mistake;
mod parse;
mod parts;
mod subscriptions;
mod suggest;
mod watch;

use std::path::{Path, PathBuf};

pub(crate) use bundle::hexadecimal;
pub use bundle::{Bundle, ROOT};
pub use file::{ClientEntry, ConsoleEntry, File, KeyEntry, NodeEntry, SiteEntry};
pub use keeping::JournalEntry;
pub use mistake::Mistake;
pub use parts::{Fields, Parts};
pub use subscriptions::SubscriptionsEntry;
pub use watch::{MailEntry, TracesEntry, WatchEntry, WebhookEntry};

use crate::node::Plan;

/// A configuration as it is written.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Its files.
    pub bundle: Bundle,
    /// What they say, to be compared with another configuration.
    pub parts: Parts,
}

impl Configuration {
    /// The configuration of these files, whether they can be used or not.
    pub fn of(bundle: Bundle) -> Self {
        let parts = parts::parts(&bundle);
        Configuration { bundle, parts }
    }
}

/// Reads the configuration at `path`, with the files beside it. All mistakes that can be found at
/// once are told at once.
pub fn load(path: &Path) -> Result<Plan, Vec<Mistake>> {
    read_bundle(Bundle::from_folder(path)?, folder_of(path))
}

/// The folder at which relative paths start.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Reads a configuration of one file; relative paths in it start at `folder`.
pub fn read(text: &str, folder: &Path) -> Result<Plan, Vec<Mistake>> {
    read_bundle(Bundle::of_root(text), folder)
}

/// Reads a configuration; relative paths in it start at `folder`.
pub fn read_bundle(bundle: Bundle, folder: &Path) -> Result<Plan, Vec<Mistake>> {
    let parsed = parse::parse(&bundle)?;
    check::plan(&parsed, Configuration::of(bundle), folder, false)
}

/// Reads a configuration that was applied before, to start with it: what time alone has made wrong
/// since, as a certificate that has ended, is told by an alarm and keeps no channel waiting.
pub(crate) fn read_applied(bundle: Bundle, folder: &Path) -> Result<Plan, Vec<Mistake>> {
    let parsed = parse::parse(&bundle)?;
    check::plan(&parsed, Configuration::of(bundle), folder, true)
}

/// What a configuration says of those who speak, whatever else is wrong with it.
pub(crate) struct Speaking {
    /// The ODS code of the site.
    pub(crate) site: String,
    /// The value of MSH-11 in force.
    pub(crate) processing_id: String,
    /// The channels.
    pub(crate) channels: Vec<channels::ChannelConfig>,
}

/// Only the channels of a configuration: its tokens, keys and certificates need not be at hand.
/// None where its texts cannot be read.
pub(crate) fn channels_of(bundle: &Bundle, folder: &Path) -> Option<Speaking> {
    let parsed = parse::parse(bundle).ok()?;
    let channels = check::channels_alone(&parsed, bundle, folder);
    Some(Speaking {
        site: parsed.file.site.code.into_inner(),
        processing_id: parsed.file.node.processing_id.into_inner(),
        channels,
    })
}

/// The token of the first client that may administer the node, where it can be read.
pub(crate) fn admin_token(path: &Path) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct ClientsAlone {
        #[serde(default)]
        client: Vec<ClientEntry>,
    }
    let text = std::fs::read_to_string(path).ok()?;
    let read: ClientsAlone = toml::from_str(&text).ok()?;
    let mut admins = read.client.iter().filter(|one| one.roles.contains(&api::Role::Admin));
    admins.find_map(|one| one.token.read(folder_of(path)).ok())
}

/// Only what the file says of the node itself, whatever is wrong with the rest.
pub fn node_of(path: &Path) -> Result<(NodeEntry, PathBuf), Mistake> {
    #[derive(serde::Deserialize)]
    struct NodeAlone {
        node: NodeEntry,
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        Mistake::whole("the file cannot be read", &error.to_string(), "check the path")
    })?;
    let read = toml::from_str::<NodeAlone>(&text);
    let read = read.map_err(|error| Mistake::of_toml(&text, &error).of_file(ROOT))?;
    let data = folder_of(path).join(&read.node.data);
    Ok((read.node, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = r#"
[node]
data = "data"

[site]
code = "RXX"

[[site.cabinet]]
system = "ADC"
station = "WARDA1"
wards = ["WARDA"]
channel = "to-a"

[dialect.adc]
version = "2.3"

[[channel]]
name = "to-a"
direction = "outbound"
connect = "127.0.0.1:2600"
dialect = "adc"

[[channel]]
name = "pas"
direction = "inbound"
listen = "127.0.0.1:2575"
accepts = ["ADT"]
"#;

    /// The mistakes in the right file with `old` put as `new`, as `line: what`.
    fn check(old: &str, new: &str, expected: &[&str]) {
        assert!(RIGHT.contains(old), "{old}");
        let text = RIGHT.replacen(old, new, 1);
        let mistakes = read(&text, Path::new("/nowhere")).err().unwrap_or_default();
        let found: Vec<String> = mistakes
            .iter()
            .map(|m| format!("{}: {}: {}", m.line.unwrap_or_default(), m.what, m.why))
            .collect();
        assert_eq!(found, expected, "{old} -> {new}");
        assert!(mistakes.iter().all(|mistake| !mistake.remedy.is_empty()));
    }

    #[test]
    fn a_right_file_is_a_plan() {
        check("RXX", "RXX", &[]);
        let plan = read(RIGHT, Path::new("/srv")).unwrap();
        assert_eq!(plan.journal(), Path::new("/srv/data/journal.sqlite3"));
        assert!(plan.http.ip().is_loopback(), "nobody else is let in unasked");
        assert_eq!(plan.channels[0].dialect.version, "2.3");
        assert_eq!(plan.channels[1].dialect.version, "2.5.1");
    }

    #[test]
    fn every_mistake_has_its_line_and_its_reason() {
        let (code, zone) = ("code = \"RXX\"", "code = \"RXX\"\ntime_zone = ");
        check(code, &format!("{zone}\"Europe/Dublin\""), &[]);
        let why = "no zone of the IANA database that this machine has is called so";
        let mistake = format!("7: time_zone `Europe/Atlantis`: {why}");
        check(code, &format!("{zone}\"Europe/Atlantis\""), &[&mistake]);
        check("RXX", "R X", &["6: site code: an ODS code has 3 to 6 letters and digits"]);
        check(
            "channel = \"to-a\"",
            "channel = \"to-b\"",
            &["8: cabinet `ADC/WARDA1`: there is no channel `to-b`"],
        );
        check(
            "channel = \"to-a\"",
            "channel = \"pas\"",
            &["8: cabinet `ADC/WARDA1`: channel `pas` is not outbound"],
        );
        check(
            "dialect = \"adc\"",
            "dialect = \"omni\"",
            &["21: dialect: there is no dialect `omni`"],
        );
        check(
            "wards = [\"WARDA\"]",
            "wards = []",
            &["8: cabinet `ADC/WARDA1`: it serves no ward, so nothing could be taken from it"],
        );
        check(
            "name = \"pas\"",
            "name = \"to-a\"",
            &["23: channel `to-a`: it is there twice: see interlock.toml:17"],
        );
        check(
            "data = \"data\"",
            "data = \"data\"\nprocessing_id = \"X\"",
            &["4: processing_id: MSH-11 is P (live), T (training) or D (debugging)"],
        );
        check(
            "listen = \"127.0.0.1:2575\"",
            "",
            &["23: channel `pas`: it is inbound and needs `listen`"],
        );
    }

    #[test]
    fn several_mistakes_are_told_at_once() {
        let text = RIGHT.replace("RXX", "R X").replace("dialect = \"adc\"", "dialect = \"no\"");
        assert_eq!(read(&text, Path::new("/")).unwrap_err().len(), 2);
    }

    #[test]
    fn what_is_no_toml_or_no_field_is_told_with_its_line() {
        check("[site]", "[site", &["5: this cannot be read: unclosed table, expected `]`"]);
        let text = RIGHT.replace("accepts", "acepts");
        let mistakes = read(&text, Path::new("/")).unwrap_err();
        assert!(mistakes[0].line.is_some() && mistakes[0].what.contains("acepts"), "{mistakes:?}");
    }

    #[test]
    fn a_token_is_never_in_the_file_itself() {
        let client = "[[client]]\nname = \"ask\"\nroles = [\"cabinet\"]\ntoken = \"secret\"\n";
        assert!(read(&format!("{RIGHT}{client}"), Path::new("/")).is_err());
        let client = client.replace("\"secret\"", "{ env = \"INTERLOCK_NO_SUCH_TOKEN\" }");
        let mistakes = read(&format!("{RIGHT}{client}"), Path::new("/")).unwrap_err();
        assert!(mistakes[0].why.contains("INTERLOCK_NO_SUCH_TOKEN"));
    }

    #[test]
    fn a_certificate_that_has_ended_is_not_applied_and_keeps_no_node_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["hub.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2010, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 12, 31);
        let pem = params.self_signed(&key).unwrap().pem();
        std::fs::write(folder.path().join("hub.pem"), pem).unwrap();
        std::fs::write(folder.path().join("hub.key"), key.serialize_pem()).unwrap();
        let tls = "[channel.tls]\ncertificate = \"hub.pem\"\nkey = { file = \"hub.key\" }\n\
                   ca = \"hub.pem\"\n";
        let text = format!("{RIGHT}{tls}");
        let mistakes = read(&text, folder.path()).unwrap_err();
        assert_eq!(mistakes.len(), 1);
        let told = mistakes[0].to_string();
        assert!(told.contains("expired at 2020-12-31") && told.contains("put a new one"), "{told}");
        let bundle = || Bundle::of_root(&text);
        assert!(read_applied(bundle(), folder.path()).is_ok(), "it was right when it was applied");
        std::fs::remove_file(folder.path().join("hub.key")).unwrap();
        assert!(read_applied(bundle(), folder.path()).is_err(), "this is not of time alone");
    }

    #[test]
    fn endpoints_of_subscribers_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("no.pem"), "no certificate").unwrap();
        let check = |lines: &str, expected: &str| {
            let text = format!("{RIGHT}\n[subscriptions]\n{lines}");
            let mistakes = read(&text, folder.path()).err().unwrap_or_default();
            let found: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), usize::from(!expected.is_empty()), "{found:?}");
            assert!(found.iter().all(|found| found.contains(expected)), "{found:?}");
        };
        check("", "");
        check("attempts = 5\nallow = [{ url = \"https://a.example\" }]", "");
        check("allow = [{ url = \"https://a.example\", networks = [\"10.2.0.0/16\"] }]", "");
        check("attempts = 0", "`attempts` is from 1 to 1000; write such a number");
        check("attempt = 3", "`attempt`: there is no such key here; did you mean `attempts`?");
        check("allow = [{ url = \"a.example\" }]", "`a.example` is no endpoint; write scheme");
        check("allow = [{ url = \"https://a.example/in\" }]", "is no endpoint");
        let network = "allow = [{ url = \"https://a.example\", networks = [\"10.2\"] }]";
        check(network, "`10.2` is no network; write an address");
        check("ca = \"none.pem\"", "cannot be read");
        check("ca = \"no.pem\"", "holds no certificate that can be read");
        let second = "[[subscriptions.allow]]\nurl = \"https://a.example\"\n\n\
                      [[subscriptions.allow]]\nurl = \"x\"\n";
        let mistakes = read(&format!("{RIGHT}\n{second}"), folder.path()).unwrap_err();
        assert_eq!(mistakes[0].line, Some(RIGHT.matches('\n').count() + 5), "{mistakes:?}");
    }

    #[test]
    fn the_rules_for_controlled_drugs_have_to_make_sense() {
        let check = |lines: &str, expected: &str| {
            let text = format!("{RIGHT}\n[site.controlled]\n{lines}");
            let mistakes = read(&text, Path::new("/nowhere")).err().unwrap_or_default();
            let found: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), usize::from(!expected.is_empty()), "{found:?}");
            assert!(found.iter().all(|found| found.contains(expected)), "{found:?}");
        };
        let own = "count = [{ place = \"cabinet:ADC/WARDA1\", every_h = 12 }]";
        check(&format!("register_also = [\"3\"]\nescalate_after_h = 12\n{own}"), "");
        check("count_every_h = 200", "counted once a week at least");
        check("register_also = [\"6\"]", "6");
        check("witness_valid = 3", "did you mean `witness_valid_s`?");
        check("destruction_witnesses = [\"X\"]", "`X` is nobody here");
        check(&own.replace("ADC", "NO"), "is no place of this site");
        let client = "[[client]]\nname = \"w\"\nroles = [\"witness\"]\nperson = \"N9\"\n\
                      token = { env = \"PATH\" }";
        check(client, "`N9` is nobody here");
    }

    #[test]
    fn what_is_watched_has_to_make_sense() {
        let check = |lines: &str, expected: &str| {
            let text = format!("{RIGHT}\n[watch]\n{lines}");
            let mistakes = read(&text, Path::new("/nowhere")).err().unwrap_or_default();
            let found: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), usize::from(!expected.is_empty()), "{found:?}");
            assert!(found.iter().all(|found| found.contains(expected)), "{found:?}");
        };
        check("limits = { silence_min = 30, channel.pas.silence_min = 0 }", "");
        check("limits = { channel.pass.silence_min = 1 }", "there is no channel `pass`");
        check(
            "limits = { silence = 1 }",
            "`silence`: there is no such key here; did you mean `silence_min`?",
        );
        check("webhook = { url = \"alarms.example\" }", "`alarms.example` is no address");
        check("traces = { url = \"http://collector.example/v1/traces\", one_in = 10 }", "");
        check("traces = { url = \"collector.example\" }", "`collector.example` is no address");
        check("traces = { url = \"http://c.example/\", one_in = 0 }", "0 of them is none");
        check(
            "mail = { host = \"mail.example\", from = \"a@b.example\", to = [] }",
            "1 to 50 addresses",
        );
        check(
            "mail = { host = \"m.example\", from = \"a@b.example\", to = [\"a@b.example\"], \
            user = \"n\" }",
            "give both or none",
        );
    }
}
