/*
 * XML in. The bytes become UTF-8 here, their shape is bounded (xml_scan.h),
 * and only then libxml2 builds a tree, with a SAX handler that stops at a
 * DOCTYPE however it got there: no entity is ever declared, so none is ever
 * expanded and nothing is ever fetched (reliability.md V01, V02).
 */
#include "dav/xml.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "dav/xml_scan.h"
#include "server/base/encode.h"
#include "server/base/memory.h"

static pthread_once_t parser_once = PTHREAD_ONCE_INIT;

static void
subset_refuse(void *context, const xmlChar *name, const xmlChar *external,
    const xmlChar *system)
{
	xmlParserCtxt *parser = context;

	(void)name; /* whatever it says, it is refused */
	(void)external;
	(void)system;
	parser->wellFormed = 0;
	xmlStopParser(parser);
}

static void
utf8_append(struct buffer *out, uint32_t code)
{
	if (code < 0x80) {
		buffer_append_byte(out, (char)code);
		return;
	}
	if (code < 0x800) {
		buffer_append_byte(out, (char)(0xc0 | code >> 6));
	} else {
		if (code < 0x10000) {
			buffer_append_byte(out, (char)(0xe0 | code >> 12));
		} else {
			buffer_append_byte(out, (char)(0xf0 | code >> 18));
			buffer_append_byte(out,
			    (char)(0x80 | (code >> 12 & 0x3f)));
		}
		buffer_append_byte(out, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	buffer_append_byte(out, (char)(0x80 | (code & 0x3f)));
}

static uint32_t
utf16_unit(struct text bytes, size_t at, bool big)
{
	unsigned char first = (unsigned char)bytes.ptr[at];
	unsigned char second = (unsigned char)bytes.ptr[at + 1];

	return big ? (uint32_t)first << 8 | second :
		     (uint32_t)second << 8 | first;
}

/* RFC 2781 2.2; a lone surrogate is an error. */
static enum outcome
utf16_decode(struct text bytes, bool big, struct buffer *out)
{
	if (bytes.len % 2 != 0)
		return BAD_INPUT;
	for (size_t i = 0; i < bytes.len; i += 2) {
		uint32_t code = utf16_unit(bytes, i, big), low;

		if (code >= 0xd800 && code < 0xe000) {
			if (code >= 0xdc00 || i + 4 > bytes.len)
				return BAD_INPUT;
			i += 2;
			low = utf16_unit(bytes, i, big);
			if (low < 0xdc00 || low >= 0xe000)
				return BAD_INPUT;
			code = 0x10000 + ((code - 0xd800) << 10) +
			    (low - 0xdc00);
		}
		utf8_append(out, code);
	}
	return OK;
}

/* UTF-16 by its byte order mark, or by the first '<' (XML 1.0 appendix F). */
static bool
bytes_are_utf16(struct text bytes, bool *ret_big, size_t *ret_mark)
{
	static const struct {
		const char *bytes;
		bool big;
		size_t mark;
	} starts[] = {
		{ "\xfe\xff", true, 2 },
		{ "\xff\xfe", false, 2 },
		{ "\0<", true, 0 },
		{ "<\0", false, 0 },
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (!text_starts(bytes, (struct text){ starts[i].bytes, 2 }))
			continue;
		*ret_big = starts[i].big;
		*ret_mark = starts[i].mark;
		return true;
	}
	return false;
}

/*
 * What the declaration says (XML 1.0 4.3.3) must be what the bytes are, as far
 * as a declaration can say it: any Unicode encoding, or ASCII.
 */
static bool
declaration_is_known(struct text bytes)
{
	struct text rest, name;
	size_t at;

	if (!text_starts(bytes, TEXT("<?xml")))
		return true;
	rest = text_slice(bytes, 0, text_find_text(bytes, TEXT("?>")));
	at = text_find_text(rest, TEXT("encoding"));
	if (at == rest.len)
		return true;
	rest = text_slice(rest, at, rest.len);
	rest = text_slice(rest, text_find(rest, '=') + 1, rest.len);
	while (rest.len > 0 && (unsigned char)rest.ptr[0] <= ' ')
		rest = text_slice(rest, 1, rest.len);
	if (rest.len == 0 || (rest.ptr[0] != '"' && rest.ptr[0] != '\''))
		return false;
	name = text_slice(rest, 1, rest.len);
	name = text_slice(name, 0, text_find(name, rest.ptr[0]));
	return text_equal_nocase(name, TEXT("utf-8")) ||
	    text_equal_nocase(name, TEXT("us-ascii")) ||
	    text_starts_nocase(name, TEXT("utf-16"));
}

static void *
parser_alloc(size_t size)
{
	return memory_resize(NULL, size);
}

static char *
parser_string(const char *string)
{
	return memory_string(text_from(string));
}

/*
 * What is parsed is bounded, so want of memory ends the process here as it
 * does elsewhere: libxml2 goes on with half of what it needs, crashes, loses
 * blocks, and drops names without a word.
 */
static void
parser_setup(void)
{
	/* It refuses only functions that are missing. */
	(void)xmlMemSetup(free, parser_alloc, memory_resize, parser_string);
	xmlInitParser();
}

static enum outcome
utf8_parse(struct text bytes, const struct conf *conf, xmlDoc **ret_doc)
{
	xmlParserCtxt *parser;
	xmlDoc *doc;
	enum outcome outcome;
	bool sound;

	if (bytes.len == 0 || bytes.len > INT_MAX || !utf8_valid(bytes) ||
	    !declaration_is_known(bytes))
		return BAD_INPUT;
	outcome = xml_scan(bytes, conf);
	if (outcome != OK)
		return outcome;
	(void)pthread_once(&parser_once, parser_setup);
	parser = xmlNewParserCtxt();
	parser->sax->internalSubset = subset_refuse;
	doc = xmlCtxtReadMemory(parser, bytes.ptr, (int)bytes.len, NULL,
	    "UTF-8",
	    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
		XML_PARSE_NOCDATA | XML_PARSE_IGNORE_ENC);
	/* Undeclared prefixes and such leave a tree, but no sound one. */
	sound = parser->wellFormed && parser->nsWellFormed;
	xmlFreeParserCtxt(parser);
	if (doc == NULL || !sound || xmlDocGetRootElement(doc) == NULL) {
		xmlFreeDoc(doc);
		return BAD_INPUT;
	}
	*ret_doc = doc;
	return OK;
}

enum outcome
xml_parse(struct text bytes, const struct conf *conf, xmlDoc **ret_doc)
{
	struct buffer utf8 = { 0 };
	enum outcome outcome;
	bool big;
	size_t mark;

	if (text_starts(bytes, TEXT("\xef\xbb\xbf")))
		bytes = text_slice(bytes, 3, bytes.len);
	if (!bytes_are_utf16(bytes, &big, &mark))
		return utf8_parse(bytes, conf, ret_doc);
	outcome = utf16_decode(text_slice(bytes, mark, bytes.len), big, &utf8);
	if (outcome == OK)
		outcome = utf8_parse(buffer_text(&utf8), conf, ret_doc);
	buffer_done(&utf8);
	return outcome;
}

void
xml_doc_free(xmlDoc *doc)
{
	xmlFreeDoc(doc);
}

bool
xml_is(const xmlNode *node, const char *space, const char *name)
{
	return node != NULL && node->type == XML_ELEMENT_NODE &&
	    text_equal(xml_name(node), text_from(name)) &&
	    text_equal(xml_space(node), text_from(space));
}

struct text
xml_name(const xmlNode *node)
{
	return text_from((const char *)node->name);
}

struct text
xml_space(const xmlNode *node)
{
	return node->ns == NULL ? TEXT_NONE :
				  text_from((const char *)node->ns->href);
}

xmlNode *
xml_child(const xmlNode *node, const char *space, const char *name)
{
	xmlNode *child = xml_next_element(node->children);

	while (child != NULL && !xml_is(child, space, name))
		child = xml_next_element(child->next);
	return child;
}

xmlNode *
xml_next_element(xmlNode *node)
{
	while (node != NULL && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

struct text
xml_text(struct arena *arena, const xmlNode *node)
{
	xmlChar *content = xmlNodeGetContent(node);
	struct text text = arena_copy(arena, text_from((const char *)content));

	xmlFree(content);
	return text;
}
