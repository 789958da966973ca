"""Builds a preset, runs a test, judges how it ended."""

import os
import re
import signal
import subprocess
import threading
import time

from find import SANITIZER_BUILDS, SKIP_IS_FAILURE
from places import BUILD, LOGS, TOP
from report import print_tail
from sandbox import Net, Scratch, signal_group

LANES = 2


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
    if options.keep:
        env["KEEP"] = "yes"
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
    argv = [str(targets[0]), f"-max_total_time={test.seconds}",
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
                # A fuzz target ends by itself at its time, or a bit later.
                limit = test.seconds + (120 if test.stage == "fuzz" else 0)
                status = self.wait(self.spawn(argv, env, out), limit)
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
                "--no-tests=error", "--label-exclude", "lint"]
        wanted = [name.removeprefix("tests/").partition("@")[0]
                  .removeprefix("unit").strip("/") for name in names
                  if name.removeprefix("tests/").startswith("unit")]
        if wanted and all(wanted):
            forms = "|".join(map(re.escape, wanted))
            argv += ["-R", f"^(unit/)?({forms})"]
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
            title = f"unit/{name.removeprefix('unit/')}"
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
