#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "auth/privilege.h"

/*
 * The tables against rights.md, whose sections 1 and 4 are written here once
 * more: the letters of the atoms in their order, and a row per preset.
 */
static const char letters[] = "slvpfohckmrynxdeawjg";

static const struct {
	const char *name, *held;
} drawn[] = {
	{ "no-access", "" },
	{ "view", "slv" },
	{ "print", "slvp" },
	{ "download-pdf", "slvpf" },
	{ "download-original", "slvpfo" },
	{ "contributor", "slvpfohckmrynxde" },
	{ "upload-only", "cke" },
	{ "portal", "slvpfohckmyne" },
	{ "portal-ro", "slvpfo" },
	{ "co-owner", "slvpfohckmrynxdeawjg" },
};

static atom_set
atoms_of(const char *held)
{
	atom_set atoms = 0;

	for (; *held != '\0'; held++) {
		const char *at = strchr(letters, *held);

		assert_non_null(at);
		atoms |= (atom_set)1 << (at - letters);
	}
	return atoms;
}

static void
presets_are_those_of_the_table(void **state)
{
	(void)state;
	assert_int_equal(preset_count, sizeof(drawn) / sizeof(drawn[0]));
	for (size_t i = 0; i < preset_count; i++) {
		const struct preset *preset =
		    preset_find(text_from(drawn[i].name));

		assert_non_null(preset);
		assert_string_equal(preset->name, drawn[i].name);
		assert_int_equal(preset->atoms, atoms_of(drawn[i].held));
	}
	assert_ptr_equal(preset_find(TEXT("pdf")),
	    preset_find(TEXT("download-pdf")));
	assert_ptr_equal(preset_find(TEXT("original")),
	    preset_find(TEXT("download-original")));
	assert_null(preset_find(TEXT("")));
	assert_null(preset_find(TEXT("View")));
	assert_null(preset_find(TEXT("upload")));
}

static void
presets_narrow_where_the_table_says(void **state)
{
	(void)state;
	assert_int_equal(preset_find(TEXT("portal"))->rules,
	    RULE_RENAME_OWN | RULE_DELETE_TEMP);
	assert_int_equal(preset_find(TEXT("no-access"))->rules, RULE_NO_ACCESS);
	assert_int_equal(preset_find(TEXT("contributor"))->rules, 0);
	assert_int_equal(preset_find(TEXT("co-owner"))->rules, 0);
}

static void
presets_but_the_box_are_closed(void **state)
{
	(void)state;
	for (size_t i = 0; i < preset_count; i++) {
		assert_int_equal(atoms_close(presets[i].atoms),
		    presets[i].atoms);
	}
}

static void
closure_is_that_of_section_1(void **state)
{
	static const struct {
		const char *held, *closed;
	} cases[] = {
		{ "", "" },
		{ "s", "s" },
		{ "l", "ls" },
		{ "v", "vs" },
		{ "p", "pvs" },
		{ "f", "fpvs" },
		{ "o", "ofpvs" },
		{ "h", "h" },
		{ "c", "c" },
		{ "k", "k" },
		{ "m", "mofpvs" },
		{ "r", "rmhofpvs" },
		{ "y", "y" },
		{ "n", "ns" },
		{ "x", "xs" },
		{ "d", "ds" },
		{ "e", "e" },
		{ "a", "a" },
		{ "w", "w" },
		{ "j", "j" },
		{ "g", "slvpfohckmrynxdeawjg" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(atoms_close(atoms_of(cases[i].held)),
		    atoms_of(cases[i].closed));
	}
	assert_int_equal(atoms_close(UINT32_MAX), ATOMS_ALL);
}

static void
closure_is_idempotent_and_grows(void **state)
{
	(void)state;
	for (atom_set atoms = 0; atoms <= ATOMS_ALL; atoms += 7) {
		atom_set closed = atoms_close(atoms);

		assert_int_equal(closed & atoms, atoms);
		assert_int_equal(atoms_close(closed), closed);
	}
}

static void
atoms_are_read_by_name(void **state)
{
	atom_set atoms = 12345;

	(void)state;
	assert_true(atoms_parse(TEXT("stat,list,get-original"), &atoms));
	assert_int_equal(atoms, ATOM(STAT) | ATOM(LIST) | ATOM(GET_ORIGINAL));
	assert_true(atoms_parse(TEXT("delete-own"), &atoms));
	assert_int_equal(atoms, ATOM(DELETE_OWN));
	assert_false(atoms_parse(TEXT(""), &atoms));
	assert_false(atoms_parse(TEXT("stat,"), &atoms));
	assert_false(atoms_parse(TEXT(",stat"), &atoms));
	assert_false(atoms_parse(TEXT("stat,fly"), &atoms));
	assert_false(atoms_parse(TEXT("stat, list"), &atoms));
	assert_int_equal(atoms, ATOM(DELETE_OWN));
}

static void
rows_stand_at_their_atoms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ATOM_COUNT; i++) {
		assert_int_equal(atom_rows[i].atom, i);
		assert_non_null(atom_rows[i].name);
		assert_non_null(atom_rows[i].text);
	}
	assert_string_equal(atom_rows[ATOM_CREATE].inside, "bind");
	assert_string_equal(atom_rows[ATOM_MODIFY].inside, "write-content");
	assert_string_equal(atom_rows[ATOM_DELETE].inside, "unbind");
	assert_null(atom_rows[ATOM_DELETE_OWN].inside);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_are_those_of_the_table),
		cmocka_unit_test(presets_narrow_where_the_table_says),
		cmocka_unit_test(presets_but_the_box_are_closed),
		cmocka_unit_test(closure_is_that_of_section_1),
		cmocka_unit_test(closure_is_idempotent_and_grows),
		cmocka_unit_test(atoms_are_read_by_name),
		cmocka_unit_test(rows_stand_at_their_atoms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
