//! The index: lists, and the ways to find something in them.

#![expect(clippy::similar_names, reason = "dm+d calls them VMP, VMPP, AMP and AMPP")]

use jiff::civil::Date;

use crate::codec::Unreadable;
use crate::data::Data;
use crate::kinds::Kind;
use crate::release::Release;
use crate::rows::At;
use crate::search::Search;
use crate::views::{Amp, Ampp, Vmp, Vmpp, Vtm};

/// How many times an id may have been re-coded before somebody has to look: longer chains, and
/// rings, lead nowhere.
const MAX_RECODED: usize = 8;

/// A release of dm+d that never changes.
#[derive(Debug)]
pub struct Index {
    pub(crate) data: Data,
    /// Every product by its id.
    ids: Vec<(u64, Kind, u32)>,
    pub(crate) vmps_of_vtm: Children,
    pub(crate) amps_of_vmp: Children,
    pub(crate) vmpps_of_vmp: Children,
    pub(crate) ampps_of_amp: Children,
    pub(crate) ampps_of_vmpp: Children,
    pub(crate) gtins_of_ampp: Children,
    pub(crate) search: Search,
}

/// A product of any kind.
#[derive(Debug, Clone, Copy)]
pub enum Product<'a> {
    /// A substance.
    Vtm(Vtm<'a>),
    /// A strength and form.
    Vmp(Vmp<'a>),
    /// A supplier's product.
    Amp(Amp<'a>),
    /// A pack of a VMP.
    Vmpp(Vmpp<'a>),
    /// A pack of an AMP.
    Ampp(Ampp<'a>),
}

impl<'a> Product<'a> {
    /// The id.
    pub fn id(&self) -> u64 {
        match self {
            Self::Vtm(product) => product.id(),
            Self::Vmp(product) => product.id(),
            Self::Amp(product) => product.id(),
            Self::Vmpp(product) => product.id(),
            Self::Ampp(product) => product.id(),
        }
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Vtm(_) => Kind::Vtm,
            Self::Vmp(_) => Kind::Vmp,
            Self::Amp(_) => Kind::Amp,
            Self::Vmpp(_) => Kind::Vmpp,
            Self::Ampp(_) => Kind::Ampp,
        }
    }

    /// The name to show; an AMP's description, which names the supplier.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Vtm(product) => product.name(),
            Self::Vmp(product) => product.name(),
            Self::Amp(product) => product.description(),
            Self::Vmpp(product) => product.name(),
            Self::Ampp(product) => product.name(),
        }
    }

    /// Whether the release says that it is not to be used any more.
    pub fn is_invalid(&self) -> bool {
        match self {
            Self::Vtm(product) => product.is_invalid(),
            Self::Vmp(product) => product.is_invalid(),
            Self::Amp(product) => product.is_invalid(),
            Self::Vmpp(product) => product.is_invalid(),
            Self::Ampp(product) => product.is_invalid(),
        }
    }

    /// The strength and form that it is a product or a pack of; `None` for a VTM, which has many.
    pub fn vmp(&self) -> Option<Vmp<'a>> {
        match self {
            Self::Vtm(_) => None,
            Self::Vmp(product) => Some(*product),
            Self::Amp(product) => product.vmp(),
            Self::Vmpp(product) => product.vmp(),
            Self::Ampp(product) => product.vmpp()?.vmp(),
        }
    }

    /// The substance.
    pub fn vtm(&self) -> Option<Vtm<'a>> {
        match self {
            Self::Vtm(product) => Some(*product),
            other => other.vmp()?.vtm(),
        }
    }
}

/// What an id leads to.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The product.
    pub product: Product<'a>,
    /// Whether the id is an earlier one of it: what carries the earlier id means this product.
    pub recoded: bool,
}

/// What a trade item number leads to.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    /// The pack.
    pub ampp: Ampp<'a>,
    /// The first day on which the number meant this pack.
    pub from: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
    /// Whether the day asked for lies between them. A number that ended still tells what is in
    /// an old pack; whoever uses it is to be warned.
    pub is_current: bool,
}

