//! States as coloured words.

use fhir::resources::MedicationAdministrationStatus as Status;

use crate::view::{ChannelView, Direction, Ground, LinkState, Whereabouts};
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
