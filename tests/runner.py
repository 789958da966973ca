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
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
LOGS = BUILD / "test-logs"
LANES = 2
HEARTBEAT = 30
TAIL_LINES = 40

# The stages in the order in which they run: name, build presets, kind.
STAGES = (
    ("lint", (), "scripts"),
    ("unit", ("dev", "asan", "tsan"), "ctest"),
    ("cases", ("release", "asan", "tsan"), "scripts"),
    ("litmus", ("release",), "scripts"),
    ("clients", ("release",), "scripts"),
    ("crash", ("release",), "scripts"),
    ("faults", ("release",), "scripts"),
    ("fuzz", ("fuzz",), "fuzz"),
    ("bench", ("release",), "scripts"),
)
# Folders below tests/ that hold no tests.
NOT_AREAS = ("lib", "unit", "fuzz")
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
        self.seconds = 300 if preset not in SANITIZER_BUILDS else 600
        self.scripts = True

    @property
    def title(self):
        if self.preset in SANITIZER_BUILDS:
            return f"{self.name}@{self.preset}"
        return self.name

    @property
    def log(self):
        return LOGS / (self.title + ".log")


class Report:
    """Counts and prints; the only thing that the lanes share."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures = []
        self.running = {}
        self.rows = []
        self.last_line = time.monotonic()

    def print(self, line):
        with self.lock:
            print(line, flush=True)
            self.last_line = time.monotonic()

    def begin(self, title):
        with self.lock:
            self.running[title] = time.monotonic()

    def end(self, title, result, seconds, reason="", log=None):
        with self.lock:
            self.running.pop(title, None)
            self.counts[result] += 1
            self.rows.append((title, result, seconds))
            tail = f"  ({reason})" if reason else ""
            print(f"{result:8}{title:44}{seconds:8.1f} s{tail}", flush=True)
            if result == "failed":
                self.failures.append(title)
                if log is not None:
                    print_tail(log)
            self.last_line = time.monotonic()

    def beat(self):
        """Shows what runs when nothing has been printed for a while."""
        with self.lock:
            now = time.monotonic()
            if not self.running or now - self.last_line < HEARTBEAT:
                return
            names = ", ".join(f"{title} ({now - since:.0f} s)"
                              for title, since in self.running.items())
            print(f"        ... {names}", flush=True)
            self.last_line = now

    def finish(self):
        LOGS.mkdir(parents=True, exist_ok=True)
        with open(LOGS / "results.tsv", "w", encoding="utf-8") as table:
            for title, result, seconds in self.rows:
                table.write(f"{title}\t{result}\t{seconds:.1f}\n")
        for title in self.failures:
            print(f"failed: {title}")
        print("{passed} passed, {failed} failed, {skipped} skipped"
              .format(**self.counts), flush=True)
        return 0 if self.counts["failed"] == 0 else 1


def print_tail(log):
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        print(f"    | {error}")
        return
    if len(lines) > TAIL_LINES:
        print(f"    | ... {log.relative_to(TOP)}")
    for line in lines[-TAIL_LINES:]:
        print("    | " + line)


# ---- finding ----

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
            tests.append(test)
    return tests


def fuzz_tests(presets, seconds):
    """The targets are the sources; they are built later."""
    tests = []
    for source in sorted((TOP / "tests" / "fuzz").glob("fuzz_*.c")):
        test = Test(f"fuzz/{source.stem}", "fuzz", presets[0], [source.stem])
        test.seconds = seconds + 120
        test.scripts = False
        tests.append(test)
    return tests


def ctest_tests(presets):
    tests = []
    for preset in presets:
        test = Test("unit", "unit", preset, [])
        test.scripts = False
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


def tests_all(fuzz_seconds):
    found = []
    for stage, presets, kind in stages_all():
        if kind == "ctest":
            found += ctest_tests(presets)
        elif kind == "fuzz":
            found += fuzz_tests(presets, fuzz_seconds)
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


# ---- building ----

def build(preset, report):
    """Configures and builds one preset; what it said goes to a log."""
    title = f"build/{preset}"
    log = LOGS / f"{title}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    report.begin(title)
    since = time.monotonic()
    jobs = str(os.cpu_count() or 1)
    status = 0
    with open(log, "w", encoding="utf-8") as out:
        for argv in (["cmake", "--preset", preset],
                     ["cmake", "--build", "--preset", preset, "-j", jobs]):
            status = subprocess.run(argv, cwd=TOP, stdout=out,
                                    stderr=subprocess.STDOUT,
                                    stdin=subprocess.DEVNULL).returncode
            if status != 0:
                break
    result = "passed" if status == 0 else "failed"
    report.end(title, result, time.monotonic() - since, log=log)
    return status == 0


# ---- running one test ----

class Net:
    """A network namespace for the length of a test, or nothing where the
    machine does not allow one."""

    count = 0
    lock = threading.Lock()
    allowed = None

    def __init__(self):
        with Net.lock:
            Net.count += 1
            self.name = f"celldav-test-{os.getpid()}-{Net.count}"
            if Net.allowed is None:
                Net.allowed = self.make()
                self.made = Net.allowed
                return
        self.made = Net.allowed and self.make()

    def ip(self, *words):
        return subprocess.run(["ip", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)

    def make(self):
        if os.geteuid() != 0 or shutil.which("ip") is None:
            return False
        if self.ip("netns", "add", self.name).returncode != 0:
            return False
        up = self.ip("netns", "exec", self.name, "ip", "link", "set", "lo",
                     "up")
        if up.returncode != 0:
            self.ip("netns", "del", self.name)
        return up.returncode == 0

    def wrap(self, argv):
        if not self.made:
            return argv
        return ["ip", "netns", "exec", self.name, *argv]

    def processes(self):
        if not self.made:
            return []
        pids = self.ip("netns", "pids", self.name).stdout.split()
        return [int(pid) for pid in pids]

    def close(self):
        """Ends what still runs inside and removes the namespace."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.processes():
                signal_process(pid, number)
            limit = time.monotonic() + 3
            while self.processes() and time.monotonic() < limit:
                time.sleep(0.05)
        if self.made:
            self.ip("netns", "del", self.name)


