//! The configuration file as it is written.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use access::Person;
use channels::ChannelConfig;
use channels::dialect::Dialect;
use medicines::controlled::ControlledPolicy;
use medicines::{Cabinet, Item, Policies, Recorder};
use serde::Deserialize;
use toml::Spanned;

use super::keeping::JournalEntry;
use super::subscriptions::SubscriptionsEntry;
use super::watch::WatchEntry;
use crate::secret::TokenSource;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// `[node]`
    pub node: NodeEntry,
    /// `[site]`
    pub site: SiteEntry,
    /// `[dialect.NAME]`
    #[serde(default)]
    pub dialect: BTreeMap<String, Dialect>,
    /// `[[channel]]`
    #[serde(default)]
    pub channel: Vec<Spanned<ChannelConfig>>,
    /// `[[client]]`
    #[serde(default)]
    pub client: Vec<Spanned<ClientEntry>>,
    /// `[console]`
    #[serde(default)]
    pub console: ConsoleEntry,
    /// `[journal]`
    #[serde(default)]
    pub journal: Option<Spanned<JournalEntry>>,
    /// `[watch]`
    #[serde(default)]
    pub watch: Option<Spanned<WatchEntry>>,
    /// `[subscriptions]`
    #[serde(default)]
    pub subscriptions: Option<Spanned<SubscriptionsEntry>>,
}

/// The node itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeEntry {
    /// The folder of the journal and the record.
    pub data: PathBuf,
    /// The address of the API and the console. Loopback unless somebody says otherwise.
    #[serde(default = "loopback")]
    pub http: SocketAddr,
    /// The address under which clients reach the node, where a proxy stands before it.
    pub public_url: Option<String>,
    /// The value of MSH-11 in force: `P` on a live node, `T` on one for training.
    #[serde(default = "production")]
    pub processing_id: Spanned<String>,
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

fn production() -> Spanned<String> {
    Spanned::new(0..0, "P".to_owned())
}

/// The site: its cabinets, formulary, people and policies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteEntry {
    /// The ODS code.
    pub code: Spanned<String>,
    /// The name that people know.
    #[serde(default)]
    pub name: Option<String>,
    /// The IANA name of the zone of its days.
    #[serde(default)]
    pub time_zone: Option<Spanned<String>>,
    /// `[[site.cabinet]]`
    #[serde(default)]
    pub cabinet: Vec<Spanned<Cabinet>>,
    /// `[[site.recorder]]`
    #[serde(default)]
    pub recorder: Vec<Spanned<Recorder>>,
    /// `[[site.item]]`
    #[serde(default)]
    pub item: Vec<Spanned<Item>>,
    /// `[[site.person]]`
    #[serde(default)]
    pub person: Vec<Spanned<Person>>,
    /// `[site.policies]`
    #[serde(default)]
    pub policies: Option<Spanned<Policies>>,
    /// `[site.controlled]`
    #[serde(default)]
    pub controlled: Option<Spanned<ControlledPolicy>>,
}

/// A system that may call the API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientEntry {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub roles: Vec<api::Role>,
    /// The cabinets for which it may act, `system/station` or `system/*`; all where it is empty.
    #[serde(default)]
    pub cabinets: Vec<Spanned<String>>,
    /// What becomes of resources that it writes and that are not valid: `off`, `warn`, `strict`.
    #[serde(default)]
    pub validation: api::Validation,
    /// What it may export in bulk.
    #[serde(default)]
    pub export: api::Export,
    /// The staff number of the one person to whom it belongs.
    #[serde(default)]
    pub person: Option<Spanned<String>>,
    /// Where its token is found.
    pub token: TokenSource,
}

/// The console.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleEntry {
    /// `[[console.key]]`
    #[serde(default)]
    pub key: Vec<Spanned<KeyEntry>>,
}

/// A key that opens the console.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Whose it is. What somebody does on the console is done in this name: the key of a pharmacist
    /// has their staff number as its name, and their role decides.
    pub name: String,
    /// Where it is found.
    pub token: TokenSource,
    /// What its holder may do beside looking at the live loop.
    #[serde(default)]
    pub rights: Vec<console::Right>,
}

impl KeyEntry {
    /// The rights as the console takes them. Whoever may replay a message may read it.
    pub fn rights(&self) -> console::Rights {
        self.rights.iter().copied().collect()
    }
}
