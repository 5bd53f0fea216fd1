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
