//! The item for an order, where the cabinet names none: the only one that fits, or all that do.
//!
//! Prescribers order a substance and a dose; a cabinet may hold several products that come to it.
//! Nobody guesses between them: they are shown, with how many units of each a dose is.

use super::ask::{Asked, find_patient, known};
use super::refusal::{Choice, Refusal, RefusalCode, not_told};
use crate::command::Context;
use crate::formulary::Item;
use crate::orders::{NotTold, dose_of, is_for};
use crate::site::Site;
use crate::state::{OrderState, State};

/// The item for the order that is named: of what the cabinet holds, or of the whole formulary where
/// nothing is known of its pockets.
pub(super) fn item<'a>(
    state: &mut State,
    site: &'a Site,
    ctx: &Context,
    asked: &Asked,
) -> Result<&'a Item, Refusal> {
    let Some(number) = &asked.order else {
        let text = "Name the item, or the order for which one is to be found.";
        return Err(Refusal::new(RefusalCode::UnknownItem, text));
    };
    let patient = find_patient(state, asked)?;
    let order = known(state, number, &patient)?;
    let held = state.items_in(&asked.cabinet);
    let here = |item: &&Item| held.is_empty() || held.contains(item.code.as_str());
    let system = site.item_system();
    let ordered = |item: &&Item| is_for(&order, item, &system, ctx.dictionary());
    let found = site.items.iter().filter(here).filter(ordered);
    choose(found.collect(), &order, ctx)
}

/// The one that fits; the reason of the last one where none does.
fn choose<'a>(
    items: Vec<&'a Item>,
    order: &OrderState,
    ctx: &Context,
) -> Result<&'a Item, Refusal> {
    let mut fits: Vec<(&Item, Choice)> = Vec::new();
    let mut why = None;
    for item in items {
        let dose = order.step_at(ctx.now).and_then(|step| step.dose);
        let dose = dose.ok_or(NotTold::NoDose);
        match dose.and_then(|dose| dose_of(dose, order, item, ctx.dictionary())) {
            Ok(dose) => {
                let (code, name, unit) = (item.code.clone(), item.name.clone(), item.unit.clone());
                let (units, exact) = (dose.taken, dose.exact);
                fits.push((item, Choice { item: code, name, units, exact, unit }));
            }
            Err(reason) => why = Some(reason),
        }
    }
    match fits.as_slice() {
        [] => Err(why.map_or_else(nothing, not_told)),
        [(item, _)] => Ok(item),
        _ => {
            let text = "More than one item fits the order: choose one of them.";
            let choices = fits.into_iter().map(|(_, choice)| choice).collect();
            Err(Refusal { choices, ..Refusal::new(RefusalCode::AmbiguousItem, text) })
        }
    }
}

fn nothing() -> Refusal {
    let text = "This cabinet holds nothing that the order is for.";
    Refusal::new(RefusalCode::ItemNotOfOrder, text)
}
