/*
 * Server contexts of OpenSSL 3.0: the intermediate profile of reliability.md
 * 8. Tickets are sealed with keys of our own, so that all loops and contexts of
 * a process open them; a key seals for TICKET_SECONDS and opens for as long
 * again. The next process has other keys: clients then shake hands in full.
 */
#include "server/http/tls.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/memory.h"
#include "server/base/random.h"
#include "server/base/secret.h"
#include "server/http/tls_session.h"

enum { TICKET_SECONDS = 8 * 3600, NAME_SIZE = 16, KEY_SIZE = 32 };

struct tls_context {
	SSL_CTX *ssl; /* owned */
	_Atomic size_t users;
};

struct ticket_key {
	unsigned char name[NAME_SIZE];
	unsigned char cipher[KEY_SIZE], mac[KEY_SIZE];
	uint64_t made_ns; /* 0: never */
};

/* The newest first. One pair for the process, guarded by the mutex. */
static struct ticket_key ticket_keys[2];
static pthread_mutex_t ticket_mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- Tickets ------------------------------------------------------------- */

static void
ticket_key_make(struct ticket_key *key, uint64_t now)
{
	random_fill(key->name, sizeof(key->name));
	random_fill(key->cipher, sizeof(key->cipher));
	random_fill(key->mac, sizeof(key->mac));
	key->made_ns = now;
}

static void
ticket_keys_turn(void)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t age = TICKET_SECONDS * NS_PER_SECOND;

	if (ticket_keys[1].made_ns != 0 &&
	    now - ticket_keys[1].made_ns >= 2 * age)
		secret_wipe(&ticket_keys[1], sizeof(ticket_keys[1]));
	if (ticket_keys[0].made_ns != 0 && now - ticket_keys[0].made_ns < age)
		return;
	ticket_keys[1] = ticket_keys[0];
	ticket_key_make(&ticket_keys[0], now);
}

/* The key that seals, or the one of that name; false when it is too old. */
static bool
ticket_key_find(const unsigned char *name, struct ticket_key *ret_key,
    bool *ret_newest)
{
	bool found = true;

	(void)pthread_mutex_lock(&ticket_mutex);
	ticket_keys_turn();
	*ret_newest = name == NULL ||
	    memcmp(name, ticket_keys[0].name, NAME_SIZE) == 0;
	if (*ret_newest)
		*ret_key = ticket_keys[0];
	else if (ticket_keys[1].made_ns != 0 &&
	    memcmp(name, ticket_keys[1].name, NAME_SIZE) == 0)
		*ret_key = ticket_keys[1];
	else
		found = false;
	(void)pthread_mutex_unlock(&ticket_mutex);
	return found;
}

static bool
ticket_init(EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
    const struct ticket_key *key, const unsigned char *iv, bool seal)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
		    (void *)(uintptr_t)key->mac, KEY_SIZE),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
		    0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher,
		   iv, seal) == 1 &&
	    EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): -1, 0: no ticket, 1, 2: renew. */
