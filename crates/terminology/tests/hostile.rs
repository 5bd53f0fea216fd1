//! Whatever is handed in as a release or as an index, nothing panics, and what was not written
//! here is not read as if it were.

use proptest::prelude::*;
use terminology::{Importer, Index, synthetic};

/// A file of the made-up release, cut short so that many can be tried.
fn beginning(file: usize) -> (&'static str, &'static str) {
    let (name, text) = synthetic::FILES[file % synthetic::FILES.len()];
    let end = text.floor_char_boundary(4_000);
    (name, &text[..end])
}

proptest! {
    #[test]
    fn any_file_is_read_or_refused(
        file in 0..8_usize,
        at in 0..4_000_usize,
        inserted in prop::sample::select(vec![
            "", "<", ">", "&", "&#0;", "<VMP>", "</VMP>", "<!DOCTYPE a>", "<VPID>x</VPID>",
            "<VPID>9999999999999999999</VPID>", "<UDFS>1e9</UDFS>", "<![CDATA[", "\u{0}", "<CD/>",
        ]),
        cut in 0..40_usize,
    ) {
        let (name, text) = beginning(file);
        let at = text.floor_char_boundary(at.min(text.len()));
        let end = text.floor_char_boundary((at + cut).min(text.len()));
        let changed = format!("{}{inserted}{}", &text[..at], &text[end..]);
        let mut importer = Importer::new();
        let _ = importer.file(name, changed.as_bytes());
        // Whatever was read of it, the others come with it to an index or to a refusal.
        for (other, text) in synthetic::FILES.iter().filter(|(other, _)| *other != name).take(2) {
            let _ = importer.file(other, &text.as_bytes()[..text.len().min(2_000)]);
        }
        let _ = importer.finish();
    }

    #[test]
    fn bytes_that_are_no_index(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Index::from_bytes(&bytes).is_err());
    }

    #[test]
    fn queries_of_any_kind(query in "\\PC{0,40}") {
        let index = INDEX.with(std::rc::Rc::clone);
        let hits = index.search(&query, 10);
        prop_assert!(hits.len() <= 10);
    }
}

thread_local! {
    static INDEX: std::rc::Rc<Index> =
        std::rc::Rc::new(synthetic::import().expect("the files that ship are a release").index);
}

#[test]
fn a_changed_index_is_refused() {
    let bytes = synthetic::import().expect("the files that ship are a release").index.to_bytes();
    assert!(Index::from_bytes(&bytes).is_ok());
    for at in (0..bytes.len()).step_by(bytes.len() / 50) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(Index::from_bytes(&changed).is_err(), "byte {at}");
    }
    assert!(Index::from_bytes(&bytes[..bytes.len() - 1]).is_err());
}
