//! From the texts to what they say, each part with its place.
//!
//! A channel names its dialect, and `ChannelConfig` holds one. The reader of TOML sees an empty
//! table of the same length in the place of the name, so that every other place stays where it is
//! and the channel's own reader needs to know nothing of files.

use std::collections::BTreeMap;
use std::ops::Range;

use channels::ChannelConfig;
use channels::dialect::Dialect;
use medicines::Item;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::bundle::{Bundle, ROOT};
use super::file::File;
use super::mistake::{Mistake, line_of};

/// Keys whose value is a secret, which never stands in a configuration.
const SECRETS: [&str; 6] = ["token", "password", "passphrase", "secret", "api_key", "private_key"];

/// A place in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: Option<usize>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// A channel as it is written.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) config: ChannelConfig,
    pub(super) place: Place,
    /// The name of its dialect, where it has one.
    pub(super) dialect: Option<(String, Place)>,
    /// The text of its file, and where in it the channel begins.
    text: String,
    start: usize,
}

/// What all texts say.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) file: File,
    pub(super) channels: Vec<Part>,
    pub(super) dialects: BTreeMap<String, Dialect>,
    /// The items of the formulary, those of `interlock.toml` first.
    pub(super) items: Vec<(Item, Place)>,
}

/// A file of the folder `formulary`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Formulary {
    #[serde(default)]
    item: Vec<Spanned<Item>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Heads {
    channel: Vec<Head>,
}

/// What has to be known of a channel before it can be read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    name: Option<Spanned<toml::Value>>,
    dialect: Option<Spanned<String>>,
}

impl Part {
    /// The place of one of its keys, or its own where the key is not set.
    pub(super) fn place_of(&self, key: &str) -> Place {
        let rest = self.text.get(self.start..).unwrap_or_default();
        let mut at = self.start;
        for line in rest.split_inclusive('\n') {
            let word = line.trim_start().strip_prefix(key).map(str::trim_start);
            // A table is found by its head, `[http]` or `[channel.http]`.
            let head = line.trim().strip_prefix('[').and_then(|head| head.strip_suffix(']'));
            let table = head.is_some_and(|head| head.rsplit('.').next() == Some(key));
            if table || word.is_some_and(|rest| rest.starts_with('=')) {
                return Place { file: self.place.file.clone(), line: line_of(&self.text, at) };
            }
            at += line.len();
        }
        self.place.clone()
    }
}

/// Reads all texts. Each file tells its first mistake.
pub(super) fn parse(bundle: &Bundle) -> Result<Parsed, Vec<Mistake>> {
    let mut mistakes = secrets(bundle);
    if !mistakes.is_empty() {
        // What the reader of TOML says may repeat what it read.
        return Err(mistakes);
    }
    let mut parsed = None;
    match root(bundle.root()) {
        Ok(root) => parsed = Some(root),
        Err(mistake) => mistakes.push(mistake.of_file(ROOT)),
    }
    let mut channels = Vec::new();
    for (name, path, text) in bundle.of("channels") {
        match channel(name, path, text) {
            Ok(part) => channels.push(part),
            Err(mistake) => mistakes.push(mistake.of_file(path)),
        }
    }
    let mut dialects = BTreeMap::new();
    for (name, path, text) in bundle.of("dialects") {
        match toml::from_str::<Dialect>(text) {
            Ok(dialect) => {
                dialects.insert(name.to_owned(), dialect);
            }
            Err(error) => mistakes.push(Mistake::of_toml(text, &error).of_file(path)),
        }
    }
    let mut of_folder = Vec::new();
    for (_, path, text) in bundle.of("formulary") {
        match read::<Formulary>(text) {
            Ok(formulary) => of_folder.extend(placed(path, text, formulary.item)),
            Err(mistake) => mistakes.push(mistake.of_file(path)),
        }
    }
    let Some((mut file, inline)) = parsed.filter(|_| mistakes.is_empty()) else {
        return Err(mistakes);
    };
    for name in dialects.keys().filter(|name| file.dialect.contains_key(*name)) {
        let why = format!("there is a [dialect.{name}] in {ROOT} too");
        let mistake = Mistake::whole(&format!("dialect `{name}`"), &why, "keep one of the two");
        mistakes.push(mistake.of_file(&format!("dialects/{name}.toml")));
    }
    dialects.append(&mut file.dialect);
    channels.extend(inline);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut items: Vec<_> =
        placed(ROOT, bundle.root(), std::mem::take(&mut file.site.item)).collect();
    items.extend(of_folder);
    Ok(Parsed { file, channels, dialects, items })
}

