/* SPDX-License-Identifier: Apache-2.0
 *
 * bench: measure, beside the peers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bench.h"
#include "cli.h"

/* Free memory that the files of a benchmark want. */
#define MEMORY_ROOM (4ull << 30)

static bool quick;
static const char *workdir, *report, *only;

static const struct {
	const char *name;
	int (*run)(const struct souk_bench_options *options);
} benchmarks[] = {
	{"payments", souk_bench_payments},
	{"content", souk_bench_content},
	{"keys", souk_bench_keys},
	{"ledger", souk_bench_ledger},
	{"sim", souk_bench_sim},
};

/* The paths of this program and of the soukd beside it. */
static bool find_programs(char self[512], char soukd[520])
{
	ssize_t size = readlink("/proc/self/exe", self, 511);
	if (size <= 0)
		return false;
	self[size] = '\0';
	char *slash = strrchr(self, '/');
	snprintf(soukd, 520, "%.*s/soukd", (int)(slash - self), self);
	return true;
}

/* Memory rather than a disk, where there is room: what is compared is the programs. */
static const char *default_parent(void)
{
	struct statvfs memory;
	if (getenv("TMPDIR") != NULL)
		return getenv("TMPDIR");
	if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &memory) == 0 &&
		(uint64_t)memory.f_bavail * memory.f_frsize >= MEMORY_ROOM)
		return "/dev/shm";
	return "/tmp";
}

/* In a folder of its own, so that nothing else can be in the way. */
static int run_in_folder(const char *command, int (*run)(const struct souk_bench_options *options))
{
	char self[512], soukd[520], folder[512];
	snprintf(folder, sizeof folder, "%s/souk-bench-XXXXXX",
		workdir != NULL ? workdir : default_parent());
	if (!find_programs(self, soukd))
		return cli_fail(command, "/proc/self/exe", SOUK_IO_READ, NULL);
	if (mkdtemp(folder) == NULL)
		return cli_fail(command, folder, SOUK_IO_WRITE, "cannot make a folder to work in");
	struct souk_bench_options options = {.json = cli_json,
		.quick = quick,
		.report = report,
		.only = only,
		.workdir = folder,
		.self = self,
		.soukd = soukd};
	int code = run(&options);
	rmdir(folder); /* it stays where a failed benchmark left files to look at */
	return code;
}

int cmd_bench(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"quick", NULL, "measure less: to see that it works, not to quote", OPTION_FLAG,
			&quick},
		{"workdir", "DIR", "where to put files meanwhile (TMPDIR; /dev/shm; /tmp)",
			OPTION_TEXT, &workdir},
		{"report", "DIR", "payments, content, sim: also write a page and its charts there",
			OPTION_TEXT, &report},
		{"only", "PART",
			"content: one part: puzzle, issuing, paid, delivery or first-byte; keys: "
			"umbral or "
			"service",
			OPTION_TEXT, &only},
	};
	static const struct command_spec command = {.name = "bench",
		.arguments = "payments|content|keys|ledger|sim",
		.summary = "Measure on this machine, beside the peers that Souk is compared with.",
		.details =
			"payments  tickets, strips and claims per second on one core, beside "
			"MicroCash and "
			"MICROPAY\n"
			"content   downloads over loopback, paid, sponsored, unpaid, and by nginx, "
			"curl and openssl;\n"
			"          the puzzle; how many bundles a sponsor issues\n"
			"keys      re-encryption beside umbral-pre, and a proxy's whole service\n"
			"ledger    claims and transactions per second, by the size of the ledger; "
			"bytes; "
			"restart\n"
			"sim       messages per second of the simulator, time and memory by "
			"nodes\n\n"
			"Every figure has its unit in its name.",
		.examples = "  souk bench payments --report docs\n  souk bench content --json "
			    "--workdir /mnt/disk",
		.options = options,
		.option_count = 4,
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++) {
		if (strcmp(argv[0], benchmarks[i].name) == 0)
			return run_in_folder(command.name, benchmarks[i].run);
	}
	fprintf(stderr,
		"souk bench: there is no benchmark %s: payments, content, keys, ledger or sim\n",
		argv[0]);
	return EXIT_USAGE;
}
