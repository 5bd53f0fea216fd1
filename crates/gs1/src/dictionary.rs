//! The application identifiers: what each is called, what its value looks like, where it ends.
//!
//! The rows are the facts of the GS1 Barcode Syntax Dictionary. A value's parts are written as
//! there: `N` digits, `X` set 82, `Y` set 39, `Z` base 64; a length, or `..` and the most; square
//! brackets around what may be missing; after commas the rules of [`crate::lint`].

/// One application identifier, or a run of them that differ in their last digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// The first identifier of the run.
    pub first: &'static str,
    /// The last one; as long as the first.
    pub last: &'static str,
    /// Whether the value's length is known from the identifier, so that no separator has to
    /// follow it (GS1 General Specifications, table 7-8).
    pub fixed: bool,
    /// The value's parts.
    pub parts: &'static str,
    /// The short English name that is printed beside it.
    pub title: &'static str,
}

impl Definition {
    /// The length of the value of a fixed-length identifier, in bytes.
    pub(crate) fn fixed_length(&self) -> usize {
        self.parts().map(|part| part.most).sum()
    }

    /// The value's parts, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> {
        self.parts.split(' ').map(Part::read)
    }
}

/// One part of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// `N`, `X`, `Y` or `Z`.
    pub(crate) set: u8,
    /// The fewest bytes.
    pub(crate) least: usize,
    /// The most bytes.
    pub(crate) most: usize,
    /// Whether the part may be missing.
    pub(crate) optional: bool,
    /// The rules that it keeps besides, divided by commas.
    pub(crate) rules: &'static str,
}

impl Part {
    fn read(text: &'static str) -> Self {
        let optional = text.starts_with('[');
        let (shape, rules) = text.split_once(',').unwrap_or((text, ""));
        let shape = shape.trim_matches(['[', ']']);
        let (set, length) = shape.split_at(1);
        let most = length.trim_start_matches('.').parse();
        let most = most.expect("the table's lengths are numbers, which a test checks");
        let least = if length.starts_with('.') { 1 } else { most };
        Self { set: set.as_bytes()[0], least, most, optional, rules }
    }
}

/// The identifier that `data` begins with: its digits and its definition.
pub fn find(data: &[u8]) -> Option<(&str, &'static Definition)> {
    // No identifier is the beginning of another, so the first length that is known is the one.
    (2..=4).find_map(|length| {
        let digits = data.get(..length)?;
        let digits = std::str::from_utf8(digits).ok()?;
        let row = TABLE
            .iter()
            .find(|row| row.first.len() == length && row.first <= digits && digits <= row.last)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some((digits, row))
    })
}

const fn fixed(
    first: &'static str,
    last: &'static str,
    parts: &'static str,
    title: &'static str,
) -> Definition {
    Definition { first, last, fixed: true, parts, title }
}

const fn until(
    first: &'static str,
    last: &'static str,
    parts: &'static str,
    title: &'static str,
) -> Definition {
    Definition { first, last, fixed: false, parts, title }
}

