#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * gcov writes its counts at exit(3). A child of fork(2) that ends by _exit(2),
 * as those of `celldav verify` do, would leave none: the linker leads such
 * calls here (--wrap=_exit). A process that may not write them ends without,
 * as what gcov says of that would be taken for the command's own words. COUNTS
 * is the folder that they are below.
 */
void
__gcov_dump(void);
_Noreturn void
__real__exit(int status);
_Noreturn void
__wrap__exit(int status);

static int silent;

static void
leave(int status, void *unused)
{
	(void)unused;
	(void)fflush(NULL);
	__real__exit(status);
}

__attribute__((constructor)) static void
look(void)
{
	silent = access(COUNTS, W_OK) != 0 && on_exit(leave, NULL) == 0;
}

_Noreturn void
__wrap__exit(int status)
{
	if (!silent)
		__gcov_dump();
	__real__exit(status);
}
