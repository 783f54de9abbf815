# SPDX-License-Identifier: Apache-2.0
"""A whole market of real processes on loopback, for tests.

    with Market() as market:                 a ledger runs
        seller = market.provider(price="0.0001")
        buyer = market.customer()
        viewer = market.customer(coins=None, line=None)    no money at all
        id = seller.add(file)
        seller.start(); seller.wait_registered()
        result = buyer.get(id, path)         the JSON of souk get

Every wait has a deadline. Every child dies with the test: the kernel kills it when its
parent is gone (PR_SET_PDEATHSIG), and Market kills what is left. A test that fails prints
the ends of the daemons' logs.

PDEATHSIG counts threads as parents: start daemons on the main thread only.
"""
import ctypes
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SOUK = os.environ.get("SOUK", "build/souk")
SOUKD = os.environ.get("SOUKD", "build/soukd")
UNIT = 262144
COIN = 10 ** 9
WINDOW = 8                   # the provider's default
WAIT_S = 30.0                # for anything that should take a moment
RUN_S = 120.0                # for one command

SETPRIV = shutil.which("setpriv")
_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def _in_child():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # A limit of the file size is then an error of write, as a full disk is.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


class Failure(AssertionError):
    pass


# What a sanitized build says when it finds something.
SANITIZER = re.compile(r"\w+Sanitizer: |: runtime error: ")


