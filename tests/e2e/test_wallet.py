#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wallet, end to end: allotments made ahead, issuer keys, two purchases at once, crashes."""
import os
import shutil
import unittest

from market import COIN, UNIT, Market, MarketTest, main, wait_until

PRICE = 100000          # of a unit, by default
UNITS = 40


class Wallet(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market(draw_delay="3s")
        cls.ledger = market.ledger
        cls.providers = [market.provider(), market.provider()]
        cls.path, cls.data = market.file("film", UNITS * UNIT)
        cls.content = market.open_shop(cls.providers, cls.path)
        cls.owner = market.customer()
        cls.count = 0

    def out(self):
        type(self).count += 1
        return self.market.path(f"out-{self.count}")

    def buy(self, home, *options, content=None):
        """A purchase that must succeed, and give the right bytes."""
        path = self.out()
        report = home.get(content or self.content, path, *options).good()
        with open(path, "rb") as file:
            self.assertEqual(file.read(), self.data)
        return report

    def transactions(self):
        return self.ledger.record()["tx_count"]

    def sessions(self, provider):
        return provider.earnings("--sessions")["sessions"]

    def check_no_overlap(self, provider, epoch=None):
        """No two strips that this provider accepted share a coin: it would have refused."""
        log = provider.log()
        self.assertNotIn("PEER_STRIP_OVERLAP", log)

    # ------------------------------------------------------------------ leaves made ahead

    def test_1_allotted_ahead(self):
        first, second = self.providers
        self.owner.souk("escrow", "allot", f"{first.address}=2", f"{second.address}=1")
        before = self.transactions()
        report = self.buy(self.owner)
        self.assertEqual(report["spent_ncoin"], UNITS * PRICE)
        report = self.buy(self.owner)
        self.assertEqual(self.transactions(), before)
        for provider in self.providers:
            self.check_no_overlap(provider)

    def test_2_two_at_once(self):
        before = self.transactions()
        commands = [self.owner.command("get", self.content, self.out()) for _ in range(4)]
        for command in commands:
            self.assertEqual(command.wait().good()["spent_ncoin"], UNITS * PRICE)
        self.assertEqual(self.transactions(), before)
        for provider in self.providers:
            self.check_no_overlap(provider)

    def test_3_killed(self):
        """Killed anywhere: between strip and payment, too. What comes after never overlaps."""
        before = self.transactions()
        for delay in range(1, 13):
            command = self.owner.command("get", self.content, self.out())
            try:
                command.process.wait(delay * 0.006)
            except Exception:
                command.kill()
            command.process.wait()
        self.buy(self.owner)
        self.assertEqual(self.transactions(), before)
        for provider in self.providers:
            self.check_no_overlap(provider)

    def test_4_a_short_leaf(self):
        """A leaf that holds less than the file: the rest is allotted as ever."""
        customer = self.market.customer()
        customer.souk("escrow", "allot", f"{self.providers[0].address}=0.0005")
        before = self.transactions()
        self.buy(customer, "--providers", 1)
        self.assertGreater(self.transactions(), before)

    # ------------------------------------------------------------------ issuers

    def test_5_issuer_without_the_owner(self):
        owner = self.market.customer()
        issuer = owner.souk("escrow", "issuer", "new", "shop")["address"]
        self.assertNotEqual(issuer, owner.address)
        first, second = self.providers
        owner.souk("escrow", "allot", f"{first.address}=0.0005@shop",
                   f"{second.address}=0.0045@shop", f"{first.address}=1",
                   f"{second.address}=1")
        exported = self.market.path("shop.issuer")
        owner.souk("escrow", "issuer", "export", "shop", exported)
        with open(os.path.join(owner.path, "identity.key")) as file:
            secret = bytes.fromhex(file.read().strip())
        with open(exported, "rb") as file:
            self.assertNotIn(secret, file.read())

        shop = self.market.customer(coins=None, line=None)
        os.unlink(os.path.join(shop.path, "identity.key"))
        self.assertEqual(shop.souk("escrow", "issuer", "import", exported)["address"], issuer)
        before = self.transactions()
        report = self.buy(shop, "--issuer", "shop")
        self.assertEqual(report["spent_ncoin"], UNITS * PRICE)
        # 50 units are on the leaves of this issuer, and no more can be had with its key.
        result = shop.get(self.content, self.out(), "--issuer", "shop")
        self.assertNotEqual(result.code, 0)
        self.assertLessEqual(result.json.get("spent_ncoin", 0), 10 * PRICE)
        self.assertEqual(self.transactions(), before)
        # The owner's own leaf was not touched.
        self.buy(owner, "--providers", 1)
        self.assertEqual(self.transactions(), before)

    def test_6_names(self):
        for name in ("../x", "", "a/b", "x" * 41):
            self.assertEqual(self.owner.run("escrow", "issuer", "new", name).code, 2)
        self.owner.souk("escrow", "issuer", "new", "one")
        self.assertEqual(self.owner.run("escrow", "issuer", "new", "one").json["error"],
                         "LOCAL_EXISTS")
        self.assertNotEqual(self.owner.get(self.content, self.out(), "--issuer", "none").code, 0)
        for leaf in ("0x12=1", "any=0", f"{self.providers[0].address}=0", "any=1@none"):
            self.assertNotEqual(self.owner.run("escrow", "allot", leaf).code, 0)

    # ------------------------------------------------------------------ what went wrong before

    def test_7_the_same_transfer_twice_at_once(self):
        sender = self.market.customer(coins="10", line=None)
        receiver = self.market.customer(coins=None, line=None)
        commands = [sender.command("send", receiver.address, "1") for _ in range(6)]
        sent = {command.wait().good()["tx"] for command in commands}
        self.assertEqual(len(sent), 6)
        self.assertEqual(receiver.balance(), 6 * COIN)


if __name__ == "__main__":
    main()
