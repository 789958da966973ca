#pragma once

#include <stddef.h>

/* Fills from the kernel's generator (getrandom); never fails, never short. */
void
random_fill(void *bytes, size_t len);
