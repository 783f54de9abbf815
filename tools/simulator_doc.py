#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/simulator.md, and its report, from what souk itself says.

  simulator_doc.py SOUK docs/simulator.md [--check]

Each table stands between "<!-- NAME: made by tools/simulator_doc.py -->" and "<!-- end -->".
Without --check the file is written where it differs.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

PLACE = re.compile(r"(<!-- ([a-z]+): made by tools/simulator_doc.py -->\n).*?(<!-- end -->)",
                   re.DOTALL)


def ask(souk, what):
    out = subprocess.run([souk, "sim", what, "--json"], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def table(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in row) + " |\n" for row in lines)


def parameters(rows):
    return table(["key", "default", "from", "to", "what it is"],
                 [[f"`{row['name']}`", row["default"], row["min"], row["max"], row["about"]]
                  for row in rows])


def knobs(actor):
    return "; ".join(f"`{knob['name']}` ({knob['default']}): {knob['about']}"
                     for knob in actor["knobs"])


def actors(rows, is_greedy):
    return table(["actor", "what it does", "knobs, and their defaults"],
                 [[f"`{row['name']}`", row["about"], knobs(row)]
                  for row in rows if row["is_greedy"] == is_greedy])


def scenarios(rows):
    return table(["scenario", "nodes", "what it shows"],
                 [[f"`{row['name']}`", row["nodes"], row["about"]] for row in rows])


def report(souk, text):
    """What souk says of the first scenario that the document shows."""
    scenario = re.search(r"^```\n(\[market\]\n.*?)^```\n", text, re.DOTALL | re.MULTILINE).group(1)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mine.scenario")
        with open(path, "w", encoding="utf-8") as file:
            file.write(scenario)
        out = subprocess.run([souk, "sim", "run", path], check=True, capture_output=True, text=True)
    return "```\n" + re.search(r"^population .*?^u is .*?\n", out.stdout,
                               re.DOTALL | re.MULTILINE).group() + "```\n"


def make_tables(souk, text):
    said = ask(souk, "parameters")
    everybody = ask(souk, "actors")["actors"]
    return {
        "market": parameters(said["market"]),
        "population": parameters(said["population"]),
        "fault": parameters(said["fault"]),
        "kinds": table(["kind", "amount", "what it does"],
                       [[f"`{row['kind']}`", row["amount"], row["about"]]
                        for row in said["kinds"]]),
        "violations": table(["violation", "what it means"],
                            [[f"`{row['name']}`", row["about"]] for row in said["violations"]]),
        "honest": actors(everybody, False),
        "greedy": actors(everybody, True),
        "scenarios": scenarios(ask(souk, "list")["scenarios"]),
        "report": report(souk, text),
    }


def main():
    souk, path, *mode = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        old = file.read()
    tables = make_tables(souk, old)
    missing = set(tables) - {match.group(2) for match in PLACE.finditer(old)}
    if missing:
        sys.exit(f"{path} has no place for: {', '.join(sorted(missing))}")
    new = PLACE.sub(lambda match: match.group(1) + tables[match.group(2)] + match.group(3), old)
    if new == old:
        print(f"{path} says what souk says")
        return
    if mode == ["--check"]:
        sys.exit(f"{path} is not what souk says; run: tools/simulator_doc.py {souk} {path}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(new)


if __name__ == "__main__":
    main()
