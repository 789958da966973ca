#!/usr/bin/python3
"""Files of at most 600 lines (above 400 is told), functions of at most 60.

A file that is mostly one table is exempt from the file limit: more than half
of its lines stand inside initialisers at file scope.
"""

import re
import sys

from lib.common import read, report, sources, without_comments

FILE_WARN, FILE_MAX, FUNCTION_MAX = 400, 600, 60

# The house style puts a function's name at the beginning of its line and its
# brace alone on one, which makes functions easy to find.
NAME = re.compile(r"^([a-z_][a-z0-9_]*)\(", re.M)


def function_spans(lines):
    """(name, first line, last line) of each function."""
    spans = []
    name = None
    begin = 0
    for number, line in enumerate(lines, 1):
        match = NAME.match(line)
        if match:
            name = match.group(1)
        if line == "{" and name:
            begin = number
        if line == "}" and begin:
            spans.append((name, begin, number))
            name, begin = None, 0
    return spans


def table_lines(lines):
    """How many lines stand in initialisers at file scope."""
    count = 0
    inside = False
    for line in lines:
        if re.match(r"^[a-z].*= \{$", line):
            inside = True
        count += inside
        if line.startswith("}"):
            inside = False
    return count


def main():
    for path in sources(".c", ".h"):
        lines = read(path).rstrip("\n").split("\n")
        if len(lines) > FILE_WARN:
            table = table_lines(lines) * 2 > len(lines)
            if len(lines) > FILE_MAX and not table:
                report(path, FILE_MAX, f"file has {len(lines)} lines, at most "
                       f"{FILE_MAX} are allowed")
            elif not table:
                report.warn(path, FILE_WARN, f"file has {len(lines)} lines")
        if not path.endswith(".c"):
            continue
        code = without_comments(read(path), strings=False).split("\n")
        for name, begin, end in function_spans(code):
            length = end - begin - 1
            if length > FUNCTION_MAX:
                report(path, begin, f"{name} has {length} lines, at most "
                       f"{FUNCTION_MAX} are allowed")
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
