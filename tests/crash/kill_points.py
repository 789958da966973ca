#!/usr/bin/python3
"""exclusive: seconds: 1800 (of the full form).

R1b: the server is killed at every call of every operation.

For each of the operations, each kind of call and N = 1, 2, ...: SIGKILL at
the N-th call (of writes also after half of one) until the operation gets
through without meeting it. Afterwards the operation was done as a whole or
not at all, what was there before is there, verify is clean. So are cut: the
start after a kill, which puts things in order, and a command beside a running
server. --every K takes each K-th point. The control lets no write happen.

    kill_points.py [--every K] [--seed S] [--control] ...
"""

import math
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import preload  # noqa: E402
from _form import arguments, clock, finish  # noqa: E402
from _load import Unknown, Writer, once_client  # noqa: E402
from _points import LARGE, OPERATIONS, SMALL, put  # noqa: E402
from _replica import Mortal  # noqa: E402
from celldav import FixtureError, binary  # noqa: E402

SHORT, FULL = {"every": 12}, {"every": 1}
STATE, SOCKET = "*/state/*", "socket:*"
KINDS = [
    ("write", preload.WRITE, STATE, preload.KILL),
    ("half a write", preload.WRITE, STATE, preload.KILL_HALF),
    ("sync", preload.SYNC | preload.RANGE, STATE, preload.KILL),
    ("name", preload.RENAME | preload.LINK | preload.UNLINK
     | preload.MKDIR, STATE, preload.KILL),
    ("create", preload.CREATE, STATE, preload.KILL),
    ("size", preload.TRUNCATE | preload.ALLOCATE, STATE, preload.KILL),
    ("copy", preload.COPY, STATE, preload.KILL),
    ("answer", preload.WRITE, SOCKET, preload.KILL),
    ("answer sent", preload.WRITE, SOCKET, preload.KILL_AFTER),
]
MOST = 500


