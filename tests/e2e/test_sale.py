#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first sale, end to end: three providers, two customers, one ledger, files of every size at
which something changes; then the epoch is closed, drawn and settled, and the log verified."""
import os
import unittest

from market import (COIN, UNIT, Market, MarketTest, content_root, http_request, main,
                    wait_until)

SIZES = [0, 1, 16383, 16384, 16385, 262144, 262145, 5 << 20]
PRICES = ["0.0001", "0.00012", "0.00015"]


def units_of(size):
    return -(-size // UNIT)


def libtorrent_root(path, size):
    """The pieces root that libtorrent computes for a file, or None where it is not installed."""
    try:
        import libtorrent
    except ImportError:
        return None
    if size == 0:
        return None          # BEP 52 gives an empty file no root
    storage = libtorrent.file_storage()
    storage.add_file(os.path.basename(path), size)
    torrent = libtorrent.create_torrent(storage, 0, libtorrent.create_torrent.v2_only)
    libtorrent.set_piece_hashes(torrent, os.path.dirname(path))
    tree = torrent.generate()[b"info"][b"file tree"]
    return tree[os.path.basename(path).encode()][b""][b"pieces root"]


class Sale(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.providers = [market.provider(price) for price in PRICES]
        cls.customers = [market.customer(), market.customer(line="5", prize="0.0005")]
        cls.files = {}
        for size in SIZES:
            path, data = market.file(f"file-{size}", size)
            cls.files[size] = [None, path, data]
        for provider in cls.providers:
            for size, entry in cls.files.items():
                entry[0] = provider.add(entry[1])
            provider.start()
        for provider in cls.providers:
            provider.wait_registered()
        cls.prices = {p.address: int(float(price) * COIN + 0.5)
                      for p, price in zip(cls.providers, PRICES)}
        # What every download paid, by provider: what the providers must know of in the end.
        cls.paid = {p.address: 0 for p in cls.providers}

    def check_result(self, result, size, out):
        """A download that succeeded: bytes, units and money add up."""
        report = result.good()
        with open(out, "rb") as file:
            self.assertEqual(file.read(), self.files[size][2])
        self.assertFalse(os.path.exists(out + ".part"))
        self.assertEqual(report["status"], "OK")
        self.assertEqual(report["bytes"], size)
        self.assertEqual(report["resumed_bytes"], 0)
        # A unit that was late may have come twice.
        spare = sum(p["units_spare"] for p in report["providers"])
        self.assertLessEqual(spare, 2)
        self.assertEqual(sum(p["units"] for p in report["providers"]) - spare, units_of(size))
        if spare == 0:
            self.assertEqual(sum(p["bytes"] for p in report["providers"]), size)
        spent = 0
        for p in report["providers"]:
            self.assertEqual(p["status"], "OK")
            self.assertEqual(p["units_lost"], 0)
            self.assertEqual(p["units_paid"], p["units"])
            self.assertEqual(p["price_ncoin"], self.prices[p["provider"]])
            self.assertEqual(p["spent_ncoin"], p["units_paid"] * p["price_ncoin"])
            spent += p["spent_ncoin"]
            self.paid[p["provider"]] += p["units_paid"]
        self.assertEqual(report["spent_ncoin"], spent)
        return report

    def test_1_offers(self):
        content = self.files[5 << 20][0]
        offers = self.customers[0].souk("offers", content)["providers"]
        self.assertEqual([o["price_ncoin"] for o in offers], sorted(self.prices.values()))
        self.assertEqual({o["provider"] for o in offers}, set(self.prices))
        for offer in offers:
            self.assertEqual(offer["size_bytes"], 5 << 20)
            self.assertEqual(offer["unit_bytes"], UNIT)
            self.assertGreaterEqual(offer["deposit_ncoin"], COIN)
        listed = self.customers[0].souk("offers")["providers"]
        self.assertEqual({o["provider"] for o in listed}, set(self.prices))

    def test_1_rows_with_offers(self):
        """The row comes behind the offer, where it is asked for, short enough, and of use."""
        def get(path):
            status, body = http_request(self.providers[0].control, "GET", path, tls=True)
            self.assertEqual(status, 200)
            return body
        for size, (content, _, _) in self.files.items():
            offer = "/v1/offers/" + (content or "00" * 32).split(".")[0]
            plain, row = len(get(offer)), get(offer.replace("offers", "chunks"))
            sent = row if units_of(size) > 1 else b""
            for most in (1 << 31, 1 << 20, len(sent)):
                self.assertEqual(get(f"{offer}?row={most}")[plain:], sent, (size, most))
            for most in (len(sent) - 1, "x", "", "0" + str(1 << 20), 1 << 32):
                self.assertEqual(get(f"{offer}?row={most}")[plain:], b"", (size, most))

    def test_2_content_ids(self):
        compared = 0
        for size, (content, path, data) in self.files.items():
            self.assertEqual(content.split(".")[0], content_root(data).hex(), size)
            other = libtorrent_root(path, size)
            if other is not None:
                self.assertEqual(content.split(".")[0], other.hex(), size)
                compared += 1
        print(f"# {compared} roots compared with libtorrent's", flush=True)

    def test_3_every_size(self):
        for size in SIZES:
            with self.subTest(size=size):
                out = self.market.path(f"bought-{size}")
                result = self.customers[0].get(self.files[size][0], out)
                self.check_result(result, size, out)

    def test_4_cheapest_only(self):
        out = self.market.path("bought-cheapest")
        result = self.customers[0].get(self.files[262145][0], out, "--providers", 1)
        report = self.check_result(result, 262145, out)
        self.assertEqual([p["price_ncoin"] for p in report["providers"]], [100000])

    def test_5_two_customers_at_once(self):
        """Each buys from all three, both at the same time, one of them twice at the same time."""
        size = 5 << 20
        runs = []
        for i, customer in enumerate([self.customers[0], self.customers[1], self.customers[1]]):
            out = self.market.path(f"bought-parallel-{i}")
            runs.append((customer.command("get", self.files[size][0], out), out))
        for run, out in runs:
            self.check_result(run.wait(), size, out)

    def test_6_several_sessions(self):
        """A provider that sells few units a session: the rest comes in further sessions."""
        provider = self.providers[0]
        provider.stop()
        provider.configure("provider", units=3)
        before = provider.earnings()["sessions"]
        provider.start()
        size, out = 5 << 20, self.market.path("bought-sessions")
        result = self.customers[0].get(self.files[size][0], out, "--providers", 1)
        self.check_result(result, size, out)
        sessions = provider.earnings()["sessions"] - before
        self.assertEqual(sessions, -(-units_of(size) // 3))
        # All of them from the one leaf that was allotted at the start.
        listed = provider.earnings("--sessions")
        self.assertEqual(sum(s["units"] for s in listed["session_list"]), listed["units"])

    def let_all_sell(self):
        """On a slow disk the others may have had it all before the third one's session was open."""
        for provider in self.providers:
            others = [p for p in self.providers if p is not provider]
            if self.paid[provider.address] > 0:
                continue
            for other in others:
                other.stop()
            out = self.market.path(f"bought-only-{provider.name}")
            self.check_result(self.customers[0].get(self.files[262145][0], out), 262145, out)
            for other in others:
                other.start()

    def test_7_settlement(self):
        self.let_all_sell()
        # Tickets reach the disk in batches, on a slow disk some time after the download's end.
        for provider in self.providers:
            wait_until("the last batch",
                       lambda: provider.earnings()["units"] >= self.paid[provider.address])
        owed = {p.address: p.earnings() for p in self.providers}
        for provider in self.providers:
            earned = owed[provider.address]
            self.assertEqual(earned["units"], self.paid[provider.address], provider.name)
            self.assertEqual(earned["owed_ncoin"],
                             earned["units"] * self.prices[provider.address])
        self.assertTrue(all(e["units"] > 0 for e in owed.values()), owed)
        before = {p.address: p.balance() for p in self.providers}
        epoch = self.market.ledger.close_epoch()
        for provider, earned in zip(self.providers, self.market.settle(self.providers)):
            self.assertEqual([e["epoch"] for e in earned["epochs"]], [epoch])
            totals = earned["epochs"][0]
            self.assertIs(totals["within_one_prize"], True, totals)
            self.assertEqual(earned["due_ncoin"], 0)
            self.assertEqual(totals["settled_owed_ncoin"], totals["owed_ncoin"])
            # What was paid is on the ledger, to the last ncoin.
            self.assertEqual(provider.balance() - before[provider.address],
                             earned["paid_ncoin"])
            gap = abs(totals["paid_ncoin"] - totals["owed_ncoin"])
            self.assertLess(gap, totals["leaves"] * totals["prize_ncoin"])

    def test_8_ledger_verifies(self):
        exported, verified, path = self.market.ledger.check()
        record = self.market.ledger.record()
        self.assertEqual(exported["transactions"], record["tx_count"])
        self.assertEqual(exported["blocks"], record["height"])
        # The verifier is no rubber stamp: any one byte changed is seen.
        with open(path, "rb") as file:
            data = bytearray(file.read())
        for at in (len(data) // 3, len(data) // 2, len(data) - 2):
            data[at] ^= 1
            with open(path + ".bad", "wb") as file:
                file.write(data)
            refused = self.market.ledger.run("ledger", "verify", path + ".bad")
            self.assertEqual(refused.code, 1, refused)
            data[at] ^= 1

    def test_9_clean_stop(self):
        for daemon in self.market.daemons:
            daemon.stop()
            self.assertIn("stopped", daemon.log().splitlines()[-1])


if __name__ == "__main__":
    main()
