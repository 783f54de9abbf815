# SPDX-License-Identifier: Apache-2.0
#
# ./demo keys: see there.

proxies=5 threshold=3
step "1. Installing what is missing, and building"
build_all
# A soukd whose proxy lies: one line of one file is changed in a copy (tests/liar/liar.canary).
"$root/tools/build" tests/liar/soukd_liar > /dev/null || exit 1
liar=$root/build/tests/liar/soukd_liar
market_ports $proxies control data
owner=$work/owner receiver=$work/receiver

step "2. A ledger, and five proxies: the fifth will lie"
start_ledger
for ((i = 1; i <= proxies; i++)); do
    home=$work/proxy$i program=$soukd
    [ $i = $proxies ] && program=$liar
    "$souk" init --home "$home" --role provider --control "127.0.0.1:${controls[i]}" \
        --data "127.0.0.1:${datas[i]}" > /dev/null || fail "making proxy $i"
    sed -i 's/^\[provider\]$/[provider]\nkeys = yes\nkey_respond_min = 1s/' "$home/souk.ini"
    "$souk" faucet --home "$home" 20 > /dev/null || fail "the faucet"
    start "$home" "$program"
    proxy_pid[i]=$started
    address[i]=$("$souk" id --home "$home" --json | json address)
    echo "proxy $i  ${address[i]}"
done
# Names in place of addresses, wherever they are printed.
named() {
    local script=
    for ((i = 1; i <= proxies; i++)); do
        script+="s/proxy ${address[i]}/proxy $i/;s/${address[i]}/$(printf '%-42s' "proxy $i")/;"
    done
    sed "$script"
}

step "3. An owner with a file, and a receiver with a key"
the_file 16777216
"$souk" init --home "$owner" --role provider --control "127.0.0.1:$control" --data "127.0.0.1:$data" \
    --price 0.0001 > /dev/null || fail "making the owner"
"$souk" faucet --home "$owner" 20 > /dev/null || fail "the faucet"
start "$owner"
"$souk" init --home "$receiver" > /dev/null || fail "making the receiver"
"$souk" faucet --home "$receiver" 20 > /dev/null || fail "the faucet"
"$souk" escrow open --home "$receiver" --line 5 --prize 0.001 > /dev/null || fail "opening the escrow"
key=$("$souk" key create me --home "$receiver" --json | json versions.0.point) || fail "making the key"
echo "the receiver's public key is $key"
wait_for "the registration of all" 30 registered $((proxies + 1))

step "4. The owner shares the file, any $threshold of $proxies proxies being needed"
share=$work/$(basename "$file").share
"$souk" share --home "$owner" "$file" --with "$key" --proxies $proxies --threshold $threshold --deposit 2 \
    --expires 1d --out "$share" 2> /dev/null | named || fail "sharing"
[ "${PIPESTATUS[0]}" = 0 ] && [ -s "$share" ] || fail "sharing"
content=$("$souk" shares --home "$owner" --json | json shares.0.content)
LC_ALL=C cmp -s "$file" "$owner/content/$content" && fail "what is on sale is not encrypted"

step "5. Proxy 1 is dead, proxy 5 lies, and the receiver reads the file"
kill -KILL "${proxy_pid[1]}"
# Who is asked first is drawn: the file is read until it is the liar's turn.
evidence=
for ((try = 1; try <= 25 && ${#evidence} == 0; try++)); do
    rm -f "$work/got"*
    "$souk" get --home "$receiver" "$share" "$work/got" 2> "$work/get.log" > "$work/get.txt" ||
        { cat "$work/get.log" >&2; fail "the receiver could not read it"; }
    cmp "$file" "$work/got" || fail "the bytes differ"
    evidence=$(ls "$work"/got.evidence-* 2> /dev/null | head -1)
done
grep -v '^souk get: question' "$work/get.log" | named
named < "$work/get.txt"
echo "$(sha256sum < "$work/got" | cut -c1-64)  the same as the original"
[ -n "$evidence" ] || fail "the liar was never asked"
echo "the lying proxy was among those asked at reading $((try - 1))"

step "6. The liar is convicted by its own signature"
echo "the evidence has $(stat -c %s "$evidence") bytes"
before=$("$souk" balance --home "$receiver" --json | json balance_ncoin)
"$souk" agreement accuse --home "$receiver" "$evidence" || fail "the liar was not convicted"
after=$("$souk" balance --home "$receiver" --json | json balance_ncoin)
[ "$after" -gt "$before" ] || fail "the reporter was not rewarded"
agreement=$("$souk" shares --home "$owner" --json | python3 -c '
import json, sys
print(*[p["agreement"] for p in json.load(sys.stdin)["shares"][0]["proxies"] if p["provider"] == sys.argv[1]])' "${address[5]}")
[ "$("$souk" agreement show "$agreement" --json | json convicted)" = True ] || fail "the ledger does not say so"
echo "proxy 5 lost its deposit of 2 coins"

step "7. The owner takes the share back"
# One proxy is dead: what it does not confirm is asked again.
"$souk" unshare --home "$owner" "$share" 2> /dev/null | named
"$souk" get --home "$receiver" "$share" "$work/late" 2> "$work/late.log" > /dev/null && fail "it can still be read"
cat "$work/late.log"
echo "proxy 1 starts again, learns of it from the ledger, and deletes what it had"
start "$work/proxy1"
all_deleted() { "$souk" unshare --home "$owner" "$share"; }
wait_for "the last receipt" 60 all_deleted
"$souk" shares --home "$owner" || fail "listing the shares"
"$souk" shares --home "$owner" --json | python3 -c '
import json, sys
share, = json.load(sys.stdin)["shares"]
receipts = [p["receipt"] for p in share["proxies"]]
for receipt in receipts:
    print("receipt", receipt["signed"][:56] + "...", receipt["deleted_ms"])
sys.exit(not all(receipts))' || fail "a receipt is missing"

verify_log 8

the_end <<EOT
  $souk share $content --with $key --home $owner --proxies 3 --out again.share
  $souk get again.share --home $receiver
  $souk key audit --home $owner
EOT
