#!/usr/bin/python3
"""Each folder has a README of about a page that names its files' subjects."""

import os
import sys

from lib.common import files, read, report

FOLDERS = ["server/base", "conf", "store", "server/http", "auth", "dav",
           "server/api", "server/web", "server", "tests", "contrib"]
LINES_MAX = 200


def main():
    known = files()
    for folder in FOLDERS:
        inside = [path for path in known if path.startswith(folder + "/")]
        if not inside:
            continue
        readme = folder + "/README.md"
        if readme not in known:
            report(readme, 1, "is missing")
            continue
        text = read(readme)
        if len(text.strip().split("\n")) < 5:
            report(readme, 1, "says nothing")
        if text.count("\n") > LINES_MAX:
            report(readme, LINES_MAX, "is longer than a page or two")
        check_names(readme, folder, text)
    return report.status()


def check_names(readme, folder, text):
    """A file that the README shows in backquotes exists."""
    for number, line in enumerate(text.split("\n"), 1):
        for word in line.split("`")[1::2]:
            if not word.endswith((".c", ".h")) or "<" in word or "*" in word:
                continue
            if not (os.path.exists(os.path.join(folder, word)) or
                    os.path.exists(word)):
                report(readme, number, f"names {word}, which is not there")


if __name__ == "__main__":
    sys.exit(main())
