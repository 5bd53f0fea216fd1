//! The seal of a segment: a signed checkpoint, in lines of text.
//!
//! It says from which position to which the segment goes, and stays when the segment is moved
//! away or dropped, so that the chain can still be followed over the gap.

use std::{fmt, fs, io, path::Path, str::FromStr};

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::folder::Segment;
use super::store::{publish, remove};
use crate::{Error, Hash, Position, file};

/// The first line of every seal.
const TITLE: &str = "interlock seal v2";
/// The most bytes of a file that is read as a seal or as a key.
const MAX_FILE_BYTES: u64 = 4_096;

/// What a seal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The site of the journal.
    pub site: String,
    /// The position before the first entry.
    pub from: Position,
    /// The position of the last entry.
    pub to: Position,
    /// When the first entry was recorded: microseconds since 1970-01-01T00:00:00Z.
    pub first_at: i64,
    /// When the last entry was recorded, in the same unit.
    pub last_at: i64,
    /// SHA-256 over the dump of the record at [`Seal::to`], where a snapshot of the record lies
    /// beside the seal; none for the seal of a segment.
    pub record: Option<Hash>,
    /// Who signed it, and the signature; none where the node has no key.
    pub signature: Option<Signature>,
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The public key.
    pub key: PublicKey,
    /// The signature over all lines of the seal before its own.
    bytes: [u8; 64],
}

/// An Ed25519 public key. Shown and parsed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

/// The key with which a node signs its seals.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads a private key as `openssl genpkey -algorithm ed25519 -outform DER` writes it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let why = |why: &str| Error::Key { path: path.to_owned(), why: why.to_owned() };
        let bytes = read_short(path).map_err(|error| why(&error.to_string()))?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
            .map_err(|_| why("it is no Ed25519 private key in PKCS#8 DER"))?;
        Ok(Self(pair))
    }

    /// The public key, to give to whoever verifies.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }
}

impl Seal {
    /// Writes it durably, signed if there is a key: a power cut leaves all of it or nothing.
    pub fn write(&mut self, path: &Path, key: Option<&SigningKey>) -> Result<(), Error> {
        if let Some(key) = key {
            self.sign(key);
        }
        let part = Segment::part_of(path);
        remove(&part)?;
        file::create_file(&part)?;
        fs::write(&part, self.to_string()).map_err(|error| Error::open(&part, &error))?;
        publish(&part, path)
    }

    /// Signs it.
    fn sign(&mut self, key: &SigningKey) {
        let public = key.public();
        self.signature = Some(Signature { key: public, bytes: [0; 64] });
        let signed = key.0.sign(self.signed_text().as_bytes());
        let mut bytes = [0; 64];
        bytes.copy_from_slice(signed.as_ref());
        self.signature = Some(Signature { key: public, bytes });
    }

    /// Whether it is signed with this key and nothing in it was changed.
    pub fn is_signed_by(&self, key: PublicKey) -> bool {
        self.signature.is_some_and(|signature| {
            signature.key == key
                && UnparsedPublicKey::new(&ED25519, key.0)
                    .verify(self.signed_text().as_bytes(), &signature.bytes)
                    .is_ok()
        })
    }

    /// Whether the signature, if there is one, is that of the key that the seal itself names.
    pub fn is_sound(&self) -> bool {
        self.signature.is_none_or(|signature| self.is_signed_by(signature.key))
    }

    fn signed_text(&self) -> String {
        let Self { site, from, to, first_at, last_at, record, signature } = self;
        let record = record.map_or("none".to_owned(), |record| record.to_string());
        let key = signature.map_or("none".to_owned(), |signature| signature.key.to_string());
        format!(
            "{TITLE}\nsite {site}\nfrom {from}\nto {to}\nentries {}\ntimes {first_at} {last_at}\n\
             record {record}\nkey {key}\n",
            to.seq.saturating_sub(from.seq)
        )
    }

