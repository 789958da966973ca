/*
 * celldav serve: the supervisor, or the server process that it starts.
 */
#include "server/command.h"
#include "server/commands/rows.h"
#include "server/process.h"
#include "server/supervise.h"

static int
serve_run(struct invocation *invocation)
{
	int status;

	if (process_supervised(invocation->config, &status))
		return status;
	return supervise(invocation->config);
}

const struct command command_serve = {
	.name = "serve",
	.arguments = "",
	.summary = "serve the cells, in the foreground, until SIGTERM",
	.run = serve_run,
};
