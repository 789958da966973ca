"""What rights.md sections 3 to 6 promise signed-in users, as data.

Written from rights.md, never read from the server.  A `Row` is one operation
on one kind of target inside a place that the user can see; a place has

    file.txt   target.txt   col/in.txt   tcol/t.txt

`needs` are the letters of section 1 without which the answer is 403 with
need-privileges; `privileges` are the names that the body may give; `effect`
turns the contents of the place before into those after a success.
"""

import collections

from davxml import CD, DAV

ATOMS = {
    "s": "stat", "l": "list", "v": "view", "p": "print", "f": "get-pdf",
    "o": "get-original", "h": "versions", "c": "create", "k": "mkdir",
    "m": "modify", "r": "restore", "y": "props", "n": "rename", "x": "move",
    "d": "delete", "e": "delete-own", "a": "read-acl", "w": "share",
    "j": "audit", "g": "manage",
}

# Section 4.  For portal, n and e hold for own items and own temporary files
# only, so that neither letter stands here; none and no-access see nothing.
PRESETS = {
    "none": "", "no-access": "",
    "view": "slv", "print": "slvp", "download-pdf": "slvpf",
    "download-original": "slvpfo", "portal-ro": "slvpfo",
    "portal": "slvpfohckmy", "contributor": "slvpfohckmrynxde",
    "co-owner": "slvpfohckmrynxdeawjg",
}
INVISIBLE = ("none", "no-access")

Row = collections.namedtuple(
    "Row", "name method path needs ok privileges effect headers body")

READ = {DAV + "read", CD + "get-original"}
LIST = {DAV + "read", CD + "list"}
BIND = {DAV + "bind", CD + "create", CD + "mkdir"}
WRITE = {DAV + "write-content", CD + "modify"}
UNBIND = {DAV + "unbind", CD + "delete", CD + "rename", CD + "move"}
PROPS = {DAV + "write-properties", CD + "props"}
UNLOCK = {DAV + "unlock", CD + "manage"}
MOVE_OUT = UNBIND | BIND | WRITE | READ
COPY_TO = BIND | WRITE | UNBIND | READ | {CD + "view"}

LOCK_BODY = ('<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope>'
             '<locktype><write/></locktype></lockinfo>')
SYNC_BODY = ('<sync-collection xmlns="DAV:"><sync-token/>'
             '<sync-level>1</sync-level><prop><getetag/></prop>'
             '</sync-collection>')
PATCH_BODY = ('<propertyupdate xmlns="DAV:"><set><prop>'
              '<x xmlns="urn:t">v</x></prop></set></propertyupdate>')
NEW_BODY = b"bytes that the matrix wrote"


def same(tree):
    return tree


def without(*names):
    def effect(tree):
        return {k: v for k, v in tree.items()
                if not any(k == n or k.startswith(n + "/")
                           or (n.endswith("/") and k.startswith(n))
                           for n in names)}
    return effect


def moved(source, target, keep=False):
    """The tree after MOVE, or COPY when `keep`; targets are replaced."""
    def effect(tree):
        inside = {k: v for k, v in tree.items()
                  if k == source or (source.endswith("/")
                                     and k.startswith(source))}
        rest = without(target)(tree)
        if not keep:
            rest = {k: v for k, v in rest.items() if k not in inside}
        rest.update({target + k[len(source):]: v for k, v in inside.items()})
        return rest
    return effect


def written(name, entry):
    def effect(tree):
        return dict(tree, **{name: entry})
    return effect


def row(name, method, path, needs, ok, privileges=frozenset(), effect=same,
        headers=None, body=None):
    if isinstance(ok, int):
        ok = (ok,)
    return Row(name, method, path, set(needs), ok, privileges, effect,
               headers or {}, body)


def to(target, **more):
    """Headers of COPY and MOVE; the runner makes the place absolute."""
    return dict({"Destination": target}, **more)


