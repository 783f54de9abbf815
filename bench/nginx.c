/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx.h"

#include <stdio.h>
#include <unistd.h>

#include "process.h"

/* Where its own files are: FOLDER/nginx3. */
#define PREFIX_SIZE 300

static bool write_config(const char *folder, const char *own, uint16_t port, const char *path)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return false;
	fprintf(file,
		"worker_processes 1;\npid %s.pid;\nerror_log %s.err;\ndaemon off;\n%s"
		"events { worker_connections 256; }\n"
		"http {\n access_log off;\n sendfile on;\n tcp_nopush on;\n"
		" keepalive_requests 1000000;\n"
		" client_body_temp_path %s.t1; proxy_temp_path %s.t2; fastcgi_temp_path %s.t3;\n"
		" uwsgi_temp_path %s.t4; scgi_temp_path %s.t5;\n"
		" server {\n  listen 127.0.0.1:%u ssl;\n  ssl_certificate %s.cert.pem;\n"
		"  ssl_certificate_key %s.key.pem;\n  ssl_protocols TLSv1.3;\n  root %s;\n }\n}\n",
		own, own, geteuid() == 0 ? "user root;\n" : "", own, own, own, own, own, port, own,
		own, folder);
	return fclose(file) == 0;
}

bool bench_nginx_start(struct bench_nginx *ret, const char *folder, unsigned number)
{
	char own[PREFIX_SIZE], config[PREFIX_SIZE + 16], key[PREFIX_SIZE + 16];
	char cert[PREFIX_SIZE + 16], log[PREFIX_SIZE];
	snprintf(own, sizeof own, "%s/nginx%u", folder, number);
	snprintf(config, sizeof config, "%s.conf", own);
	snprintf(key, sizeof key, "%s.key.pem", own);
	snprintf(cert, sizeof cert, "%s.cert.pem", own);
	snprintf(log, sizeof log, "%s/nginx.log", folder);
	const char *certificate[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
		"-subj", "/CN=localhost", NULL};
	/* Debian has it where a user's PATH may not look. */
	const char *nginx = access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx";
	const char *serve[] = {nginx, "-c", config, NULL};
	ret->port = process_free_port();
	if (!process_run(certificate, NULL, 0, log) ||
		!write_config(folder, own, ret->port, config))
		return false;
	ret->pid = process_start(serve, log);
	return process_wait_port(ret->port);
}

void bench_nginx_stop(struct bench_nginx *nginx)
{
	process_stop(nginx->pid);
}
