//! Fernet tokens.
//!
//! A token is URL-safe Base64 of: the version 0x80, the time in seconds as 64 bits, 16 bytes of initialisation vector,
//! the text in AES-128-CBC with PKCS #7 padding, and HMAC-SHA256 of all that (<https://github.com/fernet/spec>). The time
//! is written and kept, but no token is too old: what is stored has no date of expiry.

use std::time::{SystemTime, UNIX_EPOCH};

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, Result};
use crate::key::{EncryptionKey, KeyId, KeyRing, random};
use crate::plain::Plain;

const VERSION: u8 = 0x80;
const TIME: usize = 8;
const IV: usize = 16;
const BLOCK: usize = 16;
const SIGNATURE: usize = 32;

const EXPECTED: Error = Error::Malformed { expected: "a Fernet token" };

/// What a sealed text held.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// What was sealed.
    pub plain: Plain,
    /// The key that opened it: [`KeyRing::newest`], unless it is to be sealed anew.
    pub key: KeyId,
    /// When it was sealed, in seconds since 1970, where the text says so.
    pub sealed_at: Option<u64>,
}

impl KeyRing {
    /// A Fernet token of now, of the newest key. No two are alike.
    ///
    /// # Errors
    /// [`Error::Random`] if the operating system gives no random numbers.
    pub fn seal(&self, plain: &[u8]) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.seal_as_of(plain, now)
    }

    /// A Fernet token of another time, in seconds since 1970: what is sealed anew keeps its own, as `MultiFernet.rotate`
    /// has it.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub fn seal_as_of(&self, plain: &[u8], time: u64) -> Result<String> {
        let mut iv = [0; IV];
        random(&mut iv)?;
        token(&self.sealing().key, time, iv, plain).ok_or(Error::Random)
    }

    /// What a Fernet token holds, whichever key of the ring sealed it.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no token, [`Error::NoKeyOpens`] for one that is another key's or was altered.
    pub fn open(&self, token: &str) -> Result<Opened> {
        let bytes = URL_SAFE.decode(token).map_err(|_| EXPECTED)?;
        let parts = Parts::of(&bytes).ok_or(EXPECTED)?;
        for entry in self.entries() {
            if parts.is_signed_by(&entry.key) {
                // Whoever signs with the key has also encrypted with it; only other padding than Fernet's is left.
                let plain = parts.decrypt(&entry.key).ok_or(EXPECTED)?;
                return Ok(Opened { plain, key: entry.id, sealed_at: Some(u64::from_be_bytes(parts.time)) });
            }
        }
        Err(Error::NoKeyOpens { known: self.ids() })
    }
}

/// `None` cannot be: the halves of a key are as long as the ciphers ask.
fn token(key: &EncryptionKey, time: u64, iv: [u8; IV], plain: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(1 + TIME + IV + plain.len() + BLOCK + SIGNATURE);
    bytes.push(VERSION);
    bytes.extend_from_slice(&time.to_be_bytes());
    bytes.extend_from_slice(&iv);
    let cipher = cbc::Encryptor::<Aes128>::new_from_slices(key.encrypting(), &iv).ok()?;
    bytes.extend_from_slice(&cipher.encrypt_padded_vec::<Pkcs7>(plain));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.signing()).ok()?;
    mac.update(&bytes);
    bytes.extend_from_slice(&mac.finalize().into_bytes());
    Some(URL_SAFE.encode(bytes))
}

/// A token taken apart; nothing in it is to be trusted before its signature is.
struct Parts<'a> {
    signed: &'a [u8],
    time: [u8; TIME],
    iv: &'a [u8],
    encrypted: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (signed, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        let (version, rest) = signed.split_first()?;
        let (time, rest) = rest.split_first_chunk::<TIME>()?;
        let (iv, encrypted) = rest.split_at_checked(IV)?;
        let whole = *version == VERSION && !encrypted.is_empty() && encrypted.len().is_multiple_of(BLOCK);
        whole.then_some(Parts { signed, time: *time, iv, encrypted, signature })
    }

    /// In a time that does not depend on where they differ.
    fn is_signed_by(&self, key: &EncryptionKey) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.signing()) else { return false };
        mac.update(self.signed);
        mac.verify_slice(self.signature).is_ok()
    }

    fn decrypt(&self, key: &EncryptionKey) -> Option<Plain> {
        let cipher = cbc::Decryptor::<Aes128>::new_from_slices(key.encrypting(), self.iv).ok()?;
        cipher.decrypt_padded_vec::<Pkcs7>(self.encrypted).ok().map(Plain::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `generate.json` and `verify.json` of the specification.
    #[test]
    fn tokens_are_those_of_the_specification() {
        let key: EncryptionKey = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=".parse().unwrap();
        let iv = std::array::from_fn(|index| index as u8);
        let made = token(&key, 499_162_800, iv, b"hello").unwrap();
        let known =
            "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        assert_eq!(made, known);
        let opened = KeyRing::new([key]).unwrap().open(known).unwrap();
        assert_eq!((opened.plain.expose(), opened.sealed_at), (&b"hello"[..], Some(499_162_800)));
    }

    /// A key that signs but did not encrypt, which no Fernet makes: the padding is wrong, and that is no panic.
    #[test]
    fn signed_nonsense_is_no_token() {
        let key: EncryptionKey = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=".parse().unwrap();
        let mut bytes = vec![VERSION];
        bytes.extend([7; TIME + IV + BLOCK]);
        let mut mac = Hmac::<Sha256>::new_from_slice(key.signing()).unwrap();
        mac.update(&bytes);
        bytes.extend_from_slice(&mac.finalize().into_bytes());
        let error = KeyRing::new([key]).unwrap().open(&URL_SAFE.encode(bytes)).unwrap_err();
        assert_eq!(error, EXPECTED);
    }
}
