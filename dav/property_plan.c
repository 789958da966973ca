#include "dav/property_plan.h"

#include <string.h>

#include "server/base/encode.h"

/*
 * What a member may differ in beside the values of holes: its own dead
 * properties, a lock that covers it, a display name of its own.
 */
static bool
member_is_plain(const struct property_target *target)
{
	uint32_t flags = NODE_HAS_PROPERTIES | NODE_HAS_LOCKS;

	if (target->node == NULL || target->is_mount_root ||
	    target->is_principal || (target->node->flags & flags) != 0)
		return false;
	for (size_t i = 0; i < target->trail->count; i++)
		if ((target->trail->node[i].flags & NODE_HAS_LOCKS) != 0)
			return false;
	return true;
}

static bool
shape_fits(const struct property_shape *shape,
    const struct property_target *target)
{
	return shape->kind == target->node->kind &&
	    shape->atoms == target->rights->atoms &&
	    shape->rules == target->rights->rules;
}

/* Room for the fixed text and for the widest value of each hole. */
static size_t
shape_most(const struct property_shape *shape)
{
	size_t most = shape->fixed.len;

	for (size_t i = 0; i < shape->count; i++)
		most += shape->hole[i].live != NULL ?
		    shape->hole[i].live->put_most :
		    3 * PATH_SEGMENT_MAX + sizeof("/");
	return most;
}

/* Shapes outlive the block in which they are made. */
static void
shape_make(struct property_plan *plan, const struct property_target *target,
    struct property_shape *shape)
{
	const struct property_query *query = plan->query;
	struct arena *arena = target->exchange->request->arena;
	struct buffer out = { 0 };

	*shape = (struct property_shape){
		.kind = target->node->kind,
		.atoms = target->rights->atoms,
		.rules = target->rights->rules,
		.unfit = query->ask == ASK_PROPNAME,
		.hole = ARENA_ARRAY(arena, query->count + 1,
		    struct property_hole),
	};
	if (!shape->unfit)
		shape->unfit = property_record(target, query, shape, &out) !=
			OK ||
		    shape->unfit || out.overflow;
	shape->fixed = arena_copy(arena, buffer_text(&out));
	shape->most = shape_most(shape);
	buffer_done(&out);
}

static const struct property_shape *
shape_find(struct property_plan *plan, const struct property_target *target)
{
	for (size_t i = 0; i < plan->count; i++)
		if (shape_fits(&plan->shape[i], target))
			return &plan->shape[i];
	if (plan->count == PROPERTY_SHAPES_MAX)
		return NULL;
	shape_make(plan, target, &plan->shape[plan->count]);
	return &plan->shape[plan->count++];
}

static char *
put_bytes(char *at, const char *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

/* Nothing that percent-encoding leaves as it is needs an entity. */
static char *
put_href(char *at, struct text folder, const struct node *node)
{
	at = put_bytes(at, folder.ptr, folder.len);
	at = percent_put_segment(at, node->name);
	if (node->kind == NODE_COLLECTION)
		*at++ = '/';
	return at;
}

bool
property_plan_write(struct property_plan *plan,
    const struct property_target *target, struct text folder,
    struct buffer *out)
{
	const struct property_shape *shape;
	char *begin, *at;
	size_t done = 0;

	if (!member_is_plain(target))
		return false;
	shape = shape_find(plan, target);
	if (shape == NULL || shape->unfit)
		return false;
	begin = at = buffer_room(out, shape->most + folder.len);
	if (at == NULL)
		return true; /* the overflow is the caller's to see */
	for (size_t i = 0; i < shape->count; i++) {
		const struct property_hole *hole = &shape->hole[i];

		at = put_bytes(at, shape->fixed.ptr + done, hole->at - done);
		done = hole->at;
		at = hole->live != NULL ?
		    hole->live->put(target, &plan->dates, at) :
		    put_href(at, folder, target->node);
	}
	at = put_bytes(at, shape->fixed.ptr + done, shape->fixed.len - done);
	buffer_added(out, (size_t)(at - begin));
	return true;
}
