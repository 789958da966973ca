#!/usr/bin/python3 -B
"""V10 to V20 of reliability.md: paths, encodings, names, links on import.

V15 for links, V19's insensitive cells and zip names come with what they need.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import dump                                          # noqa: E402
from wire import escape                                          # noqa: E402
from world import Cells                                          # noqa: E402

METHODS = ("OPTIONS", "GET", "HEAD", "PUT", "DELETE", "MKCOL", "PROPFIND",
           "PROPPATCH", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT")


def every_method(t, client, path, allowed, methods=METHODS):
    for method in methods:
        headers = {"Depth": "0"} if method == "PROPFIND" else {}
        if method in ("COPY", "MOVE"):
            headers["Destination"] = client.origin + "/dav/a/taken-away"
        body = b"evil" if method == "PUT" else None
        answer = client.request(method, path, headers, body)
        if answer.status not in allowed:
            t.fail("%s %s: expected %s, got %r", method, path, allowed,
                   answer)
    t.status(t.alice.propfind("/dav/a/taken-away"), 404)


@case("V10: dot segments never lead where the canonical path may not")
def dot_segments(t):
    with t.unchanged(t.carol, "/dav/b/"):
        for dots in ("..", "%2e%2e", ".%2e", "%2E.", "%2e%2e%2f..", "..;"):
            for path in ("/dav/a/docs/%s/%s/b/secret.txt" % (dots, dots),
                         "/dav/a/%s/b/secret.txt" % dots,
                         "/dav/a/docs/%s/%s/%s/%s/etc/passwd"
                         % (dots, dots, dots, dots)):
                every_method(t, t.alice, path, (400, 403, 404, 409),
                             ("GET", "PUT", "DELETE", "PROPFIND", "COPY"))


@case("V10: dot segments as a source or target of COPY and MOVE")
def dot_segment_targets(t):
    path = t.file()
    with t.unchanged(t.carol, "/dav/b/"), t.unchanged(t.alice, "/dav/a/"):
        for target in ("/dav/a/../b/stolen", "/dav/a/%2e%2e/b/stolen",
                       "/dav/a/docs/../../b/secret.txt", "/../etc/x"):
            t.status(t.alice.copy(path, target), 400, 403, 404)
            t.status(t.alice.move(path, target), 400, 403, 404)


@case("V11: a doubly encoded dot segment is a literal name")
def double_encoding(t):
    t.status(t.alice.get("/dav/a/docs/%252e%252e%252f%252e%252e"), 404)
    t.status(t.alice.get("/dav/a/%252e%252e/b/secret.txt"), 404)


@case("V11: a file named %41 keeps its name through every method")
def percent_name(t):
    path = t.fresh()
    t.status(t.alice.put(path + "%2541", b"percent"), 201)
    t.body(t.alice, path + "%2541", b"percent")
    t.status(t.alice.get(path + "A"), 404)
    hrefs = [i.href for i in t.multistatus(t.alice.propfind(path, "1"))]
    t.true(path + "%2541" in hrefs, "href in %r", hrefs)
    t.status(t.alice.move(path + "%2541", path + "%2542"), 201)
    t.body(t.alice, path + "%2542", b"percent")
    t.eq(list(dump(t.alice, path))[1:], [path + "%42"], "members")


@case("V12: NUL and controls in the path are 400 for every method")
def control_characters(t):
    for bad in ("%00", "%01", "%0a", "%0d", "%1f", "%7f"):
        every_method(t, t.alice, "/dav/a/docs/x%sy" % bad, (400,))
        every_method(t, t.alice, "/dav/a/%s/plan.pdf" % bad, (400,))


@case("V12: raw controls and raw 8-bit bytes in the request line are 400")
def raw_controls(t):
    for bad in (b"\x00", b"\x01", b"\x0b", b"\x7f", b"\t", b"\xff",
                b"\xc3\xa9"):
        for method in ("GET", "PUT"):
            data = t.alice.head(method, "/dav/a/docs/x@@y", length=0)
            answer, ended = t.alice.raw(data.replace(b"@@", bad), method)
            if bad == b"\xc3\xa9" and answer.status in (201, 404):
                continue    # liberal: an unescaped UTF-8 name
            t.status(answer, 400)
            t.true(ended, "a framing error closes the connection")


@case("V12: NUL and controls in Destination are 400")
def control_destination(t):
    path = t.file()
    for bad in ("%00", "%01", "%0a", "%0d%0aX:1", "%7f"):
        with t.unchanged(t.alice, os.path.dirname(path)):
            t.status(t.alice.copy(path, path + bad), 400)
            t.status(t.alice.move(path, path + bad), 400)


@case("V13: bytes that are not UTF-8 are 400 for every method")
def bad_utf8(t):
    for bad in ("%c0%af", "%e0%80%af", "%ed%a0%80", "%f5%80%80%80", "%ff",
                "%c3", "%e2%82", "%f0%9f%98", "%80", "%c1%bf",
                "%f4%90%80%80"):
        every_method(t, t.alice, "/dav/a/docs/x%sy" % bad, (400,))
        path = "/dav/a/docs/plan.pdf"
        t.status(t.alice.copy(path, "/dav/a/docs/y" + bad), 400)


@case("V13 twin: emoji and other high planes are names")
def good_utf8(t):
    path = t.fresh()
    for name in ("\U0001f600.txt", "\u6f22\u5b57", "a\u0301b"):
        t.status(t.alice.put(path + escape(name), b"x"), 201)
        t.body(t.alice, path + escape(name), b"x")
    t.eq(len(dump(t.alice, path)), 4, "entries")


@case("RFC 3986 2.1: a broken percent sequence is 400")
def broken_percent(t):
    for bad in ("%", "%4", "%zz", "%4g", "x%"):
        every_method(t, t.alice, "/dav/a/docs/" + bad, (400,))


@case("V14: an encoded slash is 400 for every method")
def encoded_slash(t):
    for slash in ("%2f", "%2F"):
        every_method(t, t.alice, "/dav/a/docs%splan.pdf" % slash, (400,))
        every_method(t, t.alice, "/dav%sa/docs/plan.pdf" % slash, (400,))
        t.status(t.alice.copy("/dav/a/docs/plan.pdf",
                              "/dav/a/docs%sy" % slash), 400)


@case("V14: a name with a backslash is refused on create")
def backslash(t):
    path = t.fresh()
    with t.unchanged(t.alice, path):
        t.status(t.alice.put(path + "a%5cb", b"x"), 400, 403)
        t.status(t.alice.mkcol(path + "..%5cc/"), 400, 403)
        t.status(t.alice.copy("/dav/a/docs/plan.pdf", path + "a%5cb"),
                 400, 403)


@case("V15: a grant on docs gives nothing on docsecret")
def prefix_sibling(t):
    t.body(t.dave, "/dav/a/docs/plan.pdf",
           b"canary " + t.canaries["a/docs/plan.pdf"])
    with t.unchanged(t.alice, "/dav/a/docsecret/"):
        for path in ("/dav/a/docsecret/x.txt", "/dav/a/docsecret/",
                     "/dav/a/docsecret", "/dav/a/docs/../docsecret/x.txt",
                     "/dav/a/docse", "/dav/a/doc"):
            every_method(t, t.dave, path, (404, 403),
                         ("GET", "HEAD", "PUT", "DELETE", "PROPFIND",
                          "PROPPATCH", "COPY", "MOVE", "REPORT"))
    t.status(t.dave.copy("/dav/a/docs/plan.pdf", "/dav/a/docsecret/y"),
             403, 404)


@case("V16: every slash form gets the decision of the canonical path")
def slash_forms(t):
    for path in ("/dav/a/private", "/dav/a/private/", "/dav/a//private/",
                 "//dav//a///private//p.txt", "/dav/a/private/./p.txt",
                 "/dav/a/./private/p.txt", "/dav/a/docs/../private/p.txt",
                 "/dav/a/private/p.txt/", "/dav/./a/private/p.txt"):
        every_method(t, t.bob, path, (400, 403, 404, 409),
                     ("GET", "HEAD", "PROPFIND", "PUT", "DELETE"))
    for path in ("//dav//a///docs", "/dav/a/docs/.", "/dav/a/docs//"):
        t.status(t.alice.propfind(path), 207, 400, 404)
        t.status(t.mallory.propfind(path), 400, 404)


@case("V16, clients.md quirk 16: PROPFIND and GET of FILE/ are 404")
def file_with_slash(t):
    for client in (t.alice, t.bob):
        t.status(client.propfind("/dav/a/docs/plan.pdf/"), 404)
        t.status(client.get("/dav/a/docs/plan.pdf/"), 404)
        t.status(client.get("/dav/a/docs/plan.pdf/x"), 404)


STORED = (" x", "~", ";a=b", "a&b", "#", "%", "+", "'", "-rf", "$(x)",
          "name]]", "CONSOLE", "COM0", "com10.txt", "nul1", "x.aux",
          "\u202egpj.exe", "\ufeffx")
REFUSED = ("CON", "aux.txt", "Nul", "prn.tar.gz", "COM1", "lpt9.txt", "a:b",
           "x.", "x ", "...", "*", "?", '"', "<y>", "|", "name]]>")


@case("V17, T8: names that a client's system cannot store are 403, never 500")
def hostile_names(t):
    path = t.fresh()
    for name in STORED:
        t.status(t.alice.put(path + escape(name), name.encode()), 201)
        t.body(t.alice, path + escape(name), name.encode())
    t.eq(len(dump(t.alice, path)), 1 + len(STORED), "entries")
    with t.unchanged(t.alice, path):
        for name in REFUSED:
            at = path + escape(name)
            for answer in (t.alice.put(at, b"x"), t.alice.mkcol(at),
                           t.alice.lock(at), t.alice.copy(path + "~", at),
                           t.alice.move(path + "~", at)):
                t.error(answer, 403, "{urn:celldav:}name-not-allowed")
    for key in list(dump(t.alice, path))[1:]:
        t.status(t.alice.delete("/".join(map(escape, key.split("/")))), 204)


@case("V17: a segment of 255 bytes is stored, 256 is refused")
def segment_length(t):
    path = t.fresh()
    t.status(t.alice.put(path + "n" * 255, b"x"), 201)
    t.body(t.alice, path + "n" * 255, b"x")
    with t.unchanged(t.alice, path):
        for name in ("n" * 256, "%C3%A9" * 128, "n" * 1000):
            t.status(t.alice.put(path + name, b"x"), 400, 403, 409, 414)
            t.status(t.alice.mkcol(path + name), 400, 403, 409, 414)
            t.status(t.alice.copy(path + "n" * 255, path + name),
                     400, 403, 409, 414)
    t.status(t.alice.put(path + "%C3%A9" * 127, b"x"), 201)


@case("V17: a path of 4 097 bytes and of 200 levels is refused, never 500")
def path_length(t):
    path = t.fresh()
    with t.unchanged(t.alice, path):
        long = path + "/".join(["n" * 200] * 25)
        t.status(t.alice.put(long, b"x"), 400, 403, 404, 409, 414)
        deep = path + "d/" * 200
        t.status(t.alice.mkcol(deep), 400, 403, 404, 409, 414)
        t.status(t.alice.get(deep), 400, 403, 404, 414)


@case("V17: a path of 4 096 bytes can be made, one of 4 097 cannot")
def path_bytes(t):
    path = top = t.fresh()
    while len(path) + 201 < 4096:
        path += "n" * 200 + "/"
        t.status(t.alice.mkcol(path), 201)
    room = 4096 - len(path)
    t.true(0 < room < 255, "room for a name: %d", room)
    t.status(t.alice.put(path + "x" * room, b"whole"), 201)
    t.body(t.alice, path + "x" * room, b"whole")
    for method in ("PUT", "MKCOL", "GET", "LOCK"):
        t.status(t.alice.request(method, path + "y" * (room + 1)),
                 400, 403, 414)
    t.status(t.alice.copy(path + "x" * room, path + "y" * (room + 1)),
             400, 403, 414)
    t.status(t.alice.delete(top), 204)


@case("V17: 100 levels can be made one by one, the 129th cannot")
def level_limit(t):
    path, refused = t.fresh(), None
    for level in range(140):
        answer = t.alice.mkcol(path + "d/" * (level + 1))
        if answer.status != 201:
            refused = answer
            break
    t.true(refused is not None and level >= 100,
           "refused at level %d: %r", level, refused)
    t.status(refused, 400, 403, 409, 414)
    t.status(t.alice.propfind(path + "d/" * level), 207)
    t.status(t.alice.move(path + "d/", path + "e/"), 201)
    t.status(t.alice.delete(path + "e/"), 204)


NFC, NFD = "%C3%A9.txt", "e%CC%81.txt"


@case("V18: NFC and NFD are one resource for every method")
def normalisation(t):
    path = t.fresh()
    t.status(t.alice.put(path + NFC, b"one"), 201)
    t.body(t.alice, path + NFD, b"one")
    t.status(t.alice.put(path + NFD, b"two"), 204)
    t.body(t.alice, path + NFC, b"two")
    t.eq(len(dump(t.alice, path)), 2, "the collection and one entry")
    t.status(t.alice.mkcol(path + NFD), 405)
    t.status(t.alice.copy(path + NFC, path + NFD), 403, 409)
    t.status(t.alice.move(path + NFD, path + "plain.txt"), 201)
    t.status(t.alice.get(path + NFC), 404)
    t.status(t.alice.move(path + "plain.txt", path + NFD), 201)
    t.status(t.alice.delete(path + NFC), 204)
    t.eq(len(dump(t.alice, path)), 1, "nothing is left")


@case("V18: rights and locks follow both forms")
def normalised_rights(t):
    path = t.fresh()
    t.status(t.alice.put(path + NFC, b"private"), 201)
    t.server.grant("a/" + path.split("/")[3] + "/\u00e9.txt", "user:bob",
                   "no-access")
    t.status(t.bob.get(path + NFD), 404)
    t.status(t.bob.get(path + NFC), 404)
    t.status(t.alice.lock(path + NFD), 200)
    t.status(t.alice.put(path + NFC, b"x"), 423)


@case("V18: a slug that only differs in case or form is refused")
def slug_collision(t):
    for slug in ("A", "a ", "\u00e1", "a/", "my-files", "-a", "", "a" * 64):
        done = t.server.run("cell", "create", slug, "--owner", "alice")
        t.true(done.returncode in (1, 2), "%r was made", slug)
    done = t.server.run("cell", "create", "a", "--owner", "alice")
    t.eq(done.returncode, 1, "a second cell a: %s" % done.stderr)


@case("V19: names that differ in case are two resources")
def case_sensitive(t):
    path = t.fresh()
    t.status(t.alice.put(path + "Report.docx", b"one"), 201)
    t.status(t.alice.put(path + "report.docx", b"two"), 201)
    t.body(t.alice, path + "Report.docx", b"one")
    t.status(t.mallory.get("/dav/A/docs/plan.pdf"), 400, 404)


@case("V20: import follows no symbolic link and touches nothing outside")
def import_links(t):
    folder = tempfile.mkdtemp(dir=t.server.scratch)
    with open(folder + "/real.txt", "wb") as file:
        file.write(b"real")
    os.symlink(t.server.root_file, folder + "/out.txt")
    outside = tempfile.mkdtemp(dir=t.server.scratch)
    with open(outside + "/secret.txt", "wb") as file:
        file.write(b"outside")
    os.symlink(outside, folder + "/outdir")
    os.symlink(folder + "/none", folder + "/dangling")
    os.symlink("real.txt", folder + "/inside")
    os.mkfifo(folder + "/pipe")
    path = t.fresh()
    done = t.server.run("cell", "import", "a", folder, "--at",
                        path.split("/")[3])
    t.eq(done.returncode, 0, "exit status: %s" % done.stderr)
    told = [e.size for e in dump(t.alice, path).values()
            if e.kind == "file"]
    t.eq(told, [4], "sizes of the imported files")
    t.true("skip" in (done.stdout + done.stderr).lower(),
           "skipped entries are not counted: %r %r", done.stdout,
           done.stderr)
    t.status(t.alice.get(path + "out.txt"), 404)
    t.status(t.alice.propfind(path + "outdir/"), 404)


if __name__ == "__main__":
    main(Cells)
