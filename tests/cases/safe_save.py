#!/usr/bin/python3 -B
"""T8 of rights.md 9: the ways in which programs save keep id and history.

Each trace runs as the owner and as a subject of the preset portal, who may
neither delete nor rename what the owner shared (rights.md 4 and 6).
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV, dump                                     # noqa: E402
from wire import lock_token                                      # noqa: E402
from world import Cells                                          # noqa: E402

OLD, NEW = b"old content of the owner", b"new content, saved"


def resource_id(t, path):
    answer = t.alice.propfind(path, props=[DAV + "resource-id"])
    found = t.multistatus(answer)[0].props[DAV + "resource-id"][1]
    return "".join(found.itertext())


def saved(t, name, trace):
    """Run a trace as both; check id, bytes, leftovers and the version."""
    for client in (t.alice, t.mallory):
        path = t.fresh()
        place = "a/" + path.split("/")[3]
        t.status(t.alice.put(path + name, OLD), 201)
        t.server.grant(place, "user:mallory", "portal")
        ident = resource_id(t, path + name)
        trace(client, path)
        t.body(t.alice, path + name, NEW)
        t.eq(resource_id(t, path + name), ident,
             "resource-id after the save as " + client.user)
        t.eq(sorted(dump(t.alice, path)), [path, path + name],
             "what is left as " + client.user)
        told = t.server.command("--json", "versions", "list",
                                place + "/" + name)
        sizes = json.dumps(json.loads(told))
        t.true(str(len(OLD)) in sizes, "the old bytes are no version: %s",
               sizes)


@case("T8 (curl, LibreOffice): LOCK, PUT with the token, UNLOCK")
def lock_put_unlock(t):
    def trace(client, path):
        token = lock_token(t.status(client.lock(path + "f.odt"), 200))
        t.status(client.put(path + "f.odt", NEW,
                            {"If": "(<%s>)" % token}), 204)
        t.status(client.unlock(path + "f.odt", token), 204)
    saved(t, "f.odt", trace)


@case("T8 (KeePass): PUT db.kdbx.tmp, MOVE onto db.kdbx")
def keepass(t):
    def trace(client, path):
        t.status(client.put(path + "db.kdbx.tmp", NEW), 201)
        t.status(client.move(path + "db.kdbx.tmp", path + "db.kdbx",
                             {"Overwrite": "T"}), 204)
    saved(t, "db.kdbx", trace)


@case("T8 (rclone): PUT f.txt.partial, MOVE onto f.txt")
def rclone(t):
    def trace(client, path):
        t.status(client.put(path + "f.txt.1a2b.partial", NEW), 201)
        t.status(client.move(path + "f.txt.1a2b.partial", path + "f.txt"),
                 204)
    saved(t, "f.txt", trace)


@case("T8 (vim on davfs2): MOVE f to f~, PUT f, DELETE f~")
def vim(t):
    def trace(client, path):
        t.status(client.move(path + "f.txt", path + "f.txt~"), 201)
        t.status(client.put(path + "f.txt", NEW), 201, 204)
        t.status(client.delete(path + "f.txt~"), 204)
    saved(t, "f.txt", trace)


@case("T8 (Word): PUT ~WRD.tmp, MOVE doc away, MOVE tmp onto doc, DELETE")
def word(t):
    def trace(client, path):
        t.status(client.put(path + "~WRD0001.tmp", NEW), 201)
        t.status(client.move(path + "d.docx", path + "~WRL0002.tmp"), 201)
        t.status(client.move(path + "~WRD0001.tmp", path + "d.docx"),
                 201, 204)
        t.status(client.delete(path + "~WRL0002.tmp"), 204)
    saved(t, "d.docx", trace)


@case("rights.md 6: a rename that no new file follows does not lose the item"
      " in portal")
def rename_without_save(t):
    path = t.fresh()
    t.status(t.alice.put(path + "f.txt", OLD), 201)
    t.server.grant("a/" + path.split("/")[3], "user:mallory", "portal")
    t.status(t.mallory.move(path + "f.txt", path + "other.pdf"), 403)
    t.mallory.move(path + "f.txt", path + "f.txt~")
    t.mallory.delete(path + "f.txt~")
    bodies = [t.alice.get(p).body for p in sorted(dump(t.alice, path))
              if not p.endswith("/")]
    t.true(OLD in bodies, "the owner's bytes are gone: %r", bodies)


if __name__ == "__main__":
    main(Cells)
