#!/usr/bin/python3 -B
"""Types that are decided after the answer (store/media_later.h): bytes until
then, and the same as ever afterwards. Each case has a server of its own.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import World, case, main                              # noqa: E402
from davxml import DAV                                           # noqa: E402
from owned import Owned                                          # noqa: E402
from wire import wait_until                                      # noqa: E402

BYTES = "application/octet-stream"
SCRIPT = b"#!/bin/sh\necho hello\n"
PAGE = b"Some words first.\n<html><body><script>alert(1)</script>\n"
NOISE = bytes(range(1, 256)) * 4


def type_of(t, client, path):
    item = t.multistatus(client.propfind(
        path, props=[DAV + "getcontenttype"]))[0]
    return item.text(DAV + "getcontenttype")


def decided(t, client, path):
    """Its type, when that is no longer BYTES."""
    wait_until(lambda: type_of(t, client, path) != BYTES, 30)
    return type_of(t, client, path)


def waiting(server):
    return server.json("stats")["types_to_decide"]


def all_decided(t, server):
    t.true(wait_until(lambda: waiting(server) == 0, 30),
           "types are still open")
    done = server.run("verify")
    t.eq(done.returncode, 0, "verify: %s" % done.stderr)


@case("issue 2: what neither name nor bytes tell plainly gets its type later")
def later(t):
    with Owned() as server:
        server.start()
        with server.client("alice") as alice:
            first = t.status(alice.put("/dav/a/script", SCRIPT), 201)
            t.status(alice.put("/dav/a/noise", NOISE), 201)
            t.true(type_of(t, alice, "/dav/a/script") in
                   (BYTES, "text/x-shellscript"), "another type at first")
            t.eq(decided(t, alice, "/dav/a/script"), "text/x-shellscript",
                 "type")
            all_decided(t, server)
            t.eq(type_of(t, alice, "/dav/a/noise"), BYTES, "type of noise")
            answer = t.status(alice.get("/dav/a/script"), 200)
            t.eq(answer.get("Content-Type"), "text/x-shellscript", "GET")
            t.eq(answer.etag, first.etag, "its entity-tag")


@case("reliability.md 8: a document that may run is harmless before, too")
def harmless(t):
    with Owned() as server:
        server.start()
        with server.client("alice") as alice:
            t.status(alice.put("/dav/a/page", PAGE), 201)
            answer = t.status(alice.get("/dav/a/page"), 200)
            t.eq(answer.get("X-Content-Type-Options"), "nosniff", "sniffing")
            t.true("sandbox" in answer.get("Content-Security-Policy"),
                   "no sandbox: %r", answer.headers)
            if answer.get("Content-Type") == BYTES:
                t.true(answer.get("Content-Disposition").startswith(
                    "attachment"), "not attached: %r", answer.headers)
            all_decided(t, server)
            answer = t.status(alice.get("/dav/a/page"), 200)
            t.true(answer.get("Content-Type").startswith("text/"),
                   "%r", answer.headers)


@case("a copy, a move and an overwrite in between get theirs as well")
def travels(t):
    with Owned() as server:
        server.start()
        with server.client("alice") as alice:
            t.status(alice.put("/dav/a/one", SCRIPT), 201)
            t.status(alice.copy("/dav/a/one", "/dav/a/two"), 201)
            t.status(alice.move("/dav/a/one", "/dav/a/three"), 201)
            t.status(alice.put("/dav/a/four", NOISE), 201)
            t.status(alice.put("/dav/a/four", SCRIPT), 204)
            t.status(alice.put("/dav/a/gone", SCRIPT), 201)
            t.status(alice.delete("/dav/a/gone"), 204)
            for name in ("two", "three", "four"):
                t.eq(decided(t, alice, "/dav/a/" + name),
                     "text/x-shellscript", "type of " + name)
            all_decided(t, server)


@case("a kill right after the answer loses no type")
def killed(t):
    with Owned() as server:
        server.start()
        with server.client("alice") as alice:
            for i in range(40):
                t.status(alice.put("/dav/a/s%d" % i, SCRIPT), 201)
        server.kill()
        server.start()
        with server.client("alice") as alice:
            for i in range(40):
                t.eq(decided(t, alice, "/dav/a/s%d" % i),
                     "text/x-shellscript", "type of %d" % i)
        all_decided(t, server)


if __name__ == "__main__":
    main(World)
