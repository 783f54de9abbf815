#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sponsor is asked for bundles by messages made here: the same ask is answered with the same bytes
and drawn once, at once, again, and when the ledger was away meanwhile; not after kill -9."""
import http.client
import json
import ssl
import struct
import threading
import unittest

import wire
from market import UNIT, Market, http_request, main, wait_until
from wire import u8, u16, u32, u64

CACHES = 2
CHUNKS = 10
PRICE = 100_000                      # ncoin for a unit
LINE = 100 * PRICE                   # so a leaf is worth an eighth of it: 12 units
# Of an encoded bundle_offer: where the digest of its ask is, and what follows it.
ASK_AT, CONTENT_AT = 37, 109


class Viewer:
    """A key, and what it asks for."""

    def __init__(self, sponsor, content, seed):
        self.sponsor, self.content, self.key = sponsor, content, wire.Key(seed)

    def body(self, number=0, first=0, chunks=CHUNKS):
        return (u8(1) + bytes.fromhex(self.sponsor.address[2:]) + self.key.address + u64(number) +
                bytes.fromhex(self.content) + u32(first) + u32(chunks))

    def message(self, spoil=False, **wish):
        body = self.body(**wish)
        signature = bytearray(self.key.sign(wire.digest("bundle_ask", body)))
        signature[7] ^= spoil
        return body + bytes(signature) + u16(0)

    def ask(self, query="", **wish):
        """Status and body."""
        return http_request(self.sponsor.control, "POST", "/v1/bundles" + query,
                            self.message(**wish), tls=True)


def refused(answer):
    status, body = answer
    assert status != 200, "it was not refused"
    return json.loads(body)["error"]


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.market = Market()
        cls.addClassCleanup(cls.market.close)
        cls.caches = [cls.market.provider(price="0.0001") for _ in range(CACHES)]
        # Of one network, and one of the sponsor's leaves is soon used up.
        cls.sponsor = cls.market.sponsor(line="0.01", caches=CACHES, asks=10000, check="1h",
                                         audit="0s", network_units=0)
        path, _ = cls.market.file("film", CHUNKS * UNIT - 5)
        cls.content = cls.market.open_shop(cls.caches, path)
        cls.sponsor.publish(path, replicas=CACHES)
        cls.sponsor.start()
        cls.sponsor.wait_enlisted(cls.content, CACHES)
        cls.seed = 1000

    def setUp(self):
        if not self.market.ledger.is_running():
            self.market.ledger.start()
        self.before = self.sponsor.report()["bundles"]

    def viewer(self):
        type(self).seed += 1
        return Viewer(self.sponsor, self.content, self.seed)

    def drawn(self):
        return self.sponsor.report()["bundles"] - self.before

    def opened(self, viewer, query="", **wish):
        """The answer to an ask that is one for it."""
        status, body = viewer.ask(query, **wish)
        self.assertEqual(status, 200, body)
        self.assertEqual(body[ASK_AT - 16 - 20:ASK_AT - 16],
                         bytes.fromhex(self.sponsor.address[2:]))
        self.assertEqual(body[ASK_AT:ASK_AT + 32],
                         wire.digest("bundle_ask", viewer.body(**wish)))
        size, chunk_size = struct.unpack_from(">QI", body, CONTENT_AT)
        self.assertEqual((size, chunk_size), (CHUNKS * UNIT - 5, UNIT))
        # A strip of each cache names it as payee, and the sponsor's key as customer.
        for cache in self.caches:
            self.assertIn(bytes.fromhex(cache.address[2:]), body)
        self.assertEqual(body.count(wire.key_of_home(self.sponsor.path).public), CACHES)
        return body

    def test_1_again(self):
        viewer = self.viewer()
        first = self.opened(viewer, chunks=2)
        self.assertEqual(self.opened(viewer, chunks=2), first)
        self.assertEqual(self.drawn(), 1)
        # The same number for another wish; one that is ahead; and a bad signature.
        self.assertEqual(refused(viewer.ask(chunks=4)), "PEER_OUT_OF_ORDER")
        self.assertEqual(refused(viewer.ask(number=2, chunks=2)), "PEER_OUT_OF_ORDER")
        self.assertIn(refused(self.viewer().ask(spoil=True, chunks=2)),
                      ("PEER_BAD_SIGNATURE", "PEER_WRONG_SIGNER"))
        self.assertNotEqual(self.opened(viewer, number=1, chunks=2), first)
        self.assertEqual(self.drawn(), 2)

    def test_2_row(self):
        """Behind the bundle where it is wanted; an ask that is answered again may want it, too."""
        viewer = self.viewer()
        plain = self.opened(viewer, chunks=2)
        _, row = http_request(self.caches[0].control, "GET", f"/v1/chunks/{self.content}", tls=True)
        self.assertEqual(len(row), 32 * CHUNKS)
        self.assertEqual(self.opened(viewer, f"?row={len(row)}", chunks=2), plain + row)
        for most in (len(row) - 1, "x", "", 1 << 32):
            self.assertEqual(self.opened(viewer, f"?row={most}", chunks=2), plain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.sponsor.control, timeout=20,
                                                 context=context)
        self.addCleanup(connection.close)
        for query, expected in ((f"?row={len(row)}", str(len(plain))), ("", None)):
            connection.request("POST", "/v1/bundles" + query, viewer.message(chunks=2))
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.getheader("Souk-Row"), expected)

    def test_3_at_once(self):
        """Drawn once, and all get the same."""
        viewer, answers = self.viewer(), []
        threads = [threading.Thread(target=lambda: answers.append(viewer.ask(chunks=2)))
                   for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([status for status, _ in answers], [200] * len(threads))
        self.assertEqual(len({body for _, body in answers}), 1)
        self.assertEqual(self.drawn(), 1)

    def drawn_without_money(self):
        """A viewer that was drawn a bundle while the ledger was away, and is refused."""
        self.market.ledger.kill()
        for _ in range(40):
            viewer = self.viewer()
            drawn = self.drawn()
            status, body = viewer.ask()
            if status != 200:
                self.assertEqual(self.drawn(), drawn + 1, body)
                return viewer
        self.fail("the leaves did not run short")

    def answered_at_last(self, viewer):
        """Whether it is; a machine that took too long has given it up."""
        answers = []

        def answered():
            answers.append(viewer.ask())
            return answers[-1][0] == 200 or refused(answers[-1]) == "PEER_OUT_OF_ORDER"
        wait_until("an answer", answered)
        return answers[-1][0] == 200

    def check_resumed(self, meanwhile=lambda: None):
        for _ in range(3):
            viewer = self.drawn_without_money()
            meanwhile()
            drawn = self.drawn()
            self.market.ledger.start()
            if self.answered_at_last(viewer):
                self.assertEqual(self.drawn(), drawn)
                self.assertEqual(self.opened(viewer), self.opened(viewer))
                return
        self.fail("it was given up each time")

    def test_4_no_ledger(self):
        """A bundle for which the ledger was away stays drawn, and goes on when it is asked for
        again: neither drawn nor charged a second time."""
        self.check_resumed()

    def test_4b_no_ledger_and_killed(self):
        def kill():
            self.sponsor.kill()
            self.sponsor.start()
        self.check_resumed(kill)

    def test_5_killed(self):
        """What was answered is durable; the answer itself is not kept."""
        viewer = self.viewer()
        self.opened(viewer, chunks=2)
        self.sponsor.kill()
        self.sponsor.start()
        wait_until("the ledger's epoch", lambda: self.sponsor.report()["epoch_known"])
        self.assertEqual(refused(viewer.ask(chunks=2)), "PEER_OUT_OF_ORDER")
        self.opened(viewer, number=1, chunks=2)
        self.assertEqual(self.drawn(), 2)


if __name__ == "__main__":
    main()
