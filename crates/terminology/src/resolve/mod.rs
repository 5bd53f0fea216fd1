//! From an order by dose to products that can be handed out, with exact units.
//!
//! Hospitals prescribe a substance, a dose, a route and perhaps a form; cabinets hold products.
//! Every product of the substance is looked at; those that fit are shown, all of them, and nobody
//! guesses between them. Where none fits, the reason of the product that came closest is told.
//!
//! Rules: strengths and unit doses as dm+d has them (Technical Specification, VMP and VPI);
//! modified-release is never given for immediate-release or the other way round; prescribing
//! status 0003 and 0006 need a brand; whether a tablet may be halved is not in dm+d, so it has to
//! be said; nothing is rounded.

mod contents;
mod measure;
mod units;

use rust_decimal::Decimal;

use crate::index::{Index, Product};
use crate::kinds::PrescribingStatus;
use crate::views::{Amp, Term, Vmp};
pub use contents::Content;
use measure::{Release, measure};

/// What was ordered.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The id of a VTM, VMP or AMP; a pack's stands for its product.
    pub product: u64,
    /// The dose: a number above zero.
    pub dose: Decimal,
    /// Its unit, by its UCUM code or its name in dm+d: `mg`, `ug`, `mL`, `[iU]`, `tablet`,
    /// `ug/h`.
    pub unit: &'a str,
    /// The route, by its code or its name in dm+d; `None` where the order names none.
    pub route: Option<&'a str>,
    /// The form, by its code or its name in dm+d; `None` where the order names none.
    pub form: Option<&'a str>,
    /// Whether plain tablets may be halved here.
    pub halves: bool,
}

/// A product that fits.
#[derive(Debug, Clone, Copy)]
pub struct Fit<'a> {
    /// The strength and form.
    pub vmp: Vmp<'a>,
    /// The brand, where the order is of one: nothing else may be given.
    pub amp: Option<Amp<'a>>,
    /// How much of `unit` is one dose, exactly.
    pub quantity: Decimal,
    /// What is counted or measured out: tablet, ampoule, ml.
    pub unit: Term<'a>,
    /// How many whole pieces have to be taken for one dose: 1 for half an ampoule, whose rest is
    /// wasted. `None` for what is measured out of a bottle or tube.
    pub pieces: Option<Decimal>,
    /// How much is drawn up of pieces that hold a liquid, with its unit.
    pub drawn: Option<(Decimal, Term<'a>)>,
}

/// Why no product fits. In the order in which a product is looked at: of several products the
/// reason of the one that came furthest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// The dose is zero or less.
    #[error("no-dose")]
    NoDose,
    /// The release has no such product, or its earlier id became several.
    #[error("unknown-product")]
    UnknownProduct,
    /// The product is none of those that the order may mean.
    #[error("not-ordered")]
    NotOrdered,
    /// The product is not to be used any more, or is never to be prescribed.
    #[error("invalid-product")]
    InvalidProduct,
    /// No product may be given by this route.
    #[error("route")]
    Route,
    /// No product has this form.
    #[error("form")]
    Form,
    /// There are only modified-release products, and the order does not say so.
    #[error("release-not-said")]
    ReleaseNotSaid,
    /// dm+d gives no strength, so that the dose cannot be told in units of it.
    #[error("no-strength")]
    NoStrength,
    /// A dose of several ingredients cannot be told as one amount.
    #[error("combination")]
    Combination,
    /// The dose's unit is not one of this product.
    #[error("unit")]
    Unit,
    /// The dose is no exact number of units.
    #[error("not-exact")]
    NotExact,
    /// The dose is a part of a piece that must not be divided.
    #[error("part-of-piece")]
    PartOfPiece,
    /// The order has to name a brand.
    #[error("brand-needed")]
    BrandNeeded,
}

