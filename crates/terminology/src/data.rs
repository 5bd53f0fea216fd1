//! The lists of an index, and the file that they make.

use sha2::{Digest, Sha256};

use crate::codec::{Codec, Reader, Unreadable};
use crate::release::Release;
use crate::rows::{
    AmpRow, AmppRow, At, GtinRow, IngredientRow, RecodedRow, StrengthRow, TermRow, Text, VmpRow,
    VmppRow, VtmRow,
};

/// What an index file begins with: its kind and the version of its layout.
const MAGIC: &[u8; 8] = b"ILDMD\0\0\x01";
/// The digest that ends it, in bytes.
const DIGEST_BYTES: usize = 32;

macro_rules! data {
    ($($(#[$about:meta])* $field:ident: $type:ty,)*) => {
        /// All lists; those with ids are sorted by them.
        #[derive(Debug, Clone)]
        pub(crate) struct Data {
            $($(#[$about])* pub(crate) $field: $type,)*
        }

        impl Data {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
                Ok(Self { $($field: Codec::take(reader)?,)* })
            }
        }
    };
}

data! {
    release: Release,
    text: String,
    units: Vec<TermRow>,
    forms: Vec<TermRow>,
    routes: Vec<TermRow>,
    /// Form and route in one, such as `tablet.oral`, which the codes of the lookup count.
    forms_and_routes: Vec<TermRow>,
    suppliers: Vec<TermRow>,
    ingredients: Vec<IngredientRow>,
    vtms: Vec<VtmRow>,
    vmps: Vec<VmpRow>,
    strengths: Vec<StrengthRow>,
    amps: Vec<AmpRow>,
    vmpps: Vec<VmppRow>,
    ampps: Vec<AmppRow>,
    gtins: Vec<GtinRow>,
    /// What the spans of products point into: places of routes, of forms with routes, and of
    /// ingredients.
    places: Vec<At>,
    /// Earlier ids, sorted.
    recoded: Vec<RecodedRow>,
}

impl Data {
    pub(crate) fn text(&self, text: Text) -> &str {
        let at = text.at as usize;
        self.text.get(at..at + text.length as usize).unwrap_or_default()
    }

    /// The file: eight bytes that name the layout, the lists, and their SHA-256.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        self.put(&mut out);
        let digest = Sha256::digest(&out);
        out.extend_from_slice(&digest);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let length = bytes.len().checked_sub(DIGEST_BYTES).ok_or(Unreadable)?;
        let (content, digest) = bytes.split_at(length);
        let lists = content.strip_prefix(MAGIC).ok_or(Unreadable)?;
        if Sha256::digest(content).as_slice() != digest {
            return Err(Unreadable);
        }
        let mut reader = Reader::new(lists);
        let data = Self::take(&mut reader)?;
        if reader.is_done() { Ok(data) } else { Err(Unreadable) }
    }
}
