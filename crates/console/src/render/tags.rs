//! States as coloured words.

use fhir::resources::MedicationAdministrationStatus as Status;

use medicines::orders::Risk;

use crate::view::{CabinetRow, Change, ChannelView, Direction, Ground, LinkState, Whereabouts};
use crate::words::sentence;

/// A state as a coloured word. The word says it all; the colour only helps the eye.
pub(super) struct Tag {
    pub(super) colour: &'static str,
    pub(super) text: String,
}

impl Tag {
    fn new(colour: &'static str, text: impl Into<String>) -> Self {
        Tag { colour, text: text.into() }
    }
}

pub(super) fn link(channel: &ChannelView) -> Tag {
    match channel.state {
        LinkState::Up => Tag::new("green", "Up"),
        LinkState::Down => Tag::new("red", "Down"),
        LinkState::Idle => Tag::new("grey", "Idle"),
    }
}

pub(super) fn direction(channel: &ChannelView) -> &'static str {
    match channel.direction {
        Direction::Inbound => "In",
        Direction::Outbound => "Out",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(super) fn ground(ground: &Ground) -> Tag {
    match ground {
        Ground::Order => Tag::new("white", "Order"),
        Ground::Override => Tag::new("orange", "Override"),
        Ground::NoOrder => Tag::new("red", "No order"),
    }
}

pub(super) fn whereabouts(state: &Whereabouts) -> Tag {
    match state {
        Whereabouts::Permitted => Tag::new("white", "Permitted"),
        Whereabouts::NotTaken => Tag::new("grey", "Not taken"),
        Whereabouts::InHands(left) => Tag::new("blue", format!("In hands: {}", left.normalize())),
        Whereabouts::Unaccounted(left) => {
            Tag::new("red", format!("Unaccounted: {}", left.normalize()))
        }
        Whereabouts::Given => Tag::new("green", "Given"),
        Whereabouts::Wasted => Tag::new("purple", "Wasted"),
        Whereabouts::Returned => Tag::new("aqua-green", "Returned"),
        Whereabouts::AccountedFor => Tag::new("green", "Accounted for"),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(super) fn dose(status: &Status) -> Tag {
    match status {
        Status::Completed => Tag::new("green", "Given"),
        Status::Stopped => Tag::new("orange", "Given in part"),
        Status::NotDone => Tag::new("grey", "Not given"),
        Status::EnteredInError => Tag::new("red", "Entered in error"),
        other => Tag::new("white", sentence(other.as_str())),
    }
}

pub(super) fn order(status: &str) -> Tag {
    let colour = match status {
        "active" => "green",
        "on-hold" => "orange",
        "stopped" | "cancelled" | "entered-in-error" => "red",
        _ => "grey",
    };
    Tag::new(colour, sentence(status))
}

pub(super) fn case(kind: &str) -> Tag {
    let colour = match kind {
        "unaccounted-dose" | "dispensed-without-order" | "discrepancy" => "red",
        "override" | "unmatched-transaction" => "orange",
        _ => "yellow",
    };
    Tag::new(colour, sentence(kind))
}

pub(super) fn delivery(state: &str) -> Tag {
    let colour = match state {
        "delivered" => "green",
        "waiting" => "blue",
        "refused" => "red",
        "unknown" => "orange",
        _ => "grey",
    };
    Tag::new(colour, sentence(state))
}

pub(super) fn answer(outcome: &str) -> Tag {
    let colour = match outcome {
        "done" | "permitted" => "green",
        "refused" => "orange",
        "parked" => "yellow",
        _ => "grey",
    };
    Tag::new(colour, sentence(outcome))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(super) fn risk(risk: &Risk) -> Tag {
    match risk {
        Risk::High => Tag::new("red", "High risk"),
        Risk::Critical => Tag::new("orange", "Time critical"),
        Risk::Routine => Tag::new("grey", "Routine"),
    }
}

pub(super) fn high_risk() -> Tag {
    Tag::new("red", "High risk")
}

pub(super) fn held() -> Tag {
    Tag::new("red", "Held back")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(super) fn questions(count: &usize) -> Tag {
    match count {
        1 => Tag::new("yellow", "Question open"),
        more => Tag::new("yellow", format!("{more} questions open")),
    }
}

pub(super) fn new() -> Tag {
    Tag::new("blue", "New")
}

pub(super) fn changed() -> Tag {
    Tag::new("purple", "Changed")
}

pub(super) fn unchanged() -> Tag {
    Tag::new("white", "Not changed")
}

pub(super) fn verified() -> Tag {
    Tag::new("green", "Verified")
}

pub(super) fn unverified() -> Tag {
    Tag::new("yellow", "Not verified")
}

pub(super) fn ended() -> Tag {
    Tag::new("grey", "Ended")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(super) fn change(change: &Change) -> Tag {
    match change {
        Change::Same => Tag::new("white", "Same"),
        Change::Changed => changed(),
        Change::Added => Tag::new("purple", "Added"),
        Change::Removed => Tag::new("purple", "Removed"),
    }
}

pub(super) fn asked() -> Tag {
    questions(&1)
}

pub(super) fn recalled(recalled: bool) -> Tag {
    if recalled { Tag::new("red", "Recalled") } else { Tag::new("green", "Not recalled") }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(super) fn to_clear(open: &usize) -> Tag {
    match open {
        0 => Tag::new("green", "All cleared"),
        1 => Tag::new("red", "1 place"),
        more => Tag::new("red", format!("{more} places")),
    }
}

/// What becomes of a batch in a cabinet.
pub(super) fn quarantine(row: &CabinetRow, recalled: bool) -> Tag {
    match (recalled, row.of_batch.is_some(), row.of_unknown.is_some()) {
        (false, false, false) => Tag::new("grey", "Nothing there"),
        (false, true, _) => Tag::new("white", "Can be taken"),
        (false, false, true) => Tag::new("white", "Batch not known"),
        (true, true, _) => Tag::new("red", "Quarantined: take it out"),
        (true, false, true) => Tag::new("orange", "Quarantined: look at the packs"),
        (true, false, false) if row.asked => Tag::new("orange", "Look whether it is clear"),
        (true, false, false) => Tag::new("green", "Clear"),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(super) fn certainty(certain: &bool) -> Tag {
    if *certain { Tag::new("red", "For certain") } else { Tag::new("yellow", "Perhaps") }
}

pub(super) fn running() -> Tag {
    Tag::new("red", "Runs now")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(super) fn count_due(overdue: &bool) -> Tag {
    if *overdue { Tag::new("red", "Count overdue") } else { Tag::new("green", "In time") }
}

pub(super) fn overdue() -> Tag {
    count_due(&true)
}

pub(super) fn discrepancy(status: &str) -> Tag {
    let colour = match status {
        "open" => "red",
        "investigating" => "orange",
        "escalated" => "purple",
        _ => "green",
    };
    Tag::new(colour, sentence(status))
}

pub(super) fn late() -> Tag {
    Tag::new("red", "Past its time")
}
