/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetches as a gateway does: several in one process, streaming ones too, told on stdin what to do.
 *
 *   fetch_driver HOME LEDGER [whole|stream] CONTENT FILE [CONTENT FILE]...
 *
 *   in:  want I FIRST COUNT | stop I | cpu
 *   out: open I CHUNKS | chunk I N | note I TEXT | end I STATUS SPENT TEXT | cpu MS */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../src/client/fetch.h"
#include "../../src/client/identity_file.h"
#include "souk/io/file.h"

#define FETCHES_MAX 16

struct job {
	int number, fd;
	const char *file;
	struct fetch_config config;
	struct fetch *fetch;
	pthread_t thread;
};

static struct job jobs[FETCHES_MAX];
static pthread_mutex_t opened = PTHREAD_MUTEX_INITIALIZER;

static souk_status on_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	const struct job *job = ctx;
	souk_status status = souk_file_write_at(job->fd, data.data, data.size,
		souk_content_chunk_offset(fetch_content(job->fetch), chunk));
	printf("chunk %d %" PRIu32 "\n", job->number, chunk);
	return status;
}

static void on_note(void *ctx, const char *text)
{
	const struct job *job = ctx;
	printf("note %d %s\n", job->number, text);
}

static void *run(void *ctx)
{
	struct job *job = ctx;
	char detail[FETCH_DETAIL_SIZE] = "";
	struct fetch *fetch = NULL;
	struct fetch_figures figures = {0};
	souk_status status = fetch_open(&fetch, &job->config, detail);
	if (status == SOUK_OK) {
		pthread_mutex_lock(&opened);
		job->fetch = fetch;
		pthread_mutex_unlock(&opened);
		printf("open %d %" PRIu32 "\n", job->number,
			souk_content_chunk_count(fetch_content(fetch)));
		status = fetch_run(fetch, detail);
		figures = fetch_figures_now(fetch);
	}
	detail[strcspn(detail, "\n")] = '\0';
	printf("end %d %s %" PRIu64 " %s\n", job->number, souk_status_name(status),
		figures.spent.ncoin, detail);
	return NULL;
}

static struct fetch *fetch_of(int number)
{
	pthread_mutex_lock(&opened);
	struct fetch *fetch = number >= 0 && number < FETCHES_MAX ? jobs[number].fetch : NULL;
	pthread_mutex_unlock(&opened);
	return fetch;
}

static void obey(const char *line)
{
	uint32_t first, count;
	int number;
	if (sscanf(line, "want %d %" SCNu32 " %" SCNu32, &number, &first, &count) == 3 &&
		fetch_of(number) != NULL)
		fetch_want(fetch_of(number), first, count);
	else if (sscanf(line, "stop %d", &number) == 1 && fetch_of(number) != NULL)
		fetch_stop(fetch_of(number));
	else if (strncmp(line, "cpu", 3) == 0)
		printf("cpu %ld\n", (long)clock() / (CLOCKS_PER_SEC / 1000));
}

int main(int argc, char **argv)
{
	struct souk_identity identity;
	char line[256], path[4096];
	int count = 0;
	if (argc < 6)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(path, sizeof path, "%s/identity.key", argv[1]);
	if (identity_file_load(&identity, path) != SOUK_OK)
		return 1;
	for (int at = 4; at + 1 < argc && count < FETCHES_MAX; at += 2, count++) {
		struct job *job = &jobs[count];
		job->number = count;
		job->fd = open(argv[at + 1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		job->config = (struct fetch_config){
			.home = argv[1],
			.ledger_url = argv[2],
			.identity = &identity,
			.no_hedges = true, /* whoever counts money wants each unit paid once */
			.is_streaming = strcmp(argv[3], "stream") == 0,
			.events = {.ctx = job, .chunk = on_chunk, .note = on_note},
		};
		if (job->fd < 0 || souk_content_name_parse(&job->config.name, argv[at]) != SOUK_OK)
			return 2;
	}
	for (int i = 0; i < count; i++)
		pthread_create(&jobs[i].thread, NULL, run, &jobs[i]);
	while (fgets(line, sizeof line, stdin) != NULL)
		obey(line);
	for (int i = 0; i < count; i++) {
		if (fetch_of(i) != NULL)
			fetch_stop(fetch_of(i));
		pthread_join(jobs[i].thread, NULL);
		fetch_free(jobs[i].fetch);
		close(jobs[i].fd);
	}
	return 0;
}
