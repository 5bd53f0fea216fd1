//! What the form of the file cannot say: what has to fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use api::{Client, TokenHash};
use channels::dialect::Dialect;
use channels::{ChannelConfig, Direction};
use console::Key;
use engine::Keeping;
use medicines::{Site, Zone};
use toml::Spanned;

use super::Configuration;
use super::bundle::{Bundle, ROOT};
use super::file::{ClientEntry, File, SiteEntry};
use super::mistake::Mistake;
use super::parse::{Parsed, Part, Place};
use super::subscriptions::SubscriptionsEntry;
use super::suggest::choose;
use crate::node::Plan;
use crate::secret::{TokenSource, console_key};

/// Collects mistakes while the file is turned into a plan.
struct Checker<'a> {
    text: &'a str,
    folder: &'a Path,
    /// Whether it was right when it was applied, so that what time alone has made wrong since is no
    /// reason not to start.
    applied: bool,
    mistakes: Vec<Mistake>,
}

impl Checker<'_> {
    fn mistake(&mut self, span: Range<usize>, what: &str, why: &str, remedy: &str) {
        self.mistakes.push(Mistake::at(self.text, span, what, why, remedy).of_file(ROOT));
    }

    fn mistake_in(&mut self, place: &Place, what: &str, why: &str, remedy: &str) {
        let Place { file, line } = place.clone();
        let mistake = Mistake::whole(what, why, remedy);
        self.mistakes.push(Mistake { file: Some(file), line, ..mistake });
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
                let remedy = "give a token by `token = { env = \"NAME\" }` or `{ file = \"…\" }`; \
                              a path starts at the folder of interlock.toml";
                self.mistake(span, &format!("the token of `{whose}`"), &why, remedy);
                None
            }
        }
    }
}

/// Turns what the files say into a plan, or tells all that is wrong with it.
pub(super) fn plan(
    parsed: &Parsed,
    configuration: Configuration,
    folder: &Path,
    applied: bool,
) -> Result<Plan, Vec<Mistake>> {
    let file = &parsed.file;
    let text = configuration.bundle.root();
    let mut checker = Checker { text, folder, applied, mistakes: Vec::new() };
    let channels = channels(&mut checker, parsed, &configuration.bundle);
    let site = site(&mut checker, parsed);
    let clients = clients(&mut checker, file);
    let keys = keys(&mut checker, file);
    watch(&mut checker, parsed);
    let subscriptions = subscriptions(&mut checker, file);
    let keeping = keeping(&mut checker, parsed);
    let processing_id = &file.node.processing_id;
    if !["P", "T", "D"].contains(&processing_id.as_ref().as_str()) {
        let why = "MSH-11 is P (live), T (training) or D (debugging)";
        checker.mistake(processing_id.span(), "processing_id", why, "write one of the three");
    }
    let (Some(subscriptions), true) = (subscriptions, checker.mistakes.is_empty()) else {
        let mut mistakes = checker.mistakes;
        let root = |mistake: &Mistake| mistake.file.as_deref() != Some(ROOT);
        mistakes.sort_by_key(|mistake| (root(mistake), mistake.file.clone(), mistake.line));
        return Err(mistakes);
    };
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
        keeping,
        subscriptions,
        watch: file.watch.as_ref().map(|watch| watch.as_ref().clone()).unwrap_or_default(),
        folder: folder.to_owned(),
        clock: engine::Clock::system(),
        seed: 0,
        durability: journal::Durability::Full,
        by: "interlock".to_owned(),
        configuration,
    })
}

/// How the journal is kept, and how long the messages of each channel.
fn keeping(checker: &mut Checker<'_>, parsed: &Parsed) -> Keeping {
    let mut keeping = Keeping::default();
    if let Some(entry) = &parsed.file.journal {
        match entry.as_ref().read(checker.folder) {
            Ok(read) => keeping = read,
            Err((why, remedy)) => checker.mistake(entry.span(), "[journal]", &why, &remedy),
        }
    }
    for part in &parsed.channels {
        let ChannelConfig { name, direction, retention_days, .. } = &part.config;
        let Some(days) = *retention_days else { continue };
        let what = format!("retention_days of channel `{name}`");
        if *direction == Direction::Outbound {
            let why = "only what is received is kept as bytes";
            checker.mistake_in(&part.place, &what, why, "write it at the inbound channel");
        } else if days == 0 {
            let why = "messages stay readable for a day at least";
            checker.mistake_in(&part.place, &what, why, "write 1 or more, or leave it out");
        }
        keeping.retention_days.insert(name.clone(), days);
    }
    keeping
}

