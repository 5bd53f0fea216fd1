//! A made-up release of dm+d of any size, in the form of a real one: names of real lengths, a
//! vocabulary of real width, and every file that an import needs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use terminology::synthetic_id;

/// How many products of each kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) vtms: u64,
    pub(super) vmps: u64,
    pub(super) amps: u64,
    pub(super) vmpps: u64,
    pub(super) ampps: u64,
    pub(super) gtins: u64,
}

impl Size {
    /// As many as dm+d has today, roughly.
    pub(super) const FULL: Self = Self {
        vtms: 3_500,
        vmps: 25_000,
        amps: 110_000,
        vmpps: 40_000,
        ampps: 165_000,
        gtins: 180_000,
    };
    /// A hundredth of it.
    pub(super) const SMALL: Self =
        Self { vtms: 35, vmps: 250, amps: 1_100, vmpps: 400, ampps: 1_650, gtins: 1_800 };
}

/// The forms, with the route, the unit and whether it is counted by the piece.
const FORMS: [(&str, &str, &str); 8] = [
    ("tablets", "Oral", "tablet"),
    ("capsules", "Oral", "capsule"),
    ("modified-release tablets", "Oral", "tablet"),
    ("oral solution sugar free", "Oral", "ml"),
    ("solution for injection ampoules", "Intravenous", "ampoule"),
    ("solution for infusion vials", "Intravenous", "vial"),
    ("cream", "Cutaneous", "gram"),
    ("eye drops 0.5ml unit dose preservative free", "Ocular", "unit dose"),
];
const ROUTES: [&str; 4] = ["Oral", "Intravenous", "Cutaneous", "Ocular"];
const UNITS: [&str; 8] = ["mg", "ml", "tablet", "capsule", "ampoule", "vial", "gram", "unit dose"];
const STRENGTHS: [&str; 12] =
    ["0.5", "1", "2.5", "5", "10", "15", "20", "25", "50", "100", "250", "500"];
const PACKS: [u64; 6] = [7, 10, 28, 30, 56, 100];
const SUPPLIERS: u64 = 1_800;

/// Ids of different kinds begin at different numbers.
fn id(kind: u64, number: u64) -> u64 {
    synthetic_id(kind * 1_000_000_000 + number)
}

/// The id of a made-up AMPP.
pub(super) fn ampp(number: u64) -> u64 {
    id(5, number)
}

/// A made-up GTIN, whose check digit is right.
pub(super) fn gtin(number: u64) -> u64 {
    let digits = format!("{:013}", 9_990_000_000_000 / 10 + number);
    let check = gs1::check::digit(digits.as_bytes()).expect("digits have a check digit");
    digits.parse::<u64>().expect("thirteen digits are a number") * 10 + u64::from(check)
}

/// Writes the files to a folder.
pub(super) fn write(folder: &Path, size: Size, seed: u64) -> io::Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut names = Names::new(&mut random, size);
    write_codes(folder)?;
    let mut vtm = Out::new(folder, "f_vtm2_3010126.xml")?;
    let mut ingredient = Out::new(folder, "f_ingredient2_3010126.xml")?;
    for n in 0..size.vtms {
        let name = &names.vtms[index(n)];
        vtm.row("VTM", &[("VTMID", &id(1, n)), ("NM", name)])?;
        ingredient.row("ING", &[("ISID", &id(6, n)), ("NM", name)])?;
    }
    vtm.end()?;
    ingredient.end()?;
    write_vmps(folder, size, &mut names)?;
    write_amps(folder, size, &mut names)?;
    write_packs(folder, size, &mut names)
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a made-up release fits in memory")
}

struct Names {
    vtms: Vec<String>,
    vmps: Vec<String>,
    brands: Vec<String>,
    suppliers: Vec<String>,
}

impl Names {
    fn new(random: &mut StdRng, size: Size) -> Self {
        let mut list = |count: u64, least: usize| {
            (0..count).map(|_| word(random, least)).collect::<Vec<String>>()
        };
        let vtms = list(size.vtms, 3);
        let brands = list(size.amps / 3 + 1, 3);
        let suppliers = list(SUPPLIERS, 2).iter().map(|name| format!("{name} Ltd")).collect();
        Self { vtms, vmps: Vec::new(), brands, suppliers }
    }

    fn form(vmp: u64) -> (&'static str, &'static str, &'static str) {
        FORMS[index(vmp) % FORMS.len()]
    }

