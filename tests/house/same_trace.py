#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a scenario and its seed are one run: on every compiler, at every level of
optimisation, and again.

  same_trace.py SOUK [SOUK...] -- SCENARIO [SCENARIO...]

Each scenario is run under two seeds by each build, the first build twice; all traces of one seed
must agree, and those of different seeds must not.
"""
import json
import subprocess
import sys

SEEDS = (1, 77)


def traces(souk, scenario):
    found = []
    for seed in SEEDS:
        done = subprocess.run([souk, "sim", "run", scenario, "--seed", str(seed), "--json"],
                              capture_output=True, text=True, check=False)
        try:
            run = json.loads(done.stdout)["runs"][0]
        except (ValueError, LookupError):
            sys.exit(f"{souk} sim run {scenario} --seed {seed}: {done.stderr.strip()}")
        found.append((run["trace"], run["messages"]))
    return found


def main():
    if "--" not in sys.argv:
        sys.exit(__doc__)
    middle = sys.argv.index("--")
    builds, scenarios = sys.argv[1:middle], sys.argv[middle + 1:]
    if not builds or not scenarios:
        sys.exit(__doc__)
    wrong = 0
    for scenario in scenarios:
        first = traces(builds[0], scenario)
        # A trace that says nothing of the run would always agree.
        if first[0][0] == first[1][0] or first[0][1] == 0:
            wrong += 1
            print(f"{scenario}: two seeds, one trace {first[0][0]}")
        for build in builds:
            other = traces(build, scenario)
            if other != first:
                wrong += 1
                print(f"{scenario}: {builds[0]} says {first}, {build} says {other}")
        print(f"{scenario}: {first[0][0]} and {first[1][0]} from {len(builds)} builds")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
