//! What a peer writes in its own way, as data: one [`Dialect`] per channel.
//!
//! In the configuration it is a table, `[dialect.NAME]`; everything has a default, so that a
//! peer that keeps to HL7 2.5.1 needs none:
//!
//! ```toml
//! [dialect.cabinets]
//! version = "2.3"
//! charset = "WINDOWS-1252"
//! peer_application = "ADC"
//! timing_style = "rxe-1"
//! zpm_layout = "2.3"
//! order_control = { change = "XX", hold = "OH", cancel = "OC" }
//! timing_codes.6XD = { frequency = 6, period = 1, unit = "d" }
//! coding_systems.99FDB = "https://rxx.nhs.uk/Id/fdb"
//! units.TABS = "tablet"
//!
//! [dialect.cabinets.tables.wards]
//! W01 = "WARDA"
//!
//! [[dialect.cabinets.translate]]
//! fields = ["PV1-3.1"]
//! table = "wards"
//!
//! [[dialect.cabinets.move]]
//! from = "ZRX-3"
//! to = "RXE-2.1"
//! ```
//!
//! A vendor's quirk is a field here, never a condition on a name in a mapper.

mod apply;
mod codings;
mod order_control;
mod place;
mod rules;
mod units;
mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use hl7v2::{Charset, CharsetChoice};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use apply::apply;
pub use codings::Systems;
pub use fhir::systems::{DMD, NHS_NUMBER, SNOMED};
pub use medicines::Zone;
pub use medicines::orders::{PeriodUnit, Rhythm, local_code, names_no_times, rhythm_of};
pub use order_control::{OrderControls, control_of};
pub use place::{Place, PlaceError};
pub use rules::{Clearing, On, RuleError, Setting, Table, Taking, Translation, Unknown, Way, When};
use rules::{MAX_CODES, MAX_RULES};
pub use units::unit_of;
pub use zone::AmbiguousHour;

/// HL7 versions that are read and written (HL7 table 0104, as far as the segments in use agree).
pub const KNOWN_VERSIONS: [&str; 13] = [
    "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1",
    "2.8.2",
];

/// How one peer writes HL7.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialect {
    /// MSH-12 of what we send, one of [`KNOWN_VERSIONS`]. What the peer sends may be of any of
    /// them unless [`Self::accepts_versions`] says otherwise. Default `2.5.1`.
    #[serde(deserialize_with = "known_version")]
    pub version: String,
    /// The values of MSH-12 that are read; empty for all of [`KNOWN_VERSIONS`].
    pub accepts_versions: Vec<String>,
    /// The character set of what we send, and of messages whose MSH-18 says nothing that is
    /// understood, by its name in HL7 table 0211 or `WINDOWS-1252`. Default `UNICODE UTF-8`.
    #[serde(deserialize_with = "charset_of", serialize_with = "charset_label")]
    pub charset: Charset,
    /// Whether [`Self::charset`] holds whatever MSH-18 declares, for peers that declare a wrong
    /// one.
    pub charset_always: bool,
    /// MSH-3 of what we send. Default `INTERLOCK`.
    pub our_application: String,
    /// MSH-4 of what we send; empty for the site's code.
    pub our_facility: String,
    /// MSH-5 of what we send.
    pub peer_application: String,
    /// MSH-6 of what we send.
    pub peer_facility: String,
    /// The order control words that the peer wants, and words that only this peer writes.
    pub order_control: OrderControls,
    /// Where we write the timing of an order. Both are read from any peer.
    pub timing_style: TimingStyle,
    /// Frequency codes of this peer; asked before the built-in ones of [`rhythm_of`].
    pub timing_codes: BTreeMap<String, Rhythm>,
    /// How the peer lays out ZPM. It cannot be told from the content and is never guessed.
    pub zpm_layout: ZpmLayout,
    /// The field of ZPM, by its own number, in which this peer tells the last day of the batch as
    /// `YYYYMMDD`; none by default, because the segment has no place of its own for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zpm_expiry: Option<u8>,
    /// The namespace of an order number whose EI-2 is empty. Default `epma`.
    pub order_namespace: String,
    /// FHIR systems of patient identifiers by their assigning authority (CX-4.1), or by
    /// `authority/type` (CX-4.1/CX-5) where one authority has several; asked before the rule of
    /// [`Systems::patient`].
    pub identifier_systems: BTreeMap<String, String>,
    /// FHIR systems by the name of a coding system (CWE-3); asked before the built-in ones.
    pub coding_systems: BTreeMap<String, String>,
    /// Units by the peer's word for them, each in lower case as the formulary writes it; asked
    /// before the built-in ones of [`unit_of`].
    pub units: BTreeMap<String, String>,
    /// The zone of times without an offset. Default `Europe/London`.
    pub time_zone: Zone,
    /// What a time without an offset means in the hour that autumn repeats; in the file also
    /// `ambiguous`.
    #[serde(alias = "ambiguous")]
    pub ambiguous_hour: AmbiguousHour,
    /// What to do with a frequency code that neither [`Self::timing_codes`] nor the built-in
    /// table knows. By default the order is taken over with the code in words and no times, and
    /// one case asks for the code to be added.
    pub unknown_timing: UnknownTiming,
    /// Tables of codes by their names, for [`Self::translations`] and for scripts: the peer's
    /// word and ours.
    pub tables: Arc<BTreeMap<String, Table>>,
    /// Values that stand in several places: `[[dialect.NAME.copy]]`.
    #[serde(rename = "copy", skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Taking>,
    /// Values that stand elsewhere: `[[dialect.NAME.move]]`.
    #[serde(rename = "move", skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Taking>,
    /// Values that say nothing: `[[dialect.NAME.clear]]`.
    #[serde(rename = "clear", skip_serializing_if = "Vec::is_empty")]
    pub clears: Vec<Clearing>,
    /// Values that are always the same: `[[dialect.NAME.set]]`.
    #[serde(rename = "set", skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<Setting>,
    /// Values where the peer sends none: `[[dialect.NAME.default]]`.
    #[serde(rename = "default", skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<Setting>,
    /// Codes that are ours in other words: `[[dialect.NAME.translate]]`.
    #[serde(rename = "translate", skip_serializing_if = "Vec::is_empty")]
    pub translations: Vec<Translation>,
}

