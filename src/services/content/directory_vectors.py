#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare our reading and writing of directories with libtorrent's info dictionaries.

usage: directory_vectors.py DIRECTORY_TOOL

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

TREES = [
    ['a'],
    ['a/x', 'a/y/z', 'a-b', 'a b', 'a.b', 'aa', 'b/c/d/e', 'B/c', 'index.html'],
    ['docs/\u00fcber.txt', 'docs/\u65e5\u672c.txt', 'docs/\U0001f3ac.mp4', 'docs/a', 'docs2'],
    ['/'.join(['deep'] * 31 + ['file']), 'other'],
]


def random_tree(rng):
    paths = set()
    while len(paths) < 200:
        depth = rng.randint(1, 5)
        path = '/'.join(rng.choice(['a', 'b', 'a-', 'a.', 'A', 'z', '\u00e4', '0', ' '][:9]) +
                        rng.choice('xyz-. ') + 'q' for _ in range(depth))
        clash = any(p == path or p.startswith(path + '/') or path.startswith(p + '/')
                    for p in paths)
        if not clash:
            paths.add(path)
    return sorted(paths)


def info_of(parent, paths, rng, piece_length):
    """The info dictionary that libtorrent makes of these files, and the files as it lists them."""
    root = os.path.join(parent, 'site')
    for path in paths:
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'wb') as file:
            file.write(rng.randbytes(rng.choice([0, 1, 5, 64, 16384, 40000])))
    files = libtorrent.file_storage()
    libtorrent.add_files(files, root)
    torrent = libtorrent.create_torrent(files, piece_length,
                                        flags=libtorrent.create_torrent.v2_only)
    libtorrent.set_piece_hashes(torrent, parent)
    return torrent.generate()[b'info']


def lines_of(tree, path=''):
    for name in sorted(tree):
        if name == b'':
            entry = tree[name]
            root = entry.get(b'pieces root', bytes(32))
            yield f'{root.hex()} {entry[b"length"]} {path}'
        else:
            below = name.decode()
            yield from lines_of(tree[name], f'{path}/{below}' if path else below)


def main(tool):
    rng = random.Random(52)
    trees = TREES + [random_tree(rng) for _ in range(3)]
    for number, paths in enumerate(trees):
        with tempfile.TemporaryDirectory() as parent:
            info = info_of(parent, paths, rng, 16384 << number % 5)
            name = os.path.join(parent, 'info')
            with open(name, 'wb') as file:
                file.write(libtorrent.bencode(info))
            ran = subprocess.run([tool, name], capture_output=True, text=True)
            expected = list(lines_of(info[b'file tree']))
            if ran.returncode != 0 or ran.stdout.split('\n')[:-1] != expected:
                print(f'tree {number} differs: exit {ran.returncode} {ran.stderr}')
                return 1
    print(f'{len(trees)} trees agree with libtorrent {libtorrent.__version__}')
    return 0


sys.exit(main(sys.argv[1]))
