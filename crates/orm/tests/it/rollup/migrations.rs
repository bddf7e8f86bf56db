//! Figures through migrations: kept at each step of a history, forwards and back, whatever has another name.

use nuages_orm::migrate::*;
use nuages_orm::recount::Recount;
use nuages_orm::{Db, Models};

use crate::support::{Place, on_each_engine};

type Step = (Migration, fn(&mut Names));

/// The names of tables and columns at some point.
#[derive(Debug, Clone)]
struct Names {
    parent: &'static str,
    child: &'static str,
    by: &'static str,
    is_public: &'static str,
    points: &'static str,
    at: Option<&'static str>,
}

impl Names {
    fn new() -> Names {
        Names {
            parent: "blog_post",
            child: "talk_comment",
            by: "post_id",
            is_public: "is_public",
            points: "points",
            at: Some("at"),
        }
    }
}

fn key() -> Field {
    Field::foreign_key("post", Reference::new("blog.Post", OnDelete::Cascade).related_name("comments"))
}

fn count() -> Field {
    Field::new("comment_count", Kind::Integer).rollup(Rollup::count("comments"))
}

fn total(condition: Node) -> Field {
    Field::new("total", Kind::BigInteger).rollup(Rollup::sum("comments", "points").only(condition))
}

fn latest() -> Field {
    Field::new("latest", Kind::DateTime).null(true).rollup(Rollup::latest("comments", "at"))
}

fn public() -> Node {
    keyword("is_public", true)
}

/// A blog, and an app that talks about its posts, before there are figures.
fn first() -> Vec<Migration> {
    let post = ModelDef::new("blog", "Post")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("title", Kind::Char { max_length: Some(20) }))
        .primary_key("id");
    let comment = ModelDef::new("talk", "Comment")
        .field(Field::new("id", Kind::BigAuto))
        .field(key())
        .field(Field::new("is_public", Kind::Boolean))
        .field(Field::new("points", Kind::Integer))
        .field(Field::new("at", Kind::DateTime).null(true))
        .primary_key("id");
    vec![
        Migration::new("blog", "0001_initial").create_model(post),
        Migration::new("talk", "0001_initial").after("blog", "0001_initial").create_model(comment),
    ]
}

/// What comes after, a step each.
fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut last = [("blog", "0001_initial".to_owned()), ("talk", "0001_initial".to_owned())];
    let mut add = |app: &'static str, what: fn(Migration) -> Migration, then: fn(&mut Names)| {
        let name = format!("{:04}_step", steps.len() + 2);
        let mut migration = Migration::new(app, name.clone());
        for (app, name) in &last {
            migration = migration.after(*app, name.clone());
        }
        last.iter_mut().filter(|(label, _)| *label == app).for_each(|(_, last)| last.clone_from(&name));
        steps.push((what(migration), then));
    };
    let same: fn(&mut Names) = |_| {};
    add(
        "blog",
        |it| it.add_field("Post", count()).add_field("Post", total(public())).add_field("Post", latest()),
        same,
    );
    add("talk", |it| it.rename_field("Comment", "points", "score"), |names| names.points = "score");
    add(
        "talk",
        |it| it.alter_field("Comment", Field::new("is_public", Kind::Boolean).column("shown")),
        |names| {
            names.is_public = "shown";
        },
    );
    add("talk", |it| it.alter_field("Comment", Field::new("score", Kind::BigInteger)), same);
    add("talk", |it| it.alter_field("Comment", key().column("post_ref")), |names| names.by = "post_ref");
    add("talk", |it| it.rename_model("Comment", "Remark"), |names| names.child = "talk_remark");
    add("talk", |it| it.alter_table("Remark", Some("said")), |names| names.child = "said");
    add(
        "talk",
        |it| {
            it.add_field(
                "Remark",
                Field::new("text", Kind::Text).db_default(DatabaseDefault::Value(Value::Text("x".into()))),
            )
        },
        same,
    );
    add("talk", |it| it.alter_field("Remark", Field::new("text", Kind::Text).null(true)), same);
    add("blog", |it| it.alter_field("Post", Field::new("title", Kind::Text).null(true)), same);
    add("blog", |it| it.rename_model("Post", "Article"), |names| names.parent = "blog_article");
    add("blog", |it| it.rename_field("Article", "comment_count", "remarks"), same);
    add(
        "blog",
        |it| {
            let wide = Field::new("remarks", Kind::PositiveBigInteger).column("n").rollup(Rollup::count("comments"));
            it.alter_field("Article", wide)
        },
        same,
    );
    add(
        "blog",
        |it| {
            let condition = any([keyword("is_public", false), keyword("score__gt", 5)]);
            let field = Rollup::sum("comments", "score").only(condition);
            it.alter_field("Article", Field::new("total", Kind::BigInteger).rollup(field))
        },
        same,
    );
    add("talk", |it| it.alter_field("Remark", key_to_article().null(true).column("post_ref")), same);
    add("blog", |it| it.alter_table("Article", Some("articles")), |names| names.parent = "articles");
    add("talk", |it| it.remove_field("Remark", "at"), |names| names.at = None);
    add("blog", |it| it.remove_field("Article", "latest"), same);
    add("blog", |it| it.alter_field("Article", Field::new("remarks", Kind::BigInteger).column("n")), same);
    add(
        "blog",
        |it| {
            it.alter_field(
                "Article",
                Field::new("remarks", Kind::BigInteger).column("n").rollup(Rollup::count("comments")),
            )
        },
        same,
    );
    steps
}

