//! The rules of `$match`: how alike two descriptions of a person are. docs/fhir.md has the table.
//!
//! Points are added for what agrees and taken for what contradicts; what one of the two does not
//! say counts for nothing. No names are guessed: `Bill` is not `William`. A number alone never
//! makes a match certain, since numbers are mistyped and cards are mixed up.

use std::cmp::Ordering;

use fhir::resources::{AdministrativeGender, Patient};
use fhir::types::{HumanName, Identifier};
use fhir::{nhs_number, profiles, systems};
use fhir_search::fold;

/// Points at which a match is probable.
const PROBABLE: i32 = 35;
/// Points at which a match is possible.
const POSSIBLE: i32 = 15;
/// Points that count as everything: two full descriptions with a verified NHS number that agree.
const ALL: i32 = 116;
/// From how many letters on one wrong letter of a name may be a slip.
const LONG_NAME: usize = 5;
/// The most numbers, names and addresses that are compared.
const MAX_OF_EACH: usize = 20;

/// What is compared of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// NHS numbers whose check digit is right, and whether each is verified.
    pub(super) nhs: Vec<(String, bool)>,
    /// Other numbers that are not of old, as system and value.
    pub(super) local: Vec<(String, String)>,
    /// Family names as letters alone.
    pub(super) family: Vec<String>,
    /// The given names of each name, as letters alone.
    pub(super) given: Vec<Vec<String>>,
    /// The family name and the first given name of each name as they are searched for.
    pub(super) spelled: Vec<(String, String)>,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub(super) birth: Option<String>,
    pub(super) gender: Option<AdministrativeGender>,
    /// Postcodes without blanks.
    pub(super) postcodes: Vec<String>,
}

/// How good a match is (R4 match-grade), the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Too little agrees to show it.
    None,
    /// A namesake: another person.
    CertainlyNot,
    /// A person has to look.
    Possible,
    /// Most likely.
    Probable,
    /// Sure.
    Certain,
}

impl Grade {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Probable => "probable",
            Self::Possible => "possible",
            Self::CertainlyNot | Self::None => "certainly-not",
        }
    }

    pub(super) fn is_shown(self) -> bool {
        self != Self::None
    }
}

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) points: i32,
    pub(super) grade: Grade,
}

impl Ord for Match {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.grade, self.points).cmp(&(other.grade, other.points))
    }
}

impl PartialOrd for Match {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How far two values agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Agrees {
    No,
    /// One of the two does not say.
    Unsaid,
    /// As far as it goes: an initial, a year of birth, the first half of a postcode.
    Partly,
    /// But for a slip: a letter, two digits that changed places.
    Nearly,
    Fully,
}

impl Features {
    pub(super) fn of(patient: &Patient) -> Self {
        let names: Vec<&HumanName> = patient.name.iter().take(MAX_OF_EACH).collect();
        let given = |name: &&HumanName| -> Vec<String> {
            // Some write all given names as one.
            let all = name.given.iter().take(MAX_OF_EACH).flat_map(|it| it.split_whitespace());
            all.map(letters).filter(|it| !it.is_empty()).take(MAX_OF_EACH).collect()
        };
        let family = names.iter().filter_map(|name| name.family.as_deref()).map(letters);
        let postcodes = patient.address.iter().filter_map(|it| it.postal_code.as_deref());
        let numbers = || patient.identifier.iter().take(MAX_OF_EACH);
        Features {
            nhs: numbers().filter_map(nhs).collect(),
            local: numbers().filter_map(local).collect(),
            family: family.filter(|it| !it.is_empty()).collect(),
            spelled: names.iter().map(|name| spelled(name)).collect(),
            given: names.iter().map(given).filter(|it| !it.is_empty()).collect(),
            birth: patient.birth_date.as_ref().map(ToString::to_string),
            gender: patient.gender,
            postcodes: postcodes.take(MAX_OF_EACH).map(squeezed).collect(),
        }
    }

