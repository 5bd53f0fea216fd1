//! The configuration of the demonstration, as an engineer would write it for this hospital.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use estate::site::{DialectFacts, StaffRole};
use estate::{ListenerAddresses, SiteFacts};

use super::Settings;
use crate::config::ROOT;

/// The configuration's files by their paths, for the curious to find in the data folder.
type Files = BTreeMap<String, String>;

/// The token of the API in the data folder.
const TOKEN_FILE: &str = "token";
/// The key of the console in the data folder.
const KEY_FILE: &str = "key";

/// Whoever looks at the demonstration, who may do there what a pharmacist does.
pub(super) const VISITOR: &str = "demo";

/// What is of this one demonstration.
pub(super) struct Keys<'a> {
    /// The token of the API.
    pub(super) token: &'a str,
    /// The key of the console.
    pub(super) console: &'a str,
    /// Keys of `[site.policies]`, where they are other than by default.
    pub(super) policies: &'a [(&'a str, u32)],
}

/// Writes the configuration and its secrets into the data folder, and returns where it begins.
pub(super) fn write(
    facts: &SiteFacts,
    listeners: &ListenerAddresses,
    settings: &Settings,
    keys: &Keys<'_>,
) -> io::Result<PathBuf> {
    for folder in ["channels", "dialects"] {
        std::fs::create_dir_all(settings.data.join(folder))?;
    }
    for (path, text) in files(facts, listeners, settings, keys.policies) {
        std::fs::write(settings.data.join(path), text)?;
    }
    for (file, secret) in [(TOKEN_FILE, keys.token), (KEY_FILE, keys.console)] {
        let path = settings.data.join(file);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        io::Write::write_all(&mut file, secret.as_bytes())?;
    }
    Ok(settings.data.join(ROOT))
}

fn files(
    facts: &SiteFacts,
    listeners: &ListenerAddresses,
    settings: &Settings,
    policies: &[(&str, u32)],
) -> Files {
    let (mut files, mut root) = (Files::new(), String::new());
    // Writing to a string never fails.
    let _ = self::root(&mut root, facts, settings);
    let _ = self::policies(&mut root, policies);
    let _ = channels(&mut files, facts, listeners);
    files.insert(ROOT.to_owned(), root);
    files
}

