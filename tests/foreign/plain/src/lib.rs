//! Models of a crate that depends on `nuages` and on nothing else, where no warning passes.
#![deny(warnings, missing_docs, unreachable_pub, trivial_casts, unused_qualifications)]

use nuages::prelude::*;

/// Somebody who writes.
#[derive(Model, Debug, Clone)]
#[model(app = "plain", ordering = [username])]
pub struct User {
    /// The key.
    pub id: i64,
    /// The name to log in with.
    #[field(max_length = 150, unique)]
    pub username: String,
    /// How far the user trusts us.
    #[field(default = Trust::None)]
    pub trust: Trust,
    /// Those who came with this one.
    #[field(on_delete = SetNull, related_name = "guests")]
    pub host: Option<ForeignKey<Self>>,
}

/// How far somebody trusts us.
#[derive(Choices, Debug, Clone, Copy, PartialEq)]
pub enum Trust {
    /// Not at all.
    #[choice(0, "Not at all")]
    None,
    /// Blindly.
    #[choice(1, "Blindly")]
    Blind,
}

/// A query from a crate of its own.
pub fn guests_of(name: &str) -> QuerySet<User> {
    User::objects().filter(|u| u.host().username().eq(name) & lower(u.username()).ne("root"))
}

/// A new row from a crate of its own.
pub fn newcomer(host: &User) -> nuages::orm::Builder<User> {
    User::builder().username("new").host(host).build()
}

mod quiet {
    use nuages::prelude::*;

    /// A model that nobody reads, of which the derive's code must not complain.
    #[derive(Model)]
    #[model(app = "plain")]
    struct Hidden {
        id: i64,
        r#type: String,
        #[field(on_delete = Cascade, related_name = "match")]
        user: ForeignKey<super::User>,
    }
}

mod bare {
    use ::nuages::prelude::{Choices, Json, ManyToMany, Model, OneToOne};

    /// Names that the derive's code must not mean when it says the like.
    #[expect(dead_code, reason = "they stand in the way")]
    mod in_the_way {
        pub(super) struct Some;
        pub(super) struct None;
        pub(super) struct Ok;
        pub(super) struct Vec;
        pub(super) struct Result;
        pub(super) struct Value;
        pub(super) struct Row;
        pub(super) struct Kind;
        pub(super) struct Field;
        pub(super) struct Builder;
        pub(super) struct PhantomData;
        pub(super) trait From {}
        pub(super) trait Into {}
        pub(super) trait AsRef {}
        pub(super) trait Default {}
        pub(super) trait FieldType {}
        pub(super) mod core {}
        pub(super) mod std {}
        pub(super) mod nuages {}
    }
    #[expect(unused_imports, reason = "nothing may mean them")]
    use in_the_way::*;

    /// A model where every name means something else.
    #[derive(Model)]
    #[model(
        app = "plain",
        ordering = [-user.username],
        unique_together = [(user, note)],
        check(name = "plain_note", condition = |m| m.note().ne("")),
        index(name = "plain_upper", expressions = |m| (::nuages::orm::expr::upper(m.note()), m.id().desc())),
    )]
    pub struct Bare {
        /// The key.
        pub id: i64,
        /// The user.
        #[field(on_delete = Cascade)]
        pub user: OneToOne<super::User>,
        /// A text.
        #[field(default)]
        pub note: String,
        /// A document.
        pub meta: Option<Json>,
        /// A letter.
        pub letter: Option<Letter>,
        /// Others.
        pub others: ManyToMany<Bare>,
        /// Readers.
        #[field(related_name = "read")]
        pub readers: ManyToMany<super::User>,
    }

    /// A letter.
    #[derive(Choices)]
    pub enum Letter {
        /// The first.
        #[choice("a", "A")]
        A,
    }
}

pub use bare::{Bare, Letter, UserHasBare, UserHasRead};
