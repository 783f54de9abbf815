# SPDX-License-Identifier: Apache-2.0
#
# What the demonstrations share. $root is the project, $keep says whether to leave it running.

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { printf '\ndemo: %s\nThe logs are in %s\n' "$*" "$work" >&2; failed=yes; exit 1; }

work=
pids=()
failed=no
finish() {
    [ "$keep" = yes ] && [ "$failed" = no ] && return
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${pids[@]}"; do
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    done
    [ "$failed" = no ] && [ -n "$work" ] && rm -rf "$work"
}
trap finish EXIT
trap 'failed=yes; exit 130' INT TERM

free_ports() { # N ports that were free a moment ago
    python3 - "$1" <<'PY'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])
PY
}
json() { python3 -c 'import json,sys; d=json.load(sys.stdin)
for k in sys.argv[1].split("."): d=d[int(k)] if isinstance(d,list) else d[k]
print(d)' "$1"; }
wait_for() { # wait_for WHAT SECONDS COMMAND...
    local what=$1 until=$((SECONDS + $2)); shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || fail "$what did not happen in time"
        sleep 0.1
    done
}

build_all() {
    "$root/tools/setup" || exit 1
    "$root/tools/build" souk soukd || exit 1
    souk=$root/build/souk
    soukd=$root/build/soukd
    work=$(mktemp -d "${TMPDIR:-/tmp}/souk-demo.XXXXXX")
}
real_files() { # real_files FILE BYTES: real files of this machine, so many bytes of them
    find /usr/lib /usr/bin -xdev -type f -readable -size +64k -print0 2>/dev/null | sort -z |
        tar --create --null --files-from=- --ignore-failed-read 2>/dev/null | head -c "$2" > "$1"
}
