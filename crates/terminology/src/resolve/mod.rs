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

mod measure;
mod units;

use rust_decimal::Decimal;

use crate::index::{Index, Product};
use crate::kinds::PrescribingStatus;
use crate::views::{Amp, Term, Vmp};
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
