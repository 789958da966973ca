#!/usr/bin/python3 -B
"""R8: the wall clock jumps, the process stands still.

exclusive: it stops processes.   seconds: 600

usage: clocks.py [--full]
Full: a stop of 60 s, steps for 60 s. Short: 2 s each. The clock that jumps
is libfaketime's; monotonic time is the kernel's, as when a clock is set.
"""

import glob
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from _load import Cpu, Figures, options, scratch                  # noqa: E402
import wire                                                       # noqa: E402
from celldav import Server, binary                                # noqa: E402
from davxml import DAV                                            # noqa: E402

HOME = "/dav/my-files/"
STEPS = ("+1h", "-1h", "-3650d", "@2038-01-19 03:14:06", "+0")
IDLE = 40
SYNC = ('<sync-collection xmlns="DAV:"><sync-token>%s</sync-token>'
        '<sync-level>1</sync-level><prop><getetag/></prop>'
        '</sync-collection>')


class Clock:
    """The wall clock of one server, by a file that libfaketime reads."""

    def __init__(self, monotonic=False):
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        self.library = found[0] if found else None
        self.file = os.path.join(scratch(), "clock-%d" % id(self))
        self.monotonic = monotonic
        self.set("+0")

    def set(self, text):
        with open(self.file + ".new", "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.rename(self.file + ".new", self.file)

    def environment(self):
        return {"LD_PRELOAD": self.library, "FAKETIME_NO_CACHE": "1",
                "FAKETIME_TIMESTAMP_FILE": self.file,
                # Else its waits on conditions return at once.
                "FAKETIME_FORCE_MONOTONIC_FIX": "0",
                "FAKETIME_DONT_FAKE_MONOTONIC":
                    "0" if self.monotonic else "1"}


def serve(clock=None, **limits):
    server = Server(limits=limits, conf={("log", "access"): "none"})
    server.user("alice")
    server.start(preload=clock.environment() if clock else None)
    return server


class Idle:
    """Connections that have asked once and wait."""

    def __init__(self, server, count=IDLE):
        self.head = server.client().head("GET", "/healthz")
        self.held = [wire.Connection("127.0.0.1", server.port, None)
                     for _ in range(count)]
        self.ask()

    def ask(self):
        """Asks on each; how many are not answered."""
        lost = 0
        for connection in self.held:
            try:
                connection.send(self.head)
            except OSError:
                pass
        for connection in self.held:
            try:
                lost += connection.read().status != 200
            except (OSError, wire.WireError):
                lost += 1
        return lost

    def close(self):
        for connection in self.held:
            connection.close()


class SlowUpload:
    """A PUT that is under way all the time."""

    def __init__(self, server, name):
        client = server.client("alice")
        self.connection = client.connect()
        self.connection.send(client.head("PUT", HOME + name, length=1 << 20))
        self.sent = 0
        self.send(1 << 18)

    def send(self, size):
        self.connection.send(b"u" * size, 0)
        self.sent += size

    def end(self):
        try:
            self.send((1 << 20) - self.sent)
            return self.connection.read("PUT").status
        except (OSError, wire.WireError) as error:
            return repr(error)


class Changes:
    """ETags and the sequence of changes, whatever the clock says."""

    def __init__(self, server):
        self.client = server.client("alice")
        self.tags, self.wrong, self.refused = [], [], 0
        self.client.mkcol(HOME + "watched/")
        self.token, _ = self.report("")

    def report(self, token):
        answer = self.client.report(HOME + "watched/", SYNC % token)
        if answer.status == 403 and token:
            self.refused += 1     # allowed, and dear: from the beginning
            token, _ = self.report("")
            return token, [HOME + "watched/one"]
        if answer.status != 207:
            raise wire.WireError("%r" % answer)
        names = [i.href for i in answer.items()]
        return answer.xml().find(DAV + "sync-token").text, names

    def change(self):
        """One more content of the same size; it must be told as news."""
        path = HOME + "watched/one"
        answer = self.client.put(path, b"%08d" % len(self.tags))
        if answer.status not in (201, 204):
            raise wire.WireError("%r" % answer)
        self.tags.append(self.client.get(path).etag)
        token, names = self.report(self.token)
        if names != [path]:
            self.wrong.append((len(self.tags), names))
        self.token = token


def steps(figures, form):
    """Jumps far and often: nobody is cut, nothing is told twice."""
    clock = Clock()
    server = serve(clock)
    idle, upload = Idle(server), SlowUpload(server, "slow")
    changes = Changes(server)
    lost = 0
    for step in STEPS:
        clock.set(step)
        time.sleep(0.3)
        changes.change()
        changes.change()
        lost += idle.ask()
        upload.send(1000)
    cpu, end, turn = Cpu(server.worker), time.monotonic() + form["steps"], 0
    while time.monotonic() < end:
        clock.set("%+dh" % (turn % 2 * 2 - 1))
        turn += 1
        time.sleep(0.5)
    part = cpu.part()
    changes.change()
    lost += idle.ask()
    figures.equal("connections lost by %d jumps" % (len(STEPS) + turn),
                  lost, 0)
    figures.equal("an upload across the jumps", upload.end(), 201)
    figures.equal("ETags that were given twice",
                  len(changes.tags) - len(set(changes.tags)), 0)
    figures.equal("changes that the sequence did not tell", changes.wrong, [])
    figures.equal("tokens refused", changes.refused, 0)
    figures.most("CPU while the clock jumps, part of a core", part, 0.1)
    idle.close()
    server.close()


def ends(figures):
    """What was seen to have ended has, whatever the clock says later."""
    clock = Clock()
    server = serve(clock)
    grant_ends(figures, clock, server)
    dead_stay_dead(figures, clock, server)
    grant_after_start(figures, clock, server)
    server.close()


def grant_ends(figures, clock, server):
    """What was granted until a time does not come again with it."""
    server.user("bob")
    server.cell("shared", "alice")
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    with server.client("alice") as alice, server.client("bob") as bob:
        alice.put("/dav/shared/f", b"x")
        server.grant("shared", "user:bob", "download-original", "--until",
                     until)
        figures.equal("grant: while it holds",
                      bob.get("/dav/shared/f").status, 200)
        gone = lambda: bob.get("/dav/shared/f").status != 200
        figures.true("grant: ends", wire.wait_until(gone, 10))
        clock.set("-1h")
        figures.equal("grant until a time: when that is to come again",
                      bob.get("/dav/shared/f").status, 404)
        clock.set("-3650d")
        figures.equal("ten years before", bob.get("/dav/shared/f").status,
                      404)


def grant_after_start(figures, clock, server):
    """A start with an older clock knows too; an operator can say that the
    clock had been wrong."""
    server.stop()
    clock.set("-1h")
    server.start(preload=clock.environment())

    def status():
        with server.client("bob") as bob:
            return bob.get("/dav/shared/f").status

    figures.equal("grant until a time: after a start before it", status(),
                  404)
    clock.set("-3650d")
    server.command("clock", "--reset")
    figures.true("it holds again after celldav clock --reset",
                 wire.wait_until(lambda: status() == 200, 10))
    clock.set("+0")


def dead_stay_dead(figures, clock, server):
    """A lock whose end was seen does not come back with the old time."""
    clock.set("+0")
    alice, tokens = server.client("alice"), {}
    for name, timeout in (("written", 1), ("read", 1), ("jumped", 600)):
        path = HOME + "lock-" + name
        alice.put(path, b"x")
        tokens[path] = wire.lock_token(alice.lock(
            path, timeout="Second-%d" % timeout))
    time.sleep(1.3)
    figures.equal("lockdiscovery after the end of a lock", (alice.prop(
        HOME + "lock-read", DAV + "lockdiscovery") or "").strip(), "")
    figures.equal("PUT after the end of a lock",
                  alice.put(HOME + "lock-written", b"y").status, 204)
    clock.set("+1h")
    figures.equal("PUT after a jump across the end of a lock",
                  alice.put(HOME + "lock-jumped", b"y").status, 204)
    clock.set("-1h")
    for path, token in tokens.items():
        figures.equal("PUT when the clock is back: " + path,
                      alice.put(path, b"z").status, 204)
        figures.true("its token is dead: " + path, alice.put(
            path, b"t", {"If": "(<%s>)" % token}).status in (412, 423))
    lock = alice.lock(HOME + "lock-read", timeout="Second-2")
    figures.equal("a lock of 2 s", lock.status, 200)
    time.sleep(2.2)
    figures.equal("ends in time all the same",
                  alice.put(HOME + "lock-read", b"y").status, 204)
    clock.set("+0")
    alice.close()


def control(figures):
    """Were timeouts by the clock that jumps, all would go at once."""
    clock = Clock(monotonic=True)
    server = serve(clock)
    idle = Idle(server)
    clock.set("+1h")
    time.sleep(1)
    figures.least("control: connections lost when monotonic time jumps",
                  idle.ask(), IDLE / 2)
    idle.close()
    clock.set("+0")
    server.close()


def stopped(figures, form, stop, resume, name):
    """Stands still for longer than its limits; what came meanwhile is
    served, and only who was idle may be gone."""
    seconds = form["stop"]
    server = serve(body_grace_seconds=max(1, seconds // 2),
                   header_seconds=max(1, seconds // 2))
    idle, uploads = Idle(server), [SlowUpload(server, "stopped-%d" % n)
                                   for n in range(8)]
    stop(server)
    for upload in uploads:
        upload.send(1 << 16)
    for connection in idle.held:
        connection.send(idle.head)
    time.sleep(seconds)
    resume(server)
    cpu = Cpu(server.worker)
    lost = 0
    for connection in idle.held:
        try:
            lost += connection.read().status != 200
        except (OSError, wire.WireError):
            lost += 1
    figures.equal("%s of %d s: requests lost" % (name, seconds), lost, 0)
    # At once: what pauses here counts against their rate.
    broken = [one for one in (u.end() for u in uploads) if one != 201]
    figures.equal("%s: uploads lost %s" % (name, broken[:1]), len(broken), 0)
    time.sleep(1)
    figures.most("%s: CPU afterwards, part of a core" % name, cpu.part(),
                 0.2)
    idle.close()
    server.close()


def by_signal(figures, form):
    stopped(figures, form,
            lambda server: os.kill(server.worker, signal.SIGSTOP),
            lambda server: os.kill(server.worker, signal.SIGCONT), "SIGSTOP")


def by_freezer(figures, form):
    """The freezer of cgroups, where this machine lets it be used."""
    group = "/sys/fs/cgroup/freezer/celldav-clocks-%d" % os.getpid()

    def write(name, text):
        with open(os.path.join(group, name), "w", encoding="ascii") as file:
            file.write(text)

    def freeze(server):
        write("cgroup.procs", str(server.worker))
        write("freezer.state", "FROZEN")

    try:
        os.mkdir(group)
    except OSError as error:
        print("SKIPPED R8: no cgroup freezer here: %s" % error)
        return
    try:
        stopped(figures, dict(form, stop=form["freeze"]), freeze,
                lambda _: write("freezer.state", "THAWED"), "frozen")
    finally:
        write("freezer.state", "THAWED")
        wire.wait_until(lambda: _removed(group), 5)


def _removed(group):
    try:
        os.rmdir(group)
    except OSError:
        return False
    return True


def namespace(figures):
    """After a restart monotonic time is another: locks know only the wall
    clock."""
    words = ["unshare", "--time", "--monotonic", "864000", "--boottime",
             "864000"]
    if subprocess.run([*words, "true"], check=False,
                      capture_output=True).returncode != 0:
        print("SKIPPED R8: no time namespaces here")
        return
    server = serve()
    with server.client("alice") as alice:
        alice.put(HOME + "kept", b"x")
        token = wire.lock_token(alice.lock(HOME + "kept"))
    server.stop()
    wrapper = os.path.join(server.scratch, "later")
    with open(wrapper, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexec %s '%s' \"$@\"\n"
                   % (" ".join(words), binary()))
    os.chmod(wrapper, 0o755)
    program, os.environ["CELLDAV"] = os.environ.get("CELLDAV"), wrapper
    server.start()
    idle = Idle(server)
    with server.client("alice") as alice:
        figures.equal("10 days later by monotonic time: the lock holds",
                      alice.put(HOME + "kept", b"y").status, 423)
        figures.equal("with its token", alice.put(
            HOME + "kept", b"y", {"If": "(<%s>)" % token}).status, 204)
    figures.equal("connections lost there", idle.ask(), 0)
    idle.close()
    server.stop()
    if program is None:
        del os.environ["CELLDAV"]
    else:
        os.environ["CELLDAV"] = program
    server.close()


def main():
    chosen = options(__doc__)
    form = {"steps": 60, "stop": 60, "freeze": 20} if chosen.full else \
        {"steps": 2, "stop": 2, "freeze": 1}
    figures = Figures("R8")
    if Clock().library is None:
        print("libfaketime is not installed (package faketime)")
        return 77
    steps(figures, form)
    ends(figures)
    control(figures)
    by_signal(figures, form)
    by_freezer(figures, form)
    namespace(figures)
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
