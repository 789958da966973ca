#!/usr/bin/python3 -B
"""Rights beyond the matrix: own items, boxes, atoms, granters, subjects.

rights.md sections 1 to 4 and 6 for signed-in users.
"""

import os
import secrets
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from celldav import Server                                       # noqa: E402
from check import World, case, main                              # noqa: E402
from davxml import CD, DAV, contents, dump                       # noqa: E402
from wire import lock_token                                      # noqa: E402

NEED = DAV + "need-privileges"
USERS = ("owner", "portal", "boxer", "partner", "guest", "other")


class Special(World):
    """One owner with cells `share` and `wide`; guests with odd grants."""

    def __init__(self):
        self.server = server = Server()
        for user in USERS:
            server.user(user)
        server.cell("share", "owner")
        server.cell("wide", "owner")
        server.group("team", "guest", "other")
        for user in ("guest", "partner"):
            server.grant("wide", "user:" + user, "contributor")
        server.start()
        self.by = {user: server.client(user) for user in USERS}
        self.owner, self.guest = self.by["owner"], self.by["guest"]
        self.count = 0

    def room(self, **grants):
        """A new collection with one file of the owner, and grants on it:
        its path and its place on the command line."""
        self.count += 1
        path = "/dav/share/r%d/" % self.count
        self.secret = secrets.token_hex(16)
        self.status(self.owner.mkcol(path), 201)
        self.status(self.owner.put(path + "file.txt", self.secret), 201)
        place = "share/r%d" % self.count
        for user, rights in grants.items():
            self.server.grant(place, "user:" + user, rights)
        return path, place

    def privileges(self, client, path):
        name = DAV + "current-user-privilege-set"
        answer = self.multistatus(client.propfind(path, props=[name]))
        found = answer[0].props[name][1]
        return {p.tag[len(CD):] for p in found.findall(DAV + "privilege/*")
                if p.tag.startswith(CD)}


@case("rights.md 4: in portal nothing the owner shared can go or be renamed")
def portal_keeps(t):
    path, _ = t.room(portal="portal")
    portal = t.by["portal"]
    with t.unchanged(t.owner, path):
        for answer in (portal.delete(path + "file.txt"),
                       portal.move(path + "file.txt", path + "new.txt"),
                       portal.delete(path),
                       portal.move(path + "file.txt", "/dav/wide/x")):
            t.true(answer.status in (403, 404), "%r", answer)
    ident = t.owner.prop(path + "file.txt", DAV + "resource-id")
    t.status(portal.put(path + "file.txt", b"changed"), 204)
    t.eq(t.owner.prop(path + "file.txt", DAV + "resource-id"), ident,
         "resource-id after the change")
    told = t.server.command("versions", "list",
                            path[5:-1] + "/file.txt")
    t.true(told.strip(), "no version is kept")


@case("rights.md 4: portal renames its own items and deletes no real one")
def portal_own(t):
    path, _ = t.room(portal="portal")
    portal = t.by["portal"]
    t.status(portal.put(path + "mine.txt", b"mine"), 201)
    t.status(portal.move(path + "mine.txt", path + "ours.txt"), 201)
    t.body(t.owner, path + "ours.txt", b"mine")
    t.error(portal.delete(path + "ours.txt"), 403, NEED)
    t.status(portal.mkcol(path + "dir/"), 201)
    t.status(portal.move(path + "dir/", path + "folder/"), 201)


@case("rights.md 6: portal deletes temporary files of its own, no others'")
def portal_temporary(t):
    path, _ = t.room(portal="portal")
    portal = t.by["portal"]
    for name in (".~lock.plan.odt%23", "~%24plan.docx", "plan.tmp",
                 ".plan.txt.swp"):
        t.status(t.owner.put(path + name, b"owner's"), 201)
        t.error(portal.delete(path + name), 403, NEED)
        t.status(t.owner.delete(path + name), 204)
        t.status(portal.put(path + name, b"temporary"), 201)
        t.status(portal.delete(path + name), 204)


