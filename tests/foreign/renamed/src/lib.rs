//! Models of a crate that calls `nuages` by another name, and refers to the models of a third crate.
#![deny(warnings, missing_docs)]

use clouds::prelude::*;
use plain::User;

/// A note about a user of another crate.
#[derive(Model, Debug, Clone)]
#[model(app = "renamed", ordering = [user.username])]
pub struct Note {
    /// The key.
    pub id: i64,
    /// Whom it is about.
    #[field(on_delete = Cascade, related_name = "notes")]
    pub user: ForeignKey<User>,
    /// What it says.
    pub text: String,
    /// Who saw it.
    #[field(related_name = "seen_notes")]
    pub seen_by: ManyToMany<User>,
}

/// How urgent something is.
#[derive(Choices, Debug, Clone, Copy)]
pub enum Urgency {
    /// Not very.
    #[choice("l", "Low")]
    Low,
}

/// Forward, back and over many, between crates.
pub fn about(user: &User) -> QuerySet<Note> {
    let _ = User::objects().filter(|u| u.notes().text().contains("x") | u.seen_notes().id().is_null());
    user.notes().filter(|n| n.user().host().username().is_null() & n.seen_by().username().eq("ada"))
}
