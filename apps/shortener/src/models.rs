//! The tables.

use nuages::prelude::*;

/// A short link.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shortener", ordering = [-id])]
pub struct Link {
    /// The number that a made code is made from.
    pub id: i64,
    /// What stands behind the site's address. Null only inside the transaction that makes a link whose code is not
    /// chosen.
    #[field(max_length = 64, unique)]
    pub code: Option<String>,
    /// Where it leads, letter for letter.
    #[field(max_length = 2048)]
    pub url: String,
    /// How often it was followed, but for the clicks of the last tenth of a second, which are still in memory.
    #[field(default = 0)]
    pub clicks: i64,
    /// When it was made.
    #[field(auto_now_add)]
    pub created_at: Timestamp,
}

/// The key that codes are made with: one row, made with the first link.
///
/// It lives with the links and not in `SECRET_KEY`, which may change: under another key, a new link could be given the
/// code of an old one.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shortener")]
pub struct CodeKey {
    /// Always 1.
    pub id: i64,
    /// 122 random bits.
    pub key: Uuid,
}
