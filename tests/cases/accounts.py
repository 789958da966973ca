#!/usr/bin/python3 -B
"""Who is asking: Basic, app passwords, guessing, groups, periods, cells."""

import contextlib
import datetime
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, dump                                     # noqa: E402
from observed import WireError                                   # noqa: E402
from wire import basic, wait_until                               # noqa: E402
from world import Cells                                          # noqa: E402

PDF = "/dav/a/docs/plan.pdf"
MANY = 64
LIMITS = {("auth", "guess_free"): 5, ("auth", "guess_seconds"): 3}


def stamp(seconds):
    now = datetime.datetime.now(datetime.timezone.utc)
    moment = now + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def new_user(t, name, grant=None):
    t.server.user(name)
    if grant:
        t.server.grant("a/docs", "user:" + name, grant)
    return t.client(name)


@case("RFC 7617: the right password is let in, each wrong one is 401")
def basic_auth(t):
    user = new_user(t, "erin", "download-original")
    t.status(user.get(PDF), 200)
    good = t.server.password_of("erin")
    for password in (good + "x", good[:-1], "", good.upper()):
        answer = t.nobody.get(PDF, {"Authorization": basic("erin",
                                                           password)})
        t.status(answer, 401)
        t.true(answer.get("WWW-Authenticate").startswith("Basic realm="),
               "%r", answer)
    t.status(user.get(PDF), 200)


@case("RFC 9110 11.6.2: Authorization that is none is 401 or 400")
def malformed_credentials(t):
    for value in ("", "Basic", "Basic ", "Basic !!!", "Basic YQ==",
                  "Basic " + "QQ" * 3000, "Digest username=\"alice\"",
                  "basic:x", "Bearer x", "Basic Og==", "Basic AAAA",
                  "Negotiate x"):
        t.status(t.nobody.get(PDF, {"Authorization": value}), 400, 401, 431)


@case("RFC 9110 11.1: the name of the scheme is case-insensitive")
def scheme_case(t):
    value = basic("alice", t.server.password_of("alice"))
    bare = t.server.client()
    for scheme in ("basic", "BASIC", "BaSiC"):
        t.status(bare.get(PDF, {"Authorization": scheme + value[5:]}), 200)


@case("V59a: an unknown user and a wrong password answer alike")
def unknown_user(t):
    new_user(t, "frank")
    seen = []
    for name in ("frank", "never"):
        answer = t.nobody.get(PDF, {"Authorization": basic(name, "wrong")})
        seen.append((answer.status, sorted(
            h for h in answer.headers if h[0] != "Date"), answer.body))
    t.eq(seen[0], seen[1], "401 of a known and an unknown user")


@case("issue, 6: an app password opens, its revoking shuts on the next request")
def app_password(t):
    user = new_user(t, "grace", "download-original")
    made = t.server.command("app-password", "add", "grace", "--label",
                            "laptop")
    word = made.strip()
    t.true(word and "\n" not in word, "printed alone: %r", made)
    t.server.secrets.add(word)
    device = t.nobody.as_user("grace", word)
    t.status(device.get(PDF), 200)
    listed = t.server.json("app-password", "list", "grace")
    t.true("laptop" in repr(listed), "list: %r", listed)
    t.true(word not in repr(listed), "the list shows the password")
    other = t.server.command("app-password", "add", "grace", "--label",
                             "phone").strip()
    t.server.secrets.add(other)
    t.true(other != word, "two equal passwords")
    revoke_label(t, "grace", listed, "laptop")
    t.status(device.get(PDF), 401)
    t.status(t.nobody.as_user("grace", other).get(PDF), 200)
    t.status(user.get(PDF), 200)


def revoke_label(t, user, listed, label):
    """Revoke by label, or by the id that the list gives for it."""
    done = t.server.run("app-password", "revoke", user, label)
    if done.returncode != 0:
        rows = listed if isinstance(listed, list) \
            else next(v for v in listed.values() if isinstance(v, list))
        one = [r for r in rows if r.get("label") == label][0]
        t.server.command("app-password", "revoke", user, str(one["id"]))


@case("issue, 6: a disabled user is out on the next request, and back")
def disable(t):
    user = new_user(t, "heidi", "download-original")
    t.status(user.get(PDF), 200)
    t.server.command("user", "disable", "heidi")
    t.status(user.get(PDF), 401)
    t.server.command("user", "enable", "heidi")
    t.status(user.get(PDF), 200)


