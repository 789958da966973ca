/*
 * davload HOST PORT CONNECTIONS SECONDS KIND [KEY=VALUE ...]
 *
 * KIND: get range put delete mkcol putdelete propfind options lock proppatch
 * copy move remove trace properties. get, range, lock and proppatch name f0,
 * f1, ... below path; copy, move and remove act on path itself. The connection
 * N of trace and properties works in path/cN/, which holds f0, f1, ...
 * path=/dav/a/   the collection under test, with its slash
 * to=/dav/b/     copy, move: the destination
 * auth=BASE64    credentials of Basic, if any
 * pattern=FILE   65521 bytes, of which all contents are made
 * files=N        get, range: asks for f0 .. fN-1
 * size=BYTES     length of a file, or of a range
 * whole=BYTES    range: length of the file
 * members=N      propfind: responses that the answer must hold
 * depth=0|1      propfind
 * tag=WORD       put, delete, mkcol: names are WORD0, WORD1, ...
 * suffix=WORD    what all names end with
 * count=N        ends after N requests; SECONDS is then what it may take
 * first=N        put, delete, mkcol: the first number
 * spread=N       get, put: each name has its place in one of c0 .. cN-1
 * allprop=1      propfind: asks for allprop instead of eight by name
 * tls=FILE       TLS 1.3; FILE holds the authority that must have signed
 * fresh=1        each request on a connection of its own
 * partial=1      bytes count as they come; the time cuts the last answers
 *
 * Prints one line of JSON: requests, seconds, rate, bytes, percentiles of the
 * latency and median of the first byte of the body in microseconds, wrong
 * answers (any of them fails the run).
 */
#include "davload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct settings settings = { .path = "/",
	.to = "/",
	.tag = "f",
	.suffix = "",
	.files = 1,
	.depth = 1,
	.count = UINT64_MAX };

static const struct kind kinds[] = {
	{ "get", NAME_RANDOM, { STEP_GET } },
	{ "range", NAME_RANDOM, { STEP_RANGE } },
	{ "put", NAME_NEXT, { STEP_PUT } },
	{ "delete", NAME_NEXT, { STEP_DELETE } },
	{ "mkcol", NAME_NEXT, { STEP_MKCOL } },
	{ "putdelete", NAME_NEXT, { STEP_PUT, STEP_DELETE } },
	{ "propfind", NAME_NONE, { STEP_PROPFIND } },
	{ "options", NAME_NONE, { STEP_OPTIONS } },
	{ "lock", NAME_OWN, { STEP_LOCK, STEP_UNLOCK } },
	{ "proppatch", NAME_OWN, { STEP_PROPPATCH } },
	{ "copy", NAME_NONE, { STEP_COPY } },
	{ "move", NAME_NONE, { STEP_MOVE } },
	{ "remove", NAME_NONE, { STEP_DELETE } },
	/* As davfs2 and file managers do it: look, read, save a new file under
	 * a lock, rename it, remove it. */
	{ "trace", NAME_TRACE,
	    { STEP_OPTIONS, STEP_PROPFIND, STEP_STAT, STEP_GET, STEP_LOCK,
		STEP_PUT, STEP_HEAD, STEP_UNLOCK, STEP_MOVE, STEP_DELETE } },
	{ "properties", NAME_TRACE,
	    { STEP_OPTIONS, STEP_PROPFIND, STEP_STAT, STEP_GET, STEP_LOCK,
		STEP_PUT, STEP_PROPPATCH, STEP_UNLOCK, STEP_MOVE,
		STEP_DELETE } },
};

struct word {
	const char *key;
	const char **ret_value;
};

struct number {
	const char *key;
	uint64_t *ret_value;
};

uint64_t
now_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail */
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

_Noreturn void
die(const char *what)
{
	fprintf(stderr, "davload: %s: %s\n", what, strerrordesc_np(errno));
	exit(1);
}

