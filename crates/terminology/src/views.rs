//! Products as they are read: an index and a place in it.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::index::{Children, Index};
use crate::kinds::{Availability, ControlledDrug, DoseForm, LegalCategory, PrescribingStatus};
use crate::rows::{
    AmpRow, AmppRow, At, IngredientRow, Span, StrengthRow, TermRow, VmpRow, VmppRow, VtmRow,
};

macro_rules! view {
    ($(#[$about:meta])* $name:ident, $list:ident, $row:ty) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<'a> {
            pub(crate) index: &'a Index,
            pub(crate) at: usize,
        }

        impl<'a> $name<'a> {
            fn row(&self) -> &'a $row {
                &self.index.data.$list[self.at]
            }

            /// The id.
            pub fn id(&self) -> u64 {
                self.row().id
            }

            /// The name.
            pub fn name(&self) -> &'a str {
                self.index.data.text(self.row().name)
            }

            /// Whether the release says that it is not to be used any more.
            pub fn is_invalid(&self) -> bool {
                self.row().invalid
            }
        }
    };
}

view! {
    /// A virtual therapeutic moiety: a substance or a combination.
    Vtm, vtms, VtmRow
}
view! {
    /// A virtual medicinal product: a strength and form.
    Vmp, vmps, VmpRow
}
view! {
    /// An actual medicinal product: a supplier's.
    Amp, amps, AmpRow
}
view! {
    /// A pack of a VMP.
    Vmpp, vmpps, VmppRow
}
view! {
    /// A pack of an AMP.
    Ampp, ampps, AmppRow
}
view! {
    /// An ingredient substance.
    Ingredient, ingredients, IngredientRow
}

/// A form, route, unit or supplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term<'a> {
    /// The code: an SCTID, or the number of a form with its route.
    pub code: u64,
    /// The code that it had before, 0 without one.
    pub previous: u64,
    /// What it is called.
    pub name: &'a str,
}

