//! The rows of an index, and how they are written to its file.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::codec::{Codec, Reader, Unreadable};

/// A piece of the pool of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) at: u32,
    pub(crate) length: u32,
}

/// A run of rows in another list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) at: u32,
    pub(crate) length: u32,
}

impl Span {
    pub(crate) fn of<T>(self, list: &[T]) -> &[T] {
        let at = self.at as usize;
        list.get(at..at + self.length as usize).unwrap_or_default()
    }
}

/// The place of a row in its list, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(u32);

impl At {
    pub(crate) const NONE: Self = Self(u32::MAX);

    pub(crate) fn new(at: usize) -> Self {
        u32::try_from(at).map_or(Self::NONE, Self)
    }

    pub(crate) fn get(self) -> Option<usize> {
        (self != Self::NONE).then_some(self.0 as usize)
    }

    pub(crate) fn raw(self) -> u32 {
        self.0
    }
}

macro_rules! rows {
    ($($(#[$about:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }

        impl Codec for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
                Ok(Self { $($field: Codec::take(reader)?,)* })
            }
        }
    )*};
}

rows! {
    /// A code of a lookup table whose codes are concepts: form, route, unit, supplier.
    TermRow { code: u64, previous: u64, name: Text, }
    IngredientRow { id: u64, previous: u64, name: Text, invalid: bool, }
    VtmRow { id: u64, previous: u64, name: Text, invalid: bool, }
    VmpRow {
        id: u64,
        previous: u64,
        name: Text,
        vtm: At,
        invalid: bool,
        status: u8,
        controlled: u8,
        dose_form: u8,
        combination: u8,
        available: bool,
        sugar_free: bool,
        form: At,
        unit_dose_size: Option<Decimal>,
        unit_dose_size_unit: At,
        unit_dose_unit: At,
        strengths: Span,
        routes: Span,
        forms_and_routes: Span,
    }
    StrengthRow {
        ingredient: At,
        basis: u8,
        basis_substance: At,
        amount: Option<Decimal>,
        amount_unit: At,
        per: Option<Decimal>,
        per_unit: At,
    }
    AmpRow {
        id: u64,
        name: Text,
        description: Text,
        vmp: At,
        supplier: At,
        invalid: bool,
        licence: u8,
        restriction: u8,
        combination: u8,
        parallel_import: bool,
        monitored: bool,
        routes: Span,
        excipients: Span,
    }
    VmppRow {
        id: u64,
        name: Text,
        vmp: At,
        invalid: bool,
        quantity: Option<Decimal>,
        unit: At,
        combination: u8,
    }
    AmppRow {
        id: u64,
        name: Text,
        sub_pack: Text,
        vmpp: At,
        amp: At,
        invalid: bool,
        legal: u8,
        combination: u8,
        discontinued: Option<Date>,
        is_discontinued: bool,
        hospital: bool,
    }
    GtinRow { gtin: u64, ampp: At, from: Option<Date>, until: Option<Date>, }
    /// An earlier id, and the one that stands for it now.
    RecodedRow { old: u64, new: u64, }
}

impl Codec for Text {
    fn put(&self, out: &mut Vec<u8>) {
        self.at.put(out);
        self.length.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self { at: Codec::take(reader)?, length: Codec::take(reader)? })
    }
}

impl Codec for Span {
    fn put(&self, out: &mut Vec<u8>) {
        self.at.put(out);
        self.length.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self { at: Codec::take(reader)?, length: Codec::take(reader)? })
    }
}

impl Codec for At {
    fn put(&self, out: &mut Vec<u8>) {
        // None is the rarest place and would be the longest number: it becomes the shortest.
        self.0.wrapping_add(1).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let stored: u32 = Codec::take(reader)?;
        Ok(Self(stored.wrapping_sub(1)))
    }
}