/// The channels with their dialects and scripts, whatever is wrong with them.
pub(super) fn channels_alone(
    parsed: &Parsed,
    bundle: &Bundle,
    folder: &Path,
) -> Vec<ChannelConfig> {
    let mut checker = Checker { text: bundle.root(), folder, applied: false, mistakes: Vec::new() };
    channels(&mut checker, parsed, bundle)
}

/// What channels need beside what each of them says by itself.
fn channels(checker: &mut Checker<'_>, parsed: &Parsed, bundle: &Bundle) -> Vec<ChannelConfig> {
    let mut names: BTreeMap<&str, &Place> = BTreeMap::new();
    let mut configs = Vec::new();
    let now = engine::Clock::system().now();
    for part in &parsed.channels {
        let name = part.config.name.as_str();
        if let Some(other) = names.insert(name, &part.place) {
            let why = format!("it is there twice: see {other}");
            let what = format!("channel `{name}`");
            checker.mistake_in(&part.place, &what, &why, "rename or remove one channel");
        }
        let mut config = part.config.clone();
        if let Some(dialect) = dialect(checker, parsed, part) {
            config.dialect = dialect;
        }
        let script = config.script.as_ref().map(|name| format!("scripts/{name}"));
        let source = script.and_then(|path| bundle.files().get(&path));
        let compiled = source.map_or(Ok(()), |source| config.compile(source));
        config.beside(checker.folder);
        let sound = compiled.and_then(|()| config.check());
        if let Err(error) = sound.and_then(|()| config.check_certificates(now).map(drop))
            && !(checker.applied && error.is_of_time())
        {
            refused(checker, part, &error.to_string());
        }
        configs.push(config);
    }
    addresses(checker, parsed);
    together(checker, parsed, &configs);
    configs
}

/// What channels say of each other, at the line of the key that says it.
fn together(checker: &mut Checker<'_>, parsed: &Parsed, configs: &[ChannelConfig]) {
    let Err(error) = channels::check_together(configs) else {
        return;
    };
    let text = error.to_string();
    let name = text.split('`').nth(1);
    let part = parsed.channels.iter().find(|part| Some(part.config.name.as_str()) == name);
    if let Some(part) = part {
        // The second name is the key: the first is the channel's, which has been told.
        let rest = text.split_once("`: ").map_or(text.as_str(), |(_, rest)| rest);
        refused(checker, part, rest);
    }
}

/// What a channel's own check says, at the line of the key that it names.
fn refused(checker: &mut Checker<'_>, part: &Part, text: &str) {
    let (why, remedy) =
        text.split_once("; ").unwrap_or((text, "mend it as docs/channels.md shows"));
    let what = format!("channel `{}`", part.config.name);
    let why = why.strip_prefix(&what).unwrap_or(why).trim_start_matches([':', ' ']);
    let why = why.strip_prefix("is ").map_or(why.to_owned(), |rest| format!("it is {rest}"));
    let key = why.split('`').nth(1);
    let place = key.map_or_else(|| part.place.clone(), |key| part.place_of(key));
    checker.mistake_in(&place, &what, &why, remedy);
}

/// The dialect that a channel names.
fn dialect(checker: &mut Checker<'_>, parsed: &Parsed, part: &Part) -> Option<Dialect> {
    let (name, place) = part.dialect.as_ref()?;
    let found = parsed.dialects.get(name).cloned();
    if found.is_none() {
        let known: Vec<&str> = parsed.dialects.keys().map(String::as_str).collect();
        let remedy = match known.as_slice() {
            [] => format!("write dialects/{name}.toml"),
            known => format!("write dialects/{name}.toml, or {}", choose(name, known)),
        };
        let why = format!("there is no dialect `{name}`");
        checker.mistake_in(place, "dialect", &why, &remedy);
    }
    found
}

/// No two channels listen on the same address, and none on that of the API and the console.
fn addresses(checker: &mut Checker<'_>, parsed: &Parsed) {
    let http = parsed.file.node.http;
    let mut taken: Vec<(SocketAddr, String)> = vec![(http, "the API and the console".to_owned())];
    for part in &parsed.channels {
        let Some(address) = part.config.listen.filter(|address| address.port() != 0) else {
            continue;
        };
        let what = format!("channel `{}`", part.config.name);
        match taken.iter().find(|(other, _)| clash(*other, address)) {
            Some((other, whose)) => {
                let why = format!("it listens on {address}, and {whose} on {other}");
                let used: Vec<u16> = taken.iter().map(|(other, _)| other.port()).collect();
                let free = (address.port()..=u16::MAX).find(|port| !used.contains(port));
                let remedy = match free {
                    Some(port) => format!("give it a port of its own, as {port}"),
                    None => "give it a port of its own".to_owned(),
                };
                checker.mistake_in(&part.place_of("listen"), &what, &why, &remedy);
            }
            None => taken.push((address, what)),
        }
    }
}

