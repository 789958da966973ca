#!/usr/bin/python3
"""exclusive: seconds: 3600 (of the full form).

Power cuts, replayed from what the server asked of the disk.

Clients work while every call that reaches the state is recorded; then, for
many cut points, the disk is built as it may be after a power cut there: what
was synced is there, of the rest anything. On each such image the server must
start, verify must be clean, everything that had been acknowledged when the
power went must be there and nothing by half, and it must be able to go on.
The control takes the meaning from every sync; then images must be bad.

    power_replay.py [--images N] [--seconds N] [--seed S] [--control] ...
"""

import math
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import preload  # noqa: E402
import wire  # noqa: E402
from _choice import Choice  # noqa: E402
from _disk import Disk  # noqa: E402
from _form import arguments, finish, history_write  # noqa: E402
from _guard import Guard, guard_prepare  # noqa: E402
from _load import Writer  # noqa: E402
from _record import read_record  # noqa: E402
from _replica import Replica  # noqa: E402
from _shared import History, Rival, seen_names  # noqa: E402
from celldav import FixtureError, Server  # noqa: E402

SHORT = {"images": 30, "seconds": 2, "clients": 6, "pause": 3}
FULL = {"images": 500, "seconds": 10, "clients": 8, "pause": 3}
SHARED = "/dav/crash/shared/"
SIZES = ([1, 3000, 16384, 16385, 70000, 300000], [2, 6, 2, 3, 3, 1])
READY_SECONDS = 20
MEMORY = "/dev/shm"


class Recording:
    """A server at work, and the record of it."""

    def __init__(self, options, control):
        self.options, self.control = options, control
        self.chance = random.Random(options.seed)
        self.server = Server(conf={("log", "access"): "off"})
        self.server.user("alice")
        self.server.cell("crash", "alice")
        word = self.server.command("app-password", "add", "alice", "--label",
                                   "crash").strip()
        self.server.set_password("alice", word)
        self.prepare()
        self.state = os.path.join(self.server.dir, "state")
        self.shim = preload.Shim(self.server.scratch, self.state)
        self.disk = Disk(self.state)
        self.disk_ends = None
        self.crews = []

    def prepare(self):
        self.server.start()
        with self.server.client("alice") as client:
            for number in range(self.options.clients):
                client.mkcol("/dav/crash/w%d/" % number)
            client.mkcol(SHARED)
            self.names = seen_names(client, SHARED)
        guard_prepare(self.server)
        self.server.stop()

    def clock(self):
        return self.shim.position

    def pace(self):
        time.sleep(self.options.pause / 1000)

    def make_crews(self):
        self.writers = [
            Writer(self.server, number, self.chance.random(), self.clock,
                   sizes=SIZES, pace=self.pace)
            for number in range(self.options.clients)]
        self.rivals = [Rival(self.server, number, self.chance.random(),
                             self.clock, SHARED) for number in range(2)]
        self.guard = Guard(self.server, self.chance.random(), self.clock,
                           environment=self.shim.environment(), kills=0,
                           pause=0.2)
        self.crews = [*self.writers, *self.rivals, self.guard]

    def work(self):
        """Record from before the start to behind the end."""
        self.shim.recording(True)
        if self.control:
            self.shim.rule(preload.SYNC, preload.PRETEND, until=0,
                           pattern="*/state/*")
        self.server.start(preload=self.shim.environment())
        self.make_crews()
        for crew in self.crews:
            crew.start()
        time.sleep(self.options.seconds)
        for crew in self.crews:
            crew.ending = True
        for crew in self.crews:
            crew.join(60)
        self.server.stop()
        self.events = read_record(self.shim.record_path)
        return [crew.fault for crew in self.crews if crew.fault]

    def ops(self):
        return [op for crew in self.writers + self.rivals
                for op in crew.ops]

    def cuts(self, count):
        """Half of the cuts when an answer has just come, half anywhere."""
        begin = min(op.start for op in self.ops())
        told = [op.end for op in self.ops() if op.outcome == "ok"]
        ends = [event.end for event in self.events if event.end >= begin]
        return sorted(self.chance.choice(told if number % 2 else ends)
                      for number in range(count))


def complete(disk, state):
    """Whether the record tells all: the disk with everything kept is the
    folder as it is. What is different."""
    faults = []
    with tempfile.TemporaryDirectory(dir=os.path.dirname(state)) as folder:
        whole = os.path.join(folder, "whole")
        disk.save(whole, Choice("keep", random.Random(0), 0, 0))
        mapped = {file for file in disk.inodes.values()
                  if getattr(file, "mapped", False)}
        compare(whole, state, disk, disk.root, mapped, faults)
    return faults


