/*
 * Maintenance that reads, with calls to the engine failing one at a time: it
 * ends with the error or with findings, never as if all were well. (A backup
 * reads a copy of the engine.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/faulty.h"
#include "tests/unit/world.h"

enum { CALLS_MAX = 1 << 20 };

static enum outcome export(struct world *world) ON_WORKER;

static enum outcome export(struct world *world) {
	shell("rm -rf '%s' && mkdir '%s'", world->out, world->out);
	return transfer(world, false);
}

static enum outcome
scrub(struct world *world) ON_WORKER;

static enum outcome
scrub(struct world *world)
{
	report_begin(world, false);
	return store_scrub(world->state.store, &world->maintain);
}

static enum outcome
stats(struct world *world) ON_WORKER;

static enum outcome
stats(struct world *world)
{
	report_begin(world, false);
	return store_stats(world->state.store, &world->maintain);
}

static const struct {
	const char *name;
	enum outcome (*run)(struct world *world);
} operations[] = {
	{ "export", export },
	{ "scrub", scrub },
	{ "stats", stats },
};

/* False: it got through without meeting the call. */
static bool
one_round(struct world *world, size_t operation, enum fault fault,
    size_t number) ON_WORKER;

static bool
one_round(struct world *world, size_t operation, enum fault fault,
    size_t number)
{
	enum outcome outcome;
	bool met;

	faulty_arm(fault, number);
	outcome = operations[operation].run(world);
	met = faulty_disarm();
	if (!met && outcome != OK)
		fail_msg("%s without a fault: %s", operations[operation].name,
		    outcome_name(outcome));
	if (met && fault == FAULT_IO && outcome == OK &&
	    world->maintain.findings == 0)
		fail_msg("%s, call %zu failed: nothing is said",
		    operations[operation].name, number);
	return met;
}

static void
all_rounds(struct world *world, enum fault fault) ON_WORKER;

static void
all_rounds(struct world *world, enum fault fault)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]);
	    i++) {
		size_t number = 1;

		/* Each of the first calls, then fewer and fewer. */
		while (number < CALLS_MAX && one_round(world, i, fault, number))
			number += 1 + number / 8;
		if (number < 2 || number >= CALLS_MAX)
			fail_msg("%s: %zu calls", operations[i].name,
			    number - 1);
	}
}

static void
test_faults_are_told(void **unused)
{
	struct world world;

	(void)unused;
	world_begin(&world);
	shell("rm '%s'/sub/f*%s", world.source, "");
	clean_source(&world);
	assert_int_equal(transfer(&world, true), OK);
	faulty_begin(world.state.store->engine);
	all_rounds(&world, FAULT_IO);
	all_rounds(&world, FAULT_LOST);
	all_rounds(&world, FAULT_CUT);
	faulty_end(world.state.store->engine);
	assert_verified(&world);
	world_end(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
