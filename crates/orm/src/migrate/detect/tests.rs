//! What the detector finds, on states alone.

use super::*;
use crate::field::{Kind, Sealing};
use crate::migrate::{
    Check, DatabaseDefault, Function, Generated, Index, Lookup, OnDelete, OrderBy, Reference, Unique, call, compare,
    field, value,
};
use crate::value::Value;

fn id() -> Field {
    Field::new("id", Kind::BigAuto)
}

fn key(name: &'static str, to: &'static str) -> Field {
    Field::foreign_key(name, Reference::new(to, OnDelete::Cascade))
}

fn model(app: &'static str, name: &'static str, fields: impl IntoIterator<Item = Field>) -> ModelDef {
    fields.into_iter().fold(ModelDef::new(app, name).field(id()), ModelDef::field).primary_key("id")
}

fn models(definitions: impl IntoIterator<Item = ModelDef>) -> Models {
    definitions.into_iter().fold(Models::new(), Models::with_definition)
}

fn described(migrations: &[Migration]) -> Vec<String> {
    let mut lines = Vec::new();
    for migration in migrations {
        let parents: Vec<String> = migration.dependencies.iter().map(|(app, name)| format!("{app}.{name}")).collect();
        lines.push(format!("{} after [{}]", migration.label(), parents.join(", ")));
        lines.extend(migration.operations.iter().map(|operation| format!("+ {}", operation.describe())));
    }
    lines
}

/// Detects, and checks that after what was found nothing is left to do.
fn found(models: &Models, history: &[Migration]) -> Vec<Migration> {
    let found = detect(models, history).expect("detected");
    let all = [history, &found].concat();
    assert_eq!(described(&detect(models, &all).expect("detected again")), Vec::<String>::new());
    found
}

/// As [`found`], with answers as options: `["--rename shop.Old=New"]`.
fn found_with(models: &Models, history: &[Migration], options: &[&str]) -> Vec<Migration> {
    let mut answers = answers(options);
    let found = detect_with(models, history, &mut answers).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answers.unused(), Vec::<String>::new());
    let all = [history, &found].concat();
    assert_eq!(described(&detect(models, &all).expect("detected again")), Vec::<String>::new());
    found
}

fn answers(options: &[&str]) -> Answers {
    options.iter().fold(Answers::new(), |answers, option| {
        let (name, text) = option.split_once(' ').expect("an option and its value");
        let answers = match name {
            "--rename" => answers.rename(text),
            "--no-rename" => answers.no_rename(text),
            "--fill" => answers.fill(text),
            "--no-fill" => answers.no_fill(text),
            "--replace" => answers.replace(text),
            other => panic!("no option {other}"),
        };
        answers.expect("an answer")
    })
}

fn refused(models: &Models, history: &[Migration]) -> String {
    detect(models, history).expect_err("is refused").to_string()
}

/// What leads from one model to another with these answers, and nothing left to do afterwards.
fn steps(was: ModelDef, now: ModelDef, options: &[&str]) -> Vec<String> {
    let author = || model("shop", "Author", []);
    let history = found(&models([author(), was]), &[]);
    operations(&found_with(&models([author(), now]), &history, options))
}

fn operations(migrations: &[Migration]) -> Vec<String> {
    migrations.iter().flat_map(|it| &it.operations).map(Operation::describe).collect()
}

fn book(fields: impl IntoIterator<Item = Field>) -> ModelDef {
    model("shop", "Book", fields)
}

fn pages() -> Field {
    Field::new("pages", Kind::Integer)
}

fn title(length: u32) -> Field {
    Field::new("title", Kind::Char { max_length: Some(length) })
}

#[test]
fn models_come_with_their_keys_and_after_what_they_refer_to() {
    let pages = Field::new("pages", Kind::Integer);
    let book = model("shop", "Book", [key("author", "shop.Author"), pages])
        .index(Index::new(vec![OrderBy::asc(field("pages"))]))
        .unique_together(["author", "pages"]);
    let found = found(&models([book, model("shop", "Author", [key("mentor", "self")])]), &[]);
    assert_eq!(described(&found), ["shop.0001_initial after []", "+ Create model Author", "+ Create model Book"]);
    let Some(Operation::CreateModel(book)) = found.first().and_then(|it| it.operations.last()) else { panic!() };
    let fields: Vec<&str> = book.fields.iter().map(|field| field.name.as_ref()).collect();
    assert_eq!(fields, ["id", "pages", "author"]);
    assert_eq!(book.indexes.first().and_then(|index| index.name.as_deref()), Some("shop_book_pages_ab1470_idx"));
}

