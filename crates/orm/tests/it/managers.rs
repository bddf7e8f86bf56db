//! Managers: which rows queries start from, and where Django asks which of them.

use nuages_orm::db::assert_queries;
use nuages_orm::fixture::{Dump, Format};
use nuages_orm::query::spec;
use nuages_orm::{
    Db, ErrorKind, ForeignKey, Manager, ManyToMany, Model, Models, OneToOne, QuerySet, Timestamp, json, migrate,
};

use crate::support::{Place, on_each_engine};

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "zine")]
pub(crate) struct Topic {
    pub id: i64,
    #[field(max_length = 30)]
    pub name: String,
}

/// Hidden before its time; the whole time, for those who write.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "zine", ordering = [id], manager = Visible, managers(drafts = Drafts, r#long = managed::Long))]
pub(crate) struct Story {
    pub id: i64,
    #[field(max_length = 30)]
    pub title: String,
    #[field(default = 0)]
    pub words: i32,
    pub published_at: Option<Timestamp>,
    #[field(on_delete = Cascade, related_name = "stories")]
    pub topic: ForeignKey<Topic>,
    #[field(soft_delete)]
    pub is_deleted: bool,
    #[field(related_name = "stories")]
    pub lists: ManyToMany<List>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "zine")]
pub(crate) struct Letter {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "letters")]
    pub story: ForeignKey<Story>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "zine", manager = OnFile)]
pub(crate) struct Cover {
    #[field(primary_key, on_delete = Cascade, related_name = "cover")]
    pub story: OneToOne<Story>,
    #[field(max_length = 30)]
    pub file: String,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "zine")]
pub(crate) struct List {
    pub id: i64,
    #[field(max_length = 30)]
    pub name: String,
}

pub(crate) struct Visible;

impl Manager<Story> for Visible {
    fn query(stories: QuerySet<Story>) -> QuerySet<Story> {
        stories.filter(|s| s.published_at().lte(Timestamp::now()))
    }
}

pub(crate) struct Drafts;

impl Manager<Story> for Drafts {
    fn query(stories: QuerySet<Story>) -> QuerySet<Story> {
        stories.filter(|s| s.published_at().is_null()).order_by(|s| s.title())
    }
}

pub(crate) struct OnFile;

impl Manager<Cover> for OnFile {
    fn query(covers: QuerySet<Cover>) -> QuerySet<Cover> {
        covers.exclude(|c| c.file().eq(""))
    }
}

mod managed {
    use super::{Manager, QuerySet, Story};

    /// One for several models is possible too, and what it says of deleted rows is its own affair.
    pub(crate) struct Long;

    impl Manager<Story> for Long {
        fn query(_: QuerySet<Story>) -> QuerySet<Story> {
            use nuages_orm::Model as _;
            Story::all_objects().filter(|s| s.words().gte(1_000))
        }
    }
}

/// Methods on queries, whichever manager they start from.
trait StoryQueries {
    fn about(self, topic: &str) -> Self;
}

impl<S: nuages_orm::query::Shape<Story>> StoryQueries for QuerySet<Story, S> {
    fn about(self, topic: &str) -> Self {
        self.filter(|s| s.topic().name().eq(topic))
    }
}

fn models() -> Models {
    Models::new().with::<Topic>().with::<Story>().with::<Letter>().with::<Cover>().with::<List>()
}

struct Zine {
    db: Db,
    topic: Topic,
    shown: Story,
    draft: Story,
}

/// One story that is shown, one that is a draft.
async fn zine(place: &Place) -> Zine {
    let db = Db::connect(&place.url, models()).await.unwrap();
    migrate::create_tables(&db).await.unwrap();
    let topic = Topic::builder().name("swing").create(&db).await.unwrap();
    let story = |title| Story::builder().title(title).topic(&topic);
    let shown = story("shown").published_at(Timestamp::UNIX_EPOCH).create(&db).await.unwrap();
    let draft = story("draft").words(2_000).create(&db).await.unwrap();
    Zine { db, topic, shown, draft }
}

async fn titles(db: &Db, stories: QuerySet<Story>) -> Vec<String> {
    stories.values(|s| s.title()).all(db).await.unwrap()
}

