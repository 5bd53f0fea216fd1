//! Proof that a form came from a page that we showed in the session that sends it.
//!
//! Cookies of sessions are `SameSite=Strict`, so that no other site's form carries one. What acts
//! on medicines does not rest on that alone.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Token;
use crate::words::hex;

/// The bytes of randomness in a form's key.
const NONCE_BYTES: usize = 16;

/// A new key for a form. What is sent twice with one key is done once.
pub(crate) fn form_key(token: &Token, fill: impl Fn(&mut [u8])) -> String {
    let mut bytes = [0; NONCE_BYTES];
    fill(&mut bytes);
    let nonce = hex(&bytes);
    let seal = seal(token, &nonce);
    format!("{nonce}.{seal}")
}

/// The part of a form's key that tells it from others, if the key is one of this session.
pub(crate) fn read_form_key<'k>(token: &Token, key: &'k str) -> Option<&'k str> {
    let (nonce, given) = key.split_once('.')?;
    let ours = nonce.len() == 2 * NONCE_BYTES
        && bool::from(seal(token, nonce).as_bytes().ct_eq(given.as_bytes()));
    ours.then_some(nonce)
}

fn seal(token: &Token, nonce: &str) -> String {
    // Every part has a fixed length, so that no two ways of cutting give the same bytes.
    let text = format!("interlock-form|{}|{nonce}", token.as_str());
    hex(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_belongs_to_its_session() {
        let token = |byte| Token::random(|bytes| bytes.fill(byte));
        let key = form_key(&token(1), |bytes| bytes.fill(7));
        assert_eq!(read_form_key(&token(1), &key), Some("07".repeat(16).as_str()));
        assert_eq!(read_form_key(&token(2), &key), None);
        let other = form_key(&token(1), |bytes| bytes.fill(8));
        let mixed = format!("{}.{}", "07".repeat(16), other.split_once('.').unwrap().1);
        for wrong in ["", ".", "07", &mixed, &key[..key.len() - 1]] {
            assert_eq!(read_form_key(&token(1), wrong), None, "{wrong}");
        }
    }
}
