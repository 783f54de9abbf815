#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A provider that is a cache: recruited by a message made here, it fetches, serves, outlives kill
-9, and keeps to its limits."""
import http.client
import json
import os
import resource
import ssl
import struct
import time
import unittest

import wire
from market import COIN, UNIT, Market, http_request, main, wait_until
from wire import text, u64, u8

HOUR = 3600


def now_ms():
    return int(time.time() * 1000)


class Recruit:
    """A signed recruit, as bytes."""

    def __init__(self, key, provider, escrow, content, price, seconds=HOUR, nonce=1,
                 url="https://127.0.0.1:1#00", spoil=False):
        self.key, self.content = key, content
        body = (u8(1) + key.address + key.public + provider + escrow + bytes.fromhex(content) +
                u64(price) + nonce.to_bytes(16, "big") + u64(now_ms() + int(seconds * 1000)) +
                text(url))
        signature = bytearray(key.sign(wire.digest("recruit", body)))
        if spoil:
            signature[5] ^= 1
        self.digest = wire.digest("recruit", body)
        self.bytes = body + bytes(signature)


def problem(body):
    """The status and the detail of a refusal."""
    said = json.loads(body)
    return said["error"], said.get("detail") or ""


class Cache:
    """A provider's home with a cache, and money to fetch with."""

    def __init__(self, market, price="0.0001", coins="50", **settings):
        self.market = market
        settings = {"cache": "64MiB", **settings}
        self.home = market.provider(price=price, **settings)
        if coins:
            self.home.souk("faucet", coins)
            self.home.souk("escrow", "open", "--line", "10", "--prize", "0.001")
        self.home.start()
        self.home.wait_registered()
        self.address = bytes.fromhex(self.home.address[2:])

    def post(self, recruit):
        return http_request(self.home.control, "POST", "/v1/recruits", recruit.bytes, tls=True)

    def enlist(self, recruit, seconds=60):
        """Post until it says yes; the signed_enlist."""
        last = []

        def enlisted():
            status, body = self.post(recruit)
            if status == 200:
                return body
            last[:] = problem(body)
            if last[0] != "LOCAL_STATE":
                raise AssertionError(f"refused: {last}")
            return None
        return wait_until(f"the cache has it; it said {last}", enlisted, seconds, 0.1)

    def get(self, path):
        return http_request(self.home.control, "GET", path, tls=True)

    def available(self, content):
        """(chunks, [(first, count)...]), or None."""
        status, body = self.get(f"/v1/available/{content}")
        if status != 200:
            return None
        assert body[:32].hex() == content
        chunks, count = struct.unpack_from(">IH", body, 32)
        return chunks, [struct.unpack_from(">II", body, 38 + 8 * i) for i in range(count)]

    def sponsors(self, content):
        """How many recruits it names, and the bytes."""
        status, body = self.get(f"/v1/sponsors/{content}")
        assert status == 200, body
        return struct.unpack_from(">H", body)[0], body[2:]

    def figures(self):
        return self.home.status()["cache"]

    def content_files(self):
        return os.listdir(os.path.join(self.home.path, "content"))