impl Index {
    pub(crate) fn new(data: Data) -> Self {
        let vtm = |at: usize| data.vmps[at].vtm;
        let vmp = |at: usize| data.amps[at].vmp;
        let pack = |at: usize| data.vmpps[at].vmp;
        let amp = |at: usize| data.ampps[at].amp;
        let vmpp = |at: usize| data.ampps[at].vmpp;
        let ampp = |at: usize| data.gtins[at].ampp;
        let gtins_of_ampp = Children::new(data.ampps.len(), data.gtins.len(), ampp);
        let vmps_of_vtm = Children::new(data.vtms.len(), data.vmps.len(), vtm);
        let amps_of_vmp = Children::new(data.vmps.len(), data.amps.len(), vmp);
        let vmpps_of_vmp = Children::new(data.vmps.len(), data.vmpps.len(), pack);
        let ampps_of_amp = Children::new(data.amps.len(), data.ampps.len(), amp);
        let ampps_of_vmpp = Children::new(data.vmpps.len(), data.ampps.len(), vmpp);
        let (ids, search) = (ids(&data), Search::new(&data));
        Self {
            data,
            ids,
            vmps_of_vtm,
            amps_of_vmp,
            vmpps_of_vmp,
            ampps_of_amp,
            ampps_of_vmpp,
            gtins_of_ampp,
            search,
        }
    }

    /// Writes the index. The same release gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.data.to_bytes()
    }

    /// Reads what [`Index::to_bytes`] wrote; anything else, and anything damaged, is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        Data::from_bytes(bytes).map(Self::new)
    }

    /// The release that it was made of.
    pub fn release(&self) -> &Release {
        &self.data.release
    }

    /// Looks up a product of any kind. An earlier id leads to the product that stands for it now;
    /// one that became several leads to none of them, because nobody is to guess.
    pub fn find(&self, id: u64) -> Option<Found<'_>> {
        let mut wanted = id;
        for _ in 0..=MAX_RECODED {
            if let Some(product) = self.product(wanted) {
                return Some(Found { product, recoded: wanted != id });
            }
            let rows = &self.data.recoded;
            let begin = rows.partition_point(|row| row.old < wanted);
            let length = rows[begin..].partition_point(|row| row.old == wanted);
            let [row] = &rows[begin..begin + length] else { return None };
            wanted = row.new;
        }
        None
    }

    /// The product that has this id now.
    fn product(&self, id: u64) -> Option<Product<'_>> {
        let at = self.ids.binary_search_by_key(&id, |row| row.0).ok()?;
        let (_, kind, at) = self.ids[at];
        Some(self.at(kind, at as usize))
    }

    pub(crate) fn at(&self, kind: Kind, at: usize) -> Product<'_> {
        match kind {
            Kind::Vtm => Product::Vtm(Vtm { index: self, at }),
            Kind::Vmp => Product::Vmp(Vmp { index: self, at }),
            Kind::Amp => Product::Amp(Amp { index: self, at }),
            Kind::Vmpp => Product::Vmpp(Vmpp { index: self, at }),
            Kind::Ampp => Product::Ampp(Ampp { index: self, at }),
        }
    }

    /// The packs that a trade item number means or has meant, those of `day` first. More than one
    /// that is current is for a person to settle.
    pub fn scan(&self, gtin: gs1::Gtin, day: Date) -> Vec<Scanned<'_>> {
        let rows = &self.data.gtins;
        let begin = rows.partition_point(|row| row.gtin < gtin.number());
        let length = rows[begin..].partition_point(|row| row.gtin == gtin.number());
        let mut found: Vec<Scanned<'_>> = rows[begin..begin + length]
            .iter()
            .filter_map(|row| {
                let ampp = Ampp { index: self, at: row.ampp.get()? };
                let has_begun = row.from.is_none_or(|from| from <= day);
                let has_ended = row.until.is_some_and(|until| until < day);
                let is_current = has_begun && !has_ended;
                Some(Scanned { ampp, from: row.from, until: row.until, is_current })
            })
            .collect();
        found.sort_by_key(|scanned| (!scanned.is_current, scanned.ampp.id()));
        found
    }

    /// All substances, in the order of their ids.
    pub fn vtms(&self) -> impl Iterator<Item = Vtm<'_>> {
        (0..self.data.vtms.len()).map(|at| Vtm { index: self, at })
    }

    /// All strengths and forms.
    pub fn vmps(&self) -> impl Iterator<Item = Vmp<'_>> {
        (0..self.data.vmps.len()).map(|at| Vmp { index: self, at })
    }

    /// All suppliers' products.
    pub fn amps(&self) -> impl Iterator<Item = Amp<'_>> {
        (0..self.data.amps.len()).map(|at| Amp { index: self, at })
    }

    /// All packs of VMPs.
    pub fn vmpps(&self) -> impl Iterator<Item = Vmpp<'_>> {
        (0..self.data.vmpps.len()).map(|at| Vmpp { index: self, at })
    }

    /// All packs of AMPs.
    pub fn ampps(&self) -> impl Iterator<Item = Ampp<'_>> {
        (0..self.data.ampps.len()).map(|at| Ampp { index: self, at })
    }

    /// Every product, kind by kind.
    pub(crate) fn products(&self) -> impl Iterator<Item = Product<'_>> {
        let vtms = self.vtms().map(Product::Vtm);
        let vmps = self.vmps().map(Product::Vmp);
        let amps = self.amps().map(Product::Amp);
        let vmpps = self.vmpps().map(Product::Vmpp);
        let ampps = self.ampps().map(Product::Ampp);
        vtms.chain(vmps).chain(amps).chain(vmpps).chain(ampps)
    }

    /// Earlier ids and those that stand for them, in the order of the earlier ones.
    pub fn recoded(&self) -> impl Iterator<Item = (u64, u64)> {
        self.data.recoded.iter().map(|row| (row.old, row.new))
    }
}

