"""V27 to V38: framing, limits, ranges, slow clients, methods."""

from _change import mutant

FRAMING, LIMITS, SLOW = ("cases/framing.py", "cases/limits.py",
                         "cases/slow_clients.py")
PARSER, CHUNK, RANGE, TIMER = (
    "server/http/parser.c", "server/http/chunk.c", "server/http/range.c",
    "server/http/connection_timer.c")

# What stands behind the last chunk becomes a part of the header.
_MERGE = """
	struct transfer *transfer = connection->transfer;
	struct request *request = &transfer->request;
	struct header_list *list = &request->headers;
	struct text all = arena_copy(request->arena, connection->rest);
	enum parse_result result = chunks_join(connection, &data);
	struct text rest = text_slice(all,
	    text_find_text(all, TEXT("\\r\\n0\\r\\n")) + 5, all.len);
	struct header_field *field = ARENA_ARRAY(request->arena,
	    list->count + 32, struct header_field);
	memcpy(field, list->field, list->count * sizeof(*field));
	list->field = field;
	list->absent = 0;
	while (result == PARSE_DONE && rest.len > 2) {
		struct text line = text_split(&rest, '\\n');
		size_t colon = text_find(line, ':');
		if (colon < line.len)
			list->field[list->count++] = (struct header_field){
			    .name = text_slice(line, 0, colon),
			    .value = text_trim(text_slice(line, colon + 1,
				line.len - 1)) };
	}
	body_deliver(connection, data);
"""

_FRAMING = [
    mutant("v27-length-and-coding", [
        (PARSER, "if (codings + lengths > 1)", "if (lengths > 1)"),
    ], ("V27", FRAMING, ["length_conflicts", "twenty_probes"])),
    mutant("v27-two-lengths", [
        (PARSER, "if (codings + lengths > 1)",
         "if (codings > 0 && lengths > 0)"),
    ], ("V27", FRAMING, ["length_conflicts"])),
    mutant("v27-leading-zeros", [
        (PARSER, "if (value.len > 1 && value.ptr[0] == '0') return 400;",
         ""),
    ], ("V27", FRAMING, ["length_conflicts"])),
    mutant("v28-chunked-and-more", [
        (PARSER, "if (chunked == 1 && count == 1)", "if (chunked == 1)"),
    ], ("V28", FRAMING, ["transfer_codings"])),
    mutant("v28-chunks-in-http-1-0", [
        (PARSER, "return head->minor == 0 ? 400 : coding_status",
         "return coding_status"),
    ], ("V28", FRAMING, ["transfer_codings"])),
    mutant("v29-size-of-any-bytes", [
        (CHUNK, "if (!syntax_is(byte, SYNTAX_HEX)) return false;"
                " decoder->left = digit_value(byte);",
         "decoder->left = digit_value(byte);"),
    ], ("V29", FRAMING, ["chunk_grammar"])),
    mutant("v29-data-without-cr", [
        (CHUNK, r"decoder->state = DATA_LF; return byte == '\r';",
         "decoder->state = DATA_LF; (void)byte; return true;"),
    ], ("V29", FRAMING, ["chunk_grammar"])),
    mutant("v29-data-without-lf", [
        (CHUNK, r"decoder->state = SIZE_FIRST; return byte == '\n';",
         "decoder->state = SIZE_FIRST; (void)byte; return true;"),
    ], ("V29", FRAMING, ["chunk_grammar"])),
    mutant("v29-size-without-lf", [
        (CHUNK, "decoder->state = decoder->left > 0 ? DATA : TRAILER_FIRST;"
                r" return byte == '\n';",
         "decoder->state = decoder->left > 0 ? DATA : TRAILER_FIRST;"
         " (void)byte; return true;"),
    ], ("V29", FRAMING, ["chunk_grammar"])),
    mutant("v29-end-without-lf", [
        (CHUNK, r"decoder->state = FINISHED; return byte == '\n';",
         "decoder->state = FINISHED; (void)byte; return true;"),
    ], ("V29", FRAMING, ["chunk_grammar"])),
    mutant("v29-trailer-without-lf", [
        (CHUNK, r"decoder->state = TRAILER_FIRST; return byte == '\n';",
         "decoder->state = TRAILER_FIRST; (void)byte; return true;"),
    ], ("V29", FRAMING, ["chunk_grammar"])),
    mutant("v29-cut-body-is-whole", [
        ("server/http/connection_body.c",
         "connection->transfer->body_broken = true; atomic_store("
         "&connection->transfer->request.cancelled, true);"
         " body_end(connection, CANCELLED);", "body_end(connection, OK);"),
    ], ("V29", FRAMING, ["cut_bodies"])),
    mutant("v30-extensions-of-any-length", [
        (CHUNK, "return decoder->overhead <= OVERHEAD_MAX &&"
                " decoder->line <= LINE_MAX_BYTES;", "return true;"),
    ], ("V30", FRAMING, ["extension_flood"])),
    mutant("v31-trailers-are-merged", [
        ("server/http/connection_body.c",
         "enum parse_result result = chunks_join(connection, &data);"
         " body_deliver(connection, data);", _MERGE),
    ], ("V31", FRAMING, ["trailers_ignored"])),
]

