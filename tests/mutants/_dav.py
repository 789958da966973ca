"""V01 to V09 and V21 to V26: XML, Depth, locks, If, Destination."""

from _change import mutant

XML, LOCKS, TARGET = ("cases/attack_xml.py", "cases/attack_locks.py",
                      "cases/attack_destination.py")

_XML = [
    mutant("v01-doctype-let-in", [
        ("dav/xml_scan.c",
         "return BAD_INPUT; /* <!DOCTYPE, or not XML at all */",
         'scan_past(scan, TEXT(">"));'),
        ("dav/xml_read.c",
         "parser->sax->internalSubset = subset_refuse;",
         "(void)subset_refuse;"),
    ], ("V01", XML, ["external"]), ("V02", XML, ["billion", "declared"])),
    mutant("v03-body-of-any-size", [
        ("server/serve.c", "return conf->limits.xml_body;",
         "return UINT64_MAX;"),
    ], ("V03", XML, ["chunked_over_limit"])),
    mutant("v03-any-depth", [
        ("dav/xml_scan.c",
         "if (scan->depth >= scan->conf->limits.xml_depth) return BAD_INPUT;",
         ""),
    ], ("V03", XML, ["nesting_limit"])),
    mutant("v03-any-number-of-properties", [
        ("dav/property_query.c",
         "uint64_t most = exchange->conf->limits.xml_properties;",
         "uint64_t most = UINT64_MAX; (void)exchange;"),
    ], ("V03", XML, ["property_limit"])),
    mutant("v03-any-number-of-namespaces", [
        ("dav/xml_scan.c",
         "if (attributes > ATTRIBUTES_MAX || scan->attributes >"
         " scan->conf->limits.xml_properties * ATTRIBUTES_PER_PROPERTY)"
         " return TOO_LARGE;", ""),
    ], ("V03", XML, ["many_namespaces"])),
    mutant("v03-undeclared-prefix", [
        ("dav/xml_read.c",
         "sound = parser->wellFormed && parser->nsWellFormed;",
         "sound = parser->wellFormed;"),
    ], ("V03", XML, ["malformed"])),
]

_LOCKS = [
    mutant("v04-infinity-answered-as-1", [
        ("dav/propfind.c",
         "if (depth == DEPTH_INFINITY) {",
         "if (depth == DEPTH_INFINITY) depth = 1; if (0) {"),
    ], ("V04", LOCKS, ["propfind_infinity"])),
    mutant("v05-any-depth-is-infinity", [
        ("dav/precondition.c",
         "*ret_depth = DEPTH_INFINITY; else return BAD_INPUT;",
         "*ret_depth = DEPTH_INFINITY; else *ret_depth = DEPTH_INFINITY;"),
    ], ("V05", LOCKS, ["bad_depth"])),
    mutant("v05-delete-of-depth-0", [
        ("dav/delete.c",
         "if (depth == 1 || (depth == 0 && place->node->kind =="
         " NODE_COLLECTION)) return BAD_INPUT;", ""),
    ], ("V05", LOCKS, ["wrong_depth"])),
    mutant("v05-lock-of-depth-1", [
        ("dav/lock_info.c",
         "if (outcome == OK && depth == 1) outcome = BAD_INPUT;", ""),
    ], ("V05", LOCKS, ["wrong_depth"])),
    mutant("v06-listing-in-one-piece", [
        ("dav/member_stream.c",
         "enum { BLOCK_BYTES = 120 * 1024 };",
         "enum { BLOCK_BYTES = 512 * 1024 * 1024 };"),
    ], ("V06", LOCKS, ["wide_listing"])),
    mutant("v07-locks-without-number", [
        ("store/lock.c",
         "if (held >= conf->limits.locks_per_principal) return TOO_LARGE;",
         ""),
    ], ("V07", LOCKS, ["lock_cap"])),
    mutant("v07-locks-of-any-length", [
        ("dav/lock_info.c", "if (seconds > max) seconds = max;", ""),
        ("store/lock.c",
         "if (lock.timeout_seconds > conf->limits.lock_seconds)"
         " lock.timeout_seconds = conf->limits.lock_seconds;", ""),
    ], ("V07", LOCKS, ["timeouts"])),
    mutant("v07-locks-for-ever", [
        ("store/lock_record.c",
         "bool ended = lock->expires_ns <= filter->now_ns;",
         "bool ended = filter->now_ns == UINT64_MAX && !lock->expires_ns;"),
    ], ("V07", LOCKS, ["lock_expiry"])),
    mutant("v08-any-principal-may-use-a-token", [
        ("dav/lock_demand.c",
         "lock->principal == exchange->principal.id &&", ""),
        ("dav/if_judge.c",
         "if (lock[i].principal == exchange->principal.id &&", "if ("),
    ], ("V08", LOCKS, ["foreign_token"])),
    mutant("v08-any-principal-may-unlock", [
        ("dav/unlock.c",
         "if (lock->principal == exchange->principal.id ||", "if (1 ||"),
    ], ("V08", LOCKS, ["foreign_token"])),
    mutant("v08-tokens-are-shown", [
        ("dav/lock_write.c",
         "bool own = lock->principal == exchange->principal.id;",
         "bool own = true;"),
    ], ("V08", LOCKS, ["foreign_token"])),
    mutant("v09-tag-without-a-list", [
        ("dav/if_header.c", "return !pending && header->count > 0;",
         "return true;"),
    ], ("V09", LOCKS, ["if_battery"])),
    mutant("v09-list-without-an-end", [
        ("dav/if_header.c",
         "} while (!scan_byte(scan, ')'));",
         "} while (!scan_byte(scan, ')') && scan->rest.len > 0);"),
    ], ("V09", LOCKS, ["if_battery"])),
]

