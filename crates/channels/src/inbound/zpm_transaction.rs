//! A pocket transaction: OMS^O05, or any other message with a ZPM segment.
//!
//! A vend or a return needs PID. ZPM-11 (who) is needed for all but an opening without a
//! removal, ZPM-19 (when) for all: the time of the message is when it was sent, perhaps hours
//! later. `I` and the older `D` are a vend. Parked: more than one ZPM, a negative amount of
//! anything but an adjustment, an amount or a count that the code needs and that is missing.

use hl7v2::Segment;
use medicines::cabinet::{Bin, Coded, Staff, Transaction, TransactionCode};
use medicines::stock::PocketAddress;
use medicines::{Problem, ProblemCode, Request};
use rust_decimal::Decimal;

use super::map::{identifier, quantity, staff};
use super::source::{Source, missing, trimmed};
use crate::dialect::{ZpmLayout, unit_of};

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let zpm = Zpm { source, segment: source.need("ZPM")?, layout: source.dialect().zpm_layout };
    if source.message.segments("ZPM").nth(1).is_some() {
        let text = "the message has several pocket transactions: send each in its own message";
        return Err(Problem::new(ProblemCode::BadValue, text).at("ZPM[2]"));
    }
    let code = zpm.code()?;
    let transaction = Transaction {
        code,
        system: zpm.need(2)?,
        station: zpm.need(3)?,
        address: PocketAddress {
            drawer: zpm.text(4),
            sub_drawer: zpm.text(16),
            pocket: zpm.text(5),
        },
        bin: bin(source),
        item: zpm.item(code)?,
        expected: zpm.count(8)?,
        actual: zpm.count(9)?,
        amount: zpm.amount(code)?,
        user: zpm.user(code)?,
        witness: zpm.staff(12),
        total: zpm.number(13)?,
        activity: zpm.activity()?,
        batch: Some(zpm.text(20)).filter(|batch| !batch.is_empty()),
        expiry: zpm.expiry()?,
        unit: zpm.unit(),
        patient: patient(source, code)?,
        order: source.message.segment("ORC").and_then(|orc| identifier::placer(source, &orc)),
        cancelled: cancelled(source),
    };
    zpm.check_counts(&transaction)?;
    Ok(Request::Transaction(Box::new(transaction)))
}

/// The segment, read by the numbers of the layout with components.
struct Zpm<'s, 'm, 'a> {
    source: &'s Source<'m, 'a>,
    segment: Segment<'a>,
    layout: ZpmLayout,
}

