//! Ciphertext that is of use in one place alone.
//!
//! The text is `nuages1.`, the id of the key, a point, and URL-safe Base64 without padding of 12 random bytes of nonce,
//! the text in AES-256-GCM-SIV (RFC 8452) and its 16 bytes of tag. The key is HKDF-SHA256 of the ring's key with
//! `nuages bound` as info; the associated data is `nuages1.` with the id and the point, then each part of the place
//! after its length in bytes as 64 bits, so that no two places read alike. Should a nonce come twice, all that shows is
//! whether the same was sealed for the same place.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};
use crate::fernet::Opened;
use crate::key::{Entry, KeyId, KeyRing, random};
use crate::plain::Plain;

const PREFIX: &str = "nuages1.";
const NONCE: usize = 12;
const TAG: usize = 16;

const EXPECTED: Error = Error::Malformed { expected: "sealed for its place: such texts begin with `nuages1.`" };

impl KeyRing {
    /// Seals with the newest key, for a place of these parts, such as table, column and row. No two are alike.
    ///
    /// # Errors
    /// [`Error::Random`] if the operating system gives no random numbers.
    pub fn seal_for(&self, place: &[&[u8]], plain: &[u8]) -> Result<String> {
        let entry = self.sealing();
        let mut nonce = [0; NONCE];
        random(&mut nonce)?;
        let cipher = cipher(entry).ok_or(Error::Random)?;
        let data = associated(entry.id, place);
        // It fails for texts of 64 GiB, which no memory holds twice.
        let sealed =
            cipher.encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &data }).map_err(|_| Error::Random)?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{}{}", head(entry.id), URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What was sealed for a place, whichever key of the ring did it.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what was not sealed so, [`Error::UnknownKey`] if the ring has not got its key,
    /// [`Error::Misplaced`] if it was sealed for another place or altered.
    pub fn open_for(&self, place: &[&[u8]], text: &str) -> Result<Opened> {
        let (id, bytes) = parts(text).ok_or(EXPECTED)?;
        let entry = self.entries().find(|entry| entry.id == id);
        let entry = entry.ok_or_else(|| Error::UnknownKey { id, known: self.ids() })?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(EXPECTED)?;
        if sealed.len() < TAG {
            return Err(EXPECTED);
        }
        let data = associated(id, place);
        let opened = cipher(entry)
            .and_then(|cipher| cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &data }).ok());
        opened.map(|bytes| Opened { plain: Plain::new(bytes), key: id, sealed_at: None }).ok_or(Error::Misplaced { id })
    }

    /// Whether a text was sealed for a place, and not as a token, as far as its form tells.
    pub fn is_bound(text: &str) -> bool {
        parts(text).is_some()
    }
}

/// `None` cannot be: the key is as long as the cipher asks.
fn cipher(entry: &Entry) -> Option<Aes256GcmSiv> {
    Aes256GcmSiv::new_from_slice(entry.bound.as_slice()).ok()
}

fn head(id: KeyId) -> String {
    format!("{PREFIX}{id}.")
}

fn parts(text: &str) -> Option<(KeyId, Vec<u8>)> {
    let (id, rest) = text.strip_prefix(PREFIX)?.split_at_checked(KeyId::DIGITS)?;
    let bytes = URL_SAFE_NO_PAD.decode(rest.strip_prefix('.')?).ok()?;
    Some((KeyId::from_digits(id)?, bytes))
}

fn associated(id: KeyId, place: &[&[u8]]) -> Vec<u8> {
    let mut data = head(id).into_bytes();
    for part in place {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}
