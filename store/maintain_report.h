#pragma once

#include "store/maintain.h"

/* What all maintain_*.c use to say what they find and how far they are. */

/* A line for people, without a line end; counted. */
void
maintain_finding(struct maintain *maintain, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void
maintain_progress(struct maintain *maintain, uint64_t done, uint64_t all);

/* A number of the report; NULL report: dropped. */
void
maintain_count(struct maintain *maintain, const char *name, uint64_t value);

/* Ids in a list that grows; sorted once, then searched. */
struct id_list {
	uint64_t *id; /* owned */
	size_t count, room;
};

void
id_list_add(struct id_list *list, uint64_t id);

void
id_list_sort(struct id_list *list);

/* In a sorted one. */
bool
id_list_has(const struct id_list *list, uint64_t id);

void
id_list_done(struct id_list *list);
