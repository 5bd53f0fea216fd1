//! What is stored and asked for: patients, each with orders and vital signs.
//!
//! Everything follows from the number of the patient and of the resource, so that two runs store
//! the same. The numbers are made up; NHS numbers are from the range of 999.

use std::fmt::Write as _;

/// How many orders a patient has.
pub(super) const ORDERS: u32 = 10;
/// How many of these are active: an answer to a search has about 10 kB.
pub(super) const ACTIVE: u32 = 6;
/// How many vital signs a patient has.
pub(super) const SIGNS: u32 = 29;
/// All resources of a patient.
pub(super) const OF_A_PATIENT: u32 = 1 + ORDERS + SIGNS;

/// The medicines of the orders, with a unit and a route.
const MEDICINES: [(&str, &str, &str); 8] = [
    ("Paracetamol 500 mg tablets", "tablet", "Oral"),
    ("Amoxicillin 500 mg capsules", "capsule", "Oral"),
    ("Furosemide 40 mg tablets", "tablet", "Oral"),
    ("Enoxaparin sodium 40 mg/0.4 ml solution for injection", "syringe", "Subcutaneous"),
    ("Metformin 500 mg modified-release tablets", "tablet", "Oral"),
    ("Salbutamol 100 micrograms/dose inhaler", "dose", "Inhalation"),
    ("Morphine sulfate 10 mg/5 ml oral solution", "ml", "Oral"),
    ("Omeprazole 20 mg gastro-resistant capsules", "capsule", "Oral"),
];

/// The vital signs: LOINC code, name, unit (UCUM), the least usual value, how far it goes.
const SIGNS_OF: [(&str, &str, &str, u32, u32); 5] = [
    ("8867-4", "Heart rate", "/min", 52, 60),
    ("9279-1", "Respiratory rate", "/min", 11, 14),
    ("59408-5", "Oxygen saturation", "%", 90, 10),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 95, 70),
    ("8310-5", "Body temperature", "Cel", 36, 3),
];

/// A patient.
pub(super) fn patient(number: u32) -> String {
    format!(
        concat!(
            r#"{{"resourceType":"Patient","meta":{{"profile":["https://fhir.hl7.org.uk/"#,
            r#"StructureDefinition/UKCore-Patient"]}},"identifier":[{{"system":"#,
            r#""https://rxx.nhs.uk/Id/patient","value":"BENCH{number:07}"}}],"active":true,"#,
            r#""name":[{{"use":"official","family":"Example{family}","given":["Test{given}"]}}],"#,
            r#""telecom":[{{"system":"phone","value":"0115 496 {phone:04}","use":"home"}}],"#,
            r#""gender":"{gender}","birthDate":"{year}-{month:02}-{day:02}","address":[{{"use":"#,
            r#""home","line":["{house} Example Street"],"city":"Nottingham","postalCode":"#,
            r#""NG{area} 1AA"}}]}}"#
        ),
        number = number,
        family = number % 997,
        given = number % 211,
        phone = number % 1000,
        gender = if number.is_multiple_of(2) { "female" } else { "male" },
        year = 1930 + number % 80,
        month = 1 + number % 12,
        day = 1 + number % 28,
        house = 1 + number % 199,
        area = 1 + number % 25,
    )
}

/// An order of the patient with that id.
pub(super) fn order(patient: &str, number: u32, n: u32) -> String {
    let (medicine, unit, route) = MEDICINES[(number + n) as usize % MEDICINES.len()];
    format!(
        concat!(
            r#"{{"resourceType":"MedicationRequest","meta":{{"profile":["https://fhir.hl7.org.uk/"#,
            r#"StructureDefinition/UKCore-MedicationRequest"]}},"identifier":[{{"system":"#,
            r#""https://rxx.nhs.uk/Id/bench-order","value":"B{number:07}-{n}"}}],"status":"#,
            r#""{status}","intent":"order","category":[{{"coding":[{{"system":"#,
            r#""http://terminology.hl7.org/CodeSystem/medicationrequest-category","code":"#,
            r#""community","display":"Community"}}]}}],"medicationCodeableConcept":{{"coding":[{{"#,
            r#""system":"https://rxx.nhs.uk/CodeSystem/item","code":"ITEM{item:02}","display":"#,
            r#""{medicine}"}}],"text":"{medicine}"}},"subject":{{"reference":"{patient}"}},"#,
            r#""authoredOn":"2026-{month:02}-{day:02}T09:{minute:02}:00+00:00","requester":{{"#,
            r#""identifier":{{"system":"https://fhir.hl7.org.uk/Id/gmc-number","value":"#,
            r#""C{gmc:07}"}},"display":"Dr Test Example"}},"recorder":{{"identifier":{{"system":"#,
            r#""https://rxx.nhs.uk/Id/staff","value":"P{gmc:04}"}}}},"reasonCode":[{{"text":"#,
            r#""Reason {reason} as the clinic letter says"}}],"courseOfTherapyType":{{"coding":["#,
            r#"{{"system":"http://terminology.hl7.org/CodeSystem/"#,
            r#"medicationrequest-course-of-therapy","code":"continuous","display":"#,
            r#""Continuous long term therapy"}}]}},"dosageInstruction":[{{"sequence":1,"text":"#,
            r#""One {unit} twice a day","timing":{{"repeat":{{"frequency":2,"period":1,"#,
            r#""periodUnit":"d"}}}},"route":{{"text":"{route}"}},"doseAndRate":[{{"doseQuantity":"#,
            r#"{{"value":1,"unit":"{unit}"}}}}]}}],"dispenseRequest":{{"numberOfRepeatsAllowed":"#,
            r#"{repeats},"quantity":{{"value":56,"unit":"{unit}"}},"expectedSupplyDuration":{{"#,
            r#""value":28,"unit":"day","system":"http://unitsofmeasure.org","code":"d"}}}}}}"#
        ),
        number = number,
        n = n,
        status = if n < ACTIVE { "active" } else { "completed" },
        item = (number + n) % 64,
        medicine = medicine,
        patient = patient,
        month = 1 + n,
        day = 1 + number % 28,
        minute = number % 60,
        gmc = number % 3000,
        reason = n,
        unit = unit,
        route = route,
        repeats = n % 6,
    )
}

