#!/usr/bin/python3
"""What clang-format does not look at: width, comments, left-overs, paths."""

import re
import sys

from lib.common import files, read, report, sources, without_comments

WIDTH = 96
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

# Folders of one machine.  Standard places such as /usr, /etc and /tmp are
# the same everywhere and allowed; the packages' own paths are relative.
MACHINE = re.compile(r"(?<![\w.])/(work|home|root|Users|mnt/data)/\w")

TEXT = (".c", ".h", ".py", ".sh", ".cmake", ".md", ".txt", ".conf", ".json",
        ".yaml", ".yml", ".service", ".socket", ".in", ".1", ".5", ".8")


def check_c(path):
    text = read(path)
    for number, line in enumerate(text.split("\n"), 1):
        if len(line.expandtabs(8)) > WIDTH:
            report(path, number, f"line has more than {WIDTH} columns")
        if line != line.rstrip():
            report(path, number, "blank at the end of the line")
    check_comments(path, text)
    if path.endswith(".h") and "#pragma once" not in text:
        report(path, 1, "header without #pragma once")


def check_comments(path, text):
    """A // that is in neither a string nor a comment begins one."""
    code = re.sub(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'",
                  lambda m: re.sub(r"[^\n]", " ", m.group(0)), text,
                  flags=re.S)
    for number, line in enumerate(code.split("\n"), 1):
        if "//" in line:
            report(path, number, "comment with //, /* */ is used here")
    if without_comments(text, strings=False).find("#if 0") >= 0:
        report(path, 1, "code switched off by #if 0")


def check_text(path):
    for number, line in enumerate(read(path).split("\n"), 1):
        if MARKS.search(line) and not path.startswith("tests/lint/"):
            report(path, number, "mark of unfinished work")
        if MACHINE.search(line) and not path.startswith("tests/lint/"):
            report(path, number, "path of one machine")


def main():
    for path in sources(".c", ".h"):
        check_c(path)
    for path in files():
        if path.endswith(TEXT) or "." not in path.rsplit("/", 1)[-1]:
            if path != "LICENSE":
                check_text(path)
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
