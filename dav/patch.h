#pragma once

#include "dav/properties.h"
#include "store/property.h"

/* What PROPPATCH and extended MKCOL do with properties (RFC 4918 9.2). */
struct instruction {
	struct property_name name;
	bool remove;
	struct text text;  /* character data: for live ones */
	struct text inner; /* as xml_inner() has it: for dead ones */
	unsigned status;   /* 0: it can be done */
	bool given;        /* true already: nothing is to be done */
};

struct patch {
	struct instruction *instruction; /* arena */
	size_t count, room;
	struct property_patch live;
	struct dead_properties dead; /* as they will be */
	bool refused;
};

/*
 * The DAV:set and DAV:remove below `root`, in document order. BAD_INPUT;
 * TOO_LARGE past limits.xml_properties. `patch` begins zeroed.
 */
enum outcome
patch_parse(struct exchange *exchange, const xmlNode *root, struct patch *patch)
    MUST_CHECK;

/* Tries them on what `node` has (0: nothing); nothing is written. */
enum outcome
patch_apply(struct exchange *exchange, node_id node, struct patch *patch)
    MUST_CHECK;

/*
 * Writes what patch_apply() made. OK with patch->refused set: the limit of
 * dead properties is passed, and nothing was written.
 */
enum outcome
patch_write(struct exchange *exchange, const struct place *place,
    struct patch *patch) MUST_CHECK;

/* A DAV:propstat for each status that an instruction has. */
void
patch_propstats(const struct patch *patch, struct buffer *out);
