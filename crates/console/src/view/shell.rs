//! The frame around every page for signed-in people.

use jiff::Timestamp;

use crate::door::{Right, Rights};

/// Where somebody is in the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    LiveLoop,
    Messages,
    Verification,
    Recalls,
    Counts,
    Waste,
    Requisitions,
    Registers,
    Critical,
    Looks,
}

impl Place {
    const ALL: [Place; 10] = [
        Place::LiveLoop,
        Place::Verification,
        Place::Recalls,
        Place::Counts,
        Place::Waste,
        Place::Requisitions,
        Place::Registers,
        Place::Critical,
        Place::Messages,
        Place::Looks,
    ];

    /// The pages to which somebody finds the way.
    pub(crate) fn those_of(rights: Rights) -> Vec<Place> {
        let open = |place: &Place| place.right().is_none_or(|right| rights.has(right));
        Place::ALL.into_iter().filter(open).collect()
    }

    fn right(self) -> Option<Right> {
        match self {
            Place::LiveLoop => None,
            Place::Messages => Some(Right::Messages),
            Place::Verification => Some(Right::Verification),
            Place::Recalls => Some(Right::Stock),
            Place::Counts | Place::Waste | Place::Requisitions | Place::Registers => {
                Some(Right::Registers)
            }
            Place::Critical => Some(Right::CriticalOverride),
            Place::Looks => Some(Right::Audit),
        }
    }

    pub(crate) fn href(self) -> &'static str {
        match self {
            Place::LiveLoop => "/",
            Place::Messages => "/find",
            Place::Verification => "/verification",
            Place::Recalls => "/recalls",
            Place::Counts => "/counts",
            Place::Waste => "/waste",
            Place::Requisitions => "/requisitions",
            Place::Registers => "/registers",
            Place::Critical => "/critical-override",
            Place::Looks => "/looks",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Place::LiveLoop => "Live loop",
            Place::Messages => "Messages",
            Place::Verification => "Verification",
            Place::Recalls => "Recalls",
            Place::Counts => "Counts",
            Place::Waste => "Waste",
            Place::Requisitions => "Requisitions",
            Place::Registers => "Controlled drugs",
            Place::Critical => "Critical override",
            Place::Looks => "Who looked",
        }
    }
}

/// The critical override that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CriticalView {
    /// Since when.
    pub(crate) since: Timestamp,
    /// Who started it: the name and the staff number.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: String,
}

/// The frame around a page.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) site: String,
    pub(crate) who: String,
    /// The pages that this person's key opens.
    pub(crate) pages: Vec<Place>,
    pub(crate) here: Place,
    /// The critical override, while it runs.
    pub(crate) critical: Option<CriticalView>,
    /// The key of the page's forms.
    pub(crate) form: String,
}

impl Shell {
    /// Whether this person's key opens the page on which the critical override is ended.
    pub(crate) fn may_end_critical(&self) -> bool {
        self.pages.contains(&Place::Critical) && self.here != Place::Critical
    }
}

/// A span in which the critical override ran, or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpanView {
    pub(crate) since: Timestamp,
    pub(crate) by: String,
    pub(crate) reason: String,
    /// When it ended, and who ended it.
    pub(crate) ended: Option<(Timestamp, String)>,
}
