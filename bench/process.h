/* SPDX-License-Identifier: Apache-2.0
 *
 * process.h - start programs, wait for them, read what they say and what they used. */
#ifndef SOUK_BENCH_PROCESS_H
#define SOUK_BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_MANY_MAX 64u

/* Run ARGV (ends with NULL) to its end; its standard output, at most SIZE - 1 bytes, goes to OUT
 * (may be NULL: then it is dropped), its errors to the file LOG (NULL: ours). Whether it returned
 * 0. */
bool process_run(const char *const *argv, char *out, size_t size, const char *log);

/* Start ARGV in the background, output and errors to LOG. Its process id, or -1. */
pid_t process_start(const char *const *argv, const char *log);
/* SIGTERM, then wait; SIGKILL after ten seconds. */
void process_stop(pid_t pid);

/* Memory of a running process that is its own, in KiB, and not the kernel's copy of a file that it
 * reads; 0 where it cannot be read. */
uint64_t process_own_kib(pid_t pid);

/* Processor time that a running process and its children use up to now, in seconds, of user and
 * system; 0 where it cannot be read. */
double process_cpu_s(pid_t pid);

/* Run COUNT command lines beside each other, to their ends: many a moment apart, since a server
 * lets one address have so many connections at once.
 *
 *  Out: ret_cpu_s   processor time of all, with their children
 *       ret_wall_s  until the last one ended
 *
 * Whether all returned 0. Their output is dropped, their errors go to LOG. */
bool process_run_many(const char *const *const *argvs, unsigned count, const char *log,
	double *ret_cpu_s, double *ret_wall_s);

/* A TCP port of 127.0.0.1 that was free a moment ago. */
uint16_t process_free_port(void);
/* Whether something listens on 127.0.0.1:PORT within ten seconds. */
bool process_wait_port(uint16_t port);

#endif
