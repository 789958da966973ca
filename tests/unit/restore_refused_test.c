#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/meta.h"
#include "tests/unit/world.h"

/*
 * Files that are no backup, or one that somebody has made over: each is
 * refused with the reason, and nothing of it is left. A backup is taken apart
 * and packed again by tar, with one thing other than it was.
 */
struct scene {
	struct world world;
	char file[160], part[160], dir[160]; /* the backup, apart, the target */
	struct buffer lines;
};

static void
keep_line(void *context, const char *line)
{
	buffer_format(context, "%s\n", line);
}

static void
report_anew(struct scene *scene)
{
	report_begin(&scene->world, false);
	buffer_clear(&scene->lines);
	scene->world.maintain.finding = keep_line;
	scene->world.maintain.context = &scene->lines;
}

static void
backup_made(struct scene *scene) ON_WORKER;

static void
backup_made(struct scene *scene)
{
	report_anew(scene);
	assert_int_equal(store_backup(scene->world.state.store, scene->file,
			     &scene->world.maintain),
	    OK);
	shell("rm -rf '%s' && mkdir -p '%s'", scene->part, scene->part);
	shell("cd '%s' && tar -xf '%s'", scene->part, scene->file);
}

static void
scene_begin(struct scene *scene)
    THREAD_ATTRIBUTE(assert_capability(role_worker));

static void
scene_begin(struct scene *scene)
{
	struct world *world = &scene->world;
	const struct state *state = &world->state;

	world_begin_bare(world);
	scene->lines = (struct buffer){ 0 };
	snprintf(scene->file, sizeof(scene->file), "%s",
	    state_path(state, "b.tar"));
	snprintf(scene->part, sizeof(scene->part), "%s",
	    state_path(state, "apart"));
	snprintf(scene->dir, sizeof(scene->dir), "%s",
	    state_path(state, "new"));
	shell("mkdir '%s' && cd '%s'", world->source, world->source);
	shell("cd '%s' && head -c 30000 /dev/zero | tr '\\0' a > a && "
	      "head -c 30000 /dev/zero | tr '\\0' b > b && echo c > c%s",
	    world->source, "");
	write_whole(state_path(state, "state/secret/key"), "s3cret", 6);
	assert_int_equal(transfer(world, true), OK);
	backup_made(scene);
}

static void
scene_end(struct scene *scene)
{
	buffer_done(&scene->lines);
	world_end(&scene->world);
}

/* In the order of the list as it is now, which comes last. */
static void
pack(struct scene *scene)
{
	shell("cd '%s' && tail -n +2 checksums | cut -c 35- > ../names && "
	      "echo checksums >> ../names && "
	      "tar -cf '%s' --no-recursion -T ../names",
	    scene->part, scene->file);
}

static void
refused(struct scene *scene, enum outcome expected, const char *words)
    ON_WORKER;

static void
refused(struct scene *scene, enum outcome expected, const char *words)
{
	struct stat status;

	report_anew(scene);
	assert_int_equal(store_restore(scene->file, scene->dir,
			     &scene->world.maintain),
	    expected);
	buffer_append_byte(&scene->lines, 0);
	if (strstr(scene->lines.ptr, words) == NULL)
		fail_msg("\"%s\" is not said, but: %s", words,
		    scene->lines.ptr);
	assert_int_equal(stat(scene->dir, &status), -1);
}

/* What was packed anew without a change is a backup: the tool is right. */
static void
test_packed_anew(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	pack(&scene);
	report_anew(&scene);
	assert_int_equal(store_restore(scene.file, scene.dir,
			     &scene.world.maintain),
	    OK);
	shell("cmp '%s/state/secret/key' '%s/state/secret/key'", scene.dir,
	    scene.world.state.folder);
	scene_end(&scene);
}

static void
test_no_archive(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	shell("head -c 5000 /dev/urandom > '%s'%s", scene.file, "");
	refused(&scene, IO, "cannot be read");
	shell("rm '%s'%s", scene.file, "");
	refused(&scene, IO, "cannot be read");
	scene_end(&scene);
}