fn key_to_article() -> Field {
    Field::foreign_key("post", Reference::new("blog.Article", OnDelete::Cascade).related_name("comments"))
}

fn state(migrations: &[Migration]) -> State {
    let mut state = State::new();
    for migration in migrations {
        for operation in &migration.operations {
            state.apply(&migration.app, operation).unwrap();
        }
    }
    state
}

/// The database with the models that the migrations lead to.
async fn at(place: &Place, migrations: &[Migration]) -> Db {
    let state = state(migrations);
    let has_at = state.models().iter().any(|model| model.fields.iter().any(|field| field.name == "at"));
    let mut models = Models::new();
    for model in state.models() {
        let mut model = model.clone();
        for field in model.fields.iter_mut().filter(|field| field.name == "latest" && !has_at) {
            // What it was over is gone: so is what kept it.
            field.rollup = None;
        }
        models = models.with_definition(model);
    }
    Db::connect(&place.url, models).await.unwrap()
}

async fn run(db: &Db, sql: String) {
    if let Err(error) = db.raw(sql.clone(), ()).execute().await {
        panic!("{sql}: {error}: {:?}", std::error::Error::source(&error));
    }
}

/// Writes, changes and deletes rows.
async fn write(db: &Db, place: &Place, names: &Names) {
    let Names { child, by, is_public, points, at, .. } = names;
    let (yes, no) = place.choose(("1", "0"), ("true", "false"));
    let (at, moment) = match at {
        Some(at) => (format!(", {at}"), ", '2026-01-02 03:04:05'"),
        None => (String::new(), ""),
    };
    run(
        db,
        format!(
            "INSERT INTO {child} ({by}, {is_public}, {points}{at}) VALUES (1, {yes}, 7{moment}), (2, {no}, 3{moment})"
        ),
    )
    .await;
    run(db, format!("UPDATE {child} SET {points} = {points} + 1, {by} = 3 - {by} WHERE id % 3 = 0")).await;
    run(db, format!("UPDATE {child} SET {is_public} = NOT {is_public} WHERE id % 2 = 0")).await;
    run(db, format!("DELETE FROM {child} WHERE id % 5 = 0")).await;
}

async fn assert_sound(db: &Db, step: &str) {
    for figure in Recount::all().check(db).await.unwrap() {
        assert!(figure.is_sound() && figure.rows == 2, "after {step}: {figure}");
    }
}

/// The triggers and functions that are ours.
async fn keepers(db: &Db, place: &Place) -> Vec<String> {
    let sql = place.choose(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
        "SELECT proname::text FROM pg_proc WHERE pronamespace = current_schema::regnamespace ORDER BY 1",
    );
    let found: Vec<(String,)> = db.raw(sql, ()).fetch().await.unwrap();
    found.into_iter().map(|(name,)| name).collect()
}

async fn migrate(place: &Place, migrations: &[Migration], target: &Target) {
    let db = place.db().await;
    let migrator = Migrator::new(&db, migrations.to_vec()).unwrap();
    if let Err(error) = migrator.migrate(target, |_| {}).await {
        panic!("{error}: {:?}", std::error::Error::source(&error));
    }
    db.close().await;
}

