//! What the form of the file cannot say: what has to fit together.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use api::{Client, TokenHash};
use channels::{ChannelConfig, Direction};
use console::Key;
use medicines::Site;
use toml::Spanned;

use super::file::{ChannelEntry, ClientEntry, File, SiteEntry};
use super::mistake::Mistake;
use crate::node::Plan;
use crate::secret::{TokenSource, console_key};

/// Collects mistakes while the file is turned into a plan.
struct Checker<'a> {
    text: &'a str,
    folder: &'a Path,
    mistakes: Vec<Mistake>,
}

impl Checker<'_> {
    fn mistake(&mut self, span: Range<usize>, what: &str, why: &str, remedy: &str) {
        self.mistakes.push(Mistake::at(self.text, span, what, why, remedy));
    }

    /// Each name once.
    fn unique<'n>(&mut self, what: &str, names: impl IntoIterator<Item = (Range<usize>, &'n str)>) {
        let mut seen = BTreeSet::new();
        for (span, name) in names {
            if !seen.insert(name) {
                let remedy = format!("rename or remove one {what}");
                self.mistake(span, &format!("{what} `{name}`"), "it is there twice", &remedy);
            }
        }
    }

    fn token(&mut self, span: Range<usize>, whose: &str, source: &TokenSource) -> Option<String> {
        match source.read(self.folder) {
            Ok(token) => Some(token),
            Err(why) => {
                let remedy = "give a token by `token = { env = \"NAME\" }` or `{ file = \"…\" }`";
                self.mistake(span, &format!("the token of `{whose}`"), &why, remedy);
                None
            }
        }
    }
}

/// Turns a file into a plan, or tells all that is wrong with it.
pub(super) fn plan(file: &File, text: &str, folder: &Path) -> Result<Plan, Vec<Mistake>> {
    let mut checker = Checker { text, folder, mistakes: Vec::new() };
    let channels = channels(&mut checker, file);
    let site = site(&mut checker, file);
    let clients = clients(&mut checker, file);
    let keys = keys(&mut checker, file);
    watch(&mut checker, file);
    let processing_id = &file.node.processing_id;
    if !["P", "T", "D"].contains(&processing_id.as_ref().as_str()) {
        let why = "MSH-11 is P (live), T (training) or D (debugging)";
        checker.mistake(processing_id.span(), "processing_id", why, "write one of the three");
    }
    if !checker.mistakes.is_empty() {
        checker.mistakes.sort_by_key(|mistake| mistake.line);
        return Err(checker.mistakes);
    }
    Ok(Plan {
        data: folder.join(&file.node.data),
        http: file.node.http,
        public_url: file.node.public_url.clone(),
        processing_id: processing_id.as_ref().clone(),
        site_name: file.site.name.clone().unwrap_or_else(|| site.code.clone()),
        site,
        channels,
        clients,
        keys,
        watch: file.watch.as_ref().map(|watch| watch.as_ref().clone()).unwrap_or_default(),
        folder: folder.to_owned(),
        clock: engine::Clock::system(),
        seed: 0,
        durability: journal::Durability::Full,
    })
}

fn channels(checker: &mut Checker<'_>, file: &File) -> Vec<ChannelConfig> {
    let names = file.channel.iter().map(|c| (c.span(), c.as_ref().name.as_str()));
    checker.unique("channel", names);
    let mut addresses = BTreeSet::new();
    let mut configs = Vec::new();
    for entry in &file.channel {
        let channel = entry.as_ref();
        if let Some(address) = channel.listen.filter(|address| address.port() != 0)
            && !addresses.insert(address)
        {
            let why = format!("another channel listens on {address}");
            let what = format!("channel `{}`", channel.name);
            checker.mistake(entry.span(), &what, &why, "give each channel a port of its own");
        }
        let config = channel_config(checker, file, channel);
        if let Err(error) = config.check() {
            let text = error.to_string();
            let (why, remedy) = text.split_once(';').unwrap_or((&text, "mend it"));
            checker.mistake(entry.span(), "this channel", why, remedy.trim());
        }
        configs.push(config);
    }
    configs
}

