//! What wards ask the pharmacy for, and what is on its way to them.

use jiff::Timestamp;
use medicines::controlled::Place;

use super::Wrong;
use crate::words::Words;

/// A requisition of which something is still to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedRow {
    pub(crate) id: String,
    /// Whether the person who looks may send it.
    pub(crate) may_supply: bool,
    pub(crate) item: String,
    pub(crate) place: String,
    /// What was asked for, and what of it is to be sent still.
    pub(crate) asked: String,
    pub(crate) left: String,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

/// A consignment of which something has not arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OnItsWay {
    pub(crate) id: String,
    /// Whether the person who looks may receive it here.
    pub(crate) may_receive: bool,
    /// Whether it is received by filling a cabinet's pockets.
    pub(crate) at_cabinet: bool,
    pub(crate) item: String,
    pub(crate) place: String,
    pub(crate) from: String,
    pub(crate) left: String,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
    /// By when it has to have arrived.
    pub(crate) due: Timestamp,
    pub(crate) late: bool,
}

/// A choice of a list: the code and the words.
pub(crate) type Choice = (String, String);

/// All requisitions, and the form for a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequisitionsView {
    pub(crate) now: Timestamp,
    pub(crate) asked: Vec<AskedRow>,
    pub(crate) more_asked: usize,
    pub(crate) on_the_way: Vec<OnItsWay>,
    pub(crate) more_on_the_way: usize,
    /// Whether the person who looks may ask, for which places and which items.
    pub(crate) may_ask: bool,
    pub(crate) places: Vec<Choice>,
    pub(crate) items: Vec<Choice>,
    /// When the page was shown.
    pub(crate) begun: Timestamp,
}

impl RequisitionsView {
    /// Times and ages as of the page.
    pub(crate) fn words(&self) -> Words {
        Words::at(self.now)
    }
}

/// A requisition that is sent, or a consignment that is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HandOver {
    pub(crate) href: String,
    pub(crate) item: String,
    pub(crate) place: String,
    pub(crate) unit: String,
    /// How much is still to be sent, or to arrive.
    pub(crate) left: String,
    /// The same as a number, by which a form tells what its page showed.
    pub(crate) number: String,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
    /// The places that it can leave; none for what is received.
    pub(crate) from: Vec<Choice>,
    /// Whether a second person signs.
    pub(crate) second: bool,
    /// When the page was shown.
    pub(crate) begun: Timestamp,
}

/// What was entered into one of the forms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entered {
    pub(crate) wrong: Wrong,
    pub(crate) place: String,
    pub(crate) item: String,
    pub(crate) quantity: String,
    pub(crate) batch: String,
    pub(crate) expiry: String,
    pub(crate) messenger: String,
    pub(crate) complete: bool,
}

/// The words of a place that a consignment names.
pub(crate) fn place_of(text: Option<&str>) -> String {
    let known = text.and_then(|text| text.parse::<Place>().ok());
    match known {
        Some(place) => record::place_words(&place),
        None => text.unwrap_or("place not told").to_owned(),
    }
}
