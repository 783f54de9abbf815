#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generates Souk's codecs, and the tables of spec/wire.md, from spec/wire.schema.

    wiregen.py --schema S --header H --source C --samples-header SH --samples-source SC
    wiregen.py --schema S --status status.h --spec spec/wire.md [--check]

The first is what the build runs. The second rewrites the tables between the
markers of the document; with --check it changes nothing and fails if they differ.

Only what the schema has is supported; anything unknown stops the build with the
line it stands on.
"""
import argparse
import re
import sys
import textwrap

WIDTH = 100
TEXT_AND_BYTES = ('text', 'bytes')


class Scalar:
    """A fixed-size type: its C type, encoded size, and how C writes and prints it."""

    def __init__(self, size, ctype, write, json, json_max, json_suffix='', spec=''):
        self.size, self.ctype, self.write, self.json = size, ctype, write, json
        self.json_max, self.json_suffix, self.spec = json_max, json_suffix, spec


def integer(bits, digits):
    return Scalar(bits // 8, f'uint{bits}_t', f'souk_writer_u{bits}(writer, {{v}});',
                  'souk_codec_json_number(writer, {key}, {v});', digits)


def wrapped(ctype, member, suffix):
    return Scalar(8, f'struct {ctype}', f'souk_writer_u64(writer, {{v}}.{member});',
                  f'souk_codec_json_number(writer, {{key}}, {{v}}.{member});', 20, suffix)


def raw(name, size, prefix=''):
    return Scalar(size, f'struct souk_{name}',
                  'souk_writer_append(writer, {v}.bytes, sizeof {v}.bytes);',
                  f'souk_codec_json_hex(writer, {{key}}, "{prefix}", {{v}}.bytes, sizeof {{v}}.bytes);',
                  2 * size + len(prefix) + 2)


SCALARS = {
    'u8': integer(8, 3), 'u16': integer(16, 5), 'u32': integer(32, 10), 'u64': integer(64, 20),
    'bool': Scalar(1, 'bool', 'souk_writer_u8(writer, {v} ? 1 : 0);',
                   'souk_codec_json_bool(writer, {key}, {v});', 5),
    'amount': wrapped('souk_amount', 'ncoin', '_ncoin'),
    'time': wrapped('souk_time', 'ms', '_ms'),
    'hash': raw('hash', 32), 'address': raw('address', 20, '0x'), 'nonce': raw('nonce', 16),
    'pubkey': raw('pubkey', 33), 'signature': raw('signature', 65),
}
RAW = ('hash', 'address', 'nonce', 'pubkey', 'signature')


class Field:
    def __init__(self, name, type_text, constant, doc, where):
        self.name, self.constant, self.doc, self.where = name, constant, doc, where
        match = re.fullmatch(r'(\w+)(?:<(\w+)(?:,\s*(\d+))?>)?', type_text)
        if not match:
            fail(where, f'cannot read the type {type_text!r}')
        self.kind, first, last = match.groups()
        self.item, self.max = None, 0
        if self.kind == 'list':
            self.item, self.max = first, int(last)
        elif self.kind in TEXT_AND_BYTES:
            self.max = int(first)
        self.type_text = type_text


class Message:
    def __init__(self, name, doc, is_choice):
        self.name, self.doc, self.is_choice = name, doc, is_choice
        self.fields, self.arms, self.digest = [], [], None
        self.section = ''

    @property
    def struct(self):
        return f'struct souk_{self.name}'

    @property
    def macro(self):
        return f'SOUK_{self.name.upper()}'


def fail(where, text):
    sys.exit(f'{where}: {text}')


def parse_field(line, where):
    match = re.fullmatch(r'\s+(\w+)\s+(\w+(?:<[^>]*>)?)\s*(?:=\s*(\d+)\s*)?(?:#\s*(.*))?', line)
    if not match:
        fail(where, f'not a field: {line.strip()!r}')
    name, type_text, constant, doc = match.groups()
    if constant is not None and (type_text != 'u8' or int(constant) > 255):
        fail(where, 'only a u8 may be constant')
    return Field(name, type_text, None if constant is None else int(constant), doc or '', where)


def parse_line(line, where, messages, section):
    head = re.fullmatch(r'(message|choice)\s+(\w+)\s*(?:#\s*(.*))?', line)
    if head:
        kind, name, doc = head.groups()
        if name in messages or name in SCALARS:
            fail(where, f'{name} is defined twice')
        messages[name] = Message(name, doc or '', kind == 'choice')
        messages[name].section = section
        return
    if not messages or not line[0].isspace():
        fail(where, f'cannot read {line!r}')
    message = list(messages.values())[-1]
    digest = re.fullmatch(r'\s+digest\s+"([a-z_]+)"', line)
    if digest and not message.fields:
        message.digest = digest.group(1)
    elif message.is_choice:
        arm = re.fullmatch(r'\s+(\d+)\s+(\w+)\s+(\w+)\s*', line)
        if not arm or not 1 <= int(arm.group(1)) <= 255:
            fail(where, f'not an arm: {line.strip()!r}')
        message.arms.append((int(arm.group(1)), arm.group(2), arm.group(3)))
    else:
        message.fields.append(parse_field(line, where))


def parse(path):
    """The messages of the schema, by name and in its order."""
    messages, section = {}, ''
    with open(path, encoding='ascii') as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip()
            title = re.match(r'# -{8,} (.*)', line)
            if title:
                section = title.group(1)
            if line and not line.startswith('#'):
                parse_line(line, f'{path}:{number}', messages, section)
    check(messages, path)
    return messages


def check(messages, path):
    """Every type is known, and defined before its use: so no message contains itself."""
    known = set(SCALARS)
    for m in messages.values():
        where = f'{path}: {m.name}'
        parts = m.arms or m.fields
        if not parts:
            fail(where, 'has no fields')
        if [arm[0] for arm in m.arms] != list(range(1, len(m.arms) + 1)):
            fail(where, 'tags must count from 1')
        names = [arm[1] for arm in m.arms] or [f.name for f in m.fields]
        if len(set(names)) != len(names):
            fail(where, 'a name appears twice')
        for used in [arm[2] for arm in m.arms] + [f.item or f.kind for f in m.fields]:
            if used not in known and used not in TEXT_AND_BYTES:
                fail(where, f'{used} is not defined above it')
        if any(arm[2] in SCALARS or arm[2] in TEXT_AND_BYTES or messages[arm[2]].is_choice or
               'kind' in [f.name for f in messages[arm[2]].fields] for arm in m.arms):
            fail(where, 'an arm must be a message without a field named kind')
        if any(f.max > 65535 or (f.kind in ('list',) + TEXT_AND_BYTES and f.max == 0)
               for f in m.fields):
            fail(where, 'a maximum is not in 1 to 65535')
        known.add(m.name)


# ---------------------------------------------------------------- sizes

def size_max(messages, kind):
    """The most bytes a value of that type is encoded to."""
    if kind in SCALARS:
        return SCALARS[kind].size
    m = messages[kind]
    if m.is_choice:
        return 1 + max(size_max(messages, arm[2]) for arm in m.arms)
    return sum(field_size_max(messages, f) for f in m.fields)


def field_size_max(messages, f):
    if f.kind in TEXT_AND_BYTES:
        return 2 + f.max
    if f.kind == 'list':
        return 2 + f.max * size_max(messages, f.item)
    return size_max(messages, f.kind)


def json_key(f):
    """The name of a field in JSON: amounts and times carry their unit."""
    scalar = SCALARS.get(f.item or f.kind)
    return f.name + (scalar.json_suffix if scalar else '')


def json_max(messages, kind):
    """The most characters a value of that type is printed to."""
    if kind in SCALARS:
        return SCALARS[kind].json_max
    m = messages[kind]
    if m.is_choice:
        return max(json_max(messages, arm[2]) + len(f'"kind":"{arm[1]}",') for arm in m.arms)
    return 2 + sum(len(json_key(f)) + 4 + field_json_max(messages, f) for f in m.fields)


def field_json_max(messages, f):
    if f.kind in TEXT_AND_BYTES:
        return 2 + 2 * f.max
    if f.kind == 'list':
        return 2 + f.max * (json_max(messages, f.item) + 1)
    return json_max(messages, f.kind)


# ---------------------------------------------------------------- C

def columns(text):
    return len(text.expandtabs(8))


def wrap(text):
    """TEXT, a C prototype or call, broken as clang-format would: at commas, or after its `(`."""
    if columns(text) <= WIDTH:
        return text
    indent = text[:len(text) - len(text.lstrip('\t'))] + '\t'
    head, _, rest = text.partition('(')
    if columns(indent + rest) <= WIDTH:
        return f'{head}(\n{indent}{rest}'
    first, *parts = text.split(', ')
    lines = [first]
    for part in parts:
        joined = f'{lines[-1]}, {part}'
        if columns(joined + ',') <= WIDTH:
            lines[-1] = joined
        else:
            lines.append(indent + part)
    return ',\n'.join(lines)


def comment(text, indent=''):
    line = f'{indent}/* {text} */'
    if len(line.expandtabs(8)) <= WIDTH:
        return [line]
    lines = textwrap.wrap(text, WIDTH - 8 * len(indent) - 6)
    return [f'{indent}/* {lines[0]}'] + [f'{indent} * {l}' for l in lines[1:-1]] + \
           [f'{indent} * {lines[-1]} */']


def declared(f):
    """The member of a struct that holds field F."""
    if f.kind == 'text':
        return [f'\tstruct {{', f'\t\tuint16_t size;', f'\t\tchar text[{f.max} + 1];', f'\t}} {f.name};']
    if f.kind == 'bytes':
        return [f'\tstruct {{', f'\t\tuint16_t size;', f'\t\tuint8_t data[{f.max}];', f'\t}} {f.name};']
    if f.kind == 'list':
        return [f'\tstruct {{', f'\t\tuint16_t count;', f'\t\t{ctype(f.item)} items[{f.max}];',
                f'\t}} {f.name};']
    return [f'\t{ctype(f.kind)} {f.name};']


def ctype(kind):
    return SCALARS[kind].ctype if kind in SCALARS else f'struct souk_{kind}'


def padding(text, column):
    """Tabs, then spaces, from the end of TEXT to COLUMN."""
    at, out = columns(text), ''
    if at + 1 == column:
        return ' '
    while (at // 8 + 1) * 8 <= column:
        at, out = (at // 8 + 1) * 8, out + '\t'
    return out + ' ' * (column - at)


def members(fields):
    """The members of a struct, the comments of neighbours below each other."""
    rows = []
    for f in fields:
        *before, last = declared(f)
        if f.doc and columns(last) + len(f.doc) + 12 > WIDTH:
            rows += [(line, '') for line in comment(f.doc, '\t')] + [(l, '') for l in before + [last]]
        else:
            rows += [(line, '') for line in before] + [(last, f.doc)]
    out, i = [], 0
    while i < len(rows):
        run = [rows[i]]
        while run[0][1] and i + len(run) < len(rows) and rows[i + len(run)][1]:
            run.append(rows[i + len(run)])
        column = max(columns(line) for line, _ in run) + 1
        for line, doc in run:
            out.append(f'{line}{padding(line, column)}/* {doc} */' if doc else line)
        i += len(run)
    return out


def constants(m, messages):
    out = [f'#define {m.macro}_SIZE_MAX {size_max(messages, m.name)}',
           f'#define {m.macro}_JSON_MAX {json_max(messages, m.name)}']
    for f in m.fields:
        if f.constant is not None:
            out.append(f'#define {m.macro}_{f.name.upper()} {f.constant}')
    column = max(len(line.rpartition(' ')[0]) for line in out)
    return [f'{name.ljust(column)} {value}' for name, _, value in (l.rpartition(' ') for l in out)]


def struct_of(m):
    if not m.is_choice:
        return [f'{m.struct} {{'] + members(m.fields) + ['};']
    kinds = [f'enum souk_{m.name}_kind {{']
    kinds += [f'\t{m.macro}_{arm.upper()} = {tag},' for tag, arm, _ in m.arms]
    body = ['};', '', f'{m.struct} {{', f'\tenum souk_{m.name}_kind kind;', '\tunion {']
    body += [f'\t\tstruct souk_{kind} {arm};' for _, arm, kind in m.arms]
    return kinds + body + ['\t};', '};']


def prototypes(m):
    s, n = m.struct, f'souk_{m.name}'
    out = [f'void {n}_encode(struct souk_writer *writer, const {s} *message);',
           f'SOUK_MUST_CHECK souk_status {n}_decode({s} *message, struct souk_bytes in, '
           f'struct souk_wire_error *ret_where);',
           f'SOUK_MUST_CHECK souk_status {n}_read({s} *message, struct souk_reader *reader);',
           f'void {n}_json(struct souk_writer *writer, const {s} *message);']
    if m.digest:
        out.append(f'struct souk_hash {n}_digest(const {s} *message);')
    return [wrap(line) for line in out]


HEADER = '''\
/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/wire/messages.h - every message and stored record of Souk.
 *
 * Generated from spec/wire.schema; do not edit. A value has exactly one encoding:
 * what decodes, encodes to the same bytes again. For each message:
 *
 *   souk_X_encode  appends the encoding to WRITER, whose `full` flag says whether it
 *                  fitted; SOUK_X_SIZE_MAX bytes always do. A count over its limit,
 *                  text that is not printable or a choice of no kind traps: they are
 *                  mistakes of ours, never of a peer. Fill text with souk_text_set.
 *   souk_X_decode  takes exactly one message from IN. On failure *MESSAGE is all zero
 *                  and *RET_WHERE, which may be NULL, names the field and its offset.
 *   souk_X_read    takes one message from a stream; the reader keeps field and offset.
 *   souk_X_json    appends a JSON object; SOUK_X_JSON_MAX characters always suffice. It
 *                  prints every field: a record that holds secrets is not for logs.
 *   souk_X_digest  SHA-256("souk/" || domain || 0x00 || encoding), for the messages that
 *                  are signed or hashed.
 *
 * Decoding returns SOUK_OK, or
 *   SOUK_PEER_TRUNCATED      the bytes end inside a field. Refuse the message.
 *   SOUK_PEER_TRAILING       bytes follow the message (only _decode). Refuse it.
 *   SOUK_PEER_OVERSIZED      a count or length is over its limit. Refuse it.
 *   SOUK_PEER_NOT_CANONICAL  a bool, text, tag or reserved byte has no such value. Refuse it.
 *   SOUK_PEER_BAD_VERSION    the version is another one. Say so to the peer.
 * A record of our own store that does not decode is SOUK_CORRUPT_STORE to its reader.
 *
 * Memory: caller's; messages are values and own nothing. Threads: any, on distinct
 * objects. Spec: spec/wire.md. */
#ifndef SOUK_WIRE_MESSAGES_H
#define SOUK_WIRE_MESSAGES_H

#include "souk/wire/reader.h"
'''


def message_list(messages):
    """The X-macros over all messages, for tests and tools that treat them alike."""
    lines = ['#define SOUK_MESSAGE_LIST(X)'] + [f'\tX({n}, {n.upper()})' for n in messages]
    lines = [line + ' ' * (WIDTH - 1 - columns(line)) + '\\' for line in lines[:-1]] + lines[-1:]
    digests = ' '.join(f'X({m.name})' for m in messages.values() if m.digest)
    return ['/* X(name, NAME): every message, in the order of the schema. */', *lines, '',
            '/* X(name): those that have a digest. */', f'#define SOUK_DIGEST_LIST(X) {digests}']


def header(messages):
    out = [HEADER]
    for m in messages.values():
        out += comment(f'{m.name}: {m.doc}' if m.doc else m.name)
        out += constants(m, messages) + struct_of(m) + [''] + prototypes(m) + ['']
    return '\n'.join(out + message_list(messages) + ['', '#endif', ''])


def write_value(kind, v):
    if kind in SCALARS:
        return SCALARS[kind].write.format(v=v)
    return f'souk_{kind}_encode(writer, &{v});'


def write_field(f):
    v = f'message->{f.name}'
    if f.kind == 'list':
        return [f'\tsouk_codec_write_count(writer, {v}.count, {f.max});',
                f'\tfor (uint16_t i = 0; i < {v}.count; i++)',
                '\t\t' + write_value(f.item, f'{v}.items[i]')]
    if f.kind in TEXT_AND_BYTES:
        data = 'text' if f.kind == 'text' else 'data'
        return [f'\tsouk_codec_write_{f.kind}(writer, {v}.{data}, {v}.size, {f.max});']
    return ['\t' + write_value(f.kind, v)]


def read_value(kind, v, path):
    if kind in RAW:
        return f'souk_reader_raw(reader, {path}, {v}.bytes, sizeof {v}.bytes);'
    if kind in SCALARS:
        return f'{v} = souk_reader_{kind}(reader, {path});'
    return f'read_{kind}(&{v}, reader);'


def read_field(m, f):
    v, path = f'message->{f.name}', f'"{m.name}.{f.name}"'
    if f.constant is not None:
        refusal = 'SOUK_PEER_BAD_VERSION' if f.name == 'version' else 'SOUK_PEER_NOT_CANONICAL'
        return [f'\t{v} = souk_reader_constant(reader, {path}, {f.constant}, {refusal});']
    if f.kind == 'list':
        return [f'\t{v}.count = souk_reader_count(reader, {path}, {f.max});',
                f'\tfor (uint16_t i = 0; i < {v}.count; i++)',
                '\t\t' + read_value(f.item, f'{v}.items[i]', path)]
    if f.kind in TEXT_AND_BYTES:
        data = 'text' if f.kind == 'text' else 'data'
        return [f'\t{v}.size = souk_reader_{f.kind}(reader, {path}, {v}.{data}, {f.max});']
    return ['\t' + read_value(f.kind, v, path)]


def json_value(messages, kind, key, v):
    """Statements that print V as member KEY, or as a list item where KEY is NULL."""
    if kind in SCALARS:
        return [SCALARS[kind].json.format(key=key, v=v)]
    return [f'souk_codec_json_key(writer, {key});', f'souk_{kind}_json(writer, &{v});']


def json_field(messages, f):
    v, key = f'message->{f.name}', f'"{json_key(f)}"'
    if f.kind == 'list':
        item = json_value(messages, f.item, 'NULL', f'{v}.items[i]')
        brace = ' {' if len(item) > 1 else ''
        return [f'\tsouk_codec_json_key(writer, {key});', "\tsouk_writer_u8(writer, '[');",
                f'\tfor (uint16_t i = 0; i < {v}.count; i++){brace}'] + \
               ['\t\t' + line for line in item] + (['\t}'] if brace else []) + \
               ["\tsouk_writer_u8(writer, ']');"]
    if f.kind == 'text':
        return [f'\tsouk_codec_json_text(writer, {key}, {v}.text, {v}.size);']
    if f.kind == 'bytes':
        return [f'\tsouk_codec_json_hex(writer, {key}, "", {v}.data, {v}.size);']
    return ['\t' + line for line in json_value(messages, f.kind, key, v)]


def function(head, body):
    return [wrap(head), '{'] + [wrap(line) for line in body] + ['}', '']


def switch(m, lines_of):
    """One case per kind; a kind that is none is a mistake of our own."""
    out = ['\tswitch (message->kind) {']
    for _, arm, kind in m.arms:
        out += [f'\tcase {m.macro}_{arm.upper()}:'] + [f'\t\t{line}' for line in lines_of(arm, kind)]
        out += ['\t\treturn;']
    return out + ['\t}', '\tSOUK_CHECK(false);']


def read_choice(m):
    """The reader lets no tag pass that is not a kind's; after a failure it gives 0."""
    out = [f'\tmessage->kind = souk_reader_tag(reader, "{m.name}.kind", {len(m.arms)});',
           '\tswitch (message->kind) {']
    for _, arm, kind in m.arms:
        out += [f'\tcase {m.macro}_{arm.upper()}:', f'\t\tread_{kind}(&message->{arm}, reader);',
                '\t\treturn;']
    return out + ['\t}']


