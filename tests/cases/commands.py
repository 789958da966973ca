#!/usr/bin/python3 -B
"""Every command of interface.md section 1 that this release has."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from world import Cells                                          # noqa: E402

COMMANDS = (
    "init", "serve", "check", "user add", "user passwd", "user show",
    "user list", "user disable", "user enable", "user remove", "group add",
    "group remove", "group list", "group join", "group leave",
    "app-password add", "app-password list", "app-password revoke",
    "cell create", "cell list", "cell show", "cell update", "cell remove",
    "cell import", "cell export", "grant set", "grant list", "grant revoke",
    "versions list", "versions restore", "trash list", "trash restore",
    "trash empty", "verify", "gc", "scrub", "backup", "restore", "stats", "clock",
)
PRINTS = ("user list", "user show alice", "group list",
          "app-password list alice", "cell list", "cell show a",
          "grant list a", "trash list a", "versions list a/docs/plan.pdf",
          "stats", "verify", "check", "clock")


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
    t.refused("user", "show", "nosuch")
    t.refused("user", "remove", "nosuch")
    t.refused("user", "add", "alice", "--password-file",
            t.server.password_file("alice"))
    t.refused("user", "add", "fresh", "--password-file", "/none/file")
    t.refused("group", "join", "nosuch", "alice")
    t.refused("group", "remove", "nosuch")
    t.refused("cell", "show", "nosuch")
    t.refused("cell", "create", "c", "--owner", "nosuch")
    t.refused("cell", "create", "c", "--owner", "alice", "--root", "a/none")
    t.refused("grant", "set", "a", "user:nosuch", "view")
    t.refused("grant", "set", "a/none", "user:bob", "view")
    t.refused("grant", "revoke", "a/docs", "user:mallory")
    t.refused("cell", "import", "a", "/none")
    t.refused("versions", "list", "a/none")
    t.refused("app-password", "revoke", "alice", "nosuch")
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
    t.refused("-c", "/none/celldav.conf", "cell", "list")


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
    t.refused("group", "add", "staff")
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


if __name__ == "__main__":
    main(Cells)
