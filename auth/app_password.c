#include "auth/app_password.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "auth/accounts.h"
#include "auth/record.h"
#include "server/base/clock.h"
#include "server/base/codec.h"
#include "server/base/random.h"

/*
 * One random password per device: 160 bits as 32 letters of base32 (RFC 4648
 * 6, lower case) in groups of four, for people who must type it. That much
 * randomness needs no slow hash: the record is found by a plain one, so that a
 * check is one look-up (components.md 2b).
 */
enum {
	APP_VERSION = 1,
	APP_BYTES = 20,
	APP_LETTERS = 32,
	APP_GROUP = 4,
	APP_SHOWN = APP_LETTERS + APP_LETTERS / APP_GROUP - 1,
	APP_LABEL_MAX = 128,
	APPS_MAX = 1000
};

_Static_assert(APP_BYTES * 8 == APP_LETTERS * 5, "no letter is padding");
_Static_assert(sizeof(((struct app_password *)0)->hash) == APP_HASH_BYTES,
    "one size of hash");

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

enum outcome
app_password_decode(struct text key, struct text value,
    struct app_password *ret_app)
{
	struct reader in = reader_from(value);
	struct app_password app = { 0 };
	uint8_t version = reader_u8(&in);
	struct text hash;

	if (key.len != 1 + 2 * sizeof(uint64_t))
		return DAMAGED;
	app.user = key_id_of(key, 0);
	app.id = key_id_of(key, 1);
	app.label = reader_text16(&in);
	hash = reader_bytes(&in, sizeof(app.hash));
	app.created_ns = reader_u64(&in);
	app.used_ns = reader_u64(&in);
	if (!reader_done(&in) || version != APP_VERSION)
		return DAMAGED;
	memcpy(app.hash, hash.ptr, sizeof(app.hash));
	*ret_app = app;
	return OK;
}

void
app_password_encode(const struct app_password *app, struct buffer *out)
{
	writer_u8(out, APP_VERSION);
	writer_text16(out, app->label);
	buffer_append(out,
	    (struct text){ (const char *)app->hash, sizeof(app->hash) });
	writer_u64(out, app->created_ns);
	writer_u64(out, app->used_ns);
}

bool
app_password_hash(struct secret password,
    unsigned char ret_hash[APP_HASH_BYTES])
{
	static const unsigned char purpose[crypto_generichash_KEYBYTES] =
	    "celldav: app password";
	char plain[APP_LETTERS];
	size_t count = 0;

	for (size_t i = 0; i < password.bytes.len; i++) {
		char byte = password.bytes.ptr[i];

		if (byte == '-' || byte == ' ')
			continue;
		if (byte >= 'A' && byte <= 'Z')
			byte = (char)(byte - 'A' + 'a');
		if (count == APP_LETTERS || byte == '\0' ||
		    strchr(letters, byte) == NULL)
			return false;
		plain[count++] = byte;
	}
	if (count != APP_LETTERS)
		return false;
	crypto_generichash(ret_hash, APP_HASH_BYTES,
	    (const unsigned char *)plain, sizeof(plain), purpose,
	    sizeof(purpose));
	secret_wipe(plain, sizeof(plain));
	return true;
}

bool
app_password_shaped(struct secret password)
{
	unsigned char hash[APP_HASH_BYTES];

	return app_password_hash(password, hash);
}

static struct secret
app_password_make(struct arena *arena)
{
	unsigned char bytes[APP_BYTES];
	char *shown = arena_alloc(arena, APP_SHOWN);
	size_t at = 0;

	random_fill(bytes, sizeof(bytes));
	for (size_t letter = 0; letter < APP_LETTERS; letter++) {
		unsigned value = 0;

		for (size_t bit = letter * 5; bit < letter * 5 + 5; bit++) {
			value = value << 1 |
			    ((unsigned)bytes[bit / 8] >> (7 - bit % 8) & 1);
		}
		if (letter > 0 && letter % APP_GROUP == 0)
			shown[at++] = '-';
		shown[at++] = letters[value];
	}
	secret_wipe(bytes, sizeof(bytes));
	return (struct secret){ { shown, at } };
}

static enum outcome
app_put(struct txn *txn, const struct app_password *app)
{
	struct key key;
	struct buffer out;
	enum outcome outcome;

	buffer_init(&out, RECORD_MAX);
	app_password_encode(app, &out);
	outcome = record_put(txn, key_pair(&key, KEY_APP, app->user, app->id),
	    &out);
	return outcome == OK ? accounts_changed(txn) : outcome;
}