def functions(m, messages):
    n, parameter = f'souk_{m.name}', f'const {m.struct} *message'
    if m.is_choice:
        encode = ['\tsouk_writer_u8(writer, (uint8_t)message->kind);'] + switch(
            m, lambda arm, kind: [f'souk_{kind}_encode(writer, &message->{arm});'])
        read = read_choice(m)
        members = switch(m, lambda arm, kind: [
            f'souk_codec_json_text(writer, "kind", "{arm}", {len(arm)});',
            f'print_{kind}(writer, &message->{arm});'])
    else:
        encode = [line for f in m.fields for line in write_field(f)]
        read = [line for f in m.fields for line in read_field(m, f)]
        members = [line for f in m.fields for line in json_field(messages, f)]
    out = function(f'static void read_{m.name}({m.struct} *message, struct souk_reader *reader)', read)
    out += function(f'void {n}_encode(struct souk_writer *writer, {parameter})', encode)
    out += function(f'static void print_{m.name}(struct souk_writer *writer, {parameter})', members)
    out += function(f'void {n}_json(struct souk_writer *writer, {parameter})', [
        "\tsouk_writer_u8(writer, '{');", f'\tprint_{m.name}(writer, message);',
        "\tsouk_writer_u8(writer, '}');"])
    out += function(f'souk_status {n}_read({m.struct} *message, struct souk_reader *reader)', [
        '\tmemset(message, 0, sizeof *message);', f'\tread_{m.name}(message, reader);',
        '\treturn souk_codec_was_read(reader, message, sizeof *message);'])
    out += function(f'souk_status {n}_decode({m.struct} *message, struct souk_bytes in, '
                    'struct souk_wire_error *ret_where)', [
        '\tstruct souk_reader reader;', '\tmemset(message, 0, sizeof *message);',
        '\tsouk_reader_init(&reader, in);', f'\tread_{m.name}(message, &reader);',
        f'\treturn souk_codec_decoded(&reader, "{m.name}", message, sizeof *message, ret_where);'])
    if m.digest:
        out += function(f'struct souk_hash {n}_digest({parameter})', [
            f'\tuint8_t memory[{m.macro}_SIZE_MAX];', '\tstruct souk_writer writer;',
            '\tsouk_writer_init(&writer, memory, sizeof memory);',
            f'\t{n}_encode(&writer, message);',
            f'\treturn souk_sha256_domain("{m.digest}", souk_bytes_of(memory, writer.size));'])
    return out


