#!/usr/bin/env python3
"""Has Django's own migrations alter a set of models, each alteration on a database of its own.

    alterations.py < job.json

The job is {"rows": [statement, …], "right": {name: [statement, …], …}, "places": {name: place, …}}: for each alteration in
ALTERATIONS the place of an empty database, a SQLite file or a schema of the PostgreSQL database of ORACLE_PG, and what makes the
rows fit. There the models of `base` are made, the rows are put in, and the alteration is applied in a migration of its own. What
comes out is left in the database, to be looked at by whoever has given the places. Prints the names, in order.
"""
import json
import os
import sys

import django
from django.conf import settings

DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"}}
if os.environ.get("ORACLE_PG"):
    DATABASE = {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["ORACLE_PG"])}
settings.configure(DATABASES={"default": DATABASE}, INSTALLED_APPS=[], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
                   USE_TZ=True, TIME_ZONE="UTC")
django.setup()

from django.db import connection, migrations as m, models as f  # noqa: E402
from django.db.migrations.state import ProjectState  # noqa: E402
from django.db.models.functions import Lower  # noqa: E402

POSTGRES = connection.vendor == "postgresql"
COLLATION = "C" if POSTGRES else "NOCASE"


def first(expression):
    """Nulls first, where an index may say so: SQLite refuses it."""
    return expression.asc(nulls_first=True) if POSTGRES else expression


def last(expression):
    return expression.desc(nulls_last=True) if POSTGRES else expression.desc()


def key(to, **kwargs):
    return f.ForeignKey(to, f.CASCADE, **kwargs)


def base():
    id = ("id", f.BigAutoField(primary_key=True))
    return [
        m.CreateModel("Author", [
            id,
            ("name", f.CharField(max_length=40)),
            ("code", f.CharField(max_length=10, unique=True)),
            ("email", f.CharField(max_length=50, db_index=True)),
            ("digits", f.CharField(max_length=10, db_index=True)),
            ("token", f.CharField(max_length=36, unique=True)),
            ("age", f.PositiveIntegerField(null=True)),
            ("score", f.IntegerField()),
            ("bio", f.TextField(null=True)),
            ("born", f.DateField(null=True)),
            ("rating", f.DecimalField(max_digits=5, decimal_places=2, null=True)),
            ("active", f.BooleanField(default=True)),
            ("level", f.IntegerField(db_default=5)),
            ("motto", f.CharField(max_length=20, db_comment="what they say", null=True)),
        ]),
        m.CreateModel("Publisher", [
            ("id", f.AutoField(primary_key=True)),
            ("name", f.CharField(max_length=30)),
        ]),
        m.CreateModel("Tag", [("slug", f.SlugField(primary_key=True))]),
        m.CreateModel("Book", [
            id,
            ("title", f.CharField(max_length=100)),
            ("author", key("alt.Author", related_name="books")),
            ("editor", key("alt.Author", null=True, related_name="edited")),
            ("publisher", key("alt.Publisher", null=True)),
            ("isbn", f.CharField(max_length=13, null=True, unique=True)),
            ("pages", f.SmallIntegerField(null=True)),
            ("house", f.BigIntegerField(null=True)),
            ("tags", f.ManyToManyField("alt.Tag")),
            ("coauthors", f.ManyToManyField("alt.Author", related_name="written")),
        ], options={
            "unique_together": {("title", "author")},
            "indexes": [f.Index(fields=["title", "pages"], name="alt_title_pages")],
            "constraints": [
                f.CheckConstraint(condition=f.Q(pages__gte=0), name="alt_pages"),
                f.UniqueConstraint(fields=["title", "isbn"], name="alt_title_isbn"),
            ],
        }),
        m.CreateModel("Review", [
            id,
            ("book", key("alt.Book")),
            ("critic", key("alt.Author", to_field="code", null=True)),
            ("parent", key("alt.Review", null=True)),
            ("text", f.TextField()),
        ]),
    ]


def alter(model, name, field, **kwargs):
    return [m.AlterField(model, name, field, **kwargs)]


def filled(model, name, field):
    return alter(model, name, field, preserve_default=False)


