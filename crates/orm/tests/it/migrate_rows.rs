//! What becomes of rows: each change of models that a person would fear for them, there and back.

use std::collections::BTreeMap;

use nuages_orm::migrate::*;
use nuages_orm::{Db, Models};

use crate::support::{Place, contents, on_each_engine};

fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Char { max_length: Some(20) })
}

fn to(label: &'static str) -> Reference {
    Reference::new(label, OnDelete::Cascade)
}

fn key(name: &'static str, label: &'static str) -> Field {
    Field::foreign_key(name, to(label))
}

fn id() -> Field {
    Field::new("id", Kind::BigAuto)
}

fn all(definitions: impl IntoIterator<Item = ModelDef>) -> Models {
    definitions.into_iter().fold(Models::new(), Models::with_definition)
}

async fn run(db: &Db, statements: &[&str]) {
    for sql in statements {
        db.raw(*sql, ()).execute().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// The rows of all tables, as `table: {column: value}`, columns in the order of their names.
async fn rows(db: &Db, place: &Place) -> Vec<String> {
    let lines = contents(db, place).await.into_iter().filter(|line| line.contains(": {"));
    let plain = |line: String| {
        let (table, row) = line.split_once(": ").unwrap();
        let row: BTreeMap<String, serde_json::Value> = serde_json::from_str(row).unwrap();
        let row: Vec<String> = row.iter().map(|(column, value)| format!("{column}:{value}")).collect();
        format!("{table}: {{{}}}", row.join(",")).replace('"', "")
    };
    let mut lines: Vec<String> = lines.map(plain).collect();
    lines.sort();
    lines
}

async fn migrate(db: &Db, history: &[Migration], target: Target) {
    let migrator = Migrator::new(db, history.to_vec()).unwrap();
    migrator.migrate(&target, |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
}

fn back_to_first() -> Target {
    Target::Migration("shop".into(), "0001_initial".into())
}

/// What is missing between a history and the models, with these answers to what is asked.
fn further(history: &[Migration], models: &Models, mut answers: Answers) -> Vec<Migration> {
    let more = detect_with(models, history, &mut answers).unwrap_or_else(|error| panic!("{error}"));
    assert!(answers.unused().is_empty(), "{:?}", answers.unused());
    complete([history, &more].concat(), models)
}

/// Makes sure that a history leads to the models.
fn complete(history: Vec<Migration>, models: &Models) -> Vec<Migration> {
    assert_eq!(detect(models, &history).unwrap(), []);
    history
}

/// Migrates there, looks, back, and there again: the rows are the same each time.
async fn there_and_back(db: &Db, place: &Place, history: &[Migration], expected: &[&str]) {
    let before = rows(db, place).await;
    migrate(db, history, Target::All).await;
    assert_eq!(rows(db, place).await, expected);
    migrate(db, history, back_to_first()).await;
    assert_eq!(rows(db, place).await, before, "back");
    migrate(db, history, Target::All).await;
    assert_eq!(rows(db, place).await, expected, "again");
}

/// That a statement is refused since a key leads to nothing, or is there twice.
async fn refused(db: &Db, sql: &str) {
    let error = db.raw(sql, ()).execute().await.expect_err(sql);
    assert!(error.is_constraint_violation(), "{sql}: {error}");
}

/// Books with keys to and from them, and two relations with tables between.
fn library() -> Vec<ModelDef> {
    let model = |name: &'static str| ModelDef::new("shop", name);
    vec![
        model("Author").field(id()).field(text("name")).primary_key("id"),
        model("Tag").field(Field::new("slug", Kind::Slug { max_length: 50 })).primary_key("slug"),
        model("Book")
            .field(id())
            .field(text("title"))
            .field(Field::new("pages", Kind::Integer).null(true))
            .field(key("author", "shop.Author"))
            .field(Field::many_to_many("tags", to("shop.Tag")))
            .field(Field::many_to_many("related", to("shop.Book")))
            .primary_key("id")
            .unique_together(["title", "author"])
            .index(Index::new(vec![OrderBy::desc(field("pages"))]).name("by_pages")),
        model("Review")
            .field(id())
            .field(key("book", "shop.Book"))
            .field(key("parent", "shop.Review").null(true))
            .primary_key("id"),
    ]
}

const LIBRARY: [&str; 6] = [
    "INSERT INTO shop_author (id, name) VALUES (1, 'Ann'), (2, 'Bob')",
    "INSERT INTO shop_tag (slug) VALUES ('red'), ('blue')",
    "INSERT INTO shop_book (id, title, pages, author_id) VALUES (3, 'T', 10, 2), (5, 'U', NULL, 1)",
    "INSERT INTO shop_book_tags (id, book_id, tag_id) VALUES (7, 5, 'red')",
    "INSERT INTO shop_book_related (id, from_book_id, to_book_id) VALUES (8, 3, 5)",
    "INSERT INTO shop_review (id, book_id, parent_id) VALUES (1, 3, NULL), (2, 3, 1)",
];

/// The library's first migration, applied, and rows in its tables.
async fn opened(place: &Place) -> (Db, Vec<Migration>) {
    let db = place.db().await;
    let first = detect(&all(library()), &[]).unwrap();
    migrate(&db, &first, Target::All).await;
    run(&db, &LIBRARY).await;
    (db, first)
}

fn said(answers: &[&str]) -> Answers {
    answers.iter().fold(Answers::new(), |said, answer| said.rename(answer).unwrap())
}

/// A person whose key is to be another one, and all that can hold it: keys, also to themselves, a child's key that is its
/// own, keys to that child, tables between, and one that says which field it refers to.
fn people(new: &'static str) -> Vec<ModelDef> {
    let model = |name: &'static str| ModelDef::new("shop", name);
    let (old_key, code) = (Field::new("id", Kind::BigInteger), text("code"));
    vec![
        model("Person")
            .field(if new == "id" { old_key } else { old_key.unique(true) })
            .field(if new == "code" { code } else { code.unique(true) })
            .field(Field::new("number", Kind::Integer).unique(new != "number"))
            .field(Field::foreign_key("boss", to("shop.Person").related_name("staff")).null(true))
            .field(Field::many_to_many("friends", to("shop.Person")))
            .primary_key(new),
        model("Profile")
            .field(Field::one_to_one("person", to("shop.Person")))
            .field(text("motto"))
            .primary_key("person"),
        model("Visit").field(id()).field(key("profile", "shop.Profile")).primary_key("id"),
        model("Club").field(id()).field(Field::many_to_many("members", to("shop.Person"))).primary_key("id"),
        model("Letter")
            .field(id())
            .field(Field::foreign_key("from", to("shop.Person").to_field("code")))
            .primary_key("id"),
    ]
}

const PEOPLE: [&str; 8] = [
    // One's number is another one's key.
    "INSERT INTO shop_person (id, code, number, boss_id) VALUES (1, 'a', 2, NULL), (2, 'b', 1, 1), (3, 'c', 4, 1)",
    "INSERT INTO shop_profile (person_id, motto) VALUES (1, 'on'), (2, 'off')",
    "INSERT INTO shop_visit (id, profile_id) VALUES (9, 2), (8, 1)",
    "INSERT INTO shop_club (id) VALUES (6)",
    "INSERT INTO shop_club_members (id, club_id, person_id) VALUES (4, 6, 2), (5, 6, 1)",
    "INSERT INTO shop_person_friends (id, from_person_id, to_person_id) VALUES (1, 1, 2), (2, 2, 1), (3, 2, 3)",
    "INSERT INTO shop_letter (id, from_id) VALUES (1, 'b')",
    "UPDATE shop_letter SET from_id = 'c'",
];

on_each_engine! {
    async fn renames_keep_rows_and_what_refers_to_them(place: Place) {
        let (db, first) = opened(&place).await;
        let model = |name: &'static str| ModelDef::new("shop", name);
        let renamed = all([
            model("Author").table("writers").field(id()).field(text("called")).primary_key("id"),
            model("Label").field(Field::new("slug", Kind::Slug { max_length: 50 })).primary_key("slug"),
            model("Tome")
                .field(id())
                .field(text("title"))
                .field(Field::new("sheets", Kind::Integer).null(true))
                .field(key("writer", "shop.Author"))
                .field(Field::many_to_many("labels", to("shop.Label")))
                .field(Field::many_to_many("related", to("shop.Tome")))
                .primary_key("id")
                .unique_together(["title", "writer"])
                .index(Index::new(vec![OrderBy::desc(field("sheets"))]).name("by_pages")),
            model("Review")
                .field(id())
                .field(key("tome", "shop.Tome"))
                .field(key("parent", "shop.Review").null(true))
                .primary_key("id"),
        ]);
        let answers = said(&[
            "shop.Book=Tome", "shop.Tag=Label", "shop.Author.name=called", "shop.Tome.pages=sheets",
            "shop.Tome.author=writer", "shop.Tome.tags=labels", "shop.Review.book=tome",
        ]);
        let history = further(&first, &renamed, answers);
        there_and_back(&db, &place, &history, &[
            "shop_label: {slug:blue}",
            "shop_label: {slug:red}",
            "shop_review: {id:1,parent_id:null,tome_id:3}",
            "shop_review: {id:2,parent_id:1,tome_id:3}",
            "shop_tome: {id:3,sheets:10,title:T,writer_id:2}",
            "shop_tome: {id:5,sheets:null,title:U,writer_id:1}",
            "shop_tome_labels: {id:7,label_id:red,tome_id:5}",
            "shop_tome_related: {from_tome_id:3,id:8,to_tome_id:5}",
            "writers: {called:Ann,id:1}",
            "writers: {called:Bob,id:2}",
        ]).await;
        refused(&db, "INSERT INTO shop_tome (id, title, writer_id) VALUES (9, 'X', 44)").await;
        refused(&db, "INSERT INTO shop_tome (id, title, writer_id) VALUES (9, 'T', 2)").await;
        refused(&db, "INSERT INTO shop_tome_labels (id, tome_id, label_id) VALUES (9, 5, 'red')").await;
        refused(&db, "DELETE FROM writers").await;
        run(&db, &["INSERT INTO shop_tome (id, title, writer_id) VALUES (9, 'X', 1)"]).await;
        db.close().await;
    }

    async fn what_is_replaced_loses_itself_alone(place: Place) {
        let (db, first) = opened(&place).await;
        // A column becomes many-to-many, a many-to-many relation a column.
        let mut models = library();
        for field in &mut models[2].fields {
            match field.name.as_ref() {
                "author" => *field = Field::many_to_many("author", to("shop.Author")),
                "tags" => *field = key("tags", "shop.Tag").null(true),
                _ => {}
            }
        }
        models[2].unique_together.clear();
        let models = all(models);
        let error = detect(&models, &first).unwrap_err().to_string();
        for name in ["author", "tags"] {
            assert!(error.contains(&format!("say --replace shop.Book.{name}")), "{error}");
        }
        let answers = Answers::new().replace("shop.Book.author").unwrap().replace("shop.Book.tags").unwrap();
        let history = further(&first, &models, answers);
        migrate(&db, &history, Target::All).await;
        let kept = rows(&db, &place).await;
        let books: Vec<&String> = kept.iter().filter(|line| line.starts_with("shop_book: ")).collect();
        assert_eq!(books, ["shop_book: {id:3,pages:10,tags_id:null,title:T}", "shop_book: {id:5,pages:null,tags_id:null,title:U}"]);
        assert_eq!(kept.len(), 9, "{kept:?}");
        assert!(!kept.iter().any(|line| line.starts_with("shop_book_author") || line.starts_with("shop_book_tags")));
        run(&db, &["UPDATE shop_book SET tags_id = 'red'", "INSERT INTO shop_book_author (book_id, author_id) VALUES (3, 1)"])
            .await;
        refused(&db, "UPDATE shop_book SET tags_id = 'green'").await;
        db.close().await;
    }

    async fn another_primary_key_is_put_wherever_the_old_one_was(place: Place) {
        for (new, quoted) in [("code", ["a", "b", "c"]), ("number", ["2", "1", "4"])] {
            let db = place.db().await;
            let first = detect(&all(people("id")), &[]).unwrap();
            migrate(&db, &first, Target::All).await;
            run(&db, &PEOPLE).await;
            let history = further(&first, &all(people(new)), Answers::new());
            let [a, b, c] = quoted;
            let mut expected = vec![
                "shop_club: {id:6}".to_owned(),
                format!("shop_club_members: {{club_id:6,id:4,person_id:{b}}}"),
                format!("shop_club_members: {{club_id:6,id:5,person_id:{a}}}"),
                "shop_letter: {from_id:c,id:1}".to_owned(),
                "shop_person: {boss_id:null,code:a,id:1,number:2}".to_owned(),
                format!("shop_person: {{boss_id:{a},code:b,id:2,number:1}}"),
                format!("shop_person: {{boss_id:{a},code:c,id:3,number:4}}"),
                format!("shop_person_friends: {{from_person_id:{a},id:1,to_person_id:{b}}}"),
                format!("shop_person_friends: {{from_person_id:{b},id:2,to_person_id:{a}}}"),
                format!("shop_person_friends: {{from_person_id:{b},id:3,to_person_id:{c}}}"),
                format!("shop_profile: {{motto:on,person_id:{a}}}"),
                format!("shop_profile: {{motto:off,person_id:{b}}}"),
                format!("shop_visit: {{id:9,profile_id:{b}}}"),
                format!("shop_visit: {{id:8,profile_id:{a}}}"),
            ];
            expected.sort();
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            there_and_back(&db, &place, &history, &expected).await;
            for sql in [
                "UPDATE shop_person SET boss_id = '77'",
                "INSERT INTO shop_club_members (id, club_id, person_id) VALUES (9, 6, '77')",
                "INSERT INTO shop_visit (id, profile_id) VALUES (10, '77')",
                "INSERT INTO shop_profile (person_id, motto) VALUES ('77', '')",
                "DELETE FROM shop_person",
            ] {
                refused(&db, sql).await;
            }
            // The tables are those that the models would make.
            let by_steps = contents(&db, &place).await;
            migrate(&db, &history, Target::Zero("shop".into())).await;
            let at_once = detect(&all(people(new)), &[]).unwrap();
            migrate(&db, &at_once, Target::All).await;
            let direct = contents(&db, &place).await;
            let tables = |lines: &[String]| -> Vec<String> {
                // The names of keys and of the primary key are those that Django gives when it alters.
                lines.iter().filter(|line| line.starts_with("CREATE TABLE")).cloned().collect()
            };
            assert_eq!(tables(&by_steps), tables(&direct));
            migrate(&db, &at_once, Target::Zero("shop".into())).await;
            db.close().await;
        }
    }

    async fn the_type_of_a_key_changes_with_all_that_refer_to_it(place: Place) {
        let (db, first) = opened(&place).await;
        let wider = |before: &Field| match before.name.as_ref() {
            "slug" => Field::new("slug", Kind::Char { max_length: Some(80) }),
            _ => Field::new("id", Kind::BigInteger),
        };
        let mut models = library();
        for model in models.iter_mut().filter(|model| model.name != "Review") {
            model.fields[0] = wider(&model.fields[0]);
        }
        let history = further(&first, &all(models), Answers::new());
        let expected = rows(&db, &place).await;
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        there_and_back(&db, &place, &history, &expected).await;
        // To another sort of value altogether.
        let mut models = library();
        models[0].fields[0] = text("id");
        let texts = further(&first, &all(models), Answers::new());
        migrate(&db, &history, back_to_first()).await;
        migrate(&db, &texts, Target::All).await;
        let books: Vec<String> = rows(&db, &place).await.into_iter().filter(|line| line.contains("author")).collect();
        assert_eq!(books, [
            "shop_author: {id:1,name:Ann}",
            "shop_author: {id:2,name:Bob}",
            "shop_book: {author_id:1,id:5,pages:null,title:U}",
            "shop_book: {author_id:2,id:3,pages:10,title:T}",
        ]);
        refused(&db, "UPDATE shop_book SET author_id = 'nobody'").await;
        db.close().await;
    }

    async fn a_relation_gets_a_model_between_and_loses_it(place: Place) {
        let (db, first) = opened(&place).await;
        let between = || {
            ModelDef::new("shop", "Tagging")
                .table("shop_book_tags")
                .field(id())
                .field(Field::foreign_key("book", to("shop.Book").related_name("+")))
                .field(Field::foreign_key("tag", to("shop.Tag").related_name("+")))
                .primary_key("id")
                .unique_together(["book", "tag"])
        };
        let through = || Field::many_to_many("tags", to("shop.Tag").through("shop.Tagging"));
        let since = || Field::new("since", Kind::Integer).default(Value::Int(7));
        // Asked without a migration that says better, the relation is lost.
        let mut models = library();
        models[2].fields[4] = through();
        models.push(between().field(since()));
        let models = all(models);
        let error = detect(&models, &first).unwrap_err().to_string();
        assert!(error.contains("say --replace shop.Book.tags"), "{error}");
        // With it, the table is the same.
        let second = Migration::new("shop", "0002_tagging")
            .after("shop", "0001_initial")
            .separate(|tables| tables, |models| models.create_model(between()).alter_field("Book", through()))
            .add_field("Tagging", since());
        let history = complete([first.clone(), vec![second]].concat(), &models);
        let before = rows(&db, &place).await;
        let with = |since: &str| -> Vec<String> {
            let line = |line: &String| line.replace("id:7,tag_id", &format!("id:7,{since}tag_id"));
            before.iter().map(line).collect()
        };
        let expected = with("since:7,");
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        there_and_back(&db, &place, &history, &expected).await;

        // And from a model between to a table of the relation's own.
        let third = Migration::new("shop", "0003_automatic")
            .after("shop", "0002_tagging")
            .remove_field("Tagging", "since")
            .separate(|tables| tables, |models| {
                models.alter_field("Book", Field::many_to_many("tags", to("shop.Tag"))).delete_model("Tagging")
            });
        let history = complete([history, vec![third]].concat(), &all(library()));
        migrate(&db, &history, Target::All).await;
        assert_eq!(rows(&db, &place).await, before);
        refused(&db, "INSERT INTO shop_book_tags (id, book_id, tag_id) VALUES (9, 5, 'red')").await;
        migrate(&db, &history, back_to_first()).await;
        assert_eq!(rows(&db, &place).await, before);

        // Replaced: the books stay, what they were related to is gone.
        let replaced = further(&first, &models, Answers::new().replace("shop.Book.tags").unwrap());
        let error = {
            // The new model must not have the table that is still there.
            let migrator = Migrator::new(&db, replaced.clone()).unwrap();
            migrator.migrate(&Target::All, |_| {}).await.err()
        };
        assert!(error.is_none(), "{error:?}");
        let left = rows(&db, &place).await;
        assert_eq!(left.len(), before.len() - 1, "{left:?}");
        db.close().await;
    }

    async fn a_squash_that_is_applied_in_part_goes_on(place: Place) {
        let (db, first) = opened(&place).await;
        let second = Migration::new("shop", "0002_sheets")
            .after("shop", "0001_initial")
            .rename_field("Book", "pages", "sheets")
            .add_field("Book", Field::new("price", Kind::Integer).default(Value::Int(3)));
        let third = Migration::new("shop", "0003_cost").after("shop", "0002_sheets").rename_field("Book", "price", "cost");
        let plain = [first.clone(), vec![second.clone(), third.clone()]].concat();
        let squashed = Squash::new("shop", "0003_cost").run(&plain).unwrap().migration;
        let last = Migration::new("shop", "0004_last").after("shop", "0003_cost").remove_field("Review", "parent");
        migrate(&db, &[first.clone(), vec![second]].concat(), Target::All).await;
        let history = [plain, vec![squashed.clone(), last.clone()]].concat();
        migrate(&db, &history, Target::All).await;
        let by_parts = rows(&db, &place).await;
        assert!(by_parts.contains(&"shop_book: {author_id:2,cost:3,id:3,sheets:10,title:T}".to_owned()), "{by_parts:?}");
        let names: Vec<(String,)> =
            db.raw("SELECT name FROM django_migrations ORDER BY name", ()).fetch().await.unwrap();
        let names: Vec<&str> = names.iter().map(|(name,)| name.as_str()).collect();
        let mut expected = vec!["0001_initial", squashed.name.as_ref(), "0002_sheets", "0003_cost", "0004_last"];
        expected.sort_unstable();
        assert_eq!(names, expected);
        // Back by the squashed one, and there by it alone: the same tables.
        let tables = async |db: &Db| -> Vec<String> {
            contents(db, &place).await.into_iter().filter(|line| !line.contains(": {")).collect()
        };
        let parts = tables(&db).await;
        migrate(&db, &history, Target::Zero("shop".into())).await;
        assert_eq!(rows(&db, &place).await, [""; 0]);
        migrate(&db, &history, Target::All).await;
        assert_eq!(tables(&db).await, parts);
        db.close().await;
    }

    async fn a_model_moves_to_another_app_with_its_rows(place: Place) {
        let (db, first) = opened(&place).await;
        let tag = || {
            ModelDef::new("labels", "Tag").field(Field::new("slug", Kind::Slug { max_length: 50 })).primary_key("slug")
        };
        let moved = Migration::new("labels", "0001_initial")
            .after("shop", "0001_initial")
            .separate(|tables| tables, |models| models.create_model(tag().table("shop_tag")));
        let left = Migration::new("shop", "0002_without_tag").after("labels", "0001_initial").after("shop", "0001_initial")
            .separate(|tables| tables, |models| {
                models.alter_field("Book", Field::many_to_many("tags", to("labels.Tag"))).delete_model("Tag")
            });
        let named = Migration::new("labels", "0002_table")
            .after("labels", "0001_initial")
            .after("shop", "0002_without_tag")
            .alter_table("Tag", None);
        let mut models = library();
        models[1] = tag();
        models[2].fields[4] = Field::many_to_many("tags", to("labels.Tag"));
        let history = complete([first, vec![moved, left, named]].concat(), &all(models));
        let before = rows(&db, &place).await;
        migrate(&db, &history, Target::All).await;
        let mut expected: Vec<String> = before.iter().map(|line| line.replace("shop_tag: ", "labels_tag: ")).collect();
        expected.sort();
        assert_eq!(rows(&db, &place).await, expected);
        refused(&db, "INSERT INTO shop_book_tags (id, book_id, tag_id) VALUES (9, 3, 'green')").await;
        refused(&db, "DELETE FROM labels_tag").await;
        migrate(&db, &history, Target::Zero("labels".into())).await;
        assert_eq!(rows(&db, &place).await, before);
        migrate(&db, &history, Target::All).await;
        assert_eq!(rows(&db, &place).await, expected);
        db.close().await;
    }

    async fn the_way_back_keeps_what_the_way_there_kept(place: Place) {
        let (db, first) = opened(&place).await;
        let second = Migration::new("shop", "0002_changes")
            .after("shop", "0001_initial")
            .alter_field("Book", text("pages").null(true))
            .alter_field("Book", Field::new("title", Kind::Text))
            .alter_field_filled("Book", text("pages"), Value::Text("0".into()))
            .add_field("Book", Field::new("isbn", Kind::Integer).null(true).unique(true))
            .remove_field("Review", "parent")
            .alter_unique_together("Book", [])
            .remove_index("Book", "by_pages")
            .add_constraint("Author", Unique::new("one_name", ["name"]));
        let history = [first, vec![second]].concat();
        migrate(&db, &history, Target::All).await;
        run(&db, &["UPDATE shop_book SET isbn = id", "UPDATE shop_book SET title = title || title"]).await;
        migrate(&db, &history, back_to_first()).await;
        let lines = rows(&db, &place).await;
        for line in [
            "shop_book: {author_id:1,id:5,pages:0,title:UU}",
            "shop_book: {author_id:2,id:3,pages:10,title:TT}",
            "shop_book_tags: {book_id:5,id:7,tag_id:red}",
            "shop_review: {book_id:3,id:2,parent_id:null}",
        ] {
            assert!(lines.contains(&line.to_owned()), "{line}: {lines:?}");
        }
        refused(&db, "INSERT INTO shop_book (id, title, author_id) VALUES (9, 'TT', 2)").await;
        run(&db, &["INSERT INTO shop_author (id, name) VALUES (9, 'Ann')"]).await;
        // Rows that came meanwhile may not fit the way back: they are named, and nothing is undone.
        migrate(&db, &history[..1], Target::All).await;
        db.close().await;
    }
}