    /// Reads the file. [`Error::Seal`] for one that is no seal, or whose signature is not that of
    /// the key that it names.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let why = |why: &str| Error::Seal { path: path.to_owned(), why: why.to_owned() };
        let bytes = read_short(path).map_err(|error| why(&error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| why("it is no text"))?;
        let seal: Self = text.parse().map_err(why)?;
        if seal.is_sound() { Ok(seal) } else { Err(why("its signature is not that of its key")) }
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}signature ", self.signed_text())?;
        match &self.signature {
            Some(signature) => hex(f, &signature.bytes)?,
            None => f.write_str("none")?,
        }
        f.write_str("\n")
    }
}

impl FromStr for Seal {
    type Err = &'static str;

    /// Only the very bytes that [`Seal`] is shown as are taken, so that what is signed cannot be
    /// read in two ways.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err("it does not begin as a seal of format 2");
        }
        let mut field = |name: &str| {
            let line = lines.next()?.strip_prefix(name)?;
            line.strip_prefix(' ').map(str::to_owned)
        };
        let read = || {
            let (site, from, to) = (field("site")?, field("from")?, field("to")?);
            let (_, times, record) = (field("entries")?, field("times")?, field("record")?);
            let (key, signature) = (field("key")?, field("signature")?);
            let (first_at, last_at) = times.split_once(' ')?;
            let record = if record == "none" { None } else { Some(record.parse().ok()?) };
            let signature = match (key.as_str(), signature.as_str()) {
                ("none", "none") => None,
                (key, signature) => {
                    let (left, right) = signature.split_at_checked(64)?;
                    let (left, right): (Hash, Hash) = (left.parse().ok()?, right.parse().ok()?);
                    let mut bytes = [0; 64];
                    bytes[..32].copy_from_slice(&left.0);
                    bytes[32..].copy_from_slice(&right.0);
                    Some(Signature { key: key.parse().ok()?, bytes })
                }
            };
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            let (first_at, last_at) = (first_at.parse().ok()?, last_at.parse().ok()?);
            Some(Self { site, from, to, first_at, last_at, record, signature })
        };
        let seal = { read }().ok_or("a line is missing or cannot be read")?;
        if seal.to_string() == text { Ok(seal) } else { Err("it is not written as a seal is") }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = crate::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Hash>().map(|key| Self(key.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature by {}", self.key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey of {}", self.public())
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn read_short(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The DER of an Ed25519 private key whose seed is `seed` 32 times.
    fn key(seed: u8) -> SigningKey {
        let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        der.extend([seed; 32]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, der).unwrap();
        SigningKey::read(&path).unwrap()
    }

    fn seal() -> Seal {
        let position = |seq| Position { seq, hash: crate::genesis("RXX") };
        Seal {
            site: "RXX".into(),
            from: position(0),
            to: position(9),
            first_at: -1,
            last_at: 1_700_000_000_000_000,
            record: None,
            signature: None,
        }
    }

    #[test]
    fn a_seal_reads_back_as_shown() {
        let mut seal = seal();
        assert_eq!(seal.to_string().parse(), Ok(seal.clone()));
        seal.sign(&key(7));
        assert_eq!(seal.to_string().parse(), Ok(seal.clone()));
        assert!(seal.is_signed_by(key(7).public()));
        assert!(!seal.is_signed_by(key(8).public()));
    }

    #[test]
    fn any_changed_line_breaks_the_signature_or_is_refused() {
        let mut seal = seal();
        seal.sign(&key(7));
        let text = seal.to_string();
        let public = key(7).public();
        for (old, new) in [
            ("site RXX", "site RYY"),
            ("to 9:", "to 8:"),
            ("entries 9", "entries 8"),
            ("times -1 ", "times 1 "),
            ("record none", "record "),
            ("\nkey ", "\nkey  "),
            ("signature ", "signature 00"),
            ("\nfrom", "\nFROM"),
        ] {
            assert!(text.contains(old), "{old}");
            let changed = text.replacen(old, new, 1).parse::<Seal>();
            assert!(!changed.is_ok_and(|seal| seal.is_signed_by(public)), "{old} -> {new}");
        }
        assert!(text.replace('\n', "\r\n").parse::<Seal>().is_err());
        assert!(format!("{text}\n").parse::<Seal>().is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "-----BEGIN PRIVATE KEY-----").unwrap();
        assert!(matches!(SigningKey::read(&path), Err(Error::Key { .. })));
        assert!(matches!(SigningKey::read(folder.path()), Err(Error::Key { .. })));
    }
}
