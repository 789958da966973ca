#!/usr/bin/python3 -B
"""What the server remembers from the last request must not outlive a change.

interface.md 1, rights.md 8: a change acts on the next request, whoever made
it. Each case asks the same often enough to be remembered, then changes.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from celldav import Server                                       # noqa: E402
from check import World, case, main                              # noqa: E402
from davxml import DAV                                           # noqa: E402

TIMES = 4


class Remembered(World):
    """An owner and a guest, each on one connection, so on one loop."""

    def __init__(self):
        self.server = server = Server()
        for user in ("owner", "guest"):
            server.user(user)
        server.cell("share", "owner")
        server.start()
        self.owner = server.client("owner")
        self.guest = server.client("guest")
        self.count = 0

    def room(self, rights=None):
        """A collection with one file, and perhaps a grant for the guest."""
        self.count += 1
        path = "/dav/share/r%d/" % self.count
        self.status(self.owner.mkcol(path), 201)
        self.status(self.owner.put(path + "file.txt", b"one"), 201)
        if rights:
            self.server.grant("share/r%d" % self.count, "user:guest", rights)
        return path, "share/r%d" % self.count

    def settle(self, client, path, status):
        """Asks often; where passwords are wrong once, as that is counted."""
        if status == 401:
            self.status(client.get(path), status)
            return
        for _ in range(TIMES):
            self.status(client.get(path), status)
            self.status(client.propfind(path), 207 if status == 200 else
                        status)

    def turns(self, client, path, before, change, after):
        self.settle(client, path, before)
        change()
        self.settle(client, path, after)


@case("a grant that goes or comes acts on the next request")
def grants(t):
    path, place = t.room("contributor")
    t.turns(t.guest, path + "file.txt", 200,
            lambda: t.server.revoke(place, "user:guest"), 404)
    t.server.grant(place, "user:guest", "contributor")
    t.turns(t.guest, path + "file.txt", 200,
            lambda: t.server.grant(place, "user:guest", "no-access"), 404)
    t.settle(t.owner, path + "file.txt", 200)


@case("a grant on the file itself is seen behind a remembered folder")
def grant_on_a_file(t):
    path, place = t.room("contributor")
    t.turns(t.guest, path + "file.txt", 200,
            lambda: t.server.grant(place + "/file.txt", "user:guest",
                                   "no-access"), 404)
    t.settle(t.owner, path + "file.txt", 200)


@case("groups: who leaves one loses what it gave, with the next request")
def groups(t):
    path, place = t.room()
    t.server.group("team", "guest")
    t.server.grant(place, "group:team", "contributor")
    t.turns(t.guest, path + "file.txt", 200,
            lambda: t.server.command("group", "leave", "team", "guest"), 404)
    t.turns(t.guest, path + "file.txt", 404,
            lambda: t.server.command("group", "join", "team", "guest"), 200)


@case("accounts: a disabled one is out with the next request, and in again")
def accounts(t):
    path, _ = t.room("contributor")
    t.turns(t.guest, path + "file.txt", 200,
            lambda: t.server.command("user", "disable", "guest"), 401)
    t.server.command("user", "enable", "guest")
    t.settle(t.guest, path + "file.txt", 200)


@case("app passwords: a revoked one is out with the next request")
def app_passwords(t):
    path, _ = t.room("contributor")
    word = t.server.command("app-password", "add", "guest", "--label",
                            "laptop").strip()
    client = t.guest.as_user("guest", word)
    told = t.server.json("app-password", "list", "guest")
    ident = [row["id"] for row in told if row["label"] == "laptop"][0]
    t.turns(client, path + "file.txt", 200,
            lambda: t.server.command("app-password", "revoke", "guest",
                                     str(ident)), 401)
    client.close()


@case("places: MOVE and DELETE of a folder, and what comes in its place")
def places(t):
    path, _ = t.room()
    other = path[:-1] + "-moved/"
    t.turns(t.owner, path + "file.txt", 200,
            lambda: t.status(t.owner.move(path, other), 201), 404)
    t.turns(t.owner, other + "file.txt", 200,
            lambda: t.status(t.owner.delete(other), 204), 404)
    t.status(t.owner.mkcol(other), 201)
    t.status(t.owner.put(other + "file.txt", b"two"), 201)
    t.settle(t.owner, other + "file.txt", 200)
    t.eq(t.owner.get(other + "file.txt").body, b"two", "content")


@case("contents: what was written last is what is read, of the same size too")
def contents(t):
    path, _ = t.room()
    name, other = path + "file.txt", path + "other.txt"
    for turn in range(4):
        body = b"%04d" % turn * 1024
        t.status(t.owner.put(name, body), 204)
        for _ in range(TIMES):
            t.eq(t.owner.get(name).body, body, "content")
            part = t.owner.get(name, (("Range", "bytes=4000-4099"),))
            t.status(part, 206)
            t.eq(part.body, body[4000:], "part of it")
            t.eq(t.owner.request("HEAD", name).body, b"", "body of HEAD")
    t.status(t.owner.copy(name, other), 201)
    t.status(t.owner.put(name, b"short"), 204)
    t.eq(t.owner.get(name).body, b"short", "shorter content")
    t.eq(t.owner.get(other).body, body, "the copy")
    t.status(t.owner.move(other, name), 204)
    t.eq(t.owner.get(name).body, body, "what was moved onto it")


@case("the same path is another place for somebody else")
def each_their_own(t):
    path, _ = t.room()
    t.settle(t.owner, path + "file.txt", 200)
    t.settle(t.guest, path + "file.txt", 404)
    for client, content in ((t.owner, b"mine"), (t.guest, b"theirs")):
        client.propfind("/dav/")
        t.status(client.mkcol("/dav/my-files/box/"), 201)
        t.status(client.put("/dav/my-files/box/f", content), 201)
    for _ in range(TIMES):
        t.eq(t.owner.get("/dav/my-files/box/f").body, b"mine", "owner's")
        t.eq(t.guest.get("/dav/my-files/box/f").body, b"theirs", "guest's")


@case("queries: what differs by a byte or a header is another query")
def queries(t):
    path, _ = t.room()
    for _ in range(TIMES):
        for name in ("getetag", "getcontentlength"):
            answer = t.multistatus(t.owner.propfind(
                path + "file.txt", props=[DAV + name]))
            t.eq(list(answer[0].props), [DAV + name], "properties")
    body = '<propfind xmlns="DAV:"><prop><nothing/></prop></propfind>'
    for _ in range(TIMES):
        for prefer, told in (((), True),
                             ((("Prefer", "return=minimal"),), False)):
            answer = t.owner.propfind(path + "file.txt", body=body,
                                      headers=prefer)
            t.status(answer, 207)
            t.eq("nothing" in answer.text, told, "missing property told")
    broken = body.replace("</prop>", "</drop>")
    for _ in range(TIMES):
        t.status(t.owner.propfind(path + "file.txt", body=broken), 400)


if __name__ == "__main__":
    main(Remembered)
