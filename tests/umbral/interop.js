// SPDX-License-Identifier: Apache-2.0
//
// Holds our Umbral against @nucypher/umbral-pre: random cases in which each step is done by either
// side, and fragments that are corrupted.
//
//   node interop.js UMBRAL_TOOL [CASES] [CORRUPTED] [SEED]
'use strict';
const { spawn } = require('child_process');
const readline = require('readline');
const theirs = require('@nucypher/umbral-pre');

const [tool, cases = '200', corrupted = '1000', seed = '1'] = process.argv.slice(2);
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = (text) => Uint8Array.from(Buffer.from(text, 'hex'));

// xorshift: a failure is repeated by its seed.
let state = BigInt(seed) * 0x9e3779b97f4a7c15n & 0xffffffffffffffffn | 1n;
function random(n) {
    state ^= state << 13n & 0xffffffffffffffffn;
    state ^= state >> 7n;
    state ^= state << 17n & 0xffffffffffffffffn;
    return Number((state >> 11n) % BigInt(n));
}

const child = spawn(tool, [], { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = [];
readline.createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()(line.split(' ')));
function ask(...words) {
    return new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin.write(words.join(' ') + '\n');
    });
}
async function must(...words) {
    const answer = await ask(...words);
    if (answer[0] !== 'ok') throw new Error(`${words[0]}: ${answer.join(' ')}`);
    return answer.slice(1);
}

// Keys and bytes travel as texts; each side makes of them what it wants.
const secretOf = (text) => theirs.SecretKey.fromBEBytes(bytes(text));
const publicOf = (text) => theirs.PublicKey.fromCompressedBytes(bytes(text));

async function makeKey(ours) {
    if (ours) {
        const [secret, point] = await must('key');
        return { secret, point };
    }
    const key = theirs.SecretKey.random();
    return { secret: hex(key.toBEBytes()), point: hex(key.publicKey().toCompressedBytes()) };
}

async function encrypt(ours, point, plain) {
    if (ours) return must('encrypt', point, plain);
    const [capsule, sealed] = theirs.encrypt(publicOf(point), bytes(plain));
    return [hex(capsule.toBytes()), hex(sealed)];
}

async function original(ours, secret, capsule, sealed) {
    if (ours) return (await must('original', secret, capsule, sealed))[0];
    return hex(theirs.decryptOriginal(secretOf(secret), theirs.Capsule.fromBytes(bytes(capsule)), bytes(sealed)));
}

async function delegate(ours, t, n, flags, a, b, signer) {
    if (ours) return must('delegate', t, n, flags, a.secret, b.point, signer.secret);
    return theirs.generateKFrags(secretOf(a.secret), publicOf(b.point), new theirs.Signer(secretOf(signer.secret)),
        t, n, (flags & 1) !== 0, (flags & 2) !== 0).map((kfrag) => hex(kfrag.toBytes()));
}

async function reencrypt(ours, capsule, kfrag, flags, a, b, signer) {
    const delegating = flags & 1 ? a.point : '-', receiving = flags & 2 ? b.point : '-';
    // Both accept it, whoever serves.
    await must('kfrag', kfrag, signer.point, delegating, receiving);
    const verified = theirs.KeyFrag.fromBytes(bytes(kfrag)).verify(publicOf(signer.point),
        flags & 1 ? publicOf(a.point) : null, flags & 2 ? publicOf(b.point) : null);
    if (ours) return (await must('reencrypt', capsule, kfrag))[0];
    return hex(theirs.reencrypt(theirs.Capsule.fromBytes(bytes(capsule)), verified).toBytes());
}

async function open(ours, a, b, signer, capsule, sealed, cfrags) {
    for (const cfrag of cfrags)
        await must('cfrag', cfrag, capsule, signer.point, a.point, b.point);
    if (ours) return (await must('open', b.secret, a.point, capsule, sealed, ...cfrags))[0];
    const parsed = theirs.Capsule.fromBytes(bytes(capsule));
    const verified = cfrags.map((cfrag) => theirs.CapsuleFrag.fromBytes(bytes(cfrag))
        .verify(parsed, publicOf(signer.point), publicOf(a.point), publicOf(b.point)));
    return hex(theirs.decryptReencrypted(secretOf(b.secret), publicOf(a.point), parsed, verified, bytes(sealed)));
}

