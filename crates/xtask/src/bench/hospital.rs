//! The hospital of the benches: its configuration, and the messages that its systems send.
//!
//! Everything follows from the numbers of the patients, so that two runs send the same.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;

use access::{Person, Role};
use jiff::Timestamp;
use medicines::{Cabinet, Item, Quantity, Site};

/// The site's ODS code.
pub(super) const SITE: &str = "RXX";
/// How many wards.
const WARDS: u32 = 20;
/// How many formulary items: more than a patient has orders, so that no two of one patient's
/// live orders are for the same.
pub(super) const ITEMS: u32 = 64;
/// The most orders of one patient in the memory of the sender, held or live.
pub(super) const ORDERS: usize = 20;
/// The two cabinets; each serves every second ward.
pub(super) const CABINETS: [&str; 2] = ["C0", "C1"];
/// The staff number of the nurse who stands at every cabinet.
pub(super) const NURSE: &str = "N1001";
/// The bearer token of the API's one client.
pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The site; where there are no `peers`, nobody is sent the cabinets' profiles.
pub(super) fn site(peers: bool) -> Site {
    let cabinet = |(index, station): (usize, &&str)| Cabinet {
        system: "ADC".to_owned(),
        station: (*station).to_owned(),
        wards: (0..WARDS).filter(|ward| cabinet_of(*ward) == index).map(ward_name).collect(),
        channel: peers.then(|| format!("to-{station}")),
    };
    let item = |item: u32| Item {
        code: item_code(item),
        name: format!("Item {item} 500 mg tablets"),
        unit: "tablet".to_owned(),
        strength: Some(Quantity::new(500.into(), "mg")),
        ..Item::default()
    };
    let nurse = Person {
        id: NURSE.to_owned(),
        name: "Test, Anna".to_owned(),
        role: Role::Nurse,
        training: Vec::new(),
    };
    Site {
        code: SITE.to_owned(),
        cabinets: CABINETS.iter().enumerate().map(cabinet).collect(),
        items: (0..ITEMS).map(item).collect(),
        people: vec![nurse],
        ..Site::default()
    }
}

/// The node's configuration; with `peers` the cabinets' profiles are sent to these addresses.
pub(super) fn configuration(peers: Option<[SocketAddr; 2]>) -> String {
    let mut out = String::new();
    // Writing to a string never fails.
    let _ = write_configuration(&mut out, peers);
    out
}

fn write_configuration(out: &mut String, peers: Option<[SocketAddr; 2]>) -> std::fmt::Result {
    let site = site(peers.is_some());
    writeln!(out, "[node]\ndata = \".\"\nhttp = \"127.0.0.1:0\"\n")?;
    writeln!(out, "[site]\ncode = {:?}\n", site.code)?;
    for name in ["pas", "epma"] {
        writeln!(out, "[[channel]]\nname = {name:?}\ndirection = \"inbound\"")?;
        writeln!(out, "listen = \"127.0.0.1:0\"\n")?;
    }
    for (index, cabinet) in site.cabinets.iter().enumerate() {
        let Cabinet { system, station, wards, channel } = cabinet;
        if let (Some(channel), Some(peers)) = (channel, peers) {
            writeln!(out, "[[channel]]\nname = {channel:?}\ndirection = \"outbound\"")?;
            writeln!(out, "connect = \"{}\"\non_unknown = \"resend\"\n", peers[index])?;
        }
        writeln!(out, "[[site.cabinet]]\nsystem = {system:?}\nstation = {station:?}")?;
        writeln!(out, "wards = {wards:?}")?;
        if let Some(channel) = channel {
            writeln!(out, "channel = {channel:?}")?;
        }
        writeln!(out)?;
    }
    for Item { code, name, unit, .. } in &site.items {
        writeln!(out, "[[site.item]]\ncode = {code:?}\nname = {name:?}\nunit = {unit:?}")?;
        writeln!(out, "strength = {{ value = \"500\", unit = \"mg\" }}\n")?;
    }
    for Person { id, name, .. } in &site.people {
        writeln!(out, "[[site.person]]\nid = {id:?}\nname = {name:?}\nrole = \"nurse\"\n")?;
    }
    writeln!(
        out,
        "[[client]]\nname = \"bench\"\nroles = [\"cabinet\", \"fhir-read\", \"fhir-write\"]"
    )?;
    writeln!(out, "token = {{ file = \"token\" }}")
}

fn ward_name(ward: u32) -> String {
    format!("W{ward:02}")
}

fn item_code(item: u32) -> String {
    format!("ITEM{item:02}")
}

/// The index of the cabinet that serves a ward.
fn cabinet_of(ward: u32) -> usize {
    usize::from(ward % 2 == 1)
}

