/*
 * REPORT (RFC 3253 3.6): a report is a row. Today sync-collection (RFC 6578).
 */
#include "dav/methods.h"
#include "dav/precondition.h"
#include "dav/sync.h"
#include "dav/xml.h"

struct report {
	const char *space, *name;
	atom_set needed;
	enum outcome (*run)(struct exchange *exchange,
	    const struct place *place, const xmlNode *root);
};

static const struct report reports[] = {
	{ "DAV:", "sync-collection", ATOM(STAT) | ATOM(LIST), sync_report },
};

static const struct report *
report_find(const xmlNode *root)
{
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
		if (xml_is(root, reports[i].space, reports[i].name))
			return &reports[i];
	return NULL;
}

static enum outcome
report_check(struct exchange *exchange, struct place *place)
{
	struct if_header header;
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    place);

	if (outcome == OK && place->scope == SCOPE_CELL && place->node == NULL)
		return NOT_FOUND;
	if (outcome == OK)
		outcome = place_demand(exchange, place, ATOM(STAT));
	if (outcome == OK)
		outcome = request_if(exchange, &header);
	return outcome == OK ? if_judge(exchange, &header, place) : outcome;
}

static enum outcome
report_admit(struct exchange *exchange, enum lane *lane)
{
	struct place place;

	return place_admit(exchange, report_check(exchange, &place), lane);
}

static enum outcome
report_unsupported(struct exchange *exchange)
{
	exchange->problem.condition = "supported-report";
	return FORBIDDEN;
}

static enum outcome
report_run(struct exchange *exchange)
{
	SCOPED(xml_doc) xmlDoc *doc = NULL;
	const struct report *report;
	struct place place;
	enum outcome outcome = report_check(exchange, &place);

	if (outcome == OK)
		outcome = xml_parse(exchange->body, exchange->conf, &doc);
	if (outcome != OK)
		return outcome;
	report = report_find(xmlDocGetRootElement(doc));
	if (report == NULL || place.node == NULL ||
	    place.node->kind != NODE_COLLECTION)
		return report_unsupported(exchange);
	outcome = place_demand(exchange, &place, report->needed);
	return outcome == OK ?
	    report->run(exchange, &place, xmlDocGetRootElement(doc)) :
	    outcome;
}

const struct method method_report = {
	.name = "REPORT",
	.body = METHOD_BODY_XML,
	.lane = LANE_INLINE,
	.flags = METHOD_SAFE | METHOD_LARGE_SLOW,
	.admit = report_admit,
	.run = report_run,
};
