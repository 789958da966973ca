#include "server/command.h"

#include "server/commands/rows.h"

const struct command *const commands[] = {
	&command_serve,
};

const size_t command_count = sizeof(commands) / sizeof(commands[0]);
