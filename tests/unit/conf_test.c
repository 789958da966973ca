/*
 * Files of configuration: defaults, values, every kind of mistake with its
 * line, includes, and the printed form that loads as the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/source.h"
#include "server/base/log.h"

static char folder[64];
static char file[96];

static int
begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/conf_test.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/c.conf", folder);
	return 0;
}

static void
write_file(const char *path, const char *bytes, size_t len)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, len, stream), len);
	assert_int_equal(fclose(stream), 0);
}

static char *
beside(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", folder, name);
	return path;
}

static void
write_text(const char *name, const char *text)
{
	char path[128];

	write_file(beside(name, path), text, strlen(text));
}

static int
end(void **state)
{
	static const char *const names[] = { "c.conf", "more.conf",
		"sub/deep.conf", "sub" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)remove(beside(names[i], path));
	return rmdir(folder);
}

static struct conf *
loaded(const char *text)
{
	struct buffer message = { .max = 0 };
	struct conf *conf = NULL;

	write_file(file, text, strlen(text));
	if (conf_load(file, &message, &conf) != OK)
		fail_msg("%.*s", TEXT_ARGS(buffer_text(&message)));
	assert_int_equal(message.len, 0);
	buffer_done(&message);
	return conf;
}

/* The message is `expected` with each "@" standing for "FILE:". */
static void
refused(const char *text, size_t len, const char *expected)
{
	struct buffer message = { .max = 0 }, wanted = { .max = 0 };
	struct conf *conf = NULL;

	write_file(file, text, len);
	assert_int_equal(conf_load(file, &message, &conf), BAD_INPUT);
	assert_null(conf);
	for (; *expected != '\0'; expected++) {
		if (*expected == '@')
			buffer_format(&wanted, "%s:", file);
		else
			buffer_append_byte(&wanted, *expected);
	}
	buffer_append_byte(&wanted, '\0');
	buffer_append_byte(&message, '\0');
	assert_string_equal(message.ptr, wanted.ptr);
	buffer_done(&message);
	buffer_done(&wanted);
}

static void
empty_file_is_the_defaults(void **state)
{
	struct conf *conf = loaded("");
	char path[128];

	(void)state;
	assert_int_equal(conf->listen.count, 1);
	assert_string_equal(conf->listen.item[0], "127.0.0.1:8080");
	assert_string_equal(conf->public_url, "http://127.0.0.1:8080");
	assert_int_equal(conf->server_names.count, 0);
	assert_string_equal(conf->store.path, beside("state", path));
	assert_string_equal(conf->store.engine, "lmdb");
	assert_int_equal(conf->limits.header_section, 32768);
	assert_int_equal(conf->limits.header_fields, 100);
	assert_int_equal(conf->limits.target, 8192);
	assert_int_equal(conf->limits.xml_body, 1048576);
	assert_int_equal(conf->limits.xml_depth, 64);
	assert_int_equal(conf->limits.xml_properties, 1000);
	assert_int_equal(conf->limits.dead_property_bytes, 65536);
	assert_int_equal(conf->limits.dead_properties, 200);
	assert_int_equal(conf->limits.if_header, 16384);
	assert_int_equal(conf->limits.locks_per_principal, 1000);
	assert_int_equal(conf->limits.locks_per_link, 32);
	assert_int_equal(conf->limits.lock_seconds, 3600);
	assert_int_equal(conf->limits.lock_link_seconds, 600);
	assert_int_equal(conf->limits.ranges, 16);
	assert_int_equal(conf->limits.connections, 20000);
	assert_int_equal(conf->limits.header_seconds, 15);
	assert_int_equal(conf->limits.body_rate, 1024);
	assert_int_equal(conf->limits.body_grace_seconds, 30);
	assert_int_equal(conf->limits.reader_seconds, 60);
	assert_int_equal(conf->limits.keep_alive_seconds, 75);
	assert_int_equal(conf->limits.api_body, 65536);
	assert_int_equal(conf->auth.basic_over_plain_http, CONF_PLAIN_LOOPBACK);
	assert_int_equal(conf->renditions.enabled, CONF_SWITCH_AUTO);
	assert_int_equal(conf->log.level, LOG_LEVEL_INFO);
	assert_string_equal(conf->log.access, "stderr");
	assert_string_equal(conf->file, file);
	assert_null(conf_unref(conf));
}