@case("rights.md 6, T8: the safe-save fold keeps id and history in portal")
def portal_fold(t):
    path, place = t.room(portal="portal")
    portal = t.by["portal"]
    ident = t.owner.prop(path + "file.txt", DAV + "resource-id")
    t.status(portal.put(path + "file.txt.tmp", b"saved"), 201)
    t.status(portal.move(path + "file.txt.tmp", path + "file.txt",
                         {"Overwrite": "T"}), 204)
    t.body(t.owner, path + "file.txt", b"saved")
    t.eq(t.owner.prop(path + "file.txt", DAV + "resource-id"), ident,
         "resource-id after the fold")
    t.status(portal.get(path + "file.txt.tmp"), 404)
    t.true(t.server.command("versions", "list", place + "/file.txt").strip(),
           "no version is kept")


@case("rights.md 6: a MOVE of no temporary file onto the owner's needs d")
def portal_no_fold(t):
    path, _ = t.room(portal="portal")
    portal = t.by["portal"]
    t.status(portal.put(path + "mine.pdf", b"mine"), 201)
    answer = portal.move(path + "mine.pdf", path + "file.txt")
    t.status(answer, 403, 204)
    if answer.status == 403:
        t.body(t.owner, path + "file.txt", t.secret)
    else:    # taken as a safe save: then the old bytes must be a version
        told = t.server.command("versions", "list", path[5:] + "file.txt")
        t.true(told.strip(), "the owner's bytes are gone")


@case("T7: after many methods of portal each item of the owner has its bytes")
def portal_sequence(t):
    path, place = t.room(portal="portal")
    portal = t.by["portal"]
    name = path + "file.txt"
    ident = t.owner.prop(name, DAV + "resource-id")
    portal.put(path + "x.tmp", b"x")
    for step in (lambda: portal.move(name, path + "away"),
                 lambda: portal.copy(path + "x.tmp", name),
                 lambda: portal.move(path + "x.tmp", name),
                 lambda: portal.delete(name),
                 lambda: portal.put(name, b""),
                 lambda: portal.mkcol(name),
                 lambda: portal.move(path, path[:-1] + "z/")):
        step()
        t.eq(t.owner.prop(name, DAV + "resource-id"), ident, "resource-id")
    t.true(t.server.command("versions", "list", place + "/file.txt").strip(),
           "no version is kept")


@case("rights.md 6: upload-only sees, reads and replaces nothing of others")
def upload_only(t):
    path, _ = t.room(boxer="upload-only")
    boxer = t.by["boxer"]
    boxer.forbidden.add(t.secret.encode())
    for answer in (boxer.get(path + "file.txt"),
                   boxer.propfind(path + "file.txt"),
                   boxer.delete(path + "file.txt"),
                   boxer.copy(path + "file.txt", path + "x"),
                   boxer.move(path + "file.txt", path + "x"),
                   boxer.proppatch(path + "file.txt", [("{urn:t}x", "v")]),
                   boxer.get(path), boxer.propfind(path, "1")):
        t.true(answer.status in (200, 207, 403, 404), "%r", answer)
        t.true("file.txt" not in answer.text
               or answer.status in (403, 404), "%r", answer)
    boxer.put(path + "file.txt", b"not allowed")
    t.body(t.owner, path + "file.txt", t.secret)
    t.status(boxer.put(path + "new.txt", b"uploaded"), 201)
    bodies = [e.size for e in dump(t.owner, path).values()]
    t.true(8 in bodies, "the upload is not there: %r", bodies)


@case("rights.md 6: with v a COPY stays under the grant; it never leaves it")
def copy_without_original(t):
    path, _ = t.room(guest="atoms:stat,list,view,create,mkdir")
    t.error(t.guest.get(path + "file.txt"), 403, NEED)
    t.error(t.guest.copy(path + "file.txt", "/dav/wide/stolen.txt"),
            403, NEED)
    t.status(t.owner.get("/dav/wide/stolen.txt"), 404)
    t.status(t.guest.copy(path + "file.txt", path + "copy.txt"), 201)
    t.error(t.guest.get(path + "copy.txt"), 403, NEED)
    t.body(t.owner, path + "copy.txt", t.secret)


