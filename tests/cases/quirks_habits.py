#!/usr/bin/python3 -B
"""Habits of clients beyond the 25 quirks: clients.md sections 4, 5.2 and 7."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, prop_body                                # noqa: E402
from world import Cells                                          # noqa: E402


@case("5.2 (sync clients): a change below changes the ETag of all ancestors")
def ancestor_etags(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "x/"), 201)
    read = lambda: [t.alice.prop(p, DAV + "getetag")
                    for p in ("/dav/a/", path, path + "x/")]
    before = read()
    t.eq(read(), before, "ETags although nothing changed")
    if None in before:
        t.fail("a collection has no getetag: %r", before)
    for change in (lambda: t.alice.put(path + "x/f", b"1"),
                   lambda: t.alice.put(path + "x/f", b"2"),
                   lambda: t.alice.move(path + "x/f", path + "x/g"),
                   lambda: t.alice.delete(path + "x/g")):
        t.true(change().status < 300, "the change")
        after = read()
        t.true(all(a != b for a, b in zip(before, after)),
               "%r and then %r", before, after)
        before = after


@case("7 (mtime setters: rclone, lftp): X-OC-Mtime and PROPPATCH set mtime")
def mtime_setters(t):
    path = t.fresh() + "f"
    answer = t.alice.put(path, b"x", {"X-OC-Mtime": "1500000000"})
    t.status(answer, 201)
    t.eq(answer.get("X-OC-MTime"), "accepted", "X-OC-MTime")
    t.eq(t.alice.get(path).get("Last-Modified"),
         "Fri, 14 Jul 2017 02:40:00 GMT", "Last-Modified")
    date = "Sun, 09 Sep 2001 01:46:40 GMT"
    item = t.multistatus(t.alice.proppatch(path, [
        (DAV + "getlastmodified", date)]))[0]
    t.eq(item.props[DAV + "getlastmodified"][0], 200, "propstat")
    t.eq(t.alice.get(path).get("Last-Modified"), date, "Last-Modified")


@case("7 (MS Office): an unknown scheme gets a 401 that offers Basic")
def bearer_probe(t):
    answer = t.nobody.get("/dav/a/", {"Authorization": "Bearer"})
    t.status(answer, 401)
    t.true(answer.get("WWW-Authenticate").startswith("Basic realm="),
           "%r", answer)


@case("4 (LibreOffice): unknown properties are a 404 propstat, not an error")
def unknown_properties(t):
    ucb = "{http://ucb.openoffice.org/dav/props/}"
    names = [ucb + n for n in ("IsReadOnly", "BaseURI", "ObjectId")]
    item = t.multistatus(t.alice.propfind(t.file(), props=names))[0]
    t.eq([item.props[n][0] for n in names], [404] * 3, "statuses")


@case("4 (davfs2): chmod sets the executable property and reads it back")
def davfs2_executable(t):
    path, name = t.file(), "{http://apache.org/dav/props/}executable"
    item = t.multistatus(t.alice.proppatch(path, [(name, "T")]))[0]
    t.eq(item.props[name][0], 200, "propstat")
    t.eq(t.alice.prop(path, name), "T", "executable")


@case("7 (Windows, Brief: t, and Prefer): minimal answers drop 404 propstats")
def brief(t):
    path = t.file()
    body = prop_body("propfind", [DAV + "getetag", "{urn:t}none"])
    for headers in ({"Brief": "t"}, {"Prefer": "return=minimal"}):
        item = t.multistatus(t.alice.propfind(path, headers=headers,
                                              body=body))[0]
        t.eq(list(item.props), [DAV + "getetag"], "properties")


if __name__ == "__main__":
    main(Cells)
