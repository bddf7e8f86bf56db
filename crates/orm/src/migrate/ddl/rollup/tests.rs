//! The triggers as text. That they do what they should is shown on databases, in `tests/it/rollup`.

use super::*;
use crate::migrate::ddl::changes;
use crate::migrate::operation::Migration;
use crate::migrate::state::State;
use crate::migrate::{Field, Kind, ModelDef, OnDelete, Reference, Rollup, keyword};

fn history() -> Migration {
    let post = ModelDef::new("blog", "Post")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("title", Kind::Text))
        .field(Field::new("comment_count", Kind::Integer).rollup(Rollup::count("comments")))
        .field(
            Field::new("score", Kind::Decimal { max_digits: 9, decimal_places: 2 })
                .rollup(Rollup::sum("comments", "score").only(keyword("is_public", true))),
        )
        .field(Field::new("latest", Kind::DateTime).null(true).rollup(Rollup::latest("comments", "at")))
        .primary_key("id");
    let comment = ModelDef::new("blog", "Comment")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::foreign_key("post", Reference::new("blog.Post", OnDelete::Cascade).related_name("comments")))
        .field(Field::new("is_public", Kind::Boolean))
        .field(Field::new("score", Kind::Decimal { max_digits: 5, decimal_places: 2 }))
        .field(Field::new("at", Kind::DateTime))
        .primary_key("id");
    Migration::new("blog", "0001_initial").create_model(post).create_model(comment)
}

fn statements(dialect: Dialect) -> String {
    let (changes, _) = changes(&history(), &State::new(), dialect).expect("statements");
    let ours = changes.into_iter().filter(|change| change.sql.contains(PREFIX));
    ours.map(|change| format!("{};\n", change.sql)).collect()
}

#[test]
fn triggers_are_written_as_expected() {
    for (dialect, expected) in [
        (Dialect::Sqlite, include_str!("expected_sqlite.sql")),
        (Dialect::Postgres, include_str!("expected_postgres.sql")),
    ] {
        let found = statements(dialect);
        assert!(found == expected, "{dialect:?}:\n{found}");
    }
}

#[test]
fn names_are_within_the_limit_of_the_engine() {
    let long = "a_model_whose_name_goes_on_and_on_so_that_nobody_can_remember_it";
    for what in ["ins", "del", "upd", "tru", "mov"] {
        let table = names::shorten(&format!("app_{long}"), Dialect::Postgres);
        let name = names::index(&format!("{PREFIX}1_{table}"), &[long], &format!("_{what}"), Dialect::Postgres);
        assert!(name.len() <= 63 && name.ends_with(what) && is_keeper(&name), "{name}");
    }
}
