#include "auth/authenticate_impl.h"

#include <stdlib.h>
#include <string.h>

#include "auth/app_password.h"
#include "auth/credential_cache.h"
#include "auth/guess.h"
#include "auth/known.h"
#include "auth/note.h"
#include "auth/record.h"
#include "auth/scheme.h"
#include "server/base/clock.h"
#include "server/base/memory.h"
#include "server/base/random.h"

/*
 * From an Authorization field to a principal. A field that signed in a moment
 * ago is known (known.h). Else the order is: parse, wait if there were many
 * wrong ones, look the account up, app password (one look-up),
 * credential verified before (one digest), else argon2id on the hash lane,
 * unless the same is on its way there. An account that is unknown, disabled or
 * has no password takes the same way with an empty hash, which costs the same
 * and is always wrong, so that neither the answer nor its time tells which it
 * was.
 */
struct authenticator *
authenticator_new(struct store *store)
{
	struct authenticator *made = memory_alloc(sizeof(*made));

	made->store = store;
	made->cache = credential_cache_new();
	made->guesses = guesses_new();
	made->known = known_new();
	made->flights = flights_new();
	random_fill(made->flight_key, sizeof(made->flight_key));
	return made;
}

void
authenticator_free(struct authenticator *authenticator)
{
	if (authenticator == NULL)
		return;
	credential_cache_free(authenticator->cache);
	guesses_free(authenticator->guesses);
	known_free(authenticator->known);
	flights_free(authenticator->flights);
	secret_wipe(authenticator->flight_key,
	    sizeof(authenticator->flight_key));
	free(authenticator);
}

static struct guess_rule
rule_of(const struct request *request)
{
	return (struct guess_rule){
		.free = request->conf->auth.guess_free,
		.longest_seconds = request->conf->auth.guess_seconds,
	};
}

static enum authenticate_result
refuse(struct problem *problem, unsigned status, const char *message)
{
	*problem = (struct problem){ .status = status, .message = message };
	return AUTHENTICATE_REFUSED;
}

static enum authenticate_result
refuse_wrong(struct problem *problem)
{
	return refuse(problem, 401, "User name or password is wrong.");
}

static enum authenticate_result
refuse_store(struct problem *problem)
{
	return refuse(problem, 503, "Sign-in does not work now.");
}

static enum authenticate_result
refuse_often(struct problem *problem, unsigned seconds)
{
	(void)refuse(problem, 429, "Too many attempts: wait, then try again.");
	problem->retry_seconds = seconds;
	return AUTHENTICATE_REFUSED;
}

/* Basic sends the password itself (RFC 7617 4), so the hop must be safe. */
static bool
hop_is_safe(const struct request *request)
{
	if (request->peer.tls)
		return true;
	switch ((enum conf_plain)request->conf->auth.basic_over_plain_http) {
	case CONF_PLAIN_ALWAYS:
		return true;
	case CONF_PLAIN_LOOPBACK:
		return request->peer.loopback;
	case CONF_PLAIN_NEVER:
		return false;
	}
	return false;
}

/* The folded name, or for what can be no name, the bytes that were sent. */
static struct text
claimed_name(struct arena *arena, struct text sent)
{
	struct text key;

	if (user_name_key(arena, sent, &key) == OK)
		return key;
	return arena_copy(arena, text_slice(sent, 0, USER_NAME_MAX));
}

/* OK with an empty record when nobody can sign in by that name. */
static enum outcome
find_account(struct txn *txn, struct text name, struct user *ret_user)
{
	struct user user;
	enum outcome outcome = user_find(txn, name, &user);

	if (outcome == NOT_FOUND || (outcome == OK && user.disabled)) {
		*ret_user = (struct user){ 0 };
		return OK;
	}
	if (outcome == OK)
		*ret_user = user;
	return outcome;
}

/* NOT_FOUND: no app password of this account. */
static enum outcome
try_app_password(struct txn *txn, const struct user *user,
    struct secret password, struct app_password *ret_app)
{
	unsigned char hash[APP_HASH_BYTES];
	struct app_password app;
	enum outcome outcome;

	if (!app_password_hash(password, hash))
		return NOT_FOUND;
	outcome = app_password_find(txn, hash, &app);
	if (outcome == OK && (user->id == 0 || app.user != user->id))
		outcome = NOT_FOUND;
	if (outcome == OK)
		*ret_app = app;
	return outcome;
}

/* What authenticate() was given, for the steps below it. */
struct attempt {
	struct authenticator *authenticator;
	struct txn *txn;
	struct request *request;
	struct problem *problem;
	struct principal *ret_principal;
	uint64_t now_ns;   /* monotonic */
	uint64_t until_ns; /* how long a sign-in is good at most */
};

