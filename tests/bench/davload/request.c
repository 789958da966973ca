/*
 * Requests: one row for each step, and the names that they ask for. Contents
 * are a pattern that repeats, begun at a place that depends on the number of
 * the file, so that the file of another name is noticed.
 */
#include "davload.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define XML "Content-Type: application/xml\r\n"

static const char propfind_body[] =
    "<?xml version=\"1.0\"?><propfind xmlns=\"DAV:\"><prop><displayname/>"
    "<resourcetype/><getcontentlength/><getcontenttype/><getlastmodified/>"
    "<creationdate/><getetag/><supportedlock/></prop></propfind>";

static const char lock_body[] =
    "<?xml version=\"1.0\"?><lockinfo xmlns=\"DAV:\"><lockscope><exclusive/>"
    "</lockscope><locktype><write/></locktype><owner>davload</owner>"
    "</lockinfo>";

static const char proppatch_body[] =
    "<?xml version=\"1.0\"?><propertyupdate xmlns=\"DAV:\"><set><prop>"
    "<colour xmlns=\"http://example.org/ns\">value of a dead property"
    "</colour></prop></set></propertyupdate>";

struct step_row {
	const char *method, *fields, *body;
};

static const struct step_row rows[STEPS] = {
	[STEP_GET] = { .method = "GET" },
	[STEP_RANGE] = { .method = "GET" },
	[STEP_PUT] = { .method = "PUT" },
	[STEP_DELETE] = { .method = "DELETE" },
	[STEP_PROPFIND] = { "PROPFIND", XML, propfind_body },
	[STEP_OPTIONS] = { .method = "OPTIONS" },
	[STEP_LOCK] = { "LOCK", XML "Timeout: Second-600\r\nDepth: 0\r\n",
	    lock_body },
	[STEP_UNLOCK] = { .method = "UNLOCK" },
	[STEP_PROPPATCH] = { "PROPPATCH", XML, proppatch_body },
	[STEP_COPY] = { .method = "COPY", .fields = "Overwrite: F\r\n" },
	[STEP_MOVE] = { .method = "MOVE", .fields = "Overwrite: F\r\n" },
};

char *
content_at(uint64_t target, uint64_t offset)
{
	return settings.pattern +
	    (target % PERIOD * PHASE_STEP + offset % PERIOD) % PERIOD;
}

/* A name for the turn; the second step of a pair stays with that of the
 * first. */
static void
target_choose(struct client *client)
{
	uint64_t mixed = client->turns * 7919 + (uint64_t)client->id * 104729;

	switch (settings.kind->naming) {
	case NAME_RANDOM:
		client->target = mixed % settings.files;
		break;
	case NAME_NEXT:
		client->target = totals.names++;
		break;
	case NAME_OWN:
		client->target = (uint64_t)client->id % settings.files;
		break;
	case NAME_NONE:
	default:
		break;
	}
	if (settings.kind->first == STEP_RANGE)
		client->offset = mixed * 65537 %
		    (settings.whole - settings.size + 1);
	client->turns++;
}

static void
step_choose(struct client *client)
{
	bool again = client->step == settings.kind->first &&
	    settings.kind->second != STEP_NONE;

	if (again) {
		client->step = settings.kind->second;
		return;
	}
	client->step = settings.kind->first;
	target_choose(client);
}

/* Fields that differ from one request to the next. */
static void
fields_make(const struct client *client, char *ret_fields, size_t len)
{
	unsigned long long from = client->offset;

	ret_fields[0] = '\0';
	if (client->step == STEP_RANGE)
		(void)snprintf(ret_fields, len, "Range: bytes=%llu-%llu\r\n",
		    from, from + settings.size - 1);
	else if (client->step == STEP_PUT)
		(void)snprintf(ret_fields, len, "Content-Length: %llu\r\n",
		    (unsigned long long)settings.size);
	else if (client->step == STEP_PROPFIND)
		(void)snprintf(ret_fields, len, "Depth: %llu\r\n",
		    (unsigned long long)settings.depth);
	else if (client->step == STEP_UNLOCK)
		(void)snprintf(ret_fields, len, "Lock-Token: %s\r\n",
		    client->token);
	else if (client->step == STEP_COPY || client->step == STEP_MOVE)
		(void)snprintf(ret_fields, len,
		    "Destination: http://127.0.0.1:%u%s\r\n",
		    ntohs(settings.address.sin_port), settings.to);
}

static void
text_make(struct client *client)
{
	const struct step_row *row = &rows[client->step];
	char name[96] = "", fields[1024], length[48] = "";
	const char *tag = settings.kind->naming == NAME_NEXT ? settings.tag :
							       "f";
	int len;

	if (settings.kind->naming != NAME_NONE)
		(void)snprintf(name, sizeof(name), "%s%llu%s", tag,
		    (unsigned long long)client->target, settings.suffix);
	fields_make(client, fields, sizeof(fields));
	if (row->body != NULL)
		(void)snprintf(length, sizeof(length),
		    "Content-Length: %zu\r\n", strlen(row->body));
	len = snprintf(client->request, REQUEST_MAX,
	    "%s %s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s%s%s%s%s\r\n%s",
	    row->method, settings.path, name, ntohs(settings.address.sin_port),
	    settings.auth != NULL ? "Authorization: Basic " : "",
	    settings.auth != NULL ? settings.auth : "",
	    settings.auth != NULL ? "\r\n" : "",
	    row->fields != NULL ? row->fields : "", fields, length,
	    row->body != NULL ? row->body : "");
	if (len < 0 || len >= REQUEST_MAX)
		die("the request is too long");
	client->request_len = (size_t)len;
}

bool
request_make(struct client *client)
{
	if (totals.begun >= settings.count)
		return false;
	totals.begun++;
	step_choose(client);
	text_make(client);
	client->sent = 0;
	client->body_len = client->step == STEP_PUT ? settings.size : 0;
	client->body_sent = 0;
	client->under_way = true;
	client->place = IN_HEAD;
	client->head_len = 0;
	client->body_bytes = 0;
	client->responses = 0;
	client->tail_len = 0;
	client->differs = false;
	client->first_ns = 0;
	client->begun_ns = now_ns();
	return true;
}