#[rustfmt::skip]
const TABLE: &[Definition] = &[
    fixed("00", "00", "N18,csum", "SSCC"),
    fixed("01", "01", "N14,csum", "GTIN"),
    fixed("02", "02", "N14,csum", "CONTENT"),
    fixed("03", "03", "N14,csum", "MTO GTIN"),
    until("10", "10", "X..20", "BATCH/LOT"),
    fixed("11", "11", "N6,yymmd0", "PROD DATE"),
    fixed("12", "12", "N6,yymmd0", "DUE DATE"),
    fixed("13", "13", "N6,yymmd0", "PACK DATE"),
    fixed("15", "15", "N6,yymmd0", "BEST BEFORE or BEST BY"),
    fixed("16", "16", "N6,yymmd0", "SELL BY"),
    fixed("17", "17", "N6,yymmd0", "USE BY or EXPIRY"),
    fixed("20", "20", "N2", "VARIANT"),
    until("21", "21", "X..20", "SERIAL"),
    until("22", "22", "X..20", "CPV"),
    until("235", "235", "X..28", "TPX"),
    until("240", "240", "X..30", "ADDITIONAL ID"),
    until("241", "241", "X..30", "CUST. PART No."),
    until("242", "242", "N..6", "MTO VARIANT"),
    until("243", "243", "X..20", "PCN"),
    until("250", "250", "X..30", "SECONDARY SERIAL"),
    until("251", "251", "X..30", "REF. TO SOURCE"),
    until("253", "253", "N13,csum [X..17]", "GDTI"),
    until("254", "254", "X..20", "GLN EXTENSION COMPONENT"),
    until("255", "255", "N13,csum [N..12]", "GCN"),
    until("30", "30", "N..8", "VAR. COUNT"),
    fixed("3100", "3105", "N6", "NET WEIGHT (kg)"),
    fixed("3110", "3115", "N6", "LENGTH (m)"),
    fixed("3120", "3125", "N6", "WIDTH (m)"),
    fixed("3130", "3135", "N6", "HEIGHT (m)"),
    fixed("3140", "3145", "N6", "AREA (m2)"),
    fixed("3150", "3155", "N6", "NET VOLUME (l)"),
    fixed("3160", "3165", "N6", "NET VOLUME (m3)"),
    fixed("3200", "3205", "N6", "NET WEIGHT (lb)"),
    fixed("3210", "3215", "N6", "LENGTH (in)"),
    fixed("3220", "3225", "N6", "LENGTH (ft)"),
    fixed("3230", "3235", "N6", "LENGTH (yd)"),
    fixed("3240", "3245", "N6", "WIDTH (in)"),
    fixed("3250", "3255", "N6", "WIDTH (ft)"),
    fixed("3260", "3265", "N6", "WIDTH (yd)"),
    fixed("3270", "3275", "N6", "HEIGHT (in)"),
    fixed("3280", "3285", "N6", "HEIGHT (ft)"),
    fixed("3290", "3295", "N6", "HEIGHT (yd)"),
    fixed("3300", "3305", "N6", "GROSS WEIGHT (kg)"),
    fixed("3310", "3315", "N6", "LENGTH (m), log"),
    fixed("3320", "3325", "N6", "WIDTH (m), log"),
    fixed("3330", "3335", "N6", "HEIGHT (m), log"),
    fixed("3340", "3345", "N6", "AREA (m2), log"),
    fixed("3350", "3355", "N6", "VOLUME (l), log"),
    fixed("3360", "3365", "N6", "VOLUME (m3), log"),
    fixed("3370", "3375", "N6", "KG PER m2"),
    fixed("3400", "3405", "N6", "GROSS WEIGHT (lb)"),
    fixed("3410", "3415", "N6", "LENGTH (in), log"),
    fixed("3420", "3425", "N6", "LENGTH (ft), log"),
    fixed("3430", "3435", "N6", "LENGTH (yd), log"),
    fixed("3440", "3445", "N6", "WIDTH (in), log"),
    fixed("3450", "3455", "N6", "WIDTH (ft), log"),
    fixed("3460", "3465", "N6", "WIDTH (yd), log"),
    fixed("3470", "3475", "N6", "HEIGHT (in), log"),
    fixed("3480", "3485", "N6", "HEIGHT (ft), log"),
    fixed("3490", "3495", "N6", "HEIGHT (yd), log"),
    fixed("3500", "3505", "N6", "AREA (in2)"),
    fixed("3510", "3515", "N6", "AREA (ft2)"),
    fixed("3520", "3525", "N6", "AREA (yd2)"),
    fixed("3530", "3535", "N6", "AREA (in2), log"),
    fixed("3540", "3545", "N6", "AREA (ft2), log"),
    fixed("3550", "3555", "N6", "AREA (yd2), log"),
    fixed("3560", "3565", "N6", "NET WEIGHT (tr oz)"),
    fixed("3570", "3575", "N6", "NET VOLUME (oz)"),
    fixed("3600", "3605", "N6", "NET VOLUME (qt (US))"),
    fixed("3610", "3615", "N6", "NET VOLUME (gal.)"),
    fixed("3620", "3625", "N6", "VOLUME (qt (US)), log"),
    fixed("3630", "3635", "N6", "VOLUME (gal (US)), log"),
    fixed("3640", "3645", "N6", "NET VOLUME (in3)"),
    fixed("3650", "3655", "N6", "NET VOLUME (ft3)"),
    fixed("3660", "3665", "N6", "NET VOLUME (yd3)"),
    fixed("3670", "3675", "N6", "VOLUME (in3), log"),
    fixed("3680", "3685", "N6", "VOLUME (ft3), log"),
    fixed("3690", "3695", "N6", "VOLUME (yd3), log"),
    until("37", "37", "N..8", "COUNT"),
    until("3900", "3909", "N..15", "AMOUNT"),
    until("3910", "3919", "N3 N..15", "AMOUNT"),
    until("3920", "3929", "N..15", "PRICE"),
    until("3930", "3939", "N3 N..15", "PRICE"),
    until("3940", "3943", "N4", "PRCNT OFF"),
    until("3950", "3955", "N6", "PRICE/UoM"),
    until("400", "400", "X..30", "ORDER NUMBER"),
    until("401", "401", "X..30", "GINC"),
    until("402", "402", "N17,csum", "GSIN"),
    until("403", "403", "X..30", "ROUTE"),
    fixed("410", "410", "N13,csum", "SHIP TO LOC"),
    fixed("411", "411", "N13,csum", "BILL TO"),
    fixed("412", "412", "N13,csum", "PURCHASE FROM"),
    fixed("413", "413", "N13,csum", "SHIP FOR LOC"),
    fixed("414", "414", "N13,csum", "LOC No."),
    fixed("415", "415", "N13,csum", "PAY TO"),
    fixed("416", "416", "N13,csum", "PROD/SERV LOC"),
    fixed("417", "417", "N13,csum", "PARTY"),
    until("420", "420", "X..20", "SHIP TO POST"),
    until("421", "421", "N3 X..9", "SHIP TO POST"),
    until("422", "422", "N3", "ORIGIN"),
    until("423", "423", "N3 [N3] [N3] [N3] [N3]", "COUNTRY - INITIAL PROCESS"),
    until("424", "424", "N3", "COUNTRY - PROCESS"),
    until("425", "425", "N3 [N3] [N3] [N3] [N3]", "COUNTRY - DISASSEMBLY"),
    until("426", "426", "N3", "COUNTRY - FULL PROCESS"),
    until("427", "427", "X..3", "ORIGIN SUBDIVISION"),
    until("4300", "4300", "X..35,pcenc", "SHIP TO COMP"),
    until("4301", "4301", "X..35,pcenc", "SHIP TO NAME"),
    until("4302", "4302", "X..70,pcenc", "SHIP TO ADD1"),
    until("4303", "4303", "X..70,pcenc", "SHIP TO ADD2"),
    until("4304", "4304", "X..70,pcenc", "SHIP TO SUB"),
    until("4305", "4305", "X..70,pcenc", "SHIP TO LOC"),
    until("4306", "4306", "X..70,pcenc", "SHIP TO REG"),
    until("4307", "4307", "X2,letters", "SHIP TO COUNTRY"),
    until("4308", "4308", "X..30", "SHIP TO PHONE"),
    until("4309", "4309", "N10,latitude N10,longitude", "SHIP TO GEO"),
    until("4310", "4310", "X..35,pcenc", "RTN TO COMP"),
    until("4311", "4311", "X..35,pcenc", "RTN TO NAME"),
    until("4312", "4312", "X..70,pcenc", "RTN TO ADD1"),
    until("4313", "4313", "X..70,pcenc", "RTN TO ADD2"),
    until("4314", "4314", "X..70,pcenc", "RTN TO SUB"),
    until("4315", "4315", "X..70,pcenc", "RTN TO LOC"),
    until("4316", "4316", "X..70,pcenc", "RTN TO REG"),
    until("4317", "4317", "X2,letters", "RTN TO COUNTRY"),
    until("4318", "4318", "X..20", "RTN TO POST"),
    until("4319", "4319", "X..30", "RTN TO PHONE"),
    until("4320", "4320", "X..35,pcenc", "SRV DESCRIPTION"),
    until("4321", "4321", "N1,yesno", "DANGEROUS GOODS"),
    until("4322", "4322", "N1,yesno", "AUTH TO LEAVE"),
    until("4323", "4323", "N1,yesno", "SIG REQUIRED"),
    until("4324", "4324", "N6,yymmd0 N4,hhmi", "NOT BEF DEL DT"),
    until("4325", "4325", "N6,yymmd0 N4,hhmi", "NOT AFT DEL DT"),
    until("4326", "4326", "N6,yymmdd", "REL DATE"),
    until("4330", "4330", "N6 [X1],hyphen", "MAX TEMP F."),
    until("4331", "4331", "N6 [X1],hyphen", "MAX TEMP C."),
    until("4332", "4332", "N6 [X1],hyphen", "MIN TEMP F."),
    until("4333", "4333", "N6 [X1],hyphen", "MIN TEMP C."),
    until("7001", "7001", "N13", "NSN"),
    until("7002", "7002", "X..30", "MEAT CUT"),
    until("7003", "7003", "N6,yymmdd N4,hhmi", "EXPIRY TIME"),
    until("7004", "7004", "N..4", "ACTIVE POTENCY"),
    until("7005", "7005", "X..12", "CATCH AREA"),
    until("7006", "7006", "N6,yymmdd", "FIRST FREEZE DATE"),
    until("7007", "7007", "N6,yymmdd [N6],yymmdd", "HARVEST DATE"),
    until("7008", "7008", "X..3", "AQUATIC SPECIES"),
    until("7009", "7009", "X..10", "FISHING GEAR TYPE"),
    until("7010", "7010", "X..2", "PROD METHOD"),
    until("7011", "7011", "N6,yymmdd [N4],hhmi", "TEST BY DATE"),
    until("7020", "7020", "X..20", "REFURB LOT"),
    until("7021", "7021", "X..20", "FUNC STAT"),
    until("7022", "7022", "X..20", "REV STAT"),
    until("7023", "7023", "X..30", "GIAI - ASSEMBLY"),
    until("7030", "7030", "N3 X..27", "PROCESSOR # 0"),
    until("7031", "7031", "N3 X..27", "PROCESSOR # 1"),
    until("7032", "7032", "N3 X..27", "PROCESSOR # 2"),
    until("7033", "7033", "N3 X..27", "PROCESSOR # 3"),
    until("7034", "7034", "N3 X..27", "PROCESSOR # 4"),
    until("7035", "7035", "N3 X..27", "PROCESSOR # 5"),
    until("7036", "7036", "N3 X..27", "PROCESSOR # 6"),
    until("7037", "7037", "N3 X..27", "PROCESSOR # 7"),
    until("7038", "7038", "N3 X..27", "PROCESSOR # 8"),
    until("7039", "7039", "N3 X..27", "PROCESSOR # 9"),
    until("7040", "7040", "N1 X1 X1 X1,importeridx", "UIC+EXT"),
    until("7041", "7041", "X..4", "UFRGT UNIT TYPE"),
    until("710", "710", "X..20", "NHRN PZN"),
    until("711", "711", "X..20", "NHRN CIP"),
    until("712", "712", "X..20", "NHRN CN"),
    until("713", "713", "X..20", "NHRN DRN"),
    until("714", "714", "X..20", "NHRN AIM"),
    until("715", "715", "X..20", "NHRN NDC"),
    until("716", "716", "X..20", "NHRN AIC"),
    until("717", "717", "X..20", "NHRN SRN"),
    until("7230", "7230", "X2 X..28", "CERT # 1"),
    until("7231", "7231", "X2 X..28", "CERT # 2"),
    until("7232", "7232", "X2 X..28", "CERT # 3"),
    until("7233", "7233", "X2 X..28", "CERT # 4"),
    until("7234", "7234", "X2 X..28", "CERT # 5"),
    until("7235", "7235", "X2 X..28", "CERT # 6"),
    until("7236", "7236", "X2 X..28", "CERT # 7"),
    until("7237", "7237", "X2 X..28", "CERT # 8"),
    until("7238", "7238", "X2 X..28", "CERT # 9"),
    until("7239", "7239", "X2 X..28", "CERT # 10"),
    until("7240", "7240", "X..20", "PROTOCOL"),
    until("7241", "7241", "N2,mediatype", "AIDC MEDIA TYPE"),
    until("7242", "7242", "X..25", "VCN"),
    until("7250", "7250", "N8,yyyymmdd", "DOB"),
    until("7251", "7251", "N8,yyyymmdd N4,hhmi", "DOB TIME"),
    until("7252", "7252", "N1,iso5218", "BIO SEX"),
    until("7253", "7253", "X..40,pcenc", "FAMILY NAME"),
    until("7254", "7254", "X..40,pcenc", "GIVEN NAME"),
    until("7255", "7255", "X..10", "SUFFIX"),
    until("7256", "7256", "X..90,pcenc", "FULL NAME"),
    until("7257", "7257", "X..70,pcenc", "PERSON ADDR"),
    until("7258", "7258", "X3,posinseqslash", "BIRTH SEQUENCE"),
    until("7259", "7259", "X..40,pcenc", "BABY"),
    until("8001", "8001", "N4,nonzero N5,nonzero N3,nonzero N1,winding N1", "DIMENSIONS"),
    until("8002", "8002", "X..20", "CMT No."),
    until("8003", "8003", "N1,zero N13,csum [X..16]", "GRAI"),
    until("8004", "8004", "X..30", "GIAI"),
    until("8005", "8005", "N6", "PRICE PER UNIT"),
    until("8006", "8006", "N14,csum N4,pieceoftotal", "ITIP"),
    until("8007", "8007", "X..34", "IBAN"),
    until("8008", "8008", "N6,yymmdd N2,hh [N2],mi [N2],ss", "PROD TIME"),
    until("8009", "8009", "X..50", "OPTSEN"),
    until("8010", "8010", "Y..30", "CPID"),
    until("8011", "8011", "N..12,nozeroprefix", "CPID SERIAL"),
    until("8012", "8012", "X..20", "VERSION"),
    until("8013", "8013", "X..25,csumalpha", "GMN"),
    until("8014", "8014", "X..25,csumalpha,hasnondigit", "MUDI"),
    until("8017", "8017", "N18,csum", "GSRN - PROVIDER"),
    until("8018", "8018", "N18,csum", "GSRN - RECIPIENT"),
    until("8019", "8019", "N..10", "SRIN"),
    until("8020", "8020", "X..25", "REF No."),
    until("8026", "8026", "N14,csum N4,pieceoftotal", "ITIP CONTENT"),
    until("8030", "8030", "Z..90", "DIGSIG"),
    until("8040", "8040", "N15", "IMEI"),
    until("8041", "8041", "N15", "IMEI2"),
    until("8042", "8042", "N32", "ESIM"),
    until("8043", "8043", "N18 [N..2]", "PSIM"),
    until("8110", "8110", "X..70", "COUPON"),
    until("8111", "8111", "N4", "POINTS"),
    until("8112", "8112", "X..70", "COUPON (POS)"),
    until("8200", "8200", "X..70", "PRODUCT URL"),
    until("90", "90", "X..30", "INTERNAL"),
    until("91", "99", "X..90", "INTERNAL"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_read() {
        for row in TABLE {
            assert_eq!(row.first.len(), row.last.len(), "{}", row.first);
            let found = find(row.first.as_bytes()).map(|(digits, found)| (digits, found.title));
            assert_eq!(found, Some((row.first, row.title)));
            for part in row.parts() {
                assert!(b"NXYZ".contains(&part.set) && part.most > 0, "{}", row.first);
                for rule in part.rules.split(',').filter(|rule| !rule.is_empty()) {
                    assert!(crate::lint::is_known(rule), "{} {rule}", row.first);
                }
            }
        }
    }

    #[test]
    fn unknown_identifiers() {
        for unknown in ["", "0", "05", "23", "3376", "8", "x1", "1x"] {
            assert_eq!(find(unknown.as_bytes()), None, "{unknown}");
        }
        assert_eq!(find(b"3103000195").map(|(digits, _)| digits), Some("3103"));
    }
}
