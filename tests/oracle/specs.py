#!/usr/bin/env python3
"""Generates query specs over the shop, in the format that oracle.py documents.

    specs.py [--count 1200] [--seed 1]     a JSON array of specs, one a line
    specs.py --coverage                    what the specs reach, and how often
    specs.py --check                       fails if they miss something they should reach
    specs.py --features < specs            for each spec of an array, the names of what it uses

The same seed gives the same specs, and a spec does not depend on how many there are. Specs ask only for
what a database must answer in one way: rows come in a total order, floats are never summed, a scalar subquery has one row.
"""
import argparse
import collections
import json
import random
import sys

# Each model's columns with their kinds, the relations that lead to at most one row, and those that lead to many.
# A trailing ? says that there may be nothing.
SHOP = {
    "Publisher": ({"id": "key", "name": "text", "country": "text?", "founded": "date?"},
                  {"parent": "Publisher?"}, {"imprints": "Publisher", "books": "Book"}),
    "Author": ({"id": "key", "name": "text", "email": "text?", "born": "int?"},
               {"mentor": "Author?"},
               {"pupils": "Author", "friends": "Author", "books": "Book", "contribution": "Contribution", "reviews": "Review"}),
    "Tag": ({"id": "key", "label": "text"}, {"parent": "Tag?"}, {"children": "Tag", "books": "Book"}),
    "Book": ({"id": "key", "title": "text", "isbn": "text", "status": "text", "price": "decimal?", "pages": "int",
              "weight": "float?", "meta": "json?", "released": "date?", "updated": "datetime", "reading_time": "duration?",
              "in_stock": "bool"},
             {"publisher": "Publisher?", "first_edition": "Edition?"},
             {"authors": "Author", "tags": "Tag", "contribution": "Contribution", "reviews": "Review"}),
    "Contribution": ({"id": "key", "role": "text", "position": "int"}, {"book": "Book", "author": "Author"}, {}),
    "Review": ({"id": "key", "rating": "int", "body": "text", "created": "datetime"},
               {"book": "Book", "reviewer": "Author?"}, {}),
    "Edition": ({"id": "key", "year": "int", "print_run": "int?"}, {"book": "Book"}, {}),
}
ROWS = {"Publisher": 12, "Author": 80, "Tag": 40, "Book": 400, "Contribution": 600, "Review": 1000, "Edition": 200}
# What a subquery may be tied to its outer query by: (inner model, inner path, outer column).
TIES = {
    "Publisher": [("Book", "publisher", "pk"), ("Publisher", "parent", "pk"), ("Publisher", "country", "country")],
    "Author": [("Review", "reviewer", "pk"), ("Contribution", "author", "pk"), ("Author", "mentor", "pk"), ("Book", "authors", "id"),
               ("Author", "friends", "pk"), ("Author", "born__gt", "mentor__born")],
    "Tag": [("Book", "tags", "pk"), ("Tag", "parent", "pk"), ("Tag", "parent__parent", "id")],
    "Book": [("Review", "book", "pk"), ("Contribution", "book_id", "id"), ("Edition", "book", "pk"), ("Book", "publisher", "publisher"),
             ("Author", "books", "pk"), ("Tag", "books", "pk"), ("Publisher", "country", "publisher__country"),
             ("Review", "created__gt", "updated"), ("Edition", "year", "released__year")],
    "Contribution": [("Review", "book", "book"), ("Review", "reviewer", "author"), ("Book", "pk", "book_id")],
    "Review": [("Contribution", "author", "reviewer"), ("Review", "book", "book_id"), ("Edition", "book", "book")],
    "Edition": [("Review", "book", "book"), ("Book", "pages__gt", "year"), ("Edition", "year__lt", "year")],
}
AGGREGATES = ("count", "sum", "avg", "min", "max")
STRINGS = ("exact", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex")
ORDERED = ("exact", "gt", "gte", "lt", "lte", "in", "range", "isnull")
DATE_PARTS = ("year", "month", "day", "week", "week_day", "iso_week_day", "iso_year", "quarter")
TIME_PARTS = ("hour", "minute", "second")
JSON_LOOKUPS = ("contains", "contained_by", "has_key", "has_keys", "has_any_keys")
TRANSFORMS = DATE_PARTS + TIME_PARTS + ("date", "time")
LOOKUPS = STRINGS + ORDERED + JSON_LOOKUPS

WORDS = ("swing minor nuages django manoir souvenir daphne belleville Ångström naïve ΣΊΣΥΦΟΣ straße İstanbul 100% under_score "
         "back\\slash quote'd \"double\" mixed CASE 東京 emoji🎸 blank\u00a0nbsp tab\tbed").split(" ")
PIECES = ("a", "e", "o", "n", "s", "A", "SW", "wing", "nua", "é", "Å", "å", "ï", "Σ", "ς", "ß", "SS", "%", "_", "\\", "'", '"', "京", "🎸",
          "\u00a0", "\t", " ", "0%", "r_s", "k\\s", "e'd", "DJANGO", "", "case")
# What Python's, PostgreSQL's and everybody's regular expressions mean alike. No i in the second: only Python takes İ for one.
PATTERNS = {"regex": ("^s", "e$", "^[a-m]", "[0-9]+", "^.{6}$", "(swing|minor)", "a.*o", "n{2}", "^[^ ]+$", "_", "%", "\\\\", "京", "o[uw]+"),
            "iregex": ("^S", "E$", "^[A-H]", "[0-9]+", "(BACK|UNDER)", "A.*O", "N{2}", "ANG?O", "å", "σ", "京", "_", "ou")}
# Some of what seed.py writes, so that equality finds something.
SEEDED = {
    "Book.title": ("souvenir", "manoir straße", "\"double\" naïve", "daphne back\\slash", "東京 belleville", "minor swing 100%", "tab\tbed django swing",
                   "blank\u00a0nbsp tab\tbed", "quote'd Ångström naïve"),
    "Publisher.name": ("\"double\" 8", "minor 2", "mixed 4", "nuages 1", "souvenir 11", "straße 7", "ΣΊΣΥΦΟΣ 0"),
    "Author.name": ("souvenir swing", "ΣΊΣΥΦΟΣ manoir", "İstanbul tab\tbed", "東京 100%", "daphne under_score", "nuages mixed"),
    "Review.body": ("", "CASE", "naïve", "swing 100%", "nuages django", "東京 back\\slash", "straße django"),
    "Book.updated": ("2022-08-23T18:42:31.566391Z", "2011-08-29T22:28:24.353748Z", "2001-09-08T06:59:50.716802+02:00"),
    "Review.created": ("2015-02-20T12:37:19.313762Z", "2016-09-06T12:27:22.395776", "2017-12-21 07:13:07.521052"),
    "Book.released": ("2016-10-04", "2002-02-09", "1955-08-19", "2013-04-24"), "Publisher.founded": ("1908-08-31", "2004-07-27", "1940-01-22"),
    "Book.price": ("80.32", 114.84, "144.56", 56.25, "194.170"), "Book.pages": (407, 137, 899, 678, 1070),
    "Edition.print_run": (242515818327, 481891852086, 733484963980), "Author.born": (1930, 1966, 1938, 1905),
}
JSON_VALUES = ({}, {"lang": "fr"}, {"lang": "en", "tags": ["a", "b"]}, {"n": {"x": 3}}, {"lang": None}, [1, 2, {"k": "v"}], "text", 7, True)

Path = collections.namedtuple("Path", "text kind model column many nullable hops")


def paths(model, hops, prefix=(), many=False, nullable=False):
    """Every way to a column over exactly `hops` relations."""
    columns, one, several = SHOP[model]
    if hops == 0:
        for column, kind in columns.items():
            yield Path("__".join(prefix + (column,)), kind.rstrip("?"), model, column, many,
                       nullable or kind.endswith("?") or many, len(prefix))
        return
    for name, target in one.items():
        yield from paths(target.rstrip("?"), hops - 1, prefix + (name,), many, nullable or target.endswith("?"))
    for name, target in several.items():
        yield from paths(target, hops - 1, prefix + (name,), True, nullable)


PATHS = {model: [list(paths(model, hops)) for hops in range(4)] for model in SHOP}


def resolve(model, text):
    """The relations on the way, the column (None if the path ends at a relation), its kind, and the transforms and lookups after it.

    Raises KeyError where the path leads nowhere.
    """
    relations, parts = [], text.split("__")
    while parts:
        columns, one, several = SHOP[model]
        name = parts[0]
        if name == "pk" or name in columns or name.endswith("_id") and name[:-3] in one:
            parts.pop(0)
            return relations, name, columns.get(name, "key").rstrip("?"), parts
        if name not in one and name not in several:
            if relations:
                return relations, None, "key", parts
            raise KeyError(name)
        parts.pop(0)
        relations.append((model, name, name in several))
        model = (one.get(name) or several[name]).rstrip("?")
    return relations, None, "key", []


class Maker:
    """Makes one spec."""

    def __init__(self, seed, index):
        self.r = random.Random(f"{seed}/{index}")
        self.index = index
        self.names = 0
        # While set, no condition is made that holds for no row by its own form: where a subquery is only a part of an expression,
        # Django takes the whole expression for 0 then.
        self.satisfiable = False

    # ---- choosing

    def chance(self, p):
        return self.r.random() < p

    def one_of(self, *choices):
        return self.r.choice(choices)

    def weighted(self, **weights):
        return self.r.choices(list(weights), list(weights.values()))[0]

    def model(self):
        return self.weighted(Book=10, Author=4, Publisher=3, Review=3, Tag=2, Contribution=2, Edition=2)

    def name(self, stem):
        self.names += 1
        return f"{stem}{self.names}"

    def path(self, model, *kinds, many=None, hops=None, nullable=None):
        """A path to a column of one of the kinds, or of any but json; over other relations where the shop has none as asked for."""
        wanted = lambda p: ((p.kind in kinds if kinds else p.kind != "json") and (many is None or p.many == many)
                            and (nullable is None or p.nullable == nullable))
        if hops is None:
            hops = self.r.choices((0, 1, 2, 3), (45, 35, 15, 5))[0]
        for n in (hops, 1, 2, 0, 3):
            found = [p for p in PATHS[model][n] if wanted(p)]
            if found:
                return self.r.choice(found)
        return None if many is None else self.path(model, *kinds, hops=hops, nullable=nullable)

    # ---- values

    def sample(self, p):
        """A value that the column may well hold."""
        r = self.r
        if self.chance(.5) and f"{p.model}.{p.column}" in SEEDED:
            return r.choice(SEEDED[f"{p.model}.{p.column}"])
        date = lambda: f"{r.randrange(1900, 2026)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}"
        by_column = {
            "title": lambda: r.choice(WORDS), "isbn": lambda: f"978{r.randrange(400):010}", "status": lambda: r.choice("dpo"),
            "country": lambda: self.one_of("fr", "be", "JP", "us"), "email": lambda: f"a{r.randrange(80)}@Example.com",
            "label": lambda: f"tag-{r.randrange(40)}", "role": lambda: self.one_of("author", "editor"),
            "body": lambda: self.one_of("", r.choice(WORDS)), "name": lambda: f"{r.choice(WORDS)} {r.choice(WORDS)}",
            "born": lambda: r.randrange(1850, 2005), "pages": lambda: r.randrange(1200), "rating": lambda: r.randrange(1, 6),
            "position": lambda: r.randrange(3), "year": lambda: r.randrange(1900, 2026), "print_run": lambda: r.randrange(10**12),
        }
        by_kind = {
            "key": lambda: r.randrange(1, ROWS[p.model] + 1), "bool": lambda: self.chance(.5),
            "decimal": lambda: self.one_of(f"{r.randrange(20000) / 100:.2f}", r.randrange(200), r.randrange(800) / 4),
            "float": lambda: self.one_of(0, 0.0, 0.1, 1.5, 2.25, 1e-9, 3.3e10, "1.5"), "date": date,
            "datetime": lambda: f"{r.randrange(2000, 2031)}-{date()[5:]}T{self.time()}{self.one_of('Z', '+02:00', '.250000Z', '')}",
        }
        return (by_column.get(p.column) or by_kind[p.kind])()

    def time(self):
        return f"{self.r.randrange(24):02}:{self.r.randrange(60):02}:{self.r.randrange(60):02}"

    def piece(self, p):
        """A part of a text that the column may hold, in whatever case."""
        special = {"isbn": ("978", "0001", "3"), "email": ("@example", "A1", ".com", "a"), "label": ("tag", "-1", "TAG-2", "3"),
                   "status": ("d", "P"), "country": ("f", "u", "JP"), "role": ("aut", "OR", "tor")}
        if p.kind != "text":
            return str(self.sample(p))[:self.r.randrange(1, 4)]
        if p.column in special and self.chance(.8):
            return self.r.choice(special[p.column])
        return self.r.choice(PIECES[:5]) if self.chance(.4) else self.r.choice(PIECES)

    def compared(self, lookup, sample):
        """A value for an ordering lookup."""
        if lookup == "isnull":
            return self.chance(.5)
        if lookup == "in":
            some = [sample() for _ in range(self.r.choice((1, 1, 2, 3, 6, 12) if self.satisfiable else (0, 1, 2, 3, 6, 12)))]
            return some + [None] if self.chance(.15) else some
        if lookup == "range":
            ends = [sample(), sample()]
            return sorted(ends, key=lambda v: (str(type(v)), v)) if self.chance(.85) else ends
        return sample()

    # ---- conditions

    def lookup(self, model, **wanted):
        """One lookup with its value, as a dict."""
        kinds = wanted.pop("kinds", None) or (self.weighted(text=9, int=6, key=3, decimal=3, float=2, date=5, datetime=4, bool=1,
                                                            duration=1, json=4, relation=3),)
        if kinds == ("relation",):
            return self.relation_lookup(model, **wanted)
        p = self.path(model, *kinds, **wanted) or self.path(model)
        if p.kind == "duration" and self.chance(.6):
            return {f"{p.text}__{self.one_of('gt', 'lte', 'exact')}": {"f": self.path(model, "duration").text}}
        method = getattr(self, f"{p.kind}_lookup", None)
        if method:
            return method(p)
        return self.ordered_lookup(p)

    def ordered_lookup(self, p):
        if p.kind in ("int", "decimal", "float") and self.chance(.08):
            return self.text_lookup(p)
        lookup = self.one_of(*ORDERED)
        value = self.compared(lookup, lambda: self.sample(p))
        if p.kind == "int" and self.chance(.15) and lookup in ("exact", "gt", "gte", "lt", "lte"):
            value = self.one_of(value + .5, str(value), 99.5, *(() if self.satisfiable else (-1, 10**6, 2**40, -(10**20))))
        if lookup == "exact" and p.nullable and self.chance(.2):
            value = None
        return {self.spelled(p.text, lookup): value}

    def spelled(self, text, lookup):
        return text if lookup == "exact" and self.chance(.7) else f"{text}__{lookup}"

    def text_lookup(self, p):
        lookup = self.one_of(*dict.fromkeys(STRINGS + ORDERED))
        if lookup in ("regex", "iregex"):
            value = self.r.choice(PATTERNS[lookup]) if p.kind == "text" else self.one_of("^1", "[5-9]$", "0")
        elif lookup == "iexact":
            value = str(self.sample(p)) if not (p.nullable and self.chance(.15)) else None
            value = value and self.one_of(value, value.upper(), value.lower())
        elif lookup in STRINGS and lookup != "exact":
            value = self.piece(p)
        else:
            value = self.compared(lookup, lambda: self.sample(p))
            if lookup == "exact" and p.nullable and self.chance(.2):
                value = None
        return {self.spelled(p.text, lookup): value}

    def bool_lookup(self, p):
        return {self.spelled(p.text, "exact"): self.chance(.5)} if self.chance(.8) else {p.text + "__in": [True]}

    def key_lookup(self, p):
        text = p.text
        if self.chance(.5):
            text = text[:-2] + "pk"
        q = p._replace(text=text)
        return self.ordered_lookup(q)

    def date_lookup(self, p):
        if self.chance(.35):
            return self.ordered_lookup(p)
        if self.chance(.07):
            lookup = self.one_of("startswith", "contains", "regex")
            return {f"{p.text}__{lookup}": {"startswith": "19", "contains": "-0", "regex": "^20"}[lookup]}
        return self.part_lookup(p.text, self.one_of(*DATE_PARTS))

    def datetime_lookup(self, p):
        way = self.weighted(plain=3, date=2, date_part=3, time=1, time_part=3, chained=2)
        if way == "plain":
            return self.ordered_lookup(p)
        if way == "date":
            return self.ordered_lookup(p._replace(text=p.text + "__date", kind="date", column="released"))
        if way == "time":
            lookup = self.one_of("exact", "gt", "gte", "lt", "lte", "range")
            return {self.spelled(p.text + "__time", lookup): self.compared(lookup, self.time)}
        if way == "chained":
            return self.part_lookup(p.text + self.one_of("__date", "__time"), None)
        return self.part_lookup(p.text, self.one_of(*(DATE_PARTS if way == "date_part" else TIME_PARTS)))

    def part_lookup(self, text, part):
        if part is None:
            part = self.one_of(*(DATE_PARTS if text.endswith("date") else TIME_PARTS))
        low, high = {"year": (1900, 2031), "iso_year": (1900, 2031), "month": (1, 12), "day": (1, 31), "week": (1, 53), "week_day": (1, 7),
                     "iso_week_day": (1, 7), "quarter": (1, 4), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}[part]
        lookup = self.one_of("exact", "gt", "gte", "lt", "lte", "in", "range")
        return {self.spelled(f"{text}__{part}", lookup): self.compared(lookup, lambda: self.r.randint(low, high))}

    def duration_lookup(self, p):
        return {p.text + "__isnull": self.chance(.5)}

    def json_lookup(self, p):
        return self.one_of(*self.json_ways(p.text))

    def json_ways(self, t):
        x = self.r.randrange(5)
        return [
            {t: self.one_of(*JSON_VALUES)}, {t: None}, {t + "__isnull": self.chance(.5)}, {t + "__in": [7, {"lang": "fr"}, True]},
            {t + "__lang": self.one_of("fr", "en", "de")}, {t + "__lang": None}, {t + "__lang__isnull": self.chance(.5)},
            {t + "__lang__in": ["fr", self.one_of("en", None)]}, {t + "__lang__iexact": "FR"}, {t + "__lang__icontains": self.one_of("R", "%")},
            {t + "__lang__startswith": "f"}, {t + "__lang__istartswith": "E"}, {t + "__lang__endswith": "n"}, {t + "__lang__iendswith": "R"},
            {t + "__lang__regex": "^f"}, {t + "__lang__iregex": "N$"},
            {t + "__tags__0": "a"}, {t + "__tags__1__in": ["a", "b"]}, {t + "__tags": ["a", "b"]}, {t + "__tags__isnull": self.chance(.5)},
            {t + "__n__x": x}, {t + "__n__x__gt": self.one_of(x, 1.5)}, {t + "__n__x__gte": x}, {t + "__n__x__lt": x},
            {t + "__n__x__lte": self.one_of(x, 2.5)}, {t + "__n__x__in": [x, 1]}, {t + "__n": {"x": x}}, {t + "__0": 1}, {t + "__2__k": "v"},
            {t + "__has_key": self.one_of("lang", "n", "x")}, {t + "__n__has_key": "x"}, {t + "__has_keys": ["lang", "tags"]},
            {t + "__has_any_keys": ["tags", "n"]}, {t + "__contains": self.one_of({"lang": "fr"}, {"n": {}}, [1], 7)},
            {t + "__tags__contains": "a"}, {t + "__contained_by": self.one_of({"lang": "fr", "n": {"x": 1}}, [1, 2, 3, {"k": "v"}])},
        ]

    def relation_lookup(self, model, many=None, **_):
        """A relation itself as what is compared."""
        _, one, several = SHOP[model]
        names = list(one) * (many is not True) + list(several) * (many is not False) or list(one)
        name = self.one_of(*names)
        target = (one.get(name) or several.get(name)).rstrip("?")
        if self.chance(.25):
            _, far_one, far_several = SHOP[target]
            further = self.one_of(*far_one, *far_several)
            target = (far_one.get(further) or far_several.get(further)).rstrip("?")
            name = f"{name}__{further}"
        elif name in one and name != "first_edition" and self.chance(.3):
            name += "_id"
        key = Path(name, "key", target, "id", True, True, 1)
        lookup = self.one_of("exact", "in", "isnull", "isnull", "gt", "lte")
        if lookup == "exact" and self.chance(.25):
            return {name: None}
        return {self.spelled(name, lookup): self.compared(lookup, lambda: self.sample(key))}

    def f_lookup(self, model):
        """A comparison of two columns, often of two tables."""
        way = self.weighted(text=3, number=4, date=1, datetime=1, part=2, pattern=2, key=1)
        order = self.one_of("exact", "gt", "gte", "lt", "lte")
        if way == "part":
            left = self.path(model, "datetime", "date")
            if left and left.kind == "datetime" and self.chance(.5):
                right = self.path(model, "date")
                return {f"{left.text}__date__{order}": {"f": right.text}}
            right = self.path(model, "int")
            return {f"{left.text}__year__{order}": {"f": right.text}}
        if way == "pattern":
            lookup = self.one_of("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "iexact")
            return {f"{self.path(model, 'text').text}__{lookup}": {"f": self.path(model, "text").text}}
        kinds = ("int", "decimal", "float") if way == "number" else (way,)
        left = self.path(model, *kinds)
        right = self.path(model, *kinds)
        return {self.spelled(left.text, order): {"f": right.text}}

    def multi(self, model):
        """A lookup over a relation to many rows."""
        return self.lookup(model, many=True, hops=self.r.choices((1, 2, 3), (6, 3, 1))[0])

    def where(self, model, depth=0):
        way = self.weighted(one=10, two=3, many=3, f=2, **{"and": 2, "or": 3, "not": 3, "exists": 1.5, "empty": .1}) if depth < 3 else "one"
        deeper = lambda: self.where(model, depth + 1)
        if way == "one":
            return self.lookup(model)
        if way == "two":
            return {**self.lookup(model), **self.lookup(model)}
        if way == "many":
            # Both on one relation, to be met by the same row in one filter.
            some = self.multi(model)
            relation = next(iter(some)).split("__")[0]
            again = [p for p in PATHS[model][1] if p.text.startswith(relation + "__") and p.kind in ("text", "int", "key", "date")]
            if self.chance(.5) and again:
                p = self.r.choice(again)
                some.update(self.text_lookup(p) if p.kind == "text" else self.ordered_lookup(p))
            return some
        if way == "f":
            return self.f_lookup(model)
        if way in ("and", "or"):
            return {way: [deeper() for _ in range(self.r.choice((2, 2, 3)))]}
        if way == "not":
            return {"not": self.multi(model) if self.chance(.5) else deeper()}
        if way == "exists":
            return {"exists": self.tied(model, depth)}
        return {}

    # ---- subqueries

    def exists(self, model):
        """As an expression, so that it can be a part of one."""
        before, self.satisfiable = self.satisfiable, True
        made = {"exists": self.tied(model)}
        self.satisfiable = before
        return made

    def tied(self, model, depth=0):
        """A query over another table that speaks of the outer row."""
        inner, path, outer = self.r.choice(TIES[model])
        condition = {path: {"outer": outer}}
        more = self.r.random()
        if more < .3:
            condition = {"and": [condition, self.lookup(inner)]}
        elif more < .45:
            condition = {"and": [condition, {"not": self.multi(inner) if SHOP[inner][2] else self.lookup(inner)}]}
        elif more < .6 and depth < 2:
            condition = {"and": [condition, {"exists": self.tied(inner, depth + 2)}]}
        elif more < .65 and not self.satisfiable:
            condition = {**condition, "pk__in": []}
        spec = {"model": f"shop.{inner}", "filter": condition}
        if self.chance(.15):
            spec["exclude"] = self.lookup(inner)
        if self.chance(.1):
            spec.update(order_by=["pk"], values=["pk"], limit=self.r.randrange(1, 4))
        return spec

    def scalar(self, model, kind):
        """A subquery of one row and one column."""
        before, self.satisfiable = self.satisfiable, True
        made = self.one_row(model, kind)
        self.satisfiable = before
        return made

    def one_row(self, model, kind):
        for _ in range(20):
            spec = self.tied(model)
            inner = spec["model"][5:]
            for key in ("limit", "order_by", "values"):
                spec.pop(key, None)
            tie = next(iter(spec["filter"].get("and", [spec["filter"]])[0]))
            if kind == "int" and "__" not in tie and self.chance(.5):
                return {"subquery": {**spec, "group_by": [tie], "annotate": {"s": self.aggregate(inner, "int", many=False)}, "order_by": [],
                                     "values": ["s"]}}
            p = self.path(inner, kind, many=False)
            if p and not p.many:
                order = [self.one_of("", "-") + self.path(inner, "int", "text", "key", many=False, hops=0).text, self.one_of("pk", "-pk")]
                return {"subquery": {**spec, "order_by": order, "values": [p.text], "limit": 1}}
        return {"f": self.path(model, kind).text}

    # ---- expressions

    def expression(self, model, kind, depth=0):
        """An expression of the kind over the model's row."""
        p = self.path(model, kind, many=False, hops=self.r.choices((0, 1, 2), (6, 3, 1))[0]) or self.path(model, kind)
        column = {"f": p.text}
        if depth > 2 or self.chance(.12 * depth):
            return column
        if kind == "bool":
            return self.one_of(lambda: self.exists(model), lambda: self.case(model, kind, depth), lambda: column)()
        general = [lambda: {"fn": "coalesce", "args": [column, self.expression(model, kind, depth + 1)]}, lambda: self.case(model, kind, depth),
                   lambda: self.scalar(model, kind)]
        return self.one_of(*general, *self.ways(model, kind, column, depth))()

    def ways(self, model, kind, column, depth):
        """Functions that each make an expression of the kind in a way of their own."""
        again = lambda k=kind: self.expression(model, k, depth + 1)
        fn = lambda name, *args: {"fn": name, "args": list(args)}
        op = lambda sign, left, right: {"op": sign, "left": left, "right": right}
        small = {"value": self.r.randrange(1, 10)}
        number = lambda: self.path(model, "int", many=False).text
        dated = lambda: self.path(model, "date", "datetime", many=False)
        text = {"value": self.one_of("x", "é", "", "50%", "it's", "nuages")}
        truncated = [lambda: fn("trunc_year", again()), lambda: fn("trunc_month", again()), lambda: fn("trunc_day", again())]
        own = {
            "text": [lambda: fn("lower", again()), lambda: fn("upper", again()), lambda: fn("concat", column, text),
                     lambda: fn("concat", again(), text, again()), lambda: fn("coalesce", column, text), lambda: fn("nullif", column, text),
                     lambda: fn("greatest", column, text)],
            "int": [lambda: fn("length", again("text")), lambda: op("+", again(), small), lambda: op("-", column, {"f": number()}),
                    lambda: op("*", column, small), lambda: op("/", column, small), lambda: op("%", column, small),
                    lambda: fn("abs", op("-", column, {"f": number()})), lambda: fn("coalesce", column, {"value": 0}),
                    lambda: op("/", column, fn("nullif", {"f": number()}, {"value": 0})),
                    lambda: op("%", {"f": number()}, fn("nullif", {"f": number()}, {"value": 0})),
                    lambda: fn("extract_year", again(self.one_of("date", "datetime"))), lambda: fn("extract_month", {"f": dated().text}),
                    lambda: fn("extract_week_day", {"f": dated().text})],
            "decimal": [lambda: op("*", column, small), lambda: op("+", column, {"f": number()}), lambda: op("/", column, small),
                        lambda: op("-", again(), column), lambda: fn("round", column, {"value": 2}), lambda: fn("round", op("/", column, small)),
                        lambda: fn("abs", op("-", column, {"value": 100})), lambda: op("%", column, small)],
            "float": [lambda: op("+", column, {"value": .5}), lambda: op("*", column, {"f": number()}), lambda: op("/", column, {"value": 4}),
                      lambda: fn("round", column), lambda: fn("abs", op("-", column, {"value": 2.0})),
                      lambda: fn("coalesce", column, {"value": 1.25}), lambda: op("-", {"f": number()}, {"value": .5})],
            "date": truncated,
            "datetime": [*truncated, *[(lambda sign=sign, left=left: op(sign, left(), again("duration"))) for sign in "+-"
                                       for left in (lambda: column, lambda: {"f": self.path(model, "date").text})]],
            "duration": [lambda: op("+", column, again()), lambda: op("-", column, again()), lambda: op("-", again("datetime"), {"f": self.path(model, "datetime").text}),
                         lambda: op("-", {"f": self.path(model, "date").text}, {"f": self.path(model, "date").text})],
        }
        return own[kind] + [lambda: fn("nullif", again(), column), lambda: fn("greatest", again(), column), lambda: fn("least", column, again())]

    def case(self, model, kind, depth):
        values = {"text": ("low", "high", "é"), "int": (0, 1, -7), "float": (.5, 1.5), "bool": (True, False)}
        result = lambda: ({"value": self.one_of(*values[kind])} if kind in values and self.chance(.6)
                          else self.expression(model, kind, depth + 1))
        condition = lambda: ({"pk__in": []} if self.chance(.05) else self.where(model, 2))
        case = {"case": [[condition(), result()] for _ in range(self.r.choice((1, 1, 2, 3)))]}
        if self.chance(.7):
            case["default"] = result()
        return case

    def aggregate(self, model, kind=None, many=True):
        """An aggregate over a path, of the kind or of any."""
        fn = "count" if kind == "int" and self.chance(.5) else self.one_of(*AGGREGATES)
        kinds = {"count": (), "sum": ("int", "decimal", "duration"), "avg": ("int", "decimal", "duration"),
                 "min": ("text", "int", "decimal", "float", "date", "datetime", "duration")}.get(fn, ("text", "int", "decimal", "date", "datetime"))
        if kind == "int":
            kinds = () if fn == "count" else ("int",)
        p = self.path(model, *kinds, many=many, hops=self.r.choices((1, 2, 3), (6, 3, 1))[0] if many else 0) or self.path(model, *kinds)
        path = p.text
        if fn == "count" and self.chance(.5):
            path = self.one_of("*", "pk", path.rpartition("__")[0] or "pk")
        e = {"fn": fn, "path": path}
        if path != "*" and self.chance(.3 if fn in ("count", "sum", "avg") else .02):
            e["distinct"] = True
        if self.chance(.3 if path != "*" else .02):
            e["filter"] = self.lookup(model) if self.chance(.7) else self.where(model, 2)
        return e

    def kind_of(self, model, e):
        """The kind of an aggregate's value."""
        if e["fn"] == "count":
            return "int"
        kind = resolve(model, e["path"])[2]
        return "float" if e["fn"] == "avg" and kind == "int" else kind

    # ---- whole specs

    def ordered(self, spec, values, total=True):
        """Adds values and an order in which no two different rows are tied."""
        chosen = []
        model = spec["model"][5:]
        if self.chance(.35):
            chosen = self.ordering(model, spec)
        keys = [] if "group_by" in spec or not total else ["pk"]
        named = {key.lstrip("-") for key in chosen}
        spec["order_by"] = chosen + [self.one_of("", "-") + v for v in dict.fromkeys(keys + values) if v not in named]
        spec["values"] = values
        return spec

    def ordering(self, model, spec):
        if "group_by" in spec:
            return [self.one_of("", "-") + n for n in self.r.sample(list(spec["annotate"]), min(1, len(spec["annotate"])))]
        relations = [*SHOP[model][1], *([*SHOP[model][2]] if self.chance(.2) else [])]
        ways = [lambda: self.path(model, many=False).text, lambda: self.path(model, many=False, hops=1).text]
        if relations:
            ways.append(lambda: self.one_of(*relations))
        if spec.get("annotate"):
            ways.append(lambda: self.one_of(*spec["annotate"]))
        if model in ("Book", "Review", "Contribution", "Edition"):
            prefix = "" if model == "Book" else "book__"
            ways.append(lambda: prefix + self.one_of("meta__lang", "meta__n__x", "released__year", "updated__time"))
            ways.append(lambda: self.one_of("publisher__parent", "first_edition", "publisher") if model == "Book" else "book")
        return list(dict.fromkeys(self.one_of("", "-") + self.r.choice(ways)() for _ in range(self.r.choice((1, 1, 2)))))

    def columns(self, model, many=False):
        """Columns and relations to ask for."""
        some = [self.path(model, many=False).text for _ in range(self.r.choice((1, 2, 3)))]
        if self.chance(.2) and SHOP[model][1]:
            some.append(self.one_of(*SHOP[model][1]))
        if model in ("Book", "Review", "Edition", "Contribution") and self.chance(.15):
            prefix = "" if model == "Book" else "book__"
            some.append(prefix + self.one_of("meta", "meta__lang", "meta__n__x", "meta__tags", "released__year", "updated__date"))
        if many and SHOP[model][2]:
            name = self.one_of(*SHOP[model][2])
            some.append(name if self.chance(.4) else self.path(model, many=True, hops=self.one_of(1, 1, 2)).text)
        if self.chance(.4):
            some.insert(0, "pk")
        return list(dict.fromkeys(some))

    def cut(self, spec):
        if self.chance(.85):
            spec["limit"] = self.r.choice((0, 1, 3, 200)) if self.chance(.2) else self.r.randrange(5, 40)
        if self.chance(.2):
            spec["offset"] = self.r.choice((0, 1, 2, 5, 30))
        return spec

    def filtered(self, model=None):
        model = model or self.model()
        spec = {"model": f"shop.{model}"}
        if self.chance(.75):
            spec["filter"] = self.where(model)
        if self.chance(.3):
            spec["exclude"] = self.multi(model) if SHOP[model][2] and self.chance(.6) else self.where(model, 1)
        return spec

    def rows(self):
        spec = self.filtered()
        many = self.chance(.25)
        return self.cut(self.ordered(spec, self.columns(spec["model"][5:], many)))

    def negated(self):
        """Exclusion over many rows, alone and combined."""
        model = self.one_of("Book", "Book", "Author", "Publisher", "Tag")
        spec = {"model": f"shop.{model}"}
        some = self.multi(model)
        if self.chance(.4):
            some.update(self.multi(model) if self.chance(.5) else self.lookup(model))
        if self.chance(.5):
            spec["exclude"] = self.one_of(some, {"not": some}, {"or": [some, self.lookup(model)]}, {"and": [self.multi(model), some]})
        else:
            spec["filter"] = self.one_of({"not": some}, {"and": [self.multi(model), {"not": some}]}, {"or": [{"not": some}, self.lookup(model)]},
                                         {"not": {"and": [some, {"not": self.multi(model)}]}})
        if self.chance(.3):
            return {**spec, "count": True}
        return self.cut(self.ordered(spec, self.columns(model)))

    def default_order(self):
        """Rows of the one model with an ordering of its own."""
        spec = self.filtered("Book")
        if any(many for key in ("filter",) for _, _, many in relations_in("Book", spec.get(key, {}))):
            spec["distinct"] = True
        spec["values"] = list(dict.fromkeys(["pk"] + self.columns("Book")))
        return self.cut(spec)

    def annotated(self):
        spec = self.filtered()
        model = spec["model"][5:]
        notes = {}
        for _ in range(self.r.choice((1, 1, 2))):
            kind = self.weighted(text=4, int=4, decimal=2, float=2, date=2, datetime=2, duration=2, bool=2)
            notes[self.name("e")] = self.expression(model, kind)
            if kind in ("text", "int", "decimal", "float") and self.chance(.25):
                last = list(notes)[-1]
                value = self.r.choice(("a", "n", "é")) if kind == "text" else self.r.randrange(60)
                spec["having"] = self.one_of({f"{last}__gt": value}, {f"{last}__isnull": False}, {"not": {f"{last}__lt": value}},
                                             {f"{last}__in": [value, 1 if kind != "text" else "x"]})
        spec["annotate"] = notes
        return self.cut(self.ordered(spec, (["pk"] if self.chance(.5) else self.columns(model)) + list(notes)))

    def having(self, model, notes):
        """A condition over annotations that are aggregates."""
        numbers = [n for n, kind in notes.items() if kind in ("int", "float", "decimal")]
        if not numbers:
            return {self.one_of(*notes) + "__isnull": self.chance(.3)}
        n = self.one_of(*numbers)
        parts = [{f"{n}__{self.one_of('gt', 'gte', 'lt', 'lte')}": self.r.randrange(4)}, {f"{n}__range": [1, 50]},
                 {"not": {n: 0}}, {"or": [{f"{n}__gt": 1}, {f"{n}__isnull": True}]}]
        if len(numbers) > 1:
            parts.append({f"{n}__gte": {"f": self.one_of(*numbers)}})
        parts.append({"and": [{f"{n}__gte": 1}, self.lookup(model)]})
        parts.append({"or": [{f"{n}__gte": 2}, self.lookup(model, many=False)]})
        return self.r.choice(parts)

    def noted(self, model):
        """One to three aggregates, and what kinds their values have."""
        notes, kinds = {}, {}
        for _ in range(self.r.choice((1, 2, 2, 3))):
            e = self.aggregate(model)
            name = self.name("a")
            kinds[name] = self.kind_of(model, e)
            if kinds[name] == "int" and self.chance(.15):
                e = self.one_of({"fn": "coalesce", "args": [e, {"value": 0}]}, {"op": "+", "left": e, "right": {"value": 1}},
                                {"op": "*", "left": e, "right": self.aggregate(model, "int")})
            notes[name] = e
        return notes, kinds

    def aggregated(self):
        """Aggregates for each row, over several joins."""
        spec = self.filtered()
        model = spec["model"][5:]
        notes, kinds = self.noted(model)
        if self.chance(.15):
            notes[self.name("e")] = self.case_over(kinds) if "int" in kinds.values() else self.expression(model, "int")
        spec["annotate"] = notes
        if self.chance(.4):
            spec["having"] = self.having(model, kinds)
        return self.cut(self.ordered(spec, (["pk"] if self.chance(.5) else self.columns(model)) + list(notes)))

    def case_over(self, kinds):
        n = self.one_of(*[n for n, kind in kinds.items() if kind == "int"])
        return {"case": [[{f"{n}__gt": 3}, {"value": "many"}], [{f"{n}__gt": 0}, {"value": "some"}]], "default": {"value": "none"}}

    def grouped(self):
        spec = self.filtered()
        model = spec["model"][5:]
        keys = [self.path(model, many=True if self.chance(.15) else False, hops=self.one_of(0, 0, 1, 1, 2)).text
                for _ in range(self.r.choice((1, 1, 2)))]
        if self.chance(.5):
            keys = [self.one_of(*{"Book": ("status", "publisher", "publisher__country", "in_stock", "released__year", "meta__lang", "updated__month",
                                           "tags__label", "first_edition__year"),
                                  "Author": ("born", "mentor", "mentor__name", "books__status"),
                                  "Publisher": ("country", "parent", "books__status", "parent__country"),
                                  "Review": ("rating", "book__status", "created__year", "reviewer", "book__publisher__country"),
                                  "Tag": ("parent", "parent__label", "books__in_stock"),
                                  "Contribution": ("role", "position", "author__born", "book__status"),
                                  "Edition": ("year", "book__status", "book__publisher")}[model])]
        spec["group_by"] = list(dict.fromkeys(keys))
        notes, kinds = self.noted(model)
        spec["annotate"] = notes
        if self.chance(.5):
            spec["having"] = self.having(model, kinds)
        values = spec["group_by"] + list(notes)
        self.ordered(spec, values)
        return self.cut(spec)

    def subqueries(self):
        spec = self.filtered()
        model = spec["model"][5:]
        notes = {}
        for _ in range(self.r.choice((1, 1, 2))):
            way = self.weighted(scalar=3, exists=2, nested=1)
            name = self.name("s")
            if way == "exists":
                notes[name] = self.exists(model)
                if self.chance(.4):
                    spec["having"] = {name: self.chance(.6)}
            elif way == "scalar":
                notes[name] = self.scalar(model, self.one_of("int", "text", "int", "date", "decimal"))
                if self.chance(.3):
                    spec["having"] = {name + "__isnull": self.chance(.3)}
                elif self.chance(.15) and "subquery" in notes[name]:
                    notes[name]["subquery"]["exclude"] = {"pk__isnull": False}
                    notes[name]["subquery"]["filter"] = {"and": [notes[name]["subquery"]["filter"], {"pk__in": []}]}
            else:
                notes[name] = {"fn": "coalesce", "args": [self.scalar(model, "int"), {"value": 0}]}
        spec["annotate"] = notes
        return self.cut(self.ordered(spec, ["pk"] + list(notes)))

    def distinct(self):
        spec = self.filtered()
        model = spec["model"][5:]
        many = self.chance(.4)
        values = [v for v in self.columns(model, many) if self.chance(.5) or v != "pk"]
        if self.chance(.2):
            name = self.name("e")
            spec["annotate"] = {name: self.expression(model, "int")}
            values.append(name)
        spec["distinct"] = True
        return self.cut(self.ordered(spec, values, total=self.chance(.4)))

    def counted(self):
        spec = self.one_of(self.filtered, self.filtered, self.rows, self.grouped, self.aggregated, self.distinct)()
        if self.chance(.3):
            return {**spec, "exists_only": True}
        return {**spec, "count": True}

    def totals(self):
        """Aggregates of a whole query: plain, sliced, distinct, or over what was annotated."""
        way = self.weighted(plain=4, sliced=2, distinct=1, over=3, empty=.5)
        spec = self.filtered()
        model = spec["model"][5:]
        if way == "sliced":
            self.ordered(spec, ["pk"])
            spec.pop("values")
            spec["limit"] = self.r.randrange(1, 50)
            spec["offset"] = self.one_of(0, 3)
        if way == "distinct":
            spec["distinct"] = True
        if way == "empty":
            spec["filter"] = {"pk__in": []}
        if way == "over":
            spec["annotate"] = {"n": self.aggregate(model, "int")}
            if self.chance(.4):
                spec["having"] = {"n__gte": self.r.randrange(3)}
            if self.chance(.3):
                p = self.path(model, "text", "int", "bool", many=False, hops=0)
                spec["group_by"] = [p.text]
            spec["aggregate"] = {"t": {"fn": self.one_of(*AGGREGATES), "path": "n"}}
            if self.chance(.3):
                spec["aggregate"]["u"] = {"fn": "count", "path": "n", "distinct": True}
            return spec
        many = self.chance(.4)
        if way == "sliced":
            # Which of a row's joined rows the slice keeps is for chance, so only the row's own columns are asked for.
            spec["aggregate"] = {self.name("t"): {"fn": self.one_of("count", "sum", "avg", "min", "max"),
                                                  "path": self.path(model, "int", "key", many=False).text} for _ in range(2)}
            return spec
        spec["aggregate"] = {self.name("t"): self.aggregate(model, many=many) for _ in range(self.r.choice((1, 2, 3)))}
        if self.chance(.2):
            spec["aggregate"]["c"] = {"fn": "coalesce", "args": [self.aggregate(model, "int", many=many), {"value": -1}]}
        return spec

    def in_turn(self):
        """One JSON lookup, or one kind of expression."""
        kinds = ("text", "int", "decimal", "float", "date", "datetime", "duration")
        book = {"f": self.path("Book", "int", many=False, hops=0).text}
        places = [("json", i) for i in range(len(self.json_ways("")))]
        places += [(kind, i) for kind in kinds for i in range(len(self.ways("Book", kind, book, 1)))]
        kind, i = places[self.index // 8 % len(places)]
        if kind == "json":
            condition = self.json_ways(self.one_of("meta", "meta", "publisher__books__meta"))[i]
            if self.chance(.3):
                condition = {"not": condition}
            return self.cut(self.ordered({"model": "shop.Book", "filter": condition}, ["pk", "meta"]))
        column = {"f": self.path("Book", kind, many=False, hops=0).text}
        spec = {"model": "shop.Book", "annotate": {"e": self.ways("Book", kind, column, 1)[i]()}}
        return self.cut(self.ordered(spec, ["pk", "e"]))

    def refused(self):
        """What Django will not answer."""
        model = self.model()
        text = self.path(model, "text") or self.path("Book", "text")
        number = self.path(model, "int", "key")
        date = self.path(model, "date", "datetime")
        relation = self.one_of(*SHOP[model][1], *SHOP[model][2])
        only = SHOP[model][1]
        m = {"model": f"shop.{model}"}
        f = lambda condition: {**m, "filter": condition, "order_by": ["pk"], "values": ["pk"]}
        note = lambda e: {**m, "annotate": {"x": e}, "order_by": ["pk"], "values": ["pk", "x"]}
        ways = [
            lambda: f({self.one_of("nope", "titel", "pk_"): 1}),
            lambda: f({self.one_of(relation + "__nope", text.text + "_"): 1}),
            lambda: f({text.text + self.one_of("__nope", "__year", "__lower", "__month__gt", "__icontain"): "x"}),
            lambda: f({number.text + self.one_of("__date", "__week_day", "__has_key"): 1}),
            lambda: f({f"{text.text}__exact__gt": 1}),
            lambda: f({(date or text).text + self.one_of("__nope", "__year__nope", "__upper"): 1}),
            lambda: f({relation + self.one_of("__icontains", "__regex", "__year"): "x"}),
            lambda: f({number.text: self.one_of("abc", "1.5x", [1, 2], {"x": 1})}),
            lambda: f({f"{number.text}__gt": "x"}),
            lambda: f({f"{number.text}__in": self.one_of(5, ["x"], None)}),
            lambda: f({f"{text.text}__gt": None}),
            lambda: f({f"{text.text}__{self.one_of('icontains', 'startswith', 'regex')}": None}),
            lambda: f({f"{text.text}__isnull": self.one_of(1, "yes", None)}),
            lambda: {"model": "shop.Book", "filter": {"released": self.one_of("2020-13-01", "soon", 5)}, "count": True},
            lambda: {"model": "shop.Book", "filter": {"updated__gt": self.one_of("2020-01-32T00:00:00Z", "noon", 7, True)}, "count": True},
            lambda: {"model": "shop.Book", "filter": {"price__lt": self.one_of("cheap", "1,5", [1])}, "count": True},
            lambda: {"model": "shop.Book", "filter": {"weight": self.one_of("heavy", [1])}, "exists_only": True},
            lambda: {"model": "shop.Book", "filter": {"in_stock": self.one_of("maybe", 2)}, "count": True},
            lambda: {"model": "shop.Book", "filter": {"released__year": self.one_of("x", "20o0")}, "count": True},
            lambda: {"model": "shop.Book", "filter": {"title__regex": self.one_of("(", "[a", "*a")}, "count": True},
            lambda: f({relation: self.one_of("x", [1, 2])}) if relation in only else f({relation + "__in": 5}),
            lambda: {**m, "order_by": [self.one_of("nope", "-titel")], "values": ["pk"]},
            lambda: {**m, "order_by": [self.one_of(relation + "__nope", number.text + "__year")], "values": ["pk"]},
            lambda: {**m, "values": ["pk", self.one_of("nope", "titel")]},
            lambda: {**m, "values": ["pk", self.one_of(relation, text.text) + "__nope"]},
            lambda: {**m, "group_by": ["nope"], "annotate": {"n": {"fn": "count", "path": "*"}}, "values": ["n"]},
            lambda: note({"fn": self.one_of("sum", "count", "max"), "path": self.one_of("nope", relation + "__nope")}),
            lambda: note({"f": self.one_of("nope", relation + "__nope")}),
            lambda: {**m, "annotate": {self.one_of("id", relation): {"value": 1}}, "values": ["pk"]},
            lambda: note({"fn": self.one_of("trunc_year", "trunc_day", "extract_month"), "args": [{"f": text.text}]}),
            lambda: note({"fn": "extract_year", "args": [{"f": number.text}]}),
            lambda: {"model": "shop.Book", "annotate": {"x": {"fn": "extract_year", "args": [{"f": "reading_time"}]}}, "values": ["x"]},
            lambda: note({"op": self.one_of("+", "*"), "left": {"f": text.text}, "right": {"value": self.one_of(1, "x")}}),
            lambda: {"model": "shop.Book", "annotate": {"x": {"op": self.one_of("*", "+"), "left": {"f": "price"}, "right": {"f": "weight"}}},
                     "values": ["x"]},
            lambda: {"model": "shop.Book", "annotate": {"x": {"fn": "coalesce", "args": [{"f": "price"}, {"value": 0}]}}, "values": ["x"]},
            lambda: note({"fn": self.one_of("coalesce", "concat", "greatest"), "args": [{"f": text.text}, {"f": number.text}]}),
            lambda: note({"case": [[{"pk__gt": 3}, {"value": 1}]], "default": {"value": "x"}}),
            lambda: note({"fn": self.one_of("coalesce", "greatest", "least"), "args": [{"f": text.text}]}),
            lambda: {**m, "annotate": {"n": {"fn": "count", "path": "pk"}, "s": {"fn": "sum", "path": "n"}}, "values": ["s"]},
            lambda: {**m, "aggregate": {"x": {"f": number.text}}},
            lambda: {**m, "aggregate": {"x": {"fn": "sum", "path": "nope"}}},
            lambda: {**m, "order_by": ["pk"], "values": ["pk"], **self.one_of({"limit": -1}, {"limit": 5, "offset": -2})},
            lambda: f({"pk": {"outer": "pk"}}),
            lambda: {"model": "shop.Book", "annotate": {"x": {"exists": {"model": "shop.Review", "filter": {"book": {"outer": "nope"}}}}},
                     "values": ["x"]},
            lambda: {"model": "shop.Book", "aggregate": {"x": {"fn": self.one_of("avg", "sum"), "path": self.one_of("released", "updated")}}},
            lambda: f({number.text + "__gt": {"f": self.one_of("nope", relation + "__nope")}}),
        ]
        return ways[self.index // 12 % len(ways)]()

    def spec(self):
        # What chance would miss comes in its turn.
        if self.index % 12 == 11:
            return "refused", self.refused()
        if self.index % 8 == 5:
            return "in turn", self.in_turn()
        shape = self.weighted(rows=14, negated=10, default_order=3, annotated=15, aggregated=12, grouped=12, subqueries=8, distinct=5,
                              counted=6, totals=8)
        while True:
            self.names = 0
            spec = getattr(self, shape)()
            if spread(spec) <= 60_000 and ("limit" in spec or "values" not in spec or spread(spec) <= 2_000):
                return shape, spec


def generate(count, seed):
    """`count` pairs of a shape's name and a spec."""
    return [Maker(seed, i).spec() for i in range(count)]


# How many rows a relation leads to, about.
FAN = {"imprints": 1, "books": 25, "pupils": 1, "friends": 2, "contribution": 4, "reviews": 4, "children": 1, "authors": 2, "tags": 2}


def spread(spec):
    """About how many rows the joins of a spec make."""
    ways = set()

    def walk(x, model):
        if isinstance(x, dict):
            model = x["model"][5:] if "model" in x else model
            for key, value in x.items():
                walk(key, model)
                walk(value, model)
        elif isinstance(x, list):
            for part in x:
                walk(part, model)
        elif isinstance(x, str):
            try:
                names = tuple(name for _, name, _ in resolve(model, x.lstrip("-"))[0])
            except KeyError:
                return
            ways.update((model, names[:n + 1]) for n in range(len(names)) if names[n] in FAN)

    walk(spec, None)
    rows = ROWS[spec["model"][5:]]
    for _, names in ways:
        rows *= FAN[names[-1]]
    return rows


# ---- what a spec reaches


def relations_in(model, condition):
    """The relations that the lookups of a condition go over, as resolve() gives them."""
    for key, value in condition.items():
        if key in ("and", "or"):
            for part in value:
                yield from relations_in(model, part)
        elif key == "not":
            yield from relations_in(model, value)
        elif key != "exists":
            try:
                yield from resolve(model, key)[0]
            except KeyError:
                pass


def features(spec):
    """The names of what a spec uses, in order."""
    found = set()
    condition_features(spec, spec["model"][5:], found)
    return sorted(found)


SHAPES = {"count": "count", "exists_only": "exists_only", "aggregate": "aggregate", "having": "having", "distinct": "distinct",
          "limit": "limit", "offset": "offset", "exclude": "exclude", "group_by": "group by"}


def condition_features(spec, model, found, inner=False):
    for key, name in SHAPES.items():
        if spec.get(key) is not None:
            found.add("shape: " + name)
    notes = set(spec.get("annotate", {}))
    if "annotate" in spec and "group_by" not in spec and any(is_aggregate(e) for e in spec["annotate"].values()):
        found.add("shape: aggregates without group by")
    if "aggregate" in spec:
        for key in ("limit", "distinct", "annotate"):
            if key in spec:
                found.add(f"shape: aggregate over {key}")
    if "order_by" not in spec and "values" in spec and not inner:
        found.add("order: the model's own")
    for key in ("filter", "exclude", "having"):
        if key in spec:
            where_features(spec[key], model, found, notes, negated=key == "exclude")
    for e in [*spec.get("annotate", {}).values(), *spec.get("aggregate", {}).values()]:
        expression_features(e, model, found, notes)
    for key in ("values", "group_by", "order_by"):
        for text in spec.get(key, []):
            word = {"values": "value", "group_by": "group", "order_by": "order"}[key]
            plain = text.lstrip("-")
            if plain in notes:
                found.add(f"{word}: annotation")
                continue
            path_features(model, plain, found, word)


def path_features(model, text, found, word):
    try:
        relations, column, kind, rest = resolve(model, text)
    except KeyError:
        found.add(f"{word}: unknown")
        return None
    relation_features(relations, found)
    if any(many for _, _, many in relations):
        found.add(f"{word}: to many")
    if word == "order" and relations:
        found.add("order: relation's own" if column is None else "order: column of a relation")
    if kind == "json" and rest:
        found.add(f"{word}: json path")
    elif rest and word != "lookup":
        found.add(f"{word}: transform")
    return relations, column, kind, rest


def relation_features(relations, found):
    for model, name, many in relations:
        if name in ("authors",) or (model, name) == ("Author", "books"):
            found.add("relation: many-to-many through")
        elif name in ("tags", "friends") or (model, name) == ("Tag", "books"):
            found.add("relation: many-to-many")
        elif many:
            found.add("relation: reverse")
        elif name == "first_edition":
            found.add("relation: one-to-one reverse")
        elif model == "Edition":
            found.add("relation: one-to-one")
        elif SHOP[model][1][name].endswith("?"):
            found.add("relation: nullable")
        else:
            found.add("relation: required")
        if name in ("parent", "imprints", "mentor", "pupils", "friends", "children"):
            found.add("relation: to self")
    if len(relations) > 1:
        found.add(f"relation: {len(relations)} hops")


def where_features(condition, model, found, notes, negated):
    for key, value in condition.items():
        if key in ("and", "or"):
            found.add("where: " + key)
            for part in value:
                where_features(part, model, found, notes, negated)
        elif key == "not":
            found.add("where: not")
            where_features(value, model, found, notes, not negated)
        elif key == "exists":
            found.add("where: exists")
            inner_features(value, found)
        elif key.split("__")[0] in notes:
            found.add("lookup on annotation")
            value_features(value, found)
        else:
            lookup_features(key, value, model, found, negated)


def lookup_features(key, value, model, found, negated):
    at = path_features(model, key, found, "lookup")
    if at is None:
        return
    relations, column, kind, rest = at
    if column == "pk":
        found.add("path: pk")
    if column is None:
        found.add("path: relation")
    if negated and any(many for _, _, many in relations):
        found.add(f"where: negated over {sum(many for _, _, many in relations)} to-many")
    if negated and kind == "json":
        found.add("where: negated json")
    lookup = rest[-1] if rest and rest[-1] in LOOKUPS else "exact"
    steps = rest[:-1] if rest and rest[-1] in LOOKUPS else rest
    found.add(f"lookup: {kind} {lookup}")
    if kind != "json":
        found.update(f"transform: {step}" for step in steps)
        if len(steps) > 1:
            found.add("transform: chained")
    if lookup == "in" and value == []:
        found.add("value: empty in")
    if lookup == "in" and isinstance(value, list) and None in value:
        found.add("value: null in in")
    value_features(value, found)


def value_features(value, found):
    if value is None:
        found.add("value: null")
    if isinstance(value, dict) and set(value) == {"f"}:
        found.add("value: column")
        if "__" in value["f"]:
            found.add("value: column of a relation")
    if isinstance(value, dict) and set(value) == {"outer"}:
        found.add("value: outer column")
        if "__" in value["outer"]:
            found.add("value: outer column of a relation")
    if isinstance(value, str):
        if not value.isascii():
            found.add("value: not ASCII")
        if any(c in value for c in "%_\\"):
            found.add("value: special to LIKE")


def inner_features(spec, found):
    before = "where: exists" in found
    within = set()
    condition_features(spec, spec["model"][5:], within, inner=True)
    if "where: exists" in within:
        found.add("where: exists in exists")
    found.update(within)
    if not before and "where: exists" not in within:
        found.discard("where: exists in exists")


def is_aggregate(e):
    return isinstance(e, dict) and (e.get("fn") in AGGREGATES or any(is_aggregate(part) for part in
                                                                     [*e.get("args", []), e.get("left"), e.get("right")]))


def expression_features(e, model, found, notes):
    if "case" in e:
        found.add("expression: case" if "default" in e else "expression: case without default")
        for condition, result in e["case"]:
            where_features(condition, model, found, notes, False)
            expression_features(result, model, found, notes)
        if "default" in e:
            expression_features(e["default"], model, found, notes)
    elif "exists" in e:
        found.add("expression: exists")
        inner_features(e["exists"], found)
    elif "subquery" in e:
        found.add("expression: grouped subquery" if "group_by" in e["subquery"] else "expression: subquery")
        inner_features(e["subquery"], found)
    elif "op" in e:
        found.add(f"operator: {kind_of(e, model, notes)} {e['op']}")
        expression_features(e["left"], model, found, notes)
        expression_features(e["right"], model, found, notes)
    elif "f" in e:
        path_features(model, e["f"], found, "expression")
    elif "value" in e:
        value_features(e["value"], found)
    elif e["fn"] in AGGREGATES:
        found.add(f"aggregate: {e['fn']}")
        if e["path"] in notes:
            found.add("aggregate: of an annotation")
        elif e["path"] != "*":
            path_features(model, e["path"], found, "aggregate")
        else:
            found.add("aggregate: *")
        if e.get("distinct"):
            found.add("aggregate: distinct")
        if "filter" in e:
            found.add("aggregate: filter")
            where_features(e["filter"], model, found, notes, False)
    else:
        found.add(f"function: {e['fn']}")
        for part in e["args"]:
            expression_features(part, model, found, notes)


def kind_of(e, model, notes):
    """The kind of an operation, by its first column."""
    while "op" in e or "args" in e:
        e = e["left"] if "op" in e else e["args"][0]
    if "f" in e and e["f"] not in notes:
        try:
            return resolve(model, e["f"])[2]
        except KeyError:
            return "unknown"
    return "aggregate" if is_aggregate(e) else "other"


def wanted():
    """What specs must reach."""
    text = [f"lookup: text {name}" for name in dict.fromkeys(STRINGS + ORDERED)]
    ordered = [f"lookup: {kind} {name}" for kind in ("int", "decimal", "float", "date", "datetime", "key") for name in ORDERED]
    json_names = ("exact", "isnull", "in", "iexact", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex",
                  "gt", "gte", "lt", "lte") + JSON_LOOKUPS
    names = ["lower", "upper", "length", "coalesce", "concat", "abs", "round", "greatest", "least", "nullif", "trunc_year", "trunc_month",
             "trunc_day", "extract_year", "extract_month", "extract_week_day"]
    operators = [f"{kind} {sign}" for kind, signs in {"int": "+-*/%", "decimal": "+-*/%", "float": "+*/-", "date": "+-", "datetime": "+-",
                                                      "duration": "+-", "aggregate": "+*"}.items() for sign in signs]
    rest = """lookup: bool exact|lookup: bool in|lookup: duration gt|lookup: duration isnull|lookup: unknown|lookup: json path
        |lookup on annotation|transform: chained|where: and|where: or|where: not|where: exists|where: exists in exists
        |where: negated over 1 to-many|where: negated over 2 to-many|where: negated over 3 to-many|where: negated json
        |value: empty in|value: null in in|value: null|value: column|value: column of a relation|value: outer column
        |value: outer column of a relation|value: not ASCII|value: special to LIKE|path: pk|path: relation
        |relation: many-to-many|relation: many-to-many through|relation: reverse|relation: one-to-one|relation: one-to-one reverse
        |relation: nullable|relation: required|relation: to self|relation: 2 hops|relation: 3 hops
        |expression: case|expression: case without default|expression: exists|expression: subquery|expression: grouped subquery
        |aggregate: distinct|aggregate: filter|aggregate: *|aggregate: to many|aggregate: of an annotation
        |value: to many|value: json path|value: transform|value: annotation|value: unknown|group: json path|group: transform|group: to many|group: unknown
        |order: the model's own|order: relation's own|order: column of a relation|order: annotation|order: json path|order: transform
        |order: to many|order: unknown|shape: aggregates without group by|shape: aggregate over limit|shape: aggregate over distinct
        |shape: aggregate over annotate"""
    return [*text, *ordered, *[f"lookup: json {name}" for name in json_names], *[f"function: {name}" for name in names],
            *[f"operator: {name}" for name in operators], *[f"aggregate: {name}" for name in AGGREGATES],
            *[f"transform: {name}" for name in TRANSFORMS], *[f"shape: {name}" for name in SHAPES.values()],
            *[name.strip() for name in rest.split("|")]]


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--count", type=int, default=1200)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--coverage", action="store_true")
    args.add_argument("--check", action="store_true")
    args.add_argument("--features", action="store_true")
    args = args.parse_args()
    if args.features:
        return print(json.dumps([features(spec) for spec in json.load(sys.stdin)]))
    made = generate(args.count, args.seed)
    if args.coverage or args.check:
        reached = collections.Counter(name for shape, spec in made for name in [*features(spec), f"maker: {shape}"])
        if args.coverage:
            print("\n".join(f"{reached[name]:6}  {name}" for name in sorted({*reached, *wanted()})))
        missing = [name for name in wanted() if not reached[name]]
        if missing:
            sys.exit(f"{args.count} specs of seed {args.seed} never reach: {', '.join(missing)}")
        return print(f"{args.count} specs of seed {args.seed} reach all {len(wanted())} of what they must")
    return print("[" + ",\n".join(json.dumps(spec, ensure_ascii=False) for _, spec in made) + "]")


if __name__ == "__main__":
    main()