    fn strength(vmp: u64) -> &'static str {
        STRENGTHS[index(vmp / 8) % STRENGTHS.len()]
    }

    fn amp(&self, size: Size, amp: u64) -> (String, String) {
        let vmp = amp % size.vmps;
        // Two of three are generics under their own name.
        let name = if amp.is_multiple_of(3) {
            let brand = &self.brands[index(amp / 3)];
            format!("{brand} {}mg {}", Self::strength(vmp), Self::form(vmp).0)
        } else {
            self.vmps[index(vmp)].clone()
        };
        let supplier = &self.suppliers[index(amp % SUPPLIERS)];
        let description = format!("{name} ({supplier})");
        (name, description)
    }
}

/// A word of at least so many syllables that can be spoken.
fn word(random: &mut StdRng, least: usize) -> String {
    const BEGINS: [&str; 20] = [
        "b", "c", "d", "f", "fl", "g", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr", "v",
        "x", "z", "ph",
    ];
    const ENDS: [&str; 12] = ["a", "e", "i", "o", "u", "an", "ol", "in", "ir", "am", "one", "ate"];
    let mut word = String::new();
    for _ in 0..random.random_range(least..least + 3) {
        word.push_str(BEGINS[random.random_range(0..BEGINS.len())]);
        word.push_str(ENDS[random.random_range(0..ENDS.len())]);
    }
    word[..1].make_ascii_uppercase();
    word
}

fn write_codes(folder: &Path) -> io::Result<()> {
    let mut lookup = Out::new(folder, "f_lookup2_3010126.xml")?;
    let tables: [(&str, u64, &[&str]); 3] = [
        ("UNIT_OF_MEASURE", 7, &UNITS),
        ("ROUTE", 8, &ROUTES),
        ("FORM", 9, &FORMS.map(|form| form.0)),
    ];
    for (table, kind, names) in tables {
        lookup.open(table)?;
        for (n, name) in (0..).zip(names) {
            lookup.row("INFO", &[("CD", &id(kind, n)), ("DESC", name)])?;
        }
        lookup.close(table)?;
    }
    lookup.open("SUPPLIER")?;
    for n in 0..SUPPLIERS {
        lookup.row("INFO", &[("CD", &id(10, n)), ("DESC", &format!("Supplier {n}"))])?;
    }
    lookup.close("SUPPLIER")?;
    lookup.end()
}

fn unit(name: &str) -> u64 {
    let at = UNITS.iter().position(|unit| *unit == name).expect("every unit is in the table");
    id(7, at as u64)
}

fn write_vmps(folder: &Path, size: Size, names: &mut Names) -> io::Result<()> {
    let mut out = Out::new(folder, "f_vmp2_3010126.xml")?;
    out.open("VMPS")?;
    for n in 0..size.vmps {
        let vtm = n % size.vtms;
        let (form, _, piece) = Names::form(n);
        let name = format!("{} {}mg {form}", names.vtms[index(vtm)], Names::strength(n));
        let unit = unit(piece);
        out.row(
            "VMP",
            &[
                ("VPID", &id(2, n)),
                ("VTMID", &id(1, vtm)),
                ("NM", &name),
                ("BASISCD", &"0001"),
                ("PRES_STATCD", &"0001"),
                ("DF_INDCD", &"1"),
                ("UDFS", &"1.0"),
                ("UDFS_UOMCD", &unit),
                ("UNIT_DOSE_UOMCD", &unit),
            ],
        )?;
        names.vmps.push(name);
    }
    out.close("VMPS")?;
    out.open("VIRTUAL_PRODUCT_INGREDIENT")?;
    for n in 0..size.vmps {
        out.row(
            "VPI",
            &[
                ("VPID", &id(2, n)),
                ("ISID", &id(6, n % size.vtms)),
                ("BASIS_STRNTCD", &"0001"),
                ("STRNT_NMRTR_VAL", &Names::strength(n)),
                ("STRNT_NMRTR_UOMCD", &unit("mg")),
            ],
        )?;
    }
    out.close("VIRTUAL_PRODUCT_INGREDIENT")?;
    for (section, row, field, kind) in
        [("DRUG_FORM", "DFORM", "FORMCD", 9), ("DRUG_ROUTE", "DROUTE", "ROUTECD", 8)]
    {
        out.open(section)?;
        for n in 0..size.vmps {
            let form = index(n) % FORMS.len();
            let route = ROUTES.iter().position(|route| *route == FORMS[form].1);
            let code = if kind == 9 { form } else { route.expect("every route is in the table") };
            out.row(row, &[("VPID", &id(2, n)), (field, &id(kind, code as u64))])?;
        }
        out.close(section)?;
    }
    out.end()
}

