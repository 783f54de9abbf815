# SPDX-License-Identifier: Apache-2.0
"""Seeds of a torrent swarm, for tests: libtorrent's own, and ones that behave badly; a tracker.

A bad seed is an honest one with one of its steps replaced: it speaks BEP 3 and 52 over the files of a
torrent, cut into pieces as the torrent says.
"""
import hashlib
import http.server
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

BLOCK = 16384
CHOKE, UNCHOKE, INTERESTED, HAVE, BITFIELD, REQUEST, PIECE = 0, 1, 2, 4, 5, 6, 7
REJECT, HASH_REQUEST, HASHES, HASH_REJECT = 16, 21, 22, 23
PROTOCOL = b"\x13BitTorrent protocol"


def make_session(libtorrent):
    """libtorrent on loopback: no discovery, nothing but what it is told."""
    return libtorrent.session({
        "listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "allow_multiple_connections_per_ip": True,
        "unchoke_slots_limit": -1})


def make_torrent(libtorrent, folder, piece_length, flags, trackers=()):
    """The bytes of the torrent that libtorrent makes of FOLDER, or of a file."""
    files = libtorrent.file_storage()
    libtorrent.add_files(files, folder)
    torrent = libtorrent.create_torrent(files, piece_length, flags=flags)
    for tracker in trackers:
        torrent.add_tracker(tracker)
    libtorrent.set_piece_hashes(torrent, os.path.dirname(folder))
    return libtorrent.bencode(torrent.generate())


