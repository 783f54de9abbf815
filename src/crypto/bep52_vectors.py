#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare our BitTorrent v2 roots and chunk rows with libtorrent's.

usage: bep52_vectors.py BEP52_TOOL

Exits 77 (skipped) where Python has no libtorrent.
"""
import os
import random
import subprocess
import sys
import tempfile

try:
    import libtorrent
except ImportError:
    sys.exit(77)

KIB = 1024
SIZES = [0, 1, 16383, 16384, 16385, 32768, 65536 + 1, 262144, 262144 + 1,
         3 * KIB * KIB + 5, 5 * KIB * KIB]
CHUNK_SIZES = [16 * KIB, 64 * KIB, 256 * KIB]
ZERO_ROOT = '00' * 32


def write_files(folder):
    rng = random.Random(52)
    for size in SIZES:
        with open(os.path.join(folder, str(size)), 'wb') as file:
            file.write(rng.randbytes(size))


def torrent_of(parent, folder, chunk_size):
    files = libtorrent.file_storage()
    libtorrent.add_files(files, folder)
    torrent = libtorrent.create_torrent(
        files, chunk_size, flags=libtorrent.create_torrent.v2_only)
    libtorrent.set_piece_hashes(torrent, parent)
    return torrent.generate()


def expected_lines(torrent, size):
    """The root, then the row of chunks: libtorrent keeps one only where there are several."""
    entry = torrent[b'info'][b'file tree'][str(size).encode()][b'']
    assert entry[b'length'] == size
    if size == 0:
        assert b'pieces root' not in entry
        return [ZERO_ROOT]
    root = entry[b'pieces root']
    layer = torrent[b'piece layers'].get(root, root)
    return [root.hex()] + [layer[i:i + 32].hex() for i in range(0, len(layer), 32)]


def main(tool):
    compared = 0
    with tempfile.TemporaryDirectory() as parent:
        folder = os.path.join(parent, 'files')
        os.mkdir(folder)
        write_files(folder)
        for chunk_size in CHUNK_SIZES:
            torrent = torrent_of(parent, folder, chunk_size)
            for size in SIZES:
                path = os.path.join(folder, str(size))
                ours = subprocess.run([tool, path, str(chunk_size)], check=True,
                                      capture_output=True, text=True).stdout.split()
                if ours != expected_lines(torrent, size):
                    print(f'differs: {size} bytes in chunks of {chunk_size}')
                    return 1
                compared += 1
    print(f'{compared} files agree with libtorrent {libtorrent.__version__}')
    return 0 if compared == len(SIZES) * len(CHUNK_SIZES) else 1


sys.exit(main(sys.argv[1]))
