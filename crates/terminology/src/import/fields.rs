//! The fields of one row.

use jiff::civil::Date;
use rust_decimal::Decimal;

/// The leaves of one row, whose memory is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Fields {
    list: Vec<(String, String)>,
    used: usize,
}

/// A field that is there and makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) String);

impl Fields {
    pub(super) fn add(&mut self, name: &str, text: &str) {
        if let Some((known, value)) = self.list.get_mut(self.used) {
            name.clone_into(known);
            text.clone_into(value);
        } else {
            self.list.push((name.to_owned(), text.to_owned()));
        }
        self.used += 1;
    }

    /// Forgets all fields but the one to be kept.
    pub(super) fn clear(&mut self, keep: Option<&str>) {
        let kept = self.list[..self.used].iter().position(|(name, _)| Some(name.as_str()) == keep);
        if let Some(at) = kept {
            self.list.swap(0, at);
        }
        self.used = usize::from(kept.is_some());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The text of a field; an empty one counts as missing.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.list[..self.used].iter().find(|(known, _)| known == name)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => match read(text) {
                Some(value) => Ok(Some(value)),
                None => Err(Wrong(format!("{name} is {text:?}"))),
            },
        }
    }

    /// An identifier of at most 18 digits (SNOMED CT SCTID), 0 when it is missing.
    pub(super) fn id(&self, name: &str) -> Result<u64, Wrong> {
        let id = self.read(name, |text| {
            let digits = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|id| digits && *id != 0)
        })?;
        Ok(id.unwrap_or(0))
    }

    /// An identifier without which the row is nothing.
    pub(super) fn needed_id(&self, name: &str) -> Result<u64, Wrong> {
        match self.id(name)? {
            0 => Err(Wrong(format!("{name} is missing"))),
            id => Ok(id),
        }
    }

    /// A small code such as `0006`; 0 when it is missing.
    pub(super) fn code(&self, name: &str) -> Result<u8, Wrong> {
        Ok(self.read(name, |text| text.parse().ok())?.unwrap_or(0))
    }

    /// A flag: any number but 0.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Wrong> {
        Ok(self.code(name)? != 0)
    }

    /// An exact decimal that is not negative.
    pub(super) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Wrong> {
        self.read(name, |text| {
            let number = Decimal::from_str_exact(text).ok()?;
            (!number.is_sign_negative()).then(|| number.normalize())
        })
    }

    /// A day, `2019-04-01`.
    pub(super) fn date(&self, name: &str) -> Result<Option<Date>, Wrong> {
        self.read(name, |text| text.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_strictly() {
        let mut fields = Fields::default();
        let values =
            [("A", "318338001"), ("B", "0006"), ("C", "2.50"), ("D", "2019-04-01"), ("E", "x1")];
        for (name, text) in values {
            fields.add(name, text);
        }
        assert_eq!(fields.needed_id("A"), Ok(318_338_001));
        assert_eq!(fields.id("F"), Ok(0));
        assert!(fields.needed_id("F").is_err() && fields.id("E").is_err());
        assert_eq!(fields.code("B"), Ok(6));
        assert_eq!(fields.flag("B"), Ok(true));
        assert_eq!(fields.decimal("C"), Ok(Some(Decimal::new(25, 1))));
        assert_eq!(fields.date("D"), Ok(Some(jiff::civil::date(2019, 4, 1))));
        assert!(fields.date("E").is_err() && fields.decimal("E").is_err());

        fields.clear(Some("C"));
        assert_eq!((fields.text("C"), fields.text("A")), (Some("2.50"), None));
        fields.clear(None);
        assert!(fields.is_empty());
    }
}
