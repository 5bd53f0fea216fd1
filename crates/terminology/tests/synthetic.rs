//! The made-up release that ships with the program.

use rust_decimal::Decimal;
use terminology::{ControlledDrug, DoseForm, Index, PrescribingStatus, is_synthetic, synthetic};

fn index() -> Index {
    let imported = synthetic::import().expect("the files that ship are a release");
    assert!(imported.problems.is_empty(), "{:?}", imported.problems);
    imported.index
}

#[test]
fn it_is_a_whole_release_and_no_id_is_real() {
    let index = index();
    assert!(index.release().synthetic);
    let counts = index.release().counts;
    eprintln!("synthetic: {:?}", counts.each());
    assert!(counts.vmps >= 300 && counts.gtins == counts.ampps, "{counts:?}");
    for vmp in index.vmps() {
        assert!(is_synthetic(vmp.id()) && vmp.vtm().is_some(), "{}", vmp.name());
        assert!(vmp.form().is_some() && vmp.routes().next().is_some(), "{}", vmp.name());
        assert!(vmp.strengths().all(|one| one.amount.is_some()), "{}", vmp.name());
        assert!(vmp.strengths().next().is_some() && vmp.amps().count() == 2, "{}", vmp.name());
    }
    for ampp in index.ampps() {
        assert!(is_synthetic(ampp.id()) && is_synthetic(ampp.amp().expect("its product").id()));
        let (number, ..) = ampp.gtins().next().expect("every pack has a number");
        let gtin = gs1::Gtin::from_number(number).expect("its check digit is right");
        let day = jiff::civil::date(2026, 11, 21);
        assert!(index.scan(gtin, day).iter().any(|scan| scan.ampp.id() == ampp.id()));
    }
}

#[test]
fn what_is_said_about_some_of_them() {
    let index = index();
    let vmp = |name: &str| {
        let found = index.search(name, 200).into_iter().find(|hit| hit.product.name() == name);
        found.and_then(|hit| hit.product.vmp()).unwrap_or_else(|| panic!("no {name}"))
    };
    let amount = |name: &str| {
        let strength = vmp(name).strengths().next().expect("a strength");
        let (amount, unit) = strength.amount.expect("an amount");
        let per = strength.per.map(|(per, unit)| format!("/{per}{}", unit.name));
        format!("{amount}{}{}", unit.name, per.unwrap_or_default())
    };
    assert_eq!(amount("Paracetamol 120mg/5ml oral suspension"), "24mg/1ml");
    assert_eq!(amount("Adenosine 6mg/2ml solution for injection vials"), "3mg/1ml");
    assert_eq!(amount("Fentanyl 25micrograms/hour transdermal patches"), "25microgram/1hour");
    let tablets = vmp("Morphine 10mg tablets");
    assert_eq!(tablets.controlled(), ControlledDrug::Schedule2);
    assert_eq!(tablets.dose_form(), DoseForm::Discrete);
    assert_eq!(tablets.unit_dose_size().map(|(size, _)| size), Some(Decimal::ONE));
    let slow = vmp("Morphine 10mg modified-release tablets");
    assert_eq!(slow.prescribing_status(), PrescribingStatus::NotBioequivalent);
    assert_eq!(
        vmp("Amoxicillin 250mg/5ml oral suspension sugar free").dose_form(),
        DoseForm::Continuous
    );
    let both = vmp("Co-codamol 500mg/30mg tablets");
    let names: Vec<&str> =
        both.strengths().filter_map(|one| one.ingredient).map(|one| one.name()).collect();
    assert!(names.contains(&"Paracetamol") && names.contains(&"Codeine"), "{names:?}");
}
