#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""souk add, as a process: what it stores, what it refuses, and that a failure leaves nothing.

  test_add.py SOUK
"""
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

SOUK = os.path.abspath(sys.argv[1])
UNIT = 262144
BLOCK = 16384
# An argument for this script when it runs again inside a mount namespace of its own.
FULL_DISK = "--on-a-full-disk"


def check(truth, what):
    if not truth:
        sys.exit(f"FAILED: {what}")


def souk(home, *arguments):
    return subprocess.run([SOUK, *arguments, "--home", home], capture_output=True, text=True)


def add(home, *arguments):
    done = souk(home, "add", "--json", *arguments)
    check(done.returncode == 0, f"add {arguments}: {done.stderr}")
    return json.loads(done.stdout)["contents"]


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def merkle(nodes, pad):
    """The root over NODES, padded with PAD to a power of two."""
    while len(nodes) & (len(nodes) - 1):
        nodes = nodes + [pad]
    while len(nodes) > 1:
        nodes = [hashlib.sha256(a + b).digest() for a, b in zip(nodes[::2], nodes[1::2])]
    return nodes[0]


def content_id(data):
    """The BitTorrent v2 root of DATA, written from BEP 52."""
    blocks = [hashlib.sha256(data[i:i + BLOCK]).digest() for i in range(0, len(data), BLOCK)]
    return merkle(blocks, bytes(32)) if blocks else bytes(32)


def folder_of(home):
    return sorted(os.listdir(os.path.join(home, "content")))


def check_stored(home, data, content):
    name = content_id(data).hex()
    check(content["content"].split(".")[0] == name, f"the content id of {len(data)} bytes")
    with open(os.path.join(home, "content", name), "rb") as file:
        check(file.read() == data, "the stored copy differs")
    units = -(-len(data) // UNIT)
    size = os.path.getsize(os.path.join(home, "content", name + ".row"))
    check(size == 32 * units and content["units"] == units, f"the row of {len(data)} bytes")


def test_sizes(home, work):
    for size in (0, 1, 64, BLOCK - 1, BLOCK, BLOCK + 1, UNIT - 1, UNIT, UNIT + 1, 5 * UNIT + 77):
        data = os.urandom(size)
        content, = add(home, write(os.path.join(work, f"file-{size}"), data))
        check_stored(home, data, content)
        check(content["content"].endswith(".64") == (size == 64), f"the name of {size} bytes")
        check(content["price_is_default"] and content["price_ncoin"] == 300000, "the home's price")
    listed = json.loads(souk(home, "add", "--list", "--json").stdout)["contents"]
    check(len(listed) == 10, f"{len(listed)} contents on sale, not 10")


def test_again(home, work):
    first = write(os.path.join(work, "first"), b"the same bytes")
    second = write(os.path.join(work, "second \xe4"), b"the same bytes")
    a, = add(home, first, "--price", "0.5")
    before = folder_of(home)
    b, = add(home, second, "--price", "2")
    check(not a["was_there"] and b["was_there"], "was_there")
    check(b["price_ncoin"] == 2 * 10**9 and b["name"].startswith("second "), "the new price, name")
    check(b["added_ms"] == a["added_ms"] and folder_of(home) == before, "added once")


def test_link(home, work):
    data = os.urandom(UNIT + 5)
    path = write(os.path.join(work, "linked"), data)
    before = os.listdir(os.path.join(home, "content"))
    content, = add(home, path, "--link")
    check_stored(home, data, content)
    check(os.stat(path).st_nlink == 2, "it is no hard link")
    check(len(folder_of(home)) == len(before) + 2, "a link, a row and nothing else")


def test_link_elsewhere(home):
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(home).st_dev:
        print("# skipped: no second file system to link from")
        return
    before = folder_of(home)
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.write(b"elsewhere")
        file.flush()
        done = souk(home, "add", "--link", file.name)
    check(done.returncode == 1 and "without --link" in done.stderr, f"link: {done.stderr}")
    check(folder_of(home) == before, "a link that failed left something")


def test_refusals(home, work):
    os.mkfifo(os.path.join(work, "pipe"))
    before = folder_of(home)
    for path, code, says in (("/dev/null", 1, "device"),
                             (os.path.join(work, "pipe"), 1, "no regular file"),
                             (os.path.join(work, "missing"), 1, "not found"),
                             ("--list", 0, ""), ("--price=x", 2, "an amount of coins")):
        done = souk(home, "add", path)
        check(done.returncode == code and says in done.stderr, f"add {path}: {done.stderr}")
    check(souk(home, "add").returncode == 2, "add without a file")
    check(souk(os.path.join(work, "no-home"), "add", work).returncode == 1, "add without a home")
    check(folder_of(home) == before, "a refusal left something")


def test_interrupted(home, work):
    path = os.path.join(work, "large")
    with open(path, "wb") as file:
        file.truncate(8 << 30)  # a hole: reading it takes long, its copy is written for real
    before = folder_of(home)
    running = subprocess.Popen([SOUK, "add", "--home", home, path], stderr=subprocess.PIPE)
    while folder_of(home) == before and running.poll() is None:
        time.sleep(0.01)
    if running.poll() is not None and b"disk is full" in running.stderr.read():
        print("# skipped: no 8 GiB are free to be interrupted in")
        os.unlink(path)
        return
    running.send_signal(signal.SIGINT)
    try:
        _, said = running.communicate(timeout=30)
    finally:
        running.kill()
    check(running.returncode == 1 and b"stopped" in said, f"interrupted: {said}")
    check(folder_of(home) == before, "an interrupted import left something")
    os.unlink(path)


def bencode(value):
    """BEP 3, keys sorted."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    items = sorted((key.encode(), value[key]) for key in value)
    return b"d" + b"".join(bencode(key) + bencode(below) for key, below in items) + b"e"