D0, D1 = {"Depth": "0"}, {"Depth": "1"}
EMPTY = ("file", 0, "e3b0c44298fc1c149afbf4c8996fb924"
                    "27ae41e4649b934ca495991b7852b855")
NEW = ("file", 27, "matrix")
COLLECTION = ("collection", None, None)

ROWS = (
    row("OPTIONS file", "OPTIONS", "file.txt", "", 200),
    row("OPTIONS missing", "OPTIONS", "missing", "", 200),
    row("PROPFIND 0 file", "PROPFIND", "file.txt", "s", 207, headers=D0),
    row("PROPFIND 0 collection", "PROPFIND", "col/", "s", 207, headers=D0),
    row("PROPFIND 0 without slash", "PROPFIND", "col", "s", 207, headers=D0),
    row("PROPFIND 1 file", "PROPFIND", "file.txt", "s", 207, headers=D1),
    row("PROPFIND 1 collection", "PROPFIND", "col/", "sl", 207, LIST,
        headers=D1),
    row("PROPFIND missing", "PROPFIND", "missing", "s", 404, headers=D0),
    row("GET file", "GET", "file.txt", "o", 200, READ),
    row("HEAD file", "HEAD", "file.txt", "o", 200, READ),
    row("GET range", "GET", "file.txt", "o", 206, READ,
        headers={"Range": "bytes=0-3"}),
    row("GET range past the end", "GET", "file.txt", "o", 416, READ,
        headers={"Range": "bytes=99999-"}),
    row("GET If-None-Match *", "GET", "file.txt", "o", 304, READ,
        headers={"If-None-Match": "*"}),
    row("GET If-Match other", "GET", "file.txt", "o", 412, READ,
        headers={"If-Match": '"other"'}),
    row("GET collection", "GET", "col/", "l", 200, LIST),
    row("GET missing", "GET", "missing", "", 404),
    row("HEAD missing", "HEAD", "missing", "", 404),
    row("PUT new", "PUT", "new.txt", "c", 201, BIND,
        written("new.txt", NEW), body=NEW_BODY),
    row("PUT over", "PUT", "file.txt", "m", 204, WRITE,
        written("file.txt", NEW), body=NEW_BODY),
    row("PUT over, If-Match other", "PUT", "file.txt", "m", 412, WRITE,
        headers={"If-Match": '"other"'}, body=NEW_BODY),
    row("PUT over, If-None-Match *", "PUT", "file.txt", "m", 412, WRITE,
        headers={"If-None-Match": "*"}, body=NEW_BODY),
    row("PUT below missing", "PUT", "missing/new.txt", "", (409, 403),
        body=NEW_BODY),
    row("MKCOL new", "MKCOL", "new/", "k", 201, BIND,
        written("new/", COLLECTION)),
    row("DELETE file", "DELETE", "file.txt", "d", 204, UNBIND,
        without("file.txt")),
    row("DELETE collection", "DELETE", "col/", "d", 204, UNBIND,
        without("col/")),
    row("DELETE missing", "DELETE", "missing", "", 404),
    row("COPY file", "COPY", "file.txt", "vc", 201, COPY_TO,
        moved("file.txt", "copy.txt", True), to("copy.txt")),
    row("COPY collection", "COPY", "col/", "vck", 201, COPY_TO,
        moved("col/", "copied/", True), to("copied/")),
    row("COPY onto file", "COPY", "file.txt", "vcm", 204, COPY_TO,
        moved("file.txt", "target.txt", True), to("target.txt")),
    row("COPY onto collection", "COPY", "col/", "vckd", 204, COPY_TO,
        moved("col/", "tcol/", True), to("tcol/")),
    row("COPY onto, Overwrite F", "COPY", "file.txt", "vcm", 412, COPY_TO,
        headers=to("target.txt", Overwrite="F")),
    row("COPY missing", "COPY", "missing", "", 404, headers=to("copy.txt")),
    row("COPY to another cell", "COPY", "file.txt", "o", 201, READ,
        headers=to("/dav/dest/@.txt")),
    row("MOVE rename file", "MOVE", "file.txt", "n", 201, MOVE_OUT,
        moved("file.txt", "renamed.txt"), to("renamed.txt")),
    row("MOVE rename collection", "MOVE", "col/", "n", 201, MOVE_OUT,
        moved("col/", "renamed/"), to("renamed/")),
    row("MOVE inside the cell", "MOVE", "file.txt", "xc", 201, MOVE_OUT,
        moved("file.txt", "tcol/moved.txt"), to("tcol/moved.txt")),
    row("MOVE onto file", "MOVE", "file.txt", "nd", 204, MOVE_OUT,
        moved("file.txt", "target.txt"), to("target.txt")),
    row("MOVE onto collection", "MOVE", "col/", "nd", 204, MOVE_OUT,
        moved("col/", "tcol/"), to("tcol/")),
    row("MOVE to another cell", "MOVE", "file.txt", "od", 201, MOVE_OUT,
        without("file.txt"), to("/dav/dest/@-moved.txt")),
    row("MOVE missing", "MOVE", "missing", "", 404,
        headers=to("renamed.txt")),
    row("LOCK file", "LOCK", "file.txt", "m", 200, WRITE,
        headers=D0, body=LOCK_BODY),
    row("LOCK collection", "LOCK", "col/", "m", 200, WRITE,
        headers=D0, body=LOCK_BODY),
    row("LOCK unmapped", "LOCK", "locked.txt", "c", 201, BIND,
        written("locked.txt", EMPTY), D0, LOCK_BODY),
    row("PROPPATCH file", "PROPPATCH", "file.txt", "y", 207, PROPS,
        body=PATCH_BODY),
    row("PROPPATCH collection", "PROPPATCH", "col/", "y", 207, PROPS,
        body=PATCH_BODY),
    row("PROPPATCH missing", "PROPPATCH", "missing", "", 404,
        body=PATCH_BODY),
    row("UNLOCK missing", "UNLOCK", "missing", "", 404,
        headers={"Lock-Token": "<urn:uuid:00000000-0000-0000-0000-0>"}),
    row("REPORT sync-collection", "REPORT", "col/", "l", 207, LIST,
        headers=D0, body=SYNC_BODY),
    row("REPORT missing", "REPORT", "missing/", "", 404, headers=D0,
        body=SYNC_BODY),
    row("ACL", "ACL", "file.txt", "", (405, 501), body="<x/>"),
    row("SEARCH", "SEARCH", "col/", "", (405, 501), body="<x/>"),
    row("unknown method", "FROBNICATE", "file.txt", "", (405, 501)),
)

