# SPDX-License-Identifier: Apache-2.0
#
# ./demo publish: see there.

caches=5
step "1. Installing what is missing, and building"
build_all
market_ports $caches control data viewers gateway
publisher=$work/publisher

step "2. A ledger, and five machines with disk to spare"
start_ledger
for ((i = 1; i <= caches; i++)); do
    home=$work/cache$i
    "$souk" init --home "$home" --role provider --cache 1GiB --control "127.0.0.1:${controls[i]}" \
        --data "127.0.0.1:${datas[i]}" --price 0.00002 > /dev/null || fail "making cache $i"
    "$souk" faucet --home "$home" 50 > /dev/null || fail "the faucet"
    # A cache pulls once what it is to serve, and pays for that.
    "$souk" escrow open --home "$home" --line 5 --prize 0.0001 > /dev/null || fail "cache $i's escrow"
    start "$home"
    cache_pid[i]=$started
done
wait_for "the caches' registration" 30 registered $caches
echo "$caches caches of 1 GiB each"

step "3. A publisher with a file and a budget"
the_file 134217728
"$souk" init --home "$publisher" --role sponsor --control "127.0.0.1:$control" --data "127.0.0.1:$data" \
    --viewers "127.0.0.1:$viewers" --price 0.00002 > /dev/null || fail "making the publisher"
"$souk" faucet --home "$publisher" 100 || fail "the faucet"
start "$publisher"
"$souk" publish --home "$publisher" "$file" --budget 1 --replicas $caches || fail "publishing"
id=$("$souk" sponsor report --home "$publisher" --json | json contents.0.content)

step "4. Somebody without a coin downloads it, and cache 1 is killed meanwhile"
"$souk" init --home "$work/viewer" > /dev/null || fail "making the viewer"
size=$(stat -c %s "$file")
"$souk" get --home "$work/viewer" "$id" "$work/viewed" --sponsor "$("$souk" sponsor show --home "$publisher" --json | json sponsor)" \
    2> "$work/get.log" > "$work/get.txt" & getter=$!
killed=no
while kill -0 $getter 2>/dev/null; do
    have=$(($(stat -c %b "$work/viewed.part" 2>/dev/null || echo 0) * 512))
    if [ $killed = no ] && [ "$have" -ge $((size / 3)) ]; then
        kill -KILL "${cache_pid[1]}"
        killed=yes
        echo "cache 1 was killed (SIGKILL) after $((have >> 20)) of $((size >> 20)) MiB"
    fi
    sleep 0.005
done
wait $getter || { cat "$work/get.log" >&2; fail "the download did not complete"; }
[ $killed = yes ] || { kill -KILL "${cache_pid[1]}"; echo "the download was over before cache 1 could be killed; it is killed now"; }
cat "$work/get.txt"
cmp "$file" "$work/viewed" || fail "the bytes differ"
echo "$(sha256sum < "$work/viewed" | cut -c1-64)  the same as the original"

step "5. The same through a gateway, with curl"
"$souk" init --home "$work/gateway" --role gateway --listen "127.0.0.1:$gateway" > /dev/null || fail "making the gateway"
start "$work/gateway"
link=http://127.0.0.1:$gateway/$id
wait_for "the gateway's start" 20 curl -sf --head "$link"
from=$((size / 2)) till=$((size / 2 + 1999999))
[ $till -lt $size ] || till=$((size - 1))
echo "curl --range $from-$till $link"
curl -sSf --range "$from-$till" "$link" -o "$work/part" || fail "curl"
cmp "$work/part" <(tail -c +$((from + 1)) "$file" | head -c $((till - from + 1))) || fail "the range differs"
echo "$(stat -c %s "$work/part") bytes out of the middle, the same as the original's; a browser seeks like that"

step "6. What it cost the publisher"
start "$work/cache1"
# What the gateway left open is held for some minutes yet; the sums hold all the same.
"$souk" sponsor report --home "$publisher" || fail "the report"

step "7. Closing the epoch: what each cache is owed and was paid"
"$souk" ledger close-epoch --home "$work/ledger" || fail "closing the epoch"
wait_for "settlement" 90 settled "$work"/cache{1,2,3,4,5}
for ((i = 1; i <= caches; i++)); do "$souk" earnings --home "$work/cache$i" --json; done > "$work/earnings.json"
"$souk" sponsor report --home "$publisher" --json > "$work/report.json"
python3 - "$work/earnings.json" "$work/report.json" <<'PY' || fail "the books do not agree"
import json, sys
caches = [json.loads(line) for line in open(sys.argv[1])]
report = json.load(open(sys.argv[2]))
coin = 10 ** 9
good = True
print(f"{'cache':44} {'units':>6} {'owed':>12} {'paid':>12} {'difference':>12}  within a prize a session")
for row in caches:
    epochs = row["epochs"]
    owed, paid = (sum(e[k] for e in epochs) for k in ("owed_ncoin", "paid_ncoin"))
    bound = sum(e["prize_ncoin"] * max(e["sessions"], 1) for e in epochs)
    within = abs(paid - owed) < bound if epochs else paid == 0
    good &= within
    print(f"{row['address']:44} {sum(e['units'] for e in epochs):6} {owed / coin:12.6f} {paid / coin:12.6f} "
          f"{(paid - owed) / coin:+12.6f}  {'yes' if within else 'NO'}")
# Caches are owed what the publisher gave tickets for, and what other caches pulled from them.
owed = sum(e["owed_ncoin"] for row in caches for e in row["epochs"])
print(f"\ngiven by the publisher {report['spent_ncoin'] / coin:.6f}, owed to the caches {owed / coin:.6f}")
sys.exit(not good)
PY

verify_log 8

the_end <<EOF
  $souk sponsor report --follow --home $publisher
  $souk get $id again --home $work/viewer
  xdg-open $link
EOF
