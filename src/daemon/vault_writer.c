/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations that came at once share a transaction, and so the wait for the disk: one thread takes
 * all that are waiting, does one after the other, commits, and only then are they answered. Where
 * one must be aborted, none of them happened, and each is done again by itself. */
#include "vault_internal.h"

#define GROUP_MAX 64u

struct vault_job {
	struct vault_call *call;
	vault_operation *run;
	json_t *result;
	souk_status status;
	bool is_done;
	struct vault_job *next;
};

static void forget_result(struct vault_job *job, souk_status status)
{
	json_decref(job->result);
	job->result = NULL;
	job->status = status;
}

static void fail_all(struct vault_job *const *jobs, size_t count, souk_status status)
{
	for (size_t i = 0; i < count; i++)
		forget_result(jobs[i], status);
}

/* All in one transaction; false where it had to be aborted. */
static bool run_together(struct vault_home *home, struct vault_job *const *jobs, size_t count)
{
	struct souk_vault vault;
	souk_status status = vault_home_begin(home, NULL, &vault);
	if (status != SOUK_OK) {
		fail_all(jobs, count, status);
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		struct vault_job *job = jobs[i];
		vault.actor = job->call->actor;
		job->status = job->run(job->call, &vault, &job->result);
		if (souk_vault_commits(job->status))
			continue;
		status = job->status;
		(void)!vault_home_end(home, status);
		fail_all(jobs, count, status);
		return false;
	}
	status = vault_home_end(home, SOUK_OK);
	if (status != SOUK_OK)
		fail_all(jobs, count, status);
	return true;
}

static void run_group(struct vault_home *home, struct vault_job *const *jobs, size_t count)
{
	if (run_together(home, jobs, count) || count == 1)
		return;
	for (size_t i = 0; i < count; i++)
		(void)run_together(home, &jobs[i], 1);
}

/* Under the lock. */
static size_t take_jobs(struct vault_writer *writer, struct vault_job *jobs[GROUP_MAX])
{
	size_t count = 0;
	while (count < GROUP_MAX && writer->first != NULL) {
		jobs[count++] = writer->first;
		writer->first = writer->first->next;
	}
	if (writer->first == NULL)
		writer->last = &writer->first;
	return count;
}

static void *writer_run(void *ctx)
{
	struct vault_node *node = ctx;
	struct vault_writer *writer = &node->writer;
	struct vault_job *jobs[GROUP_MAX];
	pthread_mutex_lock(&writer->lock);
	while (true) {
		while (writer->first == NULL && !writer->stopping)
			pthread_cond_wait(&writer->work, &writer->lock);
		if (writer->first == NULL)
			break;
		size_t count = take_jobs(writer, jobs);
		pthread_mutex_unlock(&writer->lock);
		run_group(node->home, jobs, count);
		pthread_mutex_lock(&writer->lock);
		for (size_t i = 0; i < count; i++)
			jobs[i]->is_done = true;
		pthread_cond_broadcast(&writer->done);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

souk_status vault_writer_run(
	struct vault_node *node, struct vault_call *call, vault_operation *run, json_t **ret)
{
	struct vault_writer *writer = &node->writer;
	struct vault_job job = {.call = call, .run = run};
	pthread_mutex_lock(&writer->lock);
	*writer->last = &job;
	writer->last = &job.next;
	pthread_cond_signal(&writer->work);
	while (!job.is_done)
		pthread_cond_wait(&writer->done, &writer->lock);
	pthread_mutex_unlock(&writer->lock);
	*ret = job.result;
	return job.status;
}

souk_status vault_writer_start(struct vault_node *node)
{
	struct vault_writer *writer = &node->writer;
	writer->runs = pthread_create(&writer->thread, NULL, writer_run, node) == 0;
	return writer->runs ? SOUK_OK : SOUK_IO_MEMORY;
}

void vault_writer_init(struct vault_writer *writer)
{
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->work, NULL);
	pthread_cond_init(&writer->done, NULL);
	writer->last = &writer->first;
}

void vault_writer_done(struct vault_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->lock);
	if (writer->runs)
		pthread_join(writer->thread, NULL);
	pthread_cond_destroy(&writer->work);
	pthread_cond_destroy(&writer->done);
	pthread_mutex_destroy(&writer->lock);
}
