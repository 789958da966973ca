#!/usr/bin/python3
"""A folder includes only folders below it; libevent stays at the edges.

ORDER is design.md section 1 as data, bottom to top.  Folders in one row are
neighbours and include each other's headers only where SIBLINGS says so.
"""

import re
import sys

from lib.common import report, sources

ORDER = [
    ["server/base"],
    ["conf"],
    ["store"],
    ["server/http"],
    ["auth"],
    ["dav"],
    ["server/api", "server/web"],
    ["server", "server/commands"],
]

# server/web shows what server/api answers; commands and process are one.
SIBLINGS = {("server/web", "server/api"), ("server", "server/commands"),
            ("server/commands", "server")}

# Who may see which library.  A library that is not named here may be included
# from libc's point of view only: by anybody.
LIBRARIES = {
    "event2/": {"server/http", "server"},
    "openssl/": {"server/http", "server", "server/commands"},
    "libxml/": {"dav"},
    "lmdb.h": {"store"},
    "magic.h": {"store"},
    "confuse.h": {"conf"},
    "utf8proc.h": {"server/base", "auth"},
    "jansson.h": {"store", "server/api", "server", "server/commands"},
}

RANK = {folder: rank for rank, row in enumerate(ORDER) for folder in row}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def check_own(path, number, folder, name):
    target = name.rsplit("/", 1)[0] if "/" in name else ""
    if target not in RANK:
        report(path, number, f'include "{name}" does not begin at the root')
        return
    if target == folder or (folder, target) in SIBLINGS:
        return
    if RANK[target] >= RANK[folder]:
        report(path, number, f"{folder} includes {target}, which is not below it")


def check_library(path, number, folder, name):
    for prefix, allowed in LIBRARIES.items():
        if name.startswith(prefix) and folder not in allowed:
            report(path, number, f"{folder} must not include <{name}>")


def main():
    for path in sources(".c", ".h"):
        folder = path.rsplit("/", 1)[0]
        if folder not in RANK:
            continue
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                match = INCLUDE.match(line)
                if match is None:
                    continue
                if match.group(1) == '"':
                    check_own(path, number, folder, match.group(2))
                else:
                    check_library(path, number, folder, match.group(2))
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
