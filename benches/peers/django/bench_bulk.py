"""`bulk_create` in Django: the peer of `bulk`. `bench_bulk.py create|upsert ROWS TABLE` prints the rows a second, the median
of some rounds.

BENCH_DB is a SQLite file, or BENCH_PG a JSON object of Django's connection settings.
"""
import datetime
import json
import os
import statistics
import sys
import time

import django
from django.conf import settings

if os.environ.get("BENCH_PG"):
    DB = {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["BENCH_PG"])}
else:
    DB = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BENCH_DB"]}
settings.configure(DEBUG=False, INSTALLED_APPS=["bench"], DATABASES={"default": DB}, USE_TZ=True, TIME_ZONE="UTC",
                   SECRET_KEY="bench", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()

from bench.models import Item
from django.db import connection

EPOCH = datetime.datetime.fromtimestamp(1_600_000_000, datetime.timezone.utc) + datetime.timedelta(microseconds=123_456)
FIELDS = ["name", "price", "qty", "active", "created", "note"]


def values(n):
    return {"name": f"item number {n}", "price": n * 0.25, "qty": n % 100, "active": n % 2 == 0,
            "created": EPOCH + datetime.timedelta(seconds=n), "note": "a note" if n % 3 == 0 else None}


def run(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


what, rows, table = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rates = []
for round in range(6):
    if what == "create":
        run("TRUNCATE bench_item" if connection.vendor == "postgresql" else "DELETE FROM bench_item")
        given = [values(n) for n in range(1, rows + 1)]
        start = time.perf_counter()
        Item.objects.bulk_create([Item(**each) for each in given])
    else:
        step = 2 * table // rows
        given = [{"id": n, **values(n)} for n in (1 + at * step + round % max(step, 1) for at in range(rows))]
        start = time.perf_counter()
        Item.objects.bulk_create([Item(**each) for each in given], update_conflicts=True, unique_fields=["id"],
                                 update_fields=FIELDS)
    took = time.perf_counter() - start
    if what == "upsert":
        run(f"DELETE FROM bench_item WHERE id > {table}")
    # The first warms up.
    if round:
        rates.append(rows / took)
print(statistics.median(rates))