@case("issue, 6: a new password acts on the next request, the old is dead")
def passwd(t):
    user = new_user(t, "ivan", "download-original")
    t.status(user.get(PDF), 200)
    t.server.set_password("ivan", "another-password-1")
    t.server.command("user", "passwd", "ivan", "--password-file",
                     t.server.password_file("ivan"))
    t.status(user.get(PDF), 401)
    t.status(t.client("ivan").get(PDF), 200)


@case("issue, 6: a removed user is out; his name opens nothing")
def remove(t):
    user = new_user(t, "judy", "download-original")
    t.status(user.get(PDF), 200)
    t.server.command("user", "remove", "judy")
    t.status(user.get(PDF), 401)


@case("issue, 6: a grant, its change and its revoking act on the next request")
def grant_change(t):
    user = new_user(t, "kim")
    t.status(user.get(PDF), 404)
    for rights, status in (("download-original", 200), ("view", 403),
                           ("no-access", 404), ("contributor", 200)):
        t.server.grant("a/docs", "user:kim", rights)
        t.status(user.get(PDF), status)
    t.server.revoke("a/docs", "user:kim")
    t.status(user.get(PDF), 404)


@case("rights.md 8: a revoke cuts a running download within a second or so")
def revoke_cuts(t):
    user = new_user(t, "lena")
    data = os.urandom(1 << 20) * 32
    path = t.file(data)
    place = "a/" + path.split("/")[3]
    t.server.grant(place, "user:lena", "download-original")
    with user.connect(rcvbuf=4096) as connection:
        connection.send(user.head("GET", path))
        t.status(connection.read_head(), 200)
        t.server.revoke(place, "user:lena")
        time.sleep(2)
        got, connection.buffer = len(connection.buffer), b""
        while got < len(data) and connection._fill():
            got, connection.buffer = got + len(connection.buffer), b""
    t.true(got < len(data), "all %d bytes came after the revoke", got)


@case("rights.md 3.14, T10: an upload whose right is revoked stores nothing")
def revoke_upload(t):
    user = new_user(t, "max")
    path = t.fresh()
    place = "a/" + path.split("/")[3]
    t.server.grant(place, "user:max", "contributor")
    with user.connect() as connection:
        connection.send(user.head("PUT", path + "f", length=200000))
        connection.send(b"x" * 100000, 0)
        time.sleep(0.3)
        t.server.revoke(place, "user:max")
        try:
            connection.send(b"x" * 100000, 0)
            t.status(connection.read("PUT"), 403, 404)
        except (OSError, WireError):
            pass    # cut: the connection died instead
    time.sleep(0.3)
    t.eq(len(dump(t.alice, path)), 1, "entries")


@case("issue, 6: groups: join and leave act on the next request")
def groups(t):
    user = new_user(t, "nina")
    t.server.group("readers")
    t.server.grant("a/docs", "group:readers", "download-original")
    t.status(user.get(PDF), 404)
    t.server.command("group", "join", "readers", "nina")
    t.status(user.get(PDF), 200)
    t.server.command("group", "leave", "readers", "nina")
    t.status(user.get(PDF), 404)
    t.server.command("group", "join", "readers", "nina")
    t.server.command("group", "remove", "readers")
    t.status(user.get(PDF), 404)


@case("T12: a grant opens at --from and ends at --until")
def periods(t):
    user = new_user(t, "olga")
    t.server.grant("a/docs", "user:olga", "download-original", "--from",
                   stamp(3600))
    t.status(user.get(PDF), 404)
    t.server.grant("a/docs", "user:olga", "download-original", "--from",
                   stamp(-3600), "--until", stamp(-1))
    t.status(user.get(PDF), 404)
    t.server.grant("a/docs", "user:olga", "download-original", "--until",
                   stamp(4))
    t.status(user.get(PDF), 200)
    t.true(wait_until(lambda: user.get(PDF).status == 404, 30),
           "still open after --until")
    t.server.grant("a/docs", "user:olga", "download-original", "--from",
                   stamp(2))
    t.true(wait_until(lambda: user.get(PDF).status == 200, 30),
           "not open after --from")


