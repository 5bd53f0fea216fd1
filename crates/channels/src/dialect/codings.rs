//! FHIR systems for the identifiers and codes of a site.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fhir::systems::{DMD, LOINC, NHS_NUMBER, NHS_NUMBER_OID, SNOMED, UCUM};

/// The systems of one site, made once for a channel.
///
/// The site's own are `https://{site}.nhs.uk/Id/…` with its code in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Systems {
    site: String,
    mrn: String,
    visit: String,
    item: String,
    staff: String,
    orders: [(String, String); 2],
}

impl Systems {
    /// The systems of the site with that ODS code. `order_namespace` is the namespace of order
    /// numbers that carry none.
    pub fn new(site: &str, order_namespace: &str) -> Self {
        let site = slug(site);
        let local = |path: &str| format!("https://{site}.nhs.uk/Id/{path}");
        let namespace = slug(order_namespace);
        let orders = [
            (order_namespace.to_owned(), local(&format!("order/{namespace}"))),
            (order_namespace.to_uppercase(), local(&format!("order/{namespace}"))),
        ];
        Systems {
            mrn: local("mrn"),
            visit: local("visit"),
            item: local("item"),
            staff: local("staff"),
            orders,
            site,
        }
    }

    /// The system of a patient identifier by its assigning authority (CX-4) and type (CX-5):
    /// NHS numbers by type or authority; hospital numbers (`MR`, `PI`, `PT` or no type) as `mrn`
    /// of the authority in lower case, else of the site; other types under their own name, so
    /// that an account number is never taken for a hospital number.
    pub fn patient<'a>(
        &'a self,
        authority: &str,
        universal_id: &str,
        kind: &str,
        peer: &'a BTreeMap<String, String>,
    ) -> Cow<'a, str> {
        if !peer.is_empty() {
            let both = peer.get(&format!("{authority}/{kind}"));
            if let Some(system) = both.or_else(|| peer.get(authority)) {
                return Cow::Borrowed(system);
            }
        }
        let nhs = matches!(authority, "NHS" | "NH") && matches!(kind, "" | "NH" | "NI" | "NHS");
        if kind == "NH" || nhs || universal_id == NHS_NUMBER_OID {
            return Cow::Borrowed(NHS_NUMBER);
        }
        if authority.is_empty() && is_oid(universal_id) {
            return Cow::Owned(format!("urn:oid:{universal_id}"));
        }
        let own = authority.is_empty() || authority.eq_ignore_ascii_case(&self.site);
        match (kind, own) {
            ("" | "MR" | "PI" | "PT", true) => Cow::Borrowed(&self.mrn),
            (_, true) => Cow::Owned(self.local(kind)),
            ("" | "MR" | "PI" | "PT", false) => {
                Cow::Owned(format!("https://{}.nhs.uk/Id/mrn", slug(authority)))
            }
            _ => Cow::Owned(format!("https://{}.nhs.uk/Id/{}", slug(authority), slug(kind))),
        }
    }

    /// The site's code in lower case.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The system of visit numbers (PV1-19).
    pub fn visit(&self) -> &str {
        &self.visit
    }

    /// The system of local formulary items.
    pub fn item(&self) -> &str {
        &self.item
    }

    /// The system of staff numbers.
    pub fn staff(&self) -> &str {
        &self.staff
    }

    /// The system of a placer's order numbers by their namespace (EI-2); an empty one is the
    /// dialect's.
    pub fn order(&self, namespace: &str) -> Cow<'_, str> {
        if namespace.is_empty() {
            return Cow::Borrowed(&self.orders[0].1);
        }
        match self.orders.iter().find(|(known, _)| known == namespace) {
            Some((_, system)) => Cow::Borrowed(system),
            None => {
                Cow::Owned(format!("https://{}.nhs.uk/Id/order/{}", self.site, slug(namespace)))
            }
        }
    }

    /// The system of a filler's order numbers by their namespace (EI-2).
    pub fn filler_order(&self, namespace: &str) -> String {
        let namespace = if namespace.is_empty() { &self.orders[0].0 } else { namespace };
        format!("https://{}.nhs.uk/Id/filler-order/{}", self.site, slug(namespace))
    }

    /// A system of the site, `https://{site}.nhs.uk/Id/{name}`.
    pub fn local(&self, name: &str) -> String {
        format!("https://{}.nhs.uk/Id/{}", self.site, slug(name))
    }

    /// The system of a code by the name of its coding system (CWE-3), by the peer's table, else
    /// the names in common use. `None` for a local code (`L`, `LOCAL`, `99…` or no name), whose
    /// system depends on what it is a code of.
    pub fn coding<'a>(name: &str, peer: &'a BTreeMap<String, String>) -> Option<Cow<'a, str>> {
        if let Some(system) = peer.get(name) {
            return Some(Cow::Borrowed(system));
        }
        Some(match name {
            "" | "L" | "LOCAL" => return None,
            "DMD" | "dm+d" | "DM+D" | "dmd" => Cow::Borrowed(DMD),
            "SCT" | "SNOMED" | "SNOMED-CT" => Cow::Borrowed(SNOMED),
            "UCUM" => Cow::Borrowed(UCUM),
            "LN" | "LOINC" => Cow::Borrowed(LOINC),
            _ if name.starts_with("99") => return None,
            _ => Cow::Owned(match hl7_table(name) {
                Some(table) => format!("http://terminology.hl7.org/CodeSystem/v2-{table}"),
                None => format!("urn:hl7:coding-system:{name}"),
            }),
        })
    }
}