#[test]
fn a_circle_within_an_app_is_closed_by_a_field_added_later() {
    let found = found(&models([model("a", "X", [key("y", "a.Y")]), model("a", "Y", [key("x", "a.X")])]), &[]);
    assert_eq!(
        described(&found),
        ["a.0001_initial after []", "+ Create model X", "+ Create model Y", "+ Add field y to X"]
    );
}

#[test]
fn a_circle_between_apps_is_closed_by_a_second_migration() {
    let found = found(&models([model("a", "X", [key("y", "b.Y")]), model("b", "Y", [key("x", "a.X")])]), &[]);
    assert_eq!(
        described(&found),
        [
            "a.0001_initial after []",
            "+ Create model X",
            "b.0001_initial after [a.0001_initial]",
            "+ Create model Y",
            "a.0002_initial after [a.0001_initial, b.0001_initial]",
            "+ Add field y to X",
        ]
    );
}

#[test]
fn later_migrations_are_named_after_what_they_do() {
    let first = models([model("shop", "Book", []), model("shop", "Tag", [])]);
    let mut history = found(&first, &[]);
    let second = models([model("shop", "Book", [Field::new("pages", Kind::Integer).default(Value::Int(1))])]);
    history.extend(found(&second, &history));
    assert_eq!(
        described(&history[1..]),
        [
            "shop.0002_delete_tag_book_pages after [shop.0001_initial]",
            "+ Delete model Tag",
            "+ Add field pages to Book"
        ]
    );
    let third = models([model("shop", "Book", []).index(Index::new(vec![OrderBy::desc(field("id"))]).name("by_id"))]);
    history.extend(found(&third, &history));
    assert_eq!(
        described(&history[2..]),
        [
            "shop.0003_remove_book_pages_book_by_id after [shop.0002_delete_tag_book_pages]",
            "+ Remove field pages from Book",
            "+ Create index by_id on model Book",
        ]
    );
}

#[test]
fn models_that_refer_to_each_other_can_go_together() {
    let history = found(&models([model("a", "X", [key("y", "a.Y")]), model("a", "Y", [key("x", "a.X")])]), &[]);
    let gone = found(&Models::new(), &history);
    assert_eq!(
        described(&gone),
        [
            "a.0002_remove_y_x_delete_x_delete_y after [a.0001_initial]",
            "+ Remove field x from Y",
            "+ Delete model X",
            "+ Delete model Y",
        ]
    );
}

#[test]
fn every_change_of_a_field_that_migrations_know_is_an_alteration() {
    let to_author = |on_delete| Reference::new("shop.Author", on_delete);
    let written = |on_delete| Field::foreign_key("by", to_author(on_delete));
    let tags = |table: Option<&'static str>| {
        let relation = to_author(OnDelete::Cascade).related_name("tagged");
        Field::many_to_many("tags", table.into_iter().fold(relation, Reference::table))
    };
    let five = || DatabaseDefault::Value(Value::Int(5));
    let pairs = [
        ("type", pages(), Field::new("pages", Kind::BigInteger)),
        ("length", title(10), title(20)),
        ("digits", Field::new("n", Kind::Decimal { max_digits: 5, decimal_places: 2 }), Field::new("n", Kind::Float)),
        ("null", pages(), pages().null(true)),
        ("default", pages(), pages().default(Value::Int(1))),
        ("no default", pages().default(Value::Int(1)), pages()),
        ("db_default", pages(), pages().db_default(five())),
        ("no db_default", pages().db_default(five()), pages()),
        ("unique", pages(), pages().unique(true)),
        ("index", pages(), pages().index(true)),
        ("no index", written(OnDelete::Cascade), written(OnDelete::Cascade).index(false)),
        ("column", pages(), pages().column("sheets")),
        ("comment", pages(), pages().comment("all of them")),
        ("collation", title(10), title(10).collation("C")),
        ("auto_now", Field::new("at", Kind::DateTime), Field::new("at", Kind::DateTime).auto_now(true)),
        ("on_delete", written(OnDelete::Cascade), written(OnDelete::Protect)),
        (
            "related_name",
            written(OnDelete::Cascade),
            Field::foreign_key("by", to_author(OnDelete::Cascade).related_name("written")),
        ),
        (
            "constraint",
            written(OnDelete::Cascade),
            Field::foreign_key("by", to_author(OnDelete::Cascade).constraint(false)),
        ),
        ("target", written(OnDelete::Cascade), key("by", "self")),
        ("one to one", written(OnDelete::Cascade), Field::one_to_one("by", to_author(OnDelete::Cascade))),
        ("from number to key", Field::new("by", Kind::BigInteger), written(OnDelete::Cascade)),
        ("table between", tags(None), tags(Some("tagged"))),
    ];
    for (what, was, now) in pairs {
        let expected = [format!("Alter field {} on Book", now.name)];
        assert_eq!(steps(book([was]), book([now]), &[]), expected, "{what}");
    }
}

