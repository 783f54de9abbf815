#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real libtorrent with one torrent, as a process of its own.

  torrent_seed.py FILE.torrent FOLDER

Hashes what is in FOLDER, then prints one line of JSON: whether all of it is the torrent's, and the
port where it seeds. Goes on until its standard input ends. So a test that slows down or limits its
own processes does not do it to the client that judges them.
"""
import json
import sys
import time

import libtorrent

import torrent_peers

CHECKED = (libtorrent.torrent_status.downloading, libtorrent.torrent_status.seeding,
           libtorrent.torrent_status.finished)


def main(torrent, folder):
    session = torrent_peers.make_session(libtorrent)
    parameters = libtorrent.add_torrent_params()
    parameters.ti = libtorrent.torrent_info(torrent)
    parameters.save_path = folder
    handle = session.add_torrent(parameters)
    # Without resume data it hashes all files before it is in any of these states.
    while handle.status().state not in CHECKED:
        time.sleep(0.02)
    status = handle.status()
    print(json.dumps({"is_seeding": status.is_seeding, "progress": status.progress,
                      "port": session.listen_port()}), flush=True)
    sys.stdin.read()


main(*sys.argv[1:])