static enum authenticate_result
sign_in(const struct attempt *attempt, const struct user *user,
    const struct app_password *app)
{
	struct principal *principal = attempt->ret_principal;
	uint64_t used_ns = app != NULL ? app->used_ns : user->used_ns;
	uint64_t id = app != NULL ? app->id : 0;

	if (principal_load(attempt->txn, attempt->request->arena, user,
		principal) != OK)
		return refuse_store(attempt->problem);
	principal->app_password = id;
	note_use(attempt->authenticator->store, user->id, id, used_ns);
	return AUTHENTICATE_DONE;
}

/* The ways that need no slow hash; AUTHENTICATE_HASH: none of them did. */
static enum authenticate_result
try_quickly(struct attempt *attempt, const struct claim *claim,
    const struct user *user)
{
	struct app_password app;
	struct credential credential = { claim->user, claim->password,
		user->password_version, user->id };
	enum outcome outcome = try_app_password(attempt->txn, user,
	    claim->password, &app);

	if (outcome == OK)
		return sign_in(attempt, user, &app);
	if (outcome != NOT_FOUND)
		return refuse_store(attempt->problem);
	if (user->id == 0)
		return AUTHENTICATE_HASH;
	attempt->until_ns = credential_cache_until(
	    attempt->authenticator->cache, &credential, attempt->now_ns);
	return attempt->until_ns != 0 ? sign_in(attempt, user, NULL) :
					AUTHENTICATE_HASH;
}

static enum authenticate_result
try_claim(struct attempt *attempt, const struct claim *claim,
    struct credential_check *ret_check)
{
	struct request *request = attempt->request;
	struct user user;
	enum authenticate_result result;

	if (find_account(attempt->txn, claim->user, &user) != OK)
		return refuse_store(attempt->problem);
	result = try_quickly(attempt, claim, &user);
	if (result != AUTHENTICATE_HASH)
		return result;
	*ret_check = (struct credential_check){
		.user = claim->user,
		.password = claim->password,
		.phc = arena_copy(request->arena, user.password),
		.password_version = user.password_version,
		.id = user.id,
		.outcome = CANCELLED,
		.authenticator = attempt->authenticator,
		.cache_seconds = request->conf->auth.cache_seconds,
	};
	credential_name(ret_check, request->peer.name);
	return AUTHENTICATE_HASH;
}

/* DONE: *ret_claim is set, its user folded. */
static enum authenticate_result
read_claim(struct request *request, struct text field, struct claim *ret_claim,
    struct problem *problem)
{
	enum outcome outcome;

	outcome = authorization_parse(request->arena, field, ret_claim);
	if (outcome == UNSUPPORTED)
		return refuse(problem, 401, "Sign in with Basic.");
	if (outcome != OK || ret_claim->password.bytes.len == 0)
		return refuse_wrong(problem);
	ret_claim->user = claimed_name(request->arena, ret_claim->user);
	return AUTHENTICATE_DONE;
}

/*
 * The very bytes that were refused here before, as an app password that was
 * revoked is: looking again at them tells nothing new, so it need not count.
 */
static bool
repeats_refused(struct guesses *guesses, const struct claim *claim,
    const char *address)
{
	return app_password_shaped(claim->password) &&
	    guess_repeats(guesses, claim->user, address, claim->password);
}

/*
 * While it has to wait: in by what needs no hash, or not at all. An answer of
 * the hash lane would tell whether the password is right.
 */
static enum authenticate_result
try_waiting(struct attempt *attempt, const struct claim *claim,
    struct credential_check *check, unsigned wait)
{
	struct guesses *guesses = attempt->authenticator->guesses;
	const char *address = attempt->request->peer.name;
	struct guess_rule rule = rule_of(attempt->request);
	bool repeats = repeats_refused(guesses, claim, address);
	enum authenticate_result result;

	if (!repeats && !guess_probe(guesses, claim->user, address, &rule))
		return refuse_often(attempt->problem, wait);
	result = try_claim(attempt, claim, check);
	if (result == AUTHENTICATE_HASH)
		return refuse_often(attempt->problem, wait);
	if (!repeats)
		guess_probe_right(guesses, claim->user, address);
	return result;
}

/* Known from now on, unless somebody is guessing at this account from there. */
static void
note_known(const struct attempt *attempt, const struct claim *claim,
    const struct known_ask *ask)
{
	struct authenticator *authenticator = attempt->authenticator;
	struct known_ask known = *ask;

	known.calm = guess_calm(authenticator->guesses, claim->user,
	    ask->address);
	if (known.calm != 0)
		known_add(authenticator->known, &known, attempt->until_ns,
		    attempt->ret_principal);
}

