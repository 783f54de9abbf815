/* SPDX-License-Identifier: Apache-2.0
 *
 * proofs.h - what the proof tests share.
 *
 * A test that carries claim n of spec/payment.md 8 is called pN_..., or names
 * PN in the comment above it; tests/house/claims.py holds both lists together.
 *
 * Exhaustive domains shrink under sanitizers and valgrind, which make a test
 * several times slower: PROOFS_PICK(full, small). Tests only. */
#ifndef SOUK_PAYMENT_PROOFS_H
#define SOUK_PAYMENT_PROOFS_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PROOFS_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PROOFS_SLOW 1
#endif
#endif

#ifdef PROOFS_SLOW
#define PROOFS_PICK(full, small) (small)
#else
#define PROOFS_PICK(full, small) (full)
#endif

#endif
