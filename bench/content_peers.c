/* SPDX-License-Identifier: Apache-2.0 */
#include "content_peers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"
#include "souk/base/rng.h"

#define LINE_SIZE 4096u
#define PATH_SIZE 400u
/* No server has less than a chunk. */
#define PART_MIN 262144u

bool content_peers_start(struct content_peers *ret, const char *folder)
{
	*ret = (struct content_peers){.folder = folder};
	for (unsigned i = 0; i < SWARM_CACHES_MAX; i++) {
		if (!bench_nginx_start(&ret->nginx[i], folder, i))
			return false;
	}
	return true;
}

void content_peers_stop(struct content_peers *peers)
{
	for (unsigned i = 0; i < SWARM_CACHES_MAX; i++)
		bench_nginx_stop(&peers->nginx[i]);
}

/* ------------------------------------------------------------------ objects */

static bool write_random(const char *path, uint64_t seed, uint64_t size)
{
	static uint8_t block[1 << 20];
	struct souk_rng rng;
	FILE *file = fopen(path, "wb");
	bool good = file != NULL;
	souk_rng_init(&rng, seed);
	for (uint64_t at = 0; at < size && good; at += sizeof block) {
		size_t n = size - at < sizeof block ? (size_t)(size - at) : sizeof block;
		souk_rng_fill(&rng, block, n);
		good = fwrite(block, 1, n, file) == n;
	}
	return file != NULL && fclose(file) == 0 && good;
}

/* What curl fetches of a directory, file by file over the connections that it has. */
static bool write_list(const struct content_object *object, const struct content_peers *peers)
{
	char path[PATH_SIZE + 8];
	snprintf(path, sizeof path, "%s.urls", object->path);
	FILE *file = fopen(path, "w");
	for (unsigned i = 0; i < object->files && file != NULL; i++)
		fprintf(file, "url = https://127.0.0.1:%u/%s/%u\n",
			peers->nginx[i % object->servers].port, object->name, i);
	return file != NULL && fclose(file) == 0;
}

static bool make_files(const struct content_object *object)
{
	char path[PATH_SIZE + 16];
	if (mkdir(object->path, 0700) != 0)
		return false;
	for (unsigned i = 0; i < object->files; i++) {
		snprintf(path, sizeof path, "%s/%u", object->path, i);
		if (!write_random(path, object->bytes + i, object->bytes))
			return false;
	}
	return true;
}

/* The parts, each a file of its own, of which the nth server has the nth. */
static bool make_parts(const struct content_object *object)
{
	char line[LINE_SIZE];
	const char *argv[] = {"sh", "-c", line, NULL};
	snprintf(line, sizeof line, "split -n %u -d -a 1 %s %s.", object->servers, object->path,
		object->path);
	return object->servers == 1 || process_run(argv, NULL, 0, NULL);
}

bool content_object_make(struct content_object *ret, const struct content_peers *peers,
	unsigned caches, unsigned files, uint64_t bytes)
{
	uint64_t parts = ((uint64_t)files * bytes + PART_MIN - 1) / PART_MIN;
	*ret = (struct content_object){.bytes = bytes,
		.files = files,
		.servers = parts < caches ? (unsigned)parts : caches};
	snprintf(ret->name, sizeof ret->name, "object-%u-%u-%llu", caches, files,
		(unsigned long long)bytes);
	snprintf(ret->path, sizeof ret->path, "%s/%s", peers->folder, ret->name);
	if (files > 1)
		return (access(ret->path, F_OK) == 0 || make_files(ret)) && write_list(ret, peers);
	return access(ret->path, F_OK) == 0 ||
	       (write_random(ret->path, bytes + caches, bytes) && make_parts(ret));
}

void content_object_remove(const struct content_object *object)
{
	char line[LINE_SIZE];
	const char *argv[] = {"sh", "-c", line, NULL};
	snprintf(line, sizeof line, "rm -rf %s %s.*", object->path, object->path);
	process_run(argv, NULL, 0, NULL);
}

/* ------------------------------------------------------------------ fetching */

static void append(char line[LINE_SIZE], const char *format, ...)
{
	va_list args;
	size_t used = strlen(line);
	va_start(args, format);
	vsnprintf(line + used, LINE_SIZE - used, format, args);
	va_end(args);
}

static void write_line(char line[LINE_SIZE], const struct content_peers *peers,
	const struct content_object *object, const char *got, bool pipes)
{
	strcpy(line, "curl -sSk --fail");
	if (object->servers > 1)
		append(line, " -Z --parallel-max %u", object->servers);
	if (object->files > 1) {
		append(line,
			" --remote-name-all --create-dirs --output-dir %s -K %s.urls && "
			"sha256sum %s/*",
			got, object->path, got);
	} else if (object->servers > 1) {
		for (unsigned i = 0; i < object->servers; i++)
			append(line, " -o %s.%u https://127.0.0.1:%u/%s.%u", got, i,
				peers->nginx[i].port, object->name, i);
		append(line, " && sha256sum %s.*", got);
	} else if (pipes) {
		append(line, " https://127.0.0.1:%u/%s | sha256sum", peers->nginx[0].port,
			object->name);
	} else {
		append(line, " -o %s https://127.0.0.1:%u/%s && sha256sum %s", got,
			peers->nginx[0].port, object->name, got);
	}
}

static double servers_cpu_s(const struct content_peers *peers)
{
	double sum = 0;
	for (unsigned i = 0; i < SWARM_CACHES_MAX; i++)
		sum += process_cpu_s(peers->nginx[i].pid);
	return sum;
}

bool content_peers_run(struct content_peers *peers, struct swarm *swarm,
	const struct content_object *object, unsigned viewers, bool pipes, double *ret_server_s,
	double *ret_client_s, double *ret_wall_s)
{
	static char lines[PROCESS_MANY_MAX][LINE_SIZE];
	static const char *argvs[PROCESS_MANY_MAX][4];
	const char *const *list[PROCESS_MANY_MAX];
	char got[PATH_SIZE];
	for (unsigned i = 0; i < viewers; i++) {
		swarm_got_path(swarm, i, got, sizeof got);
		write_line(lines[i], peers, object, got, pipes);
		argvs[i][0] = "sh";
		argvs[i][1] = "-c";
		argvs[i][2] = lines[i];
		list[i] = argvs[i];
	}
	double before = servers_cpu_s(peers);
	if (!process_run_many(list, viewers, swarm->market.log, ret_client_s, ret_wall_s))
		return false;
	*ret_server_s = servers_cpu_s(peers) - before;
	return true;
}
