//! DocumentReference and Binary (<https://hl7.org/fhir/R4/documentreference.html>,
//! <https://hl7.org/fhir/R4/binary.html>).

use crate::element::{codes, element, resource};
use crate::primitives::Instant;
use crate::types::{Attachment, CodeableConcept, Identifier, Period, Reference};

codes! {
    /// Whether a document is the one to use (R4 document-reference-status).
    pub enum DocumentReferenceStatus {
        /// The one to use.
        Current = "current",
        /// Another one took its place.
        Superseded = "superseded",
        /// It should never have been.
        EnteredInError = "entered-in-error",
    }
}

codes! {
    /// How far the document itself has come (R4 composition-status).
    pub enum DocumentStatus {
        /// A first version that may change.
        Preliminary = "preliminary",
        /// Complete.
        Final = "final",
        /// Changed after it was final.
        Amended = "amended",
        /// It should never have been.
        EnteredInError = "entered-in-error",
    }
}

codes! {
    /// What a document does to another one (R4 document-relationship-type).
    pub enum DocumentRelation {
        /// Takes its place.
        Replaces = "replaces",
        /// The same in another form.
        Transforms = "transforms",
        /// Its signature.
        Signs = "signs",
        /// Adds to it.
        Appends = "appends",
    }
}

resource! {
    /// A document, and where its content is.
    pub struct DocumentReference {
        required {
            /// Whether it is the one to use.
            status: DocumentReferenceStatus,
            /// Its content, once for each format.
            content: Vec<DocumentContent>,
        }
        optional {
            /// The number of this version of the document.
            master_identifier: Option<Identifier>,
            /// Other numbers.
            identifier: Vec<Identifier>,
            /// How far the document itself has come.
            doc_status: Option<DocumentStatus>,
            /// What kind of document.
            #[serde(rename = "type")]
            kind: Option<CodeableConcept>,
            /// Broader kinds.
            category: Vec<CodeableConcept>,
            /// Whom it is about.
            subject: Option<Reference>,
            /// When it was entered.
            date: Option<Instant>,
            /// Who wrote it.
            author: Vec<Reference>,
            /// Who signed it.
            authenticator: Option<Reference>,
            /// Other documents.
            relates_to: Vec<RelatedDocument>,
            /// In a few words.
            description: Option<String>,
            /// Who may see it.
            security_label: Vec<CodeableConcept>,
            /// In which circumstances it was made.
            context: Option<DocumentContext>,
        }
    }
}

element! {
    /// The content of a document (R4 DocumentReference.content).
    pub struct DocumentContent {
        required {
            /// Where it is, or what it is.
            attachment: Attachment,
        }
        optional {}
    }
}

element! {
    /// Another document (R4 DocumentReference.relatesTo).
    pub struct RelatedDocument {
        required {
            /// What is done to it.
            code: DocumentRelation,
            /// Which.
            target: Reference,
        }
        optional {}
    }
}

element! {
    /// The circumstances of a document (R4 DocumentReference.context).
    pub struct DocumentContext {
        /// During which stays.
        encounter: Vec<Reference>,
        /// When what it tells of happened.
        period: Option<Period>,
    }
}

resource! {
    /// Content that is not FHIR, kept as it came.
    pub struct Binary {
        required {
            /// Its media type.
            content_type: String,
        }
        optional {
            /// Who may see it: whoever may see this.
            security_context: Option<Reference>,
            /// The content in base64.
            data: Option<String>,
        }
    }
}
