#!/usr/bin/python3
"""exclusive: seconds: 7200 (of the full form).

R2: power cuts below a real ext4, and what comes back.

Clients work on a state on ext4, on a loop device, on a disk of our own with a
volatile cache (nbdkit) that logs its writes and flushes. For each seed power
fails somewhere in that log, once in every mode: of what no flush covers came
through nothing, half of the writes, half of the sectors, any share. e2fsck
must be content, the server start, verify be clean, all that was acknowledged
be there and nothing by half. --flushes N also cuts at every flush of a script
of N operations. The control preloads libeatmydata; then it must go red.

    power_rig.py [--seeds N] [--seconds N] [--flushes N] [--control] ...
"""

import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import wire  # noqa: E402
from _form import arguments, finish, history_write, skip  # noqa: E402
from _guard import Guard, guard_prepare  # noqa: E402
from _load import Unknown, Writer, once_client  # noqa: E402
from _points import OPERATIONS  # noqa: E402
from _powered import CannotRun, Cut, Log, Powered  # noqa: E402
from _replica import Mortal  # noqa: E402
from _shared import History, Rival, seen_names  # noqa: E402
from celldav import FixtureError  # noqa: E402

SHORT = {"seeds": 2, "seconds": 1, "clients": 6, "flushes": 0}
FULL = {"seeds": 100, "seconds": 6, "clients": 16, "flushes": 100}
MODES = ("drop", "half", "torn", "reorder")
SHARED = "/dav/crash/shared/"
SIZES = ([1, 3000, 16384, 16385, 70000, 300000], [2, 6, 2, 3, 3, 1])
SIZE = 512 << 20
MEMORY = "/dev/shm"
EATER = "libeatmydata.so"


class Rig:
    """A disk with a server's state on it."""

    def __init__(self, options, folder):
        self.options, self.chance = options, random.Random(options.seed)
        self.disk = Powered(folder, SIZE)
        self.disk.attach(self.disk.base)
        os.environ["SCRATCH"] = self.disk.mount
        self.server = Mortal(conf={("log", "access"): "off",
                                   ("store", "reserve"): "4M"})
        # What is said goes to a disk that stays.
        self.server.log_path = os.path.join(folder, "stderr.log")
        self.server.out_path = os.path.join(folder, "stdout.log")
        self.server.user("alice")
        self.server.cell("crash", "alice")
        word = self.server.command("app-password", "add", "alice", "--label",
                                   "crash").strip()
        self.server.set_password("alice", word)
        self.server.start()
        with self.server.client("alice") as client:
            for number in range(max(options.clients, options.flushes)):
                client.mkcol("/dav/crash/w%d/" % number)
            client.mkcol(SHARED)
            self.names = seen_names(client, SHARED)
        guard_prepare(self.server)
        self.guard = Guard(self.server, 0, self.disk.position)
        self.server.stop()
        self.disk.detach()
        self.writers, self.rivals = [], []

    # -- work ----------------------------------------------------------

    def record(self, work, preload=None):
        """Do `work` on the disk that logs: the log."""
        self.disk.begin()
        self.server.start(preload=preload)
        work()
        self.server.kill()
        self.disk.detach()
        return Log(self.disk.log_path)

    def load(self):
        chance = self.chance
        self.writers = [Writer(self.server, number, chance.random(),
                               self.disk.position, sizes=SIZES)
                        for number in range(self.options.clients)]
        self.rivals = [Rival(self.server, number, chance.random(),
                             self.disk.position, SHARED)
                       for number in range(2)]
        self.guard = Guard(self.server, chance.random(), self.disk.position,
                           kills=0, pause=0.2)
        crews = [*self.writers, *self.rivals, self.guard]
        for crew in crews:
            crew.start()
        for crew in crews:
            crew.join(self.options.seconds / len(crews))
        for crew in crews:
            crew.ending = True
        for crew in crews:
            crew.join(60)

    def script(self):
        """Operations one after the other, each in a place of its own."""
        self.rivals, self.writers = [], []
        self.guard = Guard(self.server, 0, self.disk.position)
        for number in range(self.options.flushes):
            writer = Writer(self.server, number, self.chance.random(),
                            self.disk.position)
            _, prepare, act = OPERATIONS[number % len(OPERATIONS)]
            writer.client = once_client(self.server, "alice")
            try:
                prepare(writer)
                act(writer)
            except Unknown:
                writer.fault = "no answer"
            writer.client.close()
            self.writers.append(writer)

    def told(self):
        return [op for crew in self.writers + self.rivals
                for op in crew.ops if op.outcome == "ok"]

    # -- cuts ----------------------------------------------------------

    def judge(self, log, cuts, control):
        """Cut at each (position, modes): their faults, in a list each."""
        base = os.path.join(self.disk.folder, "cut")
        shutil.copy(self.disk.base, base)
        cut, found = Cut(base, log), []
        for position, modes in sorted(cuts):
            cut.move(position)
            for mode in modes:
                cut.save(self.disk.image, mode, self.chance)
                faults = ["cut at %d, %s: %s" % (position, mode, fault)
                          for fault in self.come_back(position)]
                found.append(faults)
                for fault in [] if control else faults:
                    print("FAULT", fault[:1500], flush=True)
        os.unlink(base)
        return found

    def come_back(self, position):
        fault = self.disk.come_back()
        if fault:
            return [fault]
        try:
            return self.look(position)
        except (FixtureError, wire.WireError, OSError,
                AssertionError) as error:
            return ["%s: %s" % (type(error).__name__, error)]
        finally:
            if self.server.process is not None:
                self.server.kill()
            self.disk.detach()

    def look(self, position):
        try:
            self.server.start()
        except FixtureError:
            self.server.process.kill()
            self.server.process.wait()
            self.server.process = None
            raise
        with self.server.client("alice") as client:
            found = [writer.check(client, position)
                     for writer in self.writers]
            names = seen_names(client, SHARED)
            answer = client.put("/dav/crash/after", b"goes on")
            if answer.status not in (201, 204):
                found.append("it cannot go on: %r" % answer)
        found.append(self.guard.check(position))
        ops = [op for rival in self.rivals for op in rival.ops]
        found += History(self.names, ops, position).faults(names)
        done = self.server.run("verify")
        if done.returncode != 0:
            found.append("verify: " + done.stdout[-300:] + done.stderr[-300:])
        return [fault for fault in found if fault]


