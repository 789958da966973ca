#!/usr/bin/python3
"""exclusive: seconds: 3600
R13: the N-th allocation fails, for every type of request; 128 MiB in all.

N goes from 1 until the request gets through without meeting it. A small
allocation that fails ends the server process on purpose (server/base/memory),
with a sentence; its supervisor starts another one, and every answer that was
given holds. Whatever else fails is a refusal without effect, by a process
that goes on, and whose blocks do not grow. Then a server in a memory cgroup
of 128 MiB bears a normal load.

    memory.py [SECONDS [SEED]]    0 seconds: all there is
"""

import collections
import os
import random
import signal
import sys
import threading
import time

os.environ.setdefault("CELLDAV_TEST_TIMEOUT", "20")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import wire  # noqa: E402
from _operations import LARGE, OPERATIONS, Place, files, locked, seen \
    # noqa: E402
from campaign import LONG, LOST, Campaign, a_server, in_memory \
    # noqa: E402
from memory_shim import MemoryShim  # noqa: E402

SUCCESS = (200, 201, 204, 206, 207)
COMMANDS = ("version", "trash", "user", "grant")
SYNC = ('<sync-collection xmlns="DAV:"><sync-token/><sync-level>1'
        '</sync-level><prop><getetag/></prop></sync-collection>')
XML = ("LOCK", "PROPPATCH", "REPORT")
LEAK_RUNS = 20
WINDOWS = 12
GROUP = "/sys/fs/cgroup/memory"
LIMIT = 128 << 20


def request(method, name, headers=(), body=None, chunked=False):
    return lambda place: place.client.request(
        method, place.base + name, headers, body, chunked).status


def stranger(place):
    with place.server.client() as client:
        return {401: 200}.get(client.get(place.base).status, 500)


def fresh(place):
    """A connection of its own, so that what a connection costs is met."""
    place.client.close()
    return place.client.get(place.base + "small").status


READS = [
    ("OPTIONS", files, request("OPTIONS", "")),
    ("GET small", files, request("GET", "small")),
    ("GET large", files, request("GET", "large")),
    ("GET range", files, request("GET", "large", {"Range": "bytes=5-90"})),
    ("GET fresh", files, fresh),
    ("HEAD", files, request("HEAD", "large")),
    ("stranger", files, stranger),
    ("PROPFIND 0", files, request("PROPFIND", "small", {"Depth": "0"})),
    ("PROPFIND 1", files, request("PROPFIND", "", {"Depth": "1"})),
    ("REPORT", files, request("REPORT", "", {
        "Depth": "0", "Content-Type": "application/xml"}, SYNC)),
    ("LOCK refresh", locked, lambda place: place.client.request(
        "LOCK", place.base + "small",
        {"If": "(<%s>)" % place.key}).status),
    ("PUT chunked", files, request("PUT", "small", body=b"c" * LARGE,
                                   chunked=True))]
WRITES = [row for row in OPERATIONS if not row[0].startswith(COMMANDS)]