static void
sample_is_the_defaults(void **state)
{
	struct buffer sample = { .max = 0 }, empty = { .max = 0 };
	struct buffer message = { .max = 0 };
	struct conf *conf = loaded("");
	char path[256];

	(void)state;
	conf_print(conf, &empty);
	conf_unref(conf);
	snprintf(path, sizeof(path), "%s", SOURCE_DIR "/conf/celldav.conf");
	assert_int_equal(source_read(path, &message, &sample), OK);
	buffer_append_byte(&sample, '\0');
	conf = loaded(sample.ptr);
	buffer_clear(&sample);
	conf_print(conf, &sample);
	conf_unref(conf);
	assert_true(text_equal(buffer_text(&sample), buffer_text(&empty)));
	buffer_done(&sample);
	buffer_done(&empty);
	buffer_done(&message);
}

static void
values_of_all_kinds(void **state)
{
	struct conf *conf =
	    loaded("listen = {\"0.0.0.0:80\", # one\n"
		   "  \"tls://[::]:443\" /* two */ }\n"
		   "public_url = https://x.example // a word with slashes\n"
		   "server_names = a.example\n"
		   "trusted_proxies = {}\n"
		   "store { path = \"/srv/#a\" sync = relaxed }\n"
		   "tls { certificate = 'c.pem' key = \"/k.pem\" }\n"
		   "limits { file_size = \"5G\" xml_depth = 100 }\n"
		   "store { engine = memory }\n"
		   "renditions { enabled = off }\n"
		   "admin { listen = \"\" }\n"
		   "log { level = debug access = off }\n");
	char path[128];

	(void)state;
	assert_int_equal(conf->listen.count, 2);
	assert_string_equal(conf->listen.item[1], "tls://[::]:443");
	assert_string_equal(conf->public_url, "https://x.example");
	assert_int_equal(conf->server_names.count, 1);
	assert_int_equal(conf->trusted_proxies.count, 0);
	assert_string_equal(conf->store.path, "/srv/#a");
	assert_string_equal(conf->store.engine, "memory");
	assert_int_equal(conf->store.sync, CONF_SYNC_RELAXED);
	assert_string_equal(conf->tls.certificate, beside("c.pem", path));
	assert_string_equal(conf->tls.key, "/k.pem");
	assert_true(conf->limits.file_size == UINT64_C(5) << 30);
	assert_int_equal(conf->limits.xml_depth, 100);
	assert_int_equal(conf->renditions.enabled, CONF_SWITCH_OFF);
	assert_string_equal(conf->admin.listen, "");
	assert_int_equal(conf->log.level, LOG_LEVEL_DEBUG);
	assert_string_equal(conf->log.access, "off");
	conf_unref(conf);
}

#define REFUSED(text, expected) refused((text), sizeof(text) - 1, (expected))
#define ONCE(name, line, first) \
	"@" line ": " name " is set again, expected once (first @" first ")\n"
#define UNKNOWN(what) \
	"unknown key " what ", expected a key of celldav.conf(5)\n"
#define SYNTAX ", expected key = value, key = {value, ...} or section {...}\n"

static void
unknown_keys(void **state)
{
	(void)state;
	REFUSED("\n\nlisten_on = 1\n", "@3: " UNKNOWN("\"listen_on\""));
	REFUSED("# c\n// c\n/* c\nc */ store {\n # c\n\n path = x\n pfad = x }",
	    "@8: " UNKNOWN("\"pfad\" in section store"));
	REFUSED("store|path = x", "@1: " UNKNOWN("\"path\""));
	REFUSED("\"a\nb\" = 3", "@2: " UNKNOWN("\"a?b\""));
	REFUSED("bogus { a = b }", "@1: " UNKNOWN("\"bogus\""));
	REFUSED("limits { include(\"x\") }",
	    "@1: " UNKNOWN("\"include\" in section limits"));
}

