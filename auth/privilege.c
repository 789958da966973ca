#include "auth/privilege.h"

/*
 * The tables of rights.md 1 and 4, letter by letter. Everything that speaks of
 * rights (command line, properties, refusals) reads these rows and nothing
 * else, so what is advertised is what is enforced.
 */
#define ROW(id, shown, container, sentence) \
	[ATOM_##id] = { ATOM_##id, shown, container, sentence }

const struct atom_row atom_rows[ATOM_COUNT] = {
	ROW(STAT, "stat", "read", "Know that a resource exists"),
	ROW(LIST, "list", "read", "List the members of a collection"),
	ROW(VIEW, "view", "read", "See rendered pages and thumbnails"),
	ROW(PRINT, "print", "read", "Print the rendered pages"),
	ROW(GET_PDF, "get-pdf", "read", "Download the PDF rendition"),
	ROW(GET_ORIGINAL, "get-original", "read", "Download the original"),
	ROW(VERSIONS, "versions", "read", "List earlier versions"),
	ROW(CREATE, "create", "bind", "Add files to a collection"),
	ROW(MKDIR, "mkdir", "bind", "Add collections to a collection"),
	ROW(MODIFY, "modify", "write-content", "Replace the content of a file"),
	ROW(RESTORE, "restore", "write-content",
	    "Make an earlier version current"),
	ROW(PROPS, "props", "write-properties", "Change dead properties"),
	ROW(RENAME, "rename", "unbind", "Rename within a collection"),
	ROW(MOVE, "move", "unbind", "Move to another collection of the cell"),
	ROW(DELETE, "delete", "unbind", "Delete to the trash"),
	ROW(DELETE_OWN, "delete-own", NULL,
	    "Delete one's own upload while it is fresh"),
	ROW(READ_ACL, "read-acl", "read-acl", "See who has access"),
	ROW(SHARE, "share", "write-acl", "Share at most what one holds"),
	ROW(AUDIT, "audit", NULL, "See the activity of the cell"),
	ROW(MANAGE, "manage", "write-acl",
	    "Manage access, requests, locks of others and settings"),
};

/* Presets as sums of the ladder that rights.md 4 draws column by column. */
#define SET_VIEW (ATOM(STAT) | ATOM(LIST) | ATOM(VIEW))
#define SET_PRINT (SET_VIEW | ATOM(PRINT))
#define SET_PDF (SET_PRINT | ATOM(GET_PDF))
#define SET_READ (SET_PDF | ATOM(GET_ORIGINAL))
#define SET_WRITE \
	(SET_READ | ATOM(VERSIONS) | ATOM(CREATE) | ATOM(MKDIR) | \
	    ATOM(MODIFY) | ATOM(PROPS) | ATOM(RENAME) | ATOM(DELETE_OWN))

const struct preset presets[] = {
	{ "no-access", ATOMS_NONE, RULE_NO_ACCESS },
	{ "view", SET_VIEW, 0 },
	{ "print", SET_PRINT, 0 },
	{ "download-pdf", SET_PDF, 0 },
	{ "download-original", SET_READ, 0 },
	{ "contributor", SET_WRITE | ATOM(RESTORE) | ATOM(MOVE) | ATOM(DELETE),
	    0 },
	{ "upload-only", ATOM(CREATE) | ATOM(MKDIR) | ATOM(DELETE_OWN), 0 },
	{ "portal", SET_WRITE, RULE_RENAME_OWN | RULE_DELETE_TEMP },
	{ "portal-ro", SET_READ, 0 },
	{ "co-owner", ATOMS_ALL, 0 },
};

const size_t preset_count = sizeof(presets) / sizeof(presets[0]);

const struct preset *
preset_find(struct text name)
{
	if (text_equal(name, TEXT("pdf")))
		name = TEXT("download-pdf");
	else if (text_equal(name, TEXT("original")))
		name = TEXT("download-original");
	for (size_t i = 0; i < preset_count; i++) {
		if (text_equal(name, text_from(presets[i].name)))
			return &presets[i];
	}
	return NULL;
}

/* What holding an atom implies; each row stands below what it implies from. */
static const struct {
	atom_set held, gives;
} closure[] = {
	{ ATOM(MANAGE), ATOMS_ALL },
	{ ATOM(RESTORE), ATOM(MODIFY) | ATOM(VERSIONS) },
	{ ATOM(MODIFY), ATOM(GET_ORIGINAL) },
	{ ATOM(GET_ORIGINAL), ATOM(GET_PDF) },
	{ ATOM(GET_PDF), ATOM(PRINT) },
	{ ATOM(PRINT), ATOM(VIEW) },
	{ ATOM(VIEW), ATOM(STAT) },
	{ ATOM(LIST), ATOM(STAT) },
	{ ATOM(RENAME), ATOM(STAT) },
	{ ATOM(MOVE), ATOM(STAT) },
	{ ATOM(DELETE), ATOM(STAT) },
};

atom_set
atoms_close(atom_set atoms)
{
	for (size_t i = 0; i < sizeof(closure) / sizeof(closure[0]); i++) {
		if ((atoms & closure[i].held) != 0)
			atoms |= closure[i].gives;
	}
	return atoms & ATOMS_ALL;
}

static bool
atom_find(struct text name, atom_set *ret_atom)
{
	for (size_t i = 0; i < ATOM_COUNT; i++) {
		if (text_equal(name, text_from(atom_rows[i].name))) {
			*ret_atom = (atom_set)1 << i;
			return true;
		}
	}
	return false;
}

bool
atoms_parse(struct text list, atom_set *ret_atoms)
{
	atom_set all = ATOMS_NONE;
	atom_set one;

	if (list.len == 0)
		return false;
	do {
		if (!atom_find(text_split(&list, ','), &one))
			return false;
		all |= one;
	} while (list.ptr != NULL);
	*ret_atoms = all;
	return true;
}
