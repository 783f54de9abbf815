/* SPDX-License-Identifier: Apache-2.0
 *
 * content_peers.h - what is fetched, and how nginx, curl and sha256sum do it: as many servers as
 * there are caches, each with its part, and curl from all of them at once.
 *
 * The peer of a viewer ends as a viewer does, with a file that was verified: curl writes it,
 * sha256sum reads it. Where one server has all, also curl into sha256sum, which writes nothing. */
#ifndef SOUK_BENCH_CONTENT_PEERS_H
#define SOUK_BENCH_CONTENT_PEERS_H

#include "nginx.h"
#include "swarm.h"

struct content_peers {
	struct bench_nginx nginx[SWARM_CACHES_MAX];
	const char *folder; /* what they serve, and the object itself */
};

/* One file, or a directory of FILES of BYTES each. */
struct content_object {
	char name[64], path[400];
	uint64_t bytes;
	unsigned files;
	unsigned servers; /* at which the peers have parts of it */
};

bool content_peers_start(struct content_peers *ret, const char *folder);
void content_peers_stop(struct content_peers *peers);

/* Make the object of FILES random files of BYTES for CACHES caches, where it is not there yet. */
bool content_object_make(struct content_object *ret, const struct content_peers *peers,
	unsigned caches, unsigned files, uint64_t bytes);
void content_object_remove(const struct content_object *object);

/* VIEWERS of them fetch OBJECT to where those of SWARM put it. As process_run_many; and the
 * processor time of the servers. */
bool content_peers_run(struct content_peers *peers, struct swarm *swarm,
	const struct content_object *object, unsigned viewers, bool pipes, double *ret_server_s,
	double *ret_client_s, double *ret_wall_s);

#endif
