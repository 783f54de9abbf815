/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/mapped.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

/* What a thread reads now, and where it goes on when that fails. */
struct guard {
	const uint8_t *from, *to;
	sigjmp_buf back;
};

static _Thread_local struct guard *volatile guard;
static struct sigaction before;

static void on_bus(int number, siginfo_t *info, void *context)
{
	const uint8_t *at = info->si_addr;
	struct guard *mine = guard;
	(void)context;
	if (mine != NULL && at >= mine->from && at < mine->to)
		siglongjmp(mine->back, 1);
	/* Not ours: what was to happen happens, when the instruction is tried again. */
	sigaction(number, &before, NULL);
}

/* Whoever set another handler since is the one that what is not ours is passed on to. */
static void install(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct sigaction now;
	/* SA_NODEFER: the handler is left by a jump, and the next one must come through too. */
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigemptyset(&action.sa_mask);
	pthread_mutex_lock(&lock);
	if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction != on_bus)
		sigaction(SIGBUS, &action, &before);
	pthread_mutex_unlock(&lock);
}

souk_status souk_mapped_open(struct souk_mapped *ret, int fd, size_t size)
{
	*ret = (struct souk_mapped){0};
	if (size == 0)
		return SOUK_OK;
	install();
	void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return SOUK_IO_READ;
	*ret = (struct souk_mapped){data, size};
	return SOUK_OK;
}

void souk_mapped_close(struct souk_mapped *mapped)
{
	if (mapped->data != NULL)
		munmap((void *)(uintptr_t)mapped->data, mapped->size);
	*mapped = (struct souk_mapped){0};
}

souk_status souk_mapped_use(const struct souk_mapped *mapped, uint64_t offset, size_t size,
	void (*use)(void *ctx, struct souk_bytes data), void *ctx)
{
	struct guard mine;
	if (offset > mapped->size || size > mapped->size - offset)
		return SOUK_IO_READ;
	mine.from = mapped->data + offset;
	mine.to = mine.from + size;
	if (sigsetjmp(mine.back, 0) != 0) {
		guard = NULL;
		return SOUK_IO_READ;
	}
	guard = &mine;
	use(ctx, souk_bytes_of(mine.from, size));
	guard = NULL;
	return SOUK_OK;
}
