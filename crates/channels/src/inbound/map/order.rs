//! The orders of a message: ORC groups, whatever segment tells the medicine.

use fhir::resources::{MedicationRequest, MedicationRequestIntent, MedicationRequestStatus};
use fhir::systems::REQUEST_CATEGORY;
use fhir::types::{Annotation, CodeableConcept, Dosage, Identifier, Reference};
use hl7v2::{Group, Segment};
use jiff::Timestamp;
use medicines::orders::{Control, OrderMessage};
use medicines::{Problem, ProblemCode, Request};

use super::coded::{self, Local};
use super::{dose, identifier, quantity, staff, time, tq1};
use crate::inbound::source::{Source, missing, trimmed};

/// The most orders of one message.
pub(crate) const MAX_ORDERS: usize = 256;
/// The most notes of one order, and ingredients of one medicine.
const MAX_NOTES: usize = 64;

/// What takes over the segment that tells the medicine.
type Reader =
    fn(&Source<'_, '_>, &Segment<'_>, &mut MedicationRequest, &mut Dosage) -> Result<(), Problem>;

/// The segment that tells the medicine in one kind of message.
pub(crate) struct Detail {
    /// `RXE` or `RXO`.
    pub(crate) name: &'static str,
    /// The field of it that may hold the timing (a TQ).
    pub(crate) timing: Option<usize>,
    /// The field of it that holds the unit of the dose.
    pub(crate) unit: usize,
    pub(crate) read: Reader,
}

/// Reads all orders of a message.
pub(crate) fn orders(source: &Source<'_, '_>, detail: &Detail) -> Result<Request, Problem> {
    let pid = source.need("PID")?;
    let patient = identifier::need_patient(source, &pid)?;
    let mut orders: Vec<OrderMessage> = Vec::new();
    let mut ending: Option<Identifier> = None;
    let mut groups = source.message.groups("ORC").enumerate().peekable();
    while let Some((at, group)) = groups.next() {
        let orc = group.segment("ORC").ok_or_else(|| missing("ORC"))?;
        if at == MAX_ORDERS {
            let text = "there are more orders than are taken in one message";
            return Err(source.problem(ProblemCode::BadValue, &orc, 1, text));
        }
        let (word, control) = control(source, &orc)?;
        let placer = placer(source, &orc)?;
        let next = groups.peek().and_then(|(_, group)| group.segment("ORC"));
        if word == Word::Replace && next.is_some_and(|orc| orc.text(1, 1).trim() == "RO") {
            // The order that ends here is told by the order that takes its place.
            ending = Some(placer);
            continue;
        }
        let parent = identifier::parent(source, &orc).filter(|parent| !same(parent, &placer));
        let (control, replaces) = match word {
            Word::Replacement => (Control::New, ending.take().or(parent)),
            Word::Replace if parent.is_some() => (Control::New, parent),
            Word::Replace | Word::Other => (control, None),
        };
        let order = Order { source, detail, group, orc, control };
        orders.push(order.read(placer, replaces, &patient, at + 1)?);
    }
    if orders.is_empty() {
        return Err(missing("ORC"));
    }
    Ok(Request::Orders(orders))
}

/// The words that say that one order takes the place of another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// RP: this order is replaced.
    Replace,
    /// RO: this order replaces.
    Replacement,
    Other,
}

fn control(source: &Source<'_, '_>, orc: &Segment<'_>) -> Result<(Word, Control), Problem> {
    let text = source.need_text(orc, 1, 1)?;
    let word = match &*text {
        "RP" => Word::Replace,
        "RO" => Word::Replacement,
        _ => Word::Other,
    };
    let control = source.dialect().order_control.read(&text).ok_or_else(|| {
        let what = "this order control code asks nothing that is handled here";
        source.problem(ProblemCode::UnknownCode, orc, 1, what)
    })?;
    Ok((word, control))
}

fn placer(source: &Source<'_, '_>, orc: &Segment<'_>) -> Result<Identifier, Problem> {
    identifier::placer(source, orc).ok_or_else(|| {
        let text = "the order has no placer's number";
        source.problem(ProblemCode::FieldMissing, orc, 2, text)
    })
}

fn same(a: &Identifier, b: &Identifier) -> bool {
    a.system == b.system && a.value == b.value
}

/// One order of a message.
struct Order<'s, 'm, 'a> {
    source: &'s Source<'m, 'a>,
    detail: &'s Detail,
    group: Group<'m, 'a>,
    orc: Segment<'a>,
    control: Control,
}

