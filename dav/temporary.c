#include "dav/temporary.h"

#include "server/base/clock.h"

/* rights.md 4: the undo window of delete-own. */
static const uint64_t undo_ns = 15 * 60 * NS_PER_SECOND;

static const struct {
	const char *prefix, *suffix;
} patterns[] = {
	{ "~$", "" },                           /* Office: owner file */
	{ "~WRL", ".tmp" },                     /* Word */
	{ "~WRD", ".tmp" }, { ".~lock.", "#" }, /* LibreOffice */
	{ "", ".tmp" }, { "", ".TMP" }, { "", ".temp" },
	{ ".", ".swp" },                               /* vim */
	{ ".", ".swx" }, { ".", ".swo" }, { "", "~" }, /* vim, emacs: backup */
	{ "#", "#" },                                  /* emacs: auto-save */
	{ ".#", "" },                                  /* emacs: lock */
	{ ".goutputstream-", "" },                     /* GLib */
	{ ".~", "" },                                  /* rsync, KDE */
	{ "", ".part" },                               /* KDE */
	{ "", ".partial" },                            /* rclone */
	{ "", ".kate-swp" }, { "._", "" },             /* macOS: AppleDouble */
	{ ".sb-", "" },                                /* macOS: safe save */
};

/* vim probes a folder with this name. */
static const struct text probe = { "4913", 4 };

bool
name_is_temporary(struct text name)
{
	if (text_equal(name, probe))
		return true;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct text prefix = text_from(patterns[i].prefix);
		struct text suffix = text_from(patterns[i].suffix);

		if (name.len > prefix.len + suffix.len &&
		    text_starts(name, prefix) && text_ends(name, suffix))
			return true;
	}
	return false;
}

static bool
node_is_own_file(const struct exchange *exchange, const struct node *node)
{
	return node->kind == NODE_FILE &&
	    node->creator == exchange->principal.id;
}

static bool
node_is_recent(const struct node *node)
{
	uint64_t now_ns = clock_wall_ns();

	return node->created_ns <= now_ns &&
	    now_ns - node->created_ns < undo_ns;
}

bool
node_is_own_temporary(const struct exchange *exchange, const struct node *node)
{
	return node_is_own_file(exchange, node) &&
	    (node->flags & (NODE_HAS_GRANTS | NODE_HAS_VERSIONS)) == 0 &&
	    name_is_temporary(node->name);
}

bool
node_is_own_draft(const struct exchange *exchange, const struct node *node)
{
	return node_is_own_file(exchange, node) &&
	    (node->flags & NODE_HAS_GRANTS) == 0 &&
	    (name_is_temporary(node->name) || node_is_recent(node));
}

static bool
may_delete_own(const struct exchange *exchange, const struct place *place)
{
	const struct node *node = place->node;

	if (!rights_hold(&place->rights, ATOM(DELETE_OWN)) ||
	    !node_is_own_file(exchange, node))
		return false;
	if ((place->rights.rules & RULE_DELETE_TEMP) != 0)
		return node_is_own_temporary(exchange, node);
	return node_is_recent(node);
}

enum outcome
place_demand_delete(struct exchange *exchange, const struct place *place)
{
	if (place->node != NULL && !place->slash_on_file &&
	    rights_hold(&place->rights, ATOM(STAT)) &&
	    may_delete_own(exchange, place))
		return OK;
	return place_demand(exchange, place, ATOM(DELETE));
}
