#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare spec/vectors/payment.json with what the library prints, and compute
all of it again from spec/payment.md with nothing but hashlib and integers.

usage: check_vectors.py VECTORS PROGRAM"""
import hashlib
import json
import subprocess
import sys

ZERO = bytes(32)
SEGMENT = 256
checks = 0


def sha(data):
    return hashlib.sha256(data).digest()


def be(value, size):
    return value.to_bytes(size, "big")


def domain(name, message):
    return sha(b"souk/" + name + b"\0" + message)


def expect(what, got, wanted):
    global checks
    checks += 1
    if got != wanted:
        sys.exit(f"not ok - {what}: {got!r} is not {wanted!r}")


def unhex(text):
    return bytes.fromhex(text)


# ------------------------------------------------------------------ trees

def merkle_leaf(data):
    return sha(b"\0" + data)


def merkle_node(left, right):
    return sha(b"\1" + left + right)


def merkle_root(row):
    if not row:
        return ZERO
    while len(row) > 1:
        above = [merkle_node(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = above + ([row[-1]] if len(row) % 2 else [])
    return row[0]


def merkle_climb(node, index, count, path):
    """The root that PATH leads to."""
    path = list(path)
    while count > 1:
        if index ^ 1 < count:
            sibling = path.pop(0)
            node = merkle_node(sibling, node) if index % 2 else merkle_node(node, sibling)
        index, count = index // 2, (count + 1) // 2
    assert not path
    return node


def sum_leaf(leaf):
    return (sha(b"\2" + unhex(leaf["provider"]) + unhex(leaf["issuer"]) + be(leaf["amount"], 8)),
            leaf["amount"])


def sum_node(left, right):
    return (sha(b"\3" + left[0] + be(left[1], 8) + right[0] + be(right[1], 8)),
            left[1] + right[1])


def check_allotment(a):
    row = [sum_leaf(leaf) for leaf in a["leaves"]]
    while len(row) & (len(row) - 1):
        row.append((ZERO, 0))
    index, path = a["index"], []
    while len(row) > 1:
        path.append({"hash": row[index ^ 1][0].hex(), "sum": row[index ^ 1][1]})
        row = [sum_node(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        index //= 2
    expect("allotment root", row[0][0].hex(), a["root"])
    expect("allotment total", row[0][1], a["total"])
    expect("allotment path", path, a["path"])
    before = sum(leaf["amount"] for leaf in a["leaves"][:a["index"]])
    expect("interval start", a["base"] + before, a["interval_start"])


# ------------------------------------------------------------------ chains

def chain_values(c):
    tag, nonce, value = unhex(c["tag"]), unhex(c["nonce"]), unhex(c["secret"])
    values = [value]
    for i in range(c["length"], 0, -1):
        value = sha(tag + nonce + be(i, 4) + value)
        values.append(value)
    return values[::-1]


def check_chain(c, name):
    values = chain_values(c)
    leaves = [merkle_leaf(values[i]) for i in range(SEGMENT, c["length"] + 1, SEGMENT)]
    expect(name + " anchor", values[0].hex(), c["anchor"])
    expect(name + " checkpoints", merkle_root(leaves).hex(), c["checkpoints"])
    return values, leaves


def checkpoint_path(leaves, unit):
    """The siblings of checkpoint UNIT // 256, with their count, as a claim encodes them."""
    if unit < SEGMENT:
        return be(0, 2)
    row, index, path = leaves, unit // SEGMENT - 1, []
    while len(row) > 1:
        if index ^ 1 < len(row):
            path.append(row[index ^ 1])
        above = [merkle_node(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = above + ([row[-1]] if len(row) % 2 else [])
        index //= 2
    return be(len(path), 2) + b"".join(path)


# ------------------------------------------------------------------ secp256k1

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def point_add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def point_mul(k, point):
    total = None
    while k:
        if k & 1:
            total = point_add(total, point)
        point, k = point_add(point, point), k >> 1
    return total


def point_of(compressed):
    x = int.from_bytes(compressed[1:], "big")
    y = pow(x**3 + 7, (P + 1) // 4, P)
    return (x, y) if y % 2 == compressed[0] % 2 else (x, P - y)


def is_signature(digest, signature, pubkey):
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    w, z = pow(s, -1, N), int.from_bytes(digest, "big")
    point = point_add(point_mul(z * w % N, G), point_mul(r * w % N, point_of(pubkey)))
    return s <= N // 2 and point[0] % N == r and signature[64] in (0, 1)


# ------------------------------------------------------------------ the sale

def check_strip(s):
    expect("strip digest", domain(b"strip", unhex(s["encoded"])).hex(), s["digest"])
    root = merkle_climb(merkle_leaf(unhex(s["digest"])), s["batch_index"], s["batch_count"],
                        [unhex(p["hash"]) for p in s["batch_path"]])
    digest = domain(b"strips", root + be(s["batch_count"], 4))
    signature = unhex(s["signature"])
    expect("signature", is_signature(digest, signature, unhex(s["issuer_pubkey"])), True)
    expect("signature of other bytes",
           is_signature(sha(digest), signature, unhex(s["issuer_pubkey"])), False)


def check_claims(v, tickets, ticket_leaves, keys, key_leaves):
    s, a = v["strip"], v["allotment"]
    leaf = a["leaves"][a["index"]]
    strip = unhex(s["encoded"])
    start, price = int.from_bytes(strip[69:77], "big"), int.from_bytes(strip[81:89], "big")
    head = strip + unhex(s["signature"]) + be(s["batch_index"], 4) + be(s["batch_count"], 4)
    head += be(len(s["batch_path"]), 2) + b"".join(unhex(p["hash"]) for p in s["batch_path"])
    head += unhex(leaf["provider"]) + unhex(leaf["issuer"]) + be(leaf["amount"], 8)
    head += be(len(a["path"]), 2)
    head += b"".join(unhex(p["hash"]) + be(p["sum"], 8) for p in a["path"])
    for c in v["claims"]:
        unit = c["unit"]
        encoded = head + be(unit, 4) + tickets[unit] + checkpoint_path(ticket_leaves, unit)
        encoded += keys[unit] + checkpoint_path(key_leaves, unit)
        expect(f"claim {unit}", encoded.hex(), c["encoded"])
        expect(f"claim {unit} hash", sha(encoded).hex(), c["sha256"])
        expect(f"claim {unit} lo", a["interval_start"] + start, c["lo"])
        expect(f"claim {unit} hi", c["lo"] + unit * price, c["hi"])


def check_lottery(row):
    prize, lo, hi = int(row["prize"]), int(row["lo"]), int(row["hi"])
    attempt, limit = 0, 2**64 // prize * prize
    while True:
        value = int.from_bytes(domain(b"lottery", unhex(row["beacon"]) + unhex(row["escrow"])
                               + be(row["epoch"], 8) + be(attempt, 4))[:8], "big")
        if value < limit:
            break
        attempt += 1
    offset = value % prize
    first, end = (max(0, -(-(x - offset) // prize)) for x in (lo, hi))
    expect("lottery offset", str(offset), row["offset"])
    expect("first point", str(first), row["first"])
    expect("points", str(end - first), row["points"])


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        published = file.read()
    printed = subprocess.run([sys.argv[2]], check=True, capture_output=True, text=True).stdout
    expect("what the library prints", printed, published)
    v = json.loads(published)
    escrow = v["escrow"]
    expect("escrow id", domain(b"escrow", unhex(escrow["ledger"]) + unhex(escrow["payer"])
                               + unhex(escrow["salt"])).hex(), escrow["id"])
    check_allotment(v["allotment"])
    check_strip(v["strip"])
    tickets, ticket_leaves = check_chain(v["ticket_chain"], "ticket chain")
    keys, key_leaves = check_chain(v["key_chain"], "key chain")
    for t in v["tickets"]:
        expect("ticket", (be(3, 4) + be(t["unit"], 4) + tickets[t["unit"]]).hex(), t["encoded"])
    check_claims(v, tickets, ticket_leaves, keys, key_leaves)
    for row in v["lottery"]:
        check_lottery(row)
    print(f"ok - {checks} values of payment.json")


main()