on_each_engine! {
    async fn figures_are_right_at_each_step_forwards_and_back(place: Place) {
        let mut history = first();
        migrate(&place, &history, &Target::All).await;
        let db = at(&place, &history).await;
        run(&db, "INSERT INTO blog_post (id, title) VALUES (1, 'one'), (2, 'two')".into()).await;
        let mut all_names = vec![Names::new()];
        write(&db, &place, &all_names[0]).await;
        assert_eq!(keepers(&db, &place).await, [""; 0]);
        let all = steps();
        for (migration, rename) in &all {
            history.push(migration.clone());
            migrate(&place, &history, &Target::All).await;
            let db = at(&place, &history).await;
            let step = format!("{}: {}", migration.name, migration.operations[0].describe());
            assert_sound(&db, &step).await;
            let mut names = all_names.last().unwrap().clone();
            rename(&mut names);
            write(&db, &place, &names).await;
            assert_sound(&db, &format!("rows written after {step}")).await;
            all_names.push(names);
            db.close().await;
        }
        // A second database that is migrated in one go has the same triggers.
        let other = place.another().await;
        migrate(&other, &history, &Target::All).await;
        assert_eq!(keepers(&other.db().await, &other).await, keepers(&db, &place).await);
        other.drop().await;

        let whole = history.clone();
        for ((migration, _), names) in all.iter().rev().zip(all_names.iter().rev().skip(1)) {
            history.pop();
            let before = history.iter().rev().find(|it| it.app == migration.app).unwrap();
            let target = Target::Migration(migration.app.to_string(), before.name.to_string());
            migrate(&place, &whole, &target).await;
            let db = at(&place, &history).await;
            let step = format!("undoing {}: {}", migration.name, migration.operations[0].describe());
            assert_sound(&db, &step).await;
            write(&db, &place, names).await;
            assert_sound(&db, &format!("rows written after {step}")).await;
            db.close().await;
        }
        assert_eq!(keepers(&db, &place).await, [""; 0]);
        db.close().await;
    }

    async fn a_model_that_goes_takes_its_triggers_along(place: Place) {
        let mut history = first();
        history.push(Migration::new("blog", "0002").after("blog", "0001_initial").add_field("Post", count()));
        let gone = Migration::new("talk", "0002").after("talk", "0001_initial").after("blog", "0002");
        history.push(gone.delete_model("Comment"));
        migrate(&place, &history, &Target::All).await;
        let db = at(&place, &history[..1]).await;
        assert_eq!(keepers(&db, &place).await, [""; 0]);
        run(&db, "INSERT INTO blog_post (id, title, comment_count) VALUES (1, 'one', 5)".into()).await;
        run(&db, "INSERT INTO blog_post (id, title, comment_count) VALUES (2, 'two', 0)".into()).await;
        migrate(&place, &history, &Target::Migration("talk".into(), "0001".into())).await;
        let db = at(&place, &history[..3]).await;
        assert_sound(&db, "the model is back").await;
        write(&db, &place, &Names::new()).await;
        assert_sound(&db, "rows").await;
    }

    async fn the_order_of_apps_does_not_matter(place: Place) {
        // The figure is in the model from the start, before there is anything to count.
        let mut history = first();
        history[0] = Migration::new("blog", "0001_initial").create_model(match &history[0].operations[0] {
            Operation::CreateModel(model) => model.clone().field(count()).field(total(public())),
            other => panic!("{other:?}"),
        });
        migrate(&place, &history[..1], &Target::All).await;
        let db = at(&place, &history).await;
        assert_eq!(keepers(&db, &place).await, [""; 0]);
        run(&db, "INSERT INTO blog_post (id, title, comment_count, total) VALUES (1, 'one', 0, 0), (2, 'two', 0, 0)".into()).await;
        migrate(&place, &history, &Target::All).await;
        write(&db, &place, &Names::new()).await;
        assert_sound(&db, "rows").await;
        let squashed = Squash::new("talk", "0001").run(&history).unwrap();
        assert_eq!(squashed.migration.operations, history[1].operations);
    }

    async fn rows_filled_as_a_table_is_altered_are_counted(place: Place) {
        let nullable = || key().null(true);
        let mut history = first();
        history[1] = Migration::new("talk", "0001_initial").after("blog", "0001_initial").create_model(
            match &history[1].operations[0] {
                Operation::CreateModel(model) => {
                    let mut model = model.clone();
                    model.fields[1] = nullable();
                    model.fields[3] = Field::new("points", Kind::Integer).null(true);
                    model
                }
                other => panic!("{other:?}"),
            },
        );
        history.push(Migration::new("blog", "0002").after("talk", "0001_initial").after("blog", "0001_initial")
            .add_field("Post", count()).add_field("Post", total(public())));
        migrate(&place, &history, &Target::All).await;
        let db = at(&place, &history).await;
        run(&db, "INSERT INTO blog_post (id, title, comment_count, total) VALUES (1, 'one', 0, 0), (2, 'two', 0, 0)".into()).await;
        let yes = place.choose("1", "true");
        run(&db, format!("INSERT INTO talk_comment (post_id, is_public, points) VALUES (NULL, {yes}, 2), (1, {yes}, NULL)")).await;
        assert_sound(&db, "rows with nulls").await;
        let fill = Migration::new("talk", "0002").after("talk", "0001_initial").after("blog", "0002");
        history.push(fill.alter_field_filled("Comment", key(), Value::Int(2)).alter_field_filled(
            "Comment",
            Field::new("points", Kind::Integer),
            Value::Int(9),
        ));
        migrate(&place, &history, &Target::All).await;
        let found: Vec<(i64, i64, i64)> =
            db.raw("SELECT id, comment_count, total FROM blog_post ORDER BY id", ()).fetch().await.unwrap();
        assert_eq!(found, [(1, 1, 9), (2, 1, 2)]);
        assert_sound(&db, "nulls filled").await;
    }

    async fn work_on_rows_is_counted(place: Place) {
        let mut history = first();
        let work = Migration::new("talk", "0002").after("talk", "0001_initial").after("blog", "0002");
        history.push(Migration::new("blog", "0002").after("blog", "0001_initial").add_field("Post", count()).add_field("Post", total(public())));
        history.push(work.populate(Populate::new("Comment").set("points", 4).set("post", 2).nothing_to_undo()));
        let until = history.len() - 1;
        migrate(&place, &history[..until], &Target::All).await;
        let db = at(&place, &history).await;
        run(&db, "INSERT INTO blog_post (id, title, comment_count, total) VALUES (1, 'one', 0, 0), (2, 'two', 0, 0)".into()).await;
        write(&db, &place, &Names::new()).await;
        migrate(&place, &history, &Target::All).await;
        assert_sound(&db, "a population").await;
        let found: Vec<(i64,)> = db.raw("SELECT comment_count FROM blog_post ORDER BY id", ()).fetch().await.unwrap();
        assert_eq!(found, [(0,), (2,)]);
        // The past knows that figures are not for the program.
        async fn set(past: Past) -> nuages_orm::Result<()> {
            past.model("Post")?.update([("comment_count", Value::Int(1))]).await.map(drop)
        }
        history.push(Migration::new("blog", "0003").after("blog", "0002").run_rust("set", set));
        let migrator = Migrator::new(&db, history).unwrap();
        let error = migrator.migrate(&Target::All, |_| {}).await.unwrap_err().to_string();
        assert!(error.contains("blog.Post.comment_count: is kept by the database"), "{error}");
    }
}