class RealSeed:
    """A libtorrent that has hashed the files of a torrent; it seeds them where they are right."""

    def __init__(self, torrent_path, folder):
        environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                          "torrent_seed.py"), torrent_path, folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        line = self.process.stdout.readline()
        if not line:
            raise OSError(f"libtorrent does not take {torrent_path}")
        state = json.loads(line)
        self.is_seeding, self.progress = state["is_seeding"], state["progress"]
        self.address = f"127.0.0.1:{state['port']}"

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class BadSeed(threading.Thread):
    """One seed on loopback; PIECES are the torrent's pieces as bytes, in order."""

    def __init__(self, infohash, pieces, leaf_counts):
        super().__init__(daemon=True)
        self.infohash, self.pieces, self.leaf_counts = infohash[:20], pieces, leaf_counts
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.blocks_sent = 0
        self.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self, connection):
        try:
            with connection:
                connection.settimeout(60)
                self.talk(connection)
        except OSError:
            pass

    # what a child class replaces

    def talk(self, connection):
        self.greet(connection)
        while True:
            self.answer(connection, *self.receive(connection))

    def greet(self, connection):
        self.read(connection, 68)
        connection.sendall(PROTOCOL + bytes(7) + b"\x14" + self.infohash + b"-XX0000-" + b"x" * 12)
        count = len(self.pieces)
        bits = bytearray(-(-count // 8))
        for i in range(count):
            bits[i // 8] |= 0x80 >> i % 8
        self.send(connection, BITFIELD, bytes(bits))
        self.send(connection, UNCHOKE)

    def block(self, connection, piece, begin, length):
        self.send_block(connection, piece, begin, self.pieces[piece][begin:begin + length])

    def hashes(self, connection, payload):
        base, index, count, _ = struct.unpack(">IIII", payload[32:48])
        piece = self.piece_at(payload[:32], index, count)
        data = self.pieces[piece]
        leaves = [hashlib.sha256(data[i:i + BLOCK]).digest() for i in range(0, len(data), BLOCK)]
        leaves += [bytes(32)] * (count - len(leaves))
        self.send(connection, HASHES, payload + b"".join(leaves))

    # the protocol

    def piece_at(self, root, index, count):
        """The piece whose leaves begin at INDEX of the file ROOT."""
        first = self.leaf_counts[root]
        return first + index // count

    def answer(self, connection, kind, payload):
        if kind == REQUEST:
            self.block(connection, *struct.unpack(">III", payload))
        elif kind == HASH_REQUEST:
            self.hashes(connection, payload)

    def send_block(self, connection, piece, begin, data):
        self.blocks_sent += 1
        self.send(connection, PIECE, struct.pack(">II", piece, begin) + data)

    @staticmethod
    def send(connection, kind, payload=b""):
        connection.sendall(struct.pack(">IB", 1 + len(payload), kind) + payload)

    @staticmethod
    def read(connection, size):
        data = b""
        while len(data) < size:
            more = connection.recv(size - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def receive(self, connection):
        while True:
            length, = struct.unpack(">I", self.read(connection, 4))
            if length:
                data = self.read(connection, length)
                return data[0], data[1:]


class Honest(BadSeed):
    pass


class WithoutHashes(BadSeed):
    """No fault: BEP 52 lets it refuse."""

    def hashes(self, connection, payload):
        self.send(connection, HASH_REJECT, payload)


class Garbage(BadSeed):
    """No BitTorrent at all."""

    def talk(self, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + os.urandom(5000))
        connection.recv(1)


class OtherTorrent(BadSeed):
    def talk(self, connection):
        self.infohash = bytes(20)
        super().talk(connection)


class WrongBlocks(BadSeed):
    def block(self, connection, piece, begin, length):
        self.send_block(connection, piece, begin, os.urandom(length))


class WrongBlocksUnproven(WithoutHashes, WrongBlocks):
    pass


class OneBitWrong(BadSeed):
    """The last byte of each piece, and honest leaves."""

    def block(self, connection, piece, begin, length):
        data = bytearray(self.pieces[piece][begin:begin + length])
        if begin + length == len(self.pieces[piece]):
            data[-1] ^= 1
        self.send_block(connection, piece, begin, bytes(data))


class WrongHashes(BadSeed):
    def hashes(self, connection, payload):
        _, _, count, _ = struct.unpack(">IIII", payload[32:48])
        self.send(connection, HASHES, payload + os.urandom(32 * count))


class TooManyHashes(BadSeed):
    def hashes(self, connection, payload):
        self.send(connection, HASHES, payload + bytes(32 * 100))


class HugeLength(BadSeed):
    def block(self, connection, piece, begin, length):
        connection.sendall(struct.pack(">IB", 0xffffffff, PIECE))
        while True:
            connection.sendall(bytes(65536))


class Disconnects(BadSeed):
    """After each block."""

    def block(self, connection, piece, begin, length):
        super().block(connection, piece, begin, length)
        connection.shutdown(socket.SHUT_RDWR)


class Silent(BadSeed):
    def block(self, connection, piece, begin, length):
        pass


class NeverUnchokes(BadSeed):
    def send(self, connection, kind, payload=b""):
        if kind != UNCHOKE:
            BadSeed.send(connection, kind, payload)


class Trickles(BadSeed):
    """A byte of each message at a time, far too slowly to be of use."""

    def block(self, connection, piece, begin, length):
        for byte in struct.pack(">IBII", 9 + length, PIECE, piece, begin):
            connection.sendall(bytes([byte]))
            time.sleep(0.5)


class Unasked(BadSeed):
    """Pieces that nobody asked for."""

    def block(self, connection, piece, begin, length):
        for i, data in enumerate(self.pieces):
            for at in range(0, len(data), BLOCK):
                self.send_block(connection, i, at, data[at:at + BLOCK])
        super().block(connection, piece, begin, length)


class NoSuchPiece(BadSeed):
    def block(self, connection, piece, begin, length):
        self.send(connection, HAVE, struct.pack(">I", 0x7fffffff))


class Rejects(BadSeed):
    def block(self, connection, piece, begin, length):
        self.send(connection, REJECT, struct.pack(">III", piece, begin, length))


class Chokes(BadSeed):
    """Chokes and unchokes for ever, and never answers."""

    def block(self, connection, piece, begin, length):
        self.send(connection, CHOKE)
        self.send(connection, UNCHOKE)
        time.sleep(0.05)


class Tracker(threading.Thread):
    """An HTTP tracker that answers every announcement with ANSWER."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        tracker = self
        self.queries = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                tracker.queries.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/announce"
        self.start()

    def run(self):
        self.server.serve_forever(0.05)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def compact(*ports):
    """The answer of a tracker that knows these ports of loopback."""
    peers = b"".join(bytes([127, 0, 0, 1]) + struct.pack(">H", port) for port in ports)
    return b"d8:intervali1800e5:peers%d:%se" % (len(peers), peers)
