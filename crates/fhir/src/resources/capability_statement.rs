//! CapabilityStatement (<https://hl7.org/fhir/R4/capabilitystatement.html>).

use crate::element::{codes, element, resource};
use crate::primitives::DateTime;
use crate::types::{CodeableConcept, Extension};

codes! {
    /// How final a definition is (R4 publication-status).
    pub enum PublicationStatus {
        /// Being written.
        Draft = "draft",
        /// In use.
        Active = "active",
        /// No longer in use.
        Retired = "retired",
        /// Not known.
        Unknown = "unknown",
    }
}

codes! {
    /// What a statement is about (R4 capability-statement-kind).
    pub enum CapabilityKind {
        /// One server that runs.
        Instance = "instance",
        /// What a program can do.
        Capability = "capability",
        /// What somebody would like.
        Requirements = "requirements",
    }
}

codes! {
    /// Which side (R4 restful-capability-mode).
    pub enum RestMode {
        /// The client.
        Client = "client",
        /// The server.
        Server = "server",
    }
}

codes! {
    /// How versions are kept (R4 versioning-policy).
    pub enum VersioningPolicy {
        /// Not at all.
        NoVersion = "no-version",
        /// Counted.
        Versioned = "versioned",
        /// Counted, and an update must name the one it changes.
        VersionedUpdate = "versioned-update",
    }
}

codes! {
    /// Whether a search may delete (R4 conditional-delete-status).
    pub enum ConditionalDelete {
        /// It may not.
        NotSupported = "not-supported",
        /// One match.
        Single = "single",
        /// Many matches.
        Multiple = "multiple",
    }
}

codes! {
    /// Whether a read may have a condition (R4 conditional-read-status).
    pub enum ConditionalRead {
        /// It may not.
        NotSupported = "not-supported",
        /// If-Modified-Since.
        ModifiedSince = "modified-since",
        /// If-None-Match.
        NotMatch = "not-match",
        /// Both.
        FullSupport = "full-support",
    }
}

codes! {
    /// The type of a search parameter (R4 search-param-type).
    pub enum ParamKind {
        /// A number.
        Number = "number",
        /// A date.
        Date = "date",
        /// Words.
        String = "string",
        /// A code or an identifier.
        Token = "token",
        /// A reference.
        Reference = "reference",
        /// Several at once.
        Composite = "composite",
        /// An amount.
        Quantity = "quantity",
        /// A URI.
        Uri = "uri",
        /// Something else.
        Special = "special",
    }
}

resource! {
    /// What a server can do.
    pub struct CapabilityStatement {
        required {
            /// How final it is.
            status: PublicationStatus,
            /// When it last changed.
            date: DateTime,
            /// What it is about.
            kind: CapabilityKind,
            /// The FHIR version: `4.0.1`.
            fhir_version: String,
            /// The formats that are understood.
            format: Vec<String>,
        }
        optional {
            /// Its canonical address.
            url: Option<String>,
            /// Its version.
            version: Option<String>,
            /// Its name for programs.
            name: Option<String>,
            /// Its name for people.
            title: Option<String>,
            /// Who published it.
            publisher: Option<String>,
            /// More words.
            description: Option<String>,
            /// Other statements that this one follows.
            instantiates: Vec<String>,
            /// The program.
            software: Option<Software>,
            /// The server.
            implementation: Option<Implementation>,
            /// The formats that a patch may have.
            patch_format: Vec<String>,
            /// The guides that are followed.
            implementation_guide: Vec<String>,
            /// The REST endpoints.
            rest: Vec<RestServer>,
        }
    }
}

element! {
    /// The program (R4 CapabilityStatement.software).
    pub struct Software {
        required {
            /// Its name.
            name: String,
        }
        optional {
            /// Its version.
            version: Option<String>,
            /// When that version was made.
            release_date: Option<DateTime>,
        }
    }
}

element! {
    /// The server (R4 CapabilityStatement.implementation).
    pub struct Implementation {
        required {
            /// What it is.
            description: String,
        }
        optional {
            /// Its base address.
            url: Option<String>,
        }
    }
}

element! {
    /// A REST endpoint (R4 CapabilityStatement.rest).
    pub struct RestServer {
        required {
            /// Which side.
            mode: RestMode,
        }
        optional {
            /// In words.
            documentation: Option<String>,
            /// How it is secured.
            security: Option<RestSecurity>,
            /// What it does with each type.
            resource: Vec<RestResource>,
            /// What it does with all of them.
            interaction: Vec<Interaction>,
            /// What may be searched in all of them.
            search_param: Vec<RestSearchParam>,
            /// Operations on the whole server.
            operation: Vec<RestOperation>,
        }
    }
}

element! {
    /// How an endpoint is secured (R4 CapabilityStatement.rest.security).
    pub struct RestSecurity {
        /// Whether browsers of other sites may call it.
        cors: Option<bool>,
        /// By which means.
        service: Vec<CodeableConcept>,
        /// In words.
        description: Option<String>,
    }
}

element! {
    /// What a server does with a type (R4 CapabilityStatement.rest.resource).
    pub struct RestResource {
        required {
            /// The type.
            #[serde(rename = "type")]
            kind: String,
        }
        optional {
            /// What the standard has no place for.
            extension: Vec<Extension>,
            /// The profile for all uses.
            profile: Option<String>,
            /// The profiles of single uses.
            supported_profile: Vec<String>,
            /// In words.
            documentation: Option<String>,
            /// What can be done.
            interaction: Vec<Interaction>,
            /// How versions are kept.
            versioning: Option<VersioningPolicy>,
            /// Whether old versions can be read.
            read_history: Option<bool>,
            /// Whether an update may create.
            update_create: Option<bool>,
            /// Whether a create may have a condition.
            conditional_create: Option<bool>,
            /// Whether an update may have a search in the place of an id.
            conditional_update: Option<bool>,
            /// Whether a read may have a condition.
            conditional_read: Option<ConditionalRead>,
            /// Whether a search may delete.
            conditional_delete: Option<ConditionalDelete>,
            /// What may be included with a match.
            search_include: Vec<String>,
            /// What may be included because it refers to a match.
            search_rev_include: Vec<String>,
            /// What may be searched.
            search_param: Vec<RestSearchParam>,
            /// Operations on the type.
            operation: Vec<RestOperation>,
        }
    }
}

element! {
    /// What can be done (R4 CapabilityStatement.rest.resource.interaction).
    pub struct Interaction {
        required {
            /// `read`, `vread`, `update`, `create`, `search-type` and so on.
            code: String,
        }
        optional {
            /// In words.
            documentation: Option<String>,
        }
    }
}

element! {
    /// What may be searched (R4 CapabilityStatement.rest.resource.searchParam).
    pub struct RestSearchParam {
        required {
            /// Its name in the address.
            name: String,
            /// Its type.
            #[serde(rename = "type")]
            kind: ParamKind,
        }
        optional {
            /// Its canonical address.
            definition: Option<String>,
            /// In words.
            documentation: Option<String>,
        }
    }
}

element! {
    /// An operation (R4 CapabilityStatement.rest.resource.operation).
    pub struct RestOperation {
        required {
            /// Its name, without `$`.
            name: String,
            /// Its canonical address.
            definition: String,
        }
        optional {
            /// In words.
            documentation: Option<String>,
        }
    }
}
