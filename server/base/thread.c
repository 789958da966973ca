#include "server/base/thread.h"

#include <stdatomic.h>

struct thread_role role_loop = { .name = "loop" };
struct thread_role role_worker = { .name = "worker" };

/*
 * Roles exist while compiling only: the analysis takes the call as the proof,
 * and at run time there is nothing to do.
 */
void
thread_enter_loop(void)
{
}

void
thread_enter_worker(void)
{
}

unsigned
thread_number(void)
{
	static _Atomic unsigned threads;
	static _Thread_local unsigned number; /* plus one; 0: none yet */

	if (number == 0)
		number = atomic_fetch_add(&threads, 1) + 1;
	return number - 1;
}