impl<'a> Order<'_, '_, 'a> {
    fn read(
        &self,
        placer: Identifier,
        replaces: Option<Identifier>,
        patient: &[Identifier],
        index: usize,
    ) -> Result<OrderMessage, Problem> {
        let source = self.source;
        let mut order = MedicationRequest::new(
            MedicationRequestStatus::Active,
            MedicationRequestIntent::Order,
            Reference::default(),
        );
        order.identifier.push(placer.clone());
        order.identifier.extend(identifier::filler(source, &self.orc));
        order.status_reason = coded::first(source, &self.orc.field(16), Local::Of("reason"));
        let activity = source.activity(&[(Some(self.orc), 9)])?;
        let detail = self.group.segment(self.detail.name);
        // Only a new order or a new version tells what is ordered. A stop must take effect
        // whatever else stands beside it.
        if matches!(self.control, Control::New | Control::Change) {
            self.check_status()?;
            let detail = detail.ok_or_else(|| self.no_detail())?;
            self.content(&detail, &mut order, activity)?;
        }
        Ok(OrderMessage {
            control: self.control,
            placer,
            replaces,
            patient: patient.to_vec(),
            order,
            verified_by: self.verified_by(detail.as_ref()),
            activity,
            index,
        })
    }

    /// ORC-5 (HL7 table 0038, and `ZE` of pharmacy systems for an order that expired). An order
    /// is not made live by a message that also says that it is held or has ended.
    fn check_status(&self) -> Result<(), Problem> {
        let text = match self.orc.text(5, 1).trim() {
            "HD" => "the order is told as new or changed, and as put on hold",
            "DC" => "the order is told as new or changed, and as stopped",
            "CA" => "the order is told as new or changed, and as cancelled",
            "ZE" => "the order is told as new or changed, and as expired",
            _ => return Ok(()),
        };
        Err(self.source.problem(ProblemCode::OrderState, &self.orc, 5, text))
    }

    fn no_detail(&self) -> Problem {
        let name = self.detail.name;
        let text = format!("the order needs {name}, which tells the medicine");
        let place = match self.source.message.sequence_of(&self.orc) {
            n @ 2.. => format!("{name}[{n}]"),
            _ => name.to_owned(),
        };
        Problem::new(ProblemCode::SegmentMissing, text).at(place)
    }

    /// ORC-11, else RXE-14.
    fn verified_by(&self, detail: Option<&Segment<'_>>) -> Option<String> {
        let of =
            |segment: &Segment<'_>, field: usize| staff::staff(&segment.field(field).repetition(1));
        let rxe = detail.filter(|segment| segment.is("RXE"));
        let person = of(&self.orc, 11).or_else(|| of(rxe?, 14));
        person.map(|staff| staff.id)
    }

    fn content(
        &self,
        detail: &Segment<'a>,
        order: &mut MedicationRequest,
        activity: Timestamp,
    ) -> Result<(), Problem> {
        let (source, orc) = (self.source, &self.orc);
        let mut dosage = Dosage::default();
        (self.detail.read)(source, detail, order, &mut dosage)?;
        order.authored_on = Some(time::at(source, activity));
        order.requester = staff::reference(source, &orc.field(12).repetition(1));
        order.recorder = staff::reference(source, &orc.field(10).repetition(1));
        let group = trimmed(orc.text(4, 1));
        if !group.is_empty() {
            let system = source.systems().local("order-group");
            order.group_identifier = Some(Identifier::of(&system, &group));
        }
        order.category.extend(self.category());
        order.note = self.notes(detail);
        self.route(detail, &mut dosage);
        self.timing(detail, order, dosage, activity)
    }

    /// Inpatient or outpatient, by the class of the visit (PV1-2).
    fn category(&self) -> Option<CodeableConcept> {
        let pv1 = self.source.message.segment("PV1")?;
        let code = match pv1.text(2, 1).trim() {
            "I" | "B" => "inpatient",
            "O" | "E" | "R" => "outpatient",
            _ => return None,
        };
        Some(CodeableConcept::of(REQUEST_CATEGORY, code, None))
    }

