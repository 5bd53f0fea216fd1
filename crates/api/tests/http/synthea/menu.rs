//! Random searches over what is there, each of which can be read as its query.

use std::fmt;
use std::sync::OnceLock;

use fhir_definitions::{SearchKind, SearchParameter};
use proptest::prelude::*;

use super::compare::{Val, letters};
use super::world::{World, parameter, parameters};

/// The most different values that are searched for of one parameter.
const MAX_SAMPLES: usize = 60;

/// A parameter of a type with some of the values that are there.
#[derive(Debug)]
struct Entry {
    parameter: &'static SearchParameter,
    /// Queries that mean something, as `(modifier with its colon, value)`.
    asked: Vec<(String, String)>,
    /// The types to which it refers.
    targets: Vec<String>,
}

/// All that can be asked.
#[derive(Debug)]
pub(super) struct Menu {
    /// The types, each with its parameters.
    kinds: Vec<(String, Vec<Entry>)>,
}

static MENU: OnceLock<Menu> = OnceLock::new();

/// One condition by places in the menu: which parameter, which value, over which way.
type Choice = (u16, u16, u16, u8);

/// A search by places in the menu.
#[derive(Clone)]
pub(super) struct Spec {
    kind: u16,
    conditions: Vec<Choice>,
    sort: Option<(u16, bool)>,
    includes: Vec<(u16, u8)>,
    count: u8,
}

/// Read as it is sent.
impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.query().text())
    }
}

/// A search.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) kind: String,
    pub(super) conditions: Vec<(String, String)>,
    pub(super) sort: Option<String>,
    pub(super) includes: Vec<(String, String)>,
    pub(super) count: usize,
}

impl Query {
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = self.conditions.clone();
        pairs.extend(self.sort.iter().map(|sort| ("_sort".to_owned(), sort.clone())));
        pairs.extend(self.includes.iter().cloned());
        pairs.push(("_count".to_owned(), self.count.to_string()));
        pairs
    }

    fn text(&self) -> String {
        let pairs: Vec<String> =
            self.pairs().iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}?{}", self.kind, pairs.join("&"))
    }
}

pub(super) fn searches() -> impl Strategy<Value = Spec> {
    let choice = (any::<u16>(), any::<u16>(), any::<u16>(), 0_u8..8);
    let conditions = prop::collection::vec(choice, 1..4);
    let sort = prop::option::weighted(0.3, (any::<u16>(), any::<bool>()));
    let includes = prop::collection::vec((any::<u16>(), 0_u8..6), 0..2);
    (any::<u16>(), conditions, sort, includes, 0_u8..4).prop_map(
        |(kind, conditions, sort, includes, count)| Spec {
            kind,
            conditions,
            sort,
            includes,
            count,
        },
    )
}

/// Writes the menu for a world.
pub(super) fn write(world: &World) -> String {
    let kinds: Vec<String> = world.counts().keys().map(|kind| (*kind).to_owned()).collect();
    let entries = |kind: &String| (kind.clone(), entries(world, kind));
    let menu = Menu { kinds: kinds.iter().map(entries).collect() };
    let parameters: usize = menu.kinds.iter().map(|(_, entries)| entries.len()).sum();
    let text = format!("{} types, {parameters} parameters with values", menu.kinds.len());
    MENU.set(menu).unwrap();
    text
}

fn entries(world: &World, kind: &str) -> Vec<Entry> {
    let mut all = Vec::new();
    for parameter in parameters(kind) {
        // What the server keeps of its own, and the forms that have no plain reading.
        if parameter.expression.is_empty()
            || parameter.code.starts_with('_')
            || parameter.kind == SearchKind::Special
        {
            continue;
        }
        let column = world.column(kind, parameter);
        let values: Vec<&Val> = column.iter().flat_map(|(_, values)| values).collect();
        if values.is_empty() {
            continue;
        }
        let step = values.len().div_ceil(MAX_SAMPLES);
        let mut asked: Vec<(String, String)> = values
            .iter()
            .step_by(step)
            .enumerate()
            .flat_map(|(turn, value)| ask(parameter, turn, value))
            .filter(|(_, value)| !value.contains(['\\', '"']))
            .collect();
        if parameter.kind != SearchKind::Composite {
            asked.push((":missing".into(), "true".into()));
            asked.push((":missing".into(), "false".into()));
        }
        let mut targets: Vec<String> = values
            .iter()
            .filter_map(|value| world.target(value))
            .map(|at| world.all[at].kind.clone())
            .collect();
        targets.sort();
        targets.dedup();
        all.push(Entry { parameter, asked, targets });
    }
    all
}

