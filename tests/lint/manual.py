#!/usr/bin/python3
"""Every key of the table stands in the manual and in no other manual entry.

The unit test compares the sentences; this one needs no build and names the
line of the table.
"""

import re
import sys

from lib.common import read, report

TABLE, MANUAL = "conf/directives.c", "conf/celldav.conf.5"
ROW = re.compile(r'\{\s*(?:\.section = "(\w+)",\s*)?\.name = "(\w+)"', re.S)


def manual_keys(text):
    keys = set()
    section = None
    for line in text.split("\n"):
        if line.startswith(".Ss "):
            section = line[4:]
        if line.startswith(".It Ic "):
            keys.add((section, line[7:]))
    return keys


def main():
    text = read(TABLE)
    keys = manual_keys(read(MANUAL))
    rows = set()
    for match in ROW.finditer(text):
        row = (match.group(1) or "Top level", match.group(2))
        rows.add(row)
        if row not in keys:
            line = text.count("\n", 0, match.start()) + 1
            report(TABLE, line, f"{row[1]} ({row[0]}) is not in {MANUAL}")
    if not rows:
        report(TABLE, 1, "no row was found")
    for section, name in sorted(keys - rows):
        report(MANUAL, 1, f"{name} ({section}) is not in {TABLE}")
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
