//! What the files of a release say, before one row is joined to another.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::fields::{Fields, Wrong};
use super::{FileKind, Problems};

/// The rows by their ids, in the order of the files.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) rows: usize,
    pub(super) problems: Problems,
    pub(super) units: Vec<Term>,
    pub(super) forms: Vec<Term>,
    pub(super) routes: Vec<Term>,
    pub(super) forms_and_routes: Vec<Term>,
    pub(super) suppliers: Vec<Term>,
    pub(super) ingredients: Vec<Named>,
    pub(super) vtms: Vec<Named>,
    pub(super) vmps: Vec<Vmp>,
    pub(super) strengths: Vec<Strength>,
    pub(super) vmp_forms: Vec<(u64, u64)>,
    pub(super) vmp_routes: Vec<(u64, u64)>,
    pub(super) vmp_forms_and_routes: Vec<(u64, u64)>,
    pub(super) controlled: Vec<(u64, u8)>,
    pub(super) amps: Vec<Amp>,
    pub(super) amp_routes: Vec<(u64, u64)>,
    pub(super) excipients: Vec<(u64, u64)>,
    pub(super) vmpps: Vec<Vmpp>,
    pub(super) ampps: Vec<Ampp>,
    pub(super) hospital: Vec<u64>,
    pub(super) gtins: Vec<Gtin>,
}

#[derive(Debug)]
pub(super) struct Term {
    pub(super) code: u64,
    pub(super) previous: u64,
    pub(super) name: String,
}

#[derive(Debug)]
pub(super) struct Named {
    pub(super) id: u64,
    pub(super) previous: u64,
    pub(super) name: String,
    pub(super) invalid: bool,
}

#[derive(Debug)]
pub(super) struct Vmp {
    pub(super) named: Named,
    pub(super) vtm: u64,
    pub(super) status: u8,
    pub(super) dose_form: u8,
    pub(super) combination: u8,
    pub(super) unavailable: bool,
    pub(super) sugar_free: bool,
    pub(super) size: Option<Decimal>,
    pub(super) size_unit: u64,
    pub(super) unit: u64,
}

#[derive(Debug)]
pub(super) struct Strength {
    pub(super) vmp: u64,
    pub(super) ingredient: u64,
    pub(super) basis: u8,
    pub(super) basis_substance: u64,
    pub(super) amount: Option<Decimal>,
    pub(super) amount_unit: u64,
    pub(super) per: Option<Decimal>,
    pub(super) per_unit: u64,
}

#[derive(Debug)]
pub(super) struct Amp {
    pub(super) named: Named,
    pub(super) vmp: u64,
    pub(super) description: String,
    pub(super) supplier: u64,
    pub(super) licence: u8,
    pub(super) restriction: u8,
    pub(super) combination: u8,
    pub(super) parallel_import: bool,
    pub(super) monitored: bool,
}

#[derive(Debug)]
pub(super) struct Vmpp {
    pub(super) named: Named,
    pub(super) vmp: u64,
    pub(super) quantity: Option<Decimal>,
    pub(super) unit: u64,
    pub(super) combination: u8,
}

#[derive(Debug)]
pub(super) struct Ampp {
    pub(super) named: Named,
    pub(super) vmpp: u64,
    pub(super) amp: u64,
    pub(super) sub_pack: String,
    pub(super) legal: u8,
    pub(super) combination: u8,
    pub(super) is_discontinued: bool,
    pub(super) discontinued: Option<Date>,
}

#[derive(Debug)]
pub(super) struct Gtin {
    pub(super) ampp: u64,
    pub(super) number: u64,
    pub(super) from: Option<Date>,
    pub(super) until: Option<Date>,
}

