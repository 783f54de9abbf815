/* SPDX-License-Identifier: Apache-2.0
 *
 * nginx.h - the peer that serves files over TLS 1.3: one worker, sendfile, no logs. */
#ifndef SOUK_BENCH_NGINX_H
#define SOUK_BENCH_NGINX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bench_nginx {
	pid_t pid;
	uint16_t port;
};

/* Serve the files in FOLDER, where its own files go too; several servers of one folder differ in
 * NUMBER. False: see nginx.log there. */
bool bench_nginx_start(struct bench_nginx *ret, const char *folder, unsigned number);
void bench_nginx_stop(struct bench_nginx *nginx);

#endif
