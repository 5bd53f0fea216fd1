//! Codes that say how often: HL7 table 0335 and the Latin of UK wards.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fhir::types::Repeat;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// The largest number that a code may hold, as the 6 of `Q6H`. A code with a larger one is kept
/// as text.
const MAX_NUMBER: u32 = 999;

/// What a code says, in the elements of FHIR `Timing.repeat`.
///
/// `Q6H` and `QID` are not the same: the first counts six hours from the first dose, the second
/// is four times a day at the times of the ward (HL7 2.5.1 table 0335).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rhythm {
    /// How often within the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency: Option<u32>,
    /// How many units the period lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<u32>,
    /// The unit of the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<PeriodUnit>,
    /// FHIR event-timing codes: `MORN`, `NIGHT`, `ACM`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Cow<'static, str>>,
    /// FHIR days of the week: `mon` to `sun`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub day_of_week: Vec<Cow<'static, str>>,
    /// How many times altogether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Whether it is given when it is needed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub as_needed: bool,
}

/// The UCUM units of a period that FHIR allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeriodUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Second,
    /// Minutes.
    #[serde(rename = "min")]
    Minute,
    /// Hours.
    #[serde(rename = "h")]
    Hour,
    /// Days.
    #[serde(rename = "d")]
    Day,
    /// Weeks.
    #[serde(rename = "wk")]
    Week,
    /// Months.
    #[serde(rename = "mo")]
    Month,
}

impl PeriodUnit {
    /// The code of FHIR `Timing.repeat.periodUnit`.
    pub fn code(self) -> &'static str {
        match self {
            PeriodUnit::Second => "s",
            PeriodUnit::Minute => "min",
            PeriodUnit::Hour => "h",
            PeriodUnit::Day => "d",
            PeriodUnit::Week => "wk",
            PeriodUnit::Month => "mo",
        }
    }

    /// The unit of that FHIR code.
    pub fn from_code(code: &str) -> Option<Self> {
        use PeriodUnit as U;
        [U::Second, U::Minute, U::Hour, U::Day, U::Week, U::Month]
            .into_iter()
            .find(|unit| unit.code() == code)
    }

    /// The letter of table 0335 (`Q6H`, `Q2L` for two months).
    fn letter(self) -> char {
        match self {
            PeriodUnit::Second => 'S',
            PeriodUnit::Minute => 'M',
            PeriodUnit::Hour => 'H',
            PeriodUnit::Day => 'D',
            PeriodUnit::Week => 'W',
            PeriodUnit::Month => 'L',
        }
    }

    fn of_letter(letter: &str) -> Option<Self> {
        use PeriodUnit as U;
        let mut letters = letter.chars();
        let one = letters.next().filter(|_| letters.next().is_none())?;
        [U::Second, U::Minute, U::Hour, U::Day, U::Week, U::Month]
            .into_iter()
            .find(|unit| unit.letter() == one)
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Events of FHIR that HL7 names in the same way (table 0335, meals).
const MEALS: [&str; 8] = ["ACM", "ACD", "ACV", "PCM", "PCD", "PCV", "AC", "PC"];

impl Rhythm {
    /// The part of a FHIR repeat that a frequency code can say; `None` where a code would say less.
    pub fn of(repeat: &Repeat, as_needed: bool) -> Option<Self> {
        let ranged = repeat.frequency_max.is_some()
            || repeat.period_max.is_some()
            || repeat.offset.is_some_and(|offset| offset > 0);
        if ranged {
            return None;
        }
        let whole = |period: &fhir::Decimal| {
            let value = period.value();
            (value == value.trunc() && value > Decimal::ZERO).then(|| value.to_u32()).flatten()
        };
        let period = match &repeat.period {
            Some(period) => Some(whole(period)?),
            None => None,
        };
        let unit = match repeat.period_unit {
            Some(unit) => Some(PeriodUnit::from_code(unit.as_str())?),
            None => None,
        };
        Some(Rhythm {
            frequency: repeat.frequency,
            period,
            unit,
            when: repeat.when.iter().map(|when| Cow::Borrowed(when.as_str())).collect(),
            day_of_week: repeat.day_of_week.iter().map(|day| Cow::Borrowed(day.as_str())).collect(),
            count: repeat.count.filter(|_| repeat.frequency.is_none()),
            as_needed,
        })
    }

    /// The same with what it leaves open as FHIR has it: once in a period, unless times of the day
    /// say how often, and a period of one unit.
    #[must_use]
    pub fn stated(self, repeat: &Repeat) -> Self {
        if self.unit.is_none() {
            return self;
        }
        let times = u32::try_from(repeat.time_of_day.len()).unwrap_or(u32::MAX).max(1);
        Rhythm {
            frequency: self.frequency.or(Some(times)),
            period: self.period.or(Some(1)),
            count: None,
            ..self
        }
    }

    fn times(frequency: u32, period: u32, unit: PeriodUnit) -> Self {
        Rhythm {
            frequency: Some(frequency),
            period: Some(period),
            unit: Some(unit),
            ..Rhythm::default()
        }
    }

    fn daily(frequency: u32) -> Self {
        Rhythm::times(frequency, 1, PeriodUnit::Day)
    }

    fn at(when: &'static str) -> Self {
        Rhythm { when: vec![Cow::Borrowed(when)], ..Rhythm::daily(1) }
    }

    fn once() -> Self {
        Rhythm { count: Some(1), ..Rhythm::default() }
    }

    fn when_needed(self) -> Self {
        Rhythm { as_needed: true, ..self }
    }
}

/// What a frequency code says: by the peer's own table, else by the built-in one. `None` for a
/// code that says nothing certain about when (`C`, `QSHIFT`, local words): its text is kept, and
/// no times are worked out from it.
pub fn rhythm_of<'a>(code: &str, peer: &'a BTreeMap<String, Rhythm>) -> Option<Cow<'a, Rhythm>> {
    let code = code.trim();
    if let Some(rhythm) = peer.get(code) {
        return Some(Cow::Borrowed(rhythm));
    }
    let upper = code.to_ascii_uppercase();
    if let Some(rhythm) = peer.get(&upper) {
        return Some(Cow::Borrowed(rhythm));
    }
    built_in(&upper).map(Cow::Owned)
}

