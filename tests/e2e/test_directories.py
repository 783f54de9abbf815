#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Directories, end to end: a tree is fetched as a tree, goes on where it was left, and leaves the
folder that it was fetched into under no circumstances."""
import os
import unittest

from market import UNIT, Market, MarketTest, content_root, file_of, main

PRICE = 100000
FILES = {
    "a": 3 * UNIT,
    "a.part": 100,              # the name that a part of "a" could have
    "docs/deep/er/x.txt": UNIT + 1,
    "docs/empty": 0,
    "docs/sixty-four": 64,      # names like this one need their size
    "long/" + "n" * 255: 20,    # no room for a suffix
    "z": 2 * UNIT,
}
UNITS = sum(-(-size // UNIT) for size in FILES.values())


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    return b"d" + b"".join(bencode(k) + bencode(value[k]) for k in sorted(value)) + b"e"


def directory_of(files, name=b"tree"):
    """The info dictionary of FILES, paths and bytes, written from BEP 52."""
    tree = {}
    for path, data in files.items():
        at = tree
        for component in path.split(b"/"):
            at = at.setdefault(component, {})
        at[b""] = {b"length": len(data)}
        if data:
            at[b""][b"pieces root"] = content_root(data)
    return bencode({b"file tree": tree, b"meta version": 2, b"name": name, b"piece length": UNIT})


class Directories(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.providers = [market.provider(), market.provider()]
        cls.files = {}
        os.mkdir(market.path("source"))
        for number, (path, size) in enumerate(FILES.items()):
            source = os.path.join(market.path("source"), str(number))
            cls.files[path] = file_of(source, size, seed=number + 7)
            for provider in cls.providers:
                provider.add(source)
        cls.tree = cls.publish(directory_of({p.encode(): d for p, d in cls.files.items()}))
        for provider in cls.providers:
            provider.start()
        for provider in cls.providers:
            provider.wait_registered()
        cls.customer = market.customer()
        cls.count = 0

    @classmethod
    def publish(cls, data):
        path = cls.market.path(f"directory-{content_root(data).hex()[:16]}")
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
        found = {}
        for where, _, names in os.walk(out):
            for name in names:
                path = os.path.join(where, name)
                self.assertFalse(os.path.islink(path))
                with open(path, "rb") as file:
                    found[os.path.relpath(path, out)] = file.read()
        self.assertEqual(found, files or self.files)
        beside = [n for n in os.listdir(os.path.dirname(out))
                  if n.startswith(os.path.basename(out)) and n != os.path.basename(out)]
        self.assertEqual(beside, [])

    def test_1_whole(self):
        out = self.out()
        report = self.get(self.tree, out).good()
        self.check_tree(out)
        self.assertEqual((report["files"], report["files_done"]), (len(FILES), len(FILES)))
        self.assertEqual(report["bytes"], sum(FILES.values()))
        self.assertEqual(report["resumed_bytes"], 0)
        # One more for the directory itself.
        self.assertEqual(report["spent_ncoin"], (UNITS + 1) * PRICE)
        self.assertEqual(sum(p["units"] for p in report["providers"]), UNITS + 1)
        self.assertLessEqual(len(report["providers"]), 2)
        # Once more: what is there is hashed, and not bought.
        report = self.get(self.tree, out).good()
        self.assertEqual(report["spent_ncoin"], PRICE)
        self.assertEqual(report["resumed_bytes"], sum(FILES.values()))
        self.check_tree(out)

    def test_1b_few_transactions(self):
        """What is allotted for one file pays for those after it."""
        home = self.market.customer()
        before = home.souk("balance")["nonce"]
        home.get(self.tree, self.out()).good()
        # The directory, the first file; and room for a leaf that was used up too early.
        self.assertLessEqual(home.souk("balance")["nonce"] - before, 4)

    def test_2_spoiled_files_are_fetched_again(self):
        out = self.out()
        self.get(self.tree, out).good()
        with open(os.path.join(out, "z"), "r+b") as file:
            file.write(b"spoiled")
        os.unlink(os.path.join(out, "docs/empty"))
        report = self.get(self.tree, out).good()
        self.check_tree(out)
        self.assertEqual(report["spent_ncoin"], 3 * PRICE)

    def test_3_goes_on(self):
        """The budget is for all files; what was bought before is not bought again."""
        out = self.out()
        failed = self.get(self.tree, out, "--budget", "0.0006", "--providers", 1)
        self.assertEqual((failed.code, failed.json["status"]), (1, "LOCAL_BUDGET"), failed)
        self.assertLessEqual(failed.json["spent_ncoin"], 6 * PRICE)
        self.assertLess(failed.json["files_done"], len(FILES))
        self.assertIn(failed.json["failed"], FILES)
        report = self.get(self.tree, out).good()
        self.check_tree(out)
        # The directory was not bought twice either.
        self.assertEqual(failed.json["spent_ncoin"] + report["spent_ncoin"],
                         (UNITS + 1) * PRICE)

    def test_4_raw(self):
        out = self.out()
        self.get(self.tree, out, "--raw").good()
        with open(out, "rb") as file:
            self.assertEqual(content_root(file.read()).hex(), self.tree.split(".")[0])

    def test_5_links_are_not_followed(self):
        """Whoever can write into the folder lays links; nothing is written through them."""
        out, elsewhere = self.out(), self.out()
        os.mkdir(out)
        os.mkdir(elsewhere)
        os.symlink(elsewhere, os.path.join(out, "docs"))
        failed = self.get(self.tree, out)
        self.assertEqual(failed.code, 1, failed)
        self.assertEqual(failed.json["failed"], "docs/deep/er/x.txt")
        self.assertEqual(os.listdir(elsewhere), [])
        os.unlink(os.path.join(out, "docs"))
        # A link in the place of a file is replaced, and what it names is left alone.
        victim = os.path.join(elsewhere, "victim")
        with open(victim, "wb") as file:
            file.write(b"precious")
        os.symlink(victim, os.path.join(out, "z"))
        self.get(self.tree, out).good()
        with open(victim, "rb") as file:
            self.assertEqual(file.read(), b"precious")
        self.check_tree(out)

    def test_5b_nor_is_a_part(self):
        """A part file that is a link to another file: that one stays as it is."""
        victim, out = self.market.path("victim"), self.out()
        with open(victim, "wb") as file:
            file.write(b"precious")
        os.symlink(victim, out + ".part")
        result = self.get(self.publish(b"x" * 1000), out)
        self.assertNotEqual(result.code, 0)
        self.assertIn("remove it", result.err)
        with open(victim, "rb") as file:
            self.assertEqual(file.read(), b"precious")
        os.unlink(out + ".part")

    def test_6_hostile_names(self):
        """What names a way out is no directory, but a file like any other."""
        size = FILES["z"]
        data = self.files["z"]
        self.assertEqual(len(data), size)
        for path in [b"../z", b"a/../../z", b"/z", b"./z", b"a//z", b"a\\z", b"a\x00z"]:
            with self.subTest(path=path):
                out = self.out()
                content = self.publish(directory_of({path: data}))
                report = self.get(content, out).good()
                self.assertNotIn("files", report)
                self.assertTrue(os.path.isfile(out))
        self.assertFalse(os.path.exists(self.market.path("z")))

    def test_7_a_file_that_nobody_has(self):
        out = self.out()
        files = {b"a": self.files["a"], b"b": b"nobody has this"}
        content = self.publish(directory_of(files))
        failed = self.get(content, out)
        self.assertEqual((failed.code, failed.json["status"]), (1, "PEER_UNKNOWN_CONTENT"), failed)
        self.assertEqual(failed.json["failed"], "b")
        with open(os.path.join(out, "a"), "rb") as file:
            self.assertEqual(file.read(), self.files["a"])


if __name__ == "__main__":
    main()
