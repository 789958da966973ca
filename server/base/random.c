#include "server/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

void
random_fill(void *bytes, size_t len)
{
	unsigned char *at = bytes;

	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		/* No tokens are better than tokens that can be guessed. */
		if (got <= 0)
			abort();
		at += got;
		len -= (size_t)got;
	}
}