# Operations on what a nearer no-access hides, compared with the same on a
# name that is really unmapped.  `creates`: letters with which the operation
# would make the name, so that it must be refused as a forbidden name.
HIDDEN_ROWS = (
    ("GET", {}, None, ""), ("HEAD", {}, None, ""),
    ("GET", {"Range": "bytes=0-0"}, None, ""),
    ("GET", {"If-None-Match": "*"}, None, ""),
    ("GET", {"If-Match": "*"}, None, ""),
    ("PROPFIND", D0, None, ""), ("PROPFIND", D1, None, ""),
    ("PROPFIND", {"Depth": "infinity"}, None, ""),
    ("DELETE", {}, None, ""), ("COPY", to("elsewhere"), None, ""),
    ("MOVE", to("elsewhere"), None, ""), ("PROPPATCH", {}, PATCH_BODY, ""),
    ("UNLOCK", {"Lock-Token": "<urn:x>"}, None, ""),
    ("REPORT", D0, SYNC_BODY, ""), ("OPTIONS", {}, None, ""),
    ("ACL", {}, "<x/>", ""), ("SEARCH", {}, "<x/>", ""),
    ("FROBNICATE", {}, None, ""),
    ("PUT", {}, NEW_BODY, "c"), ("MKCOL", {}, None, "k"),
    ("PUT", {"If-Match": "*"}, NEW_BODY, "c"),
    ("LOCK", D0, LOCK_BODY, "c"),
)
