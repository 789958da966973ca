/*
 * Who one is and what one may: RFC 5397, and the readable half of RFC 3744.
 * Atoms are privileges of the namespace cd:, each inside one of RFC 3744; an
 * aggregate is shown when all its atoms are held.
 */
#include "dav/properties.h"

#include <string.h>

#include "server/base/encode.h"

void
principal_href_write(struct buffer *out, struct text name)
{
	buffer_append(out, TEXT("<d:href>/principals/"));
	percent_encode_segment(out, name);
	buffer_append(out, TEXT("/</d:href>"));
}

static enum outcome
current_user_principal_write(const struct property_target *target,
    struct buffer *out)
{
	const struct principal *principal = &target->exchange->principal;

	if (principal->kind == PRINCIPAL_NONE)
		buffer_append(out, TEXT("<d:unauthenticated/>"));
	else
		principal_href_write(out, principal->name);
	return OK;
}

static enum outcome
principal_url_write(const struct property_target *target, struct buffer *out)
{
	if (!target->is_principal)
		return NOT_FOUND;
	principal_href_write(out, target->exchange->principal.name);
	return OK;
}

static enum outcome
principal_collection_set_write(const struct property_target *target,
    struct buffer *out)
{
	(void)target;
	buffer_append(out, TEXT("<d:href>/principals/</d:href>"));
	return OK;
}

/* Another's name is for those who may read who has access. */
static enum outcome
owner_write(const struct property_target *target, struct buffer *out)
{
	const struct principal *self = &target->exchange->principal;
	struct user user;
	enum outcome outcome;

	if (target->cell == NULL || target->node == NULL)
		return NOT_FOUND;
	if (target->cell->owner == self->id) {
		principal_href_write(out, self->name);
		return OK;
	}
	if (!rights_hold(target->rights, ATOM(READ_ACL)))
		return FORBIDDEN;
	outcome = user_find_id(target->exchange->txn, target->cell->owner,
	    &user);
	if (outcome == OK)
		principal_href_write(out, user.name);
	return outcome;
}

static const char *const aggregates[] = { "read", "bind", "unbind",
	"write-content", "write-properties", "read-acl", "write-acl",
	"unlock" };

/* All atoms inside an RFC 3744 privilege; 0: it has none. */
static atom_set
aggregate_atoms(const char *name)
{
	atom_set atoms = 0;

	for (size_t i = 0; i < ATOM_COUNT; i++)
		if (atom_rows[i].inside != NULL &&
		    strcmp(atom_rows[i].inside, name) == 0)
			atoms |= (atom_set)1 << atom_rows[i].atom;
	if (strcmp(name, "unlock") == 0 || strcmp(name, "write-acl") == 0)
		atoms |= ATOM(MANAGE);
	return atoms;
}

static void
privilege_write(struct buffer *out, const char *prefix, const char *name)
{
	buffer_format(out, "<d:privilege><%s:%s/></d:privilege>", prefix, name);
}

/* What is held on this node: a rename may be for one's own only. */
static atom_set
target_atoms(const struct property_target *target)
{
	const struct rights *rights = target->rights;

	if ((rights->rules & RULE_RENAME_OWN) == 0 || target->node == NULL ||
	    target->node->creator == target->exchange->principal.id)
		return rights->atoms;
	return rights->atoms & ~ATOM(RENAME);
}

static enum outcome
current_user_privilege_set_write(const struct property_target *target,
    struct buffer *out)
{
	atom_set held = target_atoms(target);
	atom_set write = aggregate_atoms("bind") | aggregate_atoms("unbind") |
	    aggregate_atoms("write-content") |
	    aggregate_atoms("write-properties");

	for (size_t i = 0; i < ATOM_COUNT; i++)
		if ((held & (atom_set)1 << atom_rows[i].atom) != 0)
			privilege_write(out, "cd", atom_rows[i].name);
	for (size_t i = 0; i < sizeof(aggregates) / sizeof(aggregates[0]);
	    i++) {
		atom_set atoms = aggregate_atoms(aggregates[i]);

		if (atoms != 0 && (held & atoms) == atoms)
			privilege_write(out, "d", aggregates[i]);
	}
	if ((held & write) == write)
		privilege_write(out, "d", "write");
	if ((held & ATOM(STAT)) != 0)
		privilege_write(out, "d", "read-current-user-privilege-set");
	if (held == ATOMS_ALL)
		privilege_write(out, "d", "all");
	return OK;
}

static void
supported_begin(struct buffer *out, const char *prefix, const char *name,
    const char *text)
{
	buffer_append(out, TEXT("<d:supported-privilege>"));
	privilege_write(out, prefix, name);
	buffer_append(out, TEXT("<d:description xml:lang=\"en\">"));
	xml_escape(out, text_from(text));
	buffer_append(out, TEXT("</d:description>"));
}

static void
supported_end(struct buffer *out)
{
	buffer_append(out, TEXT("</d:supported-privilege>"));
}

static void
supported_atoms(struct buffer *out, const char *inside)
{
	for (size_t i = 0; i < ATOM_COUNT; i++) {
		const char *container = atom_rows[i].inside;

		if ((container == NULL) != (inside == NULL) ||
		    (inside != NULL && strcmp(container, inside) != 0))
			continue;
		supported_begin(out, "cd", atom_rows[i].name,
		    atom_rows[i].text);
		supported_end(out);
	}
}

static enum outcome
supported_privilege_set_write(const struct property_target *target,
    struct buffer *out)
{
	(void)target;
	supported_begin(out, "d", "all", "everything");
	for (size_t i = 0; i < sizeof(aggregates) / sizeof(aggregates[0]);
	    i++) {
		supported_begin(out, "d", aggregates[i], aggregates[i]);
		supported_atoms(out, aggregates[i]);
		supported_end(out);
	}
	supported_begin(out, "d", "read-current-user-privilege-set",
	    "see one's own privileges");
	supported_end(out);
	supported_atoms(out, NULL);
	supported_end(out);
	return OK;
}

const struct live_property property_current_user_principal = {
	.space = "DAV:",
	.name = "current-user-principal",
	.flags = PROPERTY_FIXED,
	.write = current_user_principal_write,
};

const struct live_property property_principal_url = {
	.space = "DAV:",
	.name = "principal-URL",
	.flags = PROPERTY_FIXED,
	.write = principal_url_write,
};

const struct live_property property_principal_collection_set = {
	.space = "DAV:",
	.name = "principal-collection-set",
	.flags = PROPERTY_FIXED,
	.write = principal_collection_set_write,
};

const struct live_property property_owner = {
	.space = "DAV:",
	.name = "owner",
	.write = owner_write,
};

const struct live_property property_current_user_privilege_set = {
	.space = "DAV:",
	.name = "current-user-privilege-set",
	.write = current_user_privilege_set_write,
};

const struct live_property property_supported_privilege_set = {
	.space = "DAV:",
	.name = "supported-privilege-set",
	.flags = PROPERTY_FIXED,
	.write = supported_privilege_set_write,
};
