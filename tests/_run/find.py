"""Finds the tests: which there are, on which builds they run, which of them a
command line means."""

import os
import re

from places import LOGS, TOP

# The stages in the order in which they run: name, build presets, kind.
STAGES = (
    ("lint", (), "scripts"),
    ("unit", ("dev", "asan", "tsan"), "ctest"),
    ("cases", ("release", "asan", "tsan"), "scripts"),
    ("litmus", ("release",), "scripts"),
    ("clients", ("release",), "scripts"),
    ("crash", ("release",), "scripts"),
    ("faults", ("release",), "scripts"),
    ("load", ("release",), "scripts"),
    ("fuzz", ("fuzz",), "fuzz"),
    ("bench", ("release",), "scripts"),
)
# Folders below tests/ that hold no tests.
NOT_AREAS = ("lib", "unit", "fuzz")
FUZZ_FIRST = ("http", "path", "if", "xml", "range", "conf", "record", "node")
# A client that did not run has not been shown to work.
SKIP_IS_FAILURE = ("clients",)
SANITIZER_BUILDS = ("asan", "tsan")


class Test:
    """One line of the report: what to run, on which build, and how long."""

    def __init__(self, name, stage, preset, argv):
        self.name = name
        self.stage = stage
        self.preset = preset
        self.argv = argv
        self.exclusive = False
        self.seconds = 400

    @property
    def title(self):
        if self.preset in SANITIZER_BUILDS:
            return f"{self.name}@{self.preset}"
        return self.name

    @property
    def log(self):
        return LOGS / (self.title + ".log")


def head_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return "".join(file.readline() for _ in range(15))


def is_test(path, area):
    parts = path.relative_to(area).parts
    if any(part.startswith(("_", ".")) for part in parts):
        return False
    if "node_modules" in parts or path.suffix not in (".py", ".sh"):
        return False
    return path.is_file() and os.access(path, os.X_OK)


def script_tests(stage, presets):
    area = TOP / "tests" / stage
    found = [path for path in sorted(area.rglob("*")) if is_test(path, area)]
    tests = []
    for preset in presets or (None,):
        for path in found:
            name = str(path.relative_to(TOP / "tests").with_suffix(""))
            test = Test(name, stage, preset, [str(path)])
            head = head_of(path)
            test.exclusive = "exclusive:" in head
            limit = re.search(r"\bseconds: *(\d+)", head)
            if limit:
                test.seconds = int(limit.group(1))
            if preset in SANITIZER_BUILDS:
                test.seconds *= 3
            tests.append(test)
    return tests


def fuzz_tests(presets, long):
    """The targets are the sources; they are built later.  What a client or a
    torn disk reaches first has more time than what stands behind it."""
    tests = []
    for source in sorted((TOP / "tests" / "fuzz").glob("fuzz_*.c")):
        test = Test(f"fuzz/{source.stem}", "fuzz", presets[0], [source.stem])
        first = source.stem.removeprefix("fuzz_") in FUZZ_FIRST
        test.seconds = 600 if long else 60 if first else 20
        tests.append(test)
    return tests


def ctest_tests(presets):
    tests = []
    for preset in presets:
        test = Test("unit", "unit", preset, [])
        tests.append(test)
    return tests


def stages_all():
    """The stages, and before the last one each further area of tests/."""
    known = [row[0] for row in STAGES]
    extra = [(path.name, ("release",), "scripts")
             for path in sorted((TOP / "tests").iterdir())
             if path.is_dir() and path.name not in known
             and path.name not in NOT_AREAS
             and not path.name.startswith(("_", "."))]
    return list(STAGES[:-1]) + extra + [STAGES[-1]]


def tests_all(long):
    found = []
    for stage, presets, kind in stages_all():
        if kind == "ctest":
            found += ctest_tests(presets)
        elif kind == "fuzz":
            found += fuzz_tests(presets, long)
        else:
            found += script_tests(stage, presets)
    return found


def selected(test, names):
    """A name is a beginning of the test's path, with @preset at will."""
    for name in names:
        name, _, preset = name.removeprefix("tests/").partition("@")
        if preset and preset != (test.preset or ""):
            continue
        name = re.sub(r"\.(py|sh|c)$", "", name).rstrip("/")
        if test.stage == "unit" and name.split("/")[0] == "unit":
            return True
        if test.name.startswith(name):
            return True
    return not names
