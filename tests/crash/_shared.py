"""Names that all clients fight for, and the checker of their history.

Each PUT has a body of its own, so a body seen at a path tells which PUT it
came from. For every path: what is there now was written by an operation that
none which began after its end and was acknowledged has replaced (a register,
path by path). MOVE joins two paths: what it wrote is something that was at its
source while it ran; as nothing is copied here, no body may be at two paths.
An operation without an answer may have happened at any time after its start.
"""

import hashlib
import math
import random
import threading

from _load import LOST, REFUSED, body_of, once_client
from _model import Op

NAMES = 12
ABSENT = None
SIZES = ([50, 5000, 40000], [5, 3, 2])


class Rival(threading.Thread):
    """A client of the shared names: PUT, MOVE with overwriting, DELETE."""

    def __init__(self, server, number, seed, clock, base):
        super().__init__(daemon=True)
        self.server, self.number, self.clock = server, number, clock
        self.base, self.random = base, random.Random(seed)
        self.ops, self.fault, self.ending = [], None, False

    def run(self):
        try:
            with once_client(self.server, "alice") as client:
                while not self.ending:
                    self.step(client)
        except LOST:
            pass
        except AssertionError as error:
            self.fault = str(error)

    def step(self, client):
        choice = self.random.random()
        path, target = ("s%d" % n for n in
                        self.random.sample(range(NAMES), 2))
        if choice < 0.5:
            body = body_of(self.random, self.random.choices(*SIZES)[0])
            self.ask(client, "PUT", path, body=body,
                     digest=hashlib.sha256(body).hexdigest())
        elif choice < 0.85:
            self.ask(client, "MOVE", path, target=target, headers=[
                ("Destination", client.origin + self.base + target)])
        else:
            self.ask(client, "DELETE", path)

    def ask(self, client, method, path, headers=(), body=None, **known):
        op = Op("s%d" % self.number, len(self.ops), method, path,
                start=self.clock(), **known)
        self.ops.append(op)
        answer = client.request(method, self.base + path, headers, body)
        good = answer.status in (201, 204)
        op.close(answer.status, good, self.clock())
        if not good and answer.status not in (404, *REFUSED):
            raise AssertionError("%s %s: %r" % (method, path, answer))


def seen_names(client, base):
    """What is at each name now: digest, ABSENT, or what else was said."""
    found = {}
    for name in ("s%d" % number for number in range(NAMES)):
        answer = client.get(base + name)
        found[name] = {
            200: hashlib.sha256(answer.body).hexdigest(),
            404: ABSENT}.get(answer.status, "status %d" % answer.status)
    return found


class History:
    """The operations of all rivals between two looks at the names."""

    def __init__(self, before, ops, position=math.inf):
        self.position = position
        self.ops = [op for op in ops
                    if op.start < position and op.outcome != "failed"]
        self.writes = {path: [self.begin(path, digest)]
                       for path, digest in before.items()}
        for op in self.ops:
            self.writes[op.path].append(op)
            if op.target:
                self.writes[op.target].append(op)

    @staticmethod
    def begin(path, digest):
        op = Op("before", 0, "PUT" if digest else "DELETE", path,
                digest=digest, start=-math.inf)
        op.close(201, True, -math.inf)
        return op

    def end(self, op):
        return op.end if self.known(op) else math.inf

    def known(self, op):
        return op.outcome == "ok" and op.end <= self.position

    def candidates(self, path, start, end):
        """The writes whose effect may be seen at the path at some time in
        start..end: none that was replaced before."""
        replaced = max((op.start for op in self.writes[path]
                        if self.known(op) and op.end < start),
                       default=-math.inf)
        return [op for op in self.writes[path]
                if op.start <= end and not self.end(op) < replaced]

    def trace(self):
        """What each write may have written at its target: sets that grow
        along the moves until nothing is new."""
        moves = [op for op in self.ops if op.target]
        sources = {op: self.candidates(op.path, op.start, self.end(op))
                   for op in moves}
        moved = {op: set() for op in moves}
        while True:
            before = sum(map(len, moved.values()))
            for op in moves:
                for source in sources[op]:
                    moved[op] |= self.values(source, op.path, moved)
                moved[op].discard(ABSENT)
            if sum(map(len, moved.values())) == before:
                return moved

    @staticmethod
    def values(write, path, moved):
        if write.target == path:
            return moved[write]
        return {write.digest if write.method == "PUT" else ABSENT}

    def faults(self, seen):
        found, moved = [], self.trace()
        for path, digest in seen.items():
            may = [self.values(op, path, moved) for op in
                   self.candidates(path, math.inf, math.inf)]
            if digest not in set().union(*may):
                found.append("I1/I2: %s holds %s, which no history allows"
                             % (path, digest))
        there = [digest for digest in seen.values() if digest is not ABSENT]
        if len(there) != len(set(there)):
            found.append("I2: a MOVE left a body at two names")
        return found
