//! The rules for controlled drugs that a site may set.

use serde::{Deserialize, Serialize};

use super::Schedule;
use super::place::Place;
use crate::site::Site;

/// The longest time between two counts, in hours: NICE guideline NG46 asks for a stock check once a
/// week at least.
pub const COUNT_EVERY_MAX_H: u32 = 7 * 24;

/// The rules for controlled drugs, each with its unit in its name. It is `[site.controlled]` of the
/// configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlledPolicy {
    /// Schedules of which a register is kept beside 1 and 2, for which the law asks for one
    /// (Misuse of Drugs Regulations 2001, regulation 19).
    pub register_also: Vec<Schedule>,
    /// How often the pharmacy's and the robots' stock is counted, in hours.
    pub count_every_h: u32,
    /// How often cabinets, wards' cupboards and patients' own stock are counted, in hours.
    pub ward_count_every_h: u32,
    /// Places that are counted at another interval.
    pub count: Vec<CountEvery>,
    /// How long a supply may be on its way before a case asks where it is, in hours.
    pub receipt_within_h: u32,
    /// How long a discrepancy may be unexplained before it goes to the accountable officer, in
    /// hours.
    pub escalate_after_h: u32,
    /// Whether a receipt needs a second person.
    pub witness_receipt: bool,
    /// How long a witness's signature can be used, in seconds.
    pub witness_valid_s: u32,
    /// The staff number of the controlled drugs accountable officer.
    pub accountable_officer: Option<String>,
    /// The staff numbers of those in whose presence stock of schedules 1 and 2 may be destroyed
    /// (regulation 27).
    pub destruction_witnesses: Vec<String>,
}

/// How often one place is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountEvery {
    /// The place, as registers write it: `ward:WARDA`, `cabinet:ADC/WARDA1`, `pharmacy`.
    pub place: String,
    /// The interval, in hours.
    pub every_h: u32,
}

impl Default for ControlledPolicy {
    fn default() -> Self {
        ControlledPolicy {
            register_also: Vec::new(),
            count_every_h: COUNT_EVERY_MAX_H,
            ward_count_every_h: 24,
            count: Vec::new(),
            receipt_within_h: 24,
            escalate_after_h: 24,
            witness_receipt: false,
            witness_valid_s: 300,
            accountable_officer: None,
            destruction_witnesses: Vec::new(),
        }
    }
}

impl ControlledPolicy {
    /// Whether nothing is set.
    pub(crate) fn is_usual(&self) -> bool {
        *self == ControlledPolicy::default()
    }

    /// Whether a register is kept of a schedule.
    pub fn registers(&self, schedule: Schedule) -> bool {
        matches!(schedule, Schedule::One | Schedule::Two) || self.register_also.contains(&schedule)
    }

    /// How often a place is counted, in hours.
    pub fn count_every_h(&self, place: &Place) -> u32 {
        let name = place.to_string();
        if let Some(own) = self.count.iter().find(|own| own.place == name) {
            return own.every_h;
        }
        match place {
            Place::Pharmacy | Place::Robot(_) | Place::Expired => self.count_every_h,
            Place::Cabinet(_) | Place::Ward(_) | Place::Own(_) | Place::TakeHome(_) => {
                self.ward_count_every_h
            }
        }
    }
}

/// A mistake in the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFlaw {
    /// The key that is wrong.
    pub key: &'static str,
    /// Why it is wrong.
    pub why: String,
    /// What to do.
    pub remedy: &'static str,
}

/// All that is wrong with the rules for controlled drugs of a site.
pub fn policy_flaws(site: &Site) -> Vec<PolicyFlaw> {
    let policy = &site.controlled;
    let mut flaws = Vec::new();
    let mut flaw = |key, why: String, remedy| flaws.push(PolicyFlaw { key, why, remedy });
    for schedule in &policy.register_also {
        if matches!(schedule, Schedule::None | Schedule::One | Schedule::Two) {
            let why = format!("`{}` is no schedule to add", schedule.as_str());
            flaw(
                "register_also",
                why,
                "write \"3\", \"4-1\", \"4-2\" or \"5\"; 1 and 2 always are",
            );
        }
    }
    let hours = [
        ("count_every_h", policy.count_every_h),
        ("ward_count_every_h", policy.ward_count_every_h),
    ];
    let own = policy.count.iter().map(|own| ("count", own.every_h));
    for (key, every) in hours.into_iter().chain(own) {
        if !(1..=COUNT_EVERY_MAX_H).contains(&every) {
            let why = format!("{every} hours: stock is counted once a week at least (NICE NG46)");
            flaw(key, why, "write 1 to 168 hours");
        }
    }
    for (at, own) in policy.count.iter().enumerate() {
        let place = own.place.parse::<Place>();
        let known = match &place {
            Ok(Place::Cabinet(cabinet)) => site.cabinet(cabinet).is_some(),
            Ok(_) => true,
            Err(_) => false,
        };
        if !known {
            let why = format!("`{}` is no place of this site", own.place);
            flaw("count", why, "write `pharmacy`, `ward:WARD` or `cabinet:SYSTEM/STATION`");
        }
        if policy.count[..at].iter().any(|other| other.place == own.place) {
            let why = format!("`{}` has two intervals", own.place);
            flaw("count", why, "keep one of the two");
        }
    }
    for (key, hours) in [
        ("receipt_within_h", policy.receipt_within_h),
        ("escalate_after_h", policy.escalate_after_h),
    ] {
        if !(1..=COUNT_EVERY_MAX_H).contains(&hours) {
            flaw(key, format!("{hours} hours"), "write 1 to 168 hours");
        }
    }
    if !(10..=3_600).contains(&policy.witness_valid_s) {
        let why = format!("a signature that can be used for {} seconds", policy.witness_valid_s);
        flaw("witness_valid_s", why, "write 10 to 3600 seconds");
    }
    people(site, &mut flaw);
    flaws
}