    /// Whether there is enough to look for somebody.
    pub(super) fn say_enough(&self) -> bool {
        let numbers = !self.nhs.is_empty() || !self.local.is_empty();
        let name = !self.family.is_empty() || !self.given.is_empty();
        let said = [name, self.birth.is_some(), !self.postcodes.is_empty()];
        numbers || said.into_iter().filter(|it| *it).count() >= 2
    }
}

/// The family name and the first given name, folded; empty where there is none.
fn spelled(name: &HumanName) -> (String, String) {
    let given = name.given.iter().flat_map(|it| it.split_whitespace()).next();
    (name.family.as_deref().map(fold).unwrap_or_default(), given.map(fold).unwrap_or_default())
}

/// An NHS number whose check digit is right, and whether it is verified.
fn nhs(identifier: &Identifier) -> Option<(String, bool)> {
    let is_one = identifier.system.as_deref() == Some(systems::NHS_NUMBER);
    let number = is_one.then(|| nhs_number::from_typed(identifier.value.as_deref()?))??;
    let verified = identifier
        .extension
        .iter()
        .filter(|it| it.url == profiles::NHS_NUMBER_STATUS_EXTENSION)
        .filter_map(|it| it.value_codeable_concept.as_deref())
        .flat_map(|concept| &concept.coding)
        .any(|coding| coding.code.as_deref() == Some("01"));
    Some((number, verified))
}

/// Any other number that is in use.
fn local(identifier: &Identifier) -> Option<(String, String)> {
    use fhir::types::IdentifierUse::Old;
    let system = identifier.system.as_deref().filter(|system| *system != systems::NHS_NUMBER)?;
    let value = identifier.value.as_deref().map(str::trim).filter(|value| !value.is_empty())?;
    (identifier.purpose != Some(Old)).then(|| (system.to_owned(), value.to_owned()))
}

/// Folded, and without what is no letter: `O'Brien-Smith` is `obriensmith`.
fn letters(name: &str) -> String {
    fold(name).chars().filter(|letter| letter.is_alphabetic()).collect()
}

fn squeezed(postcode: &str) -> String {
    postcode.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
}

/// The points as a number from 0 to 1 with two digits.
pub(super) fn share(points: i32) -> String {
    let hundredths = points.clamp(0, ALL) * 100 / ALL;
    if hundredths == 100 { "1.00".to_owned() } else { format!("0.{hundredths:02}") }
}

/// How alike they are.
pub(super) fn compare(asked: &Features, known: &Features) -> Match {
    use Agrees::{Fully, Nearly, No, Partly};
    let (nhs, verified) = numbers(asked, known);
    let local = asked.local.iter().any(|number| known.local.contains(number));
    let family = best(&asked.family, &known.family, name);
    let given = given(asked, known);
    let birth = one(asked.birth.as_deref(), known.birth.as_deref(), birth);
    let gender = one(asked.gender, known.gender, gender);
    let postcode = best(&asked.postcodes, &known.postcodes, postcode);
    let worth = |agrees, fully, nearly, partly, no| match agrees {
        Fully => fully,
        Nearly => nearly,
        Partly => partly,
        No => no,
        Agrees::Unsaid => 0,
    };
    let points = if verified { worth(nhs, 50, 0, 0, -40) } else { worth(nhs, 35, 0, 0, -25) }
        + if local { 25 } else { 0 }
        + worth(family, 10, 5, 0, -10)
        + worth(given, 8, 4, 3, -6)
        + worth(birth, 15, 7, 4, -15)
        + worth(gender, 2, 0, 0, -4)
        + worth(postcode, 6, 0, 2, -1);
    let no_name_differs = family > No && given > No;
    let by_number = nhs == Fully && birth == Fully && no_name_differs && family.max(given) > Partly;
    // A local number may have been given anew, or be read from another's notes.
    let by_local = local && nhs != No && birth == Fully && family == Fully && given > No;
    let grade = if by_number || by_local {
        Grade::Certain
    } else if nhs == No && verified {
        // The same person has one number. Somebody who is alike is told apart; others are nobody.
        let alike = points + 40 >= POSSIBLE && birth > Agrees::Unsaid && family > Agrees::Unsaid;
        if alike { Grade::CertainlyNot } else { Grade::None }
    } else if points >= PROBABLE {
        Grade::Probable
    } else if points >= POSSIBLE {
        Grade::Possible
    } else {
        Grade::None
    };
    Match { points, grade }
}

/// Whether the NHS numbers agree; and whether that is verified: on one side where they do, on both
/// where they do not.
fn numbers(asked: &Features, known: &Features) -> (Agrees, bool) {
    let mut found = (Agrees::Unsaid, false);
    for (a, a_verified) in &asked.nhs {
        for (b, b_verified) in &known.nhs {
            if a == b {
                return (Agrees::Fully, *a_verified || *b_verified);
            }
            found = (Agrees::No, found.1 || *a_verified && *b_verified);
        }
    }
    found
}

fn one<T>(a: Option<T>, b: Option<T>, how: impl Fn(T, T) -> Agrees) -> Agrees {
    match (a, b) {
        (Some(a), Some(b)) => how(a, b),
        _ => Agrees::Unsaid,
    }
}

fn best(a: &[String], b: &[String], how: impl Fn(&str, &str) -> Agrees) -> Agrees {
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| how(a, b)).max().unwrap_or(Agrees::Unsaid)
}

