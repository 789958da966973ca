#include "conf/check.h"

#include "conf/endpoint.h"
#include "conf/directive.h"

static bool
wants_tls(const struct conf *conf)
{
	struct endpoint address;

	for (size_t i = 0; i < conf->listen.count; i++)
		if (endpoint_parse(text_from(conf->listen.item[i]), &address) &&
		    address.tls)
			return true;
	return false;
}

static bool
listen_empty(const struct conf *conf)
{
	return conf->listen.count == 0;
}

static bool
listen_without_certificate(const struct conf *conf)
{
	return wants_tls(conf) && conf->tls.certificate[0] == '\0' &&
	    conf->tls.key[0] == '\0';
}

static bool
certificate_alone(const struct conf *conf)
{
	return conf->tls.certificate[0] != '\0' && conf->tls.key[0] == '\0';
}

static bool
key_alone(const struct conf *conf)
{
	return conf->tls.key[0] != '\0' && conf->tls.certificate[0] == '\0';
}

static bool
admin_tls(const struct conf *conf)
{
	return text_starts(text_from(conf->admin.listen), TEXT("tls://"));
}

static bool
store_nowhere(const struct conf *conf)
{
	return conf->store.path[0] == '\0';
}

static const struct {
	const char *section, *name; /* whose line is named */
	bool (*wrong)(const struct conf *conf);
	const char *what;
} checks[] = {
	{ NULL, "listen", listen_empty,
	    "listen is empty, expected at least one address" },
	{ NULL, "listen", listen_without_certificate,
	    "listen has a tls:// address, expected tls.certificate and "
	    "tls.key as well" },
	{ "tls", "certificate", certificate_alone,
	    "tls.certificate has no tls.key, expected both" },
	{ "tls", "key", key_alone,
	    "tls.key has no tls.certificate, expected both" },
	{ "admin", "listen", admin_tls,
	    "admin.listen is a tls:// address, expected one without TLS" },
	{ "store", "path", store_nowhere,
	    "store.path is empty, expected a folder" },
};

bool
check_together(const struct conf *conf, const struct place *place,
    const char *file, struct buffer *message)
{
	bool fits = true;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		const struct place *at =
		    &place[directive_find(checks[i].section, checks[i].name) -
			directives];

		if (!checks[i].wrong(conf))
			continue;
		fits = false;
		buffer_format(message, "%s:%d: %s\n",
		    at->file != NULL ? at->file : file,
		    at->file != NULL ? at->line : 1, checks[i].what);
	}
	return fits;
}
