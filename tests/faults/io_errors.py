#!/usr/bin/python3
"""exclusive: seconds: 3600
R3: an error at every call that reaches the disk, in every operation.

A library preloaded into the server and into the commands makes the N-th call
of a kind fail below the state folder, once or from then on, N from 1 until
the operation gets through without meeting it. One server lives through all
of it. Whatever failed, and however:

- 2xx (exit 0) is said only for what is there afterwards, else everything is
  as it was; ENOSPC and EDQUOT are 507, other errors 500 or 503;
- EINTR and short writes are not seen at all, nor is any error of a call that
  promises nothing (sync_file_range);
- reads go on and the process lives; the next write works once the fault is
  gone, after an error of the engine's disk by the documented step (SIGHUP, or
  a new start), until when /readyz says 503;
- an error of a sync is answered with no success, and raises an alarm.

At the end the server is killed, and a new one shows what was acknowledged.

    io_errors.py [SECONDS [SEED [WORD...]]]    0 seconds: all there is;
        with words only operations, kinds or errors whose names hold one
"""

import collections
import errno
import os
import random
import re
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import preload  # noqa: E402
import wire  # noqa: E402
from _operations import OPERATIONS, Place, seen  # noqa: E402
from campaign import LONG, LOST, Campaign, a_server, in_memory \
    # noqa: E402

KINDS = {
    "open": preload.OPEN | preload.CREATE, "write": preload.WRITE,
    "sync": preload.SYNC, "range": preload.RANGE,
    "rename": preload.RENAME | preload.LINK, "unlink": preload.UNLINK,
    "size": preload.TRUNCATE | preload.ALLOCATE, "map": preload.MAP,
    "copy": preload.COPY}
FULL = ("ENOSPC", "EDQUOT")
# What the kernel may say there.
ERRORS = {
    "open": FULL + ("EIO", "EROFS", "EMFILE", "ENOMEM", "EINTR"),
    "write": FULL + ("EIO", "EROFS", "ENOMEM", "EINTR", "SHORT"),
    "sync": FULL + ("EIO", "EROFS", "EINTR"),
    "range": FULL + ("EIO", "ENOMEM", "EINTR"),
    "rename": FULL + ("EIO", "EROFS", "ENOMEM"),
    "unlink": FULL + ("EIO", "EROFS", "ENOMEM"),
    "size": FULL + ("EIO", "EROFS", "EINTR"),
    "map": ("ENOMEM", "EIO"),
    "copy": FULL + ("EIO", "EINTR", "SHORT")}
INVISIBLE = ("EINTR", "SHORT")
# LMDB takes EINTR and a short write of its own file for errors. Every thread
# of the server blocks all signals that have a handler, so the kernel cannot
# say EINTR there, and a disk that writes less is full.
EVERYWHERE = ("*/state/*",)
NOT_LMDB = ("*/state/[!er]*", "*/state/engine/[!dl]*")
MOST = 40
SUCCESS = (0, 200, 201, 204, 207)


class Point:
    """One operation that meets one fault."""

    def __init__(self, row, kind, error, area, ever):
        self.name, self.prepare, self.act = row
        self.kind, self.error, self.area = kind, error, area
        self.ever, self.number = ever, 1

    def __str__(self):
        return "%s, %s %s at %d%s%s" % (
            self.name, self.kind, self.error, self.number,
            " and later" if self.ever else "",
            "" if self.area in EVERYWHERE else " of " + self.area)

    def arm(self, shim):
        action = preload.SHORT if self.error == "SHORT" else preload.FAIL
        return shim.rule(
            KINDS[self.kind], action, at=self.number, pattern=self.area,
            until=0 if self.ever else None, argument=7,
            error=getattr(errno, self.error, 0))

    def allowed(self):
        return (507,) if self.error in FULL else (500, 503)

    def invisible(self):
        return self.error in INVISIBLE or self.kind == "range"