/// A vital sign of the patient with that id.
pub(super) fn sign(patient: &str, number: u32, n: u32) -> String {
    let (code, name, unit, least, span) = SIGNS_OF[n as usize % SIGNS_OF.len()];
    format!(
        concat!(
            r#"{{"resourceType":"Observation","status":"final","category":[{{"coding":[{{"#,
            r#""system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"#,
            r#""vital-signs"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"#,
            r#""{code}","display":"{name}"}}],"text":"{name}"}},"subject":{{"reference":"#,
            r#""{patient}"}},"effectiveDateTime":"2026-{month:02}-{day:02}T{hour:02}:{minute:02}:"#,
            r#"00+00:00","performer":[{{"identifier":{{"system":"https://rxx.nhs.uk/Id/staff","#,
            r#""value":"N{staff:04}"}}}}],"valueQuantity":{{"value":{value},"unit":"{unit}","#,
            r#""system":"http://unitsofmeasure.org","code":"{unit}"}}}}"#
        ),
        code = code,
        name = name,
        patient = patient,
        month = 1 + n % 11,
        day = 1 + (number + n) % 28,
        hour = n % 24,
        minute = number % 60,
        staff = number % 1500,
        value = least + (number + n) % span,
        unit = unit,
    )
}

/// A transaction that stores patients with all that they have, as many as fit into `entries`
/// resources or more.
pub(super) fn patients(first: u32, count: u32) -> String {
    let mut bundle = Bundle::default();
    for number in first..first + count {
        let link = format!("urn:uuid:00000000-0000-4000-8000-{number:012}");
        bundle.add(Some(&link), "Patient", &patient(number));
        for n in 0..ORDERS {
            bundle.add(None, "MedicationRequest", &order(&link, number, n));
        }
        for n in 0..SIGNS {
            bundle.add(None, "Observation", &sign(&link, number, n));
        }
    }
    bundle.end()
}

/// A transaction of so many new vital signs and orders of a patient who is there.
pub(super) fn twenty(patient: &str, number: u32, turn: u32) -> String {
    let mut bundle = Bundle::default();
    for n in 0..10 {
        bundle.add(None, "Observation", &sign(patient, number, turn + n));
        bundle.add(None, "MedicationRequest", &order(patient, number + turn, n));
    }
    bundle.end()
}

#[derive(Debug, Default)]
struct Bundle(String);

impl Bundle {
    fn add(&mut self, link: Option<&str>, resource_type: &str, resource: &str) {
        self.0.push_str(if self.0.is_empty() { "" } else { "," });
        let full_url = link.map(|link| format!(r#""fullUrl":"{link}","#)).unwrap_or_default();
        // Writing to a string never fails.
        let _ = write!(
            self.0,
            concat!(
                r#"{{{full_url}"resource":{resource},"request":{{"method":"POST","url":"#,
                r#""{resource_type}"}}}}"#
            ),
            full_url = full_url,
            resource = resource,
            resource_type = resource_type,
        );
    }

    fn end(self) -> String {
        format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_fhir() {
        for text in [patient(7), order("Patient/7", 7, 3), sign("Patient/7", 7, 4), patients(7, 2)]
        {
            fhir::json::check(text.as_bytes(), fhir::json::Limits::default()).unwrap();
        }
        let length = order("Patient/rxx.1000.f1", 7, 3).len();
        assert!((1_400..2_000).contains(&length), "an order has {length} bytes");
        let entries = patients(1, 2).matches(r#""method":"POST""#).count();
        assert_eq!(entries, 2 * OF_A_PATIENT as usize);
    }
}