/// Those whom the rules name have to be there, and in a role for it.
fn people(site: &Site, flaw: &mut impl FnMut(&'static str, String, &'static str)) {
    let policy = &site.controlled;
    if let Some(officer) = &policy.accountable_officer
        && site.person(officer).is_none()
    {
        let why = format!("`{officer}` is nobody here");
        flaw("accountable_officer", why, "write the staff number of a [[site.person]]");
    }
    for witness in &policy.destruction_witnesses {
        if site.person(witness).is_none() {
            let why = format!("`{witness}` is nobody here");
            flaw("destruction_witnesses", why, "write the staff numbers of [[site.person]]");
        }
    }
}

#[cfg(test)]
mod tests {
    use access::{Person, Role};

    use super::*;
    use crate::site::Cabinet;

    #[track_caller]
    fn check(change: impl FnOnce(&mut ControlledPolicy), expected: &[(&str, &str)]) {
        let mut site = Site {
            cabinets: vec![Cabinet {
                system: "ADC".into(),
                station: "A1".into(),
                wards: vec!["A".into()],
                channel: None,
            }],
            people: vec![Person {
                id: "G1".into(),
                name: "Test, Gita".into(),
                role: Role::Governance,
                training: vec![],
            }],
            ..Site::default()
        };
        change(&mut site.controlled);
        let found = policy_flaws(&site);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (flaw, (key, part)) in found.iter().zip(expected) {
            assert!(flaw.key == *key && flaw.why.contains(part), "{flaw:?}");
        }
    }

    #[test]
    fn every_mistake_has_its_words() {
        let own = |place: &str, every_h: u32| CountEvery { place: place.into(), every_h };
        check(|_| {}, &[]);
        check(|p| p.register_also = vec![Schedule::Three], &[]);
        check(|p| p.register_also = vec![Schedule::Two], &[("register_also", "`2`")]);
        check(|p| p.count_every_h = 169, &[("count_every_h", "once a week")]);
        check(|p| p.ward_count_every_h = 0, &[("ward_count_every_h", "0 hours")]);
        check(|p| p.count = vec![own("cabinet:ADC/A1", 8), own("ward:B", 12)], &[]);
        check(|p| p.count = vec![own("cabinet:ADC/B1", 8)], &[("count", "no place")]);
        check(|p| p.count = vec![own("cupboard", 8)], &[("count", "no place")]);
        check(|p| p.count = vec![own("pharmacy", 200)], &[("count", "200 hours")]);
        let twice = vec![own("pharmacy", 8), own("pharmacy", 9)];
        check(|p| p.count = twice, &[("count", "two intervals")]);
        check(|p| p.receipt_within_h = 0, &[("receipt_within_h", "0 hours")]);
        check(|p| p.escalate_after_h = 500, &[("escalate_after_h", "500")]);
        check(|p| p.witness_valid_s = 5, &[("witness_valid_s", "5 seconds")]);
        check(|p| p.accountable_officer = Some("G1".into()), &[]);
        check(|p| p.accountable_officer = Some("G2".into()), &[("accountable_officer", "`G2`")]);
        let witnesses = vec!["G1".to_owned(), "X".to_owned()];
        check(|p| p.destruction_witnesses = witnesses, &[("destruction_witnesses", "`X`")]);
    }

    #[test]
    fn a_place_is_counted_at_its_interval() {
        let policy = ControlledPolicy {
            count: vec![CountEvery { place: "ward:ICU".into(), every_h: 12 }],
            ..ControlledPolicy::default()
        };
        let check = |place: &str, expected: u32| {
            assert_eq!(policy.count_every_h(&place.parse().unwrap()), expected, "{place}");
        };
        check("ward:ICU", 12);
        check("ward:A", 24);
        check("cabinet:ADC/A1", 24);
        check("pharmacy", 168);
        check("robot:ROWA1", 168);
    }
}
