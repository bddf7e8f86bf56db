//! What each way to write and to follow a relation does about rows that are marked as deleted.

use nuages_orm::db::assert_queries;
use nuages_orm::expr::count;
use nuages_orm::fixture::{Dump, Format, Load};
use nuages_orm::introspect::{self, Catalogue, Options};
use nuages_orm::query::spec;
use nuages_orm::{Db, ErrorKind, Model, SoftDelete, Timestamp, json, migrate};

use crate::soft_delete::{
    Article, ArticleHasComments, Comment, Credit, Desk, DeskHasArticles, Press, Profile, Tag, TagHasArticles, Writer,
    WriterHasArticles, WriterHasEdited, WriterHasProfile, models, press,
};
use crate::support::on_each_engine;

async fn titles(db: &Db, articles: nuages_orm::QuerySet<Article>) -> Vec<String> {
    articles.values(|a| a.title()).all(db).await.unwrap()
}

async fn names(db: &Db, writers: nuages_orm::QuerySet<Writer>) -> Vec<String> {
    writers.values(|w| w.name()).all(db).await.unwrap()
}

on_each_engine! {
    async fn saving_neither_deletes_nor_brings_back(place: Place) {
        let Press { db, mut nuages, mut desk, .. } = press(&place).await;
        let copy = nuages.clone();
        copy.delete(&db).await.unwrap();
        nuages.title = "Clouds".into();
        let error = nuages.save(&db).await.unwrap_err();
        assert!(error.is_stale());
        assert_eq!(
            error.to_string(),
            format!(
                "press.Article of row {}: was deleted or restored since it was read, so nothing was saved: `refresh` reads it \
                 again; to delete or restore a row, call `delete` or `restore` instead of setting the mark",
                nuages.id
            )
        );
        assert_eq!(titles(&db, Article::deleted_objects()).await, ["Nuages"]);

        // Read again, a deleted row is saved as any other, and stays deleted.
        nuages.refresh(&db).await.unwrap();
        nuages.title = "Clouds".into();
        nuages.save(&db).await.unwrap();
        assert_eq!(titles(&db, Article::deleted_objects()).await, ["Clouds"]);
        let mut old = nuages.clone();
        nuages.restore(&db).await.unwrap();
        assert_eq!(old.save(&db).await.unwrap_err().kind(), ErrorKind::Stale);

        // The mark is not set by saving.
        nuages.deleted_at = Some(Timestamp::now());
        assert_eq!(nuages.save(&db).await.unwrap_err().kind(), ErrorKind::Stale);
        desk.is_closed = true;
        assert_eq!(desk.save(&db).await.unwrap_err().kind(), ErrorKind::Stale);
        desk.is_closed = false;
        desk.name = "Jazz".into();
        desk.save(&db).await.unwrap();

        // What is gone is inserted, as for any model.
        let mut gone = Writer::builder().name("Ada").create(&db).await.unwrap();
        gone.hard_delete(&db).await.unwrap();
        gone.save(&db).await.unwrap();
        assert_eq!(names(&db, Writer::objects()).await, ["Ada"]);
    }

    async fn fields_are_saved_and_updated_by_name_whatever_the_mark(place: Place) {
        let Press { db, mut nuages, swing, .. } = press(&place).await;
        nuages.delete(&db).await.unwrap();
        nuages.words = 7;
        nuages.save_fields(&db, |a| a.words()).await.unwrap();
        assert_eq!(Article::deleted_objects().values(|a| a.words()).get(&db).await.unwrap(), 7);

        assert_eq!(Article::objects().update(&db, |a| a.words().set(1)).await.unwrap(), 1);
        assert_eq!(Article::all_objects().update(&db, |a| a.words().set(2)).await.unwrap(), 2);
        assert_eq!(Article::deleted_objects().update(&db, |a| a.words().set(3)).await.unwrap(), 1);
        nuages.refresh(&db).await.unwrap();
        assert_eq!((nuages.words, nuages.deleted_at.is_some()), (3, true));

        // A mark that is set by name is one, but nothing goes with it.
        let comment = Comment::builder().article(&swing).text("mine").create(&db).await.unwrap();
        let marked = Article::objects().update(&db, |a| a.deleted_at().set(Timestamp::UNIX_EPOCH)).await.unwrap();
        assert_eq!((marked, Article::objects().count(&db).await.unwrap()), (1, 0));
        assert!(Comment::objects().filter(|c| c.id().eq(comment.id)).exists(&db).await.unwrap());
        db.raw("UPDATE press_article SET deleted_at = NULL", ()).execute().await.unwrap();
        assert_eq!(Article::objects().count(&db).await.unwrap(), 2);
    }

    async fn rows_can_be_created_deleted_and_for_deleted_ones(place: Place) {
        let Press { db, nuages, .. } = press(&place).await;
        nuages.delete(&db).await.unwrap();
        let late = Comment::builder().article(&nuages).text("late").create(&db).await.unwrap();
        assert_eq!(nuages.comments().get(&db).await.unwrap(), late);
        let old = Comment::builder().article(&nuages).text("old").deleted_at(Timestamp::UNIX_EPOCH).create(&db).await.unwrap();
        assert_eq!(old.deleted_at, Some(Timestamp::UNIX_EPOCH));
        assert_eq!(Comment::deleted_objects().filter(|c| c.text().eq("old")).count(&db).await.unwrap(), 1);
    }

    async fn batches_mark_and_hide_as_queries_do(place: Place) {
        let Press { db, nuages, .. } = press(&place).await;
        nuages.delete(&db).await.unwrap();
        let deleted = Article::all_objects().in_batches(1).delete(&db).await.unwrap();
        assert_eq!(deleted.by_model["press.Article"], 1);
        assert_eq!(Article::deleted_objects().in_batches(1).update(&db, |a| a.words().set(4)).await.unwrap(), 2);
        assert_eq!(Article::objects().in_batches(1).update(&db, |a| a.words().set(5)).await.unwrap(), 0);
        // Each batch is a deletion of its own.
        let marks = Article::all_objects().values(|a| a.deleted_at()).all(&db).await.unwrap();
        assert!(marks[0].is_some() && marks[1].is_some() && marks[0] != marks[1]);
    }

    async fn get_or_create_makes_a_new_row_beside_a_deleted_one(place: Place) {
        let Press { db, desk, nuages, .. } = press(&place).await;
        nuages.delete(&db).await.unwrap();
        let here = || Article::objects().filter(|a| a.title().eq("Nuages"));
        let new = || Article::builder().desk(&desk).title("Nuages");
        let (made, is_new) = here().get_or_create(&db, new()).await.unwrap();
        assert!(is_new && made.id != nuages.id);
        let (found, is_new) = here().get_or_create(&db, new()).await.unwrap();
        assert!(!is_new && found.id == made.id);
        let (set, is_new) = here().update_or_create(&db, |a| a.words().set(9), new()).await.unwrap();
        assert!(!is_new && set.id == made.id && set.words == 9);
        made.delete(&db).await.unwrap();
        let (_, is_new) = here().update_or_create(&db, |a| a.words().set(9), new()).await.unwrap();
        assert!(is_new);
        let all = Article::all_objects().filter(|a| a.title().eq("Nuages") & a.id().eq(nuages.id));
        let (found, is_new) = all.get_or_create(&db, new()).await.unwrap();
        assert!(!is_new && found.deleted_at.is_some());
    }

    async fn what_is_unique_among_the_living_is_free_again_once_its_row_is_deleted(place: Place) {
        let Press { db, mut desk, mut nuages, .. } = press(&place).await;
        let error = Desk::builder().name("Music").create(&db).await.unwrap_err();
        assert!(error.is_unique_violation());
        desk.delete(&db).await.unwrap();
        let other = Desk::builder().name("Music").create(&db).await.unwrap();
        let error = desk.restore(&db).await.unwrap_err();
        assert!(error.is_unique_violation());
        // Nothing came back.
        assert_eq!(Article::objects().count(&db).await.unwrap(), 0);
        other.delete(&db).await.unwrap();
        desk.restore(&db).await.unwrap();

        let same = || Article::builder().desk(&desk).title("Nuages");
        assert!(same().create(&db).await.unwrap_err().is_unique_violation());
        nuages.delete(&db).await.unwrap();
        same().create(&db).await.unwrap();
        assert!(nuages.restore(&db).await.unwrap_err().is_unique_violation());
        assert!(Article::deleted_objects().restore(&db).await.unwrap_err().is_unique_violation());
        assert_eq!(Comment::objects().count(&db).await.unwrap(), 0);
    }

    async fn relations_lead_to_living_rows_and_keys_to_any(place: Place) {
        let Press { db, desk, nuages, swing, praise, .. } = press(&place).await;
        let mut ada = Writer::builder().name("Ada").create(&db).await.unwrap();
        let profile = Profile::builder().writer(&ada).create(&db).await.unwrap();
        for mut article in Article::objects().all(&db).await.unwrap() {
            article.editor = Some((&ada).into());
            article.save(&db).await.unwrap();
        }
        nuages.delete(&db).await.unwrap();

        // To many rows: by the default manager.
        assert_eq!(titles(&db, desk.articles()).await, ["Minor Swing"]);
        assert_eq!(titles(&db, ada.edited()).await, ["Minor Swing"]);
        let desks = assert_queries(2, Desk::objects().prefetch(|d| d.articles()).all(&db)).await.unwrap();
        assert_eq!(desks[0].1.iter().map(|a| a.title.as_str()).collect::<Vec<_>>(), ["Minor Swing"]);
        let all = Desk::objects().prefetch_with(|d| d.articles(), Article::all_objects()).all(&db).await.unwrap();
        assert_eq!(all[0].1.len(), 2);

        // To one row, either way over a one-to-one key: any.
        ada.delete(&db).await.unwrap();
        profile.delete(&db).await.unwrap();
        assert_eq!(ada.profile().get(&db).await.unwrap().id, profile.id);
        let mut comment = Comment::all_objects().filter(|c| c.id().eq(praise.id)).get(&db).await.unwrap();
        assert!(comment.article.load(&db).await.unwrap().deleted_at.is_some());
        let related = Article::objects().select_related(|a| a.editor()).get(&db).await.unwrap();
        assert_eq!(related.editor.as_ref().unwrap().get().unwrap().name, "Ada");
        assert_eq!(related.id, swing.id);

        // Conditions and figures over relations: any, unless they say otherwise.
        let over = Desk::objects().filter(|d| d.articles().title().eq("Nuages"));
        assert!(over.exists(&db).await.unwrap());
        let living = Desk::objects().filter(|d| d.articles().title().eq("Nuages") & d.articles().deleted_at().is_null());
        assert!(!living.exists(&db).await.unwrap());
        let counted = Desk::objects().values(|d| (d.name(), count(d.articles().id()))).all(&db).await.unwrap();
        assert_eq!(counted, [("Music".to_owned(), 2)]);
        ada.restore(&db).await.unwrap();
    }

    async fn rows_between_that_are_deleted_relate_nothing(place: Place) {
        let Press { db, nuages, swing, .. } = press(&place).await;
        let mut writers = Vec::new();
        for name in ["Ada", "Bob", "Cyd"] {
            writers.push(Writer::builder().name(name).create(&db).await.unwrap());
        }
        let [ada, bob, cyd] = <[Writer; 3]>::try_from(writers).unwrap();
        nuages.writers.add(&db, [ada.id, bob.id]).await.unwrap();
        swing.writers.add(&db, [ada.id]).await.unwrap();
        nuages.writers.remove(&db, [bob.id]).await.unwrap();
        assert_eq!(Credit::all_objects().count(&db).await.unwrap(), 3);
        assert_eq!(Credit::deleted_objects().count(&db).await.unwrap(), 1);

        assert_eq!(names(&db, nuages.writers.objects().unwrap()).await, ["Ada"]);
        assert_eq!(titles(&db, bob.articles()).await, [""; 0]);
        assert_eq!(titles(&db, ada.articles()).await, ["Nuages", "Minor Swing"]);
        let there = assert_queries(2, Article::objects().prefetch(|a| a.writers()).all(&db)).await.unwrap();
        let there: Vec<usize> = there.iter().map(|(_, writers)| writers.len()).collect();
        assert_eq!(there, [1, 1]);
        let back = assert_queries(2, Writer::objects().prefetch(|w| w.articles()).all(&db)).await.unwrap();
        let back: Vec<usize> = back.iter().map(|(_, articles)| articles.len()).collect();
        assert_eq!(back, [2, 0, 0]);

        // Once more: a new row beside the deleted one, and but one at a time.
        nuages.writers.add(&db, [bob.id, bob.id]).await.unwrap();
        nuages.writers.add(&db, [bob.id]).await.unwrap();
        assert_eq!(names(&db, nuages.writers.objects().unwrap()).await, ["Ada", "Bob"]);
        assert_eq!(Credit::all_objects().filter(|c| c.writer_id().eq(bob.id)).count(&db).await.unwrap(), 2);
        nuages.writers.set(&db, [bob.id, cyd.id]).await.unwrap();
        assert_eq!(names(&db, nuages.writers.objects().unwrap()).await, ["Bob", "Cyd"]);
        nuages.writers.clear(&db).await.unwrap();
        assert_eq!(Credit::objects().count(&db).await.unwrap(), 1);
        assert_eq!(Credit::all_objects().count(&db).await.unwrap(), 5);
    }

    async fn a_deleted_row_between_is_not_passed_over_in_silence(place: Place) {
        let Press { db, nuages, .. } = press(&place).await;
        let ada = Writer::builder().name("Ada").create(&db).await.unwrap();
        nuages.writers.add(&db, [ada.id]).await.unwrap();
        nuages.writers.remove(&db, [ada.id]).await.unwrap();
        db.raw("CREATE UNIQUE INDEX once ON press_credit (article_id, writer_id)", ()).execute().await.unwrap();
        let error = nuages.writers.add(&db, [ada.id]).await.unwrap_err();
        assert!(error.is_unique_violation());
        assert_eq!(
            error.to_string(),
            format!(
                "press.Credit: the row that relates to {} is deleted, and a constraint keeps another out: restore it, delete \
                 it for good, or let the constraint be about living rows (`alive`)",
                ada.id
            )
        );
        assert_eq!(Credit::deleted_objects().restore(&db).await.unwrap().total, 1);
        nuages.writers.add(&db, [ada.id]).await.unwrap();
    }

    async fn relations_to_deleted_rows_wait_for_them(place: Place) {
        let Press { db, nuages, .. } = press(&place).await;
        let tag = |label| Tag::builder().label(label);
        let (mut jazz, slow) = (tag("jazz").create(&db).await.unwrap(), tag("slow").create(&db).await.unwrap());
        nuages.tags.add(&db, [jazz.id, slow.id]).await.unwrap();
        jazz.delete(&db).await.unwrap();
        let labels = |tags: Vec<Tag>| tags.into_iter().map(|tag| tag.label).collect::<Vec<_>>();
        let mut read = Article::objects().filter(|a| a.id().eq(nuages.id)).get(&db).await.unwrap();
        assert_eq!(labels(read.tags.load(&db).await.unwrap().to_vec()), ["slow"]);
        // As in Django, `set` is about the rows that are to be seen.
        nuages.tags.set(&db, []).await.unwrap();
        jazz.restore(&db).await.unwrap();
        assert_eq!(labels(nuages.tags.objects().unwrap().all(&db).await.unwrap()), ["jazz"]);
        nuages.delete(&db).await.unwrap();
        assert_eq!(titles(&db, jazz.articles()).await, [""; 0]);
        jazz.delete(&db).await.unwrap();
        nuages.tags.clear(&db).await.unwrap();
        jazz.restore(&db).await.unwrap();
        assert!(nuages.tags.objects().unwrap().all(&db).await.unwrap().is_empty());
    }

    async fn specs_hide_what_objects_hides(place: Place) {
        let Press { db, nuages, .. } = press(&place).await;
        nuages.delete(&db).await.unwrap();
        let ask = async |spec| spec::try_answer(&db, &spec).await;
        let titles = json!({"model": "press.Article", "values": ["title"], "order_by": ["id"]});
        assert_eq!(ask(titles).await.unwrap(), json!([["Minor Swing"]]));
        let all = json!({"model": "press.article", "all": true, "values": ["title"], "order_by": ["id"]});
        assert_eq!(ask(all).await.unwrap(), json!([["Nuages"], ["Minor Swing"]]));
        let deleted =
            json!({"model": "press.Article", "all": true, "count": true, "filter": {"deleted_at__isnull": false}});
        assert_eq!(ask(deleted).await.unwrap(), json!(1));
        let inside = |all: bool| {
            let inner = json!({"model": "press.Comment", "all": all, "filter": {"article__desk": {"outer": "pk"}}});
            json!({"model": "press.Desk", "count": true, "filter": {"exists": inner}})
        };
        assert_eq!(ask(inside(false)).await.unwrap(), json!(0));
        assert_eq!(ask(inside(true)).await.unwrap(), json!(1));
        let over = json!({"model": "press.Desk", "count": true, "filter": {"articles__title": "Nuages"}});
        assert_eq!(ask(over).await.unwrap(), json!(1));
        let unknown = ask(json!({"model": "press.Article", "manager": "object"})).await.unwrap_err();
        assert_eq!(unknown.to_string(), "press.Article: unknown manager `object`: choices are objects; did you mean `objects`?");
    }

    async fn tables_do_not_tell_what_marks_but_keep_what_is_unique_among_the_living(place: Place) {
        let Press { db, .. } = press(&place).await;
        let history = migrate::detect(&models(), &[]).unwrap();
        let all = models();
        let changed = all.definitions().map(|definition| {
            let mut definition = (**definition).clone();
            definition.fields.iter_mut().for_each(|field| field.soft_delete = false);
            definition
        });
        let changed = changed.fold(nuages_orm::Models::new(), nuages_orm::Models::with_definition);
        assert!(migrate::detect(&changed, &history).unwrap().is_empty());

        let migrator = migrate::Migrator::new(&db, history).unwrap();
        let sql = migrator.sql("press", "0001_initial").unwrap();
        for line in [
            r#"CREATE UNIQUE INDEX "press_desk_name_alive" ON "press_desk" ("name") WHERE NOT "is_closed""#,
            r#"CREATE UNIQUE INDEX "press_credit_once" ON "press_credit" ("article_id", "writer_id") WHERE "deleted_at" IS NULL"#,
        ] {
            assert!(sql.contains(line), "{line} is not in {sql}");
        }

        let options = Options { app: Some("press".to_owned()), ..Options::default() };
        let found = introspect::models(&Catalogue::read(&db).await.unwrap(), &options).unwrap();
        let source = found.source().unwrap();
        for line in [
            r#"unique(name = "press_desk_name_alive", fields = [name], condition = |m| m.is_closed().eq(false))"#,
            r#"unique(name = "press_credit_once", fields = [article, writer], condition = |m| m.deleted_at().is_null())"#,
        ] {
            assert!(source.contains(line), "{line} is not in {source}");
        }
        assert!(!source.contains("soft_delete"), "{source}");
    }

    async fn fixtures_leave_out_what_is_deleted_unless_asked(place: Place) {
        let Press { db, nuages, swing, .. } = press(&place).await;
        let (jazz, slow) = (
            Tag::builder().label("jazz").create(&db).await.unwrap(),
            Tag::builder().label("slow").create(&db).await.unwrap(),
        );
        swing.tags.add(&db, [jazz.id, slow.id]).await.unwrap();
        jazz.delete(&db).await.unwrap();
        nuages.delete(&db).await.unwrap();
        let dump = async |hidden: bool| {
            let mut text = Vec::new();
            let dump = Dump::new().format(Format::JsonLines).hidden(hidden);
            let objects = dump.write(&db, &mut text).await.unwrap();
            (objects, String::from_utf8(text).unwrap())
        };
        let (objects, text) = dump(false).await;
        assert_eq!(objects, 3, "a desk, an article, a tag: {text}");
        assert!(text.contains(&format!(r#""tags":[{}]"#, slow.id)) || text.contains(&format!(r#""tags": [{}]"#, slow.id)), "{text}");
        let (objects, text) = dump(true).await;
        assert_eq!(objects, 8, "{text}");

        // What was deleted is loaded deleted.
        let other = place.another().await;
        let copy = Db::connect(&other.url, models()).await.unwrap();
        nuages_orm::migrate::create_tables(&copy).await.unwrap();
        Load::new().reader("all", Format::JsonLines, Box::new(std::io::Cursor::new(text))).run(&copy).await.unwrap();
        assert_eq!(titles(&copy, Article::deleted_objects()).await, ["Nuages"]);
        assert_eq!(Article::deleted_objects().restore(&copy).await.unwrap().total, 4);
        copy.close().await;
        other.drop().await;
    }
}
