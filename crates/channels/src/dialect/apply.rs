//! The rules of a dialect at work on a message.

use hl7v2::{EditError, Editor, Level};
use medicines::cases::Unmapped;
use medicines::{Problem, ProblemCode};

use super::Dialect;
use super::place::Place;
use super::rules::{On, Taking, Translation, Unknown, Way, When};

/// What the rules found beside what they changed.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Codes that no table knows and somebody is to add, with their places.
    pub(crate) unmapped: Vec<(String, Unmapped)>,
}

/// Applies the rules for messages of that way.
pub(crate) fn apply(dialect: &Dialect, way: Way, editor: &mut Editor) -> Result<Found, Problem> {
    let mut work = Work { way, orders: orders(editor), editor, found: Found::default() };
    for rule in dialect.copies.iter().filter(|rule| rule.on.takes(way)) {
        work.take(rule, false)?;
    }
    for rule in dialect.moves.iter().filter(|rule| rule.on.takes(way)) {
        work.take(rule, true)?;
    }
    for rule in &dialect.clears {
        work.write(rule.on, rule.when.as_ref(), &rule.field, |raw| !raw.is_empty(), "")?;
    }
    for rule in &dialect.sets {
        work.write(rule.on, rule.when.as_ref(), &rule.field, |_| true, &rule.value)?;
    }
    for rule in &dialect.defaults {
        work.write(rule.on, rule.when.as_ref(), &rule.field, <[u8]>::is_empty, &rule.value)?;
    }
    for rule in dialect.translations.iter().filter(|rule| rule.on.takes(way)) {
        work.translate(dialect, rule)?;
    }
    Ok(work.found)
}

/// The order that each segment belongs to: 0 before the first ORC, then 1, 2 and so on.
fn orders(editor: &Editor) -> Vec<usize> {
    let mut order = 0;
    let each = (0..editor.segment_count()).filter_map(|index| editor.segment(index));
    each.map(|segment| {
        order += usize::from(segment.is("ORC"));
        order
    })
    .collect()
}

struct Work<'e> {
    way: Way,
    editor: &'e mut Editor,
    orders: Vec<usize>,
    found: Found,
}