def signal_process(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def unmount_below(folder):
    """A test that died may have left a mount; nothing is removed through
    one."""
    with open("/proc/self/mounts", encoding="utf-8") as table:
        points = [line.split()[1].replace("\\040", " ") for line in table]
    for point in sorted(points, reverse=True):
        if point.startswith(str(folder) + "/"):
            subprocess.run(["umount", "-l", point], check=False,
                           capture_output=True)


class Scratch:
    """The folder of one test, and beside it the place for what a sanitizer
    says: a report there fails the test, whatever the test itself noticed."""

    def __init__(self, keep):
        self.keep = keep
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="celldav-test-"))
        self.base.chmod(0o755)
        self.folder = self.base / "scratch"
        self.folder.mkdir()
        self.sanitizer = self.base / "sanitizer"
        self.sanitizer.mkdir()
        self.sanitizer.chmod(0o1777)

    def reports(self):
        found = []
        for path in sorted(self.sanitizer.iterdir()):
            found.append(path.read_text(encoding="utf-8", errors="replace"))
        return found

    def close(self):
        unmount_below(self.base)
        if self.keep:
            return
        shutil.rmtree(self.base, ignore_errors=True)


def environment(test, scratch, options):
    env = dict(os.environ)
    report = scratch.sanitizer / "report"
    env.update({
        "TOP": str(TOP),
        "SCRATCH": str(scratch.folder),
        "TMPDIR": str(scratch.folder),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TEST_FORM": "long" if options.long else "short",
        "TEST_BUILD": test.preset or "",
        "ASAN_OPTIONS": f"log_path={report}:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": f"log_path={report}:print_stacktrace=1",
        "TSAN_OPTIONS": f"log_path={report}:second_deadlock_stack=1",
    })
    if test.preset:
        env["CELLDAV"] = str(BUILD / test.preset / "celldav")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY",
                 "ALL_PROXY", "all_proxy", "CELLDAV_CONFIG"):
        env.pop(name, None)
    return env


def command_of(test, scratch):
    if test.stage != "fuzz":
        return test.argv
    name = test.argv[0]
    targets = [path for path in (BUILD / "fuzz").rglob(name)
               if path.is_file() and os.access(path, os.X_OK)]
    if not targets:
        raise FileNotFoundError(f"build/fuzz holds no program {name}")
    folder = TOP / "tests" / "fuzz"
    fresh = scratch.folder / "corpus"
    fresh.mkdir()
    found = LOGS / "fuzz" / "found"
    found.mkdir(parents=True, exist_ok=True)
    argv = [str(targets[0]), f"-max_total_time={test.seconds - 120}",
            "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1",
            f"-artifact_prefix={found}/{name}-", str(fresh)]
    short = name.removeprefix("fuzz_")
    for corpus in (folder / "corpus" / name, folder / "corpus" / short):
        if corpus.is_dir():
            argv.append(str(corpus))
    for words in (folder / f"{name}.dict", folder / f"{short}.dict",
                  folder / "dict" / f"{short}.dict"):
        if words.is_file():
            argv.append(f"-dict={words}")
    return argv


def setarch():
    """ThreadSanitizer cannot place its shadow memory where the kernel
    spreads addresses widely, so its programs run without that."""
    argv = ["setarch", os.uname().machine, "-R"]
    try:
        done = subprocess.run([*argv, "true"], check=False,
                              capture_output=True)
    except OSError:
        return []
    return argv if done.returncode == 0 else []


