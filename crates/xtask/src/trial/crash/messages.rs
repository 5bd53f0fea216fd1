//! What the senders of the crash trial write.

use estate::identity::nhs_check_digit;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The wards between which patients move.
pub(super) const WARDS: [&str; 3] = ["WARDA", "WARDB", "WARDC"];
/// How many of them, from the first on, the cabinet serves.
pub(super) const SERVED: usize = 2;

/// A patient of one connection.
#[derive(Debug, Clone)]
pub(super) struct Patient {
    /// The hospital number.
    pub(super) mrn: String,
    /// The NHS number, of the test range.
    pub(super) nhs: String,
    /// The visit number.
    pub(super) visit: String,
    /// The index of the ward.
    pub(super) ward: usize,
}

/// Who sends, and the message's own number and time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    /// MSH-3.
    pub(super) application: &'a str,
    /// MSH-10.
    pub(super) control_id: &'a str,
    /// MSH-7 and the time of the act.
    pub(super) at: Timestamp,
}

/// The NHS number of the test range that follows from a count; some counts have none.
pub(super) fn nhs_number(count: u32) -> Option<String> {
    let stem = format!("999{:06}", count % 1_000_000);
    nhs_check_digit(&stem).map(|digit| format!("{stem}{digit}"))
}

impl Envelope<'_> {
    /// The time as HL7 writes it, in UTC with its offset.
    fn time(&self) -> String {
        self.at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S+0000").to_string()
    }

    fn header(&self, kind: &str) -> String {
        let (application, control_id, time) = (self.application, self.control_id, self.time());
        format!("MSH|^~\\&|{application}|RXX|INTERLOCK|RXX|{time}||{kind}|{control_id}|P|2.5.1\r")
    }

    /// ADT: `A01`, `A02` or `A03`.
    pub(super) fn adt(&self, event: &str, patient: &Patient) -> Vec<u8> {
        let structure = if event == "A01" { "ADT_A01" } else { event };
        let (time, person) = (self.time(), person(patient));
        let header = self.header(&format!("ADT^{event}^{structure}"));
        format!("{header}EVN||{time}||||{time}\r{person}").into_bytes()
    }

    /// RDE^O11 with one order; a dose for `NW` and `XO`, which a pharmacist has verified (ORC-11).
    pub(super) fn rde(
        &self,
        control: &str,
        patient: &Patient,
        order: &str,
        dose: Option<u32>,
    ) -> Vec<u8> {
        let (header, time) = (self.header("RDE^O11^RDE_O11"), self.time());
        let person = person(patient);
        let verified = if dose.is_some() { "P2001^PHARMACIST^PIA" } else { "" };
        let rxe = dose.map_or_else(String::new, |dose| {
            format!("RXE||PARA500^Paracetamol 500 mg tablets^L|{dose}||tablet\r")
        });
        format!(
            "{header}{person}\
             ORC|{control}|{order}^EPMA|||||||{time}||{verified}|D4001^PRESCRIBER^PAT\r{rxe}"
        )
        .into_bytes()
    }

    /// OMS^O05 with ZPM: one tablet taken out of the connection's own pocket.
    pub(super) fn zpm(
        &self,
        patient: &Patient,
        order: &str,
        pocket: usize,
        before: u32,
    ) -> Vec<u8> {
        let (header, time) = (self.header("OMS^O05^OMS_O05"), self.time());
        let person = person(patient);
        let item = "PARA500^Paracetamol 500 mg tablets";
        format!(
            "{header}{person}\
             ORC|RE|{order}^EPMA\r\
             RQD|1|{item}|||1|tablet\r\
             ZPM|V|ADC|WARDA1|1|{pocket}|{item}|2|{before}|{before}|1|\
             N1001^NURSE^ANNA|||RXX|WARDA|||0|{time}|L2231\r"
        )
        .into_bytes()
    }
}

/// PID and PV1.
fn person(patient: &Patient) -> String {
    let Patient { mrn, nhs, visit, ward } = patient;
    let ward = WARDS[ward % WARDS.len()];
    format!(
        "PID|1||{nhs}^^^NHS^NH~{mrn}^^^RXX^MR||TRIAL^{mrn}||19600101|F\r\
         PV1|1|I|{ward}^BAY1^B01||||||||||||||||{visit}\r"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_hl7() {
        let patient = Patient {
            mrn: "T00001".to_owned(),
            nhs: nhs_number(1).unwrap(),
            visit: "V1".to_owned(),
            ward: 1,
        };
        let at = "2026-11-20T10:15:00Z".parse().unwrap();
        let envelope = Envelope { application: "FEED00", control_id: "F00-1", at };
        let messages = [
            envelope.adt("A01", &patient),
            envelope.rde("NW", &patient, "7001", Some(2)),
            envelope.rde("DC", &patient, "7001", None),
            envelope.zpm(&patient, "7001", 3, 100),
        ];
        for message in messages {
            let (read, issues) = hl7v2::parse(&message).unwrap();
            assert_eq!(issues, [], "{}", String::from_utf8_lossy(&message));
            assert_eq!(read.header().control_id(), "F00-1");
            assert_eq!(read.segment("PV1").unwrap().text(19, 1), "V1");
        }
        assert_eq!(patient.nhs, "9990000018");
    }
}
