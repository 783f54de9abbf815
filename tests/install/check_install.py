#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs into an empty folder and uses what is there, as somebody else would.

  check_install.py --source DIR --build DIR --sanitize NAMES -- CC...

1. The programs, the man pages, the library, its headers and its .pc file are there.
2. Each program of examples/ compiles against that tree alone, by pkg-config, and runs.
3. Every installed header compiles by itself.
4. The library exports souk_* and nothing else.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile

EXPECTED = ["bin/souk", "bin/soukd", "share/man/man1/souk.1", "share/man/man8/soukd.8",
            "share/man/man5/souk.ini.5", "include/souk/wire/messages.h",
            "include/souk/ports/store.h"]


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nends with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def find_pc(root):
    found = glob.glob(os.path.join(root, "**", "souk.pc"), recursive=True)
    if len(found) != 1:
        sys.exit(f"souk.pc is installed {len(found)} times, not once")
    return found[0]


def pkg_config(root, pc, *options):
    env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=root, PKG_CONFIG_PATH=os.path.dirname(pc))
    return run(["pkg-config", *options, "souk"], env=env).split()


def check_examples(source, compiler, flags, libraries, library_folder, work):
    examples = sorted(glob.glob(os.path.join(source, "examples", "*.c")))
    for example in examples:
        program = os.path.join(work, os.path.basename(example)[:-2])
        run([*compiler, "-Wall", "-Wextra", "-Werror", example, *flags, *libraries, "-o", program])
        print(run([program], env=dict(os.environ, LD_LIBRARY_PATH=library_folder)), end="")
    return len(examples)


def check_headers(include, compiler, flags, work):
    headers = sorted(glob.glob(os.path.join(include, "souk", "**", "*.h"), recursive=True))
    alone = os.path.join(work, "headers.c")
    for header in headers:
        with open(alone, "w", encoding="utf-8") as file:
            file.write(f'#include "{os.path.relpath(header, include)}"\n')
        run([*compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", alone, *flags])
    return len(headers)


def check_symbols(library):
    names = [line.split()[0] for line in
             run(["nm", "-D", "--defined-only", "-P", library]).splitlines()]
    strange = [name for name in names if not name.startswith("souk_")]
    if strange or not names:
        sys.exit(f"{library} exports {strange[:5] or 'nothing'}")
    return len(names)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--source", "--build", "--sanitize"):
        parser.add_argument(name, required=True)
    parser.add_argument("compiler", nargs="+")
    options = parser.parse_args()
    compiler = options.compiler
    if options.sanitize != "none":
        compiler = [*compiler, f"-fsanitize={options.sanitize}"]
    with tempfile.TemporaryDirectory(prefix="souk-install-") as work:
        root = os.path.join(work, "root")
        run(["meson", "install", "-C", options.build, "--no-rebuild", "--quiet", "--destdir", root])
        pc = find_pc(root)
        prefix = root + run(["pkg-config", "--variable=prefix", pc]).strip()
        for path in EXPECTED:
            if not os.path.exists(os.path.join(prefix, path)):
                sys.exit(f"not installed: {path}")
        flags = pkg_config(root, pc, "--cflags")
        libraries = pkg_config(root, pc, "--libs")
        library_folder = os.path.dirname(os.path.dirname(pc))
        examples = check_examples(
            options.source, compiler, flags, libraries, library_folder, work)
        headers = check_headers(os.path.join(prefix, "include"), compiler, flags, work)
        symbols = check_symbols(os.path.join(library_folder, "libsouk.so"))
        print(f"{examples} examples run, {headers} headers stand alone, {symbols} symbols exported")


if __name__ == "__main__":
    main()
