//! Joins the rows of a release: ids become places, names go into one pool, lists are sorted.

#![expect(clippy::similar_names, reason = "dm+d calls them VMP, VMPP, AMP and AMPP")]

use std::collections::HashMap;

use jiff::civil::Date;

use super::Problems;
use super::raw::{Amp, Ampp, Gtin, Named, Raw, Strength, Term, Vmp, Vmpp};
use crate::data::Data;
use crate::release::{Counts, Release};
use crate::rows::{
    AmpRow, AmppRow, At, GtinRow, IngredientRow, RecodedRow, Span, StrengthRow, TermRow, Text,
    VmpRow, VmppRow, VtmRow,
};

/// Makes the lists of an index. The same release gives the same lists, in whatever order its
/// files and rows came.
pub(super) fn link(mut raw: Raw, day: Option<Date>) -> (Data, Problems) {
    let mut linker = Linker { problems: std::mem::take(&mut raw.problems), ..Linker::default() };
    raw.sort();
    let units = linker.terms(&mut raw.units, "UNIT_OF_MEASURE");
    let forms = linker.terms(&mut raw.forms, "FORM");
    let routes = linker.terms(&mut raw.routes, "ROUTE");
    let forms_and_routes = linker.terms(&mut raw.forms_and_routes, "ONT_FORM_ROUTE");
    let suppliers = linker.terms(&mut raw.suppliers, "SUPPLIER");
    let ingredients = linker.ingredients(&raw.ingredients);
    let vtms = linker.vtms(&raw.vtms);
    let codes = Codes { units, forms, routes, forms_and_routes, suppliers, ingredients, vtms };
    let (vmps, strengths) = linker.vmps(&raw, &codes);
    let amps = linker.amps(&raw, &codes, &vmps);
    let vmpps = linker.vmpps(&raw.vmpps, &codes, &vmps);
    let ampps = linker.ampps(&raw, &amps, &vmpps);
    let gtins = linker.gtins(&raw.gtins, &ampps);
    let recoded = recoded(&raw, &codes, &vmps);
    let counts = Counts {
        vtms: count(&codes.vtms),
        vmps: count(&vmps),
        amps: count(&amps),
        vmpps: count(&vmpps),
        ampps: count(&ampps),
        ingredients: count(&codes.ingredients),
        gtins: count(&gtins),
        recoded: count(&recoded),
    };
    let synthetic = !vmps.is_empty() && vmps.iter().all(|row| crate::is_synthetic(row.id));
    let Codes { units, forms, routes, forms_and_routes, suppliers, ingredients, vtms } = codes;
    let data = Data {
        release: Release { day, synthetic, counts },
        text: linker.pool,
        units,
        forms,
        routes,
        forms_and_routes,
        suppliers,
        ingredients,
        vtms,
        vmps,
        strengths,
        amps,
        vmpps,
        ampps,
        gtins,
        places: linker.places,
        recoded,
    };
    (data, linker.problems)
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).expect("the importer limits the rows")
}

struct Codes {
    units: Vec<TermRow>,
    forms: Vec<TermRow>,
    routes: Vec<TermRow>,
    forms_and_routes: Vec<TermRow>,
    suppliers: Vec<TermRow>,
    ingredients: Vec<IngredientRow>,
    vtms: Vec<VtmRow>,
}

impl Raw {
    fn sort(&mut self) {
        self.ingredients.sort_by_key(|row| row.id);
        self.vtms.sort_by_key(|row| row.id);
        self.vmps.sort_by_key(|row| row.named.id);
        self.amps.sort_by_key(|row| row.named.id);
        self.vmpps.sort_by_key(|row| row.named.id);
        self.ampps.sort_by_key(|row| row.named.id);
        self.strengths.sort_by_key(|row| (row.vmp, row.ingredient));
        self.controlled.sort_unstable();
        self.hospital.sort_unstable();
        self.gtins.sort_by_key(|row| (row.number, row.ampp, row.from, row.until));
        for pairs in [
            &mut self.vmp_forms,
            &mut self.vmp_routes,
            &mut self.vmp_forms_and_routes,
            &mut self.amp_routes,
            &mut self.excipients,
        ] {
            pairs.sort_unstable();
            pairs.dedup();
        }
    }
}

