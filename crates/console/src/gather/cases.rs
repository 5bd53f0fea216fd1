//! The open cases: how many of each kind, where, and the newest.

use std::collections::HashMap;

use medicines::cases::Case;
use record::{CaseView, MAX_CASES, Reader};

use super::people::People;
use super::site::SiteNames;
use super::{ROWS, Trouble};
use crate::view::{CaseCount, CaseRow};

/// The most open cases that are counted by ward, in answers of the record. All are counted by
/// kind.
const PAGES: usize = 5;
/// Among how many of the newest cases, open or closed, the newest open ones are looked for.
const LOOK_BACK: usize = 500;

pub(super) struct OpenCases {
    pub(super) counts: Vec<CaseCount>,
    pub(super) latest: Vec<CaseRow>,
    pub(super) by_ward: HashMap<String, u64>,
}

pub(super) fn open(
    reader: &Reader,
    site: &SiteNames,
    people: &mut People<'_>,
) -> Result<OpenCases, Trouble> {
    let count = |count: record::CaseCount| CaseCount {
        kind: count.kind,
        open: count.open,
        oldest: count.oldest,
    };
    let mut by_ward = HashMap::new();
    let mut after = None;
    for _ in 0..PAGES {
        let page = reader.open_cases(None, after, MAX_CASES)?;
        for CaseView { case, .. } in &page {
            if let Some(ward) = ward(case, site, people)? {
                *by_ward.entry(ward).or_default() += 1;
            }
        }
        after = page.last().map(|view| view.n);
        if page.len() < MAX_CASES {
            break;
        }
    }
    let newest = reader.latest_cases(None, LOOK_BACK)?;
    let latest: Vec<Case> = newest
        .into_iter()
        .filter(|view| view.closed.is_none())
        .map(|view| view.case)
        .take(ROWS)
        .collect();
    let row = |case| row(case, site, people);
    Ok(OpenCases {
        counts: reader.case_counts()?.into_iter().map(count).collect(),
        latest: latest.into_iter().map(row).collect::<Result<_, _>>()?,
        by_ward,
    })
}

/// The ward of the patient, or of a cabinet that serves one ward only.
fn ward(case: &Case, site: &SiteNames, people: &mut People<'_>) -> Result<Option<String>, Trouble> {
    let of_patient = match &case.patient {
        Some(id) => people.patient(id)?.ward.clone(),
        None => None,
    };
    let of_cabinet = || case.cabinet.as_deref().and_then(|cabinet| site.ward_of(cabinet));
    Ok(of_patient.or_else(|| of_cabinet().map(str::to_owned)))
}

fn row(case: Case, site: &SiteNames, people: &mut People<'_>) -> Result<CaseRow, Trouble> {
    let ward = ward(&case, site, people)?;
    Ok(CaseRow {
        key: case.id.to_string(),
        opened: case.opened,
        kind: case.kind.as_str().to_owned(),
        item: case.item.as_deref().map(|item| site.item(item).to_owned()),
        place: case.cabinet.or(case.channel).or(ward),
        reason: case.reason,
        entry: case.entry,
    })
}
