//! Short links with exact click counts, as an app for any project.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use nuages::prelude::*;
//!
//! fn main() -> ExitCode {
//!     Project::new("site").app(nuages_shortener::app()).main()
//! }
//! ```
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /api/links` with `{"url": …, "code": …}` | 201 with `code`, `short_url`, `url` and `clicks`; the code is made if none is chosen |
//! | `GET /api/links/{code}` | the same, with the clicks up to this moment |
//! | `GET /{code}` | 302 to the address, letter for letter as it was given; a page with 404 if there is no such link |
//! | `HEAD /{code}` | the same, and not a click |
//! | `GET /` | a page with a form, and the latest links |
//!
//! What is refused, is with a problem document (RFC 9457) that names the field: 422 for an address that is not of the
//! web, has more than 2,048 characters, holds a password or leads back to the shortener, and for a code that nobody may
//! choose; 409 for a code that is taken.
//!
//! Made codes have seven characters and are a permutation of the links' numbers under a key of the database's own: two
//! links never share one, and none can be told from another. Clicks are counted in memory and written ten times a
//! second, in one statement, and when the site stops; if the process is killed, those of the last 100 ms are lost.

mod clicks;
mod code;
mod make;
pub mod migrations;
mod models;
mod page;
mod target;
mod views;

pub use models::{CodeKey, Link};
use nuages::prelude::*;
use nuages::web::axum::Router;
use nuages::web::axum::routing::{get, post};

/// The app. Its page stands at `/`, its links at `/{code}`; routes of other apps go before those.
pub fn app() -> App {
    App::new("shortener")
        .model::<Link>()
        .model::<CodeKey>()
        .migrations_in(concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations"))
        .migrations(migrations::all())
        .service::<clicks::Clicks>()
        .service::<make::Maker>()
        .routes(
            Router::new()
                .route("/", get(views::index).post(views::submit))
                .route("/{code}", get(views::follow))
                .route("/api/links", post(views::create))
                .route("/api/links/{code}", get(views::show)),
        )
        .demo(demo)
}

/// A few links to begin with.
async fn demo(site: Site) -> nuages::web::Result<()> {
    const LINKS: [(&str, &str); 3] = [
        ("rust", "https://www.rust-lang.org/"),
        ("django", "https://docs.djangoproject.com/en/5.2/"),
        ("clouds", "https://en.wikipedia.org/wiki/Cloud#Classification"),
    ];
    let db = site.db();
    if Link::objects().exists(db).await? {
        return Ok(());
    }
    let maker = make::Maker::default();
    for (code, url) in LINKS {
        maker.make(db, make::NewLink { url, code: Some(code) }).await?;
    }
    Ok(())
}
