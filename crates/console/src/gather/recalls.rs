//! Recalls in force, and where a batch is and who had it.

use std::collections::{BTreeMap, BTreeSet};

use fhir::Id;
use jiff::Timestamp;
use medicines::Site;
use medicines::cases::{Case, CaseKind};
use medicines::stock::{Account, Exposure, Lines, Movement};
use record::{Held, MAX_CASES, Reader};
use rust_decimal::Decimal;

use super::persons::Persons;
use super::{Trouble, staff};
use crate::view::{
    ActRow, BatchView, CabinetRow, HeldRow, InForce, ItemChoice, RecallRow, RecallsView,
};
use crate::words::{amount, encoded, sentence};

/// The most acts that a page shows, the newest ones.
const MAX_ACTS: usize = 500;

/// The recalls in force, the newest first.
pub(crate) fn list(reader: &Reader) -> Result<RecallsView, Trouble> {
    let site = reader.site()?;
    let cases = open_cases(reader)?;
    let mut rows = Vec::new();
    for known in reader.recalls()? {
        let Some(recall) = known.recall else { continue };
        rows.push(RecallRow {
            href: href(&known.item, &known.batch),
            item: name(&site, &known.item).to_owned(),
            batch: known.batch,
            open: cases.iter().filter(|case| case.delivery.as_ref() == Some(&recall.id)).count(),
            reason: recall.reason,
            by: staff(&site, &recall.by),
            since: recall.since,
        });
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.since));
    let choice =
        |item: &medicines::Item| ItemChoice { code: item.code.clone(), name: item.name.clone() };
    let mut items: Vec<ItemChoice> = site.items.iter().map(choice).collect();
    items.sort_by_cached_key(|item| item.name.to_lowercase());
    Ok(RecallsView { rows, items })
}

/// Where a batch is and who had it, with the patients whose data that is; none where the formulary
/// lacks the item.
pub(crate) fn batch(
    reader: &Reader,
    code: &str,
    batch: &str,
    now: Timestamp,
) -> Result<Option<(BatchView, BTreeSet<Id>)>, Trouble> {
    let site = reader.site()?;
    let Some(item) = site.item(code) else { return Ok(None) };
    let (unit, known) = (item.unit.clone(), reader.batch(code, batch)?);
    let expiry = known.as_ref().and_then(|known| known.expiry);
    let recall = known.and_then(|known| known.recall);
    let cases = open_cases(reader)?;
    let about = recall.as_ref().map(|recall| &recall.id);
    let asked: BTreeSet<&str> = cases
        .iter()
        .filter(|case| about.is_some() && case.delivery.as_ref() == about)
        .filter_map(|case| case.cabinet.as_deref())
        .collect();
    let (held, perhaps) = reader.batch_places(code, batch)?;
    let cabinets = cabinets(&site, &unit, (&held, batch), &perhaps, &asked);
    let mut names =
        Names { reader, site: &site, seen: BTreeSet::new(), persons: Persons::new(reader) };
    let mut places = Vec::new();
    for (of, all, certain) in [(Some(batch), &held, true), (None, &perhaps, false)] {
        for (account, lines) in all {
            let (place, under) = names.place(account, now)?;
            let quantity = amount(&lines.of(of), &unit);
            places.push(HeldRow { place, under, quantity, certain });
        }
    }
    let found = reader.batch_acts(code, batch)?;
    let had = |certain: bool| -> BTreeSet<Id> {
        let of = found.iter().filter(|act| act.certain == certain);
        of.filter_map(|act| act.patient.clone()).collect()
    };
    let (certain, maybe) = (had(true), had(false));
    let more = found.len().saturating_sub(MAX_ACTS);
    let mut acts = Vec::new();
    for act in found.into_iter().rev().take(MAX_ACTS) {
        acts.push(names.act(&act, &unit, now)?);
    }
    let view = BatchView {
        href: href(code, batch),
        code: code.to_owned(),
        item: item.name.clone(),
        batch: batch.to_owned(),
        expiry: expiry.map(|day| day.strftime("%-d %b %Y").to_string()),
        recall: recall.map(|recall| InForce {
            reason: recall.reason,
            by: staff(&site, &recall.by),
            since: recall.since,
        }),
        held: places,
        cabinets,
        acts,
        more,
        certain: certain.len(),
        perhaps: maybe.difference(&certain).count(),
    };
    Ok(Some((view, names.seen)))
}