@case("interface.md 1: times are RFC 3339, YYYY-MM-DD or +7d; else usage")
def period_forms(t):
    user = new_user(t, "pat")
    for until in ("2090-01-01", "+7d", "2090-01-01T00:00:00Z",
                  "2090-01-01T00:00:00+02:00"):
        t.server.grant("a/docs", "user:pat", "download-original", "--until",
                       until)
        t.status(user.get(PDF), 200)
        t.server.revoke("a/docs", "user:pat")
    for bad in ("yesterday", "2090-13-01", "+x", "", "2090-02-30"):
        done = t.server.run("grant", "set", "a/docs", "user:pat", "view",
                            "--until", bad)
        t.true(done.returncode in (1, 2), "%r was taken", bad)
        t.status(user.propfind("/dav/a/docs/"), 404)


@case("interface.md 2: /dav/ lists the visible cells and my-files, no others")
def cell_list(t):
    expected = {None: None, "alice": {"a"}, "carol": {"b"},
                "bob": {"a", "b"}, "mallory": set()}
    for user, cells in expected.items():
        if user is None:
            t.status(t.nobody.propfind("/dav/", "1"), 401)
            continue
        items = t.multistatus(t.clients[user].propfind("/dav/", "1"))
        t.eq(items[0].href, "/dav/", "the first href")
        seen = {i.href.split("/")[2] for i in items[1:]} - {"my-files"}
        known = {"a", "b", "rooted"}
        t.eq(seen & known, cells, "cells of " + user)
        t.true(all(i.is_collection for i in items), "a cell is no collection")


@case("interface.md 2: nothing is made, moved or deleted in /dav/ itself")
def cell_list_fixed(t):
    before = sorted(dump(t.alice, "/dav/"))
    for answer in (t.alice.mkcol("/dav/new/"), t.alice.put("/dav/f", b"x"),
                   t.alice.delete("/dav/a/"), t.alice.delete("/dav/"),
                   t.alice.move("/dav/a/", "/dav/z/"),
                   t.alice.copy("/dav/a/docs/", "/dav/z/"),
                   t.alice.move("/dav/my-files/", "/dav/a/mine/"),
                   t.alice.lock("/dav/"), t.alice.lock("/dav/newname"),
                   t.alice.proppatch("/dav/", [("{urn:t}x", "v")])):
        t.true(answer.status in (403, 404, 405, 409), "%r", answer)
    t.eq(sorted(dump(t.alice, "/dav/")), before, "the tree")


@case("interface.md 2: /dav/my-files/ is each user's own cell")
def my_files(t):
    for client in (t.alice, t.mallory):
        t.status(client.put("/dav/my-files/mine.txt", client.user), 201)
    for client in (t.alice, t.mallory):
        t.body(client, "/dav/my-files/mine.txt", client.user)
    t.status(t.nobody.get("/dav/my-files/mine.txt"), 401)
    t.server.grant("~alice/mine.txt", "user:bob", "download-original")
    t.status(t.bob.get("/dav/my-files/mine.txt"), 404)


@case("issue, 6: a cell stands on a folder of another cell (--root)")
def rooted_cell(t):
    t.server.cell("rooted", "alice", "--root", "a/docs")
    t.body(t.alice, "/dav/rooted/plan.pdf",
           b"canary " + t.canaries["a/docs/plan.pdf"])
    t.status(t.alice.put("/dav/rooted/both.txt", b"both"), 201)
    t.body(t.alice, "/dav/a/docs/both.txt", b"both")
    t.status(t.mallory.propfind("/dav/rooted/"), 404)
    t.server.grant("rooted", "user:mallory", "atoms:stat,list")
    items = t.multistatus(t.mallory.propfind("/dav/rooted/", "1"))
    t.true(len(items) > 5, "members for mallory: %d", len(items))
    t.status(t.mallory.propfind("/dav/rooted/../docsecret/"), 400, 404)
    t.status(t.mallory.get("/dav/a/docsecret/x.txt"), 404)
    t.status(t.alice.delete("/dav/a/docs/both.txt"), 204)
    t.status(t.alice.get("/dav/rooted/both.txt"), 404)


@case("rights.md 5: a user's quota is one for all his cells", errors=(507,))
def user_quota(t):
    t.server.user("quentin", "--quota", "10K")
    user = t.client("quentin")
    t.status(user.put("/dav/my-files/a", b"x" * 8000), 201)
    t.error(user.put("/dav/my-files/b", b"x" * 8000), 507,
            DAV + "quota-not-exceeded")
    t.status(user.get("/dav/my-files/b"), 404)
    t.status(user.put("/dav/my-files/b", b"x" * 1000), 201)


