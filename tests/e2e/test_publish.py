#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A publisher, end to end: a home from nothing, a file published, caches recruited, viewers who pay
nothing, a report that adds up, a budget that runs out, and a sponsor that is killed."""
import json
import os
import time

from market import (COIN, UNIT, Daemon, Market, MarketTest, content_root, free_port, http_request,
                    main, wait_until)
from trees import directory_of, pack_of

CACHES = 3
PRICE = 100000
UNITS = 24


class Publisher(Daemon):
    """souk init --role sponsor: the seed, and who pays."""

    def __init__(self, market, **settings):
        super().__init__(market, "publisher")
        self.control, self.data, self.viewers = free_port(), free_port(), free_port()
        self.ports = (self.control, self.data, self.viewers)
        self.address = self.souk("init", "--role", "sponsor", "--control",
                                 f"127.0.0.1:{self.control}", "--data", f"127.0.0.1:{self.data}",
                                 "--viewers", f"127.0.0.1:{self.viewers}", "--price",
                                 "0.0001")["address"]
        self.configure("sponsor", check="500ms", audit="0s", asks=1000, **settings)
        self.souk("faucet", "100")
        self.name_text = self.souk("sponsor", "show")["sponsor"]

    def publish(self, path, budget, *options):
        return self.souk("publish", path, "--budget", budget, *options)

    def report(self):
        # It is made ten times a second at most: so long may one be out of date.
        time.sleep(0.11)
        return self.souk("sponsor", "report")

    def content(self, content):
        return next(c for c in self.report()["contents"] if c["content"] == content)

    def wait_settled(self, content):
        """Nothing is held for it any more."""
        return wait_until("nothing is held",
                          lambda: (lambda c: c["held_ncoin"] == 0 and c)(self.content(content)))

    def kill_and_start(self):
        self.kill()
        self.start()
        wait_until("the sponsor knows the epoch", lambda: http_request(
            self.viewers, "GET", "/v1/sponsor", tls=True)[0] == 200)


class PublishTest(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.ledger = market.ledger
        cls.caches = [market.provider(cache="256MiB") for _ in range(CACHES)]
        for cache in cls.caches:
            cache.souk("faucet", "50")
            cache.souk("escrow", "open", "--line", "5", "--prize", "0.001")
            cache.start()
        cls.publisher = Publisher(market)
        market.daemons.append(cls.publisher)
        cls.publisher.start()
        for party in [*cls.caches]:
            party.wait_registered()
        cls.path, cls.data = market.file("film", UNITS * UNIT)
        cls.count = 0

    def view(self, content, data, *options):
        """Somebody without a coin or an escrow gets it."""
        type(self).count += 1
        home = self.market.customer(coins=None, line=None)
        path = self.market.path(f"out-{self.count}")
        result = home.get(content, path, *options)
        if result.code == 0:
            with open(path, "rb") as file:
                self.assertEqual(file.read(), data)
        return result

    def earned(self):
        """What the caches are owed; by each other, too, for what they pulled."""
        return sum(c.earnings()["owed_ncoin"] for c in self.caches)

    def check_books(self):
        """The report's sums are the sums of its parts."""
        report = self.publisher.report()
        contents = report["contents"]
        self.assertEqual(report["spent_ncoin"], sum(c["spent_ncoin"] for c in contents))
        self.assertEqual(report["bytes"], sum(c["bytes"] for c in contents))
        self.assertEqual(report["units"], sum(c["units"] for c in contents))
        for c in contents:
            self.assertEqual(c["spent_ncoin"], sum(k["spent_ncoin"] for k in c["caches"]))
            self.assertLessEqual(c["spent_ncoin"] + c["held_ncoin"], c["budget_ncoin"])
        return report

    # ------------------------------------------------------------------ a file

    def test_1_from_nothing(self):
        said = self.publisher.publish(self.path, "1")
        self.assertTrue(said["complete"], said)
        self.assertEqual(said["replicas"], CACHES)
        self.assertGreaterEqual(said["locked_ncoin"], COIN)
        type(self).film = said["content"]
        entry = self.publisher.content(self.film)
        self.assertEqual(entry["replicas"], CACHES)
        self.assertEqual({c["provider"] for c in entry["caches"]},
                         {c.address for c in self.caches})
        # The same again locks nothing more.
        again = self.publisher.publish(self.path, "1")
        self.assertEqual((again["locked_ncoin"], again["content"]), (0, self.film))

    def test_2_a_viewer(self):
        before, earned = self.publisher.report(), self.earned()
        result = self.view(self.film, self.data)
        self.assertEqual(result.code, 0, result)
        entry = self.publisher.wait_settled(self.film)
        self.assertGreaterEqual(entry["units"], UNITS)
        self.assertGreaterEqual(entry["bytes"], len(self.data))
        self.assertEqual(entry["spent_ncoin"], entry["units"] * PRICE)
        report = self.check_books()
        self.assertEqual(report["viewers"], before["viewers"] + 1)
        # A cache stores its tickets a moment after it took them.
        wait_until("the caches are owed what was spent", lambda: self.earned() - earned ==
                   report["spent_ncoin"] - before["spent_ncoin"])

    def test_3_killed(self):
        """The sponsor is killed while a viewer downloads: no byte and no coin is lost."""
        before, earned = self.publisher.report(), self.earned()
        home = self.market.customer(coins=None, line=None)
        path = self.market.path("out-killed")
        command = home.command("get", self.film, path)
        wait_until("a bundle is drawn", lambda: self.publisher.report()["bundles"] >
                   before["bundles"])
        self.publisher.kill_and_start()
        result = command.wait()
        self.assertEqual(result.code, 0, result)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), self.data)
        report = self.check_books()
        self.assertGreaterEqual(report["spent_ncoin"], before["spent_ncoin"])
        # What the caches are owed is never more than what the sponsor counts as spent.
        self.assertLessEqual(self.earned() - earned, report["spent_ncoin"] -
                             before["spent_ncoin"])
        # And it goes on with the same caches, and its leaves behind the old strips.
        self.assertEqual(self.view(self.film, self.data).code, 0)

    # ------------------------------------------------------------------ caches

    def test_4_a_dead_cache(self):
        """It is dropped, and comes back."""
        victim = self.caches[0]
        victim.kill()
        wait_until("the dead cache is dropped",
                   lambda: self.publisher.content(self.film)["replicas"] == CACHES - 1, 60)
        victim.start()
        wait_until("it is recruited again",
                   lambda: self.publisher.content(self.film)["replicas"] == CACHES, 60)
        self.assertEqual(self.view(self.film, self.data).code, 0)

    # ------------------------------------------------------------------ the budget

    def test_5_the_budget_ends(self):
        """Cleanly: not a coin over it, and viewers are told."""
        path, data = self.market.file("short", 6 * UNIT, seed=9)
        said = self.publisher.publish(path, "0.001")     # ten units
        content = said["content"]
        self.assertEqual(self.view(content, data).code, 0)
        self.publisher.wait_settled(content)
        result = self.view(content, data)
        self.assertNotEqual(result.code, 0)
        self.assertLessEqual(self.publisher.content(content)["spent_ncoin"], COIN // 1000)
        self.check_books()
        # More money, and it goes on.
        self.publisher.publish(path, "0.01")
        self.assertEqual(self.view(content, data).code, 0)
        self.check_books()
        # More than one epoch may cost is said, and what to do.
        result = self.publisher.run("publish", path, "--budget", "2", "--wait", "0s")
        self.assertIn("last for 3 epochs", result.err)
        self.assertIn("souk escrow open --number 1 --line", result.err)

    def test_5b_nobody_wants_it(self):
        """At a price that no cache takes: publish says why there are none."""
        path, _ = self.market.file("cheap", 3 * UNIT, seed=13)
        said = self.publisher.publish(path, "0.01", "--price", "0.00001", "--wait", "3s")
        self.assertFalse(said["complete"])
        self.assertIn("LOCAL_NOT_WANTED", said["last_refusal"])

    def test_6_a_folder(self):
        """More files than a sponsor pays for contents: the small ones are one, the pack."""
        folder = self.market.path("site")
        os.makedirs(os.path.join(folder, "a"))
        files = {"index.html": b"<p>hello</p>" * 99, "a/data.bin": os.urandom(5 * UNIT)}
        files.update({f"a/{n:03}": os.urandom(1 + n * 7) for n in range(300)})
        for name, data in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        said = self.publisher.publish(folder, "0.5")
        self.assertTrue(said["complete"], said)
        self.assertEqual(said["contents"], 3)
        home = self.market.customer(coins=None, line=None)
        out = self.market.path("out-site")
        result = home.get(said["content"], out)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.json["files_unpacked"], len(files) - 1)
        for name, data in files.items():
            with open(os.path.join(out, name), "rb") as file:
                self.assertEqual(file.read(), data)
        # A part of it: one small file, and the folder that it is in.
        one, part = self.market.path("out-one"), self.market.path("out-part")
        result = home.get(said["content"] + "/a/042", one)
        self.assertEqual((result.code, result.json["files_unpacked"]), (0, 1), result)
        with open(one, "rb") as file:
            self.assertEqual(file.read(), files["a/042"])
        result = home.get(said["content"] + "/a", part)
        self.assertEqual((result.code, result.json["files_done"]), (0, len(files) - 1), result)
        for name, data in files.items():
            if name.startswith("a/"):
                with open(os.path.join(part, name[2:]), "rb") as file:
                    self.assertEqual(file.read(), data)
        self.check_books()

    def test_6_each_and_no_pack(self):
        folder = self.market.path("few")
        os.mkdir(folder)
        files = {"a": os.urandom(5), "b": os.urandom(UNIT + 1), "c": os.urandom(900)}
        for name, data in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        each = self.publisher.publish(folder, "0.5", "--each")
        self.assertEqual((each["complete"], each["contents"]), (True, 1 + 1 + 3))
        none = self.publisher.publish(folder, "0.5", "--no-pack")
        self.assertEqual((none["complete"], none["contents"]), (True, 1 + 3))
        self.assertNotEqual(each["content"], none["content"])
        home = self.market.customer(coins=None, line=None)
        for number, (said, unpacked) in enumerate(((each, 3), (none, 0))):
            out = self.market.path(f"out-few-{number}")
            result = home.get(said["content"], out)
            self.assertEqual((result.code, result.json["files_unpacked"]), (0, unpacked), result)
            for name, data in files.items():
                with open(os.path.join(out, name), "rb") as file:
                    self.assertEqual(file.read(), data)
        # Who knows a file by its own id gets it, too.
        self.assertEqual(self.view(content_root(files["a"]).hex(), files["a"]).code, 0)
        self.assertEqual(self.publisher.run("publish", folder, "--budget", "1", "--each",
                                            "--no-pack").code, 2)
        self.check_books()

    def test_6_a_pack_that_is_not_paid_for(self):
        """The files are fetched one by one, whether the sponsor is named or found."""
        files = {b"a": b"first" * 99, b"b": b"second" * 99}
        blobs = [*files.values(), directory_of(files, pack_of(files))]
        for number, data in enumerate(blobs):
            path = self.market.path(f"blob-{number}")
            with open(path, "wb") as file:
                file.write(data)
            tree = self.publisher.publish(path, "0.5")["content"]
        for number, options in enumerate(([], ["--sponsor", self.publisher.name_text])):
            out = self.market.path(f"out-unpacked-{number}")
            home = self.market.customer(coins=None, line=None)
            result = home.get(tree, out, *options)
            self.assertEqual(result.code, 0, result)
            self.assertEqual((result.json["files_done"], result.json["files_unpacked"]), (2, 0))
            for name, data in files.items():
                with open(os.path.join(out, name.decode()), "rb") as file:
                    self.assertEqual(file.read(), data)

    def test_6a_a_small_one(self):
        """Of one chunk: one cache sends it, and is paid for one unit."""
        path, _ = self.market.file("small", 4096, seed=61)
        two, _ = self.market.file("two", 2 * UNIT - 5, seed=62)
        for path, chunks in ((path, 1), (two, 2)):
            content = self.publisher.publish(path, "0.5")["content"]
            with open(path, "rb") as file:
                data = file.read()
            for views in (1, 2):
                self.assertEqual(self.view(content, data).code, 0)
                entry = self.publisher.wait_settled(content)
                self.assertEqual(entry["bundle_caches"], chunks)
                self.assertEqual(entry["bundles"], views)
                self.assertEqual(entry["units"], views * chunks)
                self.assertEqual(entry["spent_ncoin"], views * chunks * COIN // 10000)
        self.check_books()

    # ------------------------------------------------------------------ audits

    def test_6b_an_audit(self):
        """A viewer of the sponsor's own, from a key that nobody knows, now and then."""
        publisher = self.publisher
        publisher.stop()
        publisher.configure("sponsor", audit="1s", audit_permille=1000)
        publisher.start()

        def audits():
            return sum(k["audits"] for c in publisher.report()["contents"] for k in c["caches"])
        wait_until("every cache of a bundle is audited", lambda: audits() >= CACHES, 60)
        self.assertFalse(any(k["barred"] for c in publisher.report()["contents"]
                             for k in c["caches"]))
        publisher.stop()
        publisher.configure("sponsor", audit="0s")
        publisher.start()
        self.check_books()

    # ------------------------------------------------------------------ the end

    def test_7_stop(self):
        self.publisher.souk("sponsor", "stop", self.film)
        wait_until("the caches are released",
                   lambda: self.publisher.content(self.film)["replicas"] == 0)
        self.assertNotEqual(self.view(self.film, self.data).code, 0)
        wrong = self.publisher.run("sponsor", "stop", "ab" * 32)
        self.assertEqual(wrong.json["error"], "LOCAL_NOT_FOUND")

    def test_8_mistakes(self):
        publisher = self.publisher
        self.assertEqual(publisher.run("publish", self.path).code, 2)
        self.assertEqual(publisher.run("publish", self.path, "--budget", "1", "--replicas",
                                       "1").code, 2)
        self.assertEqual(publisher.run("publish", "/nowhere", "--budget", "1").code, 1)
        customer = self.market.customer(coins=None, line=None)
        self.assertEqual(customer.run("publish", self.path, "--budget", "1").code, 1)
        # An admission is a line of hexadecimal digits; of nobody, there is none.
        text = publisher.souk("sponsor", "admit", customer.address, "--for", "1h")["admission"]
        self.assertGreater(len(bytes.fromhex(text)), 100)
        self.assertEqual(publisher.run("sponsor", "admit", "nobody").code, 2)
        # More than the account has: all is as before.
        result = publisher.run("publish", self.path, "--budget", "100000", "--wait", "0s")
        self.assertEqual(result.code, 1)
        wait_until("it is stopped still", lambda: publisher.content(self.film)["stopped"] and
                   publisher.content(self.film)["budget_ncoin"] == COIN)

    def test_8b_a_cheat_is_barred(self):
        """A cache whose disk holds something else: the sponsor sees it by itself."""
        publisher, cheat = self.publisher, self.caches[0]
        path, data = self.market.file("spoilt", 12 * UNIT, seed=21)
        content = publisher.publish(path, "0.5")["content"]
        self.assertEqual(self.view(content, data).code, 0)
        with open(os.path.join(cheat.path, "content", content), "r+b") as file:
            file.write(os.urandom(len(data)))
        publisher.stop()
        publisher.configure("sponsor", audit="1s", audit_permille=1000)
        publisher.start()

        def barred():
            return {k["provider"] for k in publisher.content(content)["caches"] if k["barred"]}
        self.assertEqual(wait_until("the cheat is barred", barred, 60), {cheat.address})
        # It is not asked again, and two honest ones are no bundle of three.
        self.assertEqual(publisher.content(content)["replicas"], CACHES - 1)

    def test_9_settled(self):
        """Everything that was spent can be claimed; the ledger's log verifies."""
        self.ledger.check()


if __name__ == "__main__":
    main()
