#!/usr/bin/python3 -B
"""V32 to V36 and V38 of reliability.md: limits, Host, ranges, methods."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV                                           # noqa: E402
from wire import Closed, lock_token                              # noqa: E402
from world import Cells                                          # noqa: E402

FILE = "/dav/a/docs/plan.pdf"


def raw_refused(t, data, *statuses):
    answer, ended = t.alice.raw(data)
    if answer is None:
        t.fail("%r: closed without an answer", data[:100])
    t.status(answer, *statuses)
    t.true(ended, "open after %r", answer)


@case("V32: more than 100 fields or 32 KiB of header are 431 or 400")
def header_limits(t):
    many = [("X-%d" % n, "v") for n in range(101)]
    raw_refused(t, t.alice.head("GET", FILE, many), 431, 400)
    big = [("X-%d" % n, "v" * 3000) for n in range(11)]
    raw_refused(t, t.alice.head("GET", FILE, big), 431, 400)
    endless = [("X-Long", "v" * (1 << 20))]
    raw_refused(t, t.alice.head("GET", FILE, endless), 431, 400)


@case("V32 twin: 90 fields, a Cookie of 8 000 bytes and 28 KiB are served")
def header_below_limits(t):
    t.status(t.alice.get(FILE, [("X-%d" % n, "v") for n in range(90)]), 200)
    t.status(t.alice.get(FILE, {"Cookie": "c=" + "v" * 8000}), 200)
    t.status(t.alice.get(FILE, [("X-%d" % n, "v" * 4000)
                                for n in range(7)]), 200)


@case("V32: a target over 8 KiB is 414, one of 8 000 bytes is looked up")
def target_limit(t):
    raw_refused(t, t.alice.head("GET", "/dav/a/" + "x/" * 4600), 414)
    raw_refused(t, t.alice.head("GET", "/dav/a/x?" + "y" * 9300), 414)
    t.status(t.alice.get(FILE + "?" + "y" * 7900), 200)


@case("V32: header lines that are none are 400 and close")
def header_lines(t):
    for line in (b": v", b"X Y: v", b"X-\x00: v", b"X: \x00", b"X: a\rb",
                 b"X: a\r\n folded", b"nocolon", b"X\xe9: v", b"X: \x07",
                 b"Content_Length: 5", b"X(: v", b"\tX: v", b"X: \x7f"):
        data = t.alice.head("GET", FILE)[:-2] + line + b"\r\n\r\n"
        raw_refused(t, data, 400)


@case("V33: Host must be there once, be a host, and be ours")
def host_header(t):
    rest = b"GET / HTTP/1.1\r\n%s\r\n"
    here = t.alice.authority.encode()
    for fields in (b"", b"Host: %s\r\nHost: %s\r\n" % (here, here),
                   b"Host: a b\r\n", b"Host: a,b\r\n", b"Host: a/b\r\n",
                   b"Host: user@%s\r\n" % here, b"Host: [::1\r\n",
                   b"Host: a\x80\r\n", b"Host: %s:x\r\n" % here):
        raw_refused(t, rest % fields, 400, 421)
    for name in (b"evil.example", b"127.0.0.1.evil.example", b""):
        answer, _ = t.alice.raw(rest % (b"Host: %s\r\n" % name))
        t.status(answer, 400, 421)


@case("V33, RFC 9112 3.2.2: absolute form is accepted, its authority counts")
def absolute_form(t):
    t.status(t.alice.get(t.alice.origin + FILE), 200)
    t.status(t.alice.get("http://evil.example" + FILE), 400, 421)
    t.status(t.alice.get(t.alice.origin + FILE, {"Host": "evil.example"}),
             200, 400, 421)


@case("V34: a declared giant is 413 or 507 without 100 Continue",
      errors=(507,))
def declared_giant(t):
    path = t.fresh() + "f"
    for length in (2 ** 63 - 1, 2 ** 60):
        with t.alice.connect() as connection:
            connection.send(t.alice.head(
                "PUT", path, {"Expect": "100-continue"}, length))
            answer = connection.read("PUT")
            t.status(answer, 413, 507)
            t.eq(answer.interim, [], "interim answers")
    t.status(t.alice.get(path), 404)


@case("V34: 401, 403, 404, 409, 412, 423 and 405 come before the body")
def early_answers(t):
    locked = t.file()
    token = lock_token(t.alice.lock(locked))
    probes = ((t.nobody, "/dav/a/x", {}, (401,)),
              (t.bob, "/dav/a/x", {}, (403,)),
              (t.mallory, "/dav/a/x", {}, (404,)),
              (t.alice, "/dav/a/none/x", {}, (409,)),
              (t.alice, FILE, {"If-Match": '"nope"'}, (412,)),
              (t.alice, FILE, {"If-None-Match": "*"}, (412,)),
              (t.alice, "/dav/a/docs/", {}, (405,)),
              (t.alice, locked, {}, (423,)))
    with t.unchanged(t.alice, "/dav/a/"):
        for client, path, headers, statuses in probes:
            with client.connect() as connection:
                connection.send(client.head("PUT", path, dict(
                    headers, Expect="100-continue"), 1 << 20))
                answer = connection.read("PUT")
                t.status(answer, *statuses)
                t.eq(answer.interim, [], "interim answers of %s" % path)
    t.status(t.alice.unlock(locked, token), 204)


@case("V34: 507 comes before the body when the cell is full",
      errors=(507,))
def early_quota(t):
    t.server.cell("small", "alice", "--quota", "64K")
    path = "/dav/small/f"
    with t.alice.connect() as connection:
        connection.send(t.alice.head("PUT", path, {
            "Expect": "100-continue"}, 1 << 20))
        answer = connection.read("PUT")
        t.error(answer, 507, DAV + "quota-not-exceeded")
        t.eq(answer.interim, [], "interim answers")
    answer = t.alice.request("PUT", path, (), b"z" * (1 << 17), chunked=True)
    t.error(answer, 507, DAV + "quota-not-exceeded")
    t.status(t.alice.get(path), 404)
    t.status(t.alice.put(path, b"z" * 60000), 201)


RANGES = (
    # spec, size, what RFC 9110 14 allows: (status, slice) pairs
    ("bytes=0-0", 10, ((206, (0, 1)),)),
    ("bytes=-3", 10, ((206, (7, 10)),)),
    ("bytes=-30", 10, ((206, (0, 10)), (200, (0, 10)))),
    ("bytes=5-", 10, ((206, (5, 10)),)),
    ("bytes=9-99", 10, ((206, (9, 10)),)),
    ("bytes=-0", 10, ((416, None),)),
    ("bytes=10-", 10, ((416, None),)),
    ("bytes=5-2", 10, ((200, (0, 10)), (416, None))),
    ("bytes=0-18446744073709551615", 10, ((206, (0, 10)), (200, (0, 10)))),
    ("bytes=0-18446744073709551616", 10, ((206, (0, 10)), (200, (0, 10)),
                                          (416, None))),
    ("bytes=9223372036854775807-", 10, ((416, None),)),
    ("bytes=18446744073709551617-", 10, ((416, None), (200, (0, 10)))),
    ("bytes=-18446744073709551615", 10, ((206, (0, 10)), (200, (0, 10)))),
    ("bytes=-18446744073709551617", 10, ((206, (0, 10)), (200, (0, 10)),
                                         (416, None))),
    ("bytes=a-b", 10, ((200, (0, 10)), (416, None))),
    ("bytes=", 10, ((200, (0, 10)), (416, None))),
    ("bytes=-", 10, ((200, (0, 10)), (416, None))),
    ("bytes", 10, ((200, (0, 10)), (416, None))),
    ("foos=0-1", 10, ((200, (0, 10)),)),
    ("bytes=0-1,", 10, ((206, (0, 2)), (200, (0, 10)), (416, None))),
    ("bytes=+0-1", 10, ((200, (0, 10)), (416, None))),
    ("bytes=0-0", 0, ((416, None), (200, (0, 0)))),
    ("bytes=-1", 0, ((416, None), (200, (0, 0)))),
    ("bytes=0-", 0, ((416, None), (200, (0, 0)))),
    ("bytes=0-0", 1, ((206, (0, 1)),)),
    ("bytes=0-", 1, ((206, (0, 1)), (200, (0, 1)))),
    ("bytes=1-", 1, ((416, None),)),
)


def check_range(t, path, data, headers, allowed):
    answer = t.status(t.alice.get(path, headers), *[s for s, _ in allowed])
    if answer.status == 416:
        t.eq(answer.get("Content-Range"), "bytes */%d" % len(data),
             "Content-Range of 416")
        return
    start, end = dict(allowed)[answer.status]
    t.eq(answer.body, data[start:end], "bytes of %r" % (headers,))
    if answer.status == 206:
        t.eq(answer.get("Content-Range"), "bytes %d-%d/%d"
             % (start, end - 1, len(data)), "Content-Range")


@case("V35: every range number gives 206, 416 or 200 with the exact bytes")
def range_numbers(t):
    path = t.fresh()
    for size in (0, 1, 10):
        t.status(t.alice.put(path + str(size), b"0123456789"[:size]), 201)
    for spec, size, allowed in RANGES:
        check_range(t, path + str(size), b"0123456789"[:size],
                    {"Range": spec}, allowed)


@case("V35, RFC 9110 13.1.5: If-Range of each kind")
def if_range(t):
    path = t.file(b"0123456789")
    answer = t.alice.get(path)
    part, whole = ((206, (2, 4)),), ((200, (0, 10)),)
    for value, allowed in ((answer.etag, part), ('"nope"', whole),
                           ("W/" + answer.etag, whole),
                           (answer.get("Last-Modified"), part + whole),
                           ("Sat, 01 Jan 2000 00:00:00 GMT", whole),
                           ("garbage", whole), ("", whole + part)):
        check_range(t, path, b"0123456789",
                    {"Range": "bytes=2-3", "If-Range": value}, allowed)


@case("V35, RFC 9110 14.2: Range is for GET only")
def range_on_others(t):
    path = t.file(b"0123456789")
    answer = t.alice.request("HEAD", path, {"Range": "bytes=0-1"})
    t.status(answer, 200, 206)
    t.status(t.alice.put(path, b"whole", {"Range": "bytes=0-1"}), 204)
    t.body(t.alice, path, b"whole")


@case("V36: 1 000 overlapping ranges never send more than the file")
def range_amplification(t):
    data = bytes(range(256)) * 8192
    path = t.file(data)
    before = t.server.rss()
    for spec in (",".join("0-%d" % (len(data) - n) for n in range(1, 1001)),
                 ",".join("%d-" % n for n in range(1000)),
                 ",".join("0-0" for _ in range(1000)),
                 ",".join("%d-%d" % (2 * n, 2 * n) for n in range(1000))):
        answer = t.alice.get(path, {"Range": "bytes=" + spec})
        t.status(answer, 200, 206, 416)
        t.true(len(answer.body) <= len(data) + 65536, "%d bytes sent",
               len(answer.body))
    grown = t.server.rss() - before
    t.true(grown <= 4 << 20 or t.server.sanitized, "RSS grew by %d", grown)


@case("V36 twin: two ranges are multipart/byteranges with the exact bytes")
def two_ranges(t):
    path = t.file(b"0123456789" * 100)
    answer = t.alice.get(path, {"Range": "bytes=0-4,500-509"})
    t.status(answer, 206)
    kind = answer.get("Content-Type")
    t.true(kind.startswith("multipart/byteranges; boundary="), kind)
    mark = b"--" + kind.split("boundary=")[1].strip('"').encode()
    parts = answer.body.split(mark)
    t.eq(len(parts), 4, "preamble, two parts and the end")
    for part, text, where in ((parts[1], b"01234", b"bytes 0-4/1000"),
                              (parts[2], b"0123456789",
                               b"bytes 500-509/1000")):
        head, body = part.split(b"\r\n\r\n", 1)
        t.true(where in head, "Content-Range in %r", head)
        t.eq(body, text + b"\r\n", "bytes of the part")
    t.true(parts[3].startswith(b"--"), "the end of the multipart")


@case("V36: 16 ranges are honoured, 17 are not (design.md 7)")
def sixteen_ranges(t):
    path = t.file(b"x" * 100000)
    spec = lambda count: "bytes=" + ",".join(
        "%d-%d" % (n * 5000, n * 5000) for n in range(count))
    t.status(t.alice.get(path, {"Range": spec(16)}), 206)
    t.status(t.alice.get(path, {"Range": spec(17)}), 200, 416)


@case("V38: unknown, unsafe and malformed methods do nothing",
      errors=(501, 505))
def methods(t):
    with t.unchanged(t.alice, "/dav/a/docs/"):
        for method in ("GARBAGE", "get", "Put", "M" * 10240, "DEBUG", "TRACK",
                       "PROPFIND2", "BIND", "SEARCH", "ACL", "VERSION-CONTROL",
                       "PATCH"):
            with t.alice.connect() as connection:
                connection.send(t.alice.head(method, FILE))
                answer = connection.read()
            t.status(answer, 400, 405, 414, 431, 501)
            if answer.status == 405:
                t.true("GET" in answer.get("Allow"), "Allow: %r", answer)


@case("V38: TRACE never echoes, CONNECT never tunnels", errors=(501,))
def trace_and_connect(t):
    answer = t.alice.request("TRACE", FILE, {"X-Echo": "echo-me-not"})
    t.status(answer, 405, 501, 400)
    t.true("echo-me-not" not in answer.text, "TRACE echoes")
    host = t.alice.authority.encode()
    for target in (host, b"evil.example:443", FILE.encode()):
        with t.alice.connect() as connection:
            connection.send(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n"
                            % (target, host))
            t.status(connection.read(), 405, 501, 400, 401)


@case("V38: other protocol versions are 505 or 400", errors=(505,))
def versions(t):
    host = b"\r\nHost: %s\r\n\r\n" % t.alice.authority.encode()
    for version in (b"HTTP/2.0", b"HTTP/3.0", b"HTTP/0.9", b"ICY/1.1"):
        raw_refused(t, b"GET / " + version + host, 400, 505)
    answer, ended = t.alice.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    t.status(answer, 400, 405, 501, 505)
    t.true(ended, "PRI leaves the connection open")


@case("V38, RFC 9110 2.5: a minor version above 1 is answered as HTTP/1.1",
      errors=(505,))
def minor_version(t):
    data = t.alice.head("GET", FILE).replace(b"HTTP/1.1", b"HTTP/1.2")
    with t.alice.connect() as connection:
        connection.send(data)
        t.status(connection.read(), 200, 400, 505)


@case("V38 twin: HTTP/1.0 is answered and its connection ends")
def http_1_0(t):
    data = t.alice.head("GET", FILE).replace(b"HTTP/1.1", b"HTTP/1.0")
    answer, ended = t.alice.raw(data)
    t.status(answer, 200)
    t.true(t.canaries["a/docs/plan.pdf"] in answer.body, "the body")
    t.true(ended, "HTTP/1.0 without keep-alive stays open")


@case("design.md 7: a dead property over 64 KiB and a 201st are 507 or 403",
      errors=(507,))
def property_limits(t):
    path = t.file()
    answer = t.alice.proppatch(path, [("{urn:t}big", "x" * 65537)])
    t.status(answer, 207, 403, 413, 507)
    t.eq(t.alice.prop(path, "{urn:t}big"), None, "the property")
    t.status(t.alice.proppatch(path, [("{urn:t}some", "x" * 30000)]), 207)
    t.eq(t.alice.prop(path, "{urn:t}some"), "x" * 30000, "the property")
    many = t.file(name="many")
    values = [("{urn:t}p%d" % n, "v") for n in range(201)]
    t.status(t.alice.proppatch(many, values), 207, 403, 507)
    t.eq(t.alice.prop(many, "{urn:t}p1"), None, "one of 201 properties")
    t.status(t.alice.proppatch(many, values[:200]), 207)
    t.eq(t.alice.prop(many, "{urn:t}p1"), "v", "one of 200 properties")


@case("design.md 7: past the connection limit the server sheds, never hangs",
      errors=(503,))
def connection_flood(t):
    held = []
    try:
        for _ in range(300):
            held.append(t.alice.connect())
        t.status(t.alice.get(FILE), 200)
    except (Closed, OSError) as error:
        t.fail("refused at %d connections: %s", len(held), error)
    finally:
        for connection in held:
            connection.close()
    t.status(t.alice.get(FILE), 200)


if __name__ == "__main__":
    main(Cells)
