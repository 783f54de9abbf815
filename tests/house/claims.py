#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the claims of spec/payment.md and the tests that carry them together.

  claims.py SOURCE_ROOT

1. Claims are numbered P1, P2, ... without gaps, and each has a row in the table of tests.
2. A row names two tests: one over all of a small domain, one at random. Both exist, are
   run, and carry the claim's number in their name or in the comment above.
3. Every pN_... test and every PN in the code of payments is a claim of the spec.
4. Every file test_proofs_*.c is built.
"""
import os
import re
import sys

CODE = ("src/payment", "src/ledger", "src/exchange", "include/souk/payment")
TEST = re.compile(r"((?:^/\*(?:(?!\*/).)*\*/\n)?)^static void (\w+)\(void \*\*state\)", re.S | re.M)
RUN = re.compile(r"\b(?:cmocka_unit_test(?:_setup_teardown)?|TEST)\((\w+)")


def numbers_of(text):
    """The numbers that a name such as p9_p11_every_point or a comment carries."""
    return {int(n) for n in re.findall(r"(?:^|_)p(\d+)(?=_)", text)} | {
        int(n) for n in re.findall(r"\bP(\d+)\b", text)}


def ranges_of(text):
    """As numbers_of, and P3 of "P1 to P3"."""
    found = numbers_of(text)
    for first, last in re.findall(r"\bP(\d+) to P(\d+)\b", text):
        found |= set(range(int(first), int(last) + 1))
    return found


def read_spec(text):
    claims = [int(n) for n in re.findall(r"^\*\*P(\d+)\*\* \*", text, re.M)]
    rows = re.findall(r"^\| P(\d+) \|([^|\n]*)\| `(\w+)` \| `(\w+)` \|$", text, re.M)
    assumptions = set(re.findall(r"^\| (A\d+) \|", text, re.M))
    return claims, rows, assumptions


def check_spec(claims, rows, assumptions):
    if claims != list(range(1, len(claims) + 1)):
        yield f"claims are not numbered 1, 2, 3, ...: {claims}"
    if [int(row[0]) for row in rows] != claims:
        yield "the table's rows are not the claims"
    for number, assumed, _, _ in rows:
        for name in re.findall(r"\w+", assumed):
            if name not in assumptions:
                yield f"P{number} assumes {name}, which is not stated"


def read_tests(files):
    """By name: what a test carries, and whether its file runs it."""
    tests = {}
    for path, text in files.items():
        if not os.path.basename(path).startswith("test_"):
            continue
        run = set(RUN.findall(text))
        for comment, name in TEST.findall(text):
            tests[name] = (numbers_of(name) | ranges_of(comment), name in run, path)
    return tests


def check_tests(rows, tests):
    for number, _, every, random in rows:
        for name in (every, random):
            carries, runs, path = tests.get(name, (set(), False, None))
            if path is None:
                yield f"P{number}: no test {name}"
            elif int(number) not in carries:
                yield f"P{number}: {name} in {path} does not carry the number"
            elif not runs:
                yield f"P{number}: {name} in {path} is never run"


def check_code(claims, files):
    for path, text in files.items():
        for number in sorted(numbers_of(text) - set(claims)):
            yield f"{path}: P{number} is no claim of spec/payment.md"


def check_built(files, root):
    for path in files:
        name = os.path.basename(path)
        if name.startswith("test_proofs_"):
            with open(os.path.join(root, os.path.dirname(path), "meson.build")) as file:
                if name[len("test_"):-len(".c")] not in file.read():
                    yield f"{path} is not built"


def read_files(root):
    files = {}
    for folder in CODE:
        for where, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    path = os.path.join(where, name)
                    with open(path, encoding="utf-8") as file:
                        files[os.path.relpath(path, root)] = file.read()
    return files


def check_itself():
    """This check must be able to fail."""
    spec = "**P1** *a*\n**P3** *b*\n| A1 | x |\n| P1 | A2 | `p1_a` | `p1_b` |\n"
    test = "/* P2: */\nstatic void p1_a(void **state)\n{\n\tcmocka_unit_test(p1_a)\n"
    claims, rows, assumptions = read_spec(spec)
    files = {"src/payment/test_x.c": test}
    assert len(list(check_spec(claims, rows, assumptions))) == 3
    assert len(list(check_tests(rows, read_tests(files)))) == 1
    assert len(list(check_code(claims, files))) == 1


def main():
    root = sys.argv[1]
    check_itself()
    with open(os.path.join(root, "spec/payment.md"), encoding="utf-8") as file:
        claims, rows, assumptions = read_spec(file.read())
    files = read_files(root)
    tests = read_tests(files)
    failures = [*check_spec(claims, rows, assumptions), *check_tests(rows, tests),
                *check_code(claims, files), *check_built(files, root)]
    for text in failures:
        print(text)
    print(f"{len(claims)} claims, {len(rows)} rows, {len(tests)} tests: {len(failures)} faults")
    return 1 if failures or not claims else 0


if __name__ == "__main__":
    sys.exit(main())
