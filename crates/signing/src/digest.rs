//! Digests by which equal secrets are found without opening any (a blind index).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::key::KeyRing;

impl KeyRing {
    /// Digests of a secret, the newest key's first: HMAC-SHA256 with a key derived for this place, such as table and
    /// column (HKDF-SHA256, the parts after `nuages digest`, each after its length as 64 bits).
    ///
    /// Equal secrets in one place have equal digests, and whoever sees them sees that: which rows have the same, and how
    /// many. In two places they have nothing in common. Without a key nobody can try secrets out.
    pub fn digests(&self, place: &[&[u8]], plain: &[u8]) -> Vec<[u8; 32]> {
        let lengths: Vec<[u8; 8]> = place.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
        let mut purpose: Vec<&[u8]> = vec![b"nuages digest"];
        purpose.extend(place.iter().zip(&lengths).flat_map(|(part, length)| [length.as_slice(), part]));
        let digest = |entry: &crate::key::Entry| {
            let mut key = Zeroizing::new([0; 32]);
            entry.key.derive(&purpose, key.as_mut_slice());
            // Keys of any length are allowed.
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).ok()?;
            mac.update(plain);
            Some(mac.finalize().into_bytes().into())
        };
        self.entries().filter_map(digest).collect()
    }
}
