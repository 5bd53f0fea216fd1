//! One look, or one refusal, as an AuditEvent (R4 §6.4): what the journal holds of it and no more.

use fhir::{Id, Instant, ResourceType, StoredResource};
use medicines::{Access, Site};
use record::AccessView;
use serde_json::{Value, json};

/// What an id begins with; the number of the look follows, which stays the same when the record is
/// made anew.
const PREFIX: &str = "look-";
/// The system of what Interlock calls it when somebody looks: `read`, `console`, `remove`.
const ACCESS: &str = "urn:interlock:access";
/// The number of the journal entry that holds the look.
const ENTRY: &str = "urn:interlock:extension:entry";
const REST: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const LIFECYCLE: &str = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
const ENTITY: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const SOURCE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";
const TYPES: &str = "http://hl7.org/fhir/resource-types";

/// The id of the AuditEvent of a look.
pub(super) fn id(n: u64) -> Id {
    Id::new(&format!("{PREFIX}{n}")).expect("letters, a hyphen and at most twenty digits are an id")
}

/// The number of the look that an id names.
pub(super) fn number(name: &str) -> Option<u64> {
    let n: u64 = name.strip_prefix(PREFIX)?.parse().ok()?;
    (id(n).as_str() == name).then_some(n)
}

/// The AuditEvent of a look or a refusal.
pub(super) fn written(view: &AccessView, site: &Site) -> StoredResource {
    let access = &view.access;
    let (kind, subtype) = kinds(access);
    let mut event = json!({
        "resourceType": "AuditEvent",
        "extension": [{ "url": ENTRY, "valueString": view.seq.to_string() }],
        "type": kind,
        "subtype": subtype,
        "action": action(access, view.refused),
        "recorded": Instant::at(access.at),
        "outcome": if view.refused { "4" } else { "0" },
        "agent": [agent(access, site)],
        "source": {
            "site": site.code,
            "observer": { "type": "Device", "display": "Interlock" },
            "type": [coding(SOURCE, "4", "Application Server")],
        },
    });
    if let Some(reason) = &access.reason {
        event["outcomeDesc"] = reason.as_str().into();
    }
    let entity = entities(access);
    if !entity.is_empty() {
        event["entity"] = entity.into();
    }
    StoredResource::new(&event.to_string(), id(view.n), 1, access.at)
        .expect("what was made here is an object with a type")
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

/// What kind of event it is, by what the journal calls it. The name itself is always among the
/// subtypes.
fn kinds(access: &Access) -> (Value, Vec<Value>) {
    let own = json!({ "system": ACCESS, "code": access.what });
    let interaction = match access.what.as_str() {
        "everything" | "validate" => Some("operation"),
        what @ ("read" | "vread" | "search" | "history" | "create" | "update" | "patch"
        | "delete" | "batch") => Some(what),
        _ => None,
    };
    if let Some(interaction) = interaction {
        let stated = json!({ "system": INTERACTION, "code": interaction });
        return (coding(REST, "rest", "RESTful Operation"), vec![stated, own]);
    }
    let kind = match access.what.as_str() {
        "write" => coding(REST, "rest", "RESTful Operation"),
        "export" | "subscription" => coding(DICOM, "110106", "Export"),
        _ if access.patient.is_some() => coding(DICOM, "110110", "Patient Record"),
        _ => coding(LIFECYCLE, "access", "Access/View Record Lifecycle Event"),
    };
    (kind, vec![own])
}

/// What was done, or tried (R4 audit-event-action). Whatever was not refused is a look.
fn action(access: &Access, refused: bool) -> &'static str {
    if !refused {
        return "R";
    }
    match access.what.as_str() {
        "read" | "vread" | "search" | "history" | "everything" | "console" | "cases"
        | "messages" | "register" | "registers" | "requisitions" | "discrepancies" | "metrics"
        | "capabilities" | "configurations" | "configuration" => "R",
        "create" => "C",
        "update" | "patch" => "U",
        "delete" => "D",
        _ => "E",
    }
}

/// Who it was. The journal holds one name, that of a client or a staff number; somebody whom the
/// site's configuration knows is named with the system of staff numbers.
fn agent(access: &Access, site: &Site) -> Value {
    let who = access.who.as_str();
    match site.person(who) {
        Some(person) => json!({
            "who": { "type": "Practitioner",
                "identifier": { "system": site.staff_system(), "value": who } },
            "altId": who,
            "name": person.name,
            "requestor": true,
        }),
        None => json!({
            "who": { "identifier": { "value": who } },
            "altId": who,
            "requestor": true,
        }),
    }
}

/// Whose data it was, and what of it.
fn entities(access: &Access) -> Vec<Value> {
    let mut all = Vec::new();
    let patient = access.patient.as_ref().map(|id| format!("Patient/{id}"));
    if let Some(patient) = &patient {
        all.push(json!({
            "what": { "reference": patient },
            "type": coding(ENTITY, "1", "Person"),
            "role": coding(ROLE, "1", "Patient"),
        }));
    }
    let Some(detail) = &access.detail else {
        if let Some(kind) = access.resource_type {
            all.push(
                json!({ "type": of_type(kind), "role": coding(ROLE, "4", "Domain Resource") }),
            );
        }
        return all;
    };
    match resource_in(detail) {
        Some((_, reference)) if patient.as_ref() == Some(&reference) => {}
        Some((kind, reference)) => all.push(json!({
            "what": { "reference": reference },
            "type": of_type(kind),
            "role": coding(ROLE, "4", "Domain Resource"),
        })),
        // The search without its values is no query that could be asked again: it is named.
        None => {
            let mut named = json!({ "type": coding(ENTITY, "2", "System Object"), "name": detail });
            if access.what == "search" {
                named["role"] = coding(ROLE, "24", "Query");
            }
            all.push(named);
        }
    }
    all
}

