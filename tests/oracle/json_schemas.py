#!/usr/bin/env python3
"""What Python's `jsonschema` says of documents: reads [{"schema": S, "documents": [D, …]}, …] and prints for each document the
faults, as "pointer keyword", in order; null for a schema that is none. Draft 2020-12, formats not checked.
"""
import json
import sys

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError


def pointer(path):
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


# What the other side calls them.
KEYWORDS = {None: "falseSchema", "minContains": "contains", "maxContains": "contains", "dependentRequired": "required"}


def faults(case):
    try:
        Draft202012Validator.check_schema(case["schema"])
    except SchemaError:
        return None
    validator = Draft202012Validator(case["schema"])
    return [sorted({f"{pointer(e.absolute_path)} {KEYWORDS.get(e.validator, e.validator)}" for e in validator.iter_errors(d)}) for d in case["documents"]]


json.dump([faults(case) for case in json.load(sys.stdin)], sys.stdout)