#[test]
fn squashed_migrations_lead_to_the_same_models() {
    let mut history = first();
    history.extend(steps().into_iter().map(|(migration, _)| migration));
    // Of one app, as the steps of the two take turns.
    for migration in &mut history {
        migration.app = "blog".into();
        for (app, _) in &mut migration.dependencies {
            *app = "blog".into();
        }
        for operation in &mut migration.operations {
            if let Operation::CreateModel(model) = operation {
                model.app = "blog".into();
            }
        }
    }
    history[1].name = "0001_second".into();
    let mut before: Option<String> = None;
    for (position, migration) in history.iter_mut().enumerate() {
        migration.name = format!("{:04}_step", position + 1).into();
        migration.dependencies = before.iter().map(|name| ("blog".into(), name.clone().into())).collect();
        before = Some(migration.name.to_string());
    }
    let last = before.unwrap();
    let squashed = Squash::new("blog", last).run(&history).unwrap().migration;
    let mut alone = squashed.clone();
    alone.replaces.clear();
    let names = |state: &State| {
        let mut models = state.models().to_vec();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        for model in &mut models {
            model.fields.sort_by(|a, b| a.name.cmp(&b.name));
        }
        models
    };
    assert_eq!(names(&state(&[alone])), names(&state(&history)));
    assert!(squashed.operations.len() < history.iter().map(|migration| migration.operations.len()).sum());
}