    /// The segments of a name after the detail, else all of the group: in RDE^O11 those before
    /// RXE are the prescriber's and those after it the pharmacy's (HL7 2.5.1 §4.13.4).
    fn after(&self, detail: &Segment<'_>, name: &'static str) -> Vec<Segment<'a>> {
        let all: Vec<Segment<'a>> = self.group.iter().filter(|segment| segment.is(name)).collect();
        let later: Vec<_> =
            all.iter().filter(|segment| segment.index() > detail.index()).copied().collect();
        if later.is_empty() { all } else { later }
    }

    /// Several routes are a choice, which no single code says: they are kept in words.
    fn route(&self, detail: &Segment<'_>, dosage: &mut Dosage) {
        let source = self.source;
        let rxr = self.after(detail, "RXR");
        let [first, rest @ ..] = rxr.as_slice() else {
            return;
        };
        dosage.route = if rest.is_empty() {
            coded::first(source, &first.field(1), Local::Of("route"))
        } else {
            let words =
                rxr.iter().take(MAX_NOTES).map(|rxr| coded::words(&rxr.field(1).repetition(1)));
            Some(CodeableConcept::from_text(&words.collect::<Vec<_>>().join(" or ")))
        };
        dosage.site = coded::first(source, &first.field(2), Local::Of("site"));
        dosage.method = coded::first(source, &first.field(4), Local::Of("method"));
    }

    /// NTE-3, and the ingredients of a mixture (RXC) in words.
    fn notes(&self, detail: &Segment<'_>) -> Vec<Annotation> {
        let nte = self.after(detail, "NTE").into_iter().map(|nte| {
            let lines = nte.field(3).repetitions().map(|line| line.free_text().into_owned());
            lines.collect::<Vec<_>>().join("\n").trim().to_owned()
        });
        let rxc = self.after(detail, "RXC").into_iter().map(|rxc| ingredient(&rxc));
        let texts = nte.chain(rxc).filter(|text| !text.is_empty()).take(MAX_NOTES);
        texts.map(Annotation::new).collect()
    }

    fn timing(
        &self,
        detail: &Segment<'a>,
        order: &mut MedicationRequest,
        dosage: Dosage,
        activity: Timestamp,
    ) -> Result<(), Problem> {
        let (source, orc) = (self.source, self.orc);
        let start = source.stated(&orc, 15)?;
        let start = start.map(|dtm| source.resolve(dtm, &orc, 15)).transpose()?;
        let begin = tq1::Begin { start, made: Some(activity) };
        let own = self.detail.timing.map(|field| (*detail, field));
        let fields: Vec<_> = own.into_iter().chain([(orc, 7)]).collect();
        let timings = tq1::timings(source, &self.after(detail, "TQ1"), &fields, begin)?;
        order.priority = timings.iter().find_map(|timing| timing.priority);
        let unit = quantity::unit(source, detail, self.detail.unit);
        let doses: Vec<_> = timings.iter().filter_map(|timing| timing.dose.as_ref()).collect();
        dose::check_bare(&doses, &dosage)?;
        let left = doses.iter().map(|own| dose::leaves_own(own, &doses, &dosage));
        let left: Vec<bool> = left.collect::<Result<_, _>>()?;
        let mut left = left.into_iter();
        let several = timings.len() > 1;
        let mut sequence = 1;
        for timing in timings {
            let mut dosage = dosage.clone();
            dosage.sequence = several.then_some(sequence);
            sequence += i32::from(timing.then);
            // A timing has its own dose, or the order's.
            if let Some(own) = &timing.dose
                && !left.next().unwrap_or_default()
            {
                own.apply(&unit, &mut dosage)?;
            }
            dosage.timing = timing.timing;
            if timing.as_needed {
                match &timing.condition {
                    Some(text) => {
                        dosage.as_needed_codeable_concept = Some(CodeableConcept::from_text(text));
                    }
                    None => dosage.as_needed_boolean = Some(true),
                }
            } else if let Some(text) = &timing.condition {
                dosage.additional_instruction.push(CodeableConcept::from_text(text));
            }
            // It may say no more than the days, so it is not the whole instruction.
            let text = timing.text.as_deref().map(CodeableConcept::from_text);
            dosage.additional_instruction.extend(text);
            order.dosage_instruction.push(complete(dosage));
        }
        if order.dosage_instruction.is_empty() && dosage != Dosage::default() {
            order.dosage_instruction.push(complete(dosage));
        }
        Ok(())
    }
}

/// An ingredient in words: `Additive: Potassium chloride 20 mmol`.
fn ingredient(rxc: &Segment<'_>) -> String {
    let kind = match rxc.text(1, 1).trim() {
        "B" => "Base",
        "A" => "Additive",
        _ => "Ingredient",
    };
    let name = coded::words(&rxc.field(2).repetition(1));
    let (amount, unit) = (rxc.text(3, 1), rxc.text(4, 1));
    if name.is_empty() {
        return String::new();
    }
    format!("{kind}: {name} {amount} {unit}").trim_end().to_owned()
}

/// The dosage with words, the least that UK Core asks for: the sender's, else made of what was
/// sent, so that they say the same.
fn complete(mut dosage: Dosage) -> Dosage {
    if dosage.text.is_some() {
        return dosage;
    }
    let mut words: Vec<String> = Vec::new();
    if let Some(dose) = dosage.dose_and_rate.first() {
        let amount = |quantity: &fhir::types::Quantity| {
            let value = quantity.value.as_ref().map_or_else(String::new, ToString::to_string);
            format!("{value} {}", quantity.unit.as_deref().unwrap_or_default()).trim().to_owned()
        };
        words.extend(dose.dose_quantity.as_ref().map(amount));
        if let Some(range) = &dose.dose_range {
            let ends = range.low.iter().chain(&range.high).map(amount).collect::<Vec<_>>();
            words.push(ends.join(" to "));
        }
    }
    let code = dosage.timing.as_ref().and_then(|timing| timing.code.as_ref()?.words());
    words.extend(code.map(str::to_owned));
    if dosage.as_needed_boolean == Some(true) && !code.is_some_and(|code| code.starts_with("PRN")) {
        words.push("as required".to_owned());
    }
    if let Some(reason) =
        dosage.as_needed_codeable_concept.as_ref().and_then(CodeableConcept::words)
    {
        words.push(format!("as required for {reason}"));
    }
    words.extend(dosage.route.as_ref().and_then(|route| route.words()).map(str::to_owned));
    if !words.is_empty() {
        dosage.text = Some(words.join(" - "));
    }
    dosage
}
