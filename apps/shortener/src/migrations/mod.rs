//! The app's migrations. Rewritten by `makemigrations`.

mod m0001_initial;

use nuages::migrate::Migration;

/// All of them, oldest first.
pub fn all() -> Vec<Migration> {
    vec![m0001_initial::migration()]
}