/// A time as HL7 writes it, in UTC (HL7 2.5.1 §2.A.22).
pub(super) fn hl7_time(at: Timestamp) -> String {
    at.strftime("%Y%m%d%H%M%S+0000").to_string()
}

/// An order as its prescriber's system knows it.
#[derive(Debug, Clone, Copy)]
struct Order {
    number: u32,
    item: u32,
    held: bool,
}

/// An inpatient and the patient's orders that have not ended.
#[derive(Debug, Clone)]
pub(super) struct Patient {
    index: u32,
    nhs: String,
    orders: VecDeque<Order>,
    /// How many orders there have been.
    made: u32,
    /// How many messages there have been.
    sent: u32,
    /// The state of the generator that picks what happens next.
    chance: u64,
}

/// What an order can be asked for at a cabinet by.
#[derive(Debug, Clone)]
pub(super) struct Removable {
    /// `system/station`.
    pub(super) cabinet: String,
    /// The NHS number.
    pub(super) nhs: String,
    /// The placer's number.
    pub(super) order: String,
    /// The formulary code.
    pub(super) item: String,
}

/// Inpatients with synthetic NHS numbers of the 999 range.
pub(super) fn inpatients(count: usize) -> Vec<Patient> {
    let numbers = (0..1_000_000).filter_map(nhs_number);
    let patient = |(index, nhs): (u32, String)| Patient {
        index,
        nhs,
        orders: VecDeque::with_capacity(ORDERS),
        made: 0,
        sent: 0,
        chance: u64::from(index).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
    };
    (0..).zip(numbers).take(count).map(patient).collect()
}

/// A number of the 999 range with its check digit (modulus 11), where it has one.
fn nhs_number(index: u32) -> Option<String> {
    let digits = format!("999{index:06}");
    let sum: u32 = (2..=10).rev().zip(digits.bytes()).map(|(w, d)| w * u32::from(d - b'0')).sum();
    match 11 - sum % 11 {
        10 => None,
        11 => Some(format!("{digits}0")),
        check => Some(format!("{digits}{check}")),
    }
}

impl Patient {
    fn ward(&self) -> u32 {
        self.index % WARDS
    }

    /// Whether none of the patient's orders could be followed by another one.
    pub(super) fn is_full(&self) -> bool {
        self.orders.len() >= ORDERS
    }

    /// The patient's orders that are not on hold, as a cabinet asks for them.
    pub(super) fn removable(&self) -> impl Iterator<Item = Removable> {
        let live = self.orders.iter().filter(|order| !order.held);
        live.map(|order| Removable {
            cabinet: format!("ADC/{}", CABINETS[cabinet_of(self.ward())]),
            nhs: self.nhs.clone(),
            order: self.number(order.number),
            item: item_code(order.item),
        })
    }

    fn number(&self, number: u32) -> String {
        format!("{}-{number}", self.index)
    }

    /// The admission, ADT^A01.
    pub(super) fn admit(&mut self, now: &str, out: &mut Vec<u8>) {
        self.sent += 1;
        let mut text = String::with_capacity(1024);
        let _ = self.write_admission(&mut text, now);
        out.extend_from_slice(text.as_bytes());
    }

    fn write_admission(&self, out: &mut String, now: &str) -> std::fmt::Result {
        self.header(out, now, "PAS", "ADT^A01^ADT_A01")?;
        write!(out, "EVN|A01|{now}\r")?;
        self.identity(out)?;
        self.visit(out)?;
        write!(out, "AL1|1|DA|91936005^Allergy to penicillin^SCT|SV|Anaphylaxis|19980301\r")
    }

    fn header(&self, out: &mut String, now: &str, from: &str, kind: &str) -> std::fmt::Result {
        let (index, sent) = (self.index, self.sent);
        write!(out, "MSH|^~\\&|{from}|RXX|HUB|RXX|{now}||{kind}|P{index}N{sent}|P|2.5.1\r")
    }

    fn identity(&self, out: &mut String) -> std::fmt::Result {
        let (nhs, index) = (&self.nhs, self.index);
        write!(out, "PID|1||{nhs}^^^NHS^NH~H{index:06}^^^RXX^MR||TEST{index}^PATIENT^ONE^^MS||")?;
        write!(out, "19800101|F|||1 HIGH STREET^^LEEDS^^LS1 1AA||01130000000\r")
    }

    fn visit(&self, out: &mut String) -> std::fmt::Result {
        let (index, ward) = (self.index, self.ward());
        write!(out, "PV1|1|I|W{ward:02}^BAY2^B{index}^RXX||||C1234567^CONSULTANT^CARL^^^DR")?;
        write!(out, "|||||||||||V{index}^^^RXX{}20261118093000\r", "|".repeat(25))
    }

