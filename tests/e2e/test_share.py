#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sharing, end to end: a file is encrypted once, shared with two receivers by different policies,
read by each, taken back from one. A proxy is dead, one lies and is convicted. Shares are forged,
expired, somebody else's; the ciphertext is tampered with; souk share is killed at any moment."""
import glob
import json
import os
import random
import threading
import time
import unittest

from market import COIN, WINDOW, Failure, Market, MarketTest, main, wait_until
from relay import Answer, Relay

LIAR = os.environ.get("SOUKD_LIAR")
SEED = int(os.environ.get("SOUK_SEED", str(random.SystemRandom().randrange(10 ** 6))))
SEGMENT = 65536


def proxies(market, count, **settings):
    defaults = {"keys": "yes", "key_respond_min": "1s"}
    found = [market.provider("0.0001", **{**defaults, **settings}) for _ in range(count)]
    for proxy in found:
        proxy.souk("faucet", 50)
    return found


def start_all(found):
    for proxy in found:
        if not proxy.is_running():
            proxy.start()
    for proxy in found:
        proxy.wait_registered()


def public_key(home, name="me"):
    """The public key of NAME in the vault of HOME, made where there is none."""
    result = home.run("key", "create", name)
    key = result.json if result.code == 0 else home.souk("key", "show", name)
    return key["versions"][-1]["point"]


def agreement_of(market, agreement):
    status, body = market.ledger.request("GET", f"/v1/agreements/{agreement}")
    return json.loads(body) if status == 200 else None


def shares(home):
    return home.souk("shares")["shares"]