impl Index {
    /// The products that fit an order: whole pieces before parts, fewer before more, then by
    /// name. More than one is for a person to choose, by what the formulary and the cabinets
    /// have.
    pub fn resolve(&self, order: &Order<'_>) -> Result<Vec<Fit<'_>>, Refusal> {
        if order.dose <= Decimal::ZERO {
            return Err(Refusal::NoDose);
        }
        let found = self.find(order.product).ok_or(Refusal::UnknownProduct)?;
        if found.product.is_invalid() {
            return Err(Refusal::InvalidProduct);
        }
        let (vmps, amp) = ordered(found.product);
        let mut fits = Vec::new();
        let mut refusal = Refusal::InvalidProduct;
        for vmp in vmps {
            match fit(vmp, amp, order) {
                Ok(fit) => fits.push(fit),
                Err(reason) => refusal = refusal.max(reason),
            }
        }
        if fits.is_empty() {
            return Err(refusal);
        }
        fits.sort_by_key(|fit| {
            let pieces = fit.pieces.unwrap_or(fit.quantity);
            (pieces != fit.quantity, fit.pieces.is_none(), pieces, fit.vmp.name())
        });
        Ok(fits)
    }
}

impl Index {
    /// How much of one product a dose is. `product` is what a pocket holds: a VMP, an AMP, or a
    /// pack of either; where the order is of a brand it has to be that brand.
    pub fn resolve_to(&self, order: &Order<'_>, product: u64) -> Result<Fit<'_>, Refusal> {
        if order.dose <= Decimal::ZERO {
            return Err(Refusal::NoDose);
        }
        let (vmp, amp) = self.ordered_as(order.product, product)?;
        fit(vmp, amp, order)
    }

    /// Whether the release has a route of this code or name: an order by another one cannot be
    /// judged by its route.
    pub fn has_route(&self, route: &str) -> bool {
        let named = |row: &crate::rows::TermRow| {
            let name = self.data.text(row.name);
            is_named(Term { code: row.code, previous: row.previous, name }, route)
        };
        self.data.routes.iter().any(named)
    }

    /// Whether an order of one product may mean another one: the same, a strength or form of the
    /// ordered substance, or anybody's product of the ordered strength and form.
    pub fn is_of(&self, ordered: u64, product: u64) -> bool {
        self.ordered_as(ordered, product).is_ok()
    }

    /// What is given for an order where a pocket holds `product`.
    fn ordered_as(&self, wanted: u64, product: u64) -> Result<(Vmp<'_>, Option<Amp<'_>>), Refusal> {
        let held = self.find(product).ok_or(Refusal::UnknownProduct)?.product;
        let wanted = self.find(wanted).ok_or(Refusal::UnknownProduct)?.product;
        if held.is_invalid() || wanted.is_invalid() {
            return Err(Refusal::InvalidProduct);
        }
        let vmp = held.vmp().ok_or(Refusal::NotOrdered)?;
        let brand = match held {
            Product::Amp(amp) => Some(amp),
            Product::Ampp(pack) => pack.amp(),
            Product::Vtm(_) | Product::Vmp(_) | Product::Vmpp(_) => None,
        };
        let same = |amp: Amp<'_>| brand.is_some_and(|brand| brand.id() == amp.id());
        let is_meant = match wanted {
            Product::Vtm(vtm) => vmp.vtm().is_some_and(|of| of.id() == vtm.id()),
            Product::Amp(amp) => same(amp),
            Product::Ampp(pack) => pack.amp().is_some_and(same),
            Product::Vmp(_) | Product::Vmpp(_) => {
                wanted.vmp().is_some_and(|wanted| wanted.id() == vmp.id())
            }
        };
        if !is_meant {
            return Err(Refusal::NotOrdered);
        }
        // An order that names no brand is of the strength and form, whoever made it.
        let names_brand = matches!(wanted, Product::Amp(_) | Product::Ampp(_));
        Ok((vmp, brand.filter(|_| names_brand)))
    }
}

impl Fit<'_> {
    /// The dose, and what has to be taken for it, in a unit by which somebody else counts; `None`
    /// where that unit counts something else, such as whole bottles.
    pub fn counted_in(&self, unit: &str) -> Option<(Decimal, Decimal)> {
        if units::is_piece(unit, self.unit.name) || units::is_piece(self.unit.name, unit) {
            return Some((self.quantity, self.pieces.unwrap_or(self.quantity)));
        }
        let exact = units::convert(self.quantity, self.unit.name, unit)?;
        Some((exact, exact))
    }
}

/// The products that an order may mean, and the brand that it names.
fn ordered(product: Product<'_>) -> (Vec<Vmp<'_>>, Option<Amp<'_>>) {
    match product {
        Product::Vtm(vtm) => (vtm.vmps().collect(), None),
        Product::Vmp(vmp) => (vec![vmp], None),
        Product::Vmpp(pack) => (pack.vmp().into_iter().collect(), None),
        Product::Amp(amp) => (amp.vmp().into_iter().collect(), Some(amp)),
        Product::Ampp(pack) => {
            let amp = pack.amp();
            (amp.and_then(|amp| amp.vmp()).into_iter().collect(), amp)
        }
    }
}

/// Whether one product fits, and how much of it.
fn fit<'a>(vmp: Vmp<'a>, amp: Option<Amp<'a>>, order: &Order<'_>) -> Result<Fit<'a>, Refusal> {
    let status = vmp.prescribing_status();
    if vmp.is_invalid() || status == PrescribingStatus::NeverValid {
        return Err(Refusal::InvalidProduct);
    }
    if let Some(route) = order.route {
        let named = |term: Term<'_>| is_named(term, route);
        // A brand's own licence counts where it names routes.
        let of_brand: Vec<Term<'_>> = amp.iter().flat_map(Amp::routes).collect();
        let licensed = if of_brand.is_empty() {
            vmp.routes().any(named)
        } else {
            of_brand.into_iter().any(named)
        };
        if !licensed {
            return Err(Refusal::Route);
        }
    }
    let form = vmp.form();
    if let Some(wanted) = order.form
        && !form.is_some_and(|form| is_named(form, wanted))
    {
        return Err(Refusal::Form);
    }
    // An order of one product says its release by naming it.
    let by_substance = order.product != vmp.id() && amp.is_none();
    if by_substance && order.form.is_none() && Release::of(vmp) == Release::Modified {
        return Err(Refusal::ReleaseNotSaid);
    }
    let fit = measure(vmp, amp, order)?;
    if status.forces_brand() && amp.is_none() {
        return Err(Refusal::BrandNeeded);
    }
    Ok(fit)
}

fn is_named(term: Term<'_>, wanted: &str) -> bool {
    term.name.eq_ignore_ascii_case(wanted)
        || wanted.parse::<u64>().is_ok_and(|code| code == term.code || code == term.previous)
}
