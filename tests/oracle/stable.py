#!/usr/bin/env python3
"""Answers generated specs twice, over rows in other places and by other plans, and shows what is left to chance.

    stable.py [--count 1500] [--seed 1]

Makes and seeds the tables in the empty database that ORACLE_DB or ORACLE_PG names, as oracle.py does. Fails if two answers differ
or Django itself fails in a way that oracle.py does not report; also says how many specs were refused and how many gave rows.
"""
import argparse
import collections
import json
import sys
import warnings

import compare
import oracle
import specs
from django.apps import apps
from django.db import connection
from django.db.backends.signals import connection_created

# Other plans: SQLite turns every scan around, PostgreSQL joins and groups by sorting.
OTHER_PLANS = {"sqlite": ["PRAGMA reverse_unordered_selects = ON", "PRAGMA automatic_index = OFF"],
               "postgresql": ["SET enable_hashjoin = off", "SET enable_hashagg = off", "SET enable_nestloop = off"]}


def ask(made):
    answers = []
    for _, spec in made:
        try:
            answers.append(oracle.answer(spec))
        except Exception as e:
            answers.append({"failure": f"{type(e).__name__}: {e}"})
    return answers


def move_rows():
    """Gives every row another place, and the connections to come other plans."""
    for model in apps.get_app_config("shop").get_models(include_auto_created=True):
        if connection.vendor == "postgresql":
            key_name = model._meta.pk.name
            for key in sorted(model.objects.values_list("pk", flat=True), key=lambda k: k * 7919 % 1009):
                model.objects.filter(pk=key).update(**{key_name: key})
            with connection.cursor() as c:
                c.execute(f'VACUUM ANALYZE "{model._meta.db_table}"')
    connection_created.connect(lambda connection, **_: [connection.cursor().execute(s) for s in OTHER_PLANS[connection.vendor]], weak=False)
    connection.close()


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--count", type=int, default=1500)
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()
    warnings.simplefilter("ignore")
    made = specs.generate(args.count, args.seed)
    oracle.main("create")
    first = ask(made)
    move_rows()
    second = ask(made)
    bad = 0
    for (shape, spec), a, b in zip(made, first, second):
        failed = isinstance(a, dict) and "failure" in a
        if failed or not compare.same(a, b):
            bad += 1
            print(f"{shape}: {json.dumps(spec, ensure_ascii=False)}\n  {json.dumps(a)[:300]}\n  {json.dumps(b)[:300]}")
    refused = [shape for (shape, _), a in zip(made, first) if isinstance(a, dict) and set(a) == {"error"}]
    rows = [a for a in first if isinstance(a, list)]
    print(f"{connection.vendor}: {bad} of {args.count} are left to chance or fail; {len(refused) / args.count:.1%} are refused; "
          f"{sum(1 for a in rows if a) / len(rows):.1%} of {len(rows)} that give rows give some; {sum(map(len, rows))} rows in all")
    print("refused by shape:", dict(collections.Counter(refused)))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
