#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Truncated, oversized, random, forged and replayed messages at every endpoint of the ledger and
of a provider. Each is refused with a 4xx and a problem that names the error; the daemons stay up,
and their state is what it was."""
import http.client
import json
import os
import random
import re
import socket
import ssl
import threading

import wire
from market import COIN, UNIT, Market, MarketTest, http_request, main, wait_until
from relay import Relay
from wire import u16, u32, u64, u8

SEED = int(os.environ.get("SOUK_SEED", "1"))
BINARY = {"Accept": "application/souk"}


class BadInput(MarketTest):
    @classmethod
    def make_market(cls):
        cls.rng = random.Random(SEED)
        cls.market = market = Market()
        cls.ledger = market.ledger
        cls.provider = market.provider()
        cls.relay = Relay(market, cls.provider)
        cls.customer = market.customer()
        path, _ = market.file("content", 20 * UNIT + 5)
        cls.content = market.open_shop([cls.provider], path)
        cls.customer.get(cls.content, market.path("bought")).good()
        cls.id = bytes.fromhex(cls.ledger.id)
        cls.key = wire.key_of_home(cls.customer.path)
        cls.escrow = bytes.fromhex(cls.customer.souk("escrow", "show")["escrow"])

    def setUp(self):
        self.ledger_before = self.ledger.record()
        self.provider_before = self.provider_state()
        self.earnings_before = self.provider.earnings()

    def tearDown(self):
        """Nobody fell, nothing moved, and an honest customer is still served."""
        self.ledger.check_running()
        self.provider.check_running()
        self.assertEqual(self.ledger.record(), self.ledger_before)
        self.assertEqual(self.provider_state(), self.provider_before)
        self.assertEqual(self.provider.earnings(), self.earnings_before)
        offers = self.customer.souk("offers", self.content)["providers"]
        self.assertEqual([o.get("error") for o in offers], [None])

    def provider_state(self):
        """What a refused message must not change; the sessions that only wait for a strip aside."""
        status = self.provider.status()
        return {name: status[name] for name in
                ("strips_accepted", "tickets_accepted", "units_paid", "owed_ncoin", "claims_due",
                 "claims_paid", "paid_ncoin")}

    def check_problem(self, answer, errors=None, statuses=None):
        status, body = answer
        self.assertTrue(400 <= status < 500, (status, body[:200]))
        if statuses:
            self.assertIn(status, statuses, body[:200])
        problem = json.loads(body)
        self.assertRegex(problem["error"], "^(PEER|LOCAL)_[A-Z_]+$")
        self.assertGreater(len(problem["text"]), 5, problem)
        if errors:
            self.assertIn(problem["error"], errors, problem)
        return problem

    def random_bytes(self, most=5000):
        return self.rng.randbytes(self.rng.choice([0, 1, 7, 60, 100, 300, 1000, most]))

    def flipped(self, data, bits=1):
        data = bytearray(data)
        for _ in range(bits):
            at = self.rng.randrange(8 * len(data))
            data[at // 8] ^= 1 << at % 8
        return bytes(data)

    # ---------------------------------------------------------------- the ledger

    def post(self, body):
        return self.ledger.request("POST", "/v1/tx", body)

    def nonce(self):
        return self.ledger.get(f"/v1/accounts/{self.key.address.hex()}")["nonce"]

    def faucet(self, nonce=None, coins=1, key=None, ledger=None, **how):
        key = key or self.key
        nonce = self.nonce() if nonce is None else nonce
        return wire.signed_tx(key, ledger or self.id, nonce, wire.FAUCET, u64(coins * COIN), **how)

    def test_tx_cut_and_lengthened(self):
        tx = self.faucet()
        for size in range(len(tx)):
            problem = self.check_problem(self.post(tx[:size]), {"PEER_TRUNCATED"}, {400})
            self.assertIn("at ", problem["detail"])
        for extra in (b"\0", b"x" * 100, tx):
            self.check_problem(self.post(tx + extra), {"PEER_TRAILING"}, {400})

    def test_tx_every_flipped_bit(self):
        tx = self.faucet()
        for at in self.rng.sample(range(8 * len(tx)), 400):
            data = bytearray(tx)
            data[at // 8] ^= 1 << at % 8
            self.check_problem(self.post(bytes(data)))

    def test_tx_random(self):
        for _ in range(200):
            self.check_problem(self.post(self.random_bytes()))
        for kind in list(range(24)) + [24, 99, 255]:
            head = self.id + self.key.address + u64(self.nonce()) + u8(kind)
            self.check_problem(self.post(head + self.rng.randbytes(self.rng.randrange(2000))))

    def test_tx_oversized(self):
        for size in (20700, 60000):
            self.check_problem(self.post(b"\0" * size), {"PEER_OVERSIZED"}, {413})
        self.check_oversized(self.ledger.port, "/v1/tx", 9000000)
        # A length that is only claimed, one that is a lie, and one that is none.
        for length in ("99999999999", "-1", "zwölf", "0x10", "18446744073709551616"):
            answer = self.raw(self.ledger.port,
                              f"POST /v1/tx HTTP/1.1\r\nHost: x\r\nContent-Length: {length}"
                              "\r\n\r\nabc".encode("latin-1"))
            self.assertRegex(answer[:12], rb"^(HTTP/1.1 4\d\d|)$", length)
        chunked = (b"POST /v1/tx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                   b"Connection: close\r\n\r\n")
        endless = chunked + (b"1000\r\n" + b"z" * 4096 + b"\r\n") * 300
        answer = self.raw(self.ledger.port, endless)
        self.assertRegex(answer[:12], rb"^(HTTP/1.1 4\d\d|)$")
        answer = self.raw(self.ledger.port, chunked + b"7fffffffffffffffff\r\nabc")
        self.assertRegex(answer[:12], rb"^(HTTP/1.1 4\d\d|)$")

    def test_tx_forged(self):
        nonce, stranger = self.nonce(), wire.Key(12345)
        other = self.rng.randbytes(32)
        cases = [
            (self.faucet(ledger=other), "PEER_TX_WRONG_LEDGER"),
            (self.faucet(nonce + 1), "PEER_TX_NONCE"),
            (self.faucet(nonce - 1), "PEER_TX_NONCE"),
            (self.faucet(2 ** 64 - 1), "PEER_TX_NONCE"),
            (self.faucet(coins=1001), "PEER_FAUCET"),
            (self.faucet(coins=0), "PEER_ZERO_AMOUNT"),
            (self.faucet(key=stranger, sender=self.key.address), "PEER_WRONG_SIGNER"),
            (self.tx(wire.TRANSFER, stranger.address + u64(10 ** 15)), "PEER_NO_FUNDS"),
            (self.tx(wire.TRANSFER, stranger.address + u64(2 ** 64 - 1)), "PEER_NO_FUNDS"),
            (self.tx(wire.TRANSFER, stranger.address + u64(0)), "PEER_ZERO_AMOUNT"),
            (self.tx(wire.ESCROW_OPEN, bytes(16) + u64(COIN) + u64(COIN) + u64(COIN) + u64(0)),
             "PEER_ESCROW_EXISTS"),
            (self.tx(wire.ESCROW_OPEN, bytes(15) + b"\x09" + u64(COIN) + u64(7) + u64(COIN) + u64(0)),
             "PEER_ESCROW_TERMS"),
            (self.tx(wire.ESCROW_CLOSE, other), "PEER_NO_ESCROW"),
            (self.tx(wire.ALLOT, self.escrow + u64(0) + u32(0) + other + u64(COIN)),
             "PEER_ALLOTMENT_INDEX"),
            (self.tx(wire.ALLOT, self.escrow + u64(0) + u32(1) + other + u64(10 * COIN)),
             "PEER_ALLOTMENT_OVER_LINE"),
            (self.tx(wire.ALLOT, self.escrow + u64(7) + u32(0) + other + u64(COIN)),
             "PEER_WRONG_EPOCH"),
            (self.tx(wire.EPOCH_CLOSE, u64(1)), "PEER_NOT_OPERATOR"),
            (self.tx(wire.DRAW, u64(0) + other), "PEER_NOT_OPERATOR"),
        ]
        for tx, error in cases:
            with self.subTest(error=error):
                self.check_problem(self.post(tx), {error}, {422})
        spoilt = self.faucet(spoil=True)
        self.check_problem(self.post(spoilt), {"PEER_BAD_SIGNATURE", "PEER_WRONG_SIGNER"}, {422})
        nobody = wire.signed_tx(stranger, self.id, 0, wire.TRANSFER, self.key.address + u64(1))
        self.check_problem(self.post(nobody), {"PEER_NO_ACCOUNT"})
        # The operator's own mistakes are refused too.
        operator = wire.key_of_home(self.ledger.path)
        at = self.ledger.get(f"/v1/accounts/{operator.address.hex()}")["nonce"]
        draw = wire.signed_tx(operator, self.id, at, wire.DRAW, u64(0) + other)
        self.check_problem(self.post(draw), {"PEER_DRAW_EARLY"}, {422})
        close = wire.signed_tx(operator, self.id, at, wire.EPOCH_CLOSE, u64(1000))
        self.check_problem(self.post(close), {"PEER_EPOCH_END"}, {422})

    def tx(self, kind, body):
        return wire.signed_tx(self.key, self.id, self.nonce(), kind, body)

    def test_tx_replayed(self):
        """The same bytes again: the old receipt, and nothing else; at once from many, once."""
        tx = self.faucet(coins=3)
        answers = []

        def send():
            answers.append(self.post(tx))
        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        self.assertEqual({status for status, _ in answers}, {200}, answers)
        self.assertEqual(len({body for _, body in answers}), 1)
        receipt = json.loads(answers[0][1])
        self.assertEqual(receipt["hash"], wire.tx_hash(tx))
        after = self.ledger.record()
        self.assertEqual(after["minted_ncoin"], self.ledger_before["minted_ncoin"] + 3 * COIN)
        self.assertEqual(after["height"], receipt["height"])
        self.ledger_before = after
        for _ in range(3):
            self.assertEqual(self.post(tx), answers[0])
        # Another transaction with the nonce that was used is none of these.
        self.check_problem(self.post(self.faucet(self.nonce() - 1, coins=4)), {"PEER_TX_NONCE"},
                           {422})

    def test_captured_txs_replayed(self):
        """Every transaction of this ledger, as anybody can read them, sent again."""
        _, log = self.ledger.request("GET", "/v1/log?from=1", headers=BINARY)
        frames, at = [], 0
        while at < len(log):
            size = int.from_bytes(log[at:at + 4], "big")
            frames.append(log[at + 4:at + 4 + size])
            at += 4 + size
        replayed = 0
        for frame in frames:
            status, body = self.post(frame)
            if status == 200:
                # In the log already: its own old receipt.
                self.assertLessEqual(json.loads(body)["height"], self.ledger_before["height"])
                replayed += 1
            else:
                self.check_problem((status, body))     # block headers
        self.assertEqual(replayed, self.ledger_before["tx_count"])
        # On a ledger of another name they are worth nothing.
        with Market() as elsewhere:
            before = elsewhere.ledger.record()
            for frame in frames:
                self.check_problem(elsewhere.ledger.request("POST", "/v1/tx", frame))
            tx = self.faucet(0)
            self.check_problem(elsewhere.ledger.request("POST", "/v1/tx", tx),
                               {"PEER_TX_WRONG_LEDGER"}, {422})
            self.assertEqual(elsewhere.ledger.record(), before)

    def test_ledger_reads(self):
        garbage = ["", "x", "zz" * 32, "ab" * 31, "ab" * 33, "0x", "0x" + "ab" * 20, "-1", "1e3",
                   "18446744073709551616", "99999999999999999999999", "%00", "%2e%2e", "..",
                   "a" * 79, "a" * 80, "a" * 3000, "%ff%fe", "1/2/3/4/5/6", "1%2f2"]
        for table in ("accounts", "escrows", "allotments", "epochs", "providers", "tx", "blocks"):
            for id in garbage:
                path = f"/v1/{table}/{id}"
                if re.search("/0x(ab)*$", path) and table in ("accounts", "providers"):
                    continue     # 0x and 40 digits is an address
                status, body = self.ledger.request("GET", path)
                self.check_problem((status, body))
        for path in ("/", "/v1", "/v1/", "/v2/status", "/v1/status/", "//v1/status", "/v1//status",
                     "/v1/status/x", "/V1/status", "/v1/nothing", "/v1/log/1", "/v1/log?from=x",
                     "/v1/log?from=-1", "/v1/log?from=18446744073709551616",
                     "/v1/providers?from=xyz", "/v1/allotments/" + "ab" * 32 + "/1/4294967296",
                     "/v1/allotments/" + "ab" * 32 + "/x/0", "/v1/blocks/0", "/v1/blocks/1000000"):
            self.check_problem(self.ledger.request("GET", path))
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "POST", "BREW"):
            self.check_problem(self.ledger.request(method, "/v1/status"), None, {400, 405})
        status, body = self.ledger.request("GET", "/v1/log?from=99999999999")
        self.assertEqual((status, body), (200, b""))

    # ---------------------------------------------------------------- not HTTP at all

    def raw(self, port, data, tls=False, seconds=3):
        """What comes back for DATA, until the connection ends or nothing comes any more."""
        got = b""
        s = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        try:
            if tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                s = context.wrap_socket(s)
            try:
                s.sendall(data)
                if not tls:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass     # it has heard enough; its answer may be there
            while len(got) < 1 << 20:
                more = s.recv(65536)
                if not more:
                    break
                got += more
        except OSError:
            pass
        finally:
            s.close()
        return got

    def check_oversized(self, port, path, size, tls=False):
        """Refused before all of it is sent; the answer may get lost over that."""
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
        answer = self.raw(port, head.encode() + bytes(size), tls)
        self.assertRegex(answer[:12], rb"^(HTTP/1.1 413|)$")

    def test_not_http(self):
        hello = (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + self.rng.randbytes(508))
        cases = [b"\0", b"\r\n\r\n", hello, b"GET\r\n\r\n", b"GET /v1/status\r\n\r\n",
                 b"GET / HTTP/9.9\r\n\r\n", b"\xff" * 100000, b"A" * 200000,
                 b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                 b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + b"b" * 100000 + b"\r\n\r\n",
                 b"GET /v1/status HTTP/1.1\r\nHost: x\r\n" + b"H: 1\r\n" * 20000 + b"\r\n",
                 b"GET /v1/status HTTP/1.1\r\nno colon here\r\n\r\n",
                 b"GET /v1/\0status HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"POST /v1/tx HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        cases += [self.random_bytes(20000) for _ in range(10)]
        servers = [(self.ledger.port, False), (self.provider.data, False),
                   (self.provider.control, False), (self.provider.control, True)]
        for port, tls in servers:
            for data in cases:
                answer = self.raw(port, data, tls, seconds=0.6)
                if answer.startswith(b"HTTP/"):
                    self.assertRegex(answer[:12], rb"^HTTP/1\.[01] ([24]\d\d|505)", data[:60])
                    if answer[9:10] == b"2":
                        self.assertIn(b"/v1/status", data[:30])
                else:
                    # A TLS alert, or nothing.
                    self.assertIn(answer[:1], (b"", b"\x15"), (data[:60], answer[:60]))

    def test_idle_connections(self):
        """A hundred connections that say half a request, and nothing more, keep nobody out."""
        held = []
        try:
            for port in (self.ledger.port, self.provider.data, self.provider.control):
                for _ in range(100):
                    s = socket.create_connection(("127.0.0.1", port), timeout=3)
                    s.sendall(b"GET /v1/sta")
                    held.append(s)
            self.assertEqual(self.ledger.request("GET", "/v1/status")[0], 200)
            self.assertEqual(self.provider_state(), self.provider_before)
        finally:
            for s in held:
                s.close()

    def get_control(self, source):
        """The answer to SOURCE, an address of this machine; None where it was turned away."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with socket.create_connection(("127.0.0.1", self.provider.control), 10,
                                          source_address=(source, 0)) as raw, \
                    context.wrap_socket(raw) as s:
                s.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return s.recv(12) or None
        except OSError:
            return None

    def test_seats_of_one_network(self):
        """One network, of many addresses, takes every connection there is, and more: it gives
        one up for whoever comes from another, long before the first of them is idle for half a
        minute. While one leaves, one may be turned away."""
        held = []
        try:
            for i in range(900):
                held.append(socket.create_connection(
                    ("127.0.0.1", self.provider.control), 10,
                    source_address=(f"127.0.7.{1 + i % 3}", 0)))
            for source in ("127.0.8.1", "127.0.9.1"):
                wait_until(f"{source} is let in",
                           lambda s=source: self.get_control(s) == b"HTTP/1.1 200", 12)
        finally:
            for s in held:
                s.close()

    # ---------------------------------------------------------------- a provider's control port

    def control(self, method, path, body=None, headers=None):
        return http_request(self.provider.control, method, path, body, headers, tls=True)

    def ask(self, **changes):
        values = {"provider": bytes.fromhex(self.provider.address[2:]),
                  "content": bytes.fromhex(self.content), "units": 3, "price": 100000,
                  "escrow": self.escrow, "epoch": 0, "customer": wire.Key(77).public}
        values.update(changes)
        return wire.ask(**values)

    def test_asks(self):
        ask, sessions = self.ask(), self.provider.status()["sessions"]
        for size in range(len(ask)):
            if size % 5 and size < len(ask) - 3:
                continue
            self.check_problem(self.control("POST", "/v1/sessions", ask[:size]),
                               {"PEER_TRUNCATED"}, {400})
        self.check_problem(self.control("POST", "/v1/sessions", ask + b"1"), {"PEER_TRAILING"})
        for _ in range(30):
            self.check_problem(self.control("POST", "/v1/sessions", self.random_bytes()))
        self.check_oversized(self.provider.control, "/v1/sessions", 70000, True)
        for changes, errors in [
                ({"units": 0}, {"PEER_BAD_REQUEST"}), ({"units": 2 ** 32 - 1},
                                                       {"PEER_BAD_REQUEST"}),
                ({"price": 99999}, {"PEER_BAD_OFFER"}), ({"price": 0}, {"PEER_BAD_OFFER"}),
                ({"price": 2 ** 64 - 1}, {"PEER_BAD_OFFER"}),
                ({"epoch": 1}, {"PEER_WRONG_EPOCH"}), ({"epoch": 2 ** 64 - 1},
                                                       {"PEER_WRONG_EPOCH"}),
                ({"provider": bytes(20)}, {"PEER_BAD_REQUEST"}),
                ({"content": bytes(32)}, {"PEER_UNKNOWN_CONTENT"}),
                ({"customer": bytes(33)}, {"PEER_BAD_PUBKEY"}),
                ({"customer": b"\x02" + b"\xff" * 32}, {"PEER_BAD_PUBKEY"})]:
            with self.subTest(changes=changes):
                self.check_problem(self.control("POST", "/v1/sessions", self.ask(**changes)),
                                   errors)
        self.assertEqual(self.provider.status()["sessions"], sessions)

    def open_session(self):
        status, grant = self.control("POST", "/v1/sessions", self.ask())
        self.assertEqual(status, 200, grant)
        return wire.grant_session(grant)

    def test_strips(self):
        session = self.open_session()
        path = f"/v1/sessions/{session}/strip"
        strip = wire.STRIP_OPEN
        for size in list(range(0, len(strip), 11)) + [len(strip) - 1]:
            self.check_problem(self.control("POST", path, strip[:size]), {"PEER_TRUNCATED"}, {400})
        self.check_problem(self.control("POST", path, strip + b"0"), {"PEER_TRAILING"})
        self.check_problem(self.control("POST", path, b"\2" + strip[1:]), {"PEER_BAD_VERSION"})
        for _ in range(30):
            self.check_problem(self.control("POST", path, self.random_bytes()))
            self.check_problem(self.control("POST", path, self.flipped(strip, 3)))
        self.check_oversized(self.provider.control, path, 100000, True)
        # Well formed, and about nothing that exists; then about an escrow that does.
        self.check_problem(self.control("POST", path, strip))
        real = strip[:1] + self.escrow + strip[33:]
        self.check_problem(self.control("POST", path, real), {"PEER_STRIP_TERMS"})
        for name in ("0" * 32, "f" * 32):
            self.check_problem(self.control("POST", f"/v1/sessions/{name}/strip", real),
                               {"PEER_UNKNOWN_SESSION"}, {404})
        for bad in ("/v1/sessions/", "/v1/sessions/x/strip", f"/v1/sessions/{session}",
                    f"/v1/sessions/{session}/stripx", f"/v1/sessions/{session[:-1]}g/strip",
                    f"/v1/sessions/{session}/strip/"):
            self.check_problem(self.control("POST", bad, real), None, {404})

    def test_control_reads(self):
        for path in ("/v1/offers/", "/v1/offers/x", "/v1/offers/" + "g" * 64,
                     "/v1/offers/" + "00" * 32, "/v1/offers/" + "ab" * 33, "/v1/chunks/",
                     "/v1/chunks/" + "ab" * 32, "/v1/chunks/../identity.key",
                     "/v1/chunks/..%2f..%2fidentity.key", "/v1/chunks/" + self.content + ".row",
                     "/v1/chunks/%00" + self.content, "/v1/offers/" + "a" * 5000, "/",
                     "/v1/status/x", "/identity.key"):
            with self.subTest(path=path[:60]):
                self.check_problem(self.control("GET", path))
        for method in ("PUT", "DELETE", "OPTIONS"):
            self.check_problem(self.control(method, "/v1/sessions"))

    # ---------------------------------------------------------------- a provider's data port

    def data(self, path, auth=None, ticket=None, method="GET", body=None):
        headers = {}
        if auth is not None:
            headers["Souk-Auth"] = auth
        if ticket is not None:
            headers["Souk-Ticket"] = ticket
        return http_request(self.provider.data, method, path, body, headers)

    def captured(self):
        """Unit requests that were good when the customer sent them: (path, auth, ticket)."""
        found = []
        for head in self.relay.requests:
            lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            found.append((lines[0].split()[1], headers["Souk-Auth"], headers.get("Souk-Ticket")))
        return found

    def test_units_malformed(self):
        path, auth, ticket = self.captured()[-1]
        session = path.split("/")[3]
        bad_paths = ["/v1/units/", f"/v1/units/{session}", f"/v1/units/{session}/1",
                     f"/v1/units/{session}/0/0", f"/v1/units/{session}/01/0",
                     f"/v1/units/{session}/1/0/", f"/v1/units/{session}/65537/0",
                     f"/v1/units/{session}/1/18446744073709551616", f"/v1/units/{session}/-1/0",
                     f"/v1/units/{session}/1/x", f"/v1/units/{session.upper()}x/1/0",
                     f"/v1/units/{session[:-1]}/1/0", f"/v1/keys/{session}x", "/v1/keys/",
                     f"/v1/keys/{session}/1", "/v1/unit/1", "/"]
        for bad in bad_paths:
            with self.subTest(path=bad):
                self.check_problem(self.data(bad, auth, ticket),
                                   {"PEER_BAD_REQUEST", "LOCAL_NOT_FOUND"}, {400, 404})
        self.check_problem(self.data(path), {"PEER_BAD_AUTH"}, {401})
        for bad in ("", "0", "zz" * 16, auth[:-1], auth + "0", auth.upper() + " ", "a" * 4000):
            self.check_problem(self.data(path, bad, ticket),
                               {"PEER_BAD_REQUEST", "PEER_BAD_AUTH"}, {400, 401})
        for bad in ("", "0", ticket[:-1], ticket + "00", "xy" * 40, "f" * 8000):
            self.check_problem(self.data(path, auth, bad), {"PEER_BAD_REQUEST"}, {400})
        for method in ("POST", "PUT", "DELETE"):
            status, body = self.data("/v1/units/x", method=method, body=b"x" * 100)
            self.check_problem((status, body))

    def test_keys_of_control_server(self):
        """It gives keys as the data server does, and no units."""
        path, auth, ticket = self.captured()[-1]
        session = path.split("/")[3]
        headers = {"Souk-Auth": auth, "Souk-Ticket": ticket}
        keys = f"/v1/keys/{session}"
        self.check_problem(self.control("GET", keys), {"PEER_BAD_AUTH"}, {401})
        self.check_problem(self.control("GET", keys, None, headers), {"PEER_BAD_AUTH"}, {401})
        self.check_problem(self.control("GET", f"/v1/keys/{'0' * 32}", None, headers),
                           {"PEER_UNKNOWN_SESSION"}, {404})
        for bad in ("/v1/keys/", f"/v1/keys/{session}/1", f"/v1/keys/{session}x"):
            self.check_problem(self.control("GET", bad, None, headers), {"PEER_BAD_REQUEST"}, {400})
        self.check_problem(self.control("POST", keys, b"x", headers), None, {404})
        self.check_problem(self.control("GET", path, None, headers), None, {404})

    def test_units_forged(self):
        """Whatever is changed in a good request, its authentication fails."""
        path, auth, ticket = self.captured()[-1]
        _, _, _, session, unit, chunk = path.split("/")
        forged = [(f"/v1/units/{session}/{int(unit) + 1}/{chunk}", auth, ticket),
                  (f"/v1/units/{session}/{unit}/{int(chunk) + 1}", auth, ticket),
                  (f"/v1/keys/{session}", auth, ticket), (path, auth, None),
                  (path, "0" * 32, ticket)]
        for _ in range(20):
            forged.append((path, self.flipped(bytes.fromhex(auth)).hex(), ticket))
            forged.append((path, auth, self.flipped(bytes.fromhex(ticket)).hex()))
        for request in forged:
            self.check_problem(self.data(*request), {"PEER_BAD_AUTH"}, {401})
        unknown = f"/v1/units/{'0' * 32}/{unit}/{chunk}"
        self.check_problem(self.data(unknown, auth, ticket), {"PEER_UNKNOWN_SESSION"}, {404})
        # A session that has no strip serves nothing, whatever is sent.
        waiting = self.open_session()
        self.check_problem(self.data(f"/v1/units/{waiting}/1/0", auth, ticket),
                           {"PEER_BAD_AUTH"}, {401})

    def test_units_replayed(self):
        """A captured request gives what it gave, a few times: nothing is paid by it."""
        captured = self.captured()
        self.assertEqual(len(captured), 21)
        outcomes = set()
        for request in captured + captured[::-1]:
            status, body = self.data(*request)
            if status == 200:
                outcomes.add("served")
                self.assertGreater(len(body), 0)
            else:
                outcomes.add(self.check_problem((status, body), {"PEER_OUT_OF_ORDER",
                                                                 "LOCAL_FULL"})["error"])
        for _ in range(10):
            status, body = self.data(*captured[-1])
        self.check_problem((status, body), {"LOCAL_FULL"}, {429})
        self.assertEqual(outcomes, {"served", "PEER_OUT_OF_ORDER"})

    def test_z_everything_at_once(self):
        """Ten threads of rubbish, and a customer who buys meanwhile."""
        stop = threading.Event()
        problems = []

        def rubbish(seed):
            rng = random.Random(seed)
            while not stop.is_set():
                try:
                    kind = rng.randrange(4)
                    if kind == 0:
                        self.ledger.request("POST", "/v1/tx", rng.randbytes(200))
                    elif kind == 1:
                        self.control("POST", "/v1/sessions", rng.randbytes(190))
                    elif kind == 2:
                        self.data("/v1/units/" + rng.randbytes(16).hex() + "/1/0", "00" * 16)
                    else:
                        self.raw(self.provider.data, rng.randbytes(300), seconds=0.2)
                except (OSError, http.client.HTTPException) as problem:
                    problems.append(problem)
        threads = [threading.Thread(target=rubbish, args=[SEED * 100 + i]) for i in range(10)]
        for thread in threads:
            thread.start()
        try:
            for i in range(3):
                out = self.market.path(f"bought-beside-{i}")
                report = self.customer.get(self.content, out).good()
                self.assertEqual(report["providers"][0]["units_lost"], 0)
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)
        self.assertEqual(problems, [])
        # What was bought is a change that was meant.
        self.ledger_before = self.ledger.record()
        self.earnings_before = self.provider.earnings()
        paid = self.provider_state()["units_paid"] - self.provider_before["units_paid"]
        self.assertEqual(paid, 3 * 21)
        self.provider_before = self.provider_state()


if __name__ == "__main__":
    print(f"# seed {SEED}", flush=True)
    main()
