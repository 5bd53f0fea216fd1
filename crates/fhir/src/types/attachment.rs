//! Content that is not FHIR: a document, a picture, a trace.

use crate::element::element;
use crate::primitives::DateTime;

element! {
    /// Content in another format, inside or elsewhere (R4 Attachment).
    pub struct Attachment {
        /// Its media type.
        content_type: Option<String>,
        /// Its language.
        language: Option<String>,
        /// The content in base64.
        data: Option<String>,
        /// Where the content is.
        url: Option<String>,
        /// What it is called.
        title: Option<String>,
        /// When it was made.
        creation: Option<DateTime>,
    }
}
