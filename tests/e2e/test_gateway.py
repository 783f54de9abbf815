#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway for ordinary programs: curl, ffmpeg and raw sockets against real providers."""
import concurrent.futures
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse

from market import (UNIT, Failure, Market, MarketTest, file_of, free_port, http_request,
                    is_listening, main, wait_until)

CURL = shutil.which("curl")
FFMPEG = shutil.which("ffmpeg")


def sha(data):
    return hashlib.sha256(data).hexdigest()


def run(*argv, seconds=60, check=True):
    done = subprocess.run(argv, capture_output=True, timeout=seconds, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise Failure(f"{argv}: {done.returncode} {done.stderr[-2000:]}")
    return done


class Bought(MarketTest):
    """Contents of other people's, which are fetched while they are read."""

    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.sellers = [cls.market.provider() for _ in range(2)]
        cls.gate = cls.market.gateway()

    def offer(self, name, size, seed=1):
        path, data = self.market.file(name, size, seed)
        return self.market.open_shop(self.sellers, path), data

    def test_whole_and_ranges(self):
        content, data = self.offer("whole.bin", 5 * UNIT + 12345, 2)
        etag = f'"{content}"'
        status, headers, body = self.gate.get(f"/{content}")
        self.assertEqual(status, 200)
        self.assertEqual(sha(body), sha(data))
        self.assertEqual(headers["etag"], etag)
        self.assertEqual(headers["accept-ranges"], "bytes")
        self.assertEqual(headers["content-length"], str(len(data)))
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertIn("immutable", headers["cache-control"])
        self.assertEqual(headers["content-type"], "application/octet-stream")
        self.assertNotIn("last-modified", headers)
        for text, first, last in (("0-0", 0, 0), ("100-299", 100, 299), ("-7", -7, None),
                                  (f"{UNIT - 1}-{UNIT}", UNIT - 1, UNIT),
                                  (f"{len(data) - 1}-", -1, None)):
            status, headers, body = self.gate.get(f"/{content}", Range=f"bytes={text}")
            self.assertEqual(status, 206, text)
            self.assertEqual(body, data[first:None if last is None else last + 1], text)
            start = first if first >= 0 else len(data) + first
            self.assertEqual(headers["content-range"],
                             f"bytes {start}-{start + len(body) - 1}/{len(data)}")
        status, headers, body = self.gate.get(f"/{content}", Range=f"bytes={len(data)}-")
        self.assertEqual((status, headers["content-range"]), (416, f"bytes */{len(data)}"))
        status, _, body = self.gate.get(f"/{content}", Range="bytes=0-1,5-6")
        self.assertEqual((status, len(body)), (200, len(data)))
        # Conditions.
        status, headers, body = self.gate.get(f"/{content}", If_None_Match=etag)
        self.assertEqual((status, body, headers["etag"]), (304, b"", etag))
        self.assertEqual(headers.get("content-length", str(len(data))), str(len(data)))
        # And nothing of it follows on the connection.
        with socket.create_connection(("127.0.0.1", self.gate.port), 20) as s:
            ask = f"GET /{content} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            s.sendall(f"{ask}If-None-Match: {etag}\r\n\r\n"
                      f"{ask}Range: bytes=0-3\r\nConnection: close\r\n\r\n".encode())
            got = b""
            while more := s.recv(65536):
                got += more
        self.assertTrue(got.startswith(b"HTTP/1.1 304"), got)
        self.assertEqual((got.count(b"HTTP/1.1 206"), got[-8:]),
                         (1, b"\r\n\r\n" + data[:4]))
        status, _, body = self.gate.get(f"/{content}", Range="bytes=0-9", If_Range=etag)
        self.assertEqual((status, len(body)), (206, 10))
        status, _, body = self.gate.get(f"/{content}", Range="bytes=0-9", If_Range='"other"')
        self.assertEqual((status, len(body)), (200, len(data)))
        self.assertEqual(self.gate.get(f"/{content}", If_Match='"other"')[0], 412)
        # HEAD says the same and sends nothing.
        status, headers, body = self.gate.request(f"/{content}", "HEAD")
        self.assertEqual((status, body, headers["content-length"]), (200, b"", str(len(data))))
        self.assertEqual(headers["etag"], etag)
        status, headers, _ = self.gate.get(f"/{content}?download=a%20b%22.mp4")
        self.assertEqual(headers["content-type"], "video/mp4")
        self.assertEqual(headers["content-disposition"],
                         "attachment; filename*=UTF-8''a%20b%22.mp4")

    def test_seek_costs_little(self):
        """A few bytes at the end of a large content: a few chunks, not all of it."""
        content, data = self.offer("seek.bin", 64 * UNIT, 3)
        place = 50 * UNIT + 17
        status, _, body = self.gate.get(f"/{content}", Range=f"bytes={place}-{place + 99}")
        self.assertEqual((status, body), (206, data[place:place + 100]))
        held = {c["content"]: c for c in self.gate.index()["contents"]}[content]
        self.assertEqual(held["chunks"], 64)
        # The first one, which says what it is, and the one that was asked for.
        self.assertLessEqual(held["chunks_here"], 2)
        self.assertGreaterEqual(held["chunks_here"], 1)

    def test_reader_leaves(self):
        """Who goes away after the first bytes of a long stream does not pay for the rest."""
        content, data = self.offer("leave.bin", 200 * UNIT, 4)
        with socket.create_connection(("127.0.0.1", self.gate.port), 20) as s:
            s.sendall(f"GET /{content} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            got = b""
            while len(got) < UNIT:
                got += s.recv(65536)
        wait_until("the fetch ends", lambda: self.gate.index()["fetching"] == 0)
        held = {c["content"]: c for c in self.gate.index()["contents"]}[content]
        self.assertLess(held["chunks_here"], 100)
        # What is here stays, and the rest comes when it is asked for.
        status, _, body = self.gate.get(f"/{content}")
        self.assertEqual((status, sha(body)), (200, sha(data)))

    def test_two_readers_one_fetch(self):
        content, data = self.offer("two.bin", 24 * UNIT, 5)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            places = [0, 6 * UNIT, 12 * UNIT, 18 * UNIT]
            answers = list(pool.map(lambda p: self.gate.get(
                f"/{content}", Range=f"bytes={p}-{p + 6 * UNIT - 1}"), places))
        for place, (status, _, body) in zip(places, answers):
            self.assertEqual((status, sha(body)), (206, sha(data[place:place + 6 * UNIT])))
        wait_until("the fetch ends", lambda: self.gate.index()["fetching"] == 0)
        self.assertEqual(self.gate.log().count(f"event=gateway_fetch_over content={content}"), 1)

    def test_slow_reader(self):
        """It is waited for, and in the end has everything."""
        content, data = self.offer("slow.bin", 20 * UNIT, 6)
        digest = hashlib.sha256()
        with socket.create_connection(("127.0.0.1", self.gate.port), 20) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            s.sendall(f"GET /{content} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            got = s.recv(4096)
            while b"\r\n\r\n" not in got:
                got += s.recv(4096)
            head, _, got = got.partition(b"\r\n\r\n")
            self.assertIn(b"200", head)
            size = len(got)
            digest.update(got)
            while size < len(data):
                got = s.recv(65536)
                self.assertTrue(got, f"cut off after {size}")
                size += len(got)
                digest.update(got)
                if size < 2 * UNIT:
                    time.sleep(0.01)
        self.assertEqual(digest.hexdigest(), sha(data))

    def test_curl_resumes(self):
        content, data = self.offer("curl.bin", 12 * UNIT + 99, 7)
        part = self.market.path("curl.part")
        with open(part, "wb") as file:
            file.write(data[:3 * UNIT + 5])
        run(CURL, "-sS", "--fail", "-C", "-", "-o", part, f"{self.gate.url}/{content}")
        with open(part, "rb") as file:
            self.assertEqual(sha(file.read()), sha(data))
        # From a piece that curl fetched itself.
        os.unlink(part)
        run(CURL, "-sS", "--fail", "-r", f"0-{2 * UNIT + 6}", "-o", part,
            f"{self.gate.url}/{content}")
        self.assertEqual(os.path.getsize(part), 2 * UNIT + 7)
        run(CURL, "-sS", "--fail", "-C", "-", "-o", part, f"{self.gate.url}/{content}")
        with open(part, "rb") as file:
            self.assertEqual(sha(file.read()), sha(data))

    def test_problems(self):
        status, _, body = self.gate.get("/" + "ab" * 32)
        self.assertEqual((status, json.loads(body)["error"]), (404, "PEER_UNKNOWN_CONTENT"))
        status, headers, body = self.gate.get("/" + "ab" * 32, Accept="text/html,*/*")
        self.assertEqual(status, 404)
        self.assertIn("text/html", headers["content-type"])
        self.assertIn(b"souk offers", body)
        for path in ("/x", "/" + "AB" * 32, "/" + "ab" * 33, "/name/", "/name/0x12/a", "//",
                     "/../etc/passwd", "/%2e%2e/", "/favicon.ico"):
            self.assertEqual(self.gate.get(path)[0], 404, path)
        for method in ("POST", "PUT", "DELETE"):
            status, headers, _ = self.gate.request("/", method)
            self.assertEqual((status, headers["allow"]), (405, "GET, HEAD, OPTIONS"))
        # Empty content.
        status, headers, body = self.gate.get("/" + "00" * 32)
        self.assertEqual((status, body), (200, b""))

    def test_guards(self):
        content, data = self.offer("guard.bin", 1000, 8)
        ask = lambda **h: self.gate.get(f"/{content}", **h)[0]
        self.assertEqual(ask(), 200)
        self.assertEqual(ask(Host="evil.example"), 403)
        self.assertEqual(ask(Host=f"evil.example:{self.gate.port}"), 403)
        self.assertEqual(ask(Host="localhost"), 200)
        cross = {"Sec_Fetch_Site": "cross-site"}
        self.assertEqual(ask(**cross, Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="image"), 403)
        self.assertEqual(ask(**cross, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe"), 403)
        self.assertEqual(ask(**cross, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document"), 200)
        self.assertEqual(ask(**cross, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document",
                             Sec_Purpose="prefetch;prerender"), 403)
        self.assertEqual(ask(Origin="https://evil.example"), 403)
        # Its own origin: the content is the root there.
        half = f"{content[:32]}.{content[32:]}.localhost:{self.gate.port}"
        status, _, body = self.gate.get("/", Host=half)
        self.assertEqual((status, body), (200, data))
        self.assertEqual(self.gate.get(f"/{content}", Host=half)[0], 404)

    def test_garbage(self):
        content, data = self.offer("garbage.bin", 3 * UNIT, 9)
        for text in (b"\x00\xff" * 4000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
                     f"GET /{content} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: ".encode()
                     + b"9" * 30000 + b"\r\n\r\n",
                     f"GET /{content}%00%0d%0aX:%20y HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(),
                     b"GET /%ff%fe/%80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.gate.port), 20) as s:
                try:
                    s.sendall(text)
                    s.settimeout(2)
                    s.recv(4096)
                except OSError:
                    pass
        self.assertEqual(sha(self.gate.get(f"/{content}")[2]), sha(data))

    def test_index(self):
        content, _ = self.offer("index<&>.bin", 1000, 10)
        self.assertEqual(self.gate.get(f"/{content}")[0], 200)
        index = self.gate.index()
        self.assertIn(content, [c["content"] for c in index["contents"]])
        status, headers, body = self.gate.get("/")
        self.assertEqual(status, 200)
        self.assertIn(content.encode(), body)
        self.assertIn("default-src 'none'", headers["content-security-policy"])


FILES = {
    "a b&<c>.txt": 1000,
    "docs/deep/x.bin": 5 * UNIT + 5,        # too long for the pack of the others
    "docs/empty": 0,
    "docs/sixty-four": 64,
    "page/index.html": 500,
    "page/logo.svg": 300,
    "style.css": 10,
}


class Directories(MarketTest):
    """Trees, by id and by name; and a home that is provider and gateway at once."""

    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        folder = market.path("tree")
        cls.files = {}
        for number, (path, size) in enumerate(FILES.items()):
            where = os.path.join(folder, path)
            os.makedirs(os.path.dirname(where), exist_ok=True)
            cls.files[path] = file_of(where, size, seed=number + 60)
        cls.seller = market.provider()
        cls.tree = cls.seller.add(folder)
        cls.seller.start()
        cls.seller.wait_registered()
        cls.gate = market.gateway()

    def test_paths(self):
        for path, data in self.files.items():
            url = f"/{self.tree}/" + urllib.parse.quote(path)
            status, headers, body = self.gate.get(url)
            self.assertEqual((status, body), (200, data), path)
            self.assertEqual(headers["content-length"], str(len(data)))
            self.assertIn("immutable", headers["cache-control"])
        ask = lambda path, **h: self.gate.get(f"/{self.tree}/{path}", **h)
        self.assertIn("docs/deep/x.bin", [c["name"] for c in self.gate.index()["contents"]])
        self.assertEqual(ask("style.css")[1]["content-type"], "text/css; charset=utf-8")
        self.assertEqual(ask("docs/deep/x.bin", Range=f"bytes={UNIT - 2}-{UNIT + 1}")[2],
                         self.files["docs/deep/x.bin"][UNIT - 2:UNIT + 2])
        for path in ("none", "docs/none", "style.css/", "style.css/x", "docs//deep", "docs/../a",
                     "docs/%2e%2e/style.css"):
            self.assertEqual(ask(path)[0], 404, path)
        # A folder without its slash is sent on; so is the directory itself.
        for path, to in ((f"/{self.tree}", f"/{self.tree}/"),
                         (f"/{self.tree}/docs/deep", f"/{self.tree}/docs/deep/")):
            status, headers, _ = self.gate.get(path)
            self.assertEqual((status, headers["location"]), (307, to))

    def test_listings(self):
        status, headers, body = self.gate.get(f"/{self.tree}/", Accept="text/html")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertIn(b"a b&amp;&lt;c&gt;.txt", body)
        self.assertIn(b'href="./a%20b%26%3Cc%3E.txt"', body)
        self.assertNotIn(b"<c>", body)
        for ask in ({"Accept": "application/json"}, {}):
            url = f"/{self.tree}/docs/" + ("" if ask else "?json")
            listing = json.loads(self.gate.get(url, **ask)[2])
            self.assertEqual([(e["name"], e["kind"], e["size"]) for e in listing["entries"]],
                             [("deep", "folder", 5 * UNIT + 5), ("empty", "file", 0),
                              ("sixty-four", "file", 64)])
        # Its index.html is shown in place of a folder, unless the listing is asked for.
        page = f"/{self.tree}/page/"
        self.assertEqual(self.gate.get(page)[2], self.files["page/index.html"])
        self.assertIn(b"logo.svg", self.gate.get(page + "?list")[2])

    def test_pages_are_kept_apart(self):
        page = f"/{self.tree}/page/index.html"
        # On the shared origin it is locked in a sandbox; a browser's document is sent to its own.
        self.assertIn("sandbox", self.gate.get(page)[1]["content-security-policy"])
        status, headers, _ = self.gate.get(page, Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate",
                                           Sec_Fetch_Dest="document")
        host = f"{self.tree[:32]}.{self.tree[32:]}.localhost:{self.gate.port}"
        self.assertEqual((status, headers["location"]), (307, f"http://{host}/page/index.html"))
        status, headers, body = self.gate.get("/page/index.html", Host=host)
        self.assertEqual((status, body), (200, self.files["page/index.html"]))
        self.assertNotIn("content-security-policy", headers)
        self.assertEqual(self.gate.get("/page", Host=host)[1]["location"], "/page/")

    def test_names(self):
        self.seller.souk("name", "publish", "site", self.tree)
        where = f"/name/{self.seller.address}/site"
        status, headers, body = self.gate.get(f"{where}/style.css")
        self.assertEqual((status, body), (200, self.files["style.css"]), headers)
        # What a name stands for may change: it is asked about each time.
        self.assertEqual(headers["cache-control"], "no-cache")
        again = self.gate.get(f"{where}/style.css", If_None_Match=headers["etag"])
        self.assertEqual((again[0], again[2]), (304, b""))
        self.assertEqual(self.gate.get(where)[1]["location"], where + "/")
        self.assertEqual(self.gate.get(f"/name/{self.seller.address}/other/")[0], 404)

    def test_provider_and_gateway(self):
        """One home: its own contents at once, and what its viewer fetched is sold on."""
        both = self.market.provider(cache="64MiB")
        both.souk("faucet", "50")
        both.souk("escrow", "open", "--line", "5", "--prize", "0.001")
        port = free_port()
        with open(os.path.join(both.path, "souk.ini"), "a") as file:
            file.write(f"\n[gateway]\nlisten = 127.0.0.1:{port}\n")
        path, data = self.market.file("own.bin", 3 * UNIT, 70)
        own = both.add(path)
        both.start()
        both.wait_registered()
        wait_until("the gateway listens", lambda: is_listening(port))
        ask = lambda url: http_request(port, "GET", url)
        self.assertEqual(ask(f"/{own}"), (200, data))
        x = self.files["docs/deep/x.bin"]
        self.assertEqual(ask(f"/{self.tree}/docs/deep/x.bin"), (200, x))
        self.seller.stop()
        out = self.market.path("sold-on")
        content = [e["id"] for e in json.loads(ask(f"/{self.tree}/docs/deep/?json")[1])["entries"]]
        self.market.customer().get(content[0], out).good()
        with open(out, "rb") as file:
            self.assertEqual(file.read(), x)
        both.stop()
        self.seller.start()


class Films(MarketTest):
    """ffmpeg reads through the gateway as from any web server."""

    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.film = market.path("film.mp4")
        run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=60", "-vf",
            "noise=alls=40:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25",
            "-b:v", "3M", cls.film)
        cls.sellers = [market.provider(), market.provider()]
        cls.content = market.open_shop(cls.sellers, cls.film)
        cls.gate = market.gateway(read_ahead="1MiB")

    def test_ffmpeg_seeks(self):
        """Its index is at the end: ffmpeg seeks there first, then to the place that is asked for,
        and decodes the same picture as from the file."""
        def picture(source):
            return run(FFMPEG, "-v", "error", "-ss", "41.2", "-i", source, "-frames:v", "1", "-f",
                       "rawvideo", "-pix_fmt", "gray", "-").stdout
        wanted = picture(self.film)
        self.assertEqual(len(wanted), 320 * 180)
        self.assertEqual(picture(f"{self.gate.url}/{self.content}"), wanted)
        held = {c["content"]: c for c in self.gate.index()["contents"]}[self.content]
        self.assertLess(held["chunks_here"], held["chunks"] * 2 // 3)
        # All of it.
        done = run(FFMPEG, "-v", "error", "-i", f"{self.gate.url}/{self.content}", "-f", "null",
                   "-")
        self.assertEqual(done.stderr, b"")


class Whole(MarketTest):
    """What happens when providers are killed, and when there is no money."""

    @classmethod
    def make_market(cls):
        cls.market = Market()

    def test_provider_killed(self):
        """With another one the stream goes on; without any it is cut off, and never short."""
        first, second = self.market.provider(), self.market.provider()
        path, data = self.market.file("killed.bin", 160 * UNIT)
        content = self.market.open_shop([first, second], path)
        gate = self.market.gateway(read_ahead="2MiB", wait="5s")

        def stream(kill, when):
            got = hashlib.sha256()
            size = 0
            with socket.create_connection(("127.0.0.1", gate.port), 60) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                s.sendall(f"GET /{content} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                          "Connection: close\r\n\r\n".encode())
                body = s.recv(65536)
                while body and b"\r\n\r\n" not in body:
                    body += s.recv(65536)
                body = body.partition(b"\r\n\r\n")[2] or s.recv(65536)
                while body:
                    size += len(body)
                    got.update(body)
                    if kill and size > when:
                        for provider in kill:
                            provider.kill()
                        kill = []
                    try:
                        body = s.recv(65536)
                    except ConnectionError:
                        break
            return size, got.hexdigest()
        size, digest = stream([first], 10 * UNIT)
        self.assertEqual((size, digest), (len(data), sha(data)))
        # Another gateway, which has nothing yet.
        gate = self.market.gateway(read_ahead="2MiB", wait="3s")
        size, _ = stream([second], 10 * UNIT)
        self.assertGreater(size, 10 * UNIT)
        self.assertLess(size, len(data))
        status, _, body = gate.get(f"/{content}", Range=f"bytes={159 * UNIT}-")
        self.assertIn(status, (404, 502, 504), body)
        # What is here is served without anybody.
        status, _, body = gate.get(f"/{content}", Range=f"bytes=0-{UNIT}")
        self.assertEqual((status, body), (206, data[:UNIT + 1]))

    def test_stop_and_kill(self):
        """It stops in the midst of streams; after a kill what was bought is there, and is whole."""
        seller = self.market.provider()
        path, data = self.market.file("stopped.bin", 100 * UNIT, 40)
        content = self.market.open_shop([seller], path)
        gate = self.market.gateway()
        ask = f"GET /{content} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        for end in (gate.stop, gate.kill):
            streams = []
            for _ in range(4):
                s = socket.create_connection(("127.0.0.1", gate.port), 60)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
                s.sendall(ask)
                streams.append(s)
            for s in streams:
                self.assertTrue(s.recv(1000).startswith(b"HTTP/1.1 200"))
            end()
            for s in streams:
                s.close()
            gate.start()
        seller.stop()
        held = {c["content"]: c for c in gate.index()["contents"]}[content]
        self.assertGreater(held["chunks_here"], 0)
        self.assertEqual(gate.get(f"/{content}", Range="bytes=0-99")[2], data[:100])
        seller.start()
        seller.wait_registered()
        status, _, body = gate.get(f"/{content}")
        self.assertEqual((status, sha(body)), (200, sha(data)))
        seller.stop()

    def test_limits(self):
        """As many contents are fetched at once as may be; who comes too many is told so."""
        seller = self.market.provider()
        ids = []
        for number in range(2):
            path, _ = self.market.file(f"limit{number}.bin", 120 * UNIT, 30 + number)
            ids.append(seller.add(path))
        seller.start()
        seller.wait_registered()
        gate = self.market.gateway(contents=1, read_ahead="1MiB", idle="10m")
        with socket.create_connection(("127.0.0.1", gate.port), 60) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            s.sendall(f"GET /{ids[0]} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            self.assertTrue(s.recv(1000).startswith(b"HTTP/1.1 200"))
            status, headers, body = gate.get(f"/{ids[1]}", Range="bytes=0-9")
            self.assertEqual((status, headers["retry-after"]), (503, "2"), body)
        # Nobody reads the first one any more: it makes room, however long it could wait.
        status = wait_until("room", lambda: gate.get(f"/{ids[1]}", Range="bytes=0-9")[0] == 206)
        # More than the cache holds cannot be read, and says so.
        small = self.market.gateway(cache="1MiB")
        status, _, body = small.get(f"/{ids[0]}", Range="bytes=0-9")
        self.assertEqual(status, 507)
        self.assertIn("cache", json.loads(body)["detail"])
        seller.stop()

    def test_no_money(self):
        seller = self.market.provider()
        path, _ = self.market.file("money.bin", 5 * UNIT, 21)
        content = self.market.open_shop([seller], path)
        poor = self.market.gateway(coins=None)
        status, headers, body = poor.get(f"/{content}", Accept="text/html")
        self.assertEqual(status, 402)
        self.assertIn(b"souk", body)
        frugal = self.market.gateway(budget="0", payer="own")
        status, _, body = frugal.get(f"/{content}")
        self.assertEqual((status, json.loads(body)["error"]), (402, "LOCAL_BUDGET"))
        cheap = self.market.gateway(price_max="0.00001")
        self.assertEqual(cheap.get(f"/{content}")[0], 402)
        # So much a day, and not more; what it was spent on stays.
        daily = self.market.gateway(budget="0.0003", read_ahead="0")
        status, _, body = daily.get(f"/{content}", Range=f"bytes=0-{2 * UNIT - 1}")
        self.assertEqual((status, len(body)), (206, 2 * UNIT))
        wait_until("the fetch ends", lambda: daily.index()["fetching"] == 0)
        self.assertEqual(daily.index()["spent"], "0.0002")
        daily.kill()
        daily.start()
        self.assertEqual(daily.index()["spent"], "0.0002")
        seller.stop()


if __name__ == "__main__":
    if not FFMPEG:
        print("ffmpeg is not installed, see tools/setup: its part is left out", file=sys.stderr)
        del Films
    main()
