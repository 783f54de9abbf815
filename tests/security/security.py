#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What cheating gains with each countermeasure and without it: the table of docs/security.md.

  security.py SOUK CANARIES LIST DOCUMENT [--write | --only TEXT]

Runs each row of LIST (scenarios/security.list) with the program SOUK as it is, and without its
countermeasure: with other parameters, or in a build of the folder CANARIES that lacks the check.
Fails where a profit is not what it must be, or where DOCUMENT has another table.

--write puts the table into DOCUMENT. --only shows the rows in which TEXT stands.
"""
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile

START, END = "<!-- security.py -->\n", "<!-- end -->\n"
SEEDS = 4
HEAD = ("| attack | countermeasure | profit without it | profit with it | honest in its place | "
        "run with it | without it |\n| --- | --- | --- | --- | --- | --- | --- |\n")


class Row:
    def __init__(self, line):
        (self.attack, self.guard, self.scenario, without, self.population,
         self.note) = [part.strip() for part in line.split(" | ")]
        words = without.split()
        self.canary = words[1] if words[0] == "canary" else None
        self.sets = words[1:] if words[0] == "--set" else []
        self.is_pair = without != "-"
        self.is_bounded = self.note.startswith("bounded")

    def command(self):
        return f"souk sim run {self.scenario}"

    def command_without(self):
        if self.canary:
            return f"souk_sim_canary_{self.canary} scenarios/{self.scenario}.scenario"
        if not self.sets:
            return "-"
        return " ".join([self.command()] + [f"--set {word}" for word in self.sets])


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        return [Row(line) for line in file if line.strip() and not line.startswith("#")]


def fail(command, done):
    sys.exit(f"{' '.join(command)} ends with {done.returncode}:\n{done.stdout}{done.stderr}")


def read_actors(souk):
    """By name."""
    done = subprocess.run([souk, "sim", "actors", "--json"], capture_output=True, text=True)
    return {actor["name"]: actor for actor in json.loads(done.stdout)["actors"]}


def made_honest(text, population, actors):
    """The scenario TEXT with honest behaviour in the place of POPULATION, or None."""
    head = f"[population {population}]\n"
    before, rest = text.split(head, 1)
    section, mark, after = rest.partition("\n[")
    actor = actors[re.search(r"(?m)^actor *= *(\S+)", section).group(1)]
    if "in_place_of" not in actor:
        return None
    section = re.sub(r"(?m)^actor *=.*$", f"actor = {actor['in_place_of']}", section)
    for knob in actor["knobs"]:
        section = re.sub(rf"(?m)^{re.escape(knob['name'])} *=.*\n?", "", section)
    # What is expected of cheats is nothing to honest nodes.
    after = re.sub(r"(?ms)^(\[?)expect\].*?(?=^\[|\Z)", r"\1expect]\nviolations = none\n", after)
    return before + head + section + mark + after


def run_honest(souk, path, population, actors):
    with open(path, encoding="utf-8") as file:
        text = made_honest(file.read(), population, actors)
    if text is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, os.path.basename(path))
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text)
        return run_souk(souk, copy, population, [])[0]


def run_souk(souk, path, population, sets):
    """Profits of POPULATION in u, one for each seed, and whether it is the cheats."""
    command = [souk, "sim", "run", path, "--seeds", str(SEEDS), "--json"]
    for word in sets:
        command += ["--set", word]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    try:
        runs = json.loads(done.stdout)["runs"]
    except (ValueError, KeyError):
        fail(command, done)
    # Expectations are about the scenario's own seed, and about the world with its countermeasure.
    if not sets and not runs[0]["is_expected"]:
        fail(command, done)
    found = [of for run in runs for of in run["populations"] if of["name"] == population]
    if not found:
        sys.exit(f"{path} has no population {population}")
    return [of["profit_u"] for of in found], found[0]["is_greedy"]


def with_seed(text, seed):
    """TEXT with that seed instead of its own."""
    text = re.sub(r"(?m)^seed *=.*\n", "", text)
    return text.replace("[market]\n", f"[market]\nseed = {seed}\n", 1)


def run_canary(program, path, population):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    match = re.search(r"(?m)^seed *= *(\d+)", text)
    first = int(match.group(1)) if match else 1
    profits = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + SEEDS):
            seeded = os.path.join(folder, os.path.basename(path))
            with open(seeded, "w", encoding="utf-8") as file:
                file.write(with_seed(text, seed))
            command = [program, seeded]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            found = re.search(rf"(?m)^profit {re.escape(population)} (-?\d+)$", done.stdout)
            if found is None:
                fail(command, done)
            profits.append(int(found.group(1)) / 1000)
    return profits


def mean(profits):
    return sum(profits) / len(profits)


def number(value):
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def cell(row, profits):
    if profits is None:
        return "-"
    low, high = number(min(profits)), number(max(profits))
    spread = "" if low == high else f" ({low} to {high})"
    whose = "" if row.is_cheat else f"{row.population}: "
    return f"{whose}{number(mean(profits))}{spread} u"


def complaint(row, without, with_it):
    """What is wrong with the profits of ROW, or None."""
    if not row.is_pair:
        return None
    if not row.is_cheat:
        return None if mean(without) < mean(with_it) else "costs its victims nothing"
    if mean(without) <= 0:
        return "pays nothing without its countermeasure"
    if row.is_bounded and mean(with_it) >= mean(without):
        return "pays as much with its countermeasure"
    if not row.is_bounded and max(with_it) > 0:
        return "pays, although its countermeasure should prevent it"
    return None


def measure(row, souk, canaries, scenarios, actors):
    path = os.path.join(scenarios, row.scenario + ".scenario")
    with_it, row.is_cheat = run_souk(souk, path, row.population, [])
    without = None
    if row.canary:
        program = os.path.join(canaries, "souk_sim_canary_" + row.canary)
        without = run_canary(program, path, row.population)
    elif row.sets:
        without, _ = run_souk(souk, path, row.population, row.sets)
    row.honest = run_honest(souk, path, row.population, actors) if row.is_cheat else None
    return without, with_it


def print_row(row, without, with_it):
    note = "" if row.note == "-" else f"<br>*{row.note}*"
    without_it = row.command_without()
    return (f"| {row.attack}{note} | {row.guard} | {cell(row, without)} | {cell(row, with_it)} | "
            f"{cell(row, row.honest)} | "
            f"`{row.command()}` | {without_it if without_it == '-' else f'`{without_it}`'} |\n")


def make_table(rows, souk, canaries, scenarios):
    table, wrong, actors = HEAD, [], read_actors(souk)
    for row in rows:
        without, with_it = measure(row, souk, canaries, scenarios, actors)
        table += print_row(row, without, with_it)
        problem = complaint(row, without, with_it)
        if problem:
            wrong.append(f"{row.attack} ({row.scenario}) {problem}: "
                         f"{cell(row, without)} without, {cell(row, with_it)} with")
    return table, wrong


def main():
    souk, canaries, path, document = sys.argv[1:5]
    options = sys.argv[5:]
    rows = read_rows(path)
    if options[:1] == ["--only"]:
        rows = [row for row in rows if options[1] in row.attack + row.scenario]
    table, wrong = make_table(rows, souk, canaries, os.path.dirname(path))
    with open(document, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(START)
    committed, after = rest.split(END)
    if options[:1] == ["--only"]:
        print(table, end="")
    elif options == ["--write"]:
        with open(document, "w", encoding="utf-8") as file:
            file.write(before + START + table + END + after)
    elif committed != table:
        sys.stdout.writelines(difflib.unified_diff(
            committed.splitlines(True), table.splitlines(True), "committed", "measured"))
        wrong.append("the table is not what was measured: run security.py with --write")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(rows)} attacks")


if __name__ == "__main__":
    main()
