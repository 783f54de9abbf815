#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""souk sim, as a process: what it runs, repeats, writes and refuses.

  test_sim.py SOUK SCENARIOS
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

SOUK = os.path.abspath(sys.argv[1])
FOLDER = sys.argv[2]
SMALL = "plain-sale"
MARKET = """[market]
duration = 5s
contents = 1
units-max = 16
[population shop]
actor = provider
[population buyer]
actor = customer
downloads = 1
"""


def check(truth, what):
    if not truth:
        sys.exit(f"FAILED: {what}")


def sim(*arguments, cwd=None):
    return subprocess.run([SOUK, "sim", *arguments], capture_output=True, text=True, cwd=cwd,
                          timeout=60)


def sim_json(*arguments, code=0):
    done = sim(*arguments, "--json")
    check(done.returncode == code, f"{arguments} ends with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def run_one(*arguments, code=0):
    runs = sim_json("run", *arguments, code=code)
    check(runs["count"] == 1, f"{runs['count']} runs")
    return runs["runs"][0]


def test_list():
    """Every file is in the library, listed with what it is about, and shown as it is written."""
    files = sorted(name.removesuffix(".scenario") for name in os.listdir(FOLDER)
                   if name.endswith(".scenario"))
    listed = sim_json("list")["scenarios"]
    names = [scenario["name"] for scenario in listed]
    check(names == files, f"not listed in scenarios/meson.build: {set(files) ^ set(names)}")
    check(len(names) >= 30, f"only {len(names)} scenarios")
    for scenario in listed:
        check(scenario["about"], f"{scenario['name']} says nothing about itself")
        check(scenario["nodes"] > 0, f"{scenario['name']} has nobody in it")
    text = sim("list").stdout
    check(all(f"\n{name} " in text for name in names), "the list has not all names")
    for name in (SMALL, "everything-at-once"):
        with open(os.path.join(FOLDER, name + ".scenario"), encoding="utf-8") as file:
            check(sim("show", name).stdout == file.read(), f"{name} is not shown as it is")


def test_expects():
    """A scenario without expectations shows nothing: but those of sweeps, which print rows."""
    for name in os.listdir(FOLDER):
        if name.endswith(".scenario") and not name.startswith("sweep-"):
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                check("[expect]" in file.read(), f"{name} expects nothing")


def test_run():
    done = sim("run", SMALL)
    check(done.returncode == 0 and "As expected." in done.stdout, f"run: {done.stdout}")
    trace = re.search(r"trace (0x[0-9a-f]{16})\n", done.stdout).group(1)
    run = run_one(SMALL)
    check(run["trace"] == trace and run["is_expected"], "the same run has another trace")
    shop, buyer = run["populations"]
    check(buyer["downloads_done"] == buyer["downloads_asked"] == 3, "downloads")
    check(buyer["spent_ncoin"] == shop["owed_ncoin"] == 1000 * shop["units_served"], "money")
    check(run_one(SMALL, "--seed", "2")["trace"] != trace, "another seed has the same trace")
    check(run_one(SMALL, "--set", "seed=1")["trace"] == trace, "--set of the same seed")


def test_several(work):
    runs = sim_json("run", SMALL, "narrow-window", "--seeds", "2")
    check([(run["scenario"], run["seed"]) for run in runs["runs"]] ==
          [(SMALL, 1), (SMALL, 2), ("narrow-window", 42), ("narrow-window", 43)], "which runs")
    lines = sim("run", SMALL, "--seeds", "3").stdout.splitlines()
    check(len(lines) == 4 and lines[3].startswith("3 runs in "), f"lines: {lines}")
    again = write(os.path.join(work, "printed.scenario"),
                  sim("show", SMALL, "--set", "window=5").stdout)
    check(run_one(again)["trace"] == run_one(SMALL, "--set", "window=5")["trace"],
          "a printed scenario is another one")


def test_unexpected(work):
    """The exit status, and a line that repeats the run."""
    path = write(os.path.join(work, "a name.scenario"),
                 MARKET + "[expect]\nprofit-min shop = 5000\n")
    run = run_one(path, "--set", "window=2", code=1)
    check(not run["is_expected"] and "at least 5000 was expected" in run["unexpected"],
          run["unexpected"])
    done = sim("run", path, "--set", "window=2")
    check(done.returncode == 1 and "UNEXPECTED: shop gained" in done.stdout, done.stdout)
    line = re.search(r"\n  (souk sim replay .*)\n", done.stdout).group(1)
    check("--set window=2" in line and f"--trace {run['trace']}" in line, line)
    replayed = subprocess.run(line.replace("souk", SOUK, 1), shell=True, capture_output=True,
                              text=True, timeout=60)
    check(replayed.returncode == 0 and "The same run" in replayed.stdout, replayed.stdout[-500:])


def test_replay():
    trace = run_one(SMALL)["trace"]
    done = sim("replay", SMALL, "--trace", trace)
    check(done.returncode == 0 and "the traces agree" in done.stdout, "replay")
    check(re.match(r"souk \d+\.\d+\.\d+ \(\S+\), plain-sale, seed 1\n", done.stdout),
          f"what it was run by: {done.stdout[:80]}")
    log = re.findall(r"^ *\d+\.\d{6} (provider|customer) +[01] \S", done.stdout, re.MULTILINE)
    check(len(log) > 50, f"only {len(log)} lines of log")
    check(len(sim("replay", SMALL, "--brief").stdout.splitlines()) < 20, "--brief has a log")
    other = sim("replay", SMALL, "--trace", trace, "--seed", "9", "--brief")
    check(other.returncode == 1 and "ANOTHER RUN" in other.stdout, "another seed replays the same")
    logged = sim("run", SMALL, "--log").stdout.splitlines()
    check(len(logged) > 50, "run --log has no log")


def test_refused(work):
    """What is wrong is said with its place; 1 for what is in a file, 2 for the command line."""
    broken = write(os.path.join(work, "broken.scenario"), "[market]\n\nwindow = 100\n")
    nobody = write(os.path.join(work, "nobody.scenario"), "[market]\nwindow = 4\n")
    for code, says, *arguments in (
            (1, "broken.scenario:3: [market] window = 100: a whole number, from 1 to 64", "run", broken),
            (1, "a market has 1 to 1000000 nodes, not 0", "run", nobody),
            (1, "not found", "run", os.path.join(work, "missing.scenario")),
            (1, "Did you mean: plain-sale?", "run", "plain-sal"),
            (1, "souk sim list has all names", "replay", "nonsense"),
            (2, "--set windw=3: windw: no such key", "run", SMALL, "--set", "windw=3"),
            (2, "window = 0: a whole number, from 1 to 64", "run", SMALL, "--set", "window=0"),
            (2, "units-min: at most units-max", "run", SMALL, "--set", "units-min=65"),
            (2, "--set seed=x: seed = x: a whole number", "run", SMALL, "--seed", "x"),
            (2, "an argument is missing", "run"),
            (2, "--seeds: from 1", "run", SMALL, "--seeds", "0"),
            (2, "--trace 12: 16 hexadecimal digits", "replay", SMALL, "--trace", "12"),
            (2, "--vary, --from and --to are needed", "sweep", SMALL),
            (2, "nobody cheats in it", "sweep", SMALL, "--vary", "window", "--from", "1", "--to", "2"),
            (2, "no such parameter", "sweep", SMALL, "--vary", "windw", "--from", "1", "--to", "2"),
            (2, "--to 65: a whole number, from 1 to 64", "sweep", SMALL, "--vary", "window",
             "--from", "1", "--to", "65", "--cheats", "shop"),
            (2, "there is no population thieves", "best", SMALL, "--cheats", "thieves"),
            (1, "it shows what it expects, and no violation", "shrink", SMALL),
            (2, "--violation theft: one of supply", "shrink", SMALL, "--violation", "theft"),
            (1, "it shows no such violation", "shrink", SMALL, "--violation", "stuck"),
            (2, "no command walk", "walk")):
        done = sim(*arguments)
        check(done.returncode == code and says in done.stderr,
              f"{arguments} ends with {done.returncode}: {done.stderr}")


def test_sweep(work):
    csv, svg = os.path.join(work, "rows.csv"), os.path.join(work, "rows.svg")
    done = sim("sweep", "attack-garbage-plain", "--vary", "window", "--from", "1", "--to", "4",
               "--points", "2", "--csv", csv, "--svg", svg, "--set", "duration=10s")
    check(done.returncode == 0, f"sweep: {done.stderr}")
    with open(csv, encoding="utf-8") as file:
        rows = file.read().splitlines()
    check(rows[0].startswith("window,cheat_profit_u,") and len(rows) == 3, f"rows: {rows}")
    check([row.split(",")[0] for row in rows[1:]] == ["1", "4"], f"rows: {rows}")
    with open(svg, encoding="utf-8") as file:
        check("<svg" in file.read(), "no chart")
    found = sim_json("sweep", "attack-garbage-plain", "--vary", "window", "--from", "1", "--to",
                     "4", "--points", "2", "--set", "duration=10s")
    check([row["value"] for row in found["rows"]] == [1, 4], "rows in JSON")


def test_best(work):
    out = os.path.join(work, "best.scenario")
    found = sim_json("best", "attack-garbage-plain", "--runs", "6", "--seeds", "1", "--out", out,
                     "--set", "duration=10s")
    check(found["actor"] == "garbage-server" and found["runs"] >= 1, f"best: {found}")
    check(run_one(out, "--set", "duration=5s", code=sim("run", out, "--set", "duration=5s").returncode)
          ["scenario"] == "best", "what was found does not run")


def test_shrink(work):
    out = os.path.join(work, "short.scenario")
    found = sim_json("shrink", "fork-beyond", "--violation", "unpaid-claim", "--runs", "60",
                     "--out", out)
    check(found["events"] < found["events_before"], "nothing became shorter")
    with open(out, encoding="utf-8") as file:
        check(file.read() == found["text"], "what was written is not what was printed")
    kinds = [violation["kind"] for violation in run_one(out, code=1)["violations"]]
    check("unpaid-claim" in kinds, f"the short one shows {kinds}")


def test_swarm():
    """The same seeds, the same runs; one after the other, or each alone."""
    both = sim("swarm", "--seed", "5", "--runs", "2")
    check("2 scenarios from seed 5 on" in both.stdout, f"swarm: {both.stdout}{both.stderr}")
    lines = re.findall(r"^seed \d+ trace .*$", both.stdout, re.MULTILINE)
    check(len(lines) == 2, f"lines: {both.stdout}")
    second = sim("swarm", "--seed", "6", "--runs", "1")
    check(lines[1] in second.stdout, "a scenario alone is another one")
    found = sim_json("swarm", "--seed", "5", "--runs", "1", "--brief")
    check(found["runs"] == 1 and not found["is_found"] and found["commit"], f"swarm: {found}")


def test_actors_and_parameters():
    actors = {actor["name"]: actor for actor in sim_json("actors")["actors"]}
    check({"provider", "customer", "hub"} <= set(actors), f"actors: {sorted(actors)}")
    check(not actors["provider"]["is_greedy"] and actors["non-payer"]["is_greedy"], "who cheats")
    check(sorted(actors) == list(actors), "actors are not in the order of their names")
    text = sim("actors").stdout
    for name, actor in actors.items():
        check(actor["about"] and re.search(rf"^{name}\b", text, re.MULTILINE), name)
        for knob in actor["knobs"]:
            check(knob["min"] <= knob["default"] <= knob["max"] and knob["about"],
                  f"{name}: {knob['name']}")


def test_overlapping(work):
    """A short fault within a long one of its kind does not end that one."""
    path = os.path.join(work, "overlapping.scenario")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[market]\nduration = 40s\n[population shops]\nactor = provider\n"
                   "[population buyers]\nactor = customer\ndownloads = 20\npause = 1s\n"
                   "[fault long]\nkind = partition\npopulation = shops\nat = 5s\nuntil = 35s\n"
                   "[fault short]\nkind = partition\npopulation = shops\nat = 6s\nuntil = 8s\n")
    heard = [float(line.split()[0]) for line in sim("replay", path).stdout.splitlines()
             if re.search(r"provider +0 <- ", line)]
    check(min(heard) < 5 and max(heard) > 35, "the shop was never reached")
    check(not [at for at in heard if 6 < at < 35], "a short cut ended a long one")


def test_full():
    """Output that could not be written is no success."""
    with open("/dev/full", "w", encoding="utf-8") as full:
        for arguments in (["list"], ["run", SMALL], ["run", SMALL, "--json"]):
            done = subprocess.run([SOUK, "sim", *arguments], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False, timeout=50)
            check(done.returncode == 1 and "writing the output failed" in done.stderr,
                  f"{arguments} on a full disk: {done.returncode} {done.stderr}")


def test_interrupted():
    running = subprocess.Popen([SOUK, "sim", "run", "ten-thousand-nodes"], stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL)
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    try:
        _, said = running.communicate(timeout=50)
    finally:
        running.kill()
    check(running.returncode == 1 and b"stopped" in said, f"interrupted: {said}")


def main():
    with tempfile.TemporaryDirectory() as work:
        test_list()
        test_expects()
        test_run()
        test_several(work)
        test_unexpected(work)
        test_replay()
        test_refused(work)
        test_sweep(work)
        test_best(work)
        test_shrink(work)
        test_swarm()
        test_actors_and_parameters()
        test_overlapping(work)
        test_full()
        test_interrupted()
    print("souk sim: all as expected")


if __name__ == "__main__":
    main()
