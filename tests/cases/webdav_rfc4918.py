#!/usr/bin/python3 -B
"""RFC 4918: methods and properties, one case for each MUST that applies.

Locks are in webdav_locks.py.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, XML_TYPE, contents, dump, prop_body      # noqa: E402
from world import Cells                                          # noqa: E402

PROTECTED = DAV + "cannot-modify-protected-property"
LIVE = ("creationdate", "getcontentlength", "getcontenttype", "getetag",
        "getlastmodified", "resourcetype", "supportedlock", "lockdiscovery",
        "displayname")


@case("RFC 4918 15: all live properties of a file, in their formats")
def live_properties(t):
    path = t.file(b"hello")
    item = t.multistatus(t.alice.propfind(
        path, props=[DAV + n for n in LIVE]))[0]
    for name in LIVE:
        if name != "displayname":
            t.eq(item.props[DAV + name][0], 200, "status of " + name)
    t.true(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
                    r"\Z", item.text(DAV + "creationdate")),
           "15.1: RFC 3339: %r", item.text(DAV + "creationdate"))
    t.true(re.match(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\Z",
                    item.text(DAV + "getlastmodified")),
           "15.7: RFC 1123: %r", item.text(DAV + "getlastmodified"))
    t.eq(item.text(DAV + "getcontentlength"), "5", "15.4 getcontentlength")
    answer = t.alice.get(path)
    t.eq(item.text(DAV + "getetag"), answer.etag, "15.6 getetag")
    t.eq(item.text(DAV + "getlastmodified"), answer.get("Last-Modified"),
         "15.7 getlastmodified")
    t.eq(item.text(DAV + "getcontenttype"), answer.get("Content-Type"),
         "15.5 getcontenttype")


@case("RFC 4918 15.9: resourcetype holds collection or is empty")
def resourcetype(t):
    path = t.file()
    item = t.multistatus(t.alice.propfind(path))[0]
    t.eq(len(item.props[DAV + "resourcetype"][1]), 0, "children for a file")
    item = t.multistatus(t.alice.propfind(os.path.dirname(path)))[0]
    t.true(item.is_collection, "a collection is none")


@case("RFC 4918 15.10: supportedlock offers exclusive and shared write")
def supportedlock(t):
    found = t.multistatus(t.alice.propfind(t.file(), props=[
        DAV + "supportedlock"]))[0].props[DAV + "supportedlock"][1]
    scopes = {e[0].tag for e in found.iter(DAV + "lockscope")}
    t.eq(scopes, {DAV + "exclusive", DAV + "shared"}, "scopes")
    t.eq({e[0].tag for e in found.iter(DAV + "locktype")}, {DAV + "write"},
         "types")


@case("RFC 4918 9.1: no body is allprop; quota is not in it (RFC 4331 3)")
def allprop(t):
    path = t.file()
    t.alice.proppatch(path, [("{urn:t}dead", "v")])
    for body in (None, prop_body("propfind", "allprop")):
        item = t.multistatus(t.alice.propfind(path, body=body))[0]
        for name in ("resourcetype", "getetag", "getcontentlength",
                     "getlastmodified", "creationdate", "getcontenttype"):
            t.eq(item.props[DAV + name][0], 200, name)
        t.eq(item.text("{urn:t}dead"), "v", "dead property")
        t.true(DAV + "quota-used-bytes" not in item.props, "quota in allprop")
        t.eq(item.doubled, [], "properties that are there twice")
        t.true(all(s == 200 for s, _ in item.props.values()),
               "allprop with %r", item.props)


@case("RFC 4918 9.1, 14.8: allprop with include")
def include(t):
    body = ('<propfind xmlns="DAV:"><allprop/><include>'
            '<supported-report-set/><nothing xmlns="urn:t"/></include>'
            '</propfind>')
    item = t.multistatus(t.alice.propfind(t.fresh(), body=body))[0]
    t.eq(item.props[DAV + "supported-report-set"][0], 200, "included")
    t.true(DAV + "resourcetype" in item.props, "allprop part")


@case("RFC 4918 9.1.4, 14.20: propname names properties without values")
def propname(t):
    path = t.file()
    t.alice.proppatch(path, [("{urn:t}dead", "v")])
    item = t.multistatus(t.alice.propfind(
        path, body=prop_body("propfind", "propname")))[0]
    for name in (DAV + "getetag", DAV + "resourcetype", "{urn:t}dead"):
        t.true(name in item.props, "%s is not named", name)
    t.true(not any((e.text or "").strip() or len(e)
                   for _, e in item.props.values()), "values in propname")


@case("RFC 4918 9.1: each property asked is there once, 404 when it is not")
def asked_properties(t):
    names = [DAV + "getetag", "{urn:t}none", "{DAV:}nosuch", "{}bare"]
    body = ('<propfind xmlns="DAV:"><prop><getetag/><none xmlns="urn:t"/>'
            '<nosuch/><bare xmlns=""/></prop></propfind>')
    item = t.multistatus(t.alice.propfind(t.file(), body=body))[0]
    t.eq(item.doubled, [], "properties that are there twice")
    got = {n if n[0] == "{" else "{}" + n: s
           for n, (s, _) in item.props.items()}
    t.eq(got, dict(zip(names, (200, 404, 404, 404))), "properties")


@case("RFC 4918 9.2: PROPPATCH is all or nothing, the others are 424")
def proppatch_atomic(t):
    path = t.file()
    item = t.multistatus(t.alice.proppatch(path, [
        ("{urn:t}one", "1"), (DAV + "getetag", "x"), ("{urn:t}two", "2")]))[0]
    t.eq({n: s for n, (s, _) in item.props.items()},
         {"{urn:t}one": 424, DAV + "getetag": 403, "{urn:t}two": 424},
         "propstats")
    t.eq(t.alice.prop(path, "{urn:t}one"), None, "the first property")


@case("RFC 4918 9.2, 16: protected properties are 403 with their condition")
def protected(t):
    path = t.file()
    for name in ("getetag", "getcontentlength", "resourcetype",
                 "supportedlock", "lockdiscovery"):
        answer = t.alice.proppatch(path, [(DAV + name, "x")])
        t.eq(t.multistatus(answer)[0].props[DAV + name][0], 403, name)
        t.true(answer.xml().find(".//" + PROTECTED) is not None,
               "no condition for %s: %r", name, answer)
        answer = t.alice.proppatch(path, remove=[DAV + name])
        t.eq(t.multistatus(answer)[0].props[DAV + name][0], 403, name)


@case("RFC 4918 9.2: in document order; removing what is not there succeeds")
def proppatch_order(t):
    path = t.file()
    body = ('<propertyupdate xmlns="DAV:" xmlns:t="urn:t">'
            '<remove><prop><t:a/></prop></remove>'
            '<set><prop><t:a>1</t:a></prop></set>'
            '<set><prop><t:a>2</t:a></prop></set>'
            '<set><prop><t:b>3</t:b></prop></set>'
            '<remove><prop><t:b/></prop></remove></propertyupdate>')
    t.multistatus(t.alice.request("PROPPATCH", path,
                                  {"Content-Type": XML_TYPE}, body))
    t.eq(t.alice.prop(path, "{urn:t}a"), "2", "a")
    t.eq(t.alice.prop(path, "{urn:t}b"), None, "b")


@case("RFC 4918 4.3: values keep elements, mixed content, xml:lang, planes")
def property_values(t):
    path = t.file()
    body = ('<propertyupdate xmlns="DAV:"><set><prop xml:lang="de">'
            '<x xmlns="urn:t" y="1">a<b xmlns="urn:u" z="&amp;&lt;">c</b>'
            'd \U00010000\u00e9 &#x9;<e/></x><n xmlns="">null</n>'
            '</prop></set></propertyupdate>')
    t.multistatus(t.alice.request("PROPPATCH", path,
                                  {"Content-Type": XML_TYPE}, body))
    item = t.multistatus(t.alice.propfind(path, body=(
        '<propfind xmlns="DAV:"><prop><x xmlns="urn:t"/><n xmlns=""/></prop>'
        '</propfind>')))[0]
    found = item.props["{urn:t}x"][1]
    t.eq([found.text, found[0].tag, found[0].text, found[0].tail,
          found[1].tag, found.get("y"), found[0].get("z")],
         ["a", "{urn:u}b", "c", "d \U00010000\u00e9 \t", "{urn:t}e", "1",
          "&<"], "the value")
    t.eq(found.get("{http://www.w3.org/XML/1998/namespace}lang"), "de",
         "xml:lang")
    t.eq(item.props["n"][1].text, "null", "a property without namespace")


@case("RFC 4918 15.2: displayname can be set and is shown")
def displayname(t):
    path = t.file()
    t.multistatus(t.alice.proppatch(path, [(DAV + "displayname", "Shown")]))
    t.eq(t.alice.prop(path, DAV + "displayname"), "Shown", "displayname")


@case("RFC 4918 9.2: PROPPATCH of an unmapped URL is 404 and makes nothing")
def proppatch_unmapped(t):
    path = t.fresh()
    t.status(t.alice.proppatch(path + "none", [("{urn:t}x", "v")]), 404)
    t.eq(len(dump(t.alice, path)), 1, "entries")


@case("RFC 4918 9.3: MKCOL with a body that is not understood is 415")
def mkcol_body(t):
    path = t.fresh()
    t.status(t.alice.request("MKCOL", path + "x/", {
        "Content-Type": "text/plain"}, b"what"), 415)
    t.status(t.alice.propfind(path + "x/"), 404)


@case("clients.md 8.1: DELETE, COPY, MOVE, UNLOCK with a body are 415")
def unexpected_body(t):
    path = t.file()
    with t.unchanged(t.alice, os.path.dirname(path)):
        for method in ("DELETE", "COPY", "MOVE", "UNLOCK"):
            answer = t.alice.request(method, path, {
                "Destination": t.alice.origin + path + "2",
                "Lock-Token": "<urn:x>", "Content-Type": "text/plain"},
                b"what")
            t.status(answer, 415)


@case("RFC 5689: extended MKCOL sets properties, or makes nothing")
def extended_mkcol(t):
    path = t.fresh()
    body = ('<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/>'
            '</resourcetype><displayname>Named</displayname>%s</prop></set>'
            '</mkcol>')
    kind = {"Content-Type": XML_TYPE}
    t.status(t.alice.request("MKCOL", path + "a/", kind,
                             body % '<x xmlns="urn:t">v</x>'), 201)
    t.eq(t.alice.prop(path + "a/", DAV + "displayname"), "Named", "name")
    t.eq(t.alice.prop(path + "a/", "{urn:t}x"), "v", "dead property")
    answer = t.alice.request("MKCOL", path + "b/", kind,
                             body % "<getetag>x</getetag>")
    t.status(answer, 424, 403)
    t.true(b"mkcol-response" in answer.body, "no mkcol-response: %r", answer)
    t.status(t.alice.propfind(path + "b/"), 404)
    other = body.replace("<collection/>", '<collection/><y xmlns="urn:t"/>')
    t.status(t.alice.request("MKCOL", path + "c/", kind, other % ""),
             403, 409, 415, 424)
    t.status(t.alice.propfind(path + "c/"), 404)


@case("RFC 4918 9.6: DELETE takes the whole tree; a fragment is 400")
def delete_tree(t):
    path = t.fresh()
    for name in ("d/", "d/e/"):
        t.status(t.alice.mkcol(path + name), 201)
    t.status(t.alice.put(path + "d/e/f", b"x"), 201)
    t.status(t.alice.request("DELETE", path + "d/#frag"), 400)
    t.eq(len(dump(t.alice, path)), 4, "entries")
    t.status(t.alice.delete(path + "d"), 204)
    t.eq(len(dump(t.alice, path)), 1, "entries")
    t.status(t.alice.delete(path + "d"), 404)


@case("RFC 4918 9.7.2: PUT to a collection is 405, with or without slash")
def put_collection(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    with t.unchanged(t.alice, path):
        t.status(t.alice.put(path + "d", b"x"), 405)
        t.status(t.alice.put(path + "d/", b"x"), 405)


@case("RFC 4918 9.8.3: COPY Depth 0 copies the collection and its properties")
def copy_depth_0(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.put(path + "d/f", b"x"), 201)
    t.multistatus(t.alice.proppatch(path + "d/", [("{urn:t}x", "v")]))
    t.status(t.alice.copy(path + "d/", path + "e/", {"Depth": "0"}), 201)
    t.eq(sorted(dump(t.alice, path + "e/")), [path + "e/"], "members")
    t.eq(t.alice.prop(path + "e/", "{urn:t}x"), "v", "dead property")


@case("RFC 4918 9.8.2: COPY duplicates dead properties and gets its own id")
def copy_properties(t):
    path = t.file(b"x")
    t.multistatus(t.alice.proppatch(path, [("{urn:t}x", "v")]))
    t.status(t.alice.copy(path, path + "2"), 201)
    t.eq(t.alice.prop(path + "2", "{urn:t}x"), "v", "dead property")
    t.multistatus(t.alice.proppatch(path + "2", [("{urn:t}x", "w")]))
    t.eq(t.alice.prop(path, "{urn:t}x"), "v", "the source's property")
    ids = [t.multistatus(t.alice.propfind(p, props=[DAV + "resource-id"]))[0]
           .props[DAV + "resource-id"][1] for p in (path, path + "2")]
    texts = ["".join(e.itertext()) for e in ids]
    t.true(texts[0] != texts[1] and all(texts), "resource-ids %r", texts)


@case("RFC 4918 9.8.4: COPY onto a collection replaces it, nothing is merged")
def copy_replaces(t):
    path = t.fresh()
    for name in ("a/", "b/"):
        t.status(t.alice.mkcol(path + name), 201)
        t.status(t.alice.put(path + name + "in-" + name[0], b"x"), 201)
    t.status(t.alice.copy(path + "a/", path + "b/"), 204)
    t.eq(sorted(dump(t.alice, path + "b/")), [path + "b/",
                                              path + "b/in-a"], "members")
    t.status(t.alice.copy(path + "a/in-a", path + "b/"), 204, 403, 409)


@case("RFC 4918 9.9: MOVE keeps dead properties, id and content")
def move_properties(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.put(path + "d/f", b"x"), 201)
    t.multistatus(t.alice.proppatch(path + "d/f", [("{urn:t}x", "v")]))
    before = contents(dump(t.alice, path + "d/"))
    t.status(t.alice.move(path + "d", path + "e"), 201)
    after = contents(dump(t.alice, path + "e/"))
    t.eq({k.replace("/e/", "/d/"): v for k, v in after.items()}, before,
         "the tree")
    t.eq(t.alice.prop(path + "e/f", "{urn:t}x"), "v", "dead property")
    t.status(t.alice.propfind(path + "d"), 404)


@case("RFC 4918 8.6: after DELETE and PUT no old validator is shown")
def no_old_validator(t):
    path = t.file(b"one")
    old = t.alice.get(path).etag
    t.status(t.alice.delete(path), 204)
    new = t.alice.put(path, b"one").etag
    t.true(new and new != old, "the same ETag for a new resource")
    t.status(t.alice.get(path, {"If-None-Match": old}), 200)


@case("RFC 4918 10.1: DAV on OPTIONS of any resource; Allow after login")
def options(t):
    for path in (t.file(), "/dav/a/", "/dav/", "/dav/a/missing"):
        answer = t.status(t.alice.request("OPTIONS", path), 200)
        t.eq(answer.get("DAV"), "1, 2, 3, extended-mkcol", "DAV")
        allow = {m.strip() for m in answer.get("Allow").split(",")}
        t.true({"OPTIONS", "GET", "HEAD", "PUT", "DELETE", "MKCOL", "COPY",
                "MOVE", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK",
                "REPORT"} <= allow, "Allow: %r", allow)
        t.true("TRACE" not in allow, "TRACE is allowed")


@case("RFC 4331: quota on collections, 507 quota-not-exceeded, nothing stored",
      errors=(507,))
def quota(t):
    t.server.cell("tight", "alice", "--quota", "10K")
    path = "/dav/tight/"
    t.status(t.alice.put(path + "f", b"x" * 6000), 201)
    used = int(t.alice.prop(path, DAV + "quota-used-bytes"))
    free = int(t.alice.prop(path, DAV + "quota-available-bytes"))
    t.eq((used, free), (6000, 10240 - 6000), "used and available")
    with t.unchanged(t.alice, path):
        t.error(t.alice.put(path + "g", b"x" * 6000), 507,
                DAV + "quota-not-exceeded")
        t.error(t.alice.copy(path + "f", path + "g"), 507,
                DAV + "quota-not-exceeded")
        t.error(t.alice.put(path + "f", b"x" * 11000), 507,
                DAV + "quota-not-exceeded")
    t.status(t.alice.put(path + "g", b"x" * 4240), 201)
    t.status(t.alice.delete(path + "f"), 204)


@case("RFC 5397, 3744: current-user-principal, principal-URL, owner are hrefs")
def principals(t):
    path = t.file()
    names = [DAV + n for n in ("current-user-principal", "owner")]
    item = t.multistatus(t.alice.propfind(path, props=names))[0]
    hrefs = [item.props[n][1].find(DAV + "href").text for n in names]
    t.eq(hrefs[0], hrefs[1], "owner of alice's file as alice")
    seen = t.multistatus(t.bob.propfind("/dav/a/docs/", props=names))[0]
    mine = seen.props[names[0]][1].find(DAV + "href").text
    t.true(mine != hrefs[0], "bob is alice")
    found = t.multistatus(t.alice.propfind(hrefs[0], props=[
        DAV + "principal-URL"]))[0].props[DAV + "principal-URL"]
    t.eq(found[1].find(DAV + "href").text, hrefs[0], "principal-URL")


@case("RFC 7240, 8144: depth-noroot leaves the collection itself out")
def depth_noroot(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"x"), 201)
    answer = t.alice.propfind(path, "1", headers={"Prefer": "depth-noroot"})
    t.eq([i.href for i in t.multistatus(answer)], [path + "f"], "hrefs")
    t.true("depth-noroot" in (answer.get("Preference-Applied") or ""),
           "Preference-Applied: %r", answer.headers)


@case("RFC 8144 2.1: return=minimal PROPPATCH leaves successes out")
def minimal_proppatch(t):
    path = t.file()
    answer = t.alice.proppatch(path, [("{urn:t}x", "v")],
                               headers={"Prefer": "return=minimal"})
    t.status(answer, 200, 204, 207)
    if answer.status == 207:
        t.true(not any(i.props for i in answer.items()), "%r", answer)
    t.eq(t.alice.prop(path, "{urn:t}x"), "v", "the property")


if __name__ == "__main__":
    main(Cells)
