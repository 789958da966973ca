#!/usr/bin/python3 -B
"""Signed-in preset x method x target, with effects: rights.md 3 to 6.

The expectations are the table tests/lib/rights_table.py.  Each operation runs
in a place of its own; the owner dumps the place before and after it.
"""

import hashlib
import os
import secrets
import sys
from urllib.parse import unquote

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

import rights_table as table                                     # noqa: E402
from celldav import Server                                       # noqa: E402
from check import World, case, difference, main                  # noqa: E402
from davxml import CD, DAV, contents, dump                       # noqa: E402
from wire import lock_token                                      # noqa: E402

NAME_NOT_ALLOWED = CD + "name-not-allowed"
NEED = DAV + "need-privileges"
FINITE = DAV + "propfind-finite-depth"


def cell_of(preset):
    return "m-" + preset


class Matrix(World):
    """A cell for each preset, one user with that grant, one owner."""

    def __init__(self):
        self.server = server = Server()
        server.user("owner")
        server.cell("dest", "owner")
        for preset in table.PRESETS:
            server.user("u-" + preset)
            server.cell(cell_of(preset), "owner")
            server.grant("dest", "user:u-" + preset, "contributor")
        server.start()
        self.owner = server.client("owner")
        self.users = {p: server.client("u-" + p) for p in table.PRESETS}
        self.count = 0
        self.secret = secrets.token_hex(16)
        for preset in table.PRESETS:
            self._tree("/dav/%s/" % cell_of(preset))
            self._grants(preset)

    def _tree(self, root):
        for name in ("t/", "t/col/", "t/tcol/", "full/", "hidden/"):
            self.status(self.owner.mkcol(root + name), 201)
        for name in ("t/file.txt", "t/target.txt", "t/col/in.txt",
                     "t/tcol/t.txt", "full/seen.txt", "full/hidden.txt",
                     "hidden.txt", "hidden/inner.txt"):
            self.status(self.owner.put(
                root + name, "%s %s" % (name, self.secret)), 201)

    def _grants(self, preset):
        cell, user = cell_of(preset), "user:u-" + preset
        if preset != "none":
            self.server.grant(cell, user, preset)
        for name in ("hidden.txt", "hidden", "full/hidden.txt"):
            self.server.grant("%s/%s" % (cell, name), user, "no-access")

    def place(self, preset):
        """A copy of the template, made by the owner."""
        self.count += 1
        path = "/dav/%s/p%d/" % (cell_of(preset), self.count)
        self.status(self.owner.copy("/dav/%s/t/" % cell_of(preset), path),
                    201)
        return path


def tree_of(t, place):
    found = contents(dump(t.owner, place, ["{urn:t}x"]))
    return {k[len(place):]: v for k, v in found.items()}


def expected_tree(row, before):
    after = row.effect(before)
    digest = hashlib.sha256(table.NEW_BODY).hexdigest()
    return {k: ("file", len(table.NEW_BODY), digest)
            if v == table.NEW else v for k, v in after.items()}


def headers_of(t, row, place):
    headers = dict(row.headers)
    target = headers.get("Destination")
    if target:
        if target.startswith("/"):
            target = target.replace("@", "n%d" % t.count)
        else:
            target = place + target
        headers["Destination"] = t.owner.origin + target
    return headers


def need_privileges(answer, row, places):
    """What is wrong with a 403 body: rights.md 5, RFC 3744 7.1.1."""
    if row.method == "HEAD":
        return "" if not answer.body else "HEAD with a body"
    if not answer.has_error(NEED):
        return "no need-privileges in %r" % answer
    named = answer.xml().findall(".//" + DAV + "resource")
    if not named:
        return "need-privileges names no resource"
    for resource in named:
        href = resource.find(DAV + "href")
        if href is None or unquote(href.text or "") not in places:
            return "href %r is none of %r" % (
                href is not None and href.text, places)
        inside = [p.tag for p in resource.findall(DAV + "privilege/*")]
        if not inside or not set(inside) <= row.privileges:
            return "privileges %r, allowed are %r" % (inside,
                                                      row.privileges)
    return ""


