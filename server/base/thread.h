#pragma once

/*
 * Thread roles. A function that may only run on a loop thread is declared
 * ON_LOOP, one that may block is declared ON_WORKER; clang's thread-safety
 * analysis reports a call from the wrong role, gcc sees nothing. An entry
 * point of a role says so once with thread_enter_loop()/thread_enter_worker().
 */
#if defined(__clang__)
#define THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define THREAD_ATTRIBUTE(x)
#endif

struct THREAD_ATTRIBUTE(capability("role")) thread_role {
	const char *name;
};

extern struct thread_role role_loop;
extern struct thread_role role_worker;

#define ON_LOOP THREAD_ATTRIBUTE(requires_capability(role_loop))
#define ON_WORKER THREAD_ATTRIBUTE(requires_capability(role_worker))

/* The caller is the body of a thread, or a callback that runs only there. */
void
thread_enter_loop(void) THREAD_ATTRIBUTE(assert_capability(role_loop));

void
thread_enter_worker(void) THREAD_ATTRIBUTE(assert_capability(role_worker));

/*
 * A small number of the calling thread, counted from 0 in the order in which
 * threads first ask; for tables that are split so that threads do not meet.
 */
unsigned
thread_number(void);
