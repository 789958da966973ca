#pragma once

#include <libxml/tree.h>

#include "dav/exchange.h"
#include "server/base/buffer.h"
#include "server/base/scope.h"

/*
 * XML in by libxml2, bounded: no DTD (a DOCTYPE is BAD_INPUT in the SAX
 * layer), no entities but the five, no network, at most limits.xml_depth
 * levels and a bounded number of elements, attributes and namespaces; UTF-8 or
 * UTF-16; undeclared prefixes are BAD_INPUT. Any thread.
 */
enum outcome
xml_parse(struct text bytes, const struct conf *conf, xmlDoc **ret_doc)
    MUST_CHECK;

void
xml_doc_free(xmlDoc *doc);

SCOPE_END(xml_doc, xmlDoc *, xml_doc_free)

/* The node is the element {space}name. */
bool
xml_is(const xmlNode *node, const char *space, const char *name);

/* Local name, borrowed from the document. */
struct text
xml_name(const xmlNode *node);

/* Namespace, borrowed; empty: none. */
struct text
xml_space(const xmlNode *node);

/* First child element of that name, NULL. */
xmlNode *
xml_child(const xmlNode *node, const char *space, const char *name);

/* Next element at or after `node` among its siblings, NULL. */
xmlNode *
xml_next_element(xmlNode *node);

/* All character data below, in the arena. */
struct text
xml_text(struct arena *arena, const xmlNode *node);

/*
 * What an element holds, serialised so that it stands alone with the prefixes
 * and the xml:lang in force: all between the name in its start tag and its end
 * tag. For dead properties and DAV:owner; xml_element() makes it whole again.
 */
struct text
xml_inner(struct arena *arena, const xmlNode *node);

#define XML_DECLARATION "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
#define XML_NAMESPACES "xmlns:d=\"DAV:\" xmlns:cd=\"urn:celldav:\""

/* <?xml ...?><d:multistatus xmlns:d="DAV:" ...> and its end. */
void
xml_multistatus_begin(struct buffer *out);

void
xml_multistatus_end(struct buffer *out);

/* One response that has a status and perhaps a DAV:error. */
void
xml_response_status(struct buffer *out, struct text href, enum outcome outcome,
    const struct problem *problem);

void
xml_href(struct buffer *out, struct text href);

/* <d:status>HTTP/1.1 200 OK</d:status> */
void
xml_status(struct buffer *out, unsigned status);

/* An element of any namespace around what xml_inner() made; empty: none. */
enum { XML_PREFIX_SIZE = 16 };

void
xml_element(struct buffer *out, struct text space, struct text name,
    struct text inner);

/* Makes the buffer the body of the response, and empties it. TOO_LARGE. */
enum outcome
xml_respond(struct exchange *exchange, unsigned status, struct buffer *out)
    MUST_CHECK;
