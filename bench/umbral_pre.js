// SPDX-License-Identifier: Apache-2.0
//
// umbral-pre's figures, for `souk bench keys`: operations for each second of processor time, as one
// line of JSON.
//
//   node umbral_pre.js SECONDS SHARES
'use strict';
const u = require('@nucypher/umbral-pre');

const [seconds = '0.4', shares = '16'] = process.argv.slice(2);
const alice = u.SecretKey.random(), bob = u.SecretKey.random();
const signer = new u.Signer(u.SecretKey.random());
const A = alice.publicKey(), B = bob.publicKey(), V = signer.verifyingKey();
const [capsule, ciphertext] = u.encrypt(A, new Uint8Array(32));
const capsuleBytes = capsule.toBytes();

function rate(run) {
    for (let i = 0; i < 20; i++) run();
    const began = process.cpuUsage();
    let count = 0, used = 0;
    do {
        for (let i = 0; i < 8; i++) run();
        count += 8;
        const now = process.cpuUsage(began);
        used = (now.user + now.system) / 1e6;
    } while (used < Number(seconds));
    return count / used;
}

const kfrags = u.generateKFrags(alice, B, signer, 2, 3, true, true);
const cfrags = kfrags.map((kfrag) => u.reencrypt(capsule, kfrag));
const fragment = cfrags[0].toBytes();
const many = u.generateKFrags(alice, B, signer, Number(shares), Number(shares), true, true)
    .map((kfrag) => u.reencrypt(capsule, kfrag).toBytes());

console.log(JSON.stringify({
    reencrypt: rate(() => u.reencrypt(u.Capsule.fromBytes(capsuleBytes), kfrags[0]).toBytes()),
    verify: rate(() => u.CapsuleFrag.fromBytes(fragment).verify(capsule, V, A, B)),
    decrypt: rate(() => u.decryptReencrypted(bob, A, capsule, cfrags.slice(0, 2), ciphertext)),
    decrypt_many: rate(() => u.decryptReencrypted(bob, A, capsule,
        many.map((bytes) => u.CapsuleFrag.fromBytes(bytes).verify(capsule, V, A, B)), ciphertext)),
}));
