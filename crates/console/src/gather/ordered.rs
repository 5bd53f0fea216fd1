//! What an order says, line by line, in words that a pharmacist reads.

use fhir::DateTime;
use fhir::resources::MedicationRequest;
use fhir::types::{CodeableConcept, Dosage, Period, Quantity, Range, Ratio, Repeat, Timing};

use crate::words::{minute, sentence};

/// One line: the part of the order that it is from, what it tells of, and the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) part: Part,
    pub(super) label: String,
    pub(super) text: String,
}

/// The parts of an order. Each stands for elements of the MedicationRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Medicine,
    Dosage,
    Status,
    Priority,
    Prohibition,
    Reason,
    Substitution,
    Notes,
}

impl Part {
    pub(super) const ALL: [Part; 8] = [
        Part::Prohibition,
        Part::Medicine,
        Part::Dosage,
        Part::Reason,
        Part::Status,
        Part::Priority,
        Part::Substitution,
        Part::Notes,
    ];

    /// The part in which an element is shown.
    pub(super) fn of(element: &str) -> Self {
        match element {
            "dosageInstruction" => Part::Dosage,
            "status" => Part::Status,
            "priority" => Part::Priority,
            "doNotPerform" => Part::Prohibition,
            "reasonCode" => Part::Reason,
            "substitution" => Part::Substitution,
            "note" => Part::Notes,
            _ => Part::Medicine,
        }
    }

    /// The part as a word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Medicine => "Medicine",
            Part::Dosage => "Dose",
            Part::Status => "Status",
            Part::Priority => "Priority",
            Part::Prohibition => "Do not give",
            Part::Reason => "Reason",
            Part::Substitution => "Substitution",
            Part::Notes => "Note",
        }
    }
}

/// The medicine as people name it.
pub(super) fn medicine(order: &MedicationRequest) -> String {
    super::stock::words(order.medication_concept().as_ref())
}

/// The doses in one line.
pub(super) fn dose(order: &MedicationRequest) -> String {
    let one = |dosage: &Dosage| {
        dosage.text.clone().unwrap_or_else(|| {
            let lines = dosage_lines(dosage);
            let short = lines.into_iter().filter(|(label, _)| {
                matches!(*label, "Amount" | "Rate" | "Over" | "Route" | "When" | "As needed")
            });
            let words = |(label, text): (&str, String)| match label {
                "Over" => format!("over {text}"),
                _ => text,
            };
            short.map(words).collect::<Vec<_>>().join(", ")
        })
    };
    let all: Vec<String> =
        order.dosage_instruction.iter().map(one).filter(|text| !text.is_empty()).collect();
    if all.is_empty() { "no dose told".to_owned() } else { all.join("; then ") }
}

/// Everything that the order says, in the order of [`Part::ALL`].
pub(super) fn lines(order: &MedicationRequest) -> Vec<Line> {
    let mut lines = Vec::new();
    for part in Part::ALL {
        let mut add = |label: &str, text: String| {
            lines.push(Line { part, label: label.to_owned(), text });
        };
        let name = part.name();
        match part {
            Part::Prohibition => {
                if order.do_not_perform == Some(true) {
                    add(name, "This medicine is not to be given".to_owned());
                }
            }
            Part::Medicine => add(name, medicine(order)),
            Part::Dosage => {
                let several = order.dosage_instruction.len() > 1;
                for (at, dosage) in order.dosage_instruction.iter().enumerate() {
                    let step = if several { format!("Step {}: ", at + 1) } else { String::new() };
                    for (label, text) in dosage_lines(dosage) {
                        add(&format!("{step}{label}"), text);
                    }
                }
            }
            Part::Reason => concepts(&order.reason_code).into_iter().for_each(|text| {
                add(name, text);
            }),
            Part::Status => add(name, sentence(order.status.as_str())),
            Part::Priority => {
                if let Some(priority) = order.priority {
                    add(name, sentence(priority.as_str()));
                }
            }
            Part::Substitution => {
                let allowed = order.substitution.as_ref().and_then(|one| one.allowed_boolean);
                if let Some(allowed) = allowed {
                    add(name, if allowed { "Allowed" } else { "Not allowed" }.to_owned());
                }
            }
            Part::Notes => order.note.iter().for_each(|note| add(name, note.text.clone())),
        }
    }
    lines
}