static _Noreturn void
wrong_usage(const char *what)
{
	fprintf(stderr,
	    "davload: %s\nusage: davload HOST PORT CONNECTIONS "
	    "SECONDS KIND [KEY=VALUE ...]\n",
	    what);
	exit(2);
}

static uint64_t
number_read(const char *text)
{
	char *end = NULL;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		wrong_usage(text);
	return value;
}

static void
pattern_read(const char *path)
{
	FILE *file = fopen(path, "rb");

	settings.pattern = malloc(PERIOD + BLOCK);
	if (file == NULL || settings.pattern == NULL ||
	    fread(settings.pattern, 1, PERIOD, file) != PERIOD)
		die(path);
	(void)fclose(file); /* only read */
	for (size_t i = PERIOD; i < PERIOD + BLOCK; i++)
		settings.pattern[i] = settings.pattern[i - PERIOD];
}

static void
setting_read(const char *text)
{
	const struct word words[] = { { "path", &settings.path },
		{ "to", &settings.to }, { "auth", &settings.auth },
		{ "tag", &settings.tag }, { "suffix", &settings.suffix },
		{ "tls", &settings.tls } };
	const struct number numbers[] = { { "files", &settings.files },
		{ "size", &settings.size }, { "whole", &settings.whole },
		{ "members", &settings.members }, { "depth", &settings.depth },
		{ "count", &settings.count }, { "first", &totals.names },
		{ "spread", &settings.spread }, { "fresh", &settings.fresh },
		{ "partial", &settings.partial },
		{ "allprop", &settings.allprop } };
	const char *value = strchr(text, '=');
	char key[16];

	if (value == NULL || (size_t)(value - text) >= sizeof(key))
		wrong_usage(text);
	memcpy(key, text, (size_t)(value - text));
	key[value - text] = '\0';
	value++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].key, key) == 0) {
			*words[i].ret_value = value;
			return;
		}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i].key, key) == 0) {
			*numbers[i].ret_value = number_read(value);
			return;
		}
	if (strcmp(key, "pattern") != 0)
		wrong_usage(text);
	pattern_read(value);
}

static bool
kind_has(enum step step)
{
	for (size_t i = 0; i < STEPS_MAX; i++)
		if (settings.kind->steps[i] == step)
			return true;
	return false;
}

static void
numbers_check(void)
{
	bool content = kind_has(STEP_GET) || kind_has(STEP_RANGE) ||
	    kind_has(STEP_PUT);

	if (settings.connections < 1 ||
	    settings.connections > CONNECTIONS_MAX || settings.files == 0)
		wrong_usage("CONNECTIONS or files is out of range");
	if (content && settings.pattern == NULL)
		wrong_usage("this KIND needs pattern=FILE");
	if (kind_has(STEP_RANGE) &&
	    (settings.size == 0 || settings.whole < settings.size))
		wrong_usage("range needs size and a larger whole");
}

void
settings_read(int argc, char **argv)
{
	uint64_t port;

	if (argc < 6)
		wrong_usage("too few words");
	port = number_read(argv[2]);
	settings.address.sin_family = AF_INET;
	settings.address.sin_port = htons((uint16_t)port);
	if (port > UINT16_MAX ||
	    inet_pton(AF_INET, argv[1], &settings.address.sin_addr) != 1)
		wrong_usage("HOST is an IPv4 address, PORT a number");
	settings.connections = (int)number_read(argv[3]);
	settings.seconds = strtod(argv[4], NULL);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, argv[5]) == 0)
			settings.kind = &kinds[i];
	if (settings.kind == NULL)
		wrong_usage("no such KIND");
	for (int i = 6; i < argc; i++)
		setting_read(argv[i]);
	numbers_check();
}

int
main(int argc, char **argv)
{
	settings_read(argc, argv);
	load_run();
	report_print();
	return totals.wrong > 0 || totals.requests + totals.partial_bytes == 0;
}
