#pragma once

#include "dav/method.h"

/* The rows of the table in methods.c, each defined in its own file. */
extern const struct method method_options, method_get, method_head, method_put,
    method_delete, method_mkcol, method_copy, method_move, method_propfind,
    method_proppatch, method_lock, method_unlock, method_report;
