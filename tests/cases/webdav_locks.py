#!/usr/bin/python3 -B
"""RFC 4918 sections 6, 7, 9.10, 9.11 and 10.4: locks and the If header."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, dump                                     # noqa: E402
from wire import lock_token                                      # noqa: E402
from world import Cells                                          # noqa: E402

SUBMITTED = DAV + "lock-token-submitted"
CONFLICT = DAV + "no-conflicting-lock"


def held(t, path, client=None, **options):
    """Lock and return (token, the If header that submits it)."""
    answer = (client or t.alice).lock(path, **options)
    t.status(answer, 200, 201)
    token = lock_token(answer)
    return token, {"If": "(<%s>)" % token}


def tagged(t, *pairs):
    return {"If": " ".join("<%s%s> (<%s>)" % (t.alice.origin, p, k)
                           for p, k in pairs)}


def tokens_of(t, client, path):
    found = t.multistatus(client.propfind(path, props=[
        DAV + "lockdiscovery"]))[0].props[DAV + "lockdiscovery"][1]
    return [e.findtext(DAV + "locktoken/" + DAV + "href")
            for e in found.findall(DAV + "activelock")]


@case("RFC 4918 9.10.1: the answer of LOCK holds a whole lockdiscovery")
def lock_body(t):
    path = t.file()
    answer = t.alice.lock(path, owner="<href>mailto:a</href>")
    t.status(answer, 200)
    active = answer.xml().findall(DAV + "lockdiscovery/" + DAV + "activelock")
    t.eq(len(active), 1, "activelock elements")
    one = active[0]
    t.eq(one.find(DAV + "lockscope")[0].tag, DAV + "exclusive", "scope")
    t.eq(one.find(DAV + "locktype")[0].tag, DAV + "write", "type")
    t.eq(one.findtext(DAV + "depth"), "0", "depth")
    t.eq(one.findtext(DAV + "lockroot/" + DAV + "href"), path, "lockroot")
    t.eq(one.findtext(DAV + "locktoken/" + DAV + "href"), lock_token(answer),
         "token in body and header")
    t.eq(one.find(DAV + "owner/" + DAV + "href").text, "mailto:a", "owner")
    t.status(t.alice.unlock(path, lock_token(answer)), 204)


@case("RFC 4918 6.5: tokens are unique absolute URIs")
def token_form(t):
    path, seen = t.fresh(), set()
    for number in range(20):
        token, _ = held(t, path + str(number))
        t.true(token.startswith(("urn:uuid:", "opaquelocktoken:")),
               "token %r", token)
        seen.add(token)
    t.eq(len(seen), 20, "distinct tokens")


@case("RFC 4918 7: a write lock stops PUT, DELETE, MOVE, PROPPATCH, LOCK")
def lock_protects(t):
    path = t.file(b"before")
    token, own = held(t, path)
    with t.unchanged(t.alice, os.path.dirname(path), "{urn:t}x"):
        t.error(t.alice.put(path, b"x"), 423, SUBMITTED)
        t.error(t.alice.delete(path), 423, SUBMITTED)
        t.error(t.alice.move(path, path + "2"), 423, SUBMITTED)
        t.error(t.alice.proppatch(path, [("{urn:t}x", "v")]), 423, SUBMITTED)
        t.error(t.alice.lock(path), 423, CONFLICT)
        t.error(t.alice.copy("/dav/a/docs/pic.png", path), 423, SUBMITTED)
        t.status(t.alice.delete(os.path.dirname(path)), 423, 207)
    t.status(t.alice.get(path), 200)
    t.status(t.alice.copy(path, path + "copy"), 201)
    t.eq(tokens_of(t, t.alice, path + "copy"), [], "locks of the copy (7.6)")
    t.status(t.alice.put(path, b"mine", own), 204)
    t.status(t.alice.unlock(path, token), 204)


@case("RFC 4918 16: lock-token-submitted names the locked resource")
def locked_href(t):
    path = t.file()
    token, _ = held(t, path)
    answer = t.error(t.alice.put(path, b"x"), 423, SUBMITTED)
    hrefs = [e.text for e in answer.xml().find(SUBMITTED)]
    t.eq(hrefs, [path], "hrefs")
    t.status(t.alice.unlock(path, token), 204)


@case("RFC 4918 9.10.5: shared locks coexist, exclusive meets none")
def shared_locks(t):
    path = t.file(client=t.carol, cell="b")
    one, own = held(t, path, t.carol, scope="shared")
    two, other = held(t, path, t.bob, scope="shared")
    t.error(t.carol.lock(path), 423, CONFLICT)
    t.status(t.carol.put(path, b"carol", own), 204)
    t.status(t.bob.put(path, b"bob", other), 204)
    t.status(t.carol.put(path, b"none"), 423)
    t.status(t.carol.unlock(path, one), 204)
    t.status(t.carol.put(path, b"none"), 423)
    t.status(t.bob.unlock(path, two), 204)
    t.status(t.carol.put(path, b"free"), 204)


@case("RFC 4918 9.10.2: refresh keeps the token; 412 for another, 400 for none")
def refresh(t):
    path = t.file()
    token, own = held(t, path, timeout="Second-100")
    answer = t.alice.request("LOCK", path, dict(own, Timeout="Second-1000",
                                                Depth="infinity"))
    t.status(answer, 200)
    t.eq(tokens_of(t, t.alice, path), [token], "locks")
    told = answer.xml().find(".//" + DAV + "timeout").text
    t.true(100 < int(told.split("-")[1]) <= 1000, "timeout %r", told)
    t.status(t.alice.request("LOCK", path, {"If": "(<urn:uuid:x>)"}), 412)
    t.status(t.alice.request("LOCK", path), 400)
    t.status(t.alice.unlock(path, token), 204)
    t.status(t.alice.request("LOCK", path, own), 412)


@case("RFC 4918 7.4: a depth-infinity lock covers members old and new")
def infinite_lock(t):
    path = t.fresh()
    t.status(t.alice.put(path + "old", b"x"), 201)
    token, own = held(t, path, depth="infinity")
    with t.unchanged(t.alice, path):
        t.error(t.alice.put(path + "old", b"y"), 423, SUBMITTED)
        t.error(t.alice.put(path + "new", b"y"), 423, SUBMITTED)
        t.status(t.alice.mkcol(path + "dir/"), 423)
        t.status(t.alice.move(path + "old", path + "other"), 423)
        t.status(t.alice.move(path + "old", "/dav/a/taken"), 423)
        t.status(t.alice.delete(path + "old"), 423)
        t.error(t.alice.lock(path + "old"), 423, CONFLICT)
        t.error(t.alice.lock(path + "fresh"), 423, CONFLICT)
    t.status(t.alice.put(path + "new", b"y", tagged(t, (path, token))), 201)
    t.status(t.alice.put(path + "old", b"y", own), 204)
    t.eq(tokens_of(t, t.alice, path + "new"), [token], "lock of the member")
    t.status(t.alice.unlock(path, token), 204)
    t.status(t.alice.put(path + "new", b"z"), 204)


@case("RFC 4918 7.4, 7.5: a depth-0 lock of a collection protects its members'"
      " names, not their content")
def shallow_lock(t):
    path = t.fresh()
    t.status(t.alice.put(path + "old", b"x"), 201)
    token, own = held(t, path, depth="0")
    t.status(t.alice.put(path + "old", b"y"), 204)
    with t.unchanged(t.alice, path):
        t.status(t.alice.put(path + "new", b"y"), 423)
        t.status(t.alice.delete(path + "old"), 423)
        t.status(t.alice.move(path + "old", "/dav/a/taken"), 423)
        t.status(t.alice.mkcol(path + "dir/"), 423)
        t.status(t.alice.lock(path + "unmapped"), 423)
    t.status(t.alice.delete(path + "old", tagged(t, (path, token))), 204)
    t.status(t.alice.unlock(path, token), 204)


@case("RFC 4918 9.10.9: a lock below stops a depth-infinity lock, all or none")
def lock_conflict_below(t):
    path = t.fresh()
    t.status(t.alice.put(path + "a", b"x"), 201)
    token, _ = held(t, path + "a")
    answer = t.alice.lock(path, depth="infinity")
    t.status(answer, 207, 423)
    if answer.status == 207:
        codes = {i.href: i.status for i in answer.items()}
        t.eq(codes.get(path + "a"), 423, "status of the member")
        t.eq(codes.get(path), 424, "status of the root")
    t.eq(tokens_of(t, t.alice, path), [], "locks of the collection")
    t.status(t.alice.put(path + "b", b"free"), 201)
    t.status(t.alice.unlock(path + "a", token), 204)


@case("RFC 4918 9.6.1, 9.9.4: what is locked below fails, named in the 207")
def locked_member(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    for name in ("d/free", "d/kept"):
        t.status(t.alice.put(path + name, b"x"), 201)
    token, _ = held(t, path + "d/kept")
    answer = t.alice.delete(path + "d/")
    t.status(answer, 207, 423)
    if answer.status == 207:
        codes = {i.href: i.status for i in answer.items()}
        t.eq(codes.get(path + "d/kept"), 423, "codes %r" % codes)
    t.body(t.alice, path + "d/kept", b"x")
    t.eq(tokens_of(t, t.alice, path + "d/kept"), [token], "lock")
    t.status(t.alice.delete(path + "d/", tagged(
        t, (path + "d/kept", token))), 204)
    t.eq(len(dump(t.alice, path)), 1, "entries")


@case("RFC 4918 7.6, 9.9.1: locks do not travel with MOVE, DELETE ends them")
def locks_stay(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"x"), 201)
    token, own = held(t, path + "f")
    t.status(t.alice.move(path + "f", path + "g", own), 201)
    t.eq(tokens_of(t, t.alice, path + "g"), [], "locks of the moved file")
    t.status(t.alice.put(path + "f", b"new"), 201)
    t.eq(tokens_of(t, t.alice, path + "f"), [], "locks of the new file")
    token, own = held(t, path + "g")
    t.status(t.alice.delete(path + "g", own), 204)
    t.status(t.alice.put(path + "g", b"again"), 201)


@case("RFC 4918 7.4: MOVE into a locked collection needs its token, one If")
def move_into_locked(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "box/"), 201)
    t.status(t.alice.put(path + "f", b"x"), 201)
    source, _ = held(t, path + "f")
    target, _ = held(t, path + "box/", depth="infinity")
    for value in (tagged(t, (path + "f", source)),
                  tagged(t, (path + "box/", target))):
        t.status(t.alice.move(path + "f", path + "box/f", value), 423, 412)
    t.status(t.alice.move(path + "f", path + "box/f", tagged(
        t, (path + "f", source), (path + "box/", target))), 201)
    t.eq(tokens_of(t, t.alice, path + "box/f"), [target], "inherited lock")
    t.status(t.alice.unlock(path + "box/", target), 204)


@case("RFC 4918 9.11: UNLOCK is 204, 409 for another resource, 400 without")
def unlock(t):
    one, two = t.file(), t.file()
    token, _ = held(t, one)
    t.error(t.alice.unlock(two, token), 409,
            DAV + "lock-token-matches-request-uri")
    t.error(t.alice.unlock(one, "urn:uuid:none"), 409,
            DAV + "lock-token-matches-request-uri")
    t.status(t.alice.request("UNLOCK", one), 400)
    t.eq(tokens_of(t, t.alice, one), [token], "locks")
    t.status(t.alice.unlock(one, token), 204)
    t.error(t.alice.unlock(one, token), 409,
            DAV + "lock-token-matches-request-uri")


@case("RFC 4918 9.11: UNLOCK through a member frees the whole lock")
def unlock_member(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"x"), 201)
    token, _ = held(t, path, depth="infinity")
    t.status(t.alice.unlock(path + "f", token), 204)
    t.eq(tokens_of(t, t.alice, path), [], "locks")


@case("RFC 4918 10.4.3: a true If without the needed token is 423, a false"
      " one 412")
def if_outcomes(t):
    path = t.file(b"x")
    etag = t.alice.get(path).etag
    token, _ = held(t, path)
    for value, status in (("([%s])" % etag, 423), ('(["none"])', 412),
                          ("(<urn:x>)", 412), ("(Not <urn:x>)", 423),
                          ("(<%s> ([%s]))" % (token, etag), 400),
                          ("(Not <%s>)" % token, 412),
                          ("(<urn:x>) (<%s>)" % token, 204)):
        answer = t.alice.put(path, b"x", {"If": value})
        if answer.status != status:
            t.fail("If: %s: expected %d, got %r", value, status, answer)
        etag = t.alice.get(path).etag
    t.status(t.alice.unlock(path, token), 204)


@case("RFC 4918 10.4.6: <DAV:no-lock> never is a lock's token")
def no_lock(t):
    path = t.file(b"x")
    t.status(t.alice.put(path, b"y", {"If": "(<DAV:no-lock>)"}), 412)
    t.status(t.alice.put(path, b"y", {"If": "(Not <DAV:no-lock>)"}), 204)
    token, own = held(t, path)
    t.status(t.alice.put(path, b"z", {
        "If": "(<%s>) (Not <DAV:no-lock>)" % token}), 204)
    t.status(t.alice.put(path, b"n", {"If": "(Not <DAV:no-lock>)"}), 423)
    t.status(t.alice.unlock(path, token), 204)


@case("RFC 4918 10.4.4: a tagged list is about its own resource")
def tagged_elsewhere(t):
    one, two = t.file(b"1"), t.file(b"2")
    etag = t.alice.get(two).etag
    origin = t.alice.origin
    t.status(t.alice.put(one, b"3", {
        "If": "<%s%s> ([%s])" % (origin, two, etag)}), 204)
    t.status(t.alice.put(one, b"4", {
        "If": "<%s%s> ([\"x\"])" % (origin, two)}), 412)
    t.body(t.alice, one, b"3")


@case("RFC 4918 7.3: an unmapped LOCK stays after UNLOCK, as an empty file")
def unmapped_stays(t):
    path = t.fresh()
    answer = t.status(t.alice.lock(path + "x"), 201)
    t.status(t.alice.mkcol(path + "x"), 405)
    t.status(t.alice.unlock(path + "x", lock_token(answer)), 204)
    t.body(t.alice, path + "x", b"")
    answer = t.alice.lock(path + "dir/")
    t.status(answer, 201, 400, 403, 405, 409)
    answer = t.alice.propfind(path + "dir/")
    t.true(answer.status == 404 or not answer.items()[0].is_collection,
           "LOCK made a collection")


@case("RFC 4918 9.10.1: LOCK of an unmapped URL without parent is 409")
def unmapped_without_parent(t):
    path = t.fresh()
    t.status(t.alice.lock(path + "none/x"), 409)
    t.eq(len(dump(t.alice, path)), 1, "entries")


@case("RFC 4918 14: LOCK without scope or type, or of an unknown one, is refused")
def lock_bodies(t):
    path = t.file()
    whole = ('<lockinfo xmlns="DAV:"><lockscope><%s/></lockscope><locktype>'
             '<%s/></locktype></lockinfo>')
    for body in (whole % ("exclusive", "read"), whole % ("none", "write"),
                 '<lockinfo xmlns="DAV:"/>',
                 '<lockinfo xmlns="DAV:"><locktype><write/></locktype>'
                 '</lockinfo>'):
        t.status(t.alice.request("LOCK", path, {"Depth": "0"}, body),
                 400, 403, 409, 412, 422)
    t.eq(tokens_of(t, t.alice, path), [], "locks")


@case("I8: locks survive a restart, expired or not", restarts=True)
def restart(t):
    path = t.file(b"x")
    token, own = held(t, path)
    t.server.restart()
    for client in t.clients.values():
        client.close()
        client.port = t.server.port
    t.status(t.alice.put(path, b"y"), 423)
    t.eq(tokens_of(t, t.alice, path), [token], "locks")
    t.status(t.alice.put(path, b"y", own), 204)
    t.status(t.alice.unlock(path, token), 204)


if __name__ == "__main__":
    main(Cells)
