#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The small files of a directory as one content, end to end: added, bought, gone on with, lied
about, not to be had."""
import json
import os
import shutil
import subprocess
import unittest

from market import UNIT, Market, content_root, file_of, main, wait_until
from trees import (PACK_LIMIT, PRICE, TreeTest, directory_of, files_below, pack_of, packed_paths,
                   read, units)

CURL = shutil.which("curl")
FILES = {
    "a": UNIT + 17,             # over the end of a chunk
    "docs/deep/er/x.txt": 5,
    "docs/empty": 0,
    "docs/sixty-four": 64,
    "large": PACK_LIMIT + 1,
    "largest-small": PACK_LIMIT,
    "long/" + "n" * 255: 20,
    "z": 3 * PACK_LIMIT,
}
FILES.update({f"many/{n % 7}/{n:04}": 1 + n * 37 % 5000 for n in range(400)})
SMALL = packed_paths(FILES)


class Packs(TreeTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.providers = [market.provider(), market.provider()]
        cls.site = market.path("site")
        cls.files = {}
        for number, (path, size) in enumerate(FILES.items()):
            full = os.path.join(cls.site, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            cls.files[path] = file_of(full, size, seed=number + 7)
        for provider in cls.providers:
            cls.added = provider.souk("add", cls.site)["contents"][0]
        cls.tree = cls.added["content"]
        cls.pack = cls.added["pack"]
        cls.own_units = units(cls.added["size_bytes"])
        cls.units_in_all = (cls.own_units + units(cls.pack["size_bytes"]) +
                     sum(units(s) for s in FILES.values() if s > PACK_LIMIT))
        cls.start()

    # ---------------------------------------------------------------- add

    def test_1_what_is_on_sale(self):
        expected = pack_of({p.encode(): d for p, d in self.files.items()})
        self.assertEqual(self.pack["size_bytes"], len(expected))
        self.assertEqual(self.pack["content"].split(".")[0], content_root(expected).hex())
        self.assertEqual(self.pack["file_count"], len(SMALL))
        self.assertEqual([f["path"] for f in self.added["files"] if f["packed"]], SMALL)
        self.assertEqual(self.added["units_in_all"], self.units_in_all)
        names = {n.split(".")[0] for n in
                 os.listdir(os.path.join(self.providers[0].path, "content"))}
        for path in SMALL:
            self.assertNotIn(content_root(self.files[path]).hex(), names)
        self.assertIn(self.pack["content"].split(".")[0], names)
        listed = self.providers[0].souk("add", "--list")["contents"]
        self.assertIn(self.pack["content"], [c["content"] for c in listed])

    def test_1_each_and_no_pack(self):
        home, site = self.market.provider(), self.market.path("few")
        sizes = {"a": 5, "b": UNIT + 1, "c": PACK_LIMIT, "d": PACK_LIMIT + 1}
        os.mkdir(site)
        files = {name: file_of(os.path.join(site, name), size) for name, size in sizes.items()}
        packed = self.providers[0].souk("add", site)["contents"][0]
        each = home.souk("add", site, "--each")["contents"][0]
        self.assertEqual((each["content"], each["pack"]["content"]),
                         (packed["content"], packed["pack"]["content"]))
        store = os.listdir(os.path.join(home.path, "content"))
        for path, data in files.items():
            self.assertIn(content_root(data).hex(), store, path)
        self.assertEqual(each["units_in_all"] - packed["units_in_all"], 1 + 2 + 4)
        none = home.souk("add", site, "--no-pack")["contents"][0]
        self.assertIsNone(none["pack"])
        self.assertNotEqual(none["content"], each["content"])
        self.assertFalse(any(f["packed"] for f in none["files"]))
        self.assertEqual(home.run("add", site, "--no-pack", "--each").code, 2)

    def test_1_one_small_file_is_no_pack(self):
        site = self.market.path("lone")
        os.mkdir(site)
        file_of(os.path.join(site, "small"), 9)
        file_of(os.path.join(site, "large"), PACK_LIMIT + 1)
        added = self.providers[0].souk("add", site)["contents"][0]
        self.assertIsNone(added["pack"])
        out = self.out()
        report = self.get(added["content"], out).good()
        self.assertEqual((report["files_done"], report["files_unpacked"]), (2, 0))

    def test_1_killed_half_way(self):
        """A pack is whole in the store or not there; the same command makes it."""
        home, site = self.market.provider(), self.market.path("heavy")
        os.mkdir(site)
        for n in range(300):
            file_of(os.path.join(site, f"{n:03}"), 400000, seed=n)
        store = os.path.join(home.path, "content")

        def is_writing():
            try:
                return any(n.startswith(".add-") and
                           os.path.getsize(os.path.join(store, n)) > 1 << 20
                           for n in os.listdir(store))
            except FileNotFoundError:
                return False        # not made yet, or just renamed
        started = 0
        for _ in range(20):
            command = home.command("add", site)
            try:
                wait_until("the pack is being written", lambda: is_writing() or
                           command.process.poll() is not None, pause=0.001)
            finally:
                command.kill()
            started += any(n.startswith(".add-") for n in os.listdir(store))
            if started:
                break
        self.assertGreater(started, 0)
        self.assertEqual(home.souk("add", "--list")["contents"], [])
        added = home.souk("add", site)["contents"][0]
        self.assertFalse(added["pack"]["was_there"])
        self.assertFalse(any(n.startswith(".") for n in os.listdir(store)))
        made = read(os.path.join(store, added["pack"]["content"]))
        self.assertEqual(content_root(made).hex(), added["pack"]["content"])

    # ---------------------------------------------------------------- get

    def test_2_whole(self):
        self.assertEqual(self.check_whole()["files_unpacked"], len(SMALL))

    def test_2_what_a_killed_one_left(self):
        """Between the last file and the end: it is all here, and what lies beside it goes."""
        out = self.out()
        self.get(self.tree, out).good()
        pack = self.pack["content"].split(".")[0]
        for suffix in ("part", "file"):
            with open(f"{out}.{pack}.{suffix}", "wb") as file:
                file.write(b"left")
        self.get(self.tree, out).good()
        self.check_tree(out)

    def test_2_spoiled_files_are_fetched_again(self):
        """Of the pack only the chunks that hold something of them."""
        spent = self.check_spoiled("many/3/0003", "docs/sixty-four")
        self.assertLessEqual(spent, (self.own_units + 4) * PRICE)
        self.assertGreater(units(self.pack["size_bytes"]), 4)

    def test_2_goes_on(self):
        failed = self.check_goes_on(self.own_units + 4)
        self.assertEqual((failed["files_done"], failed["failed"]), (0, SMALL[0]))

    def test_2_links_are_not_followed(self):
        failed = self.check_links("many", "a")
        self.assertTrue(failed.startswith("many/"), failed)

    def check_killed(self, content, files):
        out = self.out()
        for name in (".part", ""):
            command = self.customer.command("get", content, out, "--no-hedges")

            def is_there():
                beside = [n for n in os.listdir(os.path.dirname(out))
                          if n.startswith(os.path.basename(out))]
                return (any(n.endswith(name) and n != os.path.basename(out) + name
                            for n in beside if name) or
                        (not name and any(names for _, _, names in os.walk(out))) or
                        command.process.poll() is not None)
            try:
                wait_until("it has begun", is_there, pause=0.001)
            finally:
                command.kill()
        self.get(content, out).good()
        self.check_tree(out, files)

    def test_2_killed(self):
        """Whenever it is killed, the same command goes on, and buys no chunk twice but those
        that were on their way."""
        self.check_killed(self.tree, self.files)
        self.check_killed(f"{self.tree}/many", {p.removeprefix("many/"): d
                                                for p, d in self.files.items()
                                                if p.startswith("many/")})

    # ---------------------------------------------------------------- a part of it

    def test_2_one_file(self):
        """Of the pack only the chunks that hold something of it."""
        for path in ("docs/sixty-four", "a", "largest-small", "many/6/0006", "large", "docs/empty"):
            with self.subTest(path=path):
                out, data = self.out(), self.files[path]
                report = self.get(f"{self.tree}/{path}", out).good()
                self.assertEqual(read(out), data)
                self.check_alone(out)
                self.assertEqual((report["bytes"], report["files"], report["files_unpacked"]),
                                 (len(data), 1, int(path in SMALL)))
                cost = report["spent_ncoin"] // PRICE - self.own_units
                self.assertIn(cost - units(len(data)), (0, 1) if path in SMALL else (0,))
        # What is there is hashed, and not bought.
        report = self.get(f"{self.tree}/a", out := self.out()).good()
        report = self.get(f"{self.tree}/a", out).good()
        self.assertEqual((report["spent_ncoin"], report["resumed_bytes"]),
                         (self.own_units * PRICE, len(self.files["a"])))

    def test_2_one_folder(self):
        below = {p.removeprefix("many/"): d for p, d in self.files.items() if p.startswith("many/")}
        out = self.out()
        report = self.get(f"{self.tree}/many", out).good()
        self.check_tree(out, below)
        total = sum(map(len, below.values()))
        self.assertEqual((report["files"], report["files_unpacked"], report["bytes"]),
                         (len(below), len(below), total))
        cost = report["spent_ncoin"] // PRICE - self.own_units
        self.assertIn(cost - units(total), (0, 1))
        self.assertLess(cost, units(self.pack["size_bytes"]))
        # One of them again: a chunk, or two.
        os.unlink(os.path.join(out, "3/0003"))
        report = self.get(f"{self.tree}/many", out).good()
        self.check_tree(out, below)
        self.assertIn(report["spent_ncoin"] // PRICE - self.own_units, (1, 2))

    def test_2_one_file_goes_on(self):
        out = self.out()
        budget = str((self.own_units + 2) / 10000)
        failed = self.get(f"{self.tree}/largest-small", out, "--budget", budget, "--providers", 1)
        self.assertEqual((failed.code, failed.json["status"], failed.json["failed"]),
                         (1, "LOCAL_BUDGET", "largest-small"), failed)
        self.assertFalse(os.path.exists(out))
        report = self.get(f"{self.tree}/largest-small", out).good()
        self.assertEqual(read(out), self.files["largest-small"])
        self.check_alone(out)
        self.assertLessEqual((failed.json["spent_ncoin"] + report["spent_ncoin"]) // PRICE,
                             self.own_units + 5)

    # ---------------------------------------------------------------- lies

    def test_3_a_pack_of_other_files(self):
        """What is not the file that the directory says never gets its name."""
        files = {b"a/good": b"good" * 100, b"b": b"expected", b"c": b"also good"}
        pack = pack_of(files).replace(b"expected", b"EXPECTED")
        self.sell(pack)
        tree = self.sell(directory_of(files, pack))
        out = self.out()
        failed = self.get(tree, out)
        self.assertEqual((failed.code, failed.json["status"], failed.json["failed"]),
                         (1, "PEER_BAD_DIRECTORY", "b"), failed)
        self.assertIn("other bytes", failed.err)
        self.assertEqual(files_below(out), {"a/good": files[b"a/good"], "c": files[b"c"]})
        # Nor by its path; the others are had by theirs.
        failed = self.get(f"{tree}/b", out := self.out())
        self.assertEqual((failed.code, failed.json["status"], failed.json["failed"]),
                         (1, "PEER_BAD_DIRECTORY", "b"), failed)
        self.assertFalse(os.path.exists(out))
        self.get(f"{tree}/a/good", out := self.out()).good()
        self.assertEqual(read(out), files[b"a/good"])

    def test_3_a_pack_of_another_length(self):
        """No directory: its bytes are a file."""
        files = {b"a": b"1234", b"b": b"56"}
        pack = pack_of(files) + b"7"
        tree = self.sell(directory_of(files, pack))
        out = self.out()
        self.assertNotIn("files", self.get(tree, out).good())
        self.assertTrue(os.path.isfile(out))

    def test_3_nobody_sells_the_pack(self):
        files = {b"a": b"first" * 9, b"b/c": b"second", b"d": b""}
        self.sell(files[b"a"], files[b"b/c"])
        tree = self.sell(directory_of(files, pack_of(files)))
        out = self.out()
        report = self.get(tree, out).good()
        self.assertEqual((report["files_done"], report["files_unpacked"]), (3, 0))
        self.check_tree(out, {p.decode(): d for p, d in files.items()})
        self.get(f"{tree}/b/c", out := self.out()).good()
        self.assertEqual(read(out), b"second")
        # Nor does one who does not answer, and may have it.
        silent = self.market.provider(start=True)
        silent.wait_registered()
        silent.kill()
        out = self.out()
        self.get(tree, out, "--timeout", "1s").good()
        self.check_tree(out, {p.decode(): d for p, d in files.items()})

    # ---------------------------------------------------------------- a gateway

    def held(self, gate, content):
        return next((c for c in gate.index()["contents"]
                     if c["content"].split(".")[0] == content.split(".")[0]), None)

    def test_4_gateway(self):
        """A packed file is served as if it were a content, and only its chunks are fetched."""
        gate = self.market.gateway()
        path = "docs/deep/er/x.txt"
        data, etag = self.files[path], f'"{content_root(self.files[path]).hex()}"'
        status, headers, body = gate.get(f"/{self.tree}/{path}")
        self.assertEqual((status, body, headers["etag"]), (200, data, etag))
        self.assertEqual(headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual((headers["content-length"], headers["accept-ranges"]),
                         (str(len(data)), "bytes"))
        pack = self.held(gate, self.pack["content"])
        self.assertEqual((pack["name"], pack["chunks_here"]), ("site/ pack", 1))
        self.assertIsNone(self.held(gate, content_root(data).hex()))
        status, headers, body = gate.request(f"/{self.tree}/{path}", method="HEAD")
        self.assertEqual((status, body, headers["etag"], headers["content-length"]),
                         (200, b"", etag, str(len(data))))
        status, headers, body = gate.get(f"/{self.tree}/{path}", If_None_Match=etag)
        self.assertEqual((status, body), (304, b""))
        status, headers, body = gate.get(f"/{self.tree}/{path}", Range="bytes=1-3")
        self.assertEqual((status, body, headers["content-range"]),
                         (206, data[1:4], f"bytes 1-3/{len(data)}"))
        status, _, _ = gate.get(f"/{self.tree}/{path}", Range="bytes=5-")
        self.assertEqual(status, 416)
        # More of the same directory: over the ends of chunks, the longest, one of 64 bytes.
        for path in ("a", "largest-small", "docs/sixty-four", "docs/empty", "many/6/0006", "large"):
            status, headers, body = gate.get(f"/{self.tree}/{path}")
            self.assertEqual((status, body == self.files[path]), (200, True), path)
        big = self.files["largest-small"]
        status, headers, body = gate.get(f"/{self.tree}/largest-small", Range="bytes=-70000")
        self.assertEqual((status, body == big[-70000:]), (206, True))
        # What was not asked for was not fetched, and a seller more or less changes nothing.
        pack = self.held(gate, self.pack["content"])
        self.assertLess(pack["chunks_here"], pack["chunks"])
        for path in SMALL[::7]:
            status, headers, body = gate.get(f"/{self.tree}/{path}")
            self.assertEqual((status, body == self.files[path]), (200, True), path)
        self.assertEqual(gate.get(f"/{self.tree}/many/9/none")[0], 404)
        status, _, body = gate.get(f"/{self.tree}/many/?json")
        self.assertEqual(len(json.loads(body)["entries"]), 7)

    @unittest.skipIf(CURL is None, "there is no curl")
    def test_4_curl(self):
        gate = self.market.gateway()
        url = f"{gate.url}/{self.tree}/a"
        part = subprocess.run([CURL, "-sS", "--fail", "-r", f"{UNIT - 3}-{UNIT + 5}", url],
                              capture_output=True, timeout=60, check=True).stdout
        self.assertEqual(part, self.files["a"][UNIT - 3:UNIT + 6])
        # Where a download broke off.
        out = self.out()
        with open(out, "wb") as file:
            file.write(self.files["a"][:1000])
        subprocess.run([CURL, "-sS", "--fail", "-C", "-", "-o", out, url], timeout=60, check=True)
        self.assertEqual(read(out), self.files["a"])

    def test_4_gateway_and_liars(self):
        gate = self.market.gateway()
        files = {b"good": b"good" * 100, b"bad": b"expected"}
        pack = pack_of(files).replace(b"expected", b"EXPECTED")
        self.sell(pack)
        tree = self.sell(directory_of(files, pack))
        status, _, body = gate.get(f"/{tree}/good")
        self.assertEqual((status, body), (200, files[b"good"]))
        for headers in ({}, {"Range": "bytes=0-0"}, {"Range": "bytes=-1"}):
            status, _, body = gate.get(f"/{tree}/bad", **headers)
            self.assertEqual((status, json.loads(body)["error"]), (502, "PEER_BAD_DIRECTORY"))
        self.assertNotIn(b"EXPECTED", body)

    def test_4_gateway_without_the_pack(self):
        gate = self.market.gateway()
        files = {b"one": b"one one", b"two": b"two two"}
        self.sell(*files.values())
        tree = self.sell(directory_of(files, pack_of(files)))
        for path, data in files.items():
            status, _, body = gate.get(f"/{tree}/{path.decode()}")
            self.assertEqual((status, body), (200, data))


if __name__ == "__main__":
    main()
