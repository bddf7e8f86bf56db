//! Django's batteries, in Rust.
