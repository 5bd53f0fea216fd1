//! A transaction: all of it or nothing, its entries linked with one another (R4 §3.1.0.11.2).

use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::HeaderMap;
use fhir::ResourceType;
use fhir::json::Json;
use fhir::resources::Bundle;
use medicines::store::{Act, Doubt, Link, Step, Write};

use super::batch::look;
use crate::client::Validation;
use crate::door::Caller;
use crate::fhir::entries::{self, Asks, Get};
use crate::fhir::reply::Reply;
use crate::fhir::validation::admit_step;
use crate::fhir::writing::{reply, submit, write_of};
use crate::fhir::{Failure, Return, conditions, returning};
use crate::state::ApiState;
use crate::submit::optional_key;

/// What an entry came to: a step of the write, or a look after it.
enum Part {
    Step(usize),
    Look(Box<Get>),
}

/// Does all of a transaction. What it reads is read once everything is written.
pub(super) async fn all(
    api: &ApiState,
    caller: &Caller,
    headers: &HeaderMap,
    bundle: &Bundle,
    raw: Bytes,
) -> Result<Vec<Reply>, Failure> {
    let key = optional_key(headers)?;
    let wanted = returning(headers).unwrap_or(Return::Minimal);
    let Parts { all: parts, mut steps, entry_of, doubts } = parts(api, caller, bundle).await?;
    let links = link(bundle, &mut steps, &entry_of)?;
    let (mut done, mut receipt) = (Vec::new(), None);
    if !steps.is_empty() {
        let write = Write { doubts, ..write_of(caller, steps, links) };
        let written = submit(api, caller, key, "transaction", write, raw).await;
        let (written, each) = written.map_err(|failure| failure.of_entry(&entry_of))?;
        (receipt, done) = (Some(written), each);
    }
    let mut replies = Vec::with_capacity(parts.len());
    for part in parts {
        let answered = match (part, &receipt) {
            (Part::Step(n), Some(receipt)) => {
                reply((api, caller), &done[n], receipt, None, wanted).await
            }
            (Part::Look(asked), _) => look(api, caller, *asked).await,
            (Part::Step(_), None) => Err(entries::no_interaction()),
        };
        replies.push(answered.unwrap_or_else(Reply::from));
    }
    Ok(replies)
}

struct Parts {
    all: Vec<Part>,
    steps: Vec<Step>,
    /// The entry of each step.
    entry_of: Vec<usize>,
    doubts: Vec<Doubt>,
}

async fn parts(api: &ApiState, caller: &Caller, bundle: &Bundle) -> Result<Parts, Failure> {
    let mut parts =
        Parts { all: Vec::new(), steps: Vec::new(), entry_of: Vec::new(), doubts: Vec::new() };
    let validated = caller.validation() != Validation::Off;
    for (n, entry) in bundle.entry.iter().enumerate() {
        let within = |failure: Failure| failure.within(&format!("Bundle.entry[{n}]"));
        let number = parts.steps.len();
        let (step, doubt) = match entries::read(&api.fhir_base, validated, n, entry)? {
            Asks::Read(asked) => {
                parts.all.push(Part::Look(asked));
                continue;
            }
            Asks::Change(changing) => {
                let (step, doubt) = changing.step(api, caller).await.map_err(within)?;
                (step, doubt.map(|text| Doubt { step: number, text }))
            }
            Asks::Write(mut step) => {
                let json = entry.resource.as_ref().map(Json::get);
                let doubt = admit_step(api, caller, (number, &mut step), json).await;
                (*step, doubt.map_err(within)?)
            }
        };
        parts.doubts.extend(doubt);
        parts.steps.push(step);
        parts.entry_of.push(n);
        parts.all.push(Part::Step(number));
    }
    Ok(parts)
}

