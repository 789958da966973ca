"""A long test that counts what it tried and what went wrong.

    campaign = Campaign("corruption")
    campaign.point()
    campaign.must(answer.status == 507, "PUT: %r" % answer)
    sys.exit(campaign.end())
"""

import contextlib
import os
import subprocess
import sys
import tempfile

import wire
from celldav import Server, binary

LONG = os.environ.get("TEST_FORM") == "long"
LOST = (OSError, EOFError, wire.WireError)


class Campaign:
    """Counters, and sentences about violations."""

    def __init__(self, name):
        self.name, self.points, self.faults = name, 0, []
        self.skips = []

    def point(self, count=1):
        self.points += count

    def fail(self, text):
        self.faults.append(text)
        if len(self.faults) <= 40:
            print("VIOLATION", text, flush=True)

    def must(self, condition, text):
        if not condition:
            self.fail(text)
        return condition

    def say(self, text):
        print(text, flush=True)

    def skip(self, what, why):
        """Loud: it stands in the last line too."""
        self.skips.append(what)
        print("SKIPPED %s: %s" % (what, why), flush=True)

    def verify(self, server, what):
        done = server.run("verify")
        return self.must(done.returncode == 0, "%s: verify: %s%s" % (
            what, done.stdout[-800:], done.stderr[-800:]))

    def end(self):
        """The exit status; a campaign that tried nothing has failed."""
        left_out = "" if not self.skips else ", %d parts skipped (%s)" % (
            len(self.skips), ", ".join(self.skips))
        print("%s: %d points, %d violations%s" % (
            self.name, self.points, len(self.faults), left_out))
        return 1 if self.faults or self.points == 0 else 0


def get(client, path, headers=()):
    """(status, body) of a GET; None as status when the answer is no whole
    one, which is what a client sees of a damaged content."""
    try:
        answer = client.get(path, headers)
        return answer.status, answer.body
    except LOST:
        client.close()
        return None, b""


def tree_of(server, folder="state"):
    return os.path.join(server.dir, folder)


def files_below(folder):
    found = []
    for base, _, names in os.walk(folder):
        found += [os.path.join(base, name) for name in names]
    return sorted(found)


def blob_files(server):
    return files_below(os.path.join(server.dir, "state", "blobs"))


class Mount:
    """A file system of its own for a test: `with Mount(...) as path`."""

    def __init__(self, *options, device="none", kind="tmpfs"):
        self.options, self.device, self.kind = options, device, kind
        self.path = None

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="mount-",
                                     dir=os.environ.get("SCRATCH"))
        argv = ["mount", "-t", self.kind]
        if self.options:
            argv += ["-o", ",".join(self.options)]
        done = subprocess.run(argv + [self.device, self.path], check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            os.rmdir(self.path)
            raise OSError("mount: " + done.stderr.strip())
        return self.path

    def __exit__(self, *_):
        done = subprocess.run(["umount", self.path], check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            subprocess.run(["umount", "-l", self.path], check=False)
            print("umount was busy: " + done.stderr.strip(), file=sys.stderr)
        os.rmdir(self.path)


def a_server(cell="f", limits=None, conf=None, scheme=""):
    """A server, not started, with alice and a cell of hers."""
    server = Server(limits=limits, scheme=scheme,
                    conf={("log", "access"): "off", **(conf or {})})
    server.user("alice")
    server.cell(cell, "alice")
    return server


def command(*words, env=None, seconds=60):
    """The program as it is, with nothing of a server around it."""
    return subprocess.run([binary(), *words], check=False, timeout=seconds,
                          env=dict(os.environ, **(env or {})), text=True,
                          capture_output=True, errors="replace")


def run_with(server, env, *words, seconds=60):
    """A command on the server's store, with more in its environment."""
    return command(*words, seconds=seconds,
                   env={"CELLDAV_CONFIG": server.conf_path, **env})


@contextlib.contextmanager
def in_memory(size="2g"):
    """Scratch folders on a tmpfs, where syncs cost nothing, if that can be
    had; for faults that are injected the medium does not matter."""
    before = os.environ.get("SCRATCH")
    try:
        mount = Mount("size=" + size, "mode=755")
        path = mount.__enter__()
    except OSError:
        yield
        return
    os.environ["SCRATCH"] = path
    try:
        yield
    finally:
        if before is None:
            del os.environ["SCRATCH"]
        else:
            os.environ["SCRATCH"] = before
        mount.__exit__()
