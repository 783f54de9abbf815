/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/entropy_real.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

#include "souk/base/check.h"
#include "souk/crypto/ecdsa.h"

static souk_status entropy_fill(void *ctx, void *out, size_t size)
{
	uint8_t *p = out;

	(void)ctx;
	while (size) {
		ssize_t n = getrandom(p, size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return SOUK_IO_ENTROPY;
		p += n;
		size -= (size_t)n;
	}
	return SOUK_OK;
}

const struct souk_entropy *souk_entropy_real(void)
{
	static const struct souk_entropy real = {.ctx = NULL, .fill = entropy_fill};

	return &real;
}

souk_status souk_entropy_blind(void)
{
	uint8_t seed[32];
	SOUK_TRY(entropy_fill(NULL, seed, sizeof seed));
	souk_ecdsa_blind(seed);
	souk_bytes_wipe(seed, sizeof seed);
	return SOUK_OK;
}