_HEADS = [
    mutant("v32-any-number-of-fields", [
        (PARSER, "if (list->count == limits->fields) return 431;", ""),
    ], ("V32", LIMITS, ["header_limits"])),
    mutant("v32-header-of-any-size", [
        (PARSER, "return head.len - line > limits->section + 3 ? 431 : 0;",
         "return 0;"),
    ], ("V32", LIMITS, ["header_limits"])),
    mutant("v32-target-of-any-size", [
        (PARSER, "if (line > METHOD_MAX + 1 + limits->target + 1 +"
                 " VERSION_LEN + 1)", "if (0)"),
        (PARSER, "if (head->target.len > limits->target) return 414;", ""),
    ], ("V32", LIMITS, ["target_limit"])),
    mutant("v32-names-that-look-alike", [
        (PARSER, "|| name_confusable(name)", ""),
    ], ("V32", LIMITS, ["header_lines"])),
    mutant("v32-any-name", [
        (PARSER, "while (colon < line.len &&"
                 " syntax_is(line.ptr[colon], SYNTAX_TOKEN)) colon++;",
         "while (colon < line.len && line.ptr[colon] != ':') colon++;"),
    ], ("V32", LIMITS, ["header_lines"]),
       ("V28", FRAMING, ["transfer_codings"])),
    mutant("v32-any-value", [
        (PARSER, "if (text_has_control(value)) return false;", ""),
    ], ("V32", LIMITS, ["header_lines"])),
    mutant("v33-any-host", [
        ("server/http/uri.c", "return listener_matches(&parsed, peer);",
         "return peer != NULL;"),
    ], ("V33", LIMITS, ["host_header"])),
    mutant("v33-two-hosts", [
        (PARSER, "return count > 1 || !authority_parse(host, &authority) ?"
                 " 400 : 0;",
         "return !authority_parse(host, &authority) ? 400 : 0;"),
    ], ("V33", LIMITS, ["host_header"])),
    mutant("v33-no-host", [
        (PARSER, "if (count == 0) return head->minor == 0 ? 0 : 400;",
         "if (count == 0) return 0;"),
    ], ("V33", LIMITS, ["host_header"])),
    mutant("v34-space-asked-afterwards", [
        ("dav/put.c",
         "if (outcome == OK) outcome = put_space_check(exchange, &place,"
         " expected_length(exchange->request));", ""),
    ], ("V34", LIMITS, ["early_quota"])),
    mutant("v34-conditions-asked-afterwards", [
        ("dav/put.c",
         "enum outcome outcome = put_check(exchange, &place);"
         " if (outcome == OK) put_stand(exchange, &place);",
         "enum outcome outcome = put_resolve(exchange, &place);"
         " if (outcome == OK) put_stand(exchange, &place);"),
    ], ("V34", LIMITS, ["early_answers"])),
    mutant("v38-methods-in-any-case", [
        ("dav/methods.c", "if (text_equal(name, text_from(methods[i]->name)))",
         "if (text_equal_nocase(name, text_from(methods[i]->name)))"),
    ], ("V38", LIMITS, ["methods"])),
    mutant("v38-any-version", [
        (PARSER, "if (version.ptr[5] != '1' || version.ptr[7] > '1')",
         "if (version.ptr[7] > '1')"),
    ], ("V38", LIMITS, ["versions"])),
]

_RANGES = [
    mutant("v35-numbers-wrap", [
        (RANGE, "if (!text_parse_u64(digits, 10, ret_number))"
                " *ret_number = UINT64_MAX;",
         "*ret_number = 0; for (size_t i = 0; i < digits.len; i++)"
         " *ret_number = *ret_number * 10"
         " + (unsigned char)(digits.ptr[i] - '0');"),
    ], ("V35", LIMITS, ["range_numbers"])),
    mutant("v35-end-before-start", [
        (RANGE, "|| to < from)", ")"),
    ], ("V35", LIMITS, ["range_numbers"])),
    mutant("v35-if-range-ignored", [
        (RANGE, "|| !if_range_holds(request, validator))",
         "|| (0 && if_range_holds(request, validator)))"),
    ], ("V35", LIMITS, ["if_range"])),
    mutant("v36-any-number-of-ranges", [
        (RANGE, "uint64_t max = request->conf->limits.ranges, specs;",
         "uint64_t max = 100000, specs;"),
    ], ("V36", LIMITS, ["sixteen_ranges"])),
    mutant("v36-overlaps-are-sent", [
        (RANGE, "uint64_t max = request->conf->limits.ranges, specs;",
         "uint64_t max = 100000, specs;"),
        (RANGE, "ranges_merge(&set);", "(void)ranges_merge;"),
    ], ("V36", LIMITS, ["range_amplification"])),
]

_SLOW = [
    mutant("v37-slow-header", [
        (TIMER, "head_refuse(connection, 408);",
         "connection_deadline(connection, 0);"),
    ], ("V37", SLOW, ["slow_header"])),
    mutant("v37-idle-connection", [
        (TIMER, "if (connection->head_ns == 0) connection_end(connection);",
         "if (connection->head_ns == 0) connection_deadline(connection, 0);"),
    ], ("V37", SLOW, ["idle_keep_alive"])),
    mutant("v37-slow-body", [
        (TIMER, "if (got / seconds >= limits->body_rate) {", "if (1) {"),
    ], ("V37", SLOW, ["slow_body"])),
    mutant("v37-slow-reader", [
        (TIMER, "reader_drop(connection); break;",
         "(void)reader_drop; connection_deadline(connection, 0); break;"),
    ], ("V37", SLOW, ["slow_reader"])),
]

HTTP = _FRAMING + _HEADS + _RANGES + _SLOW
