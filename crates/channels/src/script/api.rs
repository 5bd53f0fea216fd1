//! What a script can ask of its message and change in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hl7v2::{EditError, Editor, Level, Part, Value};
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString};
use rust_decimal::Decimal;

use super::failure::Failure;
use super::{Verdict, lock};
use crate::dialect::{Place, Table, Way};

type Done<T> = Result<T, Box<EvalAltResult>>;

/// How much one run may ask of its message: segments looked at, and 16 bytes each of segments
/// written. Our functions count as one operation to rhai, however long the message is.
const MAX_EFFORT: usize = 2_000_000;

/// The message of a script. Copies of it are the same message.
#[derive(Debug, Clone)]
pub(super) struct Message(Arc<Mutex<Work>>);

#[derive(Debug)]
struct Work {
    editor: Editor,
    tables: Arc<BTreeMap<String, Table>>,
    way: Way,
    verdict: Option<Verdict>,
    spent: usize,
}

/// A segment that a script names: all of a name, or one of them, from 1.
struct Named<'n> {
    name: &'n str,
    occurrence: Option<usize>,
}

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Message>("Message")
        .register_get("way", |message: &mut Message| match lock(&message.0).way {
            Way::In => "in",
            Way::Out => "out",
        })
        .register_fn("get", Message::get)
        .register_fn("set", |message: &mut Message, place: &str, text: &str| {
            message.set(place, text.into())
        })
        .register_fn("set", |message: &mut Message, place: &str, number: i64| {
            message.set(place, number.to_string().as_str().into())
        })
        .register_fn("set", |message: &mut Message, place: &str, number: Decimal| {
            message.set(place, number.to_string().as_str().into())
        })
        .register_fn("clear", |message: &mut Message, place: &str| {
            message.set(place, Value::Absent)
        })
        .register_fn("set_null", |message: &mut Message, place: &str| {
            message.set(place, Value::Null)
        })
        .register_fn("is_null", Message::is_null)
        .register_fn("count", Message::count)
        .register_fn("segments", Message::segments)
        .register_fn("repetitions", Message::repetitions)
        .register_fn("repeat", Message::repeat)
        .register_fn("add", Message::add)
        .register_fn("add_after", Message::add_after)
        .register_fn("remove", Message::remove)
        .register_fn("lookup", Message::lookup)
        .register_fn("drop", Message::drop)
        .register_fn("reject", Message::reject);
}

impl Message {
    pub(super) fn new(editor: Editor, tables: Arc<BTreeMap<String, Table>>, way: Way) -> Self {
        Message(Arc::new(Mutex::new(Work { editor, tables, way, verdict: None, spent: 0 })))
    }

    /// The message and what was decided about it, when the script has ended.
    pub(super) fn end(self) -> (Editor, Option<Verdict>) {
        match Arc::try_unwrap(self.0) {
            Ok(work) => {
                let work = work.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
                (work.editor, work.verdict)
            }
            Err(shared) => {
                let work = lock(&shared);
                (work.editor.clone(), work.verdict.clone())
            }
        }
    }

    /// The text at a place; empty where there is none.
    fn get(&mut self, place: &str) -> Done<ImmutableString> {
        let place = read(place)?;
        let mut work = lock(&self.0);
        work.spend(None)?;
        let text = work.at(&place).map(|index| work.editor.text(index, place.part()));
        Ok(text.unwrap_or_default().into())
    }

    fn is_null(&mut self, place: &str) -> Done<bool> {
        let place = read(place)?;
        let mut work = lock(&self.0);
        work.spend(None)?;
        Ok(work.at(&place).is_some_and(|at| work.editor.raw(at, place.part()) == b"\"\""))
    }

    fn set(&mut self, place: &str, value: Value<'_>) -> Done<()> {
        let place = read(place)?;
        let mut work = lock(&self.0);
        let Some(index) = work.at(&place) else {
            let what = format!("the message has no such segment as in {place}: add it first");
            return Err(Failure(what).into());
        };
        work.spend(Some(index))?;
        work.editor.set(index, place.part(), value).map_err(|error| failure(&error).into())
    }

    /// How many segments of a name there are.
    fn count(&mut self, name: &str) -> Done<i64> {
        let mut work = lock(&self.0);
        work.spend(None)?;
        Ok(number(work.editor.places(name).count()))
    }

    /// The segments in order, each as `RXE[2]`.
    fn segments(&mut self) -> Done<Array> {
        let mut work = lock(&self.0);
        work.spend(None)?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let each = (0..work.editor.segment_count()).filter_map(|at| work.editor.segment(at));
        let names = each.map(|segment| {
            let count = counts.entry(segment.name().to_owned()).or_default();
            *count += 1;
            Dynamic::from(format!("{}[{count}]", segment.name()))
        });
        Ok(names.collect())
    }

    /// How many repetitions a field has.
    fn repetitions(&mut self, place: &str) -> Done<i64> {
        let place = read(place)?;
        let mut work = lock(&self.0);
        work.spend(None)?;
        let count = work.at(&place).map(|at| work.editor.repetitions(at, place.field()));
        Ok(number(count.unwrap_or_default()))
    }