impl Zpm<'_, '_, '_> {
    /// Where the field of that number stands. In the layout with fields the item's text, the
    /// user's name and the witness's name are fields of their own and shift what follows.
    fn place(&self, number: usize) -> usize {
        match (self.layout, number) {
            (ZpmLayout::Components, _) | (_, ..=6) => number,
            (ZpmLayout::Fields, 7..=11) => number + 1,
            (ZpmLayout::Fields, 12) => number + 2,
            (ZpmLayout::Fields, _) => number + 3,
        }
    }

    fn text(&self, number: usize) -> String {
        trimmed(self.segment.text(self.place(number), 1)).into_owned()
    }

    fn need(&self, number: usize) -> Result<String, Problem> {
        let text = self.source.need_text(&self.segment, self.place(number), 1)?;
        Ok(text.into_owned())
    }

    fn number(&self, number: usize) -> Result<Option<Decimal>, Problem> {
        self.source.number(&self.segment, self.place(number), 1)
    }

    /// A count of what is in the pocket, which cannot be negative.
    fn count(&self, number: usize) -> Result<Option<Decimal>, Problem> {
        let count = self.number(number)?;
        if let Some(count) = count {
            let place = self.place(number);
            quantity::check_sign(self.source, &self.segment, place, count)?;
        }
        Ok(count)
    }

    fn problem(&self, code: ProblemCode, number: usize, text: &str) -> Problem {
        self.source.problem(code, &self.segment, self.place(number), text)
    }

    fn code(&self) -> Result<TransactionCode, Problem> {
        use TransactionCode as Code;
        Ok(match self.need(1)?.as_str() {
            "V" | "I" | "D" => Code::Vend,
            "R" => Code::Return,
            "W" => Code::Waste,
            "L" => Code::Load,
            "U" => Code::Unload,
            "F" => Code::Fill,
            "B" => Code::EmptyBin,
            "E" => Code::Expired,
            "C" => Code::Count,
            "A" => Code::Adjust,
            "N" => Code::Null,
            "X" => Code::Destroy,
            _ => {
                let text = "the transaction code is not in its table";
                return Err(self.problem(ProblemCode::UnknownCode, 1, text));
            }
        })
    }

    /// ZPM-6, or RQD-2 or RQD-3 where ZPM-6 has no code. An opening without a removal may be of
    /// no item.
    fn item(&self, code: TransactionCode) -> Result<Coded, Problem> {
        let words = match self.layout {
            ZpmLayout::Components => trimmed(self.segment.text(6, 2)),
            ZpmLayout::Fields => trimmed(self.segment.text(7, 1)),
        };
        let own = self.text(6);
        if !own.is_empty() {
            return Ok(Coded { code: own, text: words.into_owned() });
        }
        if let Some(rqd) = self.source.message.segment("RQD") {
            for field in [2, 3] {
                let code = trimmed(rqd.text(field, 1));
                if !code.is_empty() {
                    let text = trimmed(rqd.text(field, 2)).into_owned();
                    return Ok(Coded { code: code.into_owned(), text });
                }
            }
        }
        if code == TransactionCode::Null {
            return Ok(Coded { code: String::new(), text: words.into_owned() });
        }
        Err(self.problem(ProblemCode::FieldMissing, 6, "the transaction does not say which item"))
    }

    /// ZPM-10. Only an adjustment has a sign.
    fn amount(&self, code: TransactionCode) -> Result<Option<Decimal>, Problem> {
        use TransactionCode as Code;
        let amount = if code == Code::Adjust { self.number(10)? } else { self.count(10)? };
        let moves = matches!(
            code,
            Code::Vend | Code::Return | Code::Waste | Code::Fill | Code::Expired | Code::Destroy
        );
        if amount.is_none() && moves {
            let text = "the transaction does not say how much";
            return Err(self.problem(ProblemCode::FieldMissing, 10, text));
        }
        Ok(amount)
    }

    /// A count, a load and an adjustment set the balance and need something to set it to.
    fn check_counts(&self, told: &Transaction) -> Result<(), Problem> {
        use TransactionCode as Code;
        let counted = told.actual.is_some() || told.expected.is_some();
        let complete = match told.code {
            Code::Count => counted,
            Code::Load => counted || told.amount.is_some(),
            Code::Adjust => {
                told.actual.is_some() || (told.expected.is_some() && told.amount.is_some())
            }
            _ => true,
        };
        if complete {
            return Ok(());
        }
        let text = "the transaction does not say how much is in the pocket";
        Err(self.problem(ProblemCode::FieldMissing, 9, text))
    }

    /// ZPM-11 and -12: number and name, the name in components or in the next field.
    fn staff(&self, number: usize) -> Option<Staff> {
        let place = self.place(number);
        match self.layout {
            ZpmLayout::Components => staff::staff(&self.segment.field(place).repetition(1)),
            ZpmLayout::Fields => {
                let id = self.text(number);
                let name = self.segment.field(place + 1);
                let (family, given) = (name.component(1).text(), name.component(2).text());
                (!id.is_empty()).then(|| Staff { id, name: staff::name(&family, &given) })
            }
        }
    }

    fn user(&self, code: TransactionCode) -> Result<Staff, Problem> {
        match self.staff(11) {
            Some(staff) => Ok(staff),
            None if code == TransactionCode::Null => Ok(Staff::default()),
            None => {
                let text = "the transaction does not say who did it";
                Err(self.problem(ProblemCode::FieldMissing, 11, text))
            }
        }
    }

    fn activity(&self) -> Result<jiff::Timestamp, Problem> {
        let at = self.source.instant(&self.segment, self.place(19))?;
        at.ok_or_else(|| {
            let text = "the transaction does not say when it was done";
            self.problem(ProblemCode::FieldMissing, 19, text)
        })
    }

    /// The last day of the batch, in the field that the dialect names. A month alone, and the day
    /// 00, are the month's last day (GS1 General Specifications, §3.4.7).
    fn expiry(&self) -> Result<Option<jiff::civil::Date>, Problem> {
        let Some(field) = self.source.dialect().zpm_expiry else { return Ok(None) };
        let text = trimmed(self.segment.text(usize::from(field), 1));
        if text.is_empty() {
            return Ok(None);
        }
        let month = text.strip_suffix("00").filter(|month| month.len() == 6).unwrap_or(&*text);
        // Six digits that begin otherwise are a day of two digits' year (`261201`), which no field
        // of a date has room for.
        let date = if month.len() == 6 && month.starts_with("20") {
            let first = format!("{month}01");
            jiff::civil::Date::strptime("%Y%m%d", first).map(jiff::civil::Date::last_of_month)
        } else {
            jiff::civil::Date::strptime("%Y%m%d", &*text)
        };
        date.map(Some).map_err(|_| {
            let problem = Problem::new(ProblemCode::BadValue, "the expiry date is no date");
            problem.at(format!("ZPM-{field}"))
        })
    }

    /// RQD-6, else ZPM-34.
    fn unit(&self) -> Option<String> {
        let rqd = self.source.message.segment("RQD");
        let unit = rqd.map(|rqd| quantity::unit(self.source, &rqd, 6)).unwrap_or_default();
        if !unit.is_empty() {
            return Some(unit.into_owned());
        }
        let word = self.text(34);
        let unit = unit_of(&word, &self.source.dialect().units);
        (!unit.is_empty()).then(|| unit.into_owned())
    }
}

/// The patient's identifiers; none where the transaction needs no patient and names none.
fn patient(
    source: &Source<'_, '_>,
    code: TransactionCode,
) -> Result<Vec<fhir::types::Identifier>, Problem> {
    let needed = matches!(code, TransactionCode::Vend | TransactionCode::Return);
    match source.message.segment("PID") {
        Some(pid) if needed => identifier::need_patient(source, &pid),
        Some(pid) => identifier::of_patient(source, &pid),
        None if needed => Err(missing("PID")),
        None => Ok(Vec::new()),
    }
}

/// NTE-4 says which kind of pocket it is.
fn bin(source: &Source<'_, '_>) -> Bin {
    let kind = |nte: Segment<'_>| match nte.text(4, 1).trim().to_ascii_uppercase().as_str() {
        "PATIENT SPECIFIC BIN" => Some(Bin::PatientSpecific),
        "RETURN BIN" => Some(Bin::Return),
        _ => None,
    };
    source.message.segments("NTE").find_map(kind).unwrap_or_default()
}

/// A comment with CANCEL says that the device took the transaction back.
fn cancelled(source: &Source<'_, '_>) -> bool {
    let says = |nte: Segment<'_>| nte.field(3).free_text().to_ascii_uppercase().contains("CANCEL");
    source.message.segments("NTE").any(says)
}
