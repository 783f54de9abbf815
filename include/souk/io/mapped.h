/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/mapped.h - a file's bytes where the kernel keeps them, without a copy.
 *
 * Whoever reads a mapping gets a signal, SIGBUS, where the disk fails or the file was cut short.
 * So it is read inside souk_mapped_use, which turns that into a status: the daemon lives on, as
 * with a failed read.
 *
 * Memory: address space; what was read counts as resident, and is the kernel's to take back.
 * Threads: any may use a mapping. Opening one installs a handler of SIGBUS, which passes on to the
 * one before what is not its own. */
#ifndef SOUK_IO_MAPPED_H
#define SOUK_IO_MAPPED_H

#include "souk/base/bytes.h"
#include "souk/base/status.h"

struct souk_mapped {
	const uint8_t *data; /* NULL: nothing is mapped */
	size_t size;
};

/* souk_mapped_open: map SIZE bytes of FD, for reading; FD may be closed afterwards.
 *
 * Returns SOUK_OK, or SOUK_IO_READ. */
SOUK_MUST_CHECK souk_status souk_mapped_open(struct souk_mapped *ret, int fd, size_t size);
/* Nobody uses it any more. One of all zeros is allowed. */
void souk_mapped_close(struct souk_mapped *mapped);

/* souk_mapped_use: have USE(CTX, DATA) called, DATA being SIZE bytes at OFFSET.
 *
 * Where they cannot be read, USE is left in the middle: it must take no lock, and what it allocates
 * is lost then.
 *
 * Returns SOUK_OK, or SOUK_IO_READ: USE did not come to its end, or there are no such bytes. */
SOUK_MUST_CHECK souk_status souk_mapped_use(const struct souk_mapped *mapped, uint64_t offset,
	size_t size, void (*use)(void *ctx, struct souk_bytes data), void *ctx);

#endif
