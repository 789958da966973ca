#!/usr/bin/python3 -B
"""RFC 9110 and 9112 as they apply to the mounts; headers of user content."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import contents, dump                                # noqa: E402
from world import Cells                                          # noqa: E402

FILE = "/dav/a/docs/plan.pdf"
PAST, FUTURE = "Sat, 01 Jan 2000 00:00:00 GMT", \
    "Wed, 01 Jan 2060 00:00:00 GMT"


@case("RFC 9110 9.3.2: HEAD has the header of GET and no body")
def head_as_get(t):
    path = t.file(b"hello")
    for name in (path, os.path.dirname(path) + "/", path + "none"):
        get, head = t.alice.get(name), t.alice.request("HEAD", name)
        t.eq(head.status, get.status, "status of HEAD")
        for field in ("ETag", "Content-Type", "Last-Modified",
                      "Accept-Ranges", "Content-Disposition"):
            t.eq(head.get(field), get.get(field), field + " of " + name)
        if "Content-Length" in [n for n, _ in head.headers]:
            t.eq(head.get("Content-Length"), str(len(get.body)), "length")


@case("RFC 9112 9.3.2: pipelined requests are answered in order")
def pipelining(t):
    path = t.fresh()
    data = b"".join(
        t.alice.head("PUT", path + "f%d" % n, length=2) + b"%02d" % n
        + t.alice.head("GET", path + "f%d" % n) for n in range(30))
    with t.alice.connect() as connection:
        connection.send(data, 60)
        for number in range(30):
            t.status(connection.read("PUT"), 201)
            t.eq(connection.read().body, b"%02d" % number, "body")


@case("RFC 9112 2.2: a request may come in pieces of one byte")
def split_request(t):
    path = t.fresh() + "f"
    data = t.alice.head("PUT", path, length=5) + b"hello"
    with t.alice.connect() as connection:
        connection.owed = 1
        for number in range(len(data)):
            connection.sock.sendall(data[number:number + 1])
        t.status(connection.read("PUT"), 201)
    t.body(t.alice, path, b"hello")


@case("RFC 9112 2.2: an empty line before a request is skipped")
def leading_empty_line(t):
    with t.alice.connect() as connection:
        connection.send(b"\r\n" + t.alice.head("GET", FILE))
        t.status(connection.read(), 200)


@case("RFC 9112 9.6: Connection close is honoured and said")
def connection_close(t):
    with t.alice.connect() as connection:
        connection.send(t.alice.head("GET", FILE, {"Connection": "close"}))
        answer = t.status(connection.read(), 200)
        t.eq(answer.get("Connection"), "close", "Connection")
        t.true(connection.ended(), "the connection stays open")


@case("clients.md 8.2: TE: trailers with Connection: TE (neon) is ignored")
def neon_headers(t):
    answer = t.alice.get(FILE, {"Connection": "TE", "TE": "trailers"})
    t.status(answer, 200)
    t.true(answer.get("Content-Length"), "no length: %r", answer)


# method, headers, status for a mapped file with a known ETag (%s)
CONDITIONS = (
    ("GET", {"If-Match": "%s"}, 200), ("GET", {"If-Match": "*"}, 200),
    ("GET", {"If-Match": '"x", %s'}, 200), ("GET", {"If-Match": '"x"'}, 412),
    ("GET", {"If-Match": "W/%s"}, 412),
    ("GET", {"If-None-Match": "%s"}, 304), ("GET", {"If-None-Match": "*"}, 304),
    ("GET", {"If-None-Match": "W/%s"}, 304),
    ("GET", {"If-None-Match": '"x" , %s'}, 304),
    ("GET", {"If-None-Match": '"x"'}, 200),
    ("HEAD", {"If-None-Match": "%s"}, 304),
    ("GET", {"If-Modified-Since": FUTURE}, 304),
    ("GET", {"If-Modified-Since": PAST}, 200),
    ("GET", {"If-Modified-Since": "garbage"}, 200),
    ("GET", {"If-Unmodified-Since": PAST}, 412),
    ("GET", {"If-Unmodified-Since": FUTURE}, 200),
    ("GET", {"If-None-Match": '"x"', "If-Modified-Since": FUTURE}, 200),
    ("GET", {"If-Match": "%s", "If-Unmodified-Since": PAST}, 200),
    ("GET", {"If-Match": '"x"', "If-None-Match": "%s"}, 412),
    ("PUT", {"If-Match": '"x"'}, 412), ("PUT", {"If-None-Match": "*"}, 412),
    ("PUT", {"If-None-Match": "%s"}, 412), ("PUT", {"If-Match": "W/%s"}, 412),
    ("PUT", {"If-Unmodified-Since": PAST}, 412),
    ("DELETE", {"If-Match": '"x"'}, 412),
    ("DELETE", {"If-None-Match": "*"}, 412),
    ("MOVE", {"If-Match": '"x"'}, 412), ("MOVE", {"If-None-Match": "%s"}, 412),
    ("COPY", {"If-Match": '"x"'}, 412),
    ("PROPPATCH", {"If-Match": '"x"'}, 412),
    ("LOCK", {"If-Match": '"x"'}, 412),
)


def conditional(t, path, method, headers):
    extra = {"Destination": t.alice.origin + path + "-to"} \
        if method in ("MOVE", "COPY") else {}
    body = {"PUT": b"new", "PROPPATCH": '<propertyupdate xmlns="DAV:"/>',
            "LOCK": '<lockinfo xmlns="DAV:"><lockscope><exclusive/>'
            '</lockscope><locktype><write/></locktype></lockinfo>'}
    return t.alice.request(method, path, dict(headers, **extra),
                           body.get(method))


@case("RFC 9110 13.2.2: every precondition, in order, before any effect")
def preconditions(t):
    path = t.file(b"old")
    etag = t.alice.get(path).etag
    fill = lambda value: value.replace("%s", etag)
    with t.unchanged(t.alice, os.path.dirname(path)):
        for method, headers, status in CONDITIONS:
            filled = {n: fill(v) for n, v in headers.items()}
            answer = conditional(t, path, method, filled)
            if answer.status != status:
                t.fail("%s %r: expected %d, got %r", method, filled, status,
                       answer)
            if status == 304:
                t.eq(answer.etag, etag, "ETag of 304 (RFC 9110 15.4.5)")


@case("RFC 9110 13.1: conditions that hold let the change through")
def conditions_hold(t):
    path = t.fresh() + "f"
    t.status(t.alice.put(path, b"1", {"If-Match": "*"}), 412)
    t.status(t.alice.put(path, b"1", {"If-Match": '"x"'}), 412)
    t.status(t.alice.get(path), 404)
    etag = t.status(t.alice.put(path, b"1", {"If-None-Match": "*"}),
                    201).etag
    etag = t.status(t.alice.put(path, b"2", {"If-Match": etag}), 204).etag
    etag = t.status(t.alice.put(path, b"3", {"If-Match": '"x", ' + etag}),
                    204).etag
    t.status(t.alice.move(path, path + "2", {"If-Match": etag}), 201)
    t.status(t.alice.delete(path + "2", {"If-Match": etag}), 204)


@case("RFC 9110 10.1.1: an unknown expectation is 417 or ignored")
def unknown_expectation(t):
    path = t.fresh() + "f"
    t.status(t.alice.put(path, b"x", {"Expect": "tea"}), 417, 201)


@case("RFC 9110 9.3.7: OPTIONS * is 200")
def options_star(t):
    answer = t.status(t.alice.request("OPTIONS", "*"), 200)
    t.eq(answer.get("DAV"), "1, 2, 3, extended-mkcol", "DAV")
    t.status(t.alice.request("GET", "*"), 400, 404)


@case("RFC 9110 15.5.6: 405 carries Allow with what works")
def allow_on_405(t):
    for method, path in (("PUT", "/dav/a/docs/"), ("MKCOL", FILE),
                         ("POST", FILE), ("PUT", "/dav/"),
                         ("DELETE", "/dav/")):
        answer = t.alice.request(method, path, (), b"")
        t.status(answer, 405, 403)
        if answer.status == 405:
            allow = [m.strip() for m in answer.get("Allow").split(",")]
            t.true("PROPFIND" in allow and "OPTIONS" in allow,
                   "Allow: %r", allow)


@case("clients.md 7 (Zotero): POST on a collection is 404 or 405, not 500")
def post(t):
    with t.unchanged(t.alice, "/dav/a/docs/"):
        for path in ("/dav/a/docs/", FILE, "/dav/", "/dav/a/none"):
            t.status(t.alice.request("POST", path, (), b"a=b"), 404, 405)


@case("interface.md 2: unknown query keys are ignored for GET of a file")
def query(t):
    t.status(t.alice.get(FILE + "?x=1&unknown"), 200)
    t.status(t.alice.get(FILE + "?"), 200)


@case("interface.md 2: / is a page, /public/ alone is 404")
def pages(t):
    t.status(t.nobody.get("/"), 200, 303, 401)
    t.status(t.nobody.get("/public/"), 404)
    t.status(t.nobody.get("/public/none/x"), 404)
    t.status(t.alice.get("/dav/none/"), 404)
    t.status(t.nobody.get("/favicon.ico"), 200, 404)


@case("RFC 9110 9.3.4: PUT of 0 B, 1 B, 16 KiB, 1 MiB and more is exact")
def body_sizes(t):
    path = t.fresh()
    for size in (0, 1, 4095, 4096, 16383, 16384, 16385, 65537, 1 << 20,
                 (5 << 20) + 3):
        data = os.urandom(size)
        for chunked in (False, True):
            name = path + "%d%s" % (size, chunked)
            t.status(t.alice.request("PUT", name, (), data, chunked), 201)
            t.body(t.alice, name, data)
            part = data[size // 3:size // 2]
            if part:
                answer = t.alice.get(name, {"Range": "bytes=%d-%d" % (
                    size // 3, size // 2 - 1)})
                t.eq(answer.body, part, "range of %d" % size)


@case("R14, I2: an overwrite that is cut leaves the old bytes")
def cut_overwrite(t):
    path = t.file(b"old" * 1000)
    before = contents(dump(t.alice, os.path.dirname(path)))
    for sent in (0, 1, 50000):
        with t.alice.connect() as connection:
            connection.send(t.alice.head("PUT", path, length=100000))
            connection.send(b"n" * sent, 0)
    t.eq(contents(dump(t.alice, os.path.dirname(path))), before, "the tree")


ACTIVE = (("x.html", b"<html><script>alert(1)</script></html>"),
          ("x.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>'
           b'alert(1)</script></svg>'),
          ("x.xml", b'<?xml version="1.0"?><x xmlns="http://www.w3.org/1999/'
           b'xhtml"><script/></x>'), ("x.js", b"alert(1)"),
          ("x.xhtml", b'<html xmlns="http://www.w3.org/1999/xhtml"/>'),
          ("x.pdf", b"<html><script>alert(1)</script></html>"),
          ("x.txt", b"<script>alert(1)</script>"), ("x", b"<!DOCTYPE html>"),
          ("x.swf", b"FWS\x09"), ("x.mhtml", b"MIME-Version: 1.0\r\n"))


@case("V56: active content is attachment or sandboxed, with nosniff")
def active_content(t):
    path = t.fresh()
    for name, data in ACTIVE:
        t.status(t.alice.put(path + name, data,
                             {"Content-Type": "text/html"}), 201)
        etag = t.alice.get(path + name).etag
        for headers in ({}, {"Range": "bytes=0-1"},
                        {"If-None-Match": etag}):
            answer = t.status(t.alice.get(path + name + "?inline", headers),
                              200, 206, 304)
            policy = answer.get("Content-Security-Policy") or ""
            if answer.status == 304:
                continue
            t.eq(answer.get("X-Content-Type-Options"), "nosniff",
                 "X-Content-Type-Options of " + name)
            kind = answer.get("Content-Disposition") or ""
            t.true("sandbox" in policy or kind.startswith("attachment"),
                   "%s: %r", name, answer)
            t.true("default-src 'none'" in policy, "%s: %r", name, policy)


@case("issue, 5: the type is decided by bytes and name, not by the client")
def content_types(t):
    path = t.fresh()
    png = (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00"
           b"\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89")
    for name, data, kind in (("a.png", png, "image/png"),
                             ("b", png, "image/png"),
                             ("c.pdf", b"%PDF-1.4\n%\xe2\xe3\n",
                              "application/pdf"),
                             ("d.txt", b"hello\n", "text/plain"),
                             ("e.csv", b"a,b\n1,2\n", "text/csv")):
        t.status(t.alice.put(path + name, data,
                             {"Content-Type": "text/html"}), 201)
        got = t.alice.get(path + name).get("Content-Type") or ""
        t.eq(got.split(";")[0], kind, "type of " + name)


@case("V57: names cannot add headers; Content-Disposition follows RFC 6266")
def disposition(t):
    path = t.fresh()
    plain = None
    for name in ("x.html", "%22%3E%3Cimg%20src=x%3E.html", "%27.html",
                 "%F0%9F%98%80.html", "a%3Bb%2Cc.html", "n" * 250 + ".html"):
        if t.alice.put(path + name, b"<html>").status == 403:
            continue    # not a portable name (V17)
        answer = t.status(t.alice.get(path + name), 200)
        fields = sorted(n for n, _ in answer.headers)
        plain = plain or fields
        t.eq(fields, plain, "names of the header fields")
        value = answer.get("Content-Disposition")
        if value and "%F0" in name:
            t.true("filename*=UTF-8''%F0%9F%98%80.html" in value,
                   "RFC 8187: %r", value)
        listing = t.alice.get(path)
        t.true(b"<img" not in listing.body, "markup in the listing")


@case("reliability.md 8: Server tells no version")
def server_header(t):
    value = t.alice.get(FILE).get("Server") or ""
    t.true(not any(c.isdigit() for c in value), "Server: %r", value)


@case("CORS preflight is answered without credentials, nothing is allowed"
      " with them (clients.md 1)")
def preflight(t):
    answer = t.nobody.request("OPTIONS", FILE, {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "PROPFIND"})
    t.status(answer, 200, 204)
    wild = answer.get("Access-Control-Allow-Origin") == "*"
    t.true(not (wild and answer.get("Access-Control-Allow-Credentials")),
           "any origin with credentials")


@case("V59h: a User-Agent of odd bytes gives one parseable log line")
def odd_user_agent(t):
    for agent in ('a" status=200 b="', "x=y\\", "\u00e9\u202e", "z" * 20000):
        t.status(t.alice.get(FILE, {"User-Agent": agent}), 200)
        t.status(t.alice.get("/dav/a/%22%20status=200", {
            "Referer": agent[:100]}), 404)
    t.status(t.alice.get("/dav/a/%1b[31m"), 400)


if __name__ == "__main__":
    main(Cells)