fn dosage_lines(dosage: &Dosage) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let mut add = |label, text: Option<String>| {
        lines.extend(text.filter(|text| !text.trim().is_empty()).map(|text| (label, text)));
    };
    add("Instruction", dosage.text.clone());
    for one in &dosage.dose_and_rate {
        add("Amount", one.dose_quantity.as_ref().map(quantity));
        add("Amount", one.dose_range.as_ref().map(range));
        add("Rate", one.rate_quantity.as_ref().map(quantity));
        add("Rate", one.rate_ratio.as_ref().map(ratio));
        add("Rate", one.rate_range.as_ref().map(range));
    }
    let repeat = dosage.timing.as_ref().and_then(|timing| timing.repeat.as_ref());
    add("Over", repeat.and_then(lasts));
    add("Route", concept(dosage.route.as_ref()));
    add("Site", concept(dosage.site.as_ref()));
    add("Method", concept(dosage.method.as_ref()));
    if let Some(timing) = &dosage.timing {
        add("When", Some(when(timing)));
        add("From and until", repeat.and_then(bounds));
        add("Doses in all", repeat.and_then(|one| one.count).map(|count| count.to_string()));
    }
    let needed = match (&dosage.as_needed_codeable_concept, dosage.as_needed_boolean) {
        (Some(why), _) => Some(format!("as needed: {}", why.words().unwrap_or("no reason told"))),
        (None, Some(true)) => Some("as needed".to_owned()),
        _ => None,
    };
    add("As needed", needed);
    add("Most at once", dosage.max_dose_per_administration.as_ref().map(quantity));
    add("Most over time", dosage.max_dose_per_period.as_ref().map(ratio));
    add("Most in a life", dosage.max_dose_per_lifetime.as_ref().map(quantity));
    for text in concepts(&dosage.additional_instruction) {
        add("Also", Some(text));
    }
    add("For the patient", dosage.patient_instruction.clone());
    lines
}

fn concept(concept: Option<&CodeableConcept>) -> Option<String> {
    concept?.words().map(str::to_owned)
}

fn concepts(all: &[CodeableConcept]) -> Vec<String> {
    all.iter().filter_map(CodeableConcept::words).map(str::to_owned).collect()
}

fn quantity(quantity: &Quantity) -> String {
    let bound = quantity.comparator.map_or(String::new(), |bound| format!("{} ", bound.as_str()));
    let value = quantity.value.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    let unit = quantity.unit.as_deref().or(quantity.code.as_deref()).unwrap_or_default();
    format!("{bound}{value} {unit}").trim_end().to_owned()
}

fn range(range: &Range) -> String {
    let end = |end: &Option<Quantity>| end.as_ref().map_or_else(|| "?".to_owned(), quantity);
    format!("{} to {}", end(&range.low), end(&range.high))
}

fn ratio(ratio: &Ratio) -> String {
    let part = |part: &Option<Quantity>| part.as_ref().map_or_else(|| "?".to_owned(), quantity);
    format!("{} in {}", part(&ratio.numerator), part(&ratio.denominator))
}

/// How often, as it was told: the code's words, and what the repeat says beside it.
fn when(timing: &Timing) -> String {
    let mut parts: Vec<String> = concept(timing.code.as_ref()).into_iter().collect();
    parts.extend(timing.event.iter().map(time));
    if let Some(repeat) = &timing.repeat {
        parts.extend(frequency(repeat));
        parts.extend(repeat.time_of_day.iter().map(|time| format!("at {time}")));
        parts.extend(repeat.day_of_week.iter().map(|day| sentence(day.as_str())));
        parts.extend(repeat.when.iter().map(|when| when.as_str().to_owned()));
    }
    parts.join(", ")
}

