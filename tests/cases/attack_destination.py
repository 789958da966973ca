#!/usr/bin/python3 -B
"""V21 to V26 of reliability.md: COPY and MOVE to where they may not.

Of V26 what holds without links: nothing crosses to or from another mount.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, contents, dump                           # noqa: E402
from world import Cells                                          # noqa: E402

BIND = DAV + "need-privileges"


def both(client, source, destination):
    """COPY and MOVE with this Destination, verbatim."""
    for method in ("COPY", "MOVE"):
        yield method, client.request(method, source,
                                     {"Destination": destination})


def refuse(t, destinations, allowed):
    path = t.file(b"source")
    for destination in destinations:
        with t.unchanged(t.alice, "/dav/a/"):
            for method, answer in both(t.alice, path, destination):
                if answer.status not in allowed:
                    t.fail("%s to %.80r: expected %r, got %r", method,
                           destination, allowed, answer)


@case("V21, RFC 4918 9.8.5: a Destination on another server is 502",
      errors=(502,))
def foreign_destination(t):
    port = t.server.port
    refuse(t, ["http://evil.example/dav/a/x",
               "http://127.0.0.1:%d/dav/a/x" % (port % 60000 + 1),
               "//evil.example/dav/a/x",
               "http://127.0.0.1.evil.example:%d/dav/a/x" % port,
               "https://127.0.0.1:%d/dav/a/x" % port], (502,))


@case("V21: userinfo, another scheme and garbage are 502 or 400",
      errors=(502,))
def garbage_destination(t):
    here = t.alice.authority
    refuse(t, ["http://%s@evil.example/dav/a/x" % here,
               "http://%s:pw@evil.example/dav/a/x" % here,
               "http://evil.example@%s.evil.example/dav/a/x" % here,
               "ftp://%s/dav/a/x" % here, "file:///dav/a/x",
               "webdavs://%s/dav/a/x" % here,
               "webdav://%s@evil.example/dav/a/x" % here,
               "javascript:alert(1)", "http:/dav/a/x", "http:///dav/a/x",
               "http://%s#/dav/a/x" % here, "http://[::1/dav/a/x",
               "http://%s:99999/dav/a/x" % t.alice.host], (400, 502))


@case("V21: Host of another name does not make a foreign Destination ours",
      errors=(502,))
def forged_host(t):
    path = t.file(b"source")
    with t.unchanged(t.alice, "/dav/a/"):
        for headers in ({"Host": "evil.example"},
                        {"X-Forwarded-Host": "evil.example"},
                        {"Forwarded": "host=evil.example"}):
            headers["Destination"] = "http://evil.example/dav/a/x"
            t.status(t.alice.request("COPY", path, headers), 400, 421, 502)


@case("V22: a short, odd or missing Destination is 400, 403, 409 or 502",
      errors=(502,))
def odd_destination(t):
    origin = t.alice.origin
    refuse(t, [origin, origin + "/", origin + "/d", origin + "/dav",
               origin + "/dav/", "", "*", "/", "/dav/", "dav/a/x", "x",
               "?", "#", origin + "/dav/a/x?y", origin + "/dav/a/x#y",
               "/dav/a/" + "x" * 7000], (400, 403, 404, 409, 414, 502))
    path = t.file()
    with t.unchanged(t.alice, "/dav/a/"):
        for method in ("COPY", "MOVE"):
            t.status(t.alice.request(method, path), 400)
            pairs = [("Destination", origin + "/dav/a/x1"),
                     ("Destination", origin + "/dav/a/x2")]
            t.status(t.alice.request(method, path, pairs), 400)


@case("V22: a Destination of 64 KiB is refused by the header limit")
def long_destination(t):
    data = t.alice.head("COPY", "/dav/a/docs/plan.pdf",
                        {"Destination": "/dav/a/" + "x" * 65536})
    with t.unchanged(t.alice, "/dav/a/"):
        answer, ended = t.alice.raw(data, "COPY")
        t.true(ended, "connection stays open")
        if answer is not None:
            t.status(answer, 400, 414, 431)


@case("V23: traversal in Destination creates nothing in another cell")
def destination_traversal(t):
    origin = t.alice.origin
    with t.unchanged(t.carol, "/dav/b/"):
        refuse(t, [origin + tail for tail in (
            "/dav/a/%2e%2e/b/x", "/dav/a/docs/../../b/x",
            "/dav/a/%2e%2e%2fb%2fx", "/dav/a/..%5cb%5cx",
            "/dav/a/%252e%252e/b/x", "/dav/a/../../../x",
            "/dav/%2e/b/x")], (400, 403, 404, 409))


@case("V24: rights of both cells decide; nothing moves without them")
def cross_cell(t):
    source = "/dav/a/docs/plan.pdf"
    with t.unchanged(t.alice, "/dav/a/"):
        with t.unchanged(t.carol, "/dav/b/"):
            t.error(t.bob.move(source, "/dav/b/moved.pdf"), 403, BIND)
            for client in (t.alice, t.mallory):
                t.status(client.move(source, "/dav/b/x"), 403, 404)
                t.status(client.copy(source, "/dav/b/x"), 403, 404)
            t.status(t.carol.copy(source, "/dav/b/x"), 404)
            t.status(t.bob.copy("/dav/a/private/p.txt", "/dav/b/x"), 404)
            t.error(t.bob.copy("/dav/b/secret.txt", "/dav/a/docs/y"),
                    403, BIND)


@case("V24 twin: with original and create the copy is made and charged there")
def cross_cell_copy(t):
    used = lambda client, cell: int(client.prop(
        "/dav/%s/" % cell, DAV + "quota-used-bytes"))
    before_a, before_b = used(t.alice, "a"), used(t.carol, "b")
    t.status(t.bob.copy("/dav/a/docs/plan.pdf", "/dav/b/copied.pdf"), 201)
    body = b"canary " + t.canaries["a/docs/plan.pdf"]
    t.eq(t.bob.get("/dav/b/copied.pdf").body, body, "the copy")
    t.eq(used(t.alice, "a"), before_a, "quota of the source cell")
    t.eq(used(t.carol, "b"), before_b + len(body), "quota of the target")
    t.status(t.bob.delete("/dav/b/copied.pdf"), 204)


@case("V24: Overwrite T needs the right to replace the target")
def overwrite_right(t):
    path = t.fresh(t.carol, "b")
    t.status(t.carol.put(path + "kept.txt", b"kept"), 201)
    t.server.grant("b/" + path.split("/")[3], "user:dave",
                   "atoms:stat,list,get-original,create,mkdir")
    t.status(t.dave.put(path + "mine.txt", b"mine"), 201)
    with t.unchanged(t.carol, path):
        t.error(t.dave.copy(path + "mine.txt", path + "kept.txt"), 403, BIND)
        t.error(t.dave.move(path + "mine.txt", path + "kept.txt"), 403, BIND)
    t.status(t.dave.copy(path + "mine.txt", path + "free.txt"), 201)


@case("V25, RFC 4918 9.8.5: onto itself in any spelling is 403 or 409")
def onto_itself(t):
    path = t.fresh()
    t.status(t.alice.put(path + "%C3%A9", b"x"), 201)
    t.status(t.alice.mkcol(path + "dir/"), 201)
    for name, spellings in (
            ("%C3%A9", ("%C3%A9", "%c3%a9", "e%CC%81", "./%C3%A9",
                        "dir/../%C3%A9")),
            ("dir/", ("dir", "dir/", "d%69r/", "dir//", "./dir"))):
        for spelling in spellings:
            with t.unchanged(t.alice, path):
                for _, answer in both(t.alice, path + name,
                                      t.alice.origin + path + spelling):
                    t.status(answer, 403, 409, 400)


@case("V25: into its own child and onto its ancestor is 403 or 409")
def own_child(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "p/"), 201)
    t.status(t.alice.mkcol(path + "p/c/"), 201)
    t.status(t.alice.put(path + "p/c/f", b"x"), 201)
    with t.unchanged(t.alice, path):
        for source, target in (("p/", "p/c/x"), ("p", "p/c/x/"),
                               ("p/", "p/new/"), ("p/c/", "p/"),
                               ("p/c/f", "p/"), ("p/c/f", "p/c"),
                               ("", "p/x/")):
            for _, answer in both(t.alice, path + source,
                                  t.alice.origin + path + target):
                t.status(answer, 403, 409)


@case("V25, RFC 4918 10.6: Overwrite F on a mapped target is 412")
def overwrite_false(t):
    path = t.fresh()
    for name in ("one", "two"):
        t.status(t.alice.put(path + name, name.encode()), 201)
    with t.unchanged(t.alice, path):
        t.status(t.alice.copy(path + "one", path + "two",
                              {"Overwrite": "F"}), 412)
        t.status(t.alice.move(path + "one", path + "two",
                              {"Overwrite": "F"}), 412)
        for bad in ("X", "TF", "true", ""):
            t.status(t.alice.copy(path + "one", path + "two",
                                  {"Overwrite": bad}), 400)


@case("V26: nothing is copied or moved to, or from, what is not the mount",
      errors=(502,))
def other_mounts(t):
    for place in ("/public/abcdef/x", "/principals/alice", "/x", "/healthz",
                  "/dav-not/a/x", "/.well-known/security.txt"):
        refuse(t, [t.alice.origin + place, place], (403, 502))
        with t.unchanged(t.alice, "/dav/a/"):
            for _, answer in both(t.alice, place,
                                  t.alice.origin + "/dav/a/stolen"):
                t.status(answer, 403, 404, 405)


@case("V26 twin: absolute and path-only Destination on the own host")
def destination_forms(t):
    path = t.file(b"body")
    for number, form in enumerate((t.alice.origin + path, path,
                                   "HTTP" + t.alice.origin[4:] + path)):
        answer = t.alice.request("COPY", path,
                                 {"Destination": form + str(number)})
        t.status(answer, 201)
        t.body(t.alice, path + str(number), b"body")


@case("twin: COPY and MOVE of a tree of 300 members keep every byte")
def copy_tree(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "tree/"), 201)
    for folder in range(6):
        at = path + "tree/d%d/" % folder
        t.status(t.alice.mkcol(at), 201)
        for number in range(49):
            t.status(t.alice.put(at + "f%d" % number,
                                 b"%d %d" % (folder, number)), 201)
    t.status(t.alice.copy(path + "tree/", path + "copy/"), 201)
    t.status(t.alice.move(path + "tree/", path + "moved/"), 201)
    tree = contents(dump(t.alice, path))
    parts = [{k[len(path + name):]: v for k, v in tree.items()
              if k.startswith(path + name)} for name in ("copy", "moved")]
    t.eq(len(parts[0]), 301, "members of the copy")
    t.eq(parts[0], parts[1], "the copy and the moved tree")
    t.status(t.alice.propfind(path + "tree/"), 404)


if __name__ == "__main__":
    main(Cells)