/// Every cabinet of the site with what a recall holds back in it.
fn cabinets(
    site: &Site,
    unit: &str,
    (held, batch): (&Held, &str),
    perhaps: &Held,
    asked: &BTreeSet<&str>,
) -> Vec<CabinetRow> {
    let total = |held: &Held, of: Option<&str>| {
        let mut by_cabinet: BTreeMap<String, Decimal> = BTreeMap::new();
        for (account, lines) in held {
            if let Some(cabinet) = account.cabinet() {
                *by_cabinet.entry(cabinet.to_owned()).or_default() += Lines::of(lines, of);
            }
        }
        by_cabinet
    };
    let (of_batch, of_unknown) = (total(held, Some(batch)), total(perhaps, None));
    let mut rows: Vec<CabinetRow> = site
        .cabinets
        .iter()
        .map(|cabinet| {
            let id = cabinet.id();
            CabinetRow {
                of_batch: of_batch.get(&id).map(|quantity| amount(quantity, unit)),
                of_unknown: of_unknown.get(&id).map(|quantity| amount(quantity, unit)),
                asked: asked.contains(id.as_str()),
                cabinet: id,
                wards: cabinet.wards.join(", "),
            }
        })
        .collect();
    // What has to be cleared comes first.
    rows.sort_by_cached_key(|row| {
        (row.of_batch.is_none(), row.of_unknown.is_none(), row.cabinet.clone())
    });
    rows
}

/// Places and patients in words, and whose data was read for them.
struct Names<'r> {
    reader: &'r Reader,
    site: &'r Site,
    seen: BTreeSet<Id>,
    persons: Persons<'r>,
}

impl Names<'_> {
    fn act(&mut self, act: &Exposure, unit: &str, now: Timestamp) -> Result<ActRow, Trouble> {
        let patient = match &act.patient {
            Some(id) => {
                self.seen.insert(id.clone());
                Some(self.persons.person(id, now)?)
            }
            None => None,
        };
        // Whose hands it left for a patient is told beside it.
        let (place, under) = match &act.from {
            Account::Hands(_) => (String::new(), String::new()),
            from => self.place(from, now)?,
        };
        Ok(ActRow {
            at: act.activity,
            act: match act.movement {
                Movement::Removal => "Taken out",
                Movement::Administration => "Given",
                _ => "Handed out",
            },
            patient,
            quantity: amount(&act.quantity, unit),
            from: [place, under].join(", ").trim_end_matches(", ").to_owned(),
            person: staff(self.site, &act.person),
            certain: act.certain,
        })
    }

    /// A place in words, and what says more of it.
    fn place(&mut self, account: &Account, now: Timestamp) -> Result<(String, String), Trouble> {
        let wards = |cabinet: &str| {
            let known = self.site.cabinets.iter().find(|one| one.id() == cabinet);
            known.map(|one| format!("for {}", one.wards.join(", "))).unwrap_or_default()
        };
        let only = |text: String| (text, String::new());
        Ok(match account {
            Account::Pocket { cabinet, address } | Account::PatientBin { cabinet, address } => {
                let parts = [
                    ("drawer", &address.drawer),
                    ("sub-drawer", &address.sub_drawer),
                    ("pocket", &address.pocket),
                ];
                let told = parts.iter().filter(|(_, part)| !part.is_empty());
                let told: Vec<String> = told.map(|(name, part)| format!("{name} {part}")).collect();
                (format!("Cabinet {cabinet}"), told.join(", "))
            }
            Account::ReturnBin(cabinet) => (format!("Cabinet {cabinet}"), "return bin".to_owned()),
            Account::Elsewhere(cabinet) => (format!("Cabinet {cabinet}"), wards(cabinet)),
            Account::WardStock(ward) => only(format!("Ward stock of {ward}")),
            Account::Robot(robot) => only(format!("Robot {robot}")),
            Account::Transit(id) => ("On the way".to_owned(), format!("consignment {id}")),
            Account::Hands(id) => self.hands(id, now)?,
            Account::OwnDrugs(id) => ("Patient’s own drugs".to_owned(), self.name(id, now)?),
            Account::TakeHome(id) => ("Packed to take home".to_owned(), self.name(id, now)?),
            Account::Patient(id) => ("Patient".to_owned(), self.name(id, now)?),
            other => only(sentence(&other.to_string())),
        })
    }

    fn hands(&mut self, removal: &Id, now: Timestamp) -> Result<(String, String), Trouble> {
        let Some(view) = self.reader.transfer(removal)? else {
            return Ok(("In somebody’s hands".to_owned(), format!("removal {removal}")));
        };
        let who = staff(self.site, &view.transfer.person);
        let patient = match &view.transfer.patient {
            Some(id) => format!("for {}", self.name(id, now)?),
            None => format!("removal {removal}"),
        };
        Ok((format!("In the hands of {who}"), patient))
    }

    fn name(&mut self, id: &Id, now: Timestamp) -> Result<String, Trouble> {
        self.seen.insert(id.clone());
        Ok(self.persons.person(id, now)?.name)
    }
}

fn open_cases(reader: &Reader) -> Result<Vec<Case>, Trouble> {
    let views = reader.open_cases(Some(CaseKind::Recall), None, MAX_CASES)?;
    Ok(views.into_iter().map(|view| view.case).collect())
}

fn name<'s>(site: &'s Site, code: &'s str) -> &'s str {
    site.item(code).map_or(code, |item| &item.name)
}

/// The page of a batch.
pub(crate) fn href(item: &str, batch: &str) -> String {
    format!("/recalls/{}/{}", encoded(item), encoded(batch))
}
