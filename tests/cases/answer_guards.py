#!/usr/bin/python3 -B
"""What every answer says to browsers and caches (reliability.md 8),
security.txt (RFC 9116), and passwords that came in the clear.

As root the server gets a network of its own, with an address that is not
loopback.
"""

import ctypes
import datetime
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import World, case, main                              # noqa: E402
from owned import Owned                                          # noqa: E402
from tls_server import tls_configure, tls_context                # noqa: E402
from wire import Client                                          # noqa: E402

CLONE_NEWNET = 0x40000000
AWAY = "192.0.2.1"
PAGE = "<html><script>alert(1)</script></html>"
SANDBOX = "sandbox; default-src 'none'"
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def network_make():
    """False: not allowed to."""
    if os.geteuid() != 0 or \
            ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    return all(subprocess.run(["ip", *words.split()], check=False,
                              capture_output=True).returncode == 0
               for words in ("link set lo up",
                             "address add %s/32 dev lo" % AWAY))


OWN_NETWORK = network_make()


def answers(t, client, path):
    """One answer of each kind: what was asked, and what came."""
    page, name = path + "page.html", path + "new"
    etag = client.get(page).etag
    asked = [
        ("GET", page, {}, None), ("HEAD", page, {}, None),
        ("GET", page, {"Range": "bytes=1-3"}, None),
        ("GET", page, {"Range": "bytes=1-3,5-7"}, None),
        ("GET", page, {"Range": "bytes=900-"}, None),
        ("GET", page, {"If-None-Match": etag}, None),
        ("GET", page, {"If-Match": '"no"'}, None),
        ("GET", path, {}, None), ("GET", "/", {}, None),
        ("GET", "/healthz", {}, None), ("GET", path + "none", {}, None),
        ("POST", page, {}, None), ("BREW", page, {}, None),
        ("OPTIONS", page, {}, None), ("PUT", name, {}, b"x"),
        ("PROPFIND", path, {"Depth": "1"}, None),
        ("PROPFIND", path, {"Depth": "infinity"}, None),
        ("PROPPATCH", name, {}, b"<no"), ("MKCOL", path + "sub/", {}, None),
        ("COPY", name, {"Destination": client.origin + path + "c"}, None),
        ("MOVE", name, {"Destination": client.origin + path + "m"}, None),
        ("LOCK", page, {}, b"<lockinfo xmlns='DAV:'><lockscope><exclusive/>"
         b"</lockscope><locktype><write/></locktype></lockinfo>"),
        ("DELETE", page, {}, None), ("UNLOCK", page, {}, None),
        ("REPORT", path, {}, b"<sync-collection xmlns='DAV:'><sync-token/>"
         b"<sync-level>1</sync-level><prop/></sync-collection>"),
        ("DELETE", path + "m", {}, None),
    ]
    for method, target, fields, body in asked:
        answer = client.request(method, target, fields, body)
        yield "%s %s %s: %d" % (method, target, fields, answer.status), answer
    with client.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nbad\r\n\r\n")
        yield "a head that is none", connection.read()


def guards_check(t, client, secure):
    path = "/dav/a/case/"
    t.status(client.mkcol(path), 201)
    t.status(client.put(path + "page.html", PAGE.encode()), 201)
    seen = set()
    for what, answer in answers(t, client, path):
        seen.add(answer.status)
        for field, value in FIXED.items():
            t.eq(answer.all(field), [value], "%s of %s" % (field, what))
        t.eq(answer.all("Strict-Transport-Security"),
             ["max-age=63072000"] if secure else [], "HSTS of " + what)
        t.eq(answer.all("Server"), ["celldav"], "Server of " + what)
        names = [name.lower() for name, _ in answer.headers]
        t.eq(sorted(names), sorted(set(names)), "fields of " + what)
        if answer.status >= 400 and "page.html {'Range'" not in what:
            t.eq(answer.get("Cache-Control"), "no-store", what)
        if answer.status >= 400:
            t.eq(answer.get("Content-Security-Policy"), SANDBOX, what)
    t.true({200, 201, 204, 206, 207, 304, 400, 403, 404, 405, 412, 416, 423}
           <= seen, "not all kinds of answers were seen: %s", sorted(seen))


