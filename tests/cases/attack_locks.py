#!/usr/bin/python3 -B
"""V04 to V09 of reliability.md: Depth, wide trees, locks, the If header."""

import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, XML_TYPE, multistatus, prop_body         # noqa: E402
from wire import lint, lock_token, wait_until                    # noqa: E402
from world import Cells                                          # noqa: E402

FINITE = DAV + "propfind-finite-depth"
WIDE = 6000
LAST = "f%05d.txt" % (WIDE - 1)
LOCK_CAP = 40
SECONDS = re.compile(r"Second-([0-9]{1,9})\Z")


@case("V04: PROPFIND infinity is 403 propfind-finite-depth, never Depth 1")
def propfind_infinity(t):
    path = t.fresh()
    for depth in ("infinity", "Infinity", None):
        answer = t.alice.propfind(path, depth, [DAV + "getetag"])
        t.error(answer, 403, FINITE)
        t.error(t.alice.propfind("/dav/a/docs/", depth), 403, FINITE)


@case("V05: a Depth that is no depth is 400")
def bad_depth(t):
    for depth in ("every", "2", "-1", "infinity, 0", "0,1", "1.0", "0x1",
                  "01", "noroot", ""):
        t.status(t.alice.propfind("/dav/a/docs/", depth), 400)
    answer = t.alice.request("PROPFIND", "/dav/a/docs/",
                             [("Depth", "0"), ("Depth", "1")])
    t.status(answer, 400)


@case("V05, RFC 4918 9.6.1, 9.8.3, 9.9.2, 9.10.3: Depth that a method lacks")
def wrong_depth(t):
    path = t.fresh()
    t.status(t.alice.put(path + "member", b"x"), 201)
    with t.unchanged(t.alice, path):
        for depth in ("0", "1"):
            t.status(t.alice.delete(path, {"Depth": depth}), 400)
            t.status(t.alice.move(path, path[:-1] + "-moved/",
                                  {"Depth": depth}), 400)
        t.status(t.alice.copy(path, path[:-1] + "-copied/", {"Depth": "1"}),
                 400)
        t.status(t.alice.lock(path, depth="1"), 400)
    t.status(t.alice.propfind(path[:-1] + "-copied/"), 404)


@case("V05 twin: Depth 0, 1 and infinity where they are allowed")
def good_depth(t):
    path = t.fresh()
    t.status(t.alice.put(path + "member", b"x"), 201)
    t.eq(len(t.multistatus(t.alice.propfind(path, "0"))), 1, "Depth 0")
    t.eq(len(t.multistatus(t.alice.propfind(path, "1"))), 2, "Depth 1")
    t.status(t.alice.copy(path, path[:-1] + "-copied/", {"Depth": "0"}), 201)
    t.eq(len(t.multistatus(t.alice.propfind(path[:-1] + "-copied/", "1"))),
         1, "members of a Depth 0 copy")
    t.status(t.alice.delete(path, {"Depth": "infinity"}), 204)


@case("V06: a wide listing streams: little memory, others are served")
def wide_listing(t):
    folder = tempfile.mkdtemp(dir=t.server.scratch)
    for number in range(WIDE):
        with open("%s/f%05d.txt" % (folder, number), "wb"):
            pass
    path = t.fresh()
    t.server.command("cell", "import", "a", folder, "--at",
                     path.split("/")[-2])
    t.multistatus(t.alice.propfind(path, "0"))
    before = t.server.rss()
    body = prop_body("propfind", "allprop")
    with t.alice.connect(rcvbuf=4096) as slow:
        slow.send(t.alice.head("PROPFIND", path, {
            "Depth": "1", "Content-Type": XML_TYPE}, len(body))
            + body.encode())
        answer = slow.read_head()
        t.status(answer, 207)
        time.sleep(0.5)
        t.status(t.bob.put("/dav/b/during.txt", b"x"), 201, 204)
        t.body(t.bob, "/dav/b/during.txt", b"x")
        grown = t.server.rss() - before
        t.status(t.alice.delete(path + LAST), 204)
        slow.owed -= 1
        slow.read_body(answer, "PROPFIND")
        lint(answer, "PROPFIND")
    t.true(grown <= 4 << 20 or t.server.sanitized, "RSS grew by %d", grown)
    hrefs = [item.href for item in multistatus(answer.body)]
    t.true(path + LAST not in hrefs, "what went while the client paused is"
           " listed: the answer was made at once, or its snapshot is held")
    t.eq(len(hrefs), WIDE, "members and the collection")
    t.eq(len(set(hrefs)), WIDE, "each once")


def token_of(t, path, client=None, **options):
    return lock_token((client or t.alice).lock(path, **options))


@case("V07: locks of one principal are capped, 507 or 403 past the limit",
      errors=(507,))
