//! What is wrong with a formulary.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Item, Status};
use crate::site::Site;

/// The longest dm+d id (SNOMED CT identifiers have 6 to 18 digits).
const DMD_DIGITS: std::ops::RangeInclusive<usize> = 6..=18;
/// The longest local code on a pack, in characters.
const MAX_ALIAS_CHARS: usize = 90;

/// A mistake in one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Which item, as its place in [`Site::items`].
    pub item: usize,
    /// The key that is wrong, as the configuration writes it.
    pub key: &'static str,
    /// Why it is wrong.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

/// All that is wrong with the items of a site, in their order.
pub fn flaws(site: &Site) -> Vec<Flaw> {
    let mut checker = Checker { site, item: 0, flaws: Vec::new(), codes: BTreeMap::new() };
    for (at, item) in site.items.iter().enumerate() {
        checker.item = at;
        checker.item(item);
    }
    checker.flaws
}

struct Checker<'a> {
    site: &'a Site,
    item: usize,
    flaws: Vec<Flaw>,
    /// Codes on packs, with the code of the item that has them.
    codes: BTreeMap<String, &'a str>,
}

impl<'a> Checker<'a> {
    fn flaw(&mut self, key: &'static str, why: String, remedy: &str) {
        self.flaws.push(Flaw { item: self.item, key, why, remedy: remedy.to_owned() });
    }

    fn item(&mut self, item: &'a Item) {
        self.words(item);
        for (key, areas) in
            [("override_areas", &item.override_areas), ("restricted_to", &item.restricted_to)]
        {
            self.areas(key, areas);
        }
        if !item.override_allowed && !item.override_areas.is_empty() {
            let why = "areas are given, and it may not be overridden anywhere".to_owned();
            self.flaw("override_areas", why, "write override_allowed = true, or leave them out");
        }
        if item.override_allowed && item.is_restricted() {
            let why = "a restricted item never leaves without an order".to_owned();
            self.flaw("override_allowed", why, "write false");
        }
        if let Some(training) = &item.training
            && !self.site.people.iter().any(|person| person.training.contains(training))
        {
            let why = format!("nobody has the training `{training}`, so nobody could take it");
            self.flaw("training", why, "write it in `training` of those who have it");
        }
        self.amounts(item);
        for code in &item.barcodes {
            self.barcode(item, code);
        }
        self.aliases(item);
        self.levels(item);
    }