SOURCE = '''\
/* SPDX-License-Identifier: Apache-2.0
 * Generated from spec/wire.schema; do not edit. */
#include "souk/wire/messages.h"

#include <string.h>

#include "codec.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
'''


def source(messages):
    out = [SOURCE]
    for m in messages.values():
        out += functions(m, messages)
    return '\n'.join(out)


SAMPLES_HEADER = '''\
/* SPDX-License-Identifier: Apache-2.0
 * Generated from spec/wire.schema; do not edit.
 *
 * souk/wire/samples.h - random valid messages, for tests and fuzzers only. */
#ifndef SOUK_WIRE_SAMPLES_H
#define SOUK_WIRE_SAMPLES_H

#include "souk/base/rng.h"
#include "souk/wire/messages.h"
'''

SAMPLES_SOURCE = '''\
/* SPDX-License-Identifier: Apache-2.0
 * Generated from spec/wire.schema; do not edit. */
#include "souk/wire/samples.h"

#include <string.h>

#include "sample.h"
'''


def sample_value(kind, v):
    if kind == 'bool':
        return f'{v} = sample_number(rng) & 1;'
    if kind in ('amount', 'time'):
        return f'{v} = ({ctype(kind)}){{sample_number(rng)}};'
    if kind in RAW:
        return f'souk_rng_fill(rng, {v}.bytes, sizeof {v}.bytes);'
    if kind in SCALARS:
        return f'{v} = ({ctype(kind)})sample_number(rng);'
    return f'souk_{kind}_sample(&{v}, rng);'


