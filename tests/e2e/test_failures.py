# SPDX-License-Identifier: Apache-2.0
"""Objects downloaded at a sponsor's expense while three caches in ten are killed at random moments;
half of those come back, half stay dead. No viewer fails, every file is whole, and the sponsor pays
for no undelivered byte beyond the window.

SOUK_OBJECTS downloads (60; the run of the record has 1,000), SOUK_CACHES caches (10), SOUK_SEED.
"""
import json
import math
import os
import random
import sys
import threading
import time
import unittest

from market import UNIT, Failure, Market, main, wait_until

OBJECTS = int(os.environ.get("SOUK_OBJECTS", "60"))
CACHES = int(os.environ.get("SOUK_CACHES", "10"))
SEED = int(os.environ.get("SOUK_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
FILES = 4
DRAWN = 3
SEGMENT = 4
WINDOW = 2 * SEGMENT
PRICE = 100_000
VIEWERS = 3                          # at once
KILLED = math.ceil(CACHES * 0.3)


def units_of(size):
    """Of all caches of one bundle: no more of them than there are chunks."""
    chunks = math.ceil(size / UNIT)
    drawn = min(DRAWN, chunks)
    return math.ceil(chunks / drawn) * drawn


class Failures(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(SEED)
        print(f"# {OBJECTS} objects, {CACHES} caches of which {KILLED} are killed; "
              f"SOUK_SEED={SEED}", file=sys.stderr)
        self.lock = threading.Lock()
        self.next = 0
        self.results, self.failures = [], []

    def open_market(self, market):
        self.caches = [market.provider(price="0.0001", window=WINDOW) for _ in range(CACHES)]
        self.sponsor = market.sponsor(
            line="300", coins="990", caches=DRAWN, segment=SEGMENT, starts=32, asks=100000,
            check="500ms", audit="0s", replicas=CACHES, viewer_units=0, network_units=0)
        self.files = []
        for i in range(FILES):
            size = self.rng.randrange(UNIT // 2, 12 * UNIT)
            path, data = market.file(f"object{i}", size, seed=SEED + i)
            content = market.open_shop(self.caches, path)
            assert self.sponsor.publish(path, budget="60", replicas=CACHES) == content
            self.files.append((content, data))
        self.sponsor.start()
        for content, _ in self.files:
            self.sponsor.wait_enlisted(content, CACHES)
        # Each keeps its keys in its home: as many viewers as there are homes.
        self.viewers = [market.customer(coins=None, line=None) for _ in range(VIEWERS)]
        self.name = self.sponsor.report()["name"]

    def take_number(self):
        with self.lock:
            self.next += 1
            return self.next - 1 if self.next <= OBJECTS else None

    def view(self, market, viewer, number):
        content, data = self.files[number % FILES]
        path = market.path(f"got{number}")
        started = time.monotonic()
        result = viewer.run("get", content, path, "--sponsor", self.name, seconds=180)
        if result.code != 0 or result.json["spent_ncoin"] != 0:
            raise Failure(f"object {number}: {result}")
        with open(path, "rb") as file:
            if file.read() != data:
                raise Failure(f"object {number} is not what was published")
        os.unlink(path)
        with self.lock:
            self.results.append((time.monotonic() - started, len(data), result.json))

    def view_all(self, market, viewer):
        try:
            while (number := self.take_number()) is not None:
                self.view(market, viewer, number)
        except Exception as error:                       # told on the main thread
            self.failures.append(error)

    def done(self):
        with self.lock:
            return len(self.results)

    def kill_some(self, threads):
        """At random moments of the run; every other one comes back some downloads later. Daemons are
        started here: on the main thread."""
        victims = self.rng.sample(self.caches, KILLED)
        events = []
        for i, cache in enumerate(victims):
            at = self.rng.randrange(OBJECTS // 10, OBJECTS * 7 // 10)
            events.append((at, cache, False))
            if i % 2:
                events.append((at + OBJECTS // 10, cache, True))
        for at, cache, comes_back in sorted(events, key=lambda event: event[0]):
            while self.done() < at and any(t.is_alive() for t in threads):
                time.sleep(0.01)
            if comes_back:
                cache.start(wait=False)
            else:
                cache.kill()
        self.dead = [c for c in victims if not c.is_running()]

    def check_money(self, market):
        report = self.sponsor.report()
        failed = report["bundles"] - report["bundles_finished"]
        delivered = sum(len(self.files[i % FILES][1]) for i in range(OBJECTS))
        whole = sum(units_of(len(self.files[i % FILES][1])) for i in range(OBJECTS))
        self.assertEqual(report["spent_ncoin"], report["units"] * PRICE)
        self.assertLessEqual(report["units"], whole + failed * DRAWN * (WINDOW + 1))
        # Cache by cache: never more than it served, and never a window less for a bundle that failed.
        alive = [c for c in self.caches if c not in self.dead]
        paid = {}
        for content in report["contents"]:
            for cache in content["caches"]:
                paid[cache["provider"]] = paid.get(cache["provider"], 0) + cache["spent_ncoin"]
        self.assertEqual(sum(paid.values()), report["spent_ncoin"])
        beyond = report["units"] * PRICE - sum(
            sum(p["units"] for p in r["providers"]) * PRICE for _, _, r in self.results)
        self.assertLessEqual(beyond, failed * DRAWN * WINDOW * PRICE)
        for cache in alive:
            owed = cache.earnings()["owed_ncoin"]
            self.assertLessEqual(owed, paid.get(cache.address, 0))
        market.ledger.check()
        return report, delivered, beyond, failed

    def test_caches_die(self):
        with Market() as market:
            self.open_market(market)
            threads = [threading.Thread(target=self.view_all, args=[market, viewer])
                       for viewer in self.viewers]
            started = time.monotonic()
            for thread in threads:
                thread.start()
            self.kill_some(threads)
            for thread in threads:
                thread.join()
            seconds = time.monotonic() - started
            if self.failures:
                raise self.failures[0]
            self.assertEqual(len(self.results), OBJECTS)
            report, delivered, beyond, failed = self.check_money(market)
            times = sorted(r[0] for r in self.results)
            print("# " + json.dumps({
                "objects": OBJECTS, "caches": CACHES, "killed": KILLED, "stay_dead": len(self.dead),
                "viewers_failed": 0, "seconds": round(seconds, 1), "bytes": delivered,
                "bundles": report["bundles"], "bundles_failed": failed,
                "median_s": round(times[len(times) // 2], 3),
                "p99_s": round(times[len(times) * 99 // 100], 3), "slowest_s": round(times[-1], 3),
                "spent_ncoin": report["spent_ncoin"], "units_paid": report["units"],
                "paid_beyond_delivered_units": beyond // PRICE,
                "bound_units": failed * DRAWN * WINDOW}), file=sys.stderr)


if __name__ == "__main__":
    main()
