#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of every process at random moments, SOUK_KILLS times, while two customers buy from two
providers, a third party sends money about, epochs end and are settled.

In the end:
  - every download is complete, and its bytes are right;
  - every transaction that was acknowledged is in the log; the log verifies; no money was made or
    lost;
  - a provider has stored the ticket of every unit for which it gave a key, but for what the
    documentation admits: the tickets of the last commit interval (50 ms) before each of its kills,
    which at the pace of these links is a window for each session;
  - every provider was paid within one prize for what it has stored, and its account holds that.
"""
import heapq
import os
import random
import sys
import threading
import time
import unittest

from market import COIN, UNIT, WINDOW, Failure, Market, main, wait_until
from relay import Relay

KILLS = int(os.environ.get("SOUK_KILLS", "100"))
SEED = int(os.environ.get("SOUK_SEED", str(random.SystemRandom().randrange(10 ** 6))))
# Units are slow enough that a commit interval holds no more than a window of them.
UNIT_DELAY_S = 0.06
COMMIT_SLACK_S = 0.3
PAUSE_MEAN_S = 0.7
SIZES = [1, 3 * UNIT, 8 * UNIT + 1, 24 * UNIT - 5, 24 * UNIT]
# None of these is excused by a process that died.
NEVER = {"PEER_BAD_UNIT", "PEER_BAD_KEY", "PEER_BAD_AUTH", "PEER_BAD_TICKET", "PEER_BAD_GRANT",
         "PEER_WRONG_LENGTH", "PEER_BAD_CONTENT", "PEER_BAD_SIGNATURE", "PEER_STRIP_OVERLAP",
         "PEER_STRIP_TERMS", "PEER_BAD_PATH", "PEER_BAD_REQUEST", "IO_TLS_PIN"}


class Buyer(threading.Thread):
    """Buys one file after the other, and does not give up."""

    def __init__(self, market, customer, contents, seed):
        super().__init__(name=customer.name, daemon=True)
        self.market, self.customer, self.contents = market, customer, contents
        self.rng = random.Random(seed)
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.command = None
        self.runs, self.done, self.resumed, self.problem = [], 0, 0, None
        self.errors = {}

    def run(self):
        try:
            while not self.stopping.is_set():
                self.buy(self.rng.choice(self.contents))
        except BaseException as problem:     # told to the main thread
            self.problem = problem

    def buy(self, content):
        id, data = content
        out = self.market.path(f"{self.name}-{self.done}")
        while True:
            with self.lock:
                self.command = self.customer.command("get", id, out, "--timeout", "2s")
            result = self.command.wait(90)
            with self.lock:
                self.command = None
            self.note(result)
            if result.code == 0:
                break
            time.sleep(self.rng.uniform(0.02, 0.3))
        with open(out, "rb") as file:
            if file.read() != data:
                raise Failure(f"the bytes differ: {result}")
        self.resumed += result.json["resumed_bytes"] > 0
        os.unlink(out)
        self.done += 1

    def note(self, result):
        if result.code == -9:
            return
        if result.code not in (0, 1) or result.json is None:
            raise Failure(f"a customer fell: {result}")
        self.runs.append(result)
        words = [result.json.get("error") or result.json["status"]]
        words += [p["status"] for p in result.json.get("providers", [])]
        for word in words:
            if word in NEVER or word.startswith("CORRUPT"):
                raise Failure(f"{word}: {result}")
            self.errors[word] = self.errors.get(word, 0) + 1

    def kill(self):
        """Whether there was something to kill."""
        with self.lock:
            if self.command is None:
                return False
            self.command.kill()
            return True


class Sender(threading.Thread):
    """Sends money, and remembers what was acknowledged."""

    def __init__(self, home, to):
        super().__init__(name="sender", daemon=True)
        self.home, self.to = home, to
        self.stopping = threading.Event()
        self.acknowledged, self.tried, self.problem = [], 0, None

    def run(self):
        try:
            height = 0
            while not self.stopping.is_set():
                self.tried += 1
                result = self.home.run("send", self.to, "0.001", seconds=90)
                if result.code == 0:
                    self.acknowledged.append(result.json["tx"])
                    if result.json["height"] < height:
                        raise Failure(f"the ledger went back from {height}: {result}")
                    height = result.json["height"]
                elif result.json["error"] not in ("IO_NET", "IO_TIMEOUT", "PEER_TX_NONCE"):
                    raise Failure(f"a transfer failed: {result}")
                self.stopping.wait(0.05)
        except BaseException as problem:
            self.problem = problem


class Kill(unittest.TestCase):
    def make_market(self, market):
        self.providers = [market.provider("0.0001"), market.provider("0.00012")]
        for provider in self.providers:
            Relay(market, provider, delay=UNIT_DELAY_S)
        contents = []
        for size in SIZES:
            path, data = market.file(f"content-{size}", size)
            contents.append([market.open_shop(self.providers, path), data])
        self.buyers = [Buyer(market, market.customer(line="2"), contents, SEED + i)
                       for i in range(2)]
        rich, self.heir = market.customer(line=None), market.customer(coins=None, line=None)
        self.sender = Sender(rich, self.heir.address)
        self.threads = [*self.buyers, self.sender]

    def check_threads(self):
        for thread in self.threads:
            if thread.problem:
                raise thread.problem

    def kill_all_along(self, market):
        """KILLS times: somebody dies, and comes back a moment later."""
        rng = random.Random(SEED)
        self.kills = []                   # (name, when)
        daemons = [market.ledger, *self.providers]
        restarts = []                     # a heap of (when, number, daemon)
        while len(self.kills) < KILLS:
            until = time.monotonic() + min(rng.expovariate(1 / PAUSE_MEAN_S), 3)
            while restarts and restarts[0][0] <= until:
                when, _, daemon = heapq.heappop(restarts)
                time.sleep(max(0, when - time.monotonic()))
                daemon.start(wait=False)
            time.sleep(max(0, until - time.monotonic()))
            self.check_threads()
            victim = rng.choice([*daemons, *self.buyers])
            if isinstance(victim, Buyer):
                if not victim.kill():
                    continue
            elif victim.process is None:
                continue
            else:
                if victim.process.poll() is not None:
                    raise Failure(f"{victim.name} fell by itself: {victim.process.returncode}")
                victim.kill()
                heapq.heappush(restarts, (time.monotonic() + rng.uniform(0, 0.8),
                                          len(self.kills), victim))
            self.kills.append((victim.name, time.monotonic()))
        while restarts:
            heapq.heappop(restarts)[2].start(wait=False)
        for daemon in daemons:
            daemon.wait_ready()

    def finish_threads(self):
        """Let everybody come to an end of what is begun, with nobody dying any more."""
        for thread in self.threads:
            thread.stopping.set()
        end = time.monotonic() + 120
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
            if thread.is_alive():
                raise Failure(f"{thread.name} does not come to an end")
        self.check_threads()

    def check_log(self, market):
        exported, _, _ = market.ledger.check()
        lines = market.ledger.run("ledger", "log").lines
        self.assertEqual(len(lines), exported["transactions"])
        logged = {line["hash"] for line in lines}
        self.assertEqual(len(logged), len(lines), "a transaction is in the log twice")
        missing = [tx for tx in self.sender.acknowledged if tx not in logged]
        self.assertEqual(missing, [], "acknowledged, and not in the log")
        balance, unit = self.heir.balance(), COIN // 1000
        self.assertGreaterEqual(balance, len(self.sender.acknowledged) * unit)
        self.assertLessEqual(balance, self.sender.tried * unit)

    def keyed_and_excused(self, provider):
        """Units whose keys customers got, so that their tickets were accepted; and how many of
        these the provider may have forgotten when it was killed."""
        keyed = excused = 0
        for run in (run for buyer in self.buyers for run in buyer.runs):
            for entry in run.json.get("providers", []):
                if entry["provider"] != provider.address:
                    continue
                deaths = sum(1 for name, when in self.kills if name == provider.name and
                             run.started <= when <= run.ended + COMMIT_SLACK_S)
                keyed += entry["units"]
                excused += min(WINDOW * deaths, entry["units"])
        return keyed, excused

    def check_earnings(self, market):
        for provider, earned in zip(self.providers, market.settle(self.providers, 90)):
            keyed, excused = self.keyed_and_excused(provider)
            print(f"# {provider.name}: has stored {earned['units']} paid units; customers that "
                  f"lived to tell got {keyed} from it, of which {excused} are excused", flush=True)
            self.assertGreaterEqual(earned["units"], keyed - excused, provider.name)
            self.assertEqual(provider.balance(), earned["paid_ncoin"], provider.name)
            for epoch in earned["epochs"]:
                self.assertIs(epoch["within_one_prize"], True, epoch)

    def test_kill(self):
        print(f"# SOUK_SEED={SEED} SOUK_KILLS={KILLS}", flush=True)
        # Epochs of five seconds, each with four epochs' time to claim.
        with Market(epoch="5s", draw_delay="300ms", claim="20s") as market:
            self.make_market(market)
            for thread in self.threads:
                thread.start()
            try:
                self.kill_all_along(market)
            finally:
                for thread in self.threads:
                    thread.stopping.set()
            self.finish_threads()
            self.report()
            market.ledger.close_epoch()
            self.check_earnings(market)
            self.check_log(market)
            # And they all live: one more sale, without any trouble.
            buyer = self.buyers[0]
            id, data = buyer.contents[-1]
            report = buyer.customer.get(id, market.path("last")).good()
            self.assertEqual({p["status"] for p in report["providers"]}, {"OK"})

    def report(self):
        victims = {}
        for name, _ in self.kills:
            victims[name] = victims.get(name, 0) + 1
        print(f"# killed: {victims}")
        for buyer in self.buyers:
            print(f"# {buyer.name}: {buyer.done} downloads, {buyer.resumed} of them resumed; "
                  f"{buyer.errors}")
        print(f"# {len(self.sender.acknowledged)} of {self.sender.tried} transfers acknowledged",
              flush=True)
        self.assertTrue(all(buyer.done > 0 for buyer in self.buyers))
        self.assertGreater(len(self.sender.acknowledged), 0)


if __name__ == "__main__":
    main()