fn root(out: &mut String, facts: &SiteFacts, settings: &Settings) -> std::fmt::Result {
    writeln!(out, "[node]\ndata = \".\"\nhttp = \"127.0.0.1:{}\"\n", settings.port)?;
    writeln!(out, "[site]\ncode = {:?}\nname = \"Interlock General\"\n", facts.code)?;
    for cabinet in &facts.cabinets {
        writeln!(out, "[[site.cabinet]]\nsystem = {:?}", cabinet.system)?;
        writeln!(out, "station = {:?}\nwards = {:?}", cabinet.station, cabinet.wards)?;
        if cabinet.has_profile() {
            writeln!(out, "channel = {:?}", profile_channel(&cabinet.station))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "[[site.recorder]]\nchannel = \"to-epma\"\nhears_from = \"epma\"\n")?;
    items(out, facts)?;
    for person in &facts.people {
        let role = match person.role {
            StaffRole::Nurse => "nurse",
            StaffRole::Prescriber => "prescriber",
            StaffRole::Pharmacist => "pharmacist",
            StaffRole::Assistant => "assistant",
        };
        let name = format!("{}, {}", person.family, person.given);
        writeln!(out, "[[site.person]]\nid = {:?}\nname = {name:?}\nrole = {role:?}\n", person.id)?;
    }
    writeln!(
        out,
        "[[site.person]]\nid = {VISITOR:?}\nname = \"Visitor, Demo\"\nrole = \"pharmacist\"\n"
    )?;
    writeln!(out, "[[client]]\nname = \"estate\"\ntoken = {{ file = \"token\" }}")?;
    writeln!(
        out,
        "roles = [\"cabinet\", \"bedside\", \"fhir-read\", \"fhir-write\", \"cases\", \
         \"messages\", \"admin\", \"stock\", \"verification\"]\n"
    )?;
    writeln!(
        out,
        "[[console.key]]\nname = {VISITOR:?}\ntoken = {{ file = \"key\" }}\nrights = [\"replay\", \
         \"verification\", \"stock\", \"critical-override\", \"registers\"]"
    )
}

fn policies(out: &mut String, policies: &[(&str, u32)]) -> std::fmt::Result {
    if !policies.is_empty() {
        writeln!(out, "\n[site.policies]")?;
    }
    policies.iter().try_for_each(|(key, value)| writeln!(out, "{key} = {value}"))
}

fn profile_channel(station: &str) -> String {
    format!("to-{}", station.to_lowercase())
}

fn channels(out: &mut Files, facts: &SiteFacts, listeners: &ListenerAddresses) -> std::fmt::Result {
    dialect(out, "pas", &facts.code, &facts.pas)?;
    inbound(out, "pas", "pas", "[\"ADT\"]")?;
    dialect(out, "epma", &facts.code, &facts.epma)?;
    inbound(out, "epma", "epma", "[]")?;
    outbound(out, "to-epma", "epma", listeners.epma, "never")?;
    let mut systems = Vec::new();
    for cabinet in &facts.cabinets {
        let name = cabinet.system.to_lowercase();
        if !systems.contains(&name) {
            dialect(out, &name, &facts.code, &cabinet.dialect)?;
            inbound(out, &name, &name, "[]")?;
        }
        if let Some(address) = listeners.cabinets.get(&cabinet.id()) {
            let channel = profile_channel(&cabinet.station);
            outbound(out, &channel, &name, *address, "reconnect")?;
        }
        systems.push(name);
    }
    Ok(())
}

fn dialect(files: &mut Files, name: &str, site: &str, facts: &DialectFacts) -> std::fmt::Result {
    let words = &facts.words;
    let out = files.entry(format!("dialects/{name}.toml")).or_default();
    writeln!(out, "version = {:?}", facts.version)?;
    writeln!(out, "charset = {:?}", facts.charset.unwrap_or("WINDOWS-1252"))?;
    writeln!(out, "peer_application = {:?}\npeer_facility = {site:?}", facts.application)?;
    let style = if facts.tq1 { "tq1" } else { "rxe-1" };
    writeln!(out, "timing_style = {style:?}\nzpm_layout = {:?}", facts.zpm_layout)?;
    let control = [
        ("new", words.new),
        ("change", words.change),
        ("hold", words.hold),
        ("resume", words.resume),
        ("stop", words.stop),
        ("cancel", words.cancel),
    ];
    let control: Vec<String> = control.iter().map(|(k, v)| format!("{k} = {v:?}")).collect();
    writeln!(out, "order_control = {{ {} }}", control.join(", "))
}

/// The file of a channel.
fn channel<'f>(files: &'f mut Files, name: &str) -> &'f mut String {
    files.entry(format!("channels/{name}.toml")).or_default()
}

fn inbound(files: &mut Files, name: &str, dialect: &str, accepts: &str) -> std::fmt::Result {
    let out = channel(files, name);
    writeln!(out, "direction = \"inbound\"\nlisten = \"127.0.0.1:0\"")?;
    writeln!(out, "dialect = {dialect:?}\naccepts = {accepts}")
}

fn outbound(
    files: &mut Files,
    name: &str,
    dialect: &str,
    to: std::net::SocketAddr,
    resync: &str,
) -> std::fmt::Result {
    let out = channel(files, name);
    writeln!(out, "direction = \"outbound\"")?;
    writeln!(out, "connect = \"{to}\"\ndialect = {dialect:?}\nresync = {resync:?}")?;
    writeln!(out, "on_unknown = \"resend\"\nack_timeout_s = 5")
}

fn items(out: &mut String, facts: &SiteFacts) -> std::fmt::Result {
    for item in &facts.items {
        writeln!(out, "[[site.item]]\ncode = {:?}\nname = {:?}", item.code, item.name)?;
        let codings: Vec<String> =
            item.codings.iter().map(|c| format!("[{:?}, {:?}]", c.0, c.1)).collect();
        writeln!(out, "codings = [{}]\nunit = {:?}", codings.join(", "), item.unit)?;
        if let Some((amount, unit)) = &item.strength {
            writeln!(out, "strength = {{ value = \"{amount}\", unit = {unit:?} }}")?;
        }
        writeln!(
            out,
            "witness = {}\noverride_allowed = {}\nbarcodes = [{:?}]",
            item.witness, item.override_allowed, item.barcode
        )?;
        if let Some(schedule) = item.schedule {
            writeln!(out, "controlled = {schedule:?}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}
