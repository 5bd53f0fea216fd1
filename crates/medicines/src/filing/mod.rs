//! What other departments tell: results, requests, documents, appointments, staff, stock.
//!
//! Nothing here changes what may be given to a patient. It is kept by the number that its sender
//! knows it by, so that a second word about the same thing is a new version of it and never a
//! second one.

mod content;
mod file;
mod keep;

use fhir::resources::Patient;
use fhir::types::Identifier;
use fhir::{Id, ResourceType};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use content::Content;
pub use file::file;
pub use keep::{Keep, Kept, keep};

/// How many bytes of a digest an id holds: 160 bits, so that no two numbers ever share one.
const DIGEST_BYTES: usize = 20;

/// A message that tells of things by their numbers.
#[derive(Debug, Clone)]
pub struct Filing {
    /// The patient as far as the message tells; `None` for what is about nobody (staff, stock)
    /// and for an answer that names only the request.
    pub patient: Option<Box<Patient>>,
    /// Whether a patient who is not known yet becomes known by this message. Otherwise the
    /// message is parked until the PAS has told of the patient.
    pub introduces: bool,
    /// The visit number (PV1-19), where the message has one.
    pub visit: Option<Identifier>,
    /// What is told, each thing once.
    pub sheets: Vec<Sheet>,
    /// When the message was written (MSH-7); the recording time where it does not say so.
    pub told: Option<Timestamp>,
}

/// One thing that a message tells.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// What it is known by, unique within its resource type.
    pub number: String,
    /// The thing. It carries no id, subject or encounter: the domain gives them.
    pub content: Content,
    /// What becomes of what is known of it already.
    pub how: How,
}

/// What a word about a thing does to what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It tells the whole thing anew.
    Whole,
    /// It tells what changes; what it leaves out stays. A thing that is not known begins with it.
    Change,
    /// The same, and a thing that is not known is left alone.
    ChangeKnown,
    /// The same, and a thing that is not known is a problem.
    NeedsKnown,
}

/// A digit of base 16.
fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).expect("four bits are a digit of base 16")
}

/// The id of the thing of that type and number at a site: the same for every word about it.
pub fn id_of(site: &str, kind: ResourceType, number: &str) -> Id {
    let digest = Sha256::new().chain_update(kind.as_str()).chain_update("|").chain_update(number);
    let digest = digest.finalize();
    let site: String = site.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    let mut id = format!("{}.", site.to_ascii_lowercase());
    for byte in &digest[..DIGEST_BYTES] {
        id.push(hex(byte >> 4));
        id.push(hex(byte & 15));
    }
    Id::new(&id).expect("letters, digits and a dot below 64 characters are an id")
}
