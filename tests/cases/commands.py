#!/usr/bin/python3
"""Every command of interface.md section 1 that this release has."""

import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from celldav import Server                                       # noqa: E402
from check import case, main                                     # noqa: E402
from davxml import contents, dump                                # noqa: E402
from world import Cells                                          # noqa: E402

COMMANDS = (
    "init", "serve", "check", "user add", "user passwd", "user show",
    "user list", "user disable", "user enable", "user remove", "group add",
    "group remove", "group list", "group join", "group leave",
    "app-password add", "app-password list", "app-password revoke",
    "cell create", "cell list", "cell show", "cell update", "cell remove",
    "cell import", "cell export", "grant set", "grant list", "grant revoke",
    "versions list", "versions restore", "trash list", "trash restore",
    "trash empty", "verify", "gc", "scrub", "backup", "restore", "stats",
)
PRINTS = ("user list", "user show alice", "group list",
          "app-password list alice", "cell list", "cell show a",
          "grant list a", "trash list a", "versions list a/docs/plan.pdf",
          "stats", "verify", "check")


def rows(value):
    """The list in a JSON answer, whether bare or below one key."""
    if isinstance(value, list):
        return value
    lists = [v for v in value.values() if isinstance(v, list)]
    return lists[0] if lists else [value]


def refused(t, *arguments):
    """Exit 1 and one line on stderr (interface.md 1)."""
    done = t.server.run(*arguments)
    t.eq(done.returncode, 1, "exit status of %r: %s%s"
         % (arguments, done.stdout, done.stderr))
    t.eq(len(done.stderr.strip().split("\n")), 1, "lines on stderr: %r"
         % done.stderr)
    t.true(done.stderr.strip(), "%r says nothing", arguments)


@case("interface.md 1: every command has --help and exits 0")
def help_texts(t):
    top = t.server.command("--help")
    for command in COMMANDS:
        done = t.server.run(*command.split(), "--help", timeout=60)
        t.eq(done.returncode, 0, "%s --help" % command)
        t.true(command.split()[0] in done.stdout and len(done.stdout) > 40,
               "help of %s: %r", command, done.stdout)
        t.true(command.split()[0] in top, "%s is not in --help", command)


@case("interface.md 1: wrong usage is exit 2, and nothing happens")
def wrong_usage(t):
    for arguments in ((), ("nosuch",), ("user",), ("user", "nosuch"),
                      ("user", "add"), ("user", "add", "x", "y", "z"),
                      ("user", "list", "--nosuch"), ("cell", "create"),
                      ("cell", "create", "x", "--owner"),
                      ("grant", "set", "a"), ("restore", "f"),
                      ("--nosuch",), ("app-password", "add", "alice"),
                      ("group", "join", "x"), ("serve", "extra"),
                      ("backup",), ("init",)):
        done = t.server.run(*arguments, timeout=60)
        t.eq(done.returncode, 2, "exit status of %r: %s%s"
             % (arguments, done.stdout, done.stderr))


@case("interface.md 1: what is refused is exit 1 and one line")
def refusals(t):
    refused(t, "user", "show", "nosuch")
    refused(t, "user", "remove", "nosuch")
    refused(t, "user", "add", "alice", "--password-file",
            t.server.password_file("alice"))
    refused(t, "user", "add", "fresh", "--password-file", "/none/file")
    refused(t, "group", "join", "nosuch", "alice")
    refused(t, "group", "remove", "nosuch")
    refused(t, "cell", "show", "nosuch")
    refused(t, "cell", "create", "c", "--owner", "nosuch")
    refused(t, "cell", "create", "c", "--owner", "alice", "--root", "a/none")
    refused(t, "grant", "set", "a", "user:nosuch", "view")
    refused(t, "grant", "set", "a/none", "user:bob", "view")
    refused(t, "grant", "revoke", "a/docs", "user:mallory")
    refused(t, "cell", "import", "a", "/none")
    refused(t, "versions", "list", "a/none")
    refused(t, "app-password", "revoke", "alice", "nosuch")
    for subject, rights in (("bob", "view"), ("user:bob", "nosuch"),
                            ("user:bob", "atoms:nosuch"),
                            ("user:bob", "atoms:"), ("x:bob", "view"),
                            ("user:", "view")):
        done = t.server.run("grant", "set", "a", subject, rights)
        t.true(done.returncode in (1, 2), "%s %s was taken", subject, rights)


@case("interface.md 1: --json is one JSON value on every command that prints")
def json_output(t):
    for command in PRINTS:
        for arguments in (["--json"] + command.split(),
                          command.split() + ["--json"]):
            done = t.server.run(*arguments)
            t.eq(done.returncode, 0, "%r: %s" % (arguments, done.stderr))
            try:
                json.loads(done.stdout)
            except ValueError as error:
                t.fail("%r: %s in %r", arguments, error, done.stdout)


@case("interface.md 1: -c FILE stands for CELLDAV_CONFIG")
def config_option(t):
    for option in ("-c", "--config"):
        done = t.server.run(option, t.server.conf_path, "cell", "list",
                            config=False)
        t.eq(done.returncode, 0, "%s: %s" % (option, done.stderr))
        t.true(re.search(r"\ba\b", done.stdout), "%r", done.stdout)
    refused(t, "-c", "/none/celldav.conf", "cell", "list")


