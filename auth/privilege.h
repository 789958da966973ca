#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/text.h"

/*
 * The atoms of rights.md 1 and the presets of its section 4, as tables. A set
 * of atoms is a bit mask. Names are stored and shown; the XML namespace of
 * atoms is urn:celldav:, each contained in an RFC 3744 privilege.
 */
enum atom {
	ATOM_STAT,
	ATOM_LIST,
	ATOM_VIEW,
	ATOM_PRINT,
	ATOM_GET_PDF,
	ATOM_GET_ORIGINAL,
	ATOM_VERSIONS,
	ATOM_CREATE,
	ATOM_MKDIR,
	ATOM_MODIFY,
	ATOM_RESTORE,
	ATOM_PROPS,
	ATOM_RENAME,
	ATOM_MOVE,
	ATOM_DELETE,
	ATOM_DELETE_OWN,
	ATOM_READ_ACL,
	ATOM_SHARE,
	ATOM_AUDIT,
	ATOM_MANAGE,
	ATOM_COUNT
};

typedef uint32_t atom_set;

#define ATOM(name) ((atom_set)1 << ATOM_##name)
#define ATOMS_NONE ((atom_set)0)
#define ATOMS_ALL ((atom_set)((1u << ATOM_COUNT) - 1))

struct atom_row {
	enum atom atom;
	const char *name;   /* "get-original" */
	const char *inside; /* local name in DAV: that contains it */
	const char *text;   /* DAV:description */
};

extern const struct atom_row atom_rows[ATOM_COUNT];

/* Rules that narrow atoms of a preset (rights.md 4, "own" and "temp"). */
enum preset_rule {
	RULE_RENAME_OWN = 1 << 0,  /* n: items that this subject created */
	RULE_DELETE_TEMP = 1 << 1, /* e: only own temporary files */
	RULE_NO_ACCESS = 1 << 2    /* wins over grants above it */
};

struct preset {
	const char *name;
	atom_set atoms;
	uint32_t rules;
};

extern const struct preset presets[];
extern const size_t preset_count;

/* By name; "pdf" and "original" are short for the download presets. */
const struct preset *
preset_find(struct text name);

/* o=>f=>p=>v=>s; l=>s; m=>o; r=>m,h; n,x,d=>s; g=>all (rights.md 1). */
atom_set
atoms_close(atom_set atoms);

/* "stat,list,view"; false for an unknown name. Not closed. */
bool
atoms_parse(struct text list, atom_set *ret_atoms);
