//! A channel's rules and script at work on a message: what stands between the bytes of a peer and
//! the mappers, in both directions.

use std::sync::Arc;

use hl7v2::{Editor, Message};
use medicines::Problem;
use medicines::cases::Unmapped;

use crate::dialect::{Dialect, Way, apply};
use crate::script::{Ran, Script};

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Shaped {
    /// It is to be taken as it is now.
    As(Vec<u8>),
    /// A script lets it drop.
    Dropped,
}

/// A message in its new shape, and the codes in it that no table knows, with their places.
#[derive(Debug)]
pub(crate) struct Shaping {
    pub(crate) shaped: Shaped,
    pub(crate) unmapped: Vec<(String, Unmapped)>,
}

/// Whether a channel changes its messages at all.
pub(crate) fn shapes(dialect: &Dialect, script: Option<&Script>, way: Way) -> bool {
    script.is_some() || dialect.has_rules(way)
}

/// Applies the rules of the dialect, then the script. The bytes that are given stay as they are.
pub(crate) fn shape(
    message: &Message<'_>,
    dialect: &Dialect,
    script: Option<&Script>,
    way: Way,
) -> Result<Shaping, Problem> {
    let mut editor = Editor::new(message);
    let unmapped = apply(dialect, way, &mut editor)?.unmapped;
    let shaped = match script {
        None => Shaped::As(editor.encode()),
        Some(script) => match script.run(editor, &Arc::clone(&dialect.tables), way)? {
            Ran::Done(editor) => Shaped::As(editor.encode()),
            Ran::Dropped => Shaped::Dropped,
        },
    };
    Ok(Shaping { shaped, unmapped })
}
