//! Where an element lies in its document.

use fhir::json::Node;

use crate::Element;

/// A step from an object or an array into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The member of that name, without the underscore of what lies beside a primitive.
    Member(String),
    /// The item of that number.
    Item(usize),
}

/// The steps from the root to an element; none for the root itself.
pub(super) type Place = Vec<Step>;

/// Where an element is.
pub(super) fn place(root: Node<'_>, element: Element<'_>) -> Option<Place> {
    let wanted = element.value.or(element.beside)?;
    let mut steps = Place::new();
    let mut at = root;
    while at.index() != wanted.index() {
        let is_array = at.is_array();
        // Nodes lie in the order of the text: the last one that begins before it holds it.
        let inner = at.children().enumerate().take_while(|(_, it)| it.index() <= wanted.index());
        let (number, child) = inner.last()?;
        steps.push(if is_array {
            Step::Item(number)
        } else {
            let name = child.name();
            Step::Member(name.strip_prefix('_').unwrap_or(name).to_owned())
        });
        at = child;
    }
    Some(steps)
}
