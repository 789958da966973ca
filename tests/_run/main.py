"""Finds, runs and counts the tests; tests/run calls it after it has installed
what they need.  Run `tests/run --help` for the options.

A test is an executable file tests/<area>/**/*.py or *.sh whose name (and whose
folder's name) does not start with "_".  It gets CELLDAV (the binary), TOP (the
source tree) and SCRATCH (an empty folder of its own) in the environment and
says how it went by its exit status: 0 passed, 77 skipped, all else failed.
Two words count in its first lines: "exclusive:" (it runs alone) and
"seconds: N" (its time limit).

Each test runs in a network namespace of its own where that is allowed, so
that no port can collide, nothing leaves the machine, and no process that a
test forgot outlives it.
"""

import argparse
import concurrent.futures
import signal
import sys
import threading
import time
import traceback

from execute import LANES, Runner, build
from find import selected, tests_all
from report import Report


def run_stage(runner, tests, names):
    """Two at a time, then those that want the machine for themselves."""
    for test in tests:
        if test.stage == "unit":
            runner.run_ctest(test, names)
    rest = [test for test in tests if test.stage != "unit"]
    shared = [test for test in rest if not test.exclusive]
    with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        for done in [lanes.submit(runner.run, test) for test in shared]:
            done.result()
    for test in rest:
        if test.exclusive:
            runner.run(test)


def run_all(runner, tests, names):
    report = runner.report
    presets = []
    for test in tests:
        if test.preset and test.preset not in presets:
            presets.append(test.preset)
    broken = set()
    if not runner.options.no_build:
        broken = {preset for preset in presets if not runner.stopped
                  and not build(preset, report)}
    for stage in dict.fromkeys(test.stage for test in tests):
        ready = []
        for test in tests:
            if test.stage != stage:
                continue
            if test.preset in broken:
                report.end(test.title, "skipped", 0.0,
                           f"build/{test.preset} failed")
            else:
                ready.append(test)
        run_stage(runner, ready, names)


def guarded(runner, tests, names):
    """A fault of the runner itself must not look like a run without one."""
    since = time.monotonic()
    try:
        run_all(runner, tests, names)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc(file=sys.stdout)
        runner.report.end("tests/run", "failed", time.monotonic() - since,
                          "the runner itself failed")


def parse():
    parser = argparse.ArgumentParser(prog="tests/run", add_help=False)
    parser.add_argument("names", nargs="*")
    for flag in ("--list", "--long", "--keep", "--no-install", "--no-build"):
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    tests = [test for test in tests_all(options.long)
             if selected(test, options.names)]
    if options.list:
        for test in tests:
            print(test.title)
        return 0
    if not tests:
        print(f"tests/run: no test is called {' '.join(options.names)}; "
              "tests/run --list names them", file=sys.stderr)
        return 2
    report = Report()
    runner = Runner(options, report)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: runner.stop())
    worker = threading.Thread(target=guarded,
                              args=(runner, tests, options.names))
    worker.start()
    while worker.is_alive():
        worker.join(1)
        report.beat()
    status = report.finish()
    return 130 if runner.stopped else status


if __name__ == "__main__":
    sys.exit(main())
