#include "server/share.h"

#include <pthread.h>
#include <stdlib.h>

#include "server/base/memory.h"
#include "server/visit.h"

enum { FLOWS = 256, AT_A_TIME = 2 };

/* Those of one subject, or of several whose numbers agree. */
struct flow {
	struct visit *first, *last; /* waiting */
	size_t waiting, there;
};

struct share {
	pthread_mutex_t mutex; /* guards flow */
	struct flow flow[FLOWS];
	size_t waiting_max;
};

struct share *
share_new(size_t waiting_max)
{
	struct share *share = memory_alloc(sizeof(*share));

	(void)pthread_mutex_init(&share->mutex, NULL);
	share->waiting_max = waiting_max;
	return share;
}

void
share_free(struct share *share)
{
	if (share == NULL)
		return;
	(void)pthread_mutex_destroy(&share->mutex);
	free(share);
}

static struct flow *
flow_of(struct share *share, const struct visit *visit)
{
	return &share->flow[subject_of(&visit->exchange.principal) % FLOWS];
}

enum share_answer
share_enter(struct share *share, struct visit *visit)
{
	struct flow *flow = flow_of(share, visit);
	enum share_answer answer = SHARE_WAITS;

	pthread_mutex_lock(&share->mutex);
	if (flow->there < AT_A_TIME) {
		flow->there++;
		answer = SHARE_GOES;
	} else if (flow->waiting >= share->waiting_max) {
		answer = SHARE_FULL;
	} else {
		visit->share_next = NULL;
		if (flow->first == NULL)
			flow->first = visit;
		else
			flow->last->share_next = visit;
		flow->last = visit;
		flow->waiting++;
	}
	pthread_mutex_unlock(&share->mutex);
	return answer;
}

struct visit *
share_leave(struct share *share, struct visit *visit)
{
	struct flow *flow = flow_of(share, visit);
	struct visit *next;

	pthread_mutex_lock(&share->mutex);
	next = flow->first;
	if (next != NULL) {
		flow->first = next->share_next;
		flow->waiting--;
	} else {
		flow->there--;
	}
	pthread_mutex_unlock(&share->mutex);
	return next;
}
