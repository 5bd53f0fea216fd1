//! Units as peers write them.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Words for a unit and the one that quantities carry. Abbreviations that are unsafe to write
/// (`mcg`, `iu`) are read and written out (NHS England dose syntax: units in full).
const UNITS: [(&str, &str); 47] = [
    ("tab", "tablet"),
    ("tabs", "tablet"),
    ("tablets", "tablet"),
    ("tablet(s)", "tablet"),
    ("cap", "capsule"),
    ("caps", "capsule"),
    ("capsules", "capsule"),
    ("capsule(s)", "capsule"),
    ("amp", "ampoule"),
    ("amps", "ampoule"),
    ("ampoules", "ampoule"),
    ("ampule", "ampoule"),
    ("vials", "vial"),
    ("sachets", "sachet"),
    ("supp", "suppository"),
    ("suppositories", "suppository"),
    ("patches", "patch"),
    ("puffs", "puff"),
    ("drops", "drop"),
    ("gtt", "drop"),
    ("bags", "bag"),
    ("bottles", "bottle"),
    ("syringes", "syringe"),
    ("doses", "dose"),
    ("milligram", "mg"),
    ("milligrams", "mg"),
    ("gram", "g"),
    ("grams", "g"),
    ("gm", "g"),
    ("kilogram", "kg"),
    ("mcg", "microgram"),
    ("ug", "microgram"),
    ("µg", "microgram"),
    ("μg", "microgram"),
    ("micrograms", "microgram"),
    ("ng", "nanogram"),
    ("nanograms", "nanogram"),
    ("mls", "ml"),
    ("millilitre", "ml"),
    ("millilitres", "ml"),
    ("litre", "l"),
    ("litres", "l"),
    ("u", "unit"),
    ("iu", "unit"),
    ("units", "unit"),
    ("[iu]", "unit"),
    ("mmols", "mmol"),
];

/// The unit in the words of the formulary: by the peer's table, else the built-in one, else as
/// the peer wrote it, in lower case.
pub fn unit_of<'a>(word: &'a str, peer: &'a BTreeMap<String, String>) -> Cow<'a, str> {
    let word = word.trim();
    if let Some(unit) = peer.get(word) {
        return Cow::Borrowed(unit);
    }
    let lower = if word.chars().any(char::is_uppercase) {
        Cow::Owned(word.to_lowercase())
    } else {
        Cow::Borrowed(word)
    };
    match UNITS.iter().find(|(from, _)| *from == lower) {
        Some((_, unit)) => Cow::Borrowed(unit),
        None => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_one_word_each() {
        let peer = BTreeMap::from([("TABS".to_owned(), "half tablet".to_owned())]);
        let check = |word: &str, expect: &str| assert_eq!(unit_of(word, &peer), expect);
        check("TABS", "half tablet");
        check("Tabs", "tablet");
        check("MG", "mg");
        check(" mcg ", "microgram");
        check("µg", "microgram");
        check("IU", "unit");
        check("Applicator", "applicator");
        check("", "");
    }

    #[test]
    fn no_word_is_listed_twice_or_leads_on() {
        for (at, (from, to)) in UNITS.iter().enumerate() {
            assert!(UNITS[at + 1..].iter().all(|(other, _)| other != from), "{from}");
            assert!(UNITS.iter().all(|(other, _)| other != to), "{to}");
        }
    }
}
