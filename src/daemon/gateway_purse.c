/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_purse.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/file.h"

#define DAY_MS	      (24ull * 3600 * 1000)
#define PATH_SIZE     512
#define FILE_SIZE_MAX 64
/* A part is a quarter of what is left, but not less than this part of the day's budget: so that
 * others find something, and the last coins are not cut into dust. */
#define PART_DIVISOR  4u
#define LEAST_DIVISOR 64u

struct gateway_purse {
	pthread_mutex_t lock;
	char path[PATH_SIZE];
	uint64_t budget;
	uint64_t day;
	uint64_t spent; /* with what is given */
	uint64_t given;
};

static souk_status load(struct gateway_purse *purse)
{
	char *text, rest;
	size_t size;
	souk_status status = souk_file_read(purse->path, FILE_SIZE_MAX, &text, &size);

	if (status == SOUK_LOCAL_NOT_FOUND)
		return SOUK_OK;
	SOUK_TRY(status);
	int fields = sscanf(text, "%" SCNu64 " %" SCNu64 " %c", &purse->day, &purse->spent, &rest);
	free(text);
	return fields == 2 ? SOUK_OK : SOUK_CORRUPT_STORE;
}

static souk_status keep(const struct gateway_purse *purse, uint64_t spent)
{
	char text[FILE_SIZE_MAX];
	int size = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n", purse->day, spent);

	return souk_file_write_atomic(purse->path, souk_bytes_of(text, (size_t)size), true);
}

souk_status gateway_purse_open(
	struct gateway_purse **ret, const char *home, struct souk_amount budget)
{
	struct gateway_purse *purse = calloc(1, sizeof(*purse));

	if (!purse)
		return SOUK_IO_MEMORY;
	snprintf(purse->path, sizeof(purse->path), "%s/gateway.day", home);
	purse->budget = budget.ncoin;
	souk_status status = load(purse);
	if (status != SOUK_OK) {
		free(purse);
		return status;
	}
	pthread_mutex_init(&purse->lock, NULL);
	*ret = purse;
	return SOUK_OK;
}

void gateway_purse_close(struct gateway_purse *purse)
{
	if (purse)
		pthread_mutex_destroy(&purse->lock);
	free(purse);
}

/* A new day has a new budget. A clock that goes back gives none. Under lock. */
static void turn(struct gateway_purse *purse, uint64_t now_ms)
{
	if (now_ms / DAY_MS <= purse->day)
		return;
	purse->day = now_ms / DAY_MS;
	purse->spent = 0;
	purse->given = 0;
}

static uint64_t part_of(uint64_t left, uint64_t budget)
{
	uint64_t part = left / PART_DIVISOR, least = budget / LEAST_DIVISOR;

	part = part < least ? least : part;
	return part == 0 || part > left ? left : part;
}

souk_status gateway_purse_take(
	struct gateway_purse *purse, uint64_t now_ms, bool all, struct gateway_part *ret_part)
{
	pthread_mutex_lock(&purse->lock);
	turn(purse, now_ms);
	uint64_t left = purse->spent < purse->budget ? purse->budget - purse->spent : 0;
	uint64_t part = all ? left : part_of(left, purse->budget);
	souk_status status = left == 0 ? SOUK_LOCAL_BUDGET : keep(purse, purse->spent + part);
	if (status == SOUK_OK) {
		purse->spent += part;
		purse->given += part;
		*ret_part = (struct gateway_part){{part}, purse->day};
	}
	pthread_mutex_unlock(&purse->lock);
	return status;
}

/* What cannot be written now counts as spent on the disk for longer. */
void gateway_purse_settle(
	struct gateway_purse *purse, struct gateway_part part, struct souk_amount spent)
{
	uint64_t given = part.amount.ncoin, back = spent.ncoin < given ? given - spent.ncoin : 0;

	pthread_mutex_lock(&purse->lock);
	if (part.day == purse->day) {
		purse->given -= given;
		purse->spent -= back;
		souk_status status = back > 0 ? keep(purse, purse->spent) : SOUK_OK;
		(void)status;
	}
	pthread_mutex_unlock(&purse->lock);
}

void gateway_purse_figures(struct gateway_purse *purse, uint64_t now_ms,
	struct souk_amount *ret_spent, struct souk_amount *ret_given)
{
	pthread_mutex_lock(&purse->lock);
	turn(purse, now_ms);
	ret_spent->ncoin = purse->spent - purse->given;
	ret_given->ncoin = purse->given;
	pthread_mutex_unlock(&purse->lock);
}
