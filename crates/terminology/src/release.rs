//! Which release an index was made of.

use jiff::civil::Date;

use crate::codec::{Codec, Reader, Unreadable};

/// A release of dm+d and how many rows of it are in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The day in the names of its files (`f_vmp2_3010419.xml` is 2019-04-01).
    pub day: Option<Date>,
    /// Whether the products were made up: see [`crate::is_synthetic`].
    pub synthetic: bool,
    /// The rows of each kind.
    pub counts: Counts,
}

/// How many there are of each, valid or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Virtual therapeutic moieties.
    pub vtms: u32,
    /// Virtual medicinal products.
    pub vmps: u32,
    /// Actual medicinal products.
    pub amps: u32,
    /// Virtual medicinal product packs.
    pub vmpps: u32,
    /// Actual medicinal product packs.
    pub ampps: u32,
    /// Ingredient substances.
    pub ingredients: u32,
    /// Trade item numbers of packs, with their days.
    pub gtins: u32,
    /// Earlier ids that lead to one of now.
    pub recoded: u32,
}

impl Counts {
    /// Each count with its name.
    pub fn each(&self) -> [(&'static str, u32); 8] {
        [
            ("VTM", self.vtms),
            ("VMP", self.vmps),
            ("AMP", self.amps),
            ("VMPP", self.vmpps),
            ("AMPP", self.ampps),
            ("ingredient", self.ingredients),
            ("GTIN", self.gtins),
            ("re-coded", self.recoded),
        ]
    }
}

impl Codec for Release {
    fn put(&self, out: &mut Vec<u8>) {
        self.day.put(out);
        self.synthetic.put(out);
        for (_, count) in self.counts.each() {
            count.put(out);
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let (day, synthetic) = (Codec::take(reader)?, Codec::take(reader)?);
        let mut next = || u32::take(reader);
        let counts = Counts {
            vtms: next()?,
            vmps: next()?,
            amps: next()?,
            vmpps: next()?,
            ampps: next()?,
            ingredients: next()?,
            gtins: next()?,
            recoded: next()?,
        };
        Ok(Self { day, synthetic, counts })
    }
}