@case("interface.md 1: user show, list, and no secret in either")
def user_commands(t):
    t.server.user("zoe", "--email", "zoe@example.org", "--display",
                  "Zo\u00eb Z", "--role", "admin", "--quota", "5M")
    told = t.server.json("user", "show", "zoe")
    for word in ("zoe@example.org", "Zo\u00eb Z", "admin"):
        t.true(word in json.dumps(told, ensure_ascii=False),
               "no %s in %r", word, told)
    t.true("5242880" in json.dumps(told), "quota in %r", told)
    names = json.dumps(t.server.json("user", "list"))
    t.true('"zoe"' in names and '"alice"' in names, "%s", names)
    for text in (names, json.dumps(told), t.server.command("user", "list")):
        t.true("argon2" not in text, "a hash is printed")
    t.server.command("user", "remove", "zoe")
    t.true('"zoe"' not in json.dumps(t.server.json("user", "list")),
           "still listed")


@case("interface.md 1: user names that are none are refused")
def user_names(t):
    for name in ("", "a b", "a/b", "a:b", "..", "x\n", "\u00e9" * 200, "-x"):
        done = t.server.run("user", "add", name, "--password-file",
                            t.server.password_file("alice"))
        t.true(done.returncode in (1, 2), "%r was taken", name)


@case("interface.md 1: group add, list, join, leave, remove")
def group_commands(t):
    t.server.group("staff", "alice", "bob")
    told = json.dumps(t.server.json("group", "list"))
    t.true('"staff"' in told, "%s", told)
    refused(t, "group", "add", "staff")
    t.server.command("group", "leave", "staff", "bob")
    t.server.command("group", "remove", "staff")
    t.true('"staff"' not in json.dumps(t.server.json("group", "list")),
           "still listed")


@case("interface.md 1: cell create, list, show, update, remove")
def cell_commands(t):
    t.server.cell("papers", "alice", "--title", "Old", "--quota", "1M")
    told = json.dumps(t.server.json("cell", "show", "papers"))
    for word in ("papers", "alice", "Old", "1048576"):
        t.true(word in told, "no %s in %s", word, told)
    t.server.command("cell", "update", "papers", "--title", "New")
    t.true("New" in json.dumps(t.server.json("cell", "show", "papers")),
           "the title is not changed")
    t.status(t.alice.put("/dav/papers/f", b"x"), 201)
    t.server.command("cell", "remove", "papers")
    t.status(t.alice.get("/dav/papers/f"), 404)
    t.true("papers" not in json.dumps(t.server.json("cell", "list")),
           "still listed")
    t.server.cell("papers", "alice")
    t.status(t.alice.get("/dav/papers/f"), 404)
    t.server.command("cell", "remove", "papers")


@case("interface.md 1: grant set, list and revoke, short names of presets")
def grant_commands(t):
    for short, long in (("pdf", "download-pdf"),
                        ("original", "download-original"),
                        ("view", "view"), ("portal-ro", "portal-ro")):
        t.server.grant("a/docs", "user:mallory", short)
        told = json.dumps(t.server.json("grant", "list", "a"))
        t.true("mallory" in told and long in told, "%s: %s", short, told)
    t.server.revoke("a/docs", "user:mallory")
    t.true("mallory" not in json.dumps(t.server.json("grant", "list", "a")),
           "still listed")


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
    refused(t, "versions", "restore", place, "999999")


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
      " and verify exit 1")
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
        except OSError:
            pass
        except Exception as error:
            t.true("closed" in str(error), "%r", error)
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


@case("interface.md 1: a backup taken while serving restores to the same tree")
def backup(t):
    path = t.fresh()
    for size in (0, 1, 5000, 100000):
        t.status(t.alice.put(path + str(size), os.urandom(size)), 201)
    t.status(t.alice.proppatch(path + "1", [("{urn:t}x", "v")]), 207)
    file = os.path.join(t.server.scratch, "backup-file")
    t.server.command("backup", file)
    before = contents(dump(t.alice, path))
    t.status(t.alice.put(path + "after", b"x"), 201)
    refused(t, "backup", "/none/dir/file")
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
    refused(t, "restore", file, "--dir", target)


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
    refused(t, "restore", file, "--dir", target)
    refused(t, "restore", file + ".none", "--dir", target)
    good = os.path.join(t.server.scratch, "good-backup")
    t.server.command("backup", good)
    with open(good, "rb") as source, open(file, "wb") as out:
        data = source.read()
        out.write(data[:len(data) // 2])
    refused(t, "restore", file, "--dir", target)
    t.true(not os.path.exists(os.path.join(target, "celldav.conf")),
           "half a restore is left")


@case("interface.md 1: commands also work while nothing serves",
      restarts=True)
def offline(t):
    t.server.stop()
    t.server.grant("a/docs", "user:mallory", "download-original")
    t.eq(t.server.run("verify").returncode, 0, "verify")
    t.server.start()
    for client in t.clients.values():
        client.close()
        client.port = t.server.port
    t.status(t.mallory.propfind("/dav/a/docs/", "1"), 207)
    t.server.revoke("a/docs", "user:mallory")
    t.status(t.mallory.propfind("/dav/a/docs/", "1"), 404)


@case("interface.md 1: -q prints nothing that is not asked for")
def quiet(t):
    source = tempfile.mkdtemp(dir=t.server.scratch)
    make_tree(source)
    at = t.fresh().split("/")[3]
    done = t.server.run("-q", "cell", "import", "a", source, "--at", at)
    t.eq((done.returncode, done.stdout), (0, ""), "-q import")


if __name__ == "__main__":
    main(Cells)
