#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "store/keys.h"
#include "tests/unit/grove.h"

static struct dead_properties
read_back(struct grove *grove, node_id id)
{
	struct dead_properties all;

	assert_ok(property_read(grove->txn, grove->arena, id, &all));
	return all;
}

static void
test_there_and_back(void **state)
{
	struct grove grove;
	struct dead_property some[] = { { TEXT("urn:a"), TEXT("x"),
					    TEXT("<b xml:lang=\"de\">ä</b>") },
		{ TEXT(""), TEXT("y"), TEXT("") } };
	struct dead_properties all = { some, 2 };

	grove_begin(&grove, *state);
	assert_int_equal(read_back(&grove, 5).count, 0);
	assert_ok(property_write(grove.txn, grove.state.conf, 5, &all));
	all = read_back(&grove, 5);
	assert_int_equal(all.count, 2);
	assert_true(text_equal(all.property[0].space, TEXT("urn:a")));
	assert_true(text_equal(all.property[0].value, some[0].value));
	assert_true(text_equal(all.property[1].name, TEXT("y")));
	assert_int_equal(all.property[1].value.len, 0);
	/* What was read may be written again after other writes. */
	assert_ok(property_copy(grove.txn, 5, 6));
	assert_ok(property_remove(grove.txn, 5));
	assert_int_equal(read_back(&grove, 5).count, 0);
	assert_ok(property_write(grove.txn, grove.state.conf, 7, &all));
	assert_int_equal(read_back(&grove, 6).count, 2);
	assert_int_equal(read_back(&grove, 7).count, 2);
	assert_ok(property_copy(grove.txn, 5, 6));
	assert_int_equal(read_back(&grove, 6).count, 0);
	all.count = 0;
	assert_ok(property_write(grove.txn, grove.state.conf, 7, &all));
	assert_int_equal(read_back(&grove, 7).count, 0);
	grove_end(&grove);
}

static void
test_limits(void **state)
{
	struct grove grove;
	struct dead_property some[3] = { { TEXT("12345"), TEXT("1"),
					     TEXT("1234") },
		{ TEXT("12345"), TEXT("2"), TEXT("1234") },
		{ TEXT(""), TEXT(""), TEXT("") } };
	struct dead_properties all = { some, 2 };
	uint64_t writes;

	grove_begin(&grove, *state);
	grove.state.conf->limits.dead_properties = 2;
	grove.state.conf->limits.dead_property_bytes = 20;
	assert_ok(property_write(grove.txn, grove.state.conf, 5, &all));
	writes = grove.txn->writes;
	all.count = 3;
	assert_int_equal(property_write(grove.txn, grove.state.conf, 5, &all),
	    TOO_LARGE);
	all.count = 2;
	grove.state.conf->limits.dead_property_bytes = 19;
	assert_int_equal(property_write(grove.txn, grove.state.conf, 5, &all),
	    TOO_LARGE);
	assert_int_equal(grove.txn->writes, writes);
	grove_end(&grove);
}

/* A record that promises more than it holds costs no memory. */
static void
test_damage(void **state)
{
	static const char record[] = "\1\xff\xff\0\0";
	struct grove grove;
	struct dead_properties all;
	struct key key;

	grove_begin(&grove, *state);
	for (size_t len = 0; len < sizeof(record); len++) {
		assert_ok(txn_put(grove.txn, key_id(&key, KEY_PROPERTY, 5),
		    (struct text){ record, len }));
		assert_int_equal(property_read(grove.txn, grove.arena, 5, &all),
		    DAMAGED);
	}
	assert_ok(property_remove(grove.txn, 5));
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { GROVE_TEST(test_there_and_back),
		GROVE_TEST(test_limits), GROVE_TEST(test_damage) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