#[test]
fn what_migrations_leave_to_the_program_changes_without_one() {
    let computed = pages().default_from("count", || Value::Int(3)).verbose_name("sheets");
    let now = book([computed]).verbose_name("volume").order_by(OrderBy::desc(field("pages")));
    assert_eq!(steps(book([pages()]), now, &[]), Vec::<String>::new());
    let myself = |to: &'static str| book([key("part_of", to).null(true)]);
    assert_eq!(steps(myself("self"), myself("shop.Book"), &[]), Vec::<String>::new());
}

#[test]
fn tables_are_renamed_commented_and_handed_over() {
    let was = || book([pages()]);
    assert_eq!(steps(was(), was().table("volumes"), &[]), ["Rename table for Book to volumes"]);
    assert_eq!(steps(was().table("volumes"), was(), &[]), ["Rename table for Book to (default)"]);
    assert_eq!(steps(was(), was().comment("ours"), &[]), ["Alter Book table comment"]);
    assert_eq!(steps(was(), was().managed(false), &[]), ["Change Meta options on Book"]);
    // What others made of their table meanwhile is taken over before it becomes ours, without a question.
    let other = book([title(9)]).managed(false);
    let taken = steps(other, book([pages()]), &["--no-rename shop.Book.title"]);
    assert_eq!(taken, ["Remove field title from Book", "Add field pages to Book", "Change Meta options on Book"]);
    assert_eq!(steps(book([title(9)]).managed(false), book([pages()]).managed(false), &[]), Vec::<String>::new());
}

#[test]
fn a_primary_key_moves_before_the_old_one_goes() {
    let isbn = || Field::new("isbn", Kind::Char { max_length: Some(13) });
    let was = book([isbn()]);
    let now = ModelDef::new("shop", "Book").field(isbn()).primary_key("isbn");
    assert_eq!(
        steps(was.clone(), now.clone(), &[]),
        ["Make isbn the primary key of Book", "Remove field id from Book"]
    );
    assert_eq!(steps(now, was, &[]), ["Add field id to Book", "Make id the primary key of Book"]);
}

#[test]
fn a_field_that_looks_like_another_is_asked_about() {
    let sheets = || Field::new("sheets", Kind::Integer);
    let history = found(&models([book([pages()])]), &[]);
    let now = models([book([sheets()])]);
    let message = refused(&now, &history);
    assert!(
        message.starts_with(
            "field shop.Book.pages is gone, and `sheets` looks like it: is it renamed? say --rename \
             shop.Book.pages=sheets, or --no-rename shop.Book.pages to drop what it holds"
        ),
        "{message}"
    );
    let renamed = found_with(&now, &history, &["--rename shop.Book.pages=sheets"]);
    assert_eq!(
        described(&renamed),
        ["shop.0002_rename_pages_book_sheets after [shop.0001_initial]", "+ Rename field pages on Book to sheets",]
    );
    let different = found_with(&now, &history, &["--no-rename shop.Book.pages", "--fill shop.Book.sheets=7"]);
    assert_eq!(operations(&different), ["Remove field pages from Book", "Add field sheets to Book"]);
    let Some(Operation::AddField { fill, .. }) = different.iter().flat_map(|it| &it.operations).last() else {
        panic!("no field was added")
    };
    assert_eq!(*fill, Some(Value::Int(7)));
}

