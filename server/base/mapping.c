#include "server/base/mapping.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static void
mapping_broken(int number)
{
	static const char message[] =
	    "celldav: a mapped file ends too early or cannot be read: the "
	    "engine is damaged, or its disk fails: restore a backup\n";

	(void)number;
	/* Nothing can be done where even that cannot be said. */
	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(1);
	_exit(1);
}

void
mapping_guard(void)
{
	struct sigaction action = { .sa_handler = mapping_broken };

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGBUS, &action, NULL); /* cannot fail for SIGBUS */
}