# All three; the first only names the plainest case of the other two.
_APART = [
    ("dav/transfer.c",
     "if (target->node != NULL && target->node->id == source->node->id)"
     ' return transfer_forbid(exchange, "Source and destination are the'
     ' same.");', ""),
    ("dav/transfer.c",
     "if (trail_holds(&target->trail, source->node->id)) return"
     ' transfer_forbid(exchange, "The destination lies inside the source.");',
     ""),
    ("dav/transfer.c",
     "if (target->node != NULL && trail_holds(&source->trail,"
     " target->node->id)) return transfer_forbid(exchange,"
     ' "The source lies inside the destination.");', ""),
]

_TARGET = [
    mutant("v21-any-destination", [
        ("server/http/uri.c",
         "hosts_equal(&left, &right) && authority_port", "authority_port"),
    ], ("V21", TARGET, ["foreign_destination"])),
    mutant("v21-any-scheme", [
        ("server/http/uri.c",
         "if (!schemes_equal(scheme, request->scheme) ||", "if ("),
    ], ("V21", TARGET, ["destination"])),
    mutant("v22-two-destinations", [
        ("dav/precondition.c",
         "if (header_count(&request->headers, name) > 1) return BAD_INPUT;",
         ""),
    ], ("V22", TARGET, ["odd_destination"]), ("V05", LOCKS, ["bad_depth"])),
    mutant("v24-move-without-delete", [
        ("dav/move.c", "ATOM(GET_ORIGINAL) | ATOM(DELETE)",
         "ATOM(GET_ORIGINAL)"),
    ], ("V24", TARGET, ["cross_cell"])),
    mutant("v24-overwrite-without-modify", [
        ("dav/transfer.c",
         "return place_demand(exchange, target, ATOM(MODIFY));",
         "return OK;"),
    ], ("V24", TARGET, ["overwrite_right"])),
    mutant("v25-onto-itself", _APART, ("V25", TARGET, ["onto_itself"])),
    mutant("v25-onto-an-ancestor", _APART[2:],
           ("V25", TARGET, ["own_child"])),
    mutant("v25-overwrite-f-overwrites", [
        ("dav/transfer.c",
         "if (transfer->target.node != NULL && !transfer->overwrite) {",
         "if (0) {"),
    ], ("V25", TARGET, ["overwrite_false"])),
    mutant("v26-any-mount", [
        ("dav/precondition.c",
         'if (path.count == 0 || !text_equal(path.key[0], TEXT("dav")))'
         " return destination_elsewhere(exchange);", ""),
    ], ("V26", TARGET, ["other_mounts"])),
]

DAV = _XML + _LOCKS + _TARGET
