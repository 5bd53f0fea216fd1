//! One mistake in a configuration: where, what, and how to mend it.

use std::fmt;
use std::ops::Range;

use super::suggest::mend;

/// A mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, by its path from the configuration's folder; none where all of them are meant.
    pub file: Option<String>,
    /// The line, from 1; none where the whole file is meant.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// Why it is wrong.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

impl Mistake {
    /// A mistake at a place in the text.
    pub fn at(text: &str, span: Range<usize>, what: &str, why: &str, remedy: &str) -> Self {
        Mistake { line: line_of(text, span.start), ..Mistake::whole(what, why, remedy) }
    }

    /// A mistake of the file as a whole.
    pub fn whole(what: &str, why: &str, remedy: &str) -> Self {
        let [what, why, remedy] = [what, why, remedy].map(str::to_owned);
        Mistake { file: None, line: None, what, why, remedy }
    }

    /// The same mistake in that file.
    #[must_use]
    pub fn of_file(self, file: &str) -> Self {
        Mistake { file: Some(file.to_owned()), ..self }
    }

    /// What the reader of TOML found.
    pub fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().replace('\n', " ");
        let at = text.get(span.clone()).unwrap_or_default();
        let (what, why, remedy) = mend(&message, at);
        Mistake::at(text, span, &what, &why, &remedy)
    }
}

/// The line of a place in a text, from 1.
pub(super) fn line_of(text: &str, at: usize) -> Option<usize> {
    text.get(..at).map(|before| before.matches('\n').count() + 1)
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        write!(f, "{}: {}; {}", self.what, self.why, self.remedy)
    }
}