#[test]
fn a_renamed_field_takes_with_it_what_mentions_it_and_may_be_altered_too() {
    let parts = |name: &'static str, names: [&'static str; 2]| {
        let named = |kind: Kind| Field::new(name, kind);
        let model = book([named(Kind::Integer), title(9)])
            .index(Index::new(vec![OrderBy::asc(field(name))]).name("by_length"))
            .check("long", compare(field(name), Lookup::Gt, 0));
        ModelDef { unique_together: vec![names.map(Text::from).to_vec()], ..model }
    };
    let rename = ["--rename shop.Book.pages=page_count"];
    let (was, mut now) = (parts("pages", ["pages", "title"]), parts("page_count", ["page_count", "title"]));
    assert_eq!(steps(was.clone(), now.clone(), &rename), ["Rename field pages on Book to page_count"]);
    now.fields.iter_mut().filter(|it| it.name == "page_count").for_each(|it| it.kind = Kind::BigInteger);
    assert_eq!(
        steps(was.clone(), now.clone(), &rename),
        ["Rename field pages on Book to page_count", "Alter field page_count on Book"]
    );
    // The column that stays is fixed first, so that nothing happens to it.
    now = parts("page_count", ["page_count", "title"]);
    now.fields.iter_mut().filter(|it| it.name == "page_count").for_each(|it| it.column = Some("pages".into()));
    assert_eq!(steps(was, now, &rename), ["Alter field pages on Book", "Rename field pages on Book to page_count"]);
    // A wild change is only believed when said.
    let wild = |options: &[&str]| steps(book([pages()]), book([Field::new("cover", Kind::Text).null(true)]), options);
    assert_eq!(wild(&[]), ["Remove field pages from Book", "Add field cover to Book"]);
    assert_eq!(
        wild(&["--rename shop.Book.pages=cover"]),
        ["Rename field pages on Book to cover", "Alter field cover on Book"]
    );
}