static void
doubled_keys(void **state)
{
	(void)state;
	REFUSED("public_url = http://a\n\npublic_url = http://a\n",
	    ONCE("public_url", "3", "1"));
	REFUSED("limits {\n xml_depth = 9\n}\n#\nlimits {\n xml_depth = 9\n}\n",
	    ONCE("limits.xml_depth", "6", "2"));
	REFUSED("server_names = {a}\nserver_names = {b}\n",
	    ONCE("server_names", "2", "1"));
	REFUSED("server_names = {}\n\nserver_names = {b}\nlog { }\n",
	    ONCE("server_names", "3", "1"));
	REFUSED("server_names = {a}\n\nserver_names = {}\n\n\nlog { }\n",
	    ONCE("server_names", "3", "1"));
	REFUSED("server_names = {}\nserver_names = {}\n",
	    ONCE("server_names", "2", "1"));
	REFUSED("server_names = {a}\nserver_names += {b}\n",
	    ONCE("server_names", "2", "1"));
	REFUSED("server_names = {a,\nb}\nserver_names = {\n\n}",
	    ONCE("server_names", "3", "1"));
}

static void
bad_values(void **state)
{
	(void)state;
	REFUSED("limits { xml_depth = 201 }",
	    "@1: limits.xml_depth is \"201\", expected a number from 8 to "
	    "200\n");
	REFUSED("limits { target = \"8KB\" }",
	    "@1: limits.target is \"8KB\", expected a size from 256 to 64K "
	    "(K, M, G, T are powers of 1024)\n");
	REFUSED("store { sync = \"half\" }",
	    "@1: store.sync is \"half\", expected full or relaxed\n");
	REFUSED("log { level = \"\" }",
	    "@1: log.level is \"\", expected error, warning, info or debug\n");
	REFUSED("listen = {\n\"127.0.0.1:80\",\n\"localhost:80\"}",
	    "@3: listen is \"localhost:80\", expected ADDRESS:PORT, "
	    "[IPV6]:PORT, or one of them after tls://\n");
	REFUSED("public_url = \"http://a\nb/\"",
	    "@2: public_url is \"http://a?b/\", expected http://HOST or "
	    "https://HOST, with :PORT if need be\n");
	REFUSED("trusted_proxies = {\"10.0.0.0/40\"}",
	    "@1: trusted_proxies is \"10.0.0.0/40\", expected an address, or "
	    "a network as ADDRESS/BITS\n");
}

static void
every_mistake_is_told(void **state)
{
	(void)state;
	REFUSED("log { level = x }\nstore { sync = y }\nfoo = 1\n",
	    "@1: log.level is \"x\", expected error, warning, info or debug\n"
	    "@2: store.sync is \"y\", expected full or relaxed\n"
	    "@3: " UNKNOWN("\"foo\""));
}

static void
syntax_errors(void **state)
{
	(void)state;
	REFUSED("listen\n= = x", "@2: unexpected token '='" SYNTAX);
	REFUSED("limits {\n xml_depth 3 }",
	    "@2: missing equal sign after option 'xml_depth'" SYNTAX);
	REFUSED("\nlisten = {\"1.2.3.4:5\"",
	    "@2: brace has no end, expected }\n");
	REFUSED("log { }\nlimits {\n ranges = 9\nlog { }\n",
	    "@2: brace has no end, expected }\n");
	REFUSED("listen =", "@2: premature end of file" SYNTAX);
	REFUSED("limits = 3",
	    "@1: missing opening brace for section 'limits'" SYNTAX);
	REFUSED("}", "@1: unexpected closing brace" SYNTAX);
	REFUSED("\n\nlog { access = \"a\n\n",
	    "@3: string has no end, expected a quote\n");
	REFUSED("\n'a\\'", "@2: string has no end, expected a quote\n");
	REFUSED("\n/* a\n\n*", "@2: comment has no end, expected */\n");
	REFUSED("\nlisten = \0", "@2: NUL byte, expected text\n");
	REFUSED("log { access = \"\\777\" }",
	    "@1: invalid octal number '\\777'" SYNTAX);
}

