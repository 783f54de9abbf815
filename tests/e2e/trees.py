# SPDX-License-Identifier: Apache-2.0
"""Directories for tests: their bytes, written from BEP 52 and spec/content.md, and markets that sell
one."""
import hashlib
import os

from market import UNIT, MarketTest, content_root

PRICE = 100000
PACK_LIMIT = 1 << 20    # of a packed file


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    return b"d" + b"".join(bencode(k) + bencode(value[k]) for k in sorted(value)) + b"e"


def packed_paths(sizes):
    """Those of the files of a pack, in its order; SIZES by path."""
    return sorted((path for path, size in sizes.items() if 0 < size <= PACK_LIMIT),
                  key=lambda path: path.split("/" if isinstance(path, str) else b"/"))


def pack_of(files):
    """The pack of FILES, by path."""
    return b"".join(files[p] for p in packed_paths({p: len(d) for p, d in files.items()}))


def directory_of(files, pack=None):
    """The directory of FILES, bytes by path, whose author says what he likes about its pack."""
    tree = {}
    for path, data in files.items():
        at = tree
        for component in path.split(b"/"):
            at = at.setdefault(component, {})
        at[b""] = {b"length": len(data)}
        if data:
            at[b""][b"pieces root"] = content_root(data)
    info = {b"file tree": tree, b"meta version": 2, b"name": b"tree", b"piece length": UNIT}
    if pack is not None:
        info[b"souk pack"] = {b"length": len(pack), b"pieces root": content_root(pack)}
    return bencode(info)


def units(size):
    return -(-size // UNIT)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def files_below(folder):
    """Bytes by path; no links."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            assert not os.path.islink(path), path
            found[os.path.relpath(path, folder)] = read(path)
    return found


class TreeTest(MarketTest):
    """A market whose providers sell cls.tree, the directory of cls.files (bytes by path), at PRICE a
    unit to cls.customer: cls.units_in_all of all of it, cls.own_units of the directory's bytes."""

    count = 0

    @classmethod
    def start(cls):
        for provider in cls.providers:
            provider.start()
        for provider in cls.providers:
            provider.wait_registered()
        cls.customer = cls.market.customer()

    @classmethod
    def sell(cls, *blobs):
        """Returns the id of the last of BLOBS."""
        for data in blobs:
            path = cls.market.path(f"blob-{hashlib.sha256(data).hexdigest()[:16]}")
            with open(path, "wb") as file:
                file.write(data)
            ids = {provider.add(path) for provider in cls.providers}
            assert len(ids) == 1
        return ids.pop()

    def out(self):
        type(self).count += 1
        return self.market.path(f"out-{self.count}")

    def get(self, content, out, *options):
        """Money is counted: no late unit is paid twice."""
        return self.customer.get(content, out, "--no-hedges", *options)

    def check_tree(self, out, files=None):
        found, expected = files_below(out), files or self.files
        self.assertEqual(sorted(found), sorted(expected))
        self.assertEqual([p for p in found if found[p] != expected[p]], [])
        self.check_alone(out)

    def check_alone(self, out):
        """Nothing is left beside it."""
        self.assertEqual([n for n in os.listdir(os.path.dirname(out))
                          if n.startswith(os.path.basename(out)) and n != os.path.basename(out)],
                         [])

    # ---------------------------------------------------------------- what holds for any tree

    def check_whole(self):
        """It is bought once; what is there is hashed, and not bought. Returns the first report."""
        out = self.out()
        first = self.get(self.tree, out).good()
        self.check_tree(out)
        total = sum(map(len, self.files.values()))
        self.assertEqual((first["files"], first["files_done"]), (len(self.files),) * 2)
        self.assertEqual((first["bytes"], first["resumed_bytes"]), (total, 0))
        self.assertEqual(first["spent_ncoin"], self.units_in_all * PRICE)
        again = self.get(self.tree, out).good()
        self.assertEqual((again["spent_ncoin"], again["resumed_bytes"]),
                         (self.own_units * PRICE, total))
        self.check_tree(out)
        return first

    def check_spoiled(self, spoiled, missing):
        """Returns what it cost to put them right."""
        out = self.out()
        self.get(self.tree, out).good()
        with open(os.path.join(out, spoiled), "r+b") as file:
            file.write(b"spoiled")
        os.unlink(os.path.join(out, missing))
        report = self.get(self.tree, out).good()
        self.check_tree(out)
        return report["spent_ncoin"]

    def check_goes_on(self, affordable):
        """The budget is for all files, and what was bought before, the directory too, is not bought
        again. Returns the report of the one for whom it was too little."""
        out = self.out()
        failed = self.get(self.tree, out, "--budget", str(affordable / 10000), "--providers", 1)
        self.assertEqual((failed.code, failed.json["status"]), (1, "LOCAL_BUDGET"), failed)
        self.assertLessEqual(failed.json["spent_ncoin"], affordable * PRICE)
        report = self.get(self.tree, out).good()
        self.check_tree(out)
        self.assertEqual(failed.json["spent_ncoin"] + report["spent_ncoin"], self.units_in_all * PRICE)
        return failed.json

    def check_links(self, folder, file):
        """Whoever can write into the folder lays links; nothing is written through them. Returns
        the path at which a linked FOLDER made it fail."""
        out, elsewhere = self.out(), self.out()
        os.mkdir(out)
        os.mkdir(elsewhere)
        os.symlink(elsewhere, os.path.join(out, folder))
        failed = self.get(self.tree, out)
        self.assertEqual(failed.code, 1, failed)
        self.assertEqual(os.listdir(elsewhere), [])
        os.unlink(os.path.join(out, folder))
        # A link in the place of a file is replaced, and what it names is left alone.
        victim, link = os.path.join(elsewhere, "victim"), os.path.join(out, file)
        with open(victim, "wb") as opened:
            opened.write(b"precious")
        if os.path.exists(link):
            os.unlink(link)
        os.symlink(victim, link)
        self.get(self.tree, out).good()
        self.assertEqual(read(victim), b"precious")
        self.check_tree(out)
        return failed.json["failed"]
