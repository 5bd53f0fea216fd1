//! CE, CWE: coded elements to CodeableConcept.

use std::borrow::Cow;

use fhir::types::{CodeableConcept, Coding};
use hl7v2::{Field, Repetition};

use crate::dialect::Systems;
use crate::inbound::source::{Source, trimmed};

/// The most repetitions of a coded field that are read.
const MAX_CONCEPTS: usize = 32;

/// What a local code is a code of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Local {
    /// An item of the formulary.
    Item,
    /// Something of this name: its system is `https://{site}.nhs.uk/Id/{name}`.
    Of(&'static str),
}

impl Local {
    fn system<'m>(self, source: &Source<'m, '_>) -> Cow<'m, str> {
        match self {
            Local::Item => Cow::Borrowed(source.systems().item()),
            Local::Of(name) => Cow::Owned(source.systems().local(name)),
        }
    }
}

/// A coded element with all its triplets (HL7 2.5.1 §2.A.11): components 1 to 3 and 4 to 6 are
/// codings, 9 is the original text. A code without a coding system, or of a local one, is of the
/// system `local`. `None` where nothing was sent.
pub(crate) fn concept(
    source: &Source<'_, '_>,
    coded: &Repetition<'_>,
    local: Local,
) -> Option<CodeableConcept> {
    let mut concept = CodeableConcept::default();
    let text = |component: usize| trimmed(coded.component(component).text());
    for first in [1, 4] {
        let (code, display) = (text(first), text(first + 1));
        if code.is_empty() {
            // Words without a code are what the sender calls it.
            if !display.is_empty() && concept.text.is_none() {
                concept.text = Some(display.into_owned());
            }
            continue;
        }
        let name = text(first + 2);
        let peer = &source.dialect().coding_systems;
        let system = Systems::coding(&name, peer).unwrap_or_else(|| local.system(source));
        concept.coding.push(Coding {
            system: Some(system.into_owned()),
            code: Some(code.into_owned()),
            display: (!display.is_empty()).then(|| display.into_owned()),
            ..Coding::default()
        });
    }
    let original = text(9);
    if !original.is_empty() {
        concept.text = Some(original.into_owned());
    }
    if concept.text.is_none() {
        concept.text = concept.coding.iter().find_map(|coding| coding.display.clone());
    }
    (!concept.coding.is_empty() || concept.text.is_some()).then_some(concept)
}

/// The first repetition of a coded field.
pub(crate) fn first(
    source: &Source<'_, '_>,
    field: &Field<'_>,
    local: Local,
) -> Option<CodeableConcept> {
    concept(source, &field.repetition(1), local)
}

/// Every repetition of a coded field that says something.
pub(crate) fn all(
    source: &Source<'_, '_>,
    field: &Field<'_>,
    local: Local,
) -> Vec<CodeableConcept> {
    let repetitions = field.repetitions().take(MAX_CONCEPTS);
    repetitions.filter_map(|coded| concept(source, &coded, local)).collect()
}

/// What a coded element says in words: the text, else the code.
pub(crate) fn words(coded: &Repetition<'_>) -> String {
    let text = |component: usize| trimmed(coded.component(component).text());
    let said = text(2);
    if said.is_empty() { text(1).into_owned() } else { said.into_owned() }
}
