/*
 * Bodies. Whatever is accepted has no DOCTYPE and keeps the limits; what
 * xml_inner() makes of an element can be parsed again, and then gives the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dav/xml.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static void
check_depth(const xmlNode *node, size_t depth, const struct conf *conf)
{
	need(depth <= conf->limits.xml_depth);
	for (; node != NULL; node = node->next)
		if (node->type == XML_ELEMENT_NODE)
			check_depth(node->children, depth + 1, conf);
}

/* As it is kept in the store, and shown again. */
static struct text
element_text(struct arena *arena, const xmlNode *node)
{
	struct buffer out = { 0 };
	struct text text;

	buffer_append(&out, TEXT("<d:out xmlns:d=\"DAV:\">"));
	xml_element(&out, xml_space(node), xml_name(node),
	    xml_inner(arena, node));
	buffer_append(&out, TEXT("</d:out>"));
	text = arena_copy(arena, buffer_text(&out));
	buffer_done(&out);
	return text;
}

static void
check_element(struct arena *arena, const struct conf *conf, const xmlNode *node)
{
	SCOPED(xml_doc) xmlDoc *doc = NULL;
	struct conf wide = *conf;
	const xmlNode *again;

	/* It stands one level deeper, and declares what it inherited. */
	wide.limits.xml_depth++;
	wide.limits.xml_properties *= 8;
	need(xml_parse(element_text(arena, node), &wide, &doc) == OK);
	again = xml_next_element(xmlDocGetRootElement(doc)->children);
	need(again != NULL);
	need(text_equal(xml_name(node), xml_name(again)));
	need(text_equal(xml_space(node), xml_space(again)));
	need(text_equal(xml_text(arena, node), xml_text(arena, again)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf *conf;
	SCOPED(xml_doc) xmlDoc *doc = NULL;
	struct arena *arena;

	if (conf == NULL)
		conf = conf_defaults();
	if (xml_parse((struct text){ (const char *)data, size }, conf, &doc) !=
	    OK)
		return 0;
	arena = arena_new();
	need(xmlGetIntSubset(doc) == NULL);
	check_depth(xmlDocGetRootElement(doc), 0, conf);
	check_element(arena, conf, xmlDocGetRootElement(doc));
	arena_free(arena);
	return 0;
}