/// The number of an HL7 table that is named as a coding system (`HL70162`).
fn hl7_table(name: &str) -> Option<&str> {
    let number = name.strip_prefix("HL7")?;
    (number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

fn is_oid(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A part of a URI: lower case letters, digits, dots and hyphens.
fn slug(text: &str) -> String {
    let part = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '.' | '-') => c,
        _ => '-',
    };
    text.trim().chars().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patient_identifiers_have_systems() {
        let systems = Systems::new("RXX", "epma");
        let peer = BTreeMap::from([
            ("OLD".to_owned(), "https://old.example/mrn".to_owned()),
            ("OLD/AN".to_owned(), "https://old.example/account".to_owned()),
        ]);
        let check = |authority: &str, universal: &str, kind: &str, expect: &str| {
            let found = systems.patient(authority, universal, kind, &peer);
            assert_eq!(found, expect, "{authority} {universal} {kind}");
        };
        check("NHS", "", "NH", NHS_NUMBER);
        check("NHS", "", "", NHS_NUMBER);
        check("NH", "", "NI", NHS_NUMBER);
        check("", "", "NH", NHS_NUMBER);
        check("", "2.16.840.1.113883.2.1.4.1", "", NHS_NUMBER);
        check("", "1.2.3", "MR", "urn:oid:1.2.3");
        check("RXX", "", "MR", "https://rxx.nhs.uk/Id/mrn");
        check("", "", "PI", "https://rxx.nhs.uk/Id/mrn");
        check("RYY", "", "MR", "https://ryy.nhs.uk/Id/mrn");
        check("RXX", "", "AN", "https://rxx.nhs.uk/Id/an");
        check("NHS", "", "MR", "https://nhs.nhs.uk/Id/mrn");
        check("St Elsewhere", "", "AN", "https://st-elsewhere.nhs.uk/Id/an");
        check("OLD", "", "MR", "https://old.example/mrn");
        check("OLD", "", "AN", "https://old.example/account");
    }

    #[test]
    fn orders_have_systems() {
        let systems = Systems::new("RXX", "epma");
        assert_eq!(systems.order(""), "https://rxx.nhs.uk/Id/order/epma");
        assert_eq!(systems.order("EPMA"), "https://rxx.nhs.uk/Id/order/epma");
        assert_eq!(systems.order("ITU"), "https://rxx.nhs.uk/Id/order/itu");
        assert_eq!(systems.filler_order("PHARM"), "https://rxx.nhs.uk/Id/filler-order/pharm");
        assert_eq!(systems.filler_order(""), "https://rxx.nhs.uk/Id/filler-order/epma");
    }

    #[test]
    fn coding_systems_have_names() {
        let peer = BTreeMap::from([("99FDB".to_owned(), "urn:fdb".to_owned())]);
        let check = |name: &str, expect: &str| {
            let found = Systems::coding(name, &peer).unwrap_or(Cow::Borrowed("local"));
            assert_eq!(found, expect, "{name}");
        };
        check("DMD", DMD);
        check("dm+d", DMD);
        check("SCT", SNOMED);
        check("L", "local");
        check("", "local");
        check("99XYZ", "local");
        check("99FDB", "urn:fdb");
        check("HL70162", "http://terminology.hl7.org/CodeSystem/v2-0162");
        check("NDC", "urn:hl7:coding-system:NDC");
    }
}
