# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium over its debugging pipe, with nothing but Python's own library.

    with Chromium() as browser:
        page = browser.open("http://127.0.0.1:7680/")
        page.run("document.title")              the value of an expression, promises awaited
        page.screenshot("page.png")

The protocol is JSON, a zero byte after each message, on the descriptors 3 (to it) and 4 (from it):
https://chromedevtools.github.io/devtools-protocol/.
"""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from market import Failure, _in_child

BINARY = shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    def __init__(self, *flags):
        self.folder = tempfile.mkdtemp(prefix="souk-chromium-")
        to_read, self.to = os.pipe()
        self.from_, from_write = os.pipe()

        def prepare():
            _in_child()
            # Above both first, so that neither dup2 closes the other's end.
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_read, from_write)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(
            [BINARY, "--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu",
             "--mute-audio", "--no-first-run", "--disable-dev-shm-usage", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
             "--autoplay-policy=no-user-gesture-required", "--window-size=1000,760",
             f"--user-data-dir={self.folder}", *flags, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=prepare,
            close_fds=False)
        os.close(to_read)
        os.close(from_write)
        self.buffer, self.next_id = b"", 0

    def call(self, method, session=None, seconds=60, **params):
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + seconds
        while True:
            answer = self.receive(end)
            if answer.get("id") != self.next_id:
                continue
            if "error" in answer:
                raise Failure(f"{method}: {answer['error']}")
            return answer["result"]

    def receive(self, end):
        while b"\0" not in self.buffer:
            if not select.select([self.from_], [], [], max(0, end - time.monotonic()))[0]:
                raise Failure("the browser does not answer")
            data = os.read(self.from_, 1 << 20)
            if not data:
                raise Failure(f"the browser is gone: {self.process.poll()}")
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        page.call("Page.enable")
        page.go(url)
        return page

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.log.close()
        os.close(self.to)
        os.close(self.from_)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def call(self, method, seconds=60, **params):
        return self.browser.call(method, self.session, seconds, **params)

    def go(self, url, seconds=60):
        failed = self.call("Page.navigate", seconds, url=url).get("errorText")
        if failed:
            raise Failure(f"{url}: {failed}")
        self.wait("document.readyState == 'complete'", seconds)

    def run(self, expression, seconds=60):
        result = self.call("Runtime.evaluate", seconds, expression=expression, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in result:
            raise Failure(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, seconds=60):
        """Until EXPRESSION is true; its value."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(expression)
            if value:
                return value
            if time.monotonic() > end:
                raise Failure(f"{expression}: not true in {seconds} s")
            time.sleep(0.05)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
