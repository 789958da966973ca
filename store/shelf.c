#include "store/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/memory.h"

enum { BUCKETS = 4096 /* a power of two */, BYTES_EACH_MAX = 64 * 1024 };

struct content { /* owned by the shelf, then by who took it last */
	blob_id id;
	struct content *next;    /* in its bucket */
	struct content *younger; /* in the queue */
	uint32_t takers;
	bool off;   /* the shelf */
	bool asked; /* since it last stood in front */
	uint32_t len;
	char bytes[];
};

struct shelf {
	uint64_t reopened; /* all contents are of this opening */
	size_t bytes, bytes_max;
	struct content *oldest, *youngest;
	struct content *bucket[BUCKETS];
	blob_id seen[BUCKETS]; /* asked for once, and not here */
};

struct shelf *
shelf_new(size_t bytes_max)
{
	struct shelf *shelf = memory_alloc(sizeof(*shelf));

	shelf->bytes_max = bytes_max;
	return shelf;
}

/* Ids are given in turn, so that neighbours must come apart. */
static size_t
bucket_of(blob_id id)
{
	return (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
	    (BUCKETS - 1);
}

static struct content *
content_find(const struct shelf *shelf, blob_id id)
{
	struct content *content = shelf->bucket[bucket_of(id)];

	while (content != NULL && content->id != id)
		content = content->next;
	return content;
}

static struct content *
oldest_take(struct shelf *shelf)
{
	struct content *content = shelf->oldest;

	shelf->oldest = content->younger;
	if (shelf->oldest == NULL)
		shelf->youngest = NULL;
	content->younger = NULL;
	return content;
}

static void
queue_add(struct shelf *shelf, struct content *content)
{
	if (shelf->youngest != NULL)
		shelf->youngest->younger = content;
	else
		shelf->oldest = content;
	shelf->youngest = content;
}

static size_t
content_size(const struct content *content)
{
	return sizeof(*content) + content->len;
}

static void
content_drop(struct shelf *shelf, struct content *content)
{
	struct content **link = &shelf->bucket[bucket_of(content->id)];

	while (*link != content)
		link = &(*link)->next;
	*link = content->next;
	shelf->bytes -= content_size(content);
	content->off = true;
	if (content->takers == 0)
		free(content);
}

/* Each pass takes the mark of what it passes, so that it comes to an end. */
static void
make_room(struct shelf *shelf, size_t wanted)
{
	while (shelf->oldest != NULL &&
	    shelf->bytes + wanted > shelf->bytes_max) {
		struct content *content = oldest_take(shelf);

		if (content->asked) {
			content->asked = false;
			queue_add(shelf, content);
		} else {
			content_drop(shelf, content);
		}
	}
}

static void
shelf_clear(struct shelf *shelf)
{
	while (shelf->oldest != NULL)
		content_drop(shelf, oldest_take(shelf));
	memset(shelf->seen, 0, sizeof(shelf->seen));
}

void
shelf_free(struct shelf *shelf)
{
	if (shelf == NULL)
		return;
	shelf_clear(shelf);
	free(shelf);
}

struct content *
shelf_take(struct shelf *shelf, const struct txn *txn, blob_id id)
{
	struct content *content = NULL;

	if (shelf->reopened == txn_snapshot(txn).reopened)
		content = content_find(shelf, id);
	if (content == NULL)
		return NULL;
	content->asked = true;
	content->takers++;
	return content;
}

struct text
content_bytes(const struct content *content)
{
	return (struct text){ content->bytes, content->len };
}

void
content_release(struct content *content)
{
	content->takers--;
	if (content->off && content->takers == 0)
		free(content);
}

static void
content_add(struct shelf *shelf, blob_id id, struct text bytes)
{
	size_t size = sizeof(struct content) + bytes.len;
	struct content **bucket = &shelf->bucket[bucket_of(id)];
	struct content *content;

	make_room(shelf, size);
	content = malloc(size);
	if (content == NULL)
		return; /* it is read again, as before */
	*content = (struct content){ .id = id, .next = *bucket };
	content->len = (uint32_t)bytes.len;
	memcpy(content->bytes, bytes.ptr, bytes.len);
	*bucket = content;
	shelf->bytes += size;
	queue_add(shelf, content);
}

void
shelf_put(struct shelf *shelf, const struct txn *txn, blob_id id,
    struct text bytes)
{
	blob_id *seen = &shelf->seen[bucket_of(id)];
	struct snapshot snapshot = txn_snapshot(txn);

	/* What is not committed may yet become another content. */
	if (snapshot.number == 0 || bytes.len > BYTES_EACH_MAX ||
	    bytes.len > shelf->bytes_max / 16)
		return;
	if (shelf->reopened != snapshot.reopened) {
		shelf_clear(shelf);
		shelf->reopened = snapshot.reopened;
	}
	if (*seen != id)
		*seen = id;
	else if (content_find(shelf, id) == NULL)
		content_add(shelf, id, bytes);
}
