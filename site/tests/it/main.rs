//! The program as people run it.

#[path = "../../../crates/web/tests/it/http.rs"]
mod http;
mod process;
