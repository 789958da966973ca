#pragma once

#include "conf/conf.h"
#include "server/base/outcome.h"
#include "server/base/text.h"

/*
 * A look at XML before a parser sees it. Parsers compare attributes and
 * namespaces of one element pairwise, so the shape of a document must be
 * bounded first. BAD_INPUT: a DOCTYPE, or deeper than limits.xml_depth.
 * TOO_LARGE: more elements or attributes than a request of
 * limits.xml_properties can need. For well-formed UTF-8 it sees every tag
 * that a parser sees; what is not well formed is the parser's to refuse.
 */
enum outcome
xml_scan(struct text bytes, const struct conf *conf) MUST_CHECK;