fn name(a: &str, b: &str) -> Agrees {
    let long = a.chars().count().min(b.chars().count()) >= LONG_NAME;
    match a == b {
        true => Agrees::Fully,
        false if long && is_slip(a, b) => Agrees::Nearly,
        false => Agrees::No,
    }
}

/// The first given names; a middle name by which somebody is called agrees nearly.
fn given(asked: &Features, known: &Features) -> Agrees {
    let pairs = asked.given.iter().flat_map(|a| known.given.iter().map(move |b| (a, b)));
    let how = |(a, b): (&Vec<String>, &Vec<String>)| {
        let (first, other) = (&a[0], &b[0]);
        let initial =
            |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
        match name(first, other) {
            Agrees::No if a.contains(other) || b.contains(first) => Agrees::Nearly,
            Agrees::No if initial(first, other) || initial(other, first) => Agrees::Partly,
            agrees => agrees,
        }
    };
    pairs.map(how).max().unwrap_or(Agrees::Unsaid)
}

/// A date of which one says less agrees as far as it goes. A slip is one digit, two neighbours that
/// changed places, or day and month that did.
fn birth(a: &str, b: &str) -> Agrees {
    if a == b {
        return if a.len() == 10 { Agrees::Fully } else { Agrees::Partly };
    }
    if a.len() != b.len() {
        return if a.starts_with(b) || b.starts_with(a) { Agrees::Partly } else { Agrees::No };
    }
    let turned = match (a.get(..4), a.get(5..7), a.get(8..10)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{day}-{month}") == b,
        _ => false,
    };
    if a.len() == 10 && (turned || is_slip(a, b)) { Agrees::Nearly } else { Agrees::No }
}

fn gender(a: AdministrativeGender, b: AdministrativeGender) -> Agrees {
    use AdministrativeGender::{Female, Male};
    match a == b {
        true => Agrees::Fully,
        // What is neither may be what was true then.
        false if matches!((a, b), (Female, Male) | (Male, Female)) => Agrees::No,
        false => Agrees::Unsaid,
    }
}

/// The first half of a postcode is all but its last three signs.
fn postcode(a: &str, b: &str) -> Agrees {
    let outward = |code: &str| code.get(..code.len().saturating_sub(3)).map(str::to_owned);
    match a == b {
        true if !a.is_empty() => Agrees::Fully,
        true => Agrees::Unsaid,
        false if a.len() > 4 && b.len() > 4 && outward(a) == outward(b) => Agrees::Partly,
        false => Agrees::No,
    }
}

