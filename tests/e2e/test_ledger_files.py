#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a ledger keeps: snapshots, pruning, history, and the check of what is stored, with the
daemon running beside them."""
import os
import shutil
import struct
import unittest

from market import COIN, Market, main, wait_until


def frames_of(data):
    """The frames of a log or snapshot log, without its magic."""
    frames, at = [], 8
    while at < len(data):
        size = struct.unpack(">I", data[at:at + 4])[0]
        frames.append(data[at + 4:at + 4 + size])
        at += 4 + size
    return frames


def file_of_frames(frames, magic=b"SOUKSNP1"):
    return magic + b"".join(struct.pack(">I", len(frame)) + frame for frame in frames)


def item(key, value):
    return struct.pack(">H", len(key)) + key + struct.pack(">H", len(value)) + value


class LedgerFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.market = Market()
        cls.ledger = cls.market.ledger
        cls.alice = cls.market.customer(coins="100", line="10")
        cls.bob = cls.market.customer(coins="1", line=None)
        cls.send(6)

    @classmethod
    def tearDownClass(cls):
        cls.market.close()

    @classmethod
    def send(cls, count):
        for _ in range(count):
            cls.alice.souk("send", cls.bob.address, "0.01")

    def path(self, name):
        return os.path.join(self.market.folder, name)

    def verify(self, path, code=0):
        result = self.ledger.run("ledger", "verify", path)
        self.assertEqual(result.code, code, result)
        return result.json

    def home_copy(self, name):
        """A copy of the stopped ledger's home, to be spoilt."""
        path = self.path(name)
        shutil.copytree(self.ledger.path, path)
        return path

    def test_1_snapshot(self):
        path = self.path("one.souk")
        made = self.ledger.souk("ledger", "snapshot", path)
        said = self.verify(path)
        self.assertTrue(said["valid"])
        self.assertEqual(said["kind"], "snapshot")
        self.assertEqual(said["from_height"], made["height"])
        self.assertEqual(said["transactions"], 0)
        self.send(3)
        longer = self.path("longer.souk")
        exported = self.ledger.souk("ledger", "export", "--from-snapshot", path, longer)
        self.assertEqual(exported["kind"], "snapshot")
        self.assertEqual(exported["transactions"], 3)
        from_snapshot = self.verify(longer)
        full = self.path("full.log")
        self.ledger.souk("ledger", "export", full)
        from_genesis = self.verify(full)
        self.assertEqual(from_genesis["kind"], "log")
        self.assertEqual(from_snapshot["state"], from_genesis["state"])
        self.assertEqual(from_snapshot["last"], from_genesis["last"])

    def test_2_forged_snapshots(self):
        path = self.path("good.souk")
        self.ledger.souk("ledger", "snapshot", path)
        with open(path, "rb") as file:
            frames = frames_of(file.read())
        key = b"A" + bytes.fromhex(self.bob.address[2:])
        at = next(i for i, frame in enumerate(frames) if frame[2:].startswith(key))
        record = at - 2                          # genesis, header, ledger_record; from 1
        forged = bytearray(frames[at])
        forged[-16 - 1 + 8] ^= 1                 # the balance's last byte
        richer = frames[:at] + [bytes(forged)] + frames[at + 1:]
        nonce = bytearray(frames[at])
        nonce[-1] ^= 1
        cases = {
            "forged": (richer, "CORRUPT_SUPPLY", None),
            "forged nonce": (frames[:at] + [bytes(nonce)] + frames[at + 1:], "CORRUPT_SNAPSHOT",
                             None),
            "missing": (frames[:at] + frames[at + 1:], "CORRUPT_SUPPLY", None),
            "extra": (frames[:at] + [item(b"A" + bytes(20), bytes(16))] + frames[at:],
                      None, None),
            "twice": (frames[:at + 1] + [frames[at]] + frames[at + 1:], "CORRUPT_SNAPSHOT",
                      record + 1),
            "swapped": (frames[:at] + [frames[at + 1], frames[at]] + frames[at + 2:],
                        "CORRUPT_SNAPSHOT", record + 1),
            "of no state": (frames[:-1] + [item(b"X" + bytes(12), b"x"), b""], "CORRUPT_SNAPSHOT",
                            len(frames) - 3),
            "cut": (frames[:at], "CORRUPT_LOG", None),
        }
        for name, (bad, error, number) in cases.items():
            with self.subTest(name):
                with open(self.path("bad.souk"), "wb") as file:
                    file.write(file_of_frames(bad))
                said = self.verify(self.path("bad.souk"), 1)
                if error:
                    self.assertEqual(said["error"], error)
                if number:
                    self.assertEqual(said["record"], number)

    def test_3_history(self):
        history = self.ledger.souk("ledger", "show", "--account", self.bob.address[2:])["history"]
        gained = [int(h["gained_ncoin"]) for h in history]
        self.assertEqual(gained[-1], COIN)       # the faucet came first
        self.assertTrue(history[-1]["signer"])
        self.assertFalse(history[0]["signer"])
        self.assertEqual(sum(gained), self.bob.balance())
        self.assertEqual(gained[0], COIN // 100)
        places = [(int(h["height"]), int(h["index"])) for h in history]
        self.assertEqual(places, sorted(places, reverse=True))
        mine = self.ledger.souk("ledger", "show", "--account", self.alice.address[2:])["history"]
        self.assertEqual(sum(int(h["gained_ncoin"]) - int(h["lost_ncoin"]) for h in mine),
                         self.alice.balance())
        # Page by page, each from the place of the last.
        self.send(70)
        address = self.bob.address[2:]
        first = self.ledger.get(f"/v1/accounts/{address}/history")
        self.assertTrue(first["more"])
        self.assertEqual(len(first["items"]), 64)
        last = first["items"][-1]
        second = self.ledger.get(
            f"/v1/accounts/{address}/history?before={last['height']}.{last['index']}")
        self.assertFalse(second["more"])
        whole = self.ledger.souk("ledger", "show", "--account", address)["history"]
        self.assertEqual(whole, first["items"] + second["items"])
        status, _ = self.ledger.request("GET", f"/v1/accounts/{address}/history?before=x")
        self.assertEqual(status, 400)

    def test_4_prune(self):
        full = self.path("before.log")
        self.ledger.souk("ledger", "export", full)
        before = self.verify(full)
        good = self.ledger.souk("ledger", "check")
        self.assertEqual(good["transactions"], before["transactions"])
        pruned = self.ledger.souk("ledger", "prune", "--keep", 10)
        self.assertEqual(pruned["height"], before["blocks"] - 10)
        path = self.path("pruned.log")
        exported = self.ledger.souk("ledger", "export", path)
        self.assertEqual(exported["from_height"], pruned["height"])
        after = self.verify(path)
        self.assertEqual(after["kind"], "snapshot")
        self.assertEqual((after["state"], after["last"]), (before["state"], before["last"]))
        checked = self.ledger.souk("ledger", "check")
        self.assertEqual(checked["from_height"], pruned["height"])
        # What is gone is not found, and does not look like the end of the log.
        self.assertEqual(self.ledger.request("GET", "/v1/log?from=1")[0], 404)
        self.assertEqual(self.ledger.request("GET", f"/v1/blocks/{pruned['height']}")[0], 404)
        gone = self.ledger.run("ledger", "log")
        self.assertEqual((gone.code, gone.json["detail"]),
                         (1, "block 1 is pruned; try a later --from"))
        self.assertEqual(self.ledger.request("GET", f"/v1/blocks/{pruned['height'] + 1}")[0], 200)
        history = self.ledger.souk("ledger", "show", "--account", self.bob.address[2:])["history"]
        self.assertEqual(len(history), 10)
        # And it goes on, to be pruned again.
        self.send(5)
        again = self.ledger.souk("ledger", "prune", "--keep", 3)
        self.assertEqual(again["blocks"], 12)
        self.ledger.souk("ledger", "check")
        self.ledger.souk("ledger", "export", path)
        self.verify(path)
        files = [n for n in os.listdir(self.ledger.path) if n.startswith("snapshot-")]
        self.assertEqual(files, [f"snapshot-{again['height']}.souk"])

    def test_5_keep_blocks(self):
        self.ledger.stop()
        self.ledger.configure("ledger", keep_blocks="4")
        self.ledger.start()
        self.send(9)
        wait_until("the daemon prunes", lambda: "event=pruned" in self.ledger.log(), 30, 0.2)
        self.ledger.souk("ledger", "check")
        path = self.path("kept.log")
        self.ledger.souk("ledger", "export", path)
        self.verify(path)

    def test_6_flipped_bit(self):
        self.ledger.stop()
        home = self.home_copy("spoilt")
        path = os.path.join(home, "ledger.mdb")
        with open(path, "rb") as file:
            data = bytearray(file.read())
        key = b"A" + bytes.fromhex(self.bob.address[2:])
        at, count = data.find(key), 0
        while at >= 0:                           # old pages hold it too
            data[at + len(key) + 7] ^= 0x40
            at, count = data.find(key, at + 1), count + 1
        self.assertGreater(count, 0)
        with open(path, "wb") as file:
            file.write(data)
        spoilt = self.market_home(home)
        found = spoilt.run("ledger", "check")
        self.assertEqual(found.code, 1, found)
        self.assertEqual(found.json["record"], f"account {self.bob.address[2:]}")
        self.ledger.start()

    def market_home(self, path):
        from market import Home
        home = Home(self.market, "spoilt")
        home.path = path
        return home

    def test_7_daemon_finds_it_too(self):
        """It serves at once, and makes no block once its audit has found the record."""
        self.ledger.stop()
        spoilt = self.path("spoilt")
        real = self.ledger.path
        self.ledger.path = spoilt
        try:
            self.ledger.start()
            wait_until("the audit fails", lambda: "event=audit_failed" in self.ledger.log(), 30)
            refused = self.alice.run("send", self.bob.address, "0.01")
            self.assertNotEqual(refused.code, 0, refused)
            self.ledger.stop()
        finally:
            self.ledger.path = real
        self.ledger.start()
        self.alice.souk("send", self.bob.address, "0.01")


if __name__ == "__main__":
    main()