    /// A new order, RDE^O11, and its number.
    pub(super) fn order(&mut self, now: &str, out: &mut Vec<u8>) -> String {
        let order = Order { number: self.made, item: self.made % ITEMS, held: false };
        self.made += 1;
        self.orders.push_back(order);
        self.tell("NW", order, now, out);
        self.number(order.number)
    }

    /// What happens next, RDE^O11: of twenty messages nine or ten are new orders, as many end the
    /// oldest one, one changes an order, one holds an order or gives it free again. A patient has
    /// nearly [`ORDERS`] orders once some time has passed.
    pub(super) fn next(&mut self, now: &str, out: &mut Vec<u8>) {
        let chance = self.draw(20);
        if self.orders.is_empty() || (chance < 10 && !self.is_full()) {
            self.order(now, out);
            return;
        }
        if chance < 18 {
            let Some(order) = self.orders.pop_front() else { return };
            self.tell("DC", order, now, out);
            return;
        }
        let at = self.draw(self.orders.len());
        let (control, order) = {
            let order = &mut self.orders[at];
            let control = match (chance, order.held) {
                (18, _) => "XO",
                (_, false) => "HD",
                (_, true) => "RL",
            };
            order.held = order.held != (control != "XO");
            (control, *order)
        };
        self.tell(control, order, now, out);
    }

    /// A number below `limit` (xorshift, Marsaglia 2003).
    fn draw(&mut self, limit: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from((self.chance >> 11) % limit).unwrap_or_default()
    }

    fn tell(&mut self, control: &str, order: Order, now: &str, out: &mut Vec<u8>) {
        self.sent += 1;
        let mut text = String::with_capacity(1280);
        let _ = self.write_order(&mut text, control, order, now);
        out.extend_from_slice(text.as_bytes());
    }

    fn write_order(
        &self,
        out: &mut String,
        control: &str,
        order: Order,
        now: &str,
    ) -> std::fmt::Result {
        let Order { number, item, .. } = order;
        self.header(out, now, "EPMA", "RDE^O11^RDE_O11")?;
        self.identity(out)?;
        self.visit(out)?;
        write!(out, "AL1|1|DA|91936005^Allergy to penicillin^SCT|SV|Anaphylaxis|19980301\r")?;
        write!(out, "ORC|{control}|{}^EPMA|||||||{now}", self.number(number))?;
        write!(
            out,
            "|P4711^PRESCRIBER^PAULA^^^DR|F2201^PHARMACIST^FAY|C1234567^CONSULTANT^CARL\r"
        )?;
        write!(out, "TQ1|1||Q6H^Every six hours^HL70335|||5^d||||R^Routine^HL70485\r")?;
        write!(
            out,
            "RXE|1|ITEM{item:02}^Item {item} 500 mg tablets^L^3222360{item:02}^Item {item}"
        )?;
        write!(out, " 500 mg tablets^SCT|1000||mg^milligram^UCUM|TAB^Tablet^HL70292|")?;
        write!(out, "^Not more than 4 g in 24 hours||||||||||||||With \\T\\ after food\r")?;
        write!(out, "RXR|26643006^Oral route^SCT\r")?;
        write!(out, "NTE|1|L|Review on day five; step down to as-required dosing when the pain ")?;
        write!(out, "score is below three for a whole day\r")
    }
}

#[cfg(test)]
mod tests {
    use channels::dialect::Dialect;
    use channels::inbound::{InboundChannel, read};
    use medicines::Request;

    use super::*;

    #[test]
    fn numbers_have_a_check_digit() {
        // The worked example of the NHS data dictionary's rule, in the synthetic range.
        assert_eq!(nhs_number(1).as_deref(), Some("9990000018"));
        let numbers: Vec<Patient> = inpatients(200);
        assert!(numbers.iter().all(|patient| patient.nhs.len() == 10));
    }

    #[test]
    fn every_message_is_understood_and_orders_stay_bounded() {
        let channel = InboundChannel::new("epma", Dialect::default(), SITE, &[], "P");
        let mut patient = inpatients(1).remove(0);
        let now = "20261120101500+0000";
        let mut lengths = 0;
        for n in 0..2_000 {
            let mut message = Vec::new();
            match n {
                0 => patient.admit(now, &mut message),
                _ => patient.next(now, &mut message),
            }
            let understood = read(&message, &channel);
            let parked = matches!(understood.request, Request::Park(_));
            assert!(!parked, "{:?}", understood.request);
            assert!(understood.doubts.is_empty(), "{:?}", understood.doubts);
            assert!(patient.orders.len() <= ORDERS);
            lengths += message.len();
        }
        assert!((800..1_200).contains(&(lengths / 2_000)), "{}", lengths / 2_000);
    }
}