impl Raw {
    /// Takes one row. What this version does not use (prices, reimbursement, colours) is passed
    /// over.
    pub(super) fn take(&mut self, file: FileKind, section: &str, row: &str, fields: &Fields) {
        if fields.is_empty() {
            return;
        }
        self.rows += 1;
        let (name, taken) = match (file, row) {
            (FileKind::Lookup, "INFO") => ("INFO", self.lookup(section, fields)),
            (FileKind::Ingredient, "ING") => {
                ("ING", named(fields, "ISID", "ISIDPREV").map(|row| self.ingredients.push(row)))
            }
            (FileKind::Vtm, "VTM") => {
                ("VTM", named(fields, "VTMID", "VTMIDPREV").map(|row| self.vtms.push(row)))
            }
            (FileKind::Vmp, "VMP") => ("VMP", vmp(fields).map(|row| self.vmps.push(row))),
            (FileKind::Vmp, "VPI") => ("VPI", strength(fields).map(|row| self.strengths.push(row))),
            (FileKind::Vmp, "DFORM") => {
                ("DFORM", pair(fields, "VPID", "FORMCD").map(|row| self.vmp_forms.push(row)))
            }
            (FileKind::Vmp, "DROUTE") => {
                ("DROUTE", pair(fields, "VPID", "ROUTECD").map(|row| self.vmp_routes.push(row)))
            }
            (FileKind::Vmp, "ONT") => {
                let taken = pair(fields, "VPID", "FORMCD");
                ("ONT", taken.map(|row| self.vmp_forms_and_routes.push(row)))
            }
            (FileKind::Vmp, "CONTROL_INFO") => ("CONTROL_INFO", self.control(fields)),
            (FileKind::Amp, "AMP") => ("AMP", amp(fields).map(|row| self.amps.push(row))),
            (FileKind::Amp, "LIC_ROUTE") => {
                ("LIC_ROUTE", pair(fields, "APID", "ROUTECD").map(|row| self.amp_routes.push(row)))
            }
            (FileKind::Amp, "AP_ING") => {
                ("AP_ING", pair(fields, "APID", "ISID").map(|row| self.excipients.push(row)))
            }
            (FileKind::Vmpp, "VMPP") => ("VMPP", vmpp(fields).map(|row| self.vmpps.push(row))),
            (FileKind::Ampp, "AMPP") => ("AMPP", ampp(fields).map(|row| self.ampps.push(row))),
            (FileKind::Ampp, "PRESCRIB_INFO") => ("PRESCRIB_INFO", self.hospital(fields)),
            (FileKind::Gtin, "GTINDATA") => {
                ("GTINDATA", gtin(fields).map(|row| self.gtins.extend(row)))
            }
            _ => return,
        };
        if let Err(Wrong(what)) = taken {
            let id = ["VPID", "APID", "VPPID", "APPID", "AMPPID", "VTMID", "ISID", "CD"];
            let id = id.iter().find_map(|name| fields.text(name)).unwrap_or_default();
            self.problems.add(name, &id, what);
        }
    }

    fn lookup(&mut self, section: &str, fields: &Fields) -> Result<(), Wrong> {
        let list = match section {
            "UNIT_OF_MEASURE" => &mut self.units,
            "FORM" => &mut self.forms,
            "ROUTE" => &mut self.routes,
            "ONT_FORM_ROUTE" => &mut self.forms_and_routes,
            "SUPPLIER" => &mut self.suppliers,
            _ => return Ok(()),
        };
        list.push(Term {
            code: fields.needed_id("CD")?,
            previous: fields.id("CDPREV")?,
            name: fields.text("DESC").unwrap_or_default().to_owned(),
        });
        Ok(())
    }

    fn control(&mut self, fields: &Fields) -> Result<(), Wrong> {
        self.controlled.push((fields.needed_id("VPID")?, fields.code("CATCD")?));
        Ok(())
    }

    fn hospital(&mut self, fields: &Fields) -> Result<(), Wrong> {
        if fields.flag("HOSP")? {
            self.hospital.push(fields.needed_id("APPID")?);
        }
        Ok(())
    }
}

