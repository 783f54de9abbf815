#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of docs/adversaries.md is the one that the program prints.

  check_table.py PROGRAM DOCUMENT [--write]

With --write the table in the document is replaced.
"""
import difflib
import subprocess
import sys

START, END = "<!-- adversaries --markdown -->\n", "<!-- end -->\n"


def main():
    program, path = sys.argv[1:3]
    done = subprocess.run([program, "--markdown"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} ends with {done.returncode}: {done.stderr}")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(START)
    table, after = rest.split(END)
    if sys.argv[3:] == ["--write"]:
        with open(path, "w", encoding="utf-8") as file:
            file.write(before + START + done.stdout + END + after)
        return
    if table != done.stdout:
        sys.stdout.writelines(difflib.unified_diff(
            table.splitlines(True), done.stdout.splitlines(True), "committed", "printed"))
        sys.exit("the table is not what the program prints: run check_table.py with --write")
    print(f"{table.count(chr(10)) - 2} rows are as printed")


if __name__ == "__main__":
    main()
