#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetching as a gateway does it: only what somebody wants, and several contents at once in one
process, from one wallet."""
import os
import subprocess
import threading
import unittest

from market import UNIT, Market, MarketTest, main, wait_until

DRIVER = os.environ.get("FETCH_DRIVER", "build/tests/e2e/fetch_driver")
PRICE = 100000
UNITS = 48


class Driver:
    """fetch_driver: what it said so far, by the number of the fetch."""

    def __init__(self, market, home, mode, *pairs):
        flat = [str(x) for pair in pairs for x in pair]
        self.process = subprocess.Popen([DRIVER, home.path, market.url, mode, *flat], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.chunks = [[] for _ in pairs]
        self.ends, self.opened, self.notes, self.cpu_ms = {}, {}, [], []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            word, rest = line.rstrip("\n").split(" ", 1)
            if word == "chunk":
                number, chunk = map(int, rest.split())
                self.chunks[number].append(chunk)
            elif word == "open":
                number, count = map(int, rest.split())
                self.opened[number] = count
            elif word == "end":
                number, status, spent, text = rest.split(" ", 3)
                self.ends[int(number)] = (status, int(spent), text)
            elif word == "cpu":
                self.cpu_ms.append(int(rest))
            else:
                self.notes.append(rest)

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def cpu(self):
        before = len(self.cpu_ms)
        self.say("cpu")
        wait_until("an answer", lambda: len(self.cpu_ms) > before)
        return self.cpu_ms[-1]

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(60)
        self.reader.join(60)
        self.process.stdout.close()
        assert code == 0, code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Fetch(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.providers = [market.provider(), market.provider()]
        cls.files = [market.file(f"film-{i}", UNITS * UNIT - 77 * i, seed=i) for i in range(4)]
        cls.contents = []
        for path, _ in cls.files:
            cls.contents.append({provider.add(path) for provider in cls.providers}.pop())
        for provider in cls.providers:
            provider.start()
        for provider in cls.providers:
            provider.wait_registered()
        cls.count = 0

    def out(self):
        type(self).count += 1
        return self.market.path(f"out-{self.count}")

    def start(self, home, mode, *pairs):
        driver = Driver(self.market, home, mode, *pairs)
        self.addCleanup(driver.kill)
        wait_until("all are opened or ended",
                   lambda: len(driver.opened.keys() | driver.ends.keys()) == len(pairs))
        return driver

    def check_chunks(self, out, content, chunks):
        data = self.files[content][1]
        with open(out, "rb") as file:
            for chunk in chunks:
                file.seek(chunk * UNIT)
                self.assertEqual(file.read(UNIT)[:len(data) - chunk * UNIT],
                                 data[chunk * UNIT:(chunk + 1) * UNIT], chunk)

    def test_1_two_in_one_process(self):
        """Four contents at once, of one home, and each chunk is given out once."""
        home = self.market.customer()
        outs = [self.out() for _ in self.contents]
        driver = self.start(home, "whole", *zip(self.contents, outs))
        wait_until("all are fetched", lambda: len(driver.ends) == len(outs))
        driver.close()
        for i, out in enumerate(outs):
            self.assertEqual(driver.ends[i][:2], ("OK", UNITS * PRICE), driver.ends)
            self.assertEqual(sorted(driver.chunks[i]), list(range(UNITS)))
            self.check_chunks(out, i, range(UNITS))
        # What it cost can be settled: no strip is left that runs.
        home.souk("escrow", "settle")

    def test_2_only_what_is_wanted(self):
        home = self.market.customer()
        out = self.out()
        driver = self.start(home, "stream", (self.contents[0], out))
        # Without a want nothing is fetched; with one, no more than it.
        driver.say("want 0 40 3")
        wait_until("the want", lambda: set(driver.chunks[0]) >= {40, 41, 42})
        driver.say("want 0 7 2")
        wait_until("the want", lambda: set(driver.chunks[0]) >= {7, 8})
        self.assertEqual(sorted(driver.chunks[0]), [7, 8, 40, 41, 42])
        # Wanted once more: it is there.
        driver.say("want 0 40 4")
        wait_until("the want", lambda: 43 in driver.chunks[0])
        self.assertEqual(sorted(driver.chunks[0]), [7, 8, 40, 41, 42, 43])
        driver.say("stop 0")
        wait_until("the end", lambda: 0 in driver.ends)
        driver.close()
        self.assertEqual(driver.ends[0][:2], ("LOCAL_STOPPED", 6 * PRICE))
        self.check_chunks(out, 0, [7, 8, 40, 41, 42, 43])

    def test_3_all_of_it_in_the_end(self):
        """Everything was wanted: it ends by itself."""
        home = self.market.customer()
        out = self.out()
        driver = self.start(home, "stream", (self.contents[1], out))
        driver.say(f"want 0 24 {UNITS}")
        driver.say("want 0 0 24")
        wait_until("the end", lambda: 0 in driver.ends)
        driver.close()
        self.assertEqual(driver.ends[0][:2], ("OK", UNITS * PRICE))
        self.check_chunks(out, 1, range(UNITS))

    def test_4_a_want_is_taken_back(self):
        """A viewer left: what is under way may end, and no more is bought."""
        home = self.market.customer()
        driver = self.start(home, "stream", (self.contents[2], self.out()))
        driver.say(f"want 0 0 {UNITS}")
        driver.say("want 0 0 0")
        driver.say("want 0 47 1")
        wait_until("the newest", lambda: 47 in driver.chunks[0])
        driver.say("stop 0")
        wait_until("the end", lambda: 0 in driver.ends)
        driver.close()
        self.assertLess(len(driver.chunks[0]), UNITS)

    def test_5_waiting_costs_nothing(self):
        home = self.market.customer()
        driver = self.start(home, "stream", *[(c, self.out()) for c in self.contents])
        driver.say("want 0 0 1")
        wait_until("a chunk", lambda: driver.chunks[0] == [0])
        before = driver.cpu()
        threading.Event().wait(1)           # what is measured: how much work a second of waiting is
        self.assertLess(driver.cpu() - before, 250)
        driver.close()

    def test_6_a_provider_comes_back(self):
        """The sessions of a waiting fetch are gone; wanting opens others."""
        home = self.market.customer()
        out = self.out()
        driver = self.start(home, "stream", (self.contents[3], out))
        driver.say("want 0 0 2")
        wait_until("the first", lambda: set(driver.chunks[0]) == {0, 1})
        for provider in self.providers:
            provider.stop()
            provider.start()
        driver.say("want 0 30 2")
        wait_until("the others", lambda: set(driver.chunks[0]) >= {30, 31})
        driver.close()
        self.check_chunks(out, 3, [0, 1, 30, 31])


if __name__ == "__main__":
    main()
