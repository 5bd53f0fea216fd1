//! A cabinet with a profile: it decides by its list and tells afterwards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::profile::Profile;
use super::station::Station;
use crate::formulary::FORMULARY;
use crate::wire::listener::{Handler, Reply};
use crate::world::Patient;

/// A cabinet that is told a profile.
pub(crate) struct Cabinet {
    pub(crate) station: Station,
    profile: Mutex<Profile>,
}

/// The numbers by which a patient may be on a list.
pub(crate) fn numbers(patient: &Patient) -> Vec<&str> {
    patient.nhs.iter().map(String::as_str).chain([patient.mrn.as_str()]).collect()
}

impl Cabinet {
    pub(crate) fn new(station: Station) -> Arc<Self> {
        Arc::new(Cabinet { station, profile: Mutex::default() })
    }

    fn profile(&self) -> MutexGuard<'_, Profile> {
        self.profile.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the cabinet would not let this order be taken now.
    pub(crate) fn obstacle(
        &self,
        patient: &Patient,
        order: Option<u32>,
        item: usize,
    ) -> Option<&'static str> {
        let profile = self.profile();
        let Some(listed) = profile.find(&numbers(patient)) else {
            return Some("patient-not-listed");
        };
        let code = FORMULARY[item].code;
        let Some(order) = order else {
            let any = listed.orders.values().any(|shown| shown.item == Some(code));
            return (!any).then_some("nothing-ordered");
        };
        let Some(shown) = listed.orders.get(&order.to_string()) else {
            return Some("order-not-listed");
        };
        if shown.held {
            return Some("order-held");
        }
        (shown.item != Some(code)).then_some("another-item")
    }

    /// Whether the patient is on the list: overrides need no more.
    pub(crate) fn lists(&self, patient: &Patient) -> bool {
        self.profile().find(&numbers(patient)).is_some()
    }

    /// What the cabinet does with what it is told.
    pub(crate) fn handler(self: &Arc<Self>) -> Handler {
        let cabinet = self.clone();
        Arc::new(move |text| {
            let facts = &cabinet.station.facts;
            let mut profile = cabinet.profile();
            let heard = profile.hear(text, &facts.dialect, &facts.wards);
            let mut book = cabinet.station.stage.book();
            book.profiles.insert(cabinet.station.id.clone(), profile.clone());
            heard.map_or_else(Reply::from, |()| Reply::Accepted)
        })
    }
}