def sample_field(f):
    v = f'message->{f.name}'
    if f.constant is not None:
        return [f'\t{v} = {f.constant};']
    if f.kind == 'list':
        return [f'\t{v}.count = sample_count(rng, {f.max});',
                f'\tfor (uint16_t i = 0; i < {v}.count; i++)',
                '\t\t' + sample_value(f.item, f'{v}.items[i]')]
    if f.kind == 'text':
        return [f'\t{v}.size = sample_text(rng, {v}.text, {f.max});']
    if f.kind == 'bytes':
        return [f'\t{v}.size = sample_count(rng, {f.max});',
                f'\tsouk_rng_fill(rng, {v}.data, {v}.size);']
    return ['\t' + sample_value(f.kind, v)]


def sample_choice(m):
    out = [f'\tswitch (souk_rng_below(rng, {len(m.arms)})) {{']
    for i, (_, arm, kind) in enumerate(m.arms):
        out += [f'\tcase {i}:', f'\t\tmessage->kind = {m.macro}_{arm.upper()};',
                f'\t\tsouk_{kind}_sample(&message->{arm}, rng);', '\t\treturn;']
    return out + ['\t}']


def samples(messages):
    """The header and the source of the random messages."""
    head, body = [SAMPLES_HEADER], [SAMPLES_SOURCE]
    for m in messages.values():
        prototype = f'void souk_{m.name}_sample({m.struct} *message, struct souk_rng *rng)'
        head.append(wrap(prototype + ';'))
        fill = sample_choice(m) if m.is_choice else [l for f in m.fields for l in sample_field(f)]
        unused = [] if any('rng' in line for line in fill) else ['\t(void)rng;']
        body += function(prototype, unused + ['\tmemset(message, 0, sizeof *message);'] + fill)
    return '\n'.join(head + ['', '#endif', '']), '\n'.join(body)


