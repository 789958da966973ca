/*
 * What an element holds, as text that stands alone: everything between the
 * name in its start tag and its end tag. `<p:name xmlns:p="..."` before it and
 * `</p:name>` behind it make the element again. The tree is walked by hand:
 * libxml2's helpers allocate, and tell want of memory as "there is none".
 */
#include "dav/xml.h"

#include "server/base/encode.h"

static void
element_write(struct buffer *out, const xmlNode *node);

static void
declaration_write(struct buffer *out, const xmlNs *ns)
{
	buffer_append(out, TEXT(" xmlns"));
	if (ns->prefix != NULL) {
		buffer_append_byte(out, ':');
		buffer_append(out, text_from((const char *)ns->prefix));
	}
	buffer_append(out, TEXT("=\""));
	xml_escape(out, text_from((const char *)ns->href));
	buffer_append_byte(out, '"');
}

static void
name_write(struct buffer *out, const xmlNs *ns, const xmlChar *name)
{
	if (ns != NULL && ns->prefix != NULL) {
		buffer_append(out, text_from((const char *)ns->prefix));
		buffer_append_byte(out, ':');
	}
	buffer_append(out, text_from((const char *)name));
}

/* Quoted. Without a DTD a value is nothing but text. */
static void
value_write(struct buffer *out, const xmlAttr *attribute)
{
	buffer_append(out, TEXT("=\""));
	for (const xmlNode *c = attribute->children; c != NULL; c = c->next)
		if (c->type == XML_TEXT_NODE)
			xml_escape(out, text_from((const char *)c->content));
	buffer_append_byte(out, '"');
}

static void
attributes_write(struct buffer *out, const xmlNode *node)
{
	for (xmlAttr *a = node->properties; a != NULL; a = a->next) {
		buffer_append_byte(out, ' ');
		name_write(out, a->ns, a->name);
		value_write(out, a);
	}
}

/* Comments and instructions are no part of a value (RFC 4918 4.3). */
static void
content_write(struct buffer *out, const xmlNode *node)
{
	for (const xmlNode *c = node->children; c != NULL; c = c->next) {
		if (c->type == XML_ELEMENT_NODE)
			element_write(out, c);
		else if (c->type == XML_TEXT_NODE ||
		    c->type == XML_CDATA_SECTION_NODE)
			xml_escape(out, text_from((const char *)c->content));
	}
}

/* The depth of a tree is at most limits.xml_depth. */
static void
element_write(struct buffer *out, const xmlNode *node)
{
	buffer_append_byte(out, '<');
	name_write(out, node->ns, node->name);
	for (const xmlNs *ns = node->nsDef; ns != NULL; ns = ns->next)
		declaration_write(out, ns);
	attributes_write(out, node);
	if (node->children == NULL) {
		buffer_append(out, TEXT("/>"));
		return;
	}
	buffer_append_byte(out, '>');
	content_write(out, node);
	buffer_append(out, TEXT("</"));
	name_write(out, node->ns, node->name);
	buffer_append_byte(out, '>');
}

static bool
attributes_use(const xmlNode *node, const xmlNs *ns)
{
	for (const xmlAttr *a = node->properties; a != NULL; a = a->next)
		if (a->ns == ns)
			return true;
	return false;
}

/* Something below the element was read with this declaration. */
static bool
content_uses(const xmlNode *node, const xmlNs *ns)
{
	for (const xmlNode *c = node->children; c != NULL; c = c->next) {
		if (c->type != XML_ELEMENT_NODE)
			continue;
		if (c->ns == ns || attributes_use(c, ns) || content_uses(c, ns))
			return true;
	}
	return false;
}

/* A declaration that a nearer one hides is used by nothing below. */
static void
scope_write(struct buffer *out, const xmlNode *node)
{
	for (const xmlNode *up = node;
	    up != NULL && up->type == XML_ELEMENT_NODE; up = up->parent)
		for (const xmlNs *ns = up->nsDef; ns != NULL; ns = ns->next)
			if (attributes_use(node, ns) || content_uses(node, ns))
				declaration_write(out, ns);
}

/* The language that is in force counts, wherever it was set (4.3). */
static void
language_write(struct buffer *out, const xmlNode *node)
{
	const xmlAttr *language = xmlHasNsProp(node, BAD_CAST "lang",
	    XML_XML_NAMESPACE);

	if (language != NULL)
		return; /* among its own attributes */
	for (const xmlNode *up = node->parent;
	    language == NULL && up != NULL && up->type == XML_ELEMENT_NODE;
	    up = up->parent)
		language = xmlHasNsProp(up, BAD_CAST "lang", XML_XML_NAMESPACE);
	if (language == NULL)
		return;
	buffer_append(out, TEXT(" xml:lang"));
	value_write(out, language);
}

struct text
xml_inner(struct arena *arena, const xmlNode *node)
{
	struct buffer out = { 0 };
	struct text text;

	scope_write(&out, node);
	language_write(&out, node);
	attributes_write(&out, node);
	buffer_append_byte(&out, '>');
	content_write(&out, node);
	text = arena_copy(arena, buffer_text(&out));
	buffer_done(&out);
	return text;
}
