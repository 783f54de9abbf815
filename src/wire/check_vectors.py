#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Encodes the JSON of spec/vectors/wire.json a second time, from the schema alone.

    check_vectors.py TOOLS-FOLDER SCHEMA VECTORS

Bytes and digests must be those of the file, so that the C code and the published
vectors are not merely wrong in the same way."""
import hashlib
import json
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import wiregen  # noqa: E402

NUMBERS = {'u8': 1, 'u16': 2, 'u32': 4, 'u64': 8, 'amount': 8, 'time': 8}
SIZES = {'hash': 32, 'address': 20, 'nonce': 16, 'pubkey': 33, 'signature': 65}


def encode_value(messages, kind, value):
    if kind in NUMBERS:
        return value.to_bytes(NUMBERS[kind], 'big')
    if kind == 'bool':
        return b'\1' if value else b'\0'
    if kind in SIZES:
        data = bytes.fromhex(value.removeprefix('0x'))
        assert len(data) == SIZES[kind] and value == value.lower()
        assert value.startswith('0x') == (kind == 'address')
        return data
    return encode(messages, kind, value)


def encode_field(messages, field, value):
    if field.kind == 'list':
        items = [encode_value(messages, field.item, item) for item in value]
        assert len(items) <= field.max
        return len(items).to_bytes(2, 'big') + b''.join(items)
    if field.kind in ('text', 'bytes'):
        data = value.encode('ascii') if field.kind == 'text' else bytes.fromhex(value)
        assert len(data) <= field.max
        return len(data).to_bytes(2, 'big') + data
    return encode_value(messages, field.kind, value)


def encode(messages, name, value):
    message = messages[name]
    if message.is_choice:
        members = dict(value)
        kind = members.pop('kind')
        tag, _, arm = next(a for a in message.arms if a[1] == kind)
        return bytes([tag]) + encode(messages, arm, members)
    keys = []
    for field in message.fields:
        unit = {'amount': '_ncoin', 'time': '_ms'}.get(field.item or field.kind, '')
        keys.append(field.name + unit)
    assert keys == list(value), f'{name}: {keys} != {list(value)}'
    return b''.join(encode_field(messages, f, value[k]) for f, k in zip(message.fields, keys))


def check(messages, vector):
    message = messages[vector['message']]
    data = encode(messages, message.name, vector['json'])
    assert data.hex() == vector['hex'], f'{message.name}: other bytes'
    assert len(data) <= wiregen.size_max(messages, message.name)
    digest = None
    if message.digest:
        digest = hashlib.sha256(b'souk/' + message.digest.encode() + b'\0' + data).hexdigest()
    assert vector.get('digest') == digest, f'{message.name}: another digest'


def main():
    messages = wiregen.parse(sys.argv[2])
    with open(sys.argv[3], encoding='ascii') as file:
        vectors = json.load(file)['vectors']
    assert [v['message'] for v in vectors] == list(messages), 'not one vector per message'
    for vector in vectors:
        check(messages, vector)
    print(f'{len(vectors)} vectors agree')


main()
