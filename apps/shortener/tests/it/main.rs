//! Short links over real HTTP, on both engines.

mod api;
mod clicks;
#[path = "../../../../crates/web/tests/it/http.rs"]
mod http;
mod page;
mod stage;
