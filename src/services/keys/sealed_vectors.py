#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seal the files of spec/vectors/sealed.json again, from spec/keys.md 9 and the drafts it names.

usage: sealed_vectors.py SEALED_TOOL VECTORS

Nothing of it comes from the code: ChaCha20 (RFC 8439), HChaCha20 (draft-irtf-cfrg-xchacha-03) and
Poly1305 are written out here.
"""
import hashlib
import hmac
import json
import struct
import subprocess
import sys

MASK = 0xffffffff


def rotate(x, n):
    return (x << n | x >> 32 - n) & MASK


def quarter(s, a, b, c, d):
    s[a] = s[a] + s[b] & MASK
    s[d] = rotate(s[d] ^ s[a], 16)
    s[c] = s[c] + s[d] & MASK
    s[b] = rotate(s[b] ^ s[c], 12)
    s[a] = s[a] + s[b] & MASK
    s[d] = rotate(s[d] ^ s[a], 8)
    s[c] = s[c] + s[d] & MASK
    s[b] = rotate(s[b] ^ s[c], 7)


def rounds(key, tail):
    state = [*struct.unpack('<4I', b'expand 32-byte k'), *struct.unpack('<8I', key),
             *struct.unpack('<4I', tail)]
    s = list(state)
    for _ in range(10):
        for column in range(4):
            quarter(s, column, column + 4, column + 8, column + 12)
        for a in range(4):
            quarter(s, a, 4 + (a + 1) % 4, 8 + (a + 2) % 4, 12 + (a + 3) % 4)
    return state, s


def hchacha(key, nonce16):
    _, s = rounds(key, nonce16)
    return struct.pack('<8I', *s[:4], *s[12:])


def block(key, counter, nonce12):
    state, s = rounds(key, struct.pack('<I', counter) + nonce12)
    return struct.pack('<16I', *((a + b) & MASK for a, b in zip(state, s)))


def poly1305(key, message):
    r = int.from_bytes(key[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for i in range(0, len(message), 16):
        total = (total + int.from_bytes(message[i:i + 16] + b'\x01', 'little')) * r % (2**130 - 5)
    return (total + int.from_bytes(key[16:], 'little') & 2**128 - 1).to_bytes(16, 'little')


def xchacha_seal(key, nonce, associated, plain):
    key, nonce = hchacha(key, nonce[:16]), bytes(4) + nonce[16:]
    stream = b''.join(block(key, 1 + i, nonce) for i in range((len(plain) + 63) // 64))
    sealed = (int.from_bytes(plain, 'big') ^
              int.from_bytes(stream[:len(plain)], 'big')).to_bytes(len(plain), 'big')

    def padded(text):
        return text + bytes(-len(text) % 16)
    tag = poly1305(block(key, 0, nonce)[:32], padded(associated) + padded(sealed) +
                   struct.pack('<QQ', len(associated), len(sealed)))
    return sealed + tag


def hkdf(salt, secret, info, size):
    key, out, last = hmac.digest(salt, secret, 'sha256'), b'', b''
    while len(out) < size:
        last = hmac.digest(key, last + info + bytes([len(out) // 32 + 1]), 'sha256')
        out += last
    return out[:size]


def seal(file_key, salt, plain):
    keys = hkdf(salt, file_key, b'souk/sealed', 64)
    header = b'SOUKSEAL' + bytes([1, 16]) + bytes(6) + salt + keys[32:]
    assert len(header) == 80
    pieces, rest = [plain[:65440]], plain[65440:]
    pieces += [rest[i:i + 65520] for i in range(0, len(rest), 65520)]
    out = header
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        nonce = struct.pack('>Q', number) + bytes([last]) + bytes(15)
        out += xchacha_seal(keys[:32], nonce, header, piece)
    return out


def main():
    with open(sys.argv[2], encoding='ascii') as file:
        text = file.read()
    assert subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout == text
    # The AEAD of draft-irtf-cfrg-xchacha-03, A.3.1.
    assert xchacha_seal(bytes(range(0x80, 0xa0)), bytes(range(0x40, 0x58)),
                        bytes.fromhex('50515253c0c1c2c3c4c5c6c7'),
                        b"Ladies and Gentlemen of the class of '99: If I could offer you only one"
                        b" tip for the future, sunscreen would be it.")[-16:].hex() == \
        'c0875924c1c7987947deafd8780acf49'
    for vector in json.loads(text)['sealed']:
        plain = bytes(i % 251 for i in range(vector['plain_size']))
        out = seal(bytes.fromhex(vector['file_key']), bytes.fromhex(vector['salt']), plain)
        assert len(out) == vector['sealed_size'], vector['plain_size']
        assert out[:128].hex() == vector['head'], vector['plain_size']
        assert out[-16:].hex() == vector['tail'], vector['plain_size']
        assert hashlib.sha256(out).hexdigest() == vector['sha256'], vector['plain_size']
    print('ok', len(json.loads(text)['sealed']), 'sealed files')


main()