static void
mistakes_between_keys(void **state)
{
	(void)state;
	REFUSED("listen = {}",
	    "@1: listen is empty, expected at least one address\n");
	REFUSED("\nlisten = {\"tls://1.2.3.4:5\"}",
	    "@2: listen has a tls:// address, expected tls.certificate and "
	    "tls.key as well\n");
	REFUSED("tls {\n certificate = a }",
	    "@2: tls.certificate has no tls.key, expected both\n");
	REFUSED("tls {\n key = a }",
	    "@2: tls.key has no tls.certificate, expected both\n");
	REFUSED("admin { listen = \"tls://1.2.3.4:5\" }",
	    "@1: admin.listen is a tls:// address, expected one without "
	    "TLS\n");
	REFUSED("store { path = \"\" }",
	    "@1: store.path is empty, expected a folder\n");
}

/* A failed load must leave nothing behind in the parser. */
static void
good_file_after_each_bad_one(void **state)
{
	static const char *const bad[] = { "log { access = \"\\777\" }",
		"log { access = \"a", "limits { xml_depth = 9", "include(\"x\"",
		"a = \"b\"", "log { access = ' }", "include(\"c.conf\")" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buffer message = { .max = 0 };
		struct conf *conf = NULL;

		write_file(file, bad[i], strlen(bad[i]));
		assert_int_equal(conf_load(file, &message, &conf), BAD_INPUT);
		buffer_done(&message);
		conf = loaded("limits { xml_depth = 99 }");
		assert_int_equal(conf->limits.xml_depth, 99);
		conf_unref(conf);
	}
}

static void
includes(void **state)
{
	char path[128];
	struct conf *conf;

	(void)state;
	assert_int_equal(mkdir(beside("sub", path), 0700), 0);
	write_text("sub/deep.conf", "log { access = \"a.log\" }");
	write_text("more.conf",
	    "include(\"sub/deep.conf\") store { path = s }");
	conf = loaded("limits { ranges = 3 }\ninclude(\"more.conf\")\n"
		      "limits { xml_depth = 9 }");
	assert_int_equal(conf->limits.ranges, 3);
	assert_int_equal(conf->limits.xml_depth, 9);
	assert_string_equal(conf->log.access, beside("sub/a.log", path));
	assert_string_equal(conf->store.path, beside("s", path));
	conf_unref(conf);
	REFUSED("\ninclude(\"c.conf\")",
	    "@2: file is included again, expected once\n");
	REFUSED("\ninclude(\"nowhere\")",
	    "@2: included file cannot be read, expected a readable one\n");
	REFUSED("\ninclude(\"x\"", "@2: parenthesis has no end, expected )\n");
	REFUSED("include()",
	    "@1: include without one name, expected include(\"FILE\")\n");
	REFUSED("include(\"a\", \"b\")",
	    "@1: include without one name, expected include(\"FILE\")\n");
}

static void
doubled_across_files(void **state)
{
	struct buffer message = { .max = 0 };
	struct conf *conf = NULL;
	char path[128], expected[512];

	(void)state;
	write_text("more.conf", "#\nserver_names = {}\n");
	write_text("c.conf", "include(\"more.conf\")\nserver_names = {}\n");
	assert_int_equal(conf_load(file, &message, &conf), BAD_INPUT);
	buffer_append_byte(&message, '\0');
	snprintf(expected, sizeof(expected),
	    "%s:2: server_names is set again, expected once (first %s:2)\n",
	    beside("more.conf", path), file);
	assert_string_equal(message.ptr, expected);
	buffer_done(&message);
}

