#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deposits and faults, end to end: an honest sale under an agreement; a provider whose disk went bad,
convicted with what souk get wrote; a false accusation; a provider that answers a challenge by itself,
and one that does not."""
import os
import struct
import time
import unittest

from market import COIN, UNIT, Market, MarketTest, main, wait_until

SIZE = 24 * UNIT
DEPOSIT, BOND = 2 * COIN, COIN // 10
RESPOND_S = 3


class Agreement(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        settings = {"agreements": "yes", "agreement_respond": "1s", "agreement_deposit": "5"}
        cls.honest = market.provider("0.0001", **settings)
        cls.broken = market.provider("0.0001", agreement_verify="no", **settings)
        cls.careful = market.provider("0.0001", **settings)
        cls.customer = market.customer()
        cls.path, cls.data = market.file("film", SIZE)
        providers = [cls.honest, cls.broken, cls.careful]
        cls.content = market.open_shop(providers, cls.path)
        for provider in providers:
            provider.souk("faucet", 50)

    def propose(self, provider, *options):
        return self.customer.souk("agreement", "propose", provider.address, self.content,
                                  "--deposit", "2", "--bond", "0.1", "--respond",
                                  f"{RESPOND_S}s", *options)

    def show(self, agreement):
        return self.customer.souk("agreement", "show", agreement)

    def buy(self, name, *options):
        out = self.market.path(name)
        result = self.customer.get(self.content, out, *options)
        return out, result

    def only(self, *providers):
        """Only PROVIDERS run."""
        for provider in (self.honest, self.broken, self.careful):
            if provider in providers and not provider.is_running():
                provider.start()
            elif provider not in providers and provider.is_running():
                provider.stop()

    def check_money(self):
        record = self.market.ledger.record()
        held = sum(record[key] for key in ("accounts_ncoin", "escrows_ncoin", "deposits_ncoin",
                                           "burned_ncoin"))
        self.assertEqual(held, record["minted_ncoin"])
        path = self.market.path("agreement.log")
        self.customer.souk("ledger", "export", path)
        self.customer.souk("ledger", "verify", path)

    def test_1_honest_sale(self):
        self.only(self.honest)
        before = self.honest.balance()
        agreed = self.propose(self.honest)
        self.assertEqual(agreed["state"], "runs")
        self.assertEqual(self.honest.balance(), before - DEPOSIT)
        out, result = self.buy("honest")
        report = result.good()
        with open(out, "rb") as file:
            self.assertEqual(file.read(), self.data)
        self.assertEqual([p["accountable"] for p in report["providers"]], [True])
        self.assertEqual(report["evidence"], [])
        listed = self.customer.souk("agreement", "list")["agreements"]
        self.assertIn(agreed["agreement"], [a["agreement"] for a in listed])
        ended = self.honest.run("agreement", "end", agreed["agreement"])
        self.assertEqual(ended.json["error"], "PEER_AGREEMENT_RUNS")
        self.check_money()

    def test_2_policy(self):
        refused = self.customer.run("agreement", "propose", self.honest.address, self.content,
                                    "--deposit", "6")
        self.assertEqual(refused.json["error"], "PEER_AGREEMENT_TERMS")
        refused = self.customer.run("agreement", "propose", self.honest.address, "ab" * 32,
                                    "--deposit", "1")
        self.assertEqual(refused.json["error"], "PEER_UNKNOWN_CONTENT")
        # Eight units of 0.0001: what a customer could have keys for that it does not pay.
        for bond, code in ("0.00079", 1), ("0.0008", 0):
            answer = self.customer.run("agreement", "propose", self.honest.address, self.content,
                                       "--deposit", "0.1", "--bond", bond, "--for", "1s")
            self.assertEqual(answer.code != 0, code != 0, answer)
        self.assertEqual(answer.json["state"], "runs")
        # Where no provider was asked, there is nothing to quote.
        refused = self.customer.run("agreement", "propose", "0x" + "11" * 20, self.content)
        self.assertEqual((refused.json["error"], refused.json["detail"]), ("PEER_NO_PROVIDER", ""))
        # Any file is no evidence, however large it is.
        path = self.market.path("no-evidence")
        for size in (10, 1 << 20):
            with open(path, "wb") as file:
                file.write(bytes(size))
            for command in ("accuse", "challenge"):
                refused = self.customer.run("agreement", command, path)
                self.assertEqual(refused.code, 1, str(refused))
                self.assertIn("this is no ", refused.json["detail"])

    def test_2b_whole_accusations(self):
        """A file may hold the whole transaction, as those of other services do: judged here first."""
        self.only(self.honest)
        agreed = self.propose(self.honest)
        self.assertEqual((agreed["service"], agreed["content"]), ("content", self.content))
        refused = self.customer.run("agreement", "revoke", agreed["agreement"])
        self.assertEqual(refused.json["error"], "PEER_NOT_REVOCABLE")
        path = self.market.path("accusation")
        before = self.customer.balance()
        for fault, status in ((1, "PEER_TRUNCATED"), (2, "PEER_NOT_GUILTY")):
            with open(path, "wb") as file:
                file.write(bytes.fromhex(agreed["agreement"]) + struct.pack(">IH", fault, 3) + b"\1bc")
            refused = self.customer.run("agreement", "accuse", path)
            self.assertEqual(refused.json["error"], status, refused)
        with open(path, "wb") as file:
            file.write(bytes.fromhex(agreed["agreement"]) + struct.pack(">H", 3) + b"abc")
        refused = self.customer.run("agreement", "challenge", path)
        self.assertEqual(refused.json["error"], "PEER_BAD_QUESTION")
        self.assertEqual(self.customer.balance(), before)

    def spoil(self, provider):
        path = os.path.join(provider.path, "content", self.content)
        with open(path, "r+b") as file:
            for chunk in range(SIZE // UNIT):
                file.seek(chunk * UNIT + 5 * 16384 + 99)
                byte = file.read(1)[0]
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte ^ 4]))

    def test_3_wrong_unit(self):
        self.only(self.honest, self.broken)
        agreed = self.propose(self.broken)
        self.spoil(self.broken)
        out, result = self.buy("wrong")
        report = result.good()
        with open(out, "rb") as file:
            self.assertEqual(file.read(), self.data)
        dropped = {p["provider"]: p["status"] for p in report["providers"]}
        self.assertEqual(dropped[self.broken.address], "PEER_BAD_UNIT")
        files = [e["file"] for e in report["evidence"] if e["kind"] == "evidence"]
        self.assertTrue(files, report)

        # Bent, it would cost the bond: the command says so, and sends it only when told to.
        bent = self.market.path("bent")
        with open(files[0], "rb") as file:
            evidence = bytearray(file.read())
        evidence[-40] ^= 1
        with open(bent, "wb") as file:
            file.write(evidence)
        refused = self.customer.run("agreement", "accuse", bent)
        self.assertEqual(refused.code, 1)
        self.assertFalse(self.show(agreed["agreement"])["convicted"])
        mine, theirs = self.customer.balance(), self.broken.balance()
        refused = self.customer.run("agreement", "accuse", bent, "--anyway")
        self.assertEqual((refused.code, refused.json["outcome"]), (1, "not_guilty"))
        self.assertEqual(self.customer.balance(), mine - BOND)
        self.assertEqual(self.broken.balance(), theirs + BOND)

        burned = self.market.ledger.record()["burned_ncoin"]
        mine, theirs = self.customer.balance(), self.broken.balance()
        guilty = self.customer.souk("agreement", "accuse", files[0])
        self.assertEqual(guilty["outcome"], "guilty")
        self.assertEqual(guilty["amount_ncoin"], DEPOSIT // 4)
        self.assertEqual(self.customer.balance(), mine + DEPOSIT // 4 * 3)
        self.assertEqual(self.broken.balance(), theirs)
        self.assertEqual(self.market.ledger.record()["burned_ncoin"], burned + DEPOSIT // 4)
        shown = self.show(agreed["agreement"])
        self.assertEqual(shown["state"], "convicted")
        again = self.customer.run("agreement", "accuse", files[0])
        self.assertEqual(again.json["error"], "PEER_AGREEMENT_OVER")
        self.check_money()

    def test_4_a_careful_provider_signs_nothing_wrong(self):
        self.only(self.honest, self.careful)
        self.propose(self.careful)
        self.spoil(self.careful)
        _, result = self.buy("careful")
        report = result.good()
        self.assertEqual(report["evidence"], [])
        self.assertIn("content_unreadable", self.careful.log())

    def break_off(self, provider, name):
        """A download from PROVIDER alone that ends with a paid unit without its key; the question's
        file."""
        for attempt in range(10):
            out = self.market.path(f"{name}-{attempt}")
            command = self.customer.command("get", self.content, out, "--timeout", "1s")
            before = provider.status()["units_paid"]
            wait_until("some units are paid",
                       lambda: provider.status()["units_paid"] > before + 2
                       or command.process.poll() is not None, pause=0.001)
            provider.kill()
            report = command.wait().json
            files = [e["file"] for e in report["evidence"] if e["kind"] == "question"]
            provider.start()
            if files:
                return files[-1]
        raise AssertionError("never was a paid unit without its key")

    def test_5_answers_by_itself(self):
        self.only(self.honest)
        question = self.break_off(self.honest, "asked")
        mine, theirs = self.customer.balance(), self.honest.balance()
        answered = self.customer.souk("agreement", "challenge", question, "--wait")
        self.assertEqual(answered["outcome"], "answered")
        self.assertEqual(self.customer.balance(), mine - BOND)
        self.assertEqual(self.honest.balance(), theirs + BOND)
        # Its own question is nobody else's to ask.
        other = self.market.customer()
        refused = other.run("agreement", "challenge", question)
        self.assertEqual(refused.json["error"], "PEER_WRONG_SIGNER")
        self.check_money()

    def test_6_silence(self):
        self.only(self.honest)
        question = self.break_off(self.honest, "silent")
        self.honest.stop()
        mine = self.customer.balance()
        challenged = self.customer.souk("agreement", "challenge", question)
        agreement = challenged["agreement"]
        early = self.customer.run("agreement", "silence", agreement)
        self.assertEqual(early.json["error"], "PEER_NO_CHALLENGE")
        due = self.show(agreement)["due_ms"]
        wait_until("the answer is overdue", lambda: time.time() * 1000 > due + 50)
        silent = self.customer.souk("agreement", "silence", agreement)
        self.assertEqual(silent["outcome"], "silent")
        self.assertEqual(self.customer.balance(), mine + DEPOSIT // 4 * 3)
        self.assertEqual(self.show(agreement)["state"], "convicted")
        self.check_money()

    def test_6b_unregistered(self):
        """A provider that cannot pay for its registration answers all the same."""
        self.only(self.honest)
        self.propose(self.honest)
        question = self.break_off(self.honest, "poor")
        self.honest.stop()
        self.honest.configure("provider", deposit="1000000", faucet="no",
                              control_url="https://127.0.0.1:9")
        self.honest.start()
        answered = self.customer.souk("agreement", "challenge", question, "--wait")
        self.assertEqual(answered["outcome"], "answered")
        self.check_money()

    def test_7_end(self):
        self.only(self.honest)
        before = self.honest.balance()
        agreed = self.propose(self.honest, "--for", "1s")
        self.assertEqual(self.honest.balance(), before - DEPOSIT)
        wait_until("the agreement is over",
                   lambda: self.show(agreed["agreement"])["state"] == "over")
        ended = wait_until("the deposit is back",
                           lambda: self.honest.run("agreement", "end", agreed["agreement"]))
        self.assertEqual(ended.good()["amount_ncoin"], DEPOSIT)
        self.assertEqual(self.honest.balance(), before)
        self.check_money()


if __name__ == "__main__":
    main()
