//! What can go wrong with keys and with what they seal. Never a key, never what was sealed.

use crate::key::KeyId;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a key or a sealed text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is no key.
    #[error("is no key: expected 32 bytes in URL-safe Base64, which are 44 characters")]
    KeyFormat,
    /// One of several texts is no key.
    #[error("key {place} is no key: expected 32 bytes in URL-safe Base64, which are 44 characters")]
    KeyFormatAt {
        /// Which, from 1.
        place: usize,
    },
    /// A ring without keys.
    #[error("has no keys: give one at least")]
    NoKeys,
    /// Two keys of a ring have the same id.
    #[error("has the key {id} twice: each is there once, the newest first")]
    KeyTwice {
        /// The id that both have.
        id: KeyId,
    },
    /// The text is nothing that was sealed in this way.
    #[error("is not {expected}")]
    Malformed {
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// The text names the key that sealed it, and the ring has not got that one.
    #[error("was sealed with the key {id}, which is not among the keys {}", list(.known))]
    UnknownKey {
        /// The id in the text.
        id: KeyId,
        /// The ring's.
        known: Vec<KeyId>,
    },
    /// None of the ring's keys opens it: a Fernet token does not say which key sealed it.
    #[error("is opened by none of the keys {}: it was sealed with another one, or altered", list(.known))]
    NoKeyOpens {
        /// The ring's.
        known: Vec<KeyId>,
    },
    /// The key is the one that is named, but the text was altered, or sealed for another place.
    #[error("was sealed with the key {id}, but for another place, or it was altered")]
    Misplaced {
        /// The id in the text.
        id: KeyId,
    },
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers, without which nothing can be sealed")]
    Random,
}

fn list(ids: &[KeyId]) -> String {
    ids.iter().map(KeyId::to_string).collect::<Vec<_>>().join(", ")
}