def lock_cap(t):
    path, held = t.fresh(t.carol, "b"), []
    while len(held) < LOCK_CAP + 5:
        answer = t.carol.lock(path + "n%d" % len(held))
        if answer.status != 201:
            break
        held.append((path + "n%d" % len(held), lock_token(answer)))
    t.status(answer, 507, 403)
    t.eq(len(held), LOCK_CAP, "locks before the refusal")
    t.status(t.carol.propfind(path + "n%d" % len(held)), 404)
    name, token = held.pop()
    t.status(t.carol.unlock(name, token), 204)
    again = t.carol.lock(path + "again")
    t.status(again, 201)
    t.status(t.carol.unlock(path + "again", lock_token(again)), 204)
    for name, token in held:
        t.status(t.carol.unlock(name, token), 204)


@case("V07: shared locks on one resource count as well",
      errors=(507,))
def shared_lock_cap(t):
    path, tokens = t.file(client=t.carol, cell="b"), []
    for _ in range(LOCK_CAP + 5):
        answer = t.carol.lock(path, scope="shared")
        if answer.status != 200:
            break
        tokens.append(lock_token(answer))
    t.status(answer, 507, 403)
    t.eq(len(tokens), LOCK_CAP, "shared locks before the refusal")
    t.eq(len(set(tokens)), LOCK_CAP, "each with a token of its own")
    for token in tokens:
        t.status(t.carol.unlock(path, token), 204)


@case("V07: any Timeout is clipped or 400, never a lock already expired")
def lock_timeouts(t):
    for timeout in ("Infinite", "Second-4100000000", "Second-4294967297",
                    "Second-" + "9" * 30, "Second--5", "Second-", "x",
                    "Second-18446744073709551617", "",
                    "Infinite, Second-4100000000", "Second-3600"):
        path = t.file()
        answer = t.alice.lock(path, timeout=timeout)
        t.status(answer, 200, 400)
        if answer.status == 400:
            t.status(t.alice.put(path, b"free"), 204)
            continue
        told = answer.xml().find(".//" + DAV + "timeout").text
        seconds = SECONDS.match(told or "")
        t.true(seconds and 0 < int(seconds.group(1)) <= 3600,
               "Timeout %r gave %r", timeout, told)
        t.status(t.alice.put(path, b"locked"), 423)
        t.status(t.alice.unlock(path, lock_token(answer)), 204)


@case("V07 twin: what clients send as Timeout gives a lock (Windows, davfs2)")
def usual_timeouts(t):
    for timeout in ("Second-3600", "Second-1800", "Infinite",
                    "Infinite, Second-4100000000"):
        path = t.file()
        answer = t.status(t.alice.lock(path, timeout=timeout), 200)
        t.status(t.alice.unlock(path, lock_token(answer)), 204)


@case("V07, RFC 4918 6.6: an expired lock is gone, its resource stays")
def lock_expiry(t):
    path = t.fresh() + "reserved"
    t.status(t.alice.lock(path, timeout="Second-1"), 201)
    t.status(t.alice.put(path, b"early"), 423, 204)
    free = lambda: t.alice.put(path, b"late").status == 204
    t.true(wait_until(free, 30), "the lock did not expire")
    found = t.multistatus(t.alice.propfind(path, props=[
        DAV + "lockdiscovery"]))[0].props[DAV + "lockdiscovery"][1]
    t.eq(len(found), 0, "activelock elements after expiry")


@case("V08: a foreign token opens nothing and is never shown")
def foreign_token(t):
    path = t.file(b"carol's", t.carol, "b")
    token = token_of(t, path, t.carol, owner="carol-owner-text")
    own = {"If": "(<%s>)" % token}
    t.status(t.bob.put(path, b"bob's", own), 423, 403, 412)
    t.status(t.bob.delete(path, own), 423, 403, 412)
    t.status(t.bob.move(path, path + "2", own), 423, 403, 412)
    t.status(t.bob.proppatch(path, [("{urn:t}x", "v")], headers=own),
             423, 403, 412)
    t.error(t.bob.unlock(path, token), 403, DAV + "need-privileges")
    for answer in (t.bob.put(path, b"no"), t.bob.lock(path),
                   t.bob.propfind(path, props=[DAV + "lockdiscovery"]),
                   t.bob.propfind(path, body=prop_body("propfind",
                                                       "allprop"))):
        t.true(token not in answer.text + repr(answer.headers),
               "the token is shown to another principal: %r", answer)
        t.true("carol-owner-text" not in answer.text,
               "DAV:owner of the holder is shown (rights.md 5)")
    t.body(t.carol, path, b"carol's")
    t.status(t.carol.put(path, b"new", own), 204)
    t.status(t.carol.unlock(path, token), 204)


@case("V08: the 423 of a foreign lock names lock-token-submitted")
def locked_conditions(t):
    path = t.file(b"carol's", t.carol, "b")
    token = token_of(t, path, t.carol)
    t.error(t.bob.put(path, b"x"), 423, DAV + "lock-token-submitted")
    t.error(t.bob.lock(path), 423, DAV + "no-conflicting-lock")
    t.error(t.bob.lock(path, scope="shared"), 423,
            DAV + "no-conflicting-lock")
    t.status(t.carol.unlock(path, token), 204)


