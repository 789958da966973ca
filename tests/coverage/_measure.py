"""What gcovr counts, summed for each part, beside the bar."""

import json
import subprocess
import sys

from places import TOP

LINES, BRANCHES = 90.0, 80.0

# Part, and the beginnings of the names of its files.
PARTS = (
    ("parser: server/http", ("server/http/",)),
    ("parser: server/base", ("server/base/path", "server/base/encode",
                             "server/base/text", "server/base/codec")),
    ("parser: dav", ("dav/if_", "dav/xml_", "dav/precondition", "dav/place",
                     "dav/lock_info")),
    ("rights: auth", ("auth/",)),
    ("store", ("store/",)),
)


class Count:
    """Lines and branches: how many there are, how many ran."""

    def __init__(self):
        self.lines = self.lines_run = 0
        self.branches = self.branches_run = 0

    def add(self, row):
        self.lines += row["line_total"]
        self.lines_run += row["line_covered"]
        self.branches += row["branch_total"]
        self.branches_run += row["branch_covered"]

    @property
    def line_percent(self):
        return 100.0 * self.lines_run / self.lines if self.lines else 100.0

    @property
    def branch_percent(self):
        return 100.0 * self.branches_run / self.branches \
            if self.branches else 100.0

    @property
    def low(self):
        return self.line_percent < LINES or self.branch_percent < BRANCHES

    def row(self, name):
        return "%-32s %6d %6.1f %% %8d %6.1f %%  %s" % (
            name, self.lines, self.line_percent, self.branches,
            self.branch_percent, "LOW" if self.low else "")


def part_of(name):
    for part, starts in PARTS:
        if name.startswith(starts):
            return part
    return None


def measure(folder):
    """gcovr's row of each file that belongs to a part."""
    done = subprocess.run(
        ["gcovr", "--root", str(TOP), "--object-directory", str(folder),
         "--filter", r"(server/http|server/base|auth|dav|store)/.*\.c$",
         # The other side of an assert() is a fault of ours, no input.
         "--exclude-branches-by-pattern", r".*\bassert\(.*",
         "--exclude-throw-branches", "--exclude-unreachable-branches",
         "--json-summary", "-", str(folder)],
        cwd=TOP, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit("gcovr ended with %d" % done.returncode)
    return [row for row in json.loads(done.stdout)["files"]
            if part_of(row["filename"])]


def show(rows):
    """Prints parts, and files below the bar; whether a part is below it."""
    parts = {part: Count() for part, _ in PARTS}
    low = []
    for row in rows:
        one = Count()
        one.add(row)
        parts[part_of(row["filename"])].add(row)
        if one.low:
            low.append((one, row["filename"]))
    print("\nfiles below the bar (lines %.0f %%, branches %.0f %%):"
          % (LINES, BRANCHES))
    for one, name in sorted(low, key=lambda pair: pair[0].branch_percent):
        print(one.row(name))
    print("\n%-32s %6s %8s %8s %8s" % ("part", "lines", "run", "branches",
                                       "run"))
    for part, count in parts.items():
        print(count.row(part))
    return any(count.low for count in parts.values()) or not rows
