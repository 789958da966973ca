#pragma once

#include "server/http/request.h"

/* A request without a connection, made of the lines of a head. */
struct request *
request_make(const char *method, const char *fields);

void
request_drop(struct request *request);

/* All of a response's bytes in memory; files are read. For free(). */
char *
response_text(const struct response *response);

/* The only field of that name, NULL when there is none. */
const char *
response_field(const struct response *response, const char *name);
