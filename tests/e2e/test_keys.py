#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys, end to end: an owner grants, a receiver has capsules opened by t of n proxies and pays them;
one is dead, one lies and is convicted, one is silent and answers a challenge, all are revoked and
delete. Restarts, kill -9 at any moment, a full disk, garbage at every door."""
import json
import os
import queue
import random
import subprocess
import threading
import time
import unittest

from market import (COIN, Failure, Market, MarketTest, _in_child, http_request, main, wait_until)
from test_disk_full import Limit, Tmpfs

DRIVER = os.environ["KEY_DRIVER"]
PRICE, DEPOSIT = 20000, COIN
RESPOND_MS, LIFE_MS = 20000, 3600 * 1000
SEED = int(os.environ.get("SOUK_SEED", str(random.SystemRandom().randrange(10 ** 6))))


class Driver:
    """An owner and receiver; see key_driver.c."""

    def __init__(self, home):
        self.home = home
        self.process = subprocess.Popen([DRIVER, home.path, home.market.url],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=_in_child)
        self.agreements = []
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.process.stdout.close()
        self.lines.put(None)

    def send(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()

    def read(self):
        try:
            line = self.lines.get(timeout=90)
        except queue.Empty:
            self.process.kill()
            raise Failure("the driver does not answer") from None
        if line is None:
            raise Failure(f"the driver ended: {self.process.stderr.read()[-3000:]}")
        return json.loads(line)

    def do(self, *words):
        self.send(*words)
        return self.read()

    def offer(self, provider):
        return self.do("offer", provider.address)

    def grant(self, threshold, providers, price=PRICE, deposit=DEPOSIT, life_ms=LIFE_MS,
              respond_ms=RESPOND_MS):
        """The status of each delivery."""
        self.send("grant", threshold, life_ms, respond_ms, price, deposit,
                  *[p.address for p in providers])
        shares = [self.read() for _ in providers]
        assert "granted" in self.read()
        self.agreements = [s["agreement"] for s in shares]
        return [s["status"] for s in shares]

    def retrieve(self, count=1):
        return self.do("retrieve", count)

    def good(self, count=1):
        result = self.retrieve(count)
        if not result["right"]:
            raise Failure(f"retrieve: {result}")
        return result

    def close(self):
        self.process.stdin.close()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure("the driver does not end") from None
        finally:
            errors = self.process.stderr.read()
            self.process.stderr.close()
        if code != 0:
            raise Failure(f"the driver: exit {code}: {errors[-4000:]}")


def proxies(market, count, coins=50, **settings):
    defaults = {"keys": "yes", "key_respond_min": "1s"}
    found = [market.provider("0.0001", start=True, **{**defaults, **settings})
             for _ in range(count)]
    for proxy in found:
        proxy.wait_registered()
        if coins:
            proxy.souk("faucet", coins)
    return found


def agreement_of(market, agreement):
    """The ledger's record; None where it has none."""
    status, body = market.ledger.request("GET", f"/v1/agreements/{agreement}")
    return json.loads(body) if status == 200 else None


