/*
 * Answers: framing by Content-Length or chunks, and what is right for each
 * step. Contents are compared as they come, so that nothing is held.
 */
#include "davload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_MAX = 1 << 22, COMPLAINTS_MAX = 3 };

struct totals totals;

static uint32_t latency[SAMPLES_MAX], first_byte[SAMPLES_MAX];
static uint64_t sample_count;

/* Statuses that are right, or what lighttpd says instead: COPY and MOVE 200,
 * PROPPATCH 204. */
static const int statuses[STEPS][3] = {
	[STEP_GET] = { 200 },
	[STEP_RANGE] = { 206 },
	[STEP_PUT] = { 201 },
	[STEP_HEAD] = { 200 },
	[STEP_STAT] = { 207 },
	[STEP_MKCOL] = { 201 },
	[STEP_DELETE] = { 204, 200 },
	[STEP_PROPFIND] = { 207 },
	[STEP_OPTIONS] = { 200, 204 },
	[STEP_LOCK] = { 200 },
	[STEP_UNLOCK] = { 204 },
	[STEP_PROPPATCH] = { 207, 204 },
	[STEP_COPY] = { 201, 204, 200 },
	[STEP_MOVE] = { 201, 204, 200 },
};

static bool
status_right(const struct client *client)
{
	/* In a trace LOCK makes the file (RFC 4918 7.3), so that PUT changes
	 * what is there; some make it only with the PUT. */
	if (settings.kind->naming == NAME_TRACE) {
		if (client->step == STEP_LOCK && client->status == 201)
			return true;
		if (client->step == STEP_PUT && client->status == 204)
			return true;
	}
	for (size_t i = 0; i < 3; i++)
		if (client->status == statuses[client->step][i])
			return true;
	return false;
}

static bool
answer_right(const struct client *client)
{
	if (!status_right(client) || client->differs)
		return false;
	if (client->step == STEP_GET || client->step == STEP_RANGE)
		return client->body_bytes == settings.size;
	if (client->step == STEP_HEAD)
		return client->announced == settings.size;
	if (client->step == STEP_STAT)
		return client->responses == 1;
	if (client->step == STEP_PROPFIND)
		return client->responses == settings.members;
	if (client->step == STEP_LOCK)
		return client->token[0] != '\0';
	return true;
}

static void
sample_add(uint32_t *ret_sample, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t spent = (to_ns - from_ns) / 1000;

	*ret_sample = spent > UINT32_MAX ? UINT32_MAX : (uint32_t)spent;
}

void
answer_count(struct client *client)
{
	uint64_t now = now_ns();

	if (client->first_ns == 0)
		client->first_ns = now;
	if (sample_count < SAMPLES_MAX) {
		sample_add(&latency[sample_count], client->begun_ns, now);
		sample_add(&first_byte[sample_count], client->begun_ns,
		    client->first_ns);
		sample_count++;
	}
	totals.requests++;
	totals.bytes += client->body_bytes +
	    (client->step == STEP_PUT ? client->body_len : 0);
	totals.ended_ns = now;
	client->under_way = false;
	if (answer_right(client))
		return;
	if (totals.wrong++ < COMPLAINTS_MAX)
		fprintf(stderr,
		    "davload: wrong answer: status %d, %llu bytes%s, "
		    "%llu responses to %.*s\n",
		    client->status, (unsigned long long)client->body_bytes,
		    client->differs ? " that differ" : "",
		    (unsigned long long)client->responses,
		    (int)strcspn(client->request, "\r"), client->request);
}

/* ---- Bodies ---------------------------------------------------------------- */

/* Looks back from the end of "response>" for the "</" of a closing tag with
 * any prefix. */
static bool
tag_closes(const char *start, const char *tag)
{
	while (tag > start && tag[-1] != '<' && tag[-1] != '>' &&
	    tag[-1] != '/')
		tag--;
	return tag - start >= 2 && tag[-1] == '/' && tag[-2] == '<';
}

static void
responses_count(struct client *client, char *data, size_t len)
{
	static const char tag[] = "response>";
	size_t want = sizeof(tag) - 1;
	char *start = data - client->tail_len, *end = data + len, *at;

	memcpy(start, client->tail, client->tail_len);
	at = start;
	while ((at = memmem(at, (size_t)(end - at), tag, want)) != NULL) {
		if (at + want > data && tag_closes(start, at))
			client->responses++;
		at += want;
	}
	client->tail_len = (size_t)(end - start);
	if (client->tail_len > TAIL_MAX)
		client->tail_len = TAIL_MAX;
	memcpy(client->tail, end - client->tail_len, client->tail_len);
}

static void
body_take(struct client *client, char *data, size_t len)
{
	uint64_t offset = client->body_bytes;

	if (client->step == STEP_RANGE)
		offset += client->offset;
	if (client->first_ns == 0)
		client->first_ns = now_ns();
	if (client->step == STEP_PROPFIND || client->step == STEP_STAT)
		responses_count(client, data, len);
	else if ((client->step == STEP_GET || client->step == STEP_RANGE) &&
	    status_right(client) &&
	    memcmp(data, content_at(client->target, offset), len) != 0)
		client->differs = true;
	client->body_bytes += len;
}

