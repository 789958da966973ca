/*
 * The instructions of a PROPPATCH or of an extended MKCOL: read in document
 * order, tried on what the resource has, and written only when all of them can
 * be done.
 */
#include "dav/patch.h"

#include <string.h>

#include "dav/xml.h"

/* Most bodies name one property, so the room grows with them. */
static struct instruction *
instruction_add(struct exchange *exchange, struct patch *patch)
{
	if (patch->count == patch->room) {
		size_t room = patch->room == 0 ? 4 : patch->room * 2;
		struct instruction *grown = ARENA_ARRAY(exchange->arena, room,
		    struct instruction);

		if (patch->count > 0)
			memcpy(grown, patch->instruction,
			    patch->count * sizeof(*grown));
		patch->instruction = grown;
		patch->room = room;
	}
	return &patch->instruction[patch->count++];
}

static enum outcome
patch_group(struct exchange *exchange, const xmlNode *group, bool remove,
    struct patch *patch)
{
	xmlNode *prop = xml_child(group, "DAV:", "prop");
	xmlNode *element = prop != NULL ? xml_next_element(prop->children) :
					  NULL;

	if (prop == NULL)
		return BAD_INPUT;
	for (; element != NULL; element = xml_next_element(element->next)) {
		struct instruction *instruction;

		if (patch->count == exchange->conf->limits.xml_properties)
			return TOO_LARGE;
		instruction = instruction_add(exchange, patch);
		property_name_make(exchange, xml_space(element),
		    xml_name(element), &instruction->name);
		instruction->remove = remove;
		instruction->text = xml_text(exchange->arena, element);
		instruction->inner = xml_inner(exchange->arena, element);
	}
	return OK;
}

enum outcome
patch_parse(struct exchange *exchange, const xmlNode *root, struct patch *patch)
{
	xmlNode *group;
	enum outcome outcome = OK;

	for (group = xml_next_element(root->children);
	    outcome == OK && group != NULL;
	    group = xml_next_element(group->next)) {
		if (xml_is(group, "DAV:", "set"))
			outcome = patch_group(exchange, group, false, patch);
		else if (xml_is(group, "DAV:", "remove"))
			outcome = patch_group(exchange, group, true, patch);
	}
	return outcome == OK && patch->count == 0 ? BAD_INPUT : outcome;
}

/* ---- Applying to what the node has ------------------------------------------ */

static struct dead_property *
dead_find(struct patch *patch, const struct property_name *name)
{
	for (size_t i = 0; i < patch->dead.count; i++) {
		struct dead_property *dead = &patch->dead.property[i];

		if (text_equal(dead->name, name->name) &&
		    text_equal(dead->space, name->space))
			return dead;
	}
	return NULL;
}

static void
dead_apply(struct patch *patch, const struct instruction *instruction)
{
	struct dead_property *dead = dead_find(patch, &instruction->name);

	if (instruction->remove) {
		if (dead != NULL)
			*dead = patch->dead.property[--patch->dead.count];
		return; /* removing what is not there succeeds */
	}
	if (dead == NULL)
		dead = &patch->dead.property[patch->dead.count++];
	*dead = (struct dead_property){ instruction->name.space,
		instruction->name.name, instruction->inner };
}

static unsigned
instruction_apply(struct patch *patch, struct instruction *instruction)
{
	const struct live_property *live = instruction->name.live;

	if (live != NULL && (live->flags & PROPERTY_WRITABLE) == 0)
		return 403;
	if (live == NULL || live->set == NULL) {
		dead_apply(patch, instruction);
		return 0;
	}
	if (instruction->remove)
		return 403;
	return live->set(instruction->text, &patch->live) == OK ? 0 : 409;
}

enum outcome
patch_apply(struct exchange *exchange, node_id node, struct patch *patch)
{
	struct dead_properties now;
	enum outcome outcome = property_read(exchange->txn, exchange->arena,
	    node, &now);

	if (outcome != OK)
		return outcome;
	patch->dead.property = ARENA_ARRAY(exchange->arena,
	    now.count + patch->count + 1, struct dead_property);
	patch->dead.count = now.count;
	for (size_t i = 0; i < now.count; i++)
		patch->dead.property[i] = now.property[i];
	for (size_t i = 0; i < patch->count; i++) {
		struct instruction *instruction = &patch->instruction[i];

		instruction->status = 0; /* of an earlier run */
		if (instruction->given)
			continue;
		instruction->status = instruction_apply(patch, instruction);
		patch->refused |= instruction->status != 0;
	}
	return OK;
}

/* ---- Answer ------------------------------------------------------------------- */

static void
status_write(const struct patch *patch, unsigned status, struct buffer *out)
{
	bool begun = false;

	for (size_t i = 0; i < patch->count; i++) {
		const struct instruction *done = &patch->instruction[i];
		unsigned own = done->status != 0 ? done->status :
		    patch->refused               ? 424 :
						   200;

		if (own != status)
			continue;
		if (!begun)
			buffer_append(out, TEXT("<d:propstat><d:prop>"));
		begun = true;
		buffer_append(out, done->name.open);
		buffer_append(out, done->name.close);
	}
	if (!begun)
		return;
	buffer_append(out, TEXT("</d:prop>"));
	xml_status(out, status);
	if (status == 403)
		buffer_append(out,
		    TEXT("<d:error>"
			 "<d:cannot-modify-protected-property/></d:error>"));
	buffer_append(out, TEXT("</d:propstat>"));
}

void
patch_propstats(const struct patch *patch, struct buffer *out)
{
	static const unsigned statuses[] = { 200, 403, 409, 507, 424 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		status_write(patch, statuses[i], out);
}

/* The limit on properties is met before anything is written. */
enum outcome
patch_write(struct exchange *exchange, const struct place *place,
    struct patch *patch)
{
	struct tree_actor actor = exchange_actor(exchange);
	enum outcome outcome = property_write(exchange->txn, exchange->conf,
	    place->node->id, &patch->dead);

	if (outcome == TOO_LARGE) {
		patch->refused = true;
		for (size_t i = 0; i < patch->count; i++)
			patch->instruction[i].status = 507;
		return OK;
	}
	if (outcome == OK)
		outcome = tree_set_flag(exchange->txn, &place->trail,
		    NODE_HAS_PROPERTIES, patch->dead.count > 0);
	if (outcome == OK &&
	    (patch->live.created_ns != 0 || patch->live.modified_ns != 0))
		return tree_set_times(exchange->txn, &place->trail, &actor,
		    patch->live.created_ns, patch->live.modified_ns);
	if (outcome == OK)
		outcome = tree_touch(exchange->txn, &place->trail, &actor);
	return outcome;
}