def wait_until(what, condition, seconds=WAIT_S, pause=0.02):
    """The first true value of CONDITION(); Failure where it never is."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: did not happen in {seconds:g} s")
        time.sleep(pause)


# Outside of the range from which the kernel takes ports for outgoing connections.
_ports_given = set()
_port_rng = random.Random(os.getpid() * 7919 + time.time_ns())


def free_port():
    for _ in range(1000):
        port = _port_rng.randrange(15000, 32000)
        if port in _ports_given:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _ports_given.add(port)
        return port
    raise Failure("no free port")


def is_listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def file_of(path, size, seed=1):
    """A file of SIZE bytes that depend on SEED only; returns them."""
    data = random.Random(seed * 1000003 + size).randbytes(size)
    with open(path, "wb") as file:
        file.write(data)
    return data


def merkle(nodes, pad):
    while len(nodes) & (len(nodes) - 1):
        nodes = nodes + [pad]
    while len(nodes) > 1:
        nodes = [hashlib.sha256(a + b).digest() for a, b in zip(nodes[::2], nodes[1::2])]
    return nodes[0]


def content_root(data):
    """The BitTorrent v2 root, written from BEP 52."""
    if not data:
        return bytes(32)
    blocks = [hashlib.sha256(data[i:i + 16384]).digest() for i in range(0, len(data), 16384)]
    return merkle(blocks, bytes(32))


class Result:
    """What a command printed: JSON lines on stdout, text on stderr."""

    def __init__(self, argv, code, out, err, started=0.0, ended=0.0):
        self.argv, self.code, self.out, self.err = argv, code, out, err
        self.started, self.ended = started, ended
        self.lines = []
        for line in out.splitlines():
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                pass
        if SANITIZER.search(err):
            raise Failure(f"a sanitizer complains: {argv} {err[:6000]}")
        self.json = self.lines[-1] if self.lines else None

    def __str__(self):
        return f"{' '.join(self.argv)}\nexit {self.code}\n{self.out[-3000:]}\n{self.err[-3000:]}"

    def good(self):
        if self.code != 0:
            raise Failure(f"command failed: {self}")
        return self.json


class Command:
    """A running souk."""

    def __init__(self, argv, before=None):
        self.argv = argv
        self.result = None
        self.started = time.monotonic()

        def prepare():
            _in_child()
            before()
        # Commands are started on threads too, where no Python may run between fork and exec.
        if before is None and SETPRIV:
            argv, prepare = [SETPRIV, "--pdeathsig", "KILL", "--", *argv], None
        elif before is None:
            prepare = None
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.err, preexec_fn=prepare)

    def kill(self):
        self.process.kill()

    def wait(self, seconds=RUN_S):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"took longer than {seconds:g} s: {self.read()}") from None
        return self.read()

    def read(self):
        if self.result is None:
            texts = []
            for file in (self.out, self.err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
                file.close()
            self.result = self.result_of(texts)
        return self.result

    def result_of(self, texts):
        return Result(self.argv, self.process.returncode, *texts, self.started, time.monotonic())


class Home:
    """A party: its folder, and the commands it runs."""

    prefix = ()          # before each of its commands: where it runs, see netns.py

    def __init__(self, market, name):
        self.market, self.name = market, name
        self.path = os.path.join(market.folder, name)
        self.address = None

    def command(self, *arguments, before=None, ledger=None):
        argv = [*self.prefix, SOUK, *[str(a) for a in arguments], "--home", self.path, "--ledger",
                ledger or self.market.url, "--json"]
        return Command(argv, before)

    def run(self, *arguments, seconds=RUN_S, before=None, ledger=None):
        return self.command(*arguments, before=before, ledger=ledger).wait(seconds)

    def souk(self, *arguments, **options):
        """The JSON of a command that must succeed."""
        return self.run(*arguments, **options).good()

    def balance(self):
        return self.souk("balance")["balance_ncoin"]


class Daemon(Home):
    """A party that runs soukd."""

    process = None
    ports = ()
    soukd = SOUKD

    @property
    def log_path(self):
        return os.path.join(self.market.folder, self.name + ".log")

    def start(self, wait=True):
        assert self.process is None
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, self.soukd, "--home", self.path],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=_in_child)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=WAIT_S):
        def ready():
            self.check_running()
            return all(is_listening(port) for port in self.ports)
        wait_until(f"{self.name} listens", ready, seconds)

    def check_running(self):
        if self.process is None or self.process.poll() is not None:
            code = self.process.returncode if self.process else None
            raise Failure(f"{self.name} does not run: exit {code}")

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL, and gone."""
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def stop(self, seconds=WAIT_S):
        """A clean end, which must be one."""
        self.check_running()
        self.process.terminate()
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not stop in {seconds:g} s") from None
        self.process = None
        if code != 0:
            raise Failure(f"{self.name} stopped with exit status {code}")

    def configure(self, section, **values):
        """Replace or add keys of SECTION in souk.ini."""
        path = os.path.join(self.path, "souk.ini")
        with open(path) as file:
            lines = file.read().splitlines()
        at = lines.index(f"[{section}]") + 1
        for key, value in values.items():
            lines = [l for i, l in enumerate(lines) if i < at or l.split("=")[0].strip() != key]
            lines.insert(at, f"{key} = {value}")
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")

    def log(self):
        try:
            with open(self.log_path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Ledger(Daemon):
    def __init__(self, market, options, block="5ms"):
        super().__init__(market, "ledger")
        self.port = free_port()
        self.ports = (self.port,)
        market.url = f"http://127.0.0.1:{self.port}"
        self.id = self.souk("ledger", "init", "--listen", f"127.0.0.1:{self.port}",
                            *options)["ledger"]
        self.configure("ledger", block=block)

    def request(self, method, path, body=None, headers=None, seconds=20):
        """(status, body) of one HTTP request."""
        return http_request(self.port, method, path, body, headers, seconds=seconds)

    def get(self, path):
        status, body = self.request("GET", path)
        if status != 200:
            raise Failure(f"GET {path}: {status} {body[:300]}")
        return json.loads(body)

    def record(self):
        return self.get("/v1/status")["record"]

    def close_epoch(self):
        """End the running epoch, and wait for its draw; its number."""
        epoch = self.souk("ledger", "close-epoch")["epoch"]
        wait_until(f"the draw of epoch {epoch}", lambda: self.get(f"/v1/epochs/{epoch}")["drawn"],
                   60, 0.1)
        return epoch

    def check(self):
        """Supply on the record, and the exported log by souk ledger verify; what export said."""
        record = self.record()
        held = (record["accounts_ncoin"] + record["escrows_ncoin"] + record["deposits_ncoin"] +
                record["burned_ncoin"])
        if held != record["minted_ncoin"]:
            raise Failure(f"supply: {record}")
        path = os.path.join(self.market.folder, "ledger.exported")
        exported = self.souk("ledger", "export", path)
        verified = self.run("ledger", "verify", path)
        if verified.code != 0:
            raise Failure(f"the log does not verify: {verified}")
        return exported, verified.json, path


class Provider(Daemon):
    def __init__(self, market, name, price, settings):
        super().__init__(market, name)
        self.control, self.data = free_port(), free_port()
        self.ports = (self.control, self.data)
        self.address = self.souk("init", "--role", "provider", "--control",
                                 f"127.0.0.1:{self.control}", "--data", f"127.0.0.1:{self.data}",
                                 "--price", price)["address"]
        if settings:
            self.configure("provider", **settings)

    def add(self, path, *options):
        return self.souk("add", path, *options)["contents"][0]["content"]

    def earnings(self, *options):
        return self.souk("earnings", *options)

    def wait_registered(self, seconds=WAIT_S):
        path = f"/v1/providers/{self.address}"
        wait_until(f"{self.name} is registered",
                   lambda: self.market.ledger.request("GET", path)[0] == 200, seconds)

    def status(self):
        """What the daemon says of itself over its control port."""
        status, body = http_request(self.control, "GET", "/v1/status", tls=True)
        assert status == 200, (status, body)
        return json.loads(body)


class Gateway(Daemon):
    """A home whose soukd is a gateway; with money of its own where coins are given."""

    def __init__(self, market, name, coins, settings):
        super().__init__(market, name)
        self.port = free_port()
        self.ports = (self.port,)
        self.url = f"http://127.0.0.1:{self.port}"
        self.address = self.souk("init", "--role", "gateway", "--listen",
                                 f"127.0.0.1:{self.port}")["address"]
        if coins:
            self.souk("faucet", coins)
            self.souk("escrow", "open", "--line", "10", "--prize", "0.001")
        if settings:
            self.configure("gateway", **settings)

    def request(self, path, method="GET", headers=None, seconds=60, port=None):
        """(status, headers with lower-case names, body) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=seconds)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, names, answer.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request(path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def index(self):
        status, _, body = self.request("/?json")
        assert status == 200, (status, body)
        return json.loads(body)


class Sponsor(Daemon):
    """Pays for viewers, and sells nothing itself. What it is for, publish says."""

    def __init__(self, market, name, coins, line, prize, settings):
        super().__init__(market, name)
        self.control = free_port()
        self.ports = (self.control,)
        self.address = self.souk("init", "--role", "sponsor", "--viewers",
                                 f"127.0.0.1:{self.control}")["address"]
        config = os.path.join(self.path, "souk.ini")
        with open(config) as file:
            text = file.read()
        with open(config, "w") as file:
            file.write(text[:text.index("[provider]")] + text[text.index("[sponsor]"):])
        self.configure("sponsor", **settings)
        self.souk("faucet", coins)
        self.souk("escrow", "open", "--line", line, "--prize", prize)

    def publish(self, path, *options, budget="5", replicas=None):
        """The content id of PATH, which viewers may download from now on."""
        counts = [] if replicas is None else ["--replicas", replicas]
        return self.souk("publish", path, "--budget", budget, "--wait", "0s", *counts,
                         *options)["content"]

    def report(self):
        # It is made ten times a second at most: so long may one be out of date.
        time.sleep(0.11)
        status, body = http_request(self.control, "GET", "/v1/report", tls=True)
        assert status == 200, (status, body)
        return json.loads(body)

    def report_of(self, content):
        return next(c for c in self.report()["contents"] if c["content"].startswith(content))

    def wait_enlisted(self, content, count, seconds=WAIT_S):
        def enlisted():
            caches = self.report_of(content)["caches"]
            return sum(c["enlisted"] and not c["barred"] for c in caches) >= count
        wait_until(f"{count} caches of {content[:8]} enlisted", enlisted, seconds, 0.1)


class Customer(Home):
    def __init__(self, market, name, coins, line, prize):
        super().__init__(market, name)
        self.address = self.souk("init")["address"]
        if coins:
            self.souk("faucet", coins)
        if line:
            self.souk("escrow", "open", "--line", line, "--prize", prize)

    def get(self, content, path, *options, **keywords):
        return self.run("get", content, path, *options, **keywords)


def http_request(port, method, path, body=None, headers=None, tls=False, seconds=20):
    import ssl
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=seconds,
                                                 context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Market:
    """A folder, a ledger, and who takes part."""

    def __init__(self, epoch="1h", draw_delay="300ms", claim="10m", notice="100ms", options=(),
                 block="5ms", prepare=None):
        self.folder = tempfile.mkdtemp(prefix="souk-e2e-")
        if prepare:
            prepare(self.folder)
        self.daemons, self.homes, self.relays = [], [], []
        self.url = None
        self.ledger = Ledger(self, ["--epoch", epoch, "--draw-delay", draw_delay, "--claim", claim,
                                    "--notice", notice, "--unlock", "1s", *options], block)
        self.daemons.append(self.ledger)
        self.ledger.start()

    def provider(self, price="0.0001", start=False, **settings):
        name = f"provider{len([d for d in self.daemons if isinstance(d, Provider)]) + 1}"
        provider = Provider(self, name, price, settings)
        self.daemons.append(provider)
        if start:
            provider.start()
        return provider

    def gateway(self, coins="100", start=True, **settings):
        name = f"gateway{len([d for d in self.daemons if isinstance(d, Gateway)]) + 1}"
        gateway = Gateway(self, name, coins, settings)
        self.daemons.append(gateway)
        return gateway.start() if start else gateway

    def sponsor(self, coins="900", line="100", prize="0.001", **settings):
        name = f"sponsor{len([d for d in self.daemons if isinstance(d, Sponsor)]) + 1}"
        sponsor = Sponsor(self, name, coins, line, prize, settings)
        self.daemons.append(sponsor)
        return sponsor

    def customer(self, coins="500", line="10", prize="0.001"):
        customer = Customer(self, f"customer{len(self.homes) + 1}", coins, line, prize)
        self.homes.append(customer)
        return customer

    def file(self, name, size, seed=1):
        path = os.path.join(self.folder, name)
        return path, file_of(path, size, seed)

    def path(self, name):
        return os.path.join(self.folder, name)

    def open_shop(self, providers, path):
        """Every one of PROVIDERS sells PATH, runs and is registered; the content id."""
        ids = {provider.add(path) for provider in providers}
        assert len(ids) == 1, ids
        for provider in providers:
            if not provider.is_running():
                provider.start()
        for provider in providers:
            provider.wait_registered()
        # A provider grants nothing before it knows the ledger's epoch; its settler asks for that
        # before it registers, so now it does.
        return ids.pop()

    def settle(self, providers, seconds=240):
        """Wait until nothing is due to any of PROVIDERS; their earnings. Claims go one by one, and a
        slow disk makes each of them slow."""
        def settled():
            earnings = [provider.earnings() for provider in providers]
            done = all(e["settled"] for earned in earnings for e in earned["epochs"])
            return earnings if done else None
        return wait_until("settlement", settled, seconds, 0.2)

    def close(self):
        for relay in self.relays:
            relay.close()
        for daemon in self.daemons:
            if daemon.process is not None:
                daemon.process.kill()
                daemon.process.wait(10)
        if os.environ.get("SOUK_KEEP"):
            print(f"# kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def check_logs(self):
        for daemon in self.daemons:
            found = SANITIZER.search(daemon.log())
            if found:
                raise Failure(f"{daemon.name}: {daemon.log()[found.start():][:6000]}")

    def print_logs(self):
        for daemon in self.daemons:
            lines = daemon.log().splitlines()[-25:]
            print(f"# --- the end of {daemon.name}.log", file=sys.stderr)
            for line in lines:
                print(f"# {line}", file=sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is not None and not issubclass(kind, unittest.SkipTest):
            self.print_logs()
        try:
            if kind is None:
                self.check_logs()
        finally:
            self.close()


class MarketTest(unittest.TestCase):
    """A test with one market for the whole class, made by make_market (a class method)."""

    market = None

    @classmethod
    def setUpClass(cls):
        try:
            cls.make_market()
        except BaseException:
            if cls.market:
                cls.market.print_logs()
                cls.market.close()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.market.check_logs()
        finally:
            cls.market.close()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            self.market.print_logs()
        return result


def main():
    # SIGTERM (a test runner's timeout) must also run what cleans up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    unittest.main(verbosity=2)
