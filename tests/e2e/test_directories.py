#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Directories, end to end: a tree is fetched as a tree, goes on where it was left, and leaves the
folder that it was fetched into under no circumstances."""
import os

from market import UNIT, Market, content_root, file_of, main
from trees import PRICE, TreeTest, directory_of, read, units

FILES = {
    "a": 3 * UNIT,
    "a.part": 100,              # the name that a part of "a" could have
    "docs/deep/er/x.txt": UNIT + 1,
    "docs/empty": 0,
    "docs/sixty-four": 64,      # names like this one need their size
    "long/" + "n" * 255: 20,    # no room for a suffix
    "z": 2 * UNIT,
}


class Directories(TreeTest):
    own_units = 1
    units_in_all = own_units + sum(map(units, FILES.values()))

    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.providers = [market.provider(), market.provider()]
        cls.files = {path: file_of(market.path(f"source-{number}"), size, seed=number + 7)
                     for number, (path, size) in enumerate(FILES.items())}
        cls.sell(*filter(None, cls.files.values()))
        cls.tree = cls.sell(directory_of({p.encode(): d for p, d in cls.files.items()}))
        cls.start()

    def test_1_whole(self):
        report = self.check_whole()
        self.assertEqual(sum(p["units"] for p in report["providers"]), self.units_in_all)
        self.assertLessEqual(len(report["providers"]), 2)

    def test_1b_few_transactions(self):
        """What is allotted for one file pays for those after it."""
        home = self.market.customer()
        before = home.souk("balance")["nonce"]
        home.get(self.tree, self.out()).good()
        # The directory, the first file; and room for a leaf that was used up too early.
        self.assertLessEqual(home.souk("balance")["nonce"] - before, 4)

    def test_2_spoiled_files_are_fetched_again(self):
        self.assertEqual(self.check_spoiled("z", "docs/empty"), 3 * PRICE)

    def test_3_goes_on(self):
        failed = self.check_goes_on(6)
        self.assertLess(failed["files_done"], len(FILES))
        self.assertIn(failed["failed"], FILES)

    def test_4_raw(self):
        out = self.out()
        self.get(self.tree, out, "--raw").good()
        self.assertEqual(content_root(read(out)).hex(), self.tree.split(".")[0])

    def test_5_links_are_not_followed(self):
        self.assertEqual(self.check_links("docs", "z"), "docs/deep/er/x.txt")

    def test_5b_nor_is_a_part(self):
        """A part file that is a link to another file: that one stays as it is."""
        victim, out = self.market.path("victim"), self.out()
        with open(victim, "wb") as file:
            file.write(b"precious")
        os.symlink(victim, out + ".part")
        result = self.get(self.sell(b"x" * 1000), out)
        self.assertNotEqual(result.code, 0)
        self.assertIn("remove it", result.err)
        self.assertEqual(read(victim), b"precious")
        os.unlink(out + ".part")

    def test_6_hostile_names(self):
        """What names a way out is no directory, but a file like any other."""
        size = FILES["z"]
        data = self.files["z"]
        self.assertEqual(len(data), size)
        for path in [b"../z", b"a/../../z", b"/z", b"./z", b"a//z", b"a\\z", b"a\x00z"]:
            with self.subTest(path=path):
                out = self.out()
                content = self.sell(directory_of({path: data}))
                report = self.get(content, out).good()
                self.assertNotIn("files", report)
                self.assertTrue(os.path.isfile(out))
        self.assertFalse(os.path.exists(self.market.path("z")))

    def test_7_a_file_that_nobody_has(self):
        out = self.out()
        files = {b"a": self.files["a"], b"b": b"nobody has this"}
        content = self.sell(directory_of(files))
        failed = self.get(content, out)
        self.assertEqual((failed.code, failed.json["status"]), (1, "PEER_UNKNOWN_CONTENT"), failed)
        self.assertEqual(failed.json["failed"], "b")
        self.assertEqual(read(os.path.join(out, "a")), self.files["a"])


if __name__ == "__main__":
    main()
