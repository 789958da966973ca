#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/checkpoint.h"
#include "store/disk.h"
#include "tests/unit/state.h"

/* Records of the journal and slots of the checkpoint, and what spoils them. */
struct place_fixture {
	char folder[32];
	int fd;
	struct journal journal;
};

static int
set_up(void **state)
{
	static struct place_fixture fixture;

	fixture = (struct place_fixture){ .folder = "/tmp/journal.XXXXXX" };
	assert_non_null(mkdtemp(fixture.folder));
	fixture.fd = open(fixture.folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(journal_open(&fixture.journal, fixture.fd), OK);
	*state = &fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct place_fixture *fixture = *state;

	journal_close(&fixture->journal);
	close(fixture->fd);
	remove_tree(fixture->folder);
	return 0;
}

static void
append(struct journal *journal, const char *value)
{
	journal_begin(journal);
	journal_note_put(journal, TEXT("key"), text_from(value));
	journal_note_remove(journal, TEXT("gone"));
	assert_int_equal(journal_append(journal, true), OK);
}

/* The record of `number` is there, and says `value`. */
static void
assert_record(struct journal *journal, struct journal_place *at,
    uint64_t number, const char *value)
{
	struct journal_entry entry;
	struct text payload;

	assert_int_equal(journal_read(journal, at, number, &payload), OK);
	assert_int_equal(journal_next(&payload, &entry), OK);
	assert_false(entry.remove);
	assert_true(text_equal(entry.key, TEXT("key")));
	assert_true(text_equal(entry.value, text_from(value)));
	assert_int_equal(journal_next(&payload, &entry), OK);
	assert_true(entry.remove);
	assert_true(text_equal(entry.key, TEXT("gone")));
	assert_int_equal(journal_next(&payload, &entry), NOT_FOUND);
}

static void
test_chain_goes_on_in_the_other_file(void **state)
{
	struct journal *journal = &((struct place_fixture *)*state)->journal;
	struct journal_place start = { 1, 0 }, at = start, other = { 0, 0 };
	struct text payload;

	journal_stand(journal, start, 40, 7);
	append(journal, "one");
	append(journal, "two");
	journal_stand(journal, other, 42, 7);
	append(journal, "three");
	assert_record(journal, &at, 41, "one");
	assert_record(journal, &at, 42, "two");
	assert_record(journal, &at, 43, "three");
	assert_int_equal(at.file, 0);
	assert_int_equal(journal_read(journal, &at, 44, &payload), NOT_FOUND);
}

static void
test_strange_records_end_a_chain(void **state)
{
	struct journal *journal = &((struct place_fixture *)*state)->journal;
	struct journal_place start = { 0, 0 }, at = start;
	struct text payload;
	uint64_t second;

	journal_stand(journal, start, 1, 7);
	append(journal, "one");
	second = journal->tail.offset;
	append(journal, "two");
	/* Another nonce, another number. */
	journal_stand(journal, start, 1, 8);
	assert_int_equal(journal_read(journal, &at, 2, &payload), NOT_FOUND);
	journal_stand(journal, start, 1, 7);
	assert_int_equal(journal_read(journal, &at, 3, &payload), NOT_FOUND);
	/* Every byte of the second one counts. */
	for (uint64_t i = second; i < second + 50; i++) {
		char byte, wrong;

		assert_int_equal(disk_read(journal->fd[0], &byte, 1, (off_t)i),
		    OK);
		wrong = (char)(byte ^ 4);
		assert_int_equal(disk_write(journal->fd[0],
				     (struct text){ &wrong, 1 }, (off_t)i),
		    OK);
		at = start;
		assert_record(journal, &at, 2, "one");
		assert_int_equal(journal_read(journal, &at, 3, &payload),
		    NOT_FOUND);
		assert_int_equal(disk_write(journal->fd[0],
				     (struct text){ &byte, 1 }, (off_t)i),
		    OK);
	}
	assert_record(journal, &at, 3, "two");
}

static void
test_entries_are_bounded(void **state)
{
	struct text payloads[] = { TEXT("\1"), TEXT("\3\0\0"),
		TEXT("\2\5\0abc"), TEXT("\1\1\0a\377\377\377\377") };
	struct journal_entry entry;

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++)
		assert_int_equal(journal_next(&payloads[i], &entry), DAMAGED);
}

static void
write_checkpoint(int fd, uint64_t generation, const char *pages)
{
	struct checkpoint checkpoint = { .generation = generation,
		.txn = generation * 10,
		.nonce = 5,
		.place = { 1, 4711 } };

	buffer_append(&checkpoint.pages, text_from(pages));
	assert_int_equal(checkpoint_write(fd, &checkpoint), OK);
	checkpoint_done(&checkpoint);
}

static void
assert_checkpoint(int fd, uint64_t generation, const char *pages)
{
	struct checkpoint found = { 0 };

	assert_int_equal(checkpoint_read(fd, &found), OK);
	assert_int_equal(found.generation, generation);
	assert_int_equal(found.txn, generation * 10);
	assert_int_equal(found.nonce, 5);
	assert_int_equal(found.place.file, 1);
	assert_int_equal(found.place.offset, 4711);
	assert_true(text_equal(buffer_text(&found.pages), text_from(pages)));
	checkpoint_done(&found);
}

static void
spoil(int fd, off_t at)
{
	assert_int_equal(disk_write(fd, TEXT("?"), at), OK);
}

static void
test_slots_take_turns(void **state)
{
	const off_t second = 4096 + CHECKPOINT_PAGES_MAX;
	struct checkpoint found = { 0 };
	int fd;

	assert_int_equal(checkpoint_open(((struct place_fixture *)*state)->fd,
			     &fd),
	    OK);
	assert_int_equal(checkpoint_read(fd, &found), NOT_FOUND);
	write_checkpoint(fd, 1, "first");
	assert_checkpoint(fd, 1, "first");
	/* The very first one torn: nothing stands on it. */
	spoil(fd, second + 4096);
	assert_int_equal(checkpoint_read(fd, &found), NOT_FOUND);
	write_checkpoint(fd, 1, "first");
	write_checkpoint(fd, 2, "second");
	write_checkpoint(fd, 3, "third");
	assert_checkpoint(fd, 3, "third");
	spoil(fd, second + 4098);
	assert_checkpoint(fd, 2, "second");
	spoil(fd, 12);
	assert_int_equal(checkpoint_read(fd, &found), DAMAGED);
	checkpoint_done(&found);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_chain_goes_on_in_the_other_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_strange_records_end_a_chain, set_up, tear_down),
		cmocka_unit_test(test_entries_are_bounded),
		cmocka_unit_test_setup_teardown(test_slots_take_turns, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
