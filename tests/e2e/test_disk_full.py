#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A full disk under a customer, a ledger, a provider, and their tools. Every test is run in two
ways: on a small tmpfs (skipped where mounting is not permitted), and under a limit of the file
size (RLIMIT_FSIZE), which fails the same writes with EFBIG in place of ENOSPC."""
import errno
import os
import resource
import shutil
import subprocess
import tempfile
import unittest

from market import COIN, UNIT, WINDOW, Failure, Market, main, wait_until

SIZE = 6 << 20
UNITS = SIZE // UNIT


def mount(path, size):
    os.makedirs(path, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path],
                          capture_output=True, text=True)
    if done.returncode != 0:
        os.rmdir(path)
        raise unittest.SkipTest(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")


class Tmpfs:
    """A small file system, which a filler fills."""

    name = "tmpfs"

    def __init__(self, path, size):
        self.path, self.filler = path, os.path.join(path, ".filler")
        mount(path, size)

    def fill(self, process=None):
        with open(self.filler, "wb", buffering=0) as file:
            for step in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"f" * step)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self, process=None):
        os.unlink(self.filler)

    def close(self):
        subprocess.run(["umount", "-l", self.path], capture_output=True)


class Limit:
    """No small file system: a process that may not make files any longer."""

    name = "limit"

    def __init__(self, path, size):
        self.path = path
        os.makedirs(path, exist_ok=True)

    def fill(self, process):
        largest = max((os.path.getsize(os.path.join(self.path, name))
                       for name in os.listdir(self.path) if name.endswith(".mdb")), default=4096)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def free(self, process):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self):
        pass


def limited(size):
    def before():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    return before


class DiskFull(unittest.TestCase):
    def both(self, size, test):
        """Run TEST(disk) on each kind of disk of SIZE bytes."""
        for kind in (Limit, Tmpfs):
            with self.subTest(disk=kind.name):
                folder = os.path.join(tempfile.gettempdir(),
                                      f"souk-disk-{os.getpid()}-{kind.name}")
                disk = kind(folder, size)
                try:
                    test(disk)
                finally:
                    disk.close()
                    shutil.rmtree(folder, ignore_errors=True)

    def check_bytes(self, path, data):
        with open(path, "rb") as file:
            self.assertTrue(file.read() == data, "the bytes differ")

    # ---------------------------------------------------------------- the ledger

    def test_ledger(self):
        def on(disk):
            def prepare(folder):
                os.symlink(disk.path, os.path.join(folder, "ledger"))
            with Market(prepare=prepare) as market:
                self.fill_ledger(market, disk)
        self.both(16 << 20, on)

    def fill_ledger(self, market, disk):
        ledger, customer = market.ledger, market.customer()
        disk.fill(ledger.process)
        good = 0
        refused = customer.run("faucet", "1")
        while refused.code == 0 and good < 300:     # there are free pages in the store
            good += 1
            refused = customer.run("faucet", "1")
        self.assertEqual((refused.code, refused.json["error"]), (1, "IO_DISK_FULL"), refused)
        self.assertIn("the disk is full", refused.err)
        before = ledger.record()
        for _ in range(2):
            refused = customer.run("faucet", "1")
            self.assertEqual((refused.code, refused.json["error"]), (1, "IO_DISK_FULL"), refused)
        # What can be read can still be read; nothing changed.
        ledger.check_running()
        self.assertEqual(ledger.record(), before)
        self.assertEqual(before["minted_ncoin"], (500 + good) * COIN)
        customer.souk("balance")
        if disk.name == "tmpfs":
            # It may stop and start on a full disk.
            ledger.stop()
            ledger.start()
            self.assertEqual(ledger.record(), before)
            refused = customer.run("faucet", "1")
            self.assertEqual((refused.code, refused.json["error"]), (1, "IO_DISK_FULL"), refused)
        disk.free(ledger.process)
        customer.souk("faucet", "7")
        self.assertEqual(ledger.record()["minted_ncoin"], before["minted_ncoin"] + 7 * COIN)
        ledger.check()
        ledger.stop()
        ledger.start()
        ledger.check()

    # ---------------------------------------------------------------- a provider

    def test_provider(self):
        def on(disk):
            def prepare(folder):
                os.symlink(disk.path, os.path.join(folder, "provider1"))
            with Market(prepare=prepare) as market:
                self.fill_provider(market, disk)
        self.both(24 << 20, on)

    def fill_provider(self, market, disk):
        bad, good = market.provider("0.0001"), market.provider("0.00012")
        customer = market.customer()
        path, data = market.file("content", SIZE)
        content = market.open_shop([bad, good], path)
        # Tell a download that fails from one that takes the other provider.
        cheap = ["--max-price", "0.0001"]
        disk.fill(bad.process)

        def buy(name, *options):
            return customer.get(content, market.path(name), *options)
        bought = 0
        failed = buy("out-0", *cheap)
        while failed.code == 0 and bought < 200:
            bought += 1
            failed = buy(f"out-{bought}", *cheap)
        self.assertEqual(failed.code, 1, failed)
        self.assertEqual(failed.json["providers"][0]["status"], "IO_DISK_FULL", failed)
        self.assertLessEqual(failed.json["providers"][0]["units_lost"], WINDOW, failed)
        bad.check_running()
        # Elsewhere it is had.
        report = buy("elsewhere").good()
        self.check_bytes(market.path("elsewhere"), data)
        statuses = {p["provider"]: p["status"] for p in report["providers"]}
        self.assertEqual(statuses[good.address], "OK", report)
        # With room it goes on, where it was.
        disk.free(bad.process)

        def works():
            return buy(f"out-{bought}", *cheap).code == 0
        wait_until("the provider serves again", works, 20, 0.2)
        self.check_bytes(market.path(f"out-{bought}"), data)
        bad.check_running()
        market.ledger.close_epoch()
        for provider, earned in zip((bad, good), market.settle([bad, good])):
            self.assertEqual(provider.balance(), earned["paid_ncoin"])
            for epoch in earned["epochs"]:
                self.assertIs(epoch["within_one_prize"], True, epoch)
        market.ledger.check()

    # ---------------------------------------------------------------- a customer, and tools

    def test_customer(self):
        with Market() as market:
            provider, customer = market.provider(), market.customer()
            path, data = market.file("content", SIZE)
            content = market.open_shop([provider], path)
            with self.subTest(disk="limit"):
                self.fill_customer(customer, content, data, market.path("out"),
                                   {"before": limited(3 << 20)}, lambda: None)
            with self.subTest(disk="tmpfs"):
                folder = market.path("disk")
                mount(folder, "3m")

                def grow():
                    subprocess.run(["mount", "-o", "remount,size=16m", folder], check=True)
                try:
                    self.fill_customer(customer, content, data, folder + "/out", {}, grow)
                finally:
                    subprocess.run(["umount", "-l", folder], check=True)

    def fail_on_disk(self, customer, content, out, options):
        """A get that the disk ends, with something kept. Units come in no order: the first that is
        whole may be the one that there is no room for, and then nothing is."""
        for _ in range(30):
            failed = customer.get(content, out, **options)
            self.assertEqual((failed.code, failed.json["status"]), (1, "IO_DISK_FULL"), failed)
            self.assertIn("the disk is full", failed.err)
            self.assertFalse(os.path.exists(out))
            provider = failed.json["providers"][0]
            self.assertEqual(provider["status"], "OK", failed)     # it was not its fault
            self.assertLessEqual(provider["units_lost"], WINDOW)
            if provider["units"] > 0:
                return provider
        self.fail(f"nothing was kept, again and again: {failed}")

    def fill_customer(self, customer, content, data, out, options, free):
        provider = self.fail_on_disk(customer, content, out, options)
        kept = provider["bytes"]
        free()
        report = customer.get(content, out).good()
        self.check_bytes(out, data)
        self.assertEqual(report["resumed_bytes"], kept)
        self.assertEqual(report["providers"][0]["units_paid"], (SIZE - kept) // UNIT)

    def test_add(self):
        with Market() as market:
            provider = market.provider()
            first, _ = market.file("first", UNIT)
            provider.add(first)
            path, data = market.file("content", SIZE)
            folder = os.path.join(provider.path, "content")
            before = sorted(os.listdir(folder)), provider.souk("add", "--list")
            refused = provider.run("add", path, before=limited(2 << 20))
            self.assertEqual(refused.code, 1, refused)
            self.assertIn("IO_DISK_FULL", refused.err)
            self.assertIn("it needs", refused.err)
            self.assertEqual((sorted(os.listdir(folder)), provider.souk("add", "--list")), before)
            provider.add(path)

    def test_tools_on_tmpfs(self):
        with Market() as market:
            customer = market.customer()
            for _ in range(20):
                customer.souk("faucet", "1")
            folder = market.path("disk")
            mount(folder, "64k")
            disk = Tmpfs.__new__(Tmpfs)
            disk.path, disk.filler = folder, folder + "/.filler"
            try:
                disk.fill()
                refused = customer.run("ledger", "export", folder + "/log")
                self.assertEqual((refused.code, refused.json["error"]), (1, "IO_DISK_FULL"),
                                 refused)
                refused = customer.run("init", "--home", folder + "/home")
                self.assertEqual(refused.code, 1, refused)
                self.assertEqual(os.listdir(folder), [".filler"] + (
                    ["home"] if os.path.exists(folder + "/home") else []))
                if os.path.exists(folder + "/home"):
                    self.assertEqual(os.listdir(folder + "/home"), [])
                disk.free()
                customer.souk("ledger", "export", folder + "/log")
                customer.souk("ledger", "verify", folder + "/log")
            finally:
                subprocess.run(["umount", "-l", folder], check=True)


if __name__ == "__main__":
    main()