/// What to do with a frequency code that no table knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownTiming {
    /// The order is taken over with the code in words, no times are worked out, and one case for
    /// each code asks for it to be added.
    #[default]
    Case,
    /// The same without a case.
    Keep,
    /// The message is parked until the code is added.
    Park,
}

/// Where the timing of an order stands in a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimingStyle {
    /// In TQ1 segments (HL7 2.5 and later).
    #[default]
    Tq1,
    /// In RXE-1, a TQ field (before HL7 2.5, and many cabinets since).
    #[serde(rename = "rxe-1")]
    Rxe1,
}

/// How ZPM holds the parts of its item, user and witness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ZpmLayout {
    /// As components: `ZPM-6` is `id^text`, `ZPM-11` is `id^family^given`.
    #[default]
    #[serde(rename = "2.5")]
    Components,
    /// As fields of their own, as senders of HL7 2.3 do: everything after the item stands one
    /// field later, after the user two, after the witness three.
    #[serde(rename = "2.3")]
    Fields,
}

impl Default for Dialect {
    fn default() -> Self {
        Dialect {
            version: "2.5.1".to_owned(),
            accepts_versions: Vec::new(),
            charset: Charset::Utf8,
            charset_always: false,
            our_application: "INTERLOCK".to_owned(),
            our_facility: String::new(),
            peer_application: String::new(),
            peer_facility: String::new(),
            order_control: OrderControls::default(),
            timing_style: TimingStyle::default(),
            timing_codes: BTreeMap::new(),
            zpm_layout: ZpmLayout::default(),
            zpm_expiry: None,
            order_namespace: "epma".to_owned(),
            identifier_systems: BTreeMap::new(),
            coding_systems: BTreeMap::new(),
            units: BTreeMap::new(),
            time_zone: Zone::named("Europe/London").unwrap_or_default(),
            ambiguous_hour: AmbiguousHour::default(),
            unknown_timing: UnknownTiming::default(),
            tables: Arc::default(),
            copies: Vec::new(),
            moves: Vec::new(),
            clears: Vec::new(),
            sets: Vec::new(),
            defaults: Vec::new(),
            translations: Vec::new(),
        }
    }
}

impl Dialect {
    /// The character set in which a message of the peer is read.
    pub fn charset_choice(&self) -> CharsetChoice {
        if self.charset_always {
            CharsetChoice::Always(self.charset)
        } else {
            CharsetChoice::DeclaredOr(self.charset)
        }
    }

    /// Whether a message with this MSH-12.1 is read.
    pub fn accepts_version(&self, version: &str) -> bool {
        if self.accepts_versions.is_empty() {
            KNOWN_VERSIONS.contains(&version)
        } else {
            self.accepts_versions.iter().any(|accepted| accepted == version)
        }
    }
}