ALTERATIONS = {
    "longer varchar": alter("Author", "name", f.CharField(max_length=80)),
    "shorter varchar": alter("Author", "name", f.CharField(max_length=20)),
    "varchar to text": alter("Author", "name", f.TextField()),
    "text to varchar": alter("Author", "bio", f.CharField(max_length=200, null=True)),
    "varchar without limit": alter("Author", "bio", f.TextField(null=True, db_comment="life")),
    "indexed varchar to text": alter("Author", "email", f.TextField(db_index=True)),
    "indexed varchar to int": alter("Author", "digits", f.IntegerField(db_index=True)),
    "unique varchar to uuid": alter("Author", "token", f.UUIDField(unique=True)),
    "longer referenced varchar": alter("Author", "code", f.CharField(max_length=20, unique=True)),
    "referenced varchar to text": alter("Author", "code", f.TextField(unique=True)),
    "int to bigint": alter("Author", "score", f.BigIntegerField()),
    "int to smallint": alter("Author", "score", f.SmallIntegerField()),
    "int to varchar": alter("Author", "score", f.CharField(max_length=20)),
    "int to text with index": alter("Author", "score", f.TextField(db_index=True)),
    "int to decimal": alter("Author", "score", f.DecimalField(max_digits=8, decimal_places=2)),
    "int to float": alter("Author", "score", f.FloatField()),
    "positive int to int": alter("Author", "age", f.IntegerField(null=True)),
    "int to positive int": alter("Author", "score", f.PositiveIntegerField()),
    "positive int to positive bigint": alter("Author", "age", f.PositiveBigIntegerField(null=True)),
    "wider decimal": alter("Author", "rating", f.DecimalField(max_digits=8, decimal_places=3, null=True)),
    "boolean to int": alter("Author", "active", f.IntegerField(default=1)),
    "date to datetime": alter("Author", "born", f.DateTimeField(null=True)),
    "null to not null with default": alter("Author", "age", f.PositiveIntegerField(default=3)),
    "null to not null with a one-off": filled("Author", "bio", f.TextField(default="it's")),
    "null to not null with db_default": alter("Author", "age", f.PositiveIntegerField(db_default=4)),
    "not null to null": alter("Author", "score", f.IntegerField(null=True)),
    "null to not null and longer": filled("Author", "motto", f.CharField(max_length=50, default="-", db_comment="what they say")),
    "add db_default": alter("Author", "score", f.IntegerField(db_default=9)),
    "change db_default": alter("Author", "level", f.IntegerField(db_default=6)),
    "drop db_default": alter("Author", "level", f.IntegerField()),
    "type with db_default": alter("Author", "level", f.BigIntegerField(db_default=5)),
    "computed db_default": alter("Author", "motto", f.CharField(max_length=20, db_default=Lower(f.Value("X")),
                                                                db_comment="what they say")),
    "add index": alter("Author", "name", f.CharField(max_length=40, db_index=True)),
    "drop index": alter("Author", "email", f.CharField(max_length=50)),
    "add index to int": alter("Author", "score", f.IntegerField(db_index=True)),
    "index to unique": alter("Author", "digits", f.CharField(max_length=10, unique=True)),
    "index to index and unique": alter("Author", "digits", f.CharField(max_length=10, unique=True, db_index=True)),
    "add unique": alter("Author", "name", f.CharField(max_length=40, unique=True)),
    "drop unique": alter("Book", "isbn", f.CharField(max_length=13, null=True)),
    "unique to index": alter("Book", "isbn", f.CharField(max_length=13, null=True, db_index=True)),
    "add comment": alter("Author", "name", f.CharField(max_length=40, db_comment="what they're called")),
    "change comment": alter("Author", "motto", f.CharField(max_length=20, null=True, db_comment="other")),
    "drop comment": alter("Author", "motto", f.CharField(max_length=20, null=True)),
    "db_column": alter("Author", "name", f.CharField(max_length=40, db_column="full_name")),
    "db_column of an indexed field": alter("Author", "email", f.CharField(max_length=50, db_index=True, db_column="mail")),
    "db_column of a foreign key": alter("Book", "editor", key("alt.Author", null=True, related_name="edited", db_column="ed")),
    "collation": alter("Author", "name", f.CharField(max_length=40, db_collation=COLLATION)),
    "collation of an indexed field": alter("Author", "email", f.CharField(max_length=50, db_index=True, db_collation=COLLATION)),
    "key to not null": alter("Book", "publisher", key("alt.Publisher")),
    "key to null": alter("Book", "author", key("alt.Author", related_name="books", null=True)),
    "key to another model": alter("Book", "editor", key("alt.Publisher", null=True, related_name="edited")),
    "key to another field": alter("Review", "critic", key("alt.Author", null=True)),
    "key without constraint": alter("Book", "publisher", key("alt.Publisher", null=True, db_constraint=False)),
    "key without index": alter("Book", "publisher", key("alt.Publisher", null=True, db_index=False)),
    "key to one-to-one": alter("Book", "publisher", f.OneToOneField("alt.Publisher", f.CASCADE, null=True)),
    "key to int": alter("Book", "publisher", f.IntegerField(null=True)),
    "int to key": alter("Book", "house", key("alt.Publisher", null=True, related_name="housed")),
    "int to key of the same column": alter("Book", "house", key("alt.Publisher", null=True, related_name="housed", db_column="house")),
    "on_delete and related_name": alter("Book", "editor", f.ForeignKey("alt.Author", f.SET_NULL, null=True, related_name="edits")),
    "primary key to bigger numbers": alter("Publisher", "id", f.BigAutoField(primary_key=True)),
    "primary key not numbered": alter("Publisher", "id", f.IntegerField(primary_key=True)),
    "primary key to smaller numbers": alter("Review", "id", f.AutoField(primary_key=True)),
    "referenced primary key to smaller numbers": alter("Author", "id", f.AutoField(primary_key=True)),
    "text primary key longer": alter("Tag", "slug", f.SlugField(primary_key=True, max_length=80)),
    "rename field": [m.RenameField("Author", "score", "points")],
    "rename indexed field": [m.RenameField("Author", "email", "mail")],
    "rename field in constraints": [m.RenameField("Book", "title", "name"), m.RenameField("Book", "pages", "size")],
    "rename key": [m.RenameField("Book", "author", "writer")],
    "rename many-to-many": [m.RenameField("Book", "tags", "labels")],
    "rename referenced field": [m.RenameField("Author", "code", "sign")],
    "rename primary key": [m.RenameField("Author", "id", "number")],
    "rename and alter": [m.RenameField("Author", "email", "mail"), *alter("Author", "mail", f.CharField(max_length=50))],
    "rename model with keys to it": [m.RenameModel("Author", "Writer")],
    "rename model with many-to-many": [m.RenameModel("Book", "Volume")],
    "rename model with a key to itself": [m.RenameModel("Review", "Opinion")],
    "rename target of many-to-many": [m.RenameModel("Tag", "Label")],
    "table": [m.AlterModelTable("Book", "books")],
    "table and back": [m.AlterModelTable("Book", "books"), m.AlterModelTable("Book", None)],
    "table comment": [m.AlterModelTableComment("Book", "what they've written")],
    "managed": [m.AlterModelOptions("Book", {"managed": False})],
    "many-to-many to another model": alter("Book", "coauthors", f.ManyToManyField("alt.Publisher", related_name="written")),
    "many-to-many to another table": alter("Book", "tags", f.ManyToManyField("alt.Tag", db_table="alt_tagged")),
    "many-to-many without constraint": alter("Book", "coauthors", f.ManyToManyField("alt.Author", related_name="written", db_constraint=False)),
    "index with places for nulls": [m.AddIndex("Author", f.Index(
        last(f.F("age")), first(Lower("bio")), f.F("born").desc(), name="alt_nulls"))],
    "unique with places for nulls": [m.AddConstraint("Author", f.UniqueConstraint(
        first(f.F("age")), last(Lower("bio")), name="alt_nulls"))],
    "rename index": [m.RenameIndex("Book", "alt_renamed", old_name="alt_title_pages")],
    "unique together": [m.AlterUniqueTogether("Book", {("title", "publisher")})],
    "unique together dropped": [m.AlterUniqueTogether("Book", set())],
    "unique together of a renamed field": [m.RenameField("Book", "title", "name"), m.AlterUniqueTogether("Book", set())],
    "remove key": [m.RemoveField("Book", "editor")],
    "remove renamed key": [m.RenameField("Book", "editor", "corrector"), m.RemoveField("Book", "corrector")],
    "remove unique": [m.RemoveField("Author", "token")],
    "remove many-to-many": [m.RemoveField("Book", "tags")],
    "separate": [m.SeparateDatabaseAndState([m.RemoveField("Author", "motto")], [m.RemoveField("Author", "bio")])],
    "sql": [m.RunSQL('UPDATE "alt_author" SET "score" = 0', "SELECT 1")],
}


def apply(operations, state):
    """Applies a migration's operations and returns the state after them."""
    with connection.schema_editor() as editor:
        for operation in operations:
            before, state = state, state.clone()
            operation.state_forwards("alt", state)
            operation.database_forwards("alt", editor, before, state)
    return state


def main():
    job = json.load(sys.stdin)
    for name, operations in ALTERATIONS.items():
        place = job["places"].get(name)
        if place is None:
            sys.exit(f"no place for {name}")
        if POSTGRES:
            with connection.cursor() as cursor:
                cursor.execute(f'SET search_path TO "{place}"')
        else:
            connection.close()
            connection.settings_dict["NAME"] = place
        state = apply(base(), ProjectState())
        with connection.cursor() as cursor:
            for statement in [*job["rows"], *job["right"][name]]:
                cursor.execute(statement)
        apply(operations, state)
    connection.close()
    print(json.dumps(list(ALTERATIONS)))


if __name__ == "__main__":
    main()
