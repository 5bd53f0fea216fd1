//! One mistake in a configuration: where, what, and how to mend it.

use std::fmt;
use std::ops::Range;

/// A mistake in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
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
        let line = text.get(..span.start).map(|before| before.matches('\n').count() + 1);
        Mistake { line, ..Mistake::whole(what, why, remedy) }
    }

    /// A mistake of the file as a whole.
    pub fn whole(what: &str, why: &str, remedy: &str) -> Self {
        let [what, why, remedy] = [what, why, remedy].map(str::to_owned);
        Mistake { line: None, what, why, remedy }
    }

    /// What the reader of TOML found.
    pub fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let why = error.message().replace('\n', " ");
        Mistake::at(text, span, "this cannot be read", &why, "mend it as docs/operate.md shows")
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: ")?,
            None => f.write_str("the file: ")?,
        }
        write!(f, "{}: {}; {}", self.what, self.why, self.remedy)
    }
}