class CacheTest(unittest.TestCase):
    def setUp(self):
        self.market = Market()
        self.addCleanup(self.market.close)
        self.seed = self.market.provider(price="0.00001", start=True)
        self.seed.wait_registered()
        self.sponsor = self.market.customer(line="20")
        self.key = wire.key_of_home(self.sponsor.path)
        self.escrow = bytes.fromhex(self.sponsor.souk("escrow", "show")["escrow"])

    def recruit(self, cache, content, price=100000, **options):
        return Recruit(self.key, cache.address, options.pop("escrow", self.escrow), content, price,
                       **options)

    def content(self, name, size, seed=1):
        path, data = self.market.file(name, size, seed)
        return self.seed.add(path), data

    def check_sale(self, content, data, name="out"):
        customer = self.market.customer()
        path = self.market.path(name)
        customer.get(content, path, "--no-hedges").good()
        with open(path, "rb") as file:
            self.assertTrue(file.read() == data, "the bytes differ")

    # ---------------------------------------------------------------- a cache's life

    def test_recruit_serve_and_kill(self):
        content, data = self.content("film", 9 * UNIT + 5)
        cache = Cache(self.market)
        self.assertIsNone(cache.available(content))
        recruit = self.recruit(cache, content)
        enlist = cache.enlist(recruit)
        # version, the recruit's digest, the provider's key.
        self.assertEqual(enlist[:33], u8(1) + recruit.digest)
        self.assertEqual(cache.available(content), (10, [(0, 10)]))
        self.assertEqual(cache.sponsors(content), (1, recruit.bytes))
        self.assertEqual(cache.figures()["contents"], 1)
        # Once it is here, the same recruit again is answered at once, and with the same.
        status, again = cache.post(recruit)
        self.assertEqual(status, 200)
        self.assertEqual(again[:66], enlist[:66])

        # A new recruit of the same sponsor takes the place of the old one.
        newer = self.recruit(cache, content, nonce=2)
        cache.enlist(newer)
        self.assertEqual(cache.sponsors(content), (1, newer.bytes))
        # Anybody can have read the old one: posted again, it does not come back.
        self.refused(cache, recruit, "LOCAL_NOT_WANTED", "longer")
        self.assertEqual(cache.sponsors(content), (1, newer.bytes))

        # Without the seed and after a kill -9 it serves the same, at once.
        self.seed.stop()
        cache.home.kill()
        cache.home.start()
        self.assertEqual(cache.sponsors(content), (1, newer.bytes))
        self.assertEqual(cache.available(content), (10, [(0, 10)]))
        status, _ = cache.post(newer)
        self.assertEqual(status, 200)
        self.check_sale(content, data)
        self.assertEqual(cache.figures()["evictions"], 0)

        # Ten units at 0.0001 coins each; fetching them cost a tenth of that.
        def counted():
            listed = cache.home.souk("cache", "--sponsors")
            item = listed["contents"][0]
            return listed if item["units_sold"] == 10 else None
        listed = wait_until("the sale is counted", counted)
        item = listed["contents"][0]
        self.assertEqual((item["content"], item["here_bytes"]), (content, len(data)))
        self.assertEqual((item["earned_ncoin"], item["spent_ncoin"]), (10 * 100000, 10 * 10000))
        self.assertEqual(len(listed["recruits"]), 1)
        self.assertTrue(listed["recruits"][0]["enlisted"])

    def test_killed_while_it_fetches(self):
        content, data = self.content("film", 160 * UNIT)
        cache = Cache(self.market, cache="256MiB")
        recruit = self.recruit(cache, content)
        cache.post(recruit)
        for number in range(4):
            before = (cache.available(content) or (0, []))[1]
            have = sum(count for _, count in before)
            if have == 160:
                break
            if number % 2:
                cache.home.stop()  # soon, whatever is under way
            else:
                cache.home.kill()
            cache.home.start()
            # What it had it has, but for the last moment; and it goes on by itself.
            wait_until("it goes on", lambda: sum(
                count for _, count in (cache.available(content) or (0, []))[1]) > 0, 60, 0.05)
        cache.enlist(recruit)
        self.assertEqual(cache.available(content), (160, [(0, 160)]))
        self.seed.stop()
        self.check_sale(content, data)

    def test_a_part_is_sold(self):
        """A part, whose other chunks come from another provider: nobody is blamed."""
        content, data = self.content("film", 40 * UNIT)
        cache = Cache(self.market, coins=None, cache="256MiB")
        # As a fetch that was broken off leaves it: the first ten chunks.
        folder = os.path.join(cache.home.path, "content")
        cache.home.stop()
        cache.home.add(self.market.path("film"))
        with open(os.path.join(folder, content), "r+b") as file:
            file.truncate(10 * UNIT)
            file.truncate(40 * UNIT)
        with open(os.path.join(folder, content + ".have"), "wb") as file:
            file.write(bytes([255, 3, 0, 0, 0]))
        cache.home.start()
        self.assertEqual(cache.available(content), (40, [(0, 10)]))
        self.check_sale(content, data)

    # ---------------------------------------------------------------- who is refused

    def refused(self, cache, recruit, code, word=""):
        status, body = cache.post(recruit)
        self.assertNotEqual(status, 200)
        said, detail = problem(body)
        self.assertEqual(said, code, body)
        self.assertIn(word, detail)

    def test_refusals(self):
        content, _ = self.content("film", 3 * UNIT)
        large, _ = self.content("large", 17 * UNIT, 2)
        cache = Cache(self.market, cache="16MiB", cache_price_min="0.00005")
        self.refused(cache, self.recruit(cache, content, 49999), "LOCAL_NOT_WANTED", "at least 0.00005")
        self.refused(cache, self.recruit(cache, content, seconds=9 * 24 * HOUR), "LOCAL_NOT_WANTED", "at most")
        self.refused(cache, self.recruit(cache, content, seconds=-5), "PEER_BAD_REQUEST")
        # A spoiled signature is no signature, or another key's.
        status, body = cache.post(self.recruit(cache, content, spoil=True))
        self.assertIn(problem(body)[0], ("PEER_WRONG_SIGNER", "PEER_BAD_SIGNATURE"))
        self.refused(cache, self.recruit(cache, content, escrow=bytes(32)),
                     "PEER_NO_ESCROW")
        # Another's escrow: its sponsor's bundles would break.
        other = self.market.customer()
        escrow = bytes.fromhex(other.souk("escrow", "show")["escrow"])
        self.refused(cache, self.recruit(cache, content, escrow=escrow),
                     "PEER_ESCROW_TERMS")
        stranger = Cache(self.market, coins=None, cache="0")
        self.refused(stranger, self.recruit(cache, content), "PEER_BAD_REQUEST")
        self.refused(stranger, self.recruit(stranger, content), "LOCAL_NOT_WANTED", "no cache")
        named = Cache(self.market, coins=None,
                      cache_sponsors="0x" + other.address[2:].upper().lower())
        self.refused(named, self.recruit(named, content), "LOCAL_NOT_WANTED", "named sponsors")
        # Its size is known only later.
        self.fails(cache, self.recruit(cache, large), "larger")
        self.assertEqual(cache.figures()["contents"], 0)
        recruits = cache.home.status()["recruits"]
        self.assertEqual((recruits["enlisted"], recruits["failed"]), (0, 1))
        self.assertGreaterEqual(recruits["refused"], 4)

    def fails(self, cache, recruit, word):
        def failed():
            status, body = cache.post(recruit)
            self.assertNotEqual(status, 200)
            code, detail = problem(body)
            return code == "LOCAL_NOT_WANTED" and word in detail
        wait_until(f"refused with {word}", failed, 60, 0.1)

    def test_the_budget_is_kept(self):
        """A day's budget for six units: the third content of three units is not fetched."""
        ids = [self.content(f"film{i}", 3 * UNIT, i)[0] for i in range(3)]
        cache = Cache(self.market, cache_budget="0.00006", cache_price_min="0.00001")
        for content in ids[:2]:
            cache.enlist(self.recruit(cache, content, 10000))
        self.fails(cache, self.recruit(cache, ids[2], 10000), "budget")
        # Nor does a new process have a new day.
        spent = cache.home.status()["recruits"]["spent_today_ncoin"]
        cache.home.kill()
        cache.home.start()
        self.assertEqual(cache.home.status()["recruits"]["spent_today_ncoin"], spent)
        self.fails(cache, self.recruit(cache, ids[2], 10000, nonce=2), "budget")
        # What a unit is resold for is the most that one is bought for.
        dear = self.market.provider(price="0.0002", start=True)
        path, _ = self.market.file("dear", 3 * UNIT, 9)
        content = dear.add(path)
        dear.wait_registered()
        rich = Cache(self.market)
        self.fails(rich, self.recruit(rich, content, 199999), "")
        self.assertIsNone(rich.available(content))
        # A stranger may be the seller, too: no more than four times one's own price.
        greedy = self.market.provider(price="0.000401", start=True)
        path, _ = self.market.file("greedy", 3 * UNIT, 10)
        content = greedy.add(path)
        greedy.wait_registered()
        self.fails(rich, self.recruit(rich, content, 10 ** 9), "")
        self.assertIsNone(rich.available(content))
        named = Cache(self.market, cache_sponsors="0x" + self.key.address.hex())
        named.enlist(self.recruit(named, content, 10 ** 6))

    def test_questions_are_limited(self):
        """Whoever asks without end what is here is told to ask less; it goes on later."""
        content, _ = self.content("film", 2 * UNIT)
        cache = Cache(self.market)
        cache.enlist(self.recruit(cache, content))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", cache.home.control, context=context)
        for _ in range(10000):       # over one connection: faster than any limit
            connection.request("GET", f"/v1/available/{content}")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                break
        connection.close()
        self.assertEqual(problem(body)[0], "LOCAL_FULL")
        wait_until("an answer again", lambda: cache.available(content))

    # ---------------------------------------------------------------- the limit

    def test_promises_are_bounded(self):
        """Half of the room for a sponsor that nobody named, seven eighths for all; and what was
        promised stays."""
        ids = [self.content(f"film{i}", 4 * UNIT, 30 + i)[0] for i in range(5)]
        room = 4 * (UNIT + 32) + 8192
        cache = Cache(self.market, cache=str(4 * room), cache_content_max="2MiB")
        for content in ids[:2]:
            cache.enlist(self.recruit(cache, content))
        self.fails(cache, self.recruit(cache, ids[2]), "one sponsor")
        other = self.market.customer()
        key = wire.key_of_home(other.path)
        escrow = bytes.fromhex(other.souk("escrow", "show")["escrow"])
        cache.enlist(Recruit(key, cache.address, escrow, ids[3], 100000))
        self.fails(cache, Recruit(key, cache.address, escrow, ids[4], 100000), "to others")
        figures = cache.figures()
        self.assertEqual((figures["contents"], figures["evictions"]), (3, 0))
        self.assertEqual([cache.sponsors(content)[0] for content in ids], [1, 1, 0, 1, 0])

    def test_eviction_under_load(self):
        """Room for three of six; one is bought all the time, and stays."""
        films = [self.content(f"film{i}", 4 * UNIT, 10 + i) for i in range(6)]
        cache = Cache(self.market, cache=str(3 * (4 * UNIT + 20000)), cache_content_max="2MiB",
                      cache_sponsors="0x" + self.key.address.hex())
        first, data = films[0]
        cache.enlist(self.recruit(cache, first, seconds=20))
        customer = self.market.customer()
        for number, (content, _) in enumerate(films[1:]):
            # The cache alone is cheap: its price is the seed's too.
            customer.get(first, self.market.path(f"out{number}"), "--providers", "8").good()

            def taken():
                status, body = cache.post(self.recruit(cache, content, seconds=4, nonce=number))
                return status == 200
            wait_until("room is there again", taken, 90, 0.2)
            figures = cache.figures()
            self.assertLessEqual(figures["used_bytes"], figures["limit_bytes"])
            self.assertLessEqual(figures["contents"], 3)
        self.assertGreaterEqual(cache.figures()["evictions"], 3)
        on_disk = sum(os.stat(os.path.join(cache.home.path, "content", name)).st_blocks * 512
                      for name in cache.content_files())
        self.assertLessEqual(on_disk, cache.figures()["limit_bytes"])

    def test_full_disk(self):
        """It says so, keeps no wrong bit, and fetches once there is room."""
        content, data = self.content("film", 24 * UNIT)
        cache = Cache(self.market)
        limit = os.path.getsize(os.path.join(cache.home.path, "provider.mdb")) + (1 << 20)
        resource.prlimit(cache.home.process.pid, resource.RLIMIT_FSIZE,
                         (limit, resource.RLIM_INFINITY))
        recruit = self.recruit(cache, content)
        wait_until("the full disk is said", lambda: "full" in str(problem(cache.post(recruit)[1])),
                   60, 0.1)
        resource.prlimit(cache.home.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        cache.enlist(recruit, 90)
        self.seed.stop()
        self.check_sale(content, data)


if __name__ == "__main__":
    main()
