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
the_file() { # the_file BYTES: what was named on the command line, or so many bytes of this machine
    if [ -z "$file" ]; then
        file=$work/files.tar
        real_files "$file" "$1"
    fi
    [ -s "$file" ] || fail "$file is empty"
}

# A market has a ledger and providers 1 to N; each has ports ${controls[i]} and ${datas[i]}.
market_ports() { # market_ports N NAME...: and a port for each NAME
    local count=$1 i ports; shift
    read -r -a ports < <(free_ports $((1 + 2 * count + $#)))
    ledger_port=${ports[0]}
    export SOUK_LEDGER=http://127.0.0.1:$ledger_port
    for ((i = 1; i <= count; i++)); do
        controls[i]=${ports[2 * i - 1]} datas[i]=${ports[2 * i]}
    done
    for ((i = 1; i <= $#; i++)); do printf -v "${!i}" %s "${ports[2 * count + i]}"; done
}
start() { # start HOME [PROGRAM]: its daemon; $started is its id
    "${2:-$soukd}" --home "$1" 2>> "$1.log" &
    started=$!
    pids+=("$started")
    disown "$started" # the shell need not announce its death
}
start_ledger() {
    "$souk" ledger init --home "$work/ledger" --name "Demo market" --listen "127.0.0.1:$ledger_port" \
        --epoch 1h --notice 1s --draw-delay 2s --claim 10m || fail "making the ledger"
    start "$work/ledger"
    wait_for "the ledger's start" 20 "$souk" ledger show
}
registered() { # registered N: so many providers are on the ledger
    [ "$("$souk" offers --json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["providers"]))')" -ge "$1" ]
}
settled() { # settled HOME...: all that their providers are owed
    local home
    for home in "$@"; do
        "$souk" earnings --home "$home" --json |
            python3 -c 'import json,sys; d=json.load(sys.stdin); sys.exit(not all(e["settled"] for e in d["epochs"]))' || return 1
    done
}

verify_log() { # verify_log STEP
    step "$1. The ledger's log, exported and verified from genesis"
    "$souk" ledger export "$work/log.souk" || fail "exporting the log"
    "$souk" ledger verify "$work/log.souk" || fail "the log does not verify"
}
the_end() { # what to try with --keep, from standard input
    local alive=() pid
    if [ "$keep" = no ]; then
        printf '\nEvery line above is true.\n'
        return
    fi
    step "The market stays up. Try:"
    for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null && alive+=("$pid"); done
    echo "  export SOUK_LEDGER=$SOUK_LEDGER"
    cat
    echo "End it with: kill ${alive[*]}; rm -r $work"
}
