//! The list that a cabinet shows: patients and their orders, kept by what it is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::formulary::FORMULARY;
use crate::site::{DialectFacts, OrderWords};
use crate::wire::listener::Reply;
use crate::wire::text::Text;

/// An order on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The local code of the item; none where the codes of the message mean nothing here.
    pub item: Option<&'static str>,
    /// Whether it is on hold.
    pub held: bool,
    /// The dose as told.
    pub dose: String,
    /// The timing as told.
    pub timing: String,
}

/// A patient on the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// All numbers by which the cabinet knows the patient.
    pub numbers: BTreeSet<String>,
    /// The orders, by the placer's number.
    pub orders: BTreeMap<String, Shown>,
}

/// Why a cabinet does not take in what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not understood, or makes no sense here.
    Senseless(String),
    /// An order is to be held whose patient is not on the list: the message and the patient's
    /// leave came by different ways.
    Gone,
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Refusal::Senseless(why)
    }
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Self {
        Refusal::Senseless(why.to_owned())
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Senseless(why) => Reply::Error(why),
            Refusal::Gone => Reply::Unknown("the patient is not on the list".to_owned()),
        }
    }
}

/// What a cabinet shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The patients.
    pub patients: Vec<Listed>,
}

impl Profile {
    /// The patient who has any of these numbers.
    pub fn find<S: AsRef<str>>(&self, numbers: &[S]) -> Option<&Listed> {
        self.patients.iter().find(|listed| has(listed, numbers))
    }

    /// Takes in a message for a cabinet that serves `wards`; an error says why it could not.
    pub(crate) fn hear(
        &mut self,
        text: &Text,
        dialect: &DialectFacts,
        wards: &[String],
    ) -> Result<(), Refusal> {
        let (kind, trigger) = (text.get("MSH", 9, 1), text.get("MSH", 9, 2));
        match (kind.as_str(), trigger.as_str()) {
            ("ADT", trigger) => Ok(self.hear_patient(text, trigger, wards)?),
            ("RDE", "O11" | "O01") => self.hear_orders(text, dialect),
            _ => Err(format!("{kind}^{trigger} is not understood").into()),
        }
    }

    fn hear_patient(&mut self, text: &Text, trigger: &str, wards: &[String]) -> Result<(), String> {
        let numbers = text.all("PID", 3, 1);
        if numbers.is_empty() {
            return Err("PID-3 is empty".to_owned());
        }
        let served = wards.contains(&text.get("PV1", 3, 1));
        match trigger {
            "A01" | "A02" | "A04" | "A08" | "A12" | "A13" if served => self.list(&numbers),
            // The patient is now told to be elsewhere.
            "A02" | "A12" | "A03" | "A11" => self.take_off(&numbers),
            "A01" | "A04" | "A08" | "A13" | "A28" | "A31" => {}
            "A40" => self.join(&numbers, &text.all("MRG", 1, 1))?,
            other => return Err(format!("ADT^{other} is not understood")),
        }
        Ok(())
    }

    fn list(&mut self, numbers: &[String]) {
        if let Some(listed) = self.patients.iter_mut().find(|listed| has(listed, numbers)) {
            listed.numbers.extend(numbers.iter().cloned());
        } else {
            let numbers = numbers.iter().cloned().collect();
            self.patients.push(Listed { numbers, orders: BTreeMap::new() });
        }
    }

    fn take_off(&mut self, numbers: &[String]) {
        self.patients.retain(|listed| !has(listed, numbers));
    }

    /// What is known by the old numbers goes to the survivor.
    fn join(&mut self, survivor: &[String], old: &[String]) -> Result<(), String> {
        if old.is_empty() {
            return Err("MRG-1 is empty".to_owned());
        }
        let known = |listed: &Listed| has(listed, survivor) || has(listed, old);
        let (joined, others): (Vec<Listed>, Vec<Listed>) =
            std::mem::take(&mut self.patients).into_iter().partition(known);
        self.patients = others;
        let whole = joined.into_iter().reduce(|mut whole, part| {
            whole.numbers.extend(part.numbers);
            whole.orders.extend(part.orders);
            whole
        });
        if let Some(mut whole) = whole {
            whole.numbers.extend(survivor.iter().chain(old).cloned());
            self.patients.push(whole);
        }
        Ok(())
    }

    fn hear_orders(&mut self, text: &Text, dialect: &DialectFacts) -> Result<(), Refusal> {
        let numbers = text.all("PID", 3, 1);
        let groups = text.groups("ORC");
        if groups.is_empty() {
            return Err("no ORC".into());
        }
        for group in &groups {
            let order = group.get("ORC", 2, 1);
            if order.is_empty() {
                return Err("ORC-2 is empty".into());
            }
            let listed = self.patients.iter_mut().find(|listed| has(listed, &numbers));
            hear_order(listed, group, &order, dialect)?;
        }
        Ok(())
    }
}

