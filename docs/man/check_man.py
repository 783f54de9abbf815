#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages say all that --help says.

  check_man.py SOUK SOUKD SOUK.1.SCD SOUKD.8.SCD SOUK.INI.5.SCD SOURCE...

Every command, with its arguments, is a "## souk ..." heading of souk.1; every option of a
command stands below its heading, or under OPTIONS where all commands have it. Nothing else is
documented there. Every key that a SOURCE reads or a template writes is in souk.ini.5.
"""
import re
import subprocess
import sys

OPTION = re.compile(r"^  --([a-z-]+)", re.MULTILINE)
DOCUMENTED = re.compile(r"^\*--([a-z-]+)\*", re.MULTILINE)
# Getters of souk/io/ini.h.
READ = re.compile(r'souk_ini_\w+\(\s*\*?\w+,\s*"(\w+)",\s*"(\w+)"')

failures = []


def help_of(*command):
    done = subprocess.run([*command, "--help"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} --help ends with {done.returncode}: {done.stderr}")
    return done.stdout


def subcommands(text):
    return re.findall(r"^  ([a-z][a-z-]*) ", text, re.MULTILINE)


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def sections_of(page, mark):
    parts = re.split(rf"^{mark} (.+)$", page, flags=re.MULTILINE)
    return {name: re.split("^# ", text, flags=re.MULTILINE)[0]
            for name, text in zip(parts[1::2], parts[2::2])}


def check_command(souk, words, headings, common):
    """Check one command, or every command of a group; returns the headings it used."""
    text = help_of(souk, *words)
    usage = text.splitlines()[0].removeprefix("usage: ").removesuffix(" [options]")
    if re.search(r" COMMAND( \[arguments\])?$", usage):
        return {used for name in subcommands(text)
                for used in check_command(souk, [*words, name], headings, common)}
    if usage not in headings:
        failures.append(f"souk.1 has no heading \"{usage}\"")
        return set()
    options = set(OPTION.findall(text)) - common
    documented = set(DOCUMENTED.findall(headings[usage])) - common
    failures.extend(f"{usage}: --{name} is not in souk.1" for name in sorted(options - documented))
    failures.extend(f"{usage}: no --{name} as souk.1 has" for name in sorted(documented - options))
    return {usage}


def check_souk(souk, page):
    headings = sections_of(page, "##")
    common = set(DOCUMENTED.findall(sections_of(page, "#")["OPTIONS"]))
    used = set()
    for name in subcommands(help_of(souk)):
        used |= check_command(souk, [name], headings, common)
    failures.extend(f"souk.1 has \"{name}\", which souk does not know"
                    for name in sorted(set(headings) - used))
    return len(used)


def check_keys(page, sources):
    keys = sorted({key for path in sources for key in READ.findall(read_text(path))})
    sections = sections_of(page, "#")
    for section, key in keys:
        if f"\n*{key}* = " not in sections.get(f"[{section}]", ""):
            failures.append(f"souk.ini.5 has no {key} in [{section}]")
    return len(keys)


def main():
    souk, soukd, souk_page, soukd_page, ini_page, *sources = sys.argv[1:]
    commands = check_souk(souk, read_text(souk_page))
    missing = set(OPTION.findall(help_of(soukd))) - set(DOCUMENTED.findall(read_text(soukd_page)))
    failures.extend(f"soukd.8 has no --{name}" for name in sorted(missing))
    keys = check_keys(read_text(ini_page), sources)
    if commands < 10 or keys < 10:
        failures.append(f"only {commands} commands and {keys} keys were found")
    print("\n".join(failures) or f"{commands} commands and {keys} keys are documented")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
