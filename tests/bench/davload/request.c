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

static const char allprop_body[] =
    "<?xml version=\"1.0\"?><propfind xmlns=\"DAV:\"><allprop/></propfind>";

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
	[STEP_STAT] = { "PROPFIND", XML, propfind_body },
	[STEP_HEAD] = { .method = "HEAD" },
	[STEP_MKCOL] = { .method = "MKCOL" },
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

/* The finalizer of splitmix64. */
uint64_t
mixed(uint64_t place)
{
	place += 0x9e3779b97f4a7c15;
	place = (place ^ (place >> 30)) * 0xbf58476d1ce4e5b9;
	place = (place ^ (place >> 27)) * 0x94d049bb133111eb;
	return place ^ (place >> 31);
}

/* A name for the turn; all steps of a kind stay with that of the first. */
static void
target_choose(struct client *client)
{
	uint64_t chance = mixed(client->turns << 16 | (uint64_t)client->id);

	switch (settings.kind->naming) {
	case NAME_RANDOM:
	case NAME_TRACE:
		client->target = chance % settings.files;
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
	if (settings.kind->steps[0] == STEP_RANGE)
		client->offset = mixed(chance) %
		    (settings.whole - settings.size + 1);
	client->turns++;
}

static void
step_choose(struct client *client)
{
	const enum step *steps = settings.kind->steps;

	if (client->place_in_kind == STEPS_MAX ||
	    steps[client->place_in_kind] == STEP_NONE)
		client->place_in_kind = 0;
	if (client->place_in_kind == 0)
		target_choose(client);
	client->step = steps[client->place_in_kind++];
}

/* A trace reads f0, f1, ..., saves wN and renames it to vN. */
static void
trace_name(const struct client *client, char *ret_name, size_t len)
{
	bool fixed = client->step == STEP_STAT || client->step == STEP_GET;
	const char *tag = fixed ? "f" : client->step == STEP_DELETE ? "v" : "w";
	uint64_t number = fixed ? client->target : client->turns;

	if (client->step == STEP_OPTIONS || client->step == STEP_PROPFIND)
		(void)snprintf(ret_name, len, "c%d/", client->id);
	else
		(void)snprintf(ret_name, len, "c%d/%s%llu", client->id, tag,
		    (unsigned long long)number);
}

static void
name_make(const struct client *client, char *ret_name, size_t len)
{
	unsigned long long target = client->target;
	const char *tag = settings.kind->naming == NAME_NEXT ? settings.tag :
							       "f";

	ret_name[0] = '\0';
	if (settings.kind->naming == NAME_TRACE)
		trace_name(client, ret_name, len);
	else if (settings.spread > 0)
		(void)snprintf(ret_name, len, "c%llu/%s%llu%s",
		    (unsigned long long)(mixed(target) % settings.spread), tag,
		    target, settings.suffix);
	else if (settings.kind->naming != NAME_NONE)
		(void)snprintf(ret_name, len, "%s%llu%s", tag, target,
		    settings.suffix);
}

/* The path that COPY and MOVE write to. */
static void
destination_make(const struct client *client, char *ret_fields, size_t len)
{
	unsigned port = ntohs(settings.address.sin_port);
	const char *scheme = settings.tls != NULL ? "https" : "http";

	if (settings.kind->naming == NAME_TRACE)
		(void)snprintf(ret_fields, len,
		    "Destination: %s://127.0.0.1:%u%sc%d/v%llu\r\n", scheme,
		    port, settings.path, client->id,
		    (unsigned long long)client->turns);
	else
		(void)snprintf(ret_fields, len,
		    "Destination: %s://127.0.0.1:%u%s\r\n", scheme, port,
		    settings.to);
}

/* The state under the lock that a trace holds (RFC 4918 10.4). */
static size_t
lock_submit(const struct client *client, char *ret_fields, size_t len)
{
	bool changes = client->step == STEP_PUT ||
	    client->step == STEP_PROPPATCH;

	ret_fields[0] = '\0';
	if (settings.kind->naming == NAME_TRACE && changes)
		(void)snprintf(ret_fields, len, "If: (%s)\r\n", client->token);
	return strlen(ret_fields);
}

/* Fields that differ from one request to the next. */
static void
fields_make(const struct client *client, char *ret_fields, size_t len)
{
	unsigned long long from = client->offset;

	size_t used = lock_submit(client, ret_fields, len);

	ret_fields += used;
	len -= used;
	if (client->step == STEP_RANGE)
		(void)snprintf(ret_fields, len, "Range: bytes=%llu-%llu\r\n",
		    from, from + settings.size - 1);
	else if (client->step == STEP_PUT)
		(void)snprintf(ret_fields, len, "Content-Length: %llu\r\n",
		    (unsigned long long)settings.size);
	else if (client->step == STEP_PROPFIND)
		(void)snprintf(ret_fields, len, "Depth: %llu\r\n",
		    (unsigned long long)settings.depth);
	else if (client->step == STEP_STAT)
		(void)snprintf(ret_fields, len, "Depth: 0\r\n");
	else if (client->step == STEP_UNLOCK)
		(void)snprintf(ret_fields, len, "Lock-Token: %s\r\n",
		    client->token);
	else if (client->step == STEP_COPY || client->step == STEP_MOVE)
		destination_make(client, ret_fields, len);
}

static void
text_make(struct client *client)
{
	const struct step_row *row = &rows[client->step];
	const char *body = row->body;
	char name[96], fields[1024], length[48] = "";
	int len;

	if (client->step == STEP_PROPFIND && settings.allprop != 0)
		body = allprop_body;
	name_make(client, name, sizeof(name));
	fields_make(client, fields, sizeof(fields));
	if (body != NULL)
		(void)snprintf(length, sizeof(length),
		    "Content-Length: %zu\r\n", strlen(body));
	len = snprintf(client->request, REQUEST_MAX,
	    "%s %s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s%s%s%s%s\r\n%s",
	    row->method, settings.path, name, ntohs(settings.address.sin_port),
	    settings.auth != NULL ? "Authorization: Basic " : "",
	    settings.auth != NULL ? settings.auth : "",
	    settings.auth != NULL ? "\r\n" : "",
	    row->fields != NULL ? row->fields : "", fields, length,
	    body != NULL ? body : "");
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
	client->announced = 0;
	client->responses = 0;
	client->tail_len = 0;
	client->differs = false;
	client->first_ns = 0;
	client->begun_ns = now_ns();
	return true;
}
