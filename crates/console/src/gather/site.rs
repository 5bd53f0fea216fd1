//! The names that the site's configuration gives to items, and the wards of its cabinets.

use std::collections::HashMap;

use medicines::{RowKind, Site};
use record::Reader;

use super::Trouble;

/// What the page needs of the configuration in force.
#[derive(Default)]
pub(super) struct SiteNames {
    /// The row from which the rest was made, to notice a change.
    row: Vec<u8>,
    items: HashMap<String, String>,
    wards: HashMap<String, Vec<String>>,
}

impl SiteNames {
    /// Reads the configuration again if it has changed.
    pub(super) fn refresh(&mut self, reader: &Reader) -> Result<(), Trouble> {
        let row = reader.row(RowKind::Site, "")?.unwrap_or_default();
        if row == self.row {
            return Ok(());
        }
        let site: Site = serde_json::from_slice(&row).map_err(|_| Trouble::Row("site"))?;
        self.wards =
            site.cabinets.into_iter().map(|cabinet| (cabinet.id(), cabinet.wards)).collect();
        self.items = site.items.into_iter().map(|item| (item.code, item.name)).collect();
        self.row = row;
        Ok(())
    }

    /// The name of an item; its code where the formulary does not have it any more.
    pub(super) fn item<'a>(&'a self, code: &'a str) -> &'a str {
        self.items.get(code).map_or(code, String::as_str)
    }

    /// The ward of a cabinet that serves one ward only.
    pub(super) fn ward_of(&self, cabinet: &str) -> Option<&str> {
        match self.wards.get(cabinet)?.as_slice() {
            [ward] => Some(ward),
            _ => None,
        }
    }
}