@case("reliability.md 8: all answers carry the guards, plain ones no HSTS")
def guards_plain(t):
    with Owned() as server:
        server.start()
        guards_check(t, server.client("alice"), False)


@case("reliability.md 8: over TLS the same, and HSTS of two years")
def guards_tls(t):
    with Owned() as server:
        certificate = tls_configure(server)
        server.start()
        guards_check(t, server.client("alice", tls_context(certificate)),
                     True)


@case("reliability.md 8: user content is an attachment in a sandbox, always")
def content_is_inert(t):
    with Owned() as server:
        server.start()
        alice, path = server.client("alice"), "/dav/a/page.html"
        t.status(alice.put(path, PAGE.encode()), 201)
        etag = alice.get(path).etag
        for fields, status in (({}, 200), ({"Range": "bytes=0-4"}, 206),
                               ({"Range": "bytes=0-1,4-5"}, 206),
                               ({"If-None-Match": etag}, 304),
                               ({"Range": "bytes=900-"}, 416)):
            answer = alice.get(path, fields)
            t.status(answer, status)
            t.eq(answer.get("Content-Security-Policy"), SANDBOX, str(fields))
            if status != 304:
                t.true((answer.get("Content-Disposition") or "").startswith(
                    "attachment; filename="), "%s: %r", fields, answer)
            t.eq(answer.get("Cache-Control"), "private, no-cache",
                 str(fields))


@case("RFC 9116: security.txt tells the contact, and expires within a year")
def security_txt(t):
    name = "/.well-known/security.txt"
    with Owned() as server:
        server.start()
        t.status(server.client().get(name), 404)
        t.status(server.client().get("/.well-known/"), 404)
    with Owned() as server:
        server.configure(None, "security_contact", "mailto:it@example.org")
        server.configure(None, "public_url", "https://files.example/")
        server.start()
        client = server.client()
        answer = client.get(name)
        t.status(answer, 200)
        t.eq(answer.get("Content-Type"), "text/plain; charset=utf-8", "type")
        lines = dict(line.split(": ", 1)
                     for line in answer.text.strip().split("\n"))
        t.eq(lines["Contact"], "mailto:it@example.org", "Contact")
        t.eq(lines["Canonical"], "https://files.example" + name, "Canonical")
        left = datetime.datetime.fromisoformat(
            lines["Expires"].replace("Z", "+00:00")) \
            - datetime.datetime.now(datetime.timezone.utc)
        t.true(datetime.timedelta(30) < left < datetime.timedelta(365),
               "expires in %s", left)
        t.status(client.request("HEAD", name), 200)
        t.status(client.request("PUT", name, {}, b"x"), 405)
        t.status(client.get(name + "/more"), 404)


@case("security_contact: what is no address of that kind is refused")
def security_contact(t):
    for value in ("it@example.org", "http://example.org/", "mailto:",
                  "mailto:a b", "javascript:alert(1)"):
        with Owned() as server:
            server.configure(None, "security_contact", value)
            done = server.run("check")
            t.eq(done.returncode, 1, "check of %r" % value)
            t.true(re.search(r":\d+: security_contact", done.stderr),
                   "%r: %s", value, done.stderr)


@case("ASVS 4.1.2: Basic in the clear is refused from any other machine")
def plain_basic(t):
    if not OWN_NETWORK:
        return
    for rule, status in (("loopback", 403), ("never", 403), ("always", 207)):
        conf = {("auth", "basic_over_plain_http"): rule}
        with Owned(conf=conf) as server:
            server.configure(None, "listen", ["0.0.0.0:%d" % server.port])
            server.configure(None, "server_names",
                             ["%s:%d" % (AWAY, server.port)])
            server.start()
            away = Client(AWAY, server.port, "alice",
                          server.password_of("alice"))
            answer = away.propfind("/dav/a/", "0")
            t.status(answer, status)
            t.eq(answer.get("WWW-Authenticate"), None, "challenge")


if __name__ == "__main__":
    main(World)
