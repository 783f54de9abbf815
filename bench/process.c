/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void redirect(const char *path, int target)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		dup2(fd, target);
		close(fd);
	}
}

/* In the child: never returns. */
static void become(const char *const *argv)
{
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], (char *const *)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void drain(int fd, char *out, size_t size)
{
	char dropped[4096];
	size_t used = 0;
	for (;;) {
		bool keeps = out != NULL && used + 1 < size;
		ssize_t n = read(
			fd, keeps ? out + used : dropped, keeps ? size - 1 - used : sizeof dropped);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (keeps)
			used += (size_t)n;
	}
	if (out != NULL && size > 0)
		out[used] = '\0';
}

bool process_run(const char *const *argv, char *out, size_t size, const char *log)
{
	int fds[2], status = -1;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return false;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		if (log != NULL)
			redirect(log, STDERR_FILENO);
		become(argv);
	}
	close(fds[1]);
	drain(fds[0], out, size);
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

pid_t process_start(const char *const *argv, const char *log)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		redirect(log, STDOUT_FILENO);
		redirect(log, STDERR_FILENO);
		become(argv);
	}
	return pid;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

void process_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	for (int i = 0; i < 1000; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		sleep_ms(10);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

uint64_t process_own_kib(pid_t pid)
{
	char path[64], line[256];
	unsigned long long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "RssAnon: %llu kB", &kib) == 1)
			break;
	}
	if (file != NULL)
		fclose(file);
	return kib;
}

/* So many at once, and the others that far behind each other. */
#define AT_ONCE	 16u
#define APART_MS 30

static double own_cpu_s(pid_t pid)
{
	clockid_t clock;
	struct timespec used;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return 0;
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

double process_cpu_s(pid_t pid)
{
	char path[64];
	int child;
	double sum = own_cpu_s(pid);
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *file = fopen(path, "r");
	while (file != NULL && fscanf(file, "%d", &child) == 1)
		sum += own_cpu_s(child);
	if (file != NULL)
		fclose(file);
	return sum;
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double steady_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool process_run_many(const char *const *const *argvs, unsigned count, const char *log,
	double *ret_cpu_s, double *ret_wall_s)
{
	pid_t pids[PROCESS_MANY_MAX];
	struct rusage usage;
	double started = steady_s();
	bool good = count <= PROCESS_MANY_MAX;
	*ret_cpu_s = 0;
	for (unsigned i = 0; i < count && good; i++) {
		if (i >= AT_ONCE)
			sleep_ms(APART_MS);
		fflush(NULL);
		pids[i] = fork();
		if (pids[i] == 0) {
			redirect("/dev/null", STDOUT_FILENO);
			redirect(log, STDERR_FILENO);
			become(argvs[i]);
		}
	}
	for (unsigned i = 0; i < count && count <= PROCESS_MANY_MAX; i++) {
		int status = -1;
		while (wait4(pids[i], &status, 0, &usage) < 0 && errno == EINTR)
			;
		good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
		*ret_cpu_s += seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
	}
	*ret_wall_s = steady_s() - started;
	return good;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
}

uint16_t process_free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof address;
	if (fd < 0)
		return 0;
	if (bind(fd, (struct sockaddr *)&address, size) != 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		address.sin_port = 0;
	close(fd);
	return ntohs(address.sin_port);
}

bool process_wait_port(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	for (int i = 0; i < 1000; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool up = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
		if (fd >= 0)
			close(fd);
		if (up)
			return true;
		sleep_ms(10);
	}
	return false;
}
