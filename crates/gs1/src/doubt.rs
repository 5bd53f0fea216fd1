//! Whether a lost separator has let one value swallow the elements after it.
//!
//! Scanners that type like a keyboard often lose the group separator. `10B81645` and then
//! `21812845946938` become one batch `B8164521812845946938`, which is as long as a batch may be:
//! nothing is wrong with it but that it is not the batch. So a value whose end reads as elements
//! that a medicine pack has, and that this scan has not, is in doubt until somebody looks.

use crate::date;
use crate::elements::{self, Element};

/// A value that may hold more than itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The identifier whose value is in doubt.
    pub identifier: String,
    /// The value as it would be, were the separator lost after it.
    pub shorter: String,
    /// The identifiers that it would have swallowed, in their order.
    pub swallowed: Vec<String>,
}

/// What medicine packs carry (GS1 healthcare guidance; Regulation (EU) 2016/161, articles 4
/// and 5), and the fewest characters that such a value has in use.
const ON_PACKS: &[(&str, usize)] = &[
    ("01", 14),
    ("10", 1),
    ("11", 6),
    ("17", 6),
    ("21", 1),
    // National numbers, the shortest of which has seven digits.
    ("710", 7),
    ("711", 7),
    ("712", 7),
    ("713", 7),
    ("714", 7),
    ("715", 7),
    ("716", 7),
    ("717", 7),
];

/// Looks for a value that may have swallowed others. Each place of each value of variable length
/// is tried; the most that a value can hold is 90 characters, so this ends soon.
pub(crate) fn find(list: &[Element<'_>]) -> Option<Doubt> {
    let present: Vec<&str> = list.iter().map(|element| element.identifier).collect();
    list.iter().filter(|element| !element.definition.fixed).find_map(|element| {
        (1..element.value.len()).find_map(|cut| {
            let swallowed = swallowed(&element.value.as_bytes()[cut..], &present)?;
            Some(Doubt {
                identifier: element.identifier.to_owned(),
                shorter: element.value[..cut].to_owned(),
                swallowed,
            })
        })
    })
}

/// The identifiers of `tail`, when all of it reads as elements of a pack that are not there yet.
fn swallowed(tail: &[u8], present: &[&str]) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let mut at = 0;
    while at < tail.len() {
        let (element, end) = elements::element(tail, at).ok()?;
        let name = element.identifier;
        let (_, least) = ON_PACKS.iter().find(|(known, _)| *known == name)?;
        if present.contains(&name) || found.iter().any(|known| known == name) {
            return None;
        }
        if element.value.len() < *least || !is_plausible(&element) {
            return None;
        }
        found.push(name.to_owned());
        at = end;
    }
    (!found.is_empty()).then_some(found)
}

/// Packs have dates of this century; whether a day exists was checked with the element.
fn is_plausible(element: &Element<'_>) -> bool {
    if !matches!(element.identifier, "11" | "17") {
        return true;
    }
    let middle = jiff::civil::date(2040, 1, 1);
    date::short_date(element.value.as_bytes(), middle).is_ok_and(|day| day.year() >= 2000)
}
