#include "server/errand.h"

#include <stdlib.h>

#include "server/base/memory.h"
#include "server/visit.h"

/* Outlives the request that it was made for, as the errand itself does. */
struct carrier {
	struct job job; /* first */
	struct errand *errand;
};

static void
carrier_run(struct job *job)
{
	struct errand *errand = ((struct carrier *)job)->errand;

	errand->run(errand);
}

static void
carrier_home(struct job *job)
{
	struct errand *errand = ((struct carrier *)job)->errand;

	free(job);
	errand->home(errand);
}

static enum outcome
errand_post(struct exchange *exchange, struct errand *errand)
{
	struct visit *visit = (struct visit *)exchange;
	struct carrier *carrier = memory_alloc(sizeof(*carrier));
	enum outcome outcome;

	carrier->job.run = carrier_run;
	carrier->job.home = carrier_home;
	carrier->job.loop = visit->loop;
	carrier->job.subject = subject_of(&exchange->principal);
	carrier->errand = errand;
	outcome = job_post(visit->server->workers, LANE_SLOW, JOB_BEGINS,
	    &carrier->job);
	if (outcome != OK)
		free(carrier);
	return outcome;
}

const struct lanes errand_lanes = { .post = errand_post };
