//! Invented people: names, birth dates, and NHS numbers of the range kept for tests.

use jiff::civil::Date;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::chance::Chance;

/// How many nine-digit stems the test range `999` holds.
const STEMS: u32 = 1_000_000;

const FAMILIES: [&str; 32] = [
    "Ashdown",
    "Birchall",
    "Cawood",
    "Dunmore",
    "Ellery",
    "Fenwick",
    "Garstang",
    "Hollins",
    "Ingleby",
    "Jessop",
    "Kettlewell",
    "Lonsdale",
    "Marwood",
    "Nesbitt",
    "O'Farrell",
    "Penhale",
    "Quayle",
    "Rushworth",
    "Seddon",
    "Thackray",
    "Underhay",
    "Vickers",
    "Wharton",
    "Yardley",
    "Zielinski",
    "Okonjo",
    "Rahmani",
    "Müller",
    "Singh-Lowe",
    "Nakagawa",
    "Adeyemi",
    "Côté",
];
const FEMALE: [&str; 12] = [
    "Agnes", "Beatriz", "Chloé", "Dilys", "Edith", "Farah", "Grace", "Hanna", "Imogen", "Joan",
    "Keiko", "Lorna",
];
const MALE: [&str; 12] = [
    "Arthur", "Bilal", "Cedric", "Dafydd", "Edmund", "Femi", "Gareth", "Hiro", "Ivan", "José",
    "Kofi", "Leonard",
];

/// The check digit of a nine-digit stem: weights 10 to 2, 11 less the sum modulo 11; `None`
/// where it would be 10, and such numbers are never issued (NHS Data Dictionary, NHS NUMBER).
pub fn nhs_check_digit(stem: &str) -> Option<u32> {
    let digits: Vec<u32> = stem.chars().map(|c| c.to_digit(10)).collect::<Option<_>>()?;
    if digits.len() != 9 {
        return None;
    }
    let sum: u32 = digits.iter().zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    match 11 - sum % 11 {
        11 => Some(0),
        10 => None,
        digit => Some(digit),
    }
}

/// NHS numbers of the test range, in order and each once: 9990000018, 9990000026, …
#[derive(Debug, Clone, Default)]
pub struct NhsNumbers {
    last: u32,
}

impl Iterator for NhsNumbers {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        while self.last + 1 < STEMS {
            self.last += 1;
            let stem = format!("999{:06}", self.last);
            if let Some(digit) = nhs_check_digit(&stem) {
                return Some(format!("{stem}{digit}"));
            }
        }
        None
    }
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invented {
    pub(crate) family: String,
    pub(crate) given: String,
    pub(crate) born: Date,
    pub(crate) sex: char,
}

/// An adult of the year 2026.
pub(crate) fn invent(rng: &mut StdRng) -> Invented {
    let female = rng.per_mille(500);
    let born =
        Date::new(rng.random_range(1932..2008), rng.random_range(1..=12), rng.random_range(1..=28))
            .expect("every month has 28 days");
    Invented {
        family: (*rng.pick(&FAMILIES)).to_owned(),
        given: (*rng.pick(if female { &FEMALE } else { &MALE })).to_owned(),
        born,
        sex: if female { 'F' } else { 'M' },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_known_ones() {
        let first: Vec<String> = NhsNumbers::default().take(9).collect();
        let known = [
            "9990000018",
            "9990000026",
            "9990000034",
            "9990000042",
            "9990000050",
            "9990000069",
            "9990000077",
            "9990000085",
            "9990000093",
        ];
        assert_eq!(first, known);
    }

    #[test]
    fn every_number_passes_its_check() {
        for number in NhsNumbers::default().take(5_000) {
            let weighted: u32 = number
                .chars()
                .zip((1..=10).rev())
                .map(|(digit, weight)| digit.to_digit(10).unwrap() * weight)
                .sum();
            assert_eq!(weighted % 11, 0, "{number}");
            assert!(number.starts_with("999"));
        }
    }

    #[test]
    fn what_is_no_stem_has_no_digit() {
        for stem in ["", "99900000", "9990000011", "99900000x"] {
            assert_eq!(nhs_check_digit(stem), None, "{stem}");
        }
    }
}
