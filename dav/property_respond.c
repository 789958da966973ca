/*
 * One DAV:response. What is found is written as it comes; what is not is
 * remembered in the query's names and follows in a propstat of its own.
 */
#include "dav/properties.h"
#include "dav/property_plan.h"
#include "dav/xml.h"
#include "server/base/encode.h"

struct answer {
	const struct property_target *target;
	const struct property_query *query;
	struct dead_properties dead;
	struct buffer *out;
	struct property_shape *shape; /* being recorded; NULL: values count */
};

static void
hole_add(struct answer *answer, const struct live_property *live)
{
	struct property_shape *shape = answer->shape;

	shape->hole[shape->count++] = (struct property_hole){
		.at = answer->out->len, .live = live
	};
}

/* Whether what was found holds for all members of the shape. */
static bool
is_steady(const struct answer *answer, const struct live_property *live,
    enum outcome outcome)
{
	unsigned other = answer->target->node->kind == NODE_FILE ?
	    PROPERTY_COLLECTION :
	    PROPERTY_FILE;

	return (live->flags & PROPERTY_FIXED) != 0 || live->put != NULL ||
	    ((live->flags & other) != 0 && outcome == NOT_FOUND);
}

/* Takes a value back, where each member of the shape has its own. */
static void
live_record(struct answer *answer, const struct live_property *live,
    size_t begin, enum outcome outcome)
{
	if (!is_steady(answer, live, outcome))
		answer->shape->unfit = true;
	if (outcome != OK || live->put == NULL)
		return;
	answer->out->len = begin;
	hole_add(answer, live);
}

static const struct dead_property *
dead_find(const struct answer *answer, const struct property_name *name)
{
	for (size_t i = 0; i < answer->dead.count; i++) {
		const struct dead_property *dead = &answer->dead.property[i];

		if (text_equal(dead->name, name->name) &&
		    text_equal(dead->space, name->space))
			return dead;
	}
	return NULL;
}

/* Undone when the resource does not have it: nothing of it may stay. */
static enum outcome
live_write(struct answer *answer, const struct property_name *name)
{
	size_t mark = answer->out->len;
	enum outcome outcome;

	buffer_append(answer->out, name->open);
	outcome = name->live->write(answer->target, answer->out);
	if (answer->shape != NULL)
		live_record(answer, name->live, mark + name->open.len, outcome);
	if (outcome == OK && answer->query->ask == ASK_PROPNAME)
		answer->out->len = mark + name->open.len;
	if (outcome == OK)
		buffer_append(answer->out, name->close);
	else
		answer->out->len = mark;
	return outcome;
}

static enum outcome
name_write(struct answer *answer, struct property_name *name)
{
	const struct dead_property *dead = NULL;
	enum outcome outcome = OK;

	if (name->live == NULL || (name->live->flags & PROPERTY_WRITABLE) != 0)
		dead = dead_find(answer, name);
	if (dead != NULL && answer->query->ask != ASK_PROPNAME)
		xml_element(answer->out, dead->space, dead->name, dead->value);
	else if (name->live != NULL)
		outcome = live_write(answer, name);
	else
		outcome = NOT_FOUND;
	name->answer = outcome == OK ? 200 :
	    outcome == NOT_FOUND     ? 404 :
	    outcome == FORBIDDEN     ? 403 :
				       500;
	return outcome == NOT_FOUND || outcome == FORBIDDEN ? OK : outcome;
}

/* Dead ones that allprop and propname show without being named. */
static void
dead_write(struct answer *answer)
{
	for (size_t i = 0; i < answer->dead.count; i++) {
		const struct dead_property *dead = &answer->dead.property[i];

		if (live_property_find(dead->space, dead->name) == NULL)
			xml_element(answer->out, dead->space, dead->name,
			    answer->query->ask == ASK_ALLPROP ? dead->value :
								TEXT_NONE);
	}
}

static void
propstat_end(struct buffer *out, unsigned status)
{
	buffer_append(out, TEXT("</d:prop>"));
	xml_status(out, status);
	buffer_append(out, TEXT("</d:propstat>"));
}

/* Names that were refused with this status; nothing when there are none. */
static void
refused_write(struct answer *answer, unsigned status)
{
	const struct property_query *query = answer->query;
	bool begun = false;

	for (size_t i = 0; i < query->count; i++) {
		if (query->name[i].answer != status)
			continue;
		if (!begun)
			buffer_append(answer->out,
			    TEXT("<d:propstat><d:prop>"));
		begun = true;
		buffer_append(answer->out, query->name[i].open);
		buffer_append(answer->out, query->name[i].close);
	}
	if (begun)
		propstat_end(answer->out, status);
}

static enum outcome
found_write(struct answer *answer)
{
	const struct property_query *query = answer->query;
	size_t begin = answer->out->len, empty;
	enum outcome outcome = OK;

	buffer_append(answer->out, TEXT("<d:propstat><d:prop>"));
	empty = answer->out->len;
	for (size_t i = 0; outcome == OK && i < query->count; i++)
		outcome = name_write(answer, &query->name[i]);
	if (outcome != OK)
		return outcome;
	if (query->ask != ASK_NAMED)
		dead_write(answer);
	if (answer->out->len == empty && query->count > 0 && !query->minimal)
		answer->out->len = begin;
	else /* RFC 8144 2.1: at least one propstat */
		propstat_end(answer->out, 200);
	return OK;
}

static bool
dead_wanted(const struct answer *answer)
{
	return answer->target->node != NULL &&
	    (answer->target->node->flags & NODE_HAS_PROPERTIES) != 0;
}

static void
href_write(struct answer *answer)
{
	buffer_append(answer->out, TEXT("<d:href>"));
	if (answer->shape != NULL)
		hole_add(answer, NULL);
	else
		xml_escape(answer->out, answer->target->href);
	buffer_append(answer->out, TEXT("</d:href>"));
}

static enum outcome
answer_write(struct answer *answer)
{
	const struct property_query *query = answer->query;
	enum outcome outcome;

	buffer_append(answer->out, TEXT("<d:response>"));
	href_write(answer);
	outcome = found_write(answer);
	if (outcome != OK)
		return outcome;
	/* allprop names only what is there (RFC 4918 9.1.5). */
	if (query->ask == ASK_NAMED) {
		if (!query->minimal)
			refused_write(answer, 404);
		refused_write(answer, 403);
	}
	buffer_append(answer->out, TEXT("</d:response>"));
	return OK;
}

enum outcome
property_respond(const struct property_target *target,
    const struct property_query *query, struct buffer *out)
{
	struct answer answer = { .target = target, .query = query, .out = out };
	enum outcome outcome = OK;

	if (dead_wanted(&answer))
		outcome = property_read(target->exchange->txn,
		    target->exchange->arena, target->node->id, &answer.dead);
	return outcome == OK ? answer_write(&answer) : outcome;
}

enum outcome
property_record(const struct property_target *target,
    const struct property_query *query, struct property_shape *shape,
    struct buffer *out)
{
	struct answer answer = {
		.target = target, .query = query, .out = out, .shape = shape
	};

	return answer_write(&answer);
}
