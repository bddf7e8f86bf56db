//! Keys, and rings of them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Bytes of a key: 16 that sign and 16 that encrypt a Fernet token; all of them for what is derived.
const KEY_BYTES: usize = 32;

/// A key as `Fernet.generate_key()` of Python's `cryptography` makes it: 32 random bytes, in text URL-safe Base64.
///
/// Overwritten with zeros when dropped; [`Debug`](fmt::Debug) shows its [`id`](Self::id) alone.
#[derive(Clone)]
pub struct EncryptionKey(Zeroizing<[u8; KEY_BYTES]>);

impl EncryptionKey {
    /// A fresh one from the operating system's random numbers.
    ///
    /// # Errors
    /// [`Error::Random`] if it gives none.
    pub fn generate() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random(bytes.as_mut_slice())?;
        Ok(EncryptionKey(bytes))
    }

    /// The key as text, for whoever keeps it: the same that [`FromStr`] reads.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE.encode(self.0.as_slice()))
    }

    /// What to call it in messages and in what it seals.
    pub fn id(&self) -> KeyId {
        let mut id = [0; KeyId::BYTES];
        self.derive(&[b"nuages key id"], &mut id);
        KeyId(id)
    }

    fn is_guessable(&self) -> bool {
        let mut bytes = Zeroizing::new(*self.0);
        bytes.sort_unstable();
        let different = 1 + bytes.windows(2).filter(|pair| matches!(pair, [one, other] if one != other)).count();
        different < KEY_BYTES / 2 || bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
    }

    /// The first half of a Fernet key, which signs.
    pub(crate) fn signing(&self) -> &[u8] {
        self.0.split_at(KEY_BYTES / 2).0
    }

    /// The second half of a Fernet key, which encrypts.
    pub(crate) fn encrypting(&self) -> &[u8] {
        self.0.split_at(KEY_BYTES / 2).1
    }

    /// Bytes for one purpose, from which nothing follows about the key or about those for another purpose (HKDF-SHA256,
    /// RFC 5869).
    pub(crate) fn derive(&self, purpose: &[&[u8]], bytes: &mut [u8]) {
        // It fails for more than 255 hashes' worth of bytes alone.
        let _ = Hkdf::<Sha256>::new(None, self.0.as_slice()).expand_multi_info(purpose, bytes);
    }
}

impl FromStr for EncryptionKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // A decoder that finds less room than the text asks for says so.
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        match URL_SAFE.decode_slice(text.trim(), bytes.as_mut_slice()) {
            Ok(KEY_BYTES) => Ok(EncryptionKey(bytes)),
            _ => Err(Error::KeyFormat),
        }
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.id())
    }
}

/// What a key is called where it is not told: eight hexadecimal digits derived from it, by which nobody finds it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; KeyId::BYTES]);

impl KeyId {
    const BYTES: usize = 4;
    pub(crate) const DIGITS: usize = Self::BYTES * 2;

    pub(crate) fn from_digits(text: &str) -> Option<Self> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != Self::DIGITS || !text.bytes().all(hexadecimal) {
            return None;
        }
        u32::from_str_radix(text, 16).ok().map(|number| KeyId(number.to_be_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Keys, the newest first: the first seals, all of them open (the order of Python's `MultiFernet`).
///
/// Cloning is cheap, and clones share the keys, which are overwritten with zeros when the last is dropped.
/// [`Debug`](fmt::Debug) shows their ids alone.
#[derive(Clone)]
pub struct KeyRing(Arc<Keys>);

struct Keys {
    newest: Entry,
    older: Vec<Entry>,
}

/// A key, and what is derived from it once.
pub(crate) struct Entry {
    pub(crate) id: KeyId,
    pub(crate) key: EncryptionKey,
    /// The key of what is bound to a place.
    pub(crate) bound: Zeroizing<[u8; 32]>,
}

impl KeyRing {
    /// A ring of these keys, the newest first.
    ///
    /// # Errors
    /// [`Error::NoKeys`] if there are none, [`Error::KeyTwice`] for one that is there twice.
    pub fn new(keys: impl IntoIterator<Item = EncryptionKey>) -> Result<Self> {
        let mut entries = keys.into_iter().map(Entry::new);
        let newest = entries.next().ok_or(Error::NoKeys)?;
        let mut older: Vec<Entry> = Vec::new();
        for entry in entries {
            if entry.id == newest.id || older.iter().any(|known| known.id == entry.id) {
                return Err(Error::KeyTwice { id: entry.id });
            }
            older.push(entry);
        }
        Ok(KeyRing(Arc::new(Keys { newest, older })))
    }

    /// Reads keys divided by commas, the newest first, as they stand in a setting.
    ///
    /// # Errors
    /// [`Error::KeyFormatAt`] with the number of the text that is no key, and as [`new`](Self::new).
    pub fn parse(text: &str) -> Result<Self> {
        let keys = text.split(',').enumerate();
        let keys: Vec<EncryptionKey> = keys
            .map(|(index, text)| text.parse().map_err(|_| Error::KeyFormatAt { place: index + 1 }))
            .collect::<Result<_>>()?;
        KeyRing::new(keys)
    }

    /// The id of the key that seals.
    pub fn newest(&self) -> KeyId {
        self.0.newest.id
    }

    /// The ids of all keys, the newest first.
    pub fn ids(&self) -> Vec<KeyId> {
        self.entries().map(|entry| entry.id).collect()
    }

    /// The ids of keys that look made by hand, for development: of printable characters alone, or of few different bytes.
    /// One in 10¹⁴ of those that [`EncryptionKey::generate`] makes looks so.
    pub fn guessable(&self) -> Vec<KeyId> {
        self.entries().filter(|entry| entry.key.is_guessable()).map(|entry| entry.id).collect()
    }

    pub(crate) fn sealing(&self) -> &Entry {
        &self.0.newest
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.0.newest).chain(&self.0.older)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.ids()).finish()
    }
}

impl Entry {
    fn new(key: EncryptionKey) -> Self {
        let mut bound = Zeroizing::new([0; 32]);
        key.derive(&[b"nuages bound"], bound.as_mut_slice());
        Entry { id: key.id(), key, bound }
    }
}

pub(crate) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|_| Error::Random)
}
