#!/usr/bin/python3
"""Calls that must not be made, with the reason that the message gives."""

import re
import sys

from lib.common import read, report, sources, without_comments

EVERYWHERE = {
    "strcpy": "has no limit; use text and buffer",
    "strcat": "has no limit; use text and buffer",
    "sprintf": "has no limit; use buffer_format or snprintf",
    "vsprintf": "has no limit; use buffer_format or vsnprintf",
    "gets": "has no limit",
    "strtok": "keeps state; use text_split",
    "strncpy": "may leave no NUL; use text and buffer",
    "atoi": "hides errors; use text_parse_u64",
    "atol": "hides errors; use text_parse_u64",
    "alloca": "the stack is small and unchecked",
    "tmpnam": "races; use mkstemp",
    "mktemp": "races; use mkstemp",
    "rand": "can be guessed; use random_fill",
    "random": "can be guessed; use random_fill",
    "srand": "can be guessed; use random_fill",
    "localtime": "is not safe with threads; use clock",
    "gmtime": "is not safe with threads; use clock",
    "ctime": "is not safe with threads; use clock",
    "asctime": "is not safe with threads; use clock",
    "strerror": "is not safe with threads; use strerrordesc_np",
}

# A test may ask a shell; the server never does.
NOT_IN_TESTS = {"system": "runs a shell", "popen": "runs a shell"}

# Request data lives in the arena (style 35).
RAW_MEMORY = {name: "dav/ allocates from request->arena"
              for name in ("malloc", "calloc", "realloc", "free", "strdup")}


def banned_in(path):
    banned = dict(EVERYWHERE)
    if not path.startswith("tests/"):
        banned.update(NOT_IN_TESTS)
    # An errand to a worker outlives the request and its arena.
    if path.startswith("dav/") and path != "dav/blob_hold.c":
        banned.update(RAW_MEMORY)
    return banned


def main():
    for path in sources(".c", ".h"):
        banned = banned_in(path)
        call = re.compile(r"(?<![\w.>])(" + "|".join(banned) + r")\s*\(")
        code = without_comments(read(path), strings=False).split("\n")
        for number, line in enumerate(code, 1):
            for match in call.finditer(line):
                name = match.group(1)
                report(path, number, f"{name}() {banned[name]}")
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