impl Dialect {
    /// Checks that its rules can be meant.
    pub fn check(&self) -> Result<(), RuleError> {
        let counts = [
            self.copies.len(),
            self.moves.len(),
            self.clears.len(),
            self.sets.len(),
            self.defaults.len(),
            self.translations.len(),
            self.tables.len(),
        ];
        if counts.iter().any(|count| *count > MAX_RULES) {
            return Err(RuleError::TooMany(MAX_RULES, "rules of one kind"));
        }
        if self.tables.values().any(|table| table.len() > MAX_CODES) {
            return Err(RuleError::TooMany(MAX_CODES, "codes in a table"));
        }
        let takings = self.copies.iter().chain(&self.moves);
        let settings = self.sets.iter().chain(&self.defaults);
        for when in takings.clone().filter_map(|rule| rule.when.as_ref()) {
            when.check()?;
        }
        let of_settings = settings.clone().filter_map(|rule| rule.when.as_ref());
        let of_clears = self.clears.iter().filter_map(|rule| rule.when.as_ref());
        let of_translations = self.translations.iter().filter_map(|rule| rule.when.as_ref());
        of_settings.chain(of_clears).chain(of_translations).try_for_each(When::check)?;
        let moved = self.moves.iter().map(|rule| &rule.from);
        let changed = takings.map(|rule| &rule.to).chain(moved);
        let changed = changed.chain(settings.map(|rule| &rule.field));
        let changed = changed.chain(self.clears.iter().map(|rule| &rule.field));
        let mut changed = changed.chain(self.translations.iter().flat_map(|rule| &rule.fields));
        let separators = |place: &&Place| place.segment() == "MSH" && place.field() <= 2;
        if let Some(place) = changed.find(separators) {
            return Err(RuleError::Separators(place.to_string()));
        }
        let known = |rule: &&Translation| !self.tables.contains_key(&rule.table);
        match self.translations.iter().find(known) {
            Some(rule) => Err(RuleError::NoTable(rule.table.clone())),
            None => Ok(()),
        }
    }

    /// Whether it has rules for messages of that way.
    pub(crate) fn has_rules(&self, way: Way) -> bool {
        self.copies.iter().chain(&self.moves).any(|rule| rule.on.takes(way))
            || self.sets.iter().chain(&self.defaults).any(|rule| rule.on.takes(way))
            || self.clears.iter().any(|rule| rule.on.takes(way))
            || self.translations.iter().any(|rule| rule.on.takes(way))
    }
}

fn known_version<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let version = String::deserialize(from)?;
    if KNOWN_VERSIONS.contains(&version.as_str()) {
        Ok(version)
    } else {
        Err(serde::de::Error::custom(format!("`{version}` is not a version of HL7 2")))
    }
}

fn charset_of<'de, D: Deserializer<'de>>(from: D) -> Result<Charset, D::Error> {
    let label = String::deserialize(from)?;
    Charset::from_label(label.as_bytes())
        .ok_or_else(|| serde::de::Error::custom(format!("`{label}` is not a character set")))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over by reference")]
fn charset_label<S: Serializer>(charset: &Charset, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&charset.label())
}

#[cfg(test)]
mod tests {
    use medicines::orders::Control;

    use super::*;

    #[test]
    fn an_empty_table_is_the_default() {
        assert_eq!(toml::from_str::<Dialect>("").unwrap(), Dialect::default());
        let written = toml::to_string(&Dialect::default()).unwrap();
        assert_eq!(toml::from_str::<Dialect>(&written).unwrap(), Dialect::default());
    }

    #[test]
    fn a_cabinet_dialect_is_read() {
        let dialect: Dialect = toml::from_str(
            r#"
            version = "2.3"
            charset = "WINDOWS-1252"
            charset_always = true
            timing_style = "rxe-1"
            zpm_layout = "2.3"
            time_zone = "Europe/Dublin"
            ambiguous_hour = "park"
            units.TABS = "tablet"
            [order_control]
            change = "XX"
            read.ZH = "hold"
            [timing_codes]
            6XD = { frequency = 6, period = 1, unit = "d" }
            "#,
        )
        .unwrap();
        assert_eq!(dialect.version, "2.3");
        assert_eq!(dialect.charset_choice(), CharsetChoice::Always(Charset::Windows1252));
        assert_eq!(dialect.timing_style, TimingStyle::Rxe1);
        assert_eq!(dialect.zpm_layout, ZpmLayout::Fields);
        assert_eq!(dialect.time_zone.name(), "Europe/Dublin");
        assert_eq!(dialect.ambiguous_hour, AmbiguousHour::Park);
        assert_eq!(dialect.order_control.word(Control::Change), "XX");
        assert_eq!(dialect.order_control.word(Control::New), "NW");
        assert_eq!(dialect.order_control.read("ZH"), Some(Control::Hold));
        assert_eq!(rhythm_of("6xd", &dialect.timing_codes).unwrap().frequency, Some(6));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |text: &str| assert!(toml::from_str::<Dialect>(text).is_err(), "{text}");
        check("version = \"3.0\"");
        check("charset = \"KLINGON\"");
        check("time_zone = \"Europe/Atlantis\"");
        check("zpm_layout = \"2.4\"");
        check("no_such_field = 1");
        check("timing_codes.X = { frequency = 1, unit = \"fortnight\" }");
    }
}
