#!/usr/bin/env python3
"""JSON documents of `lab.TJSON`, written and looked up by Django.

    documents.py write   reads [document, …], writes a row for each, prints their keys
    documents.py find    reads [{lookup: value}, …], prints for each the keys that `filter` finds and those that `exclude` does;
                         null where Django has no such lookup on this engine
"""
import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lab_settings")
django.setup()

from django.db import NotSupportedError  # noqa: E402
from lab.models import TJSON  # noqa: E402


def keys(rows):
    return list(rows.order_by("pk").values_list("pk", flat=True))


def found(lookup):
    try:
        return [keys(TJSON.objects.filter(**lookup)), keys(TJSON.objects.exclude(**lookup))]
    except NotSupportedError:
        return None


given = json.load(sys.stdin)
answers = {
    "write": lambda: [TJSON.objects.create(v=document).pk for document in given],
    "find": lambda: [found(lookup) for lookup in given],
}
json.dump(answers[sys.argv[1]](), sys.stdout)
