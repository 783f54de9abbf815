/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/tls_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/file.h"

#define FILE_SIZE_MAX 65536
/* A pin does not expire, so neither should what it names: twenty years. */
#define VALID_S (20L * 365 * 24 * 3600)

/* RFC 7469, 2.4: the digest of the SubjectPublicKeyInfo in DER. */
static souk_status pin_of(X509 *certificate, struct souk_hash *ret_pin)
{
	unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

	if (size <= 0)
		return SOUK_LOCAL_CONFIG;
	int ok = EVP_Digest(der, (size_t)size, ret_pin->bytes, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return ok == 1 ? SOUK_OK : SOUK_IO_MEMORY;
}

/* --- making one --- */

static int fill_certificate(X509 *x509, EVP_PKEY *key)
{
	unsigned char serial[16];
	X509_NAME *name = X509_get_subject_name(x509);
	BIGNUM *number = NULL;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return 0;
	serial[0] &= 0x7f;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	int ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) &&
		 X509_set_version(x509, X509_VERSION_3) &&
		 X509_gmtime_adj(X509_getm_notBefore(x509), -24L * 3600) &&
		 X509_gmtime_adj(X509_getm_notAfter(x509), VALID_S) &&
		 X509_NAME_add_entry_by_txt(
			 name, "CN", MBSTRING_ASC, (const unsigned char *)"souk", -1, -1, 0) &&
		 X509_set_issuer_name(x509, name) && X509_set_pubkey(x509, key) &&
		 X509_sign(x509, key, EVP_sha256()) > 0;
	BN_free(number);
	return ok;
}

static souk_status write_pem(const char *path, X509 *x509, EVP_PKEY *key)
{
	/* Secure memory: its pages are wiped when the buffer goes. */
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	souk_status status = SOUK_IO_MEMORY;

	if (bio && PEM_write_bio_X509(bio, x509) &&
		PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		long size = BIO_get_mem_data(bio, &text);
		status = souk_file_write_new(path, souk_bytes_of(text, (size_t)size));
	}
	BIO_free(bio);
	return status;
}

static souk_status make_file(const char *path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	souk_status status = SOUK_IO_ENTROPY;

	if (key && x509 && fill_certificate(x509, key))
		status = write_pem(path, x509, key);
	X509_free(x509);
	EVP_PKEY_free(key);
	/* Another process made one meanwhile: that one is the key. */
	if (status == SOUK_LOCAL_EXISTS)
		return SOUK_OK;
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_IO_WRITE : status;
}

/* --- reading one --- */

static char *pem_text(X509 *x509, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *data, *text = NULL;

	if (bio && (x509 ? PEM_write_bio_X509(bio, x509)
			 : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))) {
		long size = BIO_get_mem_data(bio, &data);
		text = strndup(data, (size_t)size);
	}
	BIO_free(bio);
	return text;
}

static souk_status take_parts(struct souk_tls_key *ret_key, X509 *x509, EVP_PKEY *key)
{
	struct souk_tls_key made = {0};

	if (!x509 || !key || X509_check_private_key(x509, key) != 1)
		return SOUK_LOCAL_CONFIG;
	SOUK_TRY(pin_of(x509, &made.pin));
	made.certificate_pem = pem_text(x509, NULL);
	made.key_pem = pem_text(NULL, key);
	if (!made.certificate_pem || !made.key_pem) {
		souk_tls_key_done(&made);
		return SOUK_IO_MEMORY;
	}
	*ret_key = made;
	return SOUK_OK;
}

/* The two parts may stand in either order, so each is looked for from the start. */
static souk_status parse(struct souk_tls_key *ret_key, const char *text, size_t size)
{
	BIO *for_x509 = BIO_new_mem_buf(text, (int)size);
	BIO *for_key = BIO_new_mem_buf(text, (int)size);
	X509 *x509 = for_x509 ? PEM_read_bio_X509(for_x509, NULL, NULL, NULL) : NULL;
	/* An encrypted key is refused rather than asked about at the terminal. */
	EVP_PKEY *key = for_key ? PEM_read_bio_PrivateKey(for_key, NULL, NULL, (void *)"") : NULL;
	souk_status status = take_parts(ret_key, x509, key);

	X509_free(x509);
	EVP_PKEY_free(key);
	BIO_free(for_x509);
	BIO_free(for_key);
	return status;
}

souk_status souk_tls_key_open(struct souk_tls_key *ret_key, const char *path)
{
	char *text;
	size_t size;
	souk_status status = souk_file_read(path, FILE_SIZE_MAX, &text, &size);

	if (status == SOUK_LOCAL_NOT_FOUND) {
		SOUK_TRY(make_file(path));
		status = souk_file_read(path, FILE_SIZE_MAX, &text, &size);
	}
	if (status == SOUK_LOCAL_FULL)
		return SOUK_LOCAL_CONFIG;
	if (status != SOUK_OK)
		return status;
	status = parse(ret_key, text, size);
	souk_bytes_wipe(text, size);
	free(text);
	return status;
}

void souk_tls_key_done(struct souk_tls_key *key)
{
	if (key->key_pem)
		souk_bytes_wipe(key->key_pem, strlen(key->key_pem));
	free(key->key_pem);
	free(key->certificate_pem);
	*key = (struct souk_tls_key){0};
}
