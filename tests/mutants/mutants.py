"""Checks that are removed, one at a time, and the cases that must notice.

(name, changes, test program, words); a change is (file, the code with the
check, the code without it). Where two layers hold a rule, both are removed.
Code is compared with white space folded, so that a new layout changes nothing.
"""

MUTANTS = [
    # What attacks try.
    ("v01-doctype-let-in", [
        ("dav/xml_scan.c",
         'return BAD_INPUT; /* <!DOCTYPE, or not XML at all */',
         'scan_past(scan, TEXT(">"));'),
        ("dav/xml_read.c",
         'parser->sax->internalSubset = subset_refuse;',
         '(void)subset_refuse;'),
    ], "cases/attack_xml.py", []),
    ("v04-infinity-answered-as-1", [
        ("dav/propfind.c",
         'if (depth == DEPTH_INFINITY) {',
         'if (depth == DEPTH_INFINITY) depth = 1; if (0) {'),
    ], "cases/attack_locks.py", []),
    ("v08-any-principal-may-use-a-token", [
        ("dav/lock_demand.c",
         'lock->principal == exchange->principal.id &&',
         ''),
        ("dav/if_judge.c",
         'if (lock[i].principal == exchange->principal.id &&',
         'if ('),
    ], "cases/attack_locks.py", []),
    ("v12-controls-in-names", [
        ("server/base/path.c",
         '|| code_control(code)',
         ''),
    ], "cases/attack_paths.py", []),
    ("v14-encoded-slash", [
        ("server/base/path.c",
         "if (byte == '/' || byte == '\\0')",
         "if (byte == '\\0')"),
        ("server/base/path.c", "if (len == 0 || code == '/' ||",
         "if (len == 0 ||"),
    ], "cases/attack_paths.py", []),
    ("v27-length-and-coding", [
        ("server/http/parser.c",
         'if (codings + lengths > 1)',
         'if (lengths > 1)'),
    ], "cases/framing.py", []),
    ("v27-leading-zeros", [
        ("server/http/parser.c",
         "if (value.len > 1 && value.ptr[0] == '0') return 400;",
         ''),
    ], "cases/framing.py", []),
    ("v33-any-host", [
        ("server/http/uri.c",
         'return listener_matches(&parsed, peer);',
         'return peer != NULL;'),
    ], "cases/limits.py", []),
    ("v21-any-destination", [
        ("server/http/uri.c",
         'hosts_equal(&left, &right) && authority_port',
         'authority_port'),
    ], "cases/attack_destination.py", []),
    # What rights forbid.
    ("delete-without-right", [
        ("dav/delete.c",
         'enum outcome outcome = place_demand_delete(exchange, place);',
         'enum outcome outcome = OK;'),
    ], "cases/rights_matrix.py", []),
    ("read-without-right", [
        ("dav/get.c",
         'collection ? ATOM(LIST) : ATOM(GET_ORIGINAL)',
         'collection ? ATOM(LIST) : ATOM(STAT)'),
    ], "cases/rights_matrix.py", []),
    ("no-access-forgotten", [
        ("auth/rights.c",
         'if ((grant->rules & RULE_NO_ACCESS) != 0) {',
         'if (0) {'),
    ], "cases/rights_matrix.py", []),
    ("hidden-looks-there", [
        ("dav/place.c",
         'while (!place_reaches(place)) {',
         'while (0) {'),
    ], "cases/rights_matrix.py", []),
    ("props-without-right", [
        ("dav/proppatch.c",
         'place_demand(exchange, place, ATOM(PROPS))',
         'place_demand(exchange, place, ATOM(STAT))'),
    ], "cases/rights_matrix.py", []),
    ("granter-not-asked", [
        ("auth/rights.c",
         'given = rights_cut(&given, &granter);',
         ''),
    ], "cases/rights_special.py", []),
]