class Sharing(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.proxies = proxies(cls.market, 5)
        # The owner sells what it encrypts.
        cls.owner = cls.market.provider("0.0001", start=True)
        cls.owner.souk("faucet", 50)
        start_all(cls.proxies)
        cls.owner.wait_registered()
        cls.bob = cls.market.customer()
        cls.carol = cls.market.customer()
        cls.keys = {home: public_key(home) for home in (cls.bob, cls.carol)}
        cls.count = 0

    def setUp(self):
        start_all([*self.proxies, self.owner])
        type(self).count += 1
        self.work = self.market.path(f"work{self.count}")
        os.mkdir(self.work)

    def path(self, name):
        return os.path.join(self.work, name)

    def file(self, size, name="report.pdf"):
        data = random.Random(f"{SEED} {self.count} {name}").randbytes(size)
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name), data

    def share(self, what, home, *options, proxies=3, threshold=2, out="one.share"):
        return self.owner.souk("share", what, "--with", self.keys[home], "--proxies", proxies,
                               "--threshold", threshold, "--respond", "20s", "--out",
                               self.path(out), *options)

    def get(self, home, share, out="out"):
        return home.run("get", share, self.path(out))

    def read(self, home, share, out="out"):
        result = self.get(home, share, out).good()
        with open(self.path(out), "rb") as file:
            data = file.read()
        left = [p for p in glob.glob(self.path(out) + ".*") if ".question-" not in p]
        self.assertEqual(left, [], "something is left behind")
        return data, result

    def members(self, share):
        """The proxies of a share as the owner keeps it."""
        entry, = [s for s in shares(self.owner) if s["policy"] == share["policy"]]
        return [p for p in entry["proxies"] if p["member"]]

    def proxy_of(self, address):
        proxy, = [p for p in self.proxies if p.address == address]
        return proxy

    # ---- what it is for

    def test_01_read_and_taken_back(self):
        path, data = self.file(1000000)
        shared = self.share(path, self.bob)
        self.assertFalse(shared["was_sealed"])
        self.assertEqual((shared["name"], shared["size_bytes"]), ("report.pdf", len(data)))
        self.assertEqual([p["status"] for p in shared["proxies"]], ["OK"] * 3)
        for proxy in shared["proxies"]:
            record = agreement_of(self.market, proxy["agreement"])
            self.assertEqual(record["agreement"]["deposit_ncoin"], proxy["deposit_ncoin"])
        got, result = self.read(self.bob, shared["file"])
        self.assertEqual(got, data)
        self.assertEqual(result["content"], shared["content"])
        self.assertGreaterEqual(result["share"]["retrieval"]["proxies_good"], 2)
        self.assertEqual(result["share"]["retrieval"]["culprits"], [])

        # The second receiver: the same content, nothing uploaded again.
        again = self.share(path, self.carol, out="two.share")
        self.assertTrue(again["was_sealed"])
        self.assertEqual(again["content"], shared["content"])
        by_id = self.share(shared["content"], self.carol, out="three.share")
        self.assertEqual(by_id["content"], shared["content"])
        self.assertEqual(len(glob.glob(os.path.join(self.owner.path, "content", "*.row"))),
                         len({shared["content"]}) + self.others())
        self.assertEqual(self.read(self.carol, again["file"], "carol")[0], data)

        # A receiver's share is for him alone.
        wrong = self.get(self.carol, shared["file"], "stolen")
        self.assertEqual((wrong.code, wrong.json["error"]), (1, "PEER_BAD_SHARE"))
        self.assertFalse(os.path.exists(self.path("stolen")))

        taken = self.owner.souk("unshare", shared["file"])
        self.assertTrue(taken["complete"])
        self.assertEqual(taken["receipts"], 3)
        refused = self.get(self.bob, shared["file"], "late")
        self.assertEqual((refused.code, refused.json["error"]), (1, "PEER_SHARE_OVER"), refused)
        self.assertFalse(os.path.exists(self.path("late")))
        # Twice is once; and the other one reads on.
        self.assertTrue(self.owner.souk("unshare", shared["policy"])["complete"])
        self.assertEqual(self.read(self.carol, again["file"], "carol2")[0], data)

        states = {s["policy"]: s for s in shares(self.owner)}
        self.assertEqual(states[shared["policy"]]["state"], "taken back")
        self.assertEqual(states[again["policy"]]["state"], "shared")
        self.assertEqual(sum(p["receipt"] is not None
                             for p in states[shared["policy"]]["proxies"]), 3)

    def others(self):
        """Contents of the owner's that other tests made."""
        return len(glob.glob(os.path.join(self.owner.path, "shares", "*.sealed"))) - 1

    def test_02_sizes(self):
        first = SEGMENT - 80 - 16
        for size in (0, 1, first, first + 1, 4 * SEGMENT - 80 - 4 * 16, 4 * SEGMENT - 143):
            path, data = self.file(size, f"size{size}")
            added = self.owner.souk("add", "--seal", path)["contents"][0]
            self.assertTrue(added["sealed"])
            shared = self.share(added["content"].split(".")[0], self.bob, proxies=2, threshold=1,
                                out=f"{size}.share")
            self.assertTrue(shared["was_sealed"])
            self.assertEqual(self.read(self.bob, shared["file"], f"out{size}")[0], data)

    def test_03_one_is_dead(self):
        path, data = self.file(300000)
        shared = self.share(path, self.bob)
        dead = self.proxy_of(shared["proxies"][0]["provider"])
        dead.kill()
        for i in range(3):
            started = time.monotonic()
            self.assertEqual(self.read(self.bob, shared["file"], f"out{i}")[0], data)
            self.assertLess(time.monotonic() - started, 60)
        # What it would not confirm is said, and asked again later.
        result = self.owner.run("unshare", shared["file"])
        self.assertEqual(result.code, 1)
        self.assertFalse(result.json["complete"])
        self.assertEqual(result.json["receipts"], 2)
        silent, = [p for p in result.json["proxies"] if p["deletion"] != "OK"]
        self.assertEqual((silent["provider"], silent["ledger"]), (dead.address, "OK"))
        dead.start()
        wait_until("the third receipt",
                   lambda: self.owner.run("unshare", shared["file"]).code == 0, 60, 0.5)

    def test_04_another_takes_the_place(self):
        """A proxy that says it would and does not is replaced; without enough of them, nothing
        stays granted."""
        path, data = self.file(100000)
        poor = self.proxies[0]
        poor.souk("send", self.owner.address, str(poor.balance() / COIN - 0.1))
        try:
            shared = self.share(path, self.bob, "--deposit", "5", proxies=4, threshold=4)
            self.assertNotIn(poor.address, [p["provider"] for p in shared["proxies"]
                                            if p["status"] == "OK"])
            self.assertEqual(self.read(self.bob, shared["file"])[0], data)
            before = {s["policy"] for s in shares(self.owner)}
            failed = self.owner.run("share", path, "--with", self.keys[self.bob], "--proxies", 5,
                                    "--threshold", 2, "--deposit", "5", "--out",
                                    self.path("none.share"))
            self.assertEqual((failed.code, failed.json["error"]), (1, "LOCAL_NO_PROXY"))
            self.assertFalse(os.path.exists(self.path("none.share")))
            for entry in shares(self.owner):
                if entry["policy"] not in before:
                    self.assertEqual(entry["state"], "taken back")
            self.nothing_runs_but_what_is_shared()
        finally:
            poor.souk("faucet", 50)
        for options in (["--proxies", "9"], ["--deposit", "1000"], ["--price-max", "0.0000001"],
                        ["--expires", "1000d"], ["--proxy", self.bob.address]):
            failed = self.owner.run("share", path, "--with", self.keys[self.bob], *options)
            self.assertEqual((failed.code, failed.json["error"]), (1, "LOCAL_NO_PROXY"), options)
            self.assertIn("needed", failed.json["detail"])

    def nothing_runs_but_what_is_shared(self):
        """On the ledger every agreement of the owner that is not revoked belongs to a share that a
        receiver has."""
        alive = {p["agreement"] for s in shares(self.owner) if s["state"] == "shared"
                 for p in s["proxies"] if p["member"]}
        for entry in shares(self.owner):
            for proxy in entry["proxies"] if entry["state"] != "ended" else []:
                record = agreement_of(self.market, proxy["agreement"])
                if record and proxy["agreement"] not in alive:
                    self.assertTrue(record["revoked_ms"], entry)

    # ---- what is wrong with a share

    def test_05_forged(self):
        path, _ = self.file(50000)
        shared = self.share(path, self.bob)
        with open(shared["file"]) as file:
            text = file.read().strip()
        prefix, digits = text.split(":")
        rng = random.Random(SEED)
        fake = self.path("fake.share")
        for _ in range(12):
            at = rng.randrange(len(digits))
            changed = digits[:at] + rng.choice([c for c in "0123456789abcdef" if c != digits[at]])
            changed += digits[at + 1:]
            with open(fake, "w") as file:
                file.write(f"{prefix}:{changed}\n")
            result = self.get(self.bob, fake)
            self.assertEqual(result.code, 1, f"digit {at}: {result}")
            self.assertFalse(os.path.exists(self.path("out")))
        for junk in ("", "souk-share:", "souk-share:00", text[:-2], text + "00", "\0" * 5000):
            with open(fake, "w") as file:
                file.write(junk)
            self.assertEqual(self.get(self.bob, fake).code, 1, repr(junk[:20]))
        self.assertEqual(glob.glob(self.path("out*")), [])

    def test_06_expired(self):
        path, _ = self.file(50000)
        for life in (4, 16, 64):             # a slow disk must not end it before it begins
            result = self.owner.run("share", path, "--with", self.keys[self.bob], "--proxies", 2,
                                    "--threshold", 1, "--respond", "20s", "--expires", f"{life}s",
                                    "--out", self.path("short.share"))
            if result.code == 0:
                break
            self.assertIn(result.json["error"], ("LOCAL_KEY_EXPIRED", "LOCAL_NO_PROXY"))
        shared = result.good()
        wait_until("its end", lambda: time.time() * 1000 > shared["expires_ms"] + 100, life + 30)
        result = self.get(self.bob, shared["file"])
        self.assertEqual((result.code, result.json["error"]), (1, "PEER_SHARE_OVER"))
        entry, = [s for s in shares(self.owner) if s["policy"] == shared["policy"]]
        self.assertEqual(entry["state"], "ended")

    def test_07_tampered(self):
        """What a seller serves is not what the id says: refused chunk by chunk, as any content."""
        path, data = self.file(900000)
        shared = self.share(path, self.bob)
        stored, = glob.glob(os.path.join(self.owner.path, "content", shared["content"] + "*"))[:1]
        stored = os.path.join(self.owner.path, "content", shared["content"])
        with open(stored, "r+b") as file:
            file.seek(500000)
            byte = file.read(1)
            file.seek(500000)
            file.write(bytes([byte[0] ^ 1]))
        result = self.get(self.bob, shared["file"])
        self.assertEqual(result.code, 1)
        self.assertFalse(os.path.exists(self.path("out")))
        with open(stored, "r+b") as file:
            file.seek(500000)
            file.write(byte)
        # What was good of it is not bought again.
        got, result = self.read(self.bob, shared["file"])
        self.assertEqual(got, data)

    def test_08_an_owner_who_cheats(self):
        """A content that is not encrypted under the share's key: named, and nothing is written."""
        path, _ = self.file(300000, "a")
        other, _ = self.file(300000, "b")
        sealed = self.owner.souk("add", "--seal", path)["contents"][0]["content"].split(".")[0]
        second = self.owner.souk("add", "--seal", other)["contents"][0]["content"].split(".")[0]
        # The owner's own note says that one is the other.
        kept = os.path.join(self.owner.path, "shares")
        with open(os.path.join(kept, f"{second}.sealed"), "rb") as file:
            note = file.read()
        with open(os.path.join(kept, f"{sealed}.sealed"), "wb") as file:
            file.write(note)
        shared = self.share(sealed, self.bob)
        result = self.get(self.bob, shared["file"])
        self.assertEqual(result.code, 1)
        self.assertEqual(result.json["status"], "PEER_SEAL_KEY", result)
        self.assertFalse(os.path.exists(self.path("out")))

    # ---- crashes

    def test_09_killed(self):
        """souk share dies at any moment: what it granted is revoked by the next command, and a file
        is not sealed twice nor half."""
        path, data = self.file(2000000)
        rng = random.Random(SEED)
        started = time.monotonic()
        whole = self.share(path, self.bob, out="whole.share")
        took = time.monotonic() - started
        for i in range(8):
            command = self.owner.command("share", path, "--with", self.keys[self.bob],
                                         "--respond", "20s", "--out", self.path(f"{i}.share"))
            threading.Event().wait(rng.uniform(0, took * 1.1))
            command.kill()
            command.wait()
        self.owner.souk("share", path, "--with", self.keys[self.carol], "--respond", "20s",
                        "--out", self.path("after.share"))
        self.assertEqual(glob.glob(os.path.join(self.owner.path, "shares", "*.pending")), [])
        self.nothing_runs_but_what_is_shared()
        self.assertEqual(self.read(self.bob, whole["file"])[0], data)
        self.assertEqual(self.read(self.carol, self.path("after.share"), "out2")[0], data)
        left = glob.glob(os.path.join(self.owner.path, "content", ".add-*"))
        self.assertEqual(left, [])

    def test_10_killed_receiver(self):
        path, data = self.file(3000000)
        shared = self.share(path, self.bob)
        rng = random.Random(SEED + 1)
        for _ in range(5):
            command = self.bob.command("get", shared["file"], self.path("out"))
            threading.Event().wait(rng.uniform(0.02, 0.6))
            command.kill()
            command.wait()
            if os.path.exists(self.path("out")):
                with open(self.path("out"), "rb") as file:
                    self.assertEqual(file.read(), data)
                os.unlink(self.path("out"))
        self.assertEqual(self.read(self.bob, shared["file"])[0], data)

    def test_12_unshare_killed(self):
        path, _ = self.file(100000)
        shared = self.share(path, self.bob)
        rng = random.Random(SEED + 2)
        for _ in range(5):
            command = self.owner.command("unshare", shared["file"])
            threading.Event().wait(rng.uniform(0, 0.15))
            command.kill()
            command.wait()
        done = self.owner.souk("unshare", shared["file"])
        self.assertEqual((done["complete"], done["receipts"]), (True, 3))
        self.nothing_runs_but_what_is_shared()

    # ---- policies without a file

    def test_11_policy(self):
        """A secret that is wrapped for a policy; audits; the end."""
        secret = bytes(random.Random(SEED).randbytes(1000))
        with open(self.path("secret"), "wb") as file:
            file.write(secret)
        self.owner.run("key", "create", "payroll")
        wrapped = self.owner.souk("key", "wrap", "payroll", self.path("secret"))["wrapped"]
        with open(self.path("wrapped"), "w") as file:
            file.write(wrapped)
        granted = self.owner.souk("key", "grant", "payroll", "--to", self.keys[self.bob],
                                  "--proxies", 3, "--threshold", 2, "--respond", "20s", "--out",
                                  self.path("payroll.policy"))
        again = self.owner.souk("key", "rewrap", "payroll", self.path("wrapped"), "--policy",
                                granted["policy"])["wrapped"]
        for token, options in ((again, []), (again, ["--out", self.path("plain")])):
            result = self.bob.souk("key", "retrieve", token, "--policy",
                                   self.path("payroll.policy"), *options)
            self.assertEqual(bytes.fromhex(result["plain"]), secret)
        with open(self.path("plain"), "rb") as file:
            self.assertEqual(file.read(), secret)
        # What is wrapped for the owner alone is nobody else's, and others have no key for it.
        for home, token in ((self.bob, wrapped), (self.carol, again)):
            result = home.run("key", "retrieve", token, "--policy", self.path("payroll.policy"))
            self.assertEqual(result.code, 1, result)

        # Audits, by somebody who has nothing to do with it.
        audit = self.carol.souk("key", "check", "--count", 12)
        self.assertEqual((audit["asked"], audit["good"]), (12, 12))
        dead = self.proxy_of(granted["proxies"][0]["provider"])
        dead.kill()
        os.chdir(self.work)
        result = self.owner.run("key", "check", "--count", 1, "--policy", granted["policy"])
        self.assertEqual(result.code, 1, "the owner has no escrow")
        dead.start()

        ended = self.owner.souk("key", "revoke", self.path("payroll.policy"))
        self.assertEqual((ended["complete"], ended["receipts"]), (True, 3))
        late = self.bob.run("key", "retrieve", again, "--policy", self.path("payroll.policy"))
        self.assertEqual((late.code, late.json["error"]), (1, "PEER_AGREEMENT_REVOKED"), late)


