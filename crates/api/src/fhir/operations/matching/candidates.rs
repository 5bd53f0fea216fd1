//! Who is looked at for a `$match`: a bounded number, found by what tells people apart.

use std::collections::BTreeMap;

use fhir::resources::{Patient, PatientLinkType};
use fhir::{Id, ResourceType, StoredResource};
use fhir_search::SearchRequest;
use record::Reader;

use super::score::Features;
use crate::fhir::operations::parameters::escaped;

/// The most patients that one of the searches gives.
const MAX_OF_A_SEARCH: u32 = 100;
/// The most searches for one request.
const MAX_SEARCHES: usize = 40;
/// The most merges that are followed from a record to the one that is in use.
const MAX_MERGES: usize = 32;

/// Who may be meant.
pub(super) struct Candidates {
    /// Each patient who is in use, with what is known of them: by their own record, and by those
    /// that were merged into it.
    pub(super) of_survivors: Vec<(StoredResource, Vec<Features>)>,
    /// Whether there would be more.
    pub(super) cut: bool,
}

/// Finds them.
pub(super) fn find(record: &Reader, asked: &Features) -> Result<Candidates, record::Error> {
    let mut found: BTreeMap<Id, StoredResource> = BTreeMap::new();
    let searches = searches(asked);
    let mut cut = searches.len() > MAX_SEARCHES;
    for pairs in searches.into_iter().take(MAX_SEARCHES) {
        // What cannot be searched for, such as a number that is too long, is nobody's.
        let Ok(mut search) = SearchRequest::parse(ResourceType::Patient, &pairs) else { continue };
        search.count = MAX_OF_A_SEARCH;
        match record.search(&search) {
            Ok(page) => {
                cut |= page.next.is_some();
                found.extend(page.resources.into_iter().map(|it| (it.id.clone(), it)));
            }
            Err(record::Error::TooCostly { .. }) => cut = true,
            Err(error) => return Err(error),
        }
    }
    let mut of_survivors: BTreeMap<Id, (StoredResource, Vec<Features>)> = BTreeMap::new();
    for candidate in found.into_values() {
        let Ok(patient) = candidate.read::<Patient>() else { continue };
        let features = Features::of(&patient);
        let Some(survivor) = survivor(record, candidate)? else { continue };
        let entry = of_survivors.entry(survivor.id.clone()).or_insert_with(|| {
            let own = survivor.read::<Patient>().map(|it| Features::of(&it));
            (survivor, own.into_iter().collect())
        });
        entry.1.push(features);
    }
    Ok(Candidates { of_survivors: of_survivors.into_values().collect(), cut })
}

/// The record that is in use in the place of this one.
fn survivor(
    record: &Reader,
    mut candidate: StoredResource,
) -> Result<Option<StoredResource>, record::Error> {
    for _ in 0..MAX_MERGES {
        let Ok(patient) = candidate.read::<Patient>() else { return Ok(None) };
        let link = patient.link.iter().find(|link| link.kind == PatientLinkType::ReplacedBy);
        let Some(link) = link else { return Ok(Some(candidate)) };
        let Some(into) = link.other.id_of(ResourceType::Patient) else { return Ok(None) };
        match record.read(ResourceType::Patient, &into)? {
            Some(next) => candidate = next,
            None => return Ok(None),
        }
    }
    Ok(None)
}

type Pairs = Vec<(String, String)>;

/// What is searched for, the surest first.
fn searches(asked: &Features) -> Vec<Pairs> {
    let pair = |name: &str, value: &str| (name.to_owned(), escaped(value));
    let token = |system: &str, value: &str| {
        vec![("identifier".to_owned(), format!("{}|{}", escaped(system), escaped(value)))]
    };
    let mut all: Vec<Pairs> = Vec::new();
    all.extend(asked.nhs.iter().map(|(number, _)| token(fhir::systems::NHS_NUMBER, number)));
    all.extend(asked.local.iter().map(|(system, value)| token(system, value)));
    // So few have one day of birth that nothing else is needed to find them.
    all.extend(asked.birth.iter().map(|birth| vec![pair("birthdate", birth)]));
    let turned = asked.birth.as_deref().and_then(turned);
    all.extend(turned.iter().map(|birth| vec![pair("birthdate", birth)]));
    for (family, given) in &asked.spelled {
        let names = [("family", family), ("given", given)];
        let by_name: Pairs = names
            .into_iter()
            .filter(|(_, name)| !name.is_empty())
            .map(|(param, name)| pair(param, name))
            .collect();
        let beside = |more: (String, String)| by_name.iter().cloned().chain([more]).collect();
        all.extend(asked.birth.iter().map(|birth| beside(pair("birthdate", birth))));
        if by_name.len() > 1 {
            all.push(by_name.clone());
        }
        all.extend(
            asked.postcodes.iter().flat_map(|code| {
                written(code).map(|code| beside(pair("address-postalcode", &code)))
            }),
        );
    }
    all
}

/// Day and month the other way round, where that is a date.
fn turned(birth: &str) -> Option<String> {
    let (year, month, day) = (birth.get(..4)?, birth.get(5..7)?, birth.get(8..10)?);
    (day <= "12" && day != month).then(|| format!("{year}-{day}-{month}"))
}

/// A postcode with a blank before its last three signs, and without.
fn written(code: &str) -> [String; 2] {
    let (outward, inward) = code.split_at(code.len().saturating_sub(3));
    [format!("{outward} {inward}"), code.to_owned()]
}
