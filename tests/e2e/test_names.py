#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Versioned names: a publisher updates what its label stands for; a provider that serves an older
record is caught by whoever has seen a newer one, or asks another provider; a publisher that signs
two contents with one number is shown; and no kill makes anything go back."""
import http.server
import os
import shutil
import ssl
import threading
import time

from market import Market, MarketTest, Failure, http_request, main


def content(n):
    return f"{n:02x}" * 32 + ".1000"


def held(provider, name):
    """The encoded record that PROVIDER hands out, or None."""
    status, body = http_request(provider.control, "GET", f"/v1/names/{name}", tls=True)
    assert status in (200, 404), (status, body)
    return body if status == 200 else None


class Hostile:
    """In place of a provider that is down, under its key: hands out what it is told to."""

    def __init__(self, provider, record):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(record)))
                self.end_headers()
                self.wfile.write(record)

            def log_message(self, *arguments):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", provider.control), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(provider.path, "tls.pem"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class Names(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.publisher = market.customer(coins=None, line=None)
        cls.host = market.provider(publishers=cls.publisher.address)
        cls.shop = market.provider()
        cls.bare = market.provider()
        path, cls.data = market.file("page", 700000)
        cls.page = market.open_shop([cls.shop], path)
        for provider in (cls.host, cls.bare):
            provider.start()
            provider.wait_registered()

    def reader(self):
        return self.market.customer(coins=None, line=None)

    def name(self, label):
        return f"{self.publisher.address}/{label}"

    def publish(self, label, what, *options, home=None):
        return (home or self.publisher).souk("name", "publish", label, what, *options)

    def show(self, home, label, *options):
        return home.souk("name", "show", self.name(label), *options)

    def refused(self, result, error, *words):
        self.assertNotEqual(result.code, 0, result)
        self.assertEqual(result.json["error"], error, result)
        for word in words:
            self.assertIn(word, result.json["detail"], result)

    def test_1_who_keeps_a_name(self):
        """The publisher's host, and who has the content; nobody else."""
        done = self.publish("site", self.page)
        self.assertEqual((done["sequence"], done["held_by"], done["size"]), (1, 2, 700000))
        status = {d["provider"]: d["status"] for d in done["providers"]}
        self.assertEqual(status[self.host.address], "OK")
        self.assertEqual(status[self.shop.address], "OK")
        self.assertEqual(status[self.bare.address], "PEER_UNKNOWN_CONTENT")
        # The same again is the same record.
        again = self.publish("site", self.page)
        self.assertEqual((again["sequence"], again["held_by"]), (1, 2))
        # A content that is nowhere is kept for those who may name what they like.
        done = self.publish("news", content(1))
        self.assertEqual(done["held_by"], 1)
        self.assertEqual(held(self.shop, self.name("news")), None)
        # Nobody keeps it for a stranger.
        stranger = self.reader()
        result = stranger.run("name", "publish", "news", content(1))
        self.assertEqual((result.code, result.json["held_by"]), (1, 0))

    def test_2_update(self):
        reader = self.reader()
        self.publish("blog", self.page)
        self.assertEqual(self.show(reader, "blog")["content"], self.page)
        # The shop knows the name now, and follows it to a content that it does not have.
        done = self.publish("blog", content(2))
        self.assertEqual((done["sequence"], done["held_by"]), (2, 2))
        shown = self.show(reader, "blog")
        self.assertEqual((shown["sequence"], shown["content"], shown["size"]),
                         (2, content(2)[:64], 1000))
        self.assertEqual((shown["asked"], shown["knew"], shown["behind"]), (3, 2, 0))
        self.assertFalse(shown["twice"])
        listed = reader.souk("name", "list")["names"]
        self.assertEqual([(n["name"], n["sequence"]) for n in listed], [(self.name("blog"), 2)])
        # One that missed the update is seen to be behind, and does no harm.
        self.publish("blog", content(3), "--to", self.host.address)
        shown = self.show(self.reader(), "blog")
        self.assertEqual((shown["sequence"], shown["behind"]), (3, 1))

    def test_3_download_by_name(self):
        buyer = self.market.customer()
        self.publish("download", self.page)
        out = self.market.path("by-name")
        buyer.get(self.name("download"), out).good()
        with open(out, "rb") as file:
            self.assertEqual(file.read(), self.data)
        result = buyer.get(self.name("nothing"), out + "2")
        self.refused(result, "LOCAL_NOT_FOUND")

    def test_4_roll_back_is_refused(self):
        reader = self.reader()
        self.publish("shop", content(4), "--to", self.host.address)
        old = held(self.host, self.name("shop"))
        self.publish("shop", content(5), "--to", self.host.address)
        self.assertEqual(self.show(reader, "shop")["sequence"], 2)
        self.host.kill()
        with Hostile(self.host, old):
            result = reader.run("name", "show", self.name("shop"))
            self.refused(result, "PEER_NAME_ROLLBACK", "sequence 2", "1")
            result = reader.run("get", self.name("shop"), self.market.path("never"))
            self.refused(result, "PEER_NAME_ROLLBACK", "sequence 2", "1")
            # It is not forgotten by having been refused.
            listed = reader.souk("name", "list")["names"]
            self.assertEqual([n["sequence"] for n in listed], [2])
            # Whoever sees the name for the first time cannot know better; who does can tell it.
            self.assertEqual(self.show(self.reader(), "shop")["sequence"], 1)
        # Another name's record, and a forged one, are no answer at all.
        with Hostile(self.host, old.replace(b"shop", b"shap")):
            self.refused(self.reader().run("name", "show", self.name("shop")), "LOCAL_NOT_FOUND")
        with Hostile(self.host, old[:-1] + bytes([old[-1] ^ 1])):
            self.refused(self.reader().run("name", "show", self.name("shop")), "LOCAL_NOT_FOUND")
        with Hostile(self.host, b"x" * 100000):
            self.refused(self.reader().run("name", "show", self.name("shop")), "LOCAL_NOT_FOUND")
        self.host.process = None
        self.host.start()
        self.assertEqual(self.show(reader, "shop")["sequence"], 2)

    def test_5_one_number_for_two_contents(self):
        self.publish("twice", self.page)
        first, fresh = self.reader(), self.reader()
        # A copy of the publisher's home, as one who restores a backup has.
        twin = self.reader()
        shutil.rmtree(twin.path)
        shutil.copytree(self.publisher.path, twin.path)
        self.publish("twice", content(6), "--to", self.host.address, "--sequence", 2)
        self.assertEqual(self.show(first, "twice")["content"], content(6)[:64])
        self.publish("twice", content(7), "--to", self.shop.address, "--sequence", 2, home=twin)
        # A provider keeps the first; so does a reader, and says what it saw.
        result = twin.run("name", "publish", "twice", content(7), "--to", self.host.address,
                          "--sequence", 2)
        self.assertEqual(result.json["providers"][0]["status"], "PEER_NAME_TWICE", result)
        shown = self.show(first, "twice")
        self.assertEqual((shown["content"], shown["twice"], shown["other"]),
                         (content(6)[:64], True, content(7)[:64]))
        # Who sees both for the first time takes neither, and keeps both.
        self.refused(fresh.run("name", "show", self.name("twice")), "PEER_NAME_TWICE", "sequence 2")
        self.assertTrue(fresh.souk("name", "list")["names"][0]["twice"])
        # The publisher heals it with a higher number, which it takes by itself.
        done = self.publish("twice", content(8))
        self.assertEqual(done["sequence"], 3)
        for home in (first, fresh):
            self.assertEqual(self.show(home, "twice")["content"], content(8)[:64])

    def test_6_killed(self):
        """A provider that acknowledged a record has it after kill -9; a publisher that is killed
        never signs another content with the same number."""
        for n in range(1, 4):
            self.assertEqual(self.publish("killed", content(n), "--to",
                                          self.host.address)["sequence"], n)
            before = held(self.host, self.name("killed"))
            self.host.kill()
            self.host.start()
            self.assertEqual(held(self.host, self.name("killed")), before)
        highest = 3
        for n in range(10, 20):
            command = self.publisher.command("name", "publish", "killed", content(n), "--to",
                                             self.host.address)
            time.sleep(0.004 * (n - 10))
            command.kill()
            command.wait()
            done = self.publish("killed", content(n + 100), "--to", self.host.address)
            self.assertEqual(done["held_by"], 1, done)
            self.assertGreater(done["sequence"], highest)
            highest = done["sequence"]
        shown = self.show(self.reader(), "killed")
        self.assertEqual((shown["sequence"], shown["twice"]), (highest, False))

    def test_7_nonsense(self):
        for text in ("Site", "..", "a/b", "a..b", "-", "x" * 65):
            result = self.publisher.run("name", "publish", text, content(1))
            self.refused(result, "PEER_BAD_NAME")
        result = self.reader().run("name", "publish", self.name("site"), content(1))
        self.refused(result, "PEER_WRONG_SIGNER")
        result = self.publisher.run("name", "publish", "nowhere", "ab" * 32)
        self.refused(result, "PEER_UNKNOWN_CONTENT")
        for path in ("", "x", self.name("Site"), self.name("../../etc"), "%00", "x" * 3000):
            status, _ = http_request(self.host.control, "GET", f"/v1/names/{path}", tls=True)
            self.assertIn(status, (400, 404, 414), path[:50])
        for body in (b"", b"x", os.urandom(300)):
            status, _ = http_request(self.host.control, "POST", "/v1/names", body, tls=True)
            self.assertEqual(status, 400, body[:20])


if __name__ == "__main__":
    main()
