#include "server/base/thread.h"

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
