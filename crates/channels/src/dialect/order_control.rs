//! Order control words (HL7 table 0119) and what they ask.

use std::collections::BTreeMap;

use medicines::orders::Control;
use serde::{Deserialize, Serialize};

/// The order control words of one peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrderControls {
    /// What we write for a new order. Default `NW`.
    pub new: String,
    /// What we write for a new version of an order: `XO` (the default) or `XX`.
    pub change: String,
    /// What we write for an order that is put on hold: `HD` (the default) or `OH`.
    pub hold: String,
    /// What we write for an order that is live again: `RL` (the default) or `OE`.
    pub resume: String,
    /// What we write for an order that is stopped: `DC` (the default) or `OD`.
    pub stop: String,
    /// What we write for an order that is cancelled: `CA` (the default) or `OC`.
    pub cancel: String,
    /// Words that only this peer writes, asked before those of [`control_of`].
    pub read: BTreeMap<String, Control>,
}

impl Default for OrderControls {
    fn default() -> Self {
        OrderControls {
            new: "NW".to_owned(),
            change: "XO".to_owned(),
            hold: "HD".to_owned(),
            resume: "RL".to_owned(),
            stop: "DC".to_owned(),
            cancel: "CA".to_owned(),
            read: BTreeMap::new(),
        }
    }
}

impl OrderControls {
    /// The word that the peer wants for `control`.
    pub fn word(&self, control: Control) -> &str {
        match control {
            Control::New => &self.new,
            Control::Change => &self.change,
            Control::Hold => &self.hold,
            Control::Resume => &self.resume,
            Control::Stop => &self.stop,
            Control::Cancel => &self.cancel,
        }
    }

    /// What the peer asks with `word`, or `None` where the word asks nothing that we do.
    pub fn read(&self, word: &str) -> Option<Control> {
        self.read.get(word).copied().or_else(|| control_of(word))
    }
}

/// What a word of HL7 table 0119 asks of an order. Words that answer a request (`OK`, `UA`, `CR`
/// and the like), refill words and status queries ask nothing here.
///
/// `RP` is a change where it stands alone; with a following `RO` or another number in ORC-8 the
/// mapper makes it a replacement (HL7 2.5.1 §4.5.1.1).
pub fn control_of(word: &str) -> Option<Control> {
    Some(match word {
        "NW" | "SN" | "RO" => Control::New,
        "XO" | "XX" | "RP" => Control::Change,
        "HD" | "OH" => Control::Hold,
        "RL" | "OE" => Control::Resume,
        "DC" | "OD" => Control::Stop,
        "CA" | "OC" => Control::Cancel,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_meaning() {
        let check = |words: &str, expect| {
            for word in words.split(' ') {
                assert_eq!(control_of(word), expect, "{word}");
            }
        };
        check("NW SN RO", Some(Control::New));
        check("XO XX RP", Some(Control::Change));
        check("HD OH", Some(Control::Hold));
        check("RL OE", Some(Control::Resume));
        check("DC OD", Some(Control::Stop));
        check("CA OC", Some(Control::Cancel));
        check("OK UA CR UC DR UD XR UX HR UH OR UR SC SR RF nw ZZ", None);
    }

    #[test]
    fn each_word_that_we_write_reads_back() {
        use Control as C;
        let words = OrderControls::default();
        for control in [C::New, C::Change, C::Hold, C::Resume, C::Stop, C::Cancel] {
            assert_eq!(words.read(words.word(control)), Some(control));
        }
    }
}
