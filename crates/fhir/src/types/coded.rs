//! Codes with their system, and concepts that carry several of them and words.

use crate::element::element;

element! {
    /// A code of a code system (R4 Coding).
    pub struct Coding {
        /// The code system, as a URI; see [`crate::systems`].
        system: Option<String>,
        /// The version of the code system.
        version: Option<String>,
        /// The code.
        code: Option<String>,
        /// What the code means, in the words of the system.
        display: Option<String>,
        /// Whether a person chose this code directly.
        user_selected: Option<bool>,
    }
}

impl Coding {
    /// A code of a system, with its display where it is known.
    pub fn of(system: &str, code: &str, display: Option<&str>) -> Self {
        Self {
            system: Some(system.to_owned()),
            code: Some(code.to_owned()),
            display: display.map(str::to_owned),
            ..Self::default()
        }
    }
}

element! {
    /// A meaning said by any number of codes, by words, or both (R4 CodeableConcept).
    pub struct CodeableConcept {
        /// The codes, each of which says the whole meaning in its system.
        coding: Vec<Coding>,
        /// The words that were used.
        text: Option<String>,
    }
}

impl CodeableConcept {
    /// One code.
    pub fn of(system: &str, code: &str, display: Option<&str>) -> Self {
        Self { coding: vec![Coding::of(system, code, display)], text: None }
    }

    /// Words alone.
    pub fn from_text(text: &str) -> Self {
        Self { coding: Vec::new(), text: Some(text.to_owned()) }
    }

    /// The first code of the system.
    pub fn code_in(&self, system: &str) -> Option<&str> {
        self.coding
            .iter()
            .find(|coding| coding.system.as_deref() == Some(system))
            .and_then(|coding| coding.code.as_deref())
    }

    /// The first code of any of the systems, in the order of the systems.
    pub fn code_in_any(&self, systems: &[&str]) -> Option<&str> {
        systems.iter().find_map(|system| self.code_in(system))
    }

    /// What a person may read: the words, else the first display, else the first code.
    pub fn words(&self) -> Option<&str> {
        let display = || self.coding.iter().find_map(|coding| coding.display.as_deref());
        let code = || self.coding.iter().find_map(|coding| coding.code.as_deref());
        self.text.as_deref().or_else(display).or_else(code)
    }
}
