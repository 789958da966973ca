#include "auth/note.h"

#include <stdlib.h>
#include <string.h>

#include "auth/app_password.h"
#include "auth/record.h"
#include "server/base/clock.h"
#include "server/base/memory.h"

/* Both kinds free themselves when their commit is done, or did not begin. */
enum { USED_EVERY_SECONDS = 24 * 60 * 60 };

struct use_note {
	struct change change; /* first */
	user_id user;
	uint64_t app_password;
	uint64_t now_ns;
};

struct rehash_note {
	struct change change; /* first */
	user_id user;
	struct text old, fresh; /* owned, in one piece with the note */
};

static void
note_done(struct change *change, enum outcome outcome)
{
	(void)outcome; /* the next sign-in notes it again */
	free(change);
}

static void
note_post(struct store *store, struct change *change)
{
	change->done = note_done;
	if (store->committer == NULL ||
	    change_post(store->committer, change) != OK)
		free(change);
}

static bool
used_long_ago(uint64_t used_ns, uint64_t now_ns)
{
	return now_ns > used_ns &&
	    now_ns - used_ns >= USED_EVERY_SECONDS * NS_PER_SECOND;
}

/* Another request may have noted it meanwhile: then nothing is written. */
static enum outcome
use_run(struct txn *txn, struct change *change)
{
	struct use_note *note = (struct use_note *)change;
	struct user user;
	enum outcome outcome;

	if (note->app_password != 0)
		return app_password_used(txn, note->user, note->app_password,
		    note->now_ns);
	outcome = user_find_id(txn, note->user, &user);
	if (outcome != OK || !used_long_ago(user.used_ns, note->now_ns))
		return outcome;
	user.used_ns = note->now_ns;
	return user_update(txn, &user);
}

void
note_use(struct store *store, user_id user, uint64_t app_password,
    uint64_t used_ns)
{
	uint64_t now_ns = clock_wall_ns();
	struct use_note *note;

	if (!used_long_ago(used_ns, now_ns))
		return;
	note = memory_alloc(sizeof(*note));
	note->change.run = use_run;
	note->user = user;
	note->app_password = app_password;
	note->now_ns = now_ns;
	note_post(store, &note->change);
}

static enum outcome
rehash_run(struct txn *txn, struct change *change)
{
	struct rehash_note *note = (struct rehash_note *)change;

	return user_rehash(txn, note->user, note->old, note->fresh);
}

void
note_rehash(struct store *store, user_id user, struct text old,
    struct text fresh)
{
	struct rehash_note *note = memory_alloc(sizeof(*note) + old.len +
	    fresh.len);
	char *bytes = (char *)(note + 1);

	memcpy(bytes, old.ptr, old.len);
	memcpy(bytes + old.len, fresh.ptr, fresh.len);
	note->change.run = rehash_run;
	note->user = user;
	note->old = (struct text){ bytes, old.len };
	note->fresh = (struct text){ bytes + old.len, fresh.len };
	note_post(store, &note->change);
}
