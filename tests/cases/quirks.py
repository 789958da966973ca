#!/usr/bin/python3 -B
"""The 25 quirks of clients.md section 1, each with the client it is for."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, dump, prop_body                          # noqa: E402
from wire import lock_token                                      # noqa: E402
from world import Cells                                          # noqa: E402

WIN32 = "{urn:schemas-microsoft-com:}"
LOCKINFO = ('<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/>'
            '</D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>')


def no_redirect(t, answer):
    t.true(not 300 <= answer.status < 400, "a redirect: %r", answer)
    t.eq(answer.get("Location"), None, "Location of %r" % answer)


@case("1 (gvfs, KIO): no DAV method is redirected, with or without slash")
def no_redirects(t):
    for slash in ("", "/"):
        path = t.fresh()
        t.status(t.alice.mkcol(path + "dir"), 201)
        t.status(t.alice.put(path + "dir/f", b"x"), 201)
        name = path + "dir" + slash
        for method, headers, body, status in (
                ("OPTIONS", {}, None, 200), ("GET", {}, None, 200),
                ("HEAD", {}, None, 200),
                ("PROPFIND", {"Depth": "0"}, None, 207),
                ("PROPFIND", {"Depth": "1"}, None, 207),
                ("PROPPATCH", {}, prop_patch("v"), 207),
                ("PUT", {}, b"x", 405), ("MKCOL", {}, None, 405),
                ("LOCK", {"Depth": "0"}, LOCKINFO, 200)):
            answer = t.alice.request(method, name, headers, body)
            no_redirect(t, answer)
            t.status(answer, status)
        token = lock_token(answer)
        no_redirect(t, t.status(t.alice.unlock(name, token), 204))
        no_redirect(t, t.status(t.alice.copy(name, path + "copy" + slash),
                                201))
        no_redirect(t, t.status(t.alice.move(name, path + "moved" + slash),
                                201))
        t.body(t.alice, path + "moved/f", b"x")
        for gone in ("copy", "moved"):
            no_redirect(t, t.status(t.alice.delete(path + gone + slash),
                                    204))
        t.eq(len(dump(t.alice, path)), 1, "entries that are left")


def prop_patch(value):
    return ('<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:t">%s</x>'
            '</prop></set></propertyupdate>' % value)


@case("1: /dav and each cell, without slash, are answered and not redirected")
def roots_without_slash(t):
    for path in ("/dav", "/dav/a", "/dav/my-files"):
        for method, headers in (("OPTIONS", {}), ("GET", {}), ("HEAD", {}),
                                ("PROPFIND", {"Depth": "0"}),
                                ("PROPFIND", {"Depth": "1"})):
            answer = t.alice.request(method, path, headers)
            no_redirect(t, answer)
            t.status(answer, 200, 207)


@case("2 (LibreOffice, python webdavclient): GET, HEAD on a collection are 200")
def collection_get(t):
    for path in ("/dav/", "/dav/a/", "/dav/a/docs/", "/dav/a/docs",
                 "/dav/my-files/", "/dav"):
        t.status(t.alice.get(path), 200)
        t.status(t.alice.request("HEAD", path), 200)


@case("3 (ownCloud): Content-Type is application/xml; charset=utf-8 exactly")
def exact_content_type(t):
    path = t.file()
    lock = t.alice.lock(path)
    for answer in (t.alice.propfind(path, "0"), t.alice.propfind("/dav/", "1"),
                   t.alice.propfind(path, props=[DAV + "nothing"]),
                   t.alice.proppatch(path, [("{urn:t}x", "v")], headers={
                       "If": "(<%s>)" % lock_token(lock)}),
                   lock, t.alice.put(path, b"x"),
                   t.alice.propfind("/dav/a/", "infinity")):
        t.status(answer, 200, 207, 423, 403)
        t.eq(answer.all("Content-Type"), ["application/xml; charset=utf-8"],
             "Content-Type")
    t.status(t.alice.unlock(path, lock_token(lock)), 204)


@case("4 (sync clients): hrefs are paths, / ends collections, self is first")
def href_forms(t):
    path = t.fresh()
    for name in ("0first", "a%20b", "%25", "%C3%A9"):
        t.status(t.alice.put(path + name, b"x"), 201)
    t.status(t.alice.mkcol(path + "!dir/"), 201)
    for asked in (path, path[:-1]):
        items = t.multistatus(t.alice.propfind(asked, "1"))
        t.eq(items[0].href, path, "the first href")
        for item in items:
            t.true(re.match(r"(/[A-Za-z0-9\-._~!$&'()*+,;=:@%]*)+\Z",
                            item.href), "href %r", item.href)
            t.eq(item.href.endswith("/"), item.is_collection,
                 "slash of " + item.href)
            t.true(item.href.startswith(path), "href %r", item.href)
            t.multistatus(t.alice.propfind(item.href))
        t.eq(len({i.href for i in items}), 6, "distinct hrefs")


@case("5 (davfs2, DAVx5): the ETag is strong and the same string everywhere")
def same_etag(t):
    path = t.fresh() + "f"
    put = t.alice.put(path, b"one").etag
    seen = {put, t.alice.get(path).etag,
            t.alice.request("HEAD", path).etag,
            t.alice.prop(path, DAV + "getetag"),
            t.alice.get(path, {"Range": "bytes=0-0"}).etag,
            t.alice.get(path, {"If-None-Match": put}).etag}
    t.eq(len(seen), 1, "ETags: %r" % seen)
    t.status(t.alice.get(path, {"If-None-Match": put}), 304)
    t.status(t.alice.get(path, {"If-Match": put}), 200)
    t.status(t.alice.get(path, {"If-Match": '"x"'}), 412)


@case("5, R7f: two PUTs of one size at once have different ETags")
def etag_changes(t):
    path = t.fresh() + "f"
    tags = [t.alice.put(path, b"%03d" % n).etag for n in range(50)]
    t.eq(len(set(tags)), 50, "distinct ETags")


@case("6 (sync clients): PUT answers 201 and 204 carry ETag")
def put_etag(t):
    path = t.fresh() + "f"
    for status, body in ((201, b"one"), (204, b"two"), (204, b"")):
        answer = t.status(t.alice.put(path, body), status)
        t.eq(answer.etag, t.alice.get(path).etag, "ETag of PUT")


@case("7 (davfs2): LOCK of an unmapped URL is 201, an empty file with an ETag")
def lock_unmapped(t):
    path = t.fresh() + "new"
    answer = t.status(t.alice.lock(path), 201)
    own = "(<%s>)" % lock_token(answer)
    head = t.status(t.alice.request("HEAD", path), 200)
    t.eq(head.get("Content-Length"), "0", "length")
    t.true(head.etag, "no ETag: %r", head)
    t.status(t.alice.put(path, b"content", {
        "If": "<%s%s> %s" % (t.alice.origin, path, own),
        "If-Match": head.etag}), 204)
    t.status(t.alice.unlock(path, lock_token(answer)), 204)
    t.body(t.alice, path, b"content")


@case("8 (Finder, Windows): DAV says class 2, locks work on files")
def class_2(t):
    answer = t.alice.request("OPTIONS", "/dav/a/")
    classes = [c.strip() for c in answer.get("DAV").split(",")]
    t.true({"1", "2", "3"} <= set(classes), "DAV: %r", classes)


@case("9 (Windows, gvfs): OPTIONS without credentials, also on ancestors")
def open_options(t):
    seen = set()
    for path in ("/", "/dav", "/dav/", "/dav/a", "/dav/a/", "/dav/none/x",
                 "/dav/a/docs/plan.pdf"):
        answer = t.status(t.nobody.request("OPTIONS", path), 200)
        no_redirect(t, answer)
        t.eq(answer.get("MS-Author-Via"), "DAV", "MS-Author-Via")
        t.eq(answer.get("DAV"), "1, 2, 3, extended-mkcol",
             "DAV (rights.md 5)")
        seen.add(answer.get("Allow"))
    t.eq(len(seen), 1, "Allow without login: %r" % seen)
    t.status(t.nobody.request("OPTIONS", "*"), 200)


@case("9 (gvfs): PROPFIND of / is 401 or 207, never a redirect")
def root_propfind(t):
    for client, statuses in ((t.nobody, (401,)), (t.alice, (207,))):
        answer = t.status(client.propfind("/", "0"), *statuses + (404, 405))
        no_redirect(t, answer)


@case("10 (Windows): PROPPATCH of the four Win32 properties is 207, all ok")
def win32_properties(t):
    path = t.file()
    date = "Tue, 03 Mar 2020 10:20:30 GMT"
    values = [(WIN32 + "Win32CreationTime", date),
              (WIN32 + "Win32LastAccessTime", date),
              (WIN32 + "Win32LastModifiedTime", date),
              (WIN32 + "Win32FileAttributes", "00000020")]
    item = t.multistatus(t.alice.proppatch(path, values))[0]
    t.eq({n: s for n, (s, _) in item.props.items()},
         {n: 200 for n, _ in values}, "propstats")
    t.eq(t.alice.prop(path, WIN32 + "Win32FileAttributes"), "00000020",
         "attributes")
    t.eq(t.alice.get(path).get("Last-Modified"), date, "mtime")
    t.eq(t.alice.prop(path, DAV + "getlastmodified"), date, "mtime")


@case("10 (MS Office): Win32 PROPPATCH without the lock token is accepted or"
      " 423, with a propstat each")
def win32_under_lock(t):
    path = t.file()
    token = lock_token(t.alice.lock(path))
    values = [(WIN32 + "Win32FileAttributes", "00000020")]
    t.status(t.alice.proppatch(path, values), 207, 423)
    item = t.multistatus(t.alice.proppatch(
        path, values, headers={"If": "(<%s>)" % token}))[0]
    t.eq(item.props[values[0][0]][0], 200, "propstat")
    t.status(t.alice.unlock(path, token), 204)


@case("10 (Windows): PUT 0, LOCK, PROPPATCH, HEAD, PUT, PROPPATCH, UNLOCK")
def windows_upload(t):
    path = t.fresh() + "New%20Text.txt"
    t.status(t.alice.propfind(path), 404)
    t.status(t.alice.put(path, b""), 201)
    lock = t.status(t.alice.lock(path, {"translate": "f"}, depth=None,
                                 timeout="Second-3600"), 200)
    own = {"If": "(<%s>)" % lock_token(lock)}
    values = [(WIN32 + "Win32FileAttributes", "00000020")]
    t.multistatus(t.alice.proppatch(path, values, headers=own))
    t.status(t.alice.request("HEAD", path), 200)
    t.status(t.alice.put(path, b"from Windows", own), 204)
    t.multistatus(t.alice.proppatch(path, values, headers=own))
    t.status(t.alice.unlock(path, lock_token(lock)), 204)
    t.body(t.alice, path, b"from Windows")


@case("11 (Finder): chunked PUT with X-Expected-Entity-Length is streamed")
def finder_upload(t):
    path = t.fresh() + "movie"
    data = os.urandom(300000)
    answer = t.alice.request("PUT", path, {
        "X-Expected-Entity-Length": str(len(data))}, data, chunked=True)
    t.status(answer, 201)
    t.body(t.alice, path, data)


@case("11 (Finder): the expected length is the hint for quota",
      errors=(507,))
def finder_quota(t):
    path = t.fresh() + "movie"
    with t.alice.connect() as connection:
        connection.send(t.alice.head("PUT", path, {
            "X-Expected-Entity-Length": str(1 << 60),
            "Expect": "100-continue"}, chunked=True))
        answer = connection.read("PUT")
        t.status(answer, 413, 507)
        t.eq(answer.interim, [], "interim answers")
    t.status(t.alice.get(path), 404)


@case("12 (curl, LibreOffice): Expect gets 100 when the body is wanted")
def expect_continue(t):
    path = t.fresh() + "f"
    with t.alice.connect() as connection:
        connection.send(t.alice.head("PUT", path, {
            "Expect": "100-continue"}, 5))
        t.eq(connection.read_interim().status, 100, "interim status")
        connection.send(b"hello", 0)
        t.status(connection.read("PUT"), 201)
    t.body(t.alice, path, b"hello")
    body = prop_body("propfind", [DAV + "getetag"]).encode()
    with t.alice.connect() as connection:
        connection.send(t.alice.head("PROPFIND", path, {
            "Expect": "100-continue", "Depth": "0"}, len(body)) + body)
        t.status(connection.read("PROPFIND"), 207)


@case("12: Expect 100-continue that is refused gets the final status at once")
def expect_refused(t):
    with t.bob.connect() as connection:
        connection.send(t.bob.head("PUT", "/dav/a/docs/new", {
            "Expect": "100-continue"}, 5))
        answer = connection.read("PUT")
        t.status(answer, 403)
        t.eq(answer.interim, [], "interim answers")


@case("13 (curl -C): PUT with Content-Range is 400 and changes nothing")
def put_content_range(t):
    path = t.file(b"0123456789")
    for value in ("bytes 5-9/10", "bytes 0-4/10", "bytes */10", "x"):
        t.status(t.alice.put(path, b"abcde", {"Content-Range": value}), 400)
        t.status(t.alice.put(path + "2", b"abcde",
                             {"Content-Range": value}), 400)
    t.body(t.alice, path, b"0123456789")
    t.status(t.alice.get(path + "2"), 404)


@case("14 (npm webdav, Windows XP): UNLOCK with a token without brackets")
def unlock_unbracketed(t):
    path = t.file()
    token = lock_token(t.alice.lock(path))
    t.status(t.alice.request("UNLOCK", path, {"Lock-Token": token}), 204)
    t.status(t.alice.put(path, b"free"), 204)


@case("14 (Joplin): If-None-Match without quotes means no match")
def joplin_etag(t):
    path = t.file(b"note")
    headers = {"If-None-Match": "JoplinIgnore-123", "Cache-Control":
               "no-store"}
    t.eq(t.status(t.alice.get(path, headers), 200).body, b"note", "body")


@case("14 (sync clients, litmus): Destination as a path, hex in both cases")
def destination_path(t):
    path = t.file(b"x")
    for number, name in enumerate(("caf%c3%a9", "caf%C3%A8")):
        answer = t.alice.request("COPY", path, {
            "Destination": os.path.dirname(path) + "/" + name})
        t.status(answer, 201)
        t.status(t.alice.get(os.path.dirname(path) + "/" + name.upper()
                             .replace("CAF", "caf")), 200)


@case("14 (KIO 6): Destination with its own scheme, user and password")
def destination_of_kio(t):
    path = t.file(b"x")
    for method in ("COPY", "MOVE"):
        target = "%s-%s" % (path, method)
        t.status(t.alice.request(method, path, {
            "Destination": "webdav://alice:pw@%s%s" % (
                t.alice.authority, target)}), 201)
        t.eq(t.status(t.alice.get(target), 200).body, b"x", "body")


@case("14 (rclone, npm webdav): XML without or with a plain Content-Type")
def xml_types(t):
    path = t.file()
    body = prop_body("propfind", [DAV + "getetag"])
    for kind in (None, "text/plain", "text/xml; charset=\"utf-8\"",
                 "application/xml"):
        headers = {"Depth": "0"}
        if kind:
            headers["Content-Type"] = kind
        t.status(t.alice.request("PROPFIND", path, headers, body), 207)
    lock = t.alice.request("LOCK", path, {"Content-Type": "text/plain",
                                          "Depth": "0"}, LOCKINFO)
    t.status(lock, 200)
    t.status(t.alice.unlock(path, lock_token(lock)), 204)


@case("15 (Zotero): header names are spelt DAV, ETag, Lock-Token, ...")
def header_spelling(t):
    path = t.file()
    lock = t.alice.lock(path)
    names = [n for answer in (t.alice.request("OPTIONS", path), lock,
                              t.alice.get(path), t.nobody.get(path))
             for n, _ in answer.headers]
    for wanted in ("DAV", "MS-Author-Via", "Lock-Token", "ETag",
                   "Content-Type", "Content-Length", "WWW-Authenticate",
                   "Accept-Ranges", "Last-Modified", "Date", "Allow"):
        t.true(wanted in names, "no %s in %r", wanted, sorted(set(names)))
    t.status(t.alice.unlock(path, lock_token(lock)), 204)


@case("16 (rclone, gvfs): Depth 1 on a file is that file; FILE/ is 404")
def depth_1_on_file(t):
    path = t.file()
    items = t.multistatus(t.alice.propfind(path, "1"))
    t.eq([i.href for i in items], [path], "hrefs")
    t.status(t.alice.propfind(path + "/", "1"), 404)


@case("17 (rclone, Joplin, davfs2): MKCOL is 405 if there, 409 without parent")
def mkcol_statuses(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"x"), 201)
    for slash in ("", "/"):
        t.status(t.alice.mkcol(path[:-1] + slash), 405)
        t.status(t.alice.mkcol(path + "none/x" + slash), 409)
        t.status(t.alice.mkcol(path + "dir" + slash.replace("/", "2/")), 201)
    t.status(t.alice.mkcol(path + "f"), 405)


@case("18 (KIO, litmus): PUT without a parent is 409")
def put_without_parent(t):
    path = t.fresh()
    with t.unchanged(t.alice, path):
        t.status(t.alice.put(path + "none/f", b"x"), 409)
        t.status(t.alice.lock(path + "none/f"), 409)
        t.status(t.alice.copy("/dav/a/docs/plan.pdf", path + "none/f"), 409)
        t.status(t.alice.move("/dav/a/docs/plan.pdf", path + "none/f"), 409)


@case("19 (KeePass, davfs2, Office): MOVE onto a file replaces it, 204")
def move_replaces(t):
    path = t.fresh()
    t.status(t.alice.put(path + "db.kdbx", b"old"), 201)
    t.status(t.alice.put(path + "db.kdbx.tmp", b"new"), 201)
    t.status(t.alice.move(path + "db.kdbx.tmp", path + "db.kdbx",
                          {"Overwrite": "T"}), 204)
    t.body(t.alice, path + "db.kdbx", b"new")
    t.status(t.alice.get(path + "db.kdbx.tmp"), 404)


@case("19 (sync clients): id and ETag of a file survive a MOVE")
def move_keeps_validators(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f", b"x"), 201)
    names = [DAV + "getetag", DAV + "resource-id"]
    read = lambda url: [
        "".join(e.itertext()) for _, e in (t.multistatus(
            t.alice.propfind(url, props=names))[0].props[n] for n in names)]
    before = read(path + "f")
    t.status(t.alice.move(path + "f", path + "g"), 201)
    t.eq(read(path + "g"), before, "ETag and resource-id")
    t.true(all(before), "empty: %r", before)


@case("20 (KIO): Overwrite defaults to T; Depth infinity on a file is fine")
def overwrite_default(t):
    path = t.fresh()
    for name in ("f", "g", "h"):
        t.status(t.alice.put(path + name, name.encode()), 201)
    t.status(t.alice.copy(path + "f", path + "g", {"Depth": "infinity"}),
             204)
    t.status(t.alice.move(path + "f", path + "h", {"Depth": "infinity"}),
             204)
    t.body(t.alice, path + "h", b"f")


@case("21 (ffmpeg, Kodi): open ranges, Accept-Ranges on GET and HEAD, a length")
def media_ranges(t):
    data = os.urandom(200000)
    path = t.file(data, name="v.mp4")
    for method in ("GET", "HEAD"):
        answer = t.alice.request(method, path, {"Icy-MetaData": "1"})
        t.eq(answer.get("Accept-Ranges"), "bytes", "Accept-Ranges")
        t.eq(answer.get("Content-Length"), "200000", "Content-Length")
    for start in (44, 131072, 199999):
        answer = t.alice.get(path, {"Range": "bytes=%d-" % start})
        t.status(answer, 206)
        t.eq(answer.body, data[start:], "bytes from %d" % start)
        t.eq(answer.get("Content-Range"), "bytes %d-199999/200000" % start,
             "Content-Range")
    t.eq(t.alice.get(path, {"Accept-Encoding": "gzip"})
         .get("Content-Encoding"), None, "Content-Encoding of media")


@case("22 (Finder): 403 for rights, 423 for locks, 409, 404; never 500")
def error_mapping(t):
    path = t.file(client=t.carol, cell="b")
    token = lock_token(t.carol.lock(path))
    t.status(t.bob.put(path, b"x"), 423)
    t.status(t.bob.put("/dav/a/docs/x", b"x"), 403)
    t.status(t.bob.put("/dav/b/none/x", b"x"), 409)
    t.status(t.bob.get("/dav/b/none/x"), 404)
    t.status(t.carol.unlock(path, token), 204)


@case("23 (sync clients): errors hold a sentence in s:message")
def human_message(t):
    path = t.file()
    token = lock_token(t.alice.lock(path))
    for answer in (t.bob.put("/dav/a/docs/x", b"x"), t.alice.put(path, b"x"),
                   t.alice.propfind("/dav/a/", "infinity")):
        message = answer.xml().find("{http://sabredav.org/ns}message")
        t.true(message is not None and " " in (message.text or ""),
               "no sentence: %r", answer)
    t.status(t.alice.unlock(path, token), 204)


@case("24 (Finder, Windows): missing junk files are 404, ._x can be locked")
def junk_files(t):
    path = t.fresh()
    for name in ("._x", ".DS_Store", ".Spotlight-V100", "desktop.ini",
                 ".metadata_never_index", ".Trashes", "Thumbs.db",
                 "folder.jpg", ".directory", ".hidden", ".~lock.f.odt%23",
                 "autorun.inf"):
        t.status(t.alice.propfind(path + name), 404)
        t.status(t.alice.get(path + name), 404)
    answer = t.status(t.alice.lock(path + "._x"), 201)
    token = lock_token(answer)
    t.status(t.alice.put(path + "._x", b"AppleDouble", {
        "If": "(<%s>)" % token}), 204)
    t.status(t.alice.unlock(path + "._x", token), 204)


@case("25 (Finder): NFD finds the NFC file and the stored form is listed")
def stored_form(t):
    path = t.fresh()
    for stored, other in (("%C3%BC.txt", "u%CC%88.txt"),
                          ("o%CC%88.txt", "%C3%B6.txt")):
        t.status(t.alice.put(path + stored, b"x"), 201)
        t.status(t.alice.put(path + other, b"y"), 204)
        t.body(t.alice, path + stored, b"y")
        hrefs = [i.href for i in t.multistatus(t.alice.propfind(path, "1"))]
        t.true(path + stored in hrefs, "listed: %r", hrefs)
        t.true(path + other not in hrefs, "both forms: %r", hrefs)


if __name__ == "__main__":
    main(Cells)