/// Whether it is a code of table 0335 that names no times: continuously, or once a shift, of which
/// each hospital has its own. Nobody need be asked what it means.
pub fn names_no_times(code: &str) -> bool {
    matches!(code.trim().to_ascii_uppercase().as_str(), "C" | "QSHIFT")
}

fn built_in(code: &str) -> Option<Rhythm> {
    if let Some(rest) = code.strip_prefix("PRN") {
        return match rest.trim_start() {
            "" => Some(Rhythm::default().when_needed()),
            rest => word(rest).map(Rhythm::when_needed),
        };
    }
    word(code)
}

fn word(code: &str) -> Option<Rhythm> {
    Some(match code {
        "OD" | "QD" | "DAILY" => Rhythm::daily(1),
        "BD" | "BID" => Rhythm::daily(2),
        "TDS" | "TID" => Rhythm::daily(3),
        "QDS" | "QID" => Rhythm::daily(4),
        "OM" | "MANE" | "QAM" => Rhythm::at("MORN"),
        "QPM" => Rhythm::at("EVE"),
        "ON" | "NOCTE" => Rhythm::at("NIGHT"),
        "QHS" => Rhythm::at("HS"),
        "QOD" => Rhythm::times(1, 2, PeriodUnit::Day),
        "WEEKLY" => Rhythm::times(1, 1, PeriodUnit::Week),
        "STAT" | "ONCE" => Rhythm::once(),
        _ => {
            return meal(code).or_else(|| every(code)).or_else(|| several_a_day(code));
        }
    })
}

/// `ACM` before breakfast to `PCV` after the evening meal. `AC` and `PC` alone name no meal, so
/// they say nothing about how often.
fn meal(code: &str) -> Option<Rhythm> {
    let when = *MEALS.iter().find(|meal| **meal == code)?;
    let rhythm = if when.len() == 3 { Rhythm::daily(1) } else { Rhythm::default() };
    Some(Rhythm { when: vec![Cow::Borrowed(when)], ..rhythm })
}

/// `Q6H`: every six hours; `Q2J5`: every second week on Friday; `QH`: every hour.
fn every(code: &str) -> Option<Rhythm> {
    let rest = code.strip_prefix('Q')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, letter) = rest.split_at(digits);
    let number = if number.is_empty() { 1 } else { count(number)? };
    if let Some(day) = letter.strip_prefix('J') {
        if digits == 0 {
            return None;
        }
        let day = *DAYS.get(day.parse::<usize>().ok()?.checked_sub(1)?)?;
        let weekly = Rhythm::times(1, number, PeriodUnit::Week);
        return Some(Rhythm { day_of_week: vec![Cow::Borrowed(day)], ..weekly });
    }
    let unit = PeriodUnit::of_letter(letter)?;
    // `QS`, `QM` and `QL` without a number are not in use; only hour, day and week are.
    let plain = matches!(unit, PeriodUnit::Hour | PeriodUnit::Day | PeriodUnit::Week);
    (digits > 0 || plain).then(|| Rhythm::times(1, number, unit))
}

/// `5ID`: five times a day.
fn several_a_day(code: &str) -> Option<Rhythm> {
    Some(Rhythm::daily(count(code.strip_suffix("ID")?)?))
}

fn count(digits: &str) -> Option<u32> {
    let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits_only.then(|| digits.parse().ok()).flatten()?;
    (1..=MAX_NUMBER).contains(&number).then_some(number)
}