# None of these lists is true for a file without a lock: those that negate
# are no lists.
IF_BATTERY = (
    "(", ")", "()", "(<", "(<>", "(<urn:x>", "<urn:x>)", "<u> ", "<u>",
    "< >", "(<urn:x>) (", "(<urn:x>) ()", "((<urn:x>))", "(<urn:x>))",
    "([)", "([]", '(["a)', '(["a"]', '(["a\\"b"])', '([W/"a"])', "([a])",
    '(["a""b"])', "(Not)", "(Not Not <urn:x>)", "(not", "(Not (<urn:x>))",
    "(<urn:x> Or <urn:y>)", "(<urn:x>),(<urn:y>)", "(<urn:x>)<", ";", "*",
    "(*)", "urn:x", '"a"', "(<urn:x>) garbage", "(<urn:x> <urn:y>",
    "<http://other/x> (<urn:x>)", "<not a url> (<urn:x>)",
    "(<urn:uuid:00000000-0000-0000-0000-000000000000>)",
    "(Not <urn:x>", '(Not ["a"]', '(Not ["a"', "(Not <urn:x", "(Not <urn:x>))",
    "(Not <urn:x>) <u>", "(Not <urn:x>) <u> (Not <urn:x>)",
    "<u> <u> (Not <urn:x>)", "(Not <urn:x>) (", "(Not <>)",
    "(<DAV:no-lock>)", "(\t)", "(<urn:\xe9>)", "%28<urn:x>%29", "",
)


@case("V09: 40 and more broken If headers are 400, 412 or 423 only")
def if_battery(t):
    path = t.file(b"before")
    with t.unchanged(t.alice, os.path.dirname(path)):
        for value in IF_BATTERY:
            answer = t.alice.put(path, b"after", {"If": value})
            if answer.status not in (400, 412, 423):
                t.fail("If: %s: expected 400, 412 or 423, got %r",
                       value, answer)
        t.status(t.alice.delete(path, {"If": "(<"}), 400, 412, 423)
        t.status(t.alice.request("PUT", path, [
            ("If", "(<urn:x>)"), ("If", "(<urn:y>)")], b"z"), 400, 412, 423)


@case("V09: If headers of 10 000 lists and of 1 MiB are refused")
def if_giants(t):
    path = t.file(b"before")
    with t.unchanged(t.alice, os.path.dirname(path)):
        for value in ("(<urn:x>)" * 10000, "(<urn:%s>)" % ("x" * (1 << 20)),
                      "(" * 17000, "(<urn:x>" * 2000):
            t.status(t.alice.put(path, b"z", {"If": value}),
                     400, 412, 413, 423, 431)


@case("V09: broken Lock-Token headers of UNLOCK are 400, 409, 412 or 423")
def lock_token_battery(t):
    path = t.file()
    token = token_of(t, path)
    for value in ("<", "", ">", "<>", "< >", "<%s" % token, "%s>" % token,
                  "<%s> x" % token, '"%s"' % token, "<urn:x>", "urn:x",
                  "<%s><%s>" % (token, token), "(<%s>)" % token):
        answer = t.alice.request("UNLOCK", path, {"Lock-Token": value})
        t.status(answer, 400, 409, 412, 423)
    pairs = [("Lock-Token", "<%s>" % token)] * 2
    t.status(t.alice.request("UNLOCK", path, pairs), 400, 204)
    t.status(t.alice.request("UNLOCK", path), 400)


@case("V09 twin: LOCK, refresh, PUT with the own token, UNLOCK")
def lock_cycle(t):
    path = t.file(b"one")
    token = token_of(t, path)
    t.status(t.alice.put(path, b"two"), 423)
    answer = t.status(t.alice.put(path, b"two", {"If": "(<%s>)" % token}),
                      204)
    both = '(<%s> [%s])' % (token, answer.etag)
    t.status(t.alice.put(path, b"three", {"If": both}), 204)
    t.status(t.alice.put(path, b"four", {"If": both}), 412)
    t.body(t.alice, path, b"three")
    refreshed = t.alice.request("LOCK", path, {"If": "(<%s>)" % token,
                                               "Timeout": "Second-300"})
    t.status(refreshed, 200)
    t.true(token in refreshed.text, "refresh shows the same token")
    t.eq(refreshed.get("Lock-Token"), None,
         "Lock-Token on a refresh (RFC 4918 9.10.2)")
    t.status(t.alice.unlock(path, token), 204)
    t.status(t.alice.put(path, b"five"), 204)


@case("V09 twin: tagged, Not, no-lock and etag lists that are true")
def true_lists(t):
    path = t.file(b"one")
    url = t.alice.origin + path
    for value in ("([@])", "(Not <urn:x>)", "(Not <DAV:no-lock>)",
                  "<%s> ([@])" % url, "<%s> ([@])" % path,
                  '(["nope"]) ([@])', '(Not ["nope"] [@])',
                  "(<urn:x>) (Not <DAV:no-lock>)"):
        etag = t.alice.get(path).etag
        t.status(t.alice.put(path, b"one", {
            "If": value.replace("@", etag)}), 204)


def build():
    return Cells(limits={"locks_per_principal": LOCK_CAP,
                         "lock_seconds": 3600})


if __name__ == "__main__":
    main(build)