class Holding(Relay):
    """Keeps a receiver waiting at one place: before its request is passed on, or before the answer
    is. Requests have bodies here."""

    def __init__(self, market, provider):
        super().__init__(market, provider)
        self.place = None                        # "unit asked", "unit answered", "key answered"
        self.reached, self.released = threading.Event(), threading.Event()

    def hold(self, place):
        self.reached.clear()
        self.released.clear()
        self.place = place

    def release(self):
        self.place = None
        self.released.set()

    def pass_by(self, place):
        if place == self.place:
            self.reached.set()
            self.released.wait(60)

    def exchange(self, customer, upstream, requests, answers):
        head = self.read_head(requests)
        if head is None:
            return False
        body = requests.read(int(Answer(head, b"").get("Content-Length") or 0))
        what = "unit" if head.startswith(b"POST /v1/units/") else "key"
        self.pass_by(what + " asked")
        upstream.sendall(head + body)
        head = self.read_head(answers)
        if head is None:
            return False
        answer = Answer(head, b"")
        answer.body = answers.read(int(answer.get("Content-Length") or 0))
        self.pass_by(what + " answered")
        customer.sendall(answer.encode())
        return True


class KilledReceiver(MarketTest):
    """kill -9 of who reads a share, at each step of its session with a proxy."""

    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.proxy, = proxies(cls.market, 1)
        cls.relay = Holding(cls.market, cls.proxy)
        cls.owner = cls.market.provider("0.0001", start=True)
        cls.owner.souk("faucet", 50)
        start_all([cls.proxy])
        cls.owner.wait_registered()
        # A strip that was lost as a whole, each time, would use the line up.
        cls.bob = cls.market.customer(line="0.1", prize="0.00001")

    def test_killed(self):
        path, data = self.market.file("report.pdf", 300000)
        share, out = self.market.path("one.share"), self.market.path("out")
        self.owner.souk("share", path, "--with", public_key(self.bob), "--proxies", 1,
                        "--threshold", 1, "--respond", "20s", "--out", share)
        reads = paid = 0
        for turn in range(3):
            for place in ("unit asked", "unit answered", "key answered"):
                self.relay.hold(place)
                command = self.bob.command("get", share, out)
                # The proxy has its strip by now.
                self.assertTrue(self.relay.reached.wait(60), place)
                command.kill()
                command.wait()
                self.relay.release()
                self.assertFalse(os.path.exists(out))
                # One unit was paid where its key was on the way, and a window at most anywhere.
                paid += place == "key answered"
            self.bob.run("get", share, out).good()
            reads += 1
            with open(out, "rb") as file:
                self.assertEqual(file.read(), data)
            os.unlink(out)
        self.assertLess(paid, WINDOW)
        self.market.ledger.close_epoch()
        earned, _ = self.market.settle([self.proxy, self.owner])
        sold = sum(e["units"] for e in earned["epochs"])
        self.assertGreaterEqual(sold, reads)
        self.assertLessEqual(sold, reads + paid)


