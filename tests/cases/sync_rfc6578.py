#!/usr/bin/python3 -B
"""RFC 6578: the sync-collection REPORT over the change log."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV                                           # noqa: E402
from world import Cells                                          # noqa: E402

VALID = DAV + "valid-sync-token"
PAGE = 10


def sync(t, client, path, token="", level="1", limit=None, depth="0",
         props="<getetag/>"):
    more = "<limit><nresults>%d</nresults></limit>" % limit if limit else ""
    body = ('<sync-collection xmlns="DAV:"><sync-token>%s</sync-token>'
            '<sync-level>%s</sync-level>%s<prop>%s</prop></sync-collection>'
            % (token, level, more, props))
    return client.report(path, body, depth)


def changes(t, client, path, token="", **options):
    """One report: (href -> status or "ok", the next token, truncated)."""
    answer = t.status(sync(t, client, path, token, **options), 207)
    found, truncated = {}, False
    for item in answer.items():
        if item.href in (path, path.rstrip("/")) and item.status == 507:
            truncated = True
            continue
        t.true(item.href not in found, "%s twice", item.href)
        found[item.href] = item.status or "ok"
    return found, answer.xml().findtext(DAV + "sync-token"), truncated


def all_changes(t, client, path, token="", **options):
    """All pages together."""
    found = {}
    for _ in range(100):
        page, token, truncated = changes(t, client, path, token, **options)
        found.update(page)
        if not truncated:
            return found, token
    t.fail("paging does not end")
    return None


@case("RFC 6578 3.4: an empty token lists all members; the token is a URI")
def initial(t):
    path = t.fresh()
    for name in ("a", "b"):
        t.status(t.alice.put(path + name, b"x"), 201)
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.put(path + "d/deep", b"x"), 201)
    found, token, _ = changes(t, t.alice, path)
    t.eq(found, {path + "a": "ok", path + "b": "ok", path + "d/": "ok"},
         "members at level 1")
    t.true(":" in token, "6578 3.2: the token is no URI: %r", token)
    t.eq(t.alice.prop(path, DAV + "sync-token"), token, "DAV:sync-token")
    found, _, _ = changes(t, t.alice, path, level="infinite")
    t.true(path + "d/deep" in found, "level infinite: %r", found)


@case("RFC 6578 3.5: changes since a token, and none when nothing changed")
def incremental(t):
    path = t.fresh()
    for name in ("keep", "change", "delete", "rename"):
        t.status(t.alice.put(path + name, b"x"), 201)
    _, token, _ = changes(t, t.alice, path)
    found, again, _ = changes(t, t.alice, path, token)
    t.eq(found, {}, "changes although nothing changed")
    t.status(t.alice.put(path + "change", b"y"), 204)
    t.status(t.alice.put(path + "new", b"y"), 201)
    t.status(t.alice.delete(path + "delete"), 204)
    t.status(t.alice.move(path + "rename", path + "renamed"), 201)
    found, later, _ = changes(t, t.alice, path, again)
    t.eq(found, {path + "change": "ok", path + "new": "ok",
                 path + "delete": 404, path + "rename": 404,
                 path + "renamed": "ok"}, "changes")
    t.eq(changes(t, t.alice, path, token)[0], found, "from the older token")
    t.eq(changes(t, t.alice, path, later)[0], {}, "after the last token")


@case("RFC 6578 3.5.2: what came and went is 404 or absent; what came back"
      " is there")
def came_and_went(t):
    path = t.fresh()
    t.status(t.alice.put(path + "back", b"x"), 201)
    _, token, _ = changes(t, t.alice, path)
    t.status(t.alice.put(path + "brief", b"x"), 201)
    t.status(t.alice.delete(path + "brief"), 204)
    t.status(t.alice.delete(path + "back"), 204)
    t.status(t.alice.put(path + "back", b"x"), 201)
    found, _, _ = changes(t, t.alice, path, token)
    t.true(found.pop(path + "brief", 404) == 404, "brief: %r", found)
    t.eq(found, {path + "back": "ok"}, "changes")


@case("RFC 6578 3.3: level infinite reports deep changes and removals")
def deep(t):
    path = t.fresh()
    for name in ("d/", "d/e/"):
        t.status(t.alice.mkcol(path + name), 201)
    t.status(t.alice.put(path + "d/e/f", b"x"), 201)
    _, token, _ = changes(t, t.alice, path, level="infinite")
    t.status(t.alice.put(path + "d/e/f", b"y"), 204)
    found, token, _ = changes(t, t.alice, path, token, level="infinite")
    t.eq(found.get(path + "d/e/f"), "ok", "the deep change")
    t.status(t.alice.delete(path + "d/"), 204)
    found, _, _ = changes(t, t.alice, path, token, level="infinite")
    t.eq(found.get(path + "d/"), 404, "the removed collection: %r" % found)
    t.true(set(found.values()) == {404}, "%r", found)


@case("RFC 6578 3.5: what is spelled otherwise has another href")
def spelled_otherwise(t):
    path, old, new = t.fresh(), "e%CC%81", "%C3%A9"
    for name in ("d" + old + "/", old + "f"):
        made = t.alice.mkcol if name.endswith("/") else t.alice.put
        t.status(made(path + name), 201)
    t.status(t.alice.put(path + "d" + old + "/x", b"x"), 201)
    tokens = {level: changes(t, t.alice, path, level=level)[1]
              for level in ("1", "infinite")}
    for name in ("d%s/", "%sf"):
        t.status(t.alice.delete(path + name % old), 204)
    t.status(t.alice.mkcol(path + "d" + new + "/"), 201)
    for name in ("d" + new + "/x", new + "f"):
        t.status(t.alice.put(path + name, b"y"), 201)
    listed = {i.href for i in t.alice.propfind(path, "1").items()[1:]}
    t.eq(listed, {path + "d" + new + "/", path + new + "f"}, "PROPFIND")
    expected = {path + "d" + old + "/": 404, path + "d" + new + "/": "ok",
                path + old + "f": 404, path + new + "f": "ok"}
    t.eq(changes(t, t.alice, path, tokens["1"])[0], expected, "level 1")
    expected[path + "d" + new + "/x"] = "ok"
    t.eq(changes(t, t.alice, path, tokens["infinite"], level="infinite")[0],
         expected, "infinite")


@case("RFC 6578 3.5: a moved-in collection is listed with its members")
def moved_in(t):
    path = t.fresh()
    other = t.fresh()
    t.status(t.alice.mkcol(other + "d/"), 201)
    t.status(t.alice.put(other + "d/f", b"x"), 201)
    _, token, _ = changes(t, t.alice, path, level="infinite")
    t.status(t.alice.move(other + "d/", path + "d/"), 201)
    found, _, _ = changes(t, t.alice, path, token, level="infinite")
    t.eq(found, {path + "d/": "ok", path + "d/f": "ok"}, "changes")


def replace(t, path):
    """Another collection at the same name, with another member."""
    t.status(t.alice.delete(path), 204)
    t.status(t.alice.mkcol(path), 201)
    t.status(t.alice.put(path + "new", b"y"), 201)


@case("RFC 6578 3.2: a collection replaced elsewhere leaves a token valid")
def replaced_elsewhere(t):
    path, other = t.fresh(), t.fresh()
    for name in ("d/", "d/e/"):
        t.status(t.alice.mkcol(other + name), 201)
    tokens = {level: changes(t, t.alice, path, level=level)[1]
              for level in ("1", "infinite")}
    replace(t, other + "d/")
    t.status(t.alice.move(other + "d/", path + "d/"), 201)
    t.status(t.alice.mkcol(other + "d/"), 201)
    found, _, _ = changes(t, t.alice, path, tokens["1"])
    t.eq(found, {path + "d/": "ok"}, "level 1")
    found, _, _ = changes(t, t.alice, path, tokens["infinite"],
                          level="infinite")
    t.eq(found, {path + "d/": "ok", path + "d/new": "ok"}, "infinite")


@case("RFC 6578 3.5: a replaced member is news at level 1; where its members"
      " were told the token is refused")
def replaced(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.mkcol(path + "d/e/"), 201)
    t.status(t.alice.put(path + "d/e/old", b"x"), 201)
    token = changes(t, t.alice, path, level="infinite")[1]
    inner = changes(t, t.alice, path + "d/e/")[1]
    replace(t, path + "d/e/")
    t.eq(changes(t, t.alice, path, token)[0], {}, "below a member, level 1")
    t.error(sync(t, t.alice, path, token, level="infinite"), 403, VALID)
    t.error(sync(t, t.alice, path + "d/e/", inner), 403, VALID)
    replace(t, path + "d/")
    t.eq(changes(t, t.alice, path, token)[0], {path + "d/": "ok"}, "level 1")
    t.error(sync(t, t.alice, path, token, level="infinite"), 403, VALID)
    t.status(t.alice.delete(path + "d/"), 204)
    t.status(t.alice.put(path + "d", b"a file"), 201)
    t.error(sync(t, t.alice, path, token), 403, VALID)


@case("T17: a collection that is replaced by a hidden one is not kept")
def replaced_hidden(t):
    path, other = t.fresh(), t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.mkcol(other + "d/"), 201)
    t.server.grant(place_of(other, "d"), "user:bob", "no-access")
    token = changes(t, t.bob, path)[1]
    deep_token = changes(t, t.bob, path, level="infinite")[1]
    t.status(t.alice.delete(path + "d/"), 204)
    t.status(t.alice.move(other + "d/", path + "d/"), 201)
    t.eq(changes(t, t.bob, path, token)[0], {path + "d/": 404}, "level 1")
    t.eq(changes(t, t.bob, path, deep_token, level="infinite")[0],
         {path + "d/": 404}, "infinite")
    t.eq(changes(t, t.bob, path)[0], {}, "members for bob")


@case("T17: a file that is replaced by a hidden one is gone")
def file_replaced_hidden(t):
    path, other = t.fresh(), t.fresh()
    t.status(t.alice.put(path + "f", b"seen"), 201)
    t.status(t.alice.put(other + "f", b"hidden"), 201)
    t.server.grant(place_of(other, "f"), "user:bob", "no-access")
    token = changes(t, t.bob, path)[1]
    t.status(t.alice.move(other + "f", path + "f"), 204)
    t.eq(changes(t, t.bob, path, token)[0], {path + "f": 404}, "for bob")


@case("RFC 4918 14.24: what came and went twice is named once")
def went_twice(t):
    path = t.fresh()
    tokens = {level: changes(t, t.alice, path, level=level)[1]
              for level in ("1", "infinite")}
    for _ in range(3):
        t.status(t.alice.put(path + "f", b"x"), 201)
        t.status(t.alice.delete(path + "f"), 204)
    for level, token in tokens.items():
        found, after, _ = changes(t, t.alice, path, token, level=level)
        t.true(found in ({}, {path + "f": 404}), "level %s: %r", level, found)
        t.eq(changes(t, t.alice, path, after, level=level)[0], {}, "after")


@case("RFC 4918 14.24: what arrived in something that arrived is told once")
def arrived_twice(t):
    path, other = t.fresh(), t.fresh()
    for name in ("a/", "b/", "b/c/"):
        t.status(t.alice.mkcol(other + name), 201)
    t.status(t.alice.put(other + "b/c/f", b"x"), 201)
    token = changes(t, t.alice, path, level="infinite")[1]
    t.status(t.alice.move(other + "a/", path + "a/"), 201)
    t.status(t.alice.move(other + "b/", path + "a/b/"), 201)
    found = changes(t, t.alice, path, token, level="infinite")[0]
    t.eq(found, {path + name: "ok" for name in (
        "a/", "a/b/", "a/b/c/", "a/b/c/f")}, "changes")


@case("rights.md 6: grants of a folder and of one within tell each name once")
def granted_twice(t):
    path = t.fresh()
    for name in ("d/", "d/e/"):
        t.status(t.alice.mkcol(path + name), 201)
    t.status(t.alice.put(path + "d/e/f", b"x"), 201)
    token = changes(t, t.bob, path, level="infinite")[1]
    for name in ("d", "d/e", "d"):
        t.server.grant(place_of(path, name), "user:bob", "view")
    found = changes(t, t.bob, path, token, level="infinite")[0]
    t.eq(found, {path + name: "ok" for name in ("d/", "d/e/", "d/e/f")},
         "changes")


@case("rights.md 6: what moves and is hidden then is gone where it was")
def moves_and_hides(t):
    for limit in (None, 1):
        path = t.fresh()
        t.status(t.alice.put(path + "old", b"x"), 201)
        token = changes(t, t.bob, path)[1]
        t.status(t.alice.move(path + "old", path + "new"), 201)
        t.server.grant(place_of(path, "new"), "user:bob", "no-access")
        found = all_changes(t, t.bob, path, token, limit=limit)[0]
        t.eq(found.pop(path + "new", 404), 404, "what bob may have seen")
        t.eq(found, {path + "old": 404}, "changes")


@case("RFC 6578 3.6: a member that is hidden and moves between two pages is"
      " gone")
def hides_and_moves_in_pages(t):
    path = t.fresh()
    t.status(t.alice.put(path + "old", b"x"), 201)
    token = changes(t, t.bob, path)[1]
    t.server.grant(place_of(path, "old"), "user:bob", "no-access")
    t.status(t.alice.put(path + "new", b"x"), 201)
    t.status(t.alice.move(path + "old", path + "moved"), 201)
    found = {}
    for _ in range(5):
        page, token, more = changes(t, t.bob, path, token, limit=1)
        found.update(page)
    t.true(not more, "paging does not end")
    t.eq(found, {path + "old": 404, path + "new": "ok"}, "changes")


@case("RFC 6578 3.6: what left a folder is gone, though that was hidden for a"
      " page")
def hidden_for_a_page(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    for name in ("goes", "stays"):
        t.status(t.alice.put(path + "d/" + name, b"x"), 201)
    found, token, _ = changes(t, t.bob, path, level="infinite")
    t.status(t.alice.delete(path + "d/goes"), 204)
    for name in ("one", "two"):
        t.status(t.alice.put(path + name, b"x"), 201)
    t.server.grant(place_of(path, "d"), "user:bob", "no-access")
    for limit in (1, None):
        page, token, _ = changes(t, t.bob, path, token, limit=limit,
                                 level="infinite")
        for href in [h for h in page if page[h] == 404]:
            found = {k: v for k, v in found.items()
                     if not k.startswith(href)}
        found.update({k: v for k, v in page.items() if v == "ok"})
        if limit:
            t.server.revoke(place_of(path, "d"), "user:bob")
    t.eq(found, {path + name: "ok" for name in (
        "d/", "d/stays", "one", "two")}, "what bob has")


@case("T17: nothing is named that was refused to who asks all the time")
def refused_all_the_time(t):
    path = t.fresh()
    t.server.group("sync-twice", "bob")
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.put(path + "d/secret", b"x"), 201)
    t.server.grant(place_of(path, "d"), "user:bob", "no-access")
    token = changes(t, t.bob, path, level="infinite")[1]
    t.server.grant(place_of(path, "d"), "group:sync-twice", "no-access")
    t.server.grant(place_of(path, "d"), "user:bob", "no-access")
    t.status(t.alice.delete(path + "d/secret"), 204)
    t.status(t.alice.move(path + "d/", path + "e/"), 201)
    found, token, _ = changes(t, t.bob, path, token, level="infinite")
    t.eq(found, {}, "changes for bob")
    t.server.revoke(place_of(path, "e"), "user:bob")
    t.server.revoke(place_of(path, "e"), "group:sync-twice")
    found = changes(t, t.bob, path, token, level="infinite")[0]
    t.eq(found, {path + "e/": "ok"}, "shown to bob")


@case("T17: what came and went while its folder was refused is not named")
def came_and_went_refused(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.put(path + "d/known", b"x"), 201)
    before = changes(t, t.bob, path, level="infinite")[1]
    t.server.grant(place_of(path, "d"), "user:bob", "no-access")
    refused = changes(t, t.bob, path, before, level="infinite")[1]
    t.status(t.alice.put(path + "d/secret", b"x"), 201)
    t.status(t.alice.delete(path + "d/secret"), 204)
    t.server.revoke(place_of(path, "d"), "user:bob")
    t.status(t.alice.delete(path + "d/known"), 204)
    found = changes(t, t.bob, path, refused, level="infinite")[0]
    t.eq(found, {path + "d/": "ok", path + "d/known": 404}, "since refused")
    t.error(sync(t, t.bob, path, before, level="infinite"), 403, VALID)
    t.eq(changes(t, t.bob, path, level="infinite")[0], {path + "d/": "ok"},
         "all for bob")


@case("RFC 6578 3.6: a listing that is cut off misses nothing when the member"
      " that was told last moves on")
def told_last_moves(t):
    path = t.fresh()
    for number in range(6):
        t.status(t.alice.put(path + "f%d" % number, b"x"), 201)
    page, token, _ = changes(t, t.alice, path, limit=3)
    t.eq(list(page), [path + "f%d" % n for n in range(3)], "first page")
    t.status(t.alice.put(path + "f2", b"y"), 204)
    t.eq(list(changes(t, t.alice, path, token, limit=3)[0]),
         [path + "f%d" % n for n in range(3, 6)], "after a new content")
    t.status(t.alice.move(path + "f2", path + "z"), 201)
    answer = sync(t, t.alice, path, token, limit=3)
    if answer.status == 207:
        t.true(path + "f3" in [i.href for i in answer.items()],
               "f3 is left out")
    else:
        t.error(answer, 403, VALID)


@case("RFC 6578 3.6: DAV:limit truncates, 507 names the request-URI")
def limit(t):
    path = t.fresh()
    for number in range(7):
        t.status(t.alice.put(path + "f%d" % number, b"x"), 201)
    found, token, truncated = changes(t, t.alice, path, limit=3)
    t.true(truncated and len(found) == 3, "first page %r", found)
    rest, token = all_changes(t, t.alice, path, token, limit=3)
    t.eq(sorted(list(found) + list(rest)),
         [path + "f%d" % n for n in range(7)], "all pages")
    t.eq(changes(t, t.alice, path, token)[0], {}, "after the last page")


@case("RFC 6578 3.6: the server's own page size pages through all members")
def server_pages(t):
    path = t.fresh()
    names = [path + "f%02d" % n for n in range(3 * PAGE + 5)]
    for name in names:
        t.status(t.alice.put(name, b"x"), 201)
    first, _, truncated = changes(t, t.alice, path)
    t.true(truncated and len(first) <= PAGE, "page of %d", len(first))
    found, token = all_changes(t, t.alice, path)
    t.eq(sorted(found), names, "all pages")
    for name in names[::2]:
        t.status(t.alice.delete(name), 204)
    found, _ = all_changes(t, t.alice, path, token)
    t.eq(found, {n: 404 for n in names[::2]}, "deletions")


@case("RFC 6578 3.7: nresults 0 or garbage is refused or truncates")
def bad_limit(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"x"), 201)
    body = ('<sync-collection xmlns="DAV:"><sync-token/><sync-level>1'
            '</sync-level><limit><nresults>%s</nresults></limit><prop/>'
            '</sync-collection>')
    for value in ("-1", "x", "", "99999999999999999999999"):
        t.status(t.alice.report(path, body % value), 207, 400, 403, 507)


@case("RFC 6578 3.2: a token that is not one of ours is 403 valid-sync-token")
def bad_token(t):
    path = t.fresh()
    good = changes(t, t.alice, path)[1]
    for token in ("urn:x", "x", good + "9", good[:-1], "http://evil/",
                  good.replace(":", ";"), "&lt;"):
        t.error(sync(t, t.alice, path, token), 403, VALID)


@case("rights.md 6: a token is per grant; another collection's is refused or"
      " tells only own members")
def foreign_tokens(t):
    path, other = t.fresh(), t.fresh()
    t.status(t.alice.put(other + "secret-name", b"x"), 201)
    token = changes(t, t.alice, other)[1]
    answer = sync(t, t.alice, path, token)
    t.status(answer, 207, 403)
    t.true("secret-name" not in answer.text, "%r", answer)


@case("RFC 6578 3.2: Depth other than 0 and a missing level are 400")
def bad_requests(t):
    path = t.fresh()
    t.status(sync(t, t.alice, path, depth="1"), 400)
    t.status(sync(t, t.alice, path, depth="infinity"), 400)
    for level in ("", "2", "x"):
        t.status(sync(t, t.alice, path, level=level), 400)
    t.status(t.alice.report(path, '<sync-collection xmlns="DAV:">'
                            '<sync-token/><prop/></sync-collection>'), 400)
    t.status(t.alice.report(path, '<sync-collection xmlns="DAV:">'
                            '<sync-level>1</sync-level><prop/>'
                            '</sync-collection>'), 400)


@case("RFC 3253 3.6: an unknown report is 403 supported-report")
def unknown_report(t):
    for body in ('<nosuch xmlns="urn:x"/>', '<version-tree xmlns="DAV:"/>',
                 '<acl-principal-prop-set xmlns="DAV:"/>'):
        answer = t.alice.report(t.fresh(), body)
        t.status(answer, 403, 207, 501)
        if answer.status == 403:
            t.error(answer, 403, DAV + "supported-report")
    t.status(t.alice.report(t.fresh(), ""), 400)


@case("RFC 3253 3.1.5: supported-report-set names sync-collection")
def supported(t):
    found = t.multistatus(t.alice.propfind(t.fresh(), props=[
        DAV + "supported-report-set"]))[0].props[
        DAV + "supported-report-set"][1]
    t.true(found.find(".//" + DAV + "sync-collection") is not None,
           "not there")


@case("RFC 6578 5: sync on a file is refused")
def on_file(t):
    t.status(sync(t, t.alice, t.file()), 400, 403, 409)


@case("RFC 6578 4, rights.md 6: a lost right looks like a deletion")
def lost_right(t):
    path = t.fresh()
    for name in ("stays", "goes"):
        t.status(t.alice.put(path + name, b"x"), 201)
    found, token, _ = changes(t, t.bob, path)
    t.eq(len(found), 2, "members for bob")
    t.server.grant("a/%s/goes" % path.split("/")[3], "user:bob",
                   "no-access")
    found, token, _ = changes(t, t.bob, path, token)
    t.eq(found, {path + "goes": 404}, "changes for bob")
    t.status(t.alice.put(path + "goes", b"changed"), 204)
    found, _, _ = changes(t, t.bob, path, token)
    t.true(found in ({}, {path + "goes": 404}), "changes for bob: %r", found)


@case("T17, rights.md 5: what was never seen is not named when it goes")
def hidden_goes(t):
    path = t.fresh()
    for name in ("secret", "moved"):
        t.status(t.alice.put(path + name, b"x"), 201)
        t.server.grant(place_of(path, name), "user:bob", "no-access")
    _, token, _ = changes(t, t.bob, path)
    t.status(t.alice.delete(path + "secret"), 204)
    t.status(t.alice.move(path + "moved", path + "elsewhere"), 201)
    t.status(t.alice.put(path + "new", b"y"), 201)
    found, _, _ = changes(t, t.bob, path, token)
    t.eq(found, {path + "new": "ok"}, "changes for bob")


def place_of(path, name):
    """What grants call a member of a fresh collection of cell a."""
    return "a/%s/%s" % (path.split("/")[3], name)


@case("T17: what was hidden and left for good is not named: a full look")
def hidden_leaves(t):
    path, home = t.fresh(), "/dav/my-files/"
    leave = {"moved": lambda name: t.status(
                 t.alice.move(path + name, home + name), 201),
             "purged": lambda name: t.status(t.alice.delete(path + name), 204)}
    for name, leaves in leave.items():
        t.status(t.alice.put(path + name, b"x"), 201)
        t.status(t.alice.put(path + "open-" + name, b"x"), 201)
        t.server.grant(place_of(path, name), "user:bob", "no-access")
        token = changes(t, t.bob, path, level="infinite")[1]
        own = changes(t, t.alice, path)[1]
        leaves("open-" + name)
        t.server.command("trash", "empty", "a")
        found, token, _ = changes(t, t.bob, path, token, level="infinite")
        t.eq(found, {path + "open-" + name: 404}, "what bob saw")
        leaves(name)
        t.server.command("trash", "empty", "a")
        t.server.command("gc")
        t.error(sync(t, t.bob, path, token, level="infinite"), 403, VALID)
        t.eq(changes(t, t.alice, path, own)[0],
             {path + name: 404, path + "open-" + name: 404}, "for alice")
        t.eq(changes(t, t.bob, path)[0], {}, "members for bob")
        t.eq(t.alice.propfind(path, "1").items()[1:], [], "all went")


@case("T17: what was seen and left for good is named, whatever its grants")
def seen_leaves(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"x"), 201)
    token = changes(t, t.bob, path)[1]
    t.server.grant(place_of(path, "f"), "user:bob", "no-access")
    t.status(t.alice.delete(path + "f"), 204)
    t.server.command("trash", "empty", "a")
    t.eq(changes(t, t.bob, path, token)[0], {path + "f": 404}, "for bob")


def in_seconds(seconds):
    """A moment as --from and --until take it, and the moment."""
    moment = int(time.time()) + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)), moment


@case("rights.md 2, 6: a period that begins or ends asks for a full look")
def period(t):
    path = t.fresh()
    for name in ("begins", "ends", "stays"):
        t.status(t.alice.put(path + name, b"x"), 201)
    when, moment = in_seconds(2)
    t.server.grant(place_of(path, "begins"), "user:bob", "no-access",
                   "--from", when)
    begins = changes(t, t.bob, path)
    t.eq(set(begins[0]), {path + "begins", path + "ends", path + "stays"},
         "before")
    t.eq(changes(t, t.bob, path, begins[1])[0], {}, "still before")
    time.sleep(max(0, moment - time.time()) + 0.05)
    t.error(sync(t, t.bob, path, begins[1]), 403, VALID)
    when, moment = in_seconds(2)
    t.server.grant(place_of(path, "ends"), "user:bob", "no-access",
                   "--until", when)
    found, token, _ = changes(t, t.bob, path)
    t.eq(found, {path + "stays": "ok"}, "within")
    before = t.bob.prop(path, DAV + "sync-token")
    t.status(t.alice.put(path + "stays", b"y"), 204)
    found, token, _ = changes(t, t.bob, path, token)
    t.eq(found, {path + "stays": "ok"}, "changes within")
    time.sleep(max(0, moment - time.time()) + 0.05)
    t.error(sync(t, t.bob, path, token), 403, VALID)
    t.true(t.bob.prop(path, DAV + "sync-token") != before, "token stays")
    found, token, _ = changes(t, t.bob, path)
    t.eq(found, {path + "stays": "ok", path + "ends": "ok"}, "after")
    t.eq(changes(t, t.bob, path, token)[0], {}, "nothing since")


@case("rights.md 2: what a granter lost asks those it was given to to look")
def granter_lost(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"content"), 201)
    length = "<getcontentlength/>"
    t.server.grant("a/" + path.split("/")[3], "user:dave", "co-owner")
    t.server.grant("a/" + path.split("/")[3], "user:carol", "view")
    t.server.grant(place_of(path, "f"), "user:carol", "download-original",
                   "--as", "dave")
    answer = t.status(sync(t, t.carol, path, props=length), 207)
    t.eq(answer.items()[0].text(DAV + "getcontentlength"), "7", "length")
    token = answer.xml().findtext(DAV + "sync-token")
    t.eq(changes(t, t.carol, path, token)[0], {}, "nothing since")
    t.server.revoke("a/" + path.split("/")[3], "user:dave")
    t.error(sync(t, t.carol, path, token), 403, VALID)
    answer = t.status(sync(t, t.carol, path, props=length), 207)
    t.eq(answer.items()[0].props[DAV + "getcontentlength"][0], 404,
         "the length that carol may not know")
    token = answer.xml().findtext(DAV + "sync-token")
    t.eq(changes(t, t.carol, path, token)[0], {}, "nothing since")


@case("rights.md 6: a cell on a folder that comes, changes its owner or goes"
      " asks for a full look")
def owner_changes(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.put(path + "d/secret", b"x"), 201)
    t.server.grant(place_of(path, "d/secret"), "user:bob", "no-access")
    options = {"level": "infinite"}
    hidden, shown = {path + "d/": "ok"}, {path + "d/": "ok",
                                          path + "d/secret": "ok"}
    steps = ((("create", "sync-nested", "--owner", "bob", "--root",
               place_of(path, "d")), shown),
             (("update", "sync-nested", "--owner", "carol"), hidden),
             (("update", "sync-nested", "--owner", "bob"), shown),
             (("remove", "sync-nested"), hidden))
    found, token, _ = changes(t, t.bob, path, **options)
    t.eq(found, hidden, "at first")
    for command, expected in steps:
        t.server.command("cell", *command)
        t.error(sync(t, t.bob, path, token, **options), 403, VALID)
        found, token, _ = changes(t, t.bob, path, **options)
        t.eq(found, expected, "after %r" % (command,))
    t.eq(changes(t, t.bob, path, token, **options)[0], {}, "nothing since")
    t.server.command("verify")


@case("rights.md 6: a folder that is hidden is gone, given back it is all new")
def lost_grant(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.put(path + "d/f", b"x"), 201)
    found, token, _ = changes(t, t.bob, path, level="infinite")
    t.eq(found, {path + "d/": "ok", path + "d/f": "ok"}, "members for bob")
    t.server.grant(place_of(path, "d"), "user:bob", "no-access")
    found, token, _ = changes(t, t.bob, path, token, level="infinite")
    t.eq(found.get(path + "d/"), 404, "the folder for bob")
    t.server.revoke(place_of(path, "d"), "user:bob")
    found, token, _ = changes(t, t.bob, path, token, level="infinite")
    t.eq(found, {path + "d/": "ok", path + "d/f": "ok"}, "back for bob")
    t.eq(changes(t, t.bob, path, token, level="infinite")[0], {}, "nothing")


@case("rights.md 6: a name is hidden from whom the change does not concern")
def hidden_grant(t):
    path = t.fresh()
    t.server.group("sync-others", "carol")
    t.status(t.alice.put(path + "secret", b"x"), 201)
    t.server.grant(place_of(path, "secret"), "user:bob", "no-access")
    found, token, _ = changes(t, t.bob, path)
    t.eq(found, {}, "members for bob")
    t.server.grant(place_of(path, "secret"), "user:dave", "no-access")
    t.server.grant(place_of(path, "secret"), "group:sync-others", "view")
    t.server.revoke(place_of(path, "secret"), "user:dave")
    t.status(t.alice.put(path + "secret", b"more"), 204)
    t.eq(changes(t, t.bob, path, token)[0], {}, "changes for bob")


@case("rights.md 6: a grant that names others is no change for anybody else")
def quiet_grant(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    for number in range(3):
        t.status(t.alice.put(path + "d/%d" % number, b"x"), 201)
    token = changes(t, t.bob, path, level="infinite")[1]
    t.server.grant(place_of(path, "d"), "user:carol", "view")
    found, token, _ = changes(t, t.bob, path, token, level="infinite")
    t.eq(found, {}, "changes for bob")
    t.status(t.alice.proppatch(path + "d/", [("{urn:t}a", "1")]), 207)
    found = changes(t, t.bob, path, token, level="infinite")[0]
    t.eq(found, {path + "d/": "ok"}, "a new property tells of no member")


@case("rights.md 6: group grants; joining or leaving asks for a full look")
def group_right(t):
    path = t.fresh()
    t.server.group("sync-readers", "bob")
    t.status(t.alice.put(path + "f", b"x"), 201)
    found, token, _ = changes(t, t.bob, path)
    t.eq(found, {path + "f": "ok"}, "members for bob")
    t.server.grant(place_of(path, "f"), "group:sync-readers", "no-access")
    found, token, _ = changes(t, t.bob, path, token)
    t.eq(found, {path + "f": 404}, "changes for bob")
    t.server.command("group", "leave", "sync-readers", "bob")
    t.error(sync(t, t.bob, path, token), 403, VALID)
    found, token, _ = changes(t, t.bob, path)
    t.eq(found, {path + "f": "ok"}, "all for bob")
    t.server.command("group", "join", "sync-readers", "bob")
    t.error(sync(t, t.bob, path, token), 403, VALID)
    token = changes(t, t.bob, path)[1]
    t.server.command("group", "remove", "sync-readers")
    t.error(sync(t, t.bob, path, token), 403, VALID)
    t.eq(changes(t, t.bob, path)[0], {path + "f": "ok"}, "all for bob")


@case("RFC 6578 3.6: changes of rights come in pages too, each once")
def granted_pages(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    names = ["d/%02d" % number for number in range(PAGE + 5)]
    for name in names:
        t.status(t.alice.put(path + name, b"x"), 201)
    t.server.grant(place_of(path, "d"), "user:bob", "no-access")
    token = changes(t, t.bob, path, level="infinite")[1]
    t.server.grant(place_of(path, "d"), "user:bob", "view")
    for name in names[:3]:
        t.server.grant(place_of(path, name), "user:bob", "no-access")
    found, token = all_changes(t, t.bob, path, token, level="infinite")
    expected = {path + name: "ok" for name in ["d/"] + names[3:]}
    expected["%sd/" % path] = "ok"
    for name in names[:3]:
        t.true(found.pop(path + name, 404) == 404, "%s is seen", name)
    t.eq(found, expected, "all pages")
    for name in names[:3]:
        t.server.grant(place_of(path, name), "user:bob", "view")
    found, token = all_changes(t, t.bob, path, token, level="infinite")
    t.eq(found, {path + name: "ok" for name in names[:3]}, "given back")


@case("rights.md 6: a hidden member that moves on tells only its old name")
def hidden_moves(t):
    path = t.fresh()
    t.status(t.alice.put(path + "old", b"x"), 201)
    token = changes(t, t.bob, path)[1]
    t.server.grant(place_of(path, "old"), "user:bob", "no-access")
    t.status(t.alice.move(path + "old", path + "new"), 201)
    t.eq(changes(t, t.bob, path, token)[0], {path + "old": 404}, "changes")


@case("celldav verify: changes of rights outlive their node and their subject")
def verified_rights(t):
    path = t.fresh()
    t.server.group("sync-gone", "bob")
    t.status(t.alice.put(path + "f", b"x"), 201)
    token = changes(t, t.alice, path)[1]
    t.server.grant(place_of(path, "f"), "group:sync-gone", "no-access")
    t.server.command("group", "remove", "sync-gone")
    t.status(t.alice.delete(path + "f"), 204)
    t.eq(changes(t, t.alice, path, token)[0], {path + "f": 404}, "changes")
    t.server.command("trash", "empty", "a")
    t.server.command("verify")


@case("RFC 6578: a change of rights changes the etag of what is above")
def granted_etag(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"x"), 201)
    before = t.bob.prop(path, DAV + "getetag")
    t.server.grant(place_of(path, "f"), "user:bob", "no-access")
    given = t.bob.prop(path, DAV + "getetag")
    t.true(before != given, "etag of the collection stays %s", before)
    t.server.revoke(place_of(path, "f"), "user:bob")
    t.true(t.bob.prop(path, DAV + "getetag") != given, "etag stays")


@case("RFC 6578 5, 10.4: If with the current sync-token guards a change")
def if_token(t):
    path = t.fresh()
    token = t.alice.prop(path, DAV + "sync-token")
    value = {"If": "<%s%s> (<%s>)" % (t.alice.origin, path, token)}
    t.status(t.alice.put(path + "one", b"x", value), 201)
    t.status(t.alice.put(path + "two", b"x", value), 412)
    t.status(t.alice.get(path + "two"), 404)


@case("RFC 6578 3.4: the asked properties come with each member")
def properties(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"hello"), 201)
    answer = sync(t, t.alice, path,
                  props='<getcontentlength/><none xmlns="urn:t"/>')
    item = [i for i in answer.items() if i.href == path + "f"][0]
    t.eq(item.text(DAV + "getcontentlength"), "5", "getcontentlength")
    t.eq(item.props["{urn:t}none"][0], 404, "unknown property")


@case("RFC 6578: a token outlives a restart", restarts=True)
def restart(t):
    path = t.fresh()
    token = changes(t, t.alice, path)[1]
    t.status(t.alice.put(path + "f", b"x"), 201)
    t.server.restart()
    for client in t.clients.values():
        client.close()
        client.port = t.server.port
    t.eq(changes(t, t.alice, path, token)[0], {path + "f": "ok"}, "changes")


def build():
    return Cells(limits={"sync_results": PAGE})


if __name__ == "__main__":
    main(build)
