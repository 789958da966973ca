"""A server under test: its processes, their CPU time, their cores."""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
# The clock of another process (clock_getcpuclockid): user and system time of
# all its threads, in nanoseconds, also of those that ended.
CLOCK_SCHED = 2


class Failure(Exception):
    """The benchmark cannot go on, or one of its answers was wrong."""


def free_port():
    """Below those that the kernel gives to connections, one of which might
    have it when the server comes to listen there."""
    while True:
        port = 10000 + secrets.randbelow(22768)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _before_exec():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _stat(pid):
    """Fields of /proc/PID/stat after the name, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii",
                  errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def _number(text, key):
    """Bytes of a line "KEY: N kB"."""
    for line in text.split("\n"):
        if line.startswith(key + ":"):
            return int(line.split()[1]) << 10
    return 0


def _status(pid, key):
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return _number(file.read(), key)
    except OSError:
        return 0


class Peak:
    """The most memory of a process's own while the block runs, beyond what
    it had before: sampled every two milliseconds."""

    def __init__(self, process, baseline=None):
        self.process = process
        self.baseline = baseline or process.own_bytes()
        self.peak = self.baseline
        self.done = threading.Event()
        self.pids = list(family(process.pid))
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.done.wait(0.002):
            now = sum(_status(pid, "RssAnon") + _status(pid, "RssShmem")
                      for pid in self.pids)
            self.peak = max(self.peak, now)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def growth(self):
        return max(0, self.peak - self.baseline)


def family(root):
    """The process and all that descend from it: pid -> fields of stat."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _stat(name)
            if fields:
                table[int(name)] = fields
    found, fresh = {}, [root]
    while fresh:
        pid = fresh.pop()
        if pid in table and pid not in found:
            found[pid] = table[pid]
            fresh += [child for child, fields in table.items()
                      if int(fields[1]) == pid]
    return found


class Process:
    """One server in a process group of its own."""

    def __init__(self, argv, folder, env=None):
        self.log = os.path.join(folder, "server.log")
        self.out = os.path.join(folder, "server.out")
        with open(self.log, "wb") as log, open(self.out, "wb") as out:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                env=env, start_new_session=True, preexec_fn=_before_exec)
        self.pid = self.child.pid

    def said(self):
        text = ""
        for path in (self.out, self.log):
            with open(path, encoding="utf-8", errors="replace") as file:
                text += file.read()[-1500:]
        return text

    def alive(self):
        return self.child.poll() is None

    def wait_for_port(self, port, seconds=20):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if not self.alive():
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise Failure("does not listen: " + self.said())

    def cpu_seconds(self):
        """User and system time of the family, with that of children who
        ended and were waited for."""
        total = 0
        for pid, fields in family(self.pid).items():
            total += (int(fields[13]) + int(fields[14])) / TICK
            try:
                total += time.clock_gettime((~pid << 3) | CLOCK_SCHED)
            except OSError:
                total += (int(fields[11]) + int(fields[12])) / TICK
        return total

    def own_bytes(self):
        """Memory of the family that is not a mapped file, which the kernel
        may drop whenever it likes."""
        return sum(_status(pid, "RssAnon") + _status(pid, "RssShmem")
                   for pid in family(self.pid))

    def proportional_bytes(self):
        """All memory, what is shared divided by those who share it."""
        total = 0
        for pid in family(self.pid):
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += _number(file.read(), "Pss")
        return total

    def pin(self, cores):
        """Binds every thread of the family to these cores."""
        for pid in family(self.pid):
            try:
                threads = os.listdir(f"/proc/{pid}/task")
            except OSError:
                continue
            for thread in threads:
                try:
                    os.sched_setaffinity(int(thread), cores)
                except ProcessLookupError:
                    continue

    def stop(self, seconds=20):
        if self.alive():
            self.child.terminate()
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