def points(words):
    """All there are, each before its first number."""
    found = []
    for row in OPERATIONS:
        for kind in KINDS:
            for error in ERRORS[kind]:
                areas = NOT_LMDB if error in INVISIBLE else EVERYWHERE
                if (kind, error) == ("open", "EINTR"):
                    areas = NOT_LMDB[:1]    # no local disk says it
                # A call that says EINTR for ever is asked for ever.
                turns = (False,) if error == "EINTR" else (False, True)
                found += [Point(row, kind, error, area, ever)
                          for area in areas for ever in turns]
    return [point for point in found if not words or any(
        word in str(point) for word in words)]


class Errors:
    def __init__(self, seconds, seed, words):
        self.campaign = Campaign("io_errors")
        self.must = self.campaign.must
        self.end_at = time.monotonic() + seconds if seconds else None
        self.todo, self.number = points(words), 0
        random.Random(seed).shuffle(self.todo)
        self.server = a_server(conf={("auth", "guess_free"): 1000})
        self.shim = preload.Shim(self.server.scratch)
        self.after, self.kept = {}, []
        self.reloads = collections.Counter()
        self.met = collections.Counter()

    def place(self, prepare):
        self.number += 1
        place = Place(self.server, self.client, self.number)
        place.env = self.shim.environment()
        self.client.mkcol(place.base)
        prepare(place)
        return place

    def learn(self):
        """What each operation leaves when nothing fails."""
        for name, prepare, act in OPERATIONS:
            place = self.place(prepare)
            status = act(place)
            if status not in SUCCESS:
                raise SystemExit("%s fails by itself: %s %s" % (
                    name, status, place.said))
            self.after[name] = seen(place)

    # -- one point -----------------------------------------------------

    def one(self, point):
        """Whether the fault was met."""
        place = self.place(point.prepare)
        before, logged = seen(place), self.server.log_size()
        if point.kind == "sync":
            self.counted()      # what failed before is no alarm for this
        rule = point.arm(self.shim)
        try:
            status = point.act(place)
        except LOST as error:
            self.client.close()
            status = "no answer (%s)" % error
        rule.disarm()
        if not rule.acted:
            self.must(status in SUCCESS, "%s: not met, but %s" % (point,
                                                                  status))
            return False
        self.campaign.point()
        self.met[point.kind] += 1
        self.judge(point, place, status, before)
        if point.kind == "sync" and point.error == "EIO":
            self.alarm(point, status, logged)
        self.recover(point, place, status, before)
        return True

    def judge(self, point, place, status, before):
        after = self.after[point.name]
        if self.server.worker_pid() != self.server.worker:
            self.campaign.fail("%s: the server process died" % point)
            self.server.worker = self.server.worker_pid()
        now = seen(place)
        if status in SUCCESS:
            self.must(now == after, "%s: status %s without effect: %s" % (
                point, status, difference(now, after)))
            return
        self.must(not point.invisible(), "%s: seen as %s %s" % (
            point, status, place.said))
        self.must(now == before, "%s: status %s, but changed: %s" % (
            point, status, difference(now, before)))
        if status == 1:
            self.must(place.said, "%s: exit 1 without a word" % point)
        else:
            self.must(status in point.allowed(), "%s: status %s" % (point,
                                                                    status))

    def alarm(self, point, status, logged):
        """An error of a sync is told to who looks after the server."""
        with open(self.server.log_path, "rb") as log:
            log.seek(logged)
            said = log.read().decode("utf-8", "replace")
        told = "level=error" in said or self.counted()
        # What the server does by itself may have met it instead.
        self.must(status not in SUCCESS or told,
                  "%s: success after EIO of a sync" % point)
        self.must(status == 1 or told, "%s: no alarm" % point)

    def counted(self):
        text = self.server.admin().get("/metrics").text
        found = re.search(r"^celldav_commit_failures_total (\d+)", text, re.M)
        before, self.failures = self.failures, int(found.group(1))
        return self.failures > before

    # -- and afterwards --------------------------------------------------

    def works(self, place):
        """Both ways in: the server, and a command beside it."""
        return place.put("probe", 100) in (201, 204) and \
            self.server.run("user", "update", "alice", "--display",
                            str(self.number)).returncode == 0

    def recover(self, point, place, status, before):
        last = place.put("probe", 100)
        works = self.works(place) or (last == 507 and wire.wait_until(
            lambda: self.works(place), 5))
        if not works:
            self.reload(point, place, last)
        self.client.delete(place.base + "probe")
        now, after = seen(place), self.after[point.name]
        fine = [after] if status in SUCCESS else [before]
        if not works:
            fine.append(after)      # nobody was told: it may be there
        self.must(now in fine, "%s: status %s, later: %s" % (
            point, status, difference(now, fine[0])))
        if now.pop("huge", None):
            self.client.delete(place.base + "huge")
        self.kept.append((place, now))
        if len(self.kept) % 100 == 0:
            self.tidy()

    def tidy(self):
        """What was deleted goes, so that the medium does not fill up."""
        self.server.command("trash", "empty", "f")
        self.campaign.say("%d points" % self.campaign.points)

    def reload(self, point, place, last):
        """The documented way back: SIGHUP, and where that is not enough
        (data.mdb itself could not be synced) a new start."""
        self.must(point.error not in FULL + ("EMFILE", "EINTR"),
                  "%s: writes do not come back by themselves: %s" % (point,
                                                                     last))
        ready = self.client.get("/readyz").status
        self.must(last in (201, 204) or (last in (500, 503)
                                         and ready == 503),
                  "%s: writes are %s, /readyz %s" % (point, last, ready))
        old, how = self.server.worker, "SIGHUP"
        self.server.signal(signal.SIGHUP)
        self.client.close()
        wire.wait_until(lambda: self.server.worker_pid() != old, 10)
        if not wire.wait_until(lambda: self.works(place), 3):
            how = "a new start"
            self.client.close()
            self.server.kill()
            self.server.start(preload=self.shim.environment())
        else:
            wire.wait_until(lambda: not os.path.exists("/proc/%d" % old), 60)
        self.reloads["%s after %s %s" % (how, point.kind, point.error)] += 1
        self.server.worker, self.failures = self.server.worker_pid(), 0
        self.must(wire.wait_until(lambda: self.works(place), 30),
                  "%s: writes do not come back after %s" % (point, how))

    def killed(self):
        """The disk alone, after the process was killed."""
        self.client.close()
        self.server.kill()
        self.server.start()
        with self.server.client("alice") as self.client:
            for place, wanted in self.kept:
                place.client = self.client
                now = seen(place)
                self.must(now == wanted, "%s after kill -9: %s" % (
                    place.base, difference(now, wanted)))

    def run(self):
        self.failures = 0
        self.server.start(preload=self.shim.environment())
        self.client = self.server.client("alice")
        self.learn()
        for point in self.todo:
            if self.end_at and time.monotonic() > self.end_at:
                break
            while point.number <= MOST and self.one(point):
                point.number += 1
        self.killed()
        self.campaign.verify(self.server, "at the end")
        self.server.close()
        self.campaign.say("met: %s" % dict(self.met))
        self.campaign.say("needed: %s" % dict(self.reloads))
        return self.campaign.end()


def difference(now, wanted):
    keys = [key for key in set(now) | set(wanted)
            if now.get(key) != wanted.get(key)]
    return ", ".join("%s is %s instead of %s" % (
        key, now.get(key), wanted.get(key)) for key in sorted(keys)[:3])


def main(seconds=0 if LONG else 20, seed=None, *words):
    seed = int(seed) if seed else random.randrange(2 ** 32)
    print("seed %d" % seed, flush=True)
    with in_memory("3g"):
        return Errors(int(seconds), seed, words).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
