/*
 * "1 LOCK CURRENT RETIRING... ; FD:KIND:LOOP:NAME ... ; PROGRAM". Names of
 * sockets hold no blank, a program's path may.
 */
#include "server/handover.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "server/base/text.h"

static void
inherit_set(const struct handover *handover, const struct socket_set *set,
    int flags)
{
	(void)fcntl(handover->lock_fd, F_SETFD, flags);
	for (size_t i = 0; i < set->count; i++)
		(void)fcntl(set->entry[i].fd, F_SETFD, flags);
}

void
handover_keep(const struct handover *handover, const struct socket_set *set)
{
	inherit_set(handover, set, FD_CLOEXEC);
}

void
handover_write(const struct handover *handover, const struct socket_set *set,
    struct buffer *out)
{
	buffer_format(out, "%d %d %d", HANDOVER_FORM, handover->lock_fd,
	    (int)handover->current);
	for (size_t i = 0; i < HANDOVER_RETIRING_MAX; i++)
		if (handover->retiring[i] != 0)
			buffer_format(out, " %d", (int)handover->retiring[i]);
	buffer_append(out, TEXT(";"));
	for (size_t i = 0; i < set->count; i++)
		buffer_format(out, "%d:%d:%zu:%s ", set->entry[i].fd,
		    (int)set->entry[i].kind, set->entry[i].loop,
		    set->entry[i].name);
	buffer_format(out, ";%.*s", TEXT_ARGS(handover->program));
	inherit_set(handover, set, 0);
}

static bool
number_take(struct text *rest, char end, int *ret_number)
{
	uint64_t value;

	if (!text_parse_u64(text_split(rest, end), 10, &value) ||
	    value > INT32_MAX)
		return false;
	*ret_number = (int)value;
	return true;
}

static bool
processes_read(struct text rest, struct handover *ret_handover)
{
	int form, pid = 0;

	*ret_handover = (struct handover){ 0 };
	if (!number_take(&rest, ' ', &form) || form != HANDOVER_FORM ||
	    !number_take(&rest, ' ', &ret_handover->lock_fd) ||
	    !number_take(&rest, ' ', &pid))
		return false;
	ret_handover->current = pid;
	for (size_t i = 0; rest.ptr != NULL && rest.len > 0; i++) {
		if (i == HANDOVER_RETIRING_MAX ||
		    !number_take(&rest, ' ', &pid))
			return false;
		ret_handover->retiring[i] = pid;
	}
	return true;
}

static bool
sockets_read(struct text rest, struct socket_set *ret_set)
{
	ret_set->count = 0;
	while (rest.ptr != NULL && rest.len > 0) {
		struct text item = text_split(&rest, ' ');
		struct socket_entry entry = { .wanted = true };
		int kind, loop;

		if (ret_set->count == SOCKETS_MAX ||
		    !number_take(&item, ':', &entry.fd) ||
		    !number_take(&item, ':', &kind) || kind > SOCKET_ADMIN ||
		    !number_take(&item, ':', &loop) ||
		    item.len >= sizeof(entry.name))
			return false;
		entry.kind = (enum socket_kind)kind;
		entry.loop = (size_t)loop;
		memcpy(entry.name, item.ptr, item.len);
		ret_set->entry[ret_set->count++] = entry;
	}
	return ret_set->count > 0;
}

bool
handover_read(const char *text, struct socket_set *ret_set,
    struct handover *ret_handover)
{
	struct text rest = text_from(text);
	struct text processes = text_split(&rest, ';');
	struct text sockets = text_split(&rest, ';');

	if (!processes_read(processes, ret_handover) ||
	    !sockets_read(sockets, ret_set) || rest.len == 0)
		return false;
	ret_handover->program = rest;
	inherit_set(ret_handover, ret_set, FD_CLOEXEC);
	return true;
}
