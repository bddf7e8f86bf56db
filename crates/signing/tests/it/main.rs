//! What secrets at rest promise.

mod seal;