#[test]
fn of_several_candidates_each_is_one_at_most() {
    let fields = |names: [&'static str; 2]| book(names.map(|name| Field::new(name, Kind::Integer).null(true)));
    let history = found(&models([fields(["a", "b"])]), &[]);
    let now = models([fields(["x", "y"])]);
    let message = refused(&now, &history);
    assert!(message.contains("`x` or `y` looks like it"), "{message}");
    assert!(message.contains("--rename shop.Book.a=x, or --rename shop.Book.a=y, or --no-rename"), "{message}");
    assert_eq!(message.lines().count(), 2, "{message}");
    let half = found_with(&now, &history, &["--rename shop.Book.a=y", "--no-rename shop.Book.b"]);
    assert_eq!(operations(&half), ["Rename field a on Book to y", "Remove field b from Book", "Add field x to Book"]);
    let mut spare = answers(&["--rename shop.Book.a=y", "--rename shop.Book.b=x", "--fill shop.Book.c=1"]);
    detect_with(&now, &history, &mut spare).expect("detected");
    assert_eq!(spare.unused(), ["--fill shop.Book.c=1"]);
}

#[test]
fn a_model_that_looks_like_another_is_asked_about() {
    let tome = || model("shop", "Tome", [title(9), pages(), key("author", "shop.Author")]);
    let was = || {
        model("shop", "Book", [title(9), pages(), key("author", "shop.Author")])
            .index(Index::new(vec![OrderBy::asc(field("pages"))]))
    };
    let review = |to: &'static str| model("talk", "Review", [key("of", to)]);
    let author = || model("shop", "Author", []);
    let history = found(&models([author(), was(), review("shop.Book")]), &[]);
    let now = models([author(), tome().index(Index::new(vec![OrderBy::asc(field("pages"))])), review("shop.Tome")]);
    let message = refused(&now, &history);
    assert!(message.contains("model shop.Book is gone, and `Tome` looks like it"), "{message}");
    let found = found_with(&now, &history, &["--rename shop.Book=Tome"]);
    assert_eq!(
        described(&found),
        [
            "shop.0002_rename_book_tome_and_more after [shop.0001_initial, talk.0001_initial]",
            "+ Rename model Book to Tome",
            "+ Rename index shop_book_pages_ab1470_idx on Tome to shop_tome_pages_5b5ce3_idx",
        ]
    );
    // Another table name is given first, so that nothing is moved there and back.
    let kept = models([author(), tome().table("shop_book"), review("shop.Tome")]);
    let found = found_with(&kept, &history, &["--rename shop.Book=Tome"]);
    assert_eq!(
        operations(&found),
        [
            "Rename table for Book to shop_book",
            "Rename model Book to Tome",
            "Remove index shop_book_pages_ab1470_idx from Tome",
        ]
    );
}

#[test]
fn models_that_refer_to_each_other_are_renamed_together() {
    let pair = |x: &'static str, y: &'static str| {
        let label = |name: &str| Text::Owned(format!("a.{name}"));
        let to = |name: &str| Reference::new(label(name), OnDelete::Cascade);
        models([
            model("a", x, [Field::foreign_key("other", to(y)), title(5)]),
            model("a", y, [Field::foreign_key("other", to(x)), pages()]),
        ])
    };
    let history = found(&pair("X", "Y"), &[]);
    let message = refused(&pair("V", "W"), &history);
    assert!(message.contains("--rename a.X=V") && message.contains("--rename a.Y=W"), "{message}");
    let found = found_with(&pair("V", "W"), &history, &["--rename a.X=V", "--rename a.Y=W"]);
    assert_eq!(operations(&found), ["Rename model X to V", "Rename model Y to W"]);
    let more = models([
        model("a", "V", [Field::foreign_key("that", Reference::new("a.W", OnDelete::Cascade)), title(5)]),
        model("a", "W", [key("other", "a.V"), pages()]),
    ]);
    let options = ["--rename a.X=V", "--rename a.Y=W", "--rename a.V.other=that"];
    let found = found_with(&more, &history, &options);
    assert_eq!(operations(&found), ["Rename model Y to W", "Rename model X to V", "Rename field other on V to that"]);
}

#[test]
fn an_index_that_has_only_another_name_is_renamed() {
    let named = |name: &'static str| book([pages()]).index(Index::new(vec![OrderBy::asc(field("pages"))]).name(name));
    assert_eq!(steps(named("one"), named("two"), &[]), ["Rename index one on Book to two"]);
    let other = book([pages()]).index(Index::new(vec![OrderBy::desc(field("pages"))]).name("two"));
    assert_eq!(steps(named("one"), other, &[]), ["Remove index one from Book", "Create index two on model Book"]);
    let once = |name: &'static str| book([pages()]).unique(Unique::new(name, ["pages"]));
    assert_eq!(
        steps(once("one"), once("two"), &[]),
        ["Remove constraint one from model Book", "Create constraint two on model Book"]
    );
}

#[test]
fn indexes_and_constraints_come_after_the_fields_that_they_are_over() {
    let was = book([title(9), pages()]).check("short", compare(field("pages"), Lookup::Lt, 9));
    let text = Field::new("pages", Kind::Text);
    let now = book([title(9), text, Field::new("cover", Kind::Text).null(true)])
        .index(Index::new(vec![OrderBy::asc(field("cover"))]).name("by_cover"))
        .unique(Unique::new("once", ["pages"]))
        .unique_together(["cover", "title"]);
    assert_eq!(
        steps(was, now, &[]),
        [
            "Remove constraint short from model Book",
            "Add field cover to Book",
            "Alter field pages on Book",
            "Alter unique_together for Book (1 constraint(s))",
            "Create index by_cover on model Book",
            "Create constraint once on model Book",
        ]
    );
}

#[test]
fn what_rows_get_is_asked_where_they_would_have_nothing() {
    let history = found(&models([book([title(9).null(true)])]), &[]);
    let new = models([book([title(9).null(true), pages()])]);
    let message = refused(&new, &history);
    assert!(message.contains("shop.Book.pages: rows that exist would have nothing in it"), "{message}");
    assert!(message.contains("--fill shop.Book.pages=VALUE"), "{message}");
    let refuse = |models: &Models, option: &str| {
        detect_with(models, &history, &mut answers(&[option])).expect_err("is refused").to_string()
    };
    let message = refuse(&new, "--fill shop.Book.pages=many");
    assert_eq!(message, "`many` does not fit shop.Book.pages: IntegerField expects a number, got text");
    assert!(refuse(&new, "--fill shop.Book.pages=3000000000").contains("out of range"));
    assert!(refuse(&new, "--no-fill shop.Book.pages").contains("all rows have nothing in it"));

    let required = models([book([title(9)])]);
    let message = refused(&required, &history);
    assert!(message.contains("shop.Book.title: rows may have nothing in it so far"), "{message}");
    assert!(refuse(&required, "--fill shop.Book.title=far too long for it").contains("are too long"));
    for (option, expected) in
        [("--fill shop.Book.title=?", Some(Value::Text("?".to_owned()))), ("--no-fill shop.Book.title", None)]
    {
        let found = found_with(&required, &history, &[option]);
        let Some(Operation::AlterField { fill, .. }) = found.first().and_then(|it| it.operations.first()) else {
            panic!("no field was altered")
        };
        assert_eq!(*fill, expected);
    }
    // A key gets what it refers to.
    let author = || ModelDef::new("shop", "Author").field(Field::new("code", Kind::Uuid)).primary_key("code");
    let history = detect(&models([author(), book([])]), &[]).expect("detected");
    let now = models([author(), book([key("author", "shop.Author")])]);
    let code = "6e8bc430-9c3a-11d9-9669-0800200c9a66";
    let found = found_with(&now, &history, &[&format!("--fill shop.Book.author={code}")]);
    let Some(Operation::AddField { fill: Some(Value::Uuid(given)), .. }) =
        found.first().and_then(|it| it.operations.first())
    else {
        panic!("no field was added")
    };
    assert_eq!(given.to_string(), code);
}

#[test]
fn what_cannot_be_altered_is_made_anew_only_when_told() {
    let many = || Field::many_to_many("by", Reference::new("shop.Author", OnDelete::Cascade).related_name("b"));
    let one =
        || Field::foreign_key("by", Reference::new("shop.Author", OnDelete::Cascade).related_name("b")).null(true);
    let author = || model("shop", "Author", []);
    let history = found(&models([author(), book([one()])]), &[]);
    let message = refused(&models([author(), book([many()])]), &history);
    assert!(message.contains("shop.Book.by: a column cannot become many-to-many"), "{message}");
    assert!(message.contains("--replace shop.Book.by"), "{message}");
    let anew = ["Remove field by from Book", "Add field by to Book"];
    assert_eq!(steps(book([one()]), book([many()]), &["--replace shop.Book.by"]), anew);
    assert_eq!(steps(book([many()]), book([one()]), &["--replace shop.Book.by"]), anew);
    // What is over the column goes and comes with it.
    let indexed = |field_: Field| book([field_]).index(Index::new(vec![OrderBy::asc(field("n"))]).name("by_n"));
    let doubled = |factor: i64| {
        let node = crate::migrate::arithmetic(field("id"), crate::migrate::Operator::Mul, value(factor));
        indexed(Field::new("n", Kind::Integer).generated(Generated::stored(node)))
    };
    let renewed = [
        "Remove index by_n from Book",
        "Remove field n from Book",
        "Add field n to Book",
        "Create index by_n on model Book",
    ];
    assert_eq!(steps(doubled(2), doubled(3), &[]), renewed);
    assert_eq!(steps(indexed(Field::new("n", Kind::Integer)), doubled(3), &["--replace shop.Book.n"]), renewed);
    // To and from a model between.
    let pair = || model("shop", "Pair", [key("book", "shop.Book"), key("author", "shop.Author")]);
    let through = || {
        let relation = Reference::new("shop.Author", OnDelete::Cascade).related_name("b").through("shop.Pair");
        Field::many_to_many("by", relation)
    };
    let history = found(&models([author(), book([many()])]), &[]);
    let now = models([author(), book([through()]), pair()]);
    assert!(refused(&now, &history).contains("its pairs cannot move"));
    let there = found_with(&now, &history, &["--replace shop.Book.by"]);
    assert_eq!(operations(&there), ["Remove field by from Book", "Create model Pair", "Add field by to Book"]);
    let history = [history, there].concat();
    let back = found_with(&models([author(), book([many()])]), &history, &["--replace shop.Book.by"]);
    assert_eq!(operations(&back).last().map(String::as_str), Some("Delete model Pair"));
}

#[test]
fn a_key_that_leads_elsewhere_leaves_the_old_model_first() {
    let history = found(&models([model("a", "X", []), model("b", "Z", [key("to", "a.X")])]), &[]);
    let now = models([model("a", "Q", [title(3), pages()]), model("b", "Z", [key("to", "a.Q")])]);
    let found = found_with(&now, &history, &[]);
    assert_eq!(
        described(&found),
        [
            "a.0002_q after [a.0001_initial]",
            "+ Create model Q",
            "b.0002_alter_z_to after [a.0002_q, b.0001_initial]",
            "+ Alter field to on Z",
            "a.0003_delete_x after [a.0002_q, b.0002_alter_z_to]",
            "+ Delete model X",
        ]
    );
}

#[test]
fn proxies_come_go_and_turn_into_tables() {
    let proxy = || ModelDef::new("shop", "Lent").proxy_for("shop.Book");
    let was = models([book([pages()])]);
    let history = found(&was, &[]);
    let now = models([book([pages()]), proxy()]);
    let made = found(&now, &history);
    assert_eq!(operations(&made), ["Create proxy model Lent"]);
    let history = [history, made].concat();
    assert_eq!(operations(&found(&was, &history)), ["Delete model Lent"]);
    let own = models([book([pages()]), model("shop", "Lent", [title(4)])]);
    let turned = found(&own, &history);
    assert_eq!(operations(&turned), ["Delete model Lent", "Create model Lent"]);
    let history = [history, turned].concat();
    let message = refused(&now, &history);
    assert!(message.contains("shop.Lent: its table would be dropped with its rows"), "{message}");
    assert_eq!(
        operations(&found_with(&now, &history, &["--replace shop.Lent"])),
        ["Delete model Lent", "Create proxy model Lent"]
    );
}

#[test]
fn answers_that_make_no_sense_are_refused() {
    let refuse = |answer: Result<Answers>| answer.expect_err("is refused").to_string();
    assert!(refuse(Answers::new().rename("shop.Book.pages")).contains("app.Model.old=new"));
    assert!(refuse(Answers::new().rename("shop.Book=lib.Tome")).contains("app.Old=New"));
    assert!(refuse(Answers::new().rename("pages=sheets")).contains("app.Model.field"));
    assert!(refuse(Answers::new().fill("shop.Book=7")).contains("name a field"));
    assert!(refuse(Answers::new().replace("")).contains("must be `app.Model`"));
}

#[test]
fn an_expression_over_a_new_field_is_no_secret_to_the_plan() {
    let lower = || call(Function::Lower, [field("title")]);
    let was = book([title(9)]);
    let now = book([title(9), Field::new("low", Kind::Text).generated(Generated::stored(lower()))])
        .index(Index::new(vec![OrderBy::asc(call(Function::Upper, [field("low")]))]).name("by_low"));
    assert_eq!(steps(was, now, &[]), ["Add field low to Book", "Create index by_low on model Book"]);
    let check = |text: &'static str| {
        let model = book([title(9)]);
        let Check { name, condition, .. } = Check::new("c", compare(field("title"), Lookup::Exact, text));
        model.check(name, condition)
    };
    assert_eq!(
        steps(check("a"), check("b"), &[]),
        ["Remove constraint c from model Book", "Create constraint c on model Book"]
    );
}

