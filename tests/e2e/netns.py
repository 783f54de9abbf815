# SPDX-License-Identifier: Apache-2.0
"""Nodes with a network of their own, in which packets take their time and get lost.

    with Network([Link(delay=0.01), Link(delay=0.03, loss=0.02, rate=2e6)]) as net:
        net.run_in(0)           the calling process is on node 0 from now on
        argv = net.prefix(1) + ["souk", ...]        this command runs on node 1, 10.77.0.2

Every node is a network namespace. With tc netem in the kernel they are joined by a bridge, and
netem delays and loses. Without it each has a tun device, and a process between them (below) does:
IP packet by IP packet, so that the real TCP of the kernel has to live with it.

A link is one node's: what it sends is delayed, lost and paced by its own link, then delayed once
more by the receiver's.
"""
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

NET = "10.77.0"
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
PR_SET_PDEATHSIG = 1
BACKLOG_S = 0.5              # of a paced link: what would wait longer is dropped
_libc = ctypes.CDLL(None, use_errno=True)


class Link:
    def __init__(self, delay=0.0, jitter=0.0, loss=0.0, rate=None):
        self.delay, self.jitter, self.loss, self.rate = delay, jitter, loss, rate


def _call(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip()}")


def _enter(name):
    with open(f"/run/netns/{name}") as file:
        if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")


def why_not():
    """None where namespaces can be had here, else why not."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    if not shutil.which("ip") or not shutil.which("nsenter"):
        return "no ip (iproute2) or nsenter (util-linux)"
    name = f"souk-probe-{os.getpid()}"
    try:
        _call("ip", "netns", "add", name)
        _call("ip", "netns", "delete", name)
    except OSError as error:
        return str(error)
    return None if has_netem() or os.path.exists("/dev/net/tun") else "neither netem nor tun"


def has_netem():
    name = f"souk-probe-{os.getpid()}"
    try:
        _call("ip", "netns", "add", name)
    except OSError:
        return False
    try:
        _call("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "lo", "root", "netem",
              "delay", "1ms")
        return True
    except OSError:
        return False
    finally:
        _call("ip", "netns", "delete", name)


class Network:
    def __init__(self, links):
        self.links = links
        self.names = [f"souk{os.getpid()}-{i}" for i in range(len(links))]
        self.kind = "netem" if has_netem() else "tun"
        self.router = None
        self.made = []
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)

    def ip(self, node):
        return f"{NET}.{node + 1}"

    def prefix(self, node):
        return ["nsenter", f"--net=/run/netns/{self.names[node]}", "--"]

    def run_in(self, node):
        """The calling thread, and what it starts."""
        _enter(self.names[node])

    def __enter__(self):
        try:
            for name in self.names:
                _call("ip", "netns", "add", name)
                self.made.append(name)
                _call("ip", "-n", name, "link", "set", "lo", "up")
            if self.kind == "netem":
                self.join_by_netem()
            else:
                self.join_by_tun()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.router:
            os.kill(self.router, signal.SIGKILL)
            os.waitpid(self.router, 0)
        _libc.setns(self.home, CLONE_NEWNET)
        for name in self.made:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    def join_by_netem(self):
        hub = f"souk{os.getpid()}-hub"
        _call("ip", "netns", "add", hub)
        self.made.append(hub)
        _call("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
        _call("ip", "-n", hub, "link", "set", "br0", "up")
        for i, (name, link) in enumerate(zip(self.names, self.links)):
            _call("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name",
                  f"v{i}", "netns", hub)
            _call("ip", "-n", hub, "link", "set", f"v{i}", "master", "br0", "up")
            _call("ip", "-n", name, "addr", "add", f"{self.ip(i)}/24", "dev", "eth0")
            _call("ip", "-n", name, "link", "set", "eth0", "up")
            out = ["limit", "2000", "delay", f"{link.delay * 1e3}ms", f"{link.jitter * 1e3}ms",
                   "loss", f"{link.loss * 100}%"]
            if link.rate:
                out += ["rate", f"{int(link.rate * 8)}bit"]
            _call("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "eth0", "root",
                  "netem", *out)
            _call("ip", "netns", "exec", hub, "tc", "qdisc", "add", "dev", f"v{i}", "root",
                  "netem", "limit", "2000", "delay", f"{link.delay * 1e3}ms")

    def join_by_tun(self):
        tuns = []
        for i, name in enumerate(self.names):
            _enter(name)
            tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22s", b"tun0", IFF_TUN | IFF_NO_PI, b""))
            tuns.append(tun)
            _call("ip", "addr", "add", f"{self.ip(i)}/24", "dev", "tun0")
            _call("ip", "link", "set", "tun0", "up")
        _libc.setns(self.home, CLONE_NEWNET)
        self.router = os.fork()
        if self.router == 0:
            try:
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                route(tuns, self.links)
            finally:
                os._exit(1)
        for tun in tuns:
            os.close(tun)


def route(tuns, links):
    """Between the tun devices, for ever."""
    rng = random.Random(77)
    waiting, serial = [], itertools.count()
    free_at = [0.0] * len(tuns)          # when the node's link has sent all that it took
    poller = select.poll()
    number = {}
    for i, tun in enumerate(tuns):
        poller.register(tun, select.POLLIN)
        number[tun] = i

    def take(source, packet, now):
        link, target = links[source], packet[19] - 1
        if packet[0] >> 4 != 4 or not 0 <= target < len(tuns) or target == source:
            return
        if rng.random() < link.loss:
            return
        leaves = now
        if link.rate:
            leaves = max(now, free_at[source])
            if leaves - now > BACKLOG_S:
                return
            leaves += len(packet) / link.rate
            free_at[source] = leaves
        due = leaves + link.delay + links[target].delay + rng.random() * link.jitter
        heapq.heappush(waiting, (due, next(serial), target, packet))

    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, target, packet = heapq.heappop(waiting)
            try:
                os.write(tuns[target], packet)
            except OSError:
                pass                     # its queue is full: lost
        left = max(0.0, waiting[0][0] - now) * 1000 if waiting else 1000
        for tun, _ in poller.poll(left):
            for _ in range(64):
                try:
                    packet = os.read(tun, 2048)
                except OSError:
                    break
                take(number[tun], packet, time.monotonic())


def main():
    """The round-trip time and loss between two nodes, as ping has it: to try it out."""
    reason = why_not()
    if reason:
        sys.exit(reason)
    with Network([Link(delay=0.02), Link(delay=0.03, loss=0.1)]) as net:
        print(net.kind, flush=True)
        net.run_in(1)
        here, there = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        here.bind((net.ip(1), 0))
        net.run_in(0)
        there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        there.bind((net.ip(0), 7007))
        there.settimeout(1)
        came, took = 0, 0.0
        for _ in range(50):
            before = time.monotonic()
            here.sendto(b"x", (net.ip(0), 7007))
            try:
                there.recv(10)
                came, took = came + 1, took + time.monotonic() - before
            except OSError:
                pass
        print(f"{came} of 50 came, {took / came * 1e3:.1f} ms each")


if __name__ == "__main__":
    main()