def until_slowed(t, user):
    """Guess until 429; fails when it never comes."""
    for number in range(40):
        answer = t.nobody.get(PDF, {
            "Authorization": basic(user, "wrong-%d" % number),
            "X-Forwarded-For": "10.0.0.%d" % number})
        t.status(answer, 401, 429)
        if answer.status == 429:
            return answer
    t.fail("40 guesses and no 429")
    return None


@case("rights.md 5: guessing is slowed with 429 + Retry-After, others are not")
def guessing(t):
    user = new_user(t, "rita", "download-original")
    t.status(user.get(PDF), 200)
    answer = until_slowed(t, "rita")
    t.true(int(answer.get("Retry-After")) > 0, "Retry-After: %r", answer)
    t.status(t.alice.get(PDF), 200)
    t.status(t.bob.get(PDF), 200)
    t.true(wait_until(lambda: user.get(PDF).status == 200, 60),
           "the right password is shut out for good")


@case("rights.md 5: an unknown name is slowed like a known one")
def guessing_unknown(t):
    until_slowed(t, "nobody-of-this-name")
    t.status(t.alice.get(PDF), 200)


@case("a device with a revoked app password does not shut out its owner")
def revoked_device(t):
    user = new_user(t, "vera", "download-original")
    word = t.server.command("app-password", "add", "vera", "--label",
                            "tablet").strip()
    t.server.secrets.add(word)
    device = t.nobody.as_user("vera", word)
    t.status(device.get(PDF), 200)
    revoke_label(t, "vera", t.server.json("app-password", "list", "vera"),
                 "tablet")
    for _ in range(4 * LIMITS["auth", "guess_free"]):
        t.status(device.get(PDF), 401)
    t.eq({a.status for a in together(device, MANY // 4)}, {401}, "at once")
    t.status(user.get(PDF), 200)


@case("each other password of that shape is a guess, and slowed")
def shaped_guesses(t):
    new_user(t, "wilma", "download-original")
    seen = [t.nobody.as_user("wilma", letter * 32).get(PDF).status
            for letter in "abcdefghijkl"]
    t.eq(seen[:LIMITS["auth", "guess_free"] + 1],
         [401] * (LIMITS["auth", "guess_free"] + 1), "the first")
    t.true(429 in seen, "never slowed: %r", seen)


def hash_runs(t):
    """How often a thread of the hash lane has taken work."""
    text = t.status(t.server.admin().get("/metrics"), 200).text
    found = re.search(r'^celldav_lane_wait_seconds_count\{lane="hash"\} (\d+)$',
                      text, re.M)
    t.true(found, "no count of the hash lane in the metrics")
    return int(found.group(1))


def together(client, count, leave=0):
    """One request on each of many new connections, then all answers; the
    first `leave` connections are given up unread."""
    with contextlib.ExitStack() as stack:
        open_ones = [stack.enter_context(client.connect())
                     for _ in range(count)]
        for connection in open_ones:
            connection.send(client.head("GET", PDF))
        for connection in open_ones[:leave]:
            connection.close()
        return [one.read() for one in open_ones[leave:]]


@case("one argon2id run lets in 64 connections with one right password")
def sign_in_together(t):
    user = new_user(t, "sam", "download-original")
    before = hash_runs(t)
    t.eq([a.status for a in together(user, MANY)], [200] * MANY, "answers")
    runs = hash_runs(t) - before
    t.true(1 <= runs <= MANY // 8, "%d runs for %d connections", runs, MANY)


@case("who signs in together with a connection that ends is still let in")
def sign_in_left(t):
    user = new_user(t, "tess", "download-original")
    answers = together(user, MANY // 2, leave=MANY // 4)
    t.eq({a.status for a in answers}, {200}, "answers")


@case("rights.md 5: 64 wrong ones at once count, each; known or not, alike")
def guess_together(t):
    user = new_user(t, "uma", "download-original")
    seen = []
    for name in ("uma", "no-such-uma"):
        answers = together(t.nobody.as_user(name, "wrong"), MANY)
        t.eq({a.status for a in answers} - {429}, {401}, "of " + name)
        seen.append({(a.body, a.get("WWW-Authenticate"))
                     for a in answers if a.status == 401})
        t.eq(len(seen[-1]), 1, "ways to say 401")
    t.eq(seen[0], seen[1], "401 of a known and an unknown user")
    t.status(user.get(PDF), 429)
    t.true(wait_until(lambda: user.get(PDF).status == 200, 60),
           "the right password is shut out for good")


def build():
    return Cells(conf=LIMITS)


if __name__ == "__main__":
    main(build)
