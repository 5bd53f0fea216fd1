//! The made-up release that ships with the program: everyday hospital medicines for
//! demonstrations and tests. `cargo xtask synthetic` makes its files from a list; no id in it can
//! be that of a real product ([`crate::is_synthetic`]).

use crate::import::{ImportError, Imported, Importer};

macro_rules! files {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../synthetic/", $name)))),*]
    };
}

/// The files of the release: their names and contents.
pub const FILES: [(&str, &str); 8] = files![
    "f_vtm2_3010126.xml",
    "f_vmp2_3010126.xml",
    "f_amp2_3010126.xml",
    "f_vmpp2_3010126.xml",
    "f_ampp2_3010126.xml",
    "f_ingredient2_3010126.xml",
    "f_lookup2_3010126.xml",
    "f_gtin2_0010126.xml"
];

/// Imports the release.
pub fn import() -> Result<Imported, ImportError> {
    let mut importer = Importer::new();
    for (name, content) in FILES {
        importer.file(name, content.as_bytes())?;
    }
    importer.finish()
}
