#!/usr/bin/python3 -B
"""V27 to V31 of reliability.md and its 20 framing probes of section 1."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from observed import WireError                                   # noqa: E402
from wire import basic                                           # noqa: E402
from world import Cells                                          # noqa: E402

# What a smuggler would love to see answered.
SECOND = b"GET /smuggled HTTP/1.1\r\nHost: %s\r\n\r\n"


def put_head(t, fields, path="/dav/a/probe.txt", method="PUT", host=True,
             version="1.1"):
    """A PUT head with the given raw field lines."""
    lines = ["%s %s HTTP/%s" % (method, path, version)]
    if host:
        lines.append("Host: " + t.alice.authority)
    lines.append("Authorization: "
                 + basic("alice", t.server.password_of("alice")))
    return "\r\n".join(lines).encode() + b"\r\n" + fields + b"\r\n"


def refused(t, data, statuses=(400,), path="/dav/a/probe.txt"):
    """The bytes get one of the statuses, the connection ends, the second
    request is never answered, and PUT leaves no file."""
    second = SECOND % t.alice.authority.encode()
    try:
        answer, ended = t.alice.raw(data + second, "PUT")
    except WireError as error:
        t.fail("%r: %s", data[-120:], error)
    if answer is None:
        t.fail("%r: closed without an answer", data[-120:])
    if answer.status not in statuses:
        t.fail("%r: expected %r, got %r", data[-120:], statuses, answer)
    t.true(ended, "%r: more bytes, or an open connection, after %r",
           data[-120:], answer)
    t.status(t.alice.get(path), 404)


CHUNKED = b"Transfer-Encoding: chunked\r\n"
# Name, header fields, body: the table of reliability.md section 1.
PROBES = (
    ("TE and CL together", CHUNKED + b"Content-Length: 5\r\n",
     b"5\r\nhello\r\n0\r\n\r\n"),
    ("chunk size 0x5", CHUNKED, b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("chunk size +5", CHUNKED, b"+5\r\nhello\r\n0\r\n\r\n"),
    ("chunk extension ends in LF", CHUNKED, b"5;\nhello\r\n0\r\n\r\n"),
    ("LF-only chunk lines", CHUNKED, b"5\nhello\n0\n\n"),
    ("chunk size of 17 hex digits", CHUNKED,
     b"00000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("Content-Length 2^64", b"Content-Length: 18446744073709551616\r\n",
     b"hello"),
    ("two different CL", b"Content-Length: 5\r\nContent-Length: 6\r\n",
     b"hello!"),
    ("CL +5", b"Content-Length: +5\r\n", b"hello"),
    ("space before the colon of TE with CL",
     b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", b"hello"),
    ("obs-fold", b"X-A: 1\r\n 2\r\nContent-Length: 5\r\n", b"hello"),
    ("NUL in a header", b"X-A: a\x00b\r\nContent-Length: 5\r\n", b"hello"),
    ("CL list", b"Content-Length: 5, 5\r\n", b"hello"),
    ("TE xchunked", b"Transfer-Encoding: xchunked\r\n", b"hello"),
    ("duplicate TE", CHUNKED * 2, b"5\r\nhello\r\n0\r\n\r\n"),
    ("bare CR in a header", b"X-A: a\rb\r\nContent-Length: 5\r\n", b"hello"),
)


@case("reliability.md 1, probes 1 to 16: refused, closed, nothing smuggled",
      errors=(501,))
def twenty_probes(t):
    for _, fields, body in PROBES:
        refused(t, put_head(t, fields) + body, (400, 413, 501))


@case("reliability.md 1, probes 17 and 18: doubled Host and none are 400")
def host_probes(t):
    two = put_head(t, b"Host: %s\r\nContent-Length: 5\r\n"
                   % t.alice.authority.encode())
    refused(t, two + b"hello")
    none = put_head(t, b"Content-Length: 5\r\n", host=False)
    refused(t, none + b"hello")


@case("reliability.md 1, probe 19, V31: a trailer never authorises")
def trailer_authorization(t):
    secret = basic("alice", t.server.password_of("alice")).encode()
    data = (b"PUT /dav/a/probe.txt HTTP/1.1\r\nHost: %s\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            b"5\r\nhello\r\n0\r\nAuthorization: %s\r\n\r\n"
            % (t.alice.authority.encode(), secret))
    answer, _ = t.alice.raw(data, "PUT")
    t.status(answer, 401)
    t.status(t.alice.get("/dav/a/probe.txt"), 404)


@case("reliability.md 1, probe 20: GET with a chunked body is 400 or consumed")
def get_with_body(t):
    head = put_head(t, CHUNKED, "/dav/a/docs/plan.pdf", "GET")
    with t.alice.connect() as connection:
        connection.send(head + b"5\r\nhello\r\n0\r\n\r\n"
                        + put_head(t, b"", "/dav/a/docs/pic.png", "GET"), 2)
        first = connection.read()
        if first.status == 400:
            t.true(connection.ended(), "open after 400")
            return
        t.status(first, 200)
        second = t.status(connection.read(), 200)
        t.true(t.canaries["a/docs/pic.png"] in second.body,
               "the second request is read from the body of the first")


@case("V27: Content-Length in any other form than digits, or twice, is 400")
def length_conflicts(t):
    for value in ("-5", "0x5", "5 5", "", " ", "5,6", "5;", "five", "5.0",
                  "18446744073709551621", "9" * 40, "05", "1e1", "\xa05"):
        data = put_head(t, b"Content-Length: %s\r\n" % value.encode("latin-1"))
        refused(t, data + b"hello", (400, 413))
    same = put_head(t, b"Content-Length: 5\r\nContent-Length: 5\r\n")
    refused(t, same + b"hello")
    mixed = put_head(t, b"Content-Length: 5\r\n" + CHUNKED)
    refused(t, mixed + b"hello")


@case("V27: a length near 2^63 is refused before the body",
      errors=(507,))
def length_overflow(t):
    for value in (2 ** 63, 2 ** 63 - 1, 2 ** 64 - 1):
        data = put_head(t, b"Content-Length: %d\r\n" % value)
        refused(t, data + b"hello", (400, 413, 507))


@case("V27 twin: Content-Length 5 and a following request are both answered")
def good_length(t):
    path = t.fresh() + "f"
    with t.alice.connect() as connection:
        connection.send(put_head(t, b"Content-Length: 5\r\n", path)
                        + b"hello" + put_head(t, b"", path, "GET"), 2)
        t.status(connection.read("PUT"), 201)
        t.eq(connection.read().body, b"hello", "the body")


@case("V28: every other form of Transfer-Encoding is 400 or 501",
      errors=(501,))
def transfer_codings(t):
    body = b"5\r\nhello\r\n0\r\n\r\n"
    for value in (b"chunked, identity", b"identity, chunked", b"chunked;q=1",
                  b"\x0bchunked", b",chunked", b"identity", b"gzip",
                  b"gzip, chunked", b"chunked, chunked", b"chunke", b"",
                  b"\"chunked\"", b"chunked\x00", b"chunked,", b"[chunked]"):
        data = put_head(t, b"Transfer-Encoding: %s\r\n" % value)
        refused(t, data + body, (400, 501))
    for fields in (b"Transfer-Encoding : chunked\r\n",
                   b"Transfer-Encoding:\r\n chunked\r\n",
                   b" Transfer-Encoding: chunked\r\n",
                   b"Transfer-Encoding: identity\r\n" + CHUNKED,
                   b"Transfer-Encoding\t: chunked\r\n",
                   b"X: y\nTransfer-Encoding: chunked\r\n"):
        refused(t, put_head(t, fields) + body, (400, 411, 501))
    old = put_head(t, CHUNKED, version="1.0")
    refused(t, old + body, (400, 411, 501, 505))


@case("V28 twin: chunked in any case, with extensions and a trailer")
def good_chunks(t):
    path = t.fresh() + "f"
    for coding in (b"chunked", b"Chunked", b"CHUNKED"):
        head = put_head(t, b"Transfer-Encoding: %s\r\n" % coding, path)
        body = b"2;a=b\r\nhe\r\n003\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n"
        with t.alice.connect() as connection:
            connection.send(head + body + put_head(t, b"", path, "GET"), 2)
            t.status(connection.read("PUT"), 201, 204)
            t.eq(connection.read().body, b"hello", "the body")


@case("V29: chunk grammar that is not that of RFC 9112 7.1 leaves no file")
def chunk_grammar(t):
    good = b"hello\r\n0\r\n\r\n"
    for size in (b"-0", b"-5", b"5_", b" 5", b"5 5", b"", b"g", b"0X5",
                 b"f" * 16, b"f" * 17, b"5\r", b"5;\x00", b"5;a=\nb", b"\t5",
                 b"8000000000000000", b"5\x00", b"5,5"):
        refused(t, put_head(t, CHUNKED) + size + b"\r\n" + good,
                (400, 413))
    for body in (b"5\r\nhello0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n",
                 b"5\r\nhello!\r\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n",
                 b"4\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r0\r\n\r\n",
                 b"5\r\nhello!\n0\r\n\r\n", b"5\r\nhello\r!0\r\n\r\n",
                 b"5\r\nhello!!0\r\n\r\n", b"5\r!hello\r\n0\r\n\r\n",
                 b"5;a\r!hello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r!\r\n",
                 b"5\r\nhello\r\n0\r\n\r!", b"5\r\nhello\r\n0\r\nX: y\r!\r\n",
                 b"5\r\nhello\r\n0\r\nbad trailer\r\n\r\n",
                 b"5\r\nhello\r\n0\r\nX: a\x00\r\n\r\n"):
        refused(t, put_head(t, CHUNKED) + body, (400,))


@case("V29, R14: a body that ends early leaves no file and no change")
def cut_bodies(t):
    old = t.file(b"old bytes")
    for path in ("/dav/a/probe.txt", old):
        for fields, body in ((CHUNKED, b"5\r\nhello\r\n"),
                             (CHUNKED, b"5\r\nhe"), (CHUNKED, b""),
                             (CHUNKED, b"5\r\nhello\r\n0\r\n"),
                             (b"Content-Length: 9\r\n", b"hello")):
            with t.alice.connect() as connection:
                connection.send(put_head(t, fields, path) + body)
                connection.sock.shutdown(1)
                connection.ended()
                connection.buffer = b""
    t.status(t.alice.get("/dav/a/probe.txt"), 404)
    t.body(t.alice, old, b"old bytes")


@case("V30: long chunk extensions are 400 or 413 within little overhead")
def extension_flood(t):
    long = b"5;" + b"x" * 65536 + b"\r\nhello\r\n0\r\n\r\n"
    many = (b"1;" + b"y" * 4096 + b"\r\nz\r\n") * 64 + b"0\r\n\r\n"
    for body in (long, many):
        answer, ended = t.alice.raw(put_head(t, CHUNKED) + body, "PUT")
        if answer is not None:
            t.status(answer, 400, 413)
        t.true(ended, "the connection stays open")
        t.status(t.alice.get("/dav/a/probe.txt"), 404)


@case("V30 twin: 20 000 chunks of one byte are a body")
def tiny_chunks(t):
    path = t.fresh() + "f"
    with t.alice.connect() as connection:
        connection.send(put_head(t, CHUNKED, path)
                        + b"1\r\nz\r\n" * 20000 + b"0\r\n\r\n")
        t.status(connection.read("PUT"), 201)
    t.body(t.alice, path, b"z" * 20000)


@case("V31: trailers are never merged into the header")
def trailers_ignored(t):
    path = t.fresh() + "f"
    trailers = (b"Host: evil.example\r\nContent-Length: 1\r\n"
                b"X-Forwarded-For: 9.9.9.9\r\nIf-Match: \"nope\"\r\n"
                b"If-None-Match: *\r\nContent-Range: bytes 0-1/2\r\n")
    for expected in (201, 204):
        with t.alice.connect() as connection:
            connection.send(put_head(t, CHUNKED, path)
                            + b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n")
            t.status(connection.read("PUT"), expected)
    t.body(t.alice, path, b"hello")


@case("RFC 9112 2.2, 3: request lines that are none are refused",
      errors=(501, 505))
def request_lines(t):
    host = b"\r\nHost: %s\r\n\r\n" % t.alice.authority.encode()
    for line in (b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b" GET / HTTP/1.1",
                 b"GET /", b"GET\t/ HTTP/1.1", b"GET / http/1.1",
                 b"GET / HTTP/1", b"GET / HTTP/1.10", b"GET / HTTP/11",
                 b"GET HTTP/1.1", b"/ HTTP/1.1", b"GET / /x HTTP/1.1",
                 b"G(T / HTTP/1.1", b"GET x HTTP/1.1", b"GET / HTTP/1.1\r"):
        answer, ended = t.alice.raw(line + host)
        t.true(ended, "%r leaves the connection open", line)
        if answer is None:
            t.fail("%r: no answer", line)
        t.status(answer, 400, 505, 501)


if __name__ == "__main__":
    main(Cells)