/// The rows of a sorted list that belong to one product.
fn of_product<T>(list: &[T], product: u64, key: impl Fn(&T) -> u64) -> &[T] {
    let begin = list.partition_point(|row| key(row) < product);
    let length = list[begin..].partition_point(|row| key(row) == product);
    &list[begin..begin + length]
}

#[derive(Default)]
struct Linker {
    problems: Problems,
    pool: String,
    known: HashMap<String, Text>,
    places: Vec<At>,
}

impl Linker {
    fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let at = u32::try_from(self.pool.len()).expect("a release has less than 4 GiB of names");
        let length = u32::try_from(text.len()).expect("the reader limits the text of a field");
        self.pool.push_str(text);
        self.known.insert(text.to_owned(), Text { at, length });
        Text { at, length }
    }

    /// Looks for an id in a sorted list. A missing one (0) is no place; an unknown one is a
    /// problem of the row that names it.
    fn place<T>(
        &mut self,
        list: &[T],
        key: impl Fn(&T) -> u64,
        id: u64,
        row: (&'static str, u64, &str),
    ) -> At {
        if id == 0 {
            return At::NONE;
        }
        if let Ok(at) = list.binary_search_by_key(&id, key) {
            return At::new(at);
        }
        let (row, of, field) = row;
        self.problems.add(row, &of, format!("{field} {id} is not in the release"));
        At::NONE
    }

    fn terms(&mut self, terms: &mut [Term], table: &'static str) -> Vec<TermRow> {
        terms.sort_by_key(|term| term.code);
        let mut rows: Vec<TermRow> = Vec::with_capacity(terms.len());
        for Term { code, previous, name } in terms {
            if rows.last().is_some_and(|last| last.code == *code) {
                self.problems.add(table, code, "the code stands there twice");
                continue;
            }
            let name = self.text(name);
            rows.push(TermRow { code: *code, previous: *previous, name });
        }
        rows
    }

    /// Whether a row of this id is new; a second one is a problem and is not taken.
    fn is_new(&mut self, last: Option<u64>, row: &'static str, id: u64) -> bool {
        let is_new = last != Some(id);
        if !is_new {
            self.problems.add(row, &id, "the id stands there twice");
        }
        is_new
    }

    fn ingredients(&mut self, list: &[Named]) -> Vec<IngredientRow> {
        let mut rows: Vec<IngredientRow> = Vec::with_capacity(list.len());
        for Named { id, previous, name, invalid } in list {
            if self.is_new(rows.last().map(|row| row.id), "ING", *id) {
                let name = self.text(name);
                let (id, previous, invalid) = (*id, *previous, *invalid);
                rows.push(IngredientRow { id, previous, name, invalid });
            }
        }
        rows
    }

    fn vtms(&mut self, list: &[Named]) -> Vec<VtmRow> {
        let mut rows: Vec<VtmRow> = Vec::with_capacity(list.len());
        for Named { id, previous, name, invalid } in list {
            if self.is_new(rows.last().map(|row| row.id), "VTM", *id) {
                let name = self.text(name);
                let (id, previous, invalid) = (*id, *previous, *invalid);
                rows.push(VtmRow { id, previous, name, invalid });
            }
        }
        rows
    }

    /// The span of a product's codes.
    fn codes<T>(
        &mut self,
        pairs: &[(u64, u64)],
        list: &[T],
        key: impl Fn(&T) -> u64 + Copy,
        row: (&'static str, u64, &str),
    ) -> Span {
        let at = self.places.len();
        for (_, code) in of_product(pairs, row.1, |pair| pair.0) {
            let place = self.place(list, key, *code, row);
            if place != At::NONE {
                self.places.push(place);
            }
        }
        span(at, self.places.len())
    }

    fn vmps(&mut self, raw: &Raw, codes: &Codes) -> (Vec<VmpRow>, Vec<StrengthRow>) {
        let mut rows: Vec<VmpRow> = Vec::with_capacity(raw.vmps.len());
        let mut strengths = Vec::with_capacity(raw.strengths.len());
        for vmp in &raw.vmps {
            let id = vmp.named.id;
            if !self.is_new(rows.last().map(|row| row.id), "VMP", id) {
                continue;
            }
            let at = strengths.len();
            for strength in of_product(&raw.strengths, id, |row| row.vmp) {
                strengths.push(self.strength(strength, codes));
            }
            let mut row = self.vmp(vmp, codes);
            row.strengths = span(at, strengths.len());
            let term = |row: &TermRow| row.code;
            let form = of_product(&raw.vmp_forms, id, |pair| pair.0).first();
            let form = form.map_or(0, |pair| pair.1);
            row.form = self.place(&codes.forms, term, form, ("DFORM", id, "FORMCD"));
            let routes = (&raw.vmp_routes, &codes.routes);
            row.routes = self.codes(routes.0, routes.1, term, ("DROUTE", id, "ROUTECD"));
            let both = (&raw.vmp_forms_and_routes, &codes.forms_and_routes);
            row.forms_and_routes = self.codes(both.0, both.1, term, ("ONT", id, "FORMCD"));
            let control = of_product(&raw.controlled, id, |pair| pair.0);
            // Were there two, the one under the stricter law would be the last to be guessed
            // away: it is the one with the lower number that is not "none".
            row.controlled = control.iter().map(|pair| pair.1).find(|code| *code != 0).unwrap_or(0);
            rows.push(row);
        }
        (rows, strengths)
    }

    fn vmp(&mut self, vmp: &Vmp, codes: &Codes) -> VmpRow {
        let id = vmp.named.id;
        let unit = |row: &TermRow| row.code;
        VmpRow {
            id,
            previous: vmp.named.previous,
            name: self.text(&vmp.named.name),
            vtm: self.place(&codes.vtms, |row| row.id, vmp.vtm, ("VMP", id, "VTMID")),
            invalid: vmp.named.invalid,
            status: vmp.status,
            controlled: 0,
            dose_form: vmp.dose_form,
            combination: vmp.combination,
            available: !vmp.unavailable,
            sugar_free: vmp.sugar_free,
            form: At::NONE,
            unit_dose_size: vmp.size,
            unit_dose_size_unit: self.place(
                &codes.units,
                unit,
                vmp.size_unit,
                ("VMP", id, "UDFS_UOMCD"),
            ),
            unit_dose_unit: self.place(
                &codes.units,
                unit,
                vmp.unit,
                ("VMP", id, "UNIT_DOSE_UOMCD"),
            ),
            strengths: Span::default(),
            routes: Span::default(),
            forms_and_routes: Span::default(),
        }
    }

    fn strength(&mut self, strength: &Strength, codes: &Codes) -> StrengthRow {
        let id = strength.vmp;
        let ingredient = |row: &IngredientRow| row.id;
        let unit = |row: &TermRow| row.code;
        let mut substance = |id_of: u64, field: &str| {
            self.place(&codes.ingredients, ingredient, id_of, ("VPI", id, field))
        };
        let taken = substance(strength.ingredient, "ISID");
        let basis_substance = substance(strength.basis_substance, "BS_SUBID");
        let mut unit_of =
            |code: u64, field: &str| self.place(&codes.units, unit, code, ("VPI", id, field));
        StrengthRow {
            ingredient: taken,
            basis: strength.basis,
            basis_substance,
            amount: strength.amount,
            amount_unit: unit_of(strength.amount_unit, "STRNT_NMRTR_UOMCD"),
            per: strength.per,
            per_unit: unit_of(strength.per_unit, "STRNT_DNMTR_UOMCD"),
        }
    }

    fn amps(&mut self, raw: &Raw, codes: &Codes, vmps: &[VmpRow]) -> Vec<AmpRow> {
        let mut rows: Vec<AmpRow> = Vec::with_capacity(raw.amps.len());
        for amp in &raw.amps {
            let Amp { named, vmp, description, .. } = amp;
            let id = named.id;
            if !self.is_new(rows.last().map(|row| row.id), "AMP", id) {
                continue;
            }
            let description = self.text(description);
            let term = |row: &TermRow| row.code;
            rows.push(AmpRow {
                id,
                name: self.name_in(&named.name, description),
                description,
                vmp: self.place(vmps, |row| row.id, *vmp, ("AMP", id, "VPID")),
                supplier: self.place(&codes.suppliers, term, amp.supplier, ("AMP", id, "SUPPCD")),
                invalid: named.invalid,
                licence: amp.licence,
                restriction: amp.restriction,
                combination: amp.combination,
                parallel_import: amp.parallel_import,
                monitored: amp.monitored,
                routes: self.codes(
                    &raw.amp_routes,
                    &codes.routes,
                    term,
                    ("LIC_ROUTE", id, "ROUTECD"),
                ),
                excipients: self.codes(
                    &raw.excipients,
                    &codes.ingredients,
                    |row| row.id,
                    ("AP_ING", id, "ISID"),
                ),
            });
        }
        rows
    }

    /// A description is nearly always the name with the supplier after it, so that the name need
    /// not be kept again.
    fn name_in(&mut self, name: &str, description: Text) -> Text {
        let at = description.at as usize;
        let begins = self.pool[at..at + description.length as usize].starts_with(name);
        match u32::try_from(name.len()) {
            Ok(length) if begins => Text { at: description.at, length },
            _ => self.text(name),
        }
    }

    fn vmpps(&mut self, list: &[Vmpp], codes: &Codes, vmps: &[VmpRow]) -> Vec<VmppRow> {
        let mut rows: Vec<VmppRow> = Vec::with_capacity(list.len());
        for Vmpp { named, vmp, quantity, unit, combination } in list {
            let id = named.id;
            if !self.is_new(rows.last().map(|row| row.id), "VMPP", id) {
                continue;
            }
            let code = |row: &TermRow| row.code;
            rows.push(VmppRow {
                id,
                name: self.text(&named.name),
                vmp: self.place(vmps, |row| row.id, *vmp, ("VMPP", id, "VPID")),
                invalid: named.invalid,
                quantity: *quantity,
                unit: self.place(&codes.units, code, *unit, ("VMPP", id, "QTY_UOMCD")),
                combination: *combination,
            });
        }
        rows
    }

    fn ampps(&mut self, raw: &Raw, amps: &[AmpRow], vmpps: &[VmppRow]) -> Vec<AmppRow> {
        let mut rows: Vec<AmppRow> = Vec::with_capacity(raw.ampps.len());
        for Ampp {
            named,
            vmpp,
            amp,
            sub_pack,
            legal,
            combination,
            is_discontinued,
            discontinued,
        } in &raw.ampps
        {
            let id = named.id;
            if !self.is_new(rows.last().map(|row| row.id), "AMPP", id) {
                continue;
            }
            rows.push(AmppRow {
                id,
                name: self.text(&named.name),
                sub_pack: self.text(sub_pack),
                vmpp: self.place(vmpps, |row| row.id, *vmpp, ("AMPP", id, "VPPID")),
                amp: self.place(amps, |row| row.id, *amp, ("AMPP", id, "APID")),
                invalid: named.invalid,
                legal: *legal,
                combination: *combination,
                discontinued: *discontinued,
                is_discontinued: *is_discontinued,
                hospital: raw.hospital.binary_search(&id).is_ok(),
            });
        }
        rows
    }

    fn gtins(&mut self, list: &[Gtin], ampps: &[AmppRow]) -> Vec<GtinRow> {
        let mut rows = Vec::with_capacity(list.len());
        for Gtin { ampp: id, number, from, until } in list {
            let ampp = self.place(ampps, |row| row.id, *id, ("GTINDATA", *id, "AMPPID"));
            if ampp != At::NONE {
                rows.push(GtinRow { gtin: *number, ampp, from: *from, until: *until });
            }
        }
        rows
    }
}

/// Earlier ids that are in use no more, each with what it became; more than one is possible.
fn recoded(raw: &Raw, codes: &Codes, vmps: &[VmpRow]) -> Vec<RecodedRow> {
    let is_current = |id: u64| {
        codes.vtms.binary_search_by_key(&id, |row| row.id).is_ok()
            || vmps.binary_search_by_key(&id, |row| row.id).is_ok()
    };
    let mut pairs: Vec<(u64, u64)> = Vec::new();
    pairs.extend(codes.vtms.iter().map(|row| (row.previous, row.id)));
    pairs.extend(vmps.iter().map(|row| (row.previous, row.id)));
    pairs.extend(raw.amps.iter().map(|row| (row.named.previous, row.named.id)));
    pairs.extend(raw.vmpps.iter().map(|row| (row.named.previous, row.named.id)));
    pairs.extend(raw.ampps.iter().map(|row| (row.named.previous, row.named.id)));
    pairs.retain(|(old, new)| *old != 0 && old != new && !is_current(*old));
    pairs.sort_unstable();
    pairs.dedup();
    pairs.into_iter().map(|(old, new)| RecodedRow { old, new }).collect()
}

fn span(begin: usize, end: usize) -> Span {
    let at = u32::try_from(begin).expect("the importer limits the rows");
    let length = u32::try_from(end - begin).expect("the importer limits the rows");
    Span { at, length }
}
