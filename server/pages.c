#include "server/pages.h"

#include "server/base/clock.h"
#include "server/base/metric.h"
#include "server/http/problem.h"

enum { METRICS_MAX = 4 * 1024 * 1024, SECURITY_DAYS = 180 };

#define DAY_SECONDS UINT64_C(86400)

static const char start_page[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<title>celldav</title></head><body><h1>celldav</h1>"
    "<p>This is a file server. Mount <a href=\"/dav/\">/dav/</a> in a file "
    "manager, or open it here.</p></body></html>\n";

static struct response *
response_of(struct visit *visit)
{
	return &visit->exchange.request->response;
}

void
page_start(struct visit *visit)
{
	struct response *response = response_of(visit);

	response->status = 200;
	response_header(response, "Content-Security-Policy",
	    TEXT("default-src 'none'; frame-ancestors 'none'; "
		 "base-uri 'none'; form-action 'none'"));
	response_bytes(response, "text/html; charset=utf-8", TEXT(start_page));
}

/*
 * RFC 9116. The file is made when it is asked for, so what it says is as new
 * as the configuration; Expires is a midnight within the year (2.5.5).
 */
void
page_security(struct visit *visit)
{
	const struct conf *conf = visit->exchange.conf;
	uint64_t day = clock_wall_ns() / NS_PER_SECOND / DAY_SECONDS;
	struct text url = text_from(conf->public_url);
	char expires[CLOCK_RFC3339_SIZE];

	if (text_ends(url, TEXT("/")))
		url = text_slice(url, 0, url.len - 1);
	if (conf->security_contact[0] == '\0') {
		problem_respond(visit->exchange.request, NOT_FOUND, NULL);
		return;
	}
	clock_format_rfc3339((day + SECURITY_DAYS) * DAY_SECONDS *
		NS_PER_SECOND,
	    expires);
	response_of(visit)->status = 200;
	response_header(response_of(visit), "Cache-Control",
	    TEXT("max-age=86400"));
	response_bytes(response_of(visit), "text/plain; charset=utf-8",
	    arena_format(visit->exchange.arena,
		"Contact: %s\nExpires: %s\n"
		"Canonical: %.*s/.well-known/security.txt\n",
		conf->security_contact, expires, TEXT_ARGS(url)));
}

void
page_health(struct visit *visit)
{
	response_of(visit)->status = 200;
	response_header(response_of(visit), "Cache-Control", TEXT("no-store"));
	response_bytes(response_of(visit), "text/plain; charset=utf-8",
	    TEXT("ok\n"));
}

void
page_ready(struct visit *visit)
{
	struct store *store = visit->server->store;
	struct txn *txn = NULL;
	bool ready = txn_begin_read(store->engine, &txn) == OK &&
	    !committer_is_degraded(store->committer) &&
	    !atomic_load(&visit->server->draining);

	txn_abort(txn);
	response_of(visit)->status = ready ? 200 : 503;
	response_header(response_of(visit), "Cache-Control", TEXT("no-store"));
	if (!ready)
		response_header(response_of(visit), "Retry-After", TEXT("5"));
	response_bytes(response_of(visit), "text/plain; charset=utf-8",
	    ready ? TEXT("ready\n") : TEXT("not ready\n"));
}

void
page_metrics(struct visit *visit)
{
	struct buffer out;

	buffer_init(&out, METRICS_MAX);
	metric_write(&out);
	response_of(visit)->status = 200;
	response_bytes(response_of(visit),
	    "text/plain; version=0.0.4; charset=utf-8",
	    arena_copy(visit->exchange.arena, buffer_text(&out)));
	buffer_done(&out);
}