def judge(t, preset, row):
    """Run one cell of the matrix: "" or what is wrong."""
    place = t.place(preset)
    before = tree_of(t, place)
    headers = headers_of(t, row, place)
    answer = t.users[preset].request(row.method, place + row.path, headers,
                                     row.body)
    after = tree_of(t, place)
    held = row.needs <= set(table.PRESETS[preset])
    if held:
        if answer.status not in row.ok:
            return "expected %r, got %r" % (row.ok, answer)
        good = row.effect is table.same or answer.status < 300
        wanted = expected_tree(row, before) if good else before
    else:
        if answer.status != 403:
            return "expected 403, got %r" % answer
        places = {place, place[:-1], place + row.path,
                  (place + row.path).rsplit("/", 1)[0] + "/",
                  (place + row.path).rstrip("/"), place + "tcol/"}
        if row.headers.get("Destination"):
            target = headers["Destination"][len(t.owner.origin):]
            places |= {target, target.rsplit("/", 1)[0] + "/"}
        wrong = need_privileges(answer, row, places)
        if wrong:
            return wrong
        wanted = before
    if after != wanted:
        return "effect: " + difference(wanted, after)
    return ""


def run_matrix(t, preset):
    wrong = []
    for row in table.ROWS:
        text = judge(t, preset, row)
        if text:
            wrong.append("%s: %s" % (row.name, text))
    if wrong:
        t.fail("%s", "\n".join(wrong))


def neutral(answer, name, other):
    """An answer with Date, and the one name for the other, left out."""
    swap = lambda text: text.replace(name, other)
    headers = [(n, swap(v)) for n, v in answer.headers if n != "Date"]
    return answer.status, headers, swap(answer.text)


def send_hidden(t, client, method, path, headers, body):
    headers = dict(headers)
    if "Destination" in headers:
        headers["Destination"] = t.owner.origin + "/dav/dest/elsewhere"
    return client.request(method, path, headers, body)


def forbidden_name(seen, path, headers):
    """403 name-not-allowed; a slash or If-Match may decide before it."""
    if seen.status == 403 and seen.has_error(NAME_NOT_ALLOWED):
        return True
    return (path.endswith("/") and seen.status in (403, 404, 405, 409)) \
        or ("If-Match" in headers and seen.status == 412)


def compare_hidden(t, client, pairs, creators):
    wrong = []
    for hidden, absent in pairs:
        for method, headers, body, creates in table.HIDDEN_ROWS:
            seen = send_hidden(t, client, method, hidden, headers, body)
            if t.secret in seen.text:
                wrong.append("%s %s leaks bytes" % (method, hidden))
            makes = creates and set(creates) <= creators \
                and not hidden.endswith("/inner.txt")
            if makes:
                if not forbidden_name(seen, hidden, headers):
                    wrong.append("%s %s: expected 403 name-not-allowed, got"
                                 " %r" % (method, hidden, seen))
                continue
            real = send_hidden(t, client, method, absent, headers, body)
            if neutral(seen, hidden, absent) != neutral(real, absent,
                                                        absent):
                wrong.append("%s %s: hidden %r, unmapped %r"
                             % (method, hidden, seen, real))
    return wrong


def run_hidden(t, preset):
    root = "/dav/%s/" % cell_of(preset)
    pairs = [(root + a, root + b) for a, b in (
        ("hidden.txt", "absent.txt"), ("hidden/", "absent/"),
        ("hidden", "absent"), ("hidden/inner.txt", "absent/inner.txt"))]
    with t.unchanged(t.owner, root, "{urn:t}x"):
        wrong = compare_hidden(t, t.users[preset], pairs,
                               set(table.PRESETS[preset]))
    t.status(t.owner.propfind("/dav/dest/elsewhere"), 404)
    if wrong:
        t.fail("%s", "\n".join(wrong))