/// Finds in each resource the addresses of other entries, and the references that are searches.
fn link(bundle: &Bundle, steps: &mut [Step], entry_of: &[usize]) -> Result<Vec<Link>, Failure> {
    let mut linking = Linking { by_url: HashMap::new(), by_search: HashMap::new(), links: vec![] };
    for (n, entry) in entry_of.iter().enumerate() {
        let Some(url) = bundle.entry[*entry].full_url.as_deref() else { continue };
        if linking.by_url.insert(url.to_owned(), n).is_some() {
            let detail = "Two entries have the same fullUrl.";
            return Err(Failure::invalid(detail).at(format!("Bundle.entry[{entry}].fullUrl")));
        }
        linking.links.push(Link::Step(n));
    }
    // The link of a step has the number of its place among the steps that have an address.
    let numbered = |(number, link): (usize, &Link)| match link {
        Link::Step(n) => Some((*n, number)),
        Link::Where(..) => None,
    };
    let numbers: HashMap<usize, usize> =
        linking.links.iter().enumerate().filter_map(numbered).collect();
    for (n, entry) in entry_of.iter().enumerate() {
        let base = bundle.entry[*entry].full_url.as_deref().and_then(base_of);
        let mut failure = None;
        let mut find = |address: &str, is_reference: bool| {
            linking.find((address, is_reference), base, &numbers, n).unwrap_or_else(|wrong| {
                failure.get_or_insert(wrong);
                None
            })
        };
        match &mut steps[n].act {
            Act::Create { draft, .. } | Act::Update { draft, .. } => draft.link(&mut find),
            Act::Patch { .. } | Act::Refuse { .. } | Act::Delete { .. } => {}
        }
        if let Some(failure) = failure {
            return Err(failure.within(&format!("Bundle.entry[{entry}]")));
        }
    }
    Ok(linking.links)
}

struct Linking {
    /// The step of each fullUrl.
    by_url: HashMap<String, usize>,
    /// The link of each conditional reference.
    by_search: HashMap<String, usize>,
    links: Vec<Link>,
}

impl Linking {
    fn find(
        &mut self,
        (address, is_reference): (&str, bool),
        base: Option<&str>,
        numbers: &HashMap<usize, usize>,
        step: usize,
    ) -> Result<Option<usize>, Failure> {
        if let Some(found) = self.by_url.get(address) {
            return Ok(numbers.get(found).copied());
        }
        // A relative address is meant from where the entry itself is (R4 §2.36.4.1).
        let absolute = base.map(|base| format!("{base}{address}"));
        if let Some(found) = absolute.and_then(|absolute| self.by_url.get(&absolute)) {
            return Ok(numbers.get(found).copied());
        }
        // Other addresses may hold a question mark and mean nothing by it (R4 §3.1.0.11.2).
        let condition = address.split_once('?').filter(|_| is_reference);
        let Some((kind, search)) = condition else { return Ok(None) };
        let Ok(kind) = kind.parse::<ResourceType>() else { return Ok(None) };
        if let Some(known) = self.by_search.get(address) {
            return Ok(Some(*known));
        }
        let search = conditions::criteria(kind, &conditions::pairs(search)?)?;
        self.links.push(Link::Where(step, search));
        let number = self.links.len() - 1;
        self.by_search.insert(address.to_owned(), number);
        Ok(Some(number))
    }
}

/// The endpoint of an absolute address, with the slash at its end: what stands before the type and
/// the id.
fn base_of(url: &str) -> Option<&str> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return None;
    }
    let (rest, _id) = url.rsplit_once('/')?;
    let (base, kind) = rest.rsplit_once('/')?;
    kind.parse::<ResourceType>().ok().map(|_| &url[..=base.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_address_is_meant_from_where_its_entry_is() {
        assert_eq!(base_of("https://a.example/fhir/Patient/1"), Some("https://a.example/fhir/"));
        assert_eq!(base_of("https://a.example/fhir/Goat/1"), None);
        assert_eq!(base_of("urn:uuid:1"), None);
        assert_eq!(base_of("https://a"), None);
    }
}
