/* SPDX-License-Identifier: Apache-2.0 */
#include "view_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "identity_file.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"

#define PATH_SIZE 640
/* A key is of use for an epoch; nobody has epochs of a month. */
#define KEPT_S	      (30 * 24 * 3600)
#define FORGET_S      3600
#define RECORD_SIZE   (8 + 8 + SOUK_SECKEY_SIZE + SOUK_HASH_SIZE)
#define RECORD_SIGNED (RECORD_SIZE - SOUK_HASH_SIZE)

static souk_status make_key(struct souk_identity *ret)
{
	uint8_t seed[32];
	struct souk_secret_rng rng;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), seed, sizeof seed));
	souk_secret_rng_init(&rng, seed);
	souk_identity_generate(ret, &rng);
	souk_bytes_wipe(seed, sizeof seed);
	souk_bytes_wipe(&rng, sizeof rng);
	return SOUK_OK;
}

souk_status view_key_admitted(struct souk_identity *ret, const char *home)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/viewer.key", home);
	souk_status status = identity_file_load(ret, path);
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status;
	SOUK_TRY(souk_file_make_folders(home));
	return identity_file_make(ret, path);
}

/* ------------------------------------------------------------------ the file */

static void file_name(char out[PATH_SIZE], const char *home, const struct souk_address *sponsor,
	const struct souk_hash *content)
{
	char who[2 * SOUK_ADDRESS_SIZE + 1], what[2 * SOUK_HASH_SIZE + 1] = "admitted";
	souk_hex_encode(who, sponsor->bytes, SOUK_ADDRESS_SIZE);
	if (content != NULL)
		souk_hex_encode(what, content->bytes, SOUK_HASH_SIZE);
	snprintf(out, PATH_SIZE, "%s/viewers/%s-%s", home, who, what);
}

/* Keys of epochs that are long over, once in a while: there may be as many as contents were viewed.
 * Whoever holds one at this moment has used it just now. */
static void forget_old(const char *folder)
{
	static _Atomic time_t forgot;
	struct dirent *entry;
	struct stat info;
	time_t now = time(NULL), last = atomic_load(&forgot);
	if (now - last < FORGET_S || !atomic_compare_exchange_strong(&forgot, &last, now))
		return;
	DIR *dir = opendir(folder);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &info, 0) != 0)
			continue;
		if (S_ISREG(info.st_mode) && info.st_mtime + KEPT_S < now)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

static souk_status open_locked(int *ret, const char *home, const char *path)
{
	char folder[PATH_SIZE];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	snprintf(folder, sizeof folder, "%s/viewers", home);
	if (fd < 0 && errno == ENOENT) {
		SOUK_TRY(souk_file_make_folders(folder));
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		close(fd);
		return SOUK_IO_WRITE;
	}
	forget_old(folder);
	*ret = fd;
	return SOUK_OK;
}

/* Whether the file holds a record of KEY's epoch that is whole. */
static bool read_record(struct view_key *key)
{
	uint8_t record[RECORD_SIZE];
	struct souk_seckey seckey;
	struct souk_identity identity;
	if (souk_file_read_at(key->fd, record, sizeof record, 0) != SOUK_OK)
		return false;
	struct souk_hash sum = souk_sha256_of(record, RECORD_SIGNED);
	bool good = memcmp(sum.bytes, record + RECORD_SIGNED, SOUK_HASH_SIZE) == 0 &&
		    (key->epoch == VIEW_KEY_ANY || souk_load_be64(record) == key->epoch);
	memcpy(seckey.bytes, record + 16, SOUK_SECKEY_SIZE);
	if (good)
		good = souk_identity_of(&identity, &seckey) == SOUK_OK;
	/* The number of another key would be none of this one's. */
	if (good && key->is_admitted)
		good = souk_address_equal(&identity.address, &key->identity.address);
	if (good) {
		key->identity = identity;
		key->epoch = souk_load_be64(record);
		key->number = souk_load_be64(record + 8);
	}
	souk_bytes_wipe(record, sizeof record);
	souk_bytes_wipe(&seckey, sizeof seckey);
	souk_bytes_wipe(&identity, sizeof identity);
	return good;
}

static void write_record(const struct view_key *key)
{
	uint8_t record[RECORD_SIZE];
	souk_store_be64(record, key->epoch);
	souk_store_be64(record + 8, key->number);
	memcpy(record + 16, key->identity.seckey.bytes, SOUK_SECKEY_SIZE);
	struct souk_hash sum = souk_sha256_of(record, RECORD_SIGNED);
	memcpy(record + RECORD_SIGNED, sum.bytes, SOUK_HASH_SIZE);
	/* What the machine loses when it dies is noticed by the sponsor, and costs another key.
	 * Only where there is no other does each number that is lost cost a refusal. */
	if (souk_file_write_at(key->fd, record, sizeof record, 0) == SOUK_OK && key->is_admitted)
		fdatasync(key->fd);
	souk_bytes_wipe(record, sizeof record);
}

/* ------------------------------------------------------------------ taking and giving */

souk_status view_key_take(struct view_key *ret, const char *home,
	const struct souk_address *sponsor, const struct souk_hash *content, uint64_t epoch)
{
	char path[PATH_SIZE];
	struct view_key key = {.fd = -1, .epoch = epoch, .is_admitted = content == NULL};
	if (home == NULL) {
		key.is_admitted = false;
		SOUK_TRY(make_key(&key.identity));
		*ret = key;
		return SOUK_OK;
	}
	if (key.is_admitted)
		SOUK_TRY(view_key_admitted(&key.identity, home));
	file_name(path, home, sponsor, content);
	SOUK_TRY(open_locked(&key.fd, home, path));
	souk_status status = SOUK_OK;
	if (!read_record(&key) && !key.is_admitted)
		status = make_key(&key.identity);
	if (status != SOUK_OK) {
		close(key.fd);
		return status;
	}
	*ret = key;
	return SOUK_OK;
}

souk_status view_key_renew(struct view_key *key)
{
	if (key->is_admitted) {
		key->number++;
		return SOUK_OK;
	}
	key->number = 0;
	return make_key(&key->identity);
}

void view_key_give(struct view_key *key)
{
	if (key->fd >= 0) {
		write_record(key);
		close(key->fd);
	}
	souk_bytes_wipe(key, sizeof *key);
	key->fd = -1;
}