static enum authenticate_result
try_field(struct attempt *attempt, const struct known_ask *ask,
    struct credential_check *check)
{
	struct guesses *guesses = attempt->authenticator->guesses;
	struct guess_rule rule = rule_of(attempt->request);
	struct claim claim;
	enum authenticate_result result = read_claim(attempt->request,
	    ask->field, &claim, attempt->problem);
	unsigned wait;

	if (result != AUTHENTICATE_DONE)
		return result;
	wait = guess_begin(guesses, claim.user, ask->address, &rule,
	    attempt->now_ns);
	if (wait > 0)
		return try_waiting(attempt, &claim, check, wait);
	result = try_claim(attempt, &claim, check);
	if (result != AUTHENTICATE_HASH)
		guess_drop(guesses, claim.user, ask->address);
	if (result == AUTHENTICATE_DONE)
		note_known(attempt, &claim, ask);
	return result;
}

enum authenticate_result
authenticate(struct authenticator *authenticator, struct txn *txn,
    struct request *request, struct principal *ret_principal,
    struct credential_check *ret_check, struct problem *problem)
{
	struct attempt attempt = { authenticator, txn, request, problem,
		ret_principal, clock_monotonic_ns(), UINT64_MAX };
	struct known_ask ask = { .address = request->peer.name,
		.txn = txn,
		.calm = guess_calm_now(authenticator->guesses),
		.now_ns = attempt.now_ns };
	size_t count = header_find(&request->headers, TEXT("Authorization"),
	    &ask.field);

	if (count == 0) {
		*ret_principal = (struct principal){ .kind = PRINCIPAL_NONE };
		return AUTHENTICATE_DONE;
	}
	if (count > 1)
		return refuse(problem, 400, "Authorization is given twice.");
	if (!hop_is_safe(request)) {
		return refuse(problem, 403,
		    "Passwords are not taken over plain HTTP: use https.");
	}
	if (known_find(authenticator->known, &ask, request->arena,
		ret_principal))
		return AUTHENTICATE_DONE;
	return try_field(&attempt, &ask, ret_check);
}

/* The account may have changed while the hash lane was busy with it. */
static enum authenticate_result
finish_right(const struct attempt *attempt,
    const struct credential_check *check)
{
	struct user user;
	enum outcome outcome = user_find_id(attempt->txn, check->id, &user);

	if (outcome == OK && !user.disabled &&
	    user.password_version == check->password_version) {
		guess_right(attempt->authenticator->guesses, check->user,
		    attempt->request->peer.name);
		return sign_in(attempt, &user, NULL);
	}
	guess_drop(attempt->authenticator->guesses, check->user,
	    attempt->request->peer.name);
	return outcome == OK || outcome == NOT_FOUND ?
	    refuse_wrong(attempt->problem) :
	    refuse_store(attempt->problem);
}

/*
 * It was hashed all the same: it may be the account's own password that has
 * this shape, and a time of its own would tell the known from the unknown.
 */
static void
count_wrong(const struct attempt *attempt, const struct credential_check *check)
{
	struct guesses *guesses = attempt->authenticator->guesses;
	const char *address = attempt->request->peer.name;
	struct guess_rule rule = rule_of(attempt->request);

	if (app_password_shaped(check->password) &&
	    guess_repeat_note(guesses, check->user, address, check->password))
		guess_drop(guesses, check->user, address);
	else
		guess_wrong(guesses, check->user, address, &rule,
		    clock_monotonic_ns());
}

enum authenticate_result
authenticate_finish(struct authenticator *authenticator, struct txn *txn,
    struct request *request, const struct credential_check *check,
    struct principal *ret_principal, struct problem *problem)
{
	struct attempt attempt = { authenticator, txn, request, problem,
		ret_principal, 0, 0 };

	if (check->outcome == OK)
		return finish_right(&attempt, check);
	if (check->outcome == UNAUTHENTICATED) {
		count_wrong(&attempt, check);
		return refuse_wrong(problem);
	}
	guess_drop(authenticator->guesses, check->user, request->peer.name);
	(void)refuse_store(problem);
	problem->retry_seconds = 1;
	return AUTHENTICATE_REFUSED;
}

/* The realm needs no escape: the configuration takes no other. */
void
authenticate_challenge(struct request *request)
{
	if (!hop_is_safe(request)) {
		request->response.status = 403;
		return;
	}
	response_header_format(&request->response, "WWW-Authenticate",
	    "Basic realm=\"%s\", charset=\"UTF-8\"", request->conf->auth.realm);
}