fn has<S: AsRef<str>>(listed: &Listed, numbers: &[S]) -> bool {
    numbers.iter().any(|number| listed.numbers.contains(number.as_ref()))
}

fn hear_order(
    listed: Option<&mut Listed>,
    group: &Text,
    order: &str,
    dialect: &DialectFacts,
) -> Result<(), Refusal> {
    let control = group.get("ORC", 1, 1);
    let OrderWords { new, change, hold, resume, stop, cancel } = dialect.words;
    let control = control.as_str();
    if control == stop || control == cancel {
        if let Some(listed) = listed {
            listed.orders.remove(order);
        }
        return Ok(());
    }
    let listed = match listed {
        Some(listed) => listed,
        None if control == hold => return Err(Refusal::Gone),
        None => return Err("the patient is not on the list".into()),
    };
    if control == new || control == change {
        let mut shown = shown(group, dialect)?;
        let before = listed.orders.get(order).is_some_and(|before| before.held);
        // A changed order stays on hold until it is resumed; ORC-5 may say so too.
        shown.held = group.get("ORC", 5, 1) == "HD" || (control == change && before);
        listed.orders.insert(order.to_owned(), shown);
        return Ok(());
    }
    if control != hold && control != resume {
        return Err(format!("ORC-1 {control} is not understood").into());
    }
    let shown = listed.orders.get_mut(order).ok_or("the order is not on the list")?;
    shown.held = control == hold;
    Ok(())
}

