#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Directories, end to end: a tree is fetched as a tree, goes on where it was left, and leaves the
folder that it was fetched into under no circumstances."""
import os

from market import UNIT, Market, content_root, file_of, main
from trees import PRICE, TreeTest, directory_of, files_below, read, units

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

    # ---------------------------------------------------------------- a part of one

    def test_8_one_file(self):
        for path in ("docs/deep/er/x.txt", "a.part", "docs/sixty-four", "docs/empty"):
            with self.subTest(path=path):
                out, data = self.out(), self.files[path]
                report = self.get(f"{self.tree}/{path}", out).good()
                self.assertEqual(read(out), data)
                self.check_alone(out)
                self.assertEqual((report["path"], report["files"], report["files_done"]),
                                 (path, 1, 1))
                self.assertEqual(report["bytes"], len(data))
                self.assertEqual(report["spent_ncoin"],
                                 (self.own_units + units(len(data))) * PRICE)
        # What is there is hashed, and not bought; what is not the file is replaced by it.
        for before, cost in ((self.files["a.part"], 0), (b"spoiled", 1)):
            with open(out := self.out(), "wb") as file:
                file.write(before)
            report = self.get(f"{self.tree}/a.part", out).good()
            self.assertEqual(read(out), self.files["a.part"])
            self.assertEqual(report["spent_ncoin"], (self.own_units + cost) * PRICE)

    def test_8_one_folder(self):
        below = {p.removeprefix("docs/"): d for p, d in self.files.items() if p.startswith("docs/")}
        for path in ("docs", "docs/"):
            out = self.out()
            report = self.get(f"{self.tree}/{path}", out).good()
            self.check_tree(out, below)
            self.assertEqual((report["files"], report["files_done"]), (3, 3))
            self.assertEqual(report["bytes"], sum(map(len, below.values())))
            self.assertEqual(report["spent_ncoin"], (self.own_units + 2 + 1) * PRICE)
        out = self.out()
        self.get(f"{self.tree}/docs/deep", out).good()
        self.check_tree(out, {"er/x.txt": self.files["docs/deep/er/x.txt"]})
        # A slash alone is all of it.
        out = self.out()
        self.get(f"{self.tree}/", out).good()
        self.check_tree(out)

    def test_8_where_it_comes_to(self):
        """Without a second argument it has its own name."""
        folder = self.out()
        os.mkdir(folder)
        for path in ("docs/sixty-four", "docs"):
            command = self.customer.command("get", f"{self.tree}/{path}", "--no-hedges",
                                            before=lambda: os.chdir(folder))
            self.assertEqual(command.wait().code, 0)
        self.assertEqual(sorted(os.listdir(folder)), ["docs", "sixty-four"])
        self.assertEqual(read(os.path.join(folder, "sixty-four")), self.files["docs/sixty-four"])
        self.assertEqual(len(files_below(os.path.join(folder, "docs"))), 3)
        # A file has no name in a folder that says none.
        refused = self.get(f"{self.tree}/a", folder + "/")
        self.assertEqual((refused.code, refused.json["status"]), (1, "LOCAL_USAGE"), refused)
        self.assertEqual(sorted(n for n in os.listdir(folder) if not n.startswith(".")),
                         ["docs", "sixty-four"])

    def test_8_by_name(self):
        publisher = self.providers[0]
        self.assertEqual(publisher.souk("name", "publish", "site", self.tree)["held_by"], 2)
        name = f"{publisher.address}/site"
        for path, expected in (("a.part", "a.part"), ("docs/sixty-four/", "docs/sixty-four")):
            out = self.out()
            self.get(f"{name}/{path}", out).good()
            self.assertEqual(read(out), self.files[expected])
        self.get(f"{name}/", out := self.out()).good()
        self.check_tree(out)
        self.assertEqual(self.get(f"{name}/../a", self.out()).code, 2)

    def test_8_what_is_not_there(self):
        out = self.out()
        for path in ("doc", "docs/sixty", "a/b", "A"):
            failed = self.get(f"{self.tree}/{path}", out)
            self.assertEqual((failed.code, failed.json["status"], failed.json["failed"]),
                             (1, "LOCAL_NOT_FOUND", path), failed)
            self.assertFalse(os.path.exists(out))
        for path in ("../a", "/a", "docs//x", ".", "docs/..", "a\\b", "x" * 256):
            with self.subTest(path=path):
                self.assertEqual(self.get(f"{self.tree}/{path}", out).code, 2)
        self.assertEqual(self.get(f"{self.tree}/a", out, "--raw").code, 2)

    def test_8_no_directory(self):
        """A file has no files in it; of one that cannot be a directory next to nothing is bought."""
        big = self.sell(b"d" + self.files["a"] * 12)
        for content, most in ((content_root(self.files["a"]).hex(), 3), (big, 0),
                              (self.sell(b"d5:other"), 1)):
            out = self.out()
            failed = self.get(f"{content}/a", out)
            self.assertEqual(failed.code, 1, failed)
            self.assertIn("no directory", failed.err)
            self.assertFalse(os.path.exists(out))
            if failed.json and "spent_ncoin" in failed.json:
                self.assertLessEqual(failed.json["spent_ncoin"], most * PRICE)

    def test_8_goes_on(self):
        """The budget is for the directory and the file; what was bought is not bought again."""
        out = self.out()
        failed = self.get(f"{self.tree}/a", out, "--budget", "0.0002", "--providers", 1)
        self.assertEqual((failed.code, failed.json["status"], failed.json["failed"]),
                         (1, "LOCAL_BUDGET", "a"), failed)
        report = self.get(f"{self.tree}/a", out).good()
        self.assertEqual(read(out), self.files["a"])
        self.check_alone(out)
        self.assertEqual(failed.json["spent_ncoin"] + report["spent_ncoin"],
                         (self.own_units + 3) * PRICE)


if __name__ == "__main__":
    main()
