#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wallet, end to end: allotments made ahead, issuer keys, two purchases at once, crashes."""
import json
import os
import shutil
import time
import unittest

import wire
from market import (COIN, SOUK, UNIT, Command, Market, MarketTest, http_request, main,
                    wait_until)
from wire import u8, u32, u64

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
        report = home.get(content or self.content, path, "--no-hedges", *options).good()
        with open(path, "rb") as file:
            self.assertEqual(file.read(), self.data)
        return report

    def by_address(self, address):
        return next(p for p in self.providers if p.address == address)

    def transactions(self, home=None):
        """How many HOME has sent; the ledger's count also has claims, which come at any time."""
        return (home or self.owner).souk("balance")["nonce"]

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
        commands = [self.owner.command("get", self.content, self.out(), "--no-hedges")
                    for _ in range(4)]
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
        before = self.transactions(customer)
        self.buy(customer, "--providers", 1)
        self.assertGreater(self.transactions(customer), before)

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
        before = self.transactions(owner)
        report = self.buy(shop, "--issuer", "shop")
        self.assertEqual(report["spent_ncoin"], UNITS * PRICE)
        # 50 units are on the leaves of this issuer, and no more can be had with its key.
        result = shop.get(self.content, self.out(), "--issuer", "shop")
        self.assertNotEqual(result.code, 0)
        self.assertLessEqual(result.json.get("spent_ncoin", 0), 10 * PRICE)
        self.assertEqual(self.transactions(owner), before)
        # The owner's own leaf was not touched.
        self.buy(owner, "--providers", 1)
        self.assertEqual(self.transactions(owner), before)

    def test_6_names(self):
        for name in ("../x", "", "a/b", "x" * 41):
            self.assertEqual(self.owner.run("escrow", "issuer", "new", name).code, 2)
        self.owner.souk("escrow", "issuer", "new", "one")
        self.assertEqual(self.owner.run("escrow", "issuer", "new", "one").json["error"],
                         "LOCAL_EXISTS")
        self.assertNotEqual(self.owner.get(self.content, self.out(), "--issuer", "none").code, 0)
        for leaf in ("0x12=1", "any=0", f"{self.providers[0].address}=0", "any=1@none"):
            self.assertNotEqual(self.owner.run("escrow", "allot", leaf).code, 0)

    # ------------------------------------------------------------------ receipts

    def test_7_receipts(self):
        """Strips used in part leave gaps; with a receipt the leaf is paid within one prize."""
        customer = self.market.customer(prize="0.0025")
        prize = 25 * COIN // 10000
        customer.souk("escrow", "allot", *[f"{p.address}=3" for p in self.providers])
        spent = 0
        for round_ in range(4):
            # Each stops half way, and leaves a gap behind what it used of its strip.
            result = customer.get(self.content, self.out(), "--providers", 1, "--budget",
                                  "0.0011")
            spent += result.json["spent_ncoin"]
        self.assertGreater(spent, 0)
        settled = customer.souk("escrow", "settle")["leaves"]
        self.assertEqual([leaf["status"] for leaf in settled], ["OK"])
        self.assertEqual(settled[0]["amount_ncoin"], spent)
        provider = self.by_address(settled[0]["payee"])
        # Once more is the same; the leaf pays nothing more in this epoch.
        again = customer.souk("escrow", "settle")["leaves"]
        self.assertEqual(again[0]["amount_ncoin"], spent)
        before = self.transactions(customer)
        self.buy(customer, "--providers", 1)
        self.assertGreater(self.transactions(customer), before)
        # A receipt is kept over a crash.
        provider.kill()
        provider.start()
        epoch = self.ledger.close_epoch()
        self.market.settle(self.providers)
        wait_until("the receipt is claimed", lambda: "receipt_claim" in provider.log())
        earned = provider.earnings()
        self.assertTrue(all(e["within_one_prize"] for e in earned["epochs"]
                            if e["epoch"] == epoch), earned)
        line = next(l for l in provider.log().splitlines() if "event=receipt_claim" in l)
        self.assertIn("error=OK", line)
        paid = int(float(line.split("paid=")[1].split()[0]) * COIN + 0.5)
        self.assertLess(abs(paid - spent), prize)

    def test_8_too_little_and_too_late(self):
        customer = self.market.customer()
        customer.souk("escrow", "allot", *[f"{p.address}=1" for p in self.providers])
        report = self.buy(customer, "--providers", 1)
        provider = self.by_address(report["providers"][0]["provider"])
        leaf = self.providers.index(provider)
        key = wire.key_of_home(customer.path)
        escrow = customer.souk("escrow", "show")
        epoch = escrow["epochs"][-1]["epoch"]

        def propose(amount, signer=key, payee=provider.address):
            receipt = (u8(1) + bytes.fromhex(escrow["escrow"]) + u64(epoch) + u32(0) + u32(leaf) +
                       bytes.fromhex(payee[2:]) + u64(amount))
            signature = signer.sign(wire.digest("leaf_receipt", receipt))
            status, body = http_request(provider.control, "POST", "/v1/receipts",
                                        receipt + signature, tls=True)
            return json.loads(body)["error"] if status != 200 else "OK"

        owed = report["spent_ncoin"]
        self.assertEqual(propose(owed - 1), "PEER_UNPAID")
        self.assertEqual(propose(owed, wire.Key(7)), "PEER_WRONG_SIGNER")
        self.assertEqual(propose(COIN + 1), "PEER_STRIP_RANGE")
        self.assertEqual(propose(owed, payee="0x" + "11" * 20), "PEER_NOT_PAYEE")
        # None of them ended anything: the same leaf still sells.
        self.buy(customer, "--providers", 1)
        owed += UNITS * PRICE
        self.assertEqual(propose(owed - 1), "PEER_UNPAID")
        self.assertEqual(propose(owed), "OK")
        self.assertEqual(propose(owed), "OK")
        self.assertEqual(propose(owed + 1), "PEER_LEAF_CLAIMED")
        self.ledger.close_epoch()
        # The same again, or too late, where the provider has claimed already.
        self.assertIn(propose(owed), ("OK", "PEER_EPOCH_CLOSED"))
        self.assertEqual(customer.souk("escrow", "settle")["leaves"], [])

    def test_8a_lodged(self):
        """A receipt on the ledger before the draw leaves the payee no choice; it is paid by it."""
        customer = self.market.customer()
        customer.souk("escrow", "allot", *[f"{p.address}=1" for p in self.providers])
        report = self.buy(customer, "--providers", 1)
        before = self.transactions(customer)
        settled = customer.souk("escrow", "settle", "--lodge")["leaves"]
        self.assertEqual([(leaf["status"], leaf["lodged"]) for leaf in settled], [("OK", True)])
        self.assertEqual(settled[0]["amount_ncoin"], report["spent_ncoin"])
        self.assertEqual(self.transactions(customer), before + 1)
        again = customer.souk("escrow", "settle", "--lodge")["leaves"]
        self.assertEqual([(leaf["status"], leaf["lodged"]) for leaf in again], [("OK", True)])
        self.assertEqual(self.transactions(customer), before + 1)
        epoch = self.ledger.close_epoch()
        for earned in self.market.settle(self.providers):
            for totals in earned["epochs"]:
                if totals["epoch"] == epoch:
                    self.assertIs(totals["within_one_prize"], True, totals)

    def test_8b_after_the_draw(self):
        """A side that knows the draw would sign only what it gains by."""
        customer = self.market.customer()
        customer.souk("escrow", "allot", *[f"{p.address}=1" for p in self.providers])
        report = self.buy(customer, "--providers", 1)
        provider = self.by_address(report["providers"][0]["provider"])
        key, escrow = wire.key_of_home(customer.path), customer.souk("escrow", "show")
        epoch = self.ledger.close_epoch()
        receipt = (u8(1) + bytes.fromhex(escrow["escrow"]) + u64(epoch) + u32(0) +
                   u32(self.providers.index(provider)) + bytes.fromhex(provider.address[2:]) +
                   u64(report["spent_ncoin"]))
        signature = key.sign(wire.digest("leaf_receipt", receipt))
        _, body = http_request(provider.control, "POST", "/v1/receipts", receipt + signature,
                               tls=True)
        self.assertIn(json.loads(body)["error"],
                      ("PEER_EPOCH_CLOSED", "PEER_LEAF_CLAIMED", "PEER_UNKNOWN_SESSION"))

    # ------------------------------------------------------------------ standing allotments

    def test_9_standing(self):
        """Two epochs of purchases, one transaction before."""
        customer = self.market.customer()
        first, second = self.providers
        customer.souk("escrow", "stand", f"{first.address}=1", f"{second.address}=1",
                      "--epochs", 3)
        shown = customer.souk("escrow", "show")["standing"]
        self.assertEqual(shown["total_ncoin"], 2 * COIN)
        before = self.transactions(customer)
        paid = 0
        for _ in range(2):
            self.ledger.close_epoch()
            for _ in range(2):
                paid += self.buy(customer)["spent_ncoin"]
        self.assertEqual(self.transactions(customer), before)
        # Both epochs' leaves are good for money: what was drawn of them is paid from the escrow.
        self.ledger.close_epoch()
        self.market.settle(self.providers)
        escrow = customer.souk("escrow", "show")
        drawn = sum(epoch["paid_ncoin"] for epoch in escrow["epochs"])
        self.assertLess(abs(drawn - paid), 4 * COIN // 1000)
        customer.souk("escrow", "stand", "--stop")
        self.assertIsNone(customer.souk("escrow", "show")["standing"])

    def test_9b_claims_of_a_leaf_go_together(self):
        customer = self.market.customer(prize="0.0001")
        customer.souk("escrow", "allot", *[f"{p.address}=1" for p in self.providers])
        self.ledger.close_epoch()
        self.market.settle(self.providers)
        customer.souk("escrow", "allot", *[f"{p.address}=1" for p in self.providers])
        bought = [self.buy(customer, "--providers", 1) for _ in range(5)]
        provider = self.by_address(bought[0]["providers"][0]["provider"])
        before = self.transactions(provider)
        self.ledger.close_epoch()
        self.market.settle(self.providers)
        # Every one of the five won, and was claimed in the same transaction.
        self.assertEqual(self.transactions(provider) - before, 1)
        escrow = customer.souk("escrow", "show")
        self.assertEqual(escrow["epochs"][-1]["paid_ncoin"],
                         sum(report["spent_ncoin"] for report in bought))

    # ------------------------------------------------------------------ open leaves

    def test_a_open_leaf(self):
        """An honest payer's open leaf pays any provider, where its penalty covers it."""
        poor = self.market.customer(line="0.1")
        poor.souk("escrow", "allot", "--open", "0.05")
        before = self.transactions(poor)
        self.buy(poor)          # refused on the open leaf, and paid from leaves of their own
        self.assertIn("PEER_PENALTY_TOO_LOW", self.providers[0].log())
        self.assertGreater(self.transactions(poor), before)
        rich = self.rich()
        before = self.transactions(rich)
        self.buy(rich)
        self.assertEqual(self.transactions(rich), before)

    def rich(self):
        """A customer with an open leaf and what it takes."""
        customer = self.market.customer(line="")
        customer.souk("escrow", "open", "--line", "0.1", "--prize", "0.001", "--penalty", "20")
        customer.souk("escrow", "allot", "--open", "0.05")
        return customer

    def test_b_double_issue(self):
        """A payer that promises the same to two providers loses its penalty to who reports it."""
        cheat = self.rich()
        wallet = os.path.join(cheat.path, "wallet.mdb")
        saved = self.market.path("wallet.saved")
        shutil.copy(wallet, saved)
        bought = []
        for provider in self.providers:
            # A wallet that forgets lays the same strip again, for the other provider.
            shutil.copy(saved, wallet)
            other = [p for p in self.providers if p is not provider][0]
            other.stop()
            report = self.buy(cheat, "--providers", 1)
            self.assertEqual(report["providers"][0]["provider"], provider.address)
            other.start()
            bought.append(report["spent_ncoin"])
        # Both have begun to watch, and are away while the blocks that come next are thrown away.
        time.sleep(1.5)
        for provider in self.providers:
            provider.stop()
        for _ in range(3):
            cheat.souk("faucet", 1)
        self.ledger.souk("ledger", "prune", "--keep", 1)
        for provider in self.providers:
            provider.start()
        burned = self.ledger.record()["burned_ncoin"]
        self.assertEqual(cheat.souk("escrow", "show")["penalty_ncoin"], 20 * COIN)
        self.ledger.close_epoch()
        wait_until("the penalty is gone",
                   lambda: cheat.souk("escrow", "show")["penalty_ncoin"] == 0, 60, 0.2)
        self.assertEqual(self.ledger.record()["burned_ncoin"] - burned, 18 * COIN)
        logs = "".join(p.log() for p in self.providers)
        reported = [l for l in logs.splitlines() if "event=double_issue" in l
                    and "reward=2 " in l]
        self.assertEqual(len(reported), 1)
        record = self.ledger.record()
        self.assertEqual(record["accounts_ncoin"] + record["escrows_ncoin"] +
                         record["deposits_ncoin"] + record["burned_ncoin"],
                         record["minted_ncoin"])

    # ------------------------------------------------------------------ what went wrong before

    def test_c_the_same_transfer_twice_at_once(self):
        sender = self.market.customer(coins="10", line=None)
        receiver = self.market.customer(coins=None, line=None)
        commands = [sender.command("send", receiver.address, "1") for _ in range(6)]
        sent = {command.wait().good()["tx"] for command in commands}
        self.assertEqual(len(sent), 6)
        self.assertEqual(receiver.balance(), 6 * COIN)

    def test_d_a_session_that_cannot_be_read(self):
        """One stored session is damaged: the provider starts, and claims the others."""
        customer = self.market.customer()
        customer.souk("escrow", "allot", *[f"{p.address}=1" for p in self.providers])
        bought = [self.buy(customer, "--providers", 1) for _ in range(2)]
        provider = self.by_address(bought[0]["providers"][0]["provider"])
        accepted = [line.split("session=")[1].split()[0]
                    for line in provider.log().splitlines() if "event=strip_accepted" in line]
        provider.kill()
        path = os.path.join(provider.path, "provider.mdb")
        key = b"S" + bytes.fromhex(accepted[-1])
        with open(path, "r+b") as file:
            data = bytearray(file.read())
            at, hits = data.find(key), 0
            while at >= 0:
                if data[at + len(key)] == 1:      # the version of the record's ask
                    data[at + len(key)] = 9
                    hits += 1
                at = data.find(key, at + 1)
            self.assertGreater(hits, 0)
            file.seek(0)
            file.write(data)
        provider.start()
        self.assertIn("event=session_unreadable session=" + accepted[-1], provider.log())
        self.assertIn("event=session_restored session=" + accepted[-2], provider.log())
        self.ledger.close_epoch()
        wait_until("the other is settled",
                   lambda: "event=session_settled session=" + accepted[-2] in provider.log(), 60)
        self.buy(customer)

    # ------------------------------------------------------------------ policy

    def test_e_policies_are_used(self):
        young = self.owner.souk("policy", "explain", "--profile", "young")
        listed = self.owner.souk("policy", "list")["policies"]
        self.assertEqual(listed[0], {key: young[key] for key in listed[0]})
        self.assertEqual(len(listed[0]), 7)
        self.assertEqual(self.owner.run("policy", "explain", "--window", "0").code, 2)
        self.assertEqual(self.owner.run("get", "0" * 64, "--window", "0").code, 2)
        self.assertEqual(self.owner.run("get", "0" * 64, "--window", "65").code, 2)
        home = self.market.path("ledger-by-policy")
        # A ledger of its own, whose genesis says what the profile and the option said.
        result = Command([SOUK, "ledger", "init", "--home", home, "--policy", "young", "--claim",
                          "7m", "--json"]).wait()
        self.assertEqual(result.code, 0, str(result))
        genesis = b""
        for name in os.listdir(home):       # whichever file holds it
            with open(os.path.join(home, name), "rb") as file:
                genesis += file.read()
        self.assertIn(u64(young["epoch_ms"]) + u64(young["draw_delay_ms"]) + u64(7 * 60000),
                      genesis)
        self.assertEqual(Command([SOUK, "ledger", "init", "--home", home + "2", "--policy",
                                  "old"]).wait().code, 2)
        customer = self.market.customer(line="")
        customer.souk("escrow", "open", "--line", "1", "--policy", "mature")
        mature = self.owner.souk("policy", "explain", "--profile", "mature")
        self.assertEqual(customer.souk("escrow", "show")["prize_ncoin"], mature["prize_ncoin"])
        provider = self.market.provider(policy="young")
        content = self.market.open_shop([provider], self.path)
        _, offer = http_request(provider.control, "GET", f"/v1/offers/{content}", tls=True)
        window = 1 + 20 + 32 + 8 + 4 + 8    # where it stands in the offer
        self.assertEqual(int.from_bytes(offer[window:window + 2], "big"), young["window"])

    def test_f_numbers_above_2_to_the_63(self):
        explained = self.owner.souk("policy", "explain", "--line", "9300000000", "--draw-delay",
                                    "0ms", "--claim", "0ms", "--payees", 1)
        self.assertEqual(explained["line_ncoin"], 9300000000 * COIN)
        self.assertEqual(explained["locked_ncoin"], 9300000000 * COIN)
        bad = self.owner.souk("policy", "explain", "--false", 900000)
        self.assertTrue(any("no deposit works" in text for text in bad["warnings"]))


if __name__ == "__main__":
    main()
