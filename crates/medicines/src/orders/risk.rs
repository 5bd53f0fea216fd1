//! How much harm an error in an order can do: which orders a pharmacist looks at first.

use serde::{Deserialize, Serialize};

use super::is_for;
use crate::site::Site;
use crate::state::OrderState;

/// How urgent a look at an order is, the most urgent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing that the formulary knows makes it urgent.
    Routine,
    /// A late dose does harm.
    Critical,
    /// An error does harm: a high-alert, restricted or controlled medicine, or one that the
    /// formulary does not have.
    High,
}

impl Risk {
    /// The word as the interface writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Risk::Routine => "routine",
            Risk::Critical => "critical",
            Risk::High => "high",
        }
    }
}

/// The risk of an order, by the items that it may be for.
pub fn risk(site: &Site, order: &OrderState) -> Risk {
    let system = site.item_system();
    let items = site.items.iter().filter(|item| is_for(order, item, &system, None));
    let of_item = |item: &crate::Item| {
        if item.high_alert || item.needs_witness() {
            Risk::High
        } else if item.critical {
            Risk::Critical
        } else {
            Risk::Routine
        }
    };
    items.map(of_item).max().unwrap_or(Risk::High)
}