static void
files_that_cannot_be_read(void **state)
{
	struct buffer message = { .max = 0 }, large = { .max = 0 };
	struct conf *conf = NULL;
	char path[128];

	(void)state;
	assert_int_equal(conf_load(beside("nowhere", path), &message, &conf),
	    IO);
	assert_true(text_ends(buffer_text(&message),
	    TEXT("/nowhere: No such file or directory\n")));
	buffer_clear(&message);
	assert_int_equal(conf_load(folder, &message, &conf), IO);
	assert_true(text_ends(buffer_text(&message),
	    TEXT(": not a regular file\n")));
	buffer_clear(&message);
	while (large.len <= SOURCE_MAX_BYTES)
		buffer_append(&large, TEXT("# a comment of some length\n"));
	write_file(file, large.ptr, large.len);
	assert_int_equal(conf_load(file, &message, &conf), IO);
	assert_true(text_ends(buffer_text(&message),
	    TEXT(": longer than 1 MiB\n")));
	buffer_done(&large);
	buffer_done(&message);
}

static void
relative_names(void **state)
{
	struct buffer message = { .max = 0 };
	struct conf *conf = NULL;
	char *back = getcwd(NULL, 0);

	(void)state;
	write_file(file, "", 0);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(conf_load("c.conf", &message, &conf), OK);
	assert_int_equal(chdir(back), 0);
	free(back);
	assert_string_equal(conf->file, file);
	conf_unref(conf);
	buffer_done(&message);
}

static void
printed_form_loads_as_the_same(void **state)
{
	struct conf *conf =
	    loaded("store { path = \"/a\\\"b\\\\c${NONE}\\$d\" }\n"
		   "server_names = {a, \"b:1\"}\n"
		   "limits { target = 1000 file_size = 2T }\n"
		   "auth { realm = \"a b\" }");
	struct buffer first = { .max = 0 }, second = { .max = 0 };

	(void)state;
	assert_string_equal(conf->store.path, "/a\"b\\c$d");
	conf_print(conf, &first);
	buffer_append_byte(&first, '\0');
	conf_unref(conf);
	conf = loaded(first.ptr);
	conf_print(conf, &second);
	buffer_append_byte(&second, '\0');
	assert_string_equal(first.ptr, second.ptr);
	assert_string_equal(conf->store.path, "/a\"b\\c$d");
	conf_unref(conf);
	buffer_done(&first);
	buffer_done(&second);
}

static void
counting(void **state)
{
	struct conf *conf = conf_defaults();

	(void)state;
	assert_ptr_equal(conf_ref(conf), conf);
	assert_null(conf_unref(conf));
	assert_string_equal(conf->store.path, "state");
	assert_null(conf_unref(conf));
	assert_null(conf_unref(NULL));
}

static void *
load_often(void *argument)
{
	for (unsigned i = 0; i < 50; i++) {
		struct buffer message = { .max = 0 };
		struct conf *conf = NULL;

		if (conf_load(argument, &message, &conf) != OK)
			return argument;
		buffer_done(&message);
		conf_unref(conf);
	}
	return NULL;
}

static void
several_threads_load(void **state)
{
	pthread_t thread[3];
	void *failed;

	(void)state;
	conf_unref(loaded("limits { ranges = 5 }"));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, load_often,
				     file),
		    0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_file_is_the_defaults),
		cmocka_unit_test(sample_is_the_defaults),
		cmocka_unit_test(values_of_all_kinds),
		cmocka_unit_test(unknown_keys),
		cmocka_unit_test(doubled_keys),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(every_mistake_is_told),
		cmocka_unit_test(syntax_errors),
		cmocka_unit_test(mistakes_between_keys),
		cmocka_unit_test(good_file_after_each_bad_one),
		cmocka_unit_test(includes),
		cmocka_unit_test(doubled_across_files),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(relative_names),
		cmocka_unit_test(printed_form_loads_as_the_same),
		cmocka_unit_test(counting),
		cmocka_unit_test(several_threads_load),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
