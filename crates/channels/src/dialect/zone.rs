//! The zone of times that carry no offset.

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The United Kingdom's rule since 1996, for machines without a zone database.
const LONDON_RULE: &str = "GMT0BST,M3.5.0/1,M10.5.0";

/// A time zone by its name in the IANA database.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone of that name, or `None` where the database has none.
    pub fn named(name: &str) -> Option<Self> {
        let rules = match TimeZone::get(name) {
            Ok(rules) => rules,
            Err(_) if name == "Europe/London" => TimeZone::posix(LONDON_RULE).ok()?,
            Err(_) => return None,
        };
        Some(Zone { name: name.to_owned(), rules })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules.
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }
}

impl Default for Zone {
    fn default() -> Self {
        Zone::named("Europe/London").expect("the rule of the zone is a constant")
    }
}

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

/// What a time without an offset means in the hour that the clocks going back repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AmbiguousHour {
    /// The first of the two hours, which is summer time.
    #[default]
    Earlier,
    /// The second of the two hours.
    Later,
    /// Neither: the message is parked; in the file also `reject`.
    #[serde(alias = "reject")]
    Park,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn london_has_the_same_rule_without_a_database() {
        let fallback = TimeZone::posix(LONDON_RULE).unwrap();
        for month in 1..=12 {
            for day in [1, 25, 28] {
                let noon = date(2026, month, day).at(12, 0, 0, 0);
                let check = |zone: &TimeZone| zone.to_timestamp(noon).unwrap();
                assert_eq!(check(Zone::default().rules()), check(&fallback), "{noon}");
            }
        }
    }
}
