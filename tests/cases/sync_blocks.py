#!/usr/bin/python3 -B
"""RFC 6578: what changes while one long answer is on its way."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

import wire                                                      # noqa: E402
from check import case, main                                     # noqa: E402
from davxml import DAV, multistatus                              # noqa: E402
from world import Cells                                          # noqa: E402

FOLDERS, FILES = 40, 60
BODY = ('<sync-collection xmlns="DAV:"><sync-token>%s</sync-token>'
        '<sync-level>infinite</sync-level><prop><resourcetype/><getetag/>'
        '<getlastmodified/><displayname/></prop></sync-collection>')


def fill(t):
    """A folder whose whole listing is far more than the sockets hold."""
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d00/"), 201)
    for number in range(FILES):
        t.status(t.alice.put("%sd00/file-%02d" % (path, number), b"x"), 201)
    for number in range(1, FOLDERS):
        t.status(t.alice.copy(path + "d00/", "%sd%02d/" % (path, number)),
                 201)
    return path


def slow_report(t, path, meanwhile):
    """The items and token of an answer of which the first bytes were read,
    then nothing until `meanwhile` was over."""
    body = (BODY % "").encode()
    connection = t.alice.connect(rcvbuf=4096)
    with connection:
        connection.send(t.alice.head("REPORT", path, {
            "Depth": "0", "Content-Type": "application/xml"},
            len(body)) + body)
        answer = connection.read_head()
        connection._fill()
        meanwhile()
        connection.read_body(answer, "REPORT")
        connection.owed -= 1
    wire.lint(answer, "REPORT")
    t.eq(answer.status, 207, "status")
    return answer


def apply(t, replica, answer):
    seen = set()
    for item in multistatus(answer.body):
        t.true(item.href not in seen, "%s twice", item.href)
        seen.add(item.href)
        if item.status == 404:
            for href in [h for h in replica if h.startswith(item.href)]:
                del replica[href]
        else:
            replica[item.href] = item.text(DAV + "getetag") \
                if not item.is_collection else "collection"
    return answer.xml().findtext(DAV + "sync-token")


def walk(t, path):
    found, queue = {}, [path]
    while queue:
        at = queue.pop()
        for item in t.alice.propfind(at, "1", [
                DAV + "resourcetype", DAV + "getetag"]).items():
            if item.href == at:
                continue
            found[item.href] = "collection" if item.is_collection \
                else item.text(DAV + "getetag")
            if item.is_collection:
                queue.append(item.href)
    return found


def through(t, meanwhile):
    """A replica by the slow answer and one more is what is there."""
    path, replica = fill(t), {}
    all_of_it = len(walk(t, path))
    answer = slow_report(t, path, lambda: meanwhile(path))
    token = apply(t, replica, answer)
    t.true(len(replica) < all_of_it, "all of it was sent before the changes")
    answer = t.status(t.alice.report(path, BODY % token, "0"), 207)
    apply(t, replica, answer)
    right = walk(t, path)
    t.true(replica == right, "missing %r, too many %r",
           sorted(set(right) - set(replica))[:5],
           sorted(set(replica) - set(right))[:5])


@case("RFC 6578 3.4: a listing misses nothing when the folder in which it is"
      " goes")
def folder_goes(t):
    def meanwhile(path):
        for number in range(FOLDERS // 2):
            t.status(t.alice.delete("%sd%02d/" % (path, number)), 204)
    through(t, meanwhile)


@case("RFC 6578 3.4: a listing misses nothing when the folder in which it is"
      " moves behind the others")
def folder_moves(t):
    def meanwhile(path):
        for number in range(FOLDERS // 2):
            name = "%%s%%s%02d/" % number
            t.status(t.alice.move(name % (path, "d"), name % (path, "z")),
                     201)
        for number in range(5):
            t.status(t.alice.delete("%sz%02d/" % (path, number)), 204)
    through(t, meanwhile)


def build():
    return Cells(limits={"sync_results": 100000})


if __name__ == "__main__":
    main(build)