def run_invisible(t, preset):
    """Nothing of a cell can be told from a cell that does not exist."""
    cell = cell_of(preset)
    other = "z" + cell[1:]
    pairs = [("/dav/%s%s" % (cell, tail), "/dav/%s%s" % (other, tail))
             for tail in ("", "/", "/hidden.txt", "/full/", "/t/file.txt",
                          "/missing", "/missing/below")]
    with t.unchanged(t.owner, "/dav/%s/" % cell, "{urn:t}x"):
        wrong = compare_hidden(t, t.users[preset], pairs, set())
    listed = [i.href for i in t.multistatus(
        t.users[preset].propfind("/dav/", "1"))]
    if "/dav/%s/" % cell in listed:
        wrong.append("the cell is listed in /dav/")
    for method in ("GET", "PROPFIND", "PUT", "DELETE", "LOCK"):
        answer = send_hidden(t, t.users[preset], method,
                             "/dav/%s/t/file.txt" % cell, table.D0, None)
        if answer.status != 404:
            wrong.append("%s: expected 404, got %r" % (method, answer))
    if wrong:
        t.fail("%s", "\n".join(wrong))


def register(preset):
    def matrix(t):
        run_matrix(t, preset)

    def hidden(t):
        run_hidden(t, preset)

    def invisible(t):
        run_invisible(t, preset)

    word = preset.replace("-", "_")
    chosen = ((invisible, "invisible", "rights.md 3.7, T3: all of it is 404,"
               " the bytes of an unmapped URL"),)
    if preset not in table.INVISIBLE:
        chosen = ((matrix, "matrix", "rights.md 6: every operation on what is"
                   " visible, status, body and effect"),
                  (hidden, "hidden", "rights.md 5, T3, T4: hidden answers as"
                   " unmapped for every method"))
    for function, kind, purpose in chosen:
        function.__name__ = "%s_%s" % (kind, word)
        case("%s (%s)" % (purpose, preset), errors=(501,))(function)


for preset_name in table.PRESETS:
    register(preset_name)


@case("T15: privileges advertised are the atoms of the preset (rights.md 4)")
def advertised(t):
    wrong = []
    for preset in table.PRESETS:
        if preset in table.INVISIBLE:
            continue
        letters = table.PRESETS[preset]
        for name in ("", "t/file.txt"):
            path = "/dav/%s/%s" % (cell_of(preset), name)
            got = privileges(t, t.users[preset], path)
            ignore = set() if not name else {"list", "create", "mkdir"}
            if preset == "portal":
                ignore |= {"delete-own"} | (set() if name else {"rename"})
            wanted = {table.ATOMS[c] for c in letters} - ignore
            mine = {p[len(CD):] for p in got if p.startswith(CD)} - ignore
            if mine != wanted:
                wrong.append("%s %s: missing %s, too many %s" % (
                    preset, path, sorted(wanted - mine),
                    sorted(mine - wanted)))
            full = set("slvpfoh") <= set(letters)
            if (DAV + "read" in got) != full:
                wrong.append("%s %s: DAV:read in %s" % (preset, path, got))
            if (DAV + "unbind" in got) != (set("nxd") <= set(letters)):
                wrong.append("%s %s: DAV:unbind in %s" % (preset, path, got))
    if wrong:
        t.fail("%s", "\n".join(wrong))


def privileges(t, client, path):
    answer = client.propfind(path, props=[DAV + "current-user-privilege-set"])
    status, found = t.multistatus(answer)[0].props[
        DAV + "current-user-privilege-set"]
    t.eq(status, 200, "status of current-user-privilege-set")
    return {p.tag for p in found.findall(DAV + "privilege/*")}


@case("rights.md 1: supported-privilege-set declares each atom in its parent")
def supported(t):
    answer = t.owner.propfind("/dav/dest/", props=[
        DAV + "supported-privilege-set"])
    found = t.multistatus(answer)[0].props[DAV + "supported-privilege-set"][1]
    below = {}

    def walk(node, parents):
        for one in node.findall(DAV + "supported-privilege"):
            name = one.find(DAV + "privilege")[0].tag
            below[name] = parents
            walk(one, parents + [name])

    walk(found, [])
    for letters, parent in (("slvpfoh", "read"), ("ck", "bind"),
                            ("mr", "write-content"), ("nxd", "unbind"),
                            ("y", "write-properties"), ("a", "read-acl"),
                            ("w", "write-acl")):
        for letter in letters:
            name = CD + table.ATOMS[letter]
            t.true(DAV + parent in below.get(name, []),
                   "%s is not in DAV:%s: %r", name, parent, below.get(name))


