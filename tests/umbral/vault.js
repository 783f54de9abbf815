// SPDX-License-Identifier: Apache-2.0
//
// Holds a vault against @nucypher/umbral-pre: what souk wraps is decrypted there with the exported
// secret, what is encrypted there souk unwraps, and so with signatures and imported secrets.
//
//   node vault.js SOUK
'use strict';
const { spawnSync } = require('child_process');
const { randomBytes } = require('crypto');
const { mkdtempSync, rmSync } = require('fs');
const { tmpdir } = require('os');
const { join } = require('path');
const theirs = require('@nucypher/umbral-pre');

const souk = process.argv[2];
const home = mkdtempSync(join(tmpdir(), 'souk-vault-'));

function run(input, ...words) {
    const done = spawnSync(souk, [...words, '--home', home], { input });
    if (done.status !== 0) throw new Error(`${words.join(' ')}: ${done.stderr}`);
    return done.stdout;
}
function check(what, good) {
    if (!good) throw new Error(what);
}
const same = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0;

const PREFIX = 'souk-wrap:';
// MessagePack of three byte strings, as umbral-pre has capsules.
const packed = (simple) => Buffer.concat([Buffer.from([0x93, 0xc4, 33]), simple.subarray(0, 33),
    Buffer.from([0xc4, 33]), simple.subarray(33, 66), Buffer.from([0xc4, 32]), simple.subarray(66)]);

function takeApart(text) {
    const data = Buffer.from(text.trim().slice(PREFIX.length), 'base64url');
    return { point: data.subarray(1, 34), capsule: data.subarray(38, 136),
        ciphertext: data.subarray(136) };
}
function putTogether(point, number, capsule, ciphertext) {
    const head = Buffer.alloc(5 + 33);
    head[0] = 1;
    Buffer.from(point).copy(head, 1);
    head.writeUInt32BE(number, 34);
    return PREFIX + Buffer.concat([head, capsule, ciphertext]).toString('base64url') + '\n';
}

function oneCase(i) {
    const label = `k${i}`, plain = randomBytes([0, 1, 31, 1000, 65536][i % 5]);
    const key = theirs.SecretKey.random();
    if (i % 2)
        run(Buffer.from(key.toBEBytes()).toString('hex') + '\n', 'key', 'import', label, '--raw',
            '--exportable');
    else
        run('', 'key', 'create', label, '--exportable');
    const secret = theirs.SecretKey.fromBEBytes(
        Buffer.from(run('', 'key', 'export', label, '--raw').toString().trim(), 'hex'));
    check('secret', i % 2 === 0 || same(secret.toBEBytes(), key.toBEBytes()));

    const ours = takeApart(run(plain, 'key', 'wrap', label).toString());
    check('point', same(ours.point, secret.publicKey().toCompressedBytes()));
    check('they decrypt', same(plain, theirs.decryptOriginal(
        secret, theirs.Capsule.fromBytes(packed(ours.capsule)), ours.ciphertext)));

    const [capsule, ciphertext] = theirs.encrypt(secret.publicKey(), plain);
    const text = putTogether(secret.publicKey().toCompressedBytes(), 1,
        Buffer.from(capsule.toBytesSimple()), Buffer.from(ciphertext));
    check('we decrypt', same(plain, run(text, 'key', 'unwrap', label)));

    const signature = run(plain, 'key', 'sign', label).toString().trim();
    check('they verify', theirs.Signature.fromBEBytes(Buffer.from(signature, 'hex'))
        .verify(secret.publicKey(), plain));
    const signed = new theirs.Signer(secret).sign(plain);
    run(plain, 'key', 'verify', label, Buffer.from(signed.toBEBytes()).toString('hex'));
}

try {
    run('', 'init');
    for (let i = 0; i < 10; i++) oneCase(i);
    console.log('10 keys, each way: 0 failures');
} finally {
    rmSync(home, { recursive: true });
}
