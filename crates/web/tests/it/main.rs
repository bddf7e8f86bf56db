//! The crate as a project uses it: over real HTTP, and by its commands.

mod commands;
mod databases;
mod errors;
mod http;
mod replica;
mod serve;
mod signal;
mod slow;
