#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A browser plays and seeks through a gateway, while the film is being fetched from caches.

The film counts its seconds in binary, in seven boxes at its top: so the picture itself says whether
it is the one of currentTime. Where Chromium or ffmpeg is not installed the test is skipped.

SOUK_SCREENSHOTS=DIR keeps what the browser shows.
"""
import os
import shutil
import subprocess
import sys

from chromium import BINARY, Chromium
from market import Market, MarketTest, main
from test_publish import Publisher

FFMPEG = shutil.which("ffmpeg")
SECONDS = 100
BOXES = 7

PLAYER = """<!DOCTYPE html>
<meta charset="utf-8"><title>Film</title>
<style>body{font:16px system-ui,sans-serif;margin:1rem} video{display:block}</style>
<h1>A film of 100 seconds</h1>
<video id="v" width="640" height="360" controls muted preload="metadata"></video>
<p id="p"></p>
<script src="player.js"></script>
"""

# What the boxes say, read from the decoded picture.
SCRIPT = """"use strict";
const v = document.getElementById("v");
v.src = new URLSearchParams(location.search).get("src") || "film.mp4";
const canvas = document.createElement("canvas");
canvas.width = 640; canvas.height = 360;
const context = canvas.getContext("2d", {willReadFrequently: true});
function seconds() {
    context.drawImage(v, 0, 0, 640, 360);
    let sum = 0;
    for (let i = 0; i < 7; i++) {
        const [r, g, b] = context.getImageData(i * 40 + 18, 24, 1, 1).data;
        const light = (r + g + b) / 3;
        if (light > 60 && light < 190) return -1;
        if (light >= 190) sum += 1 << i;
    }
    return sum;
}
/* The picture that is shown, and its own time. */
function shown() {
    return new Promise((resolve) => v.requestVideoFrameCallback((now, frame) =>
        resolve({at: frame.mediaTime, seconds: seconds(), frames: frame.presentedFrames})));
}
async function seek(to) {
    const done = new Promise((resolve) => v.addEventListener("seeked", resolve, {once: true}));
    v.currentTime = to;
    await done;
}
function status() {
    return {at: v.currentTime, paused: v.paused, ready: v.readyState, duration: v.duration,
        width: v.videoWidth, error: v.error && v.error.message};
}
setInterval(() => {
    document.getElementById("p").textContent = JSON.stringify(status());
}, 200);
"""


def ffmpeg(*arguments):
    subprocess.run([FFMPEG, "-v", "error", "-y", *arguments], check=True, timeout=120,
                   stdin=subprocess.DEVNULL)


def make_site(folder, with_hls=True):
    """A page, the film as MP4, and the same as HLS."""
    boxes = ["drawbox=x=0:y=0:w=296:h=48:color=black:t=fill"]
    for i in range(BOXES):
        boxes.append(f"drawbox=x={i * 40}:y=4:w=36:h=40:color=white:t=fill:"
                     f"enable='gte(mod(floor(t/{2 ** i}),2),1)'")
    film = os.path.join(folder, "film.mp4")
    os.makedirs(folder)
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={SECONDS}", "-f", "lavfi", "-i",
           f"sine=frequency=330:duration={SECONDS}",
           "-vf", "noise=alls=30:allf=t," + ",".join(boxes),
           "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25",
           "-b:v", "4M", "-maxrate", "5M", "-bufsize", "5M", "-c:a", "aac", "-b:a", "96k",
           "-movflags", "+faststart", film)
    if with_hls:
        os.makedirs(os.path.join(folder, "hls"))
        ffmpeg("-i", film, "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_playlist_type",
               "vod", "-hls_segment_filename", os.path.join(folder, "hls", "%03d.ts"),
               os.path.join(folder, "hls", "index.m3u8"))
    for name, text in (("index.html", PLAYER), ("player.js", SCRIPT)):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)


class Film:
    """What both ways to pay have in common."""

    payment = None

    def open(self, browser, source):
        page = browser.open(f"{self.gate.url}/{self.site}/?src={source}")
        page.wait("v.readyState >= 1 || v.error")
        return page

    def held(self):
        """Bytes of all contents that are on the gateway's disk."""
        return sum(c["size"] * c["chunks_here"] // c["chunks"]
                   for c in self.gate.index()["contents"] if c["chunks"])

    def check_picture(self, page):
        shown = page.run("shown()")
        self.assertIn(shown["seconds"], (int(shown["at"] + 0.001), int(shown["at"] + 0.04)), shown)
        return shown

    def keep(self, page, name):
        folder = os.environ.get("SOUK_SCREENSHOTS")
        if folder:
            page.screenshot(os.path.join(folder, f"{self.payment}-{name}.png"))

    def play_and_seek(self, source, name):
        with Chromium() as browser:
            page = self.open(browser, source)
            # Under an origin of its own.
            self.assertRegex(page.run("location.host"), r"^[0-9a-f]{32}\.[0-9a-f]{32}\.localhost:")
            status = page.run("status()")
            self.assertIsNone(status["error"], status)
            self.assertAlmostEqual(status["duration"], SECONDS, delta=0.5)
            page.run("v.play()")
            page.wait("v.currentTime > 1")
            first = self.check_picture(page)
            page.wait(f"v.currentTime > {first['at'] + 1}")
            # Forward, where nothing was fetched yet, and it goes on from there.
            page.run("seek(80.5)")
            self.assertGreaterEqual(page.run("v.currentTime"), 80.4)
            after = self.check_picture(page)
            self.assertGreaterEqual(after["at"], 80.4)
            self.assertGreaterEqual(after["seconds"], 80)
            page.wait("v.currentTime > 81.5")
            self.assertGreater(self.check_picture(page)["frames"], after["frames"] + 10)
            self.keep(page, name)
            # Back, and standing still.
            page.run("v.pause()")
            page.run("Promise.all([shown(), seek(5.5)])")
            self.assertEqual(page.run("seconds()"), 5)
            self.assertIsNone(page.run("v.error && v.error.message"))