# ---------------------------------------------------------------- the specification

def table(rows):
    return ['| ' + ' | '.join(row) + ' |' for row in rows]


def spec_messages(messages):
    out, section = [], None
    for m in messages.values():
        if m.section != section:
            section = m.section
            out += [f'### {section[0].upper()}{section[1:]}', '']
        size = size_max(messages, m.name)
        fixed = m.arms == [] and all(is_fixed(messages, f) for f in m.fields)
        out += [f'#### {m.name}', '', (f'{m.doc[0].upper()}{m.doc[1:]}. ' if m.doc else '') +
                (f'{size} bytes.' if fixed else f'At most {size} bytes.') +
                (f' Digest domain: `{m.digest}`.' if m.digest else ''), '']
        if m.is_choice:
            out += table([('tag', 'kind', 'message'), ('---', '---', '---')] +
                         [(str(tag), f'`{arm}`', kind) for tag, arm, kind in m.arms])
        else:
            out += table([('field', 'type', 'bytes', 'meaning'), ('---', '---', '---', '---')] +
                         [spec_field(messages, f) for f in m.fields])
        out.append('')
    return out


def spec_field(messages, f):
    size = field_size_max(messages, f)
    text = '' if is_fixed(messages, f) else '≤ '
    kind = f.type_text.replace('<', '\\<')
    return (f'`{f.name}`', kind if f.constant is None else f'{kind} = {f.constant}',
            f'{text}{size}', f.doc)


