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
	uint64_t turn;	/* budgets that were given since the start */
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
	return gateway_purse_open_file(ret, home, "gateway.day", budget);
}

souk_status gateway_purse_open_file(
	struct gateway_purse **ret, const char *home, const char *file, struct souk_amount budget)
{
	struct gateway_purse *purse = calloc(1, sizeof(*purse));

	if (!purse)
		return SOUK_IO_MEMORY;
	snprintf(purse->path, sizeof(purse->path), "%s/%s", home, file);
	purse->budget = budget.ncoin;
	purse->turn = 1; /* a part of zeros is none of it */
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

/* A new day has a new budget. A clock that goes back gives none: a little, and the day is waited
 * for; far, and what is spent counts for today, or nothing were paid until that day came. Under
 * lock. */
static void turn(struct gateway_purse *purse, uint64_t now_ms)
{
	uint64_t today = now_ms / DAY_MS;

	if (today + 1 < purse->day)
		purse->day = today;
	if (today <= purse->day)
		return;
	purse->day = today;
	purse->turn++;
	purse->spent = 0;
	purse->given = 0;
}

static uint64_t part_of(uint64_t left, uint64_t budget)
{
	uint64_t part = left / PART_DIVISOR, least = budget / LEAST_DIVISOR;

	part = part < least ? least : part;
	return part == 0 || part > left ? left : part;
}

/* Under lock. */
static void take_soon(struct gateway_purse *purse, uint64_t part, struct gateway_part *ret_part)
{
	purse->spent += part;
	purse->given += part;
	*ret_part = (struct gateway_part){{part}, purse->turn};
}

/* Under lock. */
static souk_status take(struct gateway_purse *purse, uint64_t part, struct gateway_part *ret_part)
{
	SOUK_TRY(keep(purse, purse->spent + part));
	take_soon(purse, part, ret_part);
	return SOUK_OK;
}

static uint64_t left_of(const struct gateway_purse *purse)
{
	return purse->spent < purse->budget ? purse->budget - purse->spent : 0;
}

souk_status gateway_purse_take(
	struct gateway_purse *purse, uint64_t now_ms, bool all, struct gateway_part *ret_part)
{
	pthread_mutex_lock(&purse->lock);
	turn(purse, now_ms);
	uint64_t left = left_of(purse), part = all ? left : part_of(left, purse->budget);
	souk_status status = left == 0 ? SOUK_LOCAL_BUDGET : take(purse, part, ret_part);
	pthread_mutex_unlock(&purse->lock);
	return status;
}

souk_status gateway_purse_take_soon(
	struct gateway_purse *purse, uint64_t now_ms, bool all, struct gateway_part *ret_part)
{
	pthread_mutex_lock(&purse->lock);
	turn(purse, now_ms);
	uint64_t left = left_of(purse);
	if (left > 0)
		take_soon(purse, all ? left : part_of(left, purse->budget), ret_part);
	pthread_mutex_unlock(&purse->lock);
	return left > 0 ? SOUK_OK : SOUK_LOCAL_BUDGET;
}

souk_status gateway_purse_keep(struct gateway_purse *purse)
{
	pthread_mutex_lock(&purse->lock);
	souk_status status = keep(purse, purse->spent);
	pthread_mutex_unlock(&purse->lock);
	return status;
}

souk_status gateway_purse_take_amount(struct gateway_purse *purse, uint64_t now_ms,
	struct souk_amount amount, struct gateway_part *ret_part)
{
	pthread_mutex_lock(&purse->lock);
	turn(purse, now_ms);
	bool is_there = amount.ncoin <= left_of(purse);
	souk_status status = is_there ? take(purse, amount.ncoin, ret_part) : SOUK_LOCAL_BUDGET;
	pthread_mutex_unlock(&purse->lock);
	return status;
}

/* What cannot be written now counts as spent on the disk for longer. */
void gateway_purse_settle(
	struct gateway_purse *purse, struct gateway_part part, struct souk_amount spent)
{
	uint64_t given = part.amount.ncoin;

	pthread_mutex_lock(&purse->lock);
	if (part.turn == purse->turn) {
		uint64_t before = purse->spent, rest = purse->spent - given;
		purse->given -= given;
		purse->spent = spent.ncoin < UINT64_MAX - rest ? rest + spent.ncoin : UINT64_MAX;
		souk_status status = purse->spent != before ? keep(purse, purse->spent) : SOUK_OK;
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
