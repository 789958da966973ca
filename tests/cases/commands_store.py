#!/usr/bin/python3 -B
"""Commands on contents: import, versions, trash, upkeep, backup, restore."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from celldav import Server                                       # noqa: E402
from check import case, main                                     # noqa: E402
from davxml import contents, dump                                # noqa: E402
from observed import WireError                                   # noqa: E402
from world import Cells                                          # noqa: E402


def rows(value):
    """The list in a JSON answer, whether bare or below one key."""
    if isinstance(value, list):
        return value
    lists = [v for v in value.values() if isinstance(v, list)]
    return lists[0] if lists else [value]


def make_tree(folder):
    """A real directory tree: path -> bytes."""
    made = {"empty": b"", "one": b"1", "a b/%41 #.txt": b"odd name",
            "a b/\u00e9/deep.bin": os.urandom(70000),
            "big.bin": os.urandom((2 << 20) + 7)}
    for name, data in made.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.utime(path, (1500000000, 1500000000))
    os.mkdir(os.path.join(folder, "nothing"))
    return made


def read_tree(folder):
    found = {}
    for at, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(at, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


@case("interface.md 1: import and export keep every byte, name and time")
def import_export(t):
    source, target = (tempfile.mkdtemp(dir=t.server.scratch)
                      for _ in range(2))
    made = make_tree(source)
    path = t.fresh()
    at = path.split("/")[3]
    t.server.command("cell", "import", "a", source, "--at", at)
    t.body(t.alice, path + "a%20b/%2541%20%23.txt", b"odd name")
    t.body(t.alice, path + "big.bin", made["big.bin"])
    answer = t.alice.get(path + "one")
    t.eq(answer.get("Last-Modified"), "Fri, 14 Jul 2017 02:40:00 GMT",
         "time of an imported file")
    t.true(path + "nothing/" in dump(t.alice, path), "the empty folder")
    t.server.command("cell", "export", "a", target + "/out", "--from", at)
    t.eq(read_tree(target + "/out"), made, "the exported tree")
    t.eq(int(os.stat(target + "/out/one").st_mtime), 1500000000, "mtime")
    t.true(os.path.isdir(target + "/out/nothing"), "the empty folder")


@case("interface.md 1: an import run again changes nothing (resumable)")
def import_again(t):
    source = tempfile.mkdtemp(dir=t.server.scratch)
    make_tree(source)
    path = t.fresh()
    at = path.split("/")[3]
    t.server.command("cell", "import", "a", source, "--at", at)
    with t.unchanged(t.alice, path):
        t.server.command("cell", "import", "a", source, "--at", at)
    with open(source + "/later", "wb") as file:
        file.write(b"later")
    t.server.command("cell", "import", "a", source, "--at", at)
    t.body(t.alice, path + "later", b"later")


@case("interface.md 1: versions list and restore bring old bytes back")
def versions(t):
    path = t.file(b"first")
    place = path[5:]
    for body in (b"second", b"third" * 10000):
        t.status(t.alice.put(path, body), 204)
    told = rows(t.server.json("versions", "list", place))
    t.true(len(told) >= 2, "versions: %r", told)
    sizes = [r.get("size") for r in told]
    t.true(5 in sizes and 6 in sizes, "sizes %r", sizes)
    first = [r for r in told if r.get("size") == 5][0]
    key = str(first.get("id", first.get("version", first.get("number"))))
    t.server.command("versions", "restore", place, key)
    t.body(t.alice, path, b"first")
    again = rows(t.server.json("versions", "list", place))
    t.true(len(again) == len(told) + 1, "restore adds a version on top: %r",
           again)
    t.refused("versions", "restore", place, "999999")


@case("interface.md 1: trash list, restore and empty")
def trash(t):
    path = t.fresh()
    t.status(t.alice.mkcol(path + "d/"), 201)
    t.status(t.alice.put(path + "d/f", b"kept"), 201)
    before = contents(dump(t.alice, path))
    t.status(t.alice.delete(path + "d/"), 204)
    told = rows(t.server.json("trash", "list", "a"))
    mine = [r for r in told if path.split("/")[3] in json.dumps(r)]
    t.true(mine, "not in the trash: %r", told)
    t.server.command("trash", "restore", "a", str(mine[-1]["id"]))
    t.eq(contents(dump(t.alice, path)), before, "the restored tree")
    t.status(t.alice.delete(path + "d/"), 204)
    t.server.command("trash", "empty", "a")
    t.eq(rows(t.server.json("trash", "list", "a")), [], "trash after empty")
    t.server.command("gc")
    t.server.command("verify")


@case("issue, 4: an emptied trash gives its bytes back to the quota")
def trash_quota(t):
    t.server.cell("bin", "carol", "--quota", "100K")
    t.status(t.carol.put("/dav/bin/f", b"x" * 60000), 201)
    t.status(t.carol.delete("/dav/bin/f"), 204)
    t.server.command("trash", "empty", "bin")
    t.status(t.carol.put("/dav/bin/g", b"x" * 90000), 201)


@case("interface.md 1: verify, gc, scrub and stats run while serving, exit 0")
def maintenance(t):
    path = t.file(os.urandom(100000))
    t.status(t.alice.delete(path), 204)
    with t.unchanged(t.alice, "/dav/a/docs/"):
        for command in ("verify", "gc", "scrub", "verify"):
            done = t.server.run(command)
            t.eq(done.returncode, 0, "%s: %s%s" % (
                command, done.stdout, done.stderr))
        told = t.server.json("stats")
        t.true(any(isinstance(v, int) and v > 0
                   for v in json_numbers(told)), "stats: %r", told)


def json_numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [n for v in value for n in json_numbers(v)]
    return [value]


@case("issue, bad input: a corrupt blob never ends as a complete 200; scrub"
      " and verify exit 1", restarts=True)
def corrupt_blob(t):
    other = Cells()
    try:
        data = os.urandom(300000)
        path = other.file(data)
        other.server.stop()
        damaged = damage(other.server.dir, len(data))
        t.true(damaged, "no blob file of 300 000 bytes below the state")
        done = other.server.run("scrub")
        t.eq(done.returncode, 1, "scrub: %s%s" % (done.stdout, done.stderr))
        other.server.start()
        other.alice.port = other.server.port
        other.alice.close()
        try:
            answer = other.alice.get(path)
            t.true(answer.status >= 500, "a complete %d", answer.status)
        except (OSError, WireError):
            pass    # cut before its announced end
        t.status(other.alice.delete(path), 204)
    finally:
        other.server.close()


def damage(folder, size):
    """Flip one byte of each file of about this size: their paths."""
    found = []
    for at, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(at, name)
            if size <= os.path.getsize(path) <= size + 4096:
                found.append(path)
                with open(path, "r+b") as file:
                    file.seek(size // 2)
                    byte = file.read(1)
                    file.seek(size // 2)
                    file.write(bytes([byte[0] ^ 1]))
    return found


@case("interface.md 1: a backup taken while serving restores to the same tree",
      restarts=True)
def backup(t):
    path = t.fresh()
    for size in (0, 1, 5000, 100000):
        t.status(t.alice.put(path + str(size), os.urandom(size)), 201)
    t.status(t.alice.proppatch(path + "1", [("{urn:t}x", "v")]), 207)
    file = os.path.join(t.server.scratch, "backup-file")
    t.server.command("backup", file)
    before = contents(dump(t.alice, path))
    t.status(t.alice.put(path + "after", b"x"), 201)
    t.refused("backup", "/none/dir/file")
    target = os.path.join(t.server.scratch, "restored")
    t.server.command("restore", file, "--dir", target)
    other = Restored(t.server, target)
    try:
        other.start()
        with other.client("alice") as alice:
            t.eq(contents(dump(alice, path)), before, "the restored tree")
            t.eq(alice.prop(path + "1", "{urn:t}x"), "v", "dead property")
        t.eq(other.run("verify").returncode, 0, "verify")
    finally:
        other.stop()
    t.refused("restore", file, "--dir", target)


class Restored(Server):
    """The server of a directory that `restore` made."""

    def __init__(self, original, folder):
        self.__dict__.update(original.__dict__)
        self.process = None
        self.log_path = original.log_path + ".restored"
        self.out_path = original.out_path + ".restored"
        self.dir = folder
        self.conf_path = os.path.join(folder, "celldav.conf")
        if not os.path.exists(self.conf_path):
            self._configuration(original)
        self.configure(None, "listen", ["127.0.0.1:0"])
        self.configure("admin", "listen", "127.0.0.1:0")

    def _configuration(self, original):
        """A restore of the state alone takes the old configuration."""
        with open(original.conf_path, encoding="utf-8") as file:
            text = file.read()
        with open(self.conf_path, "w", encoding="utf-8") as file:
            file.write(text)


@case("interface.md 1: a backup file that is damaged or none is refused")
def bad_backup(t):
    file = os.path.join(t.server.scratch, "no-backup")
    target = os.path.join(t.server.scratch, "never")
    with open(file, "wb") as out:
        out.write(os.urandom(5000))
    t.refused("restore", file, "--dir", target)
    t.refused("restore", file + ".none", "--dir", target)
    good = os.path.join(t.server.scratch, "good-backup")
    t.server.command("backup", good)
    with open(good, "rb") as source, open(file, "wb") as out:
        data = source.read()
        out.write(data[:len(data) // 2])
    t.refused("restore", file, "--dir", target)
    t.true(not os.path.exists(os.path.join(target, "celldav.conf")),
           "half a restore is left")


@case("interface.md 1: -q prints nothing that is not asked for")
def quiet(t):
    source = tempfile.mkdtemp(dir=t.server.scratch)
    make_tree(source)
    at = t.fresh().split("/")[3]
    done = t.server.run("-q", "cell", "import", "a", source, "--at", at)
    t.eq((done.returncode, done.stdout), (0, ""), "-q import")


if __name__ == "__main__":
    main(Cells)