class Campaign:
    def __init__(self, options):
        self.options, self.chance = options, random.Random(options.seed)
        self.server = Mortal(conf={("log", "access"): "off"})
        self.server.user("alice")
        self.server.user("guest")
        self.server.cell("crash", "alice")
        word = self.server.command("app-password", "add", "alice", "--label",
                                   "crash").strip()
        self.server.set_password("alice", word)
        self.shim = preload.Shim(self.server.scratch)
        self.points, self.number, self.faults = 0, 0, []
        self.turn = self.chance.randrange(options.every)
        self.start()

    def start(self):
        self.server.start(preload=self.shim.environment())

    def fail(self, point, text):
        self.faults.append("%s: %s" % (point, text))
        print("FAULT", self.faults[-1][:2000], flush=True)

    def wanted(self):
        """Whether the next point is one to take."""
        self.turn = (self.turn + 1) % self.options.every
        return self.turn == 0

    # -- what is cut ---------------------------------------------------

    def writer(self, prepare):
        """A client with a new collection, and what is there before."""
        self.number += 1
        writer = Writer(self.server, self.number, self.chance.random(),
                        clock)
        writer.client = once_client(self.server, "alice")
        writer.client.mkcol(writer.base)
        prepare(writer)
        return writer

    def cut(self, name, prepare, act, kind):
        """One operation at every call of a kind."""
        label, kinds, pattern, action = kind
        for number in range(1, MOST):
            writer = self.writer(prepare)
            taken = self.wanted()
            rule = self.shim.rule(
                kinds, action if taken else preload.COUNT, number,
                pattern=pattern, pid=self.server.worker)
            try:
                act(writer)
            except Unknown:
                pass
            rule.disarm()
            writer.client.close()
            if taken and rule.acted:
                self.judge("%s, %s %d" % (name, label, number), writer)
            elif rule.seen < number:
                return

    def judge(self, point, writer):
        self.points += 1
        self.server.kill()
        self.start()
        self.look(point, [writer])

    def look(self, point, writers):
        with self.server.client("alice") as client:
            for writer in writers:
                fault = writer.check(client, math.inf)
                if fault:
                    self.fail(point, fault)
        done = self.server.run("verify")
        if done.returncode != 0:
            self.fail(point, "verify: " + done.stdout[-500:]
                      + done.stderr[-500:])

    def recovery(self, kind):
        """A start behind a kill, itself killed at every call."""
        label, kinds, pattern, action = kind
        for number in range(1, MOST):
            writer = self.writer(lambda w: put(w, "a", LARGE))
            put(writer, "b", SMALL)
            writer.client.close()
            self.server.kill()
            taken = self.wanted()
            rule = self.shim.rule(kinds, action if taken
                                  else preload.COUNT, number,
                                  pattern=pattern)
            try:
                self.start()
            except FixtureError:
                self.server.process = None
            rule.disarm()
            if self.server.process is None:
                self.start()
            if taken and rule.acted:
                self.points += 1
                self.look("start, %s %d" % (label, number), [writer])
            elif rule.seen < number:
                return

    def command(self, kind):
        """A command beside the server, killed at every call."""
        label, kinds, pattern, action = kind
        for number in range(1, MOST):
            slug = "made-%d" % self.chance.randrange(10 ** 9)
            taken = self.wanted()
            rule = self.shim.rule(kinds, action if taken
                                  else preload.COUNT, number,
                                  pattern=pattern)
            done = subprocess.run(
                [binary(), "-c", self.server.conf_path, "cell", "create",
                 slug, "--owner", "alice"], stdout=subprocess.DEVNULL,
                env={**os.environ, **self.shim.environment()},
                stderr=subprocess.PIPE, check=False)
            rule.disarm()
            if taken and rule.acted:
                self.points += 1
                self.judge_command("command, %s %d" % (label, number), slug,
                                   done)
            elif rule.seen < number:
                return

    def judge_command(self, point, slug, done):
        """The cell is there and works, or it is not there."""
        status, said = done.returncode, done.stderr.decode()
        # Its own child that looks at the engine first may be the one killed.
        if status not in (0, -9) and "was killed: try again" not in said:
            self.fail(point, "the command was not killed, but ended with "
                      "%d: %s" % (status, said))
        with self.server.client("alice") as client:
            found = client.propfind("/dav/%s/" % slug).status
            if found == 207:
                found = client.put("/dav/%s/x" % slug, b"x").status
            elif status == 0:
                self.fail(point, "a cell that was made is not there")
            if found not in (201, 404):
                self.fail(point, "a cell by half: %d" % found)
        # What the server does after that must outlive a kill as well.
        writer = self.writer(lambda w: put(w, "a", SMALL))
        writer.client.close()
        self.server.kill()
        try:
            self.start()
        except FixtureError as error:
            raise SystemExit("FAULT %s, then PUT, then kill: %s"
                             % (point, error)) from error
        self.look(point, [writer])

    def run(self):
        for name, prepare, act in OPERATIONS:
            before = self.points
            for kind in KINDS:
                self.cut(name, prepare, act, kind)
            print("%-18s %d points" % (name, self.points - before),
                  flush=True)
        for kind in KINDS[:-2]:
            self.recovery(kind)
            self.command(kind)

    def control(self):
        """Every operation is answered, but no write reaches its file."""
        for name, prepare, act in OPERATIONS:
            writer = self.writer(prepare)
            rule = self.shim.rule(preload.WRITE, preload.PRETEND, until=0,
                                  pattern=STATE)
            try:
                act(writer)
            except (Unknown, AssertionError, AttributeError):
                pass
            writer.client.close()
            self.server.kill()
            rule.disarm()
            self.start()
            with self.server.client("alice") as client:
                fault = writer.check(client, math.inf)
            if fault:
                self.faults.append("%s: %s" % (name, fault))


def run(options, control):
    campaign = Campaign(options)
    if control:
        campaign.control()
    else:
        campaign.run()
        print("%d points" % campaign.points)
    if campaign.faults:
        campaign.server.kill()
    campaign.server.close()
    status = finish(campaign.faults, control)
    return status or (0 if control or campaign.points else 1)


def main():
    options = arguments(__doc__, SHORT, FULL)
    if not options.control and run(options, False) != 0:
        return 1
    return run(options, True)


if __name__ == "__main__":
    sys.exit(main())
