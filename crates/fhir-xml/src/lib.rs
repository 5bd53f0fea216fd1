//! FHIR R4 resources between XML (R4 §2.6.1) and JSON (R4 §2.6.2), both ways without loss.
//!
//! The order of elements is that of their definitions; decimals keep their digits; the narrative
//! is kept letter for letter. What R4 does not define has no place in XML, so an unknown element is
//! an error and never dropped. A DOCTYPE is refused: there are no entities but XML's own five.

mod document;
mod read;
mod write;

pub use read::to_json;
pub use write::to_xml;

/// The namespace of FHIR.
pub const FHIR_NAMESPACE: &str = "http://hl7.org/fhir";
/// The largest document, in bytes.
pub const MAX_XML_BYTES: usize = 64 * 1024 * 1024;
/// How deep elements may lie in each other.
pub const MAX_XML_DEPTH: usize = 120;
/// The most elements of a document.
pub const MAX_XML_ELEMENTS: usize = 2_000_000;

/// Why a document cannot be turned into the other form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The text is not well-formed XML, or its characters cannot be read.
    #[error("not well-formed XML: {0}")]
    Syntax(String),
    /// The text has a DOCTYPE.
    #[error("a DOCTYPE is not accepted")]
    Doctype,
    /// The text is larger, deeper or of more elements than the limits.
    #[error("the document is larger or deeper than is accepted")]
    TooLarge,
    /// The text is not JSON.
    #[error("not JSON")]
    Json,
    /// The root is no resource type of R4.
    #[error("{0} is no resource type of FHIR R4")]
    NotAResource(String),
    /// An element that its parent does not have.
    #[error("there is no element {name} in {path}")]
    Unknown {
        /// Where its parent is.
        path: String,
        /// Its name.
        name: String,
    },
    /// Text, an attribute or a form that the element may not have.
    #[error("{problem} in {path}")]
    Content {
        /// Where.
        path: String,
        /// What is wrong.
        problem: &'static str,
    },
}

#[cfg(test)]
mod tests;