/// What may stand before a date or a number.
const PREFIXES: [&str; 10] = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

fn plain(value: String) -> (String, String) {
    (String::new(), value)
}

fn with(modifier: &str, value: String) -> (String, String) {
    (modifier.to_owned(), value)
}

/// Whether a text needs no escape in a query.
fn safe(text: &str) -> bool {
    !text.is_empty() && !text.contains([',', '|', '$'])
}

/// Ways to ask for a value.
fn ask(parameter: &SearchParameter, turn: usize, value: &Val) -> Vec<(String, String)> {
    let prefix = PREFIXES[turn % PREFIXES.len()];
    match value {
        Val::Token { system, code, plain: is_plain } if safe(code) => {
            let mut all = vec![plain(code.clone()), with(":not", code.clone())];
            match system {
                Some(system) if safe(system) => {
                    all.push(plain(format!("{system}|{code}")));
                    all.push(with(":not", format!("{system}|{code}")));
                    all.push(plain(format!("{system}|")));
                }
                None if !is_plain => all.push(plain(format!("|{code}"))),
                _ => {}
            }
            all
        }
        Val::Words(words) if safe(words) => {
            let start: String = words.chars().take(5 + turn % 7).collect();
            vec![with(":text", start.trim().to_owned())]
        }
        Val::Text(text) if safe(text) => ask_text(turn, text),
        Val::Date(lower, upper) => {
            let at = if *lower > jiff::Timestamp::MIN { lower } else { upper };
            let text = at.to_string();
            let cut = [4, 7, 10, 19][turn / PREFIXES.len() % 4];
            let text = if cut == 19 { format!("{}Z", &text[..19]) } else { text[..cut].to_owned() };
            vec![plain(format!("{prefix}{text}"))]
        }
        Val::Quantity { value, system, code, unit } => {
            let short = value.round_dp(1).to_string();
            let mut all =
                vec![plain(format!("{prefix}{value}")), plain(format!("{prefix}{short}"))];
            if !system.is_empty() && safe(code) {
                all.push(plain(format!("{prefix}{short}|{system}|{code}")));
            }
            if safe(unit) {
                all.push(plain(format!("{prefix}{value}||{unit}")));
            }
            all
        }
        Val::Number(value) => vec![plain(format!("{prefix}{value}"))],
        Val::Reference(reference) => ask_reference(parameter, reference),
        Val::Uri(uri) if safe(uri) => {
            let mut all = vec![plain(uri.clone())];
            if let Some((above, _)) = uri.rsplit_once('/') {
                all.push(with(":below", above.to_owned()));
                all.push(with(":above", format!("{uri}/x")));
            }
            all
        }
        Val::Together(parts) => {
            let part = |values: &Vec<Val>| {
                let counts = |it: &&Val| !matches!(it, Val::Words(_));
                let value = values.iter().find(counts)?;
                let all = ask(parameter, turn, value);
                all.into_iter().find(|(modifier, _)| modifier.is_empty()).map(|(_, value)| value)
            };
            let parts: Option<Vec<String>> = parts.iter().map(part).collect();
            parts.map(|parts| plain(parts.join("$"))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn ask_text(turn: usize, text: &str) -> Vec<(String, String)> {
    let some: String = text.chars().skip(turn % 3).take(4).collect();
    let start: String = text.chars().take(1 + turn % 6).collect();
    let all = [
        plain(start.to_uppercase()),
        plain(letters(text)),
        with(":exact", text.to_owned()),
        with(":exact", text.to_lowercase()),
        with(":contains", some),
    ];
    all.into_iter().filter(|(_, value)| !letters(value).is_empty()).collect()
}

fn ask_reference(parameter: &SearchParameter, reference: &str) -> Vec<(String, String)> {
    let Some((kind, id)) = reference.split_once('/') else { return Vec::new() };
    if reference.contains(':') || !safe(reference) {
        return Vec::new();
    }
    let mut all = vec![plain(reference.to_owned()), plain(id.to_owned())];
    if parameter.targets.contains(&kind) {
        all.push(with(&format!(":{kind}"), id.to_owned()));
    }
    all
}

fn pick<T>(of: &[T], by: u16) -> Option<&T> {
    of.get(usize::from(by) % of.len().max(1))
}

impl Spec {
    pub(super) fn query(&self) -> Query {
        let menu = MENU.get().expect("the menu is written before anybody asks");
        let (kind, entries) = pick(&menu.kinds, self.kind).unwrap();
        let conditions = self.conditions.iter().filter_map(|one| menu.condition(kind, *one));
        let sort = self.sort.and_then(|(by, descending)| {
            let sortable = |entry: &&Entry| entry.parameter.kind != SearchKind::Composite;
            let entries: Vec<&Entry> = entries.iter().filter(sortable).collect();
            let code = pick(&entries, by)?.parameter.code;
            Some(if descending { format!("-{code}") } else { code.to_owned() })
        });
        let includes = self.includes.iter().filter_map(|one| menu.include(kind, *one)).collect();
        let count = [500, 100, 20, 7][usize::from(self.count)];
        Query { kind: kind.clone(), conditions: conditions.collect(), sort, includes, count }
    }
}

impl Menu {
    fn of(&self, kind: &str) -> &[Entry] {
        self.kinds.iter().find(|(name, _)| name == kind).map_or(&[], |(_, entries)| entries)
    }

    fn plain(&self, kind: &str, which: u16, value: u16) -> Option<(String, String)> {
        let entry = pick(self.of(kind), which)?;
        let (modifier, value) = pick(&entry.asked, value)?;
        Some((format!("{}{modifier}", entry.parameter.code), value.clone()))
    }

    /// A condition on the type itself, or by a chain or `_has` on another.
    fn condition(&self, kind: &str, choice: Choice) -> Option<(String, String)> {
        let (which, value, other, way) = choice;
        match way {
            // A chain, with or without its type.
            5 | 6 => {
                let references: Vec<&Entry> =
                    self.of(kind).iter().filter(|entry| !entry.targets.is_empty()).collect();
                let reference = pick(&references, which)?;
                let target = pick(&reference.targets, which)?;
                let (name, value) = self.plain(target, other, value)?;
                let code = reference.parameter.code;
                let of = if way == 5 { format!(":{target}") } else { String::new() };
                let head = name.split(':').next().unwrap_or_default();
                // Without a type it is compared by the kind that each type's parameter has.
                let same = |other: &&str| {
                    let own = parameter(target, head).map(|it| it.kind);
                    parameter(other, head).is_none_or(|it| Some(it.kind) == own)
                };
                let plain = way == 5 || reference.parameter.targets.iter().all(same);
                plain.then(|| (format!("{code}{of}.{name}"), value))
            }
            7 => {
                let mut referring = Vec::new();
                for (of, entries) in &self.kinds {
                    let to_kind = |entry: &&Entry| entry.targets.iter().any(|it| it == kind);
                    referring.extend(entries.iter().filter(to_kind).map(|entry| (of, entry)));
                }
                let (of, entry) = pick(&referring, which)?;
                let (name, value) = self.plain(of, other, value)?;
                Some((format!("_has:{of}:{}:{name}", entry.parameter.code), value))
            }
            _ => self.plain(kind, which, value),
        }
    }

    fn include(&self, kind: &str, (which, way): (u16, u8)) -> Option<(String, String)> {
        if way < 3 {
            let references: Vec<&Entry> =
                self.of(kind).iter().filter(|entry| !entry.targets.is_empty()).collect();
            let entry = pick(&references, which)?;
            let target = pick(&entry.targets, which)?;
            let of = if way == 0 { String::new() } else { format!(":{target}") };
            return Some(("_include".into(), format!("{kind}:{}{of}", entry.parameter.code)));
        }
        let mut referring = Vec::new();
        for (of, entries) in &self.kinds {
            let to_kind = |entry: &&Entry| entry.targets.iter().any(|it| it == kind);
            referring.extend(entries.iter().filter(to_kind).map(|entry| (of, entry)));
        }
        let (of, entry) = pick(&referring, which)?;
        Some(("_revinclude".into(), format!("{of}:{}", entry.parameter.code)))
    }
}