class Published(MarketTest):
    """A shared file whose owner pays for its viewers: a receiver pays the proxies, and nothing
    else."""

    @classmethod
    def make_market(cls):
        from test_publish import Publisher
        cls.market = Market()
        cls.proxies = proxies(cls.market, 3, cache="256MiB")
        for cache in cls.proxies:
            cache.souk("escrow", "open", "--line", "5", "--prize", "0.001")
        cls.publisher = Publisher(cls.market)
        cls.market.daemons.append(cls.publisher)
        cls.publisher.start()
        start_all(cls.proxies)
        cls.bob = cls.market.customer()

    def test_sponsored(self):
        path, data = self.market.file("film", 1500000)
        shared = self.publisher.souk("share", path, "--with", public_key(self.bob), "--respond",
                                     "20s", "--out", self.market.path("film.share"))
        stored = os.path.join(self.publisher.path, "content", shared["content"])
        published = self.publisher.publish(stored, "2")
        self.assertTrue(published["content"].startswith(shared["content"]))
        out = self.market.path("out")
        result = self.bob.souk("get", shared["file"], out, "--sponsor", self.publisher.name_text)
        with open(out, "rb") as file:
            self.assertEqual(file.read(), data)
        self.assertEqual(result["spent_ncoin"], 0)
        self.assertTrue(all(p["sponsored"] for p in result["providers"]))
        self.assertGreater(result["share"]["retrieval"]["spent_ncoin"], 0)