async function forms(capsule, cfrag) {
    const parsed = theirs.Capsule.fromBytes(bytes(capsule)), fragment = theirs.CapsuleFrag.fromBytes(bytes(cfrag));
    const same = [['capsule', hex(parsed.toBytes())], ['simple', hex(parsed.toBytesSimple())],
        ['fragment', hex(fragment.toBytes())], ['fragment_simple', hex(fragment.toBytesSimple())]];
    for (const [form, text] of same)
        if ((await must(form, text))[0] !== text) throw new Error(`the form ${form} differs`);
}

// The mix of sides is drawn for each step; a text says which it was.
async function oneCase() {
    const sides = Array.from({ length: 7 }, () => random(2) === 1);
    const [a, b, signer] = [await makeKey(sides[0]), await makeKey(sides[1]), await makeKey(sides[2])];
    const n = 1 + random(6), t = 1 + random(n), flags = random(4);
    const plain = hex(Uint8Array.from({ length: 1 + random(200) }, () => random(256)));
    const [capsule, sealed] = await encrypt(sides[3], a.point, plain);
    if (await original(!sides[3], a.secret, capsule, sealed) !== plain) throw new Error('the owner reads something else');
    let kfrags = await delegate(sides[4], t, n, flags, a, b, signer);
    kfrags = kfrags.sort(() => random(3) - 1).slice(0, t);
    const cfrags = [];
    for (const kfrag of kfrags)
        cfrags.push(await reencrypt(random(2) === 1, capsule, kfrag, flags, a, b, signer));
    if (await open(sides[5], a, b, signer, capsule, sealed, cfrags) !== plain) throw new Error('the receiver reads something else');
    await forms(capsule, cfrags[0]);
    const label = `label ${random(1000000)}`, factory = Uint8Array.from({ length: 32 }, () => random(256));
    const derived = theirs.SecretKeyFactory.fromSecureRandomness(factory).makeKey(new TextEncoder().encode(label));
    if ((await must('derive', hex(factory), hex(new TextEncoder().encode(label))))[0] !== hex(derived.toBEBytes()))
        throw new Error('derived keys differ');
    if (t > 1) {
        const few = await ask('open', b.secret, a.point, capsule, sealed, ...cfrags.slice(1));
        if (few[0] === 'ok') throw new Error('too few fragments were enough');
    }
    return { a, b, signer, capsule, cfrag: cfrags[0] };
}

// What we refuse they refuse, and what we accept they accept; of corrupted ones nothing is accepted.
async function corrupt({ a, b, signer, capsule, cfrag }) {
    const broken = bytes(cfrag);
    const at = random(broken.length);
    broken[at] ^= 1 << random(8);
    const ours = (await ask('cfrag', hex(broken), capsule, signer.point, a.point, b.point))[0] === 'ok';
    let they = true;
    try {
        theirs.CapsuleFrag.fromBytes(broken).verify(theirs.Capsule.fromBytes(bytes(capsule)),
            publicOf(signer.point), publicOf(a.point), publicOf(b.point));
    } catch (error) { they = false; }
    if (ours) throw new Error(`a fragment with byte ${at} changed was accepted`);
    // MessagePack lets them read some other forms of the same values: those are not canonical.
    if (they) console.log(`note: they accept byte ${at} changed`);
}

async function main() {
    let last;
    for (let i = 0; i < Number(cases); i++) {
        const before = state;
        try {
            last = await oneCase();
            for (let k = 0; k < Number(corrupted) / Number(cases); k++) await corrupt(last);
        } catch (error) {
            console.error(`case ${i} of seed ${seed} (state ${before}): ${error.message || error}`);
            process.exit(1);
        }
    }
    console.log(`${cases} cases, ${corrupted} corrupted fragments: both sides agree`);
    child.stdin.end();
}
main();
