#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks spec/vectors/ledger.json from the spec alone: names, links, roots and beacons are
computed again with hashlib, the digest of the state from a dump of its records, and balances,
standing allotments and paid points by replaying the transactions' effects on money."""
import hashlib
import json
import struct
import sys


def sha(data):
    return hashlib.sha256(data).digest()


def domain(name, message):
    return sha(b"souk/" + name.encode() + b"\0" + message)


def merkle_root(leaves):
    row = [sha(b"\0" + leaf) for leaf in leaves]
    if not row:
        return bytes(32)
    while len(row) > 1:
        pairs = [sha(b"\1" + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + (row[-1:] if len(row) % 2 else [])
    return row[0]


def rotate(value, bits):
    return (value << bits | value >> (32 - bits)) & 0xffffffff


def chacha20_block(key, counter):
    """RFC 8439, 2.3, with a nonce of zeros."""
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter)
                               + bytes(12)))
    x = start[:]
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            for p, q, r, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[p] = (x[p] + x[q]) & 0xffffffff
                x[r] = rotate(x[r] ^ x[p], bits)
    return struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(x, start)))


def lanes(element):
    return struct.unpack("<1024H", b"".join(chacha20_block(element, i) for i in range(32)))


def set_sum(records):
    total = [0] * 1024
    for key, value in records:
        element = domain("record", struct.pack(">I", len(key)) + key + value)
        total = [(a + b) & 0xffff for a, b in zip(total, lanes(element))]
    return struct.pack("<1024H", *total)


def check_state(vectors):
    """The last header's state, from nothing but the records and the summary."""
    records = [(bytes.fromhex(r["key"]), bytes.fromhex(r["value"])) for r in vectors["records"]]
    assert records == sorted(records) and len({key for key, _ in records}) == len(records)
    assert not any(key[:1] in b"HMRSXY" for key, _ in records)
    total = set_sum(records)
    assert total.hex() == vectors["sum"]
    end = bytearray(bytes.fromhex(vectors["end_record"]))
    # ledger, height, time, last, state: the last two count as zeros.
    end[48:112] = bytes(64)
    state = domain("state", total + bytes(end)).hex()
    assert state == vectors["end"]["state"] == vectors["blocks"][-1]["state"]
    assert sum(struct.unpack(">Q", value[:8])[0] for key, value in records
               if key[:1] == b"A") == int(vectors["end"]["accounts_ncoin"])
    return len(records)


