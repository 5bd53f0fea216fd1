//! How an index is written: numbers of variable length, lists with their length before them.

use jiff::civil::Date;
use rust_decimal::Decimal;
use thiserror::Error;

/// The bytes are no index that this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the bytes are not what an index is made of")]
pub struct Unreadable;

/// What can be written to an index and read from it.
pub(crate) trait Codec: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable>;
}

/// Goes through the bytes of an index.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Unreadable)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        Ok(self.bytes(1)?[0])
    }
}

impl Codec for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut left = *self;
        while left >= 0x80 {
            out.push(low_byte(left) | 0x80);
            left >>= 7;
        }
        out.push(low_byte(left));
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = reader.byte()?;
            let part = u64::from(byte & 0x7f);
            number |= part.checked_shl(shift).ok_or(Unreadable)?;
            if byte < 0x80 {
                // The tenth byte has one bit left for it.
                return if shift == 63 && part > 1 { Err(Unreadable) } else { Ok(number) };
            }
        }
        Err(Unreadable)
    }
}

fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

impl Codec for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        u64::take(reader)?.try_into().map_err(|_| Unreadable)
    }
}

impl Codec for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        reader.byte()
    }
}

impl Codec for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match reader.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable),
        }
    }
}

impl Codec for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let length = usize::try_from(u64::take(reader)?).map_err(|_| Unreadable)?;
        let bytes = reader.bytes(length)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Unreadable)
    }
}

impl<T: Codec> Codec for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                value.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        if bool::take(reader)? { T::take(reader).map(Some) } else { Ok(None) }
    }
}

impl<T: Codec> Codec for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        for item in self {
            item.put(out);
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let length = usize::try_from(u64::take(reader)?).map_err(|_| Unreadable)?;
        // Each item has a byte at least, so a length that lies reserves no more than the file.
        if length > reader.rest.len() {
            return Err(Unreadable);
        }
        let mut list = Self::with_capacity(length);
        for _ in 0..length {
            list.push(T::take(reader)?);
        }
        Ok(list)
    }
}

impl Codec for Decimal {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.serialize());
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let bytes: [u8; 16] = reader.bytes(16)?.try_into().map_err(|_| Unreadable)?;
        let number = Self::deserialize(bytes);
        // Bits that mean nothing would make two files of one number.
        if number.serialize() == bytes { Ok(number) } else { Err(Unreadable) }
    }
}

impl Codec for Date {
    fn put(&self, out: &mut Vec<u8>) {
        let [low, high] = self.year().to_le_bytes();
        let [month, day] = [self.month(), self.day()].map(|part| part.to_le_bytes()[0]);
        out.extend_from_slice(&[low, high, month, day]);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let [low, high, month, day] = reader.bytes(4)?.try_into().map_err(|_| Unreadable)?;
        let year = i16::from_le_bytes([low, high]);
        let [month, day] = [month, day].map(|part| i8::from_le_bytes([part]));
        Self::new(year, month, day).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round<T: Codec>(value: &T) -> Result<T, Unreadable> {
        let mut out = Vec::new();
        value.put(&mut out);
        let mut reader = Reader::new(&out);
        let read = T::take(&mut reader);
        assert!(reader.is_done());
        read
    }

    proptest! {
        #[test]
        fn numbers_come_back(number in any::<u64>(), small in any::<u32>()) {
            prop_assert_eq!(round(&number), Ok(number));
            prop_assert_eq!(round(&small), Ok(small));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Vec::<u64>::take(&mut Reader::new(&bytes));
            let _ = Vec::<String>::take(&mut Reader::new(&bytes));
            let _ = <Option<Decimal> as Codec>::take(&mut Reader::new(&bytes));
            let _ = Date::take(&mut Reader::new(&bytes));
        }
    }

    #[test]
    fn other_values_come_back() {
        assert_eq!(round(&"µg".to_owned()), Ok("µg".to_owned()));
        assert_eq!(round(&Some(Decimal::new(-1250, 3))), Ok(Some(Decimal::new(-1250, 3))));
        let day = jiff::civil::date(2019, 4, 1);
        assert_eq!(round(&vec![Some(day), None]), Ok(vec![Some(day), None]));
        assert_eq!(u64::take(&mut Reader::new(&[0xff; 11])), Err(Unreadable));
    }
}