def is_fixed(messages, f):
    if f.kind == 'list' or f.kind in TEXT_AND_BYTES:
        return False
    m = messages.get(f.kind)
    return m is None or (not m.is_choice and all(is_fixed(messages, g) for g in m.fields))


def spec_statuses(path):
    with open(path, encoding='ascii') as file:
        text = file.read()
    statuses = re.findall(r'^\s*X\((\w+), (\d+), (\w+), "([^"]*)"\)', text, re.M)
    if len(statuses) != len(re.findall(r'^\s*X\(', text, re.M)) or not statuses:
        sys.exit(f'{path}: cannot read every status')
    return table([('code', 'status', 'meaning'), ('---', '---', '---')] +
                 [(code, f'`{name}`', meaning) for name, code, _, meaning in statuses])


def replaced(document, name, lines):
    """DOCUMENT with LINES between the markers of NAME."""
    begin, end = f'<!-- begin {name} -->', f'<!-- end {name} -->'
    before, found, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        sys.exit(f'no markers for {name}')
    return before + begin + '\n' + '\n'.join(lines).strip('\n') + '\n' + end + after


def update_spec(messages, arguments):
    with open(arguments.spec, encoding='utf-8') as file:
        old = file.read()
    new = replaced(old, 'messages', spec_messages(messages))
    new = replaced(new, 'statuses', spec_statuses(arguments.status))
    if new == old:
        return
    if arguments.check:
        sys.exit(f'{arguments.spec} is out of date: run tools/wiregen.py --spec')
    write(arguments.spec, new)


def write(path, text):
    if path is not None:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--schema', default='spec/wire.schema')
    parser.add_argument('--header')
    parser.add_argument('--source')
    parser.add_argument('--samples-header')
    parser.add_argument('--samples-source')
    parser.add_argument('--spec', nargs='?', const='spec/wire.md')
    parser.add_argument('--status', default='include/souk/base/status.h')
    parser.add_argument('--check', action='store_true')
    arguments = parser.parse_args()
    messages = parse(arguments.schema)
    write(arguments.header, header(messages))
    write(arguments.source, source(messages))
    samples_header, samples_source = samples(messages)
    write(arguments.samples_header, samples_header)
    write(arguments.samples_source, samples_source)
    if arguments.spec:
        update_spec(messages, arguments)


if __name__ == '__main__':
    main()
