#pragma once

#include "auth/principal.h"

/*
 * For whom work is done, as a number by which workers share out their turns:
 * an account, or the address of a client that has yet to say who it is. Equal
 * numbers of different subjects cost fairness between these two, no more.
 */
static inline uint64_t
subject_of(const struct principal *principal)
{
	return principal->id;
}

/* FNV-1a, without the low numbers that accounts have. */
static inline uint64_t
subject_of_address(const char *address)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *address != '\0'; address++)
		hash = (hash ^ (unsigned char)*address) *
		    UINT64_C(0x100000001b3);
	return hash;
}
