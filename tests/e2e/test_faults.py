#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between a customer and its providers: every fault of the data path, processes
killed half-way, limits of money, a wrong TLS key, no ledger. The customer names the reason, gets
the file elsewhere where there is an elsewhere, and loses at most a window."""
import os
import re
import time

import relay as r
from market import COIN, UNIT, WINDOW, Failure, Market, MarketTest, free_port, main, wait_until
from relay import Fault, Relay

SIZE = 6 << 20
UNITS = SIZE // UNIT
BAD_PRICE, GOOD_PRICE = 100000, 120000
TIMEOUT = "1s"

# A fault, the units let through before it, and the reasons for which the provider may be dropped.
FAULTS = [
    (r.flip, 3, {"PEER_BAD_UNIT"}),
    (r.cut_short, 3, {"IO_NET"}),
    (r.say_less, 3, {"PEER_WRONG_LENGTH"}),
    (r.say_more, 3, {"PEER_WRONG_LENGTH"}),
    (r.empty, 3, {"PEER_WRONG_LENGTH"}),
    (r.stall, 3, {"PEER_SILENT"}),
    (r.stall_in_body, 3, {"PEER_SILENT"}),
    (r.drop, 3, {"IO_NET"}),
    (r.wrong_key, 3, {"PEER_BAD_KEY"}),
    (r.future_key, 3, {"PEER_BAD_KEY"}),
    (r.no_key, 3, {"PEER_UNPAID"}),
    (r.bad_key, 3, {"PEER_BAD_REQUEST"}),
    (r.garbage, 3, {"IO_NET"}),
    (r.not_found, 3, {"PEER_BAD_REQUEST"}),
    (r.server_error, 3, {"PEER_BAD_REQUEST"}),
    (r.redirect, 3, {"PEER_BAD_REQUEST"}),
    (r.endless_head, 3, {"PEER_SILENT", "IO_NET"}),
    (r.flip, 0, {"PEER_BAD_UNIT"}),
    (r.drop, 0, {"IO_NET"}),
    (r.stall, 0, {"PEER_SILENT"}),
]
# The same is done to the answers that only carry keys.
ALSO_KEYS = {r.wrong_key, r.future_key, r.no_key, r.bad_key, r.garbage, r.drop, r.stall}


class Faults(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.bad, cls.good = market.provider("0.0001"), market.provider("0.00012")
        cls.bad_relay = Relay(market, cls.bad)
        # Slow enough that the bad one gets its share too.
        cls.good_relay = Relay(market, cls.good, delay=0.05)
        cls.customer = market.customer(coins="900", line="20")
        cls.path, cls.data = market.file("content", SIZE)
        cls.content = market.open_shop([cls.bad, cls.good], cls.path)
        cls.number = 0

    def setUp(self):
        for provider in (self.bad, self.good):
            if not provider.is_running():
                provider.process = None
                provider.start()
        self.bad_relay.set_fault(None)
        self.good_relay.set_fault(None)
        self.bad_relay.delay, self.good_relay.delay = 0.0, 0.05

    def out(self):
        Faults.number += 1
        return self.market.path(f"out-{self.number}")

    def check_bytes(self, out):
        with open(out, "rb") as file:
            self.assertTrue(file.read() == self.data, "the bytes differ")

    def verified_bytes(self, part):
        """The bytes of PART's chunks that are what they should be."""
        with open(part, "rb") as file:
            data = file.read()
        return sum(len(self.data[at:at + UNIT]) for at in range(0, SIZE, UNIT)
                   if data[at:at + UNIT] == self.data[at:at + UNIT])

    @staticmethod
    def of(report, provider):
        return next(p for p in report["providers"] if p["provider"] == provider.address)

    def spoil(self, fault, after):
        self.bad_relay.set_fault(Fault(fault, after, keys_too=fault in ALSO_KEYS))

    def check_dropped(self, report, reasons):
        bad = self.of(report, self.bad)
        self.assertIn(bad["status"], reasons, report)
        self.assertLessEqual(bad["units_lost"], WINDOW, report)
        self.assertEqual(bad["spent_ncoin"], bad["units_paid"] * BAD_PRICE, report)
        return bad

    def test_a_bad_provider_beside_a_good_one(self):
        for fault, after, reasons in FAULTS:
            with self.subTest(fault=fault.__name__, after=after):
                self.spoil(fault, after)
                out = self.out()
                # Or another one may bring what is late before its seller is given up.
                report = self.customer.get(self.content, out, "--no-hedges", "--timeout", TIMEOUT,
                                           seconds=30).good()
                self.check_bytes(out)
                bad = self.check_dropped(report, reasons)
                good = self.of(report, self.good)
                self.assertEqual((good["status"], good["units_lost"]), ("OK", 0), report)
                self.assertEqual(good["units"] + bad["units"], UNITS)

    def test_b_bad_provider_alone(self):
        """It fails, says why, keeps what is good; with a good one it goes on from there."""
        for fault, after, reasons in FAULTS:
            with self.subTest(fault=fault.__name__, after=after):
                self.spoil(fault, 4 * after)
                out = self.out()
                failed = self.customer.get(self.content, out, "--timeout", TIMEOUT,
                                           "--providers", 1, seconds=30)
                self.assertEqual(failed.code, 1, failed)
                self.assertEqual(failed.json["status"], "LOCAL_NO_PROVIDER_LEFT", failed)
                self.check_dropped(failed.json, reasons)
                self.assertIn("not complete", failed.err)
                self.assertFalse(os.path.exists(out))
                kept = self.verified_bytes(out + ".part")
                self.assertEqual(kept, self.of(failed.json, self.bad)["bytes"], failed)
                self.bad_relay.set_fault(None)
                report = self.customer.get(self.content, out, "--no-hedges", "--timeout",
                                           TIMEOUT).good()
                self.check_bytes(out)
                self.assertEqual(report["resumed_bytes"], kept)
                self.assertEqual(sum(p["bytes"] for p in report["providers"]), SIZE - kept)
                self.assertEqual(sum(p["units_paid"] for p in report["providers"]),
                                 (SIZE - kept) // UNIT)

    def test_c_provider_with_spoilt_content(self):
        """No man in the middle: the provider's own disk rots."""
        stored = os.path.join(self.bad.path, "content", self.content)
        with open(stored, "r+b") as file:
            file.seek(2 * UNIT + 77)
            byte = file.read(1)
            file.seek(2 * UNIT + 77)
            file.write(bytes([byte[0] ^ 1]))
        try:
            out = self.out()
            failed = self.customer.get(self.content, out, "--providers", 1)
            self.assertEqual(failed.code, 1, failed)
            self.check_dropped(failed.json, {"PEER_BAD_UNIT"})
            report = self.customer.get(self.content, out).good()
            self.check_bytes(out)
            self.assertGreater(report["resumed_bytes"], 0)
        finally:
            with open(stored, "r+b") as file:
                file.seek(2 * UNIT + 77)
                file.write(byte)

    def test_d_lost_content(self):
        stored = os.path.join(self.bad.path, "content", self.content)
        os.rename(stored, stored + ".away")
        self.bad.stop()          # it may have the file open
        self.bad.start()
        try:
            out = self.out()
            report = self.customer.get(self.content, out).good()
            self.check_bytes(out)
            self.check_dropped(report, {"IO_READ", "LOCAL_NOT_FOUND"})
        finally:
            os.rename(stored + ".away", stored)

    def wait_for_bytes(self, out, command, count):
        """Until COUNT bytes are on the disk; fails if the download is over before that."""
        def there():
            if command.process.poll() is not None:
                raise Failure(f"it was over too soon: {command.read()}")
            try:
                return os.stat(out + ".part").st_blocks * 512 >= count
            except FileNotFoundError:
                return False
        wait_until("half of it", there, pause=0.002)

    def test_e_provider_killed_half_way(self):
        self.bad_relay.delay = 0.05
        out = self.out()
        command = self.customer.command("get", self.content, out)
        self.wait_for_bytes(out, command, SIZE // 3)
        self.bad.kill()
        report = command.wait().good()
        self.check_bytes(out)
        bad = self.check_dropped(report, {"IO_NET"})
        self.assertGreater(bad["units"], 0)
        self.assertEqual(self.of(report, self.good)["units_lost"], 0)

    def test_f_provider_restarts_half_way(self):
        """It is back before the customer gives it up: the session goes on, nothing is lost."""
        self.bad_relay.delay = 0.05
        out = self.out()
        command = self.customer.command("get", self.content, out, "--providers", 1)
        self.wait_for_bytes(out, command, SIZE // 3)
        self.bad.kill()
        self.bad.start(wait=False)
        report = command.wait().good()
        self.check_bytes(out)
        self.assertLessEqual(self.of(report, self.bad)["units_lost"], WINDOW)

    def test_g_customer_killed_half_way(self):
        self.bad_relay.delay = 0.05
        out = self.out()
        paid_before = sum(p.status()["units_paid"] for p in (self.bad, self.good))
        command = self.customer.command("get", self.content, out)
        self.wait_for_bytes(out, command, SIZE // 2)
        command.kill()
        command.wait()
        kept = self.verified_bytes(out + ".part")
        self.assertGreaterEqual(kept, SIZE // 2 - UNIT)
        report = self.customer.get(self.content, out).good()
        self.check_bytes(out)
        self.assertEqual(report["resumed_bytes"], kept)
        self.assertEqual(sum(p["units_paid"] for p in report["providers"]), (SIZE - kept) // UNIT)
        # What both runs paid: the content once, and at most a window for each provider besides.
        self.assertLessEqual(sum(p.status()["units_paid"] for p in (self.bad, self.good)),
                             paid_before + UNITS + 2 * WINDOW)

    def test_h_customer_stopped(self):
        """SIGTERM, not SIGKILL: it says what it has and exits with 1."""
        # From the slow one only: with both the fast one has it all in a moment.
        self.bad_relay.delay = 0.5
        out = self.out()
        command = self.customer.command("get", self.content, out, "--providers", 1)
        self.wait_for_bytes(out, command, SIZE // 3)
        command.process.terminate()
        result = command.wait(10)
        self.assertEqual((result.code, result.json["status"]), (1, "LOCAL_STOPPED"), result)
        report = self.customer.get(self.content, out).good()
        self.check_bytes(out)
        self.assertGreaterEqual(report["resumed_bytes"], SIZE // 3 - UNIT)

    def test_i_budget(self):
        out = self.out()
        failed = self.customer.get(self.content, out, "--budget", "0.00105", "--providers", 1)
        self.assertEqual((failed.code, failed.json["status"]), (1, "LOCAL_BUDGET"), failed)
        self.assertEqual(failed.json["spent_ncoin"], 10 * BAD_PRICE)
        self.assertEqual(self.verified_bytes(out + ".part"), 10 * UNIT)
        self.assertIn("the budget is used up", failed.err)
        report = self.customer.get(self.content, out, "--budget", "0.0014", "--providers",
                                   1).good()
        self.check_bytes(out)
        self.assertEqual(report["spent_ncoin"], (UNITS - 10) * BAD_PRICE)

    def test_j_max_price(self):
        out = self.out()
        report = self.customer.get(self.content, out, "--max-price", "0.00011").good()
        self.assertEqual([p["provider"] for p in report["providers"]], [self.bad.address])
        refused = self.customer.get(self.content, self.out(), "--max-price", "0.00009")
        self.assertEqual((refused.code, refused.json["error"]), (1, "LOCAL_BUDGET"), refused)
        self.assertIn("no offer is cheap enough", refused.err)

    def test_k_unknown_content(self):
        refused = self.customer.get("ab" * 32, self.out())
        self.assertEqual((refused.code, refused.json["error"]), (1, "PEER_UNKNOWN_CONTENT"))
        wrong = self.customer.get("not-an-id", self.out())
        self.assertEqual((wrong.code, wrong.json["error"]), (2, "PEER_BAD_HEX"))

    def test_l_no_money(self):
        poor = self.market.customer(coins=None, line=None)
        refused = poor.get(self.content, self.out())
        self.assertEqual((refused.code, refused.json["error"]), (1, "PEER_NO_ESCROW"), refused)
        self.assertIn("souk escrow open", refused.err)
        short = self.market.customer(coins="10", line="0.0005", prize="0.0001")
        out = self.out()
        # The line is five units long, and 24 are wanted.
        failed = short.get(self.content, out, "--providers", 1)
        self.assertEqual(failed.code, 1, failed)
        self.assertLessEqual(failed.json["spent_ncoin"], 500000)
        self.assertEqual(self.verified_bytes(out + ".part"), 5 * UNIT, failed)
        again = short.get(self.content, out, "--providers", 1)
        self.assertEqual((again.code, again.json["error"]), (1, "PEER_ALLOTMENT_OVER_LINE"))
        self.assertIn("allotted already", again.err)

    def test_m_two_downloads_to_one_file(self):
        self.bad_relay.delay = self.good_relay.delay = 1.0     # it is not over before the second
        out = self.out()
        first = self.customer.command("get", self.content, out)
        self.wait_for_bytes(out, first, UNIT)
        second = self.customer.get(self.content, out)
        self.assertEqual((second.code, second.json["error"]), (1, "LOCAL_STATE"), second)
        first.wait().good()
        self.check_bytes(out)

    def test_n_wrong_tls_key(self):
        """Somebody else answers at a provider's control address, with a key of its own."""
        impostor = self.market.provider("0.00001")
        impostor.add(self.path)
        self.bad.stop()
        impostor.control = self.bad.control
        impostor.ports = self.bad.ports
        # It cannot reach the ledger, and so does not register itself.
        impostor.configure("provider", control=f"127.0.0.1:{self.bad.control}",
                           data=f"127.0.0.1:{self.bad.data}")
        impostor.configure("souk", ledger=f"http://127.0.0.1:{free_port()}")
        impostor.start()
        try:
            offers = self.customer.souk("offers", self.content)["providers"]
            errors = {o["provider"]: o.get("error") for o in offers}
            self.assertEqual(errors, {self.bad.address: "IO_TLS_PIN", self.good.address: None})
            out = self.out()
            report = self.customer.get(self.content, out).good()
            self.assertEqual([p["provider"] for p in report["providers"]], [self.good.address])
            self.check_bytes(out)
        finally:
            impostor.stop()

    def test_o_no_provider(self):
        self.bad.stop()
        self.good.stop()
        refused = self.customer.get(self.content, self.out())
        self.assertEqual((refused.code, refused.json["error"]), (1, "IO_NET"))
        self.assertIn("nobody who answers offers this content", refused.err)

    def test_p_no_ledger(self):
        """The ledger is gone: commands say so; a provider stays up and comes back with it."""
        ledger = self.market.ledger
        ledger.stop()
        for arguments in (["get", self.content, self.out()], ["balance"], ["offers"],
                          ["faucet", "1"], ["escrow", "show"], ["ledger", "show"]):
            started = time.monotonic()
            refused = self.customer.run(*arguments)
            self.assertEqual(refused.code, 1, refused)
            self.assertEqual(refused.json["error"], "IO_NET", refused)
            self.assertIn("No ledger answers at", refused.err)
            self.assertLess(time.monotonic() - started, 15, arguments)
        self.bad.check_running()
        ledger.start()
        out = self.out()
        self.customer.get(self.content, out).good()
        self.check_bytes(out)

    def test_q_ledger_dies_during_a_download(self):
        """Open sessions need no ledger."""
        self.bad_relay.delay = self.good_relay.delay = 0.05
        out = self.out()
        command = self.customer.command("get", self.content, out)
        self.wait_for_bytes(out, command, 2 * UNIT)
        self.market.ledger.kill()
        try:
            report = command.wait().good()
            self.check_bytes(out)
            self.assertEqual(sum(p["units_lost"] for p in report["providers"]), 0)
        finally:
            self.market.ledger.start()

    def test_r_slow_link(self):
        """Slow is not silent: bytes come all the time, though no unit is done within the timeout."""
        path, data = self.market.file("small", 3 * UNIT)
        content = self.bad.add(path)
        self.bad_relay.set_fault(Fault(r.trickle))
        out = self.out()
        report = self.customer.get(content, out, "--no-hedges", "--timeout", TIMEOUT).good()
        self.assertEqual(report["providers"][0]["units_lost"], 0)
        with open(out, "rb") as file:
            self.assertTrue(file.read() == data)

    def test_s_refusal_for_a_short_chunk(self):
        """The last chunk has one byte; what its refusal says must be understood all the same: this
        one ends a session, and not the provider."""
        path, data = self.market.file("odd", 5 * UNIT + 1)
        content = self.bad.add(path)
        refused = []

        def once(answer):
            if len(answer.body) == 1 and not refused:
                refused.append(answer)
                r.epoch_closed(answer)
        self.bad_relay.set_fault(Fault(once))
        out = self.out()
        report = self.customer.get(content, out).good()
        self.assertEqual(report["providers"][0]["status"], "OK", report)
        self.assertEqual(len(refused), 1)
        with open(out, "rb") as file:
            self.assertTrue(file.read() == data)

    def test_z_money_adds_up(self):
        """After all that: every provider is paid within one prize, and the log verifies."""
        providers = [self.bad, self.good]
        self.market.ledger.close_epoch()
        for provider, earned in zip(providers, self.market.settle(providers)):
            self.assertEqual(provider.balance(), earned["paid_ncoin"])
            for epoch in earned["epochs"]:
                self.assertIs(epoch["within_one_prize"], True, epoch)
        self.market.ledger.check()


if __name__ == "__main__":
    main()