@case("rights.md 6: an item below with an own ACL stops the copy with v")
def copy_with_own_acl(t):
    path, place = t.room(guest="atoms:stat,list,view,create,mkdir")
    t.status(t.owner.mkcol(path + "d/"), 201)
    t.status(t.owner.put(path + "d/inner.txt", b"x"), 201)
    t.server.grant(place + "/d/inner.txt", "user:guest",
                   "atoms:stat,list,view")
    before = contents(dump(t.owner, path))
    answer = t.guest.copy(path + "d/", path + "e/")
    t.status(answer, 403, 207)
    after = contents(dump(t.owner, path))
    t.true(path + "e/inner.txt" not in after, "copied: %r", after)
    t.true(set(before) <= set(after), "something went away")


@case("rights.md 1: closure o=>f=>p=>v=>s, l=>s, m=>o, r=>m,h, g=>all")
def closure(t):
    path, place = t.room()
    everything = {"stat", "list", "view", "print", "get-pdf", "get-original",
                  "versions", "create", "mkdir", "modify", "restore",
                  "props", "rename", "move", "delete", "delete-own",
                  "read-acl", "share", "audit", "manage"}
    ladder = ["stat", "view", "print", "get-pdf", "get-original"]
    for atom, wanted in (("get-original", set(ladder)),
                         ("get-pdf", set(ladder[:4])),
                         ("print", set(ladder[:3])),
                         ("view", set(ladder[:2])),
                         ("list", {"list", "stat"}),
                         ("modify", set(ladder) | {"modify"}),
                         ("restore", set(ladder) | {"modify", "restore",
                                                    "versions"}),
                         ("rename", {"rename", "stat"}),
                         ("move", {"move", "stat"}),
                         ("delete", {"delete", "stat"}),
                         ("manage", everything)):
        t.server.grant(place, "user:guest", "atoms:" + atom)
        got = t.privileges(t.guest, path)
        t.eq(got, wanted, "privileges of atoms:" + atom)


@case("rights.md 3: stat without list is PROPFIND 0 and no members")
def stat_only(t):
    path, _ = t.room(guest="atoms:stat")
    t.multistatus(t.guest.propfind(path))
    t.multistatus(t.guest.propfind(path + "file.txt"))
    t.error(t.guest.propfind(path, "1"), 403, NEED)
    t.error(t.guest.get(path + "file.txt"), 403, NEED)


@case("rights.md 2: several grants of one subject are a union")
def union(t):
    path, place = t.room(guest="atoms:stat,list")
    t.server.grant(place + "/file.txt", "user:guest", "atoms:get-original")
    t.server.grant(place, "group:team", "atoms:create")
    t.body(t.guest, path + "file.txt", t.secret)
    t.status(t.guest.put(path + "new.txt", b"x"), 201)
    t.error(t.guest.get(path + "new.txt"), 403, NEED)


@case("rights.md 2: a nearer no access wins; a deeper grant has its own URL")
def nearer_no_access(t):
    path, place = t.room(guest="contributor")
    for name in ("in/", "in/deep/"):
        t.status(t.owner.mkcol(path + name), 201)
    t.status(t.owner.put(path + "in/deep/open.txt", b"open"), 201)
    t.status(t.owner.put(path + "in/shut.txt", b"shut"), 201)
    t.server.grant(place + "/in", "user:guest", "no-access")
    t.status(t.guest.get(path + "in/deep/open.txt"), 404)
    t.server.grant(place + "/in/deep", "user:guest", "download-original")
    t.body(t.guest, path + "in/deep/open.txt", b"open")
    t.multistatus(t.guest.propfind(path + "in/deep/", "1"))
    for hidden in ("in/", "in", "in/shut.txt"):
        t.status(t.guest.propfind(path + hidden), 404)
        t.status(t.guest.get(path + hidden), 404)
    hrefs = [i.href for i in t.multistatus(t.guest.propfind(path, "1"))]
    t.eq(hrefs, [path, path + "file.txt"], "members")


@case("rights.md 2: a no access for the group counts against a user's grant"
      " above it")
def group_no_access(t):
    path, place = t.room(guest="contributor")
    t.status(t.owner.put(path + "shut.txt", b"shut"), 201)
    t.server.grant(place + "/shut.txt", "group:team", "no-access")
    t.status(t.guest.get(path + "shut.txt"), 404)
    t.status(t.by["other"].get(path + "shut.txt"), 404)