/* ---- Framing --------------------------------------------------------------- */

static const char *
field_find(const struct client *client, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = strstr(client->head, "\r\n"); line != NULL;
	    line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, len) == 0)
			return line + 2 + len + strspn(line + 2 + len, " ");
	return NULL;
}

static void
token_keep(struct client *client)
{
	const char *token = field_find(client, "Lock-Token:");
	size_t len = token != NULL ? strcspn(token, "\r\n") : 0;

	if (len >= TOKEN_MAX)
		die("a lock token is too long");
	memcpy(client->token, token != NULL ? token : "", len);
	client->token[len] = '\0';
}

/* True: there is no body, the answer is complete. */
static bool
head_read(struct client *client)
{
	const char *length = field_find(client, "Content-Length:");
	const char *coding = field_find(client, "Transfer-Encoding:");
	const char *connection = field_find(client, "Connection:");

	if (strncmp(client->head, "HTTP/1.1 ", 9) != 0)
		die("the answer is not HTTP/1.1");
	client->status = (int)strtol(client->head + 9, NULL, 10);
	client->head_len = 0;
	if (client->status < 200)
		return false;
	client->closing = connection != NULL &&
	    strncasecmp(connection, "close", 5) == 0;
	if (client->step == STEP_LOCK)
		token_keep(client);
	if (client->status == 204 || client->status == 304)
		return true;
	if (client->step == STEP_HEAD) {
		client->announced = length != NULL ?
		    strtoull(length, NULL, 10) :
		    UINT64_MAX;
		return true;
	}
	if (coding != NULL) {
		client->place = IN_CHUNK_SIZE;
		return false;
	}
	if (length == NULL)
		die("an answer without a length");
	client->left = strtoull(length, NULL, 10);
	client->place = IN_BODY;
	return client->left == 0;
}

/* Collects up to the line feed that ends the head or a line of the chunked
 * coding; returns how many bytes it took. */
static size_t
line_collect(struct client *client, const char *data, size_t len,
    bool *ret_whole)
{
	const char *feed = memchr(data, '\n', len);
	size_t part = feed != NULL ? (size_t)(feed + 1 - data) : len;

	if (client->head_len + part >= HEAD_MAX)
		die("a head or a line is too long");
	memcpy(client->head + client->head_len, data, part);
	client->head_len += part;
	client->head[client->head_len] = '\0';
	*ret_whole = feed != NULL;
	return part;
}

/* A line is whole. True: the answer is complete. */
static bool
line_read(struct client *client)
{
	size_t len = client->head_len;
	bool blank = len <= 2;

	if (client->place == IN_HEAD) {
		/* A head is kept until its blank line. */
		if (len < 4 || memcmp(client->head + len - 4, "\r\n\r\n", 4))
			return false;
		return head_read(client);
	}
	client->head_len = 0;
	if (client->place == IN_TRAILER)
		return blank;
	if (client->place == IN_CHUNK_END) {
		client->place = IN_CHUNK_SIZE;
		return false;
	}
	client->left = strtoull(client->head, NULL, 16);
	client->place = client->left > 0 ? IN_CHUNK : IN_TRAILER;
	return false;
}

bool
answer_take(struct client *client, char *data, size_t len)
{
	bool done = false, whole;

	while (len > 0 && !done) {
		size_t part;

		if (client->place == IN_BODY || client->place == IN_CHUNK) {
			part = len < client->left ? len : (size_t)client->left;
			body_take(client, data, part);
			client->left -= part;
			if (client->left == 0 && client->place == IN_CHUNK)
				client->place = IN_CHUNK_END;
			else
				done = client->left == 0;
		} else {
			part = line_collect(client, data, len, &whole);
			done = whole && line_read(client);
		}
		data += part;
		len -= part;
	}
	if (len > 0)
		die("bytes after the end of an answer");
	return done;
}

/* ---- Report ---------------------------------------------------------------- */

static int
sample_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t
percentile(uint32_t *samples, double part)
{
	if (sample_count == 0)
		return 0;
	return samples[(uint64_t)(part * (double)(sample_count - 1))];
}

void
report_print(void)
{
	double spent = (double)(totals.ended_ns - totals.begun_ns) / 1e9;

	totals.bytes += totals.partial_bytes;
	if ((totals.requests == 0 && settings.partial == 0) || spent <= 0)
		spent = settings.seconds;
	qsort(latency, sample_count, sizeof(latency[0]), sample_compare);
	qsort(first_byte, sample_count, sizeof(first_byte[0]), sample_compare);
	printf("{\"requests\": %llu, \"seconds\": %.6f, \"rate\": %.3f, "
	       "\"bytes\": %llu, \"p50\": %u, \"p99\": %u, \"first\": %u, "
	       "\"reopened\": %llu, \"wrong\": %llu}\n",
	    (unsigned long long)totals.requests, spent,
	    (double)totals.requests / spent, (unsigned long long)totals.bytes,
	    percentile(latency, 0.5), percentile(latency, 0.99),
	    percentile(first_byte, 0.5), (unsigned long long)totals.reopened,
	    (unsigned long long)totals.wrong);
}
