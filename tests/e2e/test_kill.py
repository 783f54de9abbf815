#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of every process at random moments, SOUK_KILLS times, while two customers buy from two
providers, a third party sends money about, a fourth feeds its escrow, a provider puts files on sale,
somebody exports and verifies the ledger, epochs end and are settled. All of them are victims: the
daemons, and the commands in the middle of what they do.

In the end:
  - every download is complete, and its bytes are right;
  - every transaction that was acknowledged is in the log, once; the log verifies, and replaying it
    leads to the state that is served; no money was made or lost; every stored record is
    what the blocks lead to;
  - every file that was put on sale is there, byte for byte, and every export that came to its end
    verifies;
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


# What a command may say while the ledger is dead, or when somebody else of its account was faster.
DOWN = {"IO_NET", "IO_TIMEOUT", "PEER_TX_NONCE"}


class Worker(threading.Thread):
    """Runs one command after the other until it is told to stop; any of them may be killed."""

    pause = 0.05

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.command = None
        self.problem = None
        self.done, self.killed = 0, 0
        self.rng = random.Random(f"{SEED} {name}")
        self.kill_rng = random.Random(f"{SEED} kill {name}")

    def run(self):
        try:
            while not self.stopping.is_set():
                self.work()
                self.stopping.wait(self.pause)
        except BaseException as problem:     # told to the main thread
            self.problem = problem

    def call(self, home, *arguments):
        """The result of one command, which may have been killed: code -9."""
        with self.lock:
            self.command = home.command(*arguments)
        result = self.command.wait(90)
        with self.lock:
            self.command = None
        self.killed += result.code == -9
        if result.code not in (0, 1, -9):
            raise Failure(f"a command fell: {result}")
        return result

    def kill(self):
        """Kill the command that runs, or the next one, somewhere in it; whether there was one."""
        end = time.monotonic() + 1
        while time.monotonic() < end:
            if self.command is None:
                time.sleep(0.002)
                continue
            time.sleep(self.kill_rng.expovariate(1 / 0.01))
            with self.lock:
                if self.command is not None:
                    self.command.kill()
                    return True
        return False


class Buyer(Worker):
    """Buys one file after the other, and does not give up."""

    pause = 0

    def __init__(self, market, customer, contents):
        super().__init__(customer.name)
        self.market, self.customer, self.contents = market, customer, contents
        self.runs, self.resumed = [], 0
        self.errors = {}

    def work(self):
        id, data = self.rng.choice(self.contents)
        out = self.market.path(f"{self.name}-{self.done}")
        while True:
            result = self.call(self.customer, "get", id, out, "--timeout", "2s")
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
        if result.json is None:
            raise Failure(f"a customer said nothing: {result}")
        self.runs.append(result)
        words = [result.json.get("error") or result.json["status"]]
        words += [p["status"] for p in result.json.get("providers", [])]
        for word in words:
            if word in NEVER or word.startswith("CORRUPT"):
                raise Failure(f"{word}: {result}")
            self.errors[word] = self.errors.get(word, 0) + 1


class Sender(Worker):
    """Sends money, and remembers what was acknowledged."""

    def __init__(self, home, to):
        super().__init__("sender")
        self.home, self.to = home, to
        self.acknowledged, self.tried, self.height = [], 0, 0

    def work(self):
        self.tried += 1
        result = self.call(self.home, "send", self.to, "0.001")
        if result.code == 0:
            self.acknowledged.append(result.json["tx"])
            if result.json["height"] < self.height:
                raise Failure(f"the ledger went back from {self.height}: {result}")
            self.height = result.json["height"]
            self.done += 1
        elif result.code == 1 and result.json["error"] not in DOWN:
            raise Failure(f"a transfer failed: {result}")


class Feeder(Worker):
    """Adds to its escrow, little by little."""

    pause = 0.3
    STEP = COIN // 1000

    def __init__(self, home):
        super().__init__("feeder")
        self.home, self.tried = home, 0

    def work(self):
        self.tried += 1
        result = self.call(self.home, "escrow", "top-up", "0.001")
        if result.code == 1 and result.json["error"] not in DOWN:
            raise Failure(f"an escrow was not fed: {result}")
        self.done += result.code == 0

    def check(self, started):
        """STARTED is what the escrow had free before."""
        gained = self.home.souk("escrow", "show")["free_ncoin"] - started
        if not self.done * self.STEP <= gained <= self.tried * self.STEP or gained % self.STEP:
            raise Failure(f"the escrow got {gained}: {self.done} of {self.tried} acknowledged")


