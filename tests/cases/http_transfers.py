#!/usr/bin/python3 -B
"""Bodies of files on their way out: parts of a file that was not checked yet,
readers that stop and go on, over plain HTTP and TLS. And on their way in:
sizes around the blocks that are written.

Each case has a server of its own.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import World, case, main                              # noqa: E402
from owned import Owned                                          # noqa: E402
from tls_server import tls_configure, tls_context                # noqa: E402
from wire import to_chunks                                       # noqa: E402

FILE = "/dav/a/f"


def ranges_read(t, client, data, count):
    """Many parts, asked for all at once on one connection."""
    starts = [number * 65521 % (len(data) - 9) for number in range(count)]
    with client.connect() as connection:
        connection.send(b"".join(client.head("GET", FILE, {
            "Range": "bytes=%d-%d" % (at, at + 8)}) for at in starts), count)
        for at in starts:
            answer = connection.read()
            t.status(answer, 206)
            t.eq(answer.body, data[at:at + 9], "bytes at %d" % at)


@case("components.md: parts of a file are served while it is being checked")
def ranges_before_check(t):
    """A check for each part would fill the queue, and the rest be 503."""
    with Owned(limits={"queue_slow": 16}) as server:
        server.start()
        data = os.urandom(1 << 20) * 24
        with server.client("alice") as alice:
            t.status(alice.put(FILE, data), 201)
        server.restart()
        with server.client("alice") as alice:
            ranges_read(t, alice, data, 500)
            t.body(alice, FILE, data)
            ranges_read(t, alice, data, 50)


def stop_and_go(t, client, data):
    """A reader with a small window that takes bytes, waits, and goes on."""
    with client.connect(rcvbuf=4096) as connection:
        for _ in range(2):
            connection.send(client.head("GET", FILE))
            answer = connection.read_head()
            t.status(answer, 200)
            time.sleep(0.3)
            connection.read_body(answer, "GET")
            t.true(answer.body == data, "not the bytes that were put")


@case("V37 twin: a reader that stops and goes on gets every byte, plain")
def stopping_reader(t):
    with Owned() as server:
        server.start()
        data = os.urandom(3 << 20)
        with server.client("alice") as alice:
            t.status(alice.put(FILE, data), 201)
            stop_and_go(t, alice, data)


@case("V37 twin: the same over TLS, and sizes around a record and a batch")
def stopping_reader_tls(t):
    with Owned() as server:
        certificate = tls_configure(server)
        server.start()
        data = os.urandom(3 << 20)
        with server.client("alice", tls_context(certificate)) as alice:
            t.status(alice.put(FILE, data), 201)
            stop_and_go(t, alice, data)
            for size in (0, 1, 16383, 16384, 16385, 32768, 32769, 65000,
                         65535, 65536, 65537, 131072):
                t.status(alice.put("/dav/a/g", data[:size]), 201, 204)
                t.body(alice, "/dav/a/g", data[:size])


@case("RFC 9110 14.6: many parts of a file, small and large, in one answer")
def parts_together(t):
    with Owned() as server:
        server.start()
        data = os.urandom(300000)
        wanted = ((0, 9), (100, 40000), (50000, 50001), (60000, 160000),
                  (200000, 200000), (299990, 299999))
        with server.client("alice") as alice:
            t.status(alice.put(FILE, data), 201)
            answer = alice.get(FILE, {"Range": "bytes=" + ",".join(
                "%d-%d" % pair for pair in wanted)})
            t.status(answer, 206)
            at = 0
            for first, last in wanted:
                line = b"Content-Range: bytes %d-%d/300000\r\n\r\n" % (
                    first, last)
                at = answer.body.index(line, at) + len(line)
                part = data[first:last + 1]
                t.true(answer.body[at:at + len(part)] == part,
                       "not the bytes %d to %d", first, last)


def put_and_get(t, client, data, chunked):
    """The next request follows at once: its bytes are not of the body."""
    put = client.head("PUT", FILE, (), len(data), chunked)
    with client.connect() as connection:
        connection.send(put + (to_chunks(data) if chunked else data)
                        + client.head("GET", FILE), 2)
        t.status(connection.read(), 201, 204)
        answer = connection.read()
        t.status(answer, 200)
        t.true(answer.body == data, "not the %d bytes put", len(data))


def put_sizes(t, client):
    data = os.urandom((3 << 20) + 777)
    for edge in (1 << 16, 1 << 17, 1 << 19, 9 << 16, 1 << 20, len(data)):
        for size in (edge - 1, edge, edge + 1):
            for chunked in (False, True):
                put_and_get(t, client, data[:size], chunked)


@case("RFC 9112 6.3: a body ends where it ends, around blocks, plain and TLS")
def block_edges(t):
    with Owned() as server:
        certificate = tls_configure(server)
        server.start()
        with server.client("alice", tls_context(certificate)) as alice:
            put_sizes(t, alice)
    with Owned() as server:
        server.start()
        with server.client("alice") as alice:
            put_sizes(t, alice)


if __name__ == "__main__":
    main(World)
