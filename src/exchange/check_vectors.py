# SPDX-License-Identifier: Apache-2.0
"""Derives spec/vectors/exchange.json again from spec/exchange.md, with nothing of Souk's code."""
import hashlib
import hmac
import json
import struct
import sys

P = 2**256 - 2**32 - 977


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def ecdh(seckey, pubkey):
    x = int.from_bytes(pubkey[1:], 'big')
    y = pow(x**3 + 7, (P + 1) // 4, P)
    point, total = (x, y if y % 2 == pubkey[0] % 2 else P - y), None
    for bit in bin(int.from_bytes(seckey, 'big'))[:1:-1]:
        if bit == '1':
            total = add(total, point)
        point = add(point, point)
    return hashlib.sha256(bytes([2 + total[1] % 2]) + total[0].to_bytes(32, 'big')).digest()


def chacha_block(key, nonce, counter):
    def rotate(v, n):
        return (v << n | v >> (32 - n)) & 0xffffffff
    start = list(struct.unpack('<16I', b'expand 32-byte k' + key + struct.pack('<I', counter) + nonce))
    s = start[:]
    for r in range(20):
        for i in range(4):
            a, b, c, d = [4 * k + (i + (k * (r % 2))) % 4 for k in range(4)]
            for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                s[x] = (s[x] + s[y]) & 0xffffffff
                s[z] = rotate(s[z] ^ s[x], n)
    return struct.pack('<16I', *[(u + v) & 0xffffffff for u, v in zip(s, start)])


def keystream(key, nonce, size):
    return b''.join(chacha_block(key, nonce, i) for i in range(size // 64 + 1))[:size]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def same(what, got, want):
    if got != want:
        sys.exit('%s: got %s, the vectors say %s' % (what, got, want))


def domain(name, message):
    return hashlib.sha256(b'souk/' + name.encode() + b'\0' + message).digest()


def main():
    vectors = json.load(open(sys.argv[1]))
    h = bytes.fromhex
    v = vectors['session_secret']
    message = ecdh(h(v['seckey']), h(v['peer'])) + h(v['session']) + h(v['ask'])
    same('secret', hashlib.sha256(b'souk/session\0' + message).hexdigest(), v['secret'])
    for v in vectors['units']:
        key = hashlib.sha256(
            b'SKE' + h(v['session']) + struct.pack('>I', v['unit']) + h(v['k'])).digest()
        nonce = bytes(4) + struct.pack('>Q', v['chunk'])
        same('cipher key', key.hex(), v['cipher_key'])
        same('cipher nonce', nonce.hex(), v['cipher_nonce'])
        same('keystream', keystream(key, nonce, 80).hex(), v['keystream'])
    for v in vectors['keys']:
        mask = keystream(h(v['secret']), bytes(4) + struct.pack('>Q', v['unit']), 32)
        same('key', '%d:%s' % (v['unit'], xor(mask, h(v['k'])).hex()), v['header'])
    v = vectors['key_chain']
    value, leaves = h(v['secret']), []
    for i in range(v['units'], 0, -1):
        if i % 256 == 0:
            leaves.insert(0, hashlib.sha256(b'\0' + value).digest())
        value = hashlib.sha256(b'SKK' + h(v['session']) + struct.pack('>I', i) + value).digest()
    same('key anchor', value.hex(), v['key_anchor'])
    same('key leaves', b''.join(leaves).hex(), v['key_leaves'])
    while len(leaves) > 1:
        leaves = [hashlib.sha256(b'\1' + leaves[i] + leaves[i + 1]).digest()
                  if i + 1 < len(leaves) else leaves[i] for i in range(0, len(leaves), 2)]
    same('key checkpoints', leaves[0].hex(), v['key_checkpoints'])
    v = vectors['hub']
    value = h(v['secret'])
    for i in range(v['units'], 0, -1):
        if i == 8:
            same('y_8', value.hex(), v['y_8'])
        value = hashlib.sha256(b'SKH' + h(v['session']) + struct.pack('>I', i) + value).digest()
    same('hub anchor', value.hex(), v['anchor'])
    same('voucher id', hashlib.sha256(b'souk/voucher\0' + h(v['voucher'])).hexdigest(),
         v['voucher_id'])
    for price, permille, cost in v['costs']:
        same('cost', price + (price * permille + 999) // 1000, cost)
    v = vectors['sponsored']
    of_ask = h(v['S']) + h(v['session']) + h(v['ask'])
    pair = domain('sponsor_pair', ecdh(h(v['seckey']), h(v['peer'])))
    seal = domain('strip_seal', pair + h(v['session']))
    same('k_n', domain('sponsored_keys', of_ask).hex(), v['k_n'])
    same('secret', domain('sponsored_session', of_ask).hex(), v['secret'])
    same('T', pair.hex(), v['T'])
    same('seal', seal.hex(), v['seal'])
    same('keystream', keystream(seal, bytes(12), 100).hex(), v['keystream'])
    for v in vectors['requests']:
        parts = v['path'].split('/')
        message = b'keys' if parts[2] == 'keys' else b'unit' + struct.pack(
            '>IQ', int(parts[4]), int(parts[5]))
        mac = hmac.new(h(v['secret']), message + h(v['ticket']), hashlib.sha256).hexdigest()
        same('auth', mac[:32], v['auth'])


main()