on_each_engine! {
    async fn queries_start_from_the_rows_of_their_manager(place: Place) {
        let Zine { db, draft, .. } = zine(&place).await;
        assert_eq!(titles(&db, Story::objects()).await, ["shown"]);
        assert_eq!(titles(&db, Story::all_objects()).await, ["shown", "draft"]);
        assert_eq!(titles(&db, Story::drafts()).await, ["draft"]);
        assert_eq!(titles(&db, Story::drafts().about("swing")).await, ["draft"]);
        assert_eq!(titles(&db, Story::objects().about("waltz")).await, [""; 0]);
        let pairs = Story::objects().annotate(|s| s.topic().name()).about("swing").all(&db).await.unwrap();
        assert_eq!(pairs[0].1, "swing");
        assert!(Story::objects().filter(|s| s.id().eq(draft.id)).get(&db).await.unwrap_err().is_not_found());

        // All of them but those that say otherwise hide what is deleted.
        draft.delete(&db).await.unwrap();
        assert_eq!(titles(&db, Story::drafts()).await, [""; 0]);
        assert_eq!(titles(&db, Story::r#long()).await, ["draft"]);
    }

    async fn django_says_which_manager_is_asked_where(place: Place) {
        let Zine { db, topic, shown, draft } = zine(&place).await;
        // To many: the default one.
        assert_eq!(titles(&db, topic.stories()).await, ["shown"]);
        let topics = assert_queries(2, Topic::objects().prefetch(|t| t.stories()).all(&db)).await.unwrap();
        assert_eq!(topics[0].1.len(), 1);
        let list = List::builder().name("best").create(&db).await.unwrap();
        for story in [&shown, &draft] {
            story.lists.add(&db, [list.id]).await.unwrap();
        }
        assert_eq!(titles(&db, list.stories()).await, ["shown"]);
        let lists = List::objects().prefetch(|l| l.stories()).all(&db).await.unwrap();
        assert_eq!(lists[0].1.len(), 1);

        // To one, forwards and backwards: all rows.
        let letter = Letter::builder().story(&draft).create(&db).await.unwrap();
        let mut letter = Letter::objects().filter(|l| l.id().eq(letter.id)).get(&db).await.unwrap();
        assert_eq!(letter.story.load(&db).await.unwrap().title, "draft");
        let related = Letter::objects().select_related(|l| l.story()).get(&db).await.unwrap();
        assert_eq!(related.story.get().unwrap().title, "draft");
        Cover::builder().story(&shown).file("").create(&db).await.unwrap();
        assert_eq!(Cover::objects().count(&db).await.unwrap(), 0);
        assert!(shown.cover().exists(&db).await.unwrap());

        // Conditions over relations: all rows.
        assert!(Topic::objects().filter(|t| t.stories().title().eq("draft")).exists(&db).await.unwrap());

        // A row that is at hand: whatever hides it.
        let mut draft = draft;
        draft.words = 3;
        draft.save(&db).await.unwrap();
        draft.save_fields(&db, |s| s.words()).await.unwrap();
        draft.refresh(&db).await.unwrap();
        assert_eq!(draft.words, 3);
        // What goes with a row: whatever hides it.
        assert_eq!(draft.delete(&db).await.unwrap().total, 1);
        assert_eq!(topic.delete(&db).await.unwrap().by_model["zine.Story"], 2);
    }

    async fn a_program_without_the_struct_asks_the_same_managers(place: Place) {
        let Zine { db, draft, .. } = zine(&place).await;
        let ask = async |spec| spec::try_answer(&db, &spec).await.unwrap();
        let titles = |manager: &str| json!({"model": "zine.Story", "manager": manager, "values": ["title"]});
        assert_eq!(ask(json!({"model": "zine.Story", "values": ["title"]})).await, json!([["shown"]]));
        assert_eq!(ask(titles("objects")).await, json!([["shown"]]));
        assert_eq!(ask(titles("drafts")).await, json!([["draft"]]));
        assert_eq!(ask(titles("long")).await, json!([["draft"]]));
        assert_eq!(ask(json!({"model": "zine.Story", "all": true, "count": true})).await, json!(2));
        let error = spec::try_answer(&db, &titles("draft")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Field);
        assert_eq!(
            error.to_string(),
            "zine.Story: unknown manager `draft`: choices are objects, drafts, long; did you mean `drafts`?"
        );
        let both = json!({"model": "zine.Story", "all": true, "manager": "drafts"});
        let error = spec::try_answer(&db, &both).await.unwrap_err();
        assert_eq!(error.to_string(), "`all` and `manager` exclude one another");
        let query = db.schema().objects("zine.story").unwrap();
        assert_eq!((query.model.as_ref(), query.steps.len()), ("zine.Story", 2));

        // The time that a manager compares with is that of the query.
        let later = Timestamp::now();
        Story::all_objects().filter(|s| s.id().eq(draft.id)).update(&db, |s| s.published_at().set(later)).await.unwrap();
        assert_eq!(ask(json!({"model": "zine.Story", "count": true})).await, json!(2));

        draft.delete(&db).await.unwrap();
        let mut text = Vec::new();
        let dump = Dump::new().of("zine.Story").format(Format::JsonLines);
        assert_eq!(dump.write(&db, &mut text).await.unwrap(), 1);
        assert_eq!(dump.hidden(true).write(&db, &mut text).await.unwrap(), 2);
    }
}

#[test]
fn migrations_know_nothing_of_managers() {
    let history = migrate::detect(&models(), &[]).unwrap();
    let all = models();
    let without = all.definitions().map(|definition| {
        let mut definition = (**definition).clone();
        definition.managers.clear();
        definition.fields.iter_mut().for_each(|field| field.soft_delete = false);
        definition
    });
    let without = without.fold(Models::new(), Models::with_definition);
    assert!(migrate::detect(&without, &history).unwrap().is_empty());
    let text = format!("{history:?}");
    assert!(!text.contains("ManagerDef") && !text.contains("soft_delete: true"), "{text}");
}