static int
ticket_callback(SSL *ssl, unsigned char name[NAME_SIZE],
    unsigned char iv[EVP_MAX_IV_LENGTH], EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int seal)
{
	struct ticket_key key;
	bool newest, good;

	(void)ssl;
	if (!ticket_key_find(seal ? NULL : name, &key, &newest))
		return 0;
	if (seal) {
		memcpy(name, key.name, NAME_SIZE);
		random_fill(iv,
		    (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
	}
	good = ticket_init(cipher, mac, &key, iv, seal != 0);
	secret_wipe(&key, sizeof(key));
	if (!good)
		return -1;
	return newest ? 1 : 2;
}

/* ---- Contexts ------------------------------------------------------------ */

/* HTTP/1.1 or nothing: who offers only others gets no protocol. */
static int
alpn_callback(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *context)
{
	static const unsigned char offer[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)context;
	if (SSL_select_next_proto(&chosen, out_len, offer, sizeof(offer) - 1,
		in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool
profile_set(SSL_CTX *ssl)
{
	static const unsigned char session[] = "celldav";

	(void)SSL_CTX_set_options(ssl,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	/*
	 * The file holds the chain. To look for one at each handshake takes a
	 * tenth of it, and there is no store to find one in.
	 */
	(void)SSL_CTX_set_mode(ssl,
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS |
		SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(ssl, 1);
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ssl, 1);
	SSL_CTX_set_alpn_select_cb(ssl, alpn_callback, NULL);
	/* The list names no ML-KEM: OpenSSL 3.0 refuses what it misses. */
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(ssl,
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
		"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
		"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") ==
	    1 &&
	    (SSL_CTX_set1_groups_list(ssl,
		 "X25519MLKEM768:X25519:P-256:P-384") == 1 ||
		SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") == 1) &&
	    SSL_CTX_set_session_id_context(ssl, session, sizeof(session) - 1) ==
	    1 &&
	    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, ticket_callback) == 1;
}

/* Why OpenSSL refused, for the one who wrote the configuration. */
static void
reason_write(struct buffer *message, const char *file, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);

	buffer_format(message, "%s: %s: %s\n", file, what,
	    reason != NULL ? reason : "unknown reason");
	ERR_clear_error();
}

/* Never asks for a passphrase: a server has nobody to ask. */
static int
no_passphrase(char *bytes, int size, int writing, void *context)
{
	(void)bytes;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static bool
file_readable(const char *file, struct buffer *message)
{
	FILE *stream = fopen(file, "re");

	if (stream == NULL) {
		char reason[128];

		buffer_format(message, "%s: %s\n", file,
		    strerror_r(errno, reason, sizeof(reason)));
		return false;
	}
	(void)fclose(stream); /* nothing was written */
	return true;
}

static enum outcome
certificate_load(SSL_CTX *ssl, const char *certificate, const char *key,
    struct buffer *message)
{
	if (!file_readable(certificate, message) ||
	    !file_readable(key, message))
		return IO;
	SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1) {
		reason_write(message, certificate,
		    "not a chain of certificates in PEM");
		return BAD_INPUT;
	}
	if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
		reason_write(message, key,
		    "not a private key of the certificate in PEM");
		return BAD_INPUT;
	}
	if (SSL_CTX_check_private_key(ssl) != 1) {
		reason_write(message, key,
		    "not the private key of the certificate");
		return BAD_INPUT;
	}
	return OK;
}

enum outcome
tls_context_new(const char *certificate, const char *key,
    struct buffer *message, struct tls_context **ret_context)
{
	struct tls_context *context;
	SSL_CTX *ssl;
	enum outcome outcome;

	ERR_clear_error();
	ssl = SSL_CTX_new(TLS_server_method());
	if (ssl == NULL || !profile_set(ssl)) {
		reason_write(message, "OpenSSL", "lacks the TLS profile");
		SSL_CTX_free(ssl);
		return BAD_INPUT;
	}
	outcome = certificate_load(ssl, certificate, key, message);
	if (outcome != OK) {
		SSL_CTX_free(ssl);
		return outcome;
	}
	context = memory_alloc(sizeof(*context));
	context->ssl = ssl;
	atomic_init(&context->users, 1);
	*ret_context = context;
	return OK;
}

struct tls_context *
tls_context_ref(struct tls_context *context)
{
	atomic_fetch_add(&context->users, 1);
	return context;
}

struct tls_context *
tls_context_unref(struct tls_context *context)
{
	if (context != NULL && atomic_fetch_sub(&context->users, 1) == 1) {
		SSL_CTX_free(context->ssl);
		free(context);
	}
	return NULL;
}

/* The session counts the SSL_CTX, which is all that it needs. */
SSL *
tls_session_new(struct tls_context *context)
{
	return SSL_new(context->ssl);
}