class Bought(Film, MarketTest):
    """From the home's own escrow."""

    payment = "paid"

    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        make_site(market.path("site"))
        sellers = [market.provider() for _ in range(2)]
        for seller in sellers:
            cls.site = seller.add(market.path("site"))
            seller.start()
        for seller in sellers:
            seller.wait_registered()
        cls.gate = market.gateway(read_ahead="2MiB")

    def test_1_mp4(self):
        self.play_and_seek("film.mp4", "mp4")
        # The midst was jumped over, and neither fetched nor paid.
        film = os.path.getsize(os.path.join(self.market.path("site"), "film.mp4"))
        self.assertLess(self.held(), film)

    def test_2_hls(self):
        """Chromium's own player of HLS: no script is needed."""
        self.play_and_seek("hls/index.m3u8", "hls")

    def test_3_pages(self):
        """The index and a listing, as a person sees them; and whom they shut out."""
        with Chromium() as browser:
            page = browser.open(f"{self.gate.url}/")
            self.assertIn("Souk gateway", page.run("document.title"))
            self.keep(page, "index")
            page.go(f"{self.gate.url}/{self.site}/hls/")
            self.assertIn("index.m3u8", page.run("document.body.innerText"))
            self.keep(page, "listing")
            page.go(f"{self.gate.url}/{'ab' * 32}")
            self.assertIn("404", page.run("document.title"))
            self.keep(page, "problem")
            # A page of one content reads neither the index nor another content.
            page.go(f"{self.gate.url}/{self.site}/")
            for url in (f"{self.gate.url}/?json", f"{self.gate.url}/{self.site}/player.js"):
                self.assertEqual("refused", page.run(
                    f"fetch('{url}').then((r) => r.status + '', () => 'refused')"), url)
            self.assertEqual("200", page.run("fetch('player.js').then((r) => r.status + '')"))


    def test_4_sandbox(self):
        """Without origins of their own pages are locked in: they read nothing, not even their own
        files, since nothing tells their requests from those of a page elsewhere."""
        gate = self.market.gateway(own_origins="no")
        with Chromium() as browser:
            page = browser.open(f"{gate.url}/{self.site}/")
            self.assertEqual(page.run("[location.host, origin].join()"),
                             f"127.0.0.1:{gate.port},null")
            self.assertIn("A film", page.run("document.body.innerText"))
            for url in ("/?json", "player.js", f"/{self.site}/film.mp4"):
                self.assertEqual("refused", page.run(
                    f"fetch('{url}').then((r) => r.status + '', () => 'refused')"), url)
            self.assertEqual("refused", page.run(
                "(() => { try { return localStorage.length } catch { return 'refused' } })()"))


class Sponsored(Film, MarketTest):
    """From caches that the publisher recruited and pays: the viewer has no coin."""

    payment = "sponsored"

    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        make_site(market.path("site"), with_hls=False)
        caches = [market.provider(cache="256MiB") for _ in range(3)]
        for cache in caches:
            cache.souk("faucet", "50")
            cache.souk("escrow", "open", "--line", "5", "--prize", "0.001")
            cache.start()
        cls.publisher = Publisher(market)
        market.daemons.append(cls.publisher)
        cls.publisher.start()
        for cache in caches:
            cache.wait_registered()
        cls.site = cls.publisher.publish(market.path("site"), "10")["content"]
        cls.gate = market.gateway(coins=None)

    def test_1_mp4(self):
        self.play_and_seek("film.mp4", "mp4")
        self.assertEqual(self.gate.index()["spent"], "0")
        self.assertIn("sponsored=1", self.gate.log())
        report = self.publisher.report()
        self.assertGreater(report["bytes"], 0)
        self.assertGreater(report["spent_ncoin"], 0)


if __name__ == "__main__":
    for tool, name in ((BINARY, "chromium"), (FFMPEG, "ffmpeg")):
        if not tool:
            print(f"skipped: {name} is not installed, see tools/setup")
            sys.exit(77)
    main()
