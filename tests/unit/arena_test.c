/* Arenas: alignment, zeros, pieces that do not touch, sizes of all kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "server/base/arena.h"

static bool
all_zero(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void
pieces_are_apart(void **state)
{
	enum { COUNT = 3000 };
	struct arena *arena = arena_new();
	unsigned char *piece[COUNT];
	size_t size[COUNT];

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		size[i] = i % 7 == 0 ? i * 3 : i % 61;
		piece[i] = arena_alloc(arena, size[i]);
		assert_int_equal((uintptr_t)piece[i] % alignof(max_align_t), 0);
		assert_true(all_zero(piece[i], size[i]));
		memset(piece[i], (int)(i % 255) + 1, size[i]);
	}
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = 0; j < size[i]; j++)
			assert_int_equal(piece[i][j], i % 255 + 1);
	arena_free(arena);
}

static void
large_piece_keeps_the_chunk(void **state)
{
	struct arena *arena = arena_new();
	char *first = arena_alloc(arena, 16), *large, *second;

	(void)state;
	large = arena_alloc(arena, 1024 * 1024);
	second = arena_alloc(arena, 16);
	assert_true(all_zero((unsigned char *)large, 1024 * 1024));
	assert_ptr_equal(second, first + 16);
	arena_free(arena);
}

static void
texts_are_copied(void **state)
{
	struct arena *arena = arena_new();
	char source[] = "a\0b";
	struct text copy = arena_copy(arena, (struct text){ source, 3 });
	char *empty = arena_string(arena, TEXT_NONE);

	(void)state;
	source[0] = 'x';
	assert_memory_equal(copy.ptr, "a\0b", 4);
	assert_int_equal(copy.len, 3);
	assert_string_equal(empty, "");
	arena_free(arena);
}

static void
formats_of_any_length(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (int width = 250; width < 262; width++) {
		struct text text = arena_format(arena, "%*d|", width, 7);

		assert_int_equal(text.len, width + 1);
		assert_true(text_ends(text, TEXT(" 7|")));
		assert_int_equal(text.ptr[text.len], '\0');
	}
	arena_free(arena);
}

static void
use_is_counted(void **state)
{
	struct arena *arena = arena_new();
	size_t before = arena_used(arena);

	(void)state;
	assert_int_equal(before, 0);
	(void)arena_alloc(arena, 1);
	assert_in_range(arena_used(arena), 1, 64);
	(void)ARENA_ARRAY(arena, 100, uint64_t);
	assert_in_range(arena_used(arena), 801, 900);
	arena_free(arena);
	arena_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_apart),
		cmocka_unit_test(large_piece_keeps_the_chunk),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(formats_of_any_length),
		cmocka_unit_test(use_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