    fn words(&mut self, item: &Item) {
        for (key, text) in [("code", &item.code), ("name", &item.name), ("unit", &item.unit)] {
            if text.trim().is_empty() {
                self.flaw(key, "it is empty".to_owned(), "give it a value");
            }
        }
        if let Some(id) = &item.dmd
            && !(DMD_DIGITS.contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()))
        {
            let why = format!("`{id}` is no dm+d id, which has 6 to 18 digits");
            self.flaw("dmd", why, "write the id of a VMP, AMP, VMPP or AMPP in quotation marks");
        }
        let reason = item.status_reason.as_deref().unwrap_or_default();
        if item.status == Status::NonFormulary && reason.trim().is_empty() {
            let why = "an item that is not of the formulary is here for a reason".to_owned();
            self.flaw("status_reason", why, "say why it is kept");
        }
    }

    fn areas(&mut self, key: &'static str, areas: &[String]) {
        for area in areas {
            if !self.site.cabinets.iter().any(|cabinet| cabinet.wards.contains(area)) {
                let why = format!("no cabinet serves the ward `{area}`");
                self.flaw(key, why, "write a ward of a [[site.cabinet]]");
            }
        }
    }

    fn amounts(&mut self, item: &Item) {
        for (key, amount) in [("strength", &item.strength), ("maximum", &item.maximum)] {
            if amount.as_ref().is_some_and(|amount| amount.value <= Decimal::ZERO) {
                self.flaw(key, "it is not above zero".to_owned(), "write an amount above zero");
            }
        }
    }

    fn barcode(&mut self, item: &'a Item, code: &str) {
        match gs1::Gtin::parse(code.as_bytes()) {
            Ok(gtin) => self.code_once("barcodes", &format!("{:014}", gtin.number()), item),
            Err(error) => {
                let why = format!("`{code}` is no trade item number: {error}");
                self.flaw("barcodes", why, "read it from the pack again");
            }
        }
    }

    /// A code on a pack means one item and no other.
    fn code_once(&mut self, key: &'static str, code: &str, item: &'a Item) {
        if let Some(other) = self.codes.insert(code.to_owned(), &item.code) {
            let why = format!("`{code}` is a code of item `{other}` already");
            self.flaw(key, why, "leave it with the item that has it on its pack");
        }
    }

    fn aliases(&mut self, item: &'a Item) {
        for alias in &item.aliases {
            let length = alias.code.chars().count();
            if alias.code.trim() != alias.code || !(1..=MAX_ALIAS_CHARS).contains(&length) {
                let why = "a local code has 1 to 90 characters and none of them blank at its ends";
                self.flaw("aliases", why.to_owned(), "write it as the scanner reports it");
            }
            if gs1::Gtin::parse(alias.code.as_bytes()).is_ok() {
                let why = format!("`{}` is a trade item number", alias.code);
                self.flaw("aliases", why, "write it in `barcodes`");
            }
            if alias.units.is_some_and(|units| units <= Decimal::ZERO) {
                let why = format!("`{}` stands for no units", alias.code);
                self.flaw("aliases", why, "write an amount above zero");
            }
            self.signatures(alias);
            self.code_once("aliases", &alias.code, item);
        }
    }

    fn signatures(&mut self, alias: &super::Alias) {
        let [first, second] = alias.signed_by.as_slice() else {
            let why = format!("`{}` is signed by {} people", alias.code, alias.signed_by.len());
            self.flaw("aliases", why, "have two people sign for it: signed_by = [\"…\", \"…\"]");
            return;
        };
        if first == second {
            let why = format!("`{}` is signed twice by the same person", alias.code);
            self.flaw("aliases", why, "have a second person sign for it");
        }
        for signer in [first, second] {
            if self.site.person(signer).is_none() {
                let why = format!("`{signer}` signed for `{}` and is nobody here", alias.code);
                self.flaw("aliases", why, "write the staff number of a [[site.person]]");
            }
        }
    }

    fn levels(&mut self, item: &Item) {
        for (at, level) in item.levels.iter().enumerate() {
            let id = &level.cabinet;
            if self.site.cabinet(id).is_none() {
                let why = format!("`{id}` is no cabinet of this site");
                self.flaw("levels", why, "write the `system/station` of a [[site.cabinet]]");
            }
            if item.levels[..at].iter().any(|other| other.cabinet == *id) {
                let why = format!("`{id}` has two levels of this item");
                self.flaw("levels", why, "keep one of the two");
            }
            let is_right = !level.reorder.is_sign_negative() && level.par >= level.reorder;
            if !is_right || level.par <= Decimal::ZERO {
                let why = format!("`{id}` is filled at {} up to {}", level.reorder, level.par);
                self.flaw("levels", why, "write a par above zero and a reorder level up to it");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use access::{Person, Role};

    use super::super::{Alias, Level};
    use super::*;
    use crate::Quantity;
    use crate::site::Cabinet;

    fn site() -> Site {
        let person = |id: &str| Person {
            id: id.into(),
            name: id.into(),
            role: Role::Pharmacist,
            training: vec!["iv".into()],
        };
        let item = |code: &str| Item {
            code: code.into(),
            name: code.into(),
            unit: "ampoule".into(),
            ..Item::default()
        };
        Site {
            code: "RXX".into(),
            cabinets: vec![Cabinet {
                system: "ADC".into(),
                station: "A1".into(),
                wards: vec!["A".into()],
                channel: None,
            }],
            items: vec![item("ONE"), item("TWO")],
            people: vec![person("P1"), person("P2")],
            ..Site::default()
        }
    }

    fn alias(code: &str, units: i64, signed_by: &[&str]) -> Alias {
        let signed_by = signed_by.iter().map(|&by| by.to_owned()).collect();
        Alias { code: code.into(), units: Some(units.into()), signed_by }
    }

    fn level(cabinet: &str, par: i64, reorder: i64) -> Level {
        Level { cabinet: cabinet.into(), par: par.into(), reorder: reorder.into() }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Item), expected: &[(&str, &str)]) {
        let mut site = site();
        site.items[1].barcodes = vec!["9501101530003".into()];
        change(&mut site.items[0]);
        let found = flaws(&site);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (flaw, (key, part)) in found.iter().zip(expected) {
            assert!(flaw.key == *key && flaw.why.contains(part), "{flaw:?}");
            assert!(!flaw.remedy.is_empty());
        }
    }

    #[test]
    fn every_mistake_has_its_words() {
        check(|_| {}, &[]);
        check(|item| item.unit = " ".into(), &[("unit", "empty")]);
        check(|item| item.dmd = Some("42109611000001109".into()), &[]);
        check(|item| item.dmd = Some("4210961x".into()), &[("dmd", "no dm+d id")]);
        check(|item| item.dmd = Some("12345".into()), &[("dmd", "no dm+d id")]);
        check(|item| item.status = Status::NonFormulary, &[("status_reason", "a reason")]);
        let restricted = |item: &mut Item| item.restricted_to = vec!["A".into()];
        check(restricted, &[]);
        check(|item| item.restricted_to = vec!["B".into()], &[("restricted_to", "`B`")]);
        let both = |item: &mut Item| {
            restricted(item);
            item.override_allowed = true;
        };
        check(both, &[("override_allowed", "never leaves")]);
        check(|item| item.override_areas = vec!["A".into()], &[("override_areas", "anywhere")]);
        check(|item| item.training = Some("iv".into()), &[]);
        check(|item| item.training = Some("epidural".into()), &[("training", "nobody")]);
        let none = Some(Quantity::new(0.into(), "mg"));
        check(|item| item.strength = none.clone(), &[("strength", "above zero")]);
        check(|item| item.maximum = none, &[("maximum", "above zero")]);
    }

    #[test]
    fn codes_on_packs_mean_one_item_and_two_people_sign() {
        check(|item| item.barcodes = vec!["9501101530010".into()], &[]);
        check(|item| item.barcodes = vec!["9501101530011".into()], &[("barcodes", "check digit")]);
        let taken = |item: &mut Item| item.barcodes = vec!["09501101530003".into()];
        check(taken, &[("barcodes", "`09501101530003` is a code of item `ONE` already")]);
        let with = |alias: Alias| move |item: &mut Item| item.aliases = vec![alias];
        check(with(alias("BLISTER-1", 1, &["P1", "P2"])), &[]);
        check(with(alias("BLISTER-1", 0, &["P1", "P2"])), &[("aliases", "no units")]);
        check(with(alias(" X", 1, &["P1", "P2"])), &[("aliases", "blank")]);
        check(with(alias("X", 1, &["P1"])), &[("aliases", "by 1 people")]);
        check(with(alias("X", 1, &["P1", "P1"])), &[("aliases", "the same person")]);
        check(with(alias("X", 1, &["P1", "N9"])), &[("aliases", "nobody here")]);
        let number = alias("9501101530010", 1, &["P1", "P2"]);
        check(with(number), &[("aliases", "trade item number")]);
    }

    #[test]
    fn levels_fit_together() {
        check(|item| item.levels = vec![level("ADC/A1", 20, 5)], &[]);
        check(|item| item.levels = vec![level("ADC/B1", 20, 5)], &[("levels", "no cabinet")]);
        check(|item| item.levels = vec![level("ADC/A1", 5, 20)], &[("levels", "up to 5")]);
        check(|item| item.levels = vec![level("ADC/A1", 0, 0)], &[("levels", "up to 0")]);
        let twice = vec![level("ADC/A1", 20, 5), level("ADC/A1", 30, 5)];
        check(|item| item.levels = twice, &[("levels", "two levels")]);
    }
}
