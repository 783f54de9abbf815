# SPDX-License-Identifier: Apache-2.0
"""A man in the middle of a provider's data port: HTTP/1.1, one thread per connection.

    relay = Relay(market, provider, fault=Flip(after=3))

passes the first three units on as they are, and spoils every later one. A fault is called with
the number of the unit (from 1), and the answer; it changes the answer, or raises Cut or Stall.
Attach the relay before the provider starts: its data_url is then the relay's.
"""
import queue
import socket
import threading
import time

from market import free_port


class Cut(Exception):
    """Close the connection after these bytes."""

    def __init__(self, data=b""):
        self.data = data


class Stall(Exception):
    """Send these bytes, then nothing for ever."""

    def __init__(self, data=b""):
        self.data = data


class Trickle(Exception):
    """Send these bytes bit by bit, over SECONDS."""

    def __init__(self, data, seconds):
        self.data, self.seconds = data, seconds


class Answer:
    """An HTTP answer: the status line, headers as a list of [name, value], the body."""

    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.line, self.body = lines[0], body
        self.headers = [line.split(": ", 1) for line in lines[1:] if line]

    def get(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def set(self, name, value):
        self.headers = [h for h in self.headers if h[0].lower() != name.lower()]
        if value is not None:
            self.headers.append([name, value])

    def set_body(self, body):
        self.body = body
        self.set("Content-Length", str(len(body)))

    def encode(self):
        head = "".join(f"{n}: {v}\r\n" for n, v in self.headers)
        return f"{self.line}\r\n{head}\r\n".encode("latin-1") + self.body


class Fault:
    """Spoils what comes after the first AFTER units."""

    def __init__(self, spoil, after=0, keys_too=False):
        self.spoil, self.after, self.keys_too = spoil, after, keys_too

    def __call__(self, number, is_unit, answer):
        if number > self.after and (is_unit or self.keys_too):
            self.spoil(answer)


class Relay:
    def __init__(self, market, provider, fault=None, delay=0.0):
        self.provider, self.fault, self.delay = provider, fault, delay
        self.units = 0
        self.requests = []   # heads of all unit requests that were answered with 200
        self.lock = threading.Lock()
        self.closing = self.refusing = False
        self.sockets = set()
        self.port = free_port()
        self.server = socket.create_server(("127.0.0.1", self.port), backlog=64)
        provider.configure("provider", data_url=f"http://127.0.0.1:{self.port}")
        market.relays.append(self)
        threading.Thread(target=self.accept, daemon=True).start()

    def set_fault(self, fault):
        with self.lock:
            self.fault, self.units = fault, 0

    def refuse(self, refusing=True):
        """Whoever connects is cut off, and who is connected: the data port alone is dead."""
        self.refusing = refusing
        if refusing:
            self.cut()

    def cut(self):
        """Every connection is broken now; new ones are taken."""
        with self.lock:
            sockets = list(self.sockets)
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self):
        while True:
            try:
                customer, _ = self.server.accept()
            except OSError:
                return
            if self.refusing:
                customer.close()
                continue
            threading.Thread(target=self.serve, args=[customer], daemon=True).start()

    def serve(self, customer):
        upstream = None
        with self.lock:
            self.sockets.add(customer)
        try:
            upstream = socket.create_connection(("127.0.0.1", self.provider.data), timeout=10)
            upstream.settimeout(30)
            with self.lock:
                self.sockets.add(upstream)
            requests, answers = customer.makefile("rb"), upstream.makefile("rb")
            while self.exchange(customer, upstream, requests, answers):
                pass
        except (OSError, ValueError):
            pass
        finally:
            for s in (customer, upstream):
                with self.lock:
                    self.sockets.discard(s)
                if s is not None:
                    try:
                        s.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
                    s.close()

    @staticmethod
    def read_head(file):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline(65536)
            if not line:
                return None
            head += line
        return head

    def exchange(self, customer, upstream, requests, answers):
        request = self.read_head(requests)
        if request is None:
            return False
        # A strip that a sponsor's session begins with comes as a body.
        size = int(Answer(request, b"").get("Content-Length") or 0)
        upstream.sendall(request + requests.read(size))
        head = self.read_head(answers)
        if head is None:
            return False
        answer = Answer(head, b"")
        answer.body = answers.read(int(answer.get("Content-Length") or 0))
        if len(answer.body) != int(answer.get("Content-Length") or 0):
            return False
        if self.delay:
            time.sleep(self.delay)
        is_unit = b" /v1/units/" in request[:16] and " 200 " in answer.line
        with self.lock:
            self.units += is_unit
            if is_unit:
                self.requests.append(request)
            number, fault = self.units, self.fault
        try:
            if fault is not None:
                fault(number, is_unit, answer)
            customer.sendall(answer.encode())
        except Trickle as trickle:
            step = -(-len(trickle.data) // 30)
            for at in range(0, len(trickle.data), step):
                customer.sendall(trickle.data[at:at + step])
                time.sleep(trickle.seconds / 30)
        except Cut as cut:
            customer.sendall(cut.data)
            return False
        except Stall as stall:
            customer.sendall(stall.data)
            while not self.closing and customer.fileno() >= 0:
                time.sleep(0.1)
                if self.is_gone(customer):
                    return False
            return False
        return True

    @staticmethod
    def is_gone(s):
        try:
            return s.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self):
        self.closing = True
        self.server.close()
        self.cut()


