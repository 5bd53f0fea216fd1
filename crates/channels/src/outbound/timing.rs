//! When an order is to be given: as TQ1 (HL7 2.5.1 §4.5.4) or as RXE-1 (§4.5.3, data type TQ).

use std::borrow::Cow;

use fhir::resources::{MedicationRequest, RequestPriority};
use fhir::types::{CodeableConcept, Dosage, Repeat};
use hl7v2::{MessageBuilder, SegmentBuilder};
use medicines::orders::{contradicts, length, told_by};

use super::Voice;
use super::parts::amount;
use crate::dialect::{Rhythm, local_code, rhythm_of};

/// The timing of one instruction in HL7's words.
#[derive(Debug, Default, PartialEq, Eq)]
struct When {
    dose: Option<(String, String)>,
    code: String,
    times: Vec<String>,
    duration: Option<(String, String)>,
    /// How long each time lasts.
    occurrence: Option<(String, String)>,
    /// HL7 table 0472: `S` where the next timing follows this one, `A` where it goes along.
    conjunction: &'static str,
    start: String,
    end: String,
    priority: &'static str,
    as_needed: bool,
    condition: String,
    text: String,
    total: String,
}

/// Writes one TQ1 for each instruction.
pub(super) fn tq1(message: &mut MessageBuilder, order: &MedicationRequest, voice: &Voice) {
    for (when, number) in timings(order, voice).iter().zip(1_usize..) {
        let tq1 = message.segment("TQ1").set(1, &number.to_string());
        if let Some((value, unit)) = &when.dose {
            tq1.field(2, &[value, unit]);
        }
        tq1.set(3, &when.code);
        for (time, repetition) in when.times.iter().zip(1..) {
            tq1.components(4, repetition, &[time]);
        }
        if let Some((value, unit)) = &when.duration {
            tq1.field(6, &[value, unit]);
        }
        tq1.set(7, &when.start).set(8, &when.end).set(9, when.priority);
        if when.as_needed {
            tq1.repeat(9, &["PRN"]);
        }
        tq1.set(10, &when.condition).set(11, &when.text).set(12, when.conjunction);
        if let Some((value, unit)) = &when.occurrence {
            tq1.field(13, &[value, unit]);
        }
        tq1.set(14, &when.total);
    }
}

/// Writes RXE-1, a repetition for each instruction.
pub(super) fn rxe_1(rxe: &mut SegmentBuilder, order: &MedicationRequest, voice: &Voice) {
    for (when, repetition) in timings(order, voice).iter().zip(1..) {
        let mut put = |component, part, text: &str| {
            rxe.put(1, repetition, component, part, text);
        };
        if let Some((value, unit)) = &when.dose {
            put(1, 1, value);
            put(1, 2, unit);
        }
        put(2, 1, &when.code);
        put(2, 2, &when.times.join(","));
        if let Some((value, unit)) = &when.duration {
            put(3, 1, &duration_code(value, unit));
        }
        put(4, 1, &when.start);
        put(5, 1, &when.end);
        // There is room for one priority; `PRN` may stand in the code already.
        let told = when.code.starts_with("PRN") && !when.priority.is_empty();
        put(6, 1, if when.as_needed && !told { "PRN" } else { when.priority });
        put(7, 1, &when.condition);
        put(8, 1, &when.text);
        put(9, 1, when.conjunction);
        put(12, 1, &when.total);
    }
}

fn timings(order: &MedicationRequest, voice: &Voice) -> Vec<When> {
    let priority = match order.priority {
        Some(RequestPriority::Stat) => "S",
        Some(RequestPriority::Asap) => "A",
        Some(RequestPriority::Urgent) => "T",
        Some(RequestPriority::Routine) => "R",
        None => "",
    };
    let dosages = &order.dosage_instruction;
    let is_written = told_by(&order.extension).is_some();
    let one = |dosage| When { priority, ..timing(dosage, is_written, voice) };
    let mut all: Vec<When> = dosages.iter().map(one).collect();
    if let (true, Some((start, end)), [only]) = (is_written, length(order), all.as_mut_slice()) {
        // A cabinet would count from when it heard of the order.
        (only.start, only.end, only.duration) = (voice.time(start), voice.time(end), None);
    }
    if dosages.len() > 1 {
        for (when, dosage) in all.iter_mut().zip(dosages) {
            when.text = own_words(dosage, dosages, &when.text);
        }
    }
    for (when, pair) in all.iter_mut().zip(dosages.windows(2)) {
        let follows = pair[0].sequence < pair[1].sequence;
        when.conjunction = if follows { "S" } else { "A" };
    }
    all
}

