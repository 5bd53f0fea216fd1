//! What a release changes: shown to a person before it goes live.

use std::collections::BTreeMap;

use crate::index::{Index, Product};
use crate::kinds::Kind;
use crate::views::{Strength, Term};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The product is new.
    New,
    /// The product is in the release no more, and nothing stands for it.
    Withdrawn,
    /// The product has another id now.
    Recoded {
        /// The new id.
        to: u64,
    },
    /// What is said about it changed.
    Changed {
        /// What of it, with the value before and the value now.
        fields: Vec<(&'static str, String, String)>,
    },
}

/// One product and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its kind.
    pub kind: Kind,
    /// Its id, the earlier one where it was re-coded.
    pub id: u64,
    /// Its name, of before where it is there no more.
    pub name: String,
    /// What becomes of it.
    pub change: Change,
}

/// Compares two releases, product by product, kinds first and then ids in their order.
pub fn diff(before: &Index, after: &Index) -> Vec<Difference> {
    let mut pairs: BTreeMap<(Kind, u64), (Option<Product<'_>>, Option<Product<'_>>)> =
        BTreeMap::new();
    for product in before.products() {
        pairs.entry((product.kind(), product.id())).or_default().0 = Some(product);
    }
    for product in after.products() {
        pairs.entry((product.kind(), product.id())).or_default().1 = Some(product);
    }
    let mut recoded_to: BTreeMap<u64, u64> = BTreeMap::new();
    for (old, _) in after.recoded() {
        if let Some(found) = after.find(old) {
            recoded_to.insert(old, found.product.id());
        }
    }
    let mut differences = Vec::new();
    for ((kind, id), pair) in pairs {
        let (name, change) = match pair {
            (Some(old), None) => match recoded_to.get(&id) {
                Some(to) => (old.name(), Change::Recoded { to: *to }),
                None => (old.name(), Change::Withdrawn),
            },
            (None, Some(new)) => (new.name(), Change::New),
            (Some(old), Some(new)) => {
                let fields = changed(&old, &new);
                if fields.is_empty() {
                    continue;
                }
                (new.name(), Change::Changed { fields })
            }
            (None, None) => continue,
        };
        differences.push(Difference { kind, id, name: name.to_owned(), change });
    }
    differences
}

fn changed(old: &Product<'_>, new: &Product<'_>) -> Vec<(&'static str, String, String)> {
    let (old, new) = (told(old), told(new));
    let pairs = old.into_iter().zip(new);
    pairs
        .filter(|((_, before), (_, after))| before != after)
        .map(|((field, before), (_, after))| (field, before, after))
        .collect()
}

/// What is said about a product, field by field; products of one kind have the same fields.
fn told(product: &Product<'_>) -> Vec<(&'static str, String)> {
    let mut told =
        vec![("name", product.name().to_owned()), ("invalid", product.is_invalid().to_string())];
    let id = |id: Option<u64>| id.map(|id| id.to_string()).unwrap_or_default();
    match product {
        Product::Vtm(_) => {}
        Product::Vmp(vmp) => {
            told.push(("substance", id(vmp.vtm().map(|vtm| vtm.id()))));
            told.push(("prescribing", format!("{:?}", vmp.prescribing_status())));
            told.push(("controlled", format!("{:?}", vmp.controlled())));
            told.push(("available", vmp.is_available().to_string()));
            told.push(("dose form", format!("{:?}", vmp.dose_form())));
            told.push(("unit dose size", amount(vmp.unit_dose_size())));
            told.push((
                "unit dose",
                vmp.unit_dose().map(|t| t.name.to_owned()).unwrap_or_default(),
            ));
            told.push(("form", vmp.form().map(|t| t.name.to_owned()).unwrap_or_default()));
            told.push(("routes", names(vmp.routes())));
            told.push(("strengths", vmp.strengths().map(strength).collect::<Vec<_>>().join(", ")));
        }
        Product::Amp(amp) => {
            told.push(("product", id(amp.vmp().map(|vmp| vmp.id()))));
            told.push(("supplier", names(amp.supplier().into_iter())));
            told.push(("availability", format!("{:?}", amp.availability())));
            told.push(("licence", amp.licence().to_string()));
            told.push(("routes", names(amp.routes())));
            let excipients: Vec<&str> = amp.excipients().map(|other| other.name()).collect();
            told.push(("excipients", excipients.join(", ")));
        }
        Product::Vmpp(pack) => {
            told.push(("product", id(pack.vmp().map(|vmp| vmp.id()))));
            told.push(("quantity", amount(pack.quantity())));
        }
        Product::Ampp(pack) => {
            told.push(("product", id(pack.amp().map(|amp| amp.id()))));
            told.push(("content", id(pack.vmpp().map(|vmpp| vmpp.id()))));
            told.push(("legal category", format!("{:?}", pack.legal_category())));
            told.push(("discontinued", pack.is_discontinued().to_string()));
            let gtins: Vec<String> = pack.gtins().map(number).collect();
            told.push(("GTINs", gtins.join(", ")));
        }
    }
    told
}

type Dated = (u64, Option<jiff::civil::Date>, Option<jiff::civil::Date>);

fn number((gtin, from, until): Dated) -> String {
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    format!("{gtin:014} {}..{}", day(from), day(until))
}

fn names<'a>(terms: impl Iterator<Item = Term<'a>>) -> String {
    terms.map(|term| term.name).collect::<Vec<_>>().join(", ")
}

fn amount(amount: Option<(rust_decimal::Decimal, Term<'_>)>) -> String {
    amount.map(|(number, unit)| format!("{number} {}", unit.name)).unwrap_or_default()
}

fn strength(strength: Strength<'_>) -> String {
    let name = strength.ingredient.map(|ingredient| ingredient.name()).unwrap_or_default();
    format!("{name} {} / {}", amount(strength.amount), amount(strength.per))
}
