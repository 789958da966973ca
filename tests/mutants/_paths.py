"""V10 to V20 and V23: what a path may be, and where it leads."""

from _change import mutant

PATH, TARGET = "cases/attack_paths.py", "cases/attack_destination.py"
BASE = "server/base/path.c"

# The names in lower case, as a store of another system would have them.
_LOWER = """{
	char *low = arena_string(arena, name);
	for (size_t i = 0; i < name.len; i++)
		if (low[i] >= 'A' && low[i] <= 'Z')
			low[i] = (char)(low[i] + 32);
	*ret_key = (struct text){ low, name.len };
	return OK;
}"""

# A grant of any node that was made about the same time counts here.
_NEIGHBOURS = """
	outcome = OK;
	for (node_id first = way_node(&evaluation->way, index)->id & ~1023ULL,
	     near = first; outcome == OK && near < first + 1024; near++)
		outcome = grant_each(evaluation->txn, near, add_grant, &tally);
"""

_SPELLINGS = [
    mutant("v10-above-the-root", [
        (BASE, "if (parse->count == 0) return BAD_INPUT;",
         "if (parse->count == 0) return OK;"),
    ], ("V10", PATH, ["dot_segment"]),
       ("V23", TARGET, ["destination_traversal"])),
    mutant("v10-dots-are-names", [
        (BASE, 'if (name.len == 0 || text_equal(name, TEXT(".")) ||'
               ' text_equal(name, TEXT("..")))', "if (name.len == 0)"),
        (BASE, 'if (text_equal(name, TEXT(".."))) {', "if (0) {"),
    ], ("V10", PATH, ["dot_segment"])),
    mutant("v11-decoded-twice", [
        (BASE, "outcome = segment_decode(copy + (piece.ptr - copy),"
               " &piece.len);",
         "{ outcome = segment_decode(copy + (piece.ptr - copy), &piece.len);"
         " if (outcome == OK) outcome = segment_decode("
         "copy + (piece.ptr - copy), &piece.len); }"),
    ], ("V11", PATH, ["double_encoding", "percent_name"])),
    mutant("v12-controls-in-names", [
        (BASE, "|| code_control(code)", ""),
    ], ("V12", PATH, ["control"])),
    mutant("v13-any-bytes", [
        (BASE, "if (len == 0 || code == '/' || code_control(code))"
               " return false;",
         "if (len == 0) { at++; continue; }"
         " if (code == '/' || code_control(code)) return false;"),
        (BASE, "if (count < 0) return BAD_INPUT;",
         "if (count < 0) { *ret_key = name; return OK; }"),
    ], ("V13", PATH, ["bad_utf8"])),
    mutant("v14-encoded-slash", [
        (BASE, r"if (byte == '/' || byte == '\0')", r"if (byte == '\0')"),
        (BASE, "if (len == 0 || code == '/' ||", "if (len == 0 ||"),
        (BASE, "byte >= 0x7f || byte == '/';", "byte >= 0x7f;"),
    ], ("V14", PATH, ["encoded_slash"])),
    mutant("v14-backslash", [
        ("dav/name_check.c", r'TEXT("\\:*?\"<>|")', r'TEXT(":*?\"<>|")'),
    ], ("V14", PATH, ["backslash"])),
]

_NAMES = [
    mutant("v15-grants-of-neighbours", [
        ("auth/rights.c",
         "outcome = grant_each(evaluation->txn,"
         " way_node(&evaluation->way, index)->id, add_grant, &tally);",
         _NEIGHBOURS),
        ("auth/rights.c",
         "if (outcome == OK && (node->flags & NODE_HAS_GRANTS) != 0) {",
         "if (outcome == OK) {"),
    ], ("V15", PATH, ["prefix_sibling"])),
    mutant("v16-slash-after-a-file", [
        ("dav/place.c",
         "ret_place->slash_on_file = ret_place->node != NULL &&"
         " ret_place->node->kind == NODE_FILE && path->trailing_slash;",
         "ret_place->slash_on_file = false;"),
    ], ("V16", PATH, ["file_with_slash"])),
    mutant("v17-devices", [
        ("dav/name_check.c", "return !name_is_device(name);",
         "return name.len > 0 || name_is_device(name);"),
    ], ("V17", PATH, ["hostile_names"])),
    mutant("v17-dots-and-spaces-at-the-end", [
        ("dav/name_check.c",
         "if (last == '.' || last == ' ') return false;", ""),
    ], ("V17", PATH, ["hostile_names"])),
    mutant("v17-paths-of-any-length", [
        (BASE, "if (parse->bytes > PATH_MAX_BYTES) return TOO_LARGE;", ""),
    ], ("V17", PATH, ["path_bytes"])),
    mutant("v17-names-of-any-length", [
        (BASE, "if (name.len > PATH_SEGMENT_MAX) return TOO_LARGE;", ""),
        ("store/node.c",
         "if (name.len == 0 || name.len > PATH_SEGMENT_MAX)"
         " return NOT_FOUND;", ""),
    ], ("V17", PATH, ["segment_length"])),
    mutant("v18-no-composition", [
        (BASE, "return name_compose(arena, name, ret_key);",
         "(void)name_compose; *ret_key = name; return OK;"),
    ], ("V18", PATH, ["normalis"])),
    mutant("v18-any-slug", [
        ("store/cell.c",
         "if (!slug_byte_valid(slug.ptr[i], i == 0)) return false;",
         "(void)slug_byte_valid;"),
    ], ("V18", PATH, ["slug_collision"])),
    mutant("v19-case-is-folded", [
        (BASE, "if (name_is_plain(name)) { *ret_key = name; return OK; }",
         "if (name_is_plain(name))" + _LOWER),
    ], ("V19", PATH, ["case_sensitive"])),
    mutant("v20-links-are-followed", [
        ("store/maintain_import.c",
         "else if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)",
         "else if (fstatat(folder, name, &status, 0) != 0)"),
        ("store/maintain_files.c", "O_CLOEXEC | O_NOFOLLOW)", "O_CLOEXEC)"),
        ("store/maintain_files.c",
         ".resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |"
         " RESOLVE_NO_MAGICLINKS", ".resolve = 0"),
    ], ("V20", PATH, ["import_links"])),
]

PATHS = _SPELLINGS + _NAMES
