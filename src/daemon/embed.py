#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file as a C array: embed.py FILE NAME OUT."""
import sys

path, name, out = sys.argv[1:]
with open(path, "rb") as file:
    data = file.read()
rows = [", ".join(str(byte) for byte in data[i:i + 24]) for i in range(0, len(data), 24)]
with open(out, "w", encoding="ascii") as file:
    file.write(f"/* Made from {path.rsplit('/', 1)[-1]}. */\n#include <stddef.h>\n\n"
               f"extern const unsigned char {name}[];\nextern const size_t {name}_size;\n"
               f"const unsigned char {name}[] = {{\n" + ",\n".join(rows) + "\n};\n"
               f"const size_t {name}_size = sizeof {name};\n")
