//! Which items are controlled drugs, and of which schedule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use terminology::{ControlledDrug, Index};

use crate::site::Site;

/// The schedule of the Misuse of Drugs Regulations 2001 in which a substance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Schedule {
    /// No controlled drug, whatever dm+d says of the product.
    #[serde(rename = "none")]
    None,
    /// Schedule 1: under a licence only.
    #[serde(rename = "1")]
    One,
    /// Schedule 2: morphine, fentanyl, ketamine.
    #[serde(rename = "2")]
    Two,
    /// Schedule 3: buprenorphine, midazolam, tramadol.
    #[serde(rename = "3")]
    Three,
    /// Schedule 4 part I: most benzodiazepines, zopiclone.
    #[serde(rename = "4-1")]
    FourOne,
    /// Schedule 4 part II: anabolic steroids.
    #[serde(rename = "4-2")]
    FourTwo,
    /// Schedule 5: preparations of low strength.
    #[serde(rename = "5")]
    Five,
}

impl Schedule {
    /// The schedule as the configuration and the journal write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Schedule::None => "none",
            Schedule::One => "1",
            Schedule::Two => "2",
            Schedule::Three => "3",
            Schedule::FourOne => "4-1",
            Schedule::FourTwo => "4-2",
            Schedule::Five => "5",
        }
    }

    /// Whether stock of it is destroyed only in the presence of an authorised person (regulation
    /// 27: those who have to keep a register, so schedules 1 and 2).
    pub fn needs_authorised_witness(self) -> bool {
        matches!(self, Schedule::One | Schedule::Two)
    }

    /// Whether it is made irretrievable before it is thrown away (guidance of the Royal
    /// Pharmaceutical Society: schedules 2, 3 and 4 part I; schedule 1 is treated no less
    /// strictly).
    pub fn needs_denaturing(self) -> bool {
        matches!(self, Schedule::One | Schedule::Two | Schedule::Three | Schedule::FourOne)
    }

    fn of_category(category: ControlledDrug) -> Schedule {
        match category {
            ControlledDrug::Schedule4Anabolic => Schedule::FourTwo,
            other => match other.schedule() {
                Some(1) => Schedule::One,
                Some(2) => Schedule::Two,
                Some(3) => Schedule::Three,
                Some(4) => Schedule::FourOne,
                Some(_) => Schedule::Five,
                None => Schedule::None,
            },
        }
    }
}

/// The controlled drugs of the formulary from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes {
    /// The schedule of each item that is a controlled drug, by its local code.
    pub items: BTreeMap<String, Schedule>,
    /// The items of which a register is kept.
    pub registered: BTreeSet<String>,
    /// From when on.
    pub since: Timestamp,
}

impl Classes {
    /// Whether both say the same of the same items.
    pub(crate) fn says(&self, other: &Classes) -> bool {
        self.items == other.items && self.registered == other.registered
    }
}

/// The controlled drugs of a formulary: what the configuration says of an item, else what dm+d
/// says of its product. `before` stands in for a release of dm+d that cannot be read.
pub(crate) fn classify(
    site: &Site,
    dictionary: Option<&Index>,
    before: Option<&Classes>,
    now: Timestamp,
) -> Classes {
    let mut classes = Classes { since: now, ..Classes::default() };
    for item in &site.items {
        let known = || {
            let found = dictionary?.find(item.dmd_id()?)?;
            Some(Schedule::of_category(found.product.vmp()?.controlled()))
        };
        let kept = || before.and_then(|before| before.items.get(&item.code).copied());
        let schedule = item.controlled.or_else(known).or_else(kept).unwrap_or(Schedule::None);
        if schedule == Schedule::None {
            continue;
        }
        classes.items.insert(item.code.clone(), schedule);
        if site.controlled.registers(schedule) {
            classes.registered.insert(item.code.clone());
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Item;

    #[test]
    fn a_category_of_dmd_is_a_schedule() {
        let check = |code: u8, expected: Schedule| {
            let category = ControlledDrug::from_code(code);
            assert_eq!(Schedule::of_category(category), expected, "{code}");
        };
        check(0, Schedule::None);
        check(1, Schedule::One);
        check(2, Schedule::Two);
        check(3, Schedule::Two);
        for code in 4..=7 {
            check(code, Schedule::Three);
        }
        check(8, Schedule::FourTwo);
        check(9, Schedule::FourOne);
        check(10, Schedule::Five);
        check(77, Schedule::Two);
    }

    #[test]
    fn what_is_destroyed_how_follows_the_schedule() {
        use Schedule as S;
        let all = [S::None, S::One, S::Two, S::Three, S::FourOne, S::FourTwo, S::Five];
        let of = |rule: fn(S) -> bool| all.map(rule);
        let authorised = [false, true, true, false, false, false, false];
        assert_eq!(of(S::needs_authorised_witness), authorised);
        let denatured = [false, true, true, true, true, false, false];
        assert_eq!(of(S::needs_denaturing), denatured);
        for schedule in all {
            let written = format!("{:?}", schedule.as_str());
            assert_eq!(serde_json::to_string(&schedule).unwrap(), written);
        }
    }

    #[test]
    fn the_configuration_comes_before_dmd_and_what_was_known_stays() {
        let index = terminology::synthetic::import().unwrap().index;
        let of = |schedule: Option<Schedule>, dmd: Option<String>| Item {
            code: "A".into(),
            controlled: schedule,
            dmd,
            ..Item::default()
        };
        let morphine = index.vmps().find(|vmp| vmp.controlled() == ControlledDrug::Schedule2);
        let morphine = morphine.map(|vmp| vmp.id().to_string());
        let check = |item: Item, index: Option<&Index>, expected: Option<Schedule>| {
            let site = Site { items: vec![item], ..Site::default() };
            let mut before = Classes::default();
            before.items.insert("A".into(), Schedule::Three);
            let before = index.is_none().then_some(&before);
            let classes = classify(&site, index, before, Timestamp::UNIX_EPOCH);
            assert_eq!(classes.items.get("A").copied(), expected);
            let registered = matches!(expected, Some(Schedule::One | Schedule::Two));
            assert_eq!(classes.registered.contains("A"), registered);
        };
        check(of(None, None), Some(&index), None);
        check(of(None, morphine.clone()), Some(&index), Some(Schedule::Two));
        check(of(Some(Schedule::None), morphine.clone()), Some(&index), None);
        check(of(Some(Schedule::Five), morphine.clone()), Some(&index), Some(Schedule::Five));
        check(of(Some(Schedule::One), None), Some(&index), Some(Schedule::One));
        check(of(None, morphine), None, Some(Schedule::Three));
    }
}
