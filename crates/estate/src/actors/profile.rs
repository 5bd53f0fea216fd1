//! The list that a cabinet shows: patients and their orders, kept by what it is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::formulary::FORMULARY;
use crate::site::{DialectFacts, OrderWords};
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
    ) -> Result<(), String> {
        let (kind, trigger) = (text.get("MSH", 9, 1), text.get("MSH", 9, 2));
        match (kind.as_str(), trigger.as_str()) {
            ("ADT", trigger) => self.hear_patient(text, trigger, wards),
            ("RDE", "O11" | "O01") => self.hear_orders(text, dialect),
            _ => Err(format!("{kind}^{trigger} is not understood")),
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
            self.patients.push(Listed {
                numbers,
                orders: BTreeMap::new(),
            });
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
        let (joined, others): (Vec<Listed>, Vec<Listed>) = std::mem::take(&mut self.patients)
            .into_iter()
            .partition(known);
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

    fn hear_orders(&mut self, text: &Text, dialect: &DialectFacts) -> Result<(), String> {
        let numbers = text.all("PID", 3, 1);
        let groups = text.groups("ORC");
        if groups.is_empty() {
            return Err("no ORC".to_owned());
        }
        for group in &groups {
            let order = group.get("ORC", 2, 1);
            if order.is_empty() {
                return Err("ORC-2 is empty".to_owned());
            }
            let listed = self
                .patients
                .iter_mut()
                .find(|listed| has(listed, &numbers));
            hear_order(listed, group, &order, dialect)?;
        }
        Ok(())
    }
}

fn has<S: AsRef<str>>(listed: &Listed, numbers: &[S]) -> bool {
    numbers
        .iter()
        .any(|number| listed.numbers.contains(number.as_ref()))
}

fn hear_order(
    listed: Option<&mut Listed>,
    group: &Text,
    order: &str,
    dialect: &DialectFacts,
) -> Result<(), String> {
    let control = group.get("ORC", 1, 1);
    let OrderWords {
        new,
        change,
        hold,
        resume,
        stop,
        cancel,
    } = dialect.words;
    let control = control.as_str();
    if control == stop || control == cancel {
        if let Some(listed) = listed {
            listed.orders.remove(order);
        }
        return Ok(());
    }
    let listed = listed.ok_or("the patient is not on the list")?;
    if control == new || control == change {
        let mut shown = shown(group, dialect)?;
        let before = listed.orders.get(order).is_some_and(|before| before.held);
        // A changed order stays on hold until it is resumed; ORC-5 may say so too.
        shown.held = group.get("ORC", 5, 1) == "HD" || (control == change && before);
        listed.orders.insert(order.to_owned(), shown);
        return Ok(());
    }
    if control != hold && control != resume {
        return Err(format!("ORC-1 {control} is not understood"));
    }
    let shown = listed
        .orders
        .get_mut(order)
        .ok_or("the order is not on the list")?;
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
    let timing = if pattern.is_empty() && priority == "PRN" {
        priority
    } else {
        pattern
    };
    if timing.is_empty() {
        return Err("no timing where this cabinet reads it".to_owned());
    }
    let dose = format!("{} {}", group.get("RXE", 3, 1), group.get("RXE", 5, 1));
    Ok(Shown {
        item: item.map(|item| item.code),
        held: false,
        dose,
        timing,
    })
}
