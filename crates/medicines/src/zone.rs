//! The time zone of a site: which day it is where the stock lies and the patients are.
//!
//! An expiry date, a day of a register and a day of somebody's acts are days of the wards' clocks.
//! Between midnight and one o'clock in summer the day of UTC is still the day before.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The zone of a site that names none, and of a dialect that names none.
const LONDON: &str = "Europe/London";

/// The United Kingdom's rule since 1996 (Summer Time Order 2002), for machines without a zone
/// database, and for a site, so that no machine's table of zones has a say in its days.
const LONDON_RULE: &str = "GMT0BST,M3.5.0/1,M10.5.0";

/// A time zone by its name in the IANA database. Two are equal that have the same name.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone of that name, or `None` where the database has none.
    pub fn named(name: &str) -> Option<Self> {
        let rules = match TimeZone::get(name) {
            Ok(rules) => rules,
            Err(_) if name == LONDON => return Some(Zone::default()),
            Err(_) => return None,
        };
        Some(Zone { name: name.to_owned(), rules })
    }

    /// The zone of that name for the days of a site: London by its rule, any other by the
    /// database; `None` where that has none.
    pub fn of_site(name: &str) -> Option<Self> {
        if name == LONDON { Some(Zone::default()) } else { Zone::named(name) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules.
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }

    /// The day of a time.
    pub fn day_of(&self, at: Timestamp) -> Date {
        self.rules.to_datetime(at).date()
    }

    /// When a day begins; none at the ends of the calendar.
    pub fn begins(&self, day: Date) -> Option<Timestamp> {
        self.rules.to_timestamp(day.to_datetime(Time::midnight())).ok()
    }

    /// Whether it is what a site has that names none.
    pub(crate) fn is_usual(&self) -> bool {
        self.name == LONDON
    }
}

impl Default for Zone {
    fn default() -> Self {
        let rules = TimeZone::posix(LONDON_RULE).expect("the rule of the zone is a constant");
        Zone { name: LONDON.to_owned(), rules }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Zone::named(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("`{name}` is not a time zone")))
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.name)
    }
}

/// The zone of a site that is in the journal. A machine whose database lacks it reads the journal
/// all the same, with London's days; `interlock check` has refused the name where it was written.
pub(crate) fn kept<'de, D: Deserializer<'de>>(from: D) -> Result<Zone, D::Error> {
    let name = String::deserialize(from)?;
    let rules = Zone::of_site(&name).unwrap_or_default().rules;
    Ok(Zone { name, rules })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn london_has_the_same_rule_without_a_database() {
        for month in 1..=12 {
            for day in [1, 25, 28] {
                let noon = date(2026, month, day).at(12, 0, 0, 0);
                let check = |zone: &Zone| zone.rules().to_timestamp(noon).unwrap();
                let named = Zone::named(LONDON).unwrap();
                assert_eq!(check(&named), check(&Zone::default()), "{noon}");
            }
        }
    }

    #[test]
    fn a_day_is_the_one_that_the_clocks_of_the_site_show() {
        let check = |zone: &str, at: &str, day: Date| {
            let zone = Zone::of_site(zone).unwrap();
            assert_eq!(zone.day_of(at.parse().unwrap()), day, "{at} in {}", zone.name());
        };
        check(LONDON, "2026-06-30T22:59:59Z", date(2026, 6, 30));
        check(LONDON, "2026-06-30T23:00:00Z", date(2026, 7, 1));
        check(LONDON, "2026-12-31T23:59:59Z", date(2026, 12, 31));
        check("Asia/Tokyo", "2026-12-31T15:00:00Z", date(2027, 1, 1));
        check("UTC", "2026-06-30T23:30:00Z", date(2026, 6, 30));
        assert!(Zone::of_site("Europe/Atlantis").is_none());
    }

    #[test]
    fn a_site_in_the_journal_is_read_whatever_zones_the_machine_knows() {
        let text = r#"{"code":"RXX","time_zone":"Europe/Atlantis"}"#;
        let site: crate::Site = serde_json::from_str(text).unwrap();
        assert_eq!(site.time_zone.name(), "Europe/Atlantis");
        let usual = serde_json::to_string(&crate::Site::default()).unwrap();
        assert!(!usual.contains("time_zone"), "{usual}");
    }
}