static struct text
hash_key(struct key *key, const unsigned char hash[APP_HASH_BYTES])
{
	return key_text(key, KEY_APP_HASH,
	    (struct text){ (const char *)hash, APP_HASH_BYTES });
}

static bool
count_one(const struct app_password *app, void *context)
{
	size_t *count = context;

	(void)app; /* only their number is asked for */
	(*count)++;
	return true;
}

enum outcome
app_password_add(struct txn *txn, struct store *store, struct arena *arena,
    user_id user, struct text label, struct secret *ret_password)
{
	struct app_password app = {
		.user = user, .label = label, .created_ns = clock_wall_ns()
	};
	unsigned char ids[2 * sizeof(uint64_t)];
	struct secret password;
	struct user account;
	struct key key;
	size_t count = 0;
	enum outcome outcome = user_find_id(txn, user, &account);

	if (outcome == OK && !label_valid(label, APP_LABEL_MAX))
		outcome = BAD_INPUT;
	if (outcome == OK)
		outcome = app_password_each(txn, user, count_one, &count);
	if (outcome == OK && count >= APPS_MAX)
		outcome = TOO_LARGE;
	if (outcome != OK)
		return outcome;
	password = app_password_make(arena);
	if (!app_password_hash(password, app.hash))
		return BUG;
	app.id = store_next_id(store);
	key_store_u64(ids, app.user);
	key_store_u64(ids + sizeof(uint64_t), app.id);
	outcome = app_put(txn, &app);
	if (outcome == OK) {
		outcome = pointer_put(txn, hash_key(&key, app.hash),
		    (struct text){ (const char *)ids, sizeof(ids) });
	}
	if (outcome == OK)
		*ret_password = password;
	return outcome;
}

static enum outcome
app_get(struct txn *txn, user_id user, uint64_t id,
    struct app_password *ret_app)
{
	struct key key;
	struct text value, at = key_pair(&key, KEY_APP, user, id);
	enum outcome outcome = txn_get(txn, at, &value);

	return outcome == OK ? app_password_decode(at, value, ret_app) :
			       outcome;
}

enum outcome
app_password_find(struct txn *txn, const unsigned char hash[APP_HASH_BYTES],
    struct app_password *ret_app)
{
	struct key key;
	struct text value;
	const unsigned char *ids;
	enum outcome outcome = pointer_get(txn, hash_key(&key, hash), &value);

	if (outcome != OK)
		return outcome;
	if (value.len != 2 * sizeof(uint64_t))
		return DAMAGED;
	ids = (const unsigned char *)value.ptr;
	outcome = app_get(txn, key_load_u64(ids),
	    key_load_u64(ids + sizeof(uint64_t)), ret_app);
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

enum outcome
app_password_used(struct txn *txn, user_id user, uint64_t id, uint64_t now_ns)
{
	struct app_password app;
	enum outcome outcome = app_get(txn, user, id, &app);

	if (outcome != OK)
		return outcome;
	app.used_ns = now_ns;
	return app_put(txn, &app);
}

enum outcome
app_password_revoke(struct txn *txn, user_id user, uint64_t id)
{
	struct app_password app;
	struct key key;
	enum outcome outcome = app_get(txn, user, id, &app);

	if (outcome == OK)
		outcome = txn_remove(txn, hash_key(&key, app.hash));
	if (outcome == OK)
		outcome = txn_remove(txn, key_pair(&key, KEY_APP, user, id));
	return outcome == OK ? accounts_changed(txn) : outcome;
}

enum outcome
app_password_remove_all(struct txn *txn, user_id user)
{
	struct key prefix, at;
	struct text value;
	enum outcome outcome;

	do {
		outcome = record_first(txn, key_id(&prefix, KEY_APP, user), &at,
		    &value);
		if (outcome == OK) {
			struct text key = { (char *)at.bytes, at.len };

			outcome = app_password_revoke(txn, user,
			    key_id_of(key, 1));
		}
	} while (outcome == OK);
	return outcome == NOT_FOUND ? OK : outcome;
}

struct app_walk {
	app_password_each_fn visit;
	void *context;
};

static enum outcome
visit_app(struct text key, struct text value, void *context)
{
	struct app_walk *walk = context;
	struct app_password app;
	enum outcome outcome = app_password_decode(key, value, &app);

	if (outcome != OK)
		return outcome;
	return walk->visit(&app, walk->context) ? OK : CANCELLED;
}

enum outcome
app_password_each(struct txn *txn, user_id user, app_password_each_fn visit,
    void *context)
{
	struct app_walk walk = { visit, context };
	struct key key;

	return record_each(txn, key_id(&key, KEY_APP, user), visit_app, &walk);
}
