#pragma once

/*
 * A file that is mapped may end before what it says of itself, or its disk
 * may fail: the kernel then answers a mere look into memory with SIGBUS. From
 * here on that ends the process with a sentence on stderr and status 1, which
 * is how every damage ends, instead of a signal that tells nobody anything.
 * Where a supervisor is, it starts another process. Once, at the start.
 */
void
mapping_guard(void);
