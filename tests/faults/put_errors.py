#!/usr/bin/python3
"""exclusive: R3: an error at every write and sync of a PUT, one at a time.

strace makes the N-th call of a kind fail in the server process, N from 1 until
the request gets through without meeting the fault. Whatever failed, and
however: no 2xx for what is not on disk, ENOSPC and EDQUOT are 507, EIO is 5xx,
EINTR is not seen at all, the old content stays, the process lives, and the
next request works once the fault is gone (after EIO of the engine: once the
store was opened again by SIGHUP, which is the documented way back).

    put_errors.py [POINTS]     stops after so many injected faults
"""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import wire  # noqa: E402
from celldav import Server  # noqa: E402

SMALL, LARGE = b"s" * 4096, bytes(range(256)) * 6000
CALLS = ["openat", "write", "pwrite64", "pwritev", "writev", "fdatasync",
         "fsync", "rename", "renameat2", "sync_file_range"]
# EINTR is for the calls of contents. The engine's own calls are LMDB's, which
# takes EINTR for an error; every thread of the server blocks all signals that
# have a handler, so the kernel cannot answer it there.
ERRORS = ["ENOSPC", "EIO", "EDQUOT", "EINTR"]
MOST = 12


class Injection:
    """strace that lets one call of the server process fail."""

    def __init__(self, server, call, error, number):
        state = os.path.join(server.dir, "state")
        self.report = os.path.join(server.scratch, "inject")
        paths = self.paths(state)
        if error == "EINTR":
            paths = [path for path in paths if "/engine/" not in path]
        self.process = subprocess.Popen(
            ["strace", "-f", "-o", self.report, "-e", "trace=" + call,
             "-e", "inject=%s:error=%s:when=%d" % (call, error, number)]
            + [word for path in paths for word in ("-P", path)]
            + ["-p", str(server.worker)], stderr=subprocess.PIPE)
        said = b""
        while b"attached" not in said:
            line = self.process.stderr.readline()
            said += line
            if not line:
                raise SystemExit("strace cannot attach: %r" % said)

    @staticmethod
    def paths(state):
        found = [os.path.join(state, "staging"), os.path.join(state, "blobs"),
                 os.path.join(state, "engine", "data.mdb")]
        for number in range(256):
            found.append(os.path.join(state, "blobs", "%02x" % number))
        return [path for path in found if os.path.exists(path)]

    def end(self):
        """Whether the fault was met."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        with open(self.report, encoding="utf-8", errors="replace") as file:
            return "(INJECTED)" in file.read()


def allowed(error):
    if error == "EINTR":
        return (201, 204)
    return (507,) if error in ("ENOSPC", "EDQUOT") else (500, 503, 507)


class Campaign:
    def __init__(self, most):
        self.server = Server(conf={("log", "access"): "off"})
        self.server.user("alice")
        self.server.cell("f", "alice")
        self.server.start()
        self.most, self.points, self.faults = most, 0, []

    def fail(self, point, text):
        self.faults.append("%s: %s" % (point, text))
        print("FAULT", self.faults[-1], flush=True)

    def one(self, call, error, number, body, path):
        """One PUT with one fault: whether the fault was met."""
        point = "%s %s when=%d %d B" % (call, error, number, len(body))
        old = b"old " + os.urandom(8)
        client = self.server.client("alice")
        wire_old = client.put(path, old)
        if wire_old.status not in (201, 204):
            self.fail(point, "cannot prepare: %r" % wire_old)
            return False
        injection = Injection(self.server, call, error, number)
        try:
            status = client.put(path, body).status
        except (wire.WireError, OSError) as fault:
            status = "no answer (%s)" % fault
        met = injection.end()
        self.judge(point, error, met, status, body, old, path)
        client.close()
        return met

    def judge(self, point, error, met, status, body, old, path):
        if not met:
            if status not in (201, 204):
                self.fail(point, "no fault was met, status %s" % status)
            return
        self.points += 1
        now = self.server.client("alice")
        content = now.get(path).body
        stored = status in (201, 204)
        if not stored and status not in allowed(error):
            self.fail(point, "status %s" % status)
        if content != (body if stored else old):
            self.fail(point, "status %s, but the content is %s" % (
                status, "new" if content == body else
                "old" if content == old else "another"))
        if self.server.worker_pid() != self.server.worker:
            self.fail(point, "the server process died")
            self.server.worker = self.server.worker_pid()
        self.recover(point, now, path)
        now.close()

    def recover(self, point, client, path):
        answer = client.put(path, b"after")
        if answer.status in (201, 204):
            return
        self.server.signal(signal.SIGHUP)
        reopened = wire.wait_until(
            lambda: self.server.client("alice").put(path, b"after").status
            in (201, 204), 30)
        old = self.server.worker
        wire.wait_until(lambda: not os.path.exists("/proc/%d" % old), 60)
        self.server.worker = self.server.worker_pid()
        if not reopened:
            self.fail(point, "writes do not come back: %r" % answer)

    def run(self):
        for body in (SMALL, LARGE):
            for call in CALLS:
                for error in ERRORS:
                    for number in range(1, MOST):
                        if self.points >= self.most:
                            return
                        if error == "EINTR" and body is SMALL:
                            break  # no call but the engine's own
                        if not self.one(call, error, number, body,
                                        "/dav/f/%s-%s" % (call, error)):
                            break

    def end(self):
        done = self.server.run("verify")
        if done.returncode != 0:
            self.fail("verify", done.stdout[-800:] + done.stderr[-800:])
        self.server.close()
        print("%d faults injected, %d violations"
              % (self.points, len(self.faults)))
        return 1 if self.faults or self.points == 0 else 0


def main(most=10 ** 9):
    campaign = Campaign(most)
    campaign.run()
    return campaign.end()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
