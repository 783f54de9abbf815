#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks spec/vectors/ledger.json from the spec alone: names, links, roots and beacons are
computed again with hashlib, the digest of the state from a dump of its records, and balances by
replaying the transactions' effects on money."""
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
    nonces, minted, transactions, draws, escrows = {}, 0, 0, 0, set()
    for block in vectors["blocks"]:
        signed = bytes.fromhex(block["signed_header"])
        header = parse_header(signed[:-65])
        assert domain("block", signed[:-65]).hex() == block["hash"]
        assert header["ledger"] == ledger and header["previous"] == previous
        assert header["height"] == height + 1 and header["time"] >= time
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
                epoch, value = struct.unpack(">Q32s", parsed["body"])
                assert epoch == draws
                step = sha(b"SKB" + bytes(16) + struct.pack(">I", epoch + 1) + value)
                assert step == beacon
                beacon, draws = value, draws + 1
            transactions += 1
        previous, height, time = bytes.fromhex(block["hash"]), header["height"], header["time"]
    end = vectors["end"]
    assert int(end["height"]) == height and int(end["tx_count"]) == transactions
    assert end["last"] == previous.hex() and end["beacon"] == beacon.hex()
    money = {key: value for key, value in end.items()
             if key.split("_")[0] in ("minted", "accounts", "escrows", "deposits")}
    amounts = {key.split("_")[0]: int(value) for key, value in money.items()}
    assert amounts["minted"] == minted
    assert amounts["accounts"] + amounts["escrows"] + amounts["deposits"] == minted
    records = check_state(vectors)
    print(f"{height} blocks, {transactions} transactions, {draws} beacons, {records} records")


if __name__ == "__main__":
    main(sys.argv[1])