@case("rights.md 2, T6: nobody gives more than he holds now")
def granter(t):
    path, place = t.room(guest="atoms:stat,list,view,share")
    done = t.server.run("grant", "set", place, "user:other",
                        "contributor", "--as", "guest")
    if done.returncode == 0:
        t.error(t.by["other"].get(path + "file.txt"), 403, NEED)
        t.status(t.by["other"].put(path + "file.txt", b"x"), 403)
    else:
        t.eq(done.returncode, 1, "exit status")
        t.status(t.by["other"].get(path + "file.txt"), 404)
    t.body(t.owner, path + "file.txt", t.secret)


@case("rights.md 2: a grant falls with the granter's own right")
def granter_loses(t):
    path, place = t.room(partner="co-owner")
    t.server.grant(place, "user:other", "download-original",
                   "--as", "partner")
    t.body(t.by["other"], path + "file.txt", t.secret)
    t.server.grant(place, "user:partner", "view")
    answer = t.by["other"].get(path + "file.txt")
    t.status(answer, 403, 404)
    t.server.revoke(place, "user:partner")
    t.status(t.by["other"].get(path + "file.txt"), 403, 404)


@case("rights.md 1: without w or g nobody grants")
def granter_without_share(t):
    path, place = t.room(guest="contributor")
    done = t.server.run("grant", "set", place, "user:other", "view",
                        "--as", "guest")
    t.eq(done.returncode, 1, "exit status: %s" % done.stderr)
    t.status(t.by["other"].propfind(path), 404)


@case("rights.md 5: DAV:owner text of a lock is for subjects with a only")
def lock_owner_text(t):
    path, _ = t.room(partner="co-owner", guest="contributor")
    name = path + "file.txt"
    token = lock_token(t.owner.lock(name, owner="secret-owner-text"))
    seen = t.by["partner"].propfind(name, props=[DAV + "lockdiscovery"])
    t.true("secret-owner-text" in seen.text, "with a: %r", seen)
    for answer in (t.guest.propfind(name, props=[DAV + "lockdiscovery"]),
                   t.guest.put(name, b"x"), t.guest.lock(name)):
        t.true("secret-owner-text" not in answer.text, "%r", answer)
        t.true(token not in answer.text, "token shown: %r", answer)
    t.status(t.owner.unlock(name, token), 204)


@case("rights.md 6: MOVE of the shared root itself needs the owner or g")
def shared_root(t):
    path, _ = t.room(guest="contributor")
    with t.unchanged(t.owner, "/dav/share/"):
        t.status(t.guest.move(path, path[:-1] + "-new/"), 403, 404)
        t.status(t.guest.move(path, "/dav/wide/taken/"), 403, 404)


@case("rights.md 4: co-owner cannot delete the cell itself")
def cell_root(t):
    t.server.grant("wide", "user:partner", "co-owner")
    with t.unchanged(t.owner, "/dav/wide/"):
        for client in (t.by["partner"], t.owner):
            t.status(client.delete("/dav/wide/"), 403, 405)
            t.status(client.move("/dav/wide/", "/dav/elsewhere/"),
                     403, 404, 405, 409)
            t.status(client.mkcol("/dav/wide/"), 405)


@case("T5: cross-cell MOVE by a contributor leaves a trash entry to the owner")
def cross_cell_trash(t):
    path, _ = t.room(guest="contributor")
    t.status(t.guest.move(path + "file.txt", "/dav/wide/moved-out.txt"), 201)
    t.status(t.owner.get(path + "file.txt"), 404)
    t.body(t.owner, "/dav/wide/moved-out.txt", t.secret)
    told = t.server.command("trash", "list", "share")
    t.true("file.txt" in told, "trash: %r", told)


@case("T17: error bodies hold no name that the subject cannot see")
def quiet_errors(t):
    path, place = t.room(guest="contributor")
    t.status(t.owner.put(path + "veiled-name.txt", b"x"), 201)
    t.server.grant(place + "/veiled-name.txt", "user:guest", "no-access")
    for answer in (t.guest.delete(path), t.guest.propfind(path, "1"),
                   t.guest.copy(path, "/dav/wide/quiet/"),
                   t.guest.move(path, "/dav/wide/quiet2/"),
                   t.guest.lock(path, depth="infinity"),
                   t.guest.get(path)):
        t.true("veiled" not in answer.text + repr(answer.headers),
               "%r", answer)


if __name__ == "__main__":
    main(Special)
