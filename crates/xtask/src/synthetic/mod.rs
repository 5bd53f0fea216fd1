//! `cargo xtask synthetic`: the made-up release of dm+d that ships with the program.
//!
//! `crates/terminology/synthetic/medicines.txt` lists substances, forms and strengths; this makes
//! of it the files that a real release has. Ids come from the names, so that a new line changes
//! no other product, and their form is one that no real product can have
//! ([`terminology::is_synthetic`]). Suppliers are invented.

mod line;
mod xml;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use line::{Line, Measure, Strength};
use terminology::synthetic_id;
use xml::Xml;

/// The day of the made-up release, as its files' names have it: 1 January 2026.
const DAY: &str = "010126";
/// Who makes the products.
const SUPPLIERS: [&str; 3] = ["Example Generics", "Sample Pharma", "Testcross Laboratories"];

/// The files by their names.
pub type Files = BTreeMap<String, String>;

/// Writes the files beside the list.
pub fn command(_: &[String]) -> ExitCode {
    let folder = crate::workspace_root().join("crates/terminology/synthetic");
    let written = make(&folder).and_then(|files| {
        for (name, text) in &files {
            std::fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(files.len())
    });
    match written {
        Ok(count) => {
            eprintln!("{count} files written to {}", folder.display());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the files of the list in a folder.
pub fn make(folder: &Path) -> Result<Files, String> {
    let path = folder.join("medicines.txt");
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut release = Release::default();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let read = Line::read(line).and_then(|line| release.add(&line));
        read.map_err(|why| format!("medicines.txt:{}: {why}", number + 1))?;
    }
    release.files()
}

/// The kinds of things that have ids, by the digits with which the ids begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Vtm = 1,
    Vmp = 2,
    Amp = 3,
    Vmpp = 4,
    Ampp = 5,
    Ingredient = 6,
    Unit = 7,
    Route = 8,
    Form = 9,
    Supplier = 10,
}

/// Rows of the files as they are gathered.
#[derive(Default)]
struct Release {
    names: BTreeMap<u64, String>,
    codes: BTreeMap<(Thing, String), u64>,
    vtms: Xml,
    vmps: Xml,
    strengths: Xml,
    forms: Xml,
    routes: Xml,
    controls: Xml,
    amps: Xml,
    licensed: Xml,
    vmpps: Xml,
    ampps: Xml,
    numbers: Xml,
}

/// A number below 2^32 of a name (FNV-1a), the same on every machine and in every year.
fn number_of(name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.into()
}

impl Release {
    /// The id of a thing of this name. Two names of one id would be a mistake of the list.
    fn id(&mut self, thing: Thing, name: &str) -> Result<u64, String> {
        let id = synthetic_id(thing as u64 * 10_000_000_000 + number_of(name));
        let known = self.names.entry(id).or_insert_with(|| name.to_owned());
        if known == name { Ok(id) } else { Err(format!("{known} and {name} have one id")) }
    }

    /// The id of something that the lookup tables or the list of ingredients name.
    fn code(&mut self, thing: Thing, name: &str) -> Result<u64, String> {
        let id = self.id(thing, name)?;
        self.codes.insert((thing, name.to_owned()), id);
        Ok(id)
    }

    fn add(&mut self, line: &Line<'_>) -> Result<(), String> {
        let vtm = self.id(Thing::Vtm, line.substance)?;
        let vtm_text = format!("{vtm}");
        if !self.vtms.has(&vtm_text) {
            self.vtms.row("VTM", &[("VTMID", &vtm_text), ("NM", line.substance)]);
        }
        for strengths in &line.strengths {
            self.add_vmp(line, vtm, strengths)?;
        }
        Ok(())
    }

    fn add_vmp(&mut self, line: &Line<'_>, vtm: u64, strengths: &[Strength]) -> Result<(), String> {
        let name = line.product(strengths);
        let vmp = self.id(Thing::Vmp, &name)?;
        let piece = self.code(Thing::Unit, line.unit)?.to_string();
        let id = vmp.to_string();
        let mut fields = vec![
            ("VPID", id.clone()),
            ("VTMID", vtm.to_string()),
            ("NM", name.clone()),
            ("BASISCD", "0001".to_owned()),
            ("PRES_STATCD", format!("{:04}", line.status)),
        ];
        if line.is_continuous() {
            fields.push(("DF_INDCD", "2".to_owned()));
        } else {
            let size = strengths.first().and_then(|strength| strength.size.as_ref());
            let unit = match size {
                Some(size) => self.code(Thing::Unit, &size.unit)?.to_string(),
                None => piece.clone(),
            };
            let size = size.map_or("1".to_owned(), |size| size.amount.to_string());
            fields.push(("DF_INDCD", "1".to_owned()));
            fields.push(("UDFS", size));
            fields.push(("UDFS_UOMCD", unit));
            fields.push(("UNIT_DOSE_UOMCD", piece.clone()));
        }
        self.vmps.texts("VMP", &fields);
        self.add_strengths(line, &id, strengths)?;
        let form = self.code(Thing::Form, line.form)?.to_string();
        self.forms.row("DFORM", &[("VPID", &id), ("FORMCD", &form)]);
        let mut routes = Vec::new();
        for route in &line.routes {
            let route = self.code(Thing::Route, route)?.to_string();
            self.routes.row("DROUTE", &[("VPID", &id), ("ROUTECD", &route)]);
            routes.push(route);
        }
        let control = format!("{:04}", line.schedule);
        self.controls.row("CONTROL_INFO", &[("VPID", &id), ("CATCD", &control)]);
        self.add_products(line, vmp, &name, &routes)
    }

    fn add_strengths(
        &mut self,
        line: &Line<'_>,
        vmp: &str,
        strengths: &[Strength],
    ) -> Result<(), String> {
        if strengths.len() != line.ingredients.len() {
            return Err("not as many strengths as ingredients".to_owned());
        }
        for (strength, ingredient) in strengths.iter().zip(&line.ingredients) {
            let ingredient = self.code(Thing::Ingredient, ingredient)?.to_string();
            let amount = strength.per_one();
            let unit = self.code(Thing::Unit, &amount.unit)?.to_string();
            let mut fields = vec![
                ("VPID", vmp.to_owned()),
                ("ISID", ingredient),
                ("BASIS_STRNTCD", "0001".to_owned()),
                ("STRNT_NMRTR_VAL", amount.amount.to_string()),
                ("STRNT_NMRTR_UOMCD", unit),
            ];
            if let Some(per) = &strength.per {
                fields.push(("STRNT_DNMTR_VAL", "1".to_owned()));
                fields.push(("STRNT_DNMTR_UOMCD", self.code(Thing::Unit, &per.unit)?.to_string()));
            }
            self.strengths.texts("VPI", &fields);
        }
        Ok(())
    }

    /// Two suppliers for each product, each with every pack.
    fn add_products(
        &mut self,
        line: &Line<'_>,
        vmp: u64,
        name: &str,
        routes: &[String],
    ) -> Result<(), String> {
        let vmp_text = vmp.to_string();
        let unit = self.code(Thing::Unit, line.unit)?.to_string();
        let mut packs = Vec::new();
        for size in &line.packs {
            let pack = format!("{name} {size} {}", line.unit);
            let id = self.id(Thing::Vmpp, &pack)?.to_string();
            self.vmpps.row(
                "VMPP",
                &[
                    ("VPPID", &id),
                    ("NM", &pack),
                    ("VPID", &vmp_text),
                    ("QTYVAL", size),
                    ("QTY_UOMCD", &unit),
                ],
            );
            packs.push((id, *size));
        }
        let skipped = usize::try_from(number_of(name) % 3).expect("two at the most");
        for supplier in (0..3).filter(|at| *at != skipped).map(|at| SUPPLIERS[at]) {
            let description = format!("{name} ({supplier})");
            let amp = self.id(Thing::Amp, &description)?.to_string();
            let supplier = self.code(Thing::Supplier, supplier)?.to_string();
            self.amps.row(
                "AMP",
                &[
                    ("APID", &amp),
                    ("VPID", &vmp_text),
                    ("NM", name),
                    ("DESC", &description),
                    ("SUPPCD", &supplier),
                    ("LIC_AUTHCD", "0001"),
                    ("AVAIL_RESTRICTCD", "0001"),
                ],
            );
            for route in routes {
                self.licensed.row("LIC_ROUTE", &[("APID", &amp), ("ROUTECD", route)]);
            }
            for (vmpp, size) in &packs {
                let pack = format!("{description} {size} {}", line.unit);
                let id = self.id(Thing::Ampp, &pack)?.to_string();
                self.ampps.row(
                    "AMPP",
                    &[
                        ("APPID", &id),
                        ("NM", &pack),
                        ("VPPID", vmpp),
                        ("APID", &amp),
                        ("LEGAL_CATCD", "0003"),
                    ],
                );
                let digits = gtin(&pack);
                self.numbers.open("AMPP");
                self.numbers.leaf("AMPPID", &id);
                self.numbers.row("GTINDATA", &[("GTIN", &digits), ("STARTDT", "2026-01-01")]);
                self.numbers.close("AMPP");
            }
        }
        Ok(())
    }

    fn files(self) -> Result<Files, String> {
        let file = |name: &str, root: &str, parts: &[(&str, &Xml)]| {
            (format!("f_{name}{DAY}.xml"), xml::file(root, parts))
        };
        let mut ingredients = Xml::default();
        let mut tables: BTreeMap<&str, Xml> = BTreeMap::new();
        for ((thing, name), id) in &self.codes {
            let id = id.to_string();
            let table = match thing {
                Thing::Unit => "UNIT_OF_MEASURE",
                Thing::Route => "ROUTE",
                Thing::Form => "FORM",
                Thing::Supplier => "SUPPLIER",
                Thing::Ingredient => {
                    ingredients.row("ING", &[("ISID", &id), ("NM", name)]);
                    continue;
                }
                _ => return Err(format!("{name} is in no table")),
            };
            tables.entry(table).or_default().row("INFO", &[("CD", &id), ("DESC", name)]);
        }
        let tables: Vec<(&str, &Xml)> = tables.iter().map(|(name, xml)| (*name, xml)).collect();
        Ok(Files::from([
            file("vtm2_3", "VIRTUAL_THERAPEUTIC_MOIETIES", &[("", &self.vtms)]),
            file("ingredient2_3", "INGREDIENT_SUBSTANCES", &[("", &ingredients)]),
            file("lookup2_3", "LOOKUP", &tables),
            file(
                "vmp2_3",
                "VIRTUAL_MED_PRODUCTS",
                &[
                    ("VMPS", &self.vmps),
                    ("VIRTUAL_PRODUCT_INGREDIENT", &self.strengths),
                    ("DRUG_FORM", &self.forms),
                    ("DRUG_ROUTE", &self.routes),
                    ("CONTROL_DRUG_INFO", &self.controls),
                ],
            ),
            file(
                "amp2_3",
                "ACTUAL_MEDICINAL_PRODUCTS",
                &[("AMPS", &self.amps), ("LICENSED_ROUTE", &self.licensed)],
            ),
            file("vmpp2_3", "VIRTUAL_MED_PRODUCT_PACK", &[("VMPPS", &self.vmpps)]),
            file("ampp2_3", "ACTUAL_MEDICINAL_PROD_PACKS", &[("AMPPS", &self.ampps)]),
            file("gtin2_0", "GTIN_DETAILS", &[("AMPPS", &self.numbers)]),
        ]))
    }
}

/// A made-up number of a pack: 999 is the beginning of no trade item's number.
fn gtin(pack: &str) -> String {
    let digits = format!("999{:09}", number_of(pack) % 1_000_000_000);
    let check = gs1::check::digit(digits.as_bytes()).expect("digits have a check digit");
    format!("{digits}{check}")
}

/// How a measure is written in a name: `125micrograms`, `1,000units` without the comma, `1g`.
fn written(measure: &Measure) -> String {
    let unit = match measure.unit.as_str() {
        "microgram" => "micrograms",
        "unit" => "units",
        "gram" => "g",
        other => other,
    };
    format!("{}{unit}", measure.amount)
}
