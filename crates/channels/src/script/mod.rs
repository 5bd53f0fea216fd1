//! Small scripts for what a dialect's data cannot say, one for a channel.
//!
//! A script is compiled once and runs on every message of its channel, after the rules of the
//! dialect: on the way in before the message is understood, on the way out before it is sent. It
//! sees the message and nothing else: no files, no network, no clock, no other messages. How much
//! it may do is limited ([`MAX_OPERATIONS`] and the others), so that a wrong one parks messages
//! and never stops a node. docs/dialects.md tells what it can call.

mod api;
mod failure;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use hl7v2::Editor;
use medicines::{Problem, ProblemCode};
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage,
    BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{AST, Engine, Scope};

use crate::dialect::{Table, Way};

use api::Message;
use failure::problem_of;

/// The most operations of one run: some milliseconds of work.
pub const MAX_OPERATIONS: u64 = 50_000;
/// How deep functions may call each other.
const MAX_CALLS: usize = 24;
/// The longest text, and all texts of one list together, in bytes.
const MAX_TEXT_BYTES: usize = 32 * 1024;
/// The most members of one list or map, those of the lists in it included.
const MAX_MEMBERS: usize = 4_096;
/// The most variables at a time.
const MAX_VARIABLES: usize = 256;
/// The most functions of one script.
const MAX_FUNCTIONS: usize = 64;
/// How deep expressions may be nested; in functions half as deep.
const MAX_DEPTH: usize = 64;
/// The longest script, in bytes.
pub const MAX_SCRIPT_BYTES: usize = 64 * 1024;
/// The longest reason of a refusal that is kept, in characters.
const MAX_REASON: usize = 200;

/// A script that was compiled.
#[derive(Clone)]
pub struct Script {
    name: Arc<str>,
    source: Arc<str>,
    ast: Arc<AST>,
}

/// Why a script cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It is too long.
    #[error("the script {0} is longer than 65536 bytes; make it shorter")]
    TooLong(String),
    /// It cannot be compiled.
    #[error("line {line} of {name}: {why}; mend the script")]
    Wrong {
        /// The script.
        name: String,
        /// The line, from 1; 0 where none can be told.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// What a script made of a message.
#[derive(Debug)]
pub(crate) enum Ran {
    /// The message, changed or not.
    Done(Editor),
    /// The message asks nothing.
    Dropped,
}

/// What a script decides about its message beside changing it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Drop,
    Reject(String),
}

impl Script {
    /// Compiles a script. `name` is what people call it: its file name.
    pub fn compile(name: &str, source: &str) -> Result<Self, ScriptError> {
        if source.len() > MAX_SCRIPT_BYTES {
            return Err(ScriptError::TooLong(name.to_owned()));
        }
        let ast = ENGINE.compile(source).map_err(|error| ScriptError::Wrong {
            name: name.to_owned(),
            line: error.position().line().unwrap_or_default(),
            why: error.err_type().to_string(),
        })?;
        Ok(Script { name: name.into(), source: source.into(), ast: Arc::new(ast) })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Runs it on a message. A refusal, an error and a limit are problems, with the line.
    pub(crate) fn run(
        &self,
        editor: Editor,
        tables: &Arc<BTreeMap<String, Table>>,
        way: Way,
    ) -> Result<Ran, Problem> {
        let message = Message::new(editor, Arc::clone(tables), way);
        let mut scope = Scope::new();
        scope.push_constant("msg", message.clone());
        let ended = ENGINE.run_ast_with_scope(&mut scope, &self.ast);
        drop(scope);
        let (editor, verdict) = message.end();
        match (ended, verdict) {
            (_, Some(Verdict::Drop)) => Ok(Ran::Dropped),
            (_, Some(Verdict::Reject(reason))) => Err(refused(&reason)),
            (Ok(()), None) => Ok(Ran::Done(editor)),
            (Err(error), None) => Err(problem_of(&self.name, &error)),
        }
    }
}

fn refused(reason: &str) -> Problem {
    let reason: String = reason.chars().take(MAX_REASON).collect();
    let text = format!("the channel's script refuses the message: {reason}");
    Problem::new(ProblemCode::RefusedByScript, text)
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({}, {} bytes)", self.name, self.source.len())
    }
}

/// Two scripts are the same where their name and their text are.
impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.source == other.source
    }
}

impl Eq for Script {}

/// The one engine: scripts share nothing but the functions that it has.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::new_raw();
    // The package of the language itself is left out: it can sleep.
    for module in [
        ArithmeticPackage::new().as_shared_module(),
        LogicPackage::new().as_shared_module(),
        BasicStringPackage::new().as_shared_module(),
        MoreStringPackage::new().as_shared_module(),
        BasicIteratorPackage::new().as_shared_module(),
        BasicMathPackage::new().as_shared_module(),
        BasicArrayPackage::new().as_shared_module(),
        BasicMapPackage::new().as_shared_module(),
    ] {
        engine.register_global_module(module);
    }
    // It makes code of text.
    engine.disable_symbol("eval");
    engine.set_max_operations(MAX_OPERATIONS);
    engine.set_max_call_levels(MAX_CALLS);
    engine.set_max_expr_depths(MAX_DEPTH, MAX_DEPTH / 2);
    engine.set_max_string_size(MAX_TEXT_BYTES);
    engine.set_max_array_size(MAX_MEMBERS);
    engine.set_max_map_size(MAX_MEMBERS);
    engine.set_max_variables(MAX_VARIABLES);
    engine.set_max_functions(MAX_FUNCTIONS);
    api::register(&mut engine);
    engine
});

/// A lock that nobody holds while it can fail is never poisoned in a way that matters.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
