# SPDX-License-Identifier: Apache-2.0
"""Enough of spec/wire.md to write messages by hand, and the cryptography that signs them, from
their published definitions: so that the daemons are spoken to by a second implementation."""
import hashlib
import struct

P = 2 ** 256 - 2 ** 32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add(a, b):
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(k, point=G):
    result = None
    while k:
        if k & 1:
            result = add(result, point)
        point = add(point, point)
        k >>= 1
    return result


def keccak256(data):
    def rotate(v, n):
        n %= 64
        return ((v << n) | (v >> (64 - n))) & (2 ** 64 - 1)
    data = bytearray(data) + b"\x01"
    data += bytes(-len(data) % 136)
    data[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(data), 136):
        for i in range(17):
            word = struct.unpack_from("<Q", data, start + 8 * i)[0]
            lanes[i % 5][i // 5] ^= word
        r = 1
        for _ in range(24):
            c = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4]
                 for x in range(5)]
            for x in range(5):
                d = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1)
                for y in range(5):
                    lanes[x][y] ^= d
            x, y = 1, 0
            current = lanes[x][y]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                current, lanes[x][y] = lanes[x][y], rotate(current, (t + 1) * (t + 2) // 2)
            for y in range(5):
                row = [lanes[x][y] for x in range(5)]
                for x in range(5):
                    lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
            for j in range(7):
                r = ((r << 1) ^ ((r >> 7) * 0x71)) % 256
                if r & 2:
                    lanes[0][0] ^= 1 << ((1 << j) - 1)
    return b"".join(struct.pack("<Q", lanes[i % 5][i // 5]) for i in range(4))


class Key:
    def __init__(self, secret):
        self.secret = secret if isinstance(secret, int) else int.from_bytes(secret, "big")
        x, y = multiply(self.secret)
        self.public = bytes([2 + (y & 1)]) + x.to_bytes(32, "big")
        self.address = keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]

    def sign(self, digest):
        """r, s, v; the nonce is a hash of key and digest, which is good enough for a test."""
        z = int.from_bytes(digest, "big")
        k = int.from_bytes(hashlib.sha256(self.secret.to_bytes(32, "big") + digest).digest(),
                           "big") % N
        x, y = multiply(k)
        r, v = x % N, y & 1
        s = pow(k, -1, N) * (z + r * self.secret) % N
        if s > N // 2:
            s, v = N - s, v ^ 1
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


def key_of_home(path):
    with open(path + "/identity.key") as file:
        return Key(bytes.fromhex(file.read().strip()))


def u8(v):
    return struct.pack(">B", v)


def u16(v):
    return struct.pack(">H", v)


def u32(v):
    return struct.pack(">I", v)


def u64(v):
    return struct.pack(">Q", v)


def text(v):
    return u16(len(v)) + v.encode()


def digest(domain, encoding):
    return hashlib.sha256(b"souk/" + domain.encode() + b"\0" + encoding).digest()


def signed_tx(key, ledger, nonce, kind, body, sender=None, spoil=False):
    tx = ledger + (sender or key.address) + u64(nonce) + u8(kind) + body
    signature = bytearray(key.sign(digest("tx", tx)))
    if spoil:
        signature[10] ^= 1
    return tx + bytes(signature)


def tx_hash(encoding):
    """The hash of a signed transaction."""
    return digest("tx", encoding[:-65]).hex()


FAUCET, TRANSFER, ESCROW_OPEN, ESCROW_CLOSE, ALLOT, EPOCH_CLOSE, DRAW = 1, 2, 3, 5, 7, 12, 13


def ask(provider, content, units, price, escrow, epoch, customer):
    """An ask, as bytes."""
    return (u8(1) + provider + content + u32(units) + u64(price) + escrow + u64(epoch) + customer)


# The least bytes that decode as a strip_open: everything zero, but the version.
STRIP = (u8(1) + bytes(32) + u64(0) + u32(0) + u32(0) + bytes(20) + u64(0) + u32(1) + u64(1) + bytes(32) * 4 +
         bytes(33) + bytes(32) + bytes(16) + u64(0))
STRIP_OPEN = (STRIP + bytes(65) + u32(0) + u32(1) + u16(0) + bytes(20) + bytes(20) + u64(0) +
              u16(0) + u16(0))


def grant_session(signed_grant):
    """The session's name in an encoded signed_grant."""
    return signed_grant[21:37].hex()
