/*
 * What is asked for, made ready once per request: each name with its row and
 * its tags, so that a member costs no look-up and no formatting of names.
 */
#include "dav/property.h"

#include <string.h>

#include "dav/precondition.h"
#include "dav/properties.h"
#include "server/base/encode.h"

struct prefix {
	const char *space, *prefix;
};

/* Declared by xml_multistatus_begin(). */
static const struct prefix prefixes[] = {
	{ "DAV:", "d" },
	{ "urn:celldav:", "cd" },
};

static const char *
prefix_find(struct text space)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (text_equal(space, text_from(prefixes[i].space)))
			return prefixes[i].prefix;
	return NULL;
}

static void
tags_make(struct exchange *exchange, struct property_name *name)
{
	const char *prefix = prefix_find(name->space);
	struct buffer out = { 0 };

	if (prefix != NULL) {
		buffer_format(&out, "<%s:%.*s>", prefix, TEXT_ARGS(name->name));
		name->open = exchange_keep(exchange, &out);
		name->close = arena_format(exchange->arena, "</%s:%.*s>",
		    prefix, TEXT_ARGS(name->name));
		return;
	}
	if (name->space.len == 0)
		buffer_format(&out, "<%.*s xmlns=\"\">", TEXT_ARGS(name->name));
	else {
		buffer_format(&out, "<x:%.*s xmlns:x=\"",
		    TEXT_ARGS(name->name));
		xml_escape(&out, name->space);
		buffer_append(&out, TEXT("\">"));
	}
	name->open = exchange_keep(exchange, &out);
	name->close = arena_format(exchange->arena, "</%s%.*s>",
	    name->space.len == 0 ? "" : "x:", TEXT_ARGS(name->name));
}

void
property_name_make(struct exchange *exchange, struct text space,
    struct text local, struct property_name *ret_name)
{
	*ret_name = (struct property_name){
		.space = arena_copy(exchange->arena, space),
		.name = arena_copy(exchange->arena, local),
		.live = live_property_find(space, local),
	};
	tags_make(exchange, ret_name);
}

/* A name asked twice is answered once (RFC 4918 9.1). */
static bool
name_doubled(const struct property_query *query, const xmlNode *element)
{
	for (size_t i = 0; i < query->count; i++)
		if (text_equal(query->name[i].name, xml_name(element)) &&
		    text_equal(query->name[i].space, xml_space(element)))
			return true;
	return false;
}

enum outcome
property_query_names(struct exchange *exchange, const xmlNode *prop,
    struct property_query *query)
{
	uint64_t most = exchange->conf->limits.xml_properties;
	size_t count = 0;

	for (xmlNode *element = xml_next_element(prop->children);
	    element != NULL; element = xml_next_element(element->next))
		count++;
	if (count > most)
		return TOO_LARGE;
	query->ask = query->ask == ASK_ALLPROP ? ASK_ALLPROP : ASK_NAMED;
	query->name = ARENA_ARRAY(exchange->arena, count + 1,
	    struct property_name);
	for (xmlNode *element = xml_next_element(prop->children);
	    element != NULL; element = xml_next_element(element->next))
		if (!name_doubled(query, element))
			property_name_make(exchange, xml_space(element),
			    xml_name(element), &query->name[query->count++]);
	return OK;
}

/* All that allprop or propname mean, and what DAV:include adds. */
static enum outcome
query_all(struct exchange *exchange, const xmlNode *include,
    struct property_query *query)
{
	struct property_query more = { .ask = ASK_NAMED };
	enum outcome outcome = include != NULL ?
	    property_query_names(exchange, include, &more) :
	    OK;

	if (outcome != OK)
		return outcome;
	query->name = ARENA_ARRAY(exchange->arena,
	    live_property_count + more.count + 1, struct property_name);
	for (size_t i = 0; i < live_property_count; i++) {
		const struct live_property *live = live_properties[i];

		if (query->ask == ASK_PROPNAME ||
		    (live->flags & PROPERTY_ALLPROP) != 0)
			property_name_make(exchange, text_from(live->space),
			    text_from(live->name),
			    &query->name[query->count++]);
	}
	for (size_t i = 0; i < more.count; i++)
		if (more.name[i].live == NULL ||
		    (more.name[i].live->flags & PROPERTY_ALLPROP) == 0)
			query->name[query->count++] = more.name[i];
	return OK;
}

enum outcome
property_query_parse(struct exchange *exchange, const xmlNode *propfind,
    struct property_query *ret_query)
{
	struct property_query query = { .ask = ASK_ALLPROP,
		.minimal = prefers_minimal(exchange->request) };
	xmlNode *prop = NULL, *all = NULL, *names = NULL;
	enum outcome outcome;

	if (propfind != NULL) {
		prop = xml_child(propfind, "DAV:", "prop");
		all = xml_child(propfind, "DAV:", "allprop");
		names = xml_child(propfind, "DAV:", "propname");
		if ((prop != NULL) + (all != NULL) + (names != NULL) != 1)
			return BAD_INPUT;
	}
	if (prop != NULL) {
		query.ask = ASK_NAMED;
		outcome = property_query_names(exchange, prop, &query);
	} else {
		query.ask = names != NULL ? ASK_PROPNAME : ASK_ALLPROP;
		outcome = query_all(exchange,
		    all != NULL ? xml_child(propfind, "DAV:", "include") : NULL,
		    &query);
	}
	if (outcome == OK)
		*ret_query = query;
	return outcome;
}
