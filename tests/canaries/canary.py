#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A canary is a build of Souk with one check taken out, which the simulator must catch.

  canary.py file CANARY                  the source file that it changes
  canary.py patch CANARY ROOT OUTPUT     write the changed copy; its lines must be there exactly once
  canary.py test CANARY ROOT BROKEN WHOLE
      run its scenarios in the broken build, whose auditor must report the expected violation in
      each, and in the whole one, whose auditor must report nothing

See README.md for what a canary looks like.
"""
import os
import re
import subprocess
import sys
import tempfile

FIELDS = {"about", "file", "expect", "scenario", "swarm"}


def fail(text):
    sys.exit(f"canary: {text}")


def read(path):
    """Fields by name; replacements as pairs; scenarios written into the canary."""
    fields, parts = {"scenario": []}, []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if re.match(r"--- \w+$", line):
                parts.append((line[4:].strip(), []))
            elif parts:
                parts[-1][1].append(line)
            elif line.strip() and not line.startswith("#"):
                name, equals, value = (part.strip() for part in line.partition("="))
                if not equals or name not in FIELDS:
                    fail(f"{path}:{number}: not a field: {line.strip()}")
                if name == "scenario":
                    fields[name].append(value)
                else:
                    fields[name] = value
    replaced, scenarios = [], []
    for name, lines in parts:
        text = "".join(lines)
        if name == "replace":
            replaced.append([text, None])
        elif name == "with" and replaced and replaced[-1][1] is None:
            replaced[-1][1] = text
        elif name == "scenario":
            scenarios.append(text)
        else:
            fail(f"{path}: a part '{name}' does not belong here")
    if not replaced or any(new is None for _, new in replaced):
        fail(f"{path}: each 'replace' needs a 'with'")
    for name in ("about", "file", "expect"):
        if name not in fields:
            fail(f"{path}: no {name}")
    return fields, replaced, scenarios


def patch(canary, root, output):
    fields, replaced, _ = read(canary)
    with open(os.path.join(root, fields["file"]), encoding="utf-8") as file:
        text = file.read()
    for old, new in replaced:
        if text.count(old) != 1:
            fail(f"{canary}: its lines are {text.count(old)} times in {fields['file']}, "
                 "not once: the source has changed")
        text = text.replace(old, new)
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


def run(program, *arguments):
    result = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=300)
    print(result.stdout + result.stderr, end="")
    if result.returncode < 0:
        return {"crash"}
    if result.returncode not in (0, 1):
        fail(f"{os.path.basename(program)} ended with {result.returncode}")
    return set(re.findall(r"^violation ([a-z-]+)", result.stdout, re.MULTILINE))


def test(canary, root, broken, whole):
    fields, _, written = read(canary)
    print(f"{os.path.basename(canary)}: {fields['about']}")
    runs = [[os.path.join(root, "scenarios", f"{name}.scenario")] for name in fields["scenario"]]
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(written):
            path = os.path.join(folder, f"{number}.scenario")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            runs.append([path])
        if "swarm" in fields:
            runs.append(["--swarm", *fields["swarm"].split()])
        if not runs:
            fail(f"{canary}: no scenario")
        for arguments in runs:
            found = run(broken, *arguments)
            if fields["expect"] not in found:
                fail(f"it lives: {sorted(found) or 'nothing'} was reported, not "
                     f"{fields['expect']}")
            found = run(whole, *arguments)
            if found:
                fail(f"the whole build is blamed too: {sorted(found)}")


def main():
    commands = {"file": 1, "patch": 3, "test": 4}
    if len(sys.argv) < 2 or commands.get(sys.argv[1]) != len(sys.argv) - 2:
        sys.exit(__doc__)
    if sys.argv[1] == "file":
        print(read(sys.argv[2])[0]["file"])
    elif sys.argv[1] == "patch":
        patch(*sys.argv[2:])
    else:
        test(*sys.argv[2:])


main()
