//! The allergies on record once more, by the same code or by the substance (dm+d VTM, VMP, AMP or
//! ingredient).

use super::super::scan::{Finding, Outcome};
use super::{Bedside, found};

pub(super) fn check(bedside: &Bedside<'_>) -> Vec<Finding> {
    let item = bedside.item;
    let codes: Vec<&str> = bedside
        .patient
        .allergies
        .iter()
        .map(|(key, _)| key.rsplit_once('|').map_or(key.as_str(), |(_, code)| code))
        .collect();
    let by_code = codes
        .iter()
        .any(|code| *code == item.code || item.codings.iter().any(|(_, known)| known == code));
    let by_substance = bedside.dictionary.zip(item.dmd_id()).is_some_and(|(index, product)| {
        let contents = index.contents(product, &item.unit);
        codes.iter().filter_map(|code| code.parse().ok()).any(|id: u64| {
            index.is_of(id, product) || contents.iter().any(|content| content.substance == id)
        })
    });
    if by_code || by_substance {
        let text = "An allergy to this is on record: ask the prescriber.";
        return found("allergy", "allergy", Outcome::BlockWithWitness, text);
    }
    Vec::new()
}
