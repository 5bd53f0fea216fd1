//! Bundle (<https://hl7.org/fhir/R4/bundle.html>).

use crate::element::{codes, element, resource};
use crate::json::Json;
use crate::primitives::{Decimal, Instant};
use crate::types::{Extension, Identifier};

codes! {
    /// What a bundle is for (R4 bundle-type).
    pub enum BundleKind {
        /// A document.
        Document = "document",
        /// A message.
        Message = "message",
        /// Requests that succeed or fail together.
        Transaction = "transaction",
        /// The answers to them.
        TransactionResponse = "transaction-response",
        /// Requests that stand alone.
        Batch = "batch",
        /// The answers to them.
        BatchResponse = "batch-response",
        /// Versions of resources.
        History = "history",
        /// The answer to a search.
        Searchset = "searchset",
        /// Any list.
        Collection = "collection",
    }
}

codes! {
    /// Why an entry is in the answer to a search (R4 search-entry-mode).
    pub enum SearchMode {
        /// It matches.
        Match = "match",
        /// It was asked for along with a match.
        Include = "include",
        /// It says something about the search.
        Outcome = "outcome",
    }
}

codes! {
    /// What a request does (R4 http-verb).
    pub enum HttpVerb {
        /// Read.
        Get = "GET",
        /// Read the headers.
        Head = "HEAD",
        /// Create.
        Post = "POST",
        /// Update.
        Put = "PUT",
        /// Delete.
        Delete = "DELETE",
        /// Change in part.
        Patch = "PATCH",
    }
}

resource! {
    /// A list of resources.
    pub struct Bundle {
        required {
            /// What it is for.
            #[serde(rename = "type")]
            kind: BundleKind,
        }
        optional {
            /// Its number.
            identifier: Option<Identifier>,
            /// When it was put together.
            timestamp: Option<Instant>,
            /// How many matches there are in all.
            total: Option<u32>,
            /// This page, the next page and so on.
            link: Vec<BundleLink>,
            /// The resources.
            entry: Vec<BundleEntry>,
        }
    }
}

element! {
    /// A page of a list (R4 Bundle.link).
    pub struct BundleLink {
        required {
            /// Which page: `self`, `next`, `previous`.
            relation: String,
            /// Its address.
            url: String,
        }
        optional {}
    }
}

element! {
    /// A resource of a list (R4 Bundle.entry).
    pub struct BundleEntry {
        /// Pages of the entry.
        link: Vec<BundleLink>,
        /// The absolute address of the resource.
        full_url: Option<String>,
        /// The resource, as it was written.
        resource: Option<Json>,
        /// Why it is here.
        search: Option<BundleSearch>,
        /// What is asked for.
        request: Option<BundleRequest>,
        /// What was answered.
        response: Option<BundleResponse>,
    }
}

impl BundleEntry {
    /// A match of a search.
    pub fn matched(full_url: String, resource: Json) -> Self {
        Self {
            full_url: Some(full_url),
            resource: Some(resource),
            search: Some(BundleSearch::of(SearchMode::Match)),
            ..Self::default()
        }
    }
}

element! {
    /// Why an entry is in the answer (R4 Bundle.entry.search).
    pub struct BundleSearch {
        /// Why.
        mode: Option<SearchMode>,
        /// How well it matches, from 0 to 1.
        score: Option<Decimal>,
        /// What else is to be said of it.
        extension: Vec<Extension>,
    }
}

impl BundleSearch {
    /// Why, and nothing else.
    pub fn of(mode: SearchMode) -> Self {
        Self { mode: Some(mode), ..Self::default() }
    }
}

element! {
    /// What is asked for (R4 Bundle.entry.request).
    pub struct BundleRequest {
        required {
            /// What to do.
            method: HttpVerb,
            /// To what.
            url: String,
        }
        optional {
            /// Only if the version is not this one.
            if_none_match: Option<String>,
            /// Only if it changed since.
            if_modified_since: Option<Instant>,
            /// Only if the version is this one.
            if_match: Option<String>,
            /// Only if nothing matches this search.
            if_none_exist: Option<String>,
        }
    }
}

element! {
    /// What was answered (R4 Bundle.entry.response).
    pub struct BundleResponse {
        required {
            /// The HTTP status.
            status: String,
        }
        optional {
            /// Where the resource is now.
            location: Option<String>,
            /// Its version.
            etag: Option<String>,
            /// When it was changed.
            last_modified: Option<Instant>,
            /// What is to be said about it.
            outcome: Option<Json>,
        }
    }
}
