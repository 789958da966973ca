#pragma once

#include "dav/property.h"
#include "store/lock.h"

/*
 * One DAV:activelock (RFC 4918 14.1). The token is for the principal that
 * holds the lock; DAV:owner also for those who may read who has access
 * (rights.md 5, 6).
 */
enum outcome
lock_active_write(const struct property_target *target, const struct lock *lock,
    struct buffer *out) MUST_CHECK;