@unittest.skipUnless(LIAR, "there is no lying soukd: SOUKD_LIAR")
class Liar(MarketTest):
    """Five proxies: one is dead, one lies."""

    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.proxies = proxies(cls.market, 5)
        cls.liar = cls.proxies[4]
        cls.liar.soukd = LIAR
        cls.owner = cls.market.provider("0.0001", start=True)
        cls.owner.souk("faucet", 50)
        start_all(cls.proxies)
        cls.owner.wait_registered()
        cls.bob = cls.market.customer()

    def test_convicted(self):
        path, data = self.market.file("film", 700000)
        shared = self.owner.souk("share", path, "--with", public_key(self.bob), "--proxies", 5,
                                 "--threshold", 3, "--respond", "20s", "--out",
                                 self.market.path("film.share"))
        self.proxies[0].kill()
        evidence = None
        # Who is asked first is drawn: until the liar is.
        for i in range(20):
            out = self.market.path(f"film{i}")
            result = self.bob.souk("get", shared["file"], out)
            with open(out, "rb") as file:
                self.assertEqual(file.read(), data)
            lies = [c for c in result["share"]["retrieval"]["culprits"]
                    if c["provider"] == self.liar.address]
            if lies:
                evidence, = [e["file"] for e in result["evidence"] if e["kind"] == "evidence"]
                self.assertEqual(lies[0]["fault"], 1)
                break
        self.assertIsNotNone(evidence, "the liar was never asked")
        before = self.bob.balance()
        verdict = self.bob.souk("agreement", "accuse", evidence)
        self.assertEqual(verdict["outcome"], "guilty")
        self.assertGreater(self.bob.balance(), before)
        caught, = [p for p in shared["proxies"] if p["provider"] == self.liar.address]
        self.assertTrue(agreement_of(self.market, caught["agreement"])["convicted"])
        # The others still serve; the owner ends it.
        self.bob.souk("get", shared["file"], self.market.path("again"))
        taken = self.owner.run("unshare", shared["file"])
        self.assertGreaterEqual(taken.json["receipts"], 3)
        refused = self.bob.run("get", shared["file"], self.market.path("late"))
        self.assertEqual(refused.json["error"], "PEER_SHARE_OVER")
        self.market.ledger.check()


if __name__ == "__main__":
    main()