fn channel_config(checker: &mut Checker<'_>, file: &File, channel: &ChannelEntry) -> ChannelConfig {
    let named = channel.dialect.as_ref();
    let dialect = named.and_then(|name| file.dialect.get(name.as_ref())).cloned();
    if let (Some(name), None) = (named, &dialect) {
        let known: Vec<&str> = file.dialect.keys().map(String::as_str).collect();
        let why = format!("the file has no [dialect.{}]", name.as_ref());
        let remedy = format!("add it, or use one of: {}", known.join(", "));
        checker.mistake(name.span(), "dialect", &why, &remedy);
    }
    let dialect = dialect.unwrap_or_default();
    let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = match channel.direction {
        Direction::Inbound => ChannelConfig::inbound(&channel.name, anywhere, dialect),
        Direction::Outbound => ChannelConfig::outbound(&channel.name, "", dialect),
    };
    config.listen = channel.listen;
    config.connect.clone_from(&channel.connect);
    config.accepts.clone_from(&channel.accepts);
    config.unknown_patients = channel.unknown_patients.unwrap_or_default();
    config.ack_timeout_s = channel.ack_timeout_s.unwrap_or(config.ack_timeout_s);
    config.on_unknown = channel.on_unknown.unwrap_or(config.on_unknown);
    config.max_resends = channel.max_resends.unwrap_or(config.max_resends);
    config.resync = channel.resync.unwrap_or(config.resync);
    config.max_message_bytes = channel.max_message_bytes.unwrap_or(config.max_message_bytes);
    config.max_connections = channel.max_connections.unwrap_or(config.max_connections);
    config
}

