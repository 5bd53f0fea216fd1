//! What somebody takes ends as waste far more often than what the others take.
//!
//! The removals of each medicine at each cabinet are a table of two by two: this person's and
//! those of everybody else, wasted in part or not. Over all of them the Mantel-Haenszel test, with
//! its correction for continuity, says whether the difference may be chance. Tables of one
//! medicine and one cabinet are compared only with themselves, so that somebody who works where
//! much is wasted is not noticed for it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Pattern, WASTES, is_open, is_watched};
use crate::command::Decision;
use crate::fact::Fact;
use crate::site::Site;
use crate::state::{Acts, State};
use crate::stock::{Account, Movement, TransferState};

/// Fewer wastes than these say nothing.
const LEAST_WASTES: u32 = 5;
/// From what value on the difference is no chance: of a chi-squared variable with one degree of
/// freedom one in a thousand is above 10.83.
const NO_CHANCE: Decimal = Decimal::from_parts(1_083, 0, 0, false, 2);

/// The figures of one table: this person's removals and everybody's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Table {
    own: Acts,
    all: Acts,
}

/// The person whose wastes of this decision make a pattern.
pub(super) fn found(state: &State, site: &Site, decision: &Decision) -> Option<Pattern> {
    let wastes = decision.facts.iter().filter_map(|fact| match fact {
        Fact::Moved(moved)
            if moved.movement == Movement::Waste
                && moved.state == TransferState::Posted
                && is_watched(state, &moved.item) =>
        {
            Some(moved)
        }
        _ => None,
    });
    for moved in wastes {
        let Account::Hands(id) = &moved.from else { continue };
        let Some(removal) = state.open_removal(id) else { continue };
        let taken = &removal.transfer;
        let Some(cabinet) = taken.cabinet.clone() else { continue };
        let stratum = format!("{cabinet}|{}", taken.item);
        let mut tables = tables(state, &taken.person);
        let table = tables.entry(stratum).or_default();
        table.own.wasted += 1;
        table.all.wasted += 1;
        let count: u32 = tables.values().map(|table| table.own.wasted).sum();
        let known = is_open(state, &taken.person, WASTES) || state.is_reviewed(&taken.person);
        if count < LEAST_WASTES || known || !is_no_chance(tables.values()) {
            continue;
        }
        let own: u32 = tables.values().map(|table| table.own.taken).sum();
        let all = tables.values().fold(Acts::default(), |sum, table| sum.with(table.all));
        let text = format!(
            "Of {own} removals of this person in {} days {count} were wasted in part, of all {} \
             there {}: look at these wastes and at who witnessed them.",
            site.policies.review_window_days, all.taken, all.wasted
        );
        return Some(Pattern {
            reason: WASTES,
            person: taken.person.clone(),
            item: taken.item.clone(),
            cabinet: Some(cabinet),
            count: u64::from(count),
            text,
        });
    }
    None
}

/// The tables in which a person has a part.
fn tables(state: &State, person: &str) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (stratum, acts) in state.acts_of(person) {
        let table = tables.entry(stratum.to_owned()).or_default();
        table.own = table.own.with(acts);
    }
    for (stratum, acts) in state.acts_of_all() {
        if let Some(table) = tables.get_mut(stratum) {
            table.all = table.all.with(acts);
        }
    }
    tables
}

/// Whether the person's share of wastes is above everybody's by more than chance.
fn is_no_chance<'a>(tables: impl Iterator<Item = &'a Table>) -> bool {
    let (mut above, mut variance) = (Decimal::ZERO, Decimal::ZERO);
    for table in tables {
        let [own, wasted] = [table.own.taken, table.own.wasted.min(table.own.taken)];
        let [all, all_wasted] = [table.all.taken, table.all.wasted.min(table.all.taken)];
        if all < 2 {
            continue;
        }
        let [own, wasted, all, all_wasted] = [own, wasted, all, all_wasted].map(Decimal::from);
        above += wasted - own * all_wasted / all;
        let spread = own * (all - own) * all_wasted * (all - all_wasted);
        variance += spread / (all * all * (all - Decimal::ONE));
    }
    let clear = above - Decimal::new(5, 1);
    clear > Decimal::ZERO && clear * clear >= NO_CHANCE * variance && variance > Decimal::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tables: &[[u32; 4]], expected: bool) {
        let made: Vec<Table> = tables
            .iter()
            .map(|[own, wasted, others, others_wasted]| Table {
                own: Acts { taken: *own, wasted: *wasted },
                all: Acts { taken: own + others, wasted: wasted + others_wasted },
            })
            .collect();
        assert_eq!(is_no_chance(made.iter()), expected, "{tables:?}");
    }

    #[test]
    fn only_a_difference_beyond_chance_is_noticed() {
        // 13 removals of which 12 were wasted, beside 19 of which 2 were: 17.2.
        check(&[[13, 12, 19, 2]], true);
        check(&[[13, 8, 19, 8]], false);
        check(&[[13, 1, 19, 12]], false);
        // Everybody wastes here, and this person does not stand out.
        check(&[[20, 20, 40, 40]], false);
        // What is little at each place is much over all of them.
        check(&[[5, 4, 20, 2]], false);
        check(&[[5, 4, 20, 2], [5, 4, 20, 2]], true);
        // Somebody alone cannot be compared.
        check(&[[30, 20, 0, 0]], false);
        check(&[], false);
    }
}
