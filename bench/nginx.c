/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx.h"

#include <stdio.h>
#include <unistd.h>

#include "process.h"

static bool write_config(const char *w, uint16_t port, const char *path)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return false;
	fprintf(file,
		"worker_processes 1;\npid %s/nginx.pid;\nerror_log %s/nginx.err;\ndaemon off;\n%s"
		"events { worker_connections 256; }\n"
		"http {\n access_log off;\n sendfile on;\n tcp_nopush on;\n"
		" client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3;\n"
		" uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;\n"
		" server {\n  listen 127.0.0.1:%u ssl;\n  ssl_certificate %s/cert.pem;\n"
		"  ssl_certificate_key %s/key.pem;\n  ssl_protocols TLSv1.3;\n  root %s;\n }\n}\n",
		w, w, geteuid() == 0 ? "user root;\n" : "", w, w, w, w, w, port, w, w, w);
	return fclose(file) == 0;
}

bool bench_nginx_start(struct bench_nginx *ret, const char *w)
{
	char config[300], key[300], cert[300], log[300];
	snprintf(config, sizeof config, "%s/nginx.conf", w);
	snprintf(key, sizeof key, "%s/key.pem", w);
	snprintf(cert, sizeof cert, "%s/cert.pem", w);
	snprintf(log, sizeof log, "%s/nginx.log", w);
	const char *certificate[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
		"-subj", "/CN=localhost", NULL};
	/* Debian has it where a user's PATH may not look. */
	const char *nginx = access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx";
	const char *serve[] = {nginx, "-c", config, NULL};
	ret->port = process_free_port();
	if (!process_run(certificate, NULL, 0, log) || !write_config(w, ret->port, config))
		return false;
	ret->pid = process_start(serve, log);
	return process_wait_port(ret->port);
}

void bench_nginx_stop(struct bench_nginx *nginx)
{
	process_stop(nginx->pid);
}
