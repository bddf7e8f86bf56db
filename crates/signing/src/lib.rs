//! Secrets at rest, for whoever stores them: rings of keys, [Fernet] tokens as Python's `cryptography` reads and writes
//! them, ciphertext that is of use in one place alone, and digests by which equal secrets are found.
//!
//! No HTTP, no SQL, no state: a ring is a value. The primitives are those of RustCrypto.
//!
//! ```
//! use nuages_signing::{EncryptionKey, KeyRing};
//!
//! let old = EncryptionKey::generate()?;
//! let ring = KeyRing::new([old.clone()])?;
//! let token = ring.seal(b"1234 5678")?;
//! assert!(token.starts_with("gAAAA"));
//!
//! // The newest key seals; all of the ring open.
//! let ring = KeyRing::new([EncryptionKey::generate()?, old])?;
//! let opened = ring.open(&token)?;
//! assert_eq!(opened.plain.expose(), b"1234 5678");
//! assert_ne!(opened.key, ring.newest());
//!
//! // What is sealed for a place opens nowhere else.
//! let text = ring.seal_for(&[b"notes_note", b"secret", b"7"], b"hush")?;
//! assert!(ring.open_for(&[b"notes_note", b"secret", b"8"], &text).is_err());
//! # Ok::<(), nuages_signing::Error>(())
//! ```
//!
//! # Map
//!
//! | where | what |
//! | --- | --- |
//! | [`EncryptionKey`], [`KeyId`], [`KeyRing`] | keys, what they are called, and several of them, the newest first |
//! | [`KeyRing::seal`], [`KeyRing::open`] | Fernet: [`MultiFernet`]'s order of keys |
//! | [`KeyRing::seal_for`], [`KeyRing::open_for`] | AES-256-GCM-SIV, bound to a place |
//! | [`KeyRing::digests`] | equal secrets, equal digests |
//! | [`Plain`] | what was sealed: zeroed when dropped, never shown |
//!
//! [Fernet]: https://github.com/fernet/spec/blob/master/Spec.md
//! [`MultiFernet`]: https://cryptography.io/en/latest/fernet/#cryptography.fernet.MultiFernet

mod bound;
mod digest;
mod error;
mod fernet;
mod key;
mod plain;

pub use error::{Error, Result};
pub use fernet::Opened;
pub use key::{EncryptionKey, KeyId, KeyRing};
pub use plain::Plain;
