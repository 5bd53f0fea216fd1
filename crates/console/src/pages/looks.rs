//! Who looked at a patient's record, for whoever answers for that.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use record::{AccessPlace, AccessSearch};

use super::inside::{Insider, Shown, either, page};
use super::{Console, Peer};
use crate::door::Right;
use crate::gather::looks::{self, Wanted};
use crate::render::LooksPage;
use crate::view::{LooksAsked, LooksView, Place};
use crate::words::{encoded, uk_minute};

/// How many looks a page has.
const ROWS: usize = 100;
/// The most characters of a field of the form.
const MAX_FIELD_CHARS: usize = 256;

/// `GET /looks`.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(asked): Query<LooksAsked>,
) -> Response {
    match console.insider(Some(Right::Audit), "looks", &peer, &request).await {
        Ok(reader) => either(found(&console, &reader, &asked).await),
        Err(refused) => *refused,
    }
}

async fn found(console: &Console, reader: &Insider, asked: &LooksAsked) -> Shown {
    let who = reader.who.clone();
    let may = reader.desk.read(move |record| looks::may(record, &who)).await;
    if !may.map_err(|why| console.trouble(&why))? {
        console.refuse_right(&reader.who, Some(Right::Audit), "looks").await;
        return Ok(console.not_yours());
    }
    let wanted = match wanted(asked) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return shown(console, reader, asked, None, None).await,
        Err(error) => return shown(console, reader, asked, None, Some(&error)).await,
    };
    let now = reader.desk.now();
    let found = reader.desk.read_looks(move |record| looks::page(record, &wanted, now)).await;
    let (view, records) = found.map_err(|why| console.trouble(&why))?;
    // Who asks has looked as well, before anything is shown.
    let detail = format!("looks?{}", given(asked).join("&"));
    console.journal_looks(&reader.who, (Right::Audit, &detail), records).await?;
    shown(console, reader, asked, Some(&view), None).await
}

async fn shown(
    console: &Console,
    reader: &Insider,
    asked: &LooksAsked,
    found: Option<&LooksView>,
    error: Option<&str>,
) -> Shown {
    let shell = console.shell(reader, Place::Looks).await?;
    let next = found.and_then(|found| found.next).map(|place| {
        let page = format!("{}.{}", place.at.as_nanosecond(), place.n);
        format!("/looks?{}", query(&LooksAsked { page, ..asked.clone() }))
    });
    let shown = LooksPage {
        shell: &shell,
        asked,
        found,
        next,
        can_read_messages: reader.rights.has(Right::Messages),
        messages: format!("/find?patient={}", encoded(asked.patient.trim())),
        error,
    };
    Ok(page(&shown, error.is_some()))
}

/// The fields of the form in the order of the page.
fn fields(asked: &LooksAsked) -> [(&'static str, &str); 6] {
    [
        ("patient", &asked.patient),
        ("who", &asked.who),
        ("only", &asked.only),
        ("from", &asked.from),
        ("to", &asked.to),
        ("page", &asked.page),
    ]
}

/// The names of the fields that say something; their values are not journalled.
fn given(asked: &LooksAsked) -> Vec<&'static str> {
    fields(asked).into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name).collect()
}

/// The query of a page's address.
fn query(asked: &LooksAsked) -> String {
    let given = fields(asked).into_iter().filter(|(_, value)| !value.is_empty());
    let pair = |(name, value): (&str, &str)| format!("{name}={}", encoded(value));
    given.map(pair).collect::<Vec<_>>().join("&")
}

/// What the form asks for; none where it is empty, and in words what is wrong with it.
fn wanted(asked: &LooksAsked) -> Result<Option<Wanted>, String> {
    if fields(asked).iter().any(|(_, value)| value.chars().count() > MAX_FIELD_CHARS) {
        return Err("A field has at most 256 characters".to_owned());
    }
    // People write an NHS number with spaces in it.
    let mut patient: String = asked.patient.trim().to_owned();
    if patient.chars().all(|c| c.is_ascii_digit() || c == ' ') {
        patient.retain(|c| c != ' ');
    }
    if patient.is_empty() {
        if given(asked).is_empty() {
            return Ok(None);
        }
        return Err("Enter a number of the patient".to_owned());
    }
    let time = |text: &str| match text.trim() {
        "" => Ok(None),
        text => uk_minute(text)
            .map(Some)
            .ok_or_else(|| "Enter a time as 2026-11-20T10:15, in UK time".to_owned()),
    };
    let before = match asked.page.trim() {
        "" => None,
        text => Some(place(text).ok_or_else(|| "There is no such page".to_owned())?),
    };
    let (from, to) = (time(&asked.from)?, time(&asked.to)?);
    let search = AccessSearch { patients: None, from, to, before, count: ROWS };
    let who = asked.who.trim().to_owned();
    Ok(Some(Wanted { patient, who, refused_only: asked.only == "refused", search }))
}

fn place(text: &str) -> Option<AccessPlace> {
    let (at, n) = text.split_once('.')?;
    let at = Timestamp::from_nanosecond(at.parse().ok()?).ok()?;
    Some(AccessPlace { at, n: n.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(patient: &str, from: &str, page: &str) -> LooksAsked {
        let (patient, from, page) = (patient.into(), from.into(), page.into());
        LooksAsked { patient, from, page, ..LooksAsked::default() }
    }

    #[test]
    fn a_form_is_checked() {
        let check =
            |asked: &LooksAsked, right| assert_eq!(wanted(asked).is_ok(), right, "{asked:?}");
        check(&asked("", "", ""), true);
        check(&asked("", "2026-11-20T10:15", ""), false);
        check(&asked("9990000018", "2026-11-20T10:15", "1763633700000000000.7"), true);
        check(&asked("9990000018", "yesterday", ""), false);
        check(&asked("9990000018", "", "7"), false);
        check(&asked(&"9".repeat(257), "", ""), false);
        let number = |text: &str| wanted(&asked(text, "", "")).unwrap().unwrap().patient;
        assert_eq!(number(" 999 000 0018 "), "9990000018");
        assert_eq!(number("rxx.1.1"), "rxx.1.1");
    }

    #[test]
    fn an_address_leads_to_the_same_page() {
        let whole = LooksAsked {
            who: "N1001".into(),
            only: "refused".into(),
            to: "2026-11-20T10:15".into(),
            ..asked("999 000 0018", "", "1.2")
        };
        let uri: axum::http::Uri = format!("/looks?{}", query(&whole)).parse().unwrap();
        assert_eq!(Query::<LooksAsked>::try_from_uri(&uri).unwrap().0, whole);
        assert_eq!(given(&whole), ["patient", "who", "only", "to", "page"]);
    }
}
