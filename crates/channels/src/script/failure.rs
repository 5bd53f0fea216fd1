//! What went wrong in a script, in words that hold nothing of the message.

use medicines::{Problem, ProblemCode};
use rhai::{EvalAltResult, Position};

use super::{MAX_CALLS, MAX_OPERATIONS};

/// A failure of one of our own functions: its words name places and never content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure(pub(super) String);

impl From<Failure> for Box<EvalAltResult> {
    fn from(failure: Failure) -> Self {
        EvalAltResult::ErrorRuntime(rhai::Dynamic::from(failure), Position::NONE).into()
    }
}

/// The problem of a message on which the script of that name failed.
pub(super) fn problem_of(name: &str, error: &EvalAltResult) -> Problem {
    let line = line(error);
    let why = why(error);
    let text = match line {
        Some(line) => format!("line {line} of the channel's script {name}: {why}"),
        None => format!("the channel's script {name}: {why}"),
    };
    Problem::new(ProblemCode::ScriptFailed, text)
}

/// The line of the innermost call.
fn line(error: &EvalAltResult) -> Option<usize> {
    let inner = match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => line(inner),
        _ => None,
    };
    inner.or_else(|| error.position().line())
}

/// Values of the message may be in what rhai says, so that only the kind of the error is told.
fn why(error: &EvalAltResult) -> String {
    use EvalAltResult as E;
    match error {
        E::ErrorInFunctionCall(_, _, inner, _) => why(inner),
        E::ErrorTooManyOperations(_) => format!("it takes more than {MAX_OPERATIONS} operations"),
        E::ErrorStackOverflow(_) => {
            format!("functions call each other more than {MAX_CALLS} deep")
        }
        E::ErrorDataTooLarge(..) => "a text, list or map becomes too large".to_owned(),
        E::ErrorTooManyVariables(_) => "there are too many variables".to_owned(),
        E::ErrorFunctionNotFound(signature, _) => format!("there is no function {signature}"),
        E::ErrorVariableNotFound(name, _) => format!("there is no variable {name}"),
        E::ErrorPropertyNotFound(name, _) => format!("there is no property {name}"),
        E::ErrorMismatchDataType(wanted, found, _)
        | E::ErrorMismatchOutputType(wanted, found, _) => {
            format!("a value is of the type {found} where {wanted} is needed")
        }
        E::ErrorArithmetic(..) => "a calculation has no result".to_owned(),
        E::ErrorArrayBounds(..) | E::ErrorStringBounds(..) | E::ErrorIndexNotFound(..) => {
            "it asks for a member that is not there".to_owned()
        }
        E::ErrorAssignmentToConstant(name, _) => format!("{name} cannot be assigned to"),
        E::ErrorRuntime(value, _) => match value.clone().try_cast::<Failure>() {
            Some(failure) => failure.0,
            None => "the script threw an error".to_owned(),
        },
        _ => "it fails here".to_owned(),
    }
}
