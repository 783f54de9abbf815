#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten nodes, with real latency and loss between them: a ledger, three providers, and six buyers at
once. One provider is far away, and one is slow and loses much. Every download completes, the slow
tail is asked of others, and the money adds up to the last ncoin.

Where namespaces cannot be had (see netns.py), ten processes on loopback, with relays before the
providers that delay answers and break connections (SOUK_NO_NETNS=why has that anywhere)."""
import os
import random

import netns
from market import (UNIT, WINDOW, Customer, Market, MarketTest, Provider, main, wait_until)
from netns import Link
from relay import Relay, drop

SIZE = 6 << 20
PRICES = ["0.0001", "0.00011", "0.00012"]
BUYERS = 6
LEDGER, NEAR, FAR, SLOW = range(4)
LINKS = [
    Link(delay=0.005),
    Link(delay=0.010, loss=0.002, rate=12e6),
    Link(delay=0.080, jitter=0.010, loss=0.005, rate=8e6),
    Link(delay=0.040, jitter=0.020, loss=0.03, rate=400e3),
] + [Link(delay=0.005 + 0.005 * i, jitter=0.002, loss=0.002 * i, rate=12e6) for i in range(BUYERS)]


def place(home, net, node):
    """The class of a party that lives on NODE."""
    class Placed(home):
        prefix = net.prefix(node) if net else ()

        def wait_ready(self, seconds=30):
            if not net:
                super().wait_ready(seconds)
            # On other nodes: whoever is registered listens.
    Placed.__name__ = home.__name__
    return Placed


class WideMarket(Market):
    """Its ledger listens for all nodes."""

    def __init__(self, net):
        Market.__init__(self)
        if net:
            self.ledger.stop()
            self.ledger.configure("ledger", listen=f"0.0.0.0:{self.ledger.port}")
            self.ledger.start()
            self.url = f"http://{net.ip(LEDGER)}:{self.ledger.port}"

    def place_provider(self, net, node, price):
        provider = place(Provider, net, node)(self, f"provider{node}", price, {})
        if net:
            host = net.ip(node)
            provider.configure("provider", control=f"{host}:{provider.control}",
                               data=f"{host}:{provider.data}")
        self.daemons.append(provider)
        return provider


class Broken:
    """Of the answers of a slow provider some never come, as on a line that loses much."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def __call__(self, number, is_unit, answer):
        if is_unit and self.rng.random() < 0.05:
            drop(answer)


class TenNodes(MarketTest):
    @classmethod
    def make_market(cls):
        reason = os.environ.get("SOUK_NO_NETNS") or netns.why_not()
        net = None if reason else netns.Network(LINKS)
        print(f"# {net.kind if net else 'relays: ' + reason}", flush=True)
        if net:
            net.__enter__()
            cls.addClassCleanup(net.__exit__)
            net.run_in(LEDGER)
        cls.market = market = WideMarket(net)
        cls.providers = [market.place_provider(net, node, price)
                         for node, price in zip((NEAR, FAR, SLOW), PRICES)]
        cls.buyers = [place(Customer, net, SLOW + 1 + i)(market, f"buyer{i}", "500", "10", "0.001")
                      for i in range(BUYERS)]
        cls.figures = {"hedges": 0, "hedges_won": 0}
        cls.paid = {p.address: 0 for p in cls.providers}
        cls.sessions = {p.address: 0 for p in cls.providers}
        cls.path, cls.data = market.file("film", SIZE)
        if not net:
            for provider, delay in zip(cls.providers, (0.02, 0.1, 0.6)):
                Relay(market, provider, Broken(7), delay)
        cls.content = market.open_shop(cls.providers, cls.path)

    def test_1_everybody_at_once(self):
        rounds = 0
        while self.figures["hedges"] == 0 and rounds < 3:
            self.buy(rounds)
            rounds += 1
        self.assertGreater(self.figures["hedges"], 0)
        self.assertGreaterEqual(self.figures["hedges"], self.figures["hedges_won"])

    def buy(self, number):
        """All buyers at once."""
        outs = [self.market.path(f"bought-{number}-{i}") for i in range(BUYERS)]
        runs = [buyer.command("get", self.content, out)
                for buyer, out in zip(self.buyers, outs)]
        reports = [run.wait().good() for run in runs]
        for out in outs:
            with open(out, "rb") as file:
                self.assertEqual(file.read(), self.data)
        self.check_money(reports)
        by_provider = {p.address: 0 for p in self.providers}
        for report in reports:
            for key in self.figures:
                self.figures[key] += report[key]
            for p in report["providers"]:
                by_provider[p["provider"]] += p["bytes"]
        shares = "/".join(str(by_provider[p.address] * 100 // (BUYERS * SIZE))
                          for p in self.providers)
        seconds = sorted(r["seconds"] for r in reports)
        print(f"# {SIZE >> 20} MiB each in {seconds[0]:.1f} to {seconds[-1]:.1f} s; near/far/slow "
              f"{shares} %; {self.figures['hedges']} hedges, {self.figures['hedges_won']} won",
              flush=True)

    def check_money(self, reports):
        units = -(-SIZE // UNIT)
        for report in reports:
            spare = sum(p["units_spare"] for p in report["providers"])
            lost = sum(p["units_lost"] for p in report["providers"])
            self.assertEqual(sum(p["bytes"] for p in report["providers"]), SIZE)
            self.assertEqual(sum(p["units"] for p in report["providers"]), units + spare)
            # Of so few chunks two may be paid twice; and whoever was left had a window at most.
            dropped = sum(p["status"] != "OK" for p in report["providers"])
            self.assertLessEqual(spare, 2)
            self.assertLessEqual(lost, 2 + dropped * WINDOW, report)
            spent = 0
            for p in report["providers"]:
                self.assertEqual(p["spent_ncoin"], p["units_paid"] * p["price_ncoin"])
                spent += p["spent_ncoin"]
                self.paid[p["provider"]] += p["units_paid"]
                self.sessions[p["provider"]] += p["units_paid"] > 0
            self.assertEqual(report["spent_ncoin"], spent)

    def test_2_settlement(self):
        """What buyers say they paid is what providers claim, but for tickets that were on the way
        when the last chunk came: a window for each session."""
        def arrived():
            return {p.address: p.earnings()["units"] for p in self.providers}
        wait_until("the last batch", lambda: all(
            self.paid[a] - WINDOW * max(1, self.sessions[a]) <= units <= self.paid[a]
            for a, units in arrived().items()))
        self.market.ledger.close_epoch()
        for earned in self.market.settle(self.providers):
            self.assertEqual(earned["due_ncoin"], 0)
            for totals in earned["epochs"]:
                self.assertIs(totals["within_one_prize"], True, totals)
        self.market.ledger.check()


if __name__ == "__main__":
    main()
