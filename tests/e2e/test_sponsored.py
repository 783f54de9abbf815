# SPDX-License-Identifier: Apache-2.0
"""Viewers without an escrow, a coin or an account download at a sponsor's expense: from honest
caches, and from caches that serve garbage, withhold keys, serve only the head, stall, or are killed
half-way. The file comes each time; the sponsor pays for what was delivered, and at most a window of
each cache of a bundle that failed.
"""
import math
import os
import re
import socket
import time

from market import UNIT, Market, MarketTest, free_port, http_request, main, wait_until
from relay import Fault, Relay, drop, flip, no_key, stall

CACHES = 4
DRAWN = 3
SEGMENT = 4
PRICE = 100_000                      # ncoin for a unit
LINE = 100 * 10**9                   # of the sponsor's escrow, in ncoin


def units_of(size):
    """Of all caches of one bundle: no more of them than there are chunks."""
    chunks = math.ceil(size / UNIT)
    drawn = min(DRAWN, chunks)
    return math.ceil(chunks / drawn) * drawn


class Sponsored(MarketTest):
    own_money = 0                    # of viewers who paid for themselves

    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.caches = [cls.market.provider(price="0.0001", window=2 * SEGMENT)
                      for _ in range(CACHES)]
        # The first one is what a test makes of it.
        cls.relay = Relay(cls.market, cls.caches[0])
        cls.sponsor = cls.market.sponsor(
            caches=DRAWN, segment=SEGMENT, starts=64, asks=10000, check="200ms", audit="0s",
            replicas=CACHES)
        cls.path, cls.bytes = cls.market.file("film", 20 * UNIT - 77)
        cls.content = cls.market.open_shop(cls.caches, cls.path)
        assert cls.sponsor.publish(cls.path, replicas=CACHES) == cls.content
        cls.sponsor.start()
        cls.sponsor.wait_enlisted(cls.content, CACHES)

    def setUp(self):
        self.relay.set_fault(None)
        self.relay.delay = 0.0
        for cache in self.caches:
            if not cache.is_running():
                cache.process = None
                cache.start()
        self.sponsor.wait_enlisted(self.content, CACHES)
        self.before = self.sponsor.report()
        self.complained = sum(self.complaints().values())

    def viewer(self):
        return self.market.customer(coins=None, line=None)

    def view(self, viewer, name, *options):
        path = self.market.path(name)
        if os.path.exists(path):
            os.unlink(path)
        result = viewer.souk("get", self.content, path, "--sponsor", self.sponsor.report()["name"],
                             *options)
        self.check_file(result, path)
        return result

    def check_file(self, result, path):
        with open(path, "rb") as file:
            self.assertEqual(file.read(), self.bytes)
        self.assertEqual(result["status"], "OK")
        self.assertEqual(result["spent_ncoin"], 0)

    @staticmethod
    def why(result):
        """The status of a download; of one that never began, the error."""
        return result.json.get("status", result.json.get("error"))

    def since(self, key):
        return self.sponsor.report()[key] - self.before[key]

    def check_paid(self, downloads):
        """For what was delivered, and no more than a window of each cache where a bundle failed."""
        # One that was paid to its end may have failed, too, if its last segment was claimed while
        # the one before was being checked.
        failed = max(self.since("bundles") - self.since("bundles_finished"),
                     sum(self.complaints().values()) - self.complained)
        units = self.since("spent_ncoin") / PRICE
        self.assertEqual(self.since("spent_ncoin"), self.since("units") * PRICE)
        self.assertGreaterEqual(units, downloads * math.ceil(len(self.bytes) / UNIT))
        # What a bundle leaves over at its end is fetched again with the next one: of the segment
        # before, the units whose keys did not come any more, and the last row.
        self.assertLessEqual(
            units, downloads * units_of(len(self.bytes)) + failed * DRAWN * (2 * SEGMENT + 1))

    def complaints(self):
        return {c["provider"]: c["complaints"]
                for c in self.sponsor.report_of(self.content)["caches"]}

    def first(self):
        """What the sponsor says of the first cache."""
        return next(c for c in self.sponsor.report_of(self.content)["caches"]
                    if c["provider"] == self.caches[0].address)

    def view_until(self, condition, name):
        """Viewers, until CONDITION() holds: whom the sponsor draws is chance. How many there were."""
        for i in range(1, 30):
            self.view(self.viewer(), f"{name}{i}")
            if condition():
                return i
        self.fail(f"{name}: the bad cache was never drawn")

    def check_blamed(self, before):
        """The bad cache was complained of, and no other."""
        now = self.complaints()
        for provider, count in now.items():
            if provider == self.caches[0].address:
                self.assertGreater(count, before[provider])
            else:
                self.assertEqual(count, before[provider], provider)

    def test_1_without_money(self):
        viewer = self.viewer()
        result = self.view(viewer, "plain")
        self.assertTrue(all(p["sponsored"] for p in result["providers"]), result)
        self.assertEqual(sum(p["bytes"] for p in result["providers"]) // UNIT,
                         units_of(len(self.bytes)) - 1)
        self.assertEqual(viewer.balance(), 0)
        self.assertEqual(self.since("bundles"), 1)
        self.assertEqual(self.since("spent_ncoin"), units_of(len(self.bytes)) * PRICE)

    def test_2_who_pays_is_asked_of_caches(self):
        viewer = self.viewer()
        path = self.market.path("found")
        self.check_file(viewer.souk("get", self.content, path), path)
        self.assertEqual(self.since("bundles"), 1)

    def test_2b_only_the_drawn_hear_of_it(self):
        """A viewer that names its sponsor says to no other provider what it views."""
        bystander = self.market.provider(price="9")      # more than the sponsor pays
        bystander.start()
        bystander.wait_registered()
        bystander.kill()
        with socket.create_server(("127.0.0.1", bystander.control)) as ears:
            ears.setblocking(False)
            self.view(self.viewer(), "discreet")
            with self.assertRaises(BlockingIOError):
                ears.accept()

    def test_2c_what_it_pays_for(self):
        """A sponsor tells size and row of what it pays for, and nothing of anything else."""
        def get(path):
            return http_request(self.sponsor.control, "GET", "/v1/contents/" + path, tls=True)
        status, plain = get(self.content)
        self.assertEqual(status, 200)
        _, row = http_request(self.caches[1].control, "GET", f"/v1/chunks/{self.content}", tls=True)
        self.assertEqual(len(row), 32 * 20)
        self.assertEqual(get(f"{self.content}?row={len(row)}"), (200, plain + row))
        for most in (len(row) - 1, "x", "", 1 << 32):
            self.assertEqual(get(f"{self.content}?row={most}"), (200, plain))
        for path in ("", "x", "00" * 32, "ab" * 32, self.content + "0", "../identity.key"):
            self.assertIn(get(path)[0], (400, 404), path)

    def test_3_garbage(self):
        before = self.complaints()
        self.relay.set_fault(Fault(flip, after=2))
        downloads = self.view_until(lambda: self.complaints() != before, "garbage")
        self.check_blamed(before)
        self.check_paid(downloads)

    def test_4_withheld_keys(self):
        before = self.complaints()
        self.relay.set_fault(Fault(no_key, keys_too=True))
        downloads = self.view_until(lambda: self.complaints() != before, "keyless")
        self.check_blamed(before)
        self.check_paid(downloads)

    def test_5_head_only(self):
        before = self.complaints()
        self.relay.set_fault(Fault(drop, after=1))
        downloads = self.view_until(lambda: self.complaints() != before, "head")
        self.check_blamed(before)
        self.check_paid(downloads)

    def test_6_stalls(self):
        before = self.complaints()
        self.relay.set_fault(Fault(stall, after=3))
        downloads = self.view_until(lambda: self.complaints() != before, "stalled")
        self.check_blamed(before)
        self.check_paid(downloads)

    def test_7_cache_killed(self):
        """Half-way, for good: the others have it, and three are there to be drawn."""
        viewer = self.viewer()
        self.relay.delay = 0.05
        path = self.market.path("killed")
        for attempt in range(30):
            if os.path.exists(path):
                os.unlink(path)
            self.relay.set_fault(None)
            command = viewer.command("get", self.content, path, "--sponsor",
                                     self.sponsor.report()["name"])
            wait_until("half of it", lambda: self.relay.units >= 3
                       or command.process.poll() is not None)
            if command.process.poll() is None:
                break
            self.check_file(command.wait().good(), path)
        self.caches[0].kill()
        self.relay.cut()
        self.check_file(command.wait().good(), path)
        self.check_paid(attempt + 1)

    def test_7b_dead_until_looked_at(self):
        """Long before it is checked as usual, a dead cache fails one viewer, and no other; and is
        drawn again when it is back."""
        self.sponsor.stop()
        self.sponsor.configure("sponsor", check="1h")
        self.sponsor.start()
        self.sponsor.wait_enlisted(self.content, CACHES)
        before = self.complaints()
        self.caches[0].kill()
        self.relay.cut()
        # On a slow machine the check that follows a start may be the first to see it.
        self.view_until(lambda: self.complaints() != before or not self.first()["enlisted"], "dead")
        blamed = self.complaints()
        for i in range(6):
            self.view(self.viewer(), f"alive{i}")
        self.assertEqual(self.complaints(), blamed)
        self.caches[0].start()
        self.caches[0].wait_registered()
        drawn = self.first()["bundles"]
        wait_until("it is drawn again", lambda: self.first()["bundles"] > drawn
                   or not self.view(self.viewer(), "back"))
        self.sponsor.stop()
        self.sponsor.configure("sponsor", check="200ms")
        self.sponsor.start()

    def test_7c_half_dead(self):
        """Its control server answers, its data server does not: it stays in doubt, so it fails one
        viewer and no other; and is drawn again when the data server is back."""
        self.sponsor.stop()
        self.sponsor.configure("sponsor", check="1h")
        self.sponsor.start()
        self.sponsor.wait_enlisted(self.content, CACHES)
        before = self.complaints()
        self.relay.refuse()
        self.view_until(lambda: self.complaints() != before or not self.first()["enlisted"], "half")
        blamed = self.complaints()
        for i in range(6):
            # Whom it complained of is not drawn again for as long as it is in doubt.
            self.view(self.viewer(), f"whole{i}")
        self.assertEqual(self.complaints(), blamed)
        self.relay.refuse(False)
        drawn = self.first()["bundles"]
        wait_until("it is drawn again", lambda: self.first()["bundles"] > drawn
                   or not self.view(self.viewer(), "whole again"), seconds=60)

    def test_7d_half_dead_is_replaced(self):
        """Looked at as usual, a cache whose data server is gone is let go, and comes back later."""
        self.sponsor.stop()
        self.sponsor.configure("sponsor", check="200ms")
        self.sponsor.start()
        self.relay.refuse()
        wait_until("it is let go", lambda: not self.first()["enlisted"])
        self.relay.refuse(False)
        self.sponsor.wait_enlisted(self.content, CACHES)

    def test_7e_moved(self):
        """A cache whose units are elsewhere since it started again says so with a new enlistment:
        what it enlisted with before sends viewers nowhere."""
        def its(key):
            return next(c for c in self.sponsor.report_of(self.content)["caches"]
                        if c["provider"] == moved.address)[key]
        moved = self.caches[1]
        moved.stop()
        moved.data = free_port()
        moved.ports = (moved.control, moved.data)
        moved.configure("provider", data=f"127.0.0.1:{moved.data}")
        moved.start()
        for i in range(30):
            complained, drawn = its("complaints"), its("bundles")
            self.view(self.viewer(), f"moved{i}")
            if its("bundles") > drawn and its("complaints") == complained:
                return
        self.fail("where it is now was never told")

    def test_8_sponsor_killed(self):
        """Mid-bundle, and started again: nothing is lost, and nothing is paid twice."""
        for attempt in range(3):
            viewer = self.viewer()
            self.relay.delay = 0.05
            path = self.market.path(f"orphan{attempt}")
            self.relay.set_fault(None)
            before = self.sponsor.report()
            command = viewer.command("get", self.content, path, "--sponsor", before["name"])
            wait_until("some of it", lambda: self.sponsor.report()["units"] > before["units"])
            self.sponsor.kill()
            self.sponsor.start()
            wait_until("the ledger's epoch", lambda: self.sponsor.report()["epoch_known"])
            # What one network may have of the line holds before anybody is drawn anything.
            self.assertEqual(self.sponsor.report()["network_units"], LINE / PRICE / 4)
            self.check_file(command.wait().good(), path)
        report = self.sponsor.report()
        self.assertEqual(sum(c["spent_ncoin"] for c in self.caches_of(report)),
                         report["spent_ncoin"])
        self.check_paid(3)

    def caches_of(self, report):
        return [cache for content in report["contents"] for cache in content["caches"]]

    def test_9_quota(self):
        self.sponsor.stop()
        self.sponsor.configure("sponsor", viewer_units=9)
        self.sponsor.start()
        viewer = self.viewer()
        path = self.market.path("quota")
        result = viewer.run("get", self.content, path, "--sponsor", self.sponsor.report()["name"])
        self.assertNotEqual(result.code, 0)
        self.assertEqual(self.why(result), "PEER_SPONSOR_QUOTA", result)
        self.assertIn("--pay", result.err)
        self.assertEqual(self.since("units"), 9)
        # What it paid for stays; with money of his own the user has the rest.
        viewer.souk("faucet", "500")
        viewer.souk("escrow", "open", "--line", "10", "--prize", "0.001")
        result = viewer.souk("get", self.content, path, "--pay")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), self.bytes)
        self.assertEqual(result["resumed_bytes"], 9 * UNIT)
        self.assertGreater(result["spent_ncoin"], 0)
        type(self).own_money += result["spent_ncoin"]
        self.sponsor.stop()
        self.sponsor.configure("sponsor", viewer_units=65536)
        self.sponsor.start()

    def test_a_admission(self):
        """The sponsor names a site: whom the site admits, it pays for."""
        site = self.viewer()
        self.sponsor.stop()
        self.sponsor.configure("sponsor", site=site.address)
        self.sponsor.start()
        name = self.sponsor.report()["name"]
        viewer, path = self.viewer(), self.market.path("admitted")
        refused = viewer.run("get", self.content, path, "--sponsor", name)
        self.assertEqual(self.why(refused), "PEER_SPONSOR_ADMISSION", refused)
        # The error says who must ask whom.
        self.assertIn(site.address.lower(), refused.err.lower())
        address = re.search("viewer (0x[0-9a-f]{40})", refused.err).group(1)
        ticket = self.market.path("admission")
        for wrong in ({"sponsor": site.address}, {}):
            admitted = site.souk("sponsor", "admit", address, "--sponsor",
                                 wrong.get("sponsor", self.sponsor.address), "--for", "1h")
            with open(ticket, "w") as file:
                file.write(admitted["admission"] + "\n")
            result = viewer.run("get", self.content, path, "--sponsor", name, "--admission",
                                ticket)
            if wrong:
                self.assertEqual(self.why(result), "PEER_SPONSOR_ADMISSION", result)
        self.check_file(result.good(), path)
        # The key is this viewer's: numbers go on, and it is of no use to another.
        os.unlink(path)
        self.check_file(viewer.souk("get", self.content, path, "--sponsor", name, "--admission",
                                    ticket), path)
        other = self.viewer().run("get", self.content, self.market.path("stolen"), "--sponsor",
                                  name, "--admission", ticket)
        self.assertEqual(self.why(other), "PEER_SPONSOR_ADMISSION", other)
        bad = viewer.run("get", self.content, path, "--admission", self.path)
        self.assertNotEqual(bad.code, 0)
        self.sponsor.stop()
        self.sponsor.configure("sponsor", site="0x" + 40 * "0")
        self.sponsor.start()

    def test_b_settled(self):
        """What the sponsor says it paid is what its caches earned, but for tickets that no viewer
        forwarded any more; and the ledger settles it."""
        report = self.sponsor.report()
        owed = {c["provider"]: c["spent_ncoin"] for c in self.caches_of(report)}
        self.assertEqual(sum(owed.values()), report["spent_ncoin"])
        earned = sum(cache.earnings()["owed_ncoin"] for cache in self.caches)
        failed = report["bundles"] - report["bundles_finished"]
        self.assertLessEqual(earned, report["spent_ncoin"] + self.own_money)
        self.assertGreaterEqual(earned, report["spent_ncoin"] + self.own_money
                                - failed * DRAWN * 2 * SEGMENT * PRICE)
        self.market.ledger.close_epoch()
        for earnings in self.market.settle(self.caches):
            self.assertEqual(earnings["due_ncoin"], 0)
        self.market.ledger.check()


if __name__ == "__main__":
    main()