/// Items with the places where they stand.
fn placed(
    path: &str,
    text: &str,
    items: Vec<Spanned<Item>>,
) -> impl Iterator<Item = (Item, Place)> {
    items.into_iter().map(move |item| {
        let line = line_of(text, item.span().start);
        (item.into_inner(), Place { file: path.to_owned(), line })
    })
}

fn root(text: &str) -> Result<(File, Vec<Part>), Mistake> {
    let heads: Heads = read(text)?;
    let names = heads.channel.iter().filter_map(|head| head.dialect.as_ref());
    let masked = mask(text, names.map(Spanned::span));
    let mut file: File = read(&masked)?;
    let channels = std::mem::take(&mut file.channel);
    let parts = channels.into_iter().zip(heads.channel).map(|(config, head)| {
        let start = config.span().start;
        part(ROOT, text, start, config.into_inner(), head.dialect)
    });
    let parts = parts.collect();
    Ok((file, parts))
}

fn channel(name: &str, path: &str, text: &str) -> Result<Part, Mistake> {
    let head: Head = read(text)?;
    if let Some(named) = &head.name {
        let why = format!("the name of the file is the channel's name, `{name}`");
        return Err(Mistake::at(text, named.span(), "`name`", &why, "remove this line"));
    }
    let masked = mask(text, head.dialect.iter().map(Spanned::span));
    let mut config: ChannelConfig = read(&masked)?;
    name.clone_into(&mut config.name);
    Ok(part(path, text, 0, config, head.dialect))
}

fn part(
    file: &str,
    text: &str,
    start: usize,
    config: ChannelConfig,
    dialect: Option<Spanned<String>>,
) -> Part {
    let place = |at| Place { file: file.to_owned(), line: line_of(text, at) };
    let dialect = dialect.map(|name| {
        let at = place(name.span().start);
        (name.into_inner(), at)
    });
    Part { config, place: place(start), dialect, text: text.to_owned(), start }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Mistake> {
    toml::from_str(text).map_err(|error| Mistake::of_toml(text, &error))
}

/// The text with an empty table in each of these places; all else stays where it is.
fn mask(text: &str, spans: impl Iterator<Item = Range<usize>>) -> String {
    let mut masked = text.to_owned();
    for span in spans {
        let Some(old) = text.get(span.clone()) else { continue };
        let mut new = String::from("{}");
        // A string has two quotation marks at least.
        let rest = old.as_bytes().iter().skip(2);
        new.extend(rest.map(|byte| if *byte == b'\n' { '\n' } else { ' ' }));
        masked.replace_range(span, &new);
    }
    masked
}

/// Secrets that stand in the texts themselves.
fn secrets(bundle: &Bundle) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (path, text) in bundle.files() {
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if let Some(what) = secret(line) {
                let why = "a secret stands here in plain text, and this text is kept for ever";
                let remedy = "make a new secret, put it into a file that only the node can read, \
                              and write { file = \"…\" } or { env = \"NAME\" }";
                let mistake = Mistake::at(text, at..at, what, why, remedy);
                mistakes.push(mistake.of_file(path));
            }
            at += line.len();
        }
    }
    mistakes
}

/// What secret a line holds.
fn secret(line: &str) -> Option<&'static str> {
    let code = line.trim_start();
    if code.starts_with('#') {
        return None;
    }
    if code.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    SECRETS.into_iter().find(|key| {
        code.match_indices(key).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            let starts = before.is_none_or(|c| c.is_whitespace() || matches!(c, '{' | ',' | '.'));
            let value = code[at + key.len()..].trim_start().strip_prefix('=');
            starts && value.is_some_and(|value| value.trim_start().starts_with(['"', '\'']))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_key_and_never_shown() {
        let check =
            |line: &str, expected: Option<&str>| assert_eq!(secret(line), expected, "{line}");
        check("token = \"abc\"", Some("token"));
        check("  x = { name = \"a\", password='b' }", Some("password"));
        check("key = \"\"\"-----BEGIN PRIVATE KEY-----", Some("a private key"));
        check("token = { file = \"token\" }", None);
        check("token.file = \"token\"", None);
        check("# token = \"abc\"", None);
        check("secrets = \"x\"", None);
        check("my_token = \"x\"", None);
    }

    #[test]
    fn a_mask_moves_nothing() {
        let text = "a = \"one\"\nb = \"\"\nc = 1\n";
        let masked = mask(text, [4..9, 14..16].into_iter());
        assert_eq!(masked, "a = {}   \nb = {}\nc = 1\n");
    }
}