fn secret(name: &'static str) -> Field {
    Field::new(name, Kind::Encrypted { sealing: Sealing::Bound, holds: &Kind::Text }).null(true)
}

fn of_book(field: Field, column: &str) -> Field {
    field.sealed_for(format!("shop_book.{column}"))
}

#[test]
fn a_blind_index_comes_and_goes_with_its_field() {
    let index = || Field::blind_index("secret_bidx", "secret");
    let sealed = || of_book(secret("secret"), "secret");
    assert_eq!(
        steps(book([]), book([sealed(), index()]), &[]),
        ["Add field secret to Book", "Add field secret_bidx to Book"]
    );
    assert_eq!(
        steps(book([sealed(), index()]), book([]), &[]),
        ["Remove field secret_bidx from Book", "Remove field secret from Book"]
    );
    assert_eq!(
        steps(book([secret("secret")]), book([sealed(), index()]), &[]),
        ["Add field secret_bidx to Book", "Alter field secret on Book"]
    );
    // Renamed with it; the place that it was sealed for stays.
    let renamed = || of_book(secret("hidden"), "secret");
    assert_eq!(
        steps(
            book([sealed(), index()]),
            book([renamed(), Field::blind_index("hidden_bidx", "hidden")]),
            &["--rename shop.Book.secret=hidden"]
        ),
        ["Rename field secret on Book to hidden", "Rename field secret_bidx on Book to hidden_bidx"]
    );
    let made = found(&models([book([sealed(), index()])]), &[]);
    let source = made[0].source().expect("written");
    let expected = "Field::new(\"secret\", Kind::Encrypted { sealing: Sealing::Bound, holds: &Kind::Text })";
    assert!(source.contains(expected), "{source}");
    assert!(source.contains(".sealed_for(\"shop_book.secret\")"), "{source}");
    assert!(source.contains("Field::blind_index(\"secret_bidx\", \"secret\")"), "{source}");
}

