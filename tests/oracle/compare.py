#!/usr/bin/env python3
"""Holds two files of answers to the same specs against each other.

    compare.py SPECS ANSWERS_A ANSWERS_B [--show 20] [--kinds-apart]

A is Django's. Prints mismatches by what kind of mismatch they are, then how often each feature is among them; exits with 1 if
there are any. Rows compare in order. 1 and 1.0 differ, as do 1.5 and "1.5". Floats may differ in the last bits, by 1e-12 of
themselves, and so may the 15 digits to which decimals from SQLite's floats are rounded. Two refusals are equal if of one kind;
with --kinds-apart, those that differ in kind alone are counted but do not fail. What Django says it does not support on an
engine, B may answer or refuse.
"""
import argparse
import collections
import json
import math
import re
import sys

import specs as generator

# Written out by format(d, "f") from a float rounded to 15 significant digits: the last of them is the float's.
# Where the last bits differ, one side may have no more than a few digits.
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# On PostgreSQL, Django takes the moment that DATE_TRUNC makes of a date for what NULLIF and the like give for that date.
MIDNIGHT = "T00:00:00.000000Z"


# What Django has for another engine alone, B may have for this one too: JSON containment on SQLite.
UNSUPPORTED = "NotSupportedError"


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or math.isclose(a, b, rel_tol=1e-12)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    if isinstance(a, str) and a != b and DECIMAL.fullmatch(a) and DECIMAL.fullmatch(b):
        digits = lambda text: len(re.sub("^0+", "", text.strip("-").replace(".", "")))
        return 15 in (digits(a), digits(b)) and math.isclose(float(a), float(b), rel_tol=1e-12)
    if isinstance(a, str) and isinstance(b, str) and a == b + MIDNIGHT:
        return True
    return a == b


def refusal(answer):
    return answer["error"] if isinstance(answer, dict) and set(answer) == {"error"} else None


def mismatch(a, b):
    """What kind of mismatch it is, None if none."""
    if same(a, b) or refusal(a) == UNSUPPORTED:
        return None
    if refusal(a) and refusal(b):
        return "refused for another reason"
    if refusal(b):
        return f"refused by B alone, {refusal(b)}"
    if refusal(a):
        return f"refused by A alone, {refusal(a)}"
    if not isinstance(a, list) or not isinstance(b, list):
        return "another number" if type(a) is type(b) else "another type"
    if len(a) != len(b):
        return "more rows in B" if len(b) > len(a) else "fewer rows in B"
    key = lambda row: json.dumps(row, sort_keys=True)
    if sorted(map(key, a)) == sorted(map(key, b)):
        return "another order"
    if any(map(lambda x, y: [type(v) for v in x] != [type(v) for v in y], a, b)):
        return "another type or null"
    return "other values"


def shown(answer, other):
    """The answer from the first row on which the two differ."""
    where = ""
    if isinstance(answer, list) and isinstance(other, list):
        at = next((i for i, (x, y) in enumerate(zip(answer, other)) if not same(x, y)), min(len(answer), len(other)))
        where = f"{len(answer)} rows; from row {at}: "
        answer = answer[at:at + 3]
    return where + json.dumps(answer, ensure_ascii=False)[:600]


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("specs")
    args.add_argument("a")
    args.add_argument("b")
    args.add_argument("--show", type=int, default=20)
    args.add_argument("--kinds-apart", action="store_true")
    args = args.parse_args()
    specs, a, b = (json.load(open(path, encoding="utf-8")) for path in (args.specs, args.a, args.b))
    if not len(specs) == len(a) == len(b):
        sys.exit(f"{len(specs)} specs, {len(a)} answers in A and {len(b)} in B")
    groups = collections.defaultdict(list)
    for i, (x, y) in enumerate(zip(a, b)):
        what = mismatch(x, y)
        if what:
            groups[what].append(i)
    apart = groups.pop("refused for another reason", []) if args.kinds_apart else []
    # Some of each kind of mismatch, the shortest specs first: those are the ones to mend first.
    for at, (what, found) in enumerate(sorted(groups.items())):
        print(f"== {what}: {len(found)}")
        found.sort(key=lambda i: len(json.dumps(specs[i])))
        for i in found[:max(1, args.show // len(groups))]:
            print(f"-- {i}: {json.dumps(specs[i], ensure_ascii=False)}\n   A {shown(a[i], b[i])}\n   B {shown(b[i], a[i])}")
    for i in apart[:args.show]:
        print(f"-- {i}, kind alone: {json.dumps(specs[i], ensure_ascii=False)}: A {refusal(a[i])}, B {refusal(b[i])}")
    bad = {i for found in groups.values() for i in found}
    if bad:
        within, total = collections.Counter(), collections.Counter()
        for i, spec in enumerate(specs):
            names = generator.features(spec)
            total.update(names)
            within.update(names if i in bad else ())
        print("== by feature: mismatches of specs with it")
        for name, n in sorted(within.items(), key=lambda item: (-item[1] / total[item[0]], -item[1]))[:60]:
            print(f"{n:6} of {total[name]:4}  {name}")
    print(f"{len(specs)} specs, {len(bad)} mismatches" + (f", {len(apart)} more in the kind of refusal alone" if args.kinds_apart else ""))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
