//! What the scans say: whose wristband it is, what pack it is.
//!
//! A scan that lost its group separator reads as something that it is not: a wristband is then
//! scanned again, and of a pack batch and expiry are compared by eye (GS1 General Specifications,
//! §7.8; crate `gs1`).

use fhir::types::Identifier;
use gs1::{Content, Details};
use jiff::civil::Date;
use rust_decimal::Decimal;
use terminology::Index;

use super::act::EXPIRED;
use super::scan::{Finding, Outcome, PackScan};
use crate::formulary::{self, Item};
use crate::site::Site;

/// The number of a pack and what is printed about it.
#[derive(Debug, Default)]
pub struct Pack<'a> {
    /// The items that it may be.
    pub items: Vec<&'a Item>,
    /// Its product in dm+d: an AMPP.
    pub product: Option<u64>,
    /// How many units of the item are used of it.
    pub units: Decimal,
    /// The last day of use, where it is certain.
    pub expiry: Option<Date>,
    /// The batch, where it is certain.
    pub batch: Option<String>,
    /// What is wrong with the scan.
    pub findings: Vec<Finding>,
}

/// The identifiers that a wristband gives its patient: the NHS number of the GSRN, or what else
/// the band says, as a number of the hospital or as an NHS number.
pub fn band(text: &str, site: &Site) -> Result<Vec<Identifier>, Finding> {
    let wrong = |text: &str| Finding::new("patient", "band-unreadable", Outcome::Block, text);
    let scan = gs1::read(text.as_bytes())
        .map_err(|_| wrong("The wristband cannot be read: scan it again, or print a new one."))?;
    let number = match &scan.content {
        Content::Elements(elements) => {
            let band = elements.wristband().map_err(|_| {
                wrong("This is no wristband, or not all of it was read: scan it again.")
            })?;
            let prefix = &site.policies.gsrn_prefix;
            return match band.nhs_number(prefix) {
                Some(number) => Ok(vec![nhs(number)]),
                None => Ok(vec![Identifier::of(GSRN, &band.gsrn)]),
            };
        }
        Content::Gtin(_) => {
            return Err(wrong("This is a pack and no wristband: scan the wristband first."));
        }
        Content::Text(text) => text.trim(),
    };
    let local = site.local_patient_system();
    let known = [nhs(number), Identifier::of(&local, number)];
    Ok(known.into_iter().filter(|_| !number.is_empty()).collect())
}

/// The system of GS1 service relation numbers.
const GSRN: &str = "https://id.gs1.org/8018";

fn nhs(number: &str) -> Identifier {
    Identifier::of(fhir::systems::NHS_NUMBER, number)
}

/// What a pack is. `today` tells whether its number is in use and settles its century.
pub fn pack<'a>(
    scan: &PackScan,
    site: &'a Site,
    dictionary: Option<&Index>,
    today: Date,
) -> Pack<'a> {
    let mut pack = Pack { units: scan.units.unwrap_or(Decimal::ONE), ..Pack::default() };
    let block = |code: &str, text: &str| Finding::new("product", code, Outcome::Block, text);
    let Ok(read) = gs1::read(scan.code.as_bytes()) else {
        pack.findings.push(block("pack-unreadable", "The code cannot be read: scan it again."));
        return pack;
    };
    if let Content::Text(text) = &read.content {
        by_formulary(&mut pack, scan, site, text);
    } else {
        let Ok(of) = read.pack(today) else {
            let text = "This is no pack of a medicine, or its code is wrong: scan the pack.";
            pack.findings.push(block("pack-unreadable", text));
            return pack;
        };
        by_number(&mut pack, site, dictionary, of.gtin, today);
        by_formulary(&mut pack, scan, site, &format!("{:014}", of.gtin.number()));
        details(&mut pack, of.details, today);
    }
    if pack.items.is_empty() {
        let (code, text) = if pack.product.is_some() {
            let text = "This product is none that is kept here: it is not what was ordered.";
            ("not-in-formulary", text)
        } else {
            let text = "Nobody here knows this pack: put it aside, and tell the pharmacy its code.";
            ("unknown-pack", text)
        };
        pack.findings.push(block(code, text));
    }
    pack
}

/// What the formulary says of a code, beside what dm+d says.
fn by_formulary<'a>(pack: &mut Pack<'a>, scan: &PackScan, site: &'a Site, code: &str) {
    for known in formulary::find(site, code) {
        if !pack.items.contains(&known.item) {
            pack.items.push(known.item);
        }
        if scan.units.is_none() {
            pack.units = known.units;
        }
    }
}

/// The items whose product a trade item number is a pack of.
fn by_number<'a>(
    pack: &mut Pack<'a>,
    site: &'a Site,
    dictionary: Option<&Index>,
    gtin: gs1::Gtin,
    today: Date,
) {
    let Some(index) = dictionary else { return };
    let scanned = index.scan(gtin, today);
    let Some(first) = scanned.first() else { return };
    if !first.is_current {
        let text = "The number of this pack is not in use any more: compare the pack by eye.";
        pack.findings.push(Finding::new("product", "number-ended", Outcome::Warn, text));
    }
    let current = scanned.iter().filter(|one| one.is_current == first.is_current);
    let packs: Vec<u64> = current.map(|one| one.ampp.id()).collect();
    pack.product = Some(packs[0]).filter(|_| packs.len() == 1);
    for item in &site.items {
        let Some(held) = item.dmd_id() else { continue };
        if packs.iter().any(|pack| index.is_of(held, *pack)) {
            pack.items.push(item);
        }
    }
}

fn details(pack: &mut Pack<'_>, details: Details, today: Date) {
    match details {
        Details::Certain(details) => {
            if details.expiry.is_some_and(|last| last < today) {
                let text = "The pack has expired: put it aside for the pharmacy.";
                pack.findings.push(Finding::new("product", EXPIRED, Outcome::Block, text));
            }
            (pack.batch, pack.expiry) = (details.batch, details.expiry);
        }
        Details::Doubtful { .. } => {
            let text = "The scan may have lost a separator, so that batch and expiry are not \
                        sure: read them from the pack.";
            pack.findings.push(Finding::new("product", "separator-lost", Outcome::Warn, text));
        }
    }
}
