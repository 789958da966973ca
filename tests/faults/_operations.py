"""What is done while a call fails: operations on a collection of their own.

Each row of OPERATIONS has a name, what stands before it, what it does (the
status of its answer, or the exit status of a command), and whether its
collection looks otherwise afterwards. `seen` is how the collection looks.
"""

import re

import wire
from campaign import run_with

SMALL, LARGE = 3000, 30000
PROPS = ("{DAV:}resourcetype", "{urn:fault}n", "{DAV:}lockdiscovery")


class Place:
    """One collection, and the two ways to it."""

    def __init__(self, server, client, number):
        self.server, self.client = server, client
        self.cell_path = "f/%d/" % number
        self.base = "/dav/" + self.cell_path
        self.env, self.key, self.said = {}, None, ""
        self.user = "u%d" % number

    def body(self, size, mark):
        return (b"%s of %s\n" % (mark.encode(), self.base.encode())
                ).ljust(size, b"x")

    def put(self, name, size, mark="old"):
        return self.client.put(self.base + name, self.body(size, mark)).status

    def command(self, *words):
        """Exit status of a command that meets the faults too."""
        done = run_with(self.server, self.env, *words)
        self.said = (done.stdout + done.stderr).strip()
        return done.returncode

    def newest(self, *words):
        rows = self.server.json(*words)
        rows = rows if isinstance(rows, list) else next(
            value for value in rows.values() if isinstance(value, list))
        return str(rows[0]["id"])


def files(place):
    """Two files and a folder with one, as a start."""
    place.put("small", SMALL)
    place.put("large", LARGE)
    place.client.mkcol(place.base + "folder")
    place.put("folder/in", SMALL)


def locked(place):
    files(place)
    place.key = wire.lock_token(place.client.lock(
        place.base + "small", timeout="Second-3600"))


def overwritten(place):
    files(place)
    place.put("large", LARGE, "newer")
    place.key = place.newest("versions", "list", place.cell_path + "large")


def deleted(place):
    files(place)
    place.client.delete(place.base + "folder/")
    place.key = place.newest("trash", "list", "f")


def nobody(place):
    files(place)
    place.server.password_of(place.user)


def account(place):
    files(place)
    place.server.user(place.user)


def two_passwords(place):
    account(place)
    place.server.set_password(place.user + "-next", "next-" + place.user)


def granted(place):
    account(place)
    place.server.grant(place.cell_path + "folder", "user:" + place.user,
                       "view")


def transfer(method, source, target):
    return lambda place: place.client.request(method, place.base + source, {
        "Destination": place.client.origin + place.base + target}).status


def set_property(place):
    """The status that counts is the property's own."""
    answer = place.client.proppatch(place.base + "small",
                                    [("{urn:fault}n", "new")])
    if answer.status != 207:
        return answer.status
    return max(int(code) for code in re.findall(r"HTTP/1.1 (\d+)",
                                                answer.text))


def new_user(place):
    return place.command("user", "add", place.user, "--password-file",
                         place.server.password_file(place.user))


def next_password(place):
    return place.command("user", "passwd", place.user, "--password-file",
                         place.server.password_file(place.user + "-next"))


OPERATIONS = [
    ("PUT new small", files, lambda p: p.put("n", SMALL, "new")),
    ("PUT new large", files, lambda p: p.put("n", LARGE, "new")),
    ("PUT over small", files, lambda p: p.put("small", SMALL, "new")),
    ("PUT over large", files, lambda p: p.put("large", LARGE, "new")),
    ("PUT huge", files, lambda p: p.put("huge", 9000000, "new")),
    ("DELETE file", files,
     lambda p: p.client.delete(p.base + "large").status),
    ("DELETE folder", files,
     lambda p: p.client.delete(p.base + "folder/").status),
    ("MOVE file", files, transfer("MOVE", "large", "folder/large")),
    ("MOVE over", files, transfer("MOVE", "small", "large")),
    ("COPY file", files, transfer("COPY", "large", "copy")),
    ("COPY folder", files, transfer("COPY", "folder/", "copy/")),
    ("MKCOL", files, lambda p: p.client.mkcol(p.base + "more").status),
    ("PROPPATCH", files, set_property),
    ("LOCK", files, lambda p: p.client.lock(
        p.base + "small", timeout="Second-3600").status),
    ("UNLOCK", locked,
     lambda p: p.client.unlock(p.base + "small", p.key).status),
    ("version restore", overwritten, lambda p: p.command(
        "versions", "restore", p.cell_path + "large", p.key)),
    ("trash restore", deleted,
     lambda p: p.command("trash", "restore", "f", p.key)),
    ("user add", nobody, new_user),
    ("user passwd", two_passwords, next_password),
    ("user disable", account,
     lambda p: p.command("user", "disable", p.user)),
    ("grant set", account, lambda p: p.command(
        "grant", "set", p.cell_path + "folder", "user:" + p.user, "view")),
    ("grant revoke", granted, lambda p: p.command(
        "grant", "revoke", p.cell_path + "folder", "user:" + p.user)),
]


def seen(place):
    """{path: (kind, content, property, locked)} and what the user may."""
    found, todo = {}, [place.base]
    while todo:
        answer = place.client.propfind(todo.pop(), "1", PROPS)
        if answer.status != 207:
            raise wire.WireError("PROPFIND: %r" % answer)
        for item in answer.items()[1:]:
            path = item.href[len(place.base):]
            kind = "folder" if path.endswith("/") else "file"
            if kind == "folder":
                todo.append(item.href)
            found[path] = (kind, content(place, item), item.text(
                "{urn:fault}n") or None, has_lock(item))
    if place.user in place.server.passwords:
        found["user"] = user_view(place)
    return found


def content(place, item):
    if item.href.endswith("/"):
        return None
    answer = place.client.get(item.href)
    if answer.status != 200:
        return answer.status
    return len(answer.body), answer.body[:40].replace(
        place.base.encode(), b"HERE").rstrip(b"x")


def has_lock(item):
    status, element = item.props.get(PROPS[2], (404, None))
    return status == 200 and element.find(".//{DAV:}activelock") is not None


def user_view(place):
    """What an account gets with its first and with its next password."""
    view, known = [], place.server.passwords
    for password in filter(None, (known[place.user],
                                  known.get(place.user + "-next"))):
        with wire.Client("127.0.0.1", place.server.port, place.user,
                         password) as client:
            answer = client.propfind(place.base + "folder/", "0")
            view.append(answer.status)
    return tuple(view)
