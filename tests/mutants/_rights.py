"""What rights forbid: rights.md, and V16 where a spelling might get past."""

from _change import mutant

MATRIX, SPECIAL, PATH = ("cases/rights_matrix.py", "cases/rights_special.py",
                         "cases/attack_paths.py")

RIGHTS = [
    mutant("delete-without-right", [
        ("dav/delete.c",
         "enum outcome outcome = place_demand_delete(exchange, place);",
         "enum outcome outcome = OK;"),
    ], ("rights", MATRIX, [])),
    mutant("read-without-right", [
        ("dav/get.c",
         "collection ? ATOM(LIST) : ATOM(GET_ORIGINAL)",
         "collection ? ATOM(LIST) : ATOM(STAT)"),
    ], ("rights", MATRIX, [])),
    mutant("no-access-forgotten", [
        ("auth/rights.c",
         "if ((grant->rules & RULE_NO_ACCESS) != 0) {", "if (0) {"),
    ], ("rights", MATRIX, []), ("V16", PATH, ["slash_forms"])),
    mutant("hidden-looks-there", [
        ("dav/place.c", "while (!place_reaches(place)) {", "while (0) {"),
    ], ("rights", MATRIX, [])),
    mutant("props-without-right", [
        ("dav/proppatch.c",
         "place_demand(exchange, place, ATOM(PROPS))",
         "place_demand(exchange, place, ATOM(STAT))"),
    ], ("rights", MATRIX, [])),
    mutant("granter-not-asked", [
        ("auth/rights.c", "given = rights_cut(&given, &granter);", ""),
    ], ("rights", SPECIAL, [])),
]
