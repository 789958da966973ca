#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Shares in the committer, for changes that may be as long as a tree is large
 * (METHOD_LONG): of each subject few are there at a time, the others wait
 * here, so that between the trees of one the small changes of all others get
 * their turn. Any thread.
 */
struct share;
struct visit;

struct share *
share_new(size_t waiting_max);

/* NULL is allowed. */
void
share_free(struct share *share);

/*
 * GOES: to the committer, now. WAITS: share_leave() of another gives it back.
 * FULL: so many of this subject wait already.
 */
enum share_answer { SHARE_GOES, SHARE_WAITS, SHARE_FULL };

enum share_answer
share_enter(struct share *share, struct visit *visit);

/* It was answered: which one goes instead, NULL when none waits. */
struct visit *
share_leave(struct share *share, struct visit *visit);