class Memory:
    def __init__(self, seconds, seed):
        self.campaign = Campaign("memory")
        self.must = self.campaign.must
        self.end_at = time.monotonic() + seconds if seconds else None
        self.chance, self.number = random.Random(seed), 0
        self.server = a_server(conf={("auth", "guess_free"): 1000})
        self.shim = MemoryShim(self.server.scratch)
        self.after, self.survived = {}, []
        self.how = collections.Counter()

    def start(self):
        self.server.start(preload=self.shim.environment())
        self.client = self.server.client("alice")
        self.shim.watch(self.server.worker)

    def place(self, prepare):
        self.number += 1
        place = Place(self.server, self.client, self.number)
        if self.client.mkcol(place.base).status != 201:
            # A commit met it: writes are refused until a new start.
            self.how["started anew"] += 1
            self.server.kill()
            self.start()
            place.client = self.client
            self.must(self.client.mkcol(place.base).status == 201,
                      "writes do not come back after a new start")
        prepare(place)
        return place

    def learn(self):
        for name, prepare, act in READS + WRITES:
            place = self.place(prepare)
            status = act(place)
            if status not in SUCCESS:
                raise SystemExit("%s fails by itself: %s" % (name, status))
            self.after[name] = seen(place)

    # -- one allocation ------------------------------------------------

    def one(self, row, at):
        """Whether there was such an allocation."""
        name, prepare, act = row
        point = "%s, allocation %d" % (name, at)
        place = self.place(prepare)
        before, logged = seen(place), self.server.log_size()
        self.shim.arm(at)
        try:
            status = act(place)
        except LOST:
            self.client.close()
            status = None
        time.sleep(0.002)   # what follows an answer is met, too
        self.shim.disarm()
        if not self.shim.acted:
            self.must(status in SUCCESS, "%s: not met, but %s" % (point,
                                                                  status))
            return False
        self.campaign.point()
        alive = status is not None and self.lives()
        if not alive and not self.lives():
            self.died(point, logged)
            place.client = self.client
        else:
            self.must(status is not None, "%s: no answer" % point)
            self.how["answered"] += 1
            self.survived.append((row, at))
        self.judge(point, place, status, before, self.after[name])
        return True

    def lives(self):
        try:
            with self.server.client() as client:
                client.get("/healthz")
            return self.server.worker_pid() == self.server.worker
        except LOST:
            return False

    def died(self, point, logged):
        """On purpose, with a sentence, and another one comes."""
        self.how["ended"] += 1
        wire.wait_until(lambda: "event=died" in self.said(logged), 10)
        said = self.said(logged)
        # libmagic looks into what it did not get, and regcomp() of libc frees
        # twice what it has not (CVE-2025-8058): only what they wanted counts.
        library = self.shim.magic_failed
        self.how["died in libmagic"] += library
        meant = "out of memory" in said and \
            "status %d," % signal.SIGABRT in said
        self.must(library or meant, "%s: the process died: %s" % (
            point, said[:300]))
        if self.how["ended"] <= 3:
            self.must(wire.wait_until(self.answers, 30),
                      "%s: the supervisor starts none" % point)
            self.server.worker = self.server.worker_pid()
            self.shim.watch(self.server.worker)
            self.client = self.server.client("alice")
            return
        self.server.kill()  # the supervisor would wait longer each time
        self.start()

    def said(self, logged):
        with open(self.server.log_path, "rb") as log:
            log.seek(logged)
            return log.read().decode("utf-8", "replace")

    def answers(self):
        try:
            with self.server.client() as client:
                return client.get("/healthz").status == 200
        except LOST:
            return False

    def judge(self, point, place, status, before, after):
        try:
            now = seen(place)
        except LOST as error:
            self.campaign.fail("%s: cannot look: %s" % (point, error))
            return
        if status in SUCCESS:
            self.must(now == after, "%s: status %s without effect" % (
                point, status))
        elif status is None:
            self.must(now in (before, after), "%s: half of it" % point)
        else:
            self.must(now == before, "%s: status %d, but changed" % (
                point, status))
            # libxml2 does not always tell want of memory from bad XML.
            self.must(status >= 500 or (
                status in (400, 403) and point.startswith(XML)),
                "%s: status %d" % (point, status))

    # -- leaks -----------------------------------------------------------

    def leaks(self, most):
        """Where a failure is survived, it must not cost a block each time."""
        chosen = self.chance.sample(self.survived,
                                    min(most, len(self.survived)))
        for row, at in chosen:
            if self.end_at and time.monotonic() > self.end_at + 15:
                break
            self.campaign.point()
            self.must(not all(self.window(row, at) >= LEAK_RUNS
                              for _ in range(WINDOWS)),
                      "%s, allocation %d: blocks stay" % (row[0], at))

    def window(self, row, at):
        """Blocks more after some runs; what is made once for a thread or a
        cache (libmagic's expressions, 9 300 blocks for each thread) comes in
        few windows, a leak in each. Runs in which libmagic wanted it are no
        matter of ours: alone, too, it loses 1 to 5 blocks each time."""
        first = self.shim.live
        if self.repeat(row, at, LEAK_RUNS):
            self.how["windows of libmagic"] += 1
            return 0
        return self.shim.live - first

    def repeat(self, row, at, times):
        """Whether it was libmagic, in one run at least."""
        magic = False
        for _ in range(times):
            place = self.place(row[1])
            self.shim.arm(at)
            try:
                row[2](place)
            except LOST:
                self.client.close()
            self.shim.disarm()
            magic = magic or self.shim.magic_failed
            if not self.lives():
                self.server.kill()
                self.start()
        return magic

    # -- 128 MiB -----------------------------------------------------------

    def small_machine(self, seconds):
        group = os.path.join(GROUP, "celldav-test-%d" % os.getpid())
        try:
            os.mkdir(group)
            put(group, "memory.limit_in_bytes", LIMIT)
        except OSError as error:
            self.campaign.skip("cgroup of 128 MiB", str(error))
            return
        try:
            self.in_group(group, seconds)
        finally:
            wire.wait_until(lambda: removed(group), 20)

    def in_group(self, group, seconds):
        server = a_server(cell="f")
        server.start()
        for pid in (server.process.pid, server.worker):
            put(group, "cgroup.procs", pid)
        first, faults, count = server.worker, [], [0]
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=work, args=(
            server, number, end, faults, count)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.campaign.point(count[0])
        with open(os.path.join(group, "memory.max_usage_in_bytes"),
                  encoding="ascii") as file:
            most = int(file.read())
        self.campaign.say("%d requests of 50 clients in %d MiB, RSS %d MiB"
                          % (count[0], most >> 20, server.rss() >> 20))
        self.must(server.worker_pid() == first, "killed for its memory")
        for fault in faults[:5]:
            self.campaign.fail("in 128 MiB: " + fault)
        server.close()

    def run(self):
        with in_memory():
            self.start()
            self.learn()
            rows = READS + WRITES
            self.chance.shuffle(rows)
            self.campaigns(rows)
            self.leaks(200 if LONG else 0)
            self.server.kill()
            self.server.start()
            self.campaign.verify(self.server, "at the end")
            self.server.close()
        self.campaign.say("processes %s" % dict(self.how))
        self.small_machine(20 if LONG else 3)
        return self.campaign.end()

    def campaigns(self, rows):
        """Each type in turn, so that a short form has something of each."""
        waiting = {row[0]: iter(range(1, 5000)) for row in rows}
        if self.end_at:     # where it begins is by chance then
            waiting = {name: iter(range(self.chance.randrange(1, 40), 5000))
                       for name in waiting}
        while waiting:
            for row in rows:
                if row[0] not in waiting:
                    continue
                if self.end_at and time.monotonic() > self.end_at:
                    return
                if not self.one(row, next(waiting[row[0]])):
                    del waiting[row[0]]


def work(server, number, end, faults, count):
    """A normal client: it writes, lists, reads."""
    base = "/dav/f/c%d/" % number
    try:
        with server.client("alice") as client:
            client.mkcol(base)
            for turn in range(10 ** 9):
                if time.monotonic() > end:
                    return
                body = bytes([turn % 256]) * (100 << turn % 14)
                path = base + "f%d" % (turn % 9)
                stored = client.put(path, body).status
                answer = client.get(path)
                listed = client.propfind(base, "1").status
                count[0] += 3
                if stored not in (201, 204) or listed != 207 or \
                        answer.body != body:
                    faults.append("%s %s %s" % (stored, answer.status,
                                                listed))
    except LOST as error:
        faults.append(str(error))


def put(group, name, value):
    with open(os.path.join(group, name), "w", encoding="ascii") as file:
        file.write(str(value))


def removed(group):
    try:
        os.rmdir(group)
    except OSError:
        return False
    return True


def main(seconds=0 if LONG else 10, seed=None):
    seed = seed if seed is not None else random.randrange(2 ** 32)
    print("seed %d" % seed, flush=True)
    return Memory(seconds, seed).run()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
