//! What holds between the entries of a Bundle (R4 §2.36).

use std::collections::HashSet;

use fhir::json::Node;
use fhirpath::Element;

use crate::issue::IssueCode;
use crate::walk::Walk;

impl<'t> Walk<'_, 't> {
    pub(crate) fn bundle(&mut self, element: Element<'t>, path: &str) {
        let Some(node) = element.value else { return };
        let kind = node.text("type").unwrap_or_default();
        let entries: Vec<Node<'t>> = node.get("entry").into_iter().flat_map(Node::each).collect();
        self.first_entry(kind, &entries, path);
        let mut met = HashSet::new();
        for (at, entry) in entries.iter().enumerate() {
            let here = format!("{path}.entry[{at}]");
            let Some(resource) = entry.get("resource") else {
                continue;
            };
            let mode = entry.get("search").and_then(|search| search.text("mode"));
            let outcome = resource.text("resourceType") == Some("OperationOutcome");
            let found = kind == "searchset" && mode != Some("outcome") && !outcome;
            if found && resource.get("id").is_none() {
                self.error(IssueCode::Required, &here, "what a search finds has an id");
            }
            let full = entry.text("fullUrl");
            match full {
                None if matches!(kind, "document" | "message") => {
                    let text = "every entry of a document or message has a fullUrl";
                    self.error(IssueCode::Required, &here, text);
                }
                Some(url) => {
                    self.full_url(url, resource, &here);
                    let version = resource.get("meta").and_then(|meta| meta.text("versionId"));
                    let repeats = !met.insert((url, version.unwrap_or_default()));
                    if repeats && kind != "history" {
                        self.error(IssueCode::Structure, &here, "two entries have one fullUrl");
                    }
                }
                None => {}
            }
        }
    }

    fn first_entry(&mut self, kind: &str, entries: &[Node<'t>], path: &str) {
        let wanted = match kind {
            "document" => "Composition",
            "message" => "MessageHeader",
            _ => return,
        };
        let first = entries.first().and_then(|entry| entry.get("resource"));
        if first.and_then(|resource| resource.text("resourceType")) != Some(wanted) {
            let text = format!("a {kind} begins with a {wanted}");
            self.error(IssueCode::Structure, &format!("{path}.entry"), text);
        }
    }

    /// An address that ends with a type and an id ends with those of the resource (bdl-8, R4
    /// §2.36.4.1).
    fn full_url(&mut self, url: &str, resource: Node<'t>, path: &str) {
        let here = format!("{path}.fullUrl");
        if !url.contains(':') {
            return self.error(IssueCode::Value, &here, "a fullUrl is an absolute address");
        }
        if url.starts_with("urn:") {
            return;
        }
        let Some(id) = resource.text("id") else { return };
        let last = url.rsplit('/').next().unwrap_or_default();
        if last != id {
            self.error(
                IssueCode::Value,
                &here,
                "the fullUrl ends with another id than the resource has",
            );
        }
    }
}
