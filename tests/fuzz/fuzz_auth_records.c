/*
 * Stored records of auth/. The first byte chooses the decoder. What it takes
 * is written again and must give the same bytes: nothing is lost or guessed.
 */
#include <stdint.h>
#include <stdlib.h>

#include "auth/record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static enum outcome
again(uint8_t kind, struct text key, struct text value, struct buffer *out)
{
	struct user user;
	struct group group;
	struct app_password app;
	struct grant grant;
	enum outcome outcome;

	switch (kind % 4) {
	case 0:
		outcome = user_decode(value, &user);
		if (outcome == OK)
			user_encode(&user, out);
		return outcome;
	case 1:
		outcome = group_decode(value, &group);
		if (outcome == OK)
			group_encode(&group, out);
		return outcome;
	case 2:
		outcome = app_password_decode(key, value, &app);
		if (outcome == OK)
			app_password_encode(&app, out);
		return outcome;
	default:
		outcome = grant_decode(key, value, &grant);
		if (outcome == OK)
			grant_encode(&grant, out);
		return outcome;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer out = { .max = 0 };
	struct text value;
	struct key key;
	enum outcome outcome;

	if (size == 0 || size > RECORD_MAX)
		return 0;
	value = (struct text){ (const char *)data + 1, size - 1 };
	outcome = again(data[0], key_pair(&key, KEY_GRANT, 1, 2), value, &out);
	need(outcome == OK || outcome == DAMAGED);
	need(outcome != OK || text_equal(buffer_text(&out), value));
	buffer_done(&out);
	return 0;
}
