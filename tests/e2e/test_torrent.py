#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Torrents, end to end, with a real libtorrent: what is exported it accepts and finds to be the same
bytes; what it seeds is taken into a home and sold from there; and bad seeds do no harm."""
import hashlib
import os
import shutil
import signal
import unittest

import torrent_peers
from market import UNIT, Home, Market, MarketTest, content_root, file_of, main, wait_until

try:
    import libtorrent
except ImportError:
    libtorrent = None

FILES = {
    "a": 3 * UNIT + 5,
    "docs/x/large": 12 * UNIT,
    "docs/x/one-piece": UNIT,
    "docs/empty": 0,
    "docs/sixty-four": 64,
    "docs/short": 5,
    "\u00fc b": UNIT + 1,
    "twin": 3 * UNIT + 5,       # the same bytes as a
}
BAD = [torrent_peers.Garbage, torrent_peers.OtherTorrent, torrent_peers.WrongBlocks,
       torrent_peers.WrongBlocksUnproven, torrent_peers.OneBitWrong, torrent_peers.WrongHashes,
       torrent_peers.TooManyHashes, torrent_peers.HugeLength, torrent_peers.Disconnects,
       torrent_peers.Silent, torrent_peers.NeverUnchokes, torrent_peers.Trickles,
       torrent_peers.Unasked, torrent_peers.NoSuchPiece, torrent_peers.Rejects,
       torrent_peers.Chokes]
# What they are left for at once. The others are tried again, or are only slow.
FOREVER = BAD[:8] + [torrent_peers.Unasked, torrent_peers.NoSuchPiece, torrent_peers.Chokes]


@unittest.skipIf(libtorrent is None, "Python has no libtorrent")
class Torrent(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = market = Market()
        cls.files = {}
        for number, (path, size) in enumerate(FILES.items()):
            full = market.path(os.path.join("site", path))
            os.makedirs(os.path.dirname(full), exist_ok=True)
            cls.files[path] = file_of(full, size, seed=1 if path in ("a", "twin") else number + 9)
        cls.site = market.path("site")
        cls.seller, cls.cache = market.provider(), market.provider()
        cls.buyer = market.customer()
        # Each file by itself, too: several are exported and bought alone.
        cls.folder = cls.seller.souk("add", cls.site, "--each")["contents"][0]
        cls.torrent = market.path("site.torrent")
        cls.export = cls.seller.souk("torrent", "export", cls.folder["content"], cls.torrent)
        cls.seller.start()
        cls.cache.start()
        cls.seller.wait_registered()
        cls.cache.wait_registered()
        cls.seeds = []

    @classmethod
    def tearDownClass(cls):
        for seed in getattr(cls, "seeds", []):
            seed.close()
        super().tearDownClass()

    def new_home(self, name):
        """A provider's home without a daemon."""
        home = Home(self.market, name)
        home.souk("init", "--role", "provider")
        return home

    def real_seed(self, torrent_path, folder):
        """A real client that has found our files to be the torrent's, and seeds them."""
        seed = torrent_peers.RealSeed(torrent_path, folder)
        self.addCleanup(seed.close)
        self.assertTrue(seed.is_seeding)
        self.assertEqual(seed.progress, 1.0)
        return seed

    def bad_seed(self, kind, torrent_path=None):
        info = libtorrent.torrent_info(torrent_path or self.torrent)
        pieces, firsts = [], {}
        for path in sorted(self.files, key=lambda p: p.encode().split(b"/")):
            data = self.files[path]
            firsts.setdefault(content_root(data), len(pieces))
            pieces += [data[i:i + UNIT] for i in range(0, len(data), UNIT)]
        seed = kind(bytes.fromhex(str(info.info_hashes().v2)), pieces, firsts)
        self.seeds.append(seed)
        return seed

    def check_stored(self, home):
        """All files, with the right bytes, and nothing else that is not theirs."""
        names = os.listdir(os.path.join(home.path, "content"))
        for data in self.files.values():
            with open(os.path.join(home.path, "content", content_root(data).hex()), "rb") as file:
                self.assertEqual(file.read(), data)
        ids = {content_root(data).hex() for data in self.files.values()} | {
            self.folder["content"], self.folder["pack"]["content"]}
        self.assertEqual({name.split(".")[0] for name in names}, ids)

    # ---------------------------------------------------------------- export

    def test_1_a_directory_is_accepted(self):
        info = libtorrent.torrent_info(self.torrent)
        hashes = info.info_hashes()
        self.assertFalse(hashes.has_v1())
        self.assertEqual(str(hashes.v2), self.export["infohash"])
        # Up to 16 KiB the id of a directory is the infohash.
        self.assertEqual(self.export["infohash"], self.folder["content"])
        self.assertEqual(info.total_size() >= sum(FILES.values()), True)
        self.real_seed(self.torrent, self.market.folder)
        magnet = libtorrent.parse_magnet_uri(self.export["magnet"])
        self.assertEqual(str(magnet.info_hashes.v2), self.export["infohash"])
        self.assertEqual(magnet.name, "site")

    def test_1_a_folder_of_one_file(self):
        """To a client it is a single file, which it looks for without the folder."""
        os.mkdir(self.market.path("lone"))
        file_of(self.market.path("lone/file"), UNIT + 9)
        folder = self.seller.souk("add", self.market.path("lone"))["contents"][0]
        path = self.market.path("lone.torrent")
        exported = self.seller.souk("torrent", "export", folder["content"], path)
        self.assertTrue(exported["is_directory"])
        self.real_seed(path, self.market.path("lone"))

    def test_1_damage_is_found(self):
        """The recheck is one that can fail."""
        broken = self.market.path("broken")
        shutil.copytree(self.site, os.path.join(broken, "site"))
        with open(os.path.join(broken, "site", "docs/x/large"), "r+b") as file:
            file.seek(5 * UNIT)
            file.write(b"x")
        seed = torrent_peers.RealSeed(self.torrent, broken)
        self.addCleanup(seed.close)
        self.assertFalse(seed.is_seeding)
        self.assertLess(seed.progress, 1.0)

    def test_1_single_files_of_every_size(self):
        """From the home, and from the market by a home that has nothing: the same torrent."""
        for entry in self.folder["files"]:
            if entry["size_bytes"] == 0:
                result = self.seller.run("torrent", "export", entry["content"])
                self.assertNotEqual(result.code, 0)
                self.assertIn("empty file", result.err)
                continue
            name = os.path.basename(entry["path"])
            here, there = self.market.path("here.torrent"), self.market.path("there.torrent")
            exported = self.seller.souk("torrent", "export", entry["content"], here,
                                        "--name", name)
            self.assertEqual(exported["piece_bytes"], UNIT)
            self.buyer.souk("torrent", "export", entry["content"], there, "--name", name)
            with open(here, "rb") as a, open(there, "rb") as b:
                self.assertEqual(a.read(), b.read())
            folder = os.path.dirname(os.path.join(self.site, entry["path"]))
            self.real_seed(here, folder).close()

    def test_1_what_libtorrent_makes_itself(self):
        """The directory of ours is byte by byte the info dictionary that libtorrent makes."""
        made = torrent_peers.make_torrent(libtorrent, self.site, UNIT,
                                          libtorrent.create_torrent.v2_only)
        theirs = libtorrent.bdecode(made)
        with open(self.torrent, "rb") as file:
            ours = libtorrent.bdecode(file.read())
        self.assertEqual(ours[b"piece layers"], theirs[b"piece layers"])
        pack = ours[b"info"].pop(b"souk pack")
        self.assertEqual(pack[b"pieces root"].hex(), self.folder["pack"]["content"])
        self.assertEqual(ours[b"info"], theirs[b"info"])
        # Without a pack nothing of it is ours.
        home, path = self.new_home("no-pack"), self.market.path("no-pack.torrent")
        folder = home.souk("add", self.site, "--no-pack")["contents"][0]
        home.souk("torrent", "export", folder["content"], path)
        with open(path, "rb") as file:
            self.assertEqual(libtorrent.bdecode(file.read())[b"info"], theirs[b"info"])

    def test_1_out_of_a_pack(self):
        """Pieces of files that are in a pack only are hashed there."""
        home, path = self.new_home("packed"), self.market.path("packed.torrent")
        folder = home.souk("add", self.site)["contents"][0]
        self.assertEqual(folder["content"], self.folder["content"])
        home.souk("torrent", "export", folder["content"], path)
        with open(path, "rb") as packed, open(self.torrent, "rb") as each:
            self.assertEqual(packed.read(), each.read())
        # All is here: nothing is asked of a swarm.
        again = home.souk("torrent", "import", path, "--no-trackers")
        self.assertEqual((again["files_there"], again["files_from_peers"]), (len(FILES), 0))

    def test_1_folders_in_the_market(self):
        """A folder's list of files is for sale; with it, the torrent is the one of who has it."""
        path = self.market.path("bought.torrent")
        exported = self.buyer.souk("torrent", "export", self.folder["content"], path)
        self.assertFalse(exported["is_directory"])      # without it there is only a file of it
        before = self.buyer.balance()
        exported = self.buyer.souk("torrent", "export", self.folder["content"], path, "--folder")
        self.assertTrue(exported["is_directory"])
        self.assertLessEqual(self.buyer.balance(), before)
        with open(path, "rb") as bought, open(self.torrent, "rb") as ours:
            self.assertEqual(bought.read(), ours.read())
        short = next(e for e in self.folder["files"] if e["path"] == "docs/short")
        result = self.buyer.run("torrent", "export", short["content"], path, "--folder")
        self.assertIn("BAD_BENCODE", result.err)
        unknown = hashlib.sha256(b"nobody has this").hexdigest()
        result = self.buyer.run("torrent", "export", unknown)
        self.assertIn("neither this home nor the market", result.err)

    # ---------------------------------------------------------------- import

    def test_2_a_seed_feeds_a_cache(self):
        """libtorrent seeds; a home takes it and sells it; a buyer fetches it with souk get."""
        seed = self.real_seed(self.torrent, self.market.folder)
        imported = self.cache.souk("torrent", "import", self.torrent, "--peer", seed.address)
        self.assertEqual(imported["content"], self.folder["content"])
        self.assertEqual(imported["files_from_peers"], len([s for s in FILES.values() if s]) - 1)
        self.check_stored(self.cache)
        self.assertEqual(os.listdir(os.path.join(self.cache.path, "torrents")), [])
        self.seller.stop()      # so that it is the cache that sells
        try:
            tree = self.market.path("tree")
            self.buyer.get(self.folder["content"], tree).good()
            for path, data in self.files.items():
                with open(os.path.join(tree, path), "rb") as file:
                    self.assertEqual(file.read(), data)
            for path in ("a", "docs/sixty-four"):
                out = self.market.path("bought")
                entry = next(e for e in self.folder["files"] if e["path"] == path)
                self.buyer.get(entry["content"], out).good()
                with open(out, "rb") as file:
                    self.assertEqual(file.read(), self.files[path])
                os.unlink(out)
        finally:
            self.seller.start()
        # What a run left that was killed just before its end goes with the next one.
        left = os.path.join(self.cache.path, "torrents", self.export["infohash"])
        os.mkdir(left)
        file_of(os.path.join(left, "0"), 5)
        again = self.cache.souk("torrent", "import", self.torrent, "--no-trackers")
        self.assertFalse(os.path.exists(left))
        self.assertEqual(again["files_there"], len(FILES))

    def test_2_every_piece_length_and_hybrids(self):
        """Torrents that others made: their info dictionary stays what it was."""
        for number, (length, flags) in enumerate([
                (16384, libtorrent.create_torrent.v2_only), (1 << 20, 0), (16 << 20, 0),
                (65536, 0)]):
            with self.subTest(length=length, flags=flags):
                made = torrent_peers.make_torrent(libtorrent, self.site, length, flags)
                path = self.market.path(f"made-{number}.torrent")
                with open(path, "wb") as file:
                    file.write(made)
                seed = self.real_seed(path, self.market.folder)
                home = self.new_home(f"made-{number}")
                imported = home.souk("torrent", "import", path, "--peer", seed.address)
                self.assertEqual(imported["infohash"],
                                 str(libtorrent.torrent_info(path).info_hashes().v2))
                again = self.market.path(f"again-{number}.torrent")
                home.souk("torrent", "export", imported["content"], again)
                with open(again, "rb") as file:
                    ours = libtorrent.bdecode(file.read())
                theirs = libtorrent.bdecode(made)
                self.assertEqual(ours[b"info"], theirs[b"info"])
                self.assertEqual(ours[b"piece layers"], theirs[b"piece layers"])

    def test_2_version_1_alone_is_refused(self):
        path = self.market.path("old.torrent")
        with open(path, "wb") as file:
            file.write(torrent_peers.make_torrent(libtorrent, self.site, 65536,
                                                  libtorrent.create_torrent.v1_only))
        result = self.new_home("old").run("torrent", "import", path, "--data", self.site)
        self.assertEqual(result.code, 1)
        self.assertIn("BAD_TORRENT", result.err)

    def test_2_a_tracker_names_the_seed(self):
        seed = self.bad_seed(torrent_peers.Honest)
        tracker = torrent_peers.Tracker(torrent_peers.compact(seed.port))
        self.seeds.append(tracker)
        silent = torrent_peers.Tracker(b"<html>not a tracker</html>")
        self.seeds.append(silent)
        path = self.market.path("tracked.torrent")
        self.seller.souk("torrent", "export", self.folder["content"], path, "--tracker", silent.url)
        with open(path, "rb") as file:
            torrent = libtorrent.bdecode(file.read())
        torrent[b"announce-list"] = [[silent.url.encode()], [b"udp://127.0.0.1:1/"],
                                     [tracker.url.encode()]]
        with open(path, "wb") as file:
            file.write(libtorrent.bencode(torrent))
        home = self.new_home("tracked")
        # Whoever made the torrent must not have this machine call where he likes.
        result = home.run("torrent", "import", path)
        self.assertNotEqual(result.code, 0)
        self.assertIn("local network", result.err)
        self.assertEqual(tracker.queries + silent.queries, [])
        result = home.run("torrent", "import", path, "--local")
        result.good()
        self.assertIn("not bencoded", result.err)
        self.check_stored(home)
        self.assertEqual([query.split("event=")[1] for query in tracker.queries],
                         ["started", "stopped"])

    def test_2_from_this_disk(self):
        for number, data in enumerate((self.site, self.market.folder)):
            home = self.new_home(f"disk-{number}")
            imported = home.souk("torrent", "import", self.torrent, "--data", data)
            self.assertEqual(imported["files_from_data"], len([s for s in FILES.values() if s]) - 1)
            self.check_stored(home)
        # A file that is not the torrent's is not taken; the rest is, and a seed has what lacks.
        wrong = self.market.path("wrong")
        shutil.copytree(self.site, wrong)
        with open(os.path.join(wrong, "docs/short"), "wb") as file:
            file.write(b"WRONG")
        home = self.new_home("wrong-home")
        result = home.run("torrent", "import", self.torrent, "--data", wrong)
        self.assertEqual(result.code, 1)
        self.assertIn("docs/short: it is another file", result.err)
        self.assertNotIn(content_root(b"WRONG").hex(), os.listdir(os.path.join(home.path, "content")))
        seed = self.bad_seed(torrent_peers.Honest)
        imported = home.souk("torrent", "import", self.torrent, "--data", wrong, "--peer",
                             seed.address)
        self.assertEqual(imported["files_from_peers"], 1)
        self.check_stored(home)

    def test_2_a_pack_of_other_files(self):
        """Whoever wrote the torrent lied about it: the directory does not go on sale."""
        with open(self.torrent, "rb") as file:
            torrent = libtorrent.bdecode(file.read())
        torrent[b"info"][b"souk pack"][b"pieces root"] = b"x" * 32
        path = self.market.path("liar.torrent")
        with open(path, "wb") as file:
            file.write(libtorrent.bencode(torrent))
        home = self.new_home("lied-to")
        result = home.run("torrent", "import", path, "--data", self.site)
        self.assertEqual(result.code, 1, result)
        self.assertIn("PEER_BAD_DIRECTORY", result.err)
        self.assertFalse(any(c["name"].endswith("/")
                             for c in home.souk("add", "--list")["contents"]))

    # ---------------------------------------------------------------- bad seeds

    def test_3_bad_seeds_beside_a_good_one(self):
        """All of them at once, and one that is honest: everything arrives."""
        bad = [self.bad_seed(kind) for kind in BAD]
        honest = self.bad_seed(torrent_peers.Honest)
        home = self.new_home("beset")
        peers = [argument for seed in [*bad, honest] for argument in ("--peer", seed.address)]
        result = home.run("torrent", "import", self.torrent, "--timeout", "2s", *peers)
        result.good()
        self.check_stored(home)
        for seed in bad:
            self.assertGreater(seed.connections, 0, type(seed).__name__)

    def test_3_each_bad_seed_alone(self):
        """None of them makes it wait for ever, or leaves anything in the store."""
        running = []
        for kind in BAD:
            seed = self.bad_seed(kind)
            home = self.new_home(f"alone-{kind.__name__}")
            running.append((kind, seed, home, home.command(
                "torrent", "import", self.torrent, "--peer", seed.address, "--timeout", "500ms")))
        for kind, seed, home, command in running:
            result = command.wait(60)
            with self.subTest(kind.__name__):
                self.assertEqual(result.code, 1, result)
                self.assertIn("NO_PROVIDER_LEFT", result.err)
                if kind in FOREVER:
                    self.assertEqual(seed.connections, 1)
                    self.assertIn("not asked again", result.err)
                for data in self.files.values():
                    if data:
                        self.assertNotIn(content_root(data).hex(),
                                         os.listdir(os.path.join(home.path, "content")))

    def test_3_no_hashes_are_needed(self):
        home = self.new_home("without-hashes")
        home.souk("torrent", "import", self.torrent, "--peer",
                  self.bad_seed(torrent_peers.WithoutHashes).address)
        self.check_stored(home)

    def test_3_one_wrong_block_costs_one_block(self):
        """With the leaves a wrong block is known when it comes, not at the end of its piece."""
        seed = self.bad_seed(torrent_peers.WrongBlocks)
        home = self.new_home("one-block")
        home.run("torrent", "import", self.torrent, "--peer", seed.address)
        self.assertEqual(seed.connections, 1)
        self.assertLessEqual(seed.blocks_sent, 64 + 1)

    # ---------------------------------------------------------------- going on

    def test_4_killed_in_the_midst(self):
        """kill -9, and the next run begins with the pieces that are there."""
        class Stops(torrent_peers.BadSeed):
            """Sends 100 blocks, then nothing."""
            def block(self, connection, piece, begin, length):
                if self.blocks_sent < 100:
                    super().block(connection, piece, begin, length)

        seed = self.bad_seed(Stops)
        home = self.new_home("killed")
        command = home.command("torrent", "import", self.torrent, "--peer", seed.address)
        folder = os.path.join(home.path, "torrents", self.export["infohash"])

        def pieces():
            try:
                return sum(os.stat(os.path.join(folder, n)).st_blocks for n in os.listdir(folder))
            except FileNotFoundError:
                return 0
        wait_until("it has sent what it sends",
                   lambda: seed.blocks_sent >= 100 and pieces() * 512 >= 4 * UNIT)
        second = home.run("torrent", "import", self.torrent, "--peer", seed.address)
        self.assertIn("another souk is importing", second.err)
        command.kill()
        command.wait()
        honest = self.bad_seed(torrent_peers.Honest)
        home.souk("torrent", "import", self.torrent, "--peer", honest.address)
        self.check_stored(home)
        blocks = sum(-(-size // 16384) for path, size in FILES.items() if path != "twin")
        self.assertLess(honest.blocks_sent, blocks - 4 * 16 + 1)

    def test_4_stopped_and_told_so(self):
        seed = self.bad_seed(torrent_peers.Silent)
        home = self.new_home("stopped")
        command = home.command("torrent", "import", self.torrent, "--peer", seed.address)
        wait_until("it asks", lambda: seed.connections)
        wait_until("it works", lambda: os.path.isdir(os.path.join(home.path, "torrents")))
        command.process.send_signal(signal.SIGTERM)
        result = command.wait(30)
        self.assertNotEqual(result.code, 0)


if __name__ == "__main__":
    main()
