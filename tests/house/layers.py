#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves the house rules that a compiler does not: who may include whom, and what
the pure layers may reach.

  layers.py SOURCE_ROOT BUILD_ROOT

1. A file of a layer includes headers of its own layer and of those below only.
2. Each pure layer's static library needs no symbol beyond those of the layers
   below and a short list of library functions: no clock, socket, file, thread,
   heap or output.
3. A pure layer has no writable global, except the two that are named here.
4. The simulator may use the heap and format text, and the store in memory; but no clock, socket,
   file, thread or output, and it has no writable global: or two runs of one seed might differ.
"""
import os
import re
import subprocess
import sys

# From the bottom up; a layer sees itself and what stands before it.
LAYERS = ["base", "ports", "crypto", "wire", "payment", "ledger", "exchange", "content", "keys", "io",
          "client", "sim", "daemon", "cli"]
SIDEWAYS = {("exchange", "ledger"), ("keys", "content")}  # neighbours in the design: exchange does not see ledger
PURE = ["base", "crypto", "wire", "payment", "ledger", "exchange", "content", "keys"]
FOLDER = {layer: f"src/{layer}" for layer in LAYERS} | {
    name: f"src/services/{name}" for name in ("content", "keys")}
LIBRARY = {layer: f"{FOLDER[layer]}/libsouk_{layer}.a" for layer in PURE}

# Memory functions that every compiler emits by itself, and its stack and sanitizer helpers.
EVERYWHERE = re.compile(
    r"^(mem(cpy|move|set|cmp)|str(len|cmp|ncmp|nlen)|bcmp|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail"
    r"|__(asan|ubsan|tsan|sanitizer|sancov)_\w+|__gcov_\w+|__cpu_model|__cpu_indicator_init"
    r"|__(popcount|ctz|clz)[sdt]i2|__u?(div|mod)ti3|qsort)$")
CRYPTO_LIBRARIES = re.compile(r"^(secp256k1_\w+|SHA(256|384)_\w+|EVP_\w+|OPENSSL_\w+|crypto_(aead|pwhash)_\w+|sodium_\w+)$")
# Writable data that must exist once per process, and why: see docs/decisions/.
ALLOWED_DATA = {"crypto": re.compile(r"engine|context")}
FORBIDDEN_HEADERS = re.compile(
    r"^(stdio|stdlib|time|unistd|fcntl|pthread|threads|errno|signal|sys/\w+|netinet/\w+|arpa/\w+"
    r"|curl/.*|microhttpd|lmdb|jansson|ini)\.h$")

# What the simulator has beyond a pure layer.
SIM_LIBRARY = "src/sim/libsouk_sim.a"
SIM_REACHES = re.compile(
    r"^(malloc|calloc|realloc|free|v?snprintf|__v?snprintf_chk|strtoull|__isoc23_strtoull|strchr"
    r"|strrchr|strstr|strspn|strcspn|strncpy|memchr|strsep|strncat|__floattidf|ini_parse_(string\w*|stream)|souk_memory_store_\w+)$")
SIM_HEADERS_OF_IO = {"souk/io/memory_store.h"}

failures = []


def fail(text):
    failures.append(text)


def includes(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if match:
                yield number, match.group(1)


def files_of(root, layer):
    for folder in (FOLDER[layer], f"include/souk/{layer}"):
        base = os.path.join(root, folder)
        for where, _, names in os.walk(base):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.join(where, name)


def check_sim_include(where, header):
    if header.startswith("souk/io/") and header not in SIM_HEADERS_OF_IO:
        fail(f"{where}: the simulator must not see {header}")
    if re.match(r"(time|unistd|fcntl|pthread|threads|signal|math|locale|sys/\w+|netinet/\w+)\.h$",
                header):
        fail(f"{where}: the simulator must not include <{header}>")


def sections(library):
    out = subprocess.run(["nm", "--format=sysv", "--defined-only", library], check=True,
                         capture_output=True, text=True)
    for line in out.stdout.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == 7:
            yield parts[0], parts[6]


def check_includes(root):
    count = 0
    for index, layer in enumerate(LAYERS):
        visible = set(LAYERS[:index + 1]) - {b for a, b in SIDEWAYS if a == layer}
        for path in files_of(root, layer):
            name = os.path.basename(path)
            is_test = (name.startswith(("test_", "fuzz_", "bench_")) or
                       name.endswith(("_tool.c", "vectors.c", "_kit.c", "_kit.h")))
            for number, header in includes(path):
                count += 1
                match = re.match(r"souk/(\w+)/", header)
                where = f"{os.path.relpath(path, root)}:{number}"
                if match and match.group(1) not in visible and not is_test:
                    fail(f"{where}: layer {layer} must not see {header}")
                if layer == "sim" and not is_test:
                    check_sim_include(where, header)
                if layer in PURE and not is_test and FORBIDDEN_HEADERS.match(header):
                    fail(f"{where}: the pure layer {layer} must not include <{header}>")
    return count


def symbols(library, *options):
    out = subprocess.run(["nm", "-P", *options, library], check=True, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        parts = line.split()
        if len(parts) >= 2 and not line.endswith(":"):
            yield parts[0], parts[1]


def check_symbols(build):
    defined_below = set()
    count = 0
    for layer in PURE:
        library = os.path.join(build, LIBRARY[layer])
        own = {name for name, kind in symbols(library, "--defined-only")}
        for name, _ in symbols(library, "--undefined-only"):
            count += 1
            if name in own or name in defined_below or EVERYWHERE.match(name):
                continue
            if layer == "crypto" and CRYPTO_LIBRARIES.match(name):
                continue
            fail(f"the pure layer {layer} reaches {name}")
        for name, kind in symbols(library, "--defined-only"):
            if kind in "BbDdC" and not re.match(r"^(__|\.|_|switch\.table)", name):
                allowed = ALLOWED_DATA.get(layer)
                if not (allowed and allowed.search(name)):
                    fail(f"the pure layer {layer} has the writable global {name}")
        defined_below |= own
    return count + check_sim_symbols(build, defined_below)


def check_sim_symbols(build, defined_below):
    library = os.path.join(build, SIM_LIBRARY)
    own = {name for name, kind in symbols(library, "--defined-only")}
    count = 0
    for name, _ in symbols(library, "--undefined-only"):
        count += 1
        if not (name in own or name in defined_below or EVERYWHERE.match(name) or
                SIM_REACHES.match(name)):
            fail(f"the simulator reaches {name}")
    for name, section in sections(library):
        # A constant table of pointers is written by the loader only, and then sealed.
        if re.match(r"\.(data(?!\.rel\.ro)|bss)|\*COM\*", section) and \
                not re.match(r"^(__|\.|_|switch\.table)", name):
            fail(f"the simulator has the writable global {name}")
    return count


def check_lengths(root):
    for base in ("src", "include", "bench", "tests", "tools"):
        for where, _, names in os.walk(os.path.join(root, base)):
            for name in names:
                path = os.path.join(where, name)
                if not name.endswith((".c", ".h", ".py")):
                    continue
                with open(path, encoding="utf-8") as file:
                    lines = file.readlines()
                if len(lines) > 800:
                    fail(f"{os.path.relpath(path, root)}: {len(lines)} lines; split it")
                if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
                    fail(f"{os.path.relpath(path, root)}: no SPDX licence line")


def main():
    root, build = sys.argv[1:3]
    seen = check_includes(root)
    # The same checks must be able to fail: a layer that sees a socket is refused.
    if not FORBIDDEN_HEADERS.match("sys/socket.h") or EVERYWHERE.match("malloc"):
        fail("the house test itself is blind")
    needed = check_symbols(build)
    check_lengths(root)
    for text in failures:
        print(text)
    print(f"{seen} includes and {needed} undefined symbols looked at: {len(failures)} broken rules")
    return 1 if failures or seen == 0 or needed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