fn of_type(kind: ResourceType) -> Value {
    json!({ "system": TYPES, "code": kind.as_str() })
}

/// The resource that a detail names, `Type/id` with or without what follows it.
fn resource_in(detail: &str) -> Option<(ResourceType, String)> {
    let mut parts = detail.split('/');
    let kind: ResourceType = parts.next()?.parse().ok()?;
    let id = Id::new(parts.next()?).ok()?;
    Some((kind, format!("{kind}/{id}")))
}

#[cfg(test)]
mod tests {
    use fhir_validate::{Packages, Severity, Validator};

    use super::*;

    fn access(what: &str, detail: Option<&str>, patient: Option<&str>) -> Access {
        Access {
            who: "N1001".into(),
            what: what.into(),
            patient: patient.map(|id| Id::new(id).unwrap()),
            resource_type: None,
            detail: detail.map(str::to_owned),
            reason: None,
            at: "2026-11-20T10:00:00.25Z".parse().unwrap(),
        }
    }

    fn site() -> Site {
        let person = access::Person {
            id: "N1001".into(),
            name: "Test, Anna".into(),
            role: access::Role::Nurse,
            training: vec![],
        };
        Site { code: "RXX".into(), people: vec![person], ..Site::default() }
    }

    fn json_of(access: Access, refused: bool) -> Value {
        let event = written(&AccessView { n: 7, seq: 42, refused, access }, &site());
        serde_json::from_str(event.json()).unwrap()
    }

    #[test]
    fn what_the_journal_holds_is_told_and_no_more() {
        let event = json_of(access("read", Some("MedicationRequest/rxx.1.1"), Some("p1")), false);
        assert_eq!((&event["id"], &event["meta"]["versionId"]), (&"look-7".into(), &"1".into()));
        assert_eq!(event["recorded"], "2026-11-20T10:00:00.250Z");
        assert_eq!((&event["action"], &event["outcome"]), (&"R".into(), &"0".into()));
        assert_eq!(event["type"]["code"], "rest");
        assert_eq!(event["subtype"][0]["code"], "read");
        assert_eq!(event["extension"][0]["valueString"], "42");
        let agent = &event["agent"][0];
        assert_eq!(agent["who"]["identifier"]["system"], "https://rxx.nhs.uk/Id/staff");
        assert_eq!((&agent["name"], &agent["altId"]), (&"Test, Anna".into(), &"N1001".into()));
        let entity = &event["entity"];
        assert_eq!(entity[0]["what"]["reference"], "Patient/p1");
        assert_eq!(entity[1]["what"]["reference"], "MedicationRequest/rxx.1.1");
        assert!(event.get("purposeOfEvent").is_none() && agent.get("network").is_none());
    }

    #[test]
    fn each_kind_of_look_is_named_and_valid() {
        let validator = Validator::new(Packages::r4());
        let wrong = |event: &Value| -> Vec<String> {
            let issues = validator.validate(&event.to_string(), &[]);
            let wrong = issues.into_iter().filter(|issue| issue.severity == Severity::Error);
            wrong.map(|issue| issue.text).collect()
        };
        let check =
            |what: &str, detail: Option<&str>, patient, refused: bool, expected: [&str; 4]| {
                let mut access = access(what, detail, patient);
                access.reason = refused.then(|| "role-missing".to_owned());
                let event = json_of(access, refused);
                let found =
                    [&event["type"]["code"], &event["subtype"][0]["code"], &event["action"]];
                assert_eq!(found, [expected[0], expected[1], expected[2]], "{event}");
                assert_eq!(event["outcome"], expected[3]);
                assert_eq!(event["outcomeDesc"].is_null(), !refused);
                assert_eq!(wrong(&event), [""; 0], "{event}");
            };
        let p = Some("p1");
        check("search", Some("Patient?identifier"), p, false, ["rest", "search", "R", "0"]);
        check("read", Some("Patient/p1"), p, false, ["rest", "read", "R", "0"]);
        check("everything", Some("Patient/p1"), p, false, ["rest", "operation", "R", "0"]);
        check("update", Some("Patient/p1"), None, true, ["rest", "update", "U", "4"]);
        check("delete", Some("Patient/p1"), None, true, ["rest", "delete", "D", "4"]);
        check("write", Some("Patient"), None, true, ["rest", "write", "E", "4"]);
        check("export", Some("Patient"), None, false, ["110106", "export", "R", "0"]);
        check("bedside", Some("PARA500"), p, false, ["110110", "bedside", "R", "0"]);
        check("remove", Some("PARA500"), p, true, ["110110", "remove", "E", "4"]);
        check("cases", Some("GET /cases"), None, true, ["access", "cases", "R", "4"]);
        check("console", None, None, false, ["access", "console", "R", "0"]);
        let alone = Access { resource_type: Some(ResourceType::Basic), ..access("read", None, p) };
        let event = json_of(alone, false);
        assert_eq!(event["entity"][1]["type"]["code"], "Basic");
        assert_eq!(wrong(&event), [""; 0], "{event}");
    }

    #[test]
    fn an_id_names_one_look() {
        assert_eq!(number("look-7"), Some(7));
        for other in ["look-", "look-07", "look-+7", "look--7", "7", "Look-7", "look-7 "] {
            assert_eq!(number(other), None, "{other}");
        }
        assert_eq!(number(&format!("look-{}", u64::MAX)), Some(u64::MAX));
    }
}