fn site(checker: &mut Checker<'_>, file: &File) -> Site {
    let entry = &file.site;
    let code = &entry.code;
    let plain = |code: &str| {
        (3..=6).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if !plain(code.as_ref()) {
        let why = "an ODS code has 3 to 6 letters and digits";
        checker.mistake(code.span(), "site code", why, "write the trust's or the site's code");
    }
    names(checker, entry);
    references(checker, file);
    Site {
        code: code.as_ref().to_uppercase(),
        cabinets: plain_values(&entry.cabinet),
        recorders: plain_values(&entry.recorder),
        items: plain_values(&entry.item),
        people: plain_values(&entry.person),
        policies: entry.policies.as_ref().map(|p| p.as_ref().clone()).unwrap_or_default(),
    }
}

fn plain_values<T: Clone>(spanned: &[Spanned<T>]) -> Vec<T> {
    spanned.iter().map(|value| value.as_ref().clone()).collect()
}

fn names(checker: &mut Checker<'_>, entry: &SiteEntry) {
    checker.unique("item", entry.item.iter().map(|i| (i.span(), i.as_ref().code.as_str())));
    checker.unique("person", entry.person.iter().map(|p| (p.span(), p.as_ref().id.as_str())));
    let ids: Vec<_> = entry.cabinet.iter().map(|c| (c.span(), c.as_ref().id())).collect();
    checker.unique("cabinet", ids.iter().map(|(span, id)| (span.clone(), id.as_str())));
    for cabinet in &entry.cabinet {
        if cabinet.as_ref().wards.is_empty() {
            let what = format!("cabinet `{}`", cabinet.as_ref().id());
            let why = "it serves no ward, so nothing could be taken from it";
            checker.mistake(cabinet.span(), &what, why, "list its wards");
        }
    }
    let Some(policies) = &entry.policies else { return };
    if policies.as_ref().unaccounted_after_min == 0 {
        let why = "every removal would be unaccounted for at once";
        checker.mistake(policies.span(), "unaccounted_after_min", why, "give some minutes");
    }
}

/// What the site says of channels has to be there, in the right direction.
fn references(checker: &mut Checker<'_>, file: &File) {
    let mut check = |span: Range<usize>, what: &str, name: &str, direction: Direction| {
        let channel = file.channel.iter().find(|channel| channel.as_ref().name == name);
        let found = channel.map(|channel| channel.as_ref().direction);
        if found == Some(direction) {
            return;
        }
        let wanted = if direction == Direction::Inbound { "inbound" } else { "outbound" };
        let why = match found {
            None => format!("there is no channel `{name}`"),
            Some(_) => format!("channel `{name}` is not {wanted}"),
        };
        let remedy = format!("name an {wanted} channel of this file");
        checker.mistake(span, what, &why, &remedy);
    };
    for cabinet in &file.site.cabinet {
        if let Some(channel) = &cabinet.as_ref().channel {
            let what = format!("cabinet `{}`", cabinet.as_ref().id());
            check(cabinet.span(), &what, channel, Direction::Outbound);
        }
    }
    for recorder in &file.site.recorder {
        let entry = recorder.as_ref();
        check(recorder.span(), "recorder", &entry.channel, Direction::Outbound);
        if let Some(inbound) = &entry.hears_from {
            check(recorder.span(), "recorder", inbound, Direction::Inbound);
        }
    }
}

fn clients(checker: &mut Checker<'_>, file: &File) -> Vec<Client> {
    let mut clients = Vec::new();
    for entry in &file.client {
        let client = entry.as_ref();
        let cabinets = own_cabinets(checker, file, client);
        if let Some(token) = checker.token(entry.span(), &client.name, &client.token) {
            clients.push(Client {
                name: client.name.clone(),
                token_sha256: TokenHash::of(&token),
                roles: client.roles.clone(),
                cabinets,
            });
        }
    }
    if let Err(error) = api::Clients::new(clients.clone()) {
        let span = file.client.first().map_or(0..0, Spanned::span);
        checker.mistake(span, "the clients", &error.to_string(), "mend the list of clients");
    }
    clients
}

/// What a client lists as its own has to be there: a slip would keep its cabinets shut.
fn own_cabinets(checker: &mut Checker<'_>, file: &File, client: &ClientEntry) -> Vec<String> {
    let mut cabinets = Vec::new();
    for own in &client.cabinets {
        let known = file.site.cabinet.iter().any(|c| api::covers(own.as_ref(), &c.as_ref().id()));
        if known {
            cabinets.push(own.as_ref().clone());
        } else {
            let what = format!("the cabinets of client `{}`", client.name);
            let why = format!("`{}` is no cabinet of this site", own.as_ref());
            let remedy = "write the `system/station` of a [[site.cabinet]], or `system/*`";
            checker.mistake(own.span(), &what, &why, remedy);
        }
    }
    cabinets
}

fn keys(checker: &mut Checker<'_>, file: &File) -> Vec<Key> {
    let mut keys = Vec::new();
    for entry in &file.console.key {
        let key = entry.as_ref();
        if let Some(token) = checker.token(entry.span(), &key.name, &key.token) {
            keys.push(console_key(&key.name, &token, false));
        }
    }
    keys
}

/// Limits that can be meant, and places that can be told.
fn watch(checker: &mut Checker<'_>, file: &File) {
    let Some(entry) = &file.watch else { return };
    let names: Vec<&str> = file.channel.iter().map(|c| c.as_ref().name.as_str()).collect();
    let limits = entry.as_ref().limits.check(&names).map_err(|error| error.to_string());
    let places = entry.as_ref().places(checker.folder).map(drop);
    for text in [limits, places].into_iter().filter_map(Result::err) {
        let (why, remedy) = text
            .split_once("; ")
            .or_else(|| text.split_once(": "))
            .unwrap_or((&text, "mend it as docs/operate.md shows"));
        checker.mistake(entry.span(), "[watch]", why, remedy);
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;

    const BEFORE: &str = r#"
[node]
data = "data"

[site]
code = "RXX"

[[site.cabinet]]
system = "ASK"
station = "WARDC1"
wards = ["WARDC"]

[[client]]
name = "ward-cabinets"
roles = ["cabinet"]
token = { file = "token" }
"#;

    /// What the client's cabinets are, or what is wrong with them.
    #[track_caller]
    fn check(line: &str, expected: Result<&[&str], &[&str]>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "0123456789abcdef0123456789abcdef").unwrap();
        let found = read(&format!("{BEFORE}{line}\n"), folder.path());
        let found = match &found {
            Ok(plan) => Ok(plan.clients[0].cabinets.clone()),
            Err(mistakes) => Err(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()),
        };
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{line}"),
            (Err(found), Err(parts)) => {
                assert_eq!(found.len(), parts.len(), "{found:?}");
                for (found, part) in found.iter().zip(parts) {
                    assert!(found.starts_with("line 17: ") && found.contains(part), "{found}");
                }
            }
            (found, expected) => panic!("{line}: {found:?} and not {expected:?}"),
        }
    }

    #[test]
    fn a_client_may_list_cabinets_of_the_site() {
        check("", Ok(&[]));
        check("cabinets = [\"ASK/WARDC1\"]", Ok(&["ASK/WARDC1"]));
        check("cabinets = [\"ASK/*\"]", Ok(&["ASK/*"]));
        check("cabinets = [\"ASK/WARDC2\"]", Err(&["`ASK/WARDC2` is no cabinet of this site"]));
        check("cabinets = [\"ASK\", \"*\"]", Err(&["`ASK` is no", "`*` is no"]));
    }
}
