//! OMS^O05 with ZPM: what a cabinet tells of its pockets, in either layout.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::rde::number;
use super::{Envelope, pid, pv1, staff};
use crate::clock::local_stamp;
use crate::formulary::Item;
use crate::site::{staff_family, staff_given};
use crate::wire::text::{Segment, message};
use crate::world::Patient;

/// One transaction at a pocket.
#[derive(Debug, Clone)]
pub(crate) struct Transaction<'a> {
    /// ZPM-1.
    pub(crate) code: char,
    pub(crate) system: &'a str,
    pub(crate) station: &'a str,
    pub(crate) ward: &'a str,
    pub(crate) drawer: String,
    pub(crate) sub_drawer: String,
    pub(crate) pocket: String,
    pub(crate) item: &'static Item,
    /// The count before, which the device expected.
    pub(crate) before: Decimal,
    /// The count that was found.
    pub(crate) found: Decimal,
    pub(crate) amount: Decimal,
    pub(crate) user: &'a str,
    pub(crate) witness: Option<&'a str>,
    /// The count of this item in the cabinet afterwards.
    pub(crate) after: Decimal,
    pub(crate) par: Decimal,
    pub(crate) least: Decimal,
    pub(crate) batch: &'a str,
    pub(crate) patient: Option<&'a Patient>,
    pub(crate) order: Option<u32>,
    pub(crate) at: Timestamp,
}

fn plain(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// Writes the message. PID, PV1, ORC and RQD come with patients' transactions only.
pub(crate) fn oms(envelope: &Envelope<'_>, told: &Transaction<'_>) -> String {
    let mut segments = vec![envelope.header(&["OMS", "O05", "OMS_O05"])];
    if let Some(patient) = told.patient {
        segments.push(pid(patient, envelope.site));
        segments.push(pv1(patient, envelope.site));
        let orc = Segment::new("ORC").put(1, "RE").put(9, &local_stamp(told.at));
        segments.push(match told.order {
            Some(order) => orc.raw(2, number(order)),
            None => orc,
        });
        let item = [told.item.code, told.item.name];
        segments.push(
            Segment::new("RQD")
                .put(1, "1")
                .parts(2, &item)
                .parts(3, &item)
                .put(5, &plain(told.amount))
                .put(6, told.item.unit),
        );
    }
    segments.push(if envelope.dialect.zpm_layout == "2.3" {
        with_fields(told, envelope.site)
    } else {
        with_components(told, envelope.site)
    });
    message(&segments)
}

fn begun(told: &Transaction<'_>) -> Segment {
    Segment::new("ZPM")
        .put(1, &told.code.to_string())
        .put(2, told.system)
        .put(3, told.station)
        .put(4, &told.drawer)
        .put(5, &told.pocket)
}

/// The class of a controlled drug (ZPM-7), as these cabinets write it.
fn class(item: &Item) -> &'static str {
    if item.witness { "2" } else { "" }
}

fn with_components(told: &Transaction<'_>, site: &str) -> Segment {
    let segment = begun(told)
        .parts(6, &[told.item.code, told.item.name])
        .put(7, class(told.item))
        .put(8, &plain(told.before))
        .put(9, &plain(told.found))
        .put(10, &plain(told.amount))
        .raw(11, staff(told.user))
        .raw(12, told.witness.map(staff).unwrap_or_default())
        .put(13, &plain(told.after));
    ended(segment, told, site, 0)
}

/// Everything after the first name is one field further on, after the second two, after the
/// third three: drug, user and witness have their names in fields of their own.
fn with_fields(told: &Transaction<'_>, site: &str) -> Segment {
    let name = |id: &str| format!("{},{}", staff_family(id), staff_given(id)).to_uppercase();
    let segment = begun(told)
        .put(6, told.item.code)
        .put(7, told.item.name)
        .put(8, class(told.item))
        .put(9, &plain(told.before))
        .put(10, &plain(told.found))
        .put(11, &plain(told.amount))
        .put(12, told.user)
        .put(13, &name(told.user))
        .put(14, told.witness.unwrap_or_default())
        .put(15, &told.witness.map(name).unwrap_or_default())
        .put(16, &plain(told.after));
    ended(segment, told, site, 3)
}

fn ended(segment: Segment, told: &Transaction<'_>, site: &str, shift: usize) -> Segment {
    segment
        .put(14 + shift, site)
        .put(15 + shift, told.ward)
        .put(16 + shift, &told.sub_drawer)
        .put(17 + shift, &plain(told.par))
        .put(18 + shift, &plain(told.least))
        .put(19 + shift, &local_stamp(told.at))
        .put(20 + shift, told.batch)
        .put(34 + shift, told.item.unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formulary::find;
    use crate::site::cabinet;
    use crate::wire::text::Text;

    fn zpm(ward: usize) -> Text {
        let facts = cabinet(ward);
        let envelope = Envelope {
            dialect: facts.dialect,
            site: "RXX",
            control_id: "1",
            at: Timestamp::UNIX_EPOCH,
        };
        let told = Transaction {
            code: 'V',
            system: &facts.system,
            station: &facts.station,
            ward: "WARDA",
            drawer: "3".to_owned(),
            sub_drawer: "C17".to_owned(),
            pocket: "05".to_owned(),
            item: find("MORPH10").unwrap(),
            before: Decimal::from(12),
            found: Decimal::from(12),
            amount: Decimal::ONE,
            user: "N1001",
            witness: Some("N1002"),
            after: Decimal::from(11),
            par: Decimal::from(20),
            least: Decimal::from(5),
            batch: "L2231",
            patient: None,
            order: None,
            at: "2026-11-20T10:14:32Z".parse().unwrap(),
        };
        Text::read(oms(&envelope, &told).as_bytes()).unwrap()
    }

    fn check(ward: usize, fields: &[(usize, usize, &str)]) {
        let text = zpm(ward);
        for (field, component, expected) in fields {
            let found = text.get("ZPM", *field, *component);
            assert_eq!(&found, expected, "ward {ward} ZPM-{field}.{component}");
        }
    }

    #[test]
    fn both_layouts_put_each_thing_in_its_place() {
        check(
            0,
            &[
                (1, 1, "V"),
                (2, 1, "ADCA"),
                (3, 1, "WARDA1"),
                (5, 1, "05"),
                (6, 1, "MORPH10"),
                (8, 1, "12"),
                (10, 1, "1"),
                (11, 1, "N1001"),
                (11, 2, "Nurse"),
                (12, 1, "N1002"),
                (13, 1, "11"),
                (16, 1, "C17"),
                (19, 1, "20261120101432"),
                (20, 1, "L2231"),
                (34, 1, "ampoule"),
            ],
        );
        check(
            1,
            &[
                (6, 1, "MORPH10"),
                (7, 1, "Morphine sulfate 10 mg/1 ml ampoules"),
                (9, 1, "12"),
                (11, 1, "1"),
                (12, 1, "N1001"),
                (13, 1, "NURSE,ANNA"),
                (14, 1, "N1002"),
                (16, 1, "11"),
                (19, 1, "C17"),
                (22, 1, "20261120101432"),
                (23, 1, "L2231"),
                (37, 1, "ampoule"),
            ],
        );
    }
}