/// Whether one of the two could not be listened on beside the other.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let everywhere = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || everywhere)
}

fn site(checker: &mut Checker<'_>, parsed: &Parsed) -> Site {
    let entry = &parsed.file.site;
    let code = &entry.code;
    let plain = |code: &str| {
        (3..=6).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if !plain(code.as_ref()) {
        let why = "an ODS code has 3 to 6 letters and digits";
        checker.mistake(code.span(), "site code", why, "write the trust's or the site's code");
    }
    names(checker, entry);
    references(checker, parsed);
    let site = Site {
        code: code.as_ref().to_uppercase(),
        time_zone: time_zone(checker, entry),
        cabinets: plain_values(&entry.cabinet),
        recorders: plain_values(&entry.recorder),
        items: parsed.items.iter().map(|(item, _)| item.clone()).collect(),
        people: plain_values(&entry.person),
        policies: entry.policies.as_ref().map(|p| p.as_ref().clone()).unwrap_or_default(),
        controlled: entry.controlled.as_ref().map(|p| p.as_ref().clone()).unwrap_or_default(),
    };
    formulary(checker, parsed, &site);
    if let Some(controlled) = &entry.controlled {
        for flaw in medicines::controlled::policy_flaws(&site) {
            let what = format!("{} of [site.controlled]", flaw.key);
            checker.mistake(controlled.span(), &what, &flaw.why, flaw.remedy);
        }
    }
    site
}

/// The zone of the site's days; the usual one where the name is none.
fn time_zone(checker: &mut Checker<'_>, entry: &SiteEntry) -> Zone {
    let Some(name) = &entry.time_zone else { return Zone::default() };
    Zone::of_site(name.as_ref()).unwrap_or_else(|| {
        let what = format!("time_zone `{}`", name.as_ref());
        let why = "no zone of the IANA database that this machine has is called so";
        checker.mistake(name.span(), &what, why, "write a name as `Europe/London`");
        Zone::default()
    })
}

/// What is wrong with the items, each at the place where it stands.
fn formulary(checker: &mut Checker<'_>, parsed: &Parsed, site: &Site) {
    let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
    for (item, place) in &parsed.items {
        if let Some(other) = seen.insert(&item.code, place) {
            let why = if other.file == place.file {
                "it is there twice".to_owned()
            } else {
                format!("it is there twice: see {other}")
            };
            let what = format!("item `{}`", item.code);
            checker.mistake_in(place, &what, &why, "rename or remove one item");
        }
    }
    for flaw in medicines::formulary::flaws(site) {
        let (item, place) = &parsed.items[flaw.item];
        let what = format!("{} of item `{}`", flaw.key, item.code);
        checker.mistake_in(place, &what, &flaw.why, &flaw.remedy);
    }
}

fn plain_values<T: Clone>(spanned: &[Spanned<T>]) -> Vec<T> {
    spanned.iter().map(|value| value.as_ref().clone()).collect()
}

fn names(checker: &mut Checker<'_>, entry: &SiteEntry) {
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
fn references(checker: &mut Checker<'_>, parsed: &Parsed) {
    let file = &parsed.file;
    let mut check = |span: Range<usize>, what: &str, name: &str, direction: Direction| {
        let channel = parsed.channels.iter().find(|part| part.config.name == name);
        let found = channel.map(|part| part.config.direction);
        if found == Some(direction) {
            return;
        }
        let wanted = if direction == Direction::Inbound { "inbound" } else { "outbound" };
        let why = match found {
            None => format!("there is no channel `{name}`"),
            Some(_) => format!("channel `{name}` is not {wanted}"),
        };
        let known: Vec<&str> = parsed
            .channels
            .iter()
            .filter(|part| part.config.direction == direction)
            .map(|part| part.config.name.as_str())
            .collect();
        let remedy = match (found, known.as_slice()) {
            (None, []) => format!("write channels/{name}.toml"),
            (None, known) => format!("write channels/{name}.toml, or {}", choose(name, known)),
            (Some(_), _) => format!("name an {wanted} channel"),
        };
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
        if let Some(own) = &client.person
            && !file.site.person.iter().any(|person| person.as_ref().id == *own.as_ref())
        {
            let what = format!("person of client `{}`", client.name);
            let why = format!("`{}` is nobody here", own.as_ref());
            checker.mistake(own.span(), &what, &why, "write the staff number of a [[site.person]]");
        }
        if let Some(token) = checker.token(entry.span(), &client.name, &client.token) {
            clients.push(Client {
                name: client.name.clone(),
                token_sha256: TokenHash::of(&token),
                roles: client.roles.clone(),
                cabinets,
                validation: client.validation,
                export: client.export.clone(),
                person: client.person.as_ref().map(|person| person.as_ref().clone()),
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
            keys.push(console_key(&key.name, &token, false, key.rights()));
        }
    }
    keys
}

/// The endpoints of subscribers.
fn subscriptions(checker: &mut Checker<'_>, file: &File) -> Option<api::Policy> {
    let usual = SubscriptionsEntry::default();
    let entry = file.subscriptions.as_ref();
    match entry.map_or(&usual, Spanned::as_ref).read(checker.folder) {
        Ok(policy) => Some(policy),
        Err((n, text)) => {
            let (why, remedy) = text.split_once("; ").unwrap_or((&text, "mend it"));
            let whole = entry.map_or(0..0, Spanned::span);
            let listed = entry.zip(n).and_then(|(entry, n)| entry.as_ref().allow.get(n));
            let span = listed.map_or(whole, Spanned::span);
            checker.mistake(span, "[subscriptions]", why, remedy);
            None
        }
    }
}

/// Limits that can be meant, and places that can be told.
fn watch(checker: &mut Checker<'_>, parsed: &Parsed) {
    let Some(entry) = &parsed.file.watch else { return };
    let names: Vec<&str> = parsed.channels.iter().map(|part| part.config.name.as_str()).collect();
    let limits = entry.as_ref().limits.check(&names).map_err(|error| error.to_string());
    let places = entry.as_ref().places(checker.folder).map(drop);
    let collector = entry.as_ref().collector(checker.folder).map(drop);
    for text in [limits, places, collector].into_iter().filter_map(Result::err) {
        let (why, remedy) = text
            .split_once("; ")
            .or_else(|| text.split_once(": "))
            .unwrap_or((&text, "mend it as docs/operate.md shows"));
        checker.mistake(entry.span(), "[watch]", why, remedy);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::super::bundle::{Bundle, ROOT};
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
                    assert!(
                        found.starts_with("interlock.toml:17: ") && found.contains(part),
                        "{found}"
                    );
                }
            }
            (found, expected) => panic!("{line}: {found:?} and not {expected:?}"),
        }
    }

    #[test]
    fn every_mistake_of_the_formulary_has_its_place() {
        let check = |items: &str, folder: &str, expected: &[&str]| {
            let root = "[node]\ndata = \"data\"\n[site]\ncode = \"RXX\"\n".to_owned() + items;
            let mut files = BTreeMap::from([(ROOT.to_owned(), root)]);
            if !folder.is_empty() {
                files.insert("formulary/ward.toml".to_owned(), folder.to_owned());
            }
            let bundle = Bundle::from_texts(files).unwrap();
            let found = super::super::read_bundle(bundle, Path::new("/nowhere"));
            let found: Vec<String> = match found {
                Ok(plan) => plan.site.items.iter().map(|item| item.code.clone()).collect(),
                Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
            };
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{found}");
            }
        };
        let one = "[[site.item]]\ncode = \"A\"\nname = \"A\"\nunit = \"tablet\"\n";
        let two = "[[item]]\ncode = \"B\"\nname = \"B\"\nunit = \"ml\"\n";
        check(one, two, &["A", "B"]);
        let twice = two.replace("\"B\"", "\"A\"");
        let text =
            "formulary/ward.toml:1: item `A`: it is there twice: see interlock.toml:5; rename";
        check(one, &twice, &[text]);
        let wrong = format!("{one}dmd = \"12\"\n");
        check(&wrong, "", &["interlock.toml:5: dmd of item `A`: `12` is no dm+d id"]);
        let wrong = format!("{two}barcodes = [\"9501101530004\"]\n");
        let text = "formulary/ward.toml:1: barcodes of item `B`: `9501101530004` is no trade item";
        check(one, &wrong, &[text]);
        let wrong = format!("{two}statuss = \"red\"\n");
        check(one, &wrong, &["formulary/ward.toml:5: `statuss`: there is no such key here; did"]);
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