@case("rights.md 6: without o PROPFIND never tells validators of the source")
def no_source_validators(t):
    names = [DAV + "getetag", DAV + "getcontentlength"]
    for preset in ("view", "print", "download-pdf"):
        path = "/dav/%s/t/file.txt" % cell_of(preset)
        source = t.multistatus(t.owner.propfind(path, props=names))[0]
        seen = t.multistatus(t.users[preset].propfind(path, props=names))[0]
        for name in names:
            t.true(seen.text(name) != source.text(name),
                   "%s as %s: %s", name, preset, seen.text(name))


@case("rights.md 6: members without s are absent and not counted, per Depth 1")
def hidden_members(t):
    for preset, letters in table.PRESETS.items():
        if "l" not in letters:
            continue
        root = "/dav/%s/" % cell_of(preset)
        for answer in (t.users[preset].propfind(root + "full/", "1"),
                       t.users[preset].report(root + "full/",
                                              table.SYNC_BODY),
                       t.users[preset].get(root + "full/")):
            t.status(answer, 200, 207)
            t.true("hidden" not in answer.text, "%s: %r", preset, answer)
            t.true("seen.txt" in answer.text or answer.status == 200,
                   "%s: %r", preset, answer)


@case("rights.md 6: DELETE of a collection with a hidden member is all or none")
def delete_with_hidden(t):
    for preset in ("contributor", "co-owner"):
        path = "/dav/%s/full/" % cell_of(preset)
        with t.unchanged(t.owner, path):
            answer = t.status(t.users[preset].delete(path), 403)
            t.true("hidden" not in answer.text, "names it: %r", answer)
            hrefs = [h.text for h in answer.xml().iter(DAV + "href")]
            t.true(set(hrefs) <= {path, path[:-1]}, "hrefs %r", hrefs)


@case("rights.md 6: COPY skips members that the subject cannot see")
def copy_with_hidden(t):
    for preset in ("portal", "contributor", "co-owner"):
        root = "/dav/%s/" % cell_of(preset)
        t.status(t.users[preset].copy(root + "full/", root + "fullcopy/"),
                 201, 207)
        names = sorted(dump(t.owner, root + "fullcopy/"))
        t.eq(names, [root + "fullcopy/", root + "fullcopy/seen.txt"],
             "the copy as %s" % preset)
        t.status(t.owner.delete(root + "fullcopy/"), 204)


@case("rights.md 6: UNLOCK of another's lock needs g; a wrong token is 409")
def unlock_others(t):
    for preset, letters in table.PRESETS.items():
        if preset in table.INVISIBLE:
            continue
        path = t.place(preset) + "file.txt"
        token = lock_token(t.owner.lock(path))
        answer = t.users[preset].unlock(path, token)
        if "g" in letters:
            t.status(answer, 204)
            continue
        t.error(answer, 403, NEED)
        t.status(t.owner.put(path, b"x"), 423)
        t.status(t.owner.unlock(path, token), 204)


@case("V04: PROPFIND infinity is 403 finite-depth for every preset")
def infinity(t):
    for preset in table.PRESETS:
        path = "/dav/%s/t/" % cell_of(preset)
        answer = t.users[preset].propfind(path, "infinity")
        if preset in table.INVISIBLE:
            t.status(answer, 404)
        else:
            t.error(answer, 403, FINITE)


@case("rights.md 5: without credentials every method and path is 401 alike")
def anonymous(t):
    client = t.server.client()
    seen = set()
    for path in ("/dav/", "/dav/m-view/", "/dav/m-view/t/file.txt",
                 "/dav/m-view/missing", "/dav/none/", "/dav/my-files/"):
        for method, headers, body, _ in table.HIDDEN_ROWS:
            if method in ("OPTIONS", "FROBNICATE", "ACL", "SEARCH"):
                continue
            answer = send_hidden(t, client, method, path, headers, body)
            t.status(answer, 401)
            t.true(t.secret not in answer.text, "leak: %r", answer)
            seen.add((answer.get("WWW-Authenticate"), answer.text
                      if method != "HEAD" else None))
    t.true(len(seen) <= 2, "401 differs by path or method: %r", seen)


if __name__ == "__main__":
    main(Matrix)