def compare(saved, live, disk, folder, mapped, faults):
    names = disk.live(folder)
    if sorted(os.listdir(live)) != sorted(os.listdir(saved)):
        faults.append("the record misses names in " + live)
        return
    for name in os.listdir(live):
        one, two = os.path.join(saved, name), os.path.join(live, name)
        if os.path.isdir(two):
            compare(one, two, disk, names[name], mapped, faults)
        elif names[name] not in mapped and not same(one, two):
            faults.append("the record misses writes to " + two)


def same(one, two):
    with open(one, "rb") as first, open(two, "rb") as second:
        return first.read() == second.read()


class Judge:
    """Starts the server on images and looks."""

    def __init__(self, recording):
        self.recording, self.seconds = recording, 0
        self.chance = random.Random(recording.options.seed + 1)
        # What an image promises is its bytes: memory holds them as well.
        self.place = MEMORY if os.access(MEMORY, os.W_OK) else \
            recording.server.scratch

    def image(self, disk, position, mode):
        """Its faults."""
        folder = tempfile.mkdtemp(prefix="image-", dir=self.place)
        replica = Replica(self.recording.server, folder)
        begin = min([event.at for file in disk.inodes.values()
                     for event in getattr(file, "pending", [])[:1]],
                    default=position)
        disk.save(replica.state, Choice(mode, self.chance, begin, position))
        try:
            faults = self.look(replica, position)
            if not faults and self.chance.random() < 0.3:
                replica.kill()
                faults = ["again: " + fault
                          for fault in self.look(replica, position)]
        except (FixtureError, wire.WireError, OSError,
                AssertionError) as fault:
            faults = ["%s: %s" % (type(fault).__name__, fault)]
        replica.remove()
        return faults

    def look(self, server, position):
        begun = time.monotonic()
        server.start(READY_SECONDS)
        self.seconds = max(self.seconds, time.monotonic() - begun)
        with server.client("alice") as client:
            found = [writer.check(client, position)
                     for writer in self.recording.writers]
            names = seen_names(client, SHARED)
            answer = client.put("/dav/crash/after", b"goes on")
            if answer.status not in (201, 204):
                found.append("it cannot go on: %r" % answer)
        found.append(self.recording.guard.check(position, server))
        rivals = [op for rival in self.recording.rivals for op in rival.ops]
        found += History(self.recording.names, rivals, position).faults(names)
        done = server.run("verify")
        if done.returncode != 0:
            found.append("verify: " + done.stdout[-300:] + done.stderr[-300:])
        return [fault for fault in found if fault]


def judge_all(recording, images):
    """Every cut in turn: (bad images, their faults)."""
    disk, judge, bad, faults, at = recording.disk, Judge(recording), 0, [], 0
    for number, position in enumerate(recording.cuts(images)):
        while at < len(recording.events) and \
                recording.events[at].end <= position:
            disk.feed(recording.events[at])
            at += 1
        mode = Choice.MODES[number % len(Choice.MODES)]
        found = judge.image(disk, position, mode)
        bad += bool(found)
        faults += ["image %d, cut at %d, %s: %s" % (number, position, mode,
                                                    fault)
                   for fault in found]
        if found and not recording.control:
            print(faults[-1][:2000], flush=True)
    for event in recording.events[at:]:
        disk.feed(event)
    print("ready in at most %.0f ms" % (judge.seconds * 1000))
    return bad, faults


def run(options, images, control):
    recording = Recording(options, control)
    faults = recording.work()
    told = sum(op.outcome == "ok" for op in recording.ops())
    print("%d acknowledged, %d by the command line, %d calls recorded, %.1f "
          "MB" % (told, len(recording.guard.history), len(recording.events),
                  recording.clock() / 1e6), flush=True)
    bad, more = judge_all(recording, images)
    faults += more
    if not control:
        faults += complete(recording.disk, recording.state)
    print("%d images, %d bad" % (images, bad), flush=True)
    if options.history:
        history_write(options.history, {"seed": options.seed,
                                        "faults": faults}, recording.ops())
    recording.server.close()
    if control and bad * 2 < images:
        return finish([], True)
    return finish(faults, control) or (1 if told < images else 0)


def main():
    options = arguments(__doc__, SHORT, FULL)
    if not options.control and run(options, options.images, False) != 0:
        return 1
    options.seconds = min(options.seconds, 2)
    return run(options, min(math.ceil(options.images / 5), 50), True)


if __name__ == "__main__":
    sys.exit(main())
