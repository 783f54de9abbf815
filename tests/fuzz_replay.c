/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzzer's entry point over every file of the folders named, then over
 * inputs derived from them by truncation and single-byte changes, so that an
 * ordinary build exercises what libFuzzer found. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (1u << 20)

static unsigned inputs;

/* The exact-size copy lets AddressSanitizer see a read past the end. */
static void run_once(const uint8_t *data, size_t size)
{
	uint8_t *copy = calloc(1, size ? size : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static void run_derived(uint8_t *data, size_t size)
{
	size_t step = size / 64 + 1;
	run_once(data, size);
	for (size_t i = 0; i < size; i += step)
		run_once(data, i);
	for (size_t i = 0; i < size; i += step) {
		data[i] ^= 0x55;
		run_once(data, size);
		data[i] ^= 0x55;
	}
}

static int run_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	size_t size = fread(data, 1, sizeof data, file);
	fclose(file);
	run_derived(data, size);
	return 0;
}

static int run_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	int failed = 0;
	if (dir == NULL) {
		perror(folder);
		return 1;
	}
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		char path[4096];
		struct stat status;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
			failed |= run_file(path);
	}
	closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;
	run_once((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		failed |= run_folder(argv[i]);
	printf("%u inputs replayed\n", inputs);
	/* A corpus that went missing must not pass for one that was replayed. */
	return failed || (argc > 1 && inputs < 2);
}
