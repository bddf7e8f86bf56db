#!/usr/bin/env python3
"""Reads the rows of `lab` through Django, and writes each of a plain model once more.

    rows.py copy

prints {"Model": [[value, …], …], …}: the rows by key, their columns in the order of the model, each value null or a text:
numbers in decimal, floats as the hexadecimal digits of their bits, bytes in hexadecimal, moments, times of day and durations
in microseconds, JSON with sorted keys. After that it writes a copy of each row of the models that have a field `v`, and
fails if Django does not find the row by its value.
"""
import datetime
import decimal
import json
import os
import struct
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lab_settings")
django.setup()

from django.apps import apps  # noqa: E402
from django.db.models import JSONField  # noqa: E402
from django.db.models.fields.files import FieldFile  # noqa: E402

MICROSECOND = datetime.timedelta(microseconds=1)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def text(field, value):
    if value is None:
        # JSON's null is read as None too: which of the two it is shows in the table alone.
        return None
    if isinstance(field, JSONField):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return struct.pack(">d", value).hex()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    if isinstance(value, datetime.datetime):
        return str((value - EPOCH) // MICROSECOND)
    if isinstance(value, datetime.timedelta):
        return str(value // MICROSECOND)
    if isinstance(value, datetime.time):
        since_midnight = datetime.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second,
                                            microseconds=value.microsecond)
        return str(since_midnight // MICROSECOND)
    return str(value)


def plain(value):
    return str(value) if isinstance(value, FieldFile) else value


def main():
    rows = {}
    for model in apps.get_app_config("lab").get_models():
        if model._meta.proxy or not model._meta.managed:
            continue
        fields = [field for field in model._meta.local_concrete_fields if not field.generated]
        found = list(model.objects.order_by("pk"))
        if not found:
            continue
        rows[model.__name__] = [[text(field, getattr(row, field.attname)) for field in fields] for row in found]
        if all(field.name != "v" for field in fields):
            continue
        for row in found:
            values = {field.name: plain(getattr(row, field.attname)) for field in fields if not field.primary_key}
            assert model.objects.filter(pk=row.pk, v=values["v"]).exists(), (model, values)
            model.objects.create(**values)
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
