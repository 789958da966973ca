#include "server/route.h"

#include "server/pages.h"

static const struct route routes[] = {
	{ .segment = "dav", .kind = ROUTE_METHODS, .doors = DOOR_PUBLIC },
	{ .segment = "principals", .kind = ROUTE_METHODS, .doors = DOOR_PUBLIC },
	{ .segment = "",
	    .kind = ROUTE_PAGE,
	    .doors = DOOR_PUBLIC,
	    .answer = page_start },
	{ .segment = ".well-known",
	    .second = "security.txt",
	    .kind = ROUTE_PAGE,
	    .doors = DOOR_PUBLIC,
	    .alone = true,
	    .answer = page_security },
	{ .segment = "healthz",
	    .kind = ROUTE_PAGE,
	    .doors = DOOR_PUBLIC | DOOR_ADMIN,
	    .alone = true,
	    .answer = page_health },
	{ .segment = "readyz",
	    .kind = ROUTE_PAGE,
	    .doors = DOOR_PUBLIC | DOOR_ADMIN,
	    .alone = true,
	    .answer = page_ready },
	{ .segment = "metrics",
	    .kind = ROUTE_PAGE,
	    .doors = DOOR_ADMIN,
	    .alone = true,
	    .answer = page_metrics },
};

const struct route *
route_find(const struct path *path, enum route_door door)
{
	struct text first = path->count > 0 ? path->key[0] : TEXT_NONE;
	struct text second = path->count > 1 ? path->key[1] : TEXT_NONE;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *route = &routes[i];

		if ((route->doors & (unsigned)door) == 0 ||
		    !text_equal(first, text_from(route->segment)))
			continue;
		if (route->second != NULL &&
		    !text_equal(second, text_from(route->second)))
			continue;
		if (route->alone &&
		    path->count > (route->second != NULL ? 2 : 1))
			continue;
		return route;
	}
	return NULL;
}