fn write_amps(folder: &Path, size: Size, names: &mut Names) -> io::Result<()> {
    let mut out = Out::new(folder, "f_amp2_3010126.xml")?;
    out.open("AMPS")?;
    for n in 0..size.amps {
        let (name, description) = names.amp(size, n);
        out.row(
            "AMP",
            &[
                ("APID", &id(3, n)),
                ("VPID", &id(2, n % size.vmps)),
                ("NM", &name),
                ("DESC", &description),
                ("SUPPCD", &id(10, n % SUPPLIERS)),
                ("LIC_AUTHCD", &"0001"),
                ("AVAIL_RESTRICTCD", &"0001"),
            ],
        )?;
    }
    out.close("AMPS")?;
    out.open("LICENSED_ROUTE")?;
    for n in 0..size.amps {
        out.row("LIC_ROUTE", &[("APID", &id(3, n)), ("ROUTECD", &id(8, n % 4))])?;
    }
    out.close("LICENSED_ROUTE")?;
    out.end()
}

fn write_packs(folder: &Path, size: Size, names: &mut Names) -> io::Result<()> {
    let pack = |n: u64| PACKS[index(n) % PACKS.len()];
    let mut out = Out::new(folder, "f_vmpp2_3010126.xml")?;
    out.open("VMPPS")?;
    for n in 0..size.vmpps {
        let vmp = n % size.vmps;
        let (_, _, piece) = Names::form(vmp);
        let name = format!("{} {} {piece}", names.vmps[index(vmp)], pack(n));
        out.row(
            "VMPP",
            &[
                ("VPPID", &id(4, n)),
                ("NM", &name),
                ("VPID", &id(2, vmp)),
                ("QTYVAL", &pack(n)),
                ("QTY_UOMCD", &unit(piece)),
            ],
        )?;
    }
    out.close("VMPPS")?;
    out.end()?;
    let mut out = Out::new(folder, "f_ampp2_3010126.xml")?;
    out.open("AMPPS")?;
    for n in 0..size.ampps {
        let amp = n % size.amps;
        let (_, _, piece) = Names::form(amp % size.vmps);
        let name = format!("{} {} {piece}", names.amp(size, amp).1, pack(n));
        out.row(
            "AMPP",
            &[
                ("APPID", &ampp(n)),
                ("NM", &name),
                ("VPPID", &id(4, n % size.vmpps)),
                ("APID", &id(3, amp)),
                ("LEGAL_CATCD", &"0003"),
            ],
        )?;
    }
    out.close("AMPPS")?;
    out.end()?;
    let mut out = Out::new(folder, "f_gtin2_0010126.xml")?;
    out.open("AMPPS")?;
    for n in 0..size.gtins {
        out.open("AMPP")?;
        out.leaf("AMPPID", &ampp(n % size.ampps))?;
        let digits = format!("{:013}", gtin(n));
        out.row("GTINDATA", &[("GTIN", &digits), ("STARTDT", &"2015-01-01")])?;
        out.close("AMPP")?;
    }
    out.close("AMPPS")?;
    out.end()
}

/// One file.
struct Out(BufWriter<File>);

impl Out {
    fn new(folder: &Path, name: &str) -> io::Result<Self> {
        let mut out = Self(BufWriter::new(File::create(folder.join(name))?));
        out.open("RELEASE")?;
        Ok(out)
    }

    fn open(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.0, "<{name}>")
    }

    fn close(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.0, "</{name}>")
    }

    fn leaf(&mut self, name: &str, value: &dyn std::fmt::Display) -> io::Result<()> {
        writeln!(self.0, "      <{name}>{value}</{name}>")
    }

    fn row(&mut self, name: &str, fields: &[(&str, &dyn std::fmt::Display)]) -> io::Result<()> {
        writeln!(self.0, "    <{name}>")?;
        for (field, value) in fields {
            self.leaf(field, value)?;
        }
        writeln!(self.0, "    </{name}>")
    }

    fn end(mut self) -> io::Result<()> {
        self.close("RELEASE")?;
        self.0.flush()
    }
}
