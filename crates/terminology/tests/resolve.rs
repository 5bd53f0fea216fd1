//! Orders by dose and the products that they come to, on the made-up release: written by hand
//! from what the products hold.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use terminology::{Fit, Index, Order, synthetic};

/// product | dose | route | form | what fits, or the refusal. `halves` after the dose: plain
/// tablets may be halved. Several that fit are in the order in which they are shown.
const TABLE: &str = include_str!("resolve.txt");

fn shown(fit: &Fit<'_>) -> String {
    let mut text = format!("{} {} of {}", fit.quantity, fit.unit.name, fit.vmp.name());
    if let Some(pieces) = fit.pieces.filter(|pieces| *pieces != fit.quantity) {
        text = format!("{text} from {pieces}");
    }
    if let Some((amount, unit)) = fit.drawn {
        text = format!("{text} = {amount} {}", unit.name);
    }
    match fit.amp {
        Some(amp) => format!("{text} by {}", amp.supplier().expect("a supplier").name),
        None => text,
    }
}

fn check(index: &Index, ids: &BTreeMap<&str, u64>, row: &str) -> Result<(), String> {
    let columns: Vec<&str> = row.split('|').map(str::trim).collect();
    let [product, dose, route, form, expected] = columns[..] else {
        return Err(format!("five columns: {row}"));
    };
    let (dose, halves) = match dose.strip_suffix(" halves") {
        Some(dose) => (dose, true),
        None => (dose, false),
    };
    let (dose, unit) = dose.split_once(' ').expect("an amount and a unit");
    let said = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let order = Order {
        product: ids.get(product).copied().unwrap_or(1),
        dose: Decimal::from_str_exact(dose).expect("a dose is a number"),
        unit,
        route: said(route),
        form: said(form),
        halves,
    };
    let came = match index.resolve(&order) {
        Ok(fits) => fits.iter().map(shown).collect::<Vec<_>>().join("; "),
        Err(refusal) => format!("refused: {refusal}"),
    };
    if came == expected { Ok(()) } else { Err(format!("{row}\n    came: {came}")) }
}

#[test]
fn orders_come_to_products() {
    let index = synthetic::import().expect("the files that ship are a release").index;
    let mut ids: BTreeMap<&str, u64> = BTreeMap::new();
    ids.extend(index.vtms().map(|vtm| (vtm.name(), vtm.id())));
    ids.extend(index.vmps().map(|vmp| (vmp.name(), vmp.id())));
    ids.extend(index.amps().map(|amp| (amp.description(), amp.id())));
    let rows = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut count, mut wrong) = (0, Vec::new());
    for row in rows {
        count += 1;
        wrong.extend(check(&index, &ids, row).err());
    }
    eprintln!("{count} orders");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 120, "{count}");
}

#[test]
fn what_a_pocket_holds_is_what_was_ordered_or_is_not() {
    let index = synthetic::import().expect("the files that ship are a release").index;
    let vmp = |name: &str| index.vmps().find(|vmp| vmp.name() == name).expect("a VMP");
    let check = |ordered: u64, dose: (&str, &str), held: u64, unit: &str, expected: &str| {
        let order = Order {
            product: ordered,
            dose: Decimal::from_str_exact(dose.0).expect("a dose is a number"),
            unit: dose.1,
            route: None,
            form: None,
            halves: false,
        };
        let came = match index.resolve_to(&order, held) {
            Ok(fit) => match fit.counted_in(unit) {
                Some((exact, taken)) => format!("{exact} from {taken}"),
                None => "counted otherwise".to_owned(),
            },
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(came, expected, "{ordered} {dose:?} {held} {unit}");
    };
    let tablets = vmp("Paracetamol 500mg tablets");
    let syrup = vmp("Paracetamol 120mg/5ml oral suspension");
    let paracetamol = tablets.vtm().expect("a VTM").id();
    let brand = tablets.amps().next().expect("an AMP");
    check(paracetamol, ("1", "g"), tablets.id(), "tablet", "2 from 2");
    check(paracetamol, ("1", "g"), brand.id(), "tablets", "2 from 2");
    check(paracetamol, ("120", "mg"), syrup.id(), "ml", "5 from 5");
    check(paracetamol, ("120", "mg"), syrup.id(), "bottle", "counted otherwise");
    check(tablets.id(), ("1", "g"), syrup.id(), "ml", "not-ordered");
    check(tablets.id(), ("1", "g"), brand.id(), "tablet", "2 from 2");
    check(brand.id(), ("1", "g"), tablets.id(), "tablet", "not-ordered");
    check(brand.id(), ("1", "g"), brand.id(), "tablet", "2 from 2");
    check(paracetamol, ("750", "mg"), tablets.id(), "tablet", "part-of-piece");
    check(paracetamol, ("0", "mg"), tablets.id(), "tablet", "no-dose");
    check(paracetamol, ("1", "g"), 1, "tablet", "unknown-product");
    assert!(index.is_of(paracetamol, brand.id()) && !index.is_of(brand.id(), tablets.id()));
}
