//! FHIRPath Patch (R4 §3.1.0.6.2): changes to a resource, told by Parameters.

mod edit;
mod place;
mod read;

use fhir::json::Tree;
use serde_json::Value;

use crate::eval::{Context, EvalError, Limits, NoHost};
use crate::{Element, Expression};
use edit::Editing;
use place::{Place, place};

/// The most operations of one patch; each of them reads the resource anew.
pub const MAX_OPERATIONS: usize = 100;

/// The most steps of one path; a path that names a place needs few.
const MAX_STEPS: u64 = 200_000;

/// A patch that was read.
#[derive(Debug)]
pub struct Patch(Vec<Operation>);

/// One change.
#[derive(Debug)]
struct Operation {
    path: Expression,
    /// Where a list is that has no items yet: the element that would hold it, and its name.
    list: Option<(Expression, String)>,
    change: Change,
}

/// What changes.
#[derive(Debug)]
enum Change {
    /// An element comes to the one that the path finds.
    Add { name: String, value: New },
    /// An item comes into the list that the path finds.
    Insert { index: usize, value: New },
    /// What the path finds goes.
    Delete,
    /// What the path finds gets another value.
    Replace { value: New },
    /// An item of the list that the path finds goes to another place in it.
    Move { source: usize, destination: usize },
}

/// A new value as Parameters tell it.
#[derive(Debug, Clone)]
enum New {
    /// `value[x]`: the type as the name of the member says it (`CodeableConcept`), the value, and
    /// what lies beside a primitive.
    Typed { ty: String, value: Option<Value>, beside: Option<Value> },
    /// The parts of an element whose type has no name.
    Parts(Vec<(String, New)>),
}

/// Why a patch is none, or cannot be applied. Operations are counted from 0; no value is quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It is no Parameters with operations.
    #[error("a FHIRPath Patch is a Parameters resource with 1 to {MAX_OPERATIONS} operations")]
    NotAPatch,
    /// An operation lacks something, or has something that it cannot have.
    #[error("operation {0}: {1}")]
    Operation(usize, &'static str),
    /// A path cannot be read.
    #[error("the path of operation {0} is not FHIRPath")]
    Path(usize),
    /// A path cannot be evaluated.
    #[error("the path of operation {0} cannot be evaluated: {1}")]
    Evaluation(usize, EvalError),
    /// The resource cannot be read.
    #[error("the resource cannot be read")]
    Resource,
    /// A path finds nothing, or more than one element.
    #[error("the path of operation {0} has to find one element")]
    NotOne(usize),
    /// A path finds what is no element of the resource.
    #[error("the path of operation {0} finds no element of the resource")]
    NoElement(usize),
    /// The type has no such element, or not of this type.
    #[error("operation {0}: the element is not one of its type")]
    Type(usize),
    /// The element is there already and does not repeat.
    #[error("operation {0}: the element is there already")]
    Exists(usize),
    /// There is no such place in the list.
    #[error("operation {0}: the list has no such place")]
    Index(usize),
}

impl PatchError {
    /// Whether the patch itself is wrong, rather than not fitting the resource.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::NotAPatch | Self::Operation(..) | Self::Path(_))
    }
}

impl Patch {
    /// Reads a patch. Call [`fhir::json::check`] first on anything from outside.
    pub fn read(parameters: &str) -> Result<Self, PatchError> {
        read::read(parameters).map(Self)
    }

    /// The resource, as JSON, after the patch. Numbers keep their digits.
    pub fn apply(&self, json: &str) -> Result<String, PatchError> {
        let mut text = json.to_owned();
        for (n, operation) in self.0.iter().enumerate() {
            text = operation.apply(n, &text)?;
        }
        Ok(text)
    }
}

impl Operation {
    fn apply(&self, n: usize, json: &str) -> Result<String, PatchError> {
        let tree = Tree::parse(json).map_err(|_| PatchError::Resource)?;
        let root = Element::resource(tree.root());
        let found = find(&self.path, root, n)?;
        let mut document: Value = serde_json::from_str(json).map_err(|_| PatchError::Resource)?;
        let mut editing = Editing { document: &mut document, n };
        let one = || match found.as_slice() {
            [one] => Ok(*one),
            _ => Err(PatchError::NotOne(n)),
        };
        let at = |element: Element<'_>| place(tree.root(), element).ok_or(PatchError::NoElement(n));
        match &self.change {
            Change::Add { name, value } => {
                let holder = one()?;
                editing.add((holder.ty, &at(holder)?), name, value)?;
            }
            Change::Insert { index, value } => match found.first() {
                Some(first) => {
                    let places = places(&found, &at)?;
                    let ty = first.ty.ok_or(PatchError::Type(n))?;
                    editing.insert(&places, *index, (ty, value))?;
                }
                None if *index == 0 => self.begin(root, &mut editing, value, &at)?,
                None => return Err(PatchError::Index(n)),
            },
            // What is not there need not be deleted.
            Change::Delete if found.is_empty() => {}
            Change::Delete => editing.delete(&at(one()?)?)?,
            Change::Replace { value } => {
                let old = one()?;
                editing.replace(root, (old.ty, &at(old)?), value)?;
            }
            Change::Move { source, destination } => {
                editing.shift(&places(&found, &at)?, *source, *destination)?;
            }
        }
        Ok(document.to_string())
    }

    /// Puts the first item into a list.
    fn begin<'t>(
        &self,
        root: Element<'t>,
        editing: &mut Editing<'_>,
        value: &New,
        at: &impl Fn(Element<'t>) -> Result<Place, PatchError>,
    ) -> Result<(), PatchError> {
        let n = editing.n;
        let (holder, name) = self.list.as_ref().ok_or(PatchError::NotOne(n))?;
        let [holder] = find(holder, root, n)?[..] else { return Err(PatchError::NotOne(n)) };
        editing.add((holder.ty, &at(holder)?), name, value)
    }
}

/// The elements that a path finds.
fn find<'t>(
    path: &Expression,
    root: Element<'t>,
    n: usize,
) -> Result<Vec<Element<'t>>, PatchError> {
    let limits = Limits { steps: MAX_STEPS, ..Limits::default() };
    let context = Context { limits, ..Context::new(&NoHost, root) };
    let items = path.evaluate(&context, root);
    let items = items.map_err(|error| PatchError::Evaluation(n, error))?;
    let elements = items.iter().map(|item| item.element().ok_or(PatchError::NoElement(n)));
    elements.collect()
}

/// Where the items of a list are. They have to be those of one list.
fn places<'t>(
    found: &[Element<'t>],
    at: &impl Fn(Element<'t>) -> Result<Place, PatchError>,
) -> Result<Vec<Place>, PatchError> {
    found.iter().map(|element| at(*element)).collect()
}

#[cfg(test)]
mod tests;