fn named(fields: &Fields, id: &str, previous: &str) -> Result<Named, Wrong> {
    Ok(Named {
        id: fields.needed_id(id)?,
        previous: fields.id(previous)?,
        name: fields.text("NM").ok_or_else(|| Wrong("NM is missing".to_owned()))?.to_owned(),
        invalid: fields.flag("INVALID")?,
    })
}

fn pair(fields: &Fields, product: &str, code: &str) -> Result<(u64, u64), Wrong> {
    Ok((fields.needed_id(product)?, fields.needed_id(code)?))
}

fn vmp(fields: &Fields) -> Result<Vmp, Wrong> {
    Ok(Vmp {
        named: named(fields, "VPID", "VPIDPREV")?,
        vtm: fields.id("VTMID")?,
        status: fields.code("PRES_STATCD")?,
        dose_form: fields.code("DF_INDCD")?,
        combination: fields.code("COMBPRODCD")?,
        unavailable: fields.flag("NON_AVAILCD")?,
        sugar_free: fields.flag("SUG_F")?,
        size: fields.decimal("UDFS")?,
        size_unit: fields.id("UDFS_UOMCD")?,
        unit: fields.id("UNIT_DOSE_UOMCD")?,
    })
}

fn strength(fields: &Fields) -> Result<Strength, Wrong> {
    Ok(Strength {
        vmp: fields.needed_id("VPID")?,
        ingredient: fields.needed_id("ISID")?,
        basis: fields.code("BASIS_STRNTCD")?,
        basis_substance: fields.id("BS_SUBID")?,
        amount: fields.decimal("STRNT_NMRTR_VAL")?,
        amount_unit: fields.id("STRNT_NMRTR_UOMCD")?,
        per: fields.decimal("STRNT_DNMTR_VAL")?,
        per_unit: fields.id("STRNT_DNMTR_UOMCD")?,
    })
}

fn amp(fields: &Fields) -> Result<Amp, Wrong> {
    Ok(Amp {
        named: named(fields, "APID", "APIDPREV")?,
        vmp: fields.needed_id("VPID")?,
        description: fields.text("DESC").unwrap_or_default().to_owned(),
        supplier: fields.id("SUPPCD")?,
        licence: fields.code("LIC_AUTHCD")?,
        restriction: fields.code("AVAIL_RESTRICTCD")?,
        combination: fields.code("COMBPRODCD")?,
        parallel_import: fields.flag("PARALLEL_IMPORT")?,
        monitored: fields.flag("EMA")?,
    })
}

fn vmpp(fields: &Fields) -> Result<Vmpp, Wrong> {
    Ok(Vmpp {
        named: named(fields, "VPPID", "VPPIDPREV")?,
        vmp: fields.needed_id("VPID")?,
        quantity: fields.decimal("QTYVAL")?,
        unit: fields.id("QTY_UOMCD")?,
        combination: fields.code("COMBPACKCD")?,
    })
}

fn ampp(fields: &Fields) -> Result<Ampp, Wrong> {
    Ok(Ampp {
        named: named(fields, "APPID", "APPIDPREV")?,
        vmpp: fields.needed_id("VPPID")?,
        amp: fields.needed_id("APID")?,
        sub_pack: fields.text("SUBP").unwrap_or_default().to_owned(),
        legal: fields.code("LEGAL_CATCD")?,
        combination: fields.code("COMBPACKCD")?,
        is_discontinued: fields.flag("DISCCD")?,
        discontinued: fields.date("DISCDT")?,
    })
}

/// A number of a pack. An empty one is allowed by the schema and says nothing.
fn gtin(fields: &Fields) -> Result<Option<Gtin>, Wrong> {
    let Some(text) = fields.text("GTIN") else { return Ok(None) };
    let number = gs1::Gtin::parse(text.as_bytes());
    let number = number.map_err(|error| Wrong(format!("GTIN {text:?}: {error}")))?.number();
    Ok(Some(Gtin {
        ampp: fields.needed_id("AMPPID")?,
        number,
        from: fields.date("STARTDT")?,
        until: fields.date("ENDDT")?,
    }))
}
