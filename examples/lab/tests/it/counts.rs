//! Counts that the database keeps, true while Django is the one that writes the rows.

use nuages::migrate::create_tables;
use nuages::orm::recount::Recount;
use nuages::prelude::*;

use crate::oracle::Database;

/// What has children.
#[derive(Model, Debug, Clone)]
#[model(app = "nursery")]
struct Parent {
    pub id: i64,
    #[field(counts = "children")]
    pub child_count: i32,
    #[field(counts(of = "children", where = |c: Child| c.is_awake().eq(true)))]
    pub awake_count: i32,
    #[field(sums = "children.age")]
    pub ages: i64,
    #[field(latest = "children.age")]
    pub oldest: Option<i32>,
}

/// A row that is counted.
#[derive(Model, Debug, Clone)]
#[model(app = "nursery")]
struct Child {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "children")]
    pub parent: ForeignKey<Parent>,
    pub age: i32,
    pub is_awake: bool,
}

/// After each step it prints what Django reads in the columns, and what it counts itself.
const SCRIPT: &str = r#"
import json, os, sys, types
from django.conf import settings
if os.environ.get("ORACLE_PG"):
    place = {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["ORACLE_PG"])}
else:
    place = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["ORACLE_DB"]}
# An app without files, so that Django finds the ways back.
sys.modules["nursery"] = types.ModuleType("nursery")
sys.modules["nursery"].__path__ = [os.path.join(os.getcwd(), "nursery")]
settings.configure(INSTALLED_APPS=["nursery"], DATABASES={"default": place}, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True)
import django
django.setup()
from django.db import connection, models, transaction
from django.db.models import Count, F, Max, Q, Sum

class Parent(models.Model):
    child_count = models.IntegerField(default=0)
    awake_count = models.IntegerField(default=0)
    ages = models.BigIntegerField(default=0)
    oldest = models.IntegerField(null=True)
    class Meta:
        app_label = "nursery"

class Child(models.Model):
    parent = models.ForeignKey(Parent, models.CASCADE, related_name="children")
    age = models.IntegerField()
    is_awake = models.BooleanField()
    class Meta:
        app_label = "nursery"

def step(name):
    kept = list(Parent.objects.order_by("pk").values_list("pk", "child_count", "awake_count", "ages", "oldest"))
    counted = list(Parent.objects.order_by("pk").values_list("pk").annotate(
        a=Count("children"), b=Count("children", filter=Q(children__is_awake=True)), c=Sum("children__age", default=0),
        d=Max("children__age")))
    print(json.dumps([name, kept, counted]))

def sql(text):
    with connection.cursor() as cursor:
        cursor.execute(text)

one, two, three = (Parent.objects.create() for _ in range(3))
child = Child.objects.create(parent=one, age=3, is_awake=True)
step("create")
Child.objects.bulk_create([Child(parent=p, age=n, is_awake=n % 2 == 0) for n in range(1, 6) for p in (one, two)])
step("bulk_create")
child.parent = two
child.save()
step("save, to another parent")
Child.objects.filter(age__gt=3).update(parent=three)
step("update, to another parent")
Child.objects.update(age=F("age") + 10, is_awake=True)
step("update")
children = list(Child.objects.all())
for number, each in enumerate(children):
    each.parent, each.age, each.is_awake = (one, two, three)[number % 3], number, number % 2 == 1
Child.objects.bulk_update(children, ["parent", "age", "is_awake"])
step("bulk_update")
one.child_count = 99
one.save()
step("save of a parent read before")
Child.objects.filter(parent=one).order_by("-age").first().delete()
step("delete of a row")
Child.objects.filter(age__lt=4).delete()
step("delete of a query")
sql(f"INSERT INTO nursery_child (parent_id, age, is_awake) VALUES ({two.pk}, 50, true), ({three.pk}, 60, false)")
step("SQL that inserts")
sql(f"UPDATE nursery_child SET parent_id = {one.pk}, is_awake = NOT is_awake WHERE age >= 50")
step("SQL that updates")
sql("DELETE FROM nursery_child WHERE age = 60")
step("SQL that deletes")
try:
    with transaction.atomic():
        Child.objects.all().delete()
        raise KeyError
except KeyError:
    pass
step("what is rolled back")
two.delete()
step("cascade")
"#;

const STEPS: usize = 14;

async fn counts_are_true(database: Database) {
    let db = Db::connect(&database.url, Models::new().with::<Parent>().with::<Child>()).await.expect("a database");
    create_tables(&db).await.expect("tables");
    let output = database.django_text(SCRIPT);
    let steps: Vec<(String, serde_json::Value, serde_json::Value)> =
        output.lines().map(|line| serde_json::from_str(line).expect("a step")).collect();
    assert_eq!(steps.len(), STEPS);
    for (name, kept, counted) in steps {
        assert_eq!(kept, counted, "after {name}");
    }
    for figure in Recount::of::<Parent>().check(&db).await.expect("figures") {
        assert!(figure.is_sound(), "{figure}");
    }
    let left = Parent::objects().order_by(|p| p.id().asc()).all(&db).await.expect("rows");
    assert!(left.len() == 2 && left.iter().all(has_children), "{left:?}");
    db.close().await;
}

fn has_children(parent: &Parent) -> bool {
    parent.child_count >= parent.awake_count.max(1) && parent.oldest.is_some_and(|oldest| parent.ages >= oldest.into())
}

#[tokio::test]
async fn counts_are_true_when_django_writes_on_sqlite() {
    counts_are_true(Database::sqlite("counts")).await;
}

#[tokio::test]
async fn counts_are_true_when_django_writes_on_postgres() {
    if let Some(database) = Database::postgres("counts") {
        counts_are_true(database).await;
    }
}