impl Work<'_> {
    /// The segments that a place means.
    fn targets(&self, place: &Place) -> Vec<usize> {
        let all = self.editor.places(place.segment());
        match place.occurrence() {
            Some(number) => all.skip(number - 1).take(1).collect(),
            None => all.collect(),
        }
    }

    /// The segment that `place` means for a rule that changes the segment at `target`: itself
    /// where it has the name; else in the same order the one of the same count, or its first;
    /// else the first before the orders.
    fn beside(&self, place: &Place, target: usize) -> Option<usize> {
        let all: Vec<usize> = self.editor.places(place.segment()).collect();
        if let Some(number) = place.occurrence() {
            return all.get(number - 1).copied();
        }
        if all.contains(&target) {
            return Some(target);
        }
        let order = self.orders[target];
        let of = |wanted: usize| all.iter().copied().filter(move |&at| self.orders[at] == wanted);
        let name = self.editor.segment(target)?.name().to_owned();
        let before = |at: &usize| *at < target && self.orders[*at] == order;
        let count = self.editor.places(&name).filter(before).count();
        let same = of(order).nth(count).or_else(|| of(order).next());
        let same = same.or_else(|| of(0).next());
        if order == 0 { same.or_else(|| all.first().copied()) } else { same }
    }

    fn holds(&self, when: Option<&When>, target: usize) -> bool {
        let Some(when) = when else { return true };
        if let Some(kind) = &when.kind {
            let Some(header) = self.editor.segment(0) else { return false };
            let (code, event) = (header.text(9, 1), header.text(9, 2));
            let same = match kind.split_once('^') {
                Some((wanted, only)) => wanted == code && only == event,
                None => *kind == code,
            };
            if !same {
                return false;
            }
        }
        let Some(place) = &when.field else { return true };
        let at = self.beside(place, target);
        let value = at.map_or_else(String::new, |at| self.editor.text(at, place.part()));
        let value = value.trim();
        when.is.as_deref().is_none_or(|wanted| wanted == value)
            && (when.one_of.is_empty() || when.one_of.iter().any(|wanted| wanted == value))
            && when.empty.is_none_or(|empty| empty == value.is_empty())
    }

    fn take(&mut self, rule: &Taking, clear: bool) -> Result<(), Problem> {
        let (from, to) = (rule.from.part(), rule.to.part());
        let mut taken = Vec::new();
        for target in self.targets(&rule.to) {
            if !self.holds(rule.when.as_ref(), target) {
                continue;
            }
            let Some(source) = self.beside(&rule.from, target) else { continue };
            let raw = self.editor.raw(source, from).to_vec();
            if raw.is_empty() {
                continue;
            }
            // What is wider than its new place would spill over into its neighbours: then the
            // first value alone is taken.
            let written = if from.level >= to.level || raw == b"\"\"" {
                self.editor.put_raw(target, to, &raw)
            } else {
                let text = self.editor.text(source, from);
                self.editor.set(target, to, text.as_str())
            };
            written.map_err(|error| problem(&rule.to, &error))?;
            taken.push(source);
        }
        if clear {
            for source in taken {
                let cleared = self.editor.put_raw(source, from, b"");
                cleared.map_err(|error| problem(&rule.from, &error))?;
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        on: On,
        when: Option<&When>,
        place: &Place,
        wanted: impl Fn(&[u8]) -> bool,
        value: &str,
    ) -> Result<(), Problem> {
        if !on.takes(self.way) {
            return Ok(());
        }
        for target in self.targets(place) {
            let part = place.part();
            if self.holds(when, target) && wanted(self.editor.raw(target, part)) {
                let written = self.editor.set(target, part, value);
                written.map_err(|error| problem(place, &error))?;
            }
        }
        Ok(())
    }

    fn translate(&mut self, dialect: &Dialect, rule: &Translation) -> Result<(), Problem> {
        let Some(table) = dialect.tables.get(&rule.table) else { return Ok(()) };
        for place in &rule.fields {
            for target in self.targets(place) {
                if !self.holds(rule.when.as_ref(), target) {
                    continue;
                }
                for part in place.values(self.editor, target) {
                    let code = self.editor.text(target, part);
                    let code = code.trim();
                    if code.is_empty() {
                        continue;
                    }
                    let other = match self.way {
                        Way::In => table.get(code).map(String::as_str),
                        Way::Out => {
                            let found = table.iter().find(|(_, ours)| *ours == code);
                            found.map(|(theirs, _)| theirs.as_str())
                        }
                    };
                    let value = match (other, rule.unknown) {
                        (Some(other), _) => other,
                        (None, Unknown::Keep) => continue,
                        (None, Unknown::Clear) => "",
                        (None, Unknown::Park) => return Err(unknown(rule, place, code)),
                        (None, Unknown::Case) => {
                            self.found.unmapped.push((place.to_string(), named(rule, code)));
                            continue;
                        }
                    };
                    debug_assert!(part.level >= Level::Component, "a code is one value");
                    let written = self.editor.set(target, part, value);
                    written.map_err(|error| problem(place, &error))?;
                }
            }
        }
        Ok(())
    }
}

fn named(rule: &Translation, code: &str) -> Unmapped {
    Unmapped { table: format!("tables.{}", rule.table), code: code.to_owned() }
}

fn unknown(rule: &Translation, place: &Place, code: &str) -> Problem {
    let shown = named(rule, code).shown();
    let text = format!(
        "the table `{}` of the channel's dialect does not know {shown}: add it, then replay",
        rule.table
    );
    Problem::new(ProblemCode::UnknownCode, text).at(place.to_string())
}

fn problem(place: &Place, error: &EditError) -> Problem {
    let text = format!("a rule of the channel's dialect cannot be applied: {error}");
    Problem::new(ProblemCode::ScriptFailed, text).at(place.to_string())
}
