"""`GET /item/<id>` in Django: the peer of `http`. One file: settings, model, view, WSGI and ASGI applications.

BENCH_DB is a SQLite file, or BENCH_PG a JSON object of Django's connection settings.
"""
import json
import os

import django
from django.conf import settings

if os.environ.get("BENCH_PG"):
    DB = {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None, **json.loads(os.environ["BENCH_PG"])}
else:
    DB = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BENCH_DB"], "CONN_MAX_AGE": None}
if os.environ.get("BENCH_ASGI") and os.environ.get("BENCH_PG"):
    # Under ASGI a connection is kept for each thread and never given back: a pool instead.
    DB.update(CONN_MAX_AGE=0, OPTIONS={"pool": {"min_size": 4, "max_size": 16}})
settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[], INSTALLED_APPS=[],
                   DATABASES={"default": DB}, USE_TZ=True, TIME_ZONE="UTC", SECRET_KEY="bench",
                   DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import JsonResponse
from django.urls import path


class Item(models.Model):
    name = models.TextField()
    price = models.FloatField()
    qty = models.IntegerField()
    active = models.BooleanField()
    created = models.DateTimeField()
    note = models.TextField(null=True)

    class Meta:
        app_label = "bench"


def show(item):
    response = JsonResponse({"id": item.id, "name": item.name, "price": item.price, "qty": item.qty,
                             "active": item.active, "created": item.created, "note": item.note})
    # As CommonMiddleware would, without the cost of the rest of it.
    response["Content-Length"] = len(response.content)
    return response


def item(request, id):
    return show(Item.objects.get(pk=id))


async def item_async(request, id):
    return show(await Item.objects.aget(pk=id))


urlpatterns = [path("item/<int:id>", item_async if os.environ.get("BENCH_ASGI") else item)]
application = get_asgi_application() if os.environ.get("BENCH_ASGI") else get_wsgi_application()
