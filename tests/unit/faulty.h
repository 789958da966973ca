#pragma once

#include "store/engine.h"

/*
 * An engine whose calls go through a gate: of the calls that are counted from
 * faulty_arm() on, one ends as it should not. All others do what they do.
 */
enum fault {
	FAULT_IO,   /* the call says IO */
	FAULT_LOST, /* what was asked for is not there */
	FAULT_CUT   /* a value has lost its last byte */
};

/* Puts the gate in front of an engine that is open; one at a time. */
void
faulty_begin(struct engine *engine);

/* The engine is its own again. */
void
faulty_end(struct engine *engine);

/* The call with this number, from 1, fails. */
void
faulty_arm(enum fault fault, size_t number);

/* Whether that call came; no call fails from here on. */
bool
faulty_disarm(void);