#[test]
fn what_was_sealed_for_one_place_is_not_lost_by_a_new_name() {
    let was = || book([of_book(secret("secret"), "secret")]);
    let history = found(&models([was()]), &[]);
    let problem = |now: ModelDef, options: &[&str]| {
        detect_with(&models([now]), &history, &mut answers(options)).expect_err("is refused").to_string()
    };
    let text = |field: &str, place: &str| {
        format!(
            "{field}: what is in it was sealed for `shop_book.secret`, and would not be found or opened as `{place}`; add \
             `sealed_for = \"shop_book.secret\"` to the field"
        )
    };
    let field = book([of_book(secret("hidden"), "hidden")]);
    assert_eq!(problem(field, &["--rename shop.Book.secret=hidden"]), text("shop.Book.hidden", "shop_book.hidden"));
    let volume = model("shop", "Volume", [secret("secret").sealed_for("shop_volume.secret")]);
    assert_eq!(problem(volume, &["--rename shop.Book=Volume"]), text("shop.Volume.secret", "shop_volume.secret"));
    let moved = book([secret("secret").sealed_for("elsewhere.secret")]).table("elsewhere");
    assert_eq!(problem(moved, &[]), text("shop.Book.secret", "elsewhere.secret"));
    let kept = model("shop", "Volume", [of_book(secret("secret"), "secret")]);
    found_with(&models([kept]), &history, &["--rename shop.Book=Volume"]);
}