def places(rig, log, seeds):
    """For each seed a place: behind an answer, or any that the log has."""
    first = min(op.start for op in rig.told())
    ends = [end for end in log.ends() if end >= first]
    told = [op.end for op in rig.told()]
    return [(rig.chance.choice(told if number % 2 else ends), MODES)
            for number in range(seeds)]


def campaign(rig, options, control):
    """All cuts of one load, and of the script: faults of each image."""
    preload = {"LD_PRELOAD": EATER} if control else None
    log = rig.record(rig.load, preload)
    faults = [[crew.fault] for crew in rig.writers + rig.rivals
              if crew.fault]
    print("%d acknowledged, %d writes and flushes of the disk, %d of them "
          "flushes, %.1f MB" % (len(rig.told()), len(log.records),
                                len(log.flushes()), len(log.data) / 1e6),
          flush=True)
    seeds = min(options.seeds, 3) if control else options.seeds
    found = rig.judge(log, places(rig, log, seeds), control)
    if options.history:
        history_write(options.history, {"seed": options.seed}, rig.told())
    if options.flushes and not control:
        log = rig.record(rig.script)
        found += rig.judge(log, [(end, ("drop",)) for end in log.flushes()],
                           control)
    print("%d images, %d bad" % (len(found), sum(map(bool, found))),
          flush=True)
    return faults + found


def probe():
    """Skip where the rig cannot run, with the reason."""
    if os.geteuid() != 0:
        skip("the power-cut rig mounts file systems, which needs root")
    for word in ("nbdkit", "nbdfuse", "losetup", "mkfs.ext4", "e2fsck"):
        if shutil.which(word) is None:
            skip("the power-cut rig needs %s" % word)
    for place in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(place):
            skip("the power-cut rig needs %s of the kernel" % place)


def run(options, folder, control):
    rig = None
    try:
        rig = Rig(options, folder)
        found = campaign(rig, options, control)
    except CannotRun as error:
        skip("the power-cut rig does not run here: %s" % error)
    finally:
        if rig is not None:
            rig.disk.detach()
    faults = [fault for faults in found for fault in faults]
    return finish(faults, control)


def main():
    probe()
    options = arguments(__doc__, SHORT, FULL)
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    for control in [True] if options.control else [False, True]:
        with tempfile.TemporaryDirectory(prefix="rig-", dir=place) as folder:
            status = run(options, folder, control)
        if status != 0:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
