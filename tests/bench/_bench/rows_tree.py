"""Rows about whole trees and large files: copied, moved, deleted, and the
trash emptied behind them."""

import os
import time

from load import Wrong, expect, folder_make
from workload import SMALL, Bar, Workload


class Tree(Workload):
    """One request, in milliseconds. COPY makes what MOVE renames and DELETE
    removes, so they stand in this order."""

    unit = "ms"
    needs = ("many/",)
    source = "many/"

    def __init__(self, key, title, kind):
        super().__init__(key, title)
        self.kind = kind
        self.path = self.to = None

    def timed(self, bench, server, cores):
        return bench.load.run(server, self.kind, 1, 120, cores,
                              path=self.path, to=self.to or "", count=1)

    def value(self, figures):
        return figures["seconds"] * 1000

    def whole(self, bench, server, path):
        bench.load.run(server, "propfind", 1, 60, path=path, count=1,
                       members=bench.sizes.many + 1)

    def name(self, bench, word):
        return f"{word}-{next(bench.serial)}/"

    def gone(self, server, path):
        expect(server, 404, "GET", path + "f0.txt")
        expect(server, 404, "PROPFIND", path, None, {"Depth": "0"})


class Copy(Tree):
    first = "f0.txt"

    def before(self, bench, server):
        self.path, self.to = self.source, self.name(bench, "copy")

    def after(self, bench, server):
        """Tells of a copy that is none: a second name of the same inode."""
        self.whole(bench, server, self.to)
        bench.made[server.name, self.source].append(self.to)
        root = getattr(server, "root", None)
        return {"links": bool(root) and os.path.samefile(
            os.path.join(root, self.source + self.first),
            os.path.join(root, self.to + self.first))}


class Made(Tree):
    """Acts on what COPY has made, or on a copy of its own where the row of
    COPY did not run."""

    def take(self, bench, server):
        made = bench.made[server.name, self.source]
        if made:
            return made.pop(0)
        to = self.name(bench, "copy")
        bench.load.run(server, "copy", 1, 120, path=self.source, to=to,
                       count=1)
        return to

    def before(self, bench, server):
        self.path = self.take(bench, server)


class Move(Made):
    """Five in a row, the middle one counts: one is a millisecond."""

    def timed(self, bench, server, cores):
        found = []
        for turn in range(5):
            self.path = self.to if turn else self.path
            self.to = self.name(bench, "moved")
            found.append(super().timed(bench, server, cores))
        return sorted(found, key=lambda figures: figures["seconds"])[2]

    def after(self, bench, server):
        self.whole(bench, server, self.to)
        self.gone(server, self.path)
        bench.made[server.name, self.source].append(self.to)


class Remove(Made):
    def after(self, bench, server):
        self.gone(server, self.path)


class Large:
    """The same with the one large file."""

    needs = ("large/",)
    source = "large/f0"

    def name(self, bench, word):
        return f"{word}-{next(bench.serial)}"

    def whole(self, bench, server, path):
        """Its last 64 KiB; the row of GET compares all of such a file."""
        size = bench.sizes.large
        got = expect(server, 206, "GET", path, None,
                     {"Range": f"bytes={size - 65536}-{size - 1}"})
        if got != bench.load.content(0, size)[-65536:]:
            raise Wrong(f"GET {path}: not what was copied")

    def gone(self, server, path):
        expect(server, 404, "GET", path)


class CopyLarge(Large, Copy):
    first = ""


class MoveLarge(Large, Move):
    def after(self, bench, server):
        super().after(bench, server)
        expect(server, 204, "DELETE",
               bench.made[server.name, self.source].pop())


class Trash(Workload):
    """Trees are deleted and the trash is emptied; until it is reclaimed, GET
    and PUT of 4 KiB go on in turns. Turns after the queue of the reclaimer
    first got shorter are compared with those before the trash was emptied;
    those between, in which it may have begun or not, count for neither."""

    unit = "s"
    needs = ("many/", "small/")
    rounds = 1

    def __init__(self, key, title):
        super().__init__(key, title)
        self.path = None

    def before(self, bench, server):
        self.path = f"{self.key}-{next(bench.serial)}/"
        folder_make(server, self.path)
        for _ in range(bench.sizes.trees):
            bench.load.run(server, "copy", 1, 60, path="many/",
                           to=self.path + "tree/", count=1)
            expect(server, 204, "DELETE", self.path + "tree/")
        if server.stats()["trash_items"] < bench.sizes.trees:
            raise Wrong("what was deleted is not in the trash")

    def turn(self, bench, server, kind):
        more = {"path": "small/", "files": bench.sizes.files}
        if kind == "put":
            more = {"path": self.path, "tag": f"p{next(bench.serial)}-"}
        return bench.load.run(server, kind, 16, bench.sizes.seconds / 2,
                              size=SMALL, **more)

    def timed(self, bench, server, cores):
        calm, busy = {"get": [], "put": []}, {"get": [], "put": []}
        for _ in range(5):
            for kind in calm:
                calm[kind].append(self.turn(bench, server, kind)["p99"])
        server.command("trash", "empty", "bench")
        begun = time.monotonic()
        full = left = server.stats()["reclaim_queue"]
        while left:
            for kind in busy:
                begun_before = left < full
                p99 = self.turn(bench, server, kind)["p99"]
                left = server.stats()["reclaim_queue"]
                if begun_before and left:
                    busy[kind].append(p99)
            if time.monotonic() - begun > 120:
                raise Wrong("the trash is not reclaimed after two minutes")
        return {"seconds": time.monotonic() - begun, "calm": calm,
                "busy": busy,
                **{kind + "_p99": middle(busy[kind]) / middle(calm[kind])
                   for kind in busy if busy[kind]}}

    def value(self, figures):
        return figures["seconds"]

    def after(self, bench, server):
        if server.stats()["trash_items"] != 0:
            raise Wrong("the trash is not empty")


def middle(numbers):
    return sorted(numbers)[len(numbers) // 2]


def rows_tree(sizes):
    many = sizes.many
    large = f"{sizes.large >> 20} MiB"
    trash = Trash("trash", f"emptying the trash of {sizes.trees} x {many} "
                  "files").beside()
    trash.bars = [Bar("get_p99", None, 1.2, 1.0, True),
                  Bar("put_p99", None, 1.2, 1.0, True)]
    return [
        Copy("copy", f"COPY {many} files", "copy").judge(5, 15),
        CopyLarge("copy-large", f"COPY {large}", "copy").judge(50, 200),
        Move("move", f"MOVE {many} files", "move").judge(2, 0.8, None),
        MoveLarge("move-large", f"MOVE {large}",
                  "move").judge(2, 0.8, None).beside("nginx", "lighttpd"),
    ], [
        Remove("delete", f"DELETE {many} files", "remove").judge(20, 50),
        trash,
    ]
