#!/usr/bin/python3 -B
"""V37 of reliability.md with small limits: who is slow is cut, nobody else."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import dump                                          # noqa: E402
from observed import Closed, WireError                           # noqa: E402
from world import Cells                                          # noqa: E402

FILE = "/dav/a/docs/plan.pdf"
LIMITS = {"header_seconds": 2, "keep_alive_seconds": 2, "body_rate": 1024,
          "body_grace_seconds": 2, "reader_seconds": 2}
# A cut later than this is none, however slow the build.
LATEST = 45


def trickle(t, connection, data, pause, latest=LATEST):
    """Send bytes one by one until the peer answers or ends: seconds."""
    start = time.monotonic()
    connection.sock.settimeout(pause)
    for number in range(len(data)):
        try:
            connection.sock.sendall(data[number:number + 1])
            if not connection._fill() or connection.buffer:
                break
        except TimeoutError:
            pass
        except OSError:
            break
        if time.monotonic() - start > latest:
            t.fail("not cut after %d s", latest)
    connection.sock.settimeout(LATEST)
    return time.monotonic() - start


def cut_answer(t, connection, *statuses):
    """The peer ended, with or without an answer of one of the statuses."""
    try:
        t.status(connection.read("PUT"), *statuses)
        t.true(connection.ended(), "the connection stays open")
    except (Closed, WireError):
        pass


def settled_rss(t):
    """The server's memory after what it costs once: a sign-in of bob, and
    the types of the first files, which are decided in the background."""
    t.status(t.bob.get("/dav/b/secret.txt"), 200)
    now, still = t.server.rss(), 0
    for _ in range(60):
        time.sleep(0.25)
        before, now = now, t.server.rss()
        still = still + 1 if now <= before + 65536 else 0
        if still == 8:
            break
    return now


@case("V37: a header of one byte at a time is cut after header_seconds")
def slow_header(t):
    with t.alice.connect() as connection:
        connection.owed = 1
        took = trickle(t, connection, t.alice.head("GET", FILE), 0.2)
        t.true(took >= 1, "cut after %.1f s", took)
        cut_answer(t, connection, 408)


@case("V37: a connection that sends nothing is cut as well")
def silent_connection(t):
    with t.alice.connect() as connection:
        connection.owed = 1
        try:
            t.status(connection.read(), 408)
        except Closed:
            pass


@case("V37: an idle kept-alive connection is closed, not answered")
def idle_keep_alive(t):
    with t.alice.connect() as connection:
        connection.send(t.alice.head("GET", FILE))
        t.status(connection.read(), 200)
        t.true(connection.ended(LATEST), "an answer, or no end")


@case("V37: a body below the least rate is 408 or cut, and leaves no file")
def slow_body(t):
    path = t.fresh()
    with t.alice.connect() as connection:
        connection.send(t.alice.head("PUT", path + "f", length=4096))
        took = trickle(t, connection, b"z" * 4096, 0.2)
        t.true(took >= 1, "cut after %.1f s", took)
        cut_answer(t, connection, 408)
    t.eq(len(dump(t.alice, path)), 1, "entries")


@case("V37: a reader without progress is cut, others are served meanwhile")
def slow_reader(t):
    data = os.urandom(1 << 20) * 24
    path = t.file(data)
    before = settled_rss(t)
    with t.alice.connect(rcvbuf=4096) as connection:
        connection.send(t.alice.head("GET", path))
        answer = connection.read_head()
        t.status(answer, 200)
        start = time.monotonic()
        while time.monotonic() - start < 6:
            t.status(t.bob.get("/dav/b/secret.txt"), 200)
            time.sleep(0.2)
        grown = t.server.rss() - before
        t.true(grown <= 4 << 20 or t.server.sanitized, "RSS grew by %d",
               grown)
        try:
            connection.read_body(answer, "GET")
            t.fail("all of the body came: it was not cut")
        except (WireError, OSError):
            pass


@case("V37 twin: pauses within the limits are served")
def slow_enough(t):
    head = t.alice.head("GET", FILE)
    with t.alice.connect() as connection:
        connection.send(head[:20])
        time.sleep(0.5)
        connection.send(head[20:], 0)
        t.status(connection.read(), 200)
    path = t.fresh() + "f"
    with t.alice.connect() as connection:
        connection.send(t.alice.head("PUT", path, length=40000))
        for _ in range(10):
            connection.send(b"z" * 4000, 0)
            time.sleep(0.3)
        t.status(connection.read("PUT"), 201)
    t.body(t.alice, path, b"z" * 40000)


@case("V37: 200 slow headers do not keep a normal client from its file")
def many_slow(t):
    held = []
    try:
        for _ in range(200):
            connection = t.alice.connect()
            connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
            held.append(connection)
        for _ in range(20):
            t.status(t.alice.get(FILE), 200)
    finally:
        for connection in held:
            connection.close()


def build():
    return Cells(limits=LIMITS)


if __name__ == "__main__":
    main(build)