class Seller(Worker):
    """Puts one small file after the other on sale, whether the provider runs or not."""

    pause = 0.7
    FILES = 100                           # after so many, some again

    def __init__(self, market, provider):
        super().__init__("seller")
        self.market, self.provider = market, provider
        self.contents = {}                # id -> data of those that were acknowledged

    def work(self):
        size = self.rng.choice([1, 5000, UNIT, UNIT + 1, 2 * UNIT - 1])
        path, data = self.market.file("fresh", size, seed=self.rng.randrange(self.FILES // 5))
        result = self.call(self.provider, "add", path)
        os.unlink(path)
        if result.code == 1:
            raise Failure(f"a file was not put on sale: {result}")
        if result.code == 0:
            self.contents[result.json["contents"][0]["content"]] = data
            self.done += 1

    def check(self):
        for id, data in self.contents.items():
            with open(os.path.join(self.provider.path, "content", id), "rb") as file:
                if file.read() != data:
                    raise Failure(f"stored bytes of {id} were lost")


class Auditor(Worker):
    """Exports the ledger and verifies what it got."""

    pause = 2.0

    def __init__(self, market):
        super().__init__("auditor")
        self.market = market

    def work(self):
        path = self.market.path("audited")
        result = self.call(self.market.ledger, "ledger", "export", path)
        if result.code == 1 and result.json["error"] not in DOWN:
            raise Failure(f"an export failed: {result}")
        if result.code == 0:
            verified = self.call(self.market.ledger, "ledger", "verify", path)
            if verified.code == 1:
                raise Failure(f"an export does not verify: {verified}")
            self.done += verified.code == 0
        # What a killed export left is not taken for one.
        if os.path.exists(path):
            os.unlink(path)


class Kill(unittest.TestCase):
    def make_market(self, market):
        self.providers = [market.provider("0.0001"), market.provider("0.00012")]
        for provider in self.providers:
            Relay(market, provider, delay=UNIT_DELAY_S)
        contents = []
        for size in SIZES:
            path, data = market.file(f"content-{size}", size)
            contents.append([market.open_shop(self.providers, path), data])
        self.buyers = [Buyer(market, market.customer(line="2"), contents) for _ in range(2)]
        rich, self.heir = market.customer(line=None), market.customer(coins=None, line=None)
        self.sender = Sender(rich, self.heir.address)
        self.feeder = Feeder(market.customer(line="1"))
        self.fed_before = self.feeder.home.souk("escrow", "show")["free_ncoin"]
        self.seller = Seller(market, self.providers[0])
        self.auditor = Auditor(market)
        self.threads = [*self.buyers, self.sender, self.feeder, self.seller, self.auditor]

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
            victim = rng.choice([*daemons, *daemons, *self.threads])
            if isinstance(victim, Worker):
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

    def check_replay(self, market):
        """The exported log, replayed, leads to the block and the state that the ledger serves at
        that height; what export said. Epochs go on meanwhile, and blocks come after it."""
        exported, verified, _ = market.ledger.check()
        block = market.ledger.get(f"/v1/blocks/{verified['blocks']}")
        self.assertEqual(block["hash"], verified["last"])
        self.assertEqual(block["block"]["header"]["state"], verified["state"])
        held = sum(verified.get(name + "_ncoin", 0)
                   for name in ("accounts", "escrows", "deposits", "burned"))
        self.assertEqual(held, verified["minted_ncoin"])
        return exported

    def check_log(self, market):
        exported = self.check_replay(market)
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
            self.seller.check()
            self.feeder.check(self.fed_before)
            # Every stored record is what the blocks lead to, and it starts once more.
            market.ledger.kill()
            market.ledger.start()
            market.ledger.souk("ledger", "check")
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
        print("# done, killed: " + ", ".join(f"{t.name} {t.done}, {t.killed}"
                                              for t in self.threads), flush=True)
        for thread in self.threads:
            self.assertGreater(thread.done, 0, thread.name)


if __name__ == "__main__":
    main()
