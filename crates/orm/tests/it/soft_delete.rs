//! Rows that are marked as deleted: what hides them, what marks them, and what brings them back.

use nuages_orm::model::{DeletionMark, Field};
use nuages_orm::{Dialect, Kind, Model, ModelDef, Models, Schema, Timestamp, Value};

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct Desk {
    pub id: i64,
    #[field(max_length = 30)]
    pub name: String,
    #[field(soft_delete)]
    pub is_closed: bool,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct Note {
    pub id: i64,
    #[field(max_length = 30)]
    pub text: String,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

#[test]
fn the_mark_is_known_at_run_time_and_at_compile_time() {
    assert_eq!(Desk::definition().deletion_mark(), Some(DeletionMark::Flag("is_closed".into())));
    assert_eq!(Desk::DELETION_MARK, Desk::definition().deletion_mark());
    assert_eq!(Note::definition().deletion_mark(), Some(DeletionMark::Moment("deleted_at".into())));
    assert_eq!(Note::DELETION_MARK, Note::definition().deletion_mark());
    let alive = Field::new("is_closed", Kind::Boolean).soft_delete(true).default(Value::Bool(false));
    assert_eq!(Desk::definition().fields[2], alive);
}

#[test]
fn marks_that_cannot_work_are_named_all_at_once() {
    let text = ModelDef::new("press", "Text")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("gone", Kind::Text).soft_delete(true))
        .primary_key("id");
    let twice = ModelDef::new("press", "Twice")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("gone", Kind::Boolean).soft_delete(true))
        .field(Field::new("when", Kind::DateTime).null(true).soft_delete(true))
        .primary_key("id");
    let proxy = ModelDef::new("press", "Proxy")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("name", Kind::Char { max_length: Some(30) }))
        .primary_key("id")
        .proxy_for("press.Desk");
    let models = Models::new().with::<Desk>().with_definition(text).with_definition(twice).with_definition(proxy);
    let error = Schema::new(&models, Dialect::Sqlite).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(
        lines,
        [
            "press.Text.gone: marks deleted rows, which takes a boolean that is never null, or a date and time that may be \
             null",
            "press.Twice: both `gone` and `when` mark deleted rows; keep one of the two",
            "press.Proxy: is a second model on the rows of press.Desk, and must mark deleted ones alike; give both the \
             field `is_closed`, or neither",
        ]
    );
}