fn ids(data: &Data) -> Vec<(u64, Kind, u32)> {
    let mut ids: Vec<(u64, Kind, u32)> = Vec::new();
    let mut add = |kind: Kind, list: &mut dyn Iterator<Item = u64>| {
        for (at, id) in list.enumerate() {
            ids.push((id, kind, At::new(at).raw()));
        }
    };
    add(Kind::Vtm, &mut data.vtms.iter().map(|row| row.id));
    add(Kind::Vmp, &mut data.vmps.iter().map(|row| row.id));
    add(Kind::Amp, &mut data.amps.iter().map(|row| row.id));
    add(Kind::Vmpp, &mut data.vmpps.iter().map(|row| row.id));
    add(Kind::Ampp, &mut data.ampps.iter().map(|row| row.id));
    ids.sort_unstable();
    ids
}

/// The rows of one list that belong to each row of another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Children {
    /// Where each parent's run begins; one more than there are parents.
    begins: Vec<u32>,
    list: Vec<u32>,
}

impl Children {
    fn new(parents: usize, children: usize, parent: impl Fn(usize) -> At) -> Self {
        let mut pairs: Vec<(u32, u32)> = (0..children)
            .filter_map(|child| {
                let parent = parent(child);
                (parent.get()? < parents).then(|| (parent.raw(), At::new(child).raw()))
            })
            .collect();
        pairs.sort_unstable();
        let mut begins = Vec::with_capacity(parents + 1);
        let mut at = 0;
        for parent in 0..=parents {
            while pairs.get(at).is_some_and(|pair| (pair.0 as usize) < parent) {
                at += 1;
            }
            begins.push(At::new(at).raw());
        }
        Self { begins, list: pairs.into_iter().map(|pair| pair.1).collect() }
    }

    pub(crate) fn of(&self, parent: usize) -> &[u32] {
        let end = self.begins.get(parent + 1).copied().unwrap_or_default() as usize;
        let begin = self.begins.get(parent).copied().unwrap_or_default() as usize;
        self.list.get(begin..end).unwrap_or_default()
    }
}