fn shown(group: &Text, dialect: &DialectFacts) -> Result<Shown, String> {
    if group.count("RXE") == 0 {
        return Err("no RXE".to_owned());
    }
    let codes = [group.get("RXE", 2, 1), group.get("RXE", 2, 4)];
    let item = FORMULARY.iter().find(|item| {
        let mut known = codes.iter().filter(|code| !code.is_empty());
        known.any(|code| *code == item.code || *code == item.vmp())
            || (item.alone && codes.contains(&item.vtm()))
    });
    let (pattern, priority) = if dialect.tq1 {
        (group.get("TQ1", 3, 1), group.get("TQ1", 9, 1))
    } else {
        (group.get("RXE", 1, 2), group.get("RXE", 1, 6))
    };
    let pattern = pattern.split('&').next().unwrap_or_default().to_owned();
    let timing = if pattern.is_empty() && priority == "PRN" { priority } else { pattern };
    if timing.is_empty() {
        return Err("no timing where this cabinet reads it".to_owned());
    }
    let dose = format!("{} {}", group.get("RXE", 3, 1), group.get("RXE", 5, 1));
    Ok(Shown { item: item.map(|item| item.code), held: false, dose, timing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::cabinet;
    use crate::wire::text::{Segment, message};

    /// `A01 1 WARDA`, `A40 1<2`, or `NW 1 7001`, with an optional further word for ORC-5.
    fn told(ward: usize, words: &str) -> Text {
        let dialect = cabinet(ward).dialect;
        let words: Vec<&str> = words.split(' ').collect();
        let (event, who) = (words[0], words[1]);
        let what = words.get(2).copied().unwrap_or_default();
        let header = Segment::new("MSH").put(10, "1");
        let pid = |numbers: &str| Segment::new("PID").raw(3, numbers.to_owned());
        let segments = if event.starts_with('A') {
            let (survivor, old) = who.split_once('<').unwrap_or((who, ""));
            vec![
                header.parts(9, &["ADT", event]),
                pid(&format!("{survivor}^^^NHS^NH~H{survivor}^^^RXX^MR")),
                Segment::new("MRG").put(1, old),
                Segment::new("PV1").parts(3, &[what, "BAY1", "B01"]),
            ]
        } else {
            let status = words.get(3).copied().unwrap_or_default();
            let timing = if dialect.tq1 { "" } else { "500 mg^TDS" };
            vec![
                header.parts(9, &["RDE", "O11"]),
                pid(&format!("{who}^^^NHS^NH")),
                Segment::new("ORC").put(1, event).parts(2, &[what, "EPMA"]).put(5, status),
                Segment::new("RXE")
                    .raw(1, timing.to_owned())
                    .parts(2, &["PARA500", "Paracetamol", "L"])
                    .put(3, "500")
                    .put(5, "mg"),
                Segment::new("TQ1").put(3, if dialect.tq1 { "TDS" } else { "" }),
            ]
        };
        Text::read(message(&segments).as_bytes()).unwrap()
    }

    /// The list as `1:7001,7002h 2:`, patients by their NHS number; `!` for each message refused.
    fn heard(ward: usize, messages: &[&str]) -> String {
        let facts = cabinet(ward);
        let mut profile = Profile::default();
        let mut refused = 0;
        for words in messages {
            let text = told(ward, words);
            refused += usize::from(profile.hear(&text, &facts.dialect, &facts.wards).is_err());
        }
        let mut shown: Vec<String> = profile
            .patients
            .iter()
            .map(|listed| {
                let number = listed.numbers.iter().next().unwrap();
                let order = |(number, shown): (&String, &Shown)| {
                    assert_eq!(shown.item, Some("PARA500"));
                    assert_eq!(shown.timing, "TDS");
                    format!("{number}{}", if shown.held { "h" } else { "" })
                };
                let orders: Vec<String> = listed.orders.iter().map(order).collect();
                format!("{number}:{}", orders.join(","))
            })
            .collect();
        shown.sort();
        shown.join(" ") + &"!".repeat(refused)
    }

    fn check(messages: &[&str], expected: &str) {
        assert_eq!(heard(0, messages), expected, "{messages:?}");
    }

    #[test]
    fn patients_come_and_go_by_where_they_are() {
        for event in ["A01", "A02", "A04", "A08", "A12", "A13"] {
            check(&[&format!("{event} 1 WARDA")], "1:");
            check(&[&format!("{event} 1 WARDB")], "");
        }
        check(&["A01 1 WARDA", "A01 2 WARDA", "A01 1 WARDA"], "1: 2:");
        check(&["A01 1 WARDA", "A08 1 WARDB"], "1:");
        check(&["A01 1 WARDA", "A31 1", "A28 2"], "1:");
        for event in ["A02 1 WARDB", "A12 1 WARDB", "A03 1 WARDA", "A11 1 WARDA"] {
            check(&["A01 1 WARDA", "NW 1 7001", event], "");
            check(&["A01 1 WARDA", "NW 1 7001", event, "A13 1 WARDA"], "1:");
        }
        check(&["A01 1 WARDA", "A60 1 WARDA"], "1:!");
    }

    #[test]
    fn orders_follow_their_control() {
        let with = |more: &[&str], expected: &str| {
            let all = [&["A01 1 WARDA", "NW 1 7001"], more].concat();
            check(&all, expected);
        };
        with(&[], "1:7001");
        with(&["NW 1 7001", "XO 1 7002"], "1:7001,7002");
        with(&["HD 1 7001"], "1:7001h");
        with(&["HD 1 7001", "XO 1 7001"], "1:7001h");
        with(&["HD 1 7001", "NW 1 7001"], "1:7001");
        with(&["HD 1 7001", "RL 1 7001"], "1:7001");
        with(&["NW 1 7002 HD"], "1:7001,7002h");
        with(&["DC 1 7001"], "1:");
        with(&["CA 1 7001", "DC 1 7009"], "1:");
        with(&["A01 1 WARDA"], "1:7001");
        with(&["HD 1 7009"], "1:7001!");
        with(&["XX 1 7001", "OH 1 7001"], "1:7001!!");
        check(&["NW 1 7001"], "!");
        check(&["DC 1 7001"], "");
        check(&["HD 1 7001"], "!");
    }

    #[test]
    fn an_order_of_somebody_who_left_cannot_be_held() {
        let facts = cabinet(0);
        let mut profile = Profile::default();
        let mut hear = |words| profile.hear(&told(0, words), &facts.dialect, &facts.wards);
        assert_eq!(hear("HD 1 7001"), Err(Refusal::Gone));
        assert_eq!(hear("NW 1 7001"), Err("the patient is not on the list".into()));
    }

    #[test]
    fn the_other_vendor_has_other_words() {
        let b = |messages: &[&str], expected: &str| assert_eq!(heard(1, messages), expected);
        b(&["A01 1 WARDB", "NW 1 7001", "OH 1 7001"], "1:7001h");
        b(&["A01 1 WARDB", "NW 1 7001", "OH 1 7001", "RL 1 7001"], "1:7001");
        b(&["A01 1 WARDB", "NW 1 7001", "XX 1 7001", "OC 1 7001"], "1:");
        b(&["A01 1 WARDB", "NW 1 7001", "HD 1 7001", "CA 1 7001"], "1:7001!!");
    }

    #[test]
    fn a_merge_joins_lists() {
        check(&["A01 1 WARDA", "NW 1 7001", "A01 2 WARDA", "NW 2 7002", "A40 1<2"], "1:7001,7002");
        check(&["A01 2 WARDA", "NW 2 7002", "A40 1<2", "HD 1 7002"], "1:7002h");
        check(&["A40 1<2"], "");
        check(&["A40 1"], "!");
    }
}
