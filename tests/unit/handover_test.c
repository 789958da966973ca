/* What a supervisor leaves to its successor comes back as it was. */
#include "server/handover.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct socket_set first, second; /* large */

static void
comes_back(void **state)
{
	struct handover given = { .lock_fd = dup(0),
		.current = 4711,
		.retiring = { 0, 12, 0, 13 },
		.program = TEXT("/opt/a place/celldav; new") };
	struct handover got;
	struct buffer text;

	(void)state;
	buffer_init(&text, 0);
	first.count = 2;
	first.entry[0] = (struct socket_entry){ .name = "127.0.0.1:0",
		.fd = dup(0) };
	first.entry[1] = (struct socket_entry){ .name = "tls://[::1]:8443",
		.kind = SOCKET_TLS,
		.loop = 3,
		.fd = dup(0) };
	handover_write(&given, &first, &text);
	assert_int_equal(fcntl(given.lock_fd, F_GETFD), 0);
	buffer_append_byte(&text, '\0');
	assert_true(handover_read(text.ptr, &second, &got));
	assert_int_equal(got.lock_fd, given.lock_fd);
	assert_int_equal(got.current, 4711);
	assert_int_equal(got.retiring[0], 12);
	assert_int_equal(got.retiring[1], 13);
	assert_int_equal(got.retiring[2], 0);
	assert_true(text_equal(got.program, given.program));
	assert_int_equal(second.count, 2);
	assert_string_equal(second.entry[1].name, "tls://[::1]:8443");
	assert_int_equal(second.entry[1].kind, SOCKET_TLS);
	assert_int_equal(second.entry[1].loop, 3);
	assert_int_equal(second.entry[1].fd, first.entry[1].fd);
	assert_int_equal(fcntl(got.lock_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(first.entry[0].fd, F_GETFD), FD_CLOEXEC);
	buffer_done(&text);
}

static void
is_refused(void **state)
{
	static const char *const text[] = { "", "1", "1 5", "1 5 6",
		"1 5 6;;/bin/x", "2 5 6;7:0:0:a ;/bin/x", "1 5 6;7:0:0:a ;",
		"1 5 6;7:9:0:a ;/bin/x", "1 -5 6;7:0:0:a ;/bin/x",
		"1 5 6 x;7:0:0:a ;/bin/x" };
	struct handover got;

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		assert_false(handover_read(text[i], &second, &got));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
