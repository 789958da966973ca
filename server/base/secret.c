#include "server/base/secret.h"

#include <string.h>

void
secret_wipe(void *memory, size_t len)
{
	if (len > 0)
		explicit_bzero(memory, len);
}
