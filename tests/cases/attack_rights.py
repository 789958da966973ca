#!/usr/bin/python3 -B
"""Ways round the rights that were found once: each is closed for good."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

import wire                                                      # noqa: E402
from check import case, main                                     # noqa: E402
from world import Cells                                          # noqa: E402

EXTENDED = (b'<d:mkcol xmlns:d="DAV:"><d:set><d:prop><d:resourcetype>'
            b'<d:collection/></d:resourcetype><n xmlns="urn:x">v</n></d:prop>'
            b'</d:set></d:mkcol>')


def place(path, name=""):
    """What the command line calls something in a fresh collection of a."""
    return ("a/%s/%s" % (path.split("/")[3], name)).rstrip("/")


def nested(t, name, owner="carol"):
    """A fresh folder with par/in/, where another's cell stands."""
    path = t.fresh()
    for folder in ("par/", "par/in/"):
        t.status(t.alice.mkcol(path + folder), 201)
    t.server.cell(name, owner, "--root", place(path, "par/in"))
    t.status(t.carol.put("/dav/%s/hers.txt" % name, b"hers"), 201)
    t.server.grant(place(path), "user:mallory", "contributor")
    return path


@case("rights.md 6, UO: what one may only put there is made without being seen")
def box_makes(t):
    path = t.fresh()
    t.server.grant(place(path), "user:mallory", "atoms:create,mkdir")
    t.status(t.mallory.lock(path + "new.txt"), 201)
    t.status(t.mallory.request(
        "MKCOL", path + "col/", [("Content-Type", "application/xml")],
        EXTENDED), 201, 403)
    t.status(t.alice.propfind(path + "new.txt"), 207)


@case("rights.md 5: below a name that one may not see nothing tells of it")
def box_oracle(t):
    path = t.fresh()
    t.status(t.alice.put(path + "taken", b"x"), 201)
    t.server.grant(place(path), "user:mallory", "upload-only")
    for name in ("taken/x", "free/x"):
        t.status(t.mallory.put(path + name, b"y"), 404)


@case("rights.md 4: a folder is no way to remove a cell that stands in it")
def cell_in_folder(t):
    path = nested(t, "inner")
    t.status(t.mallory.delete(path + "par/"), 403)
    t.status(t.mallory.put(path + "x", b"x"), 201)
    t.status(t.mallory.copy(path + "x", path + "par", {"Overwrite": "T"}),
             403)
    t.status(t.mallory.move(path + "par/", "/dav/my-files/stolen/"), 403)
    t.body(t.carol, "/dav/inner/hers.txt", b"hers")


@case("rights.md 6: out of a cell is out of a cell, by whichever path")
def cell_by_outer_path(t):
    path = nested(t, "inner2")
    t.server.grant(place(path), "user:mallory",
                   "atoms:stat,list,view,move,create")
    t.status(t.mallory.move(path + "par/in/hers.txt", path + "mine.txt"), 403)
    t.body(t.carol, "/dav/inner2/hers.txt", b"hers")


def sync(client, path, token=""):
    return client.report(path, (
        '<d:sync-collection xmlns:d="DAV:"><d:sync-token>%s</d:sync-token>'
        '<d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop>'
        '</d:sync-collection>' % token).encode())


@case("rights.md 5: a forged place in a sync token tells nothing")
def forged_token(t):
    path = t.fresh()
    for name in ("bbb", "kilo-secret", "zzz"):
        t.status(t.alice.put(path + name, b"x"), 201)
    t.server.grant(place(path), "user:mallory", "contributor")
    t.server.grant(place(path, "kilo-secret"), "user:mallory", "no-access")
    answer = t.status(sync(t.mallory, path), 207)
    token = re.search(r"<d:sync-token>(.*?)</d:sync-token>",
                      answer.text).group(1)
    tree, node, sequence = token.rsplit(":", 5)[-5:-2]
    told = [sync(t.mallory, path, "%s;%s:%s:%x" % (
        token, sequence, node, int(node, 16) + step))
        for step in range(1, 12)]
    # The node itself and its two visible members may be resumed behind.
    t.true(sum(a.status == 207 for a in told) <= 2,
           "statuses %s", [a.status for a in told])
    t.true(not any(b"kilo" in a.body for a in told), "a hidden name is told")
    t.true(int(tree, 16) > 0, "a token without a tree: %s", token)


@case("rights.md 3.14, 8: an account that is disabled meanwhile makes nothing")
def disabled_meanwhile(t):
    path = t.fresh()
    t.server.user("late")
    t.server.grant(place(path), "user:late", "contributor")
    late = t.server.client("late")
    with late.connect() as connection:
        head = late.head("MKCOL", path + "late/",
                         [("Content-Type", "application/xml")], len(EXTENDED))
        connection.send(head + EXTENDED[:20])
        time.sleep(0.5)
        t.server.command("user", "disable", "late")
        try:
            connection.send(EXTENDED[20:], owed=0)
            answer = connection.read("MKCOL")
            t.status(answer, 401, 403)
        except (wire.WireError, OSError):
            pass    # cut is an answer too
    t.status(t.alice.propfind(path + "late/"), 404)


if __name__ == "__main__":
    main(Cells)
