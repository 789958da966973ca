"""A server under test: its processes, their CPU time, their cores."""

import ctypes
import os
import signal
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """The benchmark cannot go on, or one of its answers was wrong."""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


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
        for fields in family(self.pid).values():
            total += sum(int(fields[i]) for i in (11, 12, 13, 14))
        return total / TICK

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