/// The instructions that every timing has, which RXE-7 says for all of them.
pub(super) fn shared(dosages: &[Dosage]) -> impl Iterator<Item = &CodeableConcept> {
    let of_all = |instruction: &&CodeableConcept| {
        dosages.iter().all(|dosage| dosage.additional_instruction.contains(instruction))
    };
    let first = dosages.first().into_iter();
    first.flat_map(|dosage| &dosage.additional_instruction).filter(of_all)
}

/// What one of several timings says and the others do not, so that nobody has to find out which
/// words of the order are about which timing. `needed` are words that it must say in any case.
fn own_words(dosage: &Dosage, dosages: &[Dosage], needed: &str) -> String {
    let text = dosage.text.as_deref().unwrap_or_default();
    let alike = dosages.iter().all(|other| other.text == dosage.text);
    let mut words: Vec<&str> = vec![if alike { needed } else { text }];
    let own = dosage.additional_instruction.iter();
    let own = own.filter(|instruction| !shared(dosages).any(|of_all| of_all == *instruction));
    words.extend(own.filter_map(CodeableConcept::words));
    words.retain(|words| !words.is_empty());
    words.join("; ")
}

fn timing(dosage: &Dosage, is_written: bool, voice: &Voice) -> When {
    let reason = dosage.as_needed_codeable_concept.as_ref();
    let as_needed = reason.is_some() || dosage.as_needed_boolean == Some(true);
    let dose = dosage.dose_and_rate.iter().find_map(|rate| rate.dose_quantity.as_ref());
    let mut when = When {
        dose: dose.and_then(amount),
        as_needed,
        condition: reason.and_then(|reason| reason.words()).unwrap_or_default().to_owned(),
        ..When::default()
    };
    let Some(timing) = &dosage.timing else {
        return when;
    };
    let repeat = timing.repeat.as_ref();
    let said = timing.code.as_ref().and_then(|code| {
        code.coding.iter().find_map(|coding| coding.code.clone()).or_else(|| code.text.clone())
    });
    let said = said.filter(|said| !is_written || says_it(said, dosage, voice));
    when.code = code(repeat, said, as_needed, voice);
    if let Some(repeat) = repeat {
        let times = repeat.time_of_day.iter();
        when.times = times.map(|time| time.civil().strftime("%H%M").to_string()).collect();
        let period = repeat.bounds_period.as_ref();
        let start = period.and_then(|period| period.start.as_ref());
        let end = period.and_then(|period| period.end.as_ref());
        when.start = start.map(|at| voice.moment(at)).unwrap_or_default();
        when.end = end.map(|at| voice.moment(at)).unwrap_or_default();
        when.duration = repeat.bounds_duration.as_ref().and_then(amount);
        let unit = repeat.duration_unit.map_or("", fhir::types::UnitOfTime::as_str);
        let lasts = repeat.duration.as_ref().map(|long| long.value().normalize().to_string());
        when.occurrence = lasts.map(|value| (value, unit.to_owned()));
        when.total = repeat.count.map(|count| count.to_string()).unwrap_or_default();
    }
    if when.code.is_empty() && when.times.is_empty() {
        // Nothing coded says when, so the words do.
        when.text = dosage.text.clone().unwrap_or_default();
    }
    when
}

/// A frequency code: the peer's own where its table has one, else the one that was said where it
/// says the same, else an agreed one. What no code says is the code that was said.
fn code(repeat: Option<&Repeat>, said: Option<String>, as_needed: bool, voice: &Voice) -> String {
    let said = said.unwrap_or_default();
    let peer = &voice.dialect().timing_codes;
    let Some((repeat, rhythm)) = repeat.and_then(|it| Some((it, Rhythm::of(it, as_needed)?)))
    else {
        return said;
    };
    let own = peer.values().any(|known| *known == rhythm);
    let plain = |rhythm: &Rhythm| Rhythm { as_needed: false, ..rhythm.clone() };
    let same = rhythm_of(&said, peer).is_some_and(|meant| plain(&meant) == plain(&rhythm));
    if same && !own {
        return said;
    }
    let found = local_code(&rhythm, peer);
    let found = found.or_else(|| local_code(&rhythm.stated(repeat), peer));
    found.map_or(said, Cow::into_owned)
}

/// Whether this peer reads a code as what is ordered. A message's own code goes on to the peers
/// whatever it says, since the order follows from it; a client writes its code beside the pattern
/// by which the order is judged.
fn says_it(code: &str, dosage: &Dosage, voice: &Voice) -> bool {
    let meant = rhythm_of(code, &voice.dialect().timing_codes);
    meant.is_some_and(|meant| !contradicts(&meant, dosage))
}

/// TQ-3: `D5` for five days, `H12` for twelve hours (HL7 2.5.1 §4.3.3).
fn duration_code(value: &str, unit: &str) -> String {
    let letter = match unit {
        "s" => "S",
        "min" => "M",
        "h" => "H",
        "d" => "D",
        "wk" => "W",
        "mo" => "L",
        _ => "X",
    };
    format!("{letter}{value}")
}
