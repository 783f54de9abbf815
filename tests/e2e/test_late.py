#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy that serves what was revoked: an audit names a late block, and what the proxy signs then
takes its deposit. One that stops is found to have stopped."""
import os
import time
import unittest

from market import Market, MarketTest, main, wait_until
from test_share import proxies, public_key, start_all

LATE = os.environ.get("SOUKD_LATE")
RESPOND_S = 4


@unittest.skipUnless(LATE, "there is no soukd that serves too long: SOUKD_LATE")
class Late(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.proxies = proxies(cls.market, 2)
        cls.late = cls.proxies[1]
        cls.late.soukd = LATE
        cls.owner = cls.market.provider("0.0001", start=True)
        cls.owner.souk("faucet", 50)
        start_all(cls.proxies)
        cls.owner.wait_registered()
        cls.bob = cls.market.customer()

    def record(self, agreement):
        return self.owner.souk("agreement", "show", agreement)

    def test_late(self):
        path, _ = self.market.file("film", 100000)
        share = self.market.path("film.share")
        shared = self.owner.souk("share", path, "--with", public_key(self.bob), "--proxies", 2,
                                 "--threshold", 1, "--respond", f"{RESPOND_S}s", "--out", share)
        ids = {p["provider"]: p["agreement"] for p in shared["proxies"]}
        checked = self.bob.souk("key", "check", "--count", 4)
        self.assertEqual((checked["asked"], checked["good"]), (4, 4), checked)
        for agreement in ids.values():
            revoked = self.owner.souk("agreement", "revoke", agreement)
            self.assertEqual(revoked["outcome"], "revoked")
            self.assertEqual(self.record(agreement)["state"], "revoked")
        again = self.owner.run("agreement", "revoke", ids[self.late.address])
        self.assertEqual(again.json["error"], "PEER_AGREEMENT_REVOKED")
        since = max(self.record(a)["revoked_ms"] for a in ids.values())
        wait_until("it should be known", lambda: time.time() * 1000 > since + RESPOND_S * 600)
        # A late block: the ledger makes one for any transaction.
        self.owner.souk("faucet", 1)
        prefix = self.market.path("late")
        found = self.bob.run("key", "check", "--count", 12, "--evidence", prefix)
        self.assertEqual(found.code, 1, found)
        by = {p["provider"]: p for p in found.json["proxies"]}
        self.assertGreater(by[self.late.address]["wrong"], 0, found.json)
        honest = by.get(self.proxies[0].address)
        if honest is not None:
            self.assertEqual(honest["good"], honest["asked"], found.json)
        files = [e["file"] for e in found.json["evidence"] if e["kind"] == "evidence"]
        before = self.bob.balance()
        verdict = self.bob.souk("agreement", "accuse", files[0])
        self.assertEqual(verdict["outcome"], "guilty")
        self.assertGreater(self.bob.balance(), before)
        self.assertEqual(self.record(ids[self.late.address])["state"], "convicted")
        self.assertEqual(self.record(ids[self.proxies[0].address])["state"], "revoked")
        self.market.ledger.check()


if __name__ == "__main__":
    main()
