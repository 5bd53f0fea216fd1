//! One copy of what many orders say alike.
//!
//! A hospital has tens of thousands of live orders, of a few hundred medicines and some thousand
//! patients. Told one by one they would each bring the same words again.

use std::collections::HashSet;
use std::sync::Arc;

use super::{OrderState, State};

/// The codes that name a medicine, as `(system, code)`; a clone shares them.
pub type Codings = Arc<[(String, String)]>;

/// Below this many lists nobody looks for those that no order names any more.
const LEAST_SWEEP: usize = 1_024;

/// Every list of codes that an order names, once.
#[derive(Debug, Default)]
pub(super) struct Known {
    lists: HashSet<Codings>,
    /// How many lists there were after the last sweep.
    kept: usize,
}

impl Known {
    /// The list that is known already, or else this one from now on.
    fn share(&mut self, codings: &Codings) -> Codings {
        if let Some(known) = self.lists.get(codings) {
            return Arc::clone(known);
        }
        if self.lists.len() >= LEAST_SWEEP.max(2 * self.kept) {
            self.lists.retain(|list| Arc::strong_count(list) > 1);
            self.kept = self.lists.len();
        }
        self.lists.insert(Arc::clone(codings));
        Arc::clone(codings)
    }
}

impl State {
    /// Makes an order name its patient, its stay and its medicine by the texts that are in memory
    /// already.
    pub(super) fn share(&mut self, order: &mut OrderState) {
        order.codings = self.codings.share(&order.codings);
        let Some(patient) = self.patients.get(&order.patient) else { return };
        order.patient = patient.id.clone();
        if let Some(id) = &mut order.encounter
            && let Some(stay) = patient.encounters.iter().find(|stay| stay.id == *id)
        {
            *id = stay.id.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(code: usize) -> Codings {
        Arc::from([("https://dmd.nhs.uk".to_owned(), code.to_string())])
    }

    #[test]
    fn a_list_is_kept_once_and_forgotten_when_nobody_names_it() {
        let mut known = Known::default();
        let first = known.share(&list(1));
        assert!(Arc::ptr_eq(&first, &known.share(&list(1))));
        for code in 2..LEAST_SWEEP + 2 {
            known.share(&list(code));
        }
        assert!(known.lists.len() < 8, "{} lists", known.lists.len());
        assert!(Arc::ptr_eq(&first, &known.share(&list(1))), "it is still named");
    }
}
