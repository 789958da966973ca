#include "store/maintain_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/layout.h"
#include "store/meta.h"

/*
 * The child reads, the parent tells. The child opens the engine by itself,
 * read-only, in one transaction, with the files held as for a backup; it
 * writes lines to a pipe. When a broken page kills it, that is a finding.
 *
 *   F text          a finding
 *   P done all      progress
 *   C name value    a count of the report
 *   E outcome text  how it ended, last
 */
static FILE *
out_pipe(void *context)
{
	return context;
}

static void
send_finding(void *context, const char *line)
{
	fprintf(out_pipe(context), "F %s\n", line);
}

static void
send_progress(void *context, uint64_t done, uint64_t all)
{
	fprintf(out_pipe(context), "P %llu %llu\n", HEX(done), HEX(all));
	fflush(out_pipe(context));
}

static void
send_report(FILE *pipe, json_t *report)
{
	const char *name;
	json_t *value;

	json_object_foreach(report, name, value) fprintf(pipe, "C %s %lld\n",
	    name, (long long)json_integer_value(value));
}

enum outcome
verify_run(struct verify *verify)
{
	enum outcome outcome = verify_trees(verify);

	if (outcome == OK)
		outcome = verify_keys(verify);
	if (outcome == OK)
		outcome = verify_blobs(verify);
	maintain_count(verify->maintain, "keys", verify->keys);
	maintain_count(verify->maintain, "nodes", verify->nodes);
	maintain_count(verify->maintain, "versions", verify->versions);
	maintain_count(verify->maintain, "references",
	    verify->references.count);
	id_list_done(&verify->references);
	id_list_done(&verify->parents);
	id_list_done(&verify->freed);
	pair_list_done(&verify->used);
	pair_list_done(&verify->locks);
	return outcome;
}

/* The stale readers of I6 were cleared when the engine was opened. */
static enum outcome
verify_store(struct store *store, struct maintain *maintain) ON_WORKER;

static enum outcome
verify_store(struct store *store, struct maintain *maintain)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(fd) int hold = -1;
	struct verify verify = { .store = store, .maintain = maintain };
	struct engine_stats stats;
	struct meta meta;
	enum outcome outcome = blob_hold(store, &hold);

	if (outcome == OK)
		outcome = txn_begin_read(store->engine, &txn);
	if (outcome == OK)
		outcome = meta_read(txn, &meta);
	if (outcome != OK)
		return outcome;
	store->engine->row->stats(store->engine, &stats);
	verify.txn = txn;
	verify.ids_end = meta.ids;
	verify.keys_all = stats.entries;
	return verify_run(&verify);
}

static void
child_main(struct conf *conf, FILE *pipe) ON_WORKER;

static void
child_main(struct conf *conf, FILE *pipe)
{
	struct maintain maintain = { .progress = send_progress,
		.finding = send_finding,
		.context = pipe,
		.report = json_object() };
	struct buffer message = { .max = 1000 };
	struct store *store = NULL;
	enum outcome outcome = store_open(conf, STORE_READ_ONLY, &message,
	    &store);

	if (outcome == OK)
		outcome = verify_store(store, &maintain);
	send_report(pipe, maintain.report);
	fprintf(pipe, "E %d %.*s\n", (int)outcome,
	    TEXT_ARGS(buffer_text(&message)));
	fflush(pipe);
	_exit(0);
}

/* No core, no report of a sanitizer: the signal is the message. */
static void
prepare_child(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE };
	const struct rlimit none = { 0, 0 };
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	(void)setrlimit(RLIMIT_CORE, &none);
	if (quiet >= 0)
		(void)dup2(quiet, STDERR_FILENO);
}

struct child_end {
	bool said;
	enum outcome outcome;
};

static void
take_count(struct maintain *maintain, struct text line)
{
	struct text name = text_split(&line, ' ');
	char copy[64];
	uint64_t value;

	if (name.len >= sizeof(copy) || !text_parse_u64(line, 10, &value))
		return;
	memcpy(copy, name.ptr, name.len);
	copy[name.len] = '\0';
	maintain_count(maintain, copy, value);
}

static void
take_progress(struct maintain *maintain, struct text line)
{
	struct text first = text_split(&line, ' ');
	uint64_t done, all;

	if (text_parse_u64(first, 10, &done) && text_parse_u64(line, 10, &all))
		maintain_progress(maintain, done, all);
}

static void
take_end(struct maintain *maintain, struct text line, struct child_end *end)
{
	struct text number = text_split(&line, ' ');
	uint64_t value;

	if (!text_parse_u64(number, 10, &value) || value >= OUTCOME_COUNT)
		return;
	end->said = true;
	end->outcome = (enum outcome)value;
	if (line.len > 0)
		maintain_finding(maintain, "%.*s", TEXT_ARGS(line));
	else if (value != OK)
		maintain_finding(maintain, "the store cannot be read: %s",
		    outcome_name(end->outcome));
}

static void
take_line(struct maintain *maintain, struct text line, struct child_end *end)
{
	struct text kind = text_split(&line, ' ');

	if (text_equal(kind, TEXT("F")))
		maintain_finding(maintain, "%.*s", TEXT_ARGS(line));
	else if (text_equal(kind, TEXT("P")))
		take_progress(maintain, line);
	else if (text_equal(kind, TEXT("C")))
		take_count(maintain, line);
	else if (text_equal(kind, TEXT("E")))
		take_end(maintain, line, end);
}

static void
read_child(FILE *pipe, struct maintain *maintain, struct child_end *end)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, pipe)) > 0) {
		struct text text = { line, (size_t)len };

		if (text_ends(text, TEXT("\n")))
			text.len--;
		take_line(maintain, text, end);
	}
	free(line);
}

static void
tell_death(struct maintain *maintain, int status)
{
	if (WIFSIGNALED(status))
		maintain_finding(maintain,
		    "the engine is damaged: reading it "
		    "ended with signal %d (%s); restore a backup",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		maintain_finding(maintain,
		    "the process that reads the store "
		    "ended with status %d",
		    WEXITSTATUS(status));
}

static enum outcome
watch_child(pid_t child, int fd, struct maintain *maintain)
{
	struct child_end end = { .outcome = DAMAGED };
	FILE *pipe = fdopen(fd, "r");
	int status = 0;

	if (pipe != NULL) {
		read_child(pipe, maintain, &end);
		fclose(pipe);
	} else {
		fd_close(fd);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!end.said)
		tell_death(maintain, status);
	if (end.outcome == OK && maintain->findings > 0)
		return DAMAGED;
	return end.outcome;
}

enum outcome
store_verify(struct conf *conf, struct maintain *maintain)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return BUSY;
	child = fork();
	if (child == 0) {
		FILE *pipe = fdopen(ends[1], "w");

		close(ends[0]);
		prepare_child();
		thread_enter_worker();
		if (pipe != NULL)
			child_main(conf, pipe);
		_exit(1);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return BUSY;
	}
	return watch_child(child, ends[0], maintain);
}
