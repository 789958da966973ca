#include "answer.h"

#include <stdlib.h>
#include <string.h>

void
answer_begin(struct answer *answer)
{
	answer->place = IN_HEAD;
	answer->status = 0;
	answer->closes = false;
	answer->retry = false;
	answer->left = 0;
	answer->bytes = 0;
	answer->len = 0;
}

static const char *
field_find(const char *head, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(head, "\r\n"); at != NULL;
	    at = strstr(at + 2, "\r\n"))
		if (strncasecmp(at + 2, name, len) == 0 && at[2 + len] == ':')
			return at + 2 + len + 1 + strspn(at + 3 + len, " ");
	return NULL;
}

static void
head_judge(struct answer *answer)
{
	const char *text = answer->text, *value;

	if (strncmp(text, "HTTP/1.1 ", 9) != 0) {
		answer->place = IN_ERROR;
		return;
	}
	answer->status = (int)strtol(text + 9, NULL, 10);
	if (answer->status < 200) {
		answer_begin(answer); /* an interim answer */
		return;
	}
	value = field_find(text, "Connection");
	answer->closes = value != NULL && strncasecmp(value, "close", 5) == 0;
	answer->retry = field_find(text, "Retry-After") != NULL;
	answer->len = 0;
	if (answer->status == 204 || answer->status == 304)
		answer->place = IN_DONE;
	else if (field_find(text, "Transfer-Encoding") != NULL)
		answer->place = IN_SIZE;
	else if ((value = field_find(text, "Content-Length")) == NULL)
		answer->place = IN_ERROR;
	else {
		answer->left = strtoull(value, NULL, 10);
		answer->place = answer->left > 0 ? IN_LENGTH : IN_DONE;
	}
}

/* Collects until `end` is there: how many of the bytes that took. */
static size_t
text_collect(struct answer *answer, const char *bytes, size_t len,
    const char *end)
{
	size_t want = strlen(end);

	for (size_t i = 0; i < len; i++) {
		if (answer->len + 1 >= sizeof(answer->text)) {
			answer->place = IN_ERROR;
			return len;
		}
		answer->text[answer->len++] = bytes[i];
		answer->text[answer->len] = '\0';
		if (answer->len >= want &&
		    strcmp(answer->text + answer->len - want, end) == 0)
			return i + 1;
	}
	return len;
}

static bool
collected(const struct answer *answer, const char *end)
{
	size_t want = strlen(end);

	return answer->place != IN_ERROR && answer->len >= want &&
	    strcmp(answer->text + answer->len - want, end) == 0;
}

static size_t
line_take(struct answer *answer, const char *bytes, size_t len)
{
	size_t took = text_collect(answer, bytes, len, "\r\n");

	if (!collected(answer, "\r\n"))
		return took;
	if (answer->place == IN_TRAILER) {
		if (answer->len == 2)
			answer->place = IN_DONE;
	} else {
		answer->left = strtoull(answer->text, NULL, 16);
		answer->bytes += answer->left;
		answer->place = answer->left == 0 ? IN_TRAILER : IN_CHUNK;
		answer->left += 2;
	}
	answer->len = 0;
	return took;
}

static size_t
body_take(struct answer *answer, size_t len)
{
	size_t took = len < answer->left ? len : (size_t)answer->left;

	answer->left -= took;
	if (answer->place == IN_LENGTH)
		answer->bytes += took;
	if (answer->left == 0)
		answer->place = answer->place == IN_LENGTH ? IN_DONE : IN_SIZE;
	return took;
}

void
answer_take(struct answer *answer, const char *bytes, size_t len)
{
	while (len > 0 && answer->place != IN_ERROR) {
		size_t took = len;

		if (answer->place == IN_HEAD) {
			took = text_collect(answer, bytes, len, "\r\n\r\n");
			if (collected(answer, "\r\n\r\n"))
				head_judge(answer);
		} else if (answer->place == IN_LENGTH ||
		    answer->place == IN_CHUNK)
			took = body_take(answer, len);
		else if (answer->place == IN_SIZE ||
		    answer->place == IN_TRAILER)
			took = line_take(answer, bytes, len);
		else
			answer->place = IN_ERROR; /* more than was asked for */
		bytes += took;
		len -= took;
	}
}