/// Whether one letter was changed, left out or added, or two neighbours changed places.
fn is_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    let same = short.iter().zip(long.iter()).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 if short.len() >= 2 && short[0] == long[1] && short[1] == long[0] => {
            short[2..] == long[2..]
        }
        0 => short.is_empty() || short[1..] == long[1..],
        1 => *short == long[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(text: &str) -> Features {
        let mut json = serde_json::json!({ "resourceType": "Patient" });
        let (mut identifiers, mut name) = (Vec::new(), serde_json::Map::new());
        for (key, value) in text.split(';').filter_map(|part| part.trim().split_once('=')) {
            let number = |system: &str, verified: &str| {
                let concept = serde_json::json!({ "coding": [{ "code": verified }] });
                serde_json::json!({ "system": system, "value": value, "extension": [
                    { "url": profiles::NHS_NUMBER_STATUS_EXTENSION,
                      "valueCodeableConcept": concept }] })
            };
            match key {
                "nhs" => identifiers.push(number(systems::NHS_NUMBER, "02")),
                "NHS" => identifiers.push(number(systems::NHS_NUMBER, "01")),
                "mrn" => identifiers.push(number("urn:mrn", "")),
                "f" => drop(name.insert("family".into(), value.into())),
                "g" => {
                    let all: Vec<&str> = value.split(' ').collect();
                    name.insert("given".into(), all.into());
                }
                "b" => json["birthDate"] = value.into(),
                "s" => json["gender"] = value.into(),
                _ => json["address"] = serde_json::json!([{ "postalCode": value }]),
            }
        }
        json["identifier"] = identifiers.into();
        json["name"] = serde_json::json!([name]);
        Features::of(&serde_json::from_value(json).unwrap())
    }

    #[track_caller]
    fn check(asked: &str, known: &str, points: i32, grade: Grade) {
        let found = compare(&person(asked), &person(known));
        assert_eq!((found.points, found.grade), (points, grade), "{asked} / {known}");
        let other_way = compare(&person(known), &person(asked));
        assert_eq!(other_way, found, "it does not matter who asks");
    }

    const ANNA: &str = "NHS=9990000018;f=O'Brien;g=Anna Maria;b=1950-03-07;s=female;p=LS1 4AP";

    #[test]
    fn what_agrees_adds_and_what_contradicts_takes() {
        use Grade::{Certain, CertainlyNot, None, Possible, Probable};
        check(ANNA, "mrn=1", 0, None);
        check(ANNA, "nhs=999 000 0018", 50, Probable);
        check("nhs=9990000018", "nhs=9990000018", 35, Probable);
        check("nhs=9990000019", "nhs=9990000019", 0, None);
        check(ANNA, "nhs=9990000018;b=1950-03-07;f=OBRIEN", 75, Certain);
        check(ANNA, "nhs=9990000018;b=1950-03-07", 65, Probable);
        check(ANNA, "nhs=9990000018;b=1950-03-07;f=Obrian;g=Anna", 78, Certain);
        check(ANNA, "nhs=9990000018;b=1981-01-01;f=Smith;g=John;s=male", 15, Possible);
        check(ANNA, "f=obrien;g=Anna;b=1950-03-07;s=female", 35, Probable);
        check(ANNA, "f=obrien;g=Anna;b=1950-03-07;s=female;p=LS14AP", 41, Probable);
        check(ANNA, "f=obrien;g=Anna;b=1950-07-03;s=female;p=ls1 9ZZ", 29, Possible);
        check(ANNA, "f=obrien;g=Maria;b=1950-03-17", 21, Possible);
        check(ANNA, "f=obrien;g=A;b=1950", 17, Possible);
        check(ANNA, "f=obrien;g=Jane;b=1950-03-07", 19, Possible);
        check(ANNA, "f=smith;g=Anna;b=1950-03-07;s=male", 9, None);
        check(ANNA, "NHS=9990000026;f=obrien;g=Anna;b=1950-03-07;s=female", -5, CertainlyNot);
        check(ANNA, "nhs=9990000026;f=obrien;g=Anna;b=1950-03-07;s=female", 10, None);
        check(ANNA, "NHS=9990000026;f=smith", -50, None);
        check("mrn=7;f=Lee;g=Jo;b=2001-01-01", "mrn=7;f=Lee;g=Jo;b=2001-01-01", 58, Certain);
        check("mrn=7;f=Lee;b=2001-01-01", "mrn=7;f=Lei;b=2001-01-01", 30, Possible);
        check("g=William;f=Lee", "g=Bill;f=Lee", 4, None);
    }

    #[test]
    fn a_slip_is_one_letter_or_two_that_changed_places() {
        for (a, b) in [("smith", "smyth"), ("smith", "smiht"), ("smith", "smit"), ("a", "")] {
            assert!(is_slip(a, b) && is_slip(b, a), "{a} {b}");
        }
        for (a, b) in [("smith", "smyhh"), ("smith", "htims"), ("smith", "smi"), ("ab", "cd")] {
            assert!(!is_slip(a, b), "{a} {b}");
        }
        assert_eq!(
            (share(-3), share(58), share(200)),
            ("0.00".into(), "0.50".into(), "1.00".into())
        );
    }
}
