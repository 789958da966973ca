#pragma once

/* Every command, by the name of its file; the table is commands.c. */
struct command;

extern const struct command command_serve;