class Keys(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.proxies = proxies(cls.market, 4)
        cls.home = cls.market.customer()

    def setUp(self):
        for proxy in self.proxies:
            if not proxy.is_running():
                proxy.start()
        self.driver = Driver(self.home)
        self.addCleanup(self.driver.close)

    def grant(self, threshold, chosen, **options):
        self.assertEqual(self.driver.grant(threshold, chosen, **options), ["OK"] * len(chosen))

    def test_01_two_of_three(self):
        three = self.proxies[:3]
        offer = self.driver.offer(three[0])
        self.assertEqual((offer["offer"], offer["price"]), ("OK", PRICE))
        before = three[0].balance()
        self.grant(2, three)
        self.assertEqual(three[0].balance(), before - DEPOSIT)
        # However slow this machine is: nobody is asked beside another.
        self.driver.do("set", "hedge", 60000)
        self.driver.do("reopen")
        first = self.driver.good(1)
        self.assertEqual((first["asked"], first["good"], first["allotted"]), (2, 2, True))
        self.assertEqual((first["requests"], first["spent"]), (2, 2 * PRICE))
        # No further transaction, in this process or the next; and many capsules.
        again = self.driver.good(1)
        self.assertFalse(again["allotted"])
        many = self.driver.good(100)
        self.assertEqual((many["requests"], many["spent"]), (2 * 13, 2 * 13 * PRICE))
        self.driver.do("reopen")
        self.assertFalse(self.driver.good(3)["allotted"])
        figures = [proxy.status()["keys"] for proxy in three]
        self.assertEqual(sum(f["units"] for f in figures), 2 * (1 + 1 + 13 + 1))
        self.assertEqual(sum(f["fragments"] for f in figures), 2 * (1 + 1 + 100 + 3))

    def test_02_one_is_dead(self):
        three = self.proxies[:3]
        self.grant(2, three)
        three[1].kill()
        for _ in range(3):
            self.driver.do("reopen")
            result = self.driver.good(9)
            for culprit in result["culprits"]:
                self.assertEqual(culprit["provider"], three[1].address)
                self.assertEqual(culprit["status"], "IO_NET")
                self.assertGreater(culprit["question"], 0)
        three[0].kill()
        self.driver.do("set", "timeout", 3000)
        self.driver.do("reopen")
        self.assertEqual(self.driver.retrieve()["retrieve"], "LOCAL_NO_PROXY")

    def test_03_one_hangs(self):
        three = self.proxies[:3]
        self.grant(2, three)
        self.driver.do("set", "timeout", 60000)
        self.driver.do("reopen")
        three[2].process.send_signal(19)            # SIGSTOP
        try:
            for _ in range(3):
                self.driver.do("reopen")
                result = self.driver.good(4)
                self.assertLess(result["us"], 30e6, "it waited for a proxy that hangs")
        finally:
            three[2].process.send_signal(18)        # SIGCONT

    def test_04_one_lies(self):
        three = self.proxies[:3]
        self.grant(2, three)
        liar = three[1]
        liar.stop()
        self.assertEqual(self.driver.do("spoil", liar.path, 1)["spoil"], "OK")
        liar.start()
        culprit = None
        for _ in range(25):                         # until it is among the two that are asked
            self.driver.do("reopen")
            result = self.driver.good(20)
            # It is paid for a window of requests at most, here all three.
            self.assertLessEqual(result["spent"], 3 * 3 * PRICE)
            if result["culprits"]:
                culprit, = result["culprits"]
                break
        self.assertIsNotNone(culprit, "it was never asked")
        self.assertEqual((culprit["provider"], culprit["status"], culprit["fault"]),
                         (liar.address, "PEER_BAD_FRAGMENT", 1))
        self.assertLessEqual(culprit["size"], 700)
        before = self.home.balance()
        self.assertEqual(self.driver.do("accuse")["accuse"], "OK")
        # It is the reporter and the victim.
        self.assertEqual(self.home.balance(), before + DEPOSIT * 6 // 10)
        self.assertTrue(agreement_of(self.market, self.driver.agreements[1])["convicted"])
        # Who is convicted is not asked again, and serves no more.
        for _ in range(4):
            self.driver.do("reopen")
            result = self.driver.good(2)
            self.assertEqual(result["good"], 2)
        wait_until("the liar forgets", lambda: self.driver.do("delete", 1)["delete"] == "OK")

    def test_041_audits(self):
        two = self.proxies[2:]
        self.grant(2, two)
        audit = self.driver.do("audit", 0, 10)
        self.assertEqual((audit["audit"], audit["spent"]), ("OK", 2 * PRICE))
        self.assertEqual(self.driver.do("audit", 0, 1)["audit"], "OK")
        two[1].stop()
        self.assertEqual(self.driver.do("spoil", two[1].path, 1)["spoil"], "OK")
        # It is not there, and then it lies.
        audit = self.driver.do("audit", 1, 3)
        self.assertEqual((audit["audit"], audit["culprits"][0]["fault"]), ("IO_NET", 0))
        self.assertGreater(audit["culprits"][0]["question"], 0)
        two[1].start()
        audit = wait_until("it serves", lambda: (lambda a: a["spent"] and a)(
            self.driver.do("audit", 1, 3)), 30, 0.2)
        self.assertEqual((audit["audit"], audit["culprits"][0]["fault"]), ("PEER_BAD_FRAGMENT", 1))
        self.assertEqual(self.driver.do("accuse")["accuse"], "OK")

    def test_05_challenge(self):
        one = self.proxies[:1]
        self.grant(1, one)
        before = one[0].balance()
        self.assertEqual(self.driver.do("challenge", 0)["challenge"], "OK")
        agreement = self.driver.agreements[0]
        wait_until("the answer",
                   lambda: not agreement_of(self.market, agreement)["challenged"])
        # The bond is its.
        wait_until("the bond", lambda: one[0].balance() == before + DEPOSIT // 10 + 1)
        self.driver.good(1)

    def test_06_revoked_and_deleted(self):
        three = self.proxies[:3]
        self.grant(2, three)
        self.driver.good(1)
        self.assertEqual(self.driver.do("delete", 0)["delete"], "PEER_AGREEMENT_RUNS")
        self.driver.good(1)
        for i in range(2):
            self.assertEqual(self.driver.do("revoke", i)["revoke"], "OK")
        # At once: the proxy looks at the ledger itself.
        deleted = self.driver.do("delete", 0)
        self.assertEqual(deleted["delete"], "OK")
        self.assertEqual(self.driver.do("delete", 0), deleted)
        wait_until("the other deletes by itself",
                   lambda: "grant_deleted" in three[1].log())
        self.assertEqual(self.driver.do("delete", 1)["delete"], "OK")
        # Sessions that are open give nothing any more.
        result = self.driver.retrieve()
        self.assertIn(result["retrieve"], ("PEER_AGREEMENT_REVOKED", "LOCAL_NO_PROXY"))
        for proxy in three[:2]:
            proxy.stop()
            proxy.start()
        self.assertEqual(self.driver.do("delete", 0), deleted)
        # Delivered once more, it is over.
        self.assertEqual(self.driver.do("again", 0)["status"], "PEER_AGREEMENT_OVER")

    def test_07_the_end(self):
        one = self.proxies[:1]
        before = one[0].balance()
        self.grant(1, one, life_ms=3000, respond_ms=1500)
        self.driver.good(1)
        agreement = self.driver.agreements[0]
        wait_until("the end", lambda: self.driver.retrieve()["retrieve"] ==
                   "PEER_AGREEMENT_OVER", 10, 0.2)
        # The deposit comes back by itself. The ledger's time goes on with its blocks.
        wait_until("the deposit", lambda: (self.home.souk("send", one[0].address, "0.001"),
                                           agreement_of(self.market, agreement) is None)[1], 20, 0.3)
        self.assertGreaterEqual(one[0].balance(), before)
        wait_until("the deletion", lambda: self.driver.do("delete", 0)["delete"] == "OK")

    def test_08_restarts(self):
        three = self.proxies[:3]
        self.grant(3, three)
        self.driver.good(10)
        for proxy in three:
            proxy.stop()
            proxy.start()
        self.driver.good(10)                        # in the sessions of before
        for proxy in three:
            proxy.kill()
            proxy.start()
        self.driver.good(10)

    def test_09_epochs(self):
        two = self.proxies[:2]
        self.grant(2, two)
        self.driver.good(10)
        for _ in range(2):
            self.market.ledger.close_epoch()
            self.assertTrue(self.driver.good(10)["allotted"])
        # What they earned is claimed or settled as with any content.
        self.driver.do("reopen")
        self.market.ledger.close_epoch()
        for earned in self.market.settle(two):
            self.assertGreater(len(earned["epochs"]), 1)

    def test_10_policies(self):
        one = self.proxies[:1]
        for options in ({"price": PRICE - 1}, {"deposit": 11 * COIN}, {"respond_ms": 999},
                        {"life_ms": 401 * 24 * 3600 * 1000}):
            self.assertEqual(self.driver.grant(1, one, **options), ["PEER_AGREEMENT_TERMS"])
        # What it has no money for it forgets again.
        room = self.driver.offer(one[0])["left"]
        self.assertEqual(self.driver.grant(1, one, deposit=10 * COIN), ["OK"])
        while True:
            status, = self.driver.grant(1, one, deposit=10 * COIN)
            room -= status == "OK"
            if status != "OK":
                break
        self.assertEqual(status, "PEER_NO_FUNDS")
        self.assertEqual(self.driver.offer(one[0])["left"], room - 1)

    def test_11_no_ledger_no_service(self):
        """It is seen within a quarter of the time to respond, or nothing is served."""
        two = self.proxies[1:3]
        self.grant(2, two, respond_ms=4000)
        self.driver.good(1)
        self.market.ledger.kill()
        try:
            def refused():
                return self.driver.retrieve()["retrieve"] != "OK"
            wait_until("the proxies stop", refused, 60, 0.3)
        finally:
            self.market.ledger.start()
        wait_until("they go on", lambda: self.driver.retrieve()["right"], 30, 0.3)

    def test_12_garbage(self):
        one = self.proxies[0]
        self.grant(1, [one])
        self.driver.good(1)
        rng = random.Random(SEED)
        doors = [("POST", "/v1/key-grants"), ("GET", "/v1/key-offer"),
                 ("POST", "/v1/key-grants/" + "ab" * 32 + "/deletion"),
                 ("POST", "/v1/key-grants/" + "zz" * 32 + "/deletion"),
                 ("POST", f"/v1/key-grants/{self.driver.agreements[0]}/deletion"),
                 ("POST", "/v1/key-grants/x/deletion"), ("GET", "/v1/key-grants"),
                 ("GET", "/v1/offers/" + "ab" * 32)]
        for method, path in doors:
            for size in (0, 1, 33, 700, 1500, 60000):
                status, _ = http_request(one.control, method, path, rng.randbytes(size), tls=True)
                self.assertIn(status, (200, 400, 404, 409, 429, 503), (method, path, size))
        session = "0123456789abcdef" * 2
        for path in (f"/v1/units/{session}/1/7", f"/v1/units/{session}/1/18446744073709551615",
                     f"/v1/units/{session}/1/18446744073709551616", f"/v1/keys/{session}",
                     "/v1/units/", f"/v1/units/{session}/0/0"):
            for headers in ({}, {"Souk-Auth": "00" * 16}, {"Souk-Auth": "xx"},
                            {"Souk-Auth": "00" * 16, "Souk-Ticket": "11" * 40}):
                for size in (0, 1, 134, 900, 60000):
                    status, _ = http_request(one.data, "POST", path, rng.randbytes(size), headers)
                    self.assertIn(status, (400, 401, 404, 413), (path, size))
        one.check_running()
        self.driver.good(1)


class Crashes(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.home = cls.market.customer()

    def test_kill_between_any_steps(self):
        """No grant that was acknowledged is lost, and no deposit is locked without a fragment."""
        proxy, = proxies(self.market, 1, coins=400)
        rng = random.Random(SEED)
        print(f"# SOUK_SEED={SEED}", flush=True)
        for i in range(int(os.environ.get("SOUK_KEY_KILLS", "12"))):
            driver = Driver(self.home)
            self.addCleanup(driver.close)
            killer = threading.Timer(rng.uniform(0, 0.06), proxy.process.kill)
            killer.start()
            status, = driver.grant(1, [proxy])
            killer.join()
            proxy.process.wait(10)
            proxy.process = None
            proxy.start()
            agreement = driver.agreements[0]
            record = agreement_of(self.market, agreement)
            if status == "OK":
                self.assertIsNotNone(record, "acknowledged, and not on the ledger")
            if record is not None:
                # Whatever the owner was told: what is locked is served.
                wait_until("it serves", lambda: driver.retrieve()["right"], 30, 0.2)
                self.assertEqual(driver.do("again", 0)["status"], "OK")
            else:
                self.assertEqual(driver.do("again", 0)["status"], "OK")
                driver.good(1)

    def test_secret_lost(self):
        proxy, = proxies(self.market, 1)
        driver = Driver(self.home)
        self.addCleanup(driver.close)
        self.assertEqual(driver.grant(1, [proxy]), ["OK"])
        proxy.stop()
        secret = os.path.join(proxy.path, "proxy.secret")
        self.assertEqual(os.stat(secret).st_mode & 0o777, 0o600)
        os.rename(secret, secret + ".away")
        # Not silently without it: it would be silent, and punished.
        proxy.start(wait=False)
        self.assertNotEqual(proxy.process.wait(30), 0)
        proxy.process = None
        self.assertIn("secret", proxy.log())
        with open(secret, "w") as file:
            file.write("ab" * 32 + "\n")
        proxy.start(wait=False)
        self.assertNotEqual(proxy.process.wait(30), 0)
        proxy.process = None
        os.rename(secret + ".away", secret)
        proxy.start()
        wait_until("it serves", lambda: driver.retrieve()["right"], 30, 0.2)
        # No new grants, but what it has it serves.
        proxy.stop()
        proxy.configure("provider", keys="no")
        proxy.start()
        self.assertEqual(driver.offer(proxy)["left"], 0)
        wait_until("it serves", lambda: driver.retrieve()["right"], 30, 0.2)
        self.assertEqual(driver.grant(1, [proxy]), ["PEER_AGREEMENT_TERMS"])

    def test_full_disk(self):
        proxy, = proxies(self.market, 1)
        driver = Driver(self.home)
        self.addCleanup(driver.close)
        self.assertEqual(driver.grant(1, [proxy]), ["OK"])
        disk = Limit(proxy.path, 0)
        disk.fill(proxy.process)
        before = proxy.balance()
        for _ in range(200):                        # what room the file has left is used up
            status, = driver.grant(1, [proxy])
            if status != "OK":
                break
            before -= DEPOSIT
        self.assertIn(status, ("IO_DISK_FULL", "PEER_NO_FUNDS", "IO_STORE", "LOCAL_FULL"))
        self.assertEqual(proxy.balance(), before)
        if status == "PEER_NO_FUNDS":
            self.skipTest("the file had room")
        disk.free(proxy.process)
        wait_until("it takes grants again", lambda: driver.do("again", 0)["status"] == "OK", 30, 0.3)
        driver.good(1)


if __name__ == "__main__":
    main()
