//! An act with controlled drugs that a second person signs for on the same screen, with a key of
//! their own; or a reason why nobody could.

use std::time::Instant;

use axum::http::StatusCode;
use fhir::Id;
use jiff::{SignedDuration, Timestamp};
use medicines::Request;
use medicines::controlled::{Act, ControlledAct, Entering, Second, Signing};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::inside::{Insider, WITNESS};
use super::{Console, Peer};
use crate::desk::NotDone;
use crate::door::Refusal;
use crate::view::{FieldError, SecondView};

/// The most characters of a reason, as the API has it.
pub(super) const MAX_TEXT_CHARS: usize = 256;
/// The most characters of a quantity.
const MAX_QUANTITY_CHARS: usize = 20;
/// How long after a page was shown its act can be entered, in hours: it is dated by the page, so
/// that an act that is sent twice is one act.
const MAX_OPEN_H: i64 = 2;

/// What the form says of the second person: one of the two is filled in.
#[derive(Deserialize)]
pub(super) struct SecondForm {
    /// The second person's access key.
    #[serde(default)]
    key: String,
    /// Why nobody can stand by.
    #[serde(default)]
    alone: String,
}

impl SecondForm {
    /// What may be shown again of it.
    pub(super) fn view(&self) -> SecondView {
        SecondView { alone: self.alone.clone() }
    }
}

/// An act as a form tells it.
pub(super) struct Told<'a> {
    /// The key of the form.
    pub(super) form: String,
    /// What is done, by whom, when.
    pub(super) act: Act,
    /// The same as JSON, which stays in the journal.
    pub(super) words: Value,
    /// The second person; none where the act needs none.
    pub(super) second: Option<&'a SecondForm>,
    /// The field beside which a refusal is shown.
    pub(super) field: &'static str,
    /// Where what was entered is seen.
    pub(super) entered: String,
}

/// The client of somebody's acts at the console. Each person is one, because the key is what tells
/// them apart; so nobody signs for themselves, from however many screens.
fn client(who: &str) -> String {
    format!("console:{who}")
}

/// Has the second person sign, then the act entered; gives the numbers of what was entered, or
/// what is wrong with the form.
pub(super) async fn enter(
    console: &Console,
    insider: &Insider,
    peer: &Peer,
    told: Told<'_>,
) -> Result<Result<Vec<Id>, FieldError>, Box<axum::response::Response>> {
    let second = match told.second {
        None => None,
        Some(form) => match stood(console, insider, peer, form, &told).await? {
            Ok(second) => Some(second),
            Err(wrong) => return Ok(Err(wrong)),
        },
    };
    let Told { form, act, mut words, field, entered, .. } = told;
    words[WITNESS] = match &second {
        Some(Second::Signature(id)) => json!({ "signature": id }),
        Some(Second::Alone(why)) => json!({ "alone": why }),
        None => Value::Null,
    };
    let entering = Entering { act, second, client: client(&insider.who) };
    let request = Request::Controlled(Box::new(ControlledAct::Enter(entering)));
    let once = (insider.who.clone(), form, &*entered);
    let made = console.act_once(insider, once, request, &words).await?;
    Ok(made.map_err(|why| FieldError::new(field, text(why))))
}

/// What stands for the second person, once they have signed.
async fn stood(
    console: &Console,
    insider: &Insider,
    peer: &Peer,
    second: &SecondForm,
    told: &Told<'_>,
) -> Result<Result<Second, FieldError>, Box<axum::response::Response>> {
    let wrong = |field, text: &str| Ok(Err(FieldError::new(field, text)));
    let alone = second.alone.trim();
    match (second.key.trim().is_empty(), alone.is_empty()) {
        (true, true) => return wrong("key", "The second person signs with their access key"),
        (false, false) => {
            let text = "Either a second person signs, or you say why nobody can: not both";
            return wrong("alone", text);
        }
        (true, false) if alone.chars().count() > MAX_TEXT_CHARS => {
            return wrong("alone", "The reason has at most 256 characters");
        }
        (true, false) => return Ok(Ok(Second::Alone(alone.to_owned()))),
        (false, true) => {}
    }
    let witness = match console.door.vouch(&second.key, peer.0, Instant::now()) {
        Ok(witness) => witness,
        Err(refusal) => {
            // Whoever is signed in is at the screen at which keys are tried.
            console.turn_away_from(&insider.who, refusal, "witness", peer).await;
            if refusal == Refusal::TooManyGuesses {
                let text = "Nothing was entered. Wait a minute, go back, and sign again.";
                let title = "Too many wrong keys came from here";
                let notice = console.notice(StatusCode::TOO_MANY_REQUESTS, title, text);
                return Err(Box::new(notice));
            }
            let text = "This is no access key that is in force. The second person signs again";
            return wrong("key", text);
        }
    };
    let raw = json!({ "act": told.words, "person": witness });
    let client = client(&witness);
    let signing = Signing { act: told.act.clone(), witness: witness.clone(), client };
    let request = Request::Controlled(Box::new(ControlledAct::Sign(signing)));
    let once = (witness, told.form.clone(), &*told.entered);
    let signed = console.act_once(insider, once, request, &raw).await?;
    Ok(match signed {
        Ok(ids) => match ids.into_iter().next() {
            Some(id) => Ok(Second::Signature(id)),
            None => Err(FieldError::new("key", "It was not signed. Sign again")),
        },
        Err(why) => Err(FieldError::new("key", text(why))),
    })
}

fn text(why: NotDone) -> String {
    match why {
        NotDone::Conflict(text) | NotDone::Refused(text) => text,
    }
}

/// A quantity as people write it: digits, with or without a decimal point. None for anything else.
pub(super) fn quantity(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let plain = text.len() <= MAX_QUANTITY_CHARS
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

/// When the page of a form was shown, if that was not long ago and not to come.
pub(super) fn begun(text: &str, now: Timestamp) -> Option<Timestamp> {
    let begun: Timestamp = text.parse().ok()?;
    let age = now.duration_since(begun);
    let recent = age >= SignedDuration::ZERO && age <= SignedDuration::from_hours(MAX_OPEN_H);
    recent.then_some(begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_plain_numbers() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(quantity(text).map(|one| one.to_string()).as_deref(), expected, "{text:?}");
        };
        check("12", Some("12"));
        check(" 2.5 ", Some("2.5"));
        check("0", Some("0"));
        let wrong = ["", ".5", "-1", "+1", "1e3", "1,5", "1_000", "1.2.3", "twelve", "٣"];
        for wrong in wrong {
            check(wrong, None);
        }
        check(&"9".repeat(MAX_QUANTITY_CHARS + 1), None);
    }

    #[test]
    fn a_page_is_good_for_a_while() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let check = |text: &str, good: bool| assert_eq!(begun(text, now).is_some(), good, "{text}");
        check("2026-11-20T10:00:00Z", true);
        check("2026-11-20T08:00:00Z", true);
        check("2026-11-20T07:59:59Z", false);
        check("2026-11-20T10:00:01Z", false);
        check("yesterday", false);
    }
}