/// How long each dose takes, as an infusion that runs in: `30 min`, `30 to 60 min`.
fn lasts(repeat: &Repeat) -> Option<String> {
    let unit = repeat.duration_unit.map_or("?", |unit| unit.as_str());
    match (&repeat.duration, &repeat.duration_max) {
        (Some(least), Some(most)) => Some(format!("{least} to {most} {unit}")),
        (Some(long), None) => Some(format!("{long} {unit}")),
        (None, Some(most)) => Some(format!("at most {most} {unit}")),
        (None, None) => None,
    }
}

fn frequency(repeat: &Repeat) -> Option<String> {
    let period = repeat.period.as_ref()?;
    let unit = repeat.period_unit.map_or("?", |unit| unit.as_str());
    let most = |most: Option<String>| most.map(|most| format!(" to {most}")).unwrap_or_default();
    let times = repeat.frequency.unwrap_or(1);
    let times_most = most(repeat.frequency_max.map(|most| most.to_string()));
    let period_most = most(repeat.period_max.as_ref().map(ToString::to_string));
    Some(format!("{times}{times_most} × in {period}{period_most} {unit}"))
}

fn bounds(repeat: &Repeat) -> Option<String> {
    let period = |Period { start, end, .. }: &Period| match (start, end) {
        (Some(start), Some(end)) => format!("from {} until {}", time(start), time(end)),
        (Some(start), None) => format!("from {}", time(start)),
        (None, Some(end)) => format!("until {}", time(end)),
        (None, None) => String::new(),
    };
    let given = repeat.bounds_period.as_ref().map(period);
    given
        .or_else(|| repeat.bounds_duration.as_ref().map(|for_| format!("for {}", quantity(for_))))
        .or_else(|| repeat.bounds_range.as_ref().map(|for_| format!("for {}", range(for_))))
}

/// A time in the UK; a day, a month or a year as it was told.
fn time(time: &DateTime) -> String {
    if time.as_str().contains('T') { minute(&time.lower()) } else { time.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a pharmacist reads of a dosage in FHIR's JSON, and what the queue has of it.
    #[track_caller]
    fn check(dosage: &str, lines: &[(&str, &str)], short: &str) {
        let told: Dosage = serde_json::from_str(dosage).unwrap();
        let found = dosage_lines(&told);
        let found: Vec<_> = found.iter().map(|(label, text)| (*label, text.as_str())).collect();
        assert_eq!(found, lines);
        let mut order = MedicationRequest::new(
            fhir::resources::MedicationRequestStatus::Active,
            fhir::resources::MedicationRequestIntent::Order,
            fhir::types::Reference::default(),
        );
        order.dosage_instruction = vec![told];
        assert_eq!(dose(&order), short);
    }

    #[test]
    fn an_infusion_has_its_rate_and_how_long_it_runs() {
        check(
            r#"{"timing":{"repeat":{"duration":30,"durationUnit":"min","frequency":2,"period":1,
            "periodUnit":"d"}},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"g"}}]}"#,
            &[("Amount", "1 g"), ("Over", "30 min"), ("When", "2 × in 1 d")],
            "1 g, over 30 min, 2 × in 1 d",
        );
        check(
            r#"{"timing":{"repeat":{"duration":0.5,"durationMax":1,"durationUnit":"h"}}}"#,
            &[("Over", "0.5 to 1 h")],
            "over 0.5 to 1 h",
        );
        check(
            r#"{"doseAndRate":[{"rateQuantity":{"value":83.3,"unit":"ml/h"}}]}"#,
            &[("Rate", "83.3 ml/h")],
            "83.3 ml/h",
        );
        check(
            r#"{"doseAndRate":[{"rateRatio":{"numerator":{"value":1000,"unit":"ml"},
            "denominator":{"value":8,"unit":"h"}}}]}"#,
            &[("Rate", "1000 ml in 8 h")],
            "1000 ml in 8 h",
        );
        check(
            r#"{"timing":{"repeat":{"durationMax":2,"durationUnit":"h"}}}"#,
            &[("Over", "at most 2 h")],
            "over at most 2 h",
        );
        check(r#"{"timing":{"repeat":{"count":3}}}"#, &[("Doses in all", "3")], "no dose told");
    }
}