#[test]
fn text_does_not_become_ciphertext_by_itself_nor_the_other_way() {
    let plain = || Field::new("secret", Kind::Text).null(true);
    let history = found(&models([book([plain()])]), &[]);
    let now = models([book([secret("secret")])]);
    assert_eq!(
        refused(&now, &history),
        "shop.Book.secret: what is in the column is not encrypted, and would not be opened; say --replace \
         shop.Book.secret to drop it and make it anew, or give the new field another name, and move what it holds by a \
         migration between"
    );
    assert_eq!(
        operations(&found_with(&now, &history, &["--replace shop.Book.secret"])),
        ["Remove field secret from Book", "Add field secret to Book"]
    );
    let history = found(&now, &[]);
    assert!(refused(&models([book([plain()])]), &history).contains("is ciphertext"));
}

#[test]
fn no_value_to_be_encrypted_stands_in_a_migration() {
    let history = found(&models([book([])]), &[]);
    let required = || secret("secret").null(false);
    let default = || required().default(Value::Text("hush".into()));
    let text = "shop.Book.secret: rows that exist would have nothing in it, and no value to be encrypted stands in a \
                migration; make it an Option, give rows a value by `run_rust`, then make it required";
    assert_eq!(refused(&models([book([required()])]), &history), text);
    assert_eq!(refused(&models([book([default()])]), &history), text);
    let source = found(&models([book([default()])]), &[])[0].source().expect("written");
    assert!(!source.contains("hush"), "{source}");
    let optional = found(&models([book([secret("secret")])]), &[]);
    assert!(refused(&models([book([default()])]), &optional).contains("then say --no-fill shop.Book.secret"));
    let done = found_with(&models([book([default()])]), &optional, &["--no-fill shop.Book.secret"]);
    assert_eq!(operations(&done), ["Alter field secret on Book"]);
    let mut filled = answers(&["--fill shop.Book.secret=hush"]);
    let error = detect_with(&models([book([default()])]), &optional, &mut filled).expect_err("is refused").to_string();
    let says = error.contains("no value to be encrypted stands in a migration");
    assert!(says && !error.contains("hush"), "{error}");
}
