#include "auth_door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/encode.h"

int
door_setup(void **state)
{
	struct door *door = calloc(1, sizeof(*door));
	void *world;

	assert_non_null(door);
	assert_int_equal(world_setup(&world), 0);
	door->world = world;
	door->authenticator = authenticator_new(door->world->store);
	*state = door;
	return 0;
}

int
door_teardown(void **state)
{
	struct door *door = *state;
	void *world = door->world;

	authenticator_free(door->authenticator);
	assert_int_equal(world_teardown(&world), 0);
	free(door);
	return 0;
}

void
add_user(struct door *door, const char *name, const char *password)
{
	struct world *world = door->world;
	struct user user = { .name = text_from(name) };

	thread_enter_worker();
	assert_int_equal(password_hash(world->arena,
			     (struct secret){ text_from(password) },
			     &user.password),
	    OK);
	assert_int_equal(user_add(world->txn, world->store, &user), OK);
}

struct text
basic(struct door *door, const char *user, const char *password)
{
	struct arena *arena = door->world->arena;
	struct text plain = arena_format(arena, "%s:%s", user, password);
	struct text code = base64_encode(arena, plain);

	return arena_format(arena, "Basic %.*s", TEXT_ARGS(code));
}

struct request *
make_request(struct door *door, struct text field, const char *address)
{
	struct world *world = door->world;
	struct request *request = ARENA_NEW(world->arena, struct request);

	request->arena = world->arena;
	request->conf = world->conf;
	request->response.arena = world->arena;
	request->peer.loopback = strcmp(address, "127.0.0.1") == 0;
	snprintf(request->peer.name, sizeof(request->peer.name), "%s", address);
	request->headers.field = ARENA_ARRAY(world->arena, 2,
	    struct header_field);
	if (field.ptr != NULL) {
		request->headers.field[0] = (struct header_field){
			TEXT("Authorization"), field
		};
		request->headers.count = 1;
	}
	return request;
}

struct answer
ask_request(struct door *door, struct request *request)
{
	struct answer answer = { .request = request };
	struct credential_check check;

	thread_enter_loop();
	thread_enter_worker();
	answer.result = authenticate(door->authenticator, door->world->txn,
	    request, &answer.principal, &check, &answer.problem);
	if (answer.result != AUTHENTICATE_HASH)
		return answer;
	answer.hashed = true;
	credential_verify(&check);
	answer.result = authenticate_finish(door->authenticator,
	    door->world->txn, request, &check, &answer.principal,
	    &answer.problem);
	return answer;
}

struct answer
ask(struct door *door, const char *user, const char *password)
{
	return ask_request(door,
	    make_request(door, basic(door, user, password), "127.0.0.1"));
}

void
guess_until_slowed(struct door *door, const char *user)
{
	uint64_t guesses = door->world->conf->auth.guess_free + 1;

	for (uint64_t i = 0; i < guesses; i++)
		assert_int_equal(ask(door, user, "wrong").problem.status, 401);
}
