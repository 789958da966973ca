#pragma once

#include "auth/authenticate.h"
#include "auth_world.h"

/* Requests with an Authorization field, in a world with an authenticator. */
struct door {
	struct world *world;
	struct authenticator *authenticator;
};

/* What one request with this field gets, the hash lane included. */
struct answer {
	enum authenticate_result result;
	bool hashed;
	struct principal principal;
	struct problem problem;
	struct request *request;
};

int
door_setup(void **state);

int
door_teardown(void **state);

void
add_user(struct door *door, const char *name, const char *password);

struct text
basic(struct door *door, const char *user, const char *password);

struct request *
make_request(struct door *door, struct text field, const char *address);

struct answer
ask_request(struct door *door, struct request *request);

struct answer
ask(struct door *door, const char *user, const char *password);

void
guess_until_slowed(struct door *door, const char *user);
