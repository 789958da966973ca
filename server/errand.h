#pragma once

#include "dav/exchange.h"

/* What methods may ask of the process while an answer is on its way. */
extern const struct lanes errand_lanes;