class Reader:
    """A message's fields, in order."""
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        self.at += size
        assert self.at <= len(self.data)
        return self.data[self.at - size:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def items(self, read):
        return [read() for _ in range(self.number(2))]


def read_leaf(reader):
    """(provider, issuer, amount), and its path."""
    leaf = reader.take(20), reader.take(20), reader.number(8)
    return leaf, reader.items(lambda: (reader.take(32), reader.number(8)))


def leaf_start(index, leaf, path, root, total):
    """Where the leaf's interval starts in its segment, if PATH leads to (ROOT, TOTAL)."""
    node = sha(b"\2" + leaf[0] + leaf[1] + leaf[2].to_bytes(8, "big"))
    amount, start = leaf[2], 0
    for sibling, part in path:
        left, right = ((sibling, part), (node, amount)) if index & 1 else ((node, amount),
                                                                           (sibling, part))
        start += part if index & 1 else 0
        node = sha(b"\3" + left[0] + left[1].to_bytes(8, "big") + right[0]
                   + right[1].to_bytes(8, "big"))
        amount, index = amount + part, index >> 1
    assert (node, amount, index) == (root, total, 0)
    return start


def read_strip(reader):
    strip = dict(version=reader.number(1), escrow=reader.take(32), epoch=reader.number(8),
                 segment=reader.number(4), leaf=reader.number(4), payee=reader.take(20),
                 start=reader.number(8), count=reader.number(4), price=reader.number(8))
    reader.take(4 * 32 + 33 + 32 + 16 + 8)
    reader.take(65 + 8)
    reader.items(lambda: reader.take(32))
    return strip


def read_proof(reader):
    """The unit, and the values that prove it."""
    unit = reader.number(4)
    for _ in range(2):
        reader.take(32)
        reader.items(lambda: reader.take(32))
    return unit


class Escrows:
    """The money of escrows, from the transactions that touch it: each epoch is allotted what
    stands at its start, and the points that claims have a right to are marked."""
    def __init__(self, ledger):
        self.ledger = ledger
        self.escrows, self.burned, self.beacons = {}, 0, {}

    def open(self, payer, reader):
        salt = reader.take(16)
        line, prize, deposit, penalty = (reader.number(8) for _ in range(4))
        self.escrows[domain("escrow", self.ledger + payer + salt)] = dict(
            line=line, prize=prize, free=deposit, penalty=penalty, stand=None, epochs={})

    def reserve(self, escrow, epoch, segment):
        entry = escrow["epochs"].setdefault(epoch, dict(segments=[], reserved=0, points=set()))
        entry["segments"].append(segment)
        whole = -(-sum(total for _, total in entry["segments"]) // escrow["prize"])
        escrow["free"] -= whole * escrow["prize"] - entry["reserved"]
        entry["reserved"] = whole * escrow["prize"]

    def begin(self, epoch):
        for escrow in self.escrows.values():
            if escrow["stand"] and epoch in escrow["stand"][2] and epoch not in escrow["epochs"]:
                self.reserve(escrow, epoch, escrow["stand"][:2])

    def win(self, name, epoch, spans):
        escrow = self.escrows[name]
        prize, attempt = escrow["prize"], 0
        while True:
            value = int.from_bytes(domain("lottery", self.beacons[epoch] + name
                                   + struct.pack(">QI", epoch, attempt))[:8], "big")
            if value < 2**64 // prize * prize:
                break
            attempt += 1
        points = {(at - value % prize) // prize for lo, hi in spans for at in range(lo, hi)
                  if at % prize == value % prize}
        assert points and not points & escrow["epochs"][epoch]["points"]
        escrow["epochs"][epoch]["points"] |= points

    def base(self, strip, leaf, path):
        segments = self.escrows[strip["escrow"]]["epochs"][strip["epoch"]]["segments"]
        before = sum(total for _, total in segments[:strip["segment"]])
        return before + leaf_start(strip["leaf"], leaf, path, *segments[strip["segment"]])

    def claim(self, strips, leaf, path):
        base = self.base(strips[0][0], leaf, path)
        self.win(strips[0][0]["escrow"], strips[0][0]["epoch"],
                 [(base + s["start"], base + s["start"] + unit * s["price"])
                  for s, unit in strips])

    def receipt(self, reader):
        place = dict(version=reader.number(1), escrow=reader.take(32), epoch=reader.number(8),
                     segment=reader.number(4), leaf=reader.number(4))
        payee, amount = reader.take(20), reader.number(8)
        reader.take(2 * 65)
        leaf, path = read_leaf(reader)
        base = self.base(place, leaf, path)
        assert leaf[0] == payee and amount <= leaf[2]
        if place["epoch"] in self.beacons:  # else it is only lodged
            self.win(place["escrow"], place["epoch"], [(base, base + amount)])

    def double_issue(self, reader):
        first = read_strip(reader)
        leaf, _ = read_leaf(reader)
        second = read_strip(reader)
        assert read_leaf(reader)[0] == leaf
        assert leaf[0] == bytes(20) and first["leaf"] == second["leaf"]
        ends = [s["start"] + s["count"] * s["price"] for s in (first, second)]
        assert max(first["start"], second["start"]) < min(ends)
        escrow = self.escrows[first["escrow"]]
        self.burned += escrow["penalty"] - escrow["penalty"] // 10
        escrow["penalty"] = 0

    def apply(self, current, sender, kind, body):
        reader = Reader(body)
        if kind == 3:
            self.open(sender, reader)
        elif kind == 7:
            escrow, epoch = self.escrows[reader.take(32)], reader.number(8)
            assert reader.number(4) == len(escrow["epochs"].get(epoch, dict(segments=[]))
                                           ["segments"])
            self.reserve(escrow, epoch, (reader.take(32), reader.number(8)))
        elif kind == 8:
            strip = read_strip(reader)
            leaf, path = read_leaf(reader)
            self.claim([(strip, read_proof(reader))], leaf, path)
        elif kind == 14:
            leaf, path = read_leaf(reader)
            strips = reader.items(lambda: (read_strip(reader), read_proof(reader)))
            self.claim(strips, leaf, path)
        elif kind == 15:
            self.receipt(reader)
        elif kind == 16:
            escrow, root, total = self.escrows[reader.take(32)], reader.take(32), reader.number(8)
            epochs = reader.number(4)
            escrow["stand"] = (root, total, range(current + 1, current + 1 + epochs))
        elif kind == 17:
            self.double_issue(reader)
        else:
            return
        assert reader.at == len(body)

    def check(self, records):
        """Every E, L and B record of open epochs is what the transactions led to."""
        records = {bytes.fromhex(r["key"]): bytes.fromhex(r["value"]) for r in records}
        for name, escrow in self.escrows.items():
            reader = Reader(records[b"E" + name])
            reader.take(20 + 8 + 8)
            assert reader.number(8) == escrow["free"]
            reader.take(1 + 8)
            assert reader.number(8) == escrow["penalty"]
            reader.take(32 + 3 * 8 + 8)
            entries = reader.items(lambda: tuple(reader.number(n) for n in (8, 4, 8, 8)))
            assert sorted(entries) == sorted(
                (epoch, len(entry["segments"]), entry["reserved"],
                 len(entry["points"]) * escrow["prize"])
                for epoch, entry in escrow["epochs"].items())
            for epoch, entry in escrow["epochs"].items():
                key = name + struct.pack(">Q", epoch)
                bits = bytearray(256)
                for point in entry["points"]:
                    bits[point // 8] |= 1 << point % 8
                assert records.get(b"B" + key + bytes(4), bytes(256)) == bits
                for i, (root, total) in enumerate(entry["segments"]):
                    value = records[b"L" + key + struct.pack(">I", i)]
                    assert value[:40] == root + total.to_bytes(8, "big")


def parse_header(data):
    ledger, height, time, previous, count, root, state = struct.unpack(">32sQQ32sI32s32s", data)
    return dict(ledger=ledger, height=height, time=time, previous=previous, count=count,
                root=root, state=state)


def parse_tx(data):
    ledger, sender, nonce, kind = struct.unpack(">32s20sQB", data[:61])
    return dict(ledger=ledger, sender=sender, nonce=nonce, kind=kind, body=data[61:])


def main(path):
    vectors = json.load(open(path))
    genesis = bytes.fromhex(vectors["genesis"])
    ledger = domain("genesis", genesis)
    assert ledger.hex() == vectors["ledger"]
    beacon = genesis[-36:-4]
    previous, height, time = ledger, 0, 0
    nonces, minted, transactions, draws, kinds = {}, 0, 0, 0, set()
    name_size = int.from_bytes(genesis[1:3], "big")
    created, epoch_ms = (int.from_bytes(genesis[at:at + 8], "big")
                         for at in (3 + name_size, 3 + name_size + 28))
    epoch, epoch_end = 0, created + epoch_ms
    escrows = Escrows(ledger)
    for block in vectors["blocks"]:
        signed = bytes.fromhex(block["signed_header"])
        header = parse_header(signed[:-65])
        assert domain("block", signed[:-65]).hex() == block["hash"]
        assert header["ledger"] == ledger and header["previous"] == previous
        assert header["height"] == height + 1 and header["time"] >= time
        if header["time"] >= epoch_end:
            epoch, epoch_end = epoch + 1, header["time"] + epoch_ms
            escrows.begin(epoch)
        bodies = [bytes.fromhex(tx["signed_tx"]) for tx in block["txs"]]
        assert header["count"] == len(bodies)
        assert header["root"] == merkle_root(bodies) == bytes.fromhex(block["tx_root"])
        assert header["state"].hex() == block["state"]
        for body, tx in zip(bodies, block["txs"]):
            assert domain("tx", body[:-65]).hex() == tx["hash"]
            parsed = parse_tx(body[:-65])
            assert parsed["ledger"] == ledger
            assert parsed["nonce"] == nonces.get(parsed["sender"], 0)
            nonces[parsed["sender"]] = parsed["nonce"] + 1
            if parsed["kind"] == 1:
                minted += struct.unpack(">Q", parsed["body"])[0]
            elif parsed["kind"] == 13:
                drawn, value = struct.unpack(">Q32s", parsed["body"])
                assert drawn == draws
                step = sha(b"SKB" + bytes(16) + struct.pack(">I", drawn + 1) + value)
                assert step == beacon
                escrows.beacons[drawn] = value
                beacon, draws = value, draws + 1
            escrows.apply(epoch, parsed["sender"], parsed["kind"], parsed["body"])
            kinds.add(parsed["kind"])
            transactions += 1
        previous, height, time = bytes.fromhex(block["hash"]), header["height"], header["time"]
    end = vectors["end"]
    assert int(end["height"]) == height and int(end["tx_count"]) == transactions
    assert end["last"] == previous.hex() and end["beacon"] == beacon.hex()
    money = {key: value for key, value in end.items()
             if key.split("_")[0] in ("minted", "accounts", "escrows", "deposits", "burned")}
    amounts = {key.split("_")[0]: int(value) for key, value in money.items()}
    assert amounts["minted"] == minted
    assert amounts["accounts"] + amounts["escrows"] + amounts["deposits"] \
        + amounts["burned"] == minted
    assert amounts["burned"] == escrows.burned > 0
    assert int(end["epoch"]) == epoch and kinds >= {14, 15, 16, 17}
    escrows.check(vectors["records"])
    records = check_state(vectors)
    print(f"{height} blocks, {transactions} transactions, {draws} beacons, {records} records")


if __name__ == "__main__":
    main(sys.argv[1])