/// How much of an ingredient is in a product: `amount` in each `per`.
#[derive(Debug, Clone, Copy)]
pub struct Strength<'a> {
    /// The ingredient, as far as the release has it.
    pub ingredient: Option<Ingredient<'a>>,
    /// The substance that the amount counts, where it is not the ingredient itself: a base for
    /// its salt.
    pub basis: Option<Ingredient<'a>>,
    /// The amount and its unit; `None` where dm+d has no strength.
    pub amount: Option<(Decimal, Term<'a>)>,
    /// The amount of product that it is in; `None` means one unit dose.
    pub per: Option<(Decimal, Term<'a>)>,
}

impl Index {
    fn term<'a>(&'a self, list: &'a [TermRow], at: At) -> Option<Term<'a>> {
        let row = list.get(at.get()?)?;
        let name = self.data.text(row.name);
        Some(Term { code: row.code, previous: row.previous, name })
    }

    fn terms<'a>(&'a self, list: &'a [TermRow], span: Span) -> impl Iterator<Item = Term<'a>> {
        span.of(&self.data.places).iter().filter_map(|at| self.term(list, *at))
    }

    fn strength<'a>(&'a self, row: &'a StrengthRow) -> Strength<'a> {
        let substance = |at: At| {
            let at = at.get().filter(|at| *at < self.data.ingredients.len())?;
            Some(Ingredient { index: self, at })
        };
        let unit = |at: At| self.term(&self.data.units, at);
        Strength {
            ingredient: substance(row.ingredient),
            basis: substance(row.basis_substance),
            amount: row.amount.zip(unit(row.amount_unit)),
            per: row.per.zip(unit(row.per_unit)),
        }
    }
}

macro_rules! children {
    ($(#[$about:meta])* $of:ident, $name:ident, $children:ident, $kind:ident) => {
        impl<'a> $of<'a> {
            $(#[$about])*
            pub fn $name(&self) -> impl Iterator<Item = $kind<'a>> + use<'a> {
                let index = self.index;
                let children: &Children = &index.$children;
                children.of(self.at).iter().map(move |at| $kind { index, at: *at as usize })
            }
        }
    };
}

children! {
    /// The strengths and forms of this substance.
    Vtm, vmps, vmps_of_vtm, Vmp
}
children! {
    /// What suppliers make of it.
    Vmp, amps, amps_of_vmp, Amp
}
children! {
    /// Its packs, whoever makes them.
    Vmp, packs, vmpps_of_vmp, Vmpp
}
children! {
    /// Its packs.
    Amp, packs, ampps_of_amp, Ampp
}
children! {
    /// The suppliers' packs of this content.
    Vmpp, packs, ampps_of_vmpp, Ampp
}

impl<'a> Vmp<'a> {
    /// The substance; a few products have none.
    pub fn vtm(&self) -> Option<Vtm<'a>> {
        let at = self.row().vtm.get().filter(|at| *at < self.index.data.vtms.len())?;
        Some(Vtm { index: self.index, at })
    }

    /// Whether and how it may be prescribed.
    pub fn prescribing_status(&self) -> PrescribingStatus {
        PrescribingStatus::from_code(self.row().status)
    }

    /// Its schedule as a controlled drug.
    pub fn controlled(&self) -> ControlledDrug {
        ControlledDrug::from_code(self.row().controlled)
    }

    /// How doses are measured out.
    pub fn dose_form(&self) -> DoseForm {
        DoseForm::from_code(self.row().dose_form)
    }

    /// Whether actual products are to be had.
    pub fn is_available(&self) -> bool {
        self.row().available
    }

    /// Whether it is sugar free.
    pub fn is_sugar_free(&self) -> bool {
        self.row().sugar_free
    }

    /// Whether it is made of several products, or is a part of one that is (COMBPRODCD).
    pub fn is_combination(&self) -> bool {
        self.row().combination != 0
    }

    /// The form: tablet, solution for injection.
    pub fn form(&self) -> Option<Term<'a>> {
        self.index.term(&self.index.data.forms, self.row().form)
    }

    /// The routes that it is licensed for.
    pub fn routes(&self) -> impl Iterator<Item = Term<'a>> {
        self.index.terms(&self.index.data.routes, self.row().routes)
    }

    /// Form and route in one, such as `tablet.oral`.
    pub fn forms_and_routes(&self) -> impl Iterator<Item = Term<'a>> {
        self.index.terms(&self.index.data.forms_and_routes, self.row().forms_and_routes)
    }

    /// Its ingredients and how much there is of each.
    pub fn strengths(&self) -> impl Iterator<Item = Strength<'a>> {
        let index = self.index;
        let rows = self.row().strengths.of(&index.data.strengths);
        rows.iter().map(move |row| index.strength(row))
    }

    /// How much is in one unit dose, and in what it is counted: 2 ml in one vial has the size 2,
    /// the size's unit ml; a tablet has the size 1, the unit tablet (UDFS, UDFS_UOMCD).
    pub fn unit_dose_size(&self) -> Option<(Decimal, Term<'a>)> {
        let row = self.row();
        row.unit_dose_size.zip(self.index.term(&self.index.data.units, row.unit_dose_size_unit))
    }

    /// What one unit dose is called: tablet, vial, patch (UNIT_DOSE_UOMCD).
    pub fn unit_dose(&self) -> Option<Term<'a>> {
        self.index.term(&self.index.data.units, self.row().unit_dose_unit)
    }
}