class Runner:
    def __init__(self, options, report):
        self.options = options
        self.report = report
        self.lock = threading.Lock()
        self.processes = set()
        self.stopped = False
        self.still = setarch()

    def spawn(self, argv, env, out):
        with self.lock:
            if self.stopped:
                raise InterruptedError("stopped")
            process = subprocess.Popen(
                argv, cwd=TOP, env=env, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True)
            self.processes.add(process)
        return process

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.processes:
                signal_group(process, signal.SIGTERM)

    def wait(self, process, seconds):
        """Returns the exit status, or None after the limit."""
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            signal_group(process, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                signal_group(process, signal.SIGKILL)
                process.wait()
            return None
        finally:
            signal_group(process, signal.SIGKILL)
            with self.lock:
                self.processes.discard(process)

    def execute(self, test, scratch):
        """Runs the test into its log; returns (status, reports)."""
        net = Net()
        env = environment(test, scratch, self.options)
        still = self.still if test.preset == "tsan" else []
        try:
            with open(test.log, "wb") as out:
                argv = net.wrap([*still, *command_of(test, scratch)])
                status = self.wait(self.spawn(argv, env, out), test.seconds)
        finally:
            net.close()
        reports = scratch.reports()
        with open(test.log, "a", encoding="utf-8") as out:
            for text in reports:
                out.write("\n---- a sanitizer reported ----\n" + text)
        return status, reports

    def run(self, test):
        if self.stopped:
            return
        test.log.parent.mkdir(parents=True, exist_ok=True)
        self.report.begin(test.title)
        since = time.monotonic()
        scratch = Scratch(self.options.keep)
        try:
            status, reports = self.execute(test, scratch)
            result, reason = judge(test, status, reports)
            if self.options.keep:
                reason = f"{reason} {scratch.folder}".strip()
        except OSError as error:
            result, reason = "failed", str(error)
            test.log.write_text(f"{error}\n", encoding="utf-8")
        finally:
            scratch.close()
        self.report.end(test.title, result, time.monotonic() - since, reason,
                        test.log)

    def run_ctest(self, test, names):
        """Runs ctest and reports each of its tests as one of ours."""
        argv = ["ctest", "--test-dir", str(BUILD / test.preset), "-j",
                str(LANES), "--output-on-failure", "--timeout", "300",
                "--no-tests=error"]
        wanted = [name.removeprefix("tests/").partition("@")[0]
                  .removeprefix("unit").strip("/") for name in names
                  if name.removeprefix("tests/").startswith("unit")]
        if wanted and all(wanted):
            argv += ["-R", "^(" + "|".join(map(re.escape, wanted)) + ")"]
        test.log.parent.mkdir(parents=True, exist_ok=True)
        scratch = Scratch(False)
        env = environment(test, scratch, self.options)
        # ctest judges by exit status: a report must go to the test's output.
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            env[name] = env[name].split(":", 1)[1]
        env["UBSAN_OPTIONS"] += ":halt_on_error=1"
        still = self.still if test.preset == "tsan" else []
        failed = self.report.counts["failed"]
        self.report.begin(test.title)
        since = time.monotonic()
        process = self.spawn([*still, *argv], env, subprocess.PIPE)
        with open(test.log, "wb") as log:
            self.read_ctest(process.stdout, log, test)
        status = self.wait(process, 60)
        scratch.close()
        if status != 0 and self.report.counts["failed"] == failed:
            self.report.end(test.title, "failed", time.monotonic() - since,
                            f"ctest ended with {status}", test.log)
        elif status != 0:
            print_tail(test.log)
        self.report.running.pop(test.title, None)

    def read_ctest(self, stream, log, test):
        line_form = re.compile(
            r" *\d+/\d+ +Test +#\d+: +(\S+) [. ]*(.*?) +([\d.]+) sec")
        for raw in stream:
            log.write(raw)
            log.flush()
            line = line_form.match(raw.decode("utf-8", "replace"))
            if line is None:
                continue
            name, word, seconds = line.groups()
            result = "passed" if word == "Passed" else "failed"
            if "Skipped" in word:
                result = "skipped"
            title = f"unit/{name}"
            if test.preset in SANITIZER_BUILDS:
                title += f"@{test.preset}"
            reason = "" if result == "passed" else word.strip("* ")
            self.report.end(title, result, float(seconds), reason)
            self.report.begin(test.title)


def judge(test, status, reports):
    """What the exit status means: (result, reason)."""
    if status is None:
        return "failed", f"not done after {test.seconds} s"
    if reports:
        return "failed", "a sanitizer reported"
    if status == 77:
        reason = last_line(test.log)
        if test.stage in SKIP_IS_FAILURE:
            return "failed", f"skipped: {reason}"
        return "skipped", reason
    if status != 0:
        return "failed", f"exit status {status}"
    return "passed", ""


def last_line(log):
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in reversed(lines):
        if line.strip():
            return line.strip()[:160]
    return "no reason given"


# ---- all of it ----

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


def parse():
    parser = argparse.ArgumentParser(prog="tests/run", add_help=False)
    parser.add_argument("names", nargs="*")
    for flag in ("--list", "--long", "--keep", "--no-install", "--no-build"):
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    tests = [test for test in tests_all(600 if options.long else 60)
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
    ended = threading.Event()
    worker = threading.Thread(
        target=lambda: (run_all(runner, tests, options.names), ended.set()))
    worker.start()
    while worker.is_alive():
        ended.wait(1)
        worker.join(0.01)
        report.beat()
    status = report.finish()
    return 130 if runner.stopped else status


if __name__ == "__main__":
    sys.exit(main())