/// A code for `rhythm` that the peer understands: one of its own, else one of the built-in ones.
/// `None` where no code says exactly this.
pub fn local_code<'a>(rhythm: &Rhythm, peer: &'a BTreeMap<String, Rhythm>) -> Option<Cow<'a, str>> {
    if let Some((code, _)) = peer.iter().find(|(_, known)| *known == rhythm) {
        return Some(Cow::Borrowed(code));
    }
    let plain = Rhythm { as_needed: false, ..rhythm.clone() };
    let code =
        if plain == Rhythm::default() { Some(Cow::Borrowed("")) } else { built_in_code(&plain) };
    let code = match (rhythm.as_needed, code?) {
        (false, code) => code,
        (true, code) => Cow::Owned(format!("PRN{code}")),
    };
    // The peer's table may give a built-in code another meaning.
    let meaning = rhythm_of(&code, peer)?;
    (meaning.as_ref() == rhythm).then_some(code)
}

fn built_in_code(rhythm: &Rhythm) -> Option<Cow<'static, str>> {
    const CODES: [&str; 18] = [
        "OD", "BD", "TDS", "QDS", "OM", "ON", "QPM", "QHS", "QOD", "ONCE", "ACM", "ACD", "ACV",
        "PCM", "PCD", "PCV", "AC", "PC",
    ];
    if let Some(code) = CODES.iter().find(|code| built_in(code).as_ref() == Some(rhythm)) {
        return Some(Cow::Borrowed(code));
    }
    let (period, unit) = (rhythm.period?, rhythm.unit?);
    Some(Cow::Owned(match (rhythm.frequency?, rhythm.day_of_week.as_slice()) {
        (1, []) => format!("Q{period}{}", unit.letter()),
        (1, [day]) => {
            let day = DAYS.iter().position(|known| known == day)?;
            format!("Q{period}J{}", day + 1)
        }
        (several, []) => format!("{several}ID"),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(frequency: u32, period: u32, unit: PeriodUnit) -> Rhythm {
        Rhythm::times(frequency, period, unit)
    }

    fn check(codes: &str, expect: Option<&Rhythm>) {
        for code in codes.split(' ') {
            let none = BTreeMap::new();
            let found = rhythm_of(code, &none);
            assert_eq!(found.as_deref(), expect, "{code}");
        }
    }

    #[test]
    fn codes_are_read() {
        use PeriodUnit::{Day, Hour, Minute, Month, Week};
        let none = Rhythm::default();
        check("OD QD od Q1D", Some(&rhythm(1, 1, Day)));
        check("BD BID", Some(&rhythm(2, 1, Day)));
        check("TDS TID", Some(&rhythm(3, 1, Day)));
        check("QDS QID", Some(&rhythm(4, 1, Day)));
        check("5ID", Some(&rhythm(5, 1, Day)));
        check("Q6H", Some(&rhythm(1, 6, Hour)));
        check("Q30M", Some(&rhythm(1, 30, Minute)));
        check("QH", Some(&rhythm(1, 1, Hour)));
        check("QOD Q2D", Some(&rhythm(1, 2, Day)));
        check("WEEKLY Q1W QW", Some(&rhythm(1, 1, Week)));
        check("Q3L", Some(&rhythm(1, 3, Month)));
        check("OM MANE QAM", Some(&Rhythm::at("MORN")));
        check("ON NOCTE nocte", Some(&Rhythm::at("NIGHT")));
        check("STAT ONCE Once", Some(&Rhythm { count: Some(1), ..none.clone() }));
        check("PRN", Some(&none.clone().when_needed()));
        check("PRNQ4H", Some(&rhythm(1, 4, Hour).when_needed()));
        check("ACM", Some(&Rhythm::at("ACM")));
        let friday = Rhythm { day_of_week: vec!["fri".into()], ..rhythm(1, 2, Week) };
        check("Q2J5", Some(&friday));
        check("C QSHIFT XYZ Q Q0H Q1000H QM QJ5 Q1J8 Q1J0 ID 0ID +5ID Q6HH PRNXX", None);
        check("", None);
    }

    #[test]
    fn some_codes_are_known_and_name_no_times() {
        assert!(names_no_times("c") && names_no_times(" QSHIFT "));
        assert!(!names_no_times("QID") && !names_no_times("FULLMOON") && !names_no_times(""));
    }

    #[test]
    fn the_peers_table_comes_first() {
        let peer = BTreeMap::from([("OD".to_owned(), rhythm(7, 1, PeriodUnit::Day))]);
        assert_eq!(rhythm_of("od", &peer).unwrap().frequency, Some(7));
        let daily = rhythm(1, 1, PeriodUnit::Day);
        assert_eq!(local_code(&daily, &peer).as_deref(), None);
        assert_eq!(local_code(&peer["OD"], &peer).as_deref(), Some("OD"));
    }

    #[test]
    fn codes_come_back() {
        let words = "OD BD TDS QDS OM ON QHS QPM Q6H Q90M Q2J5 QOD Q1W ONCE PRN PRNQ4H 5ID ACM AC";
        for code in words.split(' ') {
            let peer = BTreeMap::new();
            let rhythm = rhythm_of(code, &peer).unwrap();
            let back = local_code(&rhythm, &peer).unwrap();
            assert_eq!(rhythm_of(&back, &peer), Some(rhythm), "{code} as {back}");
        }
    }
}
