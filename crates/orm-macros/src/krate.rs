//! Where the user's crate finds ours.

use proc_macro_crate::{FoundCrate, crate_name};
use syn::{Ident, Path, parse_quote};

/// The path of the ORM: under `nuages` where the user depends on that, whatever it is called there, or else
/// `nuages_orm`.
pub(crate) fn path() -> Path {
    if let Some(name) = extern_name("nuages") {
        return parse_quote!(::#name::orm);
    }
    let name = extern_name("nuages-orm").unwrap_or_else(|| Ident::new("nuages_orm", call_site()));
    parse_quote!(::#name)
}

fn extern_name(package: &str) -> Option<Ident> {
    match crate_name(package).ok()? {
        // Both crates know themselves by their own name (`extern crate self`), their tests and examples by it too.
        FoundCrate::Itself => Some(Ident::new(&package.replace('-', "_"), call_site())),
        FoundCrate::Name(name) => Some(Ident::new(&name, call_site())),
    }
}

fn call_site() -> proc_macro2::Span {
    proc_macro2::Span::call_site()
}