impl<'a> Amp<'a> {
    /// The strength and form.
    pub fn vmp(&self) -> Option<Vmp<'a>> {
        let at = self.row().vmp.get().filter(|at| *at < self.index.data.vmps.len())?;
        Some(Vmp { index: self.index, at })
    }

    /// The name with the supplier.
    pub fn description(&self) -> &'a str {
        self.index.data.text(self.row().description)
    }

    /// Who makes or imports it.
    pub fn supplier(&self) -> Option<Term<'a>> {
        self.index.term(&self.index.data.suppliers, self.row().supplier)
    }

    /// How it can be had.
    pub fn availability(&self) -> Availability {
        Availability::from_code(self.row().restriction)
    }

    /// The code of its licensing authority (0 none, 1 MHRA, 2 EMA…).
    pub fn licence(&self) -> u8 {
        self.row().licence
    }

    /// Whether it is imported from another country in parallel.
    pub fn is_parallel_import(&self) -> bool {
        self.row().parallel_import
    }

    /// Whether it is under additional monitoring (black triangle).
    pub fn is_monitored(&self) -> bool {
        self.row().monitored
    }

    /// Whether it is made of several products, or is a part of one that is.
    pub fn is_combination(&self) -> bool {
        self.row().combination != 0
    }

    /// The routes that its licence names.
    pub fn routes(&self) -> impl Iterator<Item = Term<'a>> {
        self.index.terms(&self.index.data.routes, self.row().routes)
    }

    /// Other substances in it that somebody may have to avoid.
    pub fn excipients(&self) -> impl Iterator<Item = Ingredient<'a>> {
        let index = self.index;
        let places = self.row().excipients.of(&index.data.places);
        let known = index.data.ingredients.len();
        places.iter().filter_map(move |at| {
            Some(Ingredient { index, at: at.get().filter(|at| *at < known)? })
        })
    }
}

impl<'a> Vmpp<'a> {
    /// The strength and form.
    pub fn vmp(&self) -> Option<Vmp<'a>> {
        let at = self.row().vmp.get().filter(|at| *at < self.index.data.vmps.len())?;
        Some(Vmp { index: self.index, at })
    }

    /// How much is in it, in units of the VMP or by volume or weight.
    pub fn quantity(&self) -> Option<(Decimal, Term<'a>)> {
        let row = self.row();
        row.quantity.zip(self.index.term(&self.index.data.units, row.unit))
    }

    /// Whether it is made of several packs, or is a part of one that is.
    pub fn is_combination(&self) -> bool {
        self.row().combination != 0
    }
}

impl<'a> Ampp<'a> {
    /// The product.
    pub fn amp(&self) -> Option<Amp<'a>> {
        let at = self.row().amp.get().filter(|at| *at < self.index.data.amps.len())?;
        Some(Amp { index: self.index, at })
    }

    /// What is in it, whoever makes it.
    pub fn vmpp(&self) -> Option<Vmpp<'a>> {
        let at = self.row().vmpp.get().filter(|at| *at < self.index.data.vmpps.len())?;
        Some(Vmpp { index: self.index, at })
    }

    /// How the pack is divided, such as `4 x 7 tablets`; empty where it is not.
    pub fn sub_pack(&self) -> &'a str {
        self.index.data.text(self.row().sub_pack)
    }

    /// Who may sell it.
    pub fn legal_category(&self) -> LegalCategory {
        LegalCategory::from_code(self.row().legal)
    }

    /// Whether it is made no more.
    pub fn is_discontinued(&self) -> bool {
        self.row().is_discontinued
    }

    /// Since when it is made no more, or again.
    pub fn discontinued(&self) -> Option<Date> {
        self.row().discontinued
    }

    /// Whether it is for hospitals only (HOSP).
    pub fn is_hospital_only(&self) -> bool {
        self.row().hospital
    }

    /// Whether it is made of several packs, or is a part of one that is.
    pub fn is_combination(&self) -> bool {
        self.row().combination != 0
    }

    /// Its trade item numbers with their first and last days.
    pub fn gtins(&self) -> impl Iterator<Item = (u64, Option<Date>, Option<Date>)> {
        let index = self.index;
        index.gtins_of_ampp.of(self.at).iter().map(move |at| {
            let row = &index.data.gtins[*at as usize];
            (row.gtin, row.from, row.until)
        })
    }
}