    /// Adds a repetition with these components to a field.
    #[expect(clippy::needless_pass_by_value, reason = "rhai hands lists over by value")]
    fn repeat(&mut self, place: &str, components: Array) -> Done<()> {
        let place = read(place)?;
        let mut work = lock(&self.0);
        let Some(index) = work.at(&place) else {
            return Err(Failure(format!("the message has no such segment as in {place}")).into());
        };
        let next = work.editor.repetitions(index, place.field()) + 1;
        for (value, component) in components.iter().zip(1..) {
            work.spend(Some(index))?;
            let text = value.to_string();
            let numbers = [place.field(), next, component, 1];
            let part = Part { numbers, level: Level::Component };
            let set = work.editor.set(index, part, text.as_str());
            set.map_err(|error| failure(&error))?;
        }
        Ok(())
    }

    /// Adds a segment at the end and tells its count.
    fn add(&mut self, name: &str) -> Done<i64> {
        let mut work = lock(&self.0);
        let end = work.editor.segment_count();
        work.insert(end, name)
    }

    /// Adds a segment behind another one and tells its count.
    fn add_after(&mut self, after: &str, name: &str) -> Done<i64> {
        let named = named(after)?;
        let mut work = lock(&self.0);
        work.spend(None)?;
        let Some(at) = work.find(named.name, named.occurrence.unwrap_or(1)) else {
            return Err(Failure(format!("there is no segment {}", shown(after))).into());
        };
        work.insert(at + 1, name)
    }

    /// Takes a segment away: `ZRX[2]` that one, `ZRX` all of them.
    fn remove(&mut self, segment: &str) -> Done<()> {
        let named = named(segment)?;
        let mut work = lock(&self.0);
        work.spend(None)?;
        let mut places: Vec<usize> = work.editor.places(named.name).collect();
        if let Some(number) = named.occurrence {
            places = places.into_iter().skip(number - 1).take(1).collect();
        }
        for place in places.into_iter().rev() {
            work.editor.remove(place).map_err(|error| failure(&error))?;
        }
        Ok(())
    }

    /// What a table of the dialect has for a code, or `()`.
    fn lookup(&mut self, table: &str, code: &str) -> Done<Dynamic> {
        let work = lock(&self.0);
        let Some(table) = work.tables.get(table) else {
            return Err(Failure("the dialect has no such table".to_owned()).into());
        };
        Ok(table.get(code.trim()).map_or(Dynamic::UNIT, |value| Dynamic::from(value.clone())))
    }

    /// Ends the script: the message asks nothing.
    fn drop(&mut self) -> Done<()> {
        self.decide(Verdict::Drop)
    }

    /// Ends the script: the message is not to be acted on.
    fn reject(&mut self, reason: &str) -> Done<()> {
        self.decide(Verdict::Reject(reason.to_owned()))
    }

    fn decide(&mut self, verdict: Verdict) -> Done<()> {
        lock(&self.0).verdict.get_or_insert(verdict);
        Err(EvalAltResult::ErrorTerminated(Dynamic::UNIT, rhai::Position::NONE).into())
    }
}

impl Work {
    /// Counts what a call costs, before it is done.
    fn spend(&mut self, index: Option<usize>) -> Done<()> {
        let segment = index.and_then(|index| self.editor.segment(index));
        let written = segment.map_or(0, |segment| segment.raw().len() / 16);
        self.spent += 1 + self.editor.segment_count() + written;
        if self.spent <= MAX_EFFORT {
            return Ok(());
        }
        Err(Failure("it asks too much of a message of this length".to_owned()).into())
    }

    fn find(&self, name: &str, occurrence: usize) -> Option<usize> {
        self.editor.places(name).nth(occurrence.checked_sub(1)?)
    }

    fn at(&self, place: &Place) -> Option<usize> {
        self.find(place.segment(), place.occurrence().unwrap_or(1))
    }

    fn insert(&mut self, at: usize, name: &str) -> Done<i64> {
        self.spend(None)?;
        let at = self.editor.insert(at, name).map_err(|error| failure(&error))?;
        Ok(number(self.editor.places(name).take_while(|place| *place <= at).count()))
    }
}

fn read(place: &str) -> Done<Place> {
    Place::parse(place).map_err(|_| {
        let what = format!("{} is not a place: write RXE-2.1 or PID-3[2].4", shown(place));
        Failure(what).into()
    })
}

fn named(text: &str) -> Done<Named<'_>> {
    let (name, occurrence) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((name, number)) => (name, number.parse().ok().filter(|number| *number > 0)),
        None => (text, None),
    };
    if name.len() != 3 || (occurrence.is_none() && text.len() != 3) {
        let what = format!("{} is not a segment: write RXE or RXE[2]", shown(text));
        return Err(Failure(what).into());
    }
    Ok(Named { name, occurrence })
}

/// What stands where a place should, as far as it has the form of one: it might be a value.
fn shown(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "[]-.".contains(c);
    if text.len() <= 16 && text.chars().all(plain) {
        format!("`{text}`")
    } else {
        "what is given".to_owned()
    }
}

fn failure(error: &EditError) -> Failure {
    Failure(error.to_string())
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
