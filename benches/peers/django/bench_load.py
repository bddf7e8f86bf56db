"""`loaddata FILE` in Django: the peer of `fixtures`. Prints the seconds it took, without those to start.

BENCH_DB is a SQLite file, or BENCH_PG a JSON object of Django's connection settings.
"""
import json
import os
import sys
import time

import django
from django.conf import settings
from django.core.management import call_command

if os.environ.get("BENCH_PG"):
    DB = {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["BENCH_PG"])}
else:
    DB = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BENCH_DB"]}
settings.configure(DEBUG=False, INSTALLED_APPS=["bench"], DATABASES={"default": DB}, USE_TZ=True, TIME_ZONE="UTC",
                   SECRET_KEY="bench", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()

start = time.perf_counter()
call_command("loaddata", sys.argv[1], verbosity=0)
print(time.perf_counter() - start)