/* Each in a backup that is sound else. */
static void
test_names_that_no_backup_has(void **unused)
{
	static const struct {
		const char *make;
		enum outcome outcome;
		const char *words;
	} rows[] = {
		{ "echo x > state/secret/.hidden", BAD_INPUT,
		    "state/secret/.hidden is not part of a backup" },
		{ "mkdir state/secret/a && echo x > state/secret/a/b",
		    BAD_INPUT, "state/secret/a/b is not part" },
		{ "echo x > \"$(printf 'state/engine/a\\tb')\"", BAD_INPUT,
		    "is not part of a backup" },
		{ "mkdir -p state/blobs/zz && echo > "
		  "state/blobs/zz/00000000000000zz",
		    BAD_INPUT, "is not part" },
		{ "mkdir -p state/blobs/12 && echo > "
		  "state/blobs/12/0000000000000034",
		    BAD_INPUT, "is not part" },
		{ "mkdir -p state/blobs/12 && echo > state/blobs/12/12",
		    BAD_INPUT, "is not part" },
		{ "echo > state/other", BAD_INPUT, "state/other is not part" },
		{ "ln -s /etc/passwd state/secret/link", DAMAGED,
		    "an entry is no file" },
		{ "mkdir state/secret/folder", DAMAGED, "an entry is no file" },
	};
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char command[512];

		shell("cd '%s' && find . | sort > ../before%s", scene.part, "");
		snprintf(command, sizeof(command),
		    "cd '%%s' && %s && find . | sort > ../after%%s",
		    rows[i].make);
		shell(command, scene.part, "");
		shell("cd '%s' && comm -13 ../before ../after | sed 's|^./||' "
		      "| tail -n 1 > ../added && (cat ../added; tail -n +2 "
		      "checksums | cut -c 35-; echo checksums) > ../names && "
		      "tar -cf '%s' --no-recursion -T ../names",
		    scene.part, scene.file);
		refused(&scene, rows[i].outcome, rows[i].words);
		shell("cd '%s' && comm -13 ../before ../after | tac | "
		      "xargs -d '\\n' rm -d%s",
		    scene.part, "");
	}
	scene_end(&scene);
}

/* The list at the end: none, for no engine, or not of what is there. */
static void
test_lists_that_are_wrong(void **unused)
{
	static const struct {
		const char *change;
		enum outcome outcome;
		const char *words;
	} rows[] = {
		{ "sed -i 1d checksums", DAMAGED,
		    "its list of checksums is missing" },
		{ "sed -i '1s/$/-that-is-longer-than-any/' checksums", DAMAGED,
		    "its heading is wrong" },
		{ "sed -i '1s/lmdb/lndb/' checksums", DAMAGED,
		    "its engine is not known" },
		{ "sed -i '2s/^./z/' checksums", DAMAGED,
		    "does not have its checksum" },
		{ "echo > checksums", DAMAGED,
		    "its list of checksums is missing" },
	};
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	shell("cd '%s' && cp checksums ../list && tail -n +2 checksums | "
	      "cut -c 35- > ../names && echo checksums >> ../names%s",
	    scene.part, "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char command[256];

		snprintf(command, sizeof(command), "cd '%%s' && %s%%s",
		    rows[i].change);
		shell(command, scene.part, "");
		shell("cd '%s' && tar -cf '%s' --no-recursion -T ../names",
		    scene.part, scene.file);
		refused(&scene, rows[i].outcome, rows[i].words);
		shell("cd '%s' && cp ../list checksums%s", scene.part, "");
	}
	scene_end(&scene);
}

/* List and files agree, but the records in the engine say otherwise. */
static void
test_contents_that_are_not_those_stored(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	/* The two files change their names, and the sums with them. */
	shell("cd '%s' && set -- state/blobs/*/* && mv \"$1\" x && mv \"$2\" "
	      "\"$1\" && mv x \"$2\"%s",
	    scene.part, "");
	shell("cd '%s' && set -- state/blobs/*/* && awk -v a=\"$1\" "
	      "-v b=\"$2\" 'NR == 1 { print; next } $2 == a { print $1 \"  \" "
	      "b; next } $2 == b { print $1 \"  \" a; next } { print }' "
	      "checksums > ../list && cp ../list checksums%s",
	    scene.part, "");
	pack(&scene);
	refused(&scene, DAMAGED, "is not what was stored");
	/* One of them is in neither. */
	backup_made(&scene);
	shell("cd '%s' && set -- state/blobs/*/* && grep -v \"$1\" checksums > "
	      "../list && cp ../list checksums%s",
	    scene.part, "");
	pack(&scene);
	refused(&scene, DAMAGED, "is missing");
	/* The engine's own file is in neither. */
	backup_made(&scene);
	shell("cd '%s' && grep -v data.mdb checksums > ../list && "
	      "cp ../list checksums%s",
	    scene.part, "");
	pack(&scene);
	report_anew(&scene);
	assert_int_not_equal(store_restore(scene.file, scene.dir,
				 &scene.world.maintain),
	    OK);
	scene_end(&scene);
}

static enum outcome
format_raise(struct txn *txn, void *context)
{
	(void)context;
	return meta_put(txn, TEXT("format"), STORE_FORMAT + 1);
}

static void
test_a_newer_format(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	assert_int_equal(store_change(scene.world.state.store, format_raise,
			     NULL),
	    OK);
	backup_made(&scene);
	refused(&scene, UNSUPPORTED, "use the celldav that wrote it");
	scene_end(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed_anew),
		cmocka_unit_test(test_no_archive),
		cmocka_unit_test(test_names_that_no_backup_has),
		cmocka_unit_test(test_lists_that_are_wrong),
		cmocka_unit_test(test_contents_that_are_not_those_stored),
		cmocka_unit_test(test_a_newer_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