def pack_of(files):
    """The small files behind each other, in the order of the tree; None where they are no two."""
    small = [path for path in files if 0 < len(files[path]) <= 1 << 20]
    small.sort(key=lambda path: path.encode().split(b"/"))
    return b"".join(files[path] for path in small) if len(small) > 1 else None


def directory_of(name, files, pack=None):
    """The info dictionary, written from BEP 52, with the id of our pack."""
    tree = {}
    for path, data in files.items():
        *folders, last = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        facts = {"length": len(data)} | ({"pieces root": content_id(data)} if data else {})
        place[last] = {"": facts}
    info = {"file tree": tree, "meta version": 2, "name": name, "piece length": UNIT}
    if pack is not None:
        info["souk pack"] = {"length": len(pack), "pieces root": content_id(pack)}
    return bencode(info)


def make_folder(work, name, files):
    for path, data in files.items():
        full = os.path.join(work, name, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        write(full, data)
    return os.path.join(work, name)


def test_folder(home, work):
    files = {"index.html": b"hello", "a/x": os.urandom(3 * UNIT + 7), "a/empty": b"", "a-b": b"-",
             "a/y/z": b"hello", "\u00fc": os.urandom(64), "A/X": b"case"}
    site = make_folder(work, "site", files)
    os.mkdir(os.path.join(site, "hollow"))
    os.symlink("/etc/passwd", os.path.join(site, "link"))
    os.mkfifo(os.path.join(site, "pipe"))
    pack = pack_of(files)
    packed, = add(home, site)
    expected = directory_of("site", files, pack)
    check(packed["content"] == hashlib.sha256(expected).hexdigest(), "with the pack, its id")
    check_stored(home, expected, packed)
    check(packed["pack"] == {"content": content_id(pack).hex(), "size_bytes": len(pack),
                             "file_count": 6, "was_there": False}, "the pack")
    check(content_id(pack).hex() in folder_of(home), "the pack is not in the store")
    check(content_id(files["a/x"]).hex() not in folder_of(home), "a packed file is there, too")
    check([file["path"] for file in packed["files"] if not file["packed"]] == ["a/empty"],
          "what is packed")
    check(packed["units_in_all"] == 1 + 4, "units of the pack and of the directory")
    check("6 small files" in souk(home, "add", site).stdout, "the pack is not said")
    done = souk(home, "add", "--json", site, "--no-pack")
    check(done.returncode == 0, done.stderr)
    for skipped in ("hollow: an empty folder", "link: a symbolic link", "pipe: no regular file"):
        check(f"skipped {skipped}" in done.stderr, f"{skipped} is not said: {done.stderr}")
    folder, = json.loads(done.stdout)["contents"]
    expected = directory_of("site", files)
    check(folder["content"] == hashlib.sha256(expected).hexdigest(), "the directory's id")
    check_stored(home, expected, folder)
    for data in files.values():
        check(content_id(data).hex() in folder_of(home), "a file is not in the store")
    check(folder["file_count"] == 7 and folder["skipped"] == 3, "files and skipped")
    check([file["path"] for file in folder["files"]] ==
          ["A/X", "a/empty", "a/x", "a/y/z", "a-b", "index.html", "\u00fc"], "the order")
    check(folder["units_in_all"] == 1 + 4 + 1 + 1 + 1 + 1, "units: equal files count once")
    check(folder["total_ncoin"] == folder["units_in_all"] * 300000, "the price of all")
    check(folder["gateway_path"] == f"/{folder['content']}/", "the gateway's path")
    text = souk(home, "add", site, "--no-pack").stdout
    check("7 files" in text and f"souk get {folder['content']}" in text, text)


def test_folder_refusals(home, work):
    before = folder_of(home)
    for name, says in (("bad\x1b[2Jname", "bad?[2Jname"), ("back\\slash", "no directory may have"),
                       (b"\xff", "no directory may have"), ("/".join(["d"] * 33), "too long")):
        where = tempfile.mkdtemp(dir=work)
        full = os.path.join(os.fsencode(where), os.fsencode(name))
        os.makedirs(os.path.dirname(full), exist_ok=True)
        write(full, b"x")
        done = subprocess.run([SOUK, "add", where, "--home", home], capture_output=True)
        check(done.returncode == 1 and says.encode() in done.stderr, f"{name}: {done.stderr}")
    done = souk(home, "add", tempfile.mkdtemp(dir=work))
    check(done.returncode == 1 and "there is no file in it" in done.stderr, done.stderr)
    check(folder_of(home) == before, "a refused folder left something")
    above = make_folder(work, "above", {"file": b"above"})
    nested = os.path.join(above, "home")
    check(souk(nested, "init", "--role", "provider").returncode == 0, "a home in the folder")
    done = souk(nested, "add", above, "--json")
    check(done.returncode == 0 and "skipped home: this home" in done.stderr, done.stderr)
    check(json.loads(done.stdout)["contents"][0]["file_count"] == 1, "its own home was added")


def test_folder_goes_on(home, work):
    """What was imported before it was stopped is not read again: were it, its id would differ."""
    folder = make_folder(work, "stopped", {"a": b"first", "b": b"", "c": b"last"})
    first, large = os.path.join(folder, "a"), os.path.join(folder, "b")
    os.truncate(large, 8 << 30)
    running = subprocess.Popen([SOUK, "add", "--home", home, folder, "--no-pack"],
                               stderr=subprocess.PIPE)
    while content_id(b"first").hex() not in folder_of(home) and running.poll() is None:
        time.sleep(0.01)
    if running.poll() is not None and b"disk is full" in running.stderr.read():
        print("# skipped: no 8 GiB are free to be interrupted in")
        return
    while running.poll() is None:
        running.send_signal(signal.SIGINT)  # between two files it would only end the process
        time.sleep(0.05)
    check(running.returncode != 0, "it was not stopped")
    os.truncate(large, 0)
    times = os.stat(first)
    with open(first, "r+b") as file:
        file.write(b"FIRST")
    os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    again, = add(home, folder, "--no-pack")
    check(again["files"][0]["content"] == content_id(b"first").hex(), "it was read again")
    check(not [name for name in folder_of(home) if name.startswith(".folder")], "the journal stays")
    again, = add(home, folder, "--no-pack")
    check(again["files"][0]["content"] == content_id(b"FIRST").hex(), "a second import reads all")


def test_sweep(home, work):
    left = write(os.path.join(home, "content", ".add-Qwerty"), b"of a crash")
    add(home, write(os.path.join(work, "other"), b"other"))
    check(not os.path.exists(left), "what a crash left is still there")


def test_late_failure(home, work):
    """The row cannot be written, since something is in its place: the data must go again."""
    data = os.urandom(100)
    name = content_id(data).hex()
    os.makedirs(os.path.join(home, "content", name + ".row", "in the way"))
    before = folder_of(home)
    done = souk(home, "add", write(os.path.join(work, "late"), data))
    check(done.returncode == 1 and folder_of(home) == before, f"late failure: {done.stderr}")
    check(name not in souk(home, "add", "--list").stdout, "it is on sale all the same")


def test_full_midway(home, work):
    """A limit on the size of files refuses a write as a full disk does, whatever statvfs says."""
    path = write(os.path.join(work, "midway"), os.urandom(3 * UNIT))
    before = folder_of(home)
    done = subprocess.run([SOUK, "add", "--home", home, path], capture_output=True, text=True,
                          restore_signals=False,  # SIGXFSZ stays ignored, as Python has it
                          preexec_fn=lambda: resource.setrlimit(
                              resource.RLIMIT_FSIZE, (UNIT + 5, UNIT + 5)))
    check(done.returncode == 1 and "it needs 786560 bytes" in done.stderr, done.stderr)
    check(folder_of(home) == before, "a write that failed left something")


def full_disk(work):
    """Runs with WORK as a file system of 1 MiB."""
    home = os.path.join(work, "home")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", work], check=True)
    check(souk(home, "init", "--role", "provider").returncode == 0, "init on the small disk")
    path = "/dev/shm/souk-test-add" if os.path.isdir("/dev/shm") else "/tmp/souk-test-add"
    write(path, os.urandom(3 * UNIT + 5))
    add(home, __file__)
    before = folder_of(home)
    write(os.path.join(work, "filler"), bytes(400000))
    done = souk(home, "add", path)
    os.unlink(path)
    check(done.returncode == 1 and "disk is full" in done.stderr, f"full disk: {done.stderr}")
    check("it needs 786565 bytes" in done.stderr and "are free" in done.stderr, done.stderr)
    check(folder_of(home) == before, "a full disk left something")


def test_full_disk(work):
    os.mkdir(work)
    namespace = ["unshare", "--map-root-user", "--mount"]
    probe = subprocess.run([*namespace, "mount", "-t", "tmpfs", "tmpfs", work],
                           capture_output=True, check=False)
    if probe.returncode != 0:
        print("# skipped: no mount namespace for a small disk")
        return
    done = subprocess.run([*namespace, sys.executable, __file__, SOUK, FULL_DISK, work],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, done.stdout + done.stderr)


def main():
    if sys.argv[2:3] == [FULL_DISK]:
        full_disk(sys.argv[3])
        return
    with tempfile.TemporaryDirectory(prefix="souk-add-") as work:
        home = os.path.join(work, "home")
        done = souk(home, "init", "--role", "provider", "--price", "0.0003")
        check(done.returncode == 0, done.stderr)
        test_sizes(home, work)
        test_again(home, work)
        test_link(home, work)
        test_link_elsewhere(home)
        test_refusals(home, work)
        test_folder(home, work)
        test_folder_refusals(home, work)
        test_folder_goes_on(home, work)
        test_sweep(home, work)
        test_late_failure(home, work)
        test_full_midway(home, work)
        test_interrupted(home, work)
        test_full_disk(os.path.join(work, "small"))
    print("souk add stores what it should, and nothing else")


if __name__ == "__main__":
    main()