class Far:
    """A longer way to PORT: what goes through takes half of `round_trip` seconds each way, and a
    connection takes one more, as its handshake would. It knows no HTTP."""

    def __init__(self, market, port, round_trip=0.0):
        self.target, self.round_trip = port, round_trip
        self.connections = 0
        self.port = free_port()
        self.server = socket.create_server(("127.0.0.1", self.port), backlog=64)
        market.relays.append(self)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=[near], daemon=True).start()

    def serve(self, near):
        time.sleep(self.round_trip)
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        threads = []
        for source, sink in ((near, far), (far, near)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            way = queue.SimpleQueue()
            threads += [threading.Thread(target=self.read, args=[source, way], daemon=True),
                        threading.Thread(target=self.write, args=[way, sink], daemon=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        near.close()
        far.close()

    def read(self, source, way):
        data = b"x"
        while data:
            try:
                data = source.recv(1 << 18)
            except OSError:
                data = b""
            way.put((time.monotonic() + self.round_trip / 2, data))

    def write(self, way, sink):
        data = b"x"
        while data:
            due, data = way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if data:
                    sink.sendall(data)
                else:
                    sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def close(self):
        self.server.close()


# ---------------------------------------------------------------- what can be done to an answer

def flip(answer):
    body = bytearray(answer.body)
    body[len(body) // 2] ^= 0x20
    answer.body = bytes(body)


def cut_short(answer):
    """The connection ends in the middle of the body."""
    whole = answer.encode()
    raise Cut(whole[:len(whole) - len(answer.body) // 2])


def say_less(answer):
    """A shorter body that says so."""
    answer.set_body(answer.body[:-1])


def say_more(answer):
    answer.set_body(answer.body + b"x" * 1000)


def send_more(answer):
    """More bytes than the head says."""
    raise Cut(answer.encode() + b"y" * 5000)


def stall(answer):
    raise Stall()


def stall_in_body(answer):
    whole = answer.encode()
    raise Stall(whole[:len(whole) - len(answer.body) // 2])


def trickle(answer):
    raise Trickle(answer.encode(), 2.5)


def drop(answer):
    raise Cut()


def wrong_key(answer):
    key = answer.get("Souk-Key")
    if key:
        digit = "0" if key[-1] != "0" else "1"
        answer.set("Souk-Key", key[:-1] + digit)


def no_key(answer):
    answer.set("Souk-Key", None)


def bad_key(answer):
    answer.set("Souk-Key", "seven:zz")


def future_key(answer):
    """A key for a unit that was never paid."""
    key = answer.get("Souk-Key")
    if key:
        answer.set("Souk-Key", "65000:" + key.split(":")[1])


def garbage(answer):
    raise Cut(bytes(range(256)) * 64)


def not_found(answer):
    answer.line = "HTTP/1.1 404 Not Found"
    answer.set_body(b"<html>no such page</html>")


def server_error(answer):
    answer.line = "HTTP/1.1 500 Internal Server Error"
    answer.set_body(b"\xff" * 70000)


def epoch_closed(answer):
    """A provider that refuses as it should."""
    answer.line = "HTTP/1.1 410 Gone"
    answer.set("Souk-Key", None)
    answer.set_body(b'{"error":"PEER_EPOCH_CLOSED","text":"the epoch is closed"}')


def redirect(answer):
    answer.line = "HTTP/1.1 302 Found"
    answer.set("Location", "http://127.0.0.1:1/elsewhere")
    answer.set_body(b"")


def empty(answer):
    answer.set_body(b"")


def endless_head(answer):
    raise Stall(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 3000000)
